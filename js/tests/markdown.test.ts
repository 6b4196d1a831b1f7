import "./dom";
import assert from "node:assert/strict";
import { test } from "node:test";
import { MarkdownStream } from "../src/markdown/stream";
import { Renderer } from "../src/markdown/render";
import { TRAPS } from "./traps";

/** A random number generator with a seed: a failure can be repeated. */
function generator(seed: number): () => number {
  let state = seed;
  return () => {
    state = (state + 0x6d2b79f5) | 0;
    let t = Math.imul(state ^ (state >>> 15), 1 | state);
    t = (t + Math.imul(t ^ (t >>> 7), 61 | t)) ^ t;
    return ((t ^ (t >>> 14)) >>> 0) / 2 ** 32;
  };
}

function rendered(pieces: string[], end = true): string {
  const host = document.createElement("div");
  let clock = 0; // ours, so that a paint that is put off is not waited for
  const stream = new MarkdownStream(host, new Renderer({ maths: () => undefined, code: () => undefined }), () => clock);
  for (const piece of pieces) {
    stream.append(piece);
    while (stream.paint()) clock += 50;
  }
  if (end) stream.end();
  // Neighbouring text nodes look like one.
  host.normalize();
  return host.innerHTML;
}

function split(text: string, random: () => number, mean: number): string[] {
  const pieces: string[] = [];
  for (let at = 0; at < text.length; ) {
    const size = 1 + Math.floor(random() * 2 * mean);
    pieces.push(text.slice(at, at + size));
    at += size;
  }
  return pieces;
}

for (const [name, text] of Object.entries(TRAPS)) {
  test(`in pieces it ends as the whole: ${name}`, () => {
    const whole = rendered([text]);
    for (let seed = 1; seed <= 12; seed += 1) {
      const random = generator(seed);
      const pieces = split(text, random, [1, 2, 5, 12, 40, 200][seed % 6] as number);
      assert.equal(rendered(pieces), whole, `seed ${seed}`);
    }
  });
  test(`before the end it already looks like the whole: ${name}`, () => {
    // Definitions are decided late, and marks that may close a fence wait.
    if (/^\[[^\]]+\]:/m.test(text) || name === "fences") return;
    const whole = rendered([text]);
    for (let seed = 1; seed <= 6; seed += 1) {
      assert.equal(rendered(split(text, generator(seed), 7), false), whole, `seed ${seed}`);
    }
  });
}

test("mixed traps, joined at random, end as the whole", () => {
  const all = Object.values(TRAPS);
  for (let seed = 1; seed <= 60; seed += 1) {
    const random = generator(1_000 + seed);
    const parts = Array.from({ length: 6 }, () => all[Math.floor(random() * all.length)] as string);
    const text = parts.join(random() < 0.5 ? "\n\n" : "\n");
    assert.equal(rendered(split(text, random, 1 + Math.floor(random() * 30))), rendered([text]), `seed ${seed}`);
  }
});

export { generator, rendered, split };
