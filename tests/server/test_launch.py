"""Servers start, are found, shared, and end; and where they do not start, they say why in a sentence."""

from __future__ import annotations

import gc
import json
import os
import signal
import socket
import subprocess
import sys
import textwrap
from pathlib import Path

import lmstudio as lms
import psutil
import pytest

import lmnb
from lmnb.server import launch, places
from tests.server.conftest import script, until
from tests.server.frames import Deaf, Frames, asked

posix = pytest.mark.skipif(sys.platform == "win32", reason="signals and sessions of POSIX")


@pytest.fixture
def own():
    """A maker of servers that end with the test."""
    servers = []

    def start(**options):
        servers.append(launch.start_server(scripted=True, **options))
        return servers[-1]

    yield start
    for server in servers:
        server.stop()


@pytest.fixture
def home(tmp_path, monkeypatch):
    """A user with nothing yet; a shared server that this user's processes start ends with the test."""
    for name in ("XDG_RUNTIME_DIR", "XDG_CACHE_HOME", "XDG_STATE_HOME"):
        folder = tmp_path / name.lower()
        folder.mkdir(mode=0o700)
        monkeypatch.setenv(name, str(folder))
    yield tmp_path
    launch.stop_shared_server()


def python(code, *arguments, **options):
    """A process of its own."""
    options = {"stdout": subprocess.PIPE, "stderr": subprocess.PIPE, "text": True} | options
    return subprocess.Popen([sys.executable, "-c", textwrap.dedent(code), *arguments], **options)


def gone(pid):
    """Whether a process has ended."""
    try:
        return psutil.Process(pid).status() == psutil.STATUS_ZOMBIE
    except psutil.NoSuchProcess:
        return True


def answers(host):
    """Whether a server is there."""
    return lms.Client.is_valid_api_host(host)


# ---- one of one's own


def test_it_answers_and_stops(own):
    server = own()
    assert server.host.startswith("127.0.0.1:")
    assert answers(server.host)
    assert repr(server) == f"<lmnb server at {server.host}, running>"
    server.stop()
    assert gone(server.pid)
    assert not answers(server.host)
    assert repr(server) == f"<lmnb server at {server.host}, stopped>"
    server.stop()


def test_as_a_context_manager():
    with lmnb.start_server(scripted=True) as server:
        assert answers(server.host)
    assert gone(server.pid)


def test_it_lives_though_nobody_keeps_it(own):
    server = launch.start_server(scripted=True)
    host, pid = server.host, server.pid
    del server
    gc.collect()
    assert answers(host)
    (kept,) = [one for one in launch._running if one.pid == pid]
    kept.stop()
    assert gone(pid)


def test_it_stops_in_mid_answer(own, capfd):
    server = own()
    frames = Frames(server.host)
    frames.load()
    frames.open("predict", asked(script({"text": "word ", "repeat": 100_000, "rate": 500})))
    frames.hear()
    server.stop()
    frames.close()
    assert server.wait() == 0
    assert capfd.readouterr() == ("", "")


def test_it_stops_though_somebody_does_not_read(own, capfd):
    server = own()
    deaf = Deaf(server.host)
    deaf.flood({"type": "rpcCall", "endpoint": "listLoaded", "callId": 1}, 200_000)
    server.stop()
    deaf.socket.close()
    assert capfd.readouterr() == ("", "")


PARENT = """
    import sys, time, lmnb
    server = lmnb.start_server(scripted=True)
    print(server.pid, server.host, flush=True)
    sys.stdin.readline()
"""


@posix
@pytest.mark.parametrize("end", ["SIGKILL", "SIGTERM", "normal"])
def test_it_ends_with_its_parent(end):
    with python(PARENT, stdin=subprocess.PIPE) as parent:
        pid = int(parent.stdout.readline().split()[0])
        assert not gone(pid)
        if end == "normal":
            parent.stdin.write("\n")
            parent.stdin.flush()
        else:
            parent.send_signal(getattr(signal, end))
        parent.wait(10)
        until(lambda: gone(pid), 5)
        assert parent.stderr.read() == ""


