"""Frames in any order, right, nearly right and wrong: nothing crashes, and whoever waits for an answer gets one.

The session is told them without a socket. Left out is the namespace `repository`: it would ask the network.
"""

from __future__ import annotations

import asyncio
import copy
import json
import logging
from collections import Counter

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from lmnb.server import scripted, session
from lmnb.server.files import Files
from lmnb.server.instances import Instances
from lmnb.server.models import LoadRequest
from lmnb.server.namespaces import NAMES, namespaces
from lmnb.server.session import Guests, Session
from tests.server.conftest import script
from tests.server.frames import ANY_MODEL, ANYBODY, asked

MOST = 300
"""Conversations with the namespace that has the most endpoints."""

PATIENCE = 10.0
"""Seconds in which everything has come to its end after it was called off."""

SCRIPTS = [
    "hello",
    script({"text": "one two", "by": "word"}),
    script({"reasoning": "hm"}, {"text": "42"}),
    script({"text": "word ", "repeat": 100_000, "rate": 2_000}),
    script({"progress": [0, 0.5], "each": 0.01}, {"tool": {"name": "add", "arguments": {"a": 1}}}),
    script({"sleep": 60}),
    script({"error": "On fire."}),
    script({"stop": "contextLengthReached"}),
    script({"dance": 1}),
]

KEYS = [model.key for model in scripted.MODELS] + ["nobody"]

LOADED = {"specifier": ANY_MODEL}
CALLS = [
    ("listLoaded", None),
    ("getModelInfo", LOADED),
    ("getModelInfo", {"specifier": {"type": "instanceReference", "instanceReference": "x"}}),
    ("getModelInfo", {"specifier": {"type": "query", "query": {"identifier": "x"}}, "throwIfNotFound": False}),
    ("getInstanceProcessingState", LOADED),
    ("tokenize", LOADED | {"inputString": "a b"}),
    ("embedString", {"modelSpecifier": ANY_MODEL, "inputString": script({"sleep": 0.01}, {"text": "a"})}),
    ("applyPromptTemplate", LOADED | {"history": asked("a")["history"], "opts": {"omitBosToken": True}}),
    ("unloadModel", {"identifier": "scripted"}),
    ("uploadFileBase64", {"name": "a.txt", "contentBase64": "YWJj"}),
    ("notify", {"title": "x"}),
]
CHANNELS = [
    *(("predict", asked(each)) for each in SCRIPTS),
    *(("predict", asked(each, maxPredictedTokens={"checked": True, "value": 3})) for each in SCRIPTS),
    *(("completeRawText", {"modelSpecifier": ANY_MODEL, "rawPrompt": each}) for each in SCRIPTS),
    *(("loadModel", {"modelKey": key, "loadConfigStack": {"layers": []}}) for key in KEYS),
    *(("getOrLoad", {"identifier": key, "loadTtlMs": 1, "loadConfigStack": {"layers": []}}) for key in KEYS),
    ("registerDevelopmentPlugin", {"manifest": {}}),
    ("alive", None),
]
INTO = [{"type": "cancel"}, {"type": "end"}, {"type": "stop"}, {"type": "dance"}, None]
OTHERS = [
    {"type": "channelAck", "channelId": 1, "ackId": 1},
    {"type": "signalSubscribe", "endpoint": "predict", "subscribeId": 1},
    {"type": "keepAlive"},
    {"type": "communicationWarning", "warning": "What?"},
]

JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=20),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=10), inner, max_size=3),
    max_leaves=8,
)
IDS = st.integers(0, 8)


def endpoints(namespace):
    return namespaces(None, Files(), Guests())[namespace]


@st.composite
def frames(draw, room):
    """A frame to one namespace: mostly right, and then often one that leads to something."""
    frame = _right(draw, room)
    match draw(st.sampled_from(["right", "right", "right", "bent", "json"])):
        case "right":
            return frame
        case "bent":
            return _bent(draw, frame)
    return draw(JSON)


def _right(draw, room):
    number = draw(IDS)
    match draw(st.sampled_from(["call", "channel", "channel", "into", "other"])):
        case "call":
            endpoint, parameter = draw(st.sampled_from(_known(CALLS, room.rpcs)))
            return {"type": "rpcCall", "endpoint": endpoint, "callId": number, "parameter": parameter}
        case "channel":
            endpoint, parameter = draw(st.sampled_from(_known(CHANNELS, room.channels)))
            frame = {"type": "channelCreate", "endpoint": endpoint, "channelId": number}
            return frame | {"creationParameter": parameter}
        case "into":
            more = {"ackId": 1} if draw(st.booleans()) else {}
            message = draw(st.sampled_from(INTO))
            return {"type": "channelSend", "channelId": number, "message": message} | more
    return draw(st.sampled_from(OTHERS))


def _known(requests, endpoints):
    """Requests that the namespace knows, a wrong one to each of its endpoints, and one that it does not know."""
    known = [each for each in requests if each[0] in endpoints]
    return [*known, *known, *((name, {"specifier": 1}) for name in endpoints), ("dance", None)]


