"""A stranger's words are words: live, saved, opened again with and without trust, and in nbconvert's HTML."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import nbformat
import pytest
from nbformat.sign import NotebookNotary

from tests.browser.harness import WIDGET, Notebook
from tests.browser.texts import HOSTILE, chat

if TYPE_CHECKING:
    from playwright.sync_api import Browser, Locator

    from tests.browser.machinery import JupyterServer, Trap

ODD: dict[str, dict[str, Any]] = {
    "an endless line": {"text": "x" * 100_000},
    "an endless row of marks": {"text": "*a **b `c [d ](", "repeat": 7_000},
    "an open fence": {"text": "\n\n```python\nprint(1)\n\n# not a heading\n\n<b>not bold</b>"},
    "an open fence in a list": {"text": "\n\n1. One\n   ```\n   <script>window.hacked=1</script>\n"},
    "open mathematics": {"text": "It is $$\\frac{1}{2 and $x and \\(y and \\[z"},
    "deep quotes": {"text": f"\n\n{'>' * 400} deep"},
    "deep lists": {"text": "\n\n" + "\n".join("  " * depth + "- deep" for depth in range(80))},
    "a macro bomb": {
        "text": "$\\def\\a{\\a\\a}\\a$ $$\\newcommand{\\x}{\\x\\x}\\x$$ "
        "$\\require{html}\\href{javascript:window.hacked=1}{x}$"
    },
    "mathematics with HTML": {
        "text": "$<img src=http://evil.example/i.png onerror=window.hacked=1>$ "
        "$$\\unicode{<script>}\\text{</script>}$$ "
        "$\\cssId{x}{\\class{jp-Notebook}{\\style{background:url(http://evil.example/j.png)}{y}}}$ "
        "$\\mmlToken{mi}[href=javascript:window.hacked=1]{x}$ $\\data{x=y}{z}$"
    },
    "nothing to see": {"text": "a\u202eb\u200bc\u2066d\u200fe\ufefff\u00adg\u0007h"},
    "entities": {
        "text": "&lt;script&gt;&#x6a;avascript: &#60;img src=http://evil.example/g.png&#62; "
        "[a](&#106;avascript:window.hacked=1)"
    },
    "links": {
        "text": "<javascript:window.hacked=1> [a](\tjavascript:window.hacked=1) [b](data:text/html,x) [c] "
        "[d](//evil.example/h) [e](jAvAsCrIpT:window.hacked=1) ![f](data:image/svg+xml,<svg/onload=window.hacked=1>)"
        "\n\n[c]: file:///etc/passwd"
    },
}

FORBIDDEN = (
    "script, style, link, iframe, object, embed, video, audio, source, form, input, textarea, meta, base, "
    "img, picture, svg [href], [onload], [onerror], [onfocus], [onclick], [ping], [srcdoc], [background], use, image"
)

WEAK = """(root, forbidden) => {
  const found = [...root.querySelectorAll(forbidden)].filter((e) => !e.matches('input[type=checkbox][disabled]'));
  const links = [...root.querySelectorAll('a[href], [*|href]')].filter(
    (e) => !/^(https?:|mailto:|#|$)/i.test((e.getAttribute('href') ?? e.getAttribute('xlink:href') ?? '').trim()));
  const urls = [...root.querySelectorAll('[style]')].filter(
    (e) => /url\\(|expression|position:\\s*fixed/i.test(e.getAttribute('style')));
  return [...found, ...links, ...urls].map((e) => e.outerHTML.slice(0, 200));
}"""


def check(output: Locator, *, words: bool = True) -> None:
    """Nothing in an output runs, loads, or leads to something that does, and what was written stands there."""
    weak = output.evaluate(WEAK.replace("(root, forbidden)", "(root)").replace("forbidden", repr(FORBIDDEN)))
    assert weak == []
    page = output.page
    for link in output.locator("a[href]").all()[:4]:
        link.hover(force=True, timeout=2_000)
    page.wait_for_timeout(150)  # what would load has had the time to ask
    assert page.evaluate("window.hacked") is None
    if words:
        text = output.inner_text()
        for said in ("<script>window.hacked=1</script>", '<iframe src="http://evil.example">', "U+202E", "@import"):
            assert said in text


@pytest.fixture(scope="module")
def hostile_file(kept: Notebook) -> Any:
    """The notebook with the stranger's words, as it was saved."""
    kept.clear()
    index = kept.ask(chat({"reasoning": HOSTILE}, {"text": HOSTILE}))
    kept.finish(index)
    kept.until(lambda: kept.settled(index), "the static form")
    file = kept.saved()
    assert WIDGET not in str(file)
    return file


GOES_ON = {"text": "word ", "repeat": 20_000, "rate": 50}


def test_live(notebook: Notebook) -> None:
    index = notebook.ask(chat({"reasoning": HOSTILE}, {"text": HOSTILE, "by": 7}, {"text": "\n```\n\n"}, GOES_ON))
    view = notebook.cell(index).locator(".lmnb")
    view.locator("summary").first.click()
    notebook.shows(index, "word word")
    check(view)
    view.locator(".lmnb-stop").click()
    notebook.finish(index)


def test_saved(notebook: Notebook) -> None:
    index = notebook.ask(chat({"reasoning": HOSTILE}, {"text": HOSTILE}))
    notebook.finish(index)
    notebook.until(lambda: notebook.settled(index), "the static form")
    notebook.cell(index).locator("details summary").click()
    check(notebook.cell(index).locator(".jp-OutputArea-output"))


def test_opened_again_with_and_without_trust(
    kept: Notebook, hostile_file: Any, browser: Browser, jupyter: JupyterServer, trap: Trap
) -> None:
    tab = Notebook(browser, jupyter, kept.ui)
    caught = len(trap.caught())
    for trusted in (True, False):
        file = nbformat.from_dict(hostile_file)
        file.metadata["told"] = f"{kept.ui} {trusted}"  # another content, which nobody has signed
        if trusted:
            NotebookNotary(data_dir=str(jupyter.data)).sign(file)
        nbformat.write(file, jupyter.notebooks / (name := f"{kept.ui}-{trusted}.ipynb"))
        tab.open(name, kernel=False)
        assert tab.js("return cells[1].model.trusted") is trusted
        output = tab.cell(1).locator(".jp-OutputArea-output").first
        output.locator("details summary").click()
        check(output)
    assert (tab.requests, tab.complaints, trap.caught()[caught:]) == ([], [], [])
    tab.close()


def test_in_nbconverts_html(
    kept: Notebook, hostile_file: Any, browser: Browser, jupyter: JupyterServer, trap: Trap
) -> None:
    from nbconvert.exporters import HTMLExporter

    def asked(file: Any) -> tuple[set[str], Locator]:
        caught = len(trap.caught())
        path = jupyter.notebooks / f"{kept.ui}-page.html"
        path.write_text(HTMLExporter().from_notebook_node(file)[0], "utf-8")
        page = browser.new_page()
        requests: set[str] = set()
        page.on("request", lambda request: requests.add(request.url))
        page.goto(path.as_uri())
        page.wait_for_timeout(300)
        output = page.locator(".jp-OutputArea-output").last
        for fold in output.locator("details summary").all():
            fold.click()
        if file is hostile_file:
            check(output)
        page.close()
        return requests | set(trap.caught()[caught:]), output

    plain = nbformat.from_dict(hostile_file)
    plain.cells[1].outputs = []
    ours, _ = asked(hostile_file)
    its_own, _ = asked(plain)  # nbconvert's page asks for MathJax and RequireJS, whatever it shows
    assert ours == its_own


@pytest.mark.parametrize("kind", ODD)
def test_odd_words_stay_words_live_and_saved(notebook: Notebook, kind: str) -> None:
    cell = chat({"text": "Begin. "}, {"by": 997, **ODD[kind]}, {"text": "\n\n```\n\nThe end.\n\n"}, GOES_ON)
    index = notebook.ask(cell)
    notebook.shows(index, "The end.")
    check(notebook.cell(index).locator(".lmnb"), words=False)
    notebook.cell(index).locator(".lmnb-stop").click()
    notebook.finish(index)
    notebook.until(lambda: notebook.settled(index), "the static form")
    notebook.shows(index, "The end.")
    check(notebook.cell(index).locator(".jp-OutputArea-output").first, words=False)
    wide = notebook.js("const n=cells[args[0]].outputArea.node; return n.scrollWidth-n.clientWidth", index)
    assert wide <= 1