@posix
def test_an_interrupt_of_the_kernel_does_not_reach_it():
    # Jupyter interrupts a kernel together with all processes of its group.
    with python(
        "import signal; signal.signal(signal.SIGINT, lambda *_: None)" + PARENT.replace("\n    ", "\n"),
        stdin=subprocess.PIPE,
        start_new_session=True,
    ) as parent:
        pid, host = parent.stdout.readline().split()
        assert os.getpgid(int(pid)) != parent.pid, "nor the engines that it starts"
        os.killpg(parent.pid, signal.SIGINT)
        os.kill(int(pid), signal.SIGINT)
        frames = Frames(host)
        assert frames.call("listLoaded") == []
        frames.close()
        assert not gone(int(pid))
        parent.kill()


@posix
def test_it_can_be_told_to_end(own, capfd):
    server = own()
    os.kill(server.pid, signal.SIGTERM)
    assert server.wait() == 0
    assert capfd.readouterr() == ("", "")


def test_it_ends_when_nobody_comes(own, capfd):
    server = own(idle_timeout=0.5)
    assert server.wait() == 0
    assert capfd.readouterr() == ("", "")


def test_it_stays_while_somebody_is_there(own):
    server = own(idle_timeout=0.2)
    frames = Frames(server.host)
    with pytest.raises(subprocess.TimeoutExpired):
        server._process.wait(1.5)  # the server looks every second
    frames.close()
    assert server.wait() == 0


def test_files_beside_the_notebook_are_not_imported(own, tmp_path, monkeypatch):
    for name in ("json", "tornado", "lmnb", "asyncio", "logging"):
        (tmp_path / f"{name}.py").write_text("raise SystemExit('the wrong one')")
    monkeypatch.chdir(tmp_path)
    assert answers(own().host)


