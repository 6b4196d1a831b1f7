/** The reader's place: kept at the end while the reader is at the end, and never moved otherwise. */

const NEAR = 2;

/** How long a found scroller is taken for granted, in milliseconds. */
const FRESH = 500;

/** The nearest ancestor that scrolls now. */
function scrollerOf(element: Element): HTMLElement | null {
  for (let at = element.parentElement; at; at = at.parentElement) {
    if (at.scrollHeight > at.clientHeight + 1 && /auto|scroll|overlay/.test(getComputedStyle(at).overflowY)) return at;
  }
  return null;
}

/** Keeps the reader's place while text grows: at its end, or at what comes after it. */
export class Follower {
  private scroller: HTMLElement | null = null;
  private foundAt = -Infinity;

  constructor(private readonly element: Element) {}

  /**
   * Does the work; stays at the end if the reader was there, and does not move what a reader below the text looks at:
   * JupyterLab lets the browser hold on to the active cell alone.
   */
  keep(work: () => void): void {
    const scroller = this.find();
    if (!scroller) return work();
    if (isAtEnd(scroller)) {
      work();
      if (!isAtEnd(scroller)) scroller.scrollTop = scroller.scrollHeight;
      return;
    }
    const before = this.element.getBoundingClientRect().bottom;
    const above = before < scroller.getBoundingClientRect().top;
    work();
    const shift = above ? this.element.getBoundingClientRect().bottom - before : 0;
    if (Math.abs(shift) >= 1) scroller.scrollTop += shift;
  }

  private find(): HTMLElement | null {
    const now = performance.now();
    if (!this.scroller || now - this.foundAt > FRESH) {
      this.scroller = scrollerOf(this.element);
      this.foundAt = now;
    }
    return this.scroller;
  }
}

function isAtEnd(scroller: HTMLElement): boolean {
  return scroller.scrollTop > 0 && scroller.scrollHeight - scroller.scrollTop - scroller.clientHeight <= NEAR;
}

/**
 * Replaces what is in an output without moving what the reader looks at: the area keeps its height until the new
 * content stands, and the scroller makes up for a difference above the reader's eyes. What was unfolded stays so.
 */
export async function holdStill(element: Element, work: () => void): Promise<void> {
  const area = element.closest<HTMLElement>(".jp-OutputArea") ?? element.parentElement;
  if (!area) return work();
  const scroller = scrollerOf(element) ?? area;
  const slot = element.closest(".jp-OutputArea-child");
  const at = slot ? [...area.children].indexOf(slot) : -1;
  const open = [...element.querySelectorAll<HTMLDetailsElement>("details:not([hidden])")].map((fold) => fold.open);
  const atEnd = isAtEnd(scroller);
  const frame = scroller.getBoundingClientRect();
  const before = area.getBoundingClientRect();
  // Looking at what comes after the answer: that must stay. Looking at the answer: its beginning stays by itself.
  const below = before.bottom < frame.top + frame.height / 2;
  const height = area.style.minBlockSize;
  area.style.minBlockSize = `${before.height}px`;
  work();
  await settled(area);
  const saved = (area.children[at] ?? area).querySelectorAll<HTMLDetailsElement>(".lmnb-saved ~ details, .lmnb-saved ~ div > details");
  open.forEach((unfolded, index) => unfolded && saved[index] && (saved[index].open = true));
  area.style.minBlockSize = height;
  const shift = area.getBoundingClientRect().bottom - before.bottom;
  if (atEnd) scroller.scrollTop = scroller.scrollHeight;
  else if (below && Math.abs(shift) >= 1) scroller.scrollTop += shift;
}

/** A few frames after which the host has rendered the new output; a hidden page has no frames. */
function settled(area: HTMLElement): Promise<void> {
  return new Promise((resolve) => {
    const give = setTimeout(resolve, 300);
    const look = (left: number): void => {
      if (left > 0) requestAnimationFrame(() => look(left - 1));
      else {
        clearTimeout(give);
        resolve();
      }
    };
    if (area.ownerDocument.visibilityState === "visible") look(3);
  });
}
