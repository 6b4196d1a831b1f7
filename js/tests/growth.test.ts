import "./dom";
import assert from "node:assert/strict";
import { test } from "node:test";
import { MarkdownStream } from "../src/markdown/stream";
import { Renderer } from "../src/markdown/render";

const renderer = new Renderer({ maths: () => undefined, code: () => undefined });

function growing(now: () => number = () => 0): { host: HTMLElement; stream: MarkdownStream } {
  const host = document.createElement("div");
  return { host, stream: new MarkdownStream(host, renderer, now) };
}

test("a row that grows keeps its cells, and only those that say something new are touched", () => {
  const { host, stream } = growing();
  stream.append("| a | b |\n|---|---|\n| one `x` | tw");
  stream.paint();
  const [first, second] = [...host.querySelectorAll("td")];
  const code = host.querySelector("td code");
  stream.append("o **three");
  stream.paint();
  stream.append("** |\n");
  stream.paint();
  assert.deepEqual([...host.querySelectorAll("td")], [first, second]);
  assert.equal(host.querySelector("td code"), code);
  assert.equal(second?.innerHTML, "two <strong>three</strong>");
});

for (const [name, head, item] of [["list", "", "- item\n"], ["table", "| a |\n|---|\n", "| item |\n"]] as const) {
  test(`a long ${name} is shown less often than a short one, and its end at once`, () => {
    let time = 0;
    const { host, stream } = growing(() => time);
    const shown = (): number => host.textContent?.split("item").length ?? 0;
    stream.append(head + item.repeat(10));
    stream.paint();
    stream.append(item);
    assert.deepEqual([stream.paint(), shown()], [false, 12]);
    stream.append(item.repeat(40));
    stream.paint();
    time += 10;
    stream.append(item);
    assert.deepEqual([stream.paint(), shown(), stream.nextAt], [true, 52, 50]);
    time += 40;
    assert.deepEqual([stream.paint(), shown()], [false, 53]);
    stream.append(item);
    stream.end();
    assert.equal(shown(), 54);
  });
}

test("a long answer is shown less often than a short one, its code too, and its end at once", () => {
  for (const head of ["", "```python\n"]) {
    let time = 0;
    const { host, stream } = growing(() => time);
    const shown = (): number => host.textContent?.split("word").length ?? 0;
    stream.append(head + "word\n".repeat(1_700));
    stream.paint();
    time += 10;
    stream.append("word\n");
    assert.deepEqual([stream.paint(), shown()], [true, 1_701]);
    time += 40;
    assert.deepEqual([stream.paint(), shown()], [false, 1_702]);
    stream.append("word\n");
    stream.end();
    assert.equal(shown(), 1_703);
  }
});
