"""What went along, how full the context is, what was cut, and several models side by side: live, settled and saved."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

import nbformat
import pytest

if TYPE_CHECKING:
    from tests.browser.harness import Notebook

ROOT = Path(__file__).parents[2]

PREPARE = f"""
import sys, base64
sys.path.insert(0, {str(ROOT)!r})
from tests.widgets.inside import *
from lmnb.chat.attached import Attached, Image
from lmnb.chat.events import Connecting, Fitted, Noticed, Reading
from lmnb.chat.window import Window
dot = base64.b64decode(
    "iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJAAAADUlEQVR42mNkYPhfDwAChwGA60e6kgAAAABJRU5ErkJggg=="
)
card = "sales: pandas DataFrame, 5,214 rows\\n<img src=x onerror=window.hacked=1> $x$\\n" + "column  float64\\n" * 30
along = (
    Attached("sales", "card", card, tokens=212, notes=("2 `e-mail` addresses were masked.",)),
    Attached("chart.png", "image", image=Image(dot, "chart.png")),
    Attached("page.svg", "image", image=Image(b"<svg onload='window.hacked=1'/>", "page.svg")),
)
facts = ModelFacts("qwen3-4b", "qwen3-4b", context_length=4096)
limit = Finished(Stats("maxPredictedTokensReached", 38.2, 0.4, 1234, 512), facts)
branch = "Replaces turn 3; 2 later turns are kept as branch 1. `%chat switch 1` goes back."
answer = "**North** grew most.\\n\\n```python\\nx = 1\\n```\\n\\nThe mean price went"

def tell(chat, turn, *events):
    for event in events:
        turn.apply(event)
        chat.view.event(*([turn] if isinstance(chat, Beside) else []), event)

def begin(**fields):
    chat = Chat("Why?", **fields)
    tell(chat, chat.turn, Connecting("localhost:1234"), Noticed(branch), Fitted(Window(1234, 4096, 512), "hash"))
    tell(chat, chat.turn, Reading("qwen3-4b", 0.6), Fragment("Let me see. " * 9, "reasoning"))
    return chat

async def settle(chat):
    await chat.view.settle(chat.bundle())
"""

PLACES = """
  const node = cells[args[0]].outputArea.node, top = node.getBoundingClientRect();
  const words = document.createTreeWalker(node, NodeFilter.SHOW_TEXT), found = {};
  while (words.nextNode()) {
    const text = words.currentNode, range = document.createRange();
    range.selectNodeContents(text);
    const [box] = range.getClientRects();
    if (box?.width && !text.parentElement.closest('button, .jp-OutputPrompt')) {
      found[text.data.trim()] = [box.left - top.left, box.top - top.top];
    }
  }
  return {height: top.height, found};
