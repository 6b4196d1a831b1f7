/** What the status row says, word for word. */

import { running, type State } from "../protocol";

/** One thing the row says; what is `wide` leaves first when there is little room. */
export interface Fact {
  text: string;
  wide?: boolean;
  /** Whether it is a number that changes while one looks. */
  counts?: boolean;
  /** From 0 to 1: a meter between the word and its number. */
  meter?: number;
  /** Whether it says how full the context is; it is the first to leave. */
  gauge?: boolean;
  /** How full it is, from 0 to 1, while the answer runs. */
  share?: number;
  /** What a pointer on it reads. */
  title?: string;
  /** Words after the text that leave when there is little room. */
  more?: string;
}

const seconds = (value: number): string => `${Math.max(0, Math.floor(value))} s`;

/** Seconds of writing have one decimal, as the rate beside them has. */
const tenths = (value: number): string => `${(Math.floor(Math.max(0, value) * 10 + 1e-6) / 10).toFixed(1)} s`;

const perCent = (part: number): string => `${Math.floor(Math.min(1, Math.max(0, part)) * 100 + 1e-6)} %`;

function working(word: string, state: State, elapsed: number): Fact[] {
  const { progress } = state;
  const doing: Fact = progress === null ? { text: word } : { text: word, meter: progress };
  return [doing, { text: seconds(elapsed), wide: true, counts: true }, ...gaugeFact(state)];
}

/** How much of the context the prompt takes, as `lmnb.chat.painting.gauge` says it. */
export function gauge([prompt, length]: number[]): string[] {
  if (prompt === undefined) return [];
  return [`prompt ${grouped(prompt)}${length ? ` of ${grouped(length)}` : ""} tokens`];
}

const grouped = (count: number): string => count.toLocaleString("en-US");

function gaugeFact(state: State, text = gauge(state.context)[0]): Fact[] {
  const [prompt, length] = state.context;
  if (prompt === undefined || !text) return [];
  const title = length ? `${grouped(Math.max(0, length - prompt))} tokens are left for the answer` : "";
  const share = length && running(state.status) ? prompt / length : undefined;
  return [{ text, title, share, gauge: true }];
}

/** The tokens of one thing that went along. */
export function tokens(count: number | null | undefined): string {
  return typeof count === "number" ? ` · ${grouped(count)} token${count === 1 ? "" : "s"}` : "";
}

function speaking(word: string, state: State, time: string): Fact[] {
  const rate: Fact[] = state.rate === null ? [] : [{ text: `${state.rate.toFixed(1)} tok/s`, counts: true }];
  return [{ text: word }, ...rate, { text: time, wide: true, counts: true }, ...gaugeFact(state)];
}

/**
 * The facts after the name.
 *
 * @param elapsed Seconds by the view's own clock.
 * @param beside Whether it stands beside others.
 */
export function facts(state: State, elapsed: number, beside = false): Fact[] {
  switch (state.status) {
    case "queued":
      return [{ text: beside ? "Waiting for its turn" : "Waiting for the answer above" }];
    case "connecting":
      return [{ text: "Connecting", more: state.host ? ` to ${state.host}` : "" }];
    case "loading":
      return working("Loading", state, elapsed);
    case "reading":
      return working("Reading prompt", state, elapsed);
    case "thinking":
      return speaking("Thinking", state, seconds(elapsed));
    case "writing":
      return speaking("Writing", state, tenths(elapsed));
    default:
      return ended(state);
  }
}

/** Which of the facts says how the answer ended; -1 where it ended by itself. */
export function endingOf({ facts }: State): number {
  return facts.findIndex((fact) => !/^(?:first token|prompt|[\d.,]+) /.test(fact));
}

/** When there is little room an ending says more than any number; without one, the first two facts do. */
function ended(state: State): Fact[] {
  const last = state.facts.length - (state.context.length ? 1 : 0);
  const ending = endingOf(state);
  const facts: Fact[] = state.facts.slice(0, last).map((text, index) => ({ text, wide: ending >= 0 ? index !== ending : index > 1 }));
  return [...facts, ...gaugeFact(state, state.facts[last])];
}

/** The row as one line of text. */
export function words(state: State, elapsed = state.elapsed): string {
  const said = facts(state, elapsed).map(({ text, meter, more }) => `${text}${more ?? ""}${meter === undefined ? "" : ` ${perCent(meter)}`}`);
  return [state.who, ...said].join(" · ");
}

export { perCent };

/** What is announced when a stage begins; numbers are not. */
export function announcement(state: State, from: State | null): string {
  switch (state.status) {
    case "queued":
      return "Waiting for the answer before this one";
    case "connecting":
      return "Connecting to LM Studio";
    case "loading":
      return `Loading ${state.who}`;
    case "reading":
      return "Reading the prompt";
    case "thinking":
      return "Thinking";
    case "writing":
      return "Writing the answer";
    case "failed":
      return ""; // the problem is an alert and speaks for itself
    default:
      if (!from || !running(from.status)) return "";
      return state.status === "done" ? "Answer finished" : "Answer stopped";
  }
}

/** The words on the fold that holds the thoughts. */
export function foldWords(state: State): string {
  if (state.status === "thinking") return "Thoughts so far";
  return state.thought === null ? "Thoughts" : `Thought for ${Math.max(1, Math.round(state.thought))} s`;
}
