"""What goes wrong around a server: too many come, it is told to end, its disk is read-only, its files are no good."""

from __future__ import annotations

import contextlib
import os
import signal
import socket
import struct
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor

import psutil
import pytest
from httpx_ws import WebSocketDisconnect

from lmnb.server import launch
from tests.server.conftest import script, until
from tests.server.frames import Deaf, Frames, asked
from tests.server.ggufs import make

posix = pytest.mark.skipif(sys.platform == "win32", reason="signals and file descriptors of POSIX")
ENDLESS = script({"text": "word ", "repeat": 100_000, "rate": 500})


@pytest.fixture
def own(tmp_path):
    """A server of one's own, that leaves no surprise in its log."""
    log = tmp_path / "server.log"
    with launch.start_server(scripted=True, log=log) as server:
        yield server
    said = log.read_text()
    assert "ERROR" not in said, said
    assert "Traceback" not in said, said


@pytest.fixture
def watch(own):
    """A client that looks."""
    frames = Frames(own.host)
    yield frames
    frames.close()


# ---- many


@posix
def test_a_thousand_connections_leave_nothing(own, watch):
    process = psutil.Process(own.pid)
    before = process.num_fds()
    for _ in range(500):
        Deaf(own.host).socket.close()
    for _ in range(5):
        crowd = [Deaf(own.host) for _ in range(100)]
        assert watch.call("listLoaded") == []
        for one in crowd:
            one.socket.close()
    until(lambda: process.num_fds() <= before)
    assert watch.call("listLoaded") == []


@posix
def test_a_thousand_that_say_nothing(own, watch):
    process = psutil.Process(own.pid)
    before = process.num_fds()
    address, _, port = own.host.partition(":")
    for _ in range(5):
        with contextlib.ExitStack() as crowd:
            for _ in range(200):
                crowd.enter_context(socket.create_connection((address, int(port))))
            assert watch.call("listLoaded") == []
    until(lambda: process.num_fds() <= before)


def test_who_says_nothing_is_sent_away(own_loop):
    own_loop._server.conn_params.header_timeout = 0.1
    address, _, port = own_loop.host.partition(":")
    with socket.create_connection((address, int(port)), timeout=10) as silent:
        assert silent.recv(1) == b""


def test_more_than_there_is_room_for_are_sent_away(own_loop):
    own_loop._server.most = 20
    address, _, port = own_loop.host.partition(":")
    frames = Frames(own_loop.host)
    with contextlib.ExitStack() as crowd:
        sockets = [crowd.enter_context(socket.create_connection((address, int(port)), timeout=10)) for _ in range(50)]
        assert [each.recv(1) for each in sockets[-30:]] == [b""] * 30
        assert frames.call("listLoaded") == []
    until(lambda: not own_loop._server._connections)
    Frames(own_loop.host).close()
    frames.close()


def test_a_hundred_idle_clients_do_not_disturb_an_answer(own, watch):
    watch.load()
    crowd = [Deaf(own.host) for _ in range(100)]
    heard = watch.predict(script({"text": "word ", "repeat": 300, "rate": 1000}))
    assert sum(packet["type"] == "fragment" for packet in heard) == 300
    assert heard[-2]["stats"]["stopReason"] == "eosFound"
    for one in crowd:
        one.socket.close()


# ---- the end


@posix
def test_who_is_told_to_end_says_so_in_mid_answer(own):
    frames = Frames(own.host)
    frames.load()
    channel = frames.open("predict", asked(ENDLESS))
    while frames.hear()["message"]["type"] != "fragment":
        pass
    os.kill(own.pid, signal.SIGTERM)
    heard = frames.packets(channel)
    assert heard[-2]["stats"]["stopReason"] == "modelUnloaded"
    assert heard[-1]["type"] == "channelClose"
    with pytest.raises(WebSocketDisconnect) as caught:
        frames.hear()
    assert (caught.value.code, caught.value.reason) == (1001, "The server has ended.")
    assert own.wait() == 0


# ---- two at once


