"""Conversations in a real kernel: cells run again, answers in the background, side by side, after a restart."""

from __future__ import annotations

import json

import pytest

from tests.kernel.page import WIDGET


def script(*steps):
    return json.dumps(list(steps))


def chat(*steps, line="-m scripted"):
    return f"%%chat {line}\n{script(*steps)}"


CELLS = {
    "a": chat({"text": "One."}),
    "b": chat({"text": "Two."}, line=""),
    "c": chat({"history": True}, line=""),
}
SLOW = {"text": "word ", "repeat": 40, "rate": 40}


@pytest.fixture
def fresh(kernel):
    """The module's kernel with nothing said yet."""
    kernel.run("%unload_ext lmnb\n%load_ext lmnb", watched=False)
    kernel.run("get_ipython().magics_manager.registry['ChatMagics'].desk.talks.begin('main')", watched=False)
    return kernel


def said(kernel):
    """The turns of the current conversation: cell, answer."""
    return kernel.value(
        "[(t.cell, t.text) for t in get_ipython().magics_manager.registry['ChatMagics'].conversation.turns]"
    )


def test_run_all_twice_gives_identical_turns_and_prompt_hashes(fresh):
    rounds = []
    for _ in range(2):
        turns = [fresh.run(code, cell=cell).turn for cell, code in CELLS.items()]
        rounds.append([(turn["cell"], turn["prompt"], turn["parts"], turn["prompt_hash"]) for turn in turns])
    assert rounds[0] == rounds[1]
    assert all(row[-1] for row in rounds[0])
    assert [cell for cell, _ in said(fresh)] == ["a", "b", "c"]


def test_an_edited_cell_says_what_becomes_of_the_cells_below_it(fresh):
    for cell, code in CELLS.items():
        fresh.run(code, cell=cell)
    again = fresh.run(chat({"text": "Other."}), cell="a")
    assert again.turn["notices"] == ["Replaces turn 1; 2 later turns are kept as branch 1. `%chat switch 1` goes back."]
    assert "<code>%chat switch 1</code>" in again.html
    assert said(fresh) == [("a", "Other.")]
    assert "goes on from branch 1" in fresh.run("%chat switch 1").printed
    assert [text for _, text in said(fresh)][:2] == ["One.", "Two."]


def test_a_front_end_that_names_no_cells_is_told_once(fresh):
    runs = [fresh.run(chat({"text": "x"})) for _ in range(3)]
    assert ["does not say which cell asks" in run.html for run in runs] == [False, True, False]
    assert len(said(fresh)) == 3


def test_in_the_background_the_cell_ends_at_once_and_the_view_settles_itself(fresh):
    run = fresh.start(chat(SLOW, line="-m scripted --bg --to answer"), cell="a")
    fresh.writes("word")
    other = fresh.run("print(1 + 1)")
    assert other.printed.strip() == "2"
    assert fresh.value("answer.done") is False
    fresh.until(lambda: WIDGET not in run.chat["data"], 30, "the static form")
    assert run.turn["status"] == "done"
    assert run.plain.startswith("word word")
    awaited = fresh.run("(await answer).text.count('word')")
    assert awaited.outputs[0]["data"]["text/plain"] == "40"


def test_a_question_behind_one_in_the_background_waits_and_says_so(fresh):
    fresh.start(chat(SLOW, line="-m scripted --bg"), cell="a")
    fresh.writes("word")
    run = fresh.start(chat({"history": True}, line=""), cell="b")
    fresh.until(lambda: any(v.shown and v.status == "queued" for v in fresh.front.models.values()), 20, "queued")
    fresh.finish(run)
    sent = json.loads(run.plain)
    assert sent[1]["content"][0]["text"] == ("word " * 40).strip()


def test_in_the_background_where_nobody_looks_is_refused(fresh):
    run = fresh.run(chat(SLOW, line="-m scripted --bg"), watched=False)
    assert "--bg needs a notebook" in run.printed
    assert run.status == "error"
    assert said(fresh) == []


@pytest.mark.parametrize("watched", [True, False])
def test_two_models_side_by_side_are_one_output(fresh, watched):
    run = fresh.run(chat({"text": "Both."}, line="-m scripted -m scripted-letters"), cell="a", watched=watched)
    assert run.html.count("Both.") == 2
    assert "display:grid" in run.html
    assert [output["output_type"] for output in run.outputs] == ["display_data"]
    assert len(run.chat["metadata"]["lmnb"]["beside"]) == 1
    assert said(fresh) == [("a", "Both.")]


