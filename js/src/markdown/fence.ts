/** A code fence that is still open: its text is added to the page without being read again. */

import type { Tokens } from "marked";
import type { Part } from "./part";

export class OpenFence {
  private line: number;

  private constructor(
    private readonly part: Part,
    private readonly token: Tokens.Code,
    private readonly body: number,
    private readonly closing: RegExp,
  ) {
    this.line = body;
  }

  /** The fence that a code block of the outermost level begins with, if it is one and is open. */
  static of(part: Part, text: string, at: number): OpenFence | null {
    const opening = /^(`{3,}|~{3,})[^\n]*\n/.exec(text.slice(at, at + 400));
    if (!opening) return null;
    const mark = opening[1] as string;
    const closing = new RegExp(`^ {0,3}${mark}[~\`]* *$`);
    return new OpenFence(part, part.token as Tokens.Code, at + opening[0].length, closing);
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
    const until = begun || this.line === text.length ? Math.max(this.line - 1, this.body) : text.length;
    return this.part.grow?.({ ...this.token, text: text.slice(this.body, until) }) ?? false;
  }
}
