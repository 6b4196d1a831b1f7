"""A conversation is found again in what a notebook saved, whatever has happened to the notebook."""

from __future__ import annotations

import copy
import itertools
import json
import os
import time

import pytest
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st

from lmnb.chat import record, resume
from lmnb.chat.attached import Attached, Image
from lmnb.chat.lines import Lines
from lmnb.chat.problems import Problem
from lmnb.chat.turns import Part, Turn
from lmnb.chat.window import Window

CLOCK = itertools.count(1.0)


def turn(prompt, answer=None, after=None, **fields):
    """A turn that has ended; its id is its prompt, its answer the prompt in capitals."""
    fields = {"id": prompt, "status": "done", "started": next(CLOCK), **fields}
    one = Turn(prompt, after=after and after.id, ended=fields["started"] + 0.5, **fields)
    one.parts.append(Part("text", prompt.upper() if answer is None else answer))
    return one


def output(one, *beside):
    data = {"text/plain": one.text}
    return {"output_type": "display_data", "data": data, "metadata": {"lmnb": record.write(one, beside)}}


def notebook(*cells, **ids):
    """A notebook whose cells hold turns (or outputs); the ids of the cells are c1, c2, …"""
    made = []
    for number, cell in enumerate(cells, 1):
        held = cell if isinstance(cell, list) else [cell]
        outputs = [one if isinstance(one, dict) else output(one) for one in held if one is not None]
        made.append({"cell_type": "code", "id": ids.get(f"c{number}", f"c{number}"), "outputs": outputs})
    return json.loads(json.dumps({"nbformat": 4, "nbformat_minor": 5, "cells": made}))


def chain(*prompts, **fields):
    turns = []
    for number, prompt in enumerate(prompts, 1):
        turns.append(turn(prompt, after=turns[-1] if turns else None, cell=f"c{number}", **fields))
    return turns


def prompts(line):
    return " ".join(one.prompt for one in line)


def only(saved):
    (found,) = resume.read_notebook(saved)
    return found


def test_the_turns_come_back_in_order_with_their_cells():
    found = only(notebook(None, *chain("a", "b", "c"), {"output_type": "stream", "text": "hello"}))
    assert prompts(found.line) == "a b c"
    assert [one.cell for one in found.line] == ["c2", "c3", "c4"]
    assert [one.after for one in found.line] == [None, "a", "b"]
    assert (found.name, found.branches, found.notes) == ("", [], [])
    assert found.ended == found.line[-1].ended


def test_cells_that_were_moved_keep_the_order_in_which_they_were_asked():
    a, b, c = chain("a", "b", "c")
    assert prompts(only(notebook(c, a, b)).line) == "a b c"


def test_conversations_are_told_apart_and_the_newest_comes_first():
    old, new = chain("a", "b", talk="old"), chain("x", "y", talk="new")
    found = resume.read_notebook(notebook(old[0], new[0], old[1], new[1]))
    assert [(one.name, prompts(one.line)) for one in found] == [("new", "x y"), ("old", "a b")]


def test_a_fork_begins_with_the_turns_it_was_forked_from():
    a, b = chain("a", "b", talk="one")
    found = resume.read_notebook(notebook(a, b, turn("c", after=a, talk="two")))
    assert [(one.name, prompts(one.line), one.branches) for one in found] == [("two", "a c", []), ("one", "a b", [])]


def test_what_a_cell_had_said_before_is_a_branch():
    a, b, c = chain("a", "b", "c")
    again = turn("a2", cell="c1", earlier=(a,))
    found = only(notebook(again, b, c))
    assert prompts(found.line) == "a2"
    assert [prompts(line) for line in found.branches] == ["a b c"]
    assert found.branches[0][0].cell == "c1"
    assert found.notes == []


def test_run_again_with_the_same_outcome_is_no_branch():
    first = chain("a", "b")
    a = turn("a", id="a2", cell="c1", earlier=(first[0],))
    b = turn("b", id="b2", cell="c2", after=a, earlier=(first[1],))
    found = only(notebook(a, b))
    assert [one.id for one in found.line] == ["a2", "b2"]
    assert found.branches == []


def test_what_followed_is_not_in_the_line_before_it_is_asked_again():
    a, b = chain("a", "b")
    found = only(notebook(turn("a", id="a2", cell="c1", earlier=(a,)), b))
    assert prompts(found.line) == "a"
    assert [[one.id for one in line] for line in found.branches] == [["a2", "b"]]


