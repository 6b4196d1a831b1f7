/** A code fence that is still open: its text is added to the page without being read again. */

import type { Part } from "./part";

export class OpenFence {
  private line: number;
  private shown: number;

  private constructor(
    private readonly part: Part,
    body: number,
    private readonly closing: RegExp,
  ) {
    this.line = body;
    this.shown = body + (part.token.text as string).length;
  }

  /** The fence that a code block of the outermost level begins with, if it is one and is open. */
  static of(part: Part, text: string, at: number): OpenFence | null {
    const opening = /^(`{3,}|~{3,})[^\n]*\n/.exec(text.slice(at, at + 400));
    if (!opening) return null;
    const mark = opening[1] as string;
    const closing = new RegExp(`^ {0,3}${mark}[~\`]* *$`);
    return new OpenFence(part, at + opening[0].length, closing);
  }

  /** Takes the text so far. False where the fence may have been closed: then it must be read as Markdown. */
  read(text: string): boolean {
    for (;;) {
      const end = text.indexOf("\n", this.line);
      const line = end < 0 ? text.slice(this.line) : text.slice(this.line, end);
      if (this.closing.test(line)) return false;
      if (end < 0) break;
      this.line = end + 1;
    }
    // The last line break, and marks that may become the closing fence, wait for what follows.
    const begun = /^ {0,3}[`~]{1,2} *$/.test(text.slice(this.line));
    const until = begun || this.line === text.length ? this.line - 1 : text.length;
    if (until <= this.shown) return true;
    const from = this.shown;
    this.shown = until;
    return this.part.write?.(text.slice(from, until)) ?? false;
  }
}
