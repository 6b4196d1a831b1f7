/** Where the caret stands: after the last word that was written. */

const INSIDE = new Set(["P", "LI", "UL", "OL", "BLOCKQUOTE", "H1", "H2", "H3", "H4", "H5", "H6", "PRE", "CODE", "TABLE", "TBODY", "TR", "TD", "DIV"]);

/** The innermost last element that holds words. */
export function caretHost(prose: Element, caret: Element): Element {
  let at = prose;
  for (;;) {
    let last = at.lastChild;
    if (last === caret) last = caret.previousSibling;
    if (last instanceof Element && last.classList.contains("lmnb-code-acts")) return prose;
    if (!(last instanceof Element) || !INSIDE.has(last.tagName)) return at;
    at = last;
  }
}
