/** What crosses the wire, checked at the door (docs/wire.md); `lmnb/widgets/` mirrors it. */

export const STAGES = ["connecting", "loading", "reading", "thinking", "writing"] as const;
export const OUTCOMES = ["done", "stopped", "interrupted", "failed", "kernelDied"] as const;

export type Stage = (typeof STAGES)[number];
export type Outcome = (typeof OUTCOMES)[number];
export type Status = Stage | Outcome;

export interface Choice {
  name: string;
  note: string;
}

export interface Problem {
  kind: string;
  title: string;
  lines: string[];
  choices: Choice[];
}

export interface State {
  status: Status;
  who: string;
  host: string;
  progress: number | null;
  elapsed: number;
  tokens: number;
  rate: number | null;
  thought: number | null;
  facts: string[];
  notices: string[];
  problem: Problem | null;
}

export interface Bundle {
  data: Record<string, unknown>;
  metadata: Record<string, unknown>;
}

export interface Append {
  kind: "append";
  seq: number;
  text: string;
  reasoning: string;
  state: State | null;
}

export interface Snapshot {
  kind: "snapshot";
  seq: number;
  text: string;
  reasoning: string;
  state: State;
}

export interface Settle {
  kind: "settle";
  bundle: Bundle;
}

export type Down = Append | Snapshot | Settle;

export type Up =
  | { kind: "hello" }
  | { kind: "stop" }
  | { kind: "resync"; seq: number }
  | { kind: "settled"; count: number };

/** The two messages of the core's model. */
export type CoreUp = { kind: "want"; asset: string };
export interface Asset {
  kind: "asset";
  name: string;
  source: string;
}

export function running(status: Status): status is Stage {
  return (STAGES as readonly string[]).includes(status);
}

type Fields = Record<string, unknown>;

const isFields = (raw: unknown): raw is Fields => typeof raw === "object" && raw !== null && !Array.isArray(raw);
const text = (raw: unknown, otherwise = ""): string => (typeof raw === "string" ? raw : otherwise);
const number = (raw: unknown): number | null => (typeof raw === "number" && Number.isFinite(raw) ? raw : null);
const list = (raw: unknown): unknown[] => (Array.isArray(raw) ? raw : []);
const strings = (raw: unknown): string[] => list(raw).filter((item) => typeof item === "string");

function problem(raw: unknown): Problem | null {
  if (!isFields(raw)) return null;
  const choices = list(raw.choices)
    .filter(isFields)
    .map((choice) => ({ name: text(choice.name), note: text(choice.note) }));
  return { kind: text(raw.kind), title: text(raw.title), lines: strings(raw.lines), choices };
}

/** A state as the kernel paints it, or null where that is not one. */
export function readState(raw: unknown): State | null {
  if (!isFields(raw)) return null;
  const status = [...STAGES, ...OUTCOMES].find((known) => known === raw.status);
  if (!status) return null;
  return {
    status,
    who: text(raw.who, "LM Studio"),
    host: text(raw.host),
    progress: number(raw.progress),
    elapsed: number(raw.elapsed) ?? 0,
    tokens: number(raw.tokens) ?? 0,
    rate: number(raw.rate),
    thought: number(raw.thought),
    facts: strings(raw.facts),
    notices: strings(raw.notices),
    problem: problem(raw.problem),
  };
}

/** A message of the kernel, or null where it is none that we know. */
export function readDown(raw: unknown): Down | null {
  if (!isFields(raw)) return null;
  const seq = number(raw.seq);
  const state = readState(raw.state);
  switch (raw.kind) {
    case "append":
      return seq === null
        ? null
        : { kind: "append", seq, text: text(raw.text), reasoning: text(raw.reasoning), state };
    case "snapshot":
      return seq === null || !state
        ? null
        : { kind: "snapshot", seq, text: text(raw.text), reasoning: text(raw.reasoning), state };
    case "settle": {
      const { bundle } = raw;
      if (!isFields(bundle) || !isFields(bundle.data)) return null;
      return { kind: "settle", bundle: { data: bundle.data, metadata: isFields(bundle.metadata) ? bundle.metadata : {} } };
    }
    default:
      return null;
  }
}

/** An asset that the core was asked for, or null. */
export function readAsset(raw: unknown): Asset | null {
  if (!isFields(raw) || raw.kind !== "asset" || typeof raw.source !== "string") return null;
  return { kind: "asset", name: text(raw.name), source: raw.source };
}

let warned = false;

/** Says once per page that a message was not understood: a newer kernel may say more than this page knows. */
export function warnOnce(raw: unknown): void {
  if (warned) return;
  warned = true;
  console.warn("lmnb: a message of the kernel was not understood and is left out", raw);
}
