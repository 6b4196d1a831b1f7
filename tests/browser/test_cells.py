"""Chat cells in JupyterLab and Notebook 7 while they run: what is seen, pressed, heard, and sent."""

from __future__ import annotations

import json
from itertools import pairwise
from typing import TYPE_CHECKING, Any

import pytest

from tests.browser.harness import WIDGET
from tests.browser.texts import ANSWER, ENDLESS, chat

if TYPE_CHECKING:
    from tests.browser.harness import Notebook
    from tests.studio.conftest import Peek


def words(notebook: Notebook, index: int) -> list[str]:
    """The status row, word for word."""
    row = notebook.cell(index).locator(".lmnb-facts > *").all_inner_texts()
    return [word.removeprefix(" · ") for word in row]


def status(notebook: Notebook, index: int) -> str:
    """How the turn ended, once it stands in its static form."""
    notebook.finish(index)
    notebook.until(lambda: notebook.settled(index), "the static form")
    return str(notebook.outputs(index)[0]["metadata"]["lmnb"]["turn"]["status"])


def unload(peek: Peek, identifier: str) -> None:
    """See to it that a model is not loaded."""
    if identifier in peek.loaded():
        peek.call("unloadModel", {"identifier": identifier})


def test_an_answer_streams_with_its_form_and_is_the_cells_value(notebook: Notebook) -> None:
    index = notebook.ask(chat({"text": f"## Growth\n\n{ANSWER}\n> So be it.\n\n" + "The end. " * 40, "rate": 60}))
    notebook.shows(index, "The end.")
    view = notebook.cell(index).locator(".lmnb-prose")
    assert not notebook.ended(index)
    assert view.locator("h2").inner_text() == "Growth"
    assert view.locator("td").all_inner_texts()[:3] == ["North", "1.80 M", "18.4 %"]
    assert view.locator("blockquote").inner_text() == "So be it."
    assert view.locator("ol > li").count() == 2
    assert view.locator("pre .lmnb-tok-s").first.inner_text() == '"region"'
    assert view.locator("a").get_attribute("href") == "https://example.org"
    assert view.locator("mjx-container[display=true]").count() == 1  # the host's own typesetter
    assert words(notebook, index)[:2] == ["scripted", "Writing"]
    notebook.finish(index)
    notebook.until(lambda: notebook.settled(index))
    assert [output["output_type"] for output in notebook.outputs(index)] == ["display_data"]
    assert notebook.python("print(type(_).__name__, len(_.text))") == f"Reply {len(_text(notebook, index))}\n"


def _text(notebook: Notebook, index: int) -> str:
    turn = notebook.outputs(index)[0]["metadata"]["lmnb"]["turn"]
    return "".join(part["text"] for part in turn["parts"])


def test_every_stage_has_its_words(notebook: Notebook, peek: Peek) -> None:
    unload(peek, "scripted-slow")
    steps: list[dict[str, Any]] = [
        {"progress": [0, 0.62] + [0.62] * 12 + [1], "each": 0.05},
        {"reasoning": "Let me see. " * 8, "rate": 30},
        {"text": "So it is. " * 10, "rate": 40},
    ]
    index = notebook.append(chat(*steps, line="-m scripted-slow --new"))
    notebook.js(
        "window.rows=[]; const node=cells[args[0]].outputArea.node;"
        "(function look(){const row=node.querySelector('.lmnb-facts');"
        "const said=row&&[...row.children].map(e=>e.textContent.replace(/[\\d.,]+/g,'#')).join('|');"
        "if(said&&rows.at(-1)!==said)rows.push(said);"
        "if(!node.querySelector('.lmnb-saved'))requestAnimationFrame(look)})()",
        index,
    )
    notebook.run(index)
    notebook.until(lambda: notebook.settled(index))
    rows: list[str] = notebook.js("return window.rows")
    order = ["LM Studio|Connecting", "|Loading# %|# s", "|Reading prompt# %|# s", "|Thinking", "|Writing"]
    found = [next((at for at, row in enumerate(rows) if part in row), None) for part in order]
    assert found == sorted(found, key=lambda at: -1 if at is None else at), rows
    assert "scripted-slow|Thinking|# tok/s|# s|prompt # of # tokens" in rows
    assert "scripted-slow|Writing|# tok/s|# s|prompt # of # tokens" in rows
    saved = notebook.text(index)
    assert saved.startswith("scripted-slow · 56 tokens · ")
    assert "Thought for" in saved


@pytest.mark.parametrize("way", ["click", "esc"])
def test_stop_is_seen_at_once_and_reaches_the_server(notebook: Notebook, peek: Peek, way: str) -> None:
    index = notebook.ask(ENDLESS)
    notebook.shows(index, "word word")
    stop = notebook.cell(index).locator(".lmnb-stop")
    notebook.page.evaluate(
        "window.pressed=null; window.seen=null; const stop=document.querySelector('.lmnb-stop');"
        "for(const kind of ['click','keydown'])"
        " window.addEventListener(kind,()=>{window.pressed??=performance.now()},{capture:true,once:true});"
        "new MutationObserver(()=>requestAnimationFrame(()=>{"
        " if(stop.ariaLabel==='Stopping')window.seen??=performance.now()-window.pressed}))"
        ".observe(stop,{attributes:true})"
    )
    if way == "click":
        stop.click()
    else:
        stop.focus()
        notebook.page.keyboard.press("Escape")
    assert peek.wait(lambda: peek.status() == "idle", 5)
    assert status(notebook, index) == "stopped"
    assert notebook.page.evaluate("window.seen") < 100
    assert notebook.text(index).startswith("scripted · ")
    assert "stopped by you" in notebook.text(index)
    # The keys go on working where they did.
    assert notebook.page.evaluate("document.activeElement.classList.contains('jp-Cell')")
    after = notebook.ask("print('went on')")
    notebook.shows(after, "went on")


