import "./dom";
import assert from "node:assert/strict";
import { test } from "node:test";
import { Store, type Doors } from "../src/cell/store";
import { readAttached, readDown } from "../src/protocol";
import { fakeModel, state } from "./fake";

function make(more: Partial<Doors> = {}): { store: Store; said: unknown[]; log: string[] } {
  const said: unknown[] = [];
  const log: string[] = [];
  const store = new Store({
    say: (message) => void said.push(message),
    settle: () => void log.push("settle"),
    other: () => undefined,
    background: () => false,
    interrupt: () => log.push("interrupt") > 0,
    kernelStatus: () => "busy",
    abandon: () => void log.push("abandon"),
    ...more,
  });
  return { store, said, log };
}

const append = (seq: number, text: string, more: object = {}): object => ({ kind: "append", seq, text, ...more });
const snapshot = (seq: number, text: string, more: Record<string, unknown> = {}): object => ({ kind: "snapshot", seq, text, reasoning: "", state: state(more) });

test("appends in order are the text; repeated ones are not", () => {
  const { store } = make();
  for (const [seq, text] of [[1, "a"], [2, "b"], [2, "b"], [1, "a"], [3, "c"]] as const) store.hear(append(seq, text));
  assert.equal(store.text, "abc");
});

test("after a gap nothing is added before a snapshot, which is asked for at most once a second", (context) => {
  context.mock.timers.enable({ apis: ["setTimeout"] });
  const { store, said } = make();
  store.hear(append(1, "a", { state: state() }));
  for (const seq of [3, 4, 5, 6]) store.hear(append(seq, "?"));
  assert.equal(store.text, "a");
  assert.deepEqual(said, [{ kind: "resync", seq: 1 }]);
  context.mock.timers.tick(1_050);
  assert.equal(said.length, 2, "asked again, as nothing came");
  store.hear(snapshot(6, "abcdef"));
  store.hear(append(7, "g"));
  context.mock.timers.tick(5_000);
  assert.equal(store.text, "abcdefg");
  assert.equal(said.length, 2);
});

test("a snapshot from before is ignored, one of now or later replaces", () => {
  const { store } = make();
  store.hear(append(5, "x")); // a gap: not taken
  store.hear(snapshot(5, "abc"));
  store.hear(snapshot(4, "ab"));
  assert.equal(store.text, "abc");
  store.hear(snapshot(9, "other"));
  assert.equal(store.text, "other");
});

test("what goes on is no new edition, what differs is: views begin anew", () => {
  const { store } = make();
  store.hear(snapshot(1, "abc"));
  const { edition } = store;
  store.hear(snapshot(2, "abcdef"));
  assert.equal(store.edition, edition);
  store.hear(snapshot(3, "xyz"));
  assert.notEqual(store.edition, edition);
});

test("malformed and unknown messages are left out with one warning", (context) => {
  const warn = context.mock.method(console, "warn", () => undefined);
  const { store } = make();
  for (const raw of [null, 1, "x", [], {}, { kind: "append" }, { kind: "append", seq: "1" }, { kind: "snapshot", seq: 1 }, { kind: "snapshot", seq: 1, state: { status: "flying" } }, { kind: "settle" }, { kind: "settle", bundle: {} }, { kind: "later" }]) {
    store.hear(raw);
  }
  assert.equal(warn.mock.callCount(), 1);
  assert.equal(store.text, "");
});

test("fields of the wrong type are read as missing", () => {
  const message = readDown({ kind: "append", seq: 1, text: 7, state: { status: "failed", facts: [1, "a"], notices: null, problem: { title: 1, lines: "x", choices: [{}, 3] } } });
  assert.deepEqual(message, {
    kind: "append",
    seq: 1,
    text: "",
    reasoning: "",
    state: {
      status: "failed", who: "LM Studio", host: "", progress: null, elapsed: 0, tokens: 0, rate: null, thought: null, facts: ["a"], notices: [],
      counts: [], context: [], form: "markdown", tail: "",
      problem: { kind: "", title: "", lines: [], choices: [{ name: "", note: "" }] },
    },
  });
});

test("stop is said at once; unheard it becomes an interrupt, heard it does not", (context) => {
  context.mock.timers.enable({ apis: ["setTimeout"] });
  const first = make();
  first.store.hear(snapshot(1, "a"));
  first.store.stop();
  first.store.stop();
  assert.deepEqual(first.said, [{ kind: "stop" }]);
  assert.equal(first.store.stopping, true);
  first.store.hear(append(2, "still writing"));
  context.mock.timers.tick(1_499);
  assert.deepEqual(first.log, []);
  context.mock.timers.tick(2);
  assert.deepEqual(first.log, ["interrupt"]);

  const second = make();
  second.store.hear(snapshot(1, "a"));
  second.store.stop();
  second.store.hear(append(2, "", { state: state({ status: "stopped" }) }));
  context.mock.timers.tick(5_000);
  assert.deepEqual(second.log, []);
  assert.equal(second.store.stopping, false);
  second.store.stop();
  assert.equal(second.said.length, 1, "nothing left to stop");
});

