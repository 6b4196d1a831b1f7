/** One view of one answer: head, answer, problem. It paints once per frame, and only what has changed. */

import { h, show } from "../dom";
import { Follower } from "../host/scroll";
import { opening } from "../markdown/forms";
import { MarkdownStream } from "../markdown/stream";
import { Renderer, type Finish } from "../markdown/render";
import { caretHost } from "./caret";
import { ContextRow } from "./context";
import { problemBlock, sentence } from "./problem";
import { StatusRow } from "./status";
import type { Store } from "./store";

/** The clock's beat in milliseconds. */
const BEAT = 500;

/** A stream of Markdown that follows a text which grows in the store. */
interface Followed {
  stream: MarkdownStream;
  shown: number;
  /** Whether it is known what the text is read as. */
  opened: boolean;
}

export class CellView {
  readonly element: HTMLElement;
  private readonly status: StatusRow;
  private readonly notices = h("div", { class: "lmnb-notices", hidden: true });
  private readonly context: ContextRow;
  private readonly prose = h("div", { class: "lmnb-prose jp-RenderedHTMLCommon jp-RenderedMarkdown", hidden: true });
  private readonly tail = h("div", { class: "lmnb-row lmnb-tail" });
  private readonly caret = h("span", { class: "lmnb-caret", "aria-hidden": "true" });
  private readonly renderer: Renderer;
  private readonly follower: Follower;
  private answer: Followed;
  private thoughts: Followed;
  private problem: HTMLElement | null = null;
  private edition = -1;
  private noticed = "";
  private tailed = "";
  private frame = 0;
  private off = false;
  private timer: ReturnType<typeof setTimeout> | undefined;

  constructor(
    private readonly store: Store,
    finish: Finish,
    private readonly signal: AbortSignal,
  ) {
    this.renderer = new Renderer(finish);
    this.status = new StatusRow(store);
    this.context = new ContextRow(store);
    this.context.thoughts.addEventListener("toggle", () => this.soon());
    const head = h("div", { class: "lmnb-head" }, this.status.element, this.notices, this.context.element);
    this.element = h("div", { class: "lmnb lmnb-cell" }, head);
    this.follower = new Follower(this.element);
    this.answer = this.begin(this.prose);
    this.thoughts = this.begin(this.context.inside);
    this.keys();
    store.subscribe(() => this.soon(), signal);
    signal.addEventListener("abort", () => this.stop(), { once: true });
    this.paint();
  }

  private begin(host: Element): Followed {
    host.replaceChildren();
    return { stream: new MarkdownStream(host, this.renderer), shown: 0, opened: false };
  }

  private stop(): void {
    cancelAnimationFrame(this.frame);
    clearTimeout(this.timer);
  }

  private soon(beat = false): void {
    if (this.frame || this.signal.aborted) return;
    // A press of Stop is answered at once, however slowly the text is painted.
    const rest = this.store.running && !this.store.stopping ? Math.max(this.answer.stream.nextAt, this.thoughts.stream.nextAt) - performance.now() : 0;
    if (rest > 0) {
      clearTimeout(this.timer);
      this.timer = setTimeout(() => this.soon(beat), rest);
      return;
    }
    this.frame = requestAnimationFrame(() => {
      this.frame = 0;
      // The caret blinks with the clock while nothing comes: an animation would ask for frames of its own with each move.
      this.off = this.caret.classList.toggle("lmnb-off", beat && !this.off);
      this.follower.keep(() => this.paint());
    });
  }

  private paint(): void {
    const { store } = this;
    if (store.edition !== this.edition) {
      this.edition = store.edition;
      this.answer = this.begin(this.prose);
      this.thoughts = this.begin(this.context.inside);
    }
    this.status.paint();
    this.paintNotices();
    this.paintThoughts();
    this.paintAnswer();
    this.paintTail();
    this.paintProblem();
    clearTimeout(this.timer);
    if (store.running) this.timer = setTimeout(() => this.soon(true), BEAT);
  }

  private paintNotices(): void {
    const { notices } = this.store.state;
    const key = notices.join("\n");
    if (key === this.noticed) return;
    this.noticed = key;
    this.notices.replaceChildren(
      ...notices.map((notice) => h("div", { class: "lmnb-row lmnb-note" }, h("span", { dir: "auto" }, ...sentence(notice)))),
    );
    show(this.notices, notices.length > 0);
  }

  private paintThoughts(): void {
    const { reasoning, state } = this.store;
    this.context.paint();
    // Folded thoughts cost nothing: they are read when somebody looks.
    if (this.context.thoughts.open) this.follow(this.thoughts, reasoning, state.status !== "thinking");
  }

  private paintAnswer(): void {
    const { text, running } = this.store;
    const empty = text.trim() === "" || !this.open(this.answer, text);
    if (!this.prose.isConnected && !empty) this.element.firstElementChild?.after(this.prose);
    show(this.prose, !empty);
    if (empty) return;
    this.follow(this.answer, text, !running);
    if (!running) this.caret.remove();
    else {
      const host = caretHost(this.prose, this.caret);
      if (host.lastChild !== this.caret) host.append(this.caret);
    }
  }

  /** Puts before the text what makes it another form than Markdown; false while that cannot be told. */
  private open(followed: Followed, text: string): boolean {
    const before = followed.opened ? "" : opening(text, this.store.state.form, !this.store.running);
    if (before === null) return false;
    followed.stream.append(before);
    followed.opened = true;
    return true;
  }

  private follow(followed: Followed, text: string, ended: boolean): void {
    if (text.length > followed.shown) followed.stream.append(text.slice(followed.shown));
    followed.shown = text.length;
    if (ended) followed.stream.end();
    else if (followed.stream.paint()) this.soon();
  }

  private paintTail(): void {
    const { tail } = this.store.state;
    if (this.tailed === tail) return;
    this.tailed = tail;
    this.tail.replaceChildren(h("span", { dir: "auto" }, ...sentence(tail)));
    if (tail) this.prose.after(this.tail);
    else this.tail.remove();
  }

  private paintProblem(): void {
    const { problem } = this.store.state;
    if (!problem === !this.problem) return;
    this.problem?.remove();
    this.problem = problem && problemBlock(problem);
    if (this.problem) this.element.append(this.problem);
  }

  /** Esc stops while the focus is inside; the host's shortcuts must not take the keys of our buttons. */
  private keys(): void {
    const { element, signal, store } = this;
    const own = (event: KeyboardEvent): void => {
      if (!(event.target instanceof Node) || !element.contains(event.target)) return;
      const ours = ["Enter", " ", "Escape"].includes(event.key) && !event.ctrlKey && !event.metaKey && !event.altKey;
      element.setAttribute("data-lm-suppress-shortcuts", String(ours));
    };
    // On the window, as the host listens on the document, before anything inside it hears.
    window.addEventListener("keydown", own, { capture: true, signal });
    const stop = (event: KeyboardEvent): void => {
      if (event.key !== "Escape" || !store.running) return;
      event.preventDefault();
      event.stopPropagation();
      store.stop();
    };
    element.addEventListener("keydown", stop, { signal });
  }
}
