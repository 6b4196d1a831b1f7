"""Events add up to a turn, and turns to what the model is sent."""

from __future__ import annotations

import pytest

from lmnb.chat.events import (
    Connected,
    Connecting,
    Failed,
    Finished,
    Fragment,
    Loading,
    ModelFacts,
    Noticed,
    Reading,
    Stats,
    Stopped,
)
from lmnb.chat.history import Message, messages
from lmnb.chat.painting import facts, paint
from lmnb.chat.problems import Problem
from lmnb.chat.turns import Turn

FACTS = ModelFacts("qwen3-4b", "qwen3-4b")
STATS = Stats("eosFound", tokens_per_second=38.2, time_to_first_token_sec=0.41, predicted_tokens_count=412)


def turn_of(*events, prompt="hi", **values):
    turn = Turn(prompt, **values)
    for event in events:
        turn.apply(event)
    return turn


def test_a_turn_goes_through_its_stages():
    turn = Turn("hi")
    seen = [turn.status]
    for event in (
        Connecting("localhost:1234"),
        Connected("localhost:1234"),
        Loading("qwen3-4b", 0.5),
        Reading("qwen3-4b", 0.2),
        Fragment("Hm.", "reasoning"),
        Fragment("Yes"),
        Fragment("."),
        Finished(STATS, FACTS),
    ):
        turn.apply(event)
        seen.append(turn.status)
    assert seen == ["connecting"] * 3 + ["loading", "reading", "thinking", "writing", "writing", "done"]
    assert (turn.text, turn.reasoning) == ("Yes.", "Hm.")
    assert not turn.running


def test_text_and_reasoning_may_alternate():
    turn = turn_of(Fragment("a", "reasoning"), Fragment("b"), Fragment("c", "reasoning"), Fragment("d"))
    assert [(part.kind, part.text) for part in turn.parts] == [
        ("reasoning", "a"),
        ("text", "b"),
        ("reasoning", "c"),
        ("text", "d"),
    ]
    assert (turn.text, turn.reasoning) == ("bd", "ac")


@pytest.mark.parametrize(
    ("last", "status", "ending"),
    [
        (Finished(STATS, FACTS), "done", []),
        (Finished(Stats("maxPredictedTokensReached"), FACTS), "done", ["cut at the token limit"]),
        (Finished(Stats("contextLengthReached"), FACTS), "done", ["cut, the context is full"]),
        (Stopped("person"), "stopped", ["stopped by you"]),
        (Stopped("interrupt"), "interrupted", ["interrupted"]),
        (Failed(Problem("internal", "It broke.")), "failed", ["failed"]),
    ],
)
def test_however_it_ends_what_was_written_is_kept(last, status, ending):
    turn = turn_of(Fragment("so far"), last)
    assert (turn.status, turn.text, turn.running) == (status, "so far", False)
    assert [fact for fact in facts(turn) if not fact[0].isdigit() and "first" not in fact] == ending


def test_the_facts_come_from_the_server():
    turn = turn_of(Fragment("x"), Finished(STATS, FACTS))
    assert facts(turn) == ["412 tokens", "38.2 tok/s", "first token 0.4 s"]
    assert paint(turn)["who"] == "qwen3-4b"


def test_a_view_is_told_what_was_noticed():
    assert paint(turn_of(Noticed("Loaded.")))["notices"] == ["Loaded."]


def test_the_model_hears_answered_turns_only():
    answered = turn_of(Fragment("thought", "reasoning"), Fragment("One."), Finished(STATS, FACTS), prompt="1?")
    partial = turn_of(Fragment("Tw"), Stopped("person"), prompt="2?")
    silent = turn_of(Failed(Problem("internal", "no")), prompt="3?")
    assert messages([answered, partial, silent, Turn("4?")], system="Be brief.") == [
        Message("system", "Be brief."),
        Message("user", "1?"),
        Message("assistant", "One."),
        Message("user", "2?"),
        Message("assistant", "Tw"),
        Message("user", "4?"),
    ]
