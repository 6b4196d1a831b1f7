/** A block of code: it grows while it is written; when it is complete it gets its colours and its button. */

import type { Tokens } from "marked";
import { h } from "../dom";
import type { Assets } from "../host/assets";
import { hides, visible } from "../markdown/hidden";
import { keyOf, type Part } from "../markdown/part";
import type { Finish } from "../markdown/render";
import { colourLater } from "./colour";
import { copyButton } from "./copy";

/** The length of one text node: the browser lays a long one out again with each letter. */
const STRETCH = 8_000;

/** The part of a code token. */
export function codeBlock(token: Tokens.Code, finish: Finish): Part {
  const code = h("code");
  const frame = h("div", { class: "lmnb-code" }, h("pre", { dir: "ltr" }, code));
  let text = "";
  let last: Text | null = null;
  const write = (more: string): void => {
    if (!more) return;
    text += more;
    if (hides(more, true)) {
      code.append(...visible(more, true));
      last = null;
    } else if (last && last.length < STRETCH) last.appendData(more);
    else code.append((last = document.createTextNode(more)));
  };
  const part: Part = {
    token,
    key: keyOf(token),
    node: frame,
    grow: (next) => {
      if (part.closed || next.lang !== token.lang || !next.text.startsWith(text)) return false;
      write(next.text.slice(text.length));
      return true;
    },
    write: (more) => {
      if (!part.closed) write(more);
      return !part.closed;
    },
    close: () => finish.code(frame, code, text, language(token.lang)),
  };
  write(token.text);
  return part;
}

/** Completes a block in a live view: colours it, and gives it a button to copy it. */
export function codeFinisher(assets: Assets): Finish["code"] {
  return (frame, code, text, language) => {
    void colourLater(code, text, language, () => assets.want("colours"));
    const acts = h("div", { class: "lmnb-code-acts", role: "toolbar", "aria-label": "Code" });
    acts.append(copyButton("Copy", () => text));
    frame.append(acts);
  };
}

/** The first word after the fence: `python` of "python title=…". */
function language(info: string | undefined): string {
  return (/^\{?\.?([\w+#-]+)/.exec(info ?? "")?.[1] ?? "").toLowerCase();
}
