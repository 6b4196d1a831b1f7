/** Tokens to nodes: the only place where a model's words become elements, and none of them is parsed as HTML. */

import type { Tokens } from "marked";
import { codeBlock } from "../code/block";
import { h, type Kid } from "../dom";
import { decode } from "./entities";
import { hides, visible } from "./hidden";
import { inline } from "./lex";
import { address } from "./links";
import type { Maths } from "./maths";
import { keyOf, Parts, type Part, type Token } from "./part";

/** What is done to a part whose source is complete. */
export interface Finish {
  /** Sets a formula, whose source is the element's text. */
  maths(element: HTMLElement, maths: Maths): void;
  /** Colours code, and gives its frame what belongs to it. */
  code(frame: HTMLElement, code: HTMLElement, text: string, language: string): void;
}

/** How parts are made: for one view, or for the saved form. */
export class Renderer {
  constructor(private readonly finish: Finish) {}

  /** The part of a token, or null where there is nothing to show. */
  readonly make = (token: Token): Part | null => {
    switch (token.type) {
      case "space":
      case "def":
        return null;
      case "paragraph":
        return this.words(token, h("p"));
      case "heading":
        return this.words(token, h(`h${token.depth}` as "h1"));
      case "mathsBlock":
        return this.words(token, h("p"));
      case "hr":
        return this.part(token, h("hr"));
      case "blockquote":
        return this.blocks(token, h("blockquote", { dir: "auto" }), token.tokens ?? []);
      case "list":
        return this.list(token as Tokens.List);
      case "list_item":
        return this.item(token as Tokens.ListItem);
      case "code":
        return codeBlock(token as Tokens.Code, this.finish);
      case "table":
        return this.table(token as Tokens.Table);
      case "row":
        return this.row(token);
      default:
        return this.inlinePart(token);
    }
  };

  private part(token: Token, node: ChildNode): Part {
    return { token, key: keyOf(token), node };
  }

  /** An element with inline text, of which only the last words change while it grows. */
  private words(token: Token, node: HTMLElement): Part {
    const kids = new Parts(node, this.make);
    kids.update(inline(token.tokens ?? []), true);
    const { depth, href } = token;
    return {
      ...this.part(token, node),
      kids,
      grow: (next) => {
        if (next.depth !== depth || next.href !== href) return false;
        kids.update(inline(next.tokens ?? []), true);
        return true;
      },
    };
  }

  /** An element with blocks. */
  private blocks(token: Token, node: HTMLElement, tokens: Token[]): Part {
    const kids = new Parts(node, this.make);
    kids.update(tokens, true);
    const part: Part = {
      ...this.part(token, node),
      kids,
      grow: (next) => {
        kids.update(next.tokens ?? [], !part.closed);
        return true;
      },
    };
    return part;
  }

  private list(token: Tokens.List): Part {
    const start = token.ordered && token.start !== 1 ? token.start : undefined;
    const node = token.ordered ? h("ol", { start, dir: "auto" }) : h("ul", { dir: "auto" });
    const kids = new Parts(node, this.make);
    kids.update(token.items, true);
    const part: Part = {
      ...this.part(token, node),
      kids,
      grow: (next) => {
        if (next.ordered !== token.ordered || next.start !== token.start) return false;
        kids.update((next as Tokens.List).items, !part.closed);
        return true;
      },
    };
    return part;
  }

  private item(token: Tokens.ListItem): Part {
    const part = this.blocks(token, h("li"), token.tokens);
    const { grow } = part;
    part.grow = (next) => next.loose === token.loose && next.task === token.task && !!grow?.(next);
    return part;
  }

  private table(token: Tokens.Table): Part {
    const head = h("tr", {}, ...token.header.map((cell) => this.cell("th", cell).host));
    const body = h("tbody");
    const frame = h("div", { class: "lmnb-table", tabindex: 0, role: "group", "aria-label": "Table" });
    frame.append(h("table", {}, h("thead", {}, head), body));
    const kids = new Parts(body, this.make);
    kids.update(rows(token), true);
    const signature = headOf(token);
    const part: Part = {
      ...this.part(token, frame),
      kids,
      grow: (next) => {
        if (headOf(next as Tokens.Table) !== signature) return false;
        kids.update(rows(next as Tokens.Table), !part.closed);
        return true;
      },
      close: () => this.setIn(head),
    };
    return part;
  }

