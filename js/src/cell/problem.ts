/** What went wrong, and what to do next. */

import { h, icon, type Kid } from "../dom";
import { visible } from "../markdown/hidden";
import type { Choice, Problem } from "../protocol";

/** The block for a problem; it speaks for itself when it appears. */
export function problemBlock(problem: Problem): HTMLElement {
  const title = h("p", { class: "lmnb-title lmnb-is-error" }, icon("alert"), h("span", { dir: "auto" }, ...sentence(problem.title)));
  const lines = problem.lines.map((line) => h("p", { dir: "auto" }, ...sentence(line)));
  const list = problem.choices.length ? [h("ul", { class: "lmnb-list" }, ...problem.choices.map(choice))] : [];
  // the last line says what to do next, with one of the list
  return h("div", { class: "lmnb-matter", role: "alert" }, title, ...lines.slice(0, -1), ...list, ...lines.slice(-1));
}

function choice({ name, note }: Choice): HTMLElement {
  return h("li", { class: "lmnb-item" }, h("bdi", {}, ...visible(name)), h("bdi", {}, ...visible(note)));
}

/** A sentence in which `words in backticks` are commands or names. */
export function sentence(text: string): Kid[] {
  return text.split(/`([^`]+)`/).flatMap((piece, index) => (index % 2 ? [h("code", { dir: "ltr" }, ...visible(piece, true))] : visible(piece)));
}
