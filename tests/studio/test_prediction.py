"""One prediction: which events come, in which order, and how each phase is stopped."""

from __future__ import annotations

import socket
import threading
import time

import pytest

from lmnb import studio
from lmnb.chat.events import (
    Connecting,
    Failed,
    Finished,
    Fragment,
    Loading,
    Noticed,
    Reading,
    Stopped,
)

from .conftest import ask, begin, script

pytestmark = pytest.mark.server

ENDLESS = script({"text": "word " * 3000, "by": "word", "rate": 200})
HI = script({"text": "hi"})


def test_the_order_of_events(scripted_server):
    heard = ask(scripted_server, script({"progress": [0, 0.3, 1], "each": 0}, {"text": "Hello **you**", "by": "word"}))
    assert [kind for kind in heard.kinds if kind != "Loading"] == [
        "Connecting",
        "Connected",
        "Reading",
        "Fragment",
        "Finished",
    ]
    assert heard.events[0] == Connecting(scripted_server)
    assert (heard.events[1].host, heard.events[1].embedded) == (scripted_server, False)
    assert heard.text == "Hello **you**"
    assert {event.model for event in heard.of(Reading)} == {"scripted"}
    progress = [event.progress for event in heard.of(Reading)]
    assert progress == sorted(set(progress))
    assert progress[0] == 0.0
    assert progress[-1] == 1.0
    assert heard.threads == {"lmnb-io"}


def test_what_the_server_says_at_the_end(scripted_server):
    last = ask(scripted_server, script({"text": "a b c d", "by": "word"}), config={"temperature": 0.3}).last
    assert isinstance(last, Finished)
    assert last.stats.stop_reason == "eosFound"
    assert last.stats.predicted_tokens_count == 4
    assert last.model.identifier == last.model.key == "scripted"
    assert last.model.context_length
    assert last.prediction_config["temperature"] == 0.3
    assert last.parsed is None


def test_reasoning_is_told_apart_and_its_tags_are_dropped(scripted_server):
    heard = ask(scripted_server, script({"reasoning": "Let me think."}, {"text": "42"}))
    assert (heard.reasoning, heard.text) == ("Let me think.", "42")
    assert "<think>" not in "".join(event.content for event in heard.of(Fragment))


def test_a_limit_is_a_stop_reason(scripted_server):
    last = ask(scripted_server, script({"text": "a b c d e", "by": "word"}), config={"max_tokens": 2}).last
    assert last.stats.stop_reason == "maxPredictedTokensReached"


def test_a_schema_gives_parsed(scripted_server):
    schema = {"type": "object", "properties": {"a": {"type": "integer"}}}
    last = ask(scripted_server, script({"text": '{"a": 1}'}), response_format=schema).last
    assert last.parsed == {"a": 1}


def test_loading_with_progress(scripted_server, peek):
    _unload(peek, "scripted-slow")
    heard = ask(scripted_server, script({"text": "x"}), model="scripted-slow")
    progress = [event.progress for event in heard.of(Loading)]
    assert progress == sorted(set(progress))
    assert len(progress) > 2
    assert progress[-1] == 1.0
    assert heard.kinds == ["Connecting", "Connected", "Loading", "Reading", "Fragment", "Finished"]


def test_a_loaded_model_is_not_loaded_again(scripted_server):
    ask(scripted_server, script({"text": "x"}))
    assert ask(scripted_server, script({"text": "x"})).of(Loading) == []


def test_fragments_arrive_while_the_answer_is_written(scripted_server):
    heard = ask(scripted_server, script({"text": "a b c d e f g h i j", "by": "word", "rate": 50}))
    first, last = (i for i, e in enumerate(heard.events) if e in (heard.of(Fragment)[0], heard.of(Fragment)[-1]))
    assert heard.times[last] - heard.times[first] > 0.1


def test_a_listener_that_fails_does_not_take_the_answer_with_it(scripted_server, tmp_path):
    seen = []

    def listener(event):
        seen.append(event)
        raise RuntimeError("a broken view")

    request = studio.Request(_said(script({"text": "a"})), "scripted", scripted_server)
    studio.start(request, listener).done.result(10)
    assert isinstance(seen[-1], Finished)


