/** What is known of one answer: one store per model, however many views show it. */

import { kernelStatus } from "../host/kernel";
import { readDown, readTraits, running, warnOnce, type Append, type Bundle, type Down, type Enclosure, type Snapshot, type State, type Up } from "../protocol";
import { gauge } from "./words";

/** Milliseconds between two requests for everything. */
const RESYNC = 1_000;

/** Milliseconds after which a Stop that nobody answered becomes an interrupt. */
const UNHEARD = 1_500;

/** Milliseconds after which an idle kernel that did not answer a greeting does not know this model. */
const UNKNOWN = 5_000;

/** Milliseconds of silence after which the kernel is asked again, then twice as many: its last words may have been dropped. */
const SILENCE = 6_000;

const NOTHING: State = {
  status: "connecting",
  who: "LM Studio",
  host: "",
  progress: null,
  elapsed: 0,
  tokens: 0,
  rate: null,
  thought: null,
  facts: [],
  notices: [],
  counts: [],
  context: [],
  form: "markdown",
  tail: "",
  problem: null,
};

/** What a store needs of the page. */
export interface Doors {
  say(message: Up): void;
  /** The static form is here: put it in place. */
  settle(bundle: Bundle): void;
  /** What is told of an answer beside this one. */
  other(at: number, message: Append | Snapshot): void;
  interrupt(): boolean;
  /** Whether no cell waits for the answer: then an interrupt would hit another cell's work, and Stop waits to be heard. */
  background(): boolean;
  kernelStatus(): ReturnType<typeof kernelStatus>;
  /** Nobody is left who could go on with this answer. */
  abandon(): void;
}

export class Store {
  text = "";
  reasoning = "";
  attached: Enclosure[] = [];
  state: State = NOTHING;
  /** When `state` came, by the page's clock. */
  stateAt = performance.now();
  stopping = false;
  /** Grows with each whole replacement of the text. */
  edition = 0;
  private seq = 0;
  private askedAt = -Infinity;
  private gap = false;
  private resyncTimer: ReturnType<typeof setTimeout> | undefined;
  private stopTimer: ReturnType<typeof setTimeout> | undefined;
  private greetTimer: ReturnType<typeof setTimeout> | undefined;
  private silenceTimer: ReturnType<typeof setTimeout> | undefined;
  private readonly listeners = new Set<() => void>();

  /** @param beside Whether other answers stand beside this one; then the first of them talks to the kernel. */
  constructor(
    private readonly doors: Doors,
    readonly beside = false,
  ) {}

  /** Reads the traits: how it stood when this page, or another one, opened the model. */
  load(get: (name: string) => unknown): void {
    const known = readTraits(get, this.state);
    if (!this.edition || known.seq > this.seq) this.replace(known);
  }

  /** Calls back when something has changed, until the signal aborts. */
  subscribe(listener: () => void, signal: AbortSignal): void {
    this.listeners.add(listener);
    signal.addEventListener("abort", () => this.listeners.delete(listener), { once: true });
  }

  get running(): boolean {
    return running(this.state.status);
  }

  /** Seconds since the turn began: the kernel's, carried on by the page's clock. */
  get elapsed(): number {
    return this.state.elapsed + (this.running ? (performance.now() - this.stateAt) / 1_000 : 0);
  }

  /** Tells the kernel that somebody looks, and finds out whether it still knows of this answer. */
  greet(): void {
    this.doors.say({ kind: "hello" });
    this.askedAt = performance.now(); // everything is on its way
    clearTimeout(this.greetTimer);
    if (this.running || this.beside) this.greetTimer = setTimeout(() => this.unanswered(), UNKNOWN);
    this.awaitWords(SILENCE);
  }

  /** Says hello again when nothing is heard for so long, until the answer has its static form. */
  private awaitWords(patience: number): void {
    clearTimeout(this.silenceTimer);
    this.silenceTimer = setTimeout(() => {
      this.doors.say({ kind: "hello" });
      this.awaitWords(2 * patience);
    }, patience);
  }

