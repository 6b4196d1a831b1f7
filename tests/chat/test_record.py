"""A turn as data: what the metadata keeps, what it leaves out, and that nobody's edits are believed."""

from __future__ import annotations

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from lmnb.chat import record, transcript
from lmnb.chat.attached import Attached, Image
from lmnb.chat.events import Finished, Fragment, ModelFacts, Stats
from lmnb.chat.strangers import plain
from lmnb.chat.turns import Turn
from lmnb.chat.window import Window

FACTS = ModelFacts("qwen3-4b", "qwen3-4b", context_length=4096)
STATS = Stats("eosFound", predicted_tokens_count=412)


def finished(prompt="Why?", *fragments, facts=FACTS, **options):
    turn = Turn(prompt, **options)
    for fragment in fragments:
        turn.apply(fragment)
    turn.apply(Finished(STATS, facts))
    return turn


def size(found):
    return len(json.dumps(found, ensure_ascii=False).encode())


@pytest.mark.parametrize("letter", ["x", "é", "😀", "\n", '"', "\x00"])
def test_a_record_stays_within_its_limit_and_says_what_was_cut(letter):
    turn = finished(
        letter * 500_000, Fragment(letter * 500_000, "reasoning"), Fragment(letter * 500_000), system=letter * 300_000
    )
    found = record.write(turn)
    assert size(found) <= record.LIMIT
    assert found["turn"]["truncated"] is True
    back = transcript.read(json.loads(json.dumps(found | {"lmnb": found})))
    assert turn.text.startswith(back.text)
    assert back.text


def test_the_thoughts_are_cut_before_the_answer():
    found = record.write(finished("Why?", Fragment("t" * 300_000, "reasoning"), Fragment("a" * 200_000)))
    kept = {part["kind"]: len(part["text"]) for part in found["turn"]["parts"]}
    assert kept["text"] == 200_000
    assert 0 < kept["reasoning"] < 60_000


def test_what_fits_is_not_called_cut():
    assert "truncated" not in record.write(finished("Why?", Fragment("Because.")))["turn"]


@pytest.mark.parametrize(
    ("path", "kept"),
    [
        ("publisher/repository/model.gguf", "publisher/repository/model.gguf"),
        (f"/{'home'}/ada/models/model.gguf", "model.gguf"),
        ("C:\\Users\\ada\\model.gguf", "model.gguf"),
        ("~/models/model.gguf", "model.gguf"),
    ],
)
def test_a_notebook_does_not_tell_whose_home_it_was(path, kept):
    found = record.write(finished(facts=ModelFacts("m", "m", path=path)))
    assert found["turn"]["facts"]["path"] == kept


def test_no_password_of_a_host_is_kept():
    turn = finished()
    turn.host = "ada:secret@example.org:1234"
    assert record.write(turn)["turn"]["host"] == "example.org:1234"


def test_a_value_without_a_form_in_json_is_kept_by_its_name():
    config = record.write(finished(config={"a": {1, 2}, "b": object}))["turn"]["config"]
    assert json.loads(json.dumps(config)) == {"a": "{1, 2}", "b": "<class 'object'>"}


def test_halves_of_a_character_are_joined_or_replaced():
    turn = finished("Why?", Fragment("\ud83d"), Fragment("\ude00 and \ud83d alone"))
    bundle = transcript.bundle(turn)
    json.dumps(bundle, ensure_ascii=False).encode()  # a file can hold it
    assert "😀 and � alone" in bundle["data"]["text/plain"]


EDITS = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text() | st.just("\ud800"),
    lambda kids: st.lists(kids) | st.dictionaries(st.text(), kids),
    max_leaves=5,
)


def full(**more):
    """A turn of which everything is kept that can be."""
    turn = finished(
        "Why {x}?", Fragment("Hm.", "reasoning"), Fragment("B."), cell="c", talk="t", after="z", pinned=True
    )
    turn.sent, turn.system, turn.asked, turn.prompt_hash = "Why 3?", "Short.", "qwen3-4b", "0123456789abcdef"
    turn.attached = (
        Attached("sales", "card", "a table", tokens=3, notes=("2 columns masked.",)),
        Attached("figure", "figure", image=Image(b"PNG", "figure.png")),
    )
    turn.window = Window(120, 4_096, 1_024, ("y", "x"), 33)
    turn.versions = {"lmnb": "0.1", "server": "0.3.39"}
    turn.earlier = (Turn("Why?", id="old", status="done"), Turn("Why?", id="older", status="done"))
    for key, value in more.items():
        setattr(turn, key, value)
    return turn


def test_everything_that_is_kept_comes_back():
    turn = full()
    back = transcript.read(json.loads(json.dumps({"lmnb": record.write(turn)})))
    for name in ("id", "talk", "after", "pinned", "sent", "window", "prompt_hash", "versions", "facts", "stats"):
        assert getattr(back, name) == getattr(turn, name), name
    assert [old.id for old in back.earlier] == ["old", "older"]
    assert back.attached[0] == turn.attached[0]
    assert back.attached[1] == Attached("figure", "figure", notes=(record.UNSEEN,))
    assert record.write(back)["turn"].keys() == record.write(turn)["turn"].keys()


