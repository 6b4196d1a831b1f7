/** Says to those who listen what a view shows to those who look. It belongs to the page: the last word comes as the view goes. */

import { h } from "../dom";

let region: HTMLElement | undefined;

/** Makes ready: words count only in a place that was there before them. */
export function prepare(): void {
  if (region?.isConnected) return;
  region = h("div", { class: "lmnb-visually-hidden", role: "status" });
  document.body.append(region);
}

/** Says some words when the listener's own reader has a moment. */
export function announce(words: string): void {
  prepare();
  // A node of its own, as the same words may be said again: of another answer.
  region?.replaceChildren(h("span", {}, words));
}
