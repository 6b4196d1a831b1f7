import "./dom";
import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { test } from "node:test";
import { readState } from "../src/protocol";
import { learn } from "../src/code/colour";
import find from "../src/colours";
import { lastForm } from "../src/saved/bundle";
import { savedHtml } from "../src/saved/html";
import { state } from "./fake";

interface Case {
  name: string;
  text: string;
  reasoning: string;
  html: string;
}

const cases = JSON.parse(readFileSync("../tests/wire/saved.json", "utf8")) as Case[];

/** Two ways to write the same elements: line ends between them, and how a style is spelled. */
learn(find);

function same(html: string): string {
  return html
    .replace(/<(br|hr) \/>/g, "<$1>")
    .replace(/\s*\n\s*/g, "\n")
    .replace(/\n?(<[^>]+>)\n?/g, "$1")
    .replace(/&(?:quot|#34);/g, '"')
    .replace(/&(?:#x27|#39);/g, "'")
    .replaceAll("&gt;", ">")
    .replace(/<\/?span>/g, "");
}

for (const { name, text, reasoning, html } of cases) {
  test(`written here or by the kernel, the saved form is the same: ${name}`, () => {
    const read = readState(state({ status: "kernelDied", thought: reasoning ? 12 : null, facts: ["the kernel ended"] }));
    assert.ok(read);
    assert.equal(same(savedHtml({ state: read, text, reasoning })), same(html));
  });
}

function saved(text: string, reasoning = ""): ReturnType<typeof lastForm> {
  const read = readState(state({ status: "kernelDied", facts: [] }));
  assert.ok(read);
  return lastForm({ state: read, text, reasoning } as Parameters<typeof lastForm>[0], { lmnb: { v: 1, turn: { id: "a", prompt: "Why?" } } });
}

test("the host's typesetter finds no formula in money, backslashes and environments", () => {
  const html = saved("It costs $5 and $6. \\\\(x\\\\) \\\\begin{x}").data["text/html"] as string;
  assert.ok(html.includes("<span>$</span>5 and <span>$</span>6"), html);
  assert.ok(!/(?<!<span>)\\[(]|(?<!<span>)\\begin/.test(html), html);
});

test("colours go by the names that a host without inline style knows", () => {
  const html = saved("```python\ndef f(): return 'x'\n```").data["text/html"] as string;
  assert.match(html, /<span class="k" style="color:var\(--jp-mirror-editor-keyword-color/);
  assert.ok(!html.includes("lmnb-tok"), html);
});

test("a long turn is cut to what a notebook may keep, the thoughts first, and says so", () => {
  const { metadata } = saved("\u{1f600}\n".repeat(30_000), "x".repeat(300_000));
  const bytes = new TextEncoder().encode(JSON.stringify(metadata)).length;
  const { turn } = metadata.lmnb as { turn: { truncated: boolean; parts: { kind: string; text: string }[] } };
  assert.ok(bytes < 256_000 && bytes > 200_000, String(bytes));
  assert.equal(turn.truncated, true);
  assert.equal(turn.parts.find((part) => part.kind === "text")?.text.length, 90_000);
  assert.doesNotMatch(JSON.stringify(turn.parts.map((part) => part.text.slice(-1))), /\\ud/);
});