def test_two_predictions_at_once(scripted_server):
    first, a = begin(scripted_server, script({"text": "a " * 40, "by": "word", "rate": 200}))
    second, b = begin(scripted_server, script({"text": "b " * 40, "by": "word", "rate": 200}))
    first.done.result(10)
    second.done.result(10)
    assert (a.text, b.text) == ("a " * 40, "b " * 40)
    assert a.times[-1] > b.times[0]


# ---- stopping, in each phase


def test_stop_while_it_writes(scripted_server, peek):
    running, heard = begin(scripted_server, ENDLESS)
    heard.wait(Fragment)
    assert peek.status() == "generating"
    running.stop("person")
    assert peek.wait(lambda: peek.status() == "idle", 0.2), "the slot is free within 200 ms"
    running.done.result(5)
    assert isinstance(heard.last, Stopped)
    assert heard.last.by == "person"
    assert heard.last.stats.stop_reason == "userStopped"
    assert heard.last.model.key == "scripted"
    assert heard.text.startswith("word ")


def test_stop_while_it_reads(scripted_server, peek):
    running, heard = begin(scripted_server, script({"progress": [0, 0.5, 1], "each": 30}, {"text": "never"}))
    heard.wait(Reading)
    assert peek.wait(lambda: peek.status() == "processingPrompt", 2)
    running.stop("interrupt")
    assert peek.wait(lambda: peek.status() == "idle", 0.2)
    running.done.result(5)
    assert heard.last.by == "interrupt"
    assert heard.text == ""


def test_stop_while_it_loads(scripted_server, peek):
    _unload(peek, "scripted-slow")
    running, heard = begin(scripted_server, script({"text": "never"}), model="scripted-slow")
    heard.wait(Loading)
    running.stop("person")
    running.done.result(5)
    assert heard.last == Stopped("person")
    assert heard.times[-1] - heard.times[-2] < 1.0
    # The load itself has ended: two seconds, the time it takes, do not bring the model.
    assert not peek.wait(lambda: "scripted-slow" in peek.loaded(), 2.5)


def test_stop_while_it_connects():
    with socket.create_server(("127.0.0.1", 0)) as silent:
        running, heard = begin(f"127.0.0.1:{silent.getsockname()[1]}", "hello")
        heard.wait(Connecting)
        running.stop("person")
        running.done.result(1)
    assert heard.events == [heard.events[0], Stopped("person")]


def test_stop_before_it_began(scripted_server):
    for _ in range(20):
        running, heard = begin(scripted_server, ENDLESS)
        running.stop("interrupt")
        running.done.result(5)
        assert heard.last.by == "interrupt"


def test_stop_twice_and_after_the_end(scripted_server):
    running, heard = begin(scripted_server, ENDLESS)
    heard.wait(Fragment)
    running.stop("person")
    running.stop("interrupt")
    running.done.result(5)
    running.stop("interrupt")
    assert heard.last.by == "person"


@pytest.mark.parametrize("milliseconds", [0, 1, 2, 3, 4, 5, 6, 8, 12, 20])
def test_stop_at_any_moment_from_many_threads(scripted_server, peek, milliseconds):
    running, heard = begin(scripted_server, ENDLESS)
    threads = [threading.Timer(milliseconds / 1000, running.stop, ["person"]) for _ in range(3)]
    for thread in threads:
        thread.start()
    running.done.result(5)
    for thread in threads:
        thread.join()
    assert isinstance(heard.last, Stopped)
    assert peek.wait(lambda: peek.status() == "idle", 0.2), "the server knows, whatever the moment"


def test_a_server_that_does_not_hear_stop_is_not_waited_for(scripted_server, monkeypatch):
    monkeypatch.setattr("lmnb.studio.prediction.DRAIN", 0.1)
    running, heard = begin(scripted_server, script({"text": "word " * 100, "by": "word", "rate": 100}))
    heard.wait(Fragment)
    monkeypatch.setattr("lmstudio.async_api.AsyncChannel.cancel", _deaf)
    began = time.monotonic()
    running.stop("person")
    running.done.result(5)
    assert heard.last == Stopped("person")
    assert time.monotonic() - began < 0.6


async def _deaf(_):
    """A cancel that never arrives."""


def test_the_future_cannot_be_cancelled(scripted_server):
    running, heard = begin(scripted_server, script({"text": "a"}))
    assert not running.done.cancel()
    running.done.result(5)
    assert isinstance(heard.last, Finished)


# ---- failing


