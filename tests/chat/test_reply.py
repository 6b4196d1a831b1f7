"""A reply: a turn as a value, while it is written and after."""

from __future__ import annotations

import datetime
import json
from typing import Any

import pydantic
import pytest

from lmnb.chat.events import Connected, Finished, Fitted, Fragment, ModelFacts, Reading, Stats, Stopped
from lmnb.chat.plain import plain
from lmnb.chat.reply import Reply
from lmnb.chat.turns import Turn
from lmnb.chat.window import Window

FACTS = ModelFacts("talker", "qwen3-4b", context_length=4096, quantization="Q4_K_M", path="/srv/ada/models/x.gguf")
STATS = Stats("eosFound", tokens_per_second=38.2, predicted_tokens_count=412, prompt_tokens_count=57)
VERSIONS = {"lmnb": "0.3.0", "lmstudio": "1.5.0", "server": "0.3.30"}
SETTINGS = {"temperature": 0.2, "maxTokens": 300, "draftModel": "/srv/ada/models/draft.gguf", "stopStrings": ["/"]}


def a_turn(*, done: bool = True, reason: str = "eosFound", host: str = "127.0.0.1:1234") -> Turn:
    turn = Turn("Why?")
    turn.started = datetime.datetime(2026, 11, 25, 12, tzinfo=datetime.timezone.utc).timestamp()
    turn.apply(Connected(host, versions=VERSIONS))
    turn.apply(Fitted(Window(57, 4096, 300, ("a", "b"), 900), "0123456789abcdef"))
    turn.apply(Reading("talker", 0.5))
    turn.apply(Fragment("Hm.", "reasoning"))
    turn.apply(Fragment("Because:\n```python\nx = 1\n```\n"))
    if done:
        loaded = {"contextLength": 4096}
        stats = Stats(reason, STATS.tokens_per_second)
        turn.apply(Finished(stats, FACTS, load_config=loaded, prediction_config=SETTINGS))
    return turn


def test_a_reply_has_its_parts():
    reply = Reply(a_turn())
    assert (reply.text, reply.reasoning, reply.code) == ("Because:\n```python\nx = 1\n```\n", "Hm.", "x = 1")
    assert [block.language for block in reply.blocks] == ["python"]
    assert (reply.model, reply.stop_reason, reply.done, reply.truncated) == ("talker", "eosFound", True, False)


@pytest.mark.parametrize("reason", ["maxPredictedTokensReached", "contextLengthReached"])
def test_an_answer_that_a_limit_cut_off_says_so(reason):
    assert Reply(a_turn(reason=reason)).truncated


def test_an_answer_that_somebody_stopped_was_not_cut_off():
    turn = a_turn(done=False)
    turn.apply(Stopped("person"))
    assert (Reply(turn).done, Reply(turn).truncated) == (True, False)


def test_a_reply_that_is_still_being_written_has_what_is_there():
    turn = a_turn(done=False)
    reply = Reply(turn)
    assert (reply.done, reply.truncated, reply.stats) == (False, False, None)
    assert repr(reply).startswith("<lmnb.Reply from talker, which is still writing: Because:")
    turn.apply(Fragment("More."))
    assert reply.text.endswith("More.")
    data, metadata = reply._repr_mimebundle_()
    assert data["text/plain"].endswith("More.\n\ntalker is still writing …")
    assert "talker is still writing …" in data["text/html"]
    assert metadata == {}  # or the notebook would keep half an answer as a turn of its own
    turn.apply(Finished(STATS, FACTS))
    assert reply.done
    assert "still writing" not in repr(reply) + reply._repr_mimebundle_()[0]["text/plain"]


def test_a_reply_to_a_turn_that_has_not_begun_can_be_looked_at():
    reply = Reply(Turn("Why?"))
    assert (reply.text, reply.code, reply.blocks, reply.done) == ("", "", [], False)
    assert "is still writing" in repr(reply)
    assert reply.provenance.model is None
    assert "unknown" in str(reply.provenance)
    assert json.dumps(reply.to_json())


def test_the_value_is_the_reply_until_something_else_was_asked_for():
    reply = Reply(a_turn())
    assert reply.value is reply
    assert reply.parsed is None
    reply.value, reply.parsed = None, {"a": 1}
    assert (reply.value, reply.parsed) == (None, {"a": 1})
    assert Reply(reply.turn, value=[1]).value == [1]


