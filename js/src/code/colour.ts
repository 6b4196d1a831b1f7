/** Colours for code: highlight.js finds the words, and they become elements without a string of HTML. */

import { h, type Kid } from "../dom";
import { visible } from "../markdown/hidden";

/** Longer code stays plain: colouring it holds the page up, and makes it ten times as long in the file. */
const LIMIT = 20_000;

/** The languages that are coloured, by all their names. */
const LANGUAGES = new Map(
  Object.entries({
    bash: "bash console sh shell zsh",
    json: "json jsonc",
    python: "gyp ipython ipython3 py pycon python python3",
    r: "r",
    sql: "duckdb mysql postgresql sql sqlite",
    yaml: "yaml yml",
  }).flatMap(([language, names]) => names.split(" ").map((name) => [name, language] as const)),
);

/** highlight.js's names for the seven colours that a host has. */
const CLASSES: Record<string, string> = {
  keyword: "k",
  literal: "k",
  "selector-tag": "k",
  string: "s",
  regexp: "s",
  char: "s",
  number: "n",
  bullet: "n",
  operator: "o",
  built_in: "b",
  type: "b",
  meta: "b",
  title: "f",
  attr: "f",
  comment: "c",
  quote: "c",
};

/** A piece of code and what it is, or its pieces. */
export interface Found {
  scope?: string;
  children: (Found | string)[];
}

/** What `colours.js` exports. */
export type Find = (text: string, language: string) => Found | null;

let find: Find | undefined;

/** Takes what finds the words; until then code is plain. */
export function learn(found: Find): void {
  find = found;
}

/** Colours an element when what finds the words has come and the page has nothing better to do. */
export async function colourLater(element: HTMLElement, text: string, language: string, want: () => Promise<unknown>): Promise<void> {
  if (text.length > LIMIT || !LANGUAGES.has(language)) return;
  if (!find) {
    try {
      learn((await want()) as Find);
    } catch {
      return; // it can be read as it is
    }
  }
  const work = (): void => element.replaceChildren(...colour(text, language));
  if (typeof requestIdleCallback === "function") requestIdleCallback(work, { timeout: 1_000 });
  else setTimeout(work, 1);
}

/** The text as nodes with the classes `lmnb-tok-*`; without them where it is long, or what finds the words is not here. */
export function colour(text: string, language: string): Kid[] {
  const known = LANGUAGES.get(language);
  const root = known && text.length <= LIMIT ? find?.(text, known) : null;
  return root ? nodes(root.children) : visible(text, true);
}

function nodes(found: (Found | string)[]): Kid[] {
  return found.flatMap((piece, index) => {
    if (typeof piece === "string") return visible(piece, true);
    const kids = nodes(piece.children);
    const name = CLASSES[(piece.scope ?? "").split(".", 1)[0] ?? ""];
    const before = found[index - 1];
    // A method has a name of its own, also one that is called as a builtin is: `.sum()`.
    const method = name === "b" && typeof before === "string" && before.endsWith(".");
    return name && !method ? [h("span", { class: `lmnb-tok-${name}` }, ...kids)] : kids;
  });
}
