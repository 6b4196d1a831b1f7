/**
 * The static form of an answer, as `lmnb.chat.transcript` makes it: tags that need no style sheet, nothing that runs.
 * It is built of nodes and written out; no string of HTML is read.
 */

import { sentence } from "../cell/problem";
import type { Store } from "../cell/store";
import { endingOf, foldWords, tokens } from "../cell/words";
import { colour } from "../code/colour";
import { h, type Kid } from "../dom";
import { opening } from "../markdown/forms";
import { visible } from "../markdown/hidden";
import { lex } from "../markdown/lex";
import { Renderer } from "../markdown/render";
import type { Enclosure } from "../protocol";

const UNSEEN = "The picture itself was not saved.";
const FRAME = "margin:1em 0;padding:.5em 2em;background:var(--jp-cell-editor-background,rgba(127,127,127,.12))";

/** Pygments' names and the colours; of an untrusted notebook the host keeps no inline colour, but knows the names. */
const COLOURS: Record<string, [name: string, style: string]> = {
  k: ["k", "color:var(--jp-mirror-editor-keyword-color,#008000);font-weight:600"],
  s: ["s", "color:var(--jp-mirror-editor-string-color,#ba2121)"],
  n: ["m", "color:var(--jp-mirror-editor-number-color,#088000)"],
  b: ["nb", "color:var(--jp-mirror-editor-builtin-color,#008000)"],
  f: ["nf", "color:var(--jp-mirror-editor-def-color,#0000ff)"],
  c: ["c", "color:var(--jp-mirror-editor-comment-color,#408080);font-style:italic"],
};

const COLUMNS = "display:grid;grid-template-columns:repeat(auto-fit,minmax(min(22em,100%),1fr));gap:2em";
const ONE_LINE = "height:1.6em;line-height:1.6;overflow:hidden";
const FACT = "display:inline-block;white-space:pre";
const WIDE = "width:200em;max-width:100%";
const IN_A_ROW = "display:inline-block;vertical-align:top;max-width:100%;margin-right:12px";
const PEEK =
  "margin:4px 0 8px;padding:8px 12px;max-height:16.5em;overflow:auto;white-space:pre-wrap;font-size:.86em;line-height:1.5;" +
  "background:var(--jp-cell-editor-background,rgba(127,127,127,.12))";

export type Shown = Pick<Store, "state" | "text" | "reasoning" | "attached">;

/** The HTML of an answer as far as it came. */
export function savedHtml(shown: Shown): string {
  const facts = shown.state.facts.flatMap<Kid>((fact) => [" · ", h("bdi", {}, ...visible(fact))]);
  return written(page(shown, h("div", { class: "lmnb-saved" }, h("small", {}, ...name(shown), ...facts))));
}

/** The HTML of several, in columns. */
export function sideBySide(all: Shown[]): string {
  return written([h("div", { style: COLUMNS }, ...all.map(column))]);
}

/** The row stays one line, how the answer ended comes first, and what does not fit goes. */
function column(shown: Shown): HTMLElement {
  const { facts } = shown.state;
  const last = endingOf(shown.state);
  const order = last < 0 ? facts : [facts[last] as string, ...facts.filter((_, index) => index !== last)];
  const spans = order.map((fact) => h("span", { style: FACT }, " · ", h("bdi", {}, ...visible(fact))));
  const row = h("div", { class: "lmnb-saved", style: ONE_LINE }, h("small", {}, ...name(shown), ...spans));
  return h("div", { style: "min-width:0" }, ...page(shown, row));
}

function name({ state }: Shown): HTMLElement[] {
  return [h("b", {}, ...visible(state.who))];
}

function written(nodes: Node[]): string {
  const whole = h("div", {}, ...nodes);
  for (const code of whole.querySelectorAll("code")) code.removeAttribute("dir");
  for (const element of whole.querySelectorAll(".lmnb-hidden")) element.replaceWith(h("small", { dir: "ltr" }, element.textContent ?? ""));
  return whole.innerHTML;
}