def test_a_reply_in_a_text_is_its_answer():
    turn = Turn("Why?")
    turn.apply(Fragment("yes"))
    assert f"{Reply(turn)} {Reply(turn):>5}" == "yes   yes"


def test_no_markdown_is_saved():
    """JupyterLab fetches the pictures that saved Markdown names (docs/decisions: the saved form)."""
    from IPython.core.formatters import DisplayFormatter

    turn = a_turn()
    turn.parts[-1].append("![x](http://127.0.0.1:1/x.png)")
    for reply in (Reply(turn), Reply(a_turn(done=False))):
        data, metadata = DisplayFormatter().format(reply)
        assert set(data) == {"text/html", "text/plain"}
        assert "<img" not in data["text/html"]
        assert ("lmnb" in metadata) == reply.done


# --- provenance


def test_provenance_has_what_somebody_needs_to_ask_again():
    came = Reply(a_turn()).provenance
    assert (came.model, came.identifier, came.quantization, came.context_length) == (
        "qwen3-4b",
        "talker",
        "Q4_K_M",
        4096,
    )
    assert came.settings["temperature"] == 0.2
    assert came.load_settings == {"contextLength": 4096}
    assert (came.prompt_hash, came.versions, came.when) == ("0123456789abcdef", VERSIONS, "2026-11-25T12:00:00+00:00")
    assert came.as_dict()["window"]["left_out"] == ["a", "b"]
    assert json.loads(json.dumps(came.as_dict())) == came.as_dict()


def test_provenance_is_printed_in_lines():
    lines = str(Reply(a_turn()).provenance).splitlines()
    said = {name.strip(): value.strip() for name, _, value in (line.partition("  ") for line in lines)}
    assert said["model"] == "qwen3-4b (loaded as talker)"
    assert (said["temperature"], said["load.contextLength"], said["context length"]) == ("0.2", "4096", "4,096 tokens")
    assert said["prompt"] == "57 tokens, 2 earlier turns left out"
    assert (said["prompt hash"], said["lmstudio version"]) == ("0123456789abcdef", "1.5.0")
    starts = {len(line) - len(line.partition("  ")[2].lstrip()) for line in lines}
    assert len(starts) == 1, "the values stand below each other"


def test_a_long_setting_is_cut_in_the_lines_and_whole_in_the_data():
    turn = a_turn()
    turn.prediction_config = {"promptTemplate": {"type": "jinja", "template": "x\n" * 5_000}}
    came = Reply(turn).provenance
    assert all(len(line) < 140 for line in str(came).splitlines())
    assert len(came.as_dict()["settings"]["promptTemplate"]["template"]) == 10_000


@pytest.mark.parametrize(
    "host", ["ada:secret@box:1234", "ws://ada:secret@box:1234/llm?token=secret", "box:1234/?key=secret", "box:1234"]
)
def test_provenance_names_nobody_and_no_secret(host):
    came = Reply(a_turn(host=host)).provenance
    assert came.host == "box:1234"
    said = str(came) + json.dumps(came.as_dict())
    assert "secret" not in said
    assert "ada" not in said
    assert came.settings["draftModel"] == "draft.gguf"
    assert came.settings["stopStrings"] == ["/"]


# --- as data


class Person(pydantic.BaseModel):
    name: str
    born: datetime.date


def test_a_reply_as_data_always_has_the_same_keys():
    done, begun = Reply(a_turn()).to_json(), Reply(Turn("Why?")).to_json()
    assert list(done) == list(begun)
    assert done["blocks"] == [{"language": "python", "source": "x = 1\n"}]
    assert done["stats"]["stop_reason"] == "eosFound"
    assert json.loads(json.dumps(done, allow_nan=False)) == done


def test_what_was_parsed_is_plain_data():
    born = datetime.date(1815, 12, 10)
    parsed: list[Any] = [Person(name="Ada", born=born), {"born": born, 3: float("nan")}, object]
    reply = Reply(a_turn(), parsed=parsed)
    assert reply.to_json()["parsed"] == [
        {"name": "Ada", "born": "1815-12-10"},
        {"born": "1815-12-10", "3": None},
        repr(object),
    ]
    assert plain(None) is None
