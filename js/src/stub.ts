/** Each cell's own front end: it crosses the wire with every cell, so it is short. */

import type { Exports } from "./core";
import type { MountArgs } from "./host/model";

interface RenderArgs extends MountArgs {
  host: { getWidget(reference: unknown): Promise<{ exports: Exports }> };
}

export default {
  async render({ model, el, host, signal }: RenderArgs): Promise<void> {
    let core: { exports: Exports } | undefined;
    try {
      core = await Promise.race([host.getWidget(model.get("core")), new Promise<never>((_, no) => setTimeout(no, 3_000))]);
    } catch {
      // The words are worth more than their form.
    }
    if (signal.aborted) return;
    if (core) return core.exports.mount({ model, el, signal });
    el.style.whiteSpace = "pre-wrap";
    el.textContent = String(model.get("text"));
    model.on("msg:custom", (raw) => {
      const { kind, text } = raw as { kind: string; text?: string };
      if (kind === "settle") model.send({ kind: "settled", count: 0 });
      else if (text != null) el.textContent = kind === "append" ? el.textContent + text : text;
    });
    model.send({ kind: "hello" });
  },
};
