import { until } from "./dom";
import assert from "node:assert/strict";
import { test } from "node:test";
import core from "../src/core";
import stub from "../src/stub";
import { fakeModel, state, type FakeModel } from "./fake";

const VIEW = "application/vnd.jupyter.widget-view+json";

/** A notebook with these outputs, each a list of outputs of a cell, as JupyterLab's model shows it. */
function notebook(cells: object[][]): { manager: Record<string, unknown>; cells: { outputs: { list: object[] } }[]; emit(name: string, status: unknown): void; kernel: Record<string, unknown> } {
  const slots = new Map<string, ((sender: unknown, args: unknown) => void)[]>();
  const signal = (name: string): object => ({
    connect: (slot: () => void) => void slots.set(name, [...(slots.get(name) ?? []), slot]),
    disconnect: (slot: () => void) => void slots.set(name, (slots.get(name) ?? []).filter((known) => known !== slot)),
  });
  const made = cells.map((list) => ({
    outputs: {
      list,
      get length() {
        return list.length;
      },
      get: (index: number) => ({ toJSON: () => structuredClone(list[index]) }),
      set: (index: number, value: object) => void (list[index] = value),
    },
  }));
  const kernel: Record<string, unknown> = { status: "busy", interrupts: 0, interrupt: () => Promise.resolve((kernel.interrupts = Number(kernel.interrupts) + 1)) };
  const models = new Map<string, FakeModel>();
  const manager = {
    models,
    has_model: (id: string) => models.has(id),
    get_model: (id: string) => Promise.resolve(models.get(id)),
    kernel,
    context: {
      model: { cells: made },
      sessionContext: { session: { kernel }, statusChanged: signal("status"), connectionStatusChanged: signal("connection"), kernelChanged: signal("kernel") },
    },
  };
  return { manager, cells: made, kernel, emit: (name, status) => (slots.get(name) ?? []).forEach((slot) => slot(null, status)) };
}

const shows = (id: string, metadata: object = {}): object => ({ output_type: "display_data", data: { [VIEW]: { model_id: id }, "text/plain": "…" }, metadata });

interface Page {
  model: ReturnType<typeof fakeModel>;
  el: HTMLElement;
  life: AbortController;
}

function mount(traits: Record<string, unknown> = {}, manager?: unknown): Page {
  const model = fakeModel({ core: "anywidget:core", text: "", reasoning: "", seq: 0, state: state({ status: "connecting" }), ...traits }, manager);
  const life = new AbortController();
  const el = document.createElement("div");
  document.body.append(el);
  exports.mount({ model, el, signal: life.signal });
  return { model, el, life };
}

const coreModel = fakeModel();
const exports = core.initialize({ model: coreModel, signal: new AbortController().signal });

const finish = (page: Page): void => {
  page.life.abort();
  page.el.remove();
};

test("a view says hello and shows what it hears", async () => {
  const page = mount();
  assert.deepEqual(page.model.said, [{ kind: "hello" }]);
  page.model.hear({ kind: "snapshot", seq: 3, text: "Hel", reasoning: "", state: state() });
  page.model.hear({ kind: "append", seq: 4, text: "lo **you**" });
  await until(() => page.el.querySelector("strong"));
  assert.equal(page.el.querySelector(".lmnb-prose")?.textContent, "Hello you");
  assert.ok(page.el.querySelector(".lmnb-caret"));
  page.model.hear({ kind: "append", seq: 5, state: state({ status: "done", facts: ["3 tokens"] }) });
  await until(() => !page.el.querySelector(".lmnb-caret"));
  assert.ok(page.el.querySelector('[aria-label="Copy answer"]'));
  finish(page);
});

test("two views of one model show the same and only one of them speaks", async () => {
  const page = mount({ seq: 1, text: "One" });
  const second = document.createElement("div");
  const life = new AbortController();
  exports.mount({ model: page.model.view(), el: second, signal: life.signal });
  page.model.hear({ kind: "append", seq: 2, text: " two" });
  await until(() => second.querySelector(".lmnb-prose")?.textContent === "One two");
  page.model.hear({ kind: "append", seq: 9, text: "gap" });
  page.model.hear({ kind: "settle", bundle: { data: {}, metadata: {} } });
  await until(() => page.model.said.some(({ kind }) => kind === "settled"));
  assert.deepEqual(page.model.said.map(({ kind }) => kind), ["hello", "hello", "settled"]);
  finish(page);
  page.model.hear({ kind: "snapshot", seq: 10, text: "One two three", reasoning: "", state: state() });
  await until(() => second.querySelector(".lmnb-prose")?.textContent === "One two three", "the second view goes on alone");
  life.abort();
});

