"""What re-running a cell does to a conversation."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from lmnb.chat.lines import Lines
from lmnb.chat.turns import Part, Turn


def ask(lines, cell, text="", run=None, *, append=False, answer=None):
    turn = Turn(text or str(cell), cell=cell, run=run)
    placed = lines.place(turn, append=append)
    turn.parts, turn.status = [Part("text", answer or f"re {turn.prompt}")], "done"
    lines.settle()
    return placed


def said(turns):
    return [turn.prompt for turn in turns]


def test_cells_follow_one_another_and_know_what_they_follow():
    lines = Lines()
    for cell in "abc":
        ask(lines, cell)
    assert said(lines.turns) == ["a", "b", "c"]
    assert [turn.after for turn in lines.turns] == [None, lines.turns[0].id, lines.turns[1].id]


def test_a_changed_cell_leaves_what_followed_in_a_branch():
    lines = Lines()
    for cell in "abc":
        ask(lines, cell)
    placed = ask(lines, "a", "A")
    assert said(lines.turns) == ["A"]
    assert (placed.replaces, placed.followers, placed.kept.number) == (1, 2, 1)
    assert "2 later turns are kept as branch 1" in placed.notice
    assert said(lines.turns[0].earlier) == ["a"]


def test_the_last_cell_run_again_says_nothing_and_keeps_the_old_answer():
    lines = Lines()
    ask(lines, "a")
    placed = ask(lines, "a", "A")
    assert placed.notice is None
    assert [said(branch.turns) for branch in lines.branches] == [["a"]]


def test_run_again_with_the_same_outcome_nothing_is_left():
    lines = Lines()
    for _ in range(3):
        for cell in "abcd":
            ask(lines, cell)
    assert said(lines.turns) == ["a", "b", "c", "d"]
    assert (lines.branches, lines.number) == ([], 1)


def test_one_run_of_a_cell_may_ask_more_than_once():
    lines = Lines()
    for run in ("1", "2"):
        for prompt in ("x", "y"):
            ask(lines, "loop", prompt, run)
    assert said(lines.turns) == ["x", "y"]
    ask(lines, "loop", "z", "3")
    assert said(lines.turns) == ["z"]
    assert said(lines.turns[0].earlier) == ["y", "x", "y", "x"]


def test_append_and_cells_without_an_id_add_a_turn():
    lines = Lines()
    ask(lines, "a")
    ask(lines, "a", "again", append=True)
    ask(lines, None, "x")
    ask(lines, None, "x")
    assert said(lines.turns) == ["a", "again", "x", "x"]


def test_switching_goes_there_and_back():
    lines = Lines()
    for cell in "ab":
        ask(lines, cell)
    ask(lines, "a", "A")
    lines.switch(1)
    assert said(lines.turns) == ["a", "b"]
    assert [(branch.number, said(branch.turns)) for branch in lines.branches] == [(2, ["A"])]
    lines.switch(2)
    assert (said(lines.turns), lines.number) == (["A"], 2)
    with pytest.raises(KeyError):
        lines.switch(7)


def test_a_turn_that_got_no_answer_is_no_branch():
    lines = Lines()
    lines.place(Turn("x", cell="a"))
    lines.turns[0].status = "failed"
    assert ask(lines, "a").kept is None


def test_too_many_branches_are_let_go_and_it_is_said():
    lines = Lines(cap=3)
    ask(lines, "a", "0")
    ask(lines, "b")
    placed = [ask(lines, "a", str(i)) for i in range(1, 6)]
    assert len(lines.branches) == 3
    assert placed[-1].let_go == 1
    assert "let go" in placed[-1].notice


def test_a_dropped_turn_leaves_the_others():
    lines = Lines()
    for cell in "abc":
        ask(lines, cell)
    lines.drop(2)
    assert said(lines.turns) == ["a", "c"]
    assert [said(branch.turns) for branch in lines.branches] == [["a", "b", "c"]]
    with pytest.raises(IndexError):
        lines.drop(9)


@given(st.lists(st.tuples(st.sampled_from("abcd"), st.sampled_from("xyz")), max_size=40))
def test_whatever_is_run_a_cell_has_one_turn_and_nothing_is_lost_below_the_cap(runs):
    lines = Lines(cap=1000)
    every = set()
    for number, (cell, text) in enumerate(runs):
        ask(lines, cell, cell + text, str(number))
        every.add(cell + text)
        assert len({turn.cell for turn in lines.turns}) == len(lines.turns)
    kept = set(said(lines.turns)) | {turn.prompt for branch in lines.branches for turn in branch.turns}
    assert kept == every
    numbers = [branch.number for branch in lines.branches] + [lines.number]
    assert len(set(numbers)) == len(numbers)
