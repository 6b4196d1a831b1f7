"""What is loaded can be seen, added to and taken away by a person."""

from __future__ import annotations

import concurrent.futures
import threading

import pytest

from lmnb import studio
from lmnb.chat.problems import ChatError
from lmnb.server import launch
from lmnb.studio import hosts
from tests.server.frames import Frames, asked


@pytest.fixture
def host():
    """A server of this test's own: others load what they like on theirs."""
    with launch.start_server(scripted=True) as server:
        yield server.host


def test_load_see_unload(host):
    assert studio.instances(host=host) == []
    told = []
    loaded = studio.load("scripted", identifier="mine", context=512, ttl=600, progress=told.append, host=host).instance
    assert (loaded.identifier, loaded.key, loaded.kind, loaded.context) == ("mine", "scripted", "llm", 512)
    assert told[-1] == 1.0
    (seen,) = studio.instances(host=host)
    assert (seen.identifier, seen.context, seen.state, seen.queued, seen.ttl) == ("mine", 512, "idle", 0, 600.0)
    assert 500 < seen.left <= 600
    assert list(studio.unload("mine", host=host)) == ["mine"]
    assert studio.instances(host=host) == []


def test_without_a_time_to_live_it_stays_and_all_can_go_at_once(host):
    first, second = (studio.load("scripted", again=True, host=host).instance for _ in range(2))
    assert (first.identifier, second.identifier) == ("scripted", "scripted:2")
    assert {each.ttl for each in studio.instances(host=host)} == {None}
    assert list(studio.unload(None, host=host)) == ["scripted", "scripted:2"]
    assert list(studio.unload(None, host=host)) == []


def test_what_is_loaded_is_not_loaded_twice_unless_somebody_says_so(host):
    studio.load("scripted", context=512, host=host)
    found = studio.load("scripted", context=1024, host=host)
    assert (found.already, found.instance.context) == (True, 512)
    assert found.sentence == "scripted is loaded already as scripted, with a context of 512 tokens."
    assert len(studio.instances(host=host)) == 1
    assert not studio.load("scripted", again=True, host=host).already
    assert not studio.load("scripted", identifier="other", host=host).already
    assert [each.identifier for each in studio.instances(host=host)] == ["scripted", "scripted:2", "other"]


def test_a_model_is_loaded_and_unloaded_by_words_of_its_name(host):
    found = studio.load("script vis", host=host)
    assert found.notice == "“script vis” is short for scripted-vision here."
    assert studio.load("scripted-e", config={"gpu": {"ratio": "off"}}, host=host).instance.kind == "embedding"
    assert list(studio.unload("vis", host=host)) == ["scripted-vision"]
    with pytest.raises(ChatError, match="load parameter of embedding models is called “seed”"):
        studio.load("scripted-embedding", again=True, config={"seed": 1}, host=host)


def test_to_load_and_to_unload_nobody_guesses(host):
    studio.load("scripted-vision", host=host)
    with pytest.raises(ChatError, match="“scripted-” is short for more than one model"):
        studio.load("scripted-", host=host)
    studio.load("scripted-thinking", host=host)
    with pytest.raises(ChatError, match="more than one model"):
        studio.unload("scripted", host=host)


def test_of_two_instances_of_a_model_its_key_names_none(host):
    for name in ("a", "b"):
        studio.load("scripted", identifier=name, host=host)
    with pytest.raises(ChatError, match=r"“scripted” is loaded more than once(?s:.*)Name one of them: `a`"):
        studio.unload("scripted", host=host)
    assert list(studio.unload("b", host=host)) == ["b"]
    assert list(studio.unload("script", host=host)) == ["a"]


def test_the_config_reaches_the_server(host):
    studio.load("scripted", config={"seed": 7, "gpu": {"ratio": 0.5}, "context_length": 256}, host=host)
    frames = Frames(host)
    specifier = {"type": "query", "query": {"identifier": "scripted"}}
    config = {each["key"]: each["value"] for each in frames.call("getLoadConfig", {"specifier": specifier})["fields"]}
    assert config["llm.load.seed"] == {"checked": True, "value": 7}
    assert config["llm.load.llama.acceleration.offloadRatio"] == 0.5
    assert config["llm.load.contextLength"] == 256
    frames.close()


def test_a_load_that_is_stopped_ends_in_the_server(host, monkeypatch):
    """As Ctrl-C does: the exception comes out of the wait."""
    real, begun = concurrent.futures.wait, threading.Event()

    def interrupted(futures, timeout):
        if begun.is_set():
            raise KeyboardInterrupt
        return real(futures, timeout=timeout)

    monkeypatch.setattr("lmnb.studio.asking.concurrent.futures.wait", interrupted)
    with pytest.raises(KeyboardInterrupt):
        studio.load("scripted-slow", progress=lambda part: part > 0.1 and begun.set(), host=host)
    monkeypatch.undo()
    studio.load("scripted-slow", again=True, host=host)
    assert [each.identifier for each in studio.instances(host=host)] == ["scripted-slow"]


def test_looking_is_no_use_of_a_model(host):
    studio.load("scripted", ttl=600, host=host)
    frames = Frames(host)
    used = frames.call("listLoaded")[0]["lastUsedTime"]
    studio.instances(host=host)
    assert frames.call("listLoaded")[0]["lastUsedTime"] == used
    frames.close()


def test_it_says_what_a_model_is_doing(host):
    studio.load("scripted", host=host)
    frames = Frames(host)
    channel = frames.open("predict", asked('[{"text": "word ", "repeat": 100000, "rate": 200}]'))
    frames.hear()
    watch = Frames(host)
    watch.wait_state("generating")
    assert [each.state for each in studio.instances(host=host)] == ["generating"]
    frames.into(channel, {"type": "cancel"})
    frames.close()
    watch.close()


def test_what_cannot_be_loaded_or_unloaded_is_said_with_what_is_there(host):
    with pytest.raises(ChatError, match=r"No model on this computer is called “scriptet”(?s:.*)scripted"):
        studio.load("scriptet", host=host)
    studio.load("scripted", identifier="mine", host=host)
    with pytest.raises(ChatError, match=r'does not load(?s:.*)A model with identifier "mine" already exists'):
        studio.load("scripted", identifier="mine", host=host)
    with pytest.raises(ChatError, match="No model “yours” is loaded; there is mine"):
        studio.unload("yours", host=host)


def test_a_model_that_fails_to_load_says_why(host):
    with pytest.raises(ChatError) as caught:
        studio.load("scripted-broken", host=host)
    assert caught.value.problem.kind == "loadFailed"
    assert caught.value.problem.lines


def test_a_server_of_ones_own_is_told_from_lm_studio(host):
    assert hosts.is_own(host)
    assert not hosts.is_own("127.0.0.1:9")


def test_who_answers_is_said_without_asking_for_models(host, monkeypatch):
    monkeypatch.setenv("LMSTUDIO_API_HOST", host)
    found = studio.running()
    assert (found.host, list(found.models)) == (host, [])
    assert studio.status().models


def test_from_the_io_thread_it_is_refused(host):
    said = []

    def ask():
        try:
            studio.instances(host=host)
        except RuntimeError as error:
            said.append(error)
        done.set()

    done = threading.Event()
    studio.io_loop().call_soon_threadsafe(ask)
    assert done.wait(10)
    assert "its own thread" in str(said[0])
