/** Where in the notebook a model is shown, and what is put there instead. */

import type { Bundle } from "../protocol";
import { method, reach, type Model } from "./model";

const VIEW = "application/vnd.jupyter.widget-view+json";

/** One output of a notebook. */
export interface Place {
  id: string;
  metadata: Record<string, unknown>;
  replace(bundle: Bundle): void;
}

/** Every output of this notebook that shows a widget; nothing where the host does not tell. */
function* places(model: Model): Generator<Place> {
  const cells = reach(model.widget_manager, "context", "model", "cells") as Iterable<unknown> | undefined;
  if (typeof reach(cells, Symbol.iterator as unknown as string) !== "function") return;
  for (const cell of cells as Iterable<unknown>) {
    const outputs = reach(cell, "outputs");
    const get = method(outputs, "get");
    const set = method(outputs, "set");
    const length = reach(outputs, "length");
    if (!get || !set || typeof length !== "number") continue;
    for (let index = 0; index < length; index += 1) {
      const output = method(get(index), "toJSON")?.();
      const id = reach(output, "data", VIEW, "model_id");
      if (typeof id !== "string") continue;
      const metadata = (reach(output, "metadata") ?? {}) as Record<string, unknown>;
      yield { id, metadata, replace: (bundle) => void set(index, { output_type: "display_data", ...bundle }) };
    }
  }
}

/** Every output that shows this model. */
export async function placesOf(model: Model): Promise<Place[]> {
  const found: Place[] = [];
  for (const place of places(model)) {
    if (await shows(place.id, model)) found.push(place);
  }
  return found;
}

/**
 * Whether an id is that of the model we hold. anywidget hands out a proxy without an id, so two are compared by a value
 * that only one model can have: the very object that its `state` is.
 */
async function shows(id: string, model: Model): Promise<boolean> {
  const manager = model.widget_manager;
  if (method(manager, "has_model")?.(id) === false) return false;
  const state = model.get("state");
  if (typeof state !== "object" || state === null) return false;
  try {
    const other = await method(manager, "get_model")?.(id);
    return method(other, "get")?.("state") === state;
  } catch {
    return false;
  }
}