test("a view that is gone hears nothing", () => {
  const page = mount();
  finish(page);
  page.model.hear({ kind: "append", seq: 9, text: "gap" });
  assert.deepEqual(page.model.said, [{ kind: "hello" }]);
});

test("settling replaces every output that shows this answer, and no other", async () => {
  const book = notebook([[shows("mine"), shows("other")], [{ output_type: "stream", text: "x" }, shows("mine")], [shows("unknown")]]);
  const page = mount({ seq: 1, text: "a" }, book.manager);
  const models = book.manager.models as Map<string, FakeModel>;
  models.set("mine", page.model).set("other", fakeModel({ state: state() }));
  const bundle = { data: { "text/html": "<p>a</p>", "text/plain": "a" }, metadata: { lmnb: { v: 1 } } };
  page.model.hear({ kind: "settle", bundle });
  await until(() => page.model.said.some(({ kind }) => kind === "settled"));
  assert.deepEqual(page.model.said.at(-1), { kind: "settled", count: 2 });
  assert.deepEqual(book.cells[0]?.outputs.list[0], { output_type: "display_data", ...bundle });
  assert.deepEqual(book.cells[1]?.outputs.list[1], { output_type: "display_data", ...bundle });
  assert.ok(VIEW in (book.cells[0]?.outputs.list[1] as { data: object }).data);
  assert.ok(VIEW in (book.cells[2]?.outputs.list[0] as { data: object }).data);
  finish(page);
});

test("where the host tells nothing of its notebook, nothing was replaced", async () => {
  for (const manager of [undefined, null, {}, { context: {} }, { context: { model: { cells: 5 } } }, { get context(): never { throw new Error("no"); } }]) {
    const page = mount({}, manager);
    page.model.hear({ kind: "settle", bundle: { data: {}, metadata: {} } });
    await until(() => page.model.said.some(({ kind }) => kind === "settled"));
    assert.deepEqual(page.model.said.at(-1), { kind: "settled", count: 0 });
    finish(page);
  }
});

for (const status of ["restarting", "autorestarting", "dead", "terminating"]) {
  test(`a kernel that is ${status} leaves what was written, as a plain output`, async () => {
    const seed = { v: 1, turn: { id: "t1", prompt: "Why?", cell: "c1", status: "connecting" } };
    const book = notebook([[shows("mine", { lmnb: seed })]]);
    const page = mount({ seq: 1, text: "Half **an** <b>ans", reasoning: "Hm.", state: state({ thought: 2.4, tokens: 3 }) }, book.manager);
    (book.manager.models as Map<string, FakeModel>).set("mine", page.model);
    book.emit("status", status);
    await until(() => !(VIEW in (book.cells[0]?.outputs.list[0] as { data: object }).data));
    const output = book.cells[0]?.outputs.list[0] as { output_type: string; data: Record<string, string>; metadata: { lmnb: { v: number; turn: Record<string, unknown> } } };
    assert.equal(output.output_type, "display_data");
    assert.deepEqual(Object.keys(output.data), ["text/html", "text/plain"]);
    assert.equal(output.data["text/plain"], "Half **an** <b>ans");
    assert.match(output.data["text/html"] as string, /<b>qwen3-4b<\/b> · <bdi>3 tokens<\/bdi> · <bdi>38.2 tok\/s<\/bdi> · <bdi>the kernel ended<\/bdi>/);
    assert.match(output.data["text/html"] as string, /Half <strong>an<\/strong> &lt;b&gt;ans/);
    const { turn, v } = output.metadata.lmnb;
    assert.equal(v, 1);
    assert.deepEqual([turn.id, turn.prompt, turn.cell, turn.status], ["t1", "Why?", "c1", "kernelDied"]);
    assert.ok((turn.ended as number) > 1e9);
    assert.deepEqual(turn.parts, [{ kind: "reasoning", text: "Hm." }, { kind: "text", text: "Half **an** <b>ans" }]);
    finish(page);
  });
}

