"""Finding a server, losing it, finding it again; and hosts that are none."""

from __future__ import annotations

import asyncio
import http.server
import socket
import threading
import time

import lmstudio as lms
import pytest

from lmnb import studio
from lmnb.chat.events import Connected, Connecting, Failed, Finished, Fragment, Noticed, Stopped
from lmnb.chat.problems import ChatError
from lmnb.studio import hosts, places, sdk

from .conftest import ask, begin, script

pytestmark = pytest.mark.server

HELLO = script({"text": "hello"})


@pytest.fixture
def own():
    """A server of this test's own, to be killed and started again."""
    servers = []

    def start(**options):
        servers.append(studio.start_server(scripted=True, **options))
        return servers[-1]

    yield start
    for server in servers:
        server.stop()


# ---- who is talked to


@pytest.mark.parametrize("variable", hosts.HOST_VARIABLES)
def test_the_environment_names_the_host_and_it_is_said_once(scripted_server, variable, monkeypatch, forgetful):
    monkeypatch.setenv(variable, f"http://{scripted_server}/v1")
    first, second = ask(None, HELLO), ask(None, HELLO)
    assert first.of(Noticed) == [Noticed(f"Answers come from {scripted_server}, as `{variable}` says.")]
    assert [event.host for event in first.of(Connected)] == [scripted_server]
    assert second.of(Noticed) == []


def test_a_lm_studio_that_is_found_is_said_once(scripted_server, monkeypatch, forgetful):
    port = int(scripted_server.rpartition(":")[2])
    with socket.create_server(("127.0.0.1", 0)) as stranger:
        # A port on which nothing listens, one on which a stranger is silent, and the real one.
        ports = (_free_port(), stranger.getsockname()[1], port)
        monkeypatch.setattr("lmstudio.json_api.ClientBase._DEFAULT_API_PORTS", ports)
        first, second = ask(None, HELLO), ask(None, HELLO)
    assert first.of(Noticed) == [Noticed(f"Answers come from lmnb's own server at {scripted_server}.")]
    assert first.of(Connecting) == [Connecting("LM Studio")]
    assert second.of(Noticed) == []
    assert second.of(Connecting) == [Connecting(scripted_server)]


def test_two_cells_at_once_share_the_search(scripted_server, monkeypatch, forgetful):
    port = int(scripted_server.rpartition(":")[2])
    monkeypatch.setattr("lmstudio.json_api.ClientBase._DEFAULT_API_PORTS", (port,))
    started = [begin(None, HELLO) for _ in range(3)]
    for running, _ in started:
        running.done.result(10)
    assert sum(len(heard.of(Noticed)) for _, heard in started) == 1
    assert all(isinstance(heard.last, Finished) for _, heard in started)


def test_no_server_and_no_local_extra_says_both_ways(monkeypatch, no_lm_studio, forgetful):
    monkeypatch.setattr("importlib.util.find_spec", lambda name, *_: None)
    problem = ask(None, HELLO).problem
    assert problem.kind == "noServer"
    assert "start LM Studio" in "".join(problem.lines)
    assert "pip install 'lmnb[local]'" in "".join(problem.lines)


@pytest.fixture
def own_home(monkeypatch, tmp_path, no_lm_studio, forgetful):
    """A user who has no LM Studio, no model, and a shared server of their own; ended afterwards."""
    launch = pytest.importorskip("lmnb.server.launch")
    for name in ("HOME", "XDG_RUNTIME_DIR", "XDG_CACHE_HOME", "XDG_STATE_HOME", "XDG_DATA_HOME"):
        monkeypatch.setenv(name, str(tmp_path))
    yield launch
    launch.stop_shared_server()


def test_the_embedded_server_is_started_and_said_and_comes_back(own_home):
    first = ask(None, HELLO, model=None)
    (connected,) = first.of(Connected)
    assert connected.embedded
    said = "Answers come from lmnb's own server on this computer; LM Studio was not found."
    assert first.of(Noticed) == [Noticed(said)]
    assert first.problem.kind == "noModel"
    assert "`%lm get smollm2`" in first.problem.lines[-1]
    assert "`lmnb get smollm2`" in first.problem.lines[-1]
    assert own_home.stop_shared_server()
    again = ask(None, HELLO, model=None)
    assert again.problem.kind == "noModel", again.problem
    assert again.of(Noticed) == []


