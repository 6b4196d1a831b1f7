import "./dom";
import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { test } from "node:test";
import { readAttached, readState } from "../src/protocol";
import { learn } from "../src/code/colour";
import find from "../src/colours";
import type { Store } from "../src/cell/store";
import { gauge } from "../src/cell/words";
import { lastForm } from "../src/saved/bundle";
import { savedHtml } from "../src/saved/html";
import { state } from "./fake";

interface Case {
  name: string;
  text: string;
  reasoning: string;
  html: string;
  form?: string;
  attached?: unknown[];
  counts?: (number | null)[];
  context?: number[];
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

for (const { name, text, reasoning, html, attached, form, counts, context } of cases) {
  test(`written here or by the kernel, the saved form is the same: ${name}`, () => {
    const facts = ["the kernel ended", ...gauge(context ?? [])];
    const read = readState(state({ status: "kernelDied", thought: reasoning ? 12 : null, facts, form, counts, context }));
    assert.ok(read);
    assert.equal(same(savedHtml({ state: read, text, reasoning, attached: readAttached(attached) })), same(html));
  });
}

function shown(text: string, reasoning = ""): Store {
  const read = readState(state({ status: "kernelDied", facts: [] }));
  assert.ok(read);
  return { state: read, text, reasoning, attached: [] } as unknown as Store;
}

function saved(text: string, reasoning = ""): ReturnType<typeof lastForm> {
  return lastForm([shown(text, reasoning)], { lmnb: { v: 1, turn: { id: "a", prompt: "Why?" } } });
}

test("several answers are one output, in columns, and each has its record", () => {
  const { data, metadata } = lastForm([shown("One."), shown("Two.")], { lmnb: { v: 1, turn: { id: "a", prompt: "Why?" }, beside: [{ id: "b", prompt: "Why?" }] } });
  assert.match(data["text/html"] as string, /^<div style="display:grid.*One\..*lmnb-saved.*Two\./s);
  assert.equal(data["text/plain"], "qwen3-4b:\n\nOne.\n\nqwen3-4b:\n\nTwo.");
  const { turn, beside } = metadata.lmnb as { turn: { id: string }; beside: { id: string; parts: { text: string }[] }[] };
  assert.equal(turn.id, "a");
  assert.deepEqual(beside.map(({ id, parts }) => [id, parts[0]?.text]), [["b", "Two."]]);
});

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
