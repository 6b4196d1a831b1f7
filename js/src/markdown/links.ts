/** Where a model's link may lead: the web and a mailbox, nowhere else, and only when somebody follows it. */

import { decode } from "./entities";

const ALLOWED = /^(?:https?:\/\/|mailto:)[^\s]/i;

/** The address to link to, or null where the text must do. */
export function address(href: string): string | null {
  const plain = decode(href).replace(/[\u0000-\u0020\u007f-\u009f\u200b-\u200f\u202a-\u202e\u2060-\u2069\ufeff]/g, (found) => (found === " " ? "%20" : ""));
  return ALLOWED.test(plain) ? plain : null;
}
