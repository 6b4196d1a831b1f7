/** What crosses the wire, checked at the door (docs/wire.md); `lmnb/widgets/` mirrors it. */

export const STAGES = ["queued", "connecting", "loading", "reading", "thinking", "writing"] as const;
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
  /** Tokens of what went along, one by one. */
  counts: (number | null)[];
  /** Tokens of the prompt and of the model's context, 0 where nobody tells; empty before they are known. */
  context: number[];
  form: Form;
  tail: string;
  problem: Problem | null;
}

export const FORMS = ["markdown", "text", "json", "code", "html"] as const;
export type Form = (typeof FORMS)[number];

/** A picture; `data` is the base64 of its file, "" where it cannot be shown. */
export interface Picture {
  name: string;
  size: number;
  type: string;
  data: string;
}

/** One thing that went along with the prompt. */
export interface Enclosure {
  name: string;
  text: string;
  notes: string[];
  image: Picture | null;
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
  /** Null where the view knows it already. */
  attached: Enclosure[] | null;
}

/** What is told of an answer that stands beside the first. */
export interface Other {
  kind: "other";
  at: number;
  message: Append | Snapshot;
}

export interface Settle {
  kind: "settle";
  bundle: Bundle;
}

export type Down = Append | Snapshot | Other | Settle;

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
    counts: list(raw.counts).map(number),
    context: list(raw.context).map((item) => number(item) ?? 0),
    form: FORMS.find((known) => known === raw.form) ?? "markdown",
    tail: text(raw.tail),
    problem: problem(raw.problem),
  };
}

/** Kinds of pictures that are only painted: no document in them, and nothing that runs. */
const PAINTED = ["image/png", "image/jpeg", "image/gif", "image/webp"];

function picture(raw: unknown): Picture | null {
  if (!isFields(raw)) return null;
  const data = text(raw.data);
  const safe = PAINTED.includes(text(raw.type)) && /^[A-Za-z0-9+/]+={0,2}$/.test(data);
  return { name: text(raw.name), size: number(raw.size) ?? 0, type: text(raw.type), data: safe ? data : "" };
}

/** What went along with a prompt. */
export function readAttached(raw: unknown): Enclosure[] {
  return list(raw)
    .filter(isFields)
    .map((one) => ({ name: text(one.name), text: text(one.text), notes: strings(one.notes), image: picture(one.image) }));
}

/** An answer as the traits of a model have it. */
export function readTraits(get: (name: string) => unknown, state: State): Snapshot {
  const seq = number(get("seq")) ?? 0;
  const known = readState(get("state")) ?? state;
  return { kind: "snapshot", seq, text: text(get("text")), reasoning: text(get("reasoning")), state: known, attached: readAttached(get("attached")) };
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
        : { kind: "snapshot", seq, text: text(raw.text), reasoning: text(raw.reasoning), state, attached: raw.attached ? readAttached(raw.attached) : null };
    case "other": {
      const message = readDown(raw.message);
      const at = number(raw.at);
      return at !== null && (message?.kind === "append" || message?.kind === "snapshot") ? { kind: "other", at, message } : null;
    }
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
