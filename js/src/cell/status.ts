/** The row that speaks for the machine. It stands from the first moment to the last, and so does its button. */

import { copyButton } from "../code/copy";
import { h, icon, say } from "../dom";
import { visible } from "../markdown/hidden";
import { running } from "../protocol";
import type { Store } from "./store";
import { facts, perCent, type Fact } from "./words";

/** Numbers change at most this often, in milliseconds. */
const CALM = 500;

/** A name of so many characters has its place however narrow the row. */
const SHORT = 8;

/** A press this soon after the end was meant for Stop. */
const LATE_PRESS = 600;

export class StatusRow {
  readonly element: HTMLElement;
  private readonly who = h("span", { class: "lmnb-who" });
  private readonly facts = h("span", { class: "lmnb-facts" }, this.who);
  private readonly acts = h("span", { class: "lmnb-acts" });
  private readonly stop: HTMLButtonElement;
  private readonly stopWord = h("span", { class: "lmnb-wide" }, "Stop");
  private readonly copy: HTMLButtonElement;
  private shape = "";
  private said: Store["state"] | null = null;
  private numbersAt = -Infinity;
  private endedAt = -Infinity;

  constructor(private readonly store: Store) {
    this.stop = h("button", { type: "button", class: "lmnb-button lmnb-edge lmnb-stop", "aria-label": "Stop", title: "Stop (Esc)" }, icon("stop"), this.stopWord);
    this.stop.addEventListener("click", () => store.stop());
    this.copy = copyButton("Copy answer", () => store.text);
    this.copy.addEventListener("click", (event) => this.late(event), { capture: true });
    this.element = h("div", { class: "lmnb-row lmnb-status" }, this.facts, this.acts);
  }

  /** Paints what has changed since the last time. */
  paint(): void {
    const { state } = this.store;
    if (this.said && running(this.said.status) && !running(state.status)) this.endedAt = performance.now();
    this.said = state;
    this.button();
    if (this.who.textContent !== state.who) {
      this.who.replaceChildren(...visible(state.who));
      this.who.title = state.who;
      this.who.classList.toggle("lmnb-long", state.who.length > SHORT);
    }
    this.paintFacts(facts(state, this.store.elapsed, this.store.beside));
  }

  private paintFacts(all: Fact[]): void {
    const shape = all.map((fact) => [fact.counts ? "" : fact.text, fact.more, fact.wide, fact.meter !== undefined].join()).join("|");
    const now = performance.now();
    if (shape !== this.shape) {
      this.shape = shape;
      this.facts.replaceChildren(this.who, ...all.map(factElement));
    } else if (now - this.numbersAt < CALM - 20) return;
    else all.forEach((fact, index) => refresh(this.facts.children[index + 1], fact));
    this.numbersAt = now;
  }

  private button(): void {
    const { running: runs, stopping, text, beside, state } = this.store;
    // Stop ends what runs: beside it, one that waits has none.
    const stoppable = runs && !(beside && state.status === "queued");
    const wanted = stoppable ? this.stop : !runs && text ? this.copy : null;
    const had = this.acts.contains(document.activeElement);
    if (this.acts.firstChild !== wanted) {
      this.acts.replaceChildren(...(wanted ? [wanted] : []));
      if (had) wanted?.focus({ preventScroll: true });
    }
    if (this.stop.getAttribute("aria-disabled") === String(stopping)) return;
    // Not `disabled`, which would drop the focus, and Esc with it.
    this.stop.setAttribute("aria-disabled", String(stopping));
    this.stop.setAttribute("aria-label", stopping ? "Stopping" : "Stop");
    this.stop.title = stopping ? "Stopping" : "Stop (Esc)";
    say(this.stopWord, stopping ? "Stopping" : "Stop");
  }

  private late(event: Event): void {
    if (performance.now() - this.endedAt < LATE_PRESS) event.stopImmediatePropagation();
  }
}

function factElement(fact: Fact): HTMLElement {
  if (fact.gauge) return gaugeElement(fact);
  const words = h("bdi", {});
  if (fact.counts) words.append(h("span", { class: "lmnb-num" }, fact.text));
  else words.append(...visible(fact.text));
  if (fact.more) words.append(h("span", { class: "lmnb-wide" }, ...visible(fact.more)));
  if (fact.meter !== undefined) words.append(...meter(fact.text, fact.meter));
  return h("span", { class: fact.wide ? "lmnb-wide" : undefined }, words);
}

/** The last fact stands in a box of its own, out of which it falls as a whole where it does not fit. */
function gaugeElement({ text, title, share }: Fact): HTMLElement {
  const bar = share === undefined ? [] : [h("span", { class: "lmnb-meter", style: `--at:${perCent(share).replace(" ", "")}` }, h("i"))];
  return h("span", { class: "lmnb-gauge", title: title || undefined }, h("span", {}, h("bdi", {}, text), ...bar));
}

function meter(word: string, at: number): HTMLElement[] {
  const bar = h("span", { class: "lmnb-meter", role: "progressbar", "aria-label": word, "aria-valuemin": 0, "aria-valuemax": 100 }, h("i"));
  const share = h("span", { class: "lmnb-num", style: "min-inline-size:2.6em" });
  setMeter(bar, share, at);
  return [bar, share];
}

function setMeter(bar: HTMLElement, share: Element, at: number): void {
  const text = perCent(at);
  bar.setAttribute("aria-valuenow", text.slice(0, -2));
  bar.style.setProperty("--at", text.replace(" ", ""));
  say(share, text);
}

function refresh(element: Element | undefined, fact: Fact): void {
  const number = element?.querySelector(".lmnb-num");
  if (!number) return;
  const bar = element?.querySelector<HTMLElement>(".lmnb-meter");
  if (bar && fact.meter !== undefined) setMeter(bar, number, fact.meter);
  else say(number, fact.text);
}
