import "./dom";
import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { test } from "node:test";
import { Store } from "../src/cell/store";
import { StatusRow } from "../src/cell/status";
import { announcement, foldWords, words } from "../src/cell/words";
import { readState, type State } from "../src/protocol";

interface Case {
  name: string;
  state: unknown;
  words: string;
}

const cases = JSON.parse(readFileSync("../tests/wire/states.json", "utf8")) as Case[];

const doors = { say: () => undefined, settle: () => undefined, other: () => undefined, background: () => false, interrupt: () => false, kernelStatus: () => undefined, abandon: () => undefined };

function storeWith(state: State): Store {
  const store = new Store(doors);
  store.state = state;
  store.stateAt = performance.now();
  return store;
}

for (const { name, state, words: expected } of cases) {
  test(`the row says it word for word: ${name}`, () => {
    const read = readState(state);
    assert.ok(read);
    assert.equal(words(read), expected);
  });
  test(`the row on the page says the same: ${name}`, () => {
    const row = new StatusRow(storeWith(readState(state) as State));
    row.paint();
    const facts = [...row.element.querySelectorAll(".lmnb-facts > *")].map((fact) => fact.textContent);
    // On the page a meter stands between the word and its number.
    assert.equal(facts.join(" · ").replace(/(Loading|Reading prompt)(\d)/, "$1 $2"), expected);
  });
}

test("when there is little room the ending stays, and without one the first two facts", () => {
  const row = new StatusRow(storeWith(readState(cases.find((known) => known.name === "by length")?.state) as State));
  row.paint();
  const stays = (element: Element): boolean => !element.classList.contains("lmnb-wide");
  assert.deepEqual([...row.element.querySelectorAll(".lmnb-facts > *")].filter(stays).map((fact) => fact.textContent), ["qwen3-4b", "cut at the token limit"]);
});

test("stages are announced, numbers are not, and an old answer says nothing", () => {
  const at = (status: string): State => readState({ ...(cases.find((known) => known.name === "thinking") as Case & { state: object }).state, status }) as State;
  assert.equal(announcement(at("loading"), null), "Loading qwen3-4b");
  assert.equal(announcement(at("writing"), at("thinking")), "Writing the answer");
  assert.equal(announcement(at("done"), at("writing")), "Answer finished");
  assert.equal(announcement(at("done"), null), "");
  assert.equal(announcement(at("failed"), at("writing")), "");
});

test("the fold says how long the model thought", () => {
  const at = (status: string, thought: number | null): State => readState({ ...(cases.find((known) => known.name === "thinking") as Case & { state: object }).state, status, thought }) as State;
  assert.equal(foldWords(at("thinking", 3)), "Thoughts so far");
  assert.equal(foldWords(at("writing", 12.2)), "Thought for 12 s");
  assert.equal(foldWords(at("done", null)), "Thoughts");
});
