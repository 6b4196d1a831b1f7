"""What the tests of the server share: one server with scripted models, the SDK, and a client without the SDK."""

from __future__ import annotations

import asyncio
import json
import threading
import time
from pathlib import Path

import lmstudio as lms
import pytest

import lmnb
from tests.server.frames import Frames


def pytest_collection_modifyitems(items):
    here = Path(__file__).parent
    for item in items:
        if here in item.path.parents:
            item.add_marker("server")


def script(*steps):
    """What the scripted model is to do, as a prompt."""
    return json.dumps(list(steps))


def until(condition, seconds=10.0):
    """What the condition gives as soon as it is something; fails if that takes too long."""
    end = time.monotonic() + seconds
    while not (found := condition()):
        assert time.monotonic() < end, f"{condition} did not come true in {seconds} s"
        time.sleep(0.005)
    return found


@pytest.fixture(scope="session")
def log(tmp_path_factory):
    """The log of the server."""
    return tmp_path_factory.mktemp("server") / "server.log"


@pytest.fixture(scope="session")
def host(log):
    """A server with scripted models."""
    with lmnb.start_server(scripted=True, log=log) as server:
        yield server.host


@pytest.fixture(scope="session")
def sdk(host):
    """The SDK's scoped client, its types used once: two threads that begin with that at the same time crash."""
    with lms.Client(host) as client:
        client.llm.model("scripted").respond("warm up")
        yield client


@pytest.fixture
def open_frames(host):
    """A maker of connections without the SDK; they are closed with the test."""
    opened = []

    def make(namespace="llm", **options):
        opened.append(Frames(options.pop("host", host), namespace, **options))
        return opened[-1]

    yield make
    for frames in opened:
        frames.close()


@pytest.fixture
def frames(open_frames):
    """A connection to the `llm` namespace that has said who it is."""
    return open_frames()


@pytest.fixture(scope="session")
def watch(host):
    """A second client, which only looks."""
    frames = Frames(host, "llm")
    yield frames
    frames.close()


@pytest.fixture(autouse=True)
def tidy(request, log):
    """A test begins with no model loaded, and leaves no surprise in the server's log."""
    if not {"host", "sdk"} & set(request.fixturenames):
        yield
        return
    watch = request.getfixturevalue("watch")
    _unload_all(watch)
    said = log.read_text()
    yield
    _unload_all(watch)
    news = log.read_text()[len(said) :]
    assert "ERROR" not in news, news
    assert "Traceback" not in news, news


def _unload_all(watch):
    for identifier in watch.loaded():
        watch.call("unloadModel", {"identifier": identifier})
    assert watch.loaded() == []


class OwnLoop:
    """A server in a thread of this process, so that a test can shorten its times."""

    def __init__(self):
        from lmnb.server import app, scripted
        from lmnb.server.instances import Instances

        self.loop = asyncio.new_event_loop()
        self._thread = threading.Thread(target=self.loop.run_forever, name="server", daemon=True)
        self._thread.start()

        async def listen():
            self.visitors = app.Visitors()
            self.instances = Instances(lambda: scripted.MODELS, scripted.load)
            return app.listen(self.instances, self.visitors, 0)

        self._server, port = self.run(listen())
        self.host = f"127.0.0.1:{port}"

    def run(self, coroutine):
        """The result of a coroutine in the server's loop."""
        return asyncio.run_coroutine_threadsafe(coroutine, self.loop).result(10)

    def close(self):
        async def end():
            self._server.stop()
            await self.instances.close()
            await self.visitors.send_home()
            if others := asyncio.all_tasks() - {asyncio.current_task()}:
                await asyncio.wait(others, timeout=5)

        self.run(end())
        self.loop.call_soon_threadsafe(self.loop.stop)
        self._thread.join(5)
        self.loop.close()


@pytest.fixture
def quick(own_loop, sdk, monkeypatch):
    """The SDK at a server where the slow model loads in 0.3 s."""
    monkeypatch.setattr("lmnb.server.scripted.SLOW_LOAD", 0.3)
    with lms.Client(own_loop.host) as client:
        yield client


@pytest.fixture
def own_loop():
    """A server in this process, for the tests that patch it."""
    server = OwnLoop()
    yield server
    server.close()
