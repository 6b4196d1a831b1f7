"""Conversations in a real notebook: run again, copied, restarted and resumed, in the background, side by side."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

from tests.browser.texts import chat

if TYPE_CHECKING:
    from collections.abc import Iterator

import pytest

if TYPE_CHECKING:
    from tests.browser.harness import Notebook

TALK = "get_ipython().magics_manager.registry['ChatMagics'].desk.talks"


@pytest.fixture
def notebook(notebook: Notebook) -> Iterator[Notebook]:
    """With nothing said yet."""
    notebook.python(f"t = {TALK}; [t.delete(name) for name in t.names()]; t.begin('main')")
    yield notebook
    notebook.quiet()


def ask(notebook: Notebook, text: str, line: str = "-m scripted") -> int:
    """A cell that is answered with a text, and its index."""
    index = notebook.ask(chat({"text": text}, line=line))
    settle(notebook, index)
    return index


def settle(notebook: Notebook, index: int) -> None:
    notebook.finish(index)
    notebook.until(lambda: notebook.settled(index), "the static form")


def again(notebook: Notebook, index: int) -> None:
    """Run a cell again and wait for its answer."""
    before = notebook.js("return cells[args[0]].model.executionCount", index)
    notebook.start(index)
    notebook.until(lambda: notebook.js("return cells[args[0]].model.executionCount", index) not in (before, None))
    settle(notebook, index)


def said(notebook: Notebook) -> list[str]:
    """What was answered in the current conversation."""
    texts: list[str] = json.loads(
        notebook.python(f"import json; print(json.dumps([t.text for t in {TALK}.get().turns]))")
    )
    return texts


def turns(notebook: Notebook) -> list[dict[str, Any]]:
    """The turns in the saved file, in the order of the cells."""
    return [
        output.metadata["lmnb"]["turn"]
        for cell in notebook.saved().cells
        for output in cell.get("outputs", ())
        if "lmnb" in output.get("metadata", {})
    ]


def test_run_all_twice_is_the_same_conversation(notebook: Notebook) -> None:
    for text in ("One.", "Two."):
        ask(notebook, text)
    index = notebook.ask(chat({"history": True}, line=""))
    settle(notebook, index)
    keys = ("cell", "prompt", "parts", "prompt_hash")
    first = [tuple(turn[key] for key in keys) for turn in turns(notebook)]
    for cell in (index - 2, index - 1, index):
        again(notebook, cell)
    assert [tuple(turn[key] for key in keys) for turn in turns(notebook)] == first
    assert said(notebook)[:2] == ["One.", "Two."]
    branches = notebook.ask("%chat branches")
    notebook.shows(branches, "has no branches")


def test_a_question_that_is_edited_keeps_what_followed_as_a_branch(notebook: Notebook) -> None:
    first = ask(notebook, "One.")
    ask(notebook, "Two.")
    notebook.js("cells[args[0]].model.sharedModel.setSource(args[1])", first, chat({"text": "Other."}, line=""))
    again(notebook, first)
    notebook.shows(first, "Replaces turn 1; 1 later turn is kept as branch 1. %chat switch 1 goes back.")
    assert said(notebook) == ["Other."]
    shown = notebook.ask("%chat branches 1 2")
    notebook.shows(shown, "Branch 1")
    columns = notebook.cell(shown).locator("div[style*=grid] > div")
    boxes = [columns.nth(i).bounding_box() for i in range(2)]
    assert boxes[0]
    assert boxes[1]
    assert boxes[0]["x"] + boxes[0]["width"] <= boxes[1]["x"]
    switch = notebook.ask("%chat switch 1")
    notebook.shows(switch, "goes on from branch 1, 2 turns")
    assert said(notebook) == ["One.", "Two."]


def test_a_copied_cell_is_a_turn_of_its_own_and_a_deleted_one_stays_said(notebook: Notebook) -> None:
    first = ask(notebook, "One.")
    notebook.js("panel.content.activeCellIndex=args[0]; panel.content.deselectAll()", first)
    notebook.command("notebook:copy-cell")
    notebook.command("notebook:paste-cell-below")
    again(notebook, first + 1)
    assert said(notebook) == ["One.", "One."]
    notebook.js("panel.content.model.sharedModel.deleteCell(args[0])", first)
    third = ask(notebook, "Three.")
    assert said(notebook) == ["One.", "One.", "Three."]
    notebook.js("panel.content.model.sharedModel.moveCell(args[0], args[1])", third, first)
    again(notebook, first)
    assert said(notebook) == ["One.", "One.", "Three."]


def test_after_a_restart_the_conversation_is_resumed_from_the_file(notebook: Notebook) -> None:
    first = ask(notebook, "One.")
    ask(notebook, "Two.")
    notebook.js("cells[args[0]].model.sharedModel.setSource(args[1])", first, chat({"text": "Other."}, line=""))
    again(notebook, first)
    notebook.saved()
    notebook.restart()
    notebook.idle()
    # The kernel's last words to views that the page has dropped with it: each application says so in its own way.
    notebook.complaints[:] = [one for one in notebook.complaints if "Comm not found" not in one]
    notebook.python("%load_ext lmnb")
    resumed = notebook.ask("%chat resume")
    notebook.shows(resumed, "Resumed main: 1 turn, 1 branch, from ")
    assert said(notebook) == ["Other."]
    other = notebook.ask("%chat switch 2")
    notebook.shows(other, "2 turns")
    assert said(notebook) == ["One.", "Two."]


def test_in_the_background_other_cells_run_and_the_answer_settles(notebook: Notebook) -> None:
    index = notebook.ask(chat({"text": "word ", "repeat": 60, "rate": 30}, line="-m scripted --bg"))
    notebook.shows(index, "word word")
    other = notebook.ask("print('meanwhile')")
    notebook.shows(other, "meanwhile")
    assert not notebook.settled(index)
    notebook.until(lambda: notebook.settled(index), "the static form")
    assert notebook.text(index).count("word") == 60


def test_code_is_put_into_a_cell_below_and_is_not_run(notebook: Notebook) -> None:
    index = notebook.ask(chat({"text": "```python\nboom = 1\n```", "by": "char"}, line="-m scripted --code"))
    settle(notebook, index)
    notebook.until(lambda: notebook.js("return cells.length") == index + 2, "a cell below")
    assert notebook.js("return cells[args[0]].model.sharedModel.getSource()", index + 1) == "boom = 1"
    assert notebook.python("print('boom' in globals())").strip() == "False"


def test_a_table_goes_along_is_shown_and_opens_to_what_was_sent(notebook: Notebook) -> None:
    notebook.python("import pandas; sales = pandas.DataFrame({'region': ['north', 'south'], 'units': [3, 5]})")
    index = notebook.ask("%%chat -m scripted\nWhich region of @sales sold most?")
    settle(notebook, index)
    chip = notebook.cell(index).locator("details")
    assert chip.locator("summary").inner_text().startswith("sales · ")
    chip.locator("summary").click()
    shown = chip.locator("pre").inner_text()
    assert "2 rows × 2 columns" in shown
    assert "region str" in shown
    sent = turns(notebook)[-1]
    assert sent["attached"][0]["text"].strip() == shown.strip()
    assert sent["sent"] == "Which region of `sales` sold most?"


def test_completion_offers_flags_and_models(notebook: Notebook) -> None:
    ask(notebook, "One.")
    offered = notebook.js(
        "const k=panel.sessionContext.session.kernel;"
        "return (await k.requestComplete({code:args[0],cursor_pos:args[0].length})).content.matches",
        "%%chat -m scripted-l",
    )
    assert offered == ["scripted-letters"]
