"""Embeddings: the protocol with a scripted model, and the real MiniLM, against numbers computed from its formulas."""

from __future__ import annotations

import asyncio
import json
import math
import os
import signal
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import lmstudio as lms
import psutil
import pytest

import lmnb
from tests.server.conftest import script, until

SCRIPTED = "scripted-embedding"
REAL = "text-embedding-all-minilm-l6-v2"
SLOW = script({"sleep": 60})
ANY = {"type": "query", "query": {}}


def likeness(one, other):
    """The cosine of two embeddings."""
    return sum(a * b for a, b in zip(one, other, strict=True)) / math.hypot(*one) / math.hypot(*other)


# ---- the protocol, with the scripted model


@pytest.fixture
def room(open_frames):
    """A connection to the `embedding` namespace, and the scripted model loaded."""
    frames = open_frames("embedding")
    frames.load(SCRIPTED)
    yield frames
    for identifier in frames.loaded():
        frames.call("unloadModel", {"identifier": identifier})


def test_a_text_and_a_list_of_texts(sdk):
    model = sdk.embedding.model(SCRIPTED)
    one = model.embed("rhubarb")
    assert math.hypot(*one) == pytest.approx(1)
    assert model.embed(["rhubarb", "custard"])[0] == one
    assert model.embed([]) == []
    model.unload()


def test_it_is_listed_told_of_and_unloaded_as_an_embedding_model(sdk):
    assert SCRIPTED in [model.model_key for model in sdk.embedding.list_downloaded()]
    assert SCRIPTED not in [model.model_key for model in sdk.llm.list_downloaded()]
    model = sdk.embedding.load_new_instance(SCRIPTED, "mine", config={"contextLength": 128}, ttl=60)
    assert model.get_context_length() == 128
    assert model.get_load_config().context_length == 128
    info = model.get_info()
    assert (info.type, info.identifier, info.model_key) == ("embedding", "mine", SCRIPTED)
    assert [each.identifier for each in sdk.embedding.list_loaded()] == ["mine"]
    assert sdk.llm.list_loaded() == []
    model.unload()
    assert sdk.embedding.list_loaded() == []


def test_tokens_are_told_with_those_around_a_text_and_counted_without(sdk):
    model = sdk.embedding.model(SCRIPTED)
    assert model.tokenize("a b c")[0] == 1
    assert len(model.tokenize("a b c")) == model.count_tokens("a b c") + 2 == 5
    model.unload()


def test_a_language_model_does_not_embed(sdk, open_frames):
    sdk.llm.model("scripted")
    answer = open_frames("embedding").answer("embedString", {"modelSpecifier": ANY, "inputString": "x"})
    assert answer["error"]["displayData"]["code"] == "generic.noModelMatchingQuery"


def test_a_failure_is_told(room):
    for text, says in ((script({"error": "No."}), "No."), (script({"what": 1}), "does not know the step")):
        assert says in room.answer("embedString", {"modelSpecifier": ANY, "inputString": text})["error"]["title"]


def test_four_texts_at_a_time_and_the_others_wait(room):
    for _ in range(6):
        room.ask("embedString", {"modelSpecifier": ANY, "inputString": SLOW})
    with_whom = {"specifier": ANY, "throwIfNotFound": True}
    wanted = {"status": "computingEmbedding", "queued": 2}
    until(lambda: _result(room, "getInstanceProcessingState", with_whom) == wanted)


def test_who_goes_leaves_the_others_their_place(room, open_frames):
    gone = open_frames("embedding")
    for _ in range(6):
        gone.ask("embedString", {"modelSpecifier": ANY, "inputString": SLOW})
    with_whom = {"specifier": ANY, "throwIfNotFound": True}
    until(lambda: room.call("getInstanceProcessingState", with_whom)["queued"] == 2)
    gone.cut()
    until(lambda: room.call("getInstanceProcessingState", with_whom) == {"status": "idle", "queued": 0})
    assert room.call("embedString", {"modelSpecifier": ANY, "inputString": "x"})


def test_unloading_ends_what_is_being_embedded(room, open_frames):
    number = room.ask("embedString", {"modelSpecifier": ANY, "inputString": SLOW})
    other = open_frames("embedding")
    with_whom = {"specifier": ANY, "throwIfNotFound": True}
    until(lambda: other.call("getInstanceProcessingState", with_whom)["status"] == "computingEmbedding")
    other.call("unloadModel", {"identifier": SCRIPTED})
    answer = room.hear()
    assert (answer["callId"], answer["error"]["displayData"]["code"]) == (number, "generic.specificModelUnloaded")


def _result(frames, endpoint, parameter):
    """The result of a call, whatever else is heard before."""
    number = frames.ask(endpoint, parameter)
    while (heard := frames.hear()).get("callId") != number:
        pass
    return heard["result"]