def test_esc_stops_nothing_while_the_focus_is_elsewhere(notebook: Notebook) -> None:
    index = notebook.ask(ENDLESS)
    notebook.shows(index, "word word")
    notebook.cell(index).locator(".jp-InputPrompt").click()
    notebook.page.keyboard.press("Escape")
    before = notebook.text(index)
    notebook.until(lambda: len(notebook.text(index)) > len(before) + 50, "more words")
    for _ in range(4):
        notebook.page.keyboard.press("Tab")
        if notebook.page.evaluate("document.activeElement.ariaLabel") == "Stop":
            break
    notebook.page.keyboard.press("Enter")
    assert status(notebook, index) == "stopped"


def test_what_happens_is_said_aloud_to_the_last_word(notebook: Notebook) -> None:
    notebook.page.evaluate(
        "window.heard=[]; const region=document.querySelector('body > [role=status]');"
        "new MutationObserver(()=>heard.push(region.textContent)).observe(region,{childList:true})"
    )
    for _ in range(2):
        index = notebook.ask(chat({"text": "Some words. " * 5, "rate": 50}))
        assert status(notebook, index) == "done"
    heard = [words for words in notebook.page.evaluate("window.heard") if "Reading" not in words]  # it may be too short
    assert heard == ["Connecting to LM Studio", "Writing the answer", "Answer finished"] * 2


PHASES: dict[str, tuple[str, list[dict[str, Any]], str]] = {
    "loading": ("scripted-slow", [{"text": "never"}], "Loading"),
    "reading": ("scripted", [{"progress": [0, 0.1, 0.2] + [0.3] * 600, "each": 0.05}], "Reading prompt"),
    "thinking": ("scripted", [{"reasoning": "hm ", "repeat": 20_000, "rate": 50}], "Thinking"),
    "writing": ("scripted", [{"text": "word ", "repeat": 20_000, "rate": 50}], "Writing"),
}


@pytest.mark.parametrize("phase", PHASES)
def test_an_interrupt_is_one_line_and_keeps_what_there_is(notebook: Notebook, peek: Peek, phase: str) -> None:
    model, steps, word = PHASES[phase]
    unload(peek, "scripted-slow")
    index = notebook.ask(chat(*steps, line=f"-m {model} --new"))
    notebook.until(lambda: any(word in fact for fact in words(notebook, index)), word)
    if phase in ("thinking", "writing"):
        notebook.until(lambda: "tok/s" in notebook.text(index), "fragments")
    notebook.interrupt()
    assert status(notebook, index) == "interrupted"
    error = notebook.outputs(index)[-1]
    assert (error["output_type"], len(error["traceback"])) == ("error", 1)
    assert notebook.cell(index).locator(".jp-OutputArea-output").last.inner_text().count("\n") == 0
    assert peek.wait(lambda: peek.status(model) in ("idle", None), 5)


def test_an_interrupt_at_the_very_end_loses_nothing(notebook: Notebook) -> None:
    index = notebook.append(chat({"text": "Some words. " * 10, "rate": 100}))
    notebook.js(
        "const kernel=panel.sessionContext.session.kernel, node=cells[args[0]].outputArea.node;"
        "const watch=new MutationObserver(()=>{"
        " if(!node.querySelector('.lmnb')||node.querySelector('.lmnb-stop'))return;"
        " watch.disconnect(); void kernel.interrupt() }); watch.observe(node,{subtree:true,childList:true})",
        index,
    )
    notebook.run(index)
    notebook.until(lambda: notebook.settled(index))
    assert _text(notebook, index).strip() == ("Some words. " * 10).strip()
    notebook.idle()
    after = notebook.ask("print('went on')")
    notebook.shows(after, "went on")


def test_a_cell_is_small_and_the_front_end_comes_once(notebook: Notebook) -> None:
    frames: list[list[bytes]] = []
    notebook.page.on("websocket", lambda socket: socket.on("framereceived", lambda data: frames.append(_parts(data))))
    notebook.open(notebook.name)
    for _ in range(3):
        assert status(notebook, notebook.ask(chat({"text": "Hello."}))) == "done"
    opened = [parts for parts in frames if _kind(parts) == "comm_open" and b'"core"' in parts[-1]]
    shown = [parts for parts in frames if _kind(parts) == "display_data" and WIDGET.encode() in parts[-1]]
    assert (len(opened), len(shown)) == (3, 3)
    sizes = [sum(len(part) for part in (*one, *other)) for one, other in zip(opened, shown, strict=True)]
    contents = [len(one[-1]) + len(other[-1]) for one, other in zip(opened, shown, strict=True)]
    print(f"{notebook.ui}: comm_open + display_data {sizes} bytes with their headers, {contents} without")
    assert max(contents) < 1_900
    assert max(sizes) < 2_500
    bundles = [parts for parts in frames if len(parts[-1]) > 50_000]
    print(f"{notebook.ui}: {len(bundles)} message with the front end, {len(bundles[0][-1])} bytes")
    assert len(bundles) == 1


def _parts(data: str | bytes) -> list[bytes]:
    """The parts of a message in Jupyter's v1 websocket protocol: channel, header, parent, metadata, content."""
    if isinstance(data, str):
        return [b"{}"]
    offsets = [int.from_bytes(data[8 * at : 8 * at + 8], "little") for at in range(1, 1 + data[0])]
    return [data[begin:end] for begin, end in pairwise(offsets)]


def _kind(parts: list[bytes]) -> str:
    return str(json.loads(parts[1]).get("msg_type", "")) if len(parts) > 1 else ""
