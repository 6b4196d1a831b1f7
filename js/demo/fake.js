// A page's half of anywidget, small enough to see through: one core, one cell, and a kernel that a test plays.
export function fakeModel(traits, manager) {
  const listeners = new Map();
  const model = {
    said: [],
    get: (name) => traits[name],
    send: (content) => void model.said.push(structuredClone(content)),
    on: (name, callback) => void listeners.set(name, [...(listeners.get(name) ?? []), callback]),
    off: (name, callback) => void listeners.set(name, (listeners.get(name) ?? []).filter((known) => known !== callback)),
    hear: (content) => (listeners.get("msg:custom") ?? []).forEach((callback) => callback(content)),
    emit: (name, ...args) => (listeners.get(name) ?? []).forEach((callback) => callback(...args)),
    widget_manager: manager,
  };
  return model;
}

export const state = (more = {}) => ({
  status: "writing", who: "qwen3-4b", host: "localhost:1234", progress: null, elapsed: 1, tokens: 10, rate: 38.2,
  thought: null, facts: [], notices: [], problem: null, ...more,
});

// Mounts a cell the way the stub does; `page.kernel` says what the kernel would.
export async function mount(el, { core = "/static/lmnb.js", stub = "/static/stub.js", traits = {}, manager } = {}) {
  const life = new AbortController();
  const coreModel = fakeModel({});
  const cell = fakeModel({ core: "anywidget:core", text: "", reasoning: "", seq: 0, state: state({ status: "connecting" }), ...traits }, manager);
  const bundle = core && (await import(core)).default;
  const exports = bundle?.initialize({ model: coreModel, signal: life.signal });
  const host = { getWidget: () => (exports ? Promise.resolve({ exports }) : new Promise(() => undefined)) };
  const { default: cellWidget } = await import(stub);
  await cellWidget.render({ model: cell, el, host, signal: life.signal });
  return { cell, core: coreModel, life, exports };
}