# ---- the real one

NUMBERS = json.loads((Path(__file__).parent / "minilm.json").read_text(encoding="utf-8"))
"""Embeddings that were computed from the maker's numbers in double precision, without llama.cpp."""


@pytest.fixture(scope="module")
def server(minilm):
    with lmnb.start_server(models=[minilm], scripted=True) as server:
        yield server


@pytest.fixture(scope="module")
def client(server):
    with lms.Client(server.host) as client:
        client.llm.model("scripted").respond("warm up")
        client.llm.unload("scripted")
        yield client


@pytest.fixture
def model(client):
    """The real model, loaded."""
    return client.embedding.model(REAL, ttl=None)


@pytest.mark.model
def test_the_real_embeddings_are_those_of_its_formulas(model):
    for text, numbers in NUMBERS.items():
        found = model.embed(text)
        assert len(found) == 384
        assert math.hypot(*found) == pytest.approx(1, abs=1e-5)
        assert likeness(found, numbers) > 0.9999


@pytest.mark.model
def test_what_means_the_same_is_nearer(model):
    cat, kitten, rates = model.embed(list(NUMBERS))
    assert likeness(cat, kitten) > 0.6
    assert abs(likeness(cat, rates)) < 0.1


@pytest.mark.model
@pytest.mark.parametrize(
    ("text", "tokens"),
    [
        ("Hello, world!", [101, 7592, 1010, 2088, 999, 102]),
        ("", [101, 102]),
        (
            "Füße, naïve 日本 don't UPPER-case über_x 3.14",
            [
                *(101, 11865, 17499, 1010, 15743, 1864, 1876, 2123, 1005, 1056, 3356, 1011, 2553, 19169, 1035, 1060),
                *(1017, 1012, 2403, 102),
            ],
        ),
    ],
)
def test_its_tokens_are_those_of_its_makers_tokenizer(model, text, tokens):
    assert model.tokenize(text) == tokens
    assert model.count_tokens(text) == len(tokens) - 2


@pytest.mark.model
def test_its_context_is_the_one_it_was_made_for(client, model):
    assert model.get_context_length() == 512
    assert (model.get_info().architecture, model.get_info().params_string) == ("bert", "23M")
    assert len(model.embed("word " * 510)) == 384
    with pytest.raises(lms.LMStudioServerError, match="602 tokens and does not fit into the context length of 512"):
        model.embed("word " * 600)
    small = client.embedding.load_new_instance(REAL, "small", config={"contextLength": 100}, ttl=None)
    assert len(small.embed("word " * 98)) == 384
    with pytest.raises(lms.LMStudioServerError, match="101 tokens and does not fit into the context length of 100"):
        small.embed("word " * 99)
    small.unload()


@pytest.mark.model
def test_many_texts_at_once_are_not_mixed_up(model):
    texts = [f"There are {number} of them." for number in range(24)]
    one_by_one = model.embed(texts)
    with ThreadPoolExecutor(12) as pool:
        at_once = list(pool.map(model.embed, texts))
    assert all(likeness(one, other) > 0.9999 for one, other in zip(one_by_one, at_once, strict=True))


@pytest.mark.model
def test_the_asynchronous_client(server, model):
    async def embed():
        async with lms.AsyncClient(server.host) as client:
            found = await client.embedding.model(REAL)
            return await asyncio.gather(*(found.embed(text) for text in NUMBERS))

    found = asyncio.run(embed())
    assert all(likeness(one, numbers) > 0.9999 for one, numbers in zip(found, NUMBERS.values(), strict=True))


@pytest.mark.model
@pytest.mark.parametrize("name", ["all-minilm-l6-v2", "sentence-transformers/all-MiniLM-L6-v2", REAL.upper()])
def test_it_goes_by_several_names(minilm, name):
    with lmnb.start_server() as server, lms.Client(server.host) as client:
        assert client.embedding.model(name).get_info().model_key == REAL


@pytest.mark.model
def test_a_crash_is_told_and_the_model_is_there_again(server, client):
    model = client.embedding.model(REAL, ttl=None)
    before = model.embed("x")
    (child,) = [each for each in psutil.Process(server.pid).children() if "engine_child" in " ".join(each.cmdline())]
    os.kill(child.pid, signal.SIGKILL)

    def again():
        try:
            return model.embed("x")
        except lms.LMStudioServerError as error:  # it may be told before the system has told the server
            if "has crashed" not in str(error):
                raise
            return None

    assert likeness(until(again), before) > 0.9999


@pytest.mark.model
def test_the_model_that_was_made_is_checked(minilm):
    """It is made of its maker's files, to the byte as somebody has made and checked it before."""
    from lmnb.server import store

    assert minilm.stat().st_size == store.MINILM.size_bytes
    store.check(minilm)