def test_no_picture_is_kept_but_its_name_and_hash():
    kept = record.write(full())["turn"]["attached"][1]
    assert kept["image"] == {"name": "figure.png", "hash": Image(b"PNG").hash}
    assert "text" not in kept


def test_a_turn_of_an_older_lmnb_is_read_and_says_nothing_of_what_came_before():
    found = record.write(finished("Why?", Fragment("B.")))
    assert found["turn"].pop("after") is None
    assert transcript.read({"lmnb": found}).after is None


def test_what_was_attached_is_cut_before_the_answer_and_after_the_thoughts():
    turn = finished("Why?", Fragment("t" * 90_000, "reasoning"), Fragment("a" * 200_000))
    turn.attached = (Attached("small", "file", "s" * 1_000), Attached("big", "file", "b" * 90_000))
    found = record.write(turn)
    assert size(found) <= record.LIMIT
    back = transcript.read({"lmnb": found})
    assert len(back.text) == 200_000
    assert back.attached[0] == turn.attached[0]
    assert 40_000 < len(back.attached[1].text) < 90_000
    assert back.attached[1].notes == (record.CUT,)
    assert back.reasoning == ""
    assert found["turn"]["truncated"] is True
    assert record.write(back)["turn"]["attached"][1]["cut"] is True


def test_the_page_has_room_for_the_answer_that_a_kernel_leaves_behind():
    turn = Turn("p" * 300_000, system="s" * 300_000, attached=(Attached("big", "file", "b" * 300_000),))
    turn.earlier = tuple(Turn(f"{n}", parts=[], status="done", sent="x" * 12_000) for n in range(5))
    assert size(record.write(turn)) < 240_000 - 40_000  # what js/src/saved/bundle.ts fills up


def test_what_the_page_completes_is_read_with_all_that_was_known_at_the_start():
    running = full(status="connecting", parts=[], ended=None, stats=None, facts=None)
    seed = json.loads(json.dumps(transcript.seed(running)))
    seed["turn"] |= {"status": "kernelDied", "parts": [{"kind": "text", "text": "Half"}], "ended": 3.0}
    back = record.read({"lmnb": seed})
    assert (back.status, back.text, back.after, back.pinned) == ("kernelDied", "Half", "z", True)
    assert [old.prompt for old in back.earlier] == ["Why?", "Why?"]
    assert back.attached[0] == running.attached[0]


def test_a_notebook_grows_with_its_length_and_not_with_the_square_of_it():
    turn = full(window=Window(left_out=tuple(f"{n:012x}" for n in range(10_000))))
    assert size(record.write(turn)) < 3_000
    assert record.write(turn)["turn"]["window"]["left_out"][-1] == f"{9_999:012x}"


def test_answers_of_several_models_share_the_room():
    turns = [finished("Why?", Fragment("a" * 300_000)) for _ in range(3)]
    found = record.write(turns[0], turns[1:])
    assert size(found) <= record.LIMIT
    assert len(found["beside"]) == 2
    assert record.read({"lmnb": {"v": 1, "turn": found["beside"][1]}}).id == turns[2].id


def places(value, path=()):
    """The paths to everything in a record."""
    yield path
    if isinstance(value, dict | list):
        for key, inner in value.items() if isinstance(value, dict) else enumerate(value):
            yield from places(inner, (*path, key))


@given(st.sampled_from([path for path in places(record.write(full())["turn"]) if path]), EDITS | st.just(...))
def test_whatever_is_edited_is_read_as_a_turn_or_refused_in_a_sentence(path, value):
    found = record.write(full())
    *outer, last = path
    place = found["turn"]
    for key in outer:
        place = place[key]
    if value is ...:
        del place[last]
    else:
        place[last] = value
    try:
        turn = transcript.read({"lmnb": found})
    except transcript.TranscriptError as error:
        assert str(error).endswith(".")  # noqa: PT017 - either is right
    else:
        transcript.html(turn)
        json.dumps(record.write(turn), ensure_ascii=False).encode()


@pytest.mark.parametrize("metadata", [None, 3, [], "lmnb", {"lmnb": []}, {"lmnb": {"v": float("nan"), "turn": {}}}])
def test_foreign_metadata_is_refused(metadata):
    with pytest.raises(transcript.TranscriptError):
        transcript.read(metadata)


def test_a_terminal_is_not_steered_by_a_models_words():
    assert plain("\x1b[31mred\x1b[0m\r\nnext\rline\ttab\x9b") == "␛[31mred␛[0m\nnext\nline\ttab�"


def test_what_is_known_of_the_model_comes_back():
    facts = ModelFacts("m", "m", quantization="Q4_K_M", vision=False, tools=True)
    assert transcript.read({"lmnb": record.write(finished(facts=facts))}).facts == facts
