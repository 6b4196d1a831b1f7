/** A page for tests: its globals are in place when this module has been imported. */

import { Window } from "happy-dom";

const window = new Window({ url: "http://localhost:8888/lab" });
const names = ["document", "Node", "Element", "HTMLElement", "Text", "Event", "KeyboardEvent", "MouseEvent", "getComputedStyle"] as const;
for (const name of names) Object.defineProperty(globalThis, name, { value: window[name as never], configurable: true, writable: true });
Object.defineProperty(globalThis, "window", { value: window, configurable: true, writable: true });
Object.defineProperty(globalThis, "requestAnimationFrame", { value: (work: () => void) => setTimeout(work, 1), configurable: true });
Object.defineProperty(globalThis, "cancelAnimationFrame", { value: (id: never) => clearTimeout(id), configurable: true });

/** Waits until something is so; fails after five seconds. */
export async function until(so: () => unknown, what = String(so)): Promise<void> {
  const end = Date.now() + 5_000;
  while (!so()) {
    if (Date.now() > end) throw new Error(`never: ${what}`);
    await new Promise((resolve) => setTimeout(resolve, 2));
  }
}