def test_an_error_of_the_server(scripted_server):
    heard = ask(scripted_server, script({"text": "half an "}, {"error": "The GPU is on fire"}))
    assert heard.problem.kind == "predictionFailed"
    assert "The GPU is on fire" in str(heard.problem)
    assert heard.text == "half an "


def test_a_prompt_longer_than_the_context(scripted_server):
    heard = ask(scripted_server, "word " * 100_000)
    assert heard.problem.kind == "tooLong"
    assert "tokens" in heard.problem.title
    assert "Shorten it" in heard.problem.lines[-1]


@pytest.mark.parametrize("text", ["", " \n\n"])
def test_an_empty_answer(scripted_server, text):
    heard = ask(scripted_server, script({"text": text}))
    assert heard.problem.kind == "emptyAnswer"
    assert heard.problem.lines


def test_reasoning_alone_is_an_answer(scripted_server):
    assert isinstance(ask(scripted_server, script({"reasoning": "Hm."})).last, Finished)


def test_an_unknown_model_names_the_near_ones(scripted_server):
    problem = ask(scripted_server, "x", model="scriptd").problem
    assert problem.kind == "noModel"
    assert "“scriptd”" in problem.title
    assert "scripted" in [choice["name"] for choice in problem.choices]
    assert any("loaded" in choice["note"] for choice in problem.choices)
    assert problem.lines[-1] == "Name one of them: `scripted`."


def test_the_beginning_of_one_key_will_do_and_is_said(scripted_server):
    heard = ask(scripted_server, HI, model="Scripted-Sl")
    assert isinstance(heard.last, Finished)
    assert heard.last.model.key == "scripted-slow"
    assert Noticed("“Scripted-Sl” is short for scripted-slow here.") in heard.of(Noticed)


def test_a_model_that_is_unloaded_in_mid_answer_keeps_what_it_wrote(scripted_server, peek):
    running, heard = begin(scripted_server, script({"text": "word ", "repeat": 5000, "rate": 100}))
    heard.wait(Fragment)
    peek.call("unloadModel", {"identifier": "scripted"})
    running.done.result(10)
    assert heard.problem.title == "The model was unloaded in mid-answer."
    assert heard.text.startswith("word ")


def test_a_model_that_is_near_to_nothing(scripted_server):
    problem = ask(scripted_server, "x", model="zzzz").problem
    assert {"scripted", "scripted-slow", "scripted-broken"} <= {choice["name"] for choice in problem.choices}


def test_a_model_that_does_not_load(scripted_server):
    problem = ask(scripted_server, "x", model="scripted-broken").problem
    assert problem.kind == "loadFailed"
    assert "“scripted-broken”" in problem.title


def test_an_unknown_setting(scripted_server):
    heard = ask(scripted_server, "x", config={"temperatur": 1})
    assert heard.problem.kind == "refused"
    assert isinstance(heard.last, Failed)


def test_a_schema_that_is_none(scripted_server):
    problem = ask(scripted_server, "x", response_format={"no": "type"}).problem
    assert problem.kind == "refused"


def test_what_nobody_expected_is_a_sentence_too(scripted_server, monkeypatch):
    def trip(*_, **__):
        raise ZeroDivisionError("by accident")

    monkeypatch.setattr("lmnb.studio.chats.to_chat", trip)
    problem = ask(scripted_server, "x").problem
    assert problem.kind == "internal"
    assert "ZeroDivisionError: by accident" in problem.title
    assert "studio.log" in problem.lines[-1]


def _unload(peek, identifier):
    if identifier in peek.loaded():
        peek.call("unloadModel", {"identifier": identifier})


def _said(prompt):
    from lmnb.chat.history import Message

    return (Message("user", prompt),)


def test_speed(scripted_server):
    """A floor far below what is there (10,000/s on an idle machine); a round trip per fragment would miss it."""
    began = time.monotonic()
    heard = ask(scripted_server, script({"text": "word", "repeat": 4000}))
    assert len(heard.of(Fragment)) >= 4000
    assert 4000 / (time.monotonic() - began) > 2000


def test_notices_are_none_for_an_explicit_host(scripted_server):
    assert ask(scripted_server, script({"text": "x"})).of(Noticed) == []


def test_a_repeated_text_keeps_its_rate(scripted_server):
    began = time.monotonic()
    assert ask(scripted_server, script({"text": "word ", "repeat": 20, "rate": 50})).text == "word " * 20
    assert time.monotonic() - began > 0.35
