"""A model is downloaded through the server that answers, chosen by its name, stopped and gone on with."""

from __future__ import annotations

import concurrent.futures
import dataclasses
import threading
from types import SimpleNamespace

import pytest

from lmnb import studio
from lmnb.chat.problems import ChatError
from lmnb.server import download, store
from lmnb.studio import downloads
from lmnb.studio.downloads import Offer
from tests.server import shelf as shelves
from tests.server.conftest import OwnLoop

server = pytest.mark.server


@pytest.fixture
def shelf():
    """What the catalogue's addresses lead to."""
    found = shelves.Shelf()
    found.files["tiny.gguf"] = shelves.MODEL
    yield found
    found.close()


@pytest.fixture
def host(shelf, tmp_path, monkeypatch):
    """A server in this process that has two models to download, at an address each."""
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    monkeypatch.setattr(download, "PAUSE", 0.0)
    tiny = dataclasses.replace(shelves.entry(), wheel=None, member="", url=shelf.url("tiny.gguf"))
    other = dataclasses.replace(tiny, name="other", title="Other", key="other-1b", path="lmnb/other/other.gguf")
    monkeypatch.setattr(store, "ENTRIES", (tiny, other))
    monkeypatch.setattr("lmnb.studio.hosts.is_own", lambda _: False)  # as LM Studio is asked
    own = OwnLoop()
    yield own.host
    own.close()


class Told:
    def __init__(self):
        self.steps, self.said = [], []

    def step(self, doing, done, total):
        self.steps.append((doing, done, total))


@server
def test_a_model_is_found_by_words_and_downloaded_with_progress(host):
    told = Told()
    found = studio.download("lmnb tiny", progress=told.step, say=told.said.append, host=host)
    assert found == studio.Downloaded("tiny", "tiny-Q4_1.gguf")
    assert told.steps[-1] == ("finishing", 0, 0)
    assert ("downloading", len(shelves.MODEL), len(shelves.MODEL)) in told.steps
    assert told.said == ["“lmnb tiny” is short for tiny here."]
    assert (store.models_folder() / "lmnb/tiny-GGUF/tiny-Q4_1.gguf").read_bytes() == shelves.MODEL


@server
def test_where_lmnbs_own_server_answers_its_catalogue_is_fetched_from(host, shelf, monkeypatch):
    monkeypatch.setattr("lmnb.studio.hosts.is_own", lambda _: True)
    told = Told()
    found = studio.download("Other 1b", progress=told.step, say=told.said.append, host=host)
    assert found == studio.Downloaded("other-1b", "Other")
    assert {step[0] for step in told.steps} >= {"fetching"}
    assert told.said == ["“Other 1b” is short for other here."]
    with pytest.raises(ChatError, match="There is no “gpt” to fetch here; there is tiny, other"):
        studio.download("gpt", host=host)


@server
def test_what_is_told_comes_on_the_thread_that_waits(host):
    threads = set()
    studio.download("lmnb tiny", progress=lambda *_: threads.add(threading.current_thread()), host=host)
    assert threads == {threading.current_thread()}


@server
def test_stopped_it_is_kept_and_the_same_call_goes_on(host, shelf, monkeypatch):
    """As Ctrl-C does: the exception comes out of the wait."""
    shelf.faults.append("slow")
    real, begun = concurrent.futures.wait, threading.Event()

    def interrupted(futures, timeout):
        if begun.is_set():
            raise KeyboardInterrupt
        return real(futures, timeout=timeout)

    monkeypatch.setattr("lmnb.studio.asking.concurrent.futures.wait", interrupted)
    with pytest.raises(KeyboardInterrupt):
        studio.download("lmnb tiny", progress=lambda _, done, __: done > 100_000 and begun.set(), host=host)
    monkeypatch.setattr("lmnb.studio.asking.concurrent.futures.wait", real)
    studio.download("lmnb tiny", host=host)
    assert shelf.asked[0] == ""
    assert shelf.asked[-1].startswith("bytes=")
    assert shelf.sent < 2 * len(shelves.MODEL)


@server
def test_what_cannot_be_had_is_said(host, shelf):
    with pytest.raises(ChatError, match="Nothing that can be downloaded is called “qwen9”"):
        studio.download("qwen9", host=host)
    shelf.faults.extend(["404"] * 9)
    with pytest.raises(ChatError) as caught:
        studio.download("lmnb tiny", host=host)
    assert caught.value.problem.title.startswith("Tiny cannot be fetched now.")


# ---- which one


def offers(*keys, picks=(), exact=()):
    return [Offer(key, key in exact, key in picks) for key in (*picks, *keys)]


FOUND = offers("lmstudio-community/Qwen3-4B-GGUF", "unsloth/Qwen3-4B-GGUF", picks=("qwen/qwen3-4b", "qwen/qwen3-8b"))


@pytest.mark.parametrize(
    ("wanted", "key"),
    [
        ("qwen/qwen3-4b", "qwen/qwen3-4b"),
        ("qwen3 4b", "qwen/qwen3-4b"),
        ("unsloth qwen3-4b", "unsloth/Qwen3-4B-GGUF"),
        ("Unsloth/qwen3-4b-gguf", "unsloth/Qwen3-4B-GGUF"),
    ],
)
def test_the_one_that_is_meant(wanted, key):
    said = []
    assert downloads.choose(wanted, FOUND, said.append).key == key
    in_full = wanted.casefold() == key.casefold()
    assert said == ([] if in_full else [f"“{wanted}” is short for {key} here; the search found 3 more."])


def test_nobody_guesses_what_to_download():
    with pytest.raises(ChatError, match="short for more than one"):
        downloads.choose("qwen3", FOUND, print)
    with pytest.raises(ChatError, match="the search found these") as caught:
        downloads.choose("coder", FOUND, print)
    assert caught.value.problem.choices[0] == {"name": "qwen/qwen3-4b", "note": "LM Studio's staff pick"}


def option(name, kind=None, *, recommended=None, fits="fullGPUOffload"):
    return SimpleNamespace(
        info=SimpleNamespace(
            name=name, quantization=kind, size_bytes=2_500_000_000, recommended=recommended, fit_estimation=fits
        )
    )


FILES = [option("a-Q4.gguf", "Q4_K_M", recommended=True), option("a-Q8.gguf", "Q8_0", fits="willNotFit")]


def test_the_recommended_file_or_the_one_that_is_named():
    said = []
    assert downloads.pick("a", "", FILES, said.append) is FILES[0]
    assert said == []
    assert downloads.pick("a", "q8_0", FILES, said.append) is FILES[1]
    assert said == ["a-Q8.gguf (2.5 GB) will hardly fit into this computer's memory."]
    only = [option("b.gguf")]
    assert downloads.pick("b", "", only, said.append) is only[0]


def test_which_file_is_asked_where_nobody_can_tell():
    with pytest.raises(ChatError) as caught:
        downloads.pick("a", "Q2", FILES, print)
    assert caught.value.problem.title == "a has no file of the kind “Q2”."
    assert [choice["name"] for choice in caught.value.problem.choices] == ["Q4_K_M", "Q8_0"]
    assert caught.value.problem.lines[-1] == "Name one: `a@Q4_K_M`."
    with pytest.raises(ChatError, match="a has more than one file"):
        downloads.pick("a", "", [option("x", "Q4_0"), option("y", "Q8_0")], print)
    with pytest.raises(ChatError, match="no file that can be downloaded"):
        downloads.pick("a", "", [], print)
