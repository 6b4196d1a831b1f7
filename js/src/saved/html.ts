/**
 * The static form of an answer, as `lmnb.chat.transcript` makes it: tags that need no style of ours, nothing that runs.
 * It is built of nodes and written out; no string of HTML is read.
 */

import type { Store } from "../cell/store";
import { sentence } from "../cell/problem";
import { foldWords } from "../cell/words";
import { h } from "../dom";
import { visible } from "../markdown/hidden";
import { lex } from "../markdown/lex";
import { Renderer } from "../markdown/render";

const HIDDEN = "border:1px solid;border-radius:2px;padding:0 2px;font-size:78%;unicode-bidi:isolate";

/** The HTML of an answer as far as it came. */
export function savedHtml(store: Store): string {
  const { state, text, reasoning } = store;
  const page = h("div");
  const facts = [state.who, ...state.facts].flatMap((fact, index) => (index ? [" · ", ...visible(fact)] : [h("b", {}, ...visible(fact))]));
  page.append(h("div", {}, h("small", {}, ...facts)));
  for (const notice of state.notices) page.append(h("div", {}, h("small", {}, ...sentence(notice))));
  if (reasoning.trim()) {
    const summary = h("summary", {}, h("small", {}, foldWords(state)));
    page.append(h("details", {}, summary, ...prose(reasoning)));
  }
  page.append(h("p"), ...prose(text));
  return page.innerHTML;
}

/** Markdown as plain elements: without our frames, buttons and classes. */
function prose(markdown: string): Node[] {
  const host = h("div");
  const { make } = new Renderer({ maths: () => undefined, code: () => undefined });
  for (const token of lex(markdown.replace(/\r\n?/g, "\n")).tokens) {
    const part = make(token);
    if (part) host.append(part.node);
  }
  plain(host);
  return [...host.childNodes];
}

function plain(host: HTMLElement): void {
  for (const frame of host.querySelectorAll(".lmnb-code, .lmnb-table")) frame.replaceWith(...frame.childNodes);
  for (const cell of host.querySelectorAll<HTMLElement>(".lmnb-left, .lmnb-center, .lmnb-right")) cell.style.textAlign = cell.className.slice("lmnb-".length);
  for (const hidden of host.querySelectorAll<HTMLElement>(".lmnb-hidden")) hidden.setAttribute("style", HIDDEN);
  for (const element of host.querySelectorAll("[class]")) element.removeAttribute("class");
  for (const span of host.querySelectorAll("span:not([style])")) span.replaceWith(...span.childNodes);
  host.normalize();
}
