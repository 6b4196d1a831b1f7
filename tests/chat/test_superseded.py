"""What a cell's output keeps of what the cell had said before: words only, bounded, and each id finds its place."""

from __future__ import annotations

import json

import pytest

from lmnb.chat import record, superseded
from lmnb.chat.turns import Part, Turn


def turn(name, prompt="Why?", answer="Because.", **fields):
    parts = [Part("reasoning", "Hm."), Part("text", answer)]
    return Turn(prompt, id=name, parts=parts, status="done", started=1.0, ended=2.0, **fields)


def back(one):
    return record.read(json.loads(json.dumps({"lmnb": record.write(one)})))


def test_the_words_come_back_and_nothing_heavy():
    old = turn(
        "a", "What?", "That.", talk="t", after="z", sent="What is 3?", system="Short.", model="m", config={"seed": 1}
    )
    found = back(turn("b", cell="c", talk="t", earlier=(old,))).earlier[0]
    assert (found.id, found.after, found.prompt, found.sent, found.text) == ("a", "z", "What?", "What is 3?", "That.")
    assert (found.system, found.model, found.cell, found.talk) == ("Short.", "m", "c", "t")
    assert (found.reasoning, found.config, found.status) == ("", {}, "done")


def test_what_reads_the_same_is_kept_by_its_id():
    one = turn("c", after="1", earlier=(turn("b", after="2"), turn("a", answer="No."), turn("z", after="1")))
    kept = record.write(one)["turn"]["earlier"]
    assert kept[0] == {"id": "b", "same": "c", "after": "2"}
    assert kept[1]["answer"] == "No."
    assert kept[2] == {"id": "z", "same": "c"}
    assert [(old.id, old.after, old.text) for old in back(one).earlier] == [
        ("b", "2", "Because."),
        ("a", None, "No."),
        ("z", "1", "Because."),
    ]


def test_a_cell_may_have_asked_in_another_conversation():
    one = turn("c", talk="now", earlier=(turn("b", talk="then"), turn("a", answer="No."), turn("z", answer="So.")))
    one.earlier[2].talk = "now"
    assert [old.talk for old in back(one).earlier] == ["then", None, "now"]


def test_the_oldest_are_dropped_and_counted():
    one = turn("now", earlier=tuple(turn(f"old{n}", answer=str(n)) for n in range(9)))
    assert [old.text for old in back(one).earlier] == ["0", "1", "2", "3", "4"]
    assert record.dropped_earlier(one) == record.write(one)["turn"]["dropped"] == 4


@pytest.mark.parametrize("letter", ["x", "😀", "\n", "\x00"])
def test_they_stay_within_their_room(letter):
    one = turn("now", earlier=tuple(turn(f"old{n}", answer=f"{n}" + letter * 20_000) for n in range(4)))
    kept = record.write(one)["turn"].get("earlier", [])
    assert len(json.dumps(kept, ensure_ascii=False).encode()) <= superseded.ROOM
    assert record.dropped_earlier(one) == 4 - len(kept) > 0


def test_words_that_are_there_are_not_called_dropped():
    one = turn("now", earlier=tuple(turn(f"old{n}") for n in range(40)))
    assert record.dropped_earlier(one) == 0
    assert len(back(one).earlier) == superseded.NAMED


def test_one_that_was_stopped_is_still_called_stopped():
    old = turn("a", answer="Half")
    old.status = "stopped"
    assert back(turn("b", earlier=(old,))).earlier[0].status == "stopped"


@pytest.mark.parametrize(
    "earlier",
    [
        [None],
        [{}],
        [{"id": "a"}],
        [{"id": "a", "same": "nobody"}],
        [{"id": "a", "same": "a"}],
        [{"id": "x" * 1_000, "same": "now"}],
        [{"id": "a", "same": "now"}] * 21,
        {"id": "a"},
    ],
)
def test_what_was_edited_is_refused(earlier):
    found = record.write(turn("now"))
    found["turn"]["earlier"] = earlier
    with pytest.raises(record.TranscriptError):
        record.read({"lmnb": found})