def test_the_oldest_branches_are_let_go_and_it_is_said():
    root = turn("a")
    saved = notebook(root, *(turn(f"b{n}", after=root) for n in range(5)))
    (found,) = resume.read_notebook(saved, most=2)
    assert [prompts(line) for line in (found.line, *found.branches)] == ["a b4", "a b2", "a b3"]
    assert "2 oldest branches" in found.notes[-1]


def test_answers_of_other_models_are_branches():
    a, b = chain("a", "b")
    b.model = "one"
    other = turn("b", "Other.", id="b'", after=a, model="two")
    c = turn("c", after=b)
    found = only(notebook(a, [output(b, other)], c))
    assert prompts(found.line) == "a b c"
    assert [[one.id for one in line] for line in found.branches] == [["a", "b'"]]
    assert found.branches[0][1].cell == "c2"


def test_of_several_answers_at_the_end_the_first_leads():
    a = turn("a", model="one")
    found = only(notebook([output(a, turn("a", "Other.", id="a'", model="two"))]))
    assert [[one.id for one in line] for line in (found.line, *found.branches)] == [["a"], ["a'"]]


def test_a_copied_cell_counts_once_where_it_was_asked():
    a, b = chain("a", "b")
    saved = notebook(a, a, b)
    saved["cells"][0]["id"], saved["cells"][1]["id"] = "copy", "c1"
    found = only(saved)
    assert prompts(found.line) == "a b"
    assert found.line[0].cell == "c1"
    assert found.notes == ["Cell 1: It holds a copy of the answer of cell 2, which counts once."]


def test_after_a_deleted_cell_the_conversation_goes_on_and_it_is_said():
    a, _b, c, d = chain("a", "b", "c", "d")
    found = only(notebook(a, c, d))
    assert prompts(found.line) == "a c d"
    assert found.notes == ["Cell 2: The turn follows a turn that is not there any more; it follows that of cell 1 now."]


def test_a_deleted_first_cell():
    _a, b, c = chain("a", "b", "c")
    found = only(notebook(b, c))
    assert prompts(found.line) == "b c"
    assert "begins the conversation now" in found.notes[0]


def test_a_turn_does_not_follow_what_followed_it():
    _gone, b, c = chain("gone", "b", "c")
    assert prompts(only(notebook(c, b)).line) == "b c"


def test_a_circle_is_opened_and_it_is_said():
    a, b, c = chain("a", "b", "c")
    a.after = "c"
    found = only(notebook(a, b, c))
    assert prompts(found.line) == "a b c"
    assert "it follows itself" in found.notes[0]


def test_one_that_follows_itself():
    one = turn("a")
    one.after = "a"
    assert prompts(only(notebook(one)).line) == "a"


def test_a_notebook_of_an_older_lmnb_is_in_the_order_of_its_cells():
    a, b, c = chain("a", "b", "c")
    a.started = 1e6  # run again: its turn kept its place
    saved = notebook(a, b, c)
    for cell in saved["cells"]:
        del cell["outputs"][0]["metadata"]["lmnb"]["turn"]["after"]
    found = only(saved)
    assert prompts(found.line) == "a b c"
    assert found.branches == []
    assert found.notes == ["3 answers of an older lmnb, which kept no order: taken in the order of the cells."]


def test_what_cannot_be_read_is_said_and_the_rest_is_there():
    a, b, c = chain("a", "b", "c")
    saved = notebook(a, b, c, {"metadata": {"lmnb": "mine"}})
    saved["cells"][1]["outputs"][0]["metadata"]["lmnb"]["turn"]["tokens"] = "many"
    saved["cells"][0]["outputs"][0]["metadata"]["lmnb"]["v"] = 2
    found = only(saved)
    assert prompts(found.line) == "c"
    edited, newer, foreign = (next(n for n in found.notes if n.startswith(f"Cell {k}:")) for k in (2, 1, 4))
    assert "changed after it was saved" in edited
    assert "another version of lmnb (format 2)" in newer
    assert "no answer of lmnb's" in foreign


def test_where_nothing_can_be_read_it_is_said_all_the_same():
    found = only(notebook({"metadata": {"lmnb": {}}}))
    assert found.line == []
    assert len(found.notes) == 1
    assert resume.read_notebook(notebook(None)) == resume.read_notebook({}) == []


