"""What the tests of the studio share: a listener that can be waited for, and a look into the server."""

from __future__ import annotations

import asyncio
import contextlib
import json
import threading
import time

import httpx
import pytest
from httpx_ws import connect_ws

from lmnb import studio
from lmnb.chat.events import Failed, Finished, Fragment, Stopped
from lmnb.chat.history import Message
from lmnb.studio import hosts, places

LAST = (Finished, Stopped, Failed)


def script(*steps):
    """What the scripted model is to do, as a prompt."""
    return json.dumps(list(steps))


class Heard:
    """Listens to a prediction; can be waited for."""

    def __init__(self):
        self.events = []
        self.times = []
        self.threads = set()
        self._changed = threading.Condition()

    def __call__(self, event):
        with self._changed:
            self.events.append(event)
            self.times.append(time.monotonic())
            self.threads.add(threading.current_thread().name)
            self._changed.notify_all()

    def wait(self, kind, timeout=10.0, **values):
        """The first event of this kind and with these values, as soon as it is there."""

        def found():
            return [e for e in self.of(kind) if all(getattr(e, name) == value for name, value in values.items())]

        with self._changed:
            assert self._changed.wait_for(found, timeout), f"no {kind.__name__} in {timeout} s, but {self.events}"
            return found()[0]

    def of(self, kind):
        return [event for event in self.events if isinstance(event, kind)]

    @property
    def kinds(self):
        """The order of events, repetitions left out."""
        names = [type(event).__name__ for event in self.events]
        return [name for i, name in enumerate(names) if i == 0 or names[i - 1] != name]

    @property
    def text(self):
        return "".join(event.content for event in self.of(Fragment) if event.kind == "text")

    @property
    def reasoning(self):
        return "".join(event.content for event in self.of(Fragment) if event.kind == "reasoning")

    @property
    def last(self):
        """The last event, of which there is exactly one."""
        (last,) = self.of(LAST)
        assert last is self.events[-1]
        return last

    @property
    def problem(self):
        assert isinstance(self.last, Failed), self.last
        return self.last.problem


def begin(host, prompt, *, model="scripted", **options):
    """Start a prediction and return it with its listener."""
    heard = Heard()
    request = studio.Request((Message("user", prompt),), model=model, host=host, **options)
    return studio.start(request, heard), heard


def ask(host, prompt, *, timeout=20.0, **options):
    """Make a prediction and return what was heard."""
    running, heard = begin(host, prompt, **options)
    running.done.result(timeout)
    return heard


class Peek:
    """A second client of the server, without the SDK: asks what an instance is doing."""

    def __init__(self, host):
        self._stack = contextlib.ExitStack()
        client = self._stack.enter_context(httpx.Client())
        self._ws = self._stack.enter_context(connect_ws(f"http://{host}/llm", client))
        self._ws.send_json({"authVersion": 1, "clientIdentifier": "peek", "clientPasskey": "peek"})
        assert self._ws.receive_json()["success"]
        self._calls = 0

    def call(self, endpoint, parameter=None):
        self._calls += 1
        message = {"type": "rpcCall", "endpoint": endpoint, "callId": self._calls}
        self._ws.send_json(message | ({} if parameter is None else {"parameter": parameter}))
        answer = self._ws.receive_json(timeout=5)
        assert answer["callId"] == self._calls, answer
        return answer.get("result")

    def status(self, identifier="scripted"):
        specifier = {"type": "query", "query": {"identifier": identifier}}
        state = self.call("getInstanceProcessingState", {"specifier": specifier, "throwIfNotFound": False})
        return state["status"] if state else None

    def loaded(self):
        return [info["identifier"] for info in self.call("listLoaded")]

    def wait(self, condition, seconds):
        """Whether the condition comes true in so many seconds."""
        until = time.monotonic() + seconds
        while not (there := condition()) and time.monotonic() < until:
            time.sleep(0.005)
        return there

    def close(self):
        self._stack.close()


@pytest.fixture
def peek(scripted_server):
    peek = Peek(scripted_server)
    yield peek
    peek.close()


@pytest.fixture(autouse=True)
def bare_environment(monkeypatch):
    """No host and no token from the environment of whoever runs the tests."""
    for name in (*hosts.HOST_VARIABLES, *hosts.TOKEN_VARIABLES):
        monkeypatch.delenv(name, raising=False)


@pytest.fixture
def forgetful():
    """A kernel that has not found a server yet, and has not said which."""

    async def forget():
        here = places.here()
        here._found = None
        here._said.clear()

    asyncio.run_coroutine_threadsafe(forget(), studio.io_loop()).result(5)


@pytest.fixture
def no_lm_studio(monkeypatch):
    """No LM Studio on this computer, whatever runs on it."""
    monkeypatch.setattr("lmstudio.json_api.ClientBase._DEFAULT_API_PORTS", ())
