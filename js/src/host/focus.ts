/** The keyboard's place: when what has the focus is taken away, the cell around it gets it. */

/** Does the work; if it took the focus away from inside an element, the host's keys go on working in that element's cell. */
export async function keepFocus(element: Element, work: () => Promise<void>): Promise<void> {
  const had = element.contains(document.activeElement);
  const cell = element.closest<HTMLElement>(".jp-Cell");
  await work();
  const lost = document.activeElement === null || document.activeElement === document.body;
  if (had && lost) cell?.focus({ preventScroll: true });
}
