"""However a turn ends, the notebook file holds its answer: asserted on the file, never on the page."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING, Any

import pytest

from lmnb.server.launch import start_server
from tests.browser.harness import WIDGET, Notebook
from tests.browser.texts import ENDLESS, chat

if TYPE_CHECKING:
    from collections.abc import Iterator

    from playwright.sync_api import Browser

    from tests.browser.machinery import JupyterServer
    from tests.studio.conftest import Peek


def kept_answer(notebook: Notebook, index: int) -> dict[str, Any]:
    """The turn as the saved file has it: static HTML, plain text, metadata, and no widget anywhere."""
    file = notebook.saved()
    assert "widgets" not in file.metadata
    outputs = file.cells[index].outputs
    assert all(WIDGET not in output.get("data", {}) for output in outputs)
    (answer,) = [output for output in outputs if "lmnb" in output.get("metadata", {})]
    assert set(answer.data) == {"text/html", "text/plain"}
    turn: dict[str, Any] = answer.metadata["lmnb"]["turn"]
    assert "<script" not in answer.data["text/html"]
    assert turn["cell"] == file.cells[index].id
    for part in turn.get("parts", []):
        if part["kind"] == "text":
            assert part["text"].strip() in answer.data["text/plain"]
            assert part["text"].split()[-1] in answer.data["text/html"]
    return turn


def answer(turn: dict[str, Any]) -> str:
    """The text of a turn."""
    return "".join(part["text"] for part in turn.get("parts", []) if part["kind"] == "text")


def settle(notebook: Notebook, index: int) -> dict[str, Any]:
    """Wait for the end and the static form, and read the file."""
    notebook.finish(index)
    notebook.until(lambda: notebook.settled(index), "the static form")
    return kept_answer(notebook, index)


def running(notebook: Notebook) -> int:
    """A cell that writes and would go on for long."""
    index = notebook.ask(ENDLESS)
    notebook.shows(index, "word word")
    return index


def test_done(notebook: Notebook) -> None:
    index = notebook.ask(chat({"reasoning": "Hm."}, {"text": "So **it** is. " * 20, "rate": 100}))
    turn = settle(notebook, index)
    assert turn["status"] == "done"
    assert answer(turn).strip() == ("So **it** is. " * 20).strip()


def test_stopped_by_the_person(notebook: Notebook) -> None:
    index = running(notebook)
    notebook.cell(index).locator(".lmnb-stop").click()
    turn = settle(notebook, index)
    assert turn["status"] == "stopped"
    assert answer(turn).startswith("word word")


def test_interrupted(notebook: Notebook) -> None:
    index = running(notebook)
    notebook.interrupt()
    turn = settle(notebook, index)
    assert turn["status"] == "interrupted"
    assert answer(turn).startswith("word word")


def test_failed(notebook: Notebook) -> None:
    index = notebook.ask(chat({"text": "So far. "}, {"error": "The engine broke."}))
    turn = settle(notebook, index)
    assert (turn["status"], answer(turn).strip()) == ("failed", "So far.")
    assert "The engine broke." in notebook.text(index)


def test_the_server_dies_in_mid_answer_and_the_next_cell_finds_another(
    notebook: Notebook, scripted_server: str
) -> None:
    with start_server(scripted=True) as server:
        cell = chat(
            {"text": "word ", "repeat": 10, "rate": 100}, {"die": True}, line=f"-m scripted --host {server.host} --new"
        )
        index = notebook.ask(cell)
        turn = settle(notebook, index)
    assert turn["status"] == "failed"
    assert answer(turn).split() == ["word"] * 10
    assert turn["problem"]["title"]
    again = notebook.ask(chat({"text": "Here again."}, line=f"-m scripted --host {scripted_server} --new"))
    assert answer(settle(notebook, again)) == "Here again."


ENDS = {
    "shut down": lambda notebook: notebook.js("await panel.sessionContext.shutdown()"),
    "restarted": lambda notebook: notebook.restart(),
    "killed": lambda notebook: notebook.kill_kernel(),
}


@pytest.mark.parametrize("end", ENDS)
def test_the_kernel_goes_and_the_view_writes_down_what_it_has(notebook: Notebook, end: str) -> None:
    index = running(notebook)
    try:
        ENDS[end](notebook)
        notebook.until(lambda: notebook.settled(index), "the static form")
        turn = kept_answer(notebook, index)
        # Jupyter interrupts a kernel before it ends it: where the kernel was quick, it has written the answer itself.
        assert turn["status"] in (("kernelDied",) if end == "killed" else ("kernelDied", "interrupted"))
        assert answer(turn).startswith("word word")
        assert ("the kernel ended" if turn["status"] == "kernelDied" else "interrupted") in notebook.text(index)
    finally:
        if end == "shut down":
            notebook.js("await panel.sessionContext.startKernel()")
        notebook.idle()
        notebook.until(lambda: not notebook.js("return cells.some(c=>c.model.executionState==='running')"))
        notebook.run(0)
    again = notebook.ask(chat({"text": "Here again."}))
    assert settle(notebook, again)["status"] == "done"


def numbered(count: int) -> str:
    """So many words that can be told apart."""
    return "".join(f"w{number} " for number in range(count))


def begun(notebook: Notebook, count: int = 3_000) -> int:
    """A cell that writes 100 words a second, in a notebook that was saved meanwhile, as it is every two minutes."""
    index = notebook.ask(chat({"text": numbered(count), "rate": 100}))
    notebook.shows(index, "w20 ")
    notebook.saved()
    return index


def stop(notebook: Notebook, index: int) -> dict[str, Any]:
    """Press Stop in a view that is live, and read what was saved: all words as far as they came."""
    notebook.cell(index).locator(".lmnb-stop").click()
    notebook.until(lambda: notebook.settled(index), "the static form")
    turn = kept_answer(notebook, index)
    assert turn["status"] == "stopped"
    assert numbered(3_000).startswith(answer(turn))
    return turn


@pytest.fixture
def another(browser: Browser, jupyter: JupyterServer, notebook: Notebook) -> Iterator[Notebook]:
    """A second tab, closed; it opens the same notebook."""
    tab = Notebook(browser, jupyter, notebook.ui)
    yield tab
    tab.close()
    notebook.js("await panel.context.revert()")  # else a save would ask whose version is right


def test_after_a_reload_in_mid_stream_all_is_there(notebook: Notebook) -> None:
    index = begun(notebook, 700)
    notebook.open(notebook.name, kernel=False)
    notebook.shows(index, "w30 ")
    assert "w0 w1 w2 w3 " in notebook.text(index)
    assert notebook.cell(index).locator(".lmnb-stop").count() == 1, "It was too late to see it live."
    notebook.until(lambda: notebook.settled(index), "the static form")
    turn = kept_answer(notebook, index)
    assert (turn["status"], answer(turn)) == ("done", numbered(700))
    notebook.idle()


def test_a_tab_is_closed_in_mid_stream_and_opened_before_the_end(notebook: Notebook) -> None:
    index = begun(notebook)
    notebook.page.goto("about:blank")
    notebook.open(notebook.name, kernel=False)
    notebook.shows(index, "w40 ")
    stop(notebook, index)
    notebook.idle()


def test_a_tab_is_closed_in_mid_stream_and_opened_after_the_end(notebook: Notebook, peek: Peek) -> None:
    index = begun(notebook, 150)
    notebook.page.goto("about:blank")
    assert peek.wait(lambda: peek.status() == "idle", 20)
    time.sleep(2.2)  # as long as the kernel waits for its page
    notebook.open(notebook.name, kernel=False)
    notebook.until(lambda: notebook.settled(index), "the static form")
    turn = kept_answer(notebook, index)
    assert (turn["status"], answer(turn)) == ("done", numbered(150))
    notebook.idle()


def test_two_tabs_see_it_live_and_either_saves_it(notebook: Notebook, another: Notebook) -> None:
    index = begun(notebook)
    another.open(notebook.name, kernel=False)
    another.shows(index, "w40 ")
    one, other = (notebook, another) if notebook.ui == "lab" else (another, notebook)
    turn = stop(one, index)
    other.until(lambda: other.settled(index), "the static form in the other tab")
    assert other.outputs(index)[0]["metadata"]["lmnb"]["turn"]["parts"] == turn["parts"]


def test_the_cell_is_deleted_while_it_runs(notebook: Notebook) -> None:
    index = notebook.ask(chat({"text": numbered(300), "rate": 300}))
    notebook.shows(index, "w20 ")
    notebook.clear()
    after = notebook.ask("_.text.split()[-1]")
    notebook.finish(after)
    assert notebook.text(after).strip() == "'w299'"
    assert len(notebook.saved().cells) == 2


FLOOD = r"""
import contextvars, sys, threading, time
def flood(delay, seconds):
    time.sleep(delay)
    end, line = time.monotonic() + seconds, "x" * 99 + "\n"
    while time.monotonic() < end:
        sys.stdout.write(line * 400)  # 40 kB, 50 times a second
        time.sleep(.02)
