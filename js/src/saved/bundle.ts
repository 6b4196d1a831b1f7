/** The saved form, written by the page when nobody else is left to write it; `lmnb.chat.transcript` makes the same. */

import type { Store } from "../cell/store";
import type { Bundle } from "../protocol";

/** The static form of an answer that its kernel did not finish. */
export function lastForm(store: Store, metadata: Record<string, unknown>): Bundle {
  return { data: { "text/plain": store.text }, metadata };
}
