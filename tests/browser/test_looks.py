"""What the reader sees does not move: when an answer settles, while it grows, and whatever the row says."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

from tests.browser.texts import ANSWER, chat

if TYPE_CHECKING:
    from tests.browser.harness import Notebook

LINE = 22.4
"""Pixels of a line of text."""

WATCH = """
  const node = cells[args[0]].outputArea.node, scroller = panel.content.outerNode ?? panel.content.node;
  const seen = (window.frames_ = []);
  (function look() {
    const live = !!node.querySelector('.lmnb'), done = live && !node.querySelector('.lmnb-stop');
    const kinds = ":is(p, pre, table, h1, h2, ol, ul, blockquote, hr)";
    const parts = [...node.querySelectorAll(`.jp-RenderedHTMLCommon ${kinds}`)];
    const at = parts.filter((part) => (part.textContent.trim() || part.tagName === 'HR') && !part.closest('details'));
    const top = node.getBoundingClientRect().top;
    seen.push({ live, done, height: node.getBoundingClientRect().height, scroll: scroller.scrollTop,
      tops: at.map((part) => part.getBoundingClientRect().top - top) });
    if (window.frames_ === seen) requestAnimationFrame(look);
  })();
"""


STOP = "cells[args[0]].outputArea.node.querySelector('.lmnb-stop').click()"


def stopped(notebook: Notebook, index: int) -> list[dict[str, Any]]:
    """What each frame showed, from before Stop to a moment after the static form has come."""
    notebook.js(WATCH, index)
    notebook.page.wait_for_timeout(50)
    notebook.js(STOP, index)
    notebook.finish(index)
    notebook.until(lambda: notebook.settled(index), "the static form")
    notebook.page.wait_for_timeout(300)
    seen: list[dict[str, Any]] = notebook.js("const seen = frames_; frames_ = null; return seen")
    return seen


LONG = f"## Growth\n\n{ANSWER}\n> So be it.\n\n" + "A sentence to fill the line. " * 40


@pytest.mark.parametrize("thoughts", ["no thoughts", "folded", "unfolded"])
def test_nothing_jumps_when_an_answer_settles(notebook: Notebook, thoughts: str) -> None:
    before = [] if thoughts == "no thoughts" else [{"reasoning": "Let me see. " * 30}]
    index = notebook.ask(chat(*before, {"text": LONG}, {"sleep": 60}))
    notebook.shows(index, "fill the line")
    if thoughts == "unfolded":
        notebook.cell(index).locator("summary").click()
    notebook.js("cells[args[0]].node.scrollIntoView({block:'start'})", index)
    notebook.page.wait_for_timeout(100)
    seen = stopped(notebook, index)
    live, after = [frame for frame in seen if frame["live"]], [frame for frame in seen if not frame["live"]]
    last, settled = live[-1], after[-1]
    assert abs(settled["height"] - last["height"]) <= 2 * LINE
    assert min(frame["height"] for frame in after) >= last["height"] - 2 * LINE, "it was empty for a moment"
    assert {frame["scroll"] for frame in seen} == {seen[0]["scroll"]}
    if thoughts != "unfolded":  # the host sets thoughts in its own measure
        moved = [abs(one - other) for one, other in zip(last["tops"], settled["tops"], strict=True)]
        print(
            f"{notebook.ui}, {thoughts}: height {last['height']:.1f} -> {settled['height']:.1f}, moved {max(moved):.1f}"
        )
        assert max(moved) <= 2


BLOCKS = {
    "a paragraph": "A paragraph.",
    "a heading": "## A heading",
    "a list": "- one\n- two",
    "a table": "| a | b |\n|---|---|\n| 1 | 2 |",
    "code": "```python\nprint(1)\n```",
    "a quote": "> So be it.",
    "a formula": "$$\na^2\n$$",
}


def test_nothing_jumps_whatever_comes_first_and_last(notebook: Notebook) -> None:
    moved = {}
    for name, block in BLOCKS.items():
        index = notebook.ask(chat({"text": f"{block}\n\nBetween.\n\n{block}\n"}, {"sleep": 60}))
        notebook.shows(index, "Between.")
        notebook.page.wait_for_timeout(150)  # formulas and colours come a moment later
        seen = stopped(notebook, index)
        live, after = [frame for frame in seen if frame["live"]][-1], seen[-1]
        steps = [abs(one - other) for one, other in zip(live["tops"], after["tops"], strict=True)]
        moved[name] = (round(max(steps), 1), round(after["height"] - live["height"], 1))
    print(notebook.ui, moved)
    assert {name: by for name, by in moved.items() if by[0] > 5 or abs(by[1]) > 2 * LINE} == {}


@pytest.mark.parametrize("active", ["the answer's cell is active", "the cell below is active"])
def test_what_stands_below_stays_where_it_is(notebook: Notebook, active: str) -> None:
    growing = {"text": "A line that grows.\n\n" * 20, "delay": 0.02}
    index = notebook.ask(chat({"text": LONG}, {"sleep": 1.5}, growing, {"sleep": 60}))
    notebook.shows(index, "fill the line")
    for _ in range(6):
        notebook.append("# below\n" * 20)
    notebook.page.wait_for_timeout(200)
    if active == "the cell below is active":
        notebook.js("panel.content.activeCellIndex = args[0]", index + 4)
    notebook.js("cells[args[0]].node.scrollIntoView({block:'end'})", index + 4)
    notebook.page.wait_for_timeout(100)
    assert not notebook.text(index).count("grows"), "the page was slower than the answer"
    where = "return cells[args[0]].node.getBoundingClientRect().top"
    before = notebook.js(where, index + 4)
    notebook.until(lambda: notebook.text(index).count("grows") == 20, "the answer grows")
    notebook.page.wait_for_timeout(200)
    assert abs(notebook.js(where, index + 4) - before) <= 1, "while it grows"
    notebook.js(STOP, index)
    notebook.finish(index)
    notebook.until(lambda: notebook.settled(index))
    notebook.page.wait_for_timeout(300)
    assert abs(notebook.js(where, index + 4) - before) <= 1


def test_the_notebook_follows_the_end_only_for_a_reader_who_is_there(notebook: Notebook) -> None:
    place = "const s=panel.content.outerNode??panel.content.node; return [s.scrollTop, s.scrollHeight-s.clientHeight]"
    index = notebook.ask(chat({"text": "A line.\n\n", "repeat": 2_000, "by": "line", "rate": 100}))
    notebook.until(lambda: notebook.js(place)[1] > 300, "more than fits")
    top = notebook.js(place)[0]
    size = notebook.js(place)[1]
    notebook.until(lambda: notebook.js(place)[1] > size + 200, "more lines")
    assert notebook.js(place)[0] == top  # nobody scrolled, so nothing moved
    notebook.js("const s=panel.content.outerNode??panel.content.node; s.scrollTop=1e6")
    size = notebook.js(place)[1]
    notebook.until(lambda: notebook.js(place)[1] > size + 300, "more lines")
    top, end = notebook.js(place)
    assert end - top <= 60  # a frame's worth of lines
    notebook.page.mouse.move(600, 500)
    notebook.page.mouse.wheel(0, -200)
    notebook.page.wait_for_timeout(200)
    top, size = notebook.js(place)
    assert size - top > 100
    notebook.until(lambda: notebook.js(place)[1] > size + 300, "more lines")
    assert notebook.js(place)[0] == top
    notebook.js("const s=panel.content.outerNode??panel.content.node; s.scrollTop=1e6")
    notebook.interrupt()
    notebook.finish(index)


def test_the_row_and_stop_stand_still_in_the_real_page(notebook: Notebook) -> None:
    steps = [
        {"progress": [0, 0.3, 0.6, 1], "each": 0.1},
        {"reasoning": "Hm. " * 10, "rate": 50},
        {"text": LONG, "rate": 300},
    ]
    index = notebook.append(chat(*steps))
    notebook.js(
        "const node=cells[args[0]].outputArea.node; window.places=new Set();"
        "(function look(){const row=node.querySelector('.lmnb-status'), stop=node.querySelector('.lmnb-stop');"
        "if(row&&stop)places.add(JSON.stringify([row,stop].map(e=>{const r=e.getBoundingClientRect();"
        "return [r.x,r.y-node.getBoundingClientRect().y,r.width,r.height]})));"
        "if(!node.querySelector('.lmnb-saved'))requestAnimationFrame(look)})()",
        index,
    )
    notebook.run(index)
    notebook.until(lambda: notebook.settled(index))
    assert len(notebook.js("return [...places]")) == 1


@pytest.mark.parametrize("width", [1_200, 560, 420])
def test_it_fits_whatever_the_width(notebook: Notebook, width: int) -> None:
    notebook.page.set_viewport_size({"width": width, "height": 900})
    try:
        index = notebook.ask(
            chat({"reasoning": "Hm."}, {"text": LONG + "\n\n" + "a_very_long_name" * 30}, {"sleep": 0.8})
        )
        notebook.shows(index, "a_very_long_name")
        wide = "const n=cells[args[0]].outputArea.node; return n.scrollWidth-n.clientWidth"
        assert notebook.js(wide, index) <= 1
        notebook.finish(index)
        notebook.until(lambda: notebook.settled(index))
        notebook.page.wait_for_timeout(200)
        assert notebook.js(wide, index) <= 1
    finally:
        notebook.page.set_viewport_size({"width": 1_200, "height": 900})


def test_both_themes_have_contrast(notebook: Notebook) -> None:
    """Words of ours, code included; prose is the host's."""
    index = notebook.ask(chat({"reasoning": "Hm. " * 5}, {"text": LONG}, *ENDLESS_STEPS))
    notebook.shows(index, "word word")
    notebook.cell(index).locator("summary").click()
    try:
        for theme in ("light", "dark"):
            notebook.theme(theme)  # type: ignore[arg-type]
            notebook.page.wait_for_timeout(200)
            poor = notebook.js(CONTRAST, index)
            assert poor == [], theme
    finally:
        notebook.theme("light")
        notebook.cell(index).locator(".lmnb-stop").click()
        notebook.finish(index)


