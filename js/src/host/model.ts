/** What anywidget and the page around it give us, as far as it is there: everything but the first four is asked for. */

export interface Model {
  get(name: string): unknown;
  send(content: unknown): void;
  on(name: string, callback: (...args: unknown[]) => void): void;
  off(name: string, callback: (...args: unknown[]) => void): void;
  readonly widget_manager?: unknown;
}

export interface MountArgs {
  model: Model;
  el: HTMLElement;
  signal: AbortSignal;
}

/** A value somewhere inside the host, or undefined: hosts differ, and so do their releases. */
export function reach(from: unknown, ...path: string[]): unknown {
  let at = from;
  for (const name of path) {
    if ((typeof at !== "object" && typeof at !== "function") || at === null) return undefined;
    try {
      at = (at as Record<string, unknown>)[name];
    } catch {
      return undefined;
    }
  }
  return at;
}

/** A method of something inside the host, bound to it. */
export function method(of: unknown, name: string): ((...args: unknown[]) => unknown) | undefined {
  const found = reach(of, name);
  return typeof found === "function" ? found.bind(of) : undefined;
}

/** Listens until the signal aborts; hosts that know no such event never call. */
export function listen(model: Model, name: string, callback: (...args: unknown[]) => void, signal: AbortSignal): void {
  model.on(name, callback);
  signal.addEventListener("abort", () => model.off(name, callback), { once: true });
}
