/** An answer that is no Markdown is shown as one block of its source, as `lmnb.chat.forms` does it. */

import type { Form } from "../protocol";

/** Longer than any that a model writes. */
const FENCE = "~".repeat(64);

const LANGUAGES: Record<Exclude<Form, "markdown">, string> = { text: "", json: "json", code: "python", html: "html" };

/**
 * What stands before the text that it is read as this form; null while too little of it is there to tell.
 *
 * @param ended Whether no more of the text will come.
 */
export function opening(text: string, form: Form, ended: boolean): string | null {
  if (form === "markdown") return "";
  const begins = text.trimStart().slice(0, 3);
  if (form !== "text") {
    if (begins === "```" || begins === "~~~") return ""; // it has a fence of its own
    if (!ended && begins.length < 3 && /^[`~]*$/.test(begins)) return null;
  }
  const words = form === "json" && !/^[[{"\-0-9]/.test(begins);
  return `${FENCE}${words ? "" : LANGUAGES[form]}\n`;
}
