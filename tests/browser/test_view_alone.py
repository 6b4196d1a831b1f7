"""The view by itself in a real browser: a page's half of anywidget, and a kernel that the test plays."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from tests.browser.texts import ANSWER, HOSTILE

if TYPE_CHECKING:
    from collections.abc import Iterator

    from playwright.sync_api import Browser, ConsoleMessage, Page, Route

    from tests.browser.machinery import JupyterServer, Trap

ROOT = Path(__file__).parent.parent.parent
SHOTS = Path(__file__).parent / "shots"

PLAY = """
window.play = async (place, traits) => {
  const { mount, state } = await import('/alone/demo/fake.js');
  const paths = { core: '/alone/static/lmnb.js', stub: '/alone/static/stub.js' };
  const page = await mount(place, { ...paths, ...traits });
  let seq = 0;
  const { send } = page.core;
  page.core.send = async (message) => {
    send(message);
    if (message.asset !== 'colours') return;
    const source = await (await fetch('/alone/static/colours.js')).text();
    page.core.hear({ kind: 'asset', name: 'colours', source });
  };
  page.say = (more) => page.cell.hear({ kind: 'append', seq: ++seq, ...more });
  page.state = (more) => page.say({ state: state(more) });
  page.frame = () => new Promise((done) => requestAnimationFrame(() => requestAnimationFrame(done)));
  page.write = async (text, piece = 12) => {
    for (let at = 0; at < text.length; at += piece) {
      page.say({ text: text.slice(at, at + piece) });
      if ((at / piece) % 8 === 0) await page.frame();
    }
    await page.frame();
  };
  page.done = async (facts = ['412 tokens', '38.2 tok/s', 'first token 0.4 s']) => {
    page.state({ status: 'done', thought: 12, facts });
    await page.frame();
  };
  return (window.view = page);
};
undefined
"""


class Alone:
    """One page with one view.

    Attributes:
        asked: Addresses that the page asked for, besides its own parts.
        complaints: Errors of its console.
    """

    def __init__(self, browser: Browser, server: JupyterServer) -> None:
        self.base, self.browser = f"{server.base}/alone/", browser
        self.theme, self.width, self.direction = "light", 900, "ltr"
        self.asked: list[str] = []
        self.complaints: list[str] = []
        self.page: Page = browser.new_page(viewport={"width": 1000, "height": 900})
        self.page.route("**/*", self._serve)
        self.page.on("console", self._said)
        self.page.on("pageerror", lambda error: self.complaints.append(str(error)))

    def _said(self, message: ConsoleMessage) -> None:
        if message.type == "error":
            self.complaints.append(message.text)

    def _serve(self, route: Route) -> None:
        url = route.request.url
        if url.startswith("blob:"):
            route.continue_()
            return
        path = url.removeprefix(self.base)
        kind = {"js": "text/javascript", "css": "text/css"}.get(path.rpartition(".")[2], "text/html")
        if not path:
            route.fulfill(body=self._html(), content_type="text/html; charset=utf-8")
        elif path.startswith("static/"):
            route.fulfill(body=(ROOT / "lmnb" / path).read_text("utf-8"), content_type=f"{kind}; charset=utf-8")
        elif path.startswith("demo/"):
            route.fulfill(body=(ROOT / "js" / path).read_text("utf-8"), content_type=kind)
        else:
            self.asked.append(url)
            route.abort()

    def _html(self) -> str:
        light = "true" if self.theme == "light" else "false"
        css = _theme(self.theme)
        return f"""<!doctype html><meta charset="utf-8"><link rel="icon" href="data:,"><style>{css}</style>
        <link rel="stylesheet" href="{self.base}static/lmnb.css">
        <style>body {{ margin: 20px; background: var(--jp-layout-color0) }} #place {{ width: {self.width}px }}
        .jp-RenderedHTMLCommon {{ color: var(--jp-content-font-color1); font-family: var(--jp-content-font-family);
        font-size: var(--jp-content-font-size1); line-height: var(--jp-content-line-height) }}
        .jp-RenderedHTMLCommon p {{ margin: 0 0 1em }}</style>
        <body class="jp-ThemedContainer" data-jp-theme-light="{light}"><div id="place" dir="{self.direction}"></div>"""

    def open(self, **mount: Any) -> Page:
        """Open the page and mount the view."""
        self.page.goto(self.base)
        self.page.evaluate(PLAY)
        self.page.evaluate("async (more) => { await play(document.getElementById('place'), more) }", mount)
        return self.page

    def js(self, body: str, *args: Any) -> Any:
        """The value of a JavaScript function body with `view` and `args`."""
        return self.page.evaluate(f"async (args) => {{{body}}}", list(args))


def _theme(name: str) -> str:
    import jupyterlab  # type: ignore[import-untyped]  # it has no stubs

    share = next(
        parent / "share" / "jupyter" / "lab" / "themes"
        for parent in Path(jupyterlab.__file__).parents
        if (parent / "share" / "jupyter" / "lab" / "themes").is_dir()
    )
    return (share / "@jupyterlab" / f"theme-{name}-extension" / "index.css").read_text("utf-8")


@pytest.fixture
def alone(browser: Browser, jupyter: JupyterServer) -> Iterator[Alone]:
    view = Alone(browser, jupyter)
    yield view
    view.page.close()


def test_an_answer_streams_in_and_stays(alone: Alone) -> None:
    page = alone.open()
    alone.js("await view.write(args[0]); await view.done()", ANSWER)
    prose = page.locator(".lmnb-prose")
    assert prose.locator("strong").inner_text() == "North"
    page.locator(".lmnb-tok-s").first.wait_for()
    assert prose.locator("pre").inner_text().startswith('by = sales.groupby("region").sum()  # North')
    assert prose.locator("td").all_inner_texts()[:3] == ["North", "1.80 M", "18.4 %"]
    assert prose.locator("a").get_attribute("rel") == "noopener noreferrer nofollow"
    facts = page.locator(".lmnb-facts").inner_text().split("\n")
    assert facts == ["qwen3-4b", "412 tokens", "38.2 tok/s", "first token 0.4 s"]
    assert (page.locator(".lmnb-caret").count(), alone.asked, alone.complaints) == (0, [], [])


def test_a_strangers_words_run_nothing_and_fetch_nothing(alone: Alone, trap: Trap) -> None:
    before = len(trap.caught())
    page = alone.open()
    alone.js("await view.write(args[0], 5); await view.done()", HOSTILE)
    page.hover(".lmnb-prose a")
    page.wait_for_timeout(300)  # what would load has had the time to ask
    assert page.evaluate("window.hacked") is None
    assert (
        page.locator(".lmnb-prose :is(img, script, iframe, style, link, svg:not(.lmnb-icon), video, object)").count()
        == 0
    )
    assert page.locator(".lmnb-prose a").evaluate_all("all => all.map(a => a.protocol)") == ["http:"]
    assert "U+202E" in page.locator(".lmnb-prose").inner_text()
    assert (alone.asked, trap.caught()[before:], alone.complaints) == ([], [], [])


def test_without_a_typesetter_the_formulas_are_mathml(alone: Alone) -> None:
    page = alone.open()
    alone.js("await view.write(args[0]); await view.done()", ANSWER + HOSTILE)
    assert {"kind": "want", "asset": "maths"} in alone.js("return view.core.said")
    alone.js(
        "view.core.hear({ kind: 'asset', name: 'maths', source: await (await fetch('/alone/static/maths.js')).text() })"
    )
    page.locator("math[display=block] mi").first.wait_for()
    assert page.locator(".lmnb-prose a[href^=javascript]").count() == 0
    assert page.locator(".lmnb-prose img").count() == 0
    assert (page.evaluate("window.hacked"), alone.asked) == (None, [])


def test_the_row_and_stop_stand_still_from_the_first_moment(alone: Alone) -> None:
    page = alone.open()
    places = """return ['.lmnb-status', '.lmnb-stop'].map((name) => {
      const { x, y, width, height } = document.querySelector(name).getBoundingClientRect();
      return [x, y, width, height] })"""
    first = alone.js(places)
    assert first[1][3] + 4 >= 24
    assert round(first[0][3], 1) == 22.4
    for step in (
        "view.state({ status: 'loading', progress: .07, elapsed: 1 })",
        "view.state({ status: 'loading', progress: 1, elapsed: 99 })",
        "view.state({ status: 'reading', progress: .5, who: 'a-model-with-a-very-long-name'.repeat(9) })",
        "view.say({ reasoning: 'Hm.' }); view.state({ status: 'thinking', thought: 1, notices: ['One.', 'Two.'] })",
        "await view.write(args[0])",
    ):
        alone.js(f"{step}; await view.frame()", ANSWER)
        assert alone.js(places) == first, step
    page.locator(".lmnb-stop").click()
    assert alone.js(places) == first


def test_a_row_alone_needs_no_scrollbar(alone: Alone) -> None:
    alone.open()
    over = alone.js("""
      view.state({ status: 'reading', facts: ['Reading prompt'], progress: 0.2 }); await view.frame();
      const cell = document.querySelector('.lmnb-cell');
      if (!cell.querySelector('.lmnb-stop') || !cell.lastElementChild.matches('.lmnb-head')) throw 'not the row alone';
      return cell.scrollHeight - cell.clientHeight;
    """)
    assert over == 0


def test_stop_says_so_within_a_frame(alone: Alone) -> None:
    page = alone.open()
    alone.js("await view.write('Some words')")
    said = alone.js("""document.querySelector('.lmnb-stop').click();
      await new Promise(requestAnimationFrame); await new Promise((done) => setTimeout(done));
      return [document.querySelector('.lmnb-stop').textContent, view.cell.said.at(-1)]""")
    assert said == ["Stopping", {"kind": "stop"}]
    alone.js("view.state({ status: 'stopped', facts: ['2 tokens', 'stopped by you'] }); await view.frame()")
    assert page.locator(".lmnb-stop").count() == 0
    assert page.locator(".lmnb-acts button").get_attribute("aria-label") == "Copy answer"


def test_the_keyboard_reaches_everything_and_esc_stops(alone: Alone) -> None:
    page = alone.open()
    alone.js("view.say({ reasoning: 'So **it** is.' }); await view.write(args[0])", ANSWER)
    page.locator(".lmnb-prose a").wait_for()
    names = []
    for _ in range(6):
        page.keyboard.press("Tab")
        names.append(page.evaluate("document.activeElement.ariaLabel ?? document.activeElement.tagName"))
    assert names[:5] == ["Stop", "SUMMARY", "Copy", "Table", "A"]
    page.keyboard.press("Shift+Tab")
    page.keyboard.press("Escape")
    assert alone.js("return view.cell.said.at(-1)") == {"kind": "stop"}


def test_the_page_follows_the_end_only_for_a_reader_who_is_there(alone: Alone) -> None:
    alone.open()
    alone.js("""const box = document.getElementById('place');
      Object.assign(box.style, { height: '200px', overflowY: 'auto' });
      await view.write('A line.\\n\\n'.repeat(30), 9)""")
    at = "const box = document.getElementById('place'); return [box.scrollTop, box.scrollHeight - box.clientHeight]"
    top, _ = alone.js(at)
    assert top == 0  # nobody scrolled, so nothing moved
    alone.js("const box = document.getElementById('place'); box.scrollTop = 1e6; await view.frame()")
    alone.js("await view.write('More.\\n\\n'.repeat(30), 9)")
    top, end = alone.js(at)
    assert end - top <= 2
    alone.js("const box = document.getElementById('place'); box.scrollTop -= 100; await view.frame()")
    before, _ = alone.js(at)
    alone.js("await view.write('More.\\n\\n'.repeat(30), 9)")
    assert alone.js(at)[0] == before


def test_numbers_change_at_most_twice_a_second(alone: Alone) -> None:
    alone.open()
    changes = alone.js("""await view.write('Word.'); let count = 0;
      new MutationObserver((all) => { count += 1 }).observe(document.querySelector('.lmnb-facts'),
        { subtree: true, characterData: true, childList: true });
      const end = performance.now() + 1_600;
      for (let rate = 30; performance.now() < end; rate += .1) {
        view.state({ rate, elapsed: 2 + rate / 10 }); await view.frame() }
      return count""")
    assert 1 <= changes <= 4


WORST = """
  const worst = async (work) => {
    let most = 0, on = true, last = performance.now();
    const look = (now) => { most = Math.max(most, now - last); last = now; if (on) requestAnimationFrame(look) };
    requestAnimationFrame(look);
    await work();
    await new Promise((done) => setTimeout(done, 100));
    on = false;
    return most;
  };
