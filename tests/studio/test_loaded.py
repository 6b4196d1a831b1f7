"""What is loaded can be seen, added to and taken away by a person."""

from __future__ import annotations

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
    loaded = studio.load("scripted", identifier="mine", context=512, ttl=600, progress=told.append, host=host)
    assert (loaded.identifier, loaded.key, loaded.kind, loaded.context) == ("mine", "scripted", "llm", 512)
    assert told[-1] == 1.0
    (seen,) = studio.instances(host=host)
    assert (seen.identifier, seen.context, seen.state, seen.queued, seen.ttl) == ("mine", 512, "idle", 0, 600.0)
    assert 500 < seen.left <= 600
    assert list(studio.unload("mine", host=host)) == ["mine"]
    assert studio.instances(host=host) == []


def test_without_a_time_to_live_it_stays_and_all_can_go_at_once(host):
    first, second = (studio.load("scripted", host=host) for _ in range(2))
    assert (first.identifier, second.identifier) == ("scripted", "scripted:2")
    assert {each.ttl for each in studio.instances(host=host)} == {None}
    assert list(studio.unload(None, host=host)) == ["scripted", "scripted:2"]
    assert list(studio.unload(None, host=host)) == []


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
    with pytest.raises(ChatError, match=r"No model on this computer is called “scripte”(?s:.*)scripted"):
        studio.load("scripte", host=host)
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