def _bent(draw, frame):
    """A copy with a mistake in it, at any depth."""
    made = copy.deepcopy(frame)
    place = made
    key = draw(st.sampled_from(sorted(place)))
    while isinstance(place[key], dict) and place[key] and draw(st.booleans()):
        place = place[key]
        key = draw(st.sampled_from(sorted(place)))
    if draw(st.booleans()):
        del place[key]
    else:
        place[key] = draw(JSON)
    return made


class Talk:
    """A session that was greeted, and what it has said."""

    def __init__(self, namespace):
        self.room = endpoints(namespace)
        self.instances = Instances(lambda: scripted.MODELS, scripted.load)
        guests, files = Guests(), Files()
        self.said = []
        self.calls, self.channels = Counter(), Counter()
        self.session = Session(
            namespaces(self.instances, files, guests)[namespace], guests, self._hear, lambda _: self.said.append("bye")
        )

    async def _hear(self, frame):
        self.said.append(json.loads(frame))
        await asyncio.sleep(0)

    async def say(self, frame):
        """Say it, and remember who must be answered."""
        self._expect(frame)
        await self.session.receive(json.dumps(frame))

    def _expect(self, frame):
        if not isinstance(frame, dict):
            return
        for kind, key, known, waiting in (
            ("rpcCall", "callId", self.room.rpcs, self.calls),
            ("channelCreate", "channelId", self.room.channels, self.channels),
        ):
            endpoint, number = frame.get("endpoint"), frame.get(key)
            strange = isinstance(endpoint, str) and endpoint not in known  # a warning says so
            if frame.get("type") == kind and session._is_id(number) and not strange:
                waiting[number] += 1

    async def end(self):
        """Call off what is going on, and wait for the end of it."""
        for number in list(self.session._channels):
            await self.session.receive(
                json.dumps({"type": "channelSend", "channelId": number, "message": {"type": "cancel"}})
            )
        if self.session.tasks:
            _, hanging = await asyncio.wait(self.session.tasks, timeout=PATIENCE)
            assert not hanging
        await self.session.receive('{"type":"keepAlive"}')
        assert self.said.pop() == {"type": "keepAliveAck"}
        self.session.closed()
        await self.instances.close()

    def check(self):
        """A call was answered once, and a channel ended once; one that was open already may have been refused."""
        assert "bye" not in self.said
        answered = Counter(frame["callId"] for frame in self.said if frame["type"] in {"rpcResult", "rpcError"})
        assert answered == self.calls
        ended = Counter(frame["channelId"] for frame in self.said if frame["type"] in {"channelClose", "channelError"})
        assert set(ended) == set(self.channels)
        assert all(1 <= ended[number] <= asked for number, asked in self.channels.items())
        assert sum(frame["type"] == "communicationWarning" for frame in self.said) <= session.MOST_WARNINGS
        for number in self.channels:
            said = [frame["type"] for frame in self.said if frame.get("channelId") == number]
            assert [kind for kind in said if kind != "channelAck"][-1] in {"channelClose", "channelError"}


async def talk(namespace, said):
    """Say all of it, with a model of each kind loaded, and look at what comes."""
    talk = Talk(namespace)
    await talk.session.receive(json.dumps(ANYBODY))
    assert talk.said.pop() == {"success": True}
    for model in (each for each in scripted.MODELS if each.key in {"scripted", "scripted-embedding"}):
        async with talk.instances.loading(model, jit=False):
            await talk.instances.load(model, LoadRequest({}), None)
    for frame, pause in said:
        await talk.say(frame)
        await asyncio.sleep(pause)
    await talk.end()
    talk.check()


@pytest.mark.parametrize("namespace", [name for name in NAMES if name != "repository"])
def test_whoever_waits_gets_an_answer(namespace, monkeypatch, caplog):
    monkeypatch.setattr("lmnb.server.scripted.SLOW_LOAD", 0.04)
    parts = frames(endpoints(namespace))
    pauses = st.sampled_from([0, 0, 0, 0.002])

    @settings(max_examples=MOST if namespace == "llm" else 15, deadline=None, suppress_health_check=list(HealthCheck))
    @given(st.lists(st.tuples(parts, pauses), min_size=1, max_size=25))
    def fuzz(said):
        asyncio.run(talk(namespace, said))

    with caplog.at_level(logging.ERROR):
        fuzz()
    assert not caplog.records, caplog.text


@settings(max_examples=60, deadline=None)
@given(st.lists(st.text(max_size=40) | st.binary(max_size=40) | JSON.map(json.dumps), max_size=20))
def test_texts_that_are_no_frames(said):
    async def tell():
        talk = Talk("llm")
        await talk.session.receive(json.dumps(ANYBODY))
        for text in said:
            await talk.session.receive(text)
        await talk.end()
        assert {frame.get("type") for frame in talk.said[1:]} <= {"communicationWarning"}

    asyncio.run(tell())
