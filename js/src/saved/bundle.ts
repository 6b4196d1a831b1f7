/** The saved form, written by the page when nobody else is left to write it; `lmnb.chat.transcript` makes the same. */

import type { Store } from "../cell/store";
import type { Bundle } from "../protocol";
import { savedHtml } from "./html";

/**
 * The static form of an answer that its kernel did not finish.
 *
 * @param metadata The output's own: what was known when the turn began.
 */
export function lastForm(store: Store, metadata: Record<string, unknown>): Bundle {
  const { state, text, reasoning } = store;
  const seed = record(metadata.lmnb);
  const parts = [
    { kind: "reasoning", text: reasoning },
    { kind: "text", text },
  ].filter((part) => part.text);
  const turn = { ...record(seed.turn), status: state.status, model: state.who === "LM Studio" ? null : state.who, parts };
  return {
    data: { "text/html": savedHtml(store), "text/plain": text },
    metadata: { lmnb: { v: 1, ...seed, turn } },
  };
}

function record(raw: unknown): Record<string, unknown> {
  return typeof raw === "object" && raw !== null && !Array.isArray(raw) ? (raw as Record<string, unknown>) : {};
}
