/** A page's half of anywidget and a kernel that a test plays. */

import type { Model } from "../src/host/model";

export interface FakeModel extends Model {
  said: Record<string, unknown>[];
  traits: Record<string, unknown>;
  hear(content: unknown): void;
  emit(name: string, ...args: unknown[]): void;
}

/** One model; `view()` gives the proxy that another view of it would get. */
export function fakeModel(traits: Record<string, unknown> = {}, manager?: unknown): FakeModel & { view(): FakeModel } {
  const listeners: [string, (...args: unknown[]) => void][] = [];
  const said: Record<string, unknown>[] = [];
  const proxy = (): FakeModel => ({
    said,
    traits,
    widget_manager: manager,
    get: (name) => traits[name],
    send: (content) => void said.push(content as Record<string, unknown>),
    on: (name, callback) => void listeners.push([name, callback]),
    off: (name, callback) => {
      const at = listeners.findIndex(([known, other]) => known === name && other === callback);
      if (at >= 0) listeners.splice(at, 1);
    },
    emit: (name, ...args) => {
      for (const [known, callback] of [...listeners]) if (known === name) callback(...args);
    },
    hear(content) {
      this.emit("msg:custom", content);
    },
  });
  return Object.assign(proxy(), { view: proxy });
}

export function state(more: Record<string, unknown> = {}): Record<string, unknown> {
  return {
    status: "writing",
    who: "qwen3-4b",
    host: "localhost:1234",
    progress: null,
    elapsed: 1,
    tokens: 10,
    rate: 38.2,
    thought: null,
    facts: [],
    notices: [],
    problem: null,
    ...more,
  };
}
