/** The saved form, written by the page when nobody else is left to write it; `lmnb.chat.transcript` makes the same. */

import type { Store } from "../cell/store";
import type { Bundle } from "../protocol";
import { savedHtml, sideBySide } from "./html";

/** Bytes that the texts of one turn may take in the metadata, as `lmnb.chat.record` has it with room for the rest. */
const LIMIT = 240_000;

/**
 * The static form of answers that their kernel did not finish.
 *
 * @param stores One, or those that stand side by side.
 * @param metadata The output's own: what was known when the turns began.
 */
export function lastForm(stores: Store[], metadata: Record<string, unknown>): Bundle {
  const [first, ...others] = stores as [Store, ...Store[]];
  const { turn, beside, ...seed } = record(metadata.lmnb);
  const room = LIMIT / stores.length;
  const turns = { turn: lastTurn(first, record(turn), room), ...(others.length ? { beside: others.map((store, at) => lastTurn(store, record(Array.isArray(beside) ? beside[at] : null), room)) } : {}) };
  const html = others.length ? sideBySide(stores) : savedHtml(first);
  const text = others.length ? stores.map((store) => `${store.state.who}:\n\n${plain(store)}`).join("\n\n") : plain(first);
  return { data: { "text/html": html, "text/plain": text }, metadata: { lmnb: { v: 1, ...seed, ...turns } } };
}

function plain({ state, text }: Store): string {
  return text.replace(/^\n+|\n+$/g, "") || [state.who, ...state.facts].join(" · ");
}

function lastTurn(store: Store, seed: Record<string, unknown>, limit: number): Record<string, unknown> {
  const { state, text, reasoning } = store;
  const room = limit - size(seed);
  const answer = cut(text, room);
  const thoughts = cut(reasoning, room - size(answer));
  const known = {
    status: state.status,
    host: state.host,
    model: state.who === "LM Studio" ? "" : state.who,
    parts: [
      { kind: "reasoning", text: thoughts },
      { kind: "text", text: answer },
    ].filter((part) => part.text),
    thought: state.thought,
    tokens: state.tokens,
    notices: state.notices,
    ended: Date.now() / 1_000,
    truncated: thoughts.length + answer.length < reasoning.length + text.length,
  };
  const said = Object.entries(known).filter(([, value]) => (Array.isArray(value) ? value.length > 0 : Boolean(value)));
  return { ...seed, ...Object.fromEntries(said) };
}

/** As much of the beginning of a text as fits into so many bytes of JSON. */
function cut(text: string, room: number): string {
  let kept = text.slice(0, Math.max(0, room));
  for (let bytes = size(kept); kept && bytes > room; bytes = size(kept)) kept = kept.slice(0, Math.floor((kept.length * room) / bytes) - 1);
  return kept.replace(/[\ud800-\udbff]$/, "");
}

function size(value: unknown): number {
  return new TextEncoder().encode(JSON.stringify(value)).length;
}

function record(raw: unknown): Record<string, unknown> {
  return typeof raw === "object" && raw !== null && !Array.isArray(raw) ? (raw as Record<string, unknown>) : {};
}
