/** Markdown to tokens: marked's lexer with HTML switched off, mathematics added, and inline text read on demand. */

import { Lexer, Tokenizer, type Links, type MarkedOptions, type Rules, type Tokens } from "marked";
import { inlineMaths, mathsBlock, mathsBlockStart, mathsStart } from "./maths";
import type { Token } from "./part";

/** Longer stretches of inline text are shown as they are written: no prose has them, and some take quadratic time. */
export const INLINE_LIMIT = 8_000;

/** Deeper quotes and lists are shown as text. */
const DEPTH_LIMIT = 16;

const NEVER = /(?!)/;

/** marked's tokenizer without HTML and bare addresses, and with a floor under nesting. */
class PlainTokenizer extends Tokenizer {
  depth = 0;

  override html(): undefined {}

  override tag(): undefined {}

  // CommonMark, as the saved form: an address is a link where it is written as one, two tildes strike out.
  override url(): undefined {}

  override del(src: string, masked: string, before?: string): Tokens.Del | undefined {
    return src.startsWith("~~") ? super.del(src, masked, before) : undefined;
  }

  override blockquote(src: string): Tokens.Blockquote | undefined {
    return this.nested(() => super.blockquote(src));
  }

  override list(src: string): Tokens.List | undefined {
    return this.nested(() => super.list(src));
  }

  private nested<T>(read: () => T | undefined): T | undefined {
    if (this.depth >= DEPTH_LIMIT) return undefined;
    this.depth += 1;
    try {
      return read();
    } finally {
      this.depth -= 1;
    }
  }
}

const OPTIONS: MarkedOptions = {
  async: false,
  breaks: false,
  gfm: true,
  pedantic: false,
  silent: true,
  extensions: {
    renderers: {},
    childTokens: {},
    inline: [inlineMaths],
    startInline: [mathsStart],
    block: [mathsBlock],
    startBlock: [mathsBlockStart],
  },
};

let rules: Rules | undefined;

/** marked's rules for GFM in which a tag neither starts a block nor ends a paragraph. */
function plainRules(): Rules {
  if (rules) return rules;
  const given = new Lexer({ gfm: true } as MarkedOptions)["tokenizer"].rules;
  // The one alternative that lets HTML interrupt a paragraph, a table or a heading, wherever marked has built it in.
  const html = / \{0,3\}\(\?:<\\\/\?\(\?:address\|.*?<!\\\[CDATA\\\[\)/g;
  const block = Object.fromEntries(
    Object.entries<RegExp>(given.block).map(([name, rule]) => [name, new RegExp(rule.source.replace(html, "(?!)"), rule.flags)]),
  ) as Rules["block"];
  rules = {
    other: { ...given.other, htmlBeginRegex: () => NEVER },
    block: { ...block, html: NEVER },
    inline: { ...given.inline, tag: NEVER },
  };
  return rules;
}

interface Unread {
  src: string;
  lexer: Lexer;
}

const UNREAD = new WeakMap<object, Unread>();

/** What a lexing found: blocks, and the link definitions it has seen. */
export interface Lexed {
  tokens: Token[];
  links: Links;
}

/**
 * The blocks of a text. Their inline text is read by `inline` when it is wanted, as most of it has been shown already.
 *
 * @param links Definitions from earlier in the same document.
 */
export function lex(text: string, links: Links = {}): Lexed {
  const tokenizer = new PlainTokenizer();
  const lexer = new Lexer({ ...OPTIONS, tokenizer });
  tokenizer.rules = plainRules();
  Object.assign(lexer.tokens.links, links);
  try {
    lexer.blockTokens(text, lexer.tokens);
  } catch {
    // Nothing that a model writes may leave the reader without its words.
    return { tokens: [{ type: "paragraph", raw: text, text, tokens: [plain(text)] }], links };
  }
  for (const { src, tokens } of lexer.inlineQueue) UNREAD.set(tokens, { src, lexer });
  return { tokens: lexer.tokens as Token[], links: lexer.tokens.links };
}

/** The inline tokens of a block, read now if they have not been. */
export function inline(tokens: Token[]): Token[] {
  const unread = UNREAD.get(tokens);
  if (!unread) return tokens;
  UNREAD.delete(tokens);
  try {
    if (unread.src.length <= INLINE_LIMIT) return unread.lexer.inlineTokens(unread.src, tokens as never) as Token[];
  } catch {
    tokens.length = 0;
  }
  tokens.push(plain(unread.src));
  return tokens;
}

function plain(text: string): Tokens.Text {
  return { type: "text", raw: text, text, escaped: true };
}