def test_a_log(own, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    own(log="my.log").stop()
    assert (tmp_path / "my.log").exists()


# ---- it does not start


def test_a_port_that_is_taken(own):
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        with pytest.raises(launch.LaunchError, match=rf"^Port {port} cannot be used: .+\.$"):
            own(port=port)


def test_a_port_of_ones_choice(own):
    with socket.create_server(("127.0.0.1", 0)) as free:
        port = free.getsockname()[1]
    assert own(port=port).host == f"127.0.0.1:{port}"


@pytest.mark.parametrize("port", [70_000, -1])
def test_a_port_that_is_none(own, port):
    with pytest.raises(launch.LaunchError, match=rf"^Port {port} cannot be used: .+\.$"):
        own(port=port)


def test_a_log_that_cannot_be_written(own, tmp_path):
    with pytest.raises(launch.LaunchError, match=r"^The log .*x\.log cannot be written: No such file or directory\.$"):
        own(log=tmp_path / "nowhere" / "x.log")


def test_a_model_that_is_not_there(own, tmp_path):
    with pytest.raises(launch.LaunchError, match=r"^There is no model file .*x\.gguf\.$"):
        own(models=[tmp_path / "x.gguf"])


def test_a_server_that_says_something_else(own, monkeypatch):
    monkeypatch.setattr(launch, "HOME", Path(__file__).parent / "broken")
    with pytest.raises(launch.LaunchError, match=r"^lmnb's own server did not start \(exit code 3\)"):
        own()


# ---- the SDK's default client


def test_the_default_client_uses_it():
    code = """
        import lmnb, lmstudio as lms
        server = lmnb.start_server(scripted=True, default=True)
        assert lms.llm("scripted").respond("hello").content == "You said: hello"
        assert [model.identifier for model in lms.list_loaded_models()] == ["scripted"]
        assert lms.get_default_client().api_host == server.host
    """
    with python(code) as process:
        assert process.communicate(timeout=30) == ("", "")
        assert process.returncode == 0


def test_the_default_client_ends_quietly_with_it_and_the_next_server_is_the_default_again():
    code = """
        import lmnb, lmstudio as lms
        for _ in range(2):
            with lmnb.start_server(scripted=True, default=True) as server:
                assert lms.llm("scripted").respond("hi").content == "You said: hi"
                assert lms.get_default_client().api_host == server.host
        print("quiet")
    """
    with python(code) as process:
        assert process.communicate(timeout=30) == ("quiet\n", "")


def test_a_default_client_that_is_there_already():
    code = """
        import sys, psutil, lmnb, lmstudio as lms
        from lmnb.chat.problems import ChatError
        first = lmnb.start_server(scripted=True)
        lms.configure_default_client(first.host)
        lms.llm("scripted")
        try:
            lmnb.start_server(scripted=True, default=True)
        except ChatError as error:
            print(error)
        assert lms.llm().respond("hello").content == "You said: hello"
        print(len(psutil.Process().children()))
    """
    with python(code) as process:
        out, err = process.communicate(timeout=30)
    assert err == ""
    assert "default client is there already" in out
    assert out.splitlines()[-1] == "1", "the second server is stopped again"


# ---- the shared one

SHARE = """
    import sys
    from lmnb.server import launch
    sys.stdin.readline()
    shared = launch.shared_server(idle_timeout=60)
    print(shared.host, shared.pid)
"""


def test_two_processes_at_once_get_the_same(home):
    processes = [python(SHARE, stdin=subprocess.PIPE) for _ in range(2)]
    for process in processes:
        process.stdin.write("\n")
        process.stdin.flush()
    said = [process.communicate(timeout=30) for process in processes]
    assert said[0] == said[1]
    (host, pid), error = said[0][0].split(), said[0][1]
    assert error == ""
    assert answers(host), "it outlives who started it"
    assert launch.find_shared_server() == host
    assert launch.shared_server() == launch.SharedServer(host, int(pid))
    assert launch.stop_shared_server()
    until(lambda: gone(int(pid)))
    assert launch.find_shared_server() is None
    assert not launch.stop_shared_server()


def test_a_shared_server_ends_when_nobody_comes(home):
    shared = launch.shared_server(idle_timeout=0.2)
    until(lambda: gone(shared.pid))  # asking whether it answers would keep it alive
    assert launch.find_shared_server() is None


@posix
def test_whoever_starts_it_may_be_killed_with_its_group(home):
    code = SHARE + "    sys.stdin.readline()\n"
    with python(code, stdin=subprocess.PIPE, start_new_session=True) as parent:
        parent.stdin.write("\n")
        parent.stdin.flush()
        until(launch.find_shared_server)
        os.killpg(parent.pid, signal.SIGKILL)
        parent.wait(5)
    assert answers(launch.find_shared_server())


@pytest.mark.parametrize(
    "note",
    [
        "",
        "{",
        "[]",
        "null",
        "\x00\xff",
        '{"host": "127.0.0.1:1", "pid": 1}',
        '{"host": "127.0.0.1:none", "pid": 1}',
        '{"host": "127.0.0.1:99999999", "pid": 1}',
        '{"host": " http://x /\\n", "pid": 1}',
        '{"host": null, "pid": null}',
        '{"host": "127.0.0.1:1", "pid": "x"}',
        '{"host": "127.0.0.1:1", "pid": 1e999}',
        "[" * 100_000,
    ],
)
def test_a_note_that_is_wrong_is_no_server(home, note):
    places.note_file().write_text(note, encoding="latin-1")
    assert launch.find_shared_server() is None
    assert not launch.stop_shared_server()


def test_a_note_that_is_wrong_is_replaced(home):
    places.note_file().write_text('{"host": "127.0.0.1:none", "pid": 1}')
    shared = launch.shared_server(idle_timeout=60)
    assert json.loads(places.note_file().read_text()) == {"host": shared.host, "pid": shared.pid}


def test_another_server_at_the_noted_port_is_not_taken_for_it(home, own):
    other = own()
    places.note_file().write_text(json.dumps({"host": other.host, "pid": other.pid + 1}))
    assert launch.find_shared_server() is None
    assert not launch.stop_shared_server()
    assert answers(other.host)


def test_something_else_at_the_noted_port(home):
    with socket.create_server(("127.0.0.1", 0)) as silent:
        note = {"host": f"127.0.0.1:{silent.getsockname()[1]}", "pid": 1}
        places.note_file().write_text(json.dumps(note))
        assert launch.find_shared_server() is None


def test_a_shared_server_that_does_not_start_says_where_to_look(home, monkeypatch):
    monkeypatch.setattr(launch, "HOME", Path(__file__).parent / "broken")
    with pytest.raises(launch.LaunchError, match=r"did not start \(exit code 3\); see .*server\.log"):
        launch.shared_server()
    assert "out of order" in places.log_file().read_text()
    assert launch.find_shared_server() is None


@pytest.mark.skipif(sys.platform == "win32" or os.geteuid() != 0, reason="only root gives a folder to somebody else")
def test_a_runtime_folder_of_somebody_else_is_not_used(home):
    folder = places.note_file().parent
    assert folder.is_relative_to(home / "xdg_runtime_dir")
    os.chown(folder, 12345, 12345)
    assert places.note_file().is_relative_to(home / "xdg_cache_home")
