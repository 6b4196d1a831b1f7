import "./dom";
import assert from "node:assert/strict";
import { test } from "node:test";
import { lex } from "../src/markdown/lex";
import { MarkdownStream } from "../src/markdown/stream";
import { Renderer } from "../src/markdown/render";

/** Milliseconds of painting a text that arrives in pieces, the frames put off included. */
function painting(text: string, piece: number): number {
  const host = document.createElement("div");
  const stream = new MarkdownStream(host, new Renderer({ maths: () => undefined, code: () => undefined }));
  const started = performance.now();
  for (let at = 0; at < text.length; at += piece) {
    stream.append(text.slice(at, at + piece));
    stream.paint();
  }
  stream.end();
  return performance.now() - started;
}

/** The best of three: other work on the machine only adds. */
const best = (work: () => number): number => Math.min(work(), work(), work());

const KINDS: Record<string, (size: number) => string> = {
  "one line": (size) => "word ".repeat(size / 5),
  "a fence": (size) => "```python\n" + "x = call(1, 'two')\n".repeat(size / 19),
  "a list": (size) => "- an item with `code` and **bold**\n".repeat(size / 35),
  "a table": (size) => "| a | b |\n|---|---|\n" + "| one `cell` | **two** |\n".repeat(size / 25),
  "paragraphs": (size) => "A *paragraph* of words, some `code`.\n\n".repeat(size / 38),
};

for (const [name, text] of Object.entries(KINDS)) {
  test(`eight times the text is not sixty-four times the work: ${name}`, () => {
    painting(text(5_000), 50); // warm
    const [small, large] = [best(() => painting(text(5_000), 50)), best(() => painting(text(40_000), 50))];
    // Far from both, as a busy machine is no reason to fail: in proportion it would be 8.
    assert.ok(large < 32 * small + 100, `${small.toFixed(1)} ms, then ${large.toFixed(1)} ms`);
  });
}

const line = (unit: string, size = 100_000): string => unit.repeat(Math.ceil(size / unit.length)).slice(0, size);

/** Milliseconds until a text that comes at once is shown. */
function showing(text: string): number {
  const started = performance.now();
  const stream = new MarkdownStream(document.createElement("div"), new Renderer({ maths: () => undefined, code: () => undefined }));
  stream.append(text);
  stream.paint();
  return performance.now() - started;
}

const UNITS = ["word ", "a", "*a **b ", "[", "![a](", "`a", "<a ", "$x ", "\\(", "_a_ ", "> ", "- ", "1. ", "|a", "&amp;", "http://a.b/", "a@b.c ", "\\", "~~a ", "#", "$$a", "\u200b", "a\u200b"];

test("a hostile line of 100 kB does not take the square of the time of as many plain words", () => {
  const plain = best(() => showing(line("Some *words* of a paragraph.\n\n")));
  for (const unit of UNITS) {
    const hostile = showing(line(unit));
    assert.ok(hostile < 10 * plain + 200, `${JSON.stringify(unit)}: ${hostile.toFixed(1)} ms against ${plain.toFixed(1)} ms`);
  }
});

test("a stretch that nobody writes as prose is shown as it is", () => {
  assert.equal(lex("> ".repeat(5_000) + "x").tokens.length > 0, true);
});
