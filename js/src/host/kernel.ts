/** The kernel behind a view: whether it lives, and how it is interrupted, where the host tells. */

import { method, reach, type Model } from "./model";

const GONE = new Set(["restarting", "autorestarting", "dead", "terminating"]);

interface Signal {
  connect(slot: (sender: unknown, args: unknown) => void): unknown;
  disconnect(slot: (sender: unknown, args: unknown) => void): unknown;
}

/** Interrupts the kernel; false where the host has no way to. */
export function interrupt(model: Model): boolean {
  const call = method(reach(model.widget_manager, "kernel"), "interrupt");
  if (!call) return false;
  void Promise.resolve(call()).catch((problem: unknown) => console.warn("lmnb: the kernel could not be interrupted", problem));
  return true;
}

/** What the kernel does: "idle", "busy", …, null where there is none, undefined where the host does not tell. */
export function kernelStatus(model: Model): string | null | undefined {
  const manager = model.widget_manager;
  const session = reach(manager, "context", "sessionContext");
  const kernel = reach(manager, "kernel") ?? reach(session, "session", "kernel");
  if (kernel === null || kernel === undefined) return session ? null : undefined;
  const status = reach(kernel, "status");
  return typeof status === "string" ? status : undefined;
}

/**
 * Calls back when the kernel that owns the model is gone for good: restarted, dead, shut down, replaced.
 *
 * "unknown" alone says only that the page has lost its connection; it counts where no kernel is left to come back to.
 */
export function onKernelGone(model: Model, gone: () => void, signal: AbortSignal): void {
  const session = reach(model.widget_manager, "context", "sessionContext");
  const kernel = reach(model.widget_manager, "kernel");
  const source = session ?? kernel;
  const look = (_sender: unknown, status: unknown): void => {
    if (typeof status === "string" && (GONE.has(status) || (status === "unknown" && !kernelStatus(model)))) gone();
  };
  const lost = (_sender: unknown, status: unknown): void => {
    if (status === "disconnected") gone();
  };
  const changed = (_sender: unknown, change: unknown): void => {
    const before = reach(change, "oldValue", "id");
    if (before && before !== reach(change, "newValue", "id")) gone();
  };
  connect(reach(source, "statusChanged"), look, signal);
  connect(reach(source, "connectionStatusChanged"), lost, signal);
  connect(reach(session, "kernelChanged"), changed, signal);
}

/** Calls back when the page has its connection again: meanwhile messages were lost, or the kernel was. */
export function onReconnected(model: Model, back: () => void, signal: AbortSignal): void {
  const source = reach(model.widget_manager, "context", "sessionContext") ?? reach(model.widget_manager, "kernel");
  const look = (_sender: unknown, status: unknown): void => {
    if (status === "connected") back();
  };
  connect(reach(source, "connectionStatusChanged"), look, signal);
}

function connect(found: unknown, slot: (sender: unknown, args: unknown) => void, signal: AbortSignal): void {
  if (typeof reach(found, "connect") !== "function") return;
  (found as Signal).connect(slot);
  signal.addEventListener("abort", () => (found as Signal).disconnect?.(slot), { once: true });
}
