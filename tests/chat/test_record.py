"""A turn as data: what the metadata keeps, what it leaves out, and that nobody's edits are believed."""

from __future__ import annotations

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from lmnb.chat import record, transcript
from lmnb.chat.events import Finished, Fragment, ModelFacts, Stats
from lmnb.chat.strangers import plain
from lmnb.chat.turns import Turn

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
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(),
    lambda kids: st.lists(kids) | st.dictionaries(st.text(), kids),
    max_leaves=5,
)


@given(st.sampled_from(sorted(record.write(finished("Why?", Fragment("B.")))["turn"])), EDITS)
def test_whatever_is_edited_is_read_as_a_turn_or_refused_in_a_sentence(key, value):
    found = record.write(finished("Why?", Fragment("B.")))
    found["turn"][key] = value
    try:
        turn = transcript.read({"lmnb": found})
    except transcript.TranscriptError as error:
        assert str(error).endswith(".")  # noqa: PT017 - either is right
    else:
        transcript.html(turn)


@pytest.mark.parametrize("metadata", [None, 3, [], "lmnb", {"lmnb": []}, {"lmnb": {"v": float("nan"), "turn": {}}}])
def test_foreign_metadata_is_refused(metadata):
    with pytest.raises(transcript.TranscriptError):
        transcript.read(metadata)


def test_a_terminal_is_not_steered_by_a_models_words():
    assert plain("\x1b[31mred\x1b[0m\r\nnext\rline\ttab\x9b") == "␛[31mred␛[0m\nnext\nline\ttab�"


def test_what_is_known_of_the_model_comes_back():
    facts = ModelFacts("m", "m", quantization="Q4_K_M", vision=False, tools=True)
    assert transcript.read({"lmnb": record.write(finished(facts=facts))}).facts == facts