def test_two_that_want_the_same_port():
    with socket.create_server(("127.0.0.1", 0)) as free:
        port = free.getsockname()[1]

    def start(_):
        try:
            return launch.start_server(scripted=True, port=port)
        except launch.LaunchError as error:
            return str(error)

    with ThreadPoolExecutor(2) as pool:
        made = list(pool.map(start, range(2)))
    (server,) = (each for each in made if isinstance(each, launch.Server))
    (said,) = (each for each in made if isinstance(each, str))
    assert said == f"Port {port} cannot be used: another server of lmnb's (process {server.pid}) has it."
    frames = Frames(server.host)
    assert frames.call("listLoaded") == []
    frames.close()
    server.stop()


# ---- the disk


@pytest.mark.parametrize("broken", ["a file is there", "read-only"])
def test_a_cache_that_cannot_be_written(tmp_path, monkeypatch, broken):
    cache = tmp_path / "cache"
    if broken == "read-only":
        if sys.platform == "win32" or os.geteuid() == 0:
            pytest.skip("root writes everywhere")
        cache.mkdir(mode=0o500)
    else:
        cache.write_text("")
    monkeypatch.setenv("XDG_CACHE_HOME", str(cache))
    model = make(tmp_path / "tiny.gguf")
    with launch.start_server(models=[model]) as server:
        system, repository = Frames(server.host, "system"), Frames(server.host, "repository")
        assert "tiny" in [each["modelKey"] for each in system.call("listDownloadedModels")]
        found = repository.call("searchModels", {"opts": {"searchTerm": "smollm2"}})["results"][0]
        options = repository.call("getModelDownloadOptions", {"modelSearchResultIdentifier": found["identifier"]})
        asked = {"downloadIdentifier": options["results"][0]["downloadIdentifier"]}
        last = repository.packets(repository.open("downloadModel", asked))[-1]
        assert last["type"] == "channelError"
        assert str(cache) in last["error"]["title"] + str(last["error"].get("cause"))
        for frames in (system, repository):
            frames.close()


# ---- files that are no models


def head(version=3, tensors=1, values=1):
    return b"GGUF" + struct.pack("<IQQ", version, tensors, values)


@pytest.mark.parametrize(
    "content",
    [
        b"",
        b"This is a letter.",
        b"GGUF",
        head(version=99),
        head(version=1),
        head(values=1 << 60),
        head(tensors=1 << 60),
        head() + struct.pack("<Q", 1 << 62),
        head() + struct.pack("<Q", 1) + b"a" + struct.pack("<IIQ", 9, 9, 1 << 50) + bytes(1000),
        head() + os.urandom(10_000),
    ],
)
def test_a_file_that_is_no_model(tmp_path, content):
    strange, fine = tmp_path / "strange.gguf", make(tmp_path / "fine.gguf")
    strange.write_bytes(content)
    with launch.start_server(models=[strange, fine]) as server:
        frames = Frames(server.host)
        heard = frames.packets(frames.open("loadModel", {"modelKey": "strange", "loadConfigStack": {"layers": []}}))
        assert heard[-1]["type"] == "channelError"
        assert heard[-1]["error"]["title"].endswith("strange.gguf is no good.")
        assert heard[-1]["error"]["cause"].endswith(".")
        system = Frames(server.host, "system")
        listed = [each["modelKey"] for each in system.call("listDownloadedModels")]
        assert "fine" in listed
        assert "strange" not in listed
        for each in (frames, system):
            each.close()


def test_a_process_that_dies_tells_nobody_else(own, watch):
    """A client that is killed: the system closes its connection, and its slot is free."""
    watch.load()
    code = (
        "import sys, time; from tests.server.frames import Frames, asked; f = Frames(sys.argv[1]); "
        "f.open('predict', asked(sys.argv[2])); print(f.hear(), flush=True); time.sleep(60)"
    )
    command = [sys.executable, "-c", code, own.host, ENDLESS]
    with subprocess.Popen(command, stdout=subprocess.PIPE, cwd=launch.HOME) as client:
        client.stdout.readline()
        watch.wait_state("generating")
        client.kill()
    watch.wait_state("idle")
