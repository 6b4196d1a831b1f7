/** Which dollars are mathematics, by pandoc's rule: no space inside, no digit after, so "$5 and $10" stays money. */

import type { TokenizerExtensionFunction, TokenizerStartFunction, Tokens } from "marked";

const DOLLAR = /^\$(?![\s$])((?:\\[^\n]|[^$\\\n]|\n(?!\s*\n))*?[^\s$\\]|(?:\\[^\n]|[^$\\\n]|\n(?!\s*\n))*?\\[^\n])\$(?!\d)/;
const DISPLAY = /^\$\$(?!\s*\$\$)((?:[^$\\\n]|\\[^\n]|\\\n|\$(?!\$)|\n(?!\s*\n))+?)\$\$/;
const PAREN = /^\\\(((?:[^\n\\]|\\[^\n()]|\\\n|\n(?!\s*\n))+?)\\\)/;
const BRACKET = /^\\\[((?:[^\n\\]|\\[^\n[\]]|\\\n|\n(?!\s*\n))+?)\\\]/;

export interface Maths extends Tokens.Generic {
  type: "maths";
  tex: string;
  display: boolean;
}

function read(src: string, rule: RegExp, display: boolean): Maths | undefined {
  const found = rule.exec(src);
  return found ? { type: "maths", raw: found[0], tex: found[1] ?? "", display } : undefined;
}

/** A formula at the start of some inline text. */
export const inlineMaths: TokenizerExtensionFunction = (src) => {
  if (src.startsWith("$$")) return read(src, DISPLAY, true);
  if (src.startsWith("$")) return read(src, DOLLAR, false);
  if (src.startsWith("\\(")) return read(src, PAREN, false);
  if (src.startsWith("\\[")) return read(src, BRACKET, true);
  return undefined;
};

const NEXT = /\$|\\[([]/;

/** Where the next formula might begin. */
export const mathsStart: TokenizerStartFunction = (src) => {
  const at = src.search(NEXT);
  return at < 0 ? undefined : at;
};

/** A formula that is a paragraph of its own: its lines are no list and no heading. */
export const mathsBlock: TokenizerExtensionFunction = (src) => {
  const opening = /^ {0,3}(?=\$\$|\\\[)/.exec(src);
  if (!opening) return undefined;
  const rest = src.slice(opening[0].length);
  const found = rest.startsWith("$$") ? read(rest, DISPLAY, true) : read(rest, BRACKET, true);
  const after = found && /^[ \t]*(?:\n+|$)/.exec(rest.slice(found.raw.length));
  if (!found || !after) return undefined;
  return { type: "mathsBlock", raw: opening[0] + found.raw + after[0], text: found.raw, tokens: [found] };
};

const LINE = /\n {0,3}(?:\$\$|\\\[)/;

/** Where a paragraph must be cut, as a line begins a formula. */
export const mathsBlockStart: TokenizerStartFunction = (src) => {
  const end = src.search(/\n[ \t]*\n/);
  const at = (end < 0 ? src : src.slice(0, end)).search(LINE);
  if (at < 0) return undefined;
  return mathsBlock.call({ lexer: undefined as never }, src.slice(at + 1), []) ? at + 1 : undefined;
};

/** Whether a paragraph may turn out to be a formula: its last lines are one that nothing has closed yet. */
export function mayBecomeMaths(paragraph: string, after: string): boolean {
  return /(?:^|\n) {0,3}(?:\$\$|\\\[)/.test(paragraph) && !/\n[ \t]*\n/.test(after);
}
