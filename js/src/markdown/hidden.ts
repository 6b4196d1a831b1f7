/** Characters that hide or turn what stands beside them, made visible. */

import { h, type Kid } from "../dom";

// Overrides, embeddings and isolates reorder; tags, fillers and zero-width characters hide; controls may do either.
const EVERYWHERE =
  "\\u0000-\\u0008\\u000b\\u000c\\u000e-\\u001f\\u007f-\\u009f\\u00ad\\u115f\\u1160\\u180e\\u200b\\u202a-\\u202e\\u2060-\\u206f\\u3164\\ufeff\\uffa0\\ufff9-\\ufffb\\u{e0000}-\\u{e0fff}";
// Joiners and marks are part of words and of emoji; in code they are not, and next to Latin letters they only hide.
const JOINERS = "\\u200c-\\u200f\\u061c";

const IN_CODE = new RegExp(`[${EVERYWHERE}${JOINERS}]`, "u");
const IN_PROSE = new RegExp(`[${EVERYWHERE}]|(?<=^|[\\p{ASCII}\\p{Script=Latin}])[${JOINERS}]|[${JOINERS}](?=$|[\\p{ASCII}\\p{Script=Latin}])`, "u");
const CODE_ALL = new RegExp(`(?:${IN_CODE.source})+`, "gu");
const PROSE_ALL = new RegExp(`(?:${IN_PROSE.source})+`, "gu");
/** After so many in one text the rest are boxes: nobody reads them, and each is an element. */
const MANY = 100;
// Most text is plain: one cheap test keeps the two expressions above away from it.
const MAYBE = /[^\t\n\r -~\u00a1-\u00ac\u00ae-\u060f\u3000-\u3163\u3165-\ud7ff]/;

/** Whether a text must be taken apart before it is shown. */
export function hides(text: string, code = false): boolean {
  return MAYBE.test(text) && (code ? IN_CODE : IN_PROSE).test(text);
}

/** A text as nodes in which every hidden character is written out, as `U+202E`. */
export function visible(text: string, code = false): Kid[] {
  if (!hides(text, code)) return text ? [text] : [];
  const kids: Kid[] = [];
  const all = code ? CODE_ALL : PROSE_ALL;
  let from = 0;
  for (const { 0: found, index } of text.matchAll(all)) {
    if (index > from) kids.push(text.slice(from, index));
    from = index + found.length;
    kids.push(h("span", { class: "lmnb-hidden", dir: "ltr" }, names(found)));
    if (kids.length > 2 * MANY) {
      kids.push(text.slice(from).replace(all, "\u25a1"));
      return kids;
    }
  }
  if (from < text.length) kids.push(text.slice(from));
  return kids;
}

/** `U+200B U+202E`, or `U+200B and 99 more`. */
function names(run: string): string {
  const characters = [...run];
  const first = characters.slice(0, 3).map(name).join(" ");
  return characters.length > 3 ? `${name(run)} and ${characters.length - 1} more` : first;
}

function name(character: string): string {
  return `U+${(character.codePointAt(0) ?? 0).toString(16).toUpperCase().padStart(4, "0")}`;
}