ENDLESS_STEPS = [{"text": "word ", "repeat": 20_000, "rate": 50}]

CONTRAST = """
  const context = new OffscreenCanvas(1, 1).getContext('2d', { willReadFrequently: true });
  const over = (colour, ground) => {
    context.fillStyle = ground; context.fillRect(0, 0, 1, 1);
    context.fillStyle = colour; context.fillRect(0, 0, 1, 1);
    return `rgb(${[...context.getImageData(0, 0, 1, 1).data].slice(0, 3).join()})`;
  };
  const light = (colour) => {
    const linear = (part) => (part /= 255) <= .04045 ? part / 12.92 : ((part + .055) / 1.055) ** 2.4;
    const [r, g, b] = colour.match(/\\d+/g).map(linear);
    return .2126 * r + .7152 * g + .0722 * b;
  };
  const ground = (element) => {
    const chain = [];
    for (let at = element; at; at = at.parentElement) chain.unshift(getComputedStyle(at).backgroundColor);
    return chain.reduce((below, colour) => over(colour, below), 'white');
  };
  const poor = [];
  for (const element of cells[args[0]].outputArea.node.querySelectorAll('.lmnb *')) {
    if (![...element.childNodes].some((kid) => kid.nodeType === 3 && kid.data.trim())) continue;
    if (!element.checkVisibility() || element.closest('mjx-container, .lmnb-prose > :not(.lmnb-code)')) continue;
    const below = ground(element), ink = over(getComputedStyle(element).color, below);
    const [a, b] = [light(ink), light(below)].sort((x, y) => y - x), ratio = (a + .05) / (b + .05);
    const name = element.className || element.tagName;
    if (ratio < 4.5) poor.push(`${name}: ${element.textContent.slice(0, 30)} ${ratio.toFixed(2)}`);
  }
  return poor;
"""
