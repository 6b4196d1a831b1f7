/** Markdown that grows: closed blocks stay, the open one is read again, and the end is read as a whole. */

import type { Links, Tokens } from "marked";
import { OpenFence } from "./fence";
import { lex } from "./lex";
import { mayBecomeMaths } from "./maths";
import { close, Parts, type Part, type Token } from "./part";
import { headOf, rows, type Renderer } from "./render";

/** Reading may take this share of the time: after 10 ms of reading the next one waits for 40 ms. */
const REST = 4;

/** Below this many milliseconds nobody waits. */
const QUICK = 4;

/**
 * A list or table of more items than this, and a text of more characters, is shown less often, every so many
 * milliseconds: with each change the browser lays out and records what is around it, and that grows with the answer.
 */
const MANY = 20;
const LONG = 8_000;
const CALM = 50;

/** So many items or rows at the end of an open list or table are read again; those before them stay. */
const TAIL = 2;

/** A list or table of which the first part is no longer read. */
interface Grafted {
  part: Part;
  /** What is put before the tail, so that it can be read by itself: the head of a table. */
  head: string;
  at: number;
  count: number;
}

/** One answer, or one line of thought, in one element. */
export class MarkdownStream {
  private readonly parts: Parts;
  private text = "";
  private carriage = false;
  private from = 0;
  private base = 0;
  private links: Links = {};
  private late = false;
  private grafted: Grafted | null = null;
  private fence: OpenFence | null = null;
  private restUntil = 0;
  private dirty = false;
  private ended = false;

  constructor(
    host: Element,
    renderer: Renderer,
    private readonly now: () => number = () => performance.now(),
  ) {
    this.parts = new Parts(host, renderer.make);
  }

  /** The part that may still grow. */
  get last(): Part | undefined {
    return this.parts.list[this.parts.list.length - 1];
  }

  /** Adds text; nothing is shown before `paint`. */
  append(more: string): void {
    if (!more) return;
    let plain = this.carriage && more.startsWith("\n") ? more.slice(1) : more;
    this.carriage = more.endsWith("\r");
    if (plain.includes("\r")) plain = plain.replace(/\r\n?/g, "\n");
    this.text += plain;
    this.dirty = true;
    this.ended = false;
  }

  /** When it may be painted again, by its clock: the page is left time to breathe. */
  get nextAt(): number {
    return this.restUntil;
  }

  /** Shows what was added. True where that came too early and was put off: paint again. */
  paint(): boolean {
    if (!this.dirty) return false;
    const started = this.now();
    if (started < this.restUntil) return true;
    this.dirty = false;
    if (!this.fence?.read(this.text)) {
      this.fence = null;
      this.read();
    }
    const took = this.now() - started;
    const calm = (this.grafted?.count ?? 0) > MANY || this.text.length > LONG ? CALM : 0;
    this.restUntil = started + Math.max(calm, took > QUICK ? took * (1 + REST) : 0);
    return false;
  }

  /** Reads the whole once more: what Markdown decides late, such as link definitions, is now known. */
  end(): void {
    if (this.ended) return;
    this.ended = true;
    this.dirty = false;
    this.fence = this.grafted = null;
    const { tokens, links } = lex(this.text);
    const changed = this.late || Object.keys(links).some((name) => !Object.hasOwn(this.links, name));
    this.parts.update(tokens, false, 0, changed ? mayRefer : undefined);
    for (const part of this.parts.list) close(part);
    this.from = this.base = 0;
    this.links = {};
    this.late = false;
  }

  private read(): void {
    if (this.grafted && this.readGrafted(this.grafted)) return;
    this.grafted = null;
    const { tokens, links } = lex(this.text.slice(this.from), this.links);
    this.learn(links);
    this.parts.update(tokens, true, this.base);
    this.settle(tokens, this.from);
  }

  /** Reads only the end of an open list or table. False where that end changes what is before it. */
  private readGrafted(open: Grafted): boolean {
    const { tokens, links } = lex(open.head + this.text.slice(open.at), this.links);
    const [first, ...rest] = tokens;
    const kids = first && this.graft(open, first);
    if (!first || !kids || !this.same(first.raw, open)) return false;
    this.learn(links);
    const over = rest.some(shows);
    open.part.kids?.update(kids, !over, open.count);
    this.parts.update(rest, true, this.base + 1);
    const end = open.at + first.raw.length - open.head.length;
    if (over && certain(this.text.slice(end))) {
      this.finish(open.part, end);
      this.grafted = null;
      this.settle(rest, end);
    } else if (!over) this.trim(open, first);
    return true;
  }