test("a lost connection alone ends nothing; a kernel that is no more does, and so does another one", async () => {
  for (const [signal, value, dies] of [
    ["status", "unknown", false],
    ["status", "busy", false],
    ["connection", "connecting", false],
    ["connection", "disconnected", true],
    ["kernel", { oldValue: { id: "a" }, newValue: null }, true],
    ["kernel", { oldValue: { id: "a" }, newValue: { id: "b" } }, true],
    ["kernel", { oldValue: null, newValue: { id: "a" } }, false],
  ] as const) {
    const book = notebook([[shows("mine")]]);
    const page = mount({ seq: 1, text: "a" }, book.manager);
    (book.manager.models as Map<string, FakeModel>).set("mine", page.model);
    book.emit(signal, value);
    await new Promise((resolve) => setTimeout(resolve, 20));
    assert.equal(VIEW in (book.cells[0]?.outputs.list[0] as { data: object }).data, !dies, `${signal} ${String(value)}`);
    finish(page);
  }
});

test("an answer that has ended is left alone when its kernel goes", async () => {
  const book = notebook([[shows("mine")]]);
  const page = mount({ seq: 1, text: "a", state: state({ status: "done" }) }, book.manager);
  (book.manager.models as Map<string, FakeModel>).set("mine", page.model);
  book.emit("status", "dead");
  await new Promise((resolve) => setTimeout(resolve, 20));
  assert.ok(VIEW in (book.cells[0]?.outputs.list[0] as { data: object }).data);
  finish(page);
});

test("a model whose comm is closed shows neither Stop nor caret", async () => {
  const page = mount({ seq: 1, text: "a" });
  await until(() => page.el.querySelector(".lmnb-stop"));
  page.model.emit("comm:close");
  await until(() => !page.el.querySelector(".lmnb-stop, .lmnb-caret"));
  assert.match(page.el.querySelector(".lmnb-facts")?.textContent ?? "", /the kernel ended/);
  finish(page);
});

test("Stop says so at once and keeps its place; Esc does the same while the focus is inside", async () => {
  const page = mount({ seq: 1, text: "a", state: state() });
  const button = page.el.querySelector<HTMLButtonElement>(".lmnb-stop") as HTMLButtonElement;
  button.click();
  assert.deepEqual(page.model.said.at(-1), { kind: "stop" });
  await until(() => button.getAttribute("aria-disabled") === "true");
  assert.equal(button.getAttribute("aria-label"), "Stopping");
  assert.ok(button.isConnected);
  finish(page);

  const other = mount({ seq: 1, text: "a", state: state() });
  other.el.querySelector(".lmnb-stop")?.dispatchEvent(new KeyboardEvent("keydown", { key: "Escape", bubbles: true }));
  assert.deepEqual(other.model.said.at(-1), { kind: "stop" });
  finish(other);
});

test("thoughts are folded, and read only when somebody looks", async () => {
  const page = mount({ seq: 1, reasoning: "So **it** is.", state: state({ status: "thinking", thought: 1 }) });
  const fold = page.el.querySelector("details") as HTMLDetailsElement;
  assert.equal(fold.querySelector("summary")?.textContent, "Thoughts so far");
  assert.equal(fold.querySelector("strong"), null);
  fold.open = true;
  fold.dispatchEvent(new Event("toggle"));
  await until(() => fold.querySelector("strong"));
  page.model.hear({ kind: "append", seq: 2, text: "It is.", state: state({ thought: 12.2 }) });
  await until(() => fold.querySelector("summary")?.textContent === "Thought for 12 s");
  finish(page);
});

test("notices and problems are said in place", async () => {
  const page = mount({ seq: 1, state: state({ status: "failed", who: "LM Studio", facts: ["failed"], notices: ["Model `m` was loaded."], problem: { kind: "noModel", title: "No model “q”.", lines: ["There is this.", "Choose one with `-m`."], choices: [{ name: "qwen3-4b", note: "2.5 GB" }] } }) });
  assert.equal(page.el.querySelector(".lmnb-note code")?.textContent, "m");
  const alert = page.el.querySelector('[role="alert"]');
  assert.equal(alert?.querySelector(".lmnb-title")?.textContent, "No model “q”.");
  assert.equal(alert?.querySelector("li")?.textContent, "qwen3-4b2.5 GB");
  assert.equal(alert?.textContent, "No model “q”.There is this.qwen3-4b2.5 GBChoose one with -m.");
  assert.equal(page.el.querySelector("button"), null, "nothing to stop, nothing to copy");
  finish(page);
});

