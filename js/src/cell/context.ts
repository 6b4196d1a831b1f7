/** The row of what went along with the prompt, and of the thoughts: each opens, where it stands, to the exact text. */

import { h, say, show, type Kid } from "../dom";
import { visible } from "../markdown/hidden";
import type { Enclosure, Picture } from "../protocol";
import { sentence } from "./problem";
import type { Store } from "./store";
import { foldWords, tokens } from "./words";

export class ContextRow {
  readonly thoughts: HTMLDetailsElement;
  readonly inside = h("div", { class: "lmnb-inside" });
  readonly element: HTMLElement;
  private readonly summary = h("span");
  private attached: Enclosure[] = [];
  private counts: HTMLElement[] = [];

  constructor(private readonly store: Store) {
    this.thoughts = h("details", { class: "lmnb-fold", hidden: true }, h("summary", {}, this.summary), this.inside);
    this.element = h("div", { class: "lmnb-context", hidden: true }, this.thoughts);
  }

  /** Paints what has changed since the last time. */
  paint(): void {
    const { attached, reasoning, state } = this.store;
    if (attached !== this.attached) this.replace(attached);
    this.counts.forEach((count, index) => say(count, tokens(state.counts[index])));
    show(this.thoughts, reasoning.trim() !== "");
    say(this.summary, foldWords(state));
    show(this.element, attached.length > 0 || reasoning.trim() !== "");
  }

  private replace(attached: Enclosure[]): void {
    this.attached = attached;
    this.counts = attached.map(() => h("span"));
    this.element.replaceChildren(...attached.map((one, index) => chip(one, this.counts[index] as HTMLElement)), this.thoughts);
  }
}

/** What is inside is made when somebody looks. */
function chip(one: Enclosure, count: HTMLElement): HTMLElement {
  const title = h("span", {}, h("bdi", { class: "lmnb-name" }, ...visible(one.name)), count);
  const fold = h("details", { class: "lmnb-fold" }, h("summary", {}, title));
  fold.addEventListener("toggle", () => fold.childElementCount > 1 || fold.append(...inside(one)), { once: true });
  return fold;
}

function inside({ name, text, notes, image }: Enclosure): HTMLElement[] {
  const label = `What the model was told about ${name}`;
  const parts: HTMLElement[] = notes.map((note) => h("div", { class: "lmnb-row lmnb-note" }, h("span", { dir: "auto" }, ...sentence(note))));
  if (image) parts.push(...picture(image));
  if (text) parts.push(h("pre", { class: "lmnb-peek", tabindex: 0, role: "region", "aria-label": label, dir: "ltr" }, ...visible(text, true)));
  return parts;
}

function picture({ name, size, type, data }: Picture): HTMLElement[] {
  const caption: Kid[] = [...visible(name), ` · ${size < 1_000_000 ? `${Math.ceil(size / 1_000)} kB` : `${(size / 1_000_000).toFixed(1)} MB`}`];
  const row = h("div", { class: "lmnb-row" }, h("bdi", {}, ...caption));
  // The bytes that the kernel holds, of a kind that is only painted: nothing is fetched.
  return data ? [row, h("img", { class: "lmnb-picture", src: `data:${type};base64,${data}`, alt: name })] : [row];
}