def begin(*times):
    # With the parent of this cell, which is gone then: the page need not paint the flood, which takes it a minute.
    threading.Thread(target=contextvars.copy_context().run, args=(flood, *times)).start()
"""


@pytest.mark.parametrize("when", ["all the time", "at the very end"])
def test_prints_of_another_thread_lose_nothing(notebook: Notebook, when: str) -> None:
    notebook.run(notebook.append(FLOOD))
    dropped = notebook.server.log.read_text().count("data rate exceeded")
    # The server begins to drop everything when it has passed on 3 MB in 3 s.
    notebook.python("begin(0, 4)" if when == "all the time" else "begin(1.5, 4)")
    index = notebook.ask(chat({"text": numbered(300), "rate": 150}, {"sleep": 1.5}, {"text": "The end."}))
    notebook.finish(index, 60)
    notebook.until(lambda: notebook.settled(index), "the static form", 30)
    turn = kept_answer(notebook, index)
    assert (turn["status"], answer(turn)) == ("done", numbered(300) + "The end.")
    notebook.until(lambda: notebook.server.log.read_text().count("data rate exceeded") > dropped, "a flood")


def test_a_second_view_of_the_output_follows_and_settles(notebook: Notebook) -> None:
    if notebook.ui != "lab":
        pytest.skip("Notebook 7 has no second view of an output.")
    index = notebook.ask(chat({"text": numbered(300), "rate": 100}))
    notebook.shows(index, "w10 ")
    notebook.js(
        "panel.content.activeCellIndex=args[0];"
        "await window.jupyterapp.commands.execute('notebook:create-output-view');"
        "window.jupyterapp.shell.activateById(panel.id)",
        index,
    )
    view = notebook.page.locator(".jp-LinkedOutputView")
    view.locator(".lmnb-prose", has_text="w60 ").wait_for()
    notebook.until(lambda: notebook.settled(index), "the static form")
    turn = kept_answer(notebook, index)
    assert (turn["status"], answer(turn)) == ("done", numbered(300))
    view.locator(".lmnb-saved").wait_for(state="attached")
    assert "w299" in view.inner_text()
    notebook.js("for(const w of window.jupyterapp.shell.widgets('main'))if(w.id!==panel.id)w.dispose()")