"""


@pytest.mark.parametrize("unit", ["word ", "*a **b ", "[", "`a", "$x "])
def test_a_line_of_100_kb_keeps_the_page_alive(alone: Alone, unit: str) -> None:
    """Its worst frame is within ten times that of the same text in one text node; quadratic work would take seconds."""
    alone.open()
    text = (unit * 100_000)[:100_000]
    floor, ours = alone.js(
        WORST
        + """const bare = document.createElement('p');
      bare.style.overflowWrap = 'break-word'; document.body.prepend(bare);
      const node = bare.appendChild(document.createTextNode(''));
      const floor = await worst(async () => { for (let at = 0; at < args[0].length; at += 2000) {
        node.appendData(args[0].slice(at, at + 2000)); await view.frame() } });
      bare.remove();
      return [floor, await worst(async () => { await view.write(args[0], 2000); await view.done() })]""",
        text,
    )
    print(f"{unit!r}: {ours:.0f} ms, floor {floor:.0f} ms")
    assert ours <= 10 * floor + 500


@pytest.mark.parametrize(
    ("name", "theme", "width", "direction"),
    [
        ("light", "light", 900, "ltr"),
        ("dark", "dark", 900, "ltr"),
        ("narrow", "light", 360, "ltr"),
        ("rtl", "light", 700, "rtl"),
    ],
)
def test_it_can_be_looked_at(alone: Alone, name: str, theme: str, width: int, direction: str) -> None:
    alone.theme, alone.width, alone.direction = theme, width, direction
    page = alone.open()
    arabic = "المنطقة **الشمالية** هي الأسرع نموًّا: ارتفعت الإيرادات بنسبة 18.4 %.\n\n" if direction == "rtl" else ""
    alone.js("view.say({ reasoning: 'So `it` is.' }); view.state({ thought: 12, notices: ['Model `m` was loaded.'] })")
    alone.js("await view.write(args[0])", arabic + ANSWER)
    SHOTS.mkdir(exist_ok=True)
    page.screenshot(path=SHOTS / f"view-{name}-writing.png", full_page=True)
    alone.js("await view.done(['412 tokens', '38.2 tok/s', 'first token 0.4 s', 'cut at the token limit'])")
    page.locator(".lmnb-tok-s").first.wait_for()
    page.screenshot(path=SHOTS / f"view-{name}-done.png", full_page=True)
    assert page.evaluate("document.documentElement.scrollWidth <= document.documentElement.clientWidth")
    assert (alone.asked, alone.complaints) == ([], [])


def test_less_motion_and_forced_colours_are_respected(alone: Alone) -> None:
    alone.page.emulate_media(reduced_motion="reduce", forced_colors="active")
    page = alone.open()
    alone.js("await view.write('Word.')")
    assert page.locator(".lmnb-caret").evaluate("(caret) => getComputedStyle(caret).animationName") == "none"
    alone.js("view.state({ status: 'loading', progress: .4 }); await view.frame()")
    assert page.locator(".lmnb-meter").evaluate("(meter) => getComputedStyle(meter).borderTopWidth") == "1px"


def test_a_page_without_the_core_shows_plain_text(alone: Alone) -> None:
    page = alone.open(core=None, traits={"text": "<b>Half</b> an ans", "seq": 3})
    assert page.locator("#place").inner_text() == "<b>Half</b> an ans"