  private unanswered(): void {
    const status = this.doors.kernelStatus();
    // A busy kernel may answer later; of a host that does not tell we assume the best.
    if ((this.running || this.beside) && (status === null || status === "idle" || status === "dead")) this.doors.abandon();
  }

  /** Takes a message from the kernel, whatever it is. */
  hear(raw: unknown): void {
    const message = readDown(raw);
    if (!message) return warnOnce(raw);
    clearTimeout(this.greetTimer);
    this.awaitWords(SILENCE);
    this.take(message);
  }

  /** Takes a message that was read. */
  take(message: Down): void {
    switch (message.kind) {
      case "append":
        return this.add(message);
      case "snapshot":
        if (message.seq >= this.seq) this.replace(message);
        return;
      case "other":
        return this.doors.other(message.at, message.message);
      case "settle":
        this.settled();
        clearTimeout(this.silenceTimer);
        return this.doors.settle(message.bundle);
    }
  }

  private add(message: Append): void {
    if (message.seq <= this.seq) return;
    if (message.seq > this.seq + 1) {
      this.gap = true;
      return this.resync();
    }
    this.seq = message.seq;
    this.text += message.text;
    this.reasoning += message.reasoning;
    if (message.state) this.enter(message.state);
    this.tell();
  }

  private replace({ seq, text, reasoning, state, attached }: Snapshot): void {
    this.gap = false;
    clearTimeout(this.resyncTimer);
    this.resyncTimer = undefined;
    this.seq = seq;
    if (!text.startsWith(this.text) || !reasoning.startsWith(this.reasoning) || !this.edition) this.edition += 1;
    this.text = text;
    this.reasoning = reasoning;
    if (attached) this.attached = attached;
    this.enter(state);
    this.tell();
  }

  private enter(state: State): void {
    this.state = state;
    this.stateAt = performance.now();
    if (!this.running) this.settled();
  }

  /** Asks for everything, at most once a second, until it comes. */
  private resync(): void {
    if (this.resyncTimer !== undefined) return;
    const wait = Math.max(0, this.askedAt + RESYNC - performance.now());
    const ask = (): void => {
      this.resyncTimer = undefined;
      if (!this.gap) return;
      this.askedAt = performance.now();
      this.doors.say({ kind: "resync", seq: this.seq });
      if (this.running) this.resync();
    };
    if (wait > 0) this.resyncTimer = setTimeout(ask, wait);
    else ask();
  }

  /** Stops the answer; where the kernel does not hear it, by an interrupt. */
  stop(): void {
    if (!this.running || this.stopping) return;
    this.stopping = true;
    this.doors.say({ kind: "stop" });
    this.stopTimer = setTimeout(() => this.unheard(), UNHEARD);
    this.tell();
  }

  private unheard(): void {
    if (!this.running || this.doors.background()) return;
    // Without a way to interrupt the button comes back, to be pressed again.
    if (this.doors.interrupt()) this.stopTimer = setTimeout(() => this.release(), UNHEARD);
    else this.release();
  }

  private release(): void {
    this.stopping = false;
    this.tell();
  }

  private settled(): void {
    this.stopping = false;
    clearTimeout(this.stopTimer);
    clearTimeout(this.greetTimer);
  }

  /** Ends the answer here: the kernel is gone. */
  die(): void {
    if (!this.running) return;
    clearTimeout(this.silenceTimer);
    this.enter({ ...this.state, status: "kernelDied", progress: null, elapsed: this.elapsed, facts: endFacts(this.state) });
    this.tell();
  }

  /** Lets go of the timers. */
  dispose(): void {
    this.settled();
    clearTimeout(this.resyncTimer);
    clearTimeout(this.silenceTimer);
  }

  private tell(): void {
    for (const listener of this.listeners) listener();
  }
}

/** The facts of an answer that nobody finished; `lmnb.chat.painting.facts` says them in the same words. */
function endFacts({ tokens, rate, context }: State): string[] {
  const said: string[] = [];
  if (tokens) said.push(`${tokens.toLocaleString("en-US")} token${tokens === 1 ? "" : "s"}`);
  if (rate && tokens) said.push(`${rate.toFixed(1)} tok/s`);
  return [...said, "the kernel ended", ...gauge(context)];
}
