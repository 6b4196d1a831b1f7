"""The command line as a whole."""

from __future__ import annotations

import re
import subprocess
import sys

import pytest

import lmnb
from tests.cli.conftest import said

COMMANDS = ("chat", "get", "ls", "ps", "load", "unload", "serve", "status", "stop", "log", "autoload", "doctor")


def test_the_version_and_the_help(run):
    assert said(run("--version")) == (0, f"lmnb {lmnb.__version__}", "")
    code, out, err = said(run())
    assert (code, err) == (2, "")
    assert re.findall(r"^    (\w+)\b", out, re.MULTILINE) == list(COMMANDS)
    assert "%%chat" in out
    assert "Exit codes: 0 done" in out


@pytest.mark.parametrize("command", COMMANDS)
def test_each_command_describes_itself(run, command):
    code, out, err = said(run(command, "--help"))
    assert (code, err) == (0, "")
    assert len(out.splitlines()) > 5
    assert "%%%" not in out


def test_a_wrong_command_is_a_matter_of_usage(run):
    code, out, err = said(run("fetch"))
    assert (code, out) == (2, "")
    assert "invalid choice: 'fetch'" in err
    assert "'get'" in err


def test_help_imports_nothing_heavy():
    code = (
        "import sys, lmnb.cli\n"
        "try: lmnb.cli.main(['--help'])\n"
        "except SystemExit: pass\n"
        "print([m for m in ('IPython', 'lmstudio', 'httpx', 'tornado', 'msgspec', 'asyncio') if m in sys.modules])"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, timeout=60, check=True)
    assert done.stdout.splitlines()[-1] == "[]"


def test_a_pipe_that_breaks_is_no_failure(env):
    command = f"{sys.executable} -m lmnb.cli doctor --json | head -c 1; echo; echo ${{PIPESTATUS[0]}}"
    done = subprocess.run(["bash", "-c", command], capture_output=True, text=True, timeout=60, env=env, check=True)
    assert done.stderr == ""
    assert done.stdout.split()[-1] in {"0", "1", "141"}
