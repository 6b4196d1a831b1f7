/** The front end of lmnb: one copy per page, from which every cell's stub mounts its view. */

import { mountCell } from "./cell/mount";
import { Assets } from "./host/assets";
import type { Model, MountArgs } from "./host/model";

/** What a stub gets from the core. */
export interface Exports {
  mount(args: MountArgs): void;
}

export default {
  // anywidget gives a model up for ever after 2 s: nothing heavy here.
  initialize({ model, signal }: { model: Model; signal: AbortSignal }): Exports {
    const assets = new Assets(model, signal);
    return { mount: (args) => mountCell(args, assets) };
  },
};