test("without a way to interrupt the button comes back", (context) => {
  context.mock.timers.enable({ apis: ["setTimeout"] });
  const { store } = make({ interrupt: () => false });
  store.hear(snapshot(1, "a"));
  store.stop();
  context.mock.timers.tick(1_600);
  assert.equal(store.stopping, false);
});

test("an idle kernel that does not answer a greeting does not know this answer; a busy one may", (context) => {
  context.mock.timers.enable({ apis: ["setTimeout"] });
  for (const [status, expected] of [["idle", ["abandon"]], ["busy", []], [null, ["abandon"]], [undefined, []]] as const) {
    const { store, log } = make({ kernelStatus: () => status });
    store.greet();
    context.mock.timers.tick(6_000);
    assert.deepEqual(log, expected, String(status));
  }
  const { store, log } = make({ kernelStatus: () => "idle" });
  store.greet();
  store.hear(append(1, "a"));
  context.mock.timers.tick(6_000);
  assert.deepEqual(log, [], "it spoke");
});

test("in a silence the kernel is asked again, less and less often, until the answer has its static form", (context) => {
  context.mock.timers.enable({ apis: ["setTimeout"] });
  const { store, said } = make();
  const hellos = (): number => said.splice(0).filter((message) => (message as { kind: string }).kind === "hello").length;
  store.greet();
  store.hear(snapshot(1, "abc"));
  assert.equal(hellos(), 1);
  context.mock.timers.tick(5_000);
  store.hear(append(2, "d", { state: state({ status: "done" }) }));
  context.mock.timers.tick(5_000);
  assert.equal(hellos(), 0);
  context.mock.timers.tick(1_000);
  assert.equal(hellos(), 1, "the last word was heard, what settles was not");
  context.mock.timers.tick(11_000);
  assert.equal(hellos(), 0);
  context.mock.timers.tick(1_000);
  assert.equal(hellos(), 1);
  store.hear({ kind: "settle", bundle: { data: {}, metadata: {} } });
  context.mock.timers.tick(100_000);
  assert.equal(hellos(), 0);
});

test("when the kernel is gone the answer ends with what is there", () => {
  const { store } = make();
  store.hear(snapshot(1, "half an ans", { tokens: 1_234, rate: 38.2 }));
  store.die();
  assert.equal(store.running, false);
  assert.deepEqual(store.state.facts, ["1,234 tokens", "38.2 tok/s", "the kernel ended"]);
});

test("the traits are where it begins, and newer ones replace it after a reconnect", () => {
  const { store } = make();
  const model = fakeModel({ text: "abc", reasoning: "", seq: 7, state: state() });
  store.load((name) => model.get(name));
  assert.equal(store.text, "abc");
  store.hear(append(8, "d"));
  store.load((name) => model.get(name));
  assert.equal(store.text, "abcd", "older traits change nothing");
  model.traits.text = "abcdef";
  model.traits.seq = 10;
  store.load((name) => model.get(name));
  assert.equal(store.text, "abcdef");
});

test("in the background a Stop that is not heard waits: what blocks the kernel is another cell", (context) => {
  context.mock.timers.enable({ apis: ["setTimeout"] });
  const { store, said, log } = make({ background: () => true });
  store.hear(snapshot(1, "a"));
  store.stop();
  context.mock.timers.tick(10_000);
  assert.deepEqual(log, []);
  assert.equal(store.stopping, true);
  assert.deepEqual(said.filter((message) => (message as { kind: string }).kind === "stop"), [{ kind: "stop" }]);
});

test("what is told of another answer goes to that one", () => {
  const heard: unknown[] = [];
  const { store } = make({ other: (at, { kind }) => void heard.push([at, kind]) });
  store.hear({ kind: "other", at: 1, message: append(1, "b") });
  store.hear({ kind: "other", at: 1, message: { kind: "settle", bundle: { data: {} } } });
  assert.deepEqual(heard, [[1, "append"]]);
  assert.equal(store.text, "");
});

test("only pictures that are painted are shown, and only from bytes", () => {
  const image = (type: string, data: string): unknown => readAttached([{ name: "x", image: { name: "x", size: 3, type, data } }])[0]?.image?.data;
  assert.equal(image("image/png", "iVBORw=="), "iVBORw==");
  assert.equal(image("image/svg+xml", "iVBORw=="), "");
  assert.equal(image("image/png", "https://example.org/a.png"), "");
  assert.equal(image("image/png,<svg>", "iVBORw=="), "");
});

test("what went along stays when a snapshot does not say it, and is another when it does", () => {
  const { store } = make();
  const traits: Record<string, unknown> = { text: "", seq: 0, state: state(), attached: [{ name: "sales", text: "card" }] };
  store.load((name) => traits[name]);
  store.hear(snapshot(1, "a"));
  assert.deepEqual(store.attached.map(({ name }) => name), ["sales"]);
  store.hear({ ...snapshot(2, "a"), attached: [{ name: "other" }] });
  assert.deepEqual(store.attached.map(({ name }) => name), ["other"]);
});
