"""What is left out of a conversation that does not fit: how much, in which order, and what is said of it."""

from __future__ import annotations

import pytest

from lmnb.chat.attached import Attached
from lmnb.chat.events import ModelFacts
from lmnb.chat.turns import Part, Turn
from lmnb.chat.window import Plan, Window, choose, left_out_notice, room_for_answer


def answered(prompt, *, window=None, model="m", **options):
    turn = Turn(prompt, id=prompt, status="done", parts=[Part("text", f"to {prompt}")], window=window, **options)
    turn.model, turn.facts = model, ModelFacts(model, model)
    return turn


def plan(*turns, **options):
    return Plan((*turns, Turn("now", id="now")), **options)


def left(turns, **options):
    all_of_it = plan(*turns, **options)
    return [one.turn.id for one in all_of_it.removable(all_of_it.said())]


# ---- how much


def test_nothing_goes_while_it_fits():
    assert choose([100, 100], total=300, available=300) == 0


def test_more_goes_than_has_to_so_that_the_next_prompts_find_room():
    # 10 turns of 100 and 50 that stay: of the 950 that the turns may have, three quarters are 712.
    assert choose([100] * 10, total=1050, available=1000) == 3
    # The next two turns change nothing: 9 turns of 100.
    assert choose([100] * 9, total=950, available=1000) == 0


def test_a_large_turn_does_not_go_only_to_make_room_for_later():
    assert choose([30, 600, 300], total=1010, available=1000) == 1
    assert choose([30, 600, 300], total=1040, available=1000) == 2


def test_what_does_not_fit_takes_all():
    assert choose([100, 100], total=5000, available=1000) == 2
    assert choose([], total=5000, available=1000) == 0


def test_what_stays_for_ever_is_not_counted_against_the_turns():
    """A long question leaves little room; three quarters of that, and not of the whole, are the turns' to keep."""
    assert choose([50] * 5, total=2050, available=2000) == 2


# ---- in which order


def test_the_oldest_go_first_and_what_was_never_answered_is_not_there():
    silent = Turn("b", id="b", status="failed")
    assert left([answered("a"), silent, answered("c")]) == ["a", "c"]


def test_middle_keeps_the_first_turn_to_the_last():
    assert left([answered("a"), answered("b"), answered("c")], rule="middle") == ["b", "c", "a"]


def test_off_leaves_nothing_out():
    assert left([answered("a")], rule="off") == []


def test_pinned_turns_stay():
    assert left([answered("a"), answered("b", pinned=True), answered("c")]) == ["a", "c"]


# ---- what stays out


OUT = Window(100, 4096, 800, ("a",), 50)


def test_what_was_out_stays_out_for_the_same_model_and_context():
    turns = [answered("a"), answered("b", window=OUT)]
    assert plan(*turns).already_out(4096, {"m"}) == ("a",)
    assert plan(*turns).already_out(8192, {"m"}) == ()
    assert plan(*turns).already_out(4096, {"another"}) == ()
    assert plan(*turns, rule="off").already_out(4096, {"m"}) == ()


def test_two_models_that_take_turns_keep_a_prefix_each():
    turns = [answered("a"), answered("b", window=OUT), answered("c", model="other", window=Window(1, 32_000))]
    assert plan(*turns).already_out(4096, {"m"}) == ("a",)
    assert plan(*turns).already_out(32_000, {"other"}) == ()


def test_pinning_brings_back():
    assert plan(answered("a", pinned=True), answered("b", window=OUT)).already_out(4096, {"m"}) == ()


def test_a_turn_that_is_gone_is_not_out():
    assert plan(answered("b", window=OUT)).already_out(4096, {"m"}) == ()


def test_what_went_along_with_a_turn_that_is_left_out_is_given_whole_in_a_later_one():
    sales = Attached("sales", "card", "one two three")
    said = plan(answered("a", attached=(sales,)), answered("b", attached=(sales,)))
    assert "unchanged" in said.messages()[2].content
    assert "one two three" in said.messages(without={"a"})[0].content
    assert "unchanged" not in said.messages(without={"a"})[0].content


def test_the_system_prompt_is_always_there():
    assert [m.role for m in plan(answered("a"), system="be brief").messages(without={"a"})] == ["system", "user"]


# ---- what is said


def test_the_words():
    turns = [answered(name) for name in "abcd"]
    window = Window(900, 8192, 800, ("a", "b", "c", "d"), 1230)
    assert left_out_notice(plan(*turns), window, None) == (
        "Turns 1–4 were left out to fit 8,192 tokens (1,230 tokens). "
        "`%chat history` shows them; `%chat pin 1` keeps one."
    )
    one = Window(900, 8192, 800, ("b",), 30)
    assert left_out_notice(plan(*turns), one, None) == (
        "Turn 2 was left out to fit 8,192 tokens (30 tokens). `%chat history` shows it; `%chat pin 2` keeps it."
    )


def test_the_same_is_not_said_twice():
    assert left_out_notice(plan(answered("a"), answered("b", window=OUT)), OUT, OUT) is None


def test_turns_that_come_back_are_named():
    turns = [answered("a"), answered("b", window=OUT)]
    assert left_out_notice(plan(*turns), Window(100, 32_768), OUT) == (
        "Turn 1 is sent again: the context of 32,768 tokens has room."
    )


@pytest.mark.parametrize(
    ("ids", "words"),
    [("a", "Turn 1"), ("abd", "Turns 1–4"), ("ad", "Turns 1, 4"), ("abde", "Turns 1–5"), ("be", "Turns 2, 5")],
)
def test_numbers(ids, words):
    """The third was never answered: it breaks no range."""
    turns = [answered("a"), answered("b"), Turn("c", id="c", status="failed"), answered("d"), answered("e")]
    assert plan(*turns).numbers(set(ids)) == words


# ---- the room for the answer


def test_more_room_is_kept_for_thoughts():
    assert room_for_answer(plan(), 4096, thinks=True) == 1024
    assert room_for_answer(plan(), 131_072, thinks=True) == 4096
    assert room_for_answer(plan(), 4096, 300, thinks=True) == 300


@pytest.mark.parametrize(
    ("room", "max_tokens", "length", "kept"),
    [
        (None, None, 4096, 819),
        (None, None, 32_768, 1024),
        (None, 300, 4096, 300),
        (None, 100_000, 4096, 2048),
        (None, False, 4096, 819),
        (500, 300, 4096, 500),
        (None, 0, 4096, 1),
    ],
)
def test_room(room, max_tokens, length, kept):
    assert room_for_answer(plan(room=room), length, max_tokens) == kept