def test_an_embedded_server_that_does_not_start(own_home, monkeypatch):
    def fail(**_):
        raise own_home.LaunchError("exit code 1")

    monkeypatch.setattr(own_home, "shared_server", fail)
    problem = ask(None, HELLO).problem
    assert problem.kind == "noServer"
    assert "exit code 1" in problem.lines[0]


# ---- hosts that are none


def test_a_closed_port_is_said_at_once():
    host = f"localhost:{_free_port()}"
    began = time.monotonic()
    problem = ask(host, HELLO).problem
    assert time.monotonic() - began < 1.0
    assert problem.kind == "noServer"
    assert problem.title == f"Nothing answers at {host}."
    assert problem.lines[-1].startswith("Start LM Studio and switch its server on under Developer")


def test_a_closed_port_that_the_environment_names_says_so(monkeypatch):
    monkeypatch.setenv("LMSTUDIO_BASE_URL", f"http://localhost:{_free_port()}")
    monkeypatch.delenv("LMSTUDIO_API_HOST", raising=False)
    why, way = ask(None, HELLO).problem.lines
    assert why.startswith("`LMSTUDIO_BASE_URL` names it")
    assert way.startswith("Start LM Studio")


def test_a_port_that_never_answers_is_waited_for_three_seconds():
    with socket.create_server(("127.0.0.1", 0)) as silent:
        host = f"127.0.0.1:{silent.getsockname()[1]}"
        began = time.monotonic()
        problem = ask(host, HELLO).problem
    assert problem.title == f"Nothing answers at {host}."
    assert 2.0 < time.monotonic() - began < 5.0


def test_a_name_that_does_not_exist():
    assert ask("no-such-host.invalid:1234", HELLO).problem.title == "Nothing answers at no-such-host.invalid:1234."


def test_something_else_that_answers():
    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), http.server.SimpleHTTPRequestHandler)
    server.RequestHandlerClass.log_message = lambda *_: None
    threading.Thread(target=server.serve_forever, daemon=True).start()
    host = f"127.0.0.1:{server.server_address[1]}"
    try:
        problem = ask(host, HELLO).problem
    finally:
        server.shutdown()
        server.server_close()
    assert problem.title == f"Something answers at {host}, but it is not LM Studio."


def test_a_proxy_in_between_is_named(own, monkeypatch):
    server = own()
    monkeypatch.setenv("http_proxy", f"http://127.0.0.1:{_free_port()}")
    for name in ("no_proxy", "NO_PROXY"):
        monkeypatch.delenv(name, raising=False)
    problem = ask(server.host, HELLO).problem
    assert "add 127.0.0.1 to `NO_PROXY`" in "".join(problem.lines)
    monkeypatch.setenv("no_proxy", "127.0.0.1")
    assert isinstance(ask(server.host, HELLO).last, Finished)


def test_https_is_refused():
    assert "unencrypted" in ask("https://studio.example/v1", HELLO).problem.title


def test_a_token_that_the_sdk_cannot_send(scripted_server, monkeypatch):
    monkeypatch.setattr(sdk, "takes_token", lambda: False)
    problem = ask(scripted_server, HELLO, api_token="sk-lm-abcdefgh:abcdefghijabcdefghij").problem
    assert problem.kind == "refused"
    assert "pip install" in problem.lines[-1]


# ---- losing it


def test_a_server_that_drops_the_connection_in_mid_answer(scripted_server):
    heard = ask(scripted_server, script({"text": "half an "}, {"drop": True}))
    assert heard.problem.kind == "lostConnection"
    assert heard.text == "half an "
    assert isinstance(ask(scripted_server, HELLO).last, Finished), "the next one connects anew"


def test_a_connection_lost_before_the_first_fragment_is_tried_once_more(scripted_server):
    heard = ask(scripted_server, script({"drop": True}))
    assert heard.problem.kind == "lostConnection"
    assert len(heard.of(Connected)) == 2
    assert isinstance(ask(scripted_server, HELLO).last, Finished)


def test_a_server_that_dies_in_mid_answer(own):
    server = own()
    heard = ask(server.host, script({"text": "half an "}, {"die": True}))
    assert heard.problem.kind == "lostConnection"
    assert heard.text == "half an "
    assert ask(server.host, HELLO).problem.title == f"Nothing answers at {server.host}."


