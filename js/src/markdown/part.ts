/** What is on the page, and which token it came from: enough to change only what has changed. */

import type { Tokens } from "marked";

/** A token of any type: marked's own, or ours for formulas and rows. */
export type Token = Tokens.Generic;

/** One node made from one token. */
export interface Part {
  token: Token;
  key: string;
  node: ChildNode;
  /** What is inside, where that can be changed piece by piece. */
  kids?: Parts;
  /** Takes a token that says more than the last one; false where the node must be made anew. */
  grow?(token: Token): boolean;
  /** Takes more of the same text, without a token; false where it cannot. */
  write?(more: string): boolean;
  /** The source of this part is complete: colour it, set its formulas. */
  close?(): void;
  closed?: boolean;
}

/** Makes the part of a token; null where a token shows nothing. */
export type Make = (token: Token) => Part | null;

/** Two tokens with one key look the same. */
export function keyOf(token: Token): string {
  const { type, raw } = token;
  if (type === "list_item") return `${token.loose ? "L" : "T"}${raw}`;
  if (type === "list") return `${token.loose ? "L" : "T"}${token.ordered ? token.start : ""}:${raw}`;
  return `${type}:${raw}`;
}

/** The children of one element, each made from a token. */
export class Parts {
  readonly list: Part[] = [];

  constructor(
    readonly host: Element,
    readonly make: Make,
  ) {}

  /**
   * Shows these tokens after the first `from` parts, which stay as they are.
   *
   * @param open Whether the last token may still grow.
   * @param anew Whether a part must be made anew although its source is the same.
   */
  update(tokens: Token[], open: boolean, from = 0, anew?: (part: Part) => boolean): void {
    let at = from;
    for (const token of tokens) {
      if (this.put(at, token, anew)) at += 1;
    }
    for (const part of this.list.splice(at)) part.node.remove();
    const closed = this.list.slice(from, open ? -1 : undefined);
    for (const part of closed) close(part);
  }

  private put(at: number, token: Token, anew?: (part: Part) => boolean): boolean {
    const old = this.list[at];
    const key = keyOf(token);
    const stale = old && anew?.(old);
    if (old && !stale && old.key === key) return true;
    if (old && !stale && old.token.type === token.type && old.grow?.(token)) {
      old.token = token;
      old.key = key;
      return true;
    }
    const part = this.make(token);
    if (!part) return false;
    if (old) old.node.replaceWith(part.node);
    else this.end(part.node);
    this.list[at] = part;
    return true;
  }

  private end(node: ChildNode): void {
    const last = this.list[this.list.length - 1];
    if (last) last.node.after(node);
    else this.host.prepend(node);
  }
}

/** Tells a part, and what is inside it, that it is complete. */
export function close(part: Part): void {
  if (part.closed) return;
  part.closed = true;
  for (const kid of part.kids?.list ?? []) close(kid);
  part.close?.();
}