def test_a_placeholder_that_nobody_finished_and_a_turn_that_failed():
    a, b, c = chain("a", "b", "c")
    a.status, a.parts, a.ended = "connecting", [], None
    b.status, b.problem = "failed", Problem("lostConnection", "Lost.")
    found = only(notebook(a, b, c))
    assert prompts(found.line) == "a b c"
    assert not any(one.running for one in found.line)
    assert found.notes == [
        "Cell 1: The answer had not ended when it was saved; the model does not hear of it.",
        "Cell 2: The answer had failed; what had come of it is kept.",
    ]


def test_what_went_along_and_was_not_saved_is_said():
    a = turn("a", attached=(Attached("plot", "figure", image=Image(b"PNG")), Attached("big", "file", "x" * 300_000)))
    notes = only(notebook(a)).notes
    assert any("`plot`, which went along, was not saved, as it is a picture" in note for note in notes)
    assert any("`big`" in note for note in notes)


def test_what_was_left_out_long_ago_is_left_out_again():
    turns = chain(*(f"t{n}" for n in range(60)))
    for at, one in enumerate(turns):
        one.window = Window(left_out=tuple(f"t{n}" for n in range(max(0, at - 4))))
    assert only(notebook(*turns)).line[-1].window == turns[-1].window


def test_cells_without_ids_keep_the_ones_they_had():
    saved = notebook(*chain("a", "b"))
    for cell in saved["cells"]:
        del cell["id"]
    assert [one.cell for one in only(saved).line] == ["c1", "c2"]


@settings(deadline=None)
@given(st.lists(st.tuples(st.integers(0, 4), st.integers(0, 2)), max_size=25))
@example([(cell, 0) for cell in (2, 1, 0, 3, 1, 0, 2, 1)])
@example([(cell, 0) for cell in (0, 2, 1, 0, 2)])
@example([(0, 0), (2, 0), (1, 0), (2, 1), (0, 0), (1, 0), (2, 0), (2, 1), (2, 2), (0, 1), (2, 0), (2, 1), (0, 0)])
def test_the_line_is_that_of_the_kernel_that_has_gone(runs):
    """Cells are run and edited in any order; an answer depends on all that was said before it."""
    lines, outputs = Lines(cap=100), {}
    for number, (cell, version) in enumerate(runs):
        one = turn(f"p{cell}.{version}", id=f"t{number}", cell=f"c{cell}", run=str(number))
        lines.place(one)
        one.parts = [Part("text", f"a{hash(tuple(old.prompt for old in lines.turns))}")]
        lines.settle()
        outputs[cell] = output(one)
    cells = {f"c{number + 1}": f"c{number}" for number in range(5)}
    found = resume.read_notebook(notebook(*([outputs.get(cell)] for cell in range(5)), **cells), most=100)
    assert [[one.id for one in each.line] for each in found] == [[one.id for one in lines.turns]][: len(runs)]
    if not any(saved["metadata"]["lmnb"]["turn"].get("dropped") for saved in outputs.values()):
        assert not any(each.notes for each in found)
        kept = [heard(line) for each in found for line in (each.line, *each.branches)]
        for branch in lines.branches:
            assert any(heard(branch.turns) == line[: len(branch.turns)] for line in kept)


def heard(line):
    return [(one.prompt, one.text) for one in line]


def rich():
    a, b, c = chain("a", "b", "c", talk="t")
    again = turn("a2", cell="c1", talk="t", earlier=(b, a), attached=(Attached("x", "card", "text"),))
    return notebook(again, [output(b, turn("b'", after=a, talk="t"))], c, c, turn("d", after=c))


def places(value, path=()):
    yield path
    if isinstance(value, dict | list):
        for key, inner in value.items() if isinstance(value, dict) else enumerate(value):
            yield from places(inner, (*path, key))


RICH = rich()
EDITS = st.none() | st.booleans() | st.floats() | st.integers() | st.text() | st.lists(st.none()) | st.just({})
IDS = st.sampled_from(["a", "a2", "b", "b'", "c", "d", "c1", "c2"])