def test_a_server_that_was_restarted_on_the_same_port(own):
    first = own()
    assert isinstance(ask(first.host, HELLO).last, Finished)
    first.stop()
    second = own(port=int(first.host.rpartition(":")[2]))
    assert second.host == first.host
    heard = ask(first.host, HELLO)
    assert isinstance(heard.last, Finished)
    assert heard.text == "hello"


def test_a_server_that_came_back_on_another_port(own, monkeypatch, forgetful):
    """As the embedded one does after it was idle: what was found is not remembered for ever."""
    ports = []
    monkeypatch.setattr("lmstudio.json_api.ClientBase._DEFAULT_API_PORTS", ports)
    first = own()
    ports.append(int(first.host.rpartition(":")[2]))
    assert [(event.host, event.embedded) for event in ask(None, HELLO).of(Connected)] == [(first.host, True)]
    first.stop()
    second = own()
    ports[:] = [int(second.host.rpartition(":")[2])]
    heard = ask(None, HELLO)
    assert isinstance(heard.last, Finished)
    assert (heard.of(Connected)[-1].host, heard.of(Connected)[-1].embedded) == (second.host, True)
    assert heard.of(Noticed) == [Noticed(f"Answers come from lmnb's own server at {second.host}.")]


def test_stop_after_the_server_has_died(own):
    server = own()
    running, heard = begin(server.host, script({"text": "word " * 1000, "by": "word", "rate": 100}))
    heard.wait(Fragment)
    server.stop()
    running.stop("person")
    running.done.result(5)
    assert isinstance(heard.last, (Stopped, Failed))


def test_one_client_for_many_predictions(scripted_server):
    async def count():
        return len({task.get_name() for task in asyncio.all_tasks() if "_own" in str(task.get_coro())})

    for _ in range(5):
        ask(scripted_server, HELLO)
    before = asyncio.run_coroutine_threadsafe(count(), studio.io_loop()).result(5)
    for _ in range(5):
        ask(scripted_server, HELLO)
    assert asyncio.run_coroutine_threadsafe(count(), studio.io_loop()).result(5) == before


# ---- the models


def test_models_lists_what_is_loaded_and_what_is_on_disk(scripted_server):
    ask(scripted_server, HELLO)
    found = studio.models(host=scripted_server)
    assert {"scripted", "scripted-slow", "scripted-broken"} <= {model.key for model in found}
    loaded = [model for model in found if model.loaded]
    assert loaded == found[: len(loaded)]
    scripted = next(model for model in found if model.key == "scripted")
    assert scripted.identifier == "scripted"
    assert scripted.context
    assert scripted.size_bytes is not None


def test_models_without_a_server():
    with pytest.raises(ChatError, match="Nothing answers at"):
        studio.models(host=f"127.0.0.1:{_free_port()}")


def test_models_does_not_wait_for_ever():
    with socket.create_server(("127.0.0.1", 0)) as silent, pytest.raises(ChatError, match=r"within 0\.2 s"):
        studio.models(host=f"127.0.0.1:{silent.getsockname()[1]}", timeout=0.2)


def test_models_on_the_io_thread_would_wait_for_itself(scripted_server):
    async def call():
        return studio.models(host=scripted_server)

    with pytest.raises(RuntimeError, match="own thread"):
        asyncio.run_coroutine_threadsafe(call(), studio.io_loop()).result(5)


# ---- the SDK's default client


def test_a_server_that_is_the_sdks_default(own):
    lms.sync_api._reset_default_client()
    try:
        server = own(default=True)
        assert lms.get_default_client().api_host == server.host
        with pytest.raises(ChatError, match="default client is there already"):
            studio.start_server(scripted=True, default=True)
    finally:
        lms.sync_api._reset_default_client()


def test_size_as_a_person_writes_it():
    assert [studio.size(n) for n in (None, 98_000_000, 2_500_000_000)] == ["", "98 MB", "2.5 GB"]


def _free_port():
    with socket.create_server(("127.0.0.1", 0)) as server:
        return server.getsockname()[1]


def test_places_belong_to_a_loop():
    async def mine():
        return places.here()

    assert asyncio.run(mine()) is not asyncio.run_coroutine_threadsafe(mine(), studio.io_loop()).result(5)
