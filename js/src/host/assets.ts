/** What is sent only when it is wanted: asked of the core, evaluated once per page. */

import { readAsset } from "../protocol";
import { listen, type Model } from "./model";

const PATIENCE = 20_000;

/** Fetches modules by name from the kernel. */
export class Assets {
  private readonly modules = new Map<string, Promise<unknown>>();

  constructor(
    private readonly core: Model,
    private readonly signal: AbortSignal,
  ) {}

  /** The default export of an asset; rejects where the kernel does not send it. */
  want(name: string): Promise<unknown> {
    let module = this.modules.get(name);
    if (!module) {
      module = this.ask(name).then(load);
      module.catch(() => this.modules.delete(name));
      this.modules.set(name, module);
    }
    return module;
  }

  private ask(name: string): Promise<string> {
    return new Promise((resolve, reject) => {
      const done = new AbortController();
      const end = AbortSignal.any([done.signal, this.signal, AbortSignal.timeout(PATIENCE)]);
      end.addEventListener("abort", () => reject(new Error(`lmnb: ${name} did not come`)), { once: true });
      const hear = (raw: unknown): void => {
        const asset = readAsset(raw);
        if (asset?.name !== name) return;
        resolve(asset.source);
        done.abort();
      };
      listen(this.core, "msg:custom", hear, end);
      this.core.send({ kind: "want", asset: name });
    });
  }
}

/** Evaluates our own code the way anywidget does. */
async function load(source: string): Promise<unknown> {
  const url = URL.createObjectURL(new Blob([source], { type: "text/javascript" }));
  try {
    const module = (await import(url)) as { default: unknown };
    return module.default;
  } finally {
    URL.revokeObjectURL(url);
  }
}