@settings(suppress_health_check=[HealthCheck.too_slow], deadline=None)
@given(
    st.lists(st.tuples(st.sampled_from([path for path in places(RICH) if path]), EDITS | IDS), min_size=1, max_size=4)
)
def test_whatever_is_edited_nothing_is_raised_and_what_follows_is_sound(edits):
    saved = copy.deepcopy(RICH)
    for (*outer, last), value in edits:
        place = saved
        try:
            for key in outer:
                place = place[key]
            place[last] = value
        except (TypeError, KeyError, IndexError, AttributeError):
            continue  # an edit before has taken the place away
    for found in resume.read_notebook(saved):
        for line in [found.line, *found.branches]:
            assert [one.after for one in line] == [None, *(one.id for one in line[:-1])][: len(line)]
            assert not any(one.running for one in line)
        assert all(note.endswith(".") for note in found.notes)


# ---- files


def test_a_notebook_is_read_from_its_file(tmp_path):
    path = tmp_path / "x.ipynb"
    path.write_text(json.dumps(notebook(*chain("a", "b"))))
    found, said = resume.load_file(path)
    assert (prompts(found[0].line), said) == ("a b", "")


@pytest.mark.parametrize(
    ("content", "words"),
    [
        (None, "cannot be read"),
        (b"\xff\xfe", "does not hold JSON"),
        (b"[" * 100_000, "does not hold JSON"),
        (b"[]", "neither a notebook"),
        (b"{}", "holds no answers"),
        (b'{"lmnb": {"v": 1, "turns": [3]}}', "Turn 1: This output holds no answer"),
        (json.dumps(notebook({"metadata": {"lmnb": 1}})).encode(), "Cell 1"),
    ],
)
def test_what_is_no_conversation_is_refused_in_a_sentence(tmp_path, content, words):
    path = tmp_path / "x.ipynb"
    if content is not None:
        path.write_bytes(content)
    found, said = resume.load_file(path)
    assert found == []
    assert words in said
    assert said.startswith("`x.ipynb` ")
    assert said.endswith(".")


def test_a_file_that_is_too_large_is_not_opened(tmp_path):
    with (tmp_path / "x.ipynb").open("wb") as file:
        file.truncate(resume.LARGEST + 1)
    assert "at most 200 are read" in resume.load_file(tmp_path / "x.ipynb")[1]


@pytest.mark.parametrize(
    ("environ", "names", "found"),
    [
        ({"JPY_SESSION_NAME": "{here}/sub/x.ipynb"}, {}, "sub/x.ipynb"),
        (
            {"JPY_SESSION_NAME": "elsewhere/y.ipynb"},
            {},
            "y.ipynb",
        ),  # below the server's folder; the kernel runs beside it
        ({"JPY_SESSION_NAME": "RTC:elsewhere/y.ipynb"}, {}, "y.ipynb"),
        ({"JPY_SESSION_NAME": "{here}/gone/y.ipynb"}, {}, None),
        ({"JPY_SESSION_NAME": "Console 1"}, {}, None),
        ({"JPY_SESSION_NAME": "{here}/notes.txt"}, {}, None),
        ({"JPY_SESSION_NAME": "\0.ipynb"}, {}, None),
        ({"JPY_SESSION_NAME": "{here}/y.ipynb"}, {"__vsc_ipynb_file__": "{here}/sub/x.ipynb"}, "sub/x.ipynb"),
        ({}, {"__vsc_ipynb_file__": 3, "PAPERMILL_OUTPUT_PATH": "y.ipynb"}, "y.ipynb"),
        ({}, {}, None),
    ],
)
def test_the_front_end_says_which_file_it_is(tmp_path, monkeypatch, environ, names, found):
    (tmp_path / "sub").mkdir()
    for name in ("sub/x.ipynb", "y.ipynb", "notes.txt"):
        (tmp_path / name).write_text("{}")
    monkeypatch.chdir(tmp_path)

    def placed(said):
        return {k: v.replace("{here}", str(tmp_path)) if isinstance(v, str) else v for k, v in said.items()}

    assert resume.notebook_path(placed(environ), placed(names)) == (tmp_path / found if found else None)


def test_a_pipe_is_not_read(tmp_path):
    os.mkfifo(tmp_path / "x.ipynb")
    assert resume.load_file(tmp_path / "x.ipynb") == ([], "`x.ipynb` cannot be read: it is no file.")


def test_a_turn_of_the_future_is_one_of_now():
    saved = record.write(Turn("a", status="done", started=9e14, ended=9e14))
    assert record.read({"lmnb": saved}).started <= time.time()
