/** The button that copies. */

import { h, icon } from "../dom";

const SAID = 1_500;

/**
 * A button with the copy icon; a press copies what `text` returns then.
 *
 * @param name Its name, for those who hear or hover it.
 */
export function copyButton(name: string, text: () => string): HTMLButtonElement {
  const button = h("button", { type: "button", class: "lmnb-button lmnb-only", "aria-label": name, title: name }, icon("copy"));
  let timer: ReturnType<typeof setTimeout> | undefined;
  const tell = (label: string, mark: "copy" | "check"): void => {
    button.setAttribute("aria-label", label);
    button.title = label;
    button.replaceChildren(icon(mark));
  };
  button.addEventListener("click", async () => {
    const copied = await copy(text(), button);
    clearTimeout(timer);
    tell(copied ? "Copied" : "The browser did not allow copying", copied ? "check" : "copy");
    timer = setTimeout(() => tell(name, "copy"), SAID);
  });
  return button;
}

async function copy(text: string, near: HTMLElement): Promise<boolean> {
  try {
    await navigator.clipboard.writeText(text);
    return true;
  } catch {
    return copyBySelection(text, near);
  }
}

/** For pages that are not served by https or from this machine: they have no clipboard of their own. */
function copyBySelection(text: string, near: HTMLElement): boolean {
  const field = h("textarea", { class: "lmnb-visually-hidden", readonly: true, tabindex: -1 });
  field.value = text;
  near.after(field);
  field.select();
  try {
    return document.execCommand("copy");
  } catch {
    return false;
  } finally {
    field.remove();
    near.focus({ preventScroll: true });
  }
}
