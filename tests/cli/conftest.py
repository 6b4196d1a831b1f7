"""`lmnb` in a shell, as a process: what it prints, where, and with which exit code."""

from __future__ import annotations

import os
import subprocess
import sys

import pexpect
import pytest

from lmnb.server import launch

QUIET = ("LMSTUDIO_API_HOST", "LMSTUDIO_BASE_URL", "XDG_RUNTIME_DIR", "XDG_STATE_HOME", "XDG_DATA_HOME")


@pytest.fixture
def env(tmp_path):
    """The environment of somebody who has nothing yet."""
    there = {name: value for name, value in os.environ.items() if name not in QUIET}
    (tmp_path / "run").mkdir(mode=0o700)
    places = {"HOME": "", "XDG_CACHE_HOME": "cache", "XDG_RUNTIME_DIR": "run", "XDG_STATE_HOME": "state"}
    return there | {name: str(tmp_path / folder) for name, folder in places.items()}


@pytest.fixture
def run(env):
    """Runs one command to its end."""

    def run(*words, given="", **more):
        command = [sys.executable, "-m", "lmnb.cli", *words]
        return subprocess.run(
            command, capture_output=True, text=True, timeout=60, env=env | more, input=given, check=False
        )

    return run


@pytest.fixture
def terminal(env):
    """Runs one command in a terminal."""
    running = []

    def start(*words, **more):
        command = ["-m", "lmnb.cli", *words]
        child = pexpect.spawn(
            sys.executable, command, env=env | more, encoding="utf-8", timeout=30, dimensions=(24, 120)
        )
        child.delaybeforesend = None
        running.append(child)
        return child

    yield start
    for child in running:
        child.close(force=True)


@pytest.fixture
def host():
    """A server of this test's own, with scripted models."""
    with launch.start_server(scripted=True) as server:
        yield server.host


def said(done):
    """A command's exit code, and what it printed."""
    return done.returncode, done.stdout.strip(), done.stderr.strip()


def ended(child):
    """The exit code of a command in a terminal, and what it printed last."""
    child.expect(pexpect.EOF)
    child.close()
    return child.exitstatus, child.before