function page({ state, text, reasoning, attached }: Shown, status: HTMLElement): Node[] {
  const page: Node[] = [status];
  for (const notice of state.notices) page.push(small(notice));
  const folds = attached.map<Fold>((one, index) => [[h("bdi", {}, ...visible(one.name)), tokens(state.counts[index])], enclosed(one)]);
  if (reasoning.trim()) folds.push([[foldWords(state)], prose(reasoning)]);
  page.push(...row(folds));
  if (text.trim()) page.push(h("p"), ...prose(`${opening(text, state.form, true)}${text}`));
  if (state.tail) page.push(small(state.tail));
  return page;
}

function small(words: string): HTMLElement {
  return h("div", {}, h("small", {}, ...sentence(words)));
}

type Fold = readonly [title: Kid[], inside: Node[]];

/** A fold for each, in one row. */
function row(folds: Fold[]): HTMLElement[] {
  const details = ([title, inside]: Fold, style?: string): HTMLElement => h("details", { style }, h("summary", {}, h("small", {}, ...title)), ...inside);
  if (folds.length < 2) return folds.map((fold) => details(fold));
  return [h("div", {}, ...folds.map(([title, inside]) => details([title, [h("div", { style: WIDE }, ...inside)]], IN_A_ROW)))];
}

/** What is inside one that went along. */
function enclosed({ text, notes, image }: Enclosure): HTMLElement[] {
  const said = image && !notes.includes(UNSEEN) ? [...notes, UNSEEN] : notes;
  return [...said.map(small), ...(text ? [h("pre", { dir: "ltr", style: PEEK }, ...visible(text, true))] : [])];
}

/** Markdown as plain elements: without our frames, buttons and classes. */
function prose(markdown: string): Node[] {
  const host = h("div");
  const { make } = new Renderer({ maths: () => undefined, code: coloured });
  for (const token of lex(markdown.replace(/\r\n?/g, "\n")).tokens) {
    const part = make(token);
    if (!part) continue;
    part.close?.();
    host.append(part.node);
  }
  plain(host);
  return [...host.childNodes];
}

function coloured(_frame: HTMLElement, code: HTMLElement, text: string, language: string): void {
  code.replaceChildren(...colour(text, language));
}

/** Takes away what only the live view's style sheet or script can use, and writes the rest as inline style. */
function plain(host: HTMLElement): void {
  const each = (what: string, work: (element: HTMLElement) => void): void => host.querySelectorAll<HTMLElement>(what).forEach(work);
  each(".lmnb-table", (frame) => frame.replaceWith(...frame.childNodes));
  each("th, td", (cell) => cell.setAttribute("style", `text-align:${cell.className.slice("lmnb-".length) || "start"}`));
  each("[dir=auto]", (element) => element.removeAttribute("dir"));
  each("a", (link) => link.removeAttribute("title"));
  host.normalize();
  shield(host);
  each(".lmnb-maths", (maths) => maths.removeAttribute("dir"));
  each("[class]", dress);
}

function dress(element: HTMLElement): void {
  const name = element.className;
  if (name === "lmnb-code") {
    element.className = "highlight";
    element.setAttribute("style", FRAME);
    element.querySelector("pre")?.setAttribute("style", "margin:0;background:none");
    element.querySelector("code")?.setAttribute("style", "background:none");
  } else if (name.startsWith("lmnb-tok-")) {
    const [theirs, style] = COLOURS[name.slice("lmnb-tok-".length)] ?? [];
    if (theirs && style) {
      element.className = theirs;
      element.setAttribute("style", style);
    } else element.replaceWith(...element.childNodes);
  } else if (name !== "lmnb-hidden") element.removeAttribute("class");
}

// What MathJax would take for its own: `$`, `\(`, `\[`, `\\`, an environment, a reference.
const TYPESET = /(\$|\\(?=[\\([]|(?:begin|ref|eqref)\b))/;

/** In an element of its own nothing opens a formula to the host's typesetter: none goes across elements. */
function shield(node: Node): void {
  for (const kid of [...node.childNodes]) {
    if (kid instanceof Text) {
      const pieces = kid.data.split(TYPESET);
      if (pieces.length > 1) kid.replaceWith(...pieces.map<Kid>((words, index) => (index % 2 ? h("span", {}, words) : words)));
    } else if (!(kid instanceof Element && (kid.tagName === "CODE" || kid.className.includes("lmnb-maths")))) shield(kid);
  }
}