def test_code_comes_into_the_next_cell_unrun(fresh):
    run = fresh.run(chat({"text": "```python\nboom = 1\n```", "by": "char"}, line="-m scripted --code"), cell="a")
    (payload,) = [one for one in run.reply["content"]["payload"] if one["source"] == "set_next_input"]
    assert payload["text"].strip() == "boom = 1"
    assert payload["replace"] is False
    assert fresh.value("'boom' in globals()") is False


def test_a_line_is_awaited_as_well_and_hears_stop(fresh):
    fresh.subshells()
    fresh.run(chat({"text": "One."}), cell="a")
    run = fresh.start("%chat -m scripted " + script({"text": "stone ", "repeat": 20_000, "rate": 50}), cell="b")
    fresh.front.say(fresh.writes("stone"), kind="stop")
    fresh.finish(run)
    assert run.turn["status"] == "stopped"
    assert "<code>%chat continue</code>" in run.html


def notebook_of(runs):
    """A notebook file with these cells and outputs, as a front end saves it."""
    keys = {"display_data": ("output_type", "data", "metadata"), "stream": ("output_type", "name", "text")}
    cells = [
        {
            "cell_type": "code",
            "id": cell,
            "metadata": {},
            "execution_count": None,
            "source": run.code,
            "outputs": [
                {key: output[key] for key in keys[output["output_type"]]}
                for output in run.outputs
                if output["output_type"] in keys
            ],
        }
        for cell, run in runs.items()
    ]
    return {"nbformat": 4, "nbformat_minor": 5, "metadata": {}, "cells": cells}


def test_after_a_restart_the_saved_notebook_is_gone_on_with(start_kernel, scripted_server, tmp_path):
    path = tmp_path / "work.ipynb"
    env = {"LMSTUDIO_API_HOST": scripted_server, "JPY_SESSION_NAME": str(path)}
    kernel = start_kernel(**env)
    kernel.run("%load_ext lmnb", watched=False)
    runs = {cell: kernel.run(code, cell=cell) for cell, code in CELLS.items()}
    runs["a"] = kernel.run(chat({"text": "Other."}), cell="a")
    path.write_text(json.dumps(notebook_of(runs)))
    kernel.stop()

    kernel = start_kernel(**env)
    kernel.run("%load_ext lmnb", watched=False)
    printed = kernel.run("%chat resume").printed
    assert "Resumed main: 1 turn, 1 branch, from work.ipynb" in printed
    assert "switch" in kernel.run("%chat branches").printed
    kernel.run("%chat switch 2")
    assert [text for _, text in said(kernel)][:2] == ["One.", "Two."]
    again = kernel.run(CELLS["b"], cell="b")
    assert again.turn["earlier"]
    assert [cell for cell, _ in said(kernel)] == ["a", "b"]


def test_continue_resumes_where_nothing_was_said_yet(start_kernel, scripted_server, tmp_path):
    path = tmp_path / "work.ipynb"
    kernel = start_kernel(LMSTUDIO_API_HOST=scripted_server, JPY_SESSION_NAME=str(path))
    kernel.run("%load_ext lmnb", watched=False)
    runs = {"a": kernel.run(CELLS["a"], cell="a")}
    path.write_text(json.dumps(notebook_of(runs)))
    kernel.run("%unload_ext lmnb\n%load_ext lmnb", watched=False)
    run = kernel.run(chat({"history": True}, line="-c -m scripted"), cell="z")
    assert [one["content"][0]["text"] for one in json.loads(run.plain)][1] == "One."


def test_what_a_killed_kernel_had_shown_is_in_the_journal(start_kernel, scripted_server, tmp_path):
    places = {name: str(tmp_path / "own") for name in ("XDG_DATA_HOME", "XDG_STATE_HOME", "XDG_CACHE_HOME")}
    env = {"LMSTUDIO_API_HOST": scripted_server, "HOME": str(tmp_path), **places}
    kernel = start_kernel(**env)
    kernel.run("%load_ext lmnb\n%config Lmnb.journal = True", watched=False)
    kernel.run(chat({"text": "One."}), cell="a")
    kernel.start(chat({"text": "stone ", "repeat": 20_000, "rate": 50}), cell="b")
    painted = kernel.writes("stone stone").text
    kernel.manager.signal_kernel(9)

    kernel = start_kernel(**env)
    kernel.run("%load_ext lmnb", watched=False)
    assert "Resumed main: 2 turns, from the journal" in kernel.run("%chat resume --journal").printed
    (_, first), (_, second) = said(kernel)
    assert first == "One."
    assert second.startswith(painted.strip())
