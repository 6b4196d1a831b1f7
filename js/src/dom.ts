/** The few words with which nodes are made here; nothing in this program ever parses a string of HTML. */

export type Kid = Node | string;

type Attributes = Record<string, string | number | boolean | undefined>;

/** An element with attributes and children; `false` and `undefined` leave an attribute out. */
export function h<K extends keyof HTMLElementTagNameMap>(
  tag: K,
  attributes: Attributes = {},
  ...kids: Kid[]
): HTMLElementTagNameMap[K] {
  const element = document.createElement(tag);
  for (const [name, value] of Object.entries(attributes)) {
    if (value !== undefined && value !== false) element.setAttribute(name, value === true ? "" : String(value));
  }
  element.append(...kids);
  return element;
}

const SVG = "http://www.w3.org/2000/svg";

const ICONS = {
  stop: "M3 1h10a2 2 0 0 1 2 2v10a2 2 0 0 1-2 2H3a2 2 0 0 1-2-2V3a2 2 0 0 1 2-2z",
  copy: "M7 5.500h5a1.500 1.500 0 0 1 1.500 1.500v5a1.500 1.500 0 0 1-1.500 1.500H7A1.500 1.500 0 0 1 5.500 12V7A1.500 1.500 0 0 1 7 5.500zM10.500 3.500v-.3c0-.9-.5-1.200-1.200-1.200H3.700C2.800 2 2.500 2.500 2.500 3.200v5.600c0 .8.4 1.200 1 1.200",
  check: "m3.500 8.500 3 3 6-7",
  alert: "M14 8A6 6 0 1 1 2 8a6 6 0 0 1 12 0zM8 5v3.500M8 11v.01",
} as const;

export type IconName = keyof typeof ICONS;

/** One of our drawings, in the colour of the words beside it. */
export function icon(name: IconName): SVGElement {
  const svg = document.createElementNS(SVG, "svg");
  svg.setAttribute("class", "lmnb-icon");
  svg.setAttribute("viewBox", "0 0 16 16");
  svg.setAttribute("aria-hidden", "true");
  const path = document.createElementNS(SVG, "path");
  path.setAttribute("d", ICONS[name]);
  svg.append(path);
  return svg;
}

/** Shows or hides an element without touching a DOM that already says so. */
export function show(element: HTMLElement, shown: boolean): void {
  if (element.hidden === shown) element.hidden = !shown;
}

/** Sets an element's words, if they are others than it has. */
export function say(element: Element, words: string): void {
  if (element.textContent !== words) element.textContent = words;
}
