/** Mathematics: set by the host where it can, so that the live and the saved answer look the same; else by ours. */

import type { Maths } from "../markdown/maths";
import type { Finish } from "../markdown/render";
import type { Assets } from "./assets";
import { method, reach, type Model } from "./model";

/** What `maths.js` exports. */
export type SetMaths = (tex: string, display: boolean) => Element;

/** The typesetter for a model's views. */
export function typesetter(model: Model, assets: Assets): Finish["maths"] {
  const manager = model.widget_manager;
  const host = reach(manager, "rendermime", "latexTypesetter") ?? reach(manager, "_rendermime", "latexTypesetter");
  const typeset = method(host, "typeset");
  if (typeset) {
    return (element) => {
      void Promise.resolve(typeset(element)).catch(() => undefined);
    };
  }
  return (element, maths) => void setByOurs(element, maths, assets);
}

async function setByOurs(element: HTMLElement, { tex, display }: Maths, assets: Assets): Promise<void> {
  try {
    const set = (await assets.want("maths")) as SetMaths;
    element.replaceChildren(set(tex, display));
  } catch {
    // The source stays: it says the same.
  }
}
