"""Reasoning and tool calls in what a model writes, however it comes in pieces."""

from __future__ import annotations

from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from lmnb.server.answers import CallBegun, CallMade, Piece, Reasoning, ToolRequests, parse_call
from lmnb.server.errors import ServerError

THOUGHT = "<think>\nHm <b>, </thin…\n</think>\n\nSo 1 < 2. <think>no</think>"


def cut(text, places):
    ends = sorted({0, len(text), *(place % (len(text) + 1) for place in places)})
    return [text[a:b] for a, b in pairwise(ends)]


def joined(pieces):
    """The pieces with neighbours of one kind put together."""
    made = []
    for piece in pieces:
        if made and isinstance(piece, Piece) and isinstance(made[-1], Piece) and made[-1].kind == piece.kind:
            made[-1] = Piece(made[-1].text + piece.text, piece.kind)
        else:
            made.append(piece)
    return made


def run(finder, pieces):
    return joined([found for piece in pieces for found in finder.feed(piece)] + list(finder.end()))


@given(st.lists(st.integers(0, 1000)))
def test_reasoning_in_any_pieces(places):
    assert run(Reasoning("<think>", "</think>"), cut(THOUGHT, places)) == [
        Piece("<think>", "reasoningStartTag"),
        Piece("\nHm <b>, </thin…\n", "reasoning"),
        Piece("</think>", "reasoningEndTag"),
        Piece("\n\nSo 1 < 2. <think>no</think>"),
    ]


def test_reasoning_that_the_prompt_began():
    assert run(Reasoning("<think>", "</think>", inside=True), ["Hm", "</think>", "So."]) == [
        Piece("Hm", "reasoning"),
        Piece("</think>", "reasoningEndTag"),
        Piece("So."),
    ]


def test_reasoning_without_an_end():
    assert run(Reasoning("<think>", "</think>"), ["<think>Hm </thi"])[-1] == Piece("Hm </thi", "reasoning")


def test_reasoning_is_not_looked_for():
    assert run(Reasoning("", ""), ["<think>", "x"]) == [Piece("<think>x")]


def test_nothing_is_held_back_longer_than_it_must():
    reasoning = Reasoning("<think>", "</think>")
    assert [list(reasoning.feed(piece)) for piece in ("a <", "b", " <t", "h")] == [
        [Piece("a ")],
        [Piece("<b")],
        [Piece(" ")],
        [],
    ]


CALL = '[TOOL_REQUEST]\n{"name": "add", "arguments": {"a": 1}}\n[END_TOOL_REQUEST]'


@given(st.lists(st.integers(0, 1000)))
def test_calls_in_any_pieces(places):
    finder = ToolRequests()
    found = run(finder, cut(f"Well [TOOL_] so. {CALL}\n{CALL}\n\n", places))
    raw = '\n{"name": "add", "arguments": {"a": 1}}\n'
    assert found == [Piece("Well [TOOL_] so. "), CallBegun(), CallMade(raw), CallBegun(), CallMade(raw)]
    assert not finder.over
    assert parse_call(raw) == ("add", {"a": 1})


@given(st.lists(st.integers(0, 1000)))
def test_a_model_that_plays_the_tool_is_stopped(places):
    finder = ToolRequests()
    found = run(finder, cut(f"{CALL}\n[TOOL_RESULT]\n7\n[END_TOOL_RESULT]{CALL}", places))
    assert [type(each) for each in found] == [CallBegun, CallMade]
    assert finder.over


def test_a_call_whose_end_is_missing():
    assert run(ToolRequests(), [CALL.removesuffix("[END_TOOL_REQUEST]")])[-1] == CallMade(
        '\n{"name": "add", "arguments": {"a": 1}}\n'
    )


@pytest.mark.parametrize("raw", ["", "{", "[]", '"x"', '{"arguments": {}}', '{"name": "f", "arguments": [1]}'])
def test_a_call_that_cannot_be_read(raw):
    with pytest.raises(ServerError, match="cannot be read"):
        parse_call(raw)


def test_arguments_may_come_as_text_or_not_at_all():
    assert parse_call('{"name": "f", "arguments": "{\\"a\\": 1}"}') == ("f", {"a": 1})
    assert parse_call('{"name": "f"}') == ("f", {})
