"""LM Studio's JavaScript SDK, versions 1.5 and 2.0, does with our server what its users do."""

from __future__ import annotations

import hashlib
import json
import os
import re
import shutil
import subprocess
from pathlib import Path

import pytest

from tests.conformance.server import serving

FOLDER = Path(__file__).parent / "js"
NODE = 20
STEPS = re.findall(r"^  async (\w+)\(\) \{$", (FOLDER / "session.mjs").read_text(encoding="utf-8"), re.MULTILINE)

pytestmark = [pytest.mark.model, pytest.mark.timeout(300)]


def _give_up(why):
    if "CI" in os.environ:
        pytest.fail(why)
    pytest.skip(why)


@pytest.fixture(scope="module")
def node():
    """A new enough Node, with the SDKs beside the script."""
    found, npm = shutil.which("node"), shutil.which("npm")
    test = f"process.exit(parseInt(process.versions.node) < {NODE} ? 1 : 0)"
    if not found or not npm or subprocess.call([found, "-e", test]):
        _give_up(f"There is no Node {NODE}; `python3 dev.py test server model` brings one.")
    stamp = FOLDER / "node_modules" / ".lmnb-stamp"
    inputs = hashlib.sha256((FOLDER / "package-lock.json").read_bytes()).hexdigest()
    if not stamp.exists() or stamp.read_text() != inputs:
        command = [npm, "ci", "--no-fund", "--no-audit"]
        fetched = subprocess.run(command, cwd=FOLDER, capture_output=True, text=True, timeout=100, check=False)
        if fetched.returncode:
            _give_up(f"The SDKs cannot be fetched: {fetched.stderr.strip()}")
        stamp.write_text(inputs)
    return found


@pytest.fixture(scope="module")
def host(smollm2, minilm):
    """A server with the models that the script asks for."""
    with serving() as server:
        yield server.host


@pytest.fixture(scope="module", params=["sdk-1", "sdk-2"])
def session(request, node, host):
    """What became of each step, by its name."""
    command = [node, "session.mjs", request.param, host]
    played = subprocess.run(command, cwd=FOLDER, capture_output=True, text=True, timeout=280, check=False)
    assert played.returncode == 0, played.stderr
    assert played.stderr == ""
    lines = [json.loads(line) for line in played.stdout.splitlines()]
    return {line["step"]: line["error"] for line in lines}


@pytest.mark.parametrize("step", STEPS)
def test_a_step_of_the_session(session, step):
    assert session[step] is None, session[step]


def test_no_lock_file_names_a_registry():
    locked = json.loads((FOLDER / "package-lock.json").read_text(encoding="utf-8"))
    assert [name for name, package in locked["packages"].items() if "resolved" in package] == []
    assert all("integrity" in package for name, package in locked["packages"].items() if name)
