/** Colours for code: highlight.js finds the words, and they become elements without a string of HTML. */

import hljs from "highlight.js/lib/core";
import bash from "highlight.js/lib/languages/bash";
import json from "highlight.js/lib/languages/json";
import python from "highlight.js/lib/languages/python";
import r from "highlight.js/lib/languages/r";
import sql from "highlight.js/lib/languages/sql";
import yaml from "highlight.js/lib/languages/yaml";
import { h, type Kid } from "../dom";
import { visible } from "../markdown/hidden";

/** Longer code stays plain: colouring it holds the page up, and makes it ten times as long in the file. */
const LIMIT = 20_000;

for (const [name, language] of Object.entries({ bash, json, python, r, sql, yaml })) hljs.registerLanguage(name, language);
hljs.registerAliases(["ipython", "ipython3", "python3", "pycon"], { languageName: "python" });
hljs.registerAliases(["shell", "console", "zsh"], { languageName: "bash" });
hljs.registerAliases(["duckdb", "sqlite", "postgresql", "mysql"], { languageName: "sql" });
hljs.registerAliases(["jsonc"], { languageName: "json" });

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

interface Found {
  scope?: string;
  children: (Found | string)[];
}

/** Whether code is too long to be coloured. */
export function isLong(text: string): boolean {
  return text.length > LIMIT;
}

/** Colours an element when the page has nothing better to do. */
export function colourLater(element: HTMLElement, text: string, language: string): void {
  if (isLong(text) || !hljs.getLanguage(language)) return;
  const work = (): void => element.replaceChildren(...colour(text, language));
  if (typeof requestIdleCallback === "function") requestIdleCallback(work, { timeout: 1_000 });
  else setTimeout(work, 1);
}

/** The text as nodes with the classes `lmnb-tok-*`. */
export function colour(text: string, language: string): Kid[] {
  if (!hljs.getLanguage(language)) return visible(text, true);
  const result = hljs.highlight(text, { language, ignoreIllegals: true });
  // Its tree is not public, but all emitters must have one; a release without it would leave the code plain.
  const root = (result._emitter as unknown as { rootNode?: Found }).rootNode;
  return root ? root.children.flatMap(nodes) : visible(text, true);
}

function nodes(found: Found | string): Kid[] {
  if (typeof found === "string") return visible(found, true);
  const kids = found.children.flatMap(nodes);
  const name = CLASSES[(found.scope ?? "").split(".", 1)[0] ?? ""];
  return name ? [h("span", { class: `lmnb-tok-${name}` }, ...kids)] : kids;
}