  private graft(open: Grafted, first: Token): Token[] | null {
    const { token } = open.part;
    if (first.type !== token.type) return null;
    if (first.type === "table") return headOf(first as Tokens.Table) === headOf(token as Tokens.Table) ? rows(first as Tokens.Table) : null;
    if (first.ordered !== token.ordered || (first.loose && !token.loose)) return null;
    if (token.loose) loosen(first as Tokens.List);
    return (first as Tokens.List).items;
  }

  private same(raw: string, open: Grafted): boolean {
    return raw.startsWith(open.head) && this.text.startsWith(raw.slice(open.head.length), open.at);
  }

  private finish(part: Part, end: number): void {
    close(part);
    this.from = end;
    // Its token holds only the beginning; the key is never again compared before the end reads everything.
    part.key = "";
    this.base += 1;
  }

  /** Lets blocks go that nothing can change any more, and looks for a way to read less of the open one. */
  private settle(tokens: Token[], start: number): void {
    const last = tokens.findLastIndex(shows);
    let at = start;
    for (const [index, token] of tokens.entries()) {
      if (!this.text.startsWith(token.raw, at)) return;
      const next = at + token.raw.length;
      if (index >= last || !certain(this.text.slice(next, next + 400))) break;
      if (token.type === "paragraph" && mayBecomeMaths(token.raw, this.text.slice(at))) break;
      at = next;
      if (shows(token)) this.base += 1;
      this.from = at;
    }
    const open = tokens[last];
    if (open && this.parts.list.length === this.base + 1) this.shorten(open);
  }

  private shorten(open: Token): void {
    const part = this.last;
    // A definition or a blank line may stand before the open block.
    const at = this.text.indexOf(open.raw, this.from);
    if (!part || at < 0) return;
    if (open.type === "code") this.fence = OpenFence.of(part, this.text, at);
    if (open.type === "list" || open.type === "table") {
      const grafted: Grafted = { part, head: "", at, count: 0 };
      if (open.type === "table") grafted.head = open.raw.split("\n", 2).join("\n") + "\n";
      if (open.type === "table") grafted.at += grafted.head.length;
      if (open.raw.length > grafted.head.length) this.trim(grafted, open, true);
    }
  }

  /** Leaves behind the items or rows that are complete. */
  private trim(open: Grafted, token: Token, whole = false): void {
    if (token.type === "list") {
      const { items } = token as Tokens.List;
      for (const item of items.slice(0, -TAIL)) {
        open.at += item.raw.length;
        open.count += 1;
      }
    } else {
      for (let left = (token as Tokens.Table).rows.length - TAIL; left > 0; left -= 1) {
        open.at = this.text.indexOf("\n", open.at) + 1;
        open.count += 1;
      }
    }
    if (!whole || open.count) this.grafted = open;
  }

  private learn(links: Links): void {
    for (const name of Object.keys(links)) {
      if (Object.hasOwn(this.links, name)) continue;
      this.links[name] = links[name] as Links[string];
      this.late = true;
    }
  }
}

function shows(token: Token): boolean {
  return token.type !== "space" && token.type !== "def";
}

/** Whether a part may use a link definition; of a long list or table the token holds only the beginning. */
function mayRefer({ token }: Part): boolean {
  return token.type === "list" || token.type === "table" || token.raw.includes("[");
}

/** One blank line between any two items makes a list loose; the end alone may not have one. */
function loosen(list: Tokens.List): void {
  for (const item of list.items) {
    item.loose = true;
    for (const token of item.tokens) if (token.type === "text") token.type = "paragraph";
    const [box, words] = item.tokens;
    if (box?.type !== "checkbox" || words?.type !== "paragraph" || !words.tokens) continue;
    words.raw = box.raw + words.raw;
    words.tokens.unshift(box);
    item.tokens.shift();
  }
}

/**
 * Whether what follows a block is certain to be another block: the "2" of "2. next" would still be part of a list.
 */
function certain(after: string): boolean {
  const line = after.replace(/^\s*\n/, "");
  const first = line.trimStart();
  return first.length > 16 || /\S[^\n]*\n/.test(line);
}
