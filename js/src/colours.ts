/** The colours of code: sent when the first block of code is complete, as it is a third of the front end. */

import hljs from "highlight.js/lib/core";
import bash from "highlight.js/lib/languages/bash";
import json from "highlight.js/lib/languages/json";
import python from "highlight.js/lib/languages/python";
import r from "highlight.js/lib/languages/r";
import sql from "highlight.js/lib/languages/sql";
import yaml from "highlight.js/lib/languages/yaml";
import type { Found } from "./code/colour";

for (const [name, language] of Object.entries({ bash, json, python, r, sql, yaml })) hljs.registerLanguage(name, language);

/** The words of a text by what they are; null where that cannot be told. `language` is a name of highlight.js's. */
export default function find(text: string, language: string): Found | null {
  const result = hljs.highlight(text, { language, ignoreIllegals: true });
  // Its tree is not public, but all emitters must have one; a release without it would leave the code plain.
  return (result._emitter as unknown as { rootNode?: Found }).rootNode ?? null;
}