"""


@pytest.fixture(scope="module", autouse=True)
def prepared(kept: Notebook) -> None:
    assert kept.python(PREPARE) == ""


@pytest.fixture
def chat(notebook: Notebook) -> int:
    """A turn that is thinking, with what went along; the index of its cell."""
    return run(notebook, "c = begin(attached=along)")


def run(notebook: Notebook, code: str) -> int:
    index = notebook.append(code)
    notebook.run(index)
    return index


def settled(notebook: Notebook, index: int, code: str = "await settle(c)") -> None:
    run(notebook, code)
    notebook.until(lambda: notebook.settled(index), "the static form")
    notebook.page.wait_for_timeout(300)


def test_a_chip_opens_to_the_exact_text_and_never_to_markup(notebook: Notebook, chat: int) -> None:
    notebook.shows(chat, "sales · 212 tokens")
    cell = notebook.cell(chat)
    cell.locator("summary").first.click()
    peek = cell.locator(".lmnb-peek")
    assert peek.inner_text().startswith("sales: pandas DataFrame, 5,214 rows\n<img src=x")
    line = notebook.js(
        "const s=getComputedStyle(document.querySelector('.lmnb-peek')); return parseFloat(s.lineHeight)"
    )
    assert peek.evaluate("e => e.clientHeight") <= 11 * line + 17
    assert peek.evaluate("e => e.scrollHeight > e.clientHeight")
    assert "2 e-mail addresses were masked." in notebook.text(chat)
    cell.locator("summary").nth(1).click()
    assert cell.locator("img").evaluate(
        "async e => { await e.decode(); return [e.naturalWidth, e.src.slice(0, 15)] }"
    ) == [
        1,
        "data:image/png;",
    ]
    cell.locator("summary").nth(2).click()
    notebook.shows(chat, "page.svg · 1 kB")
    assert cell.locator("img").count() == 1, "a drawing can be more than a picture"
    assert notebook.js("return window.hacked") is None
    settled(notebook, chat)


def test_nothing_moves_when_it_settles_and_what_was_open_stays_open(notebook: Notebook) -> None:
    chat = run(notebook, "c = begin(attached=along[:1])")
    run(notebook, "tell(c, c.turn, Fragment(answer), limit)")
    notebook.shows(chat, "%chat continue")
    notebook.page.wait_for_timeout(200)
    for opened in (False, True):
        if opened:
            chat = run(notebook, "c = begin(attached=along[:1]); tell(c, c.turn, Fragment(answer), limit)")
            notebook.shows(chat, "%chat continue")
            notebook.cell(chat).locator("summary").first.click()
            notebook.page.wait_for_timeout(200)
        live = notebook.js(PLACES, chat)
        settled(notebook, chat)
        saved = notebook.js(PLACES, chat)
        moved = {words: (place, saved["found"].get(words)) for words, place in live["found"].items()}
        far = {words: places for words, places in moved.items() if places[1] and distance(*places) > 2}
        assert far == {}
        assert len([places for _, places in moved.values() if places]) >= 12, saved["found"]
        assert abs(live["height"] - saved["height"]) <= 2
        for words in ("The answer reached its limit of 512 tokens.", "prompt 1,234 of 4,096 tokens", "%chat switch 1"):
            assert any(words in text for text in saved["found"]), words


def distance(one: list[float], other: list[float]) -> float:
    return max(abs(one[0] - other[0]), abs(one[1] - other[1]))


def test_the_gauge_leaves_as_a_whole_where_there_is_no_room(notebook: Notebook, chat: int) -> None:
    gauge = notebook.cell(chat).locator(".lmnb-gauge")
    assert gauge.get_attribute("title") == "2,862 tokens are left for the answer"
    shown = (
        "e => { const box = e.parentElement.getBoundingClientRect(), own = e.firstElementChild.getBoundingClientRect();"
    )
    shown += " return [own.top < box.bottom - 2, own.right <= box.right + 1] }"
    assert gauge.evaluate(shown) == [True, True]
    for width in (420, 330, 260):
        notebook.js("cells[args[0]].node.querySelector('.lmnb').style.inlineSize = args[1] + 'px'", chat, width)
        inside, whole = gauge.evaluate(shown)
        assert whole or not inside, width
    assert inside is False
    settled(notebook, chat)


def test_several_models_stand_side_by_side_also_in_an_untrusted_notebook(notebook: Notebook) -> None:
    index = run(notebook, "b = Beside('Why?', asked='qwen3-4b'); first, second = b.turns; tell(b, second, Queued())")
    notebook.shows(index, "second")
    notebook.shows(index, "Waiting for its turn")
    assert notebook.cell(index).locator(".lmnb-stop").count() == 1
    run(notebook, "tell(b, first, Fitted(Window(1234, 4096, 512), 'h'), Fragment(answer), limit)")
    run(notebook, "tell(b, second, Fragment(answer), Finished(Stats('eosFound', 12.2, 0.9, 9, 9), facts))")
    notebook.shows(index, "9 tokens")
    notebook.page.wait_for_timeout(200)
    live = notebook.js(PLACES, index)
    settled(notebook, index, "await settle(b)")
    saved = notebook.js(PLACES, index)
    assert abs(live["height"] - saved["height"]) <= 2
    assert columns(notebook, index) == 2
    _reopened_untrusted(notebook, index)


def columns(notebook: Notebook, index: int) -> int:
    lefts = notebook.js(
        "return [...cells[args[0]].outputArea.node.querySelectorAll('.lmnb-saved')]"
        ".map(row => Math.round(row.getBoundingClientRect().left))",
        index,
    )
    return len(set(lefts))


def _reopened_untrusted(notebook: Notebook, index: int) -> None:
    outputs: Any = notebook.outputs(index)
    page = notebook.page.context.new_page()
    file = nbformat.v4.new_notebook(
        cells=[
            nbformat.v4.new_code_cell(
                "x",
                execution_count=1,
                outputs=[nbformat.v4.new_output("display_data", outputs[0]["data"], metadata=outputs[0]["metadata"])],
            )
        ]
    )
    nbformat.write(file, notebook.server.notebooks / f"stranger-{notebook.ui}.ipynb")
    try:
        place = "lab/tree" if notebook.ui == "lab" else "notebooks"
        reset = "reset&" if notebook.ui == "lab" else ""
        page.set_viewport_size({"width": 1600, "height": 900})
        page.goto(f"{notebook.server.base}/{place}/stranger-{notebook.ui}.ipynb?{reset}token={notebook.server.token}")
        page.wait_for_selector(".lmnb-saved", timeout=30_000)
        lefts = page.evaluate(
            "[...document.querySelectorAll('.lmnb-saved')].map(e => Math.round(e.getBoundingClientRect().left))"
        )
        assert len(set(lefts)) == 2
        assert page.evaluate("window.jupyterapp.shell.currentWidget.content.widgets[0].model.trusted") is False
    finally:
        page.close()


def test_a_view_in_the_background_settles_while_other_cells_run(notebook: Notebook) -> None:
    index = run(notebook, "a = Chat(background=True).start(words(150), 100); in_the_background(a)")
    notebook.shows(index, "w5 ")
    other = notebook.ask("await asyncio.sleep(2.5); print('mine')")
    notebook.until(lambda: notebook.settled(index), "the static form")
    assert "w149" in notebook.text(index)
    notebook.finish(other)
    assert notebook.text(other).strip() == "mine"


def test_stop_in_the_background_ends_the_answer_and_not_the_cell_that_runs(notebook: Notebook) -> None:
    index = run(notebook, "a = Chat(background=True).start(words(5000), 50); in_the_background(a)")
    notebook.shows(index, "w5 ")
    other = notebook.ask("time.sleep(2.5); print('mine')")
    notebook.page.wait_for_timeout(100)
    notebook.cell(index).locator(".lmnb-stop").click()
    notebook.until(lambda: "stopped by you" in notebook.text(index), "the end")
    notebook.finish(other)
    assert notebook.text(other).strip() == "mine"
    notebook.until(lambda: notebook.settled(index), "the static form")


def test_a_page_that_is_loaded_again_goes_on_with_what_runs_in_the_background(notebook: Notebook) -> None:
    index = run(notebook, "a = Chat(background=True, attached=along).start(words(5000), 50); in_the_background(a)")
    notebook.shows(index, "w5 ")
    notebook.saved()
    notebook.open(notebook.name)
    notebook.shows(index, "w50 ")
    notebook.shows(index, "sales · 212 tokens")
    notebook.cell(index).locator(".lmnb-stop").click()
    notebook.until(lambda: notebook.settled(index), "the static form")
    assert "w5 " in notebook.text(index)
    assert "stopped by you" in notebook.text(index)


@pytest.mark.parametrize(
    ("form", "text"), [("html", "<b>hi</b>"), ("json", '{"a": "<b>hi</b>"}'), ("text", "# <b>hi</b>")]
)
def test_another_form_is_its_source(notebook: Notebook, form: str, text: str) -> None:
    index = run(notebook, f"c = Chat(form={form!r}); tell(c, c.turn, Fragment({text!r}), END)")
    notebook.shows(index, text)
    assert notebook.cell(index).locator(".lmnb-code").count() == 1
    before = notebook.js(PLACES, index)["height"]
    settled(notebook, index)
    assert text in notebook.text(index)
    assert abs(notebook.js(PLACES, index)["height"] - before) <= 15