  /** A row, of which only the cells with other words than before are touched: all of them are there from its first letter. */
  private row(token: Token): Part {
    let cells = token.cells as Tokens.TableCell[];
    const parts = cells.map((cell) => this.cell("td", cell));
    const node = h("tr", {}, ...parts.map((part) => part.host));
    return {
      ...this.part(token, node),
      grow: (next) => {
        const more = next.cells as Tokens.TableCell[];
        more.forEach((cell, at) => cell.text !== cells[at]?.text && parts[at]?.update(inline(cell.tokens), true));
        cells = more;
        return true;
      },
      close: () => this.setIn(node),
    };
  }

  private cell(tag: "th" | "td", cell: Tokens.TableCell): Parts {
    const parts = new Parts(h(tag, { class: cell.align ? `lmnb-${cell.align}` : undefined }), this.make);
    parts.update(inline(cell.tokens), true);
    return parts;
  }

  private inlinePart(token: Token): Part | null {
    switch (token.type) {
      case "text":
      case "escape":
        return token.tokens ? this.words(token, h("span")) : this.text(token);
      case "strong":
      case "em":
        return this.words(token, h(token.type));
      case "del":
        return this.words(token, h("s"));
      case "codespan":
        return this.part(token, h("code", { dir: "ltr" }, ...visible(token.text, true)));
      case "br":
        return this.part(token, h("br"));
      case "checkbox":
        return this.part(token, document.createTextNode(token.checked ? "\u2611 " : "\u2610 ")); // as in the saved form
      case "link":
        return this.link(token as Tokens.Link);
      case "image":
        return this.image(token as Tokens.Image);
      case "maths":
        return this.maths(token as Maths);
      case "space":
      case "def":
        return null;
      default:
        return this.text({ type: "text", raw: token.raw, text: token.raw, escaped: true });
    }
  }

  private text(token: Token): Part {
    const read = (from: Token): string => (from.type === "text" && !from.escaped ? decode(from.text) : from.text);
    const words = read(token);
    if (hides(words)) return this.part(token, h("span", {}, ...visible(words)));
    const node = document.createTextNode(words);
    return {
      ...this.part(token, node),
      grow: (next) => {
        const more = read(next);
        if (next.tokens || !more.startsWith(node.data) || hides(more)) return false;
        node.appendData(more.slice(node.length));
        return true;
      },
    };
  }

  private link(token: Tokens.Link): Part {
    const href = address(token.href);
    if (!href) return this.words(token, h("span"));
    return this.words(token, anchor(href));
  }

  private image(token: Tokens.Image): Part {
    const words = visible(`[image: ${plainWords(token.tokens) || "no description"}]`);
    const href = address(token.href);
    return this.part(token, href ? anchor(href, ...words) : h("span", {}, ...words));
  }

  private maths(token: Maths): Part {
    const node = h("span", { class: token.display ? "lmnb-maths lmnb-display" : "lmnb-maths", dir: "ltr" });
    node.append(...visible(token.raw));
    this.waiting.set(node, token);
    return { ...this.part(token, node), close: () => this.set(node) };
  }

  private readonly waiting = new WeakMap<HTMLElement, Maths>();

  private set(node: HTMLElement): void {
    const maths = this.waiting.get(node);
    if (!maths || !this.waiting.delete(node)) return;
    if (!hides(maths.raw)) this.finish.maths(node, maths);
  }

  private setIn(element: HTMLElement): void {
    for (const node of element.querySelectorAll<HTMLElement>(".lmnb-maths")) this.set(node);
  }
}

function anchor(href: string, ...kids: Kid[]): HTMLAnchorElement {
  return h("a", { href, rel: "noopener noreferrer nofollow", target: "_blank", title: href }, ...kids);
}

/** The words of inline tokens, without their form. */
function plainWords(tokens: Token[]): string {
  return inline(tokens).map((token) => (token.tokens ? plainWords(token.tokens) : decode(token.text ?? token.raw))).join("");
}

/** The rows of a table as tokens of their own. */
export function rows(token: Tokens.Table): Token[] {
  return token.rows.map((cells) => ({ type: "row", raw: cells.map((cell) => cell.text).join("|"), cells }));
}

/** What must stay the same for rows to be added to a table. */
export function headOf(token: Tokens.Table): string {
  return `${token.align.join()}|${token.header.map((cell) => cell.text).join("|")}`;
}
