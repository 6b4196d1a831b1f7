"""`lmnb serve`, `status` and `stop`."""

from __future__ import annotations

import json
import re
import socket

import httpx
import lmstudio as lms
import pytest

from tests.cli.conftest import ended, said

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
