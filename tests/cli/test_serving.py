"""`lmnb serve`, `status` and `stop`."""

from __future__ import annotations

import json
import re
import socket
import subprocess
import sys

import httpx
import lmstudio as lms
import pytest

from tests.cli.conftest import ended, said
from tests.server.frames import Frames

pytestmark = pytest.mark.server


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


def test_status_in_json(run, scripted_server):
    found = json.loads(run("status", "--json", LMSTUDIO_API_HOST=scripted_server).stdout)
    assert found["host"] == scripted_server
    assert any(model["key"] == "scripted" for model in found["models"])


def test_status_names_the_variable_that_decides(run, scripted_server):
    code, out, _ = said(run("status", LMSTUDIO_API_HOST=scripted_server))
    assert code == 0
    assert out.splitlines()[0] == f"Answers come from {scripted_server}, as `LMSTUDIO_API_HOST` says."
    assert "scripted" in out


@pytest.mark.parametrize("command", ["status", "models"])
def test_a_named_server_that_does_not_answer_is_a_sentence(run, command):
    code, out, err = said(run(command, LMSTUDIO_API_HOST="127.0.0.1:9"))
    assert (code, out) == (1, "")
    assert err.splitlines()[0] == "Nothing answers at 127.0.0.1:9."
    assert "question" not in err, "nobody asked one"
    assert "Traceback" not in err


def test_serve_says_where_it_is_and_ends_with_ctrl_c(terminal):
    child = terminal("serve", "--scripted")
    child.expect(r"lmnb's server listens at (127\.0\.0\.1:\d+)\. Ctrl-C ends it\.")
    host = child.match[1]
    child.expect_exact(f"%%chat --host {host}")
    child.expect_exact(f'lmstudio.Client("{host}")')
    child.expect("It has .*scripted")
    with lms.Client(host) as client:
        assert client.llm.model("scripted").respond('[{"text": "Hello"}]').content == "Hello"
    child.sendintr()
    child.expect("Stopped.")
    code, rest = ended(child)
    assert code == 0
    assert "Error" not in rest
    with pytest.raises(httpx.ConnectError):
        httpx.get(f"http://{host}/lmstudio-greeting")


def test_serve_with_a_file_that_is_not_there_and_with_a_port_that_is_taken(run):
    assert said(run("serve", "--model", "no.gguf")) == (1, "", "There is no file no.gguf.")
    with socket.create_server(("127.0.0.1", 0)) as taken:
        code, out, err = said(run("serve", "--scripted", "--port", str(taken.getsockname()[1])))
    assert (code, out) == (1, "")
    assert "cannot be used" in err.splitlines()[0]
    assert "Traceback" not in err


TOKEN = "sk-lm-aB3dE6gH:0123456789abcdefghij"


def let_in(host, token):
    """Whether a server lets in who has this token."""
    who, passkey = token.removeprefix("sk-lm-").split(":")
    frames = Frames(host, hello=None)
    frames.say({"authVersion": 1, "clientIdentifier": who, "clientPasskey": passkey})
    answer = frames.hear()["success"]
    frames.close()
    return answer


def test_serve_with_a_new_token_shows_it_once_and_lets_only_its_owner_in(terminal):
    child = terminal("serve", "--scripted", "--new-token")
    child.expect(r"listens at (127\.0\.0\.1:\d+)\.")
    host = child.match[1]
    child.expect_exact("LMSTUDIO_API_TOKEN")
    child.expect(r"shown only now: (sk-lm-\w{8}:\w{20})")
    assert let_in(host, child.match[1])
    assert not let_in(host, TOKEN)


def test_serve_with_a_token_of_ones_own_does_not_show_it(terminal):
    child = terminal("serve", "--scripted", "--token", TOKEN)
    child.expect(r"listens at (127\.0\.0\.1:\d+)\.")
    assert let_in(child.match[1], TOKEN)
    child.expect_exact("Only who has the API token is let in")
    child.sendintr()
    code, rest = ended(child)
    assert code == 0
    assert TOKEN not in rest


def test_the_network_is_let_in_only_with_a_word(run, terminal):
    code, out, err = said(run("serve", "--scripted", "--host", "0.0.0.0"))
    assert (code, out) == (1, "")
    assert "--new-token" in err
    assert "--no-token" in err
    assert run("serve", "--token", TOKEN, "--no-token").returncode == 2
    assert run("serve", "--port", "5", "--standard-port").returncode == 2
    child = terminal("serve", "--scripted", "--host", "0.0.0.0", "--no-token")
    child.expect(r"listens at (127\.0\.0\.1:\d+)\.")
    child.expect_exact("Whoever reaches this computer at 0.0.0.0 can use it. Nothing that is said is encrypted.")


def test_a_token_of_another_form_is_refused(run):
    code, out, err = said(run("serve", "--scripted", "--token", "hunter2"))
    assert (code, out) == (1, "")
    assert "This is no API token" in err
    assert "hunter2" not in err


# ---- where scripts look for LM Studio

STANDARD = 41343
UNCHANGED = "import lmstudio as lms\nprint(lms.llm('scripted').respond('[{\"text\": \"Hello\"}]'))"


@pytest.fixture
def standard_port():
    """LM Studio's port, where nobody has it: a server that is there now is somebody's."""
    try:
        socket.create_server(("127.0.0.1", STANDARD)).close()
    except OSError:
        pytest.skip(f"Port {STANDARD} is in use.")
    if lms.Client.find_default_local_api_host():
        pytest.skip("LM Studio runs here.")
    return STANDARD


@pytest.mark.alone
def test_at_the_standard_port_a_script_finds_it_as_it_is(standard_port, terminal, run, env):
    child = terminal("serve", "--scripted", "--standard-port")
    child.expect_exact(f"listens at 127.0.0.1:{standard_port}.")
    child.expect_exact("lmstudio.llm() finds it by itself")
    script = subprocess.run(
        [sys.executable, "-c", UNCHANGED], capture_output=True, text=True, timeout=60, env=env, check=False
    )
    assert (script.returncode, script.stdout) == (0, "Hello\n"), script.stderr
    assert run("status").stdout.startswith(f"lmnb's own server runs at 127.0.0.1:{standard_port}.")
    code, out, err = said(run("serve", "--scripted", "--standard-port"))
    assert (code, out) == (1, "")
    assert err.startswith(f"Port {standard_port} cannot be used: another server of lmnb's (process ")
    child.sendintr()
    assert ended(child)[0] == 0
    assert not lms.Client.is_valid_api_host(f"127.0.0.1:{standard_port}")
