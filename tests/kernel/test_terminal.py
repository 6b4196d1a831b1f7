"""The magics in plain IPython, typed into a terminal."""

from __future__ import annotations

import json
import re
import sys

import pexpect
import pytest

from tests.kernel.harness import isolated

HELLO = json.dumps([{"text": "Hello **world**"}])
SLOW = json.dumps([{"text": "word ", "repeat": 5_000, "rate": 50}])


@pytest.fixture
def terminal(tmp_path, scripted_server):
    env = isolated(tmp_path, LMSTUDIO_API_HOST=scripted_server, TERM="dumb", PROMPT_TOOLKIT_NO_CPR="1")
    child = pexpect.spawn(
        sys.executable,
        ["-m", "IPython", "--simple-prompt", "--no-banner", "--colors=NoColor"],
        env=env,
        cwd=str(tmp_path),
        encoding="utf-8",
        timeout=30,
        dimensions=(50, 200),
    )
    child.expect(r"In \[1\]: ")
    child.sendline("%load_ext lmnb")
    child.expect(r"In \[2\]: ")
    yield child
    child.close(force=True)


def plain(text):
    return re.sub(r"\x1b\[[0-9;]*m", "", text)


def test_the_answer_streams_with_its_facts_and_no_empty_out(terminal):
    terminal.sendline(f"%%chat -m scripted\n{HELLO}\n\n")
    terminal.expect(r"In \[3\]: ")
    said = plain(terminal.before)
    assert "Hello **world**" in said
    assert re.search(r"scripted · \d+ tokens?", said)
    assert "Out[2]" not in said
    terminal.sendline("print(_.text.upper(), Out[2].stats.stop_reason)")
    terminal.expect("HELLO [*][*]WORLD[*][*] eosFound")


def test_ctrl_c_keeps_the_partial(terminal):
    terminal.sendline(f"%%chat -m scripted\n{SLOW}\n\n")
    terminal.expect("word word word")
    terminal.sendintr()
    terminal.expect("The answer was interrupted")
    terminal.expect(r"In \[3\]: ")
    assert "Traceback" not in terminal.before
    terminal.sendline("print(get_ipython().magics_manager.registry['ChatMagics'].conversation.turns[-1].status)")
    terminal.expect("\r\ninterrupted")


def test_a_problem_is_read_in_the_terminal(terminal):
    terminal.sendline("%%chat -m scriptet\nhi\n\n")
    terminal.expect(r"In \[3\]: ")
    said = plain(terminal.before)
    assert "No model on this computer is called" in said
    assert "scripted" in said
    assert "Traceback" not in said