test("a formula goes to the host's typesetter when nothing can change it any more", async () => {
  const typeset: string[] = [];
  const manager = { rendermime: { latexTypesetter: { typeset: (element: HTMLElement) => void typeset.push(element.textContent ?? "") } } };
  const page = mount({ seq: 1, text: "It costs $x$", state: state() }, manager);
  await until(() => page.el.querySelector(".lmnb-maths"));
  assert.deepEqual(typeset, [], "a digit would make it money");
  page.model.hear({ kind: "append", seq: 2, text: " or so.\n\nThe next paragraph ends with \\[y\\]" });
  await until(() => typeset.length === 1);
  page.model.hear({ kind: "append", seq: 3, state: state({ status: "done" }) });
  await until(() => typeset.length === 2);
  assert.deepEqual(typeset, ["$x$", "\\[y\\]"]);
  finish(page);
});

test("without one, our own is asked of the core, once", async () => {
  const page = mount({ seq: 1, text: "a $x$ b\n\n$$y$$\n", state: state({ status: "done" }) });
  await until(() => coreModel.said.length > 0);
  assert.deepEqual(coreModel.said, [{ kind: "want", asset: "maths" }]);
  assert.equal(page.el.querySelector(".lmnb-maths")?.textContent, "$x$", "until then the source is shown");
  finish(page);
});

test("a stub mounts from the core; without one it shows the plain text and lets itself be settled", async (context) => {
  const model = fakeModel({ core: "anywidget:core", text: "abc", seq: 1, state: state() });
  const signal = new AbortController().signal;
  let mounted: unknown;
  await stub.render({ model, el: document.createElement("div"), signal, host: { getWidget: () => Promise.resolve({ exports: { mount: (args: unknown) => (mounted = args) } }) } as never });
  assert.ok(mounted);

  context.mock.timers.enable({ apis: ["setTimeout"] });
  const el = document.createElement("div");
  const rendering = stub.render({ model, el, signal, host: { getWidget: () => new Promise<never>(() => undefined) } });
  context.mock.timers.tick(3_000);
  await rendering;
  assert.equal(el.textContent, "abc");
  assert.deepEqual(model.said, [{ kind: "hello" }]);
  model.hear({ kind: "append", seq: 2, text: "<b>d" });
  assert.equal(el.textContent, "abc<b>d");
  model.hear({ kind: "append", seq: 3 });
  assert.equal(el.textContent, "abc<b>d");
  model.hear({ kind: "settle", bundle: {} });
  assert.deepEqual(model.said.at(-1), { kind: "settled", count: 0 });
});

test("several answers stand side by side, one of them speaks, and they are settled as one output", async () => {
  const { manager, cells } = notebook([[shows("one")]]);
  const others = [{ text: "", reasoning: "", seq: 0, state: state({ status: "queued", who: "second" }) }];
  const page = mount({ others }, manager);
  (manager.models as Map<string, FakeModel>).set("one", page.model);
  assert.deepEqual(page.model.said, [{ kind: "hello" }]);
  page.model.hear({ kind: "append", seq: 1, text: "First." });
  page.model.hear({ kind: "other", at: 1, message: { kind: "snapshot", seq: 1, text: "Second.", reasoning: "", state: state({ status: "done", who: "second" }) } });
  await until(() => page.el.textContent?.includes("Second."));
  assert.deepEqual([...page.el.querySelectorAll(".lmnb-beside > .lmnb .lmnb-prose")].map((prose) => prose.textContent), ["First.", "Second."]);
  page.model.hear({ kind: "settle", bundle: { data: { "text/plain": "both" }, metadata: {} } });
  await until(() => page.model.said.some(({ kind }) => kind === "settled"));
  assert.equal(cells[0]?.outputs.list.length, 1);
  assert.deepEqual((cells[0]?.outputs.list[0] as { data: object }).data, { "text/plain": "both" });
  finish(page);
});

test("a fold keeps what is inside until somebody looks, and shows it as text", async () => {
  const page = mount({ attached: [{ name: "sales", text: "<b>card</b>", notes: ["2 were masked."] }], state: state({ counts: [212] }) });
  await until(() => page.el.textContent?.includes("sales · 212 tokens"));
  assert.ok(!page.el.querySelector(".lmnb-peek"));
  const fold = page.el.querySelector<HTMLDetailsElement>(".lmnb-context > details") as HTMLDetailsElement;
  fold.open = true;
  fold.dispatchEvent(new Event("toggle"));
  await until(() => page.el.querySelector(".lmnb-peek"));
  assert.equal(page.el.querySelector(".lmnb-peek")?.textContent, "<b>card</b>");
  finish(page);
});
