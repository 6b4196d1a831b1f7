import "./dom";
import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { test } from "node:test";
import { readState } from "../src/protocol";
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
