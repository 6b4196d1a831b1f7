"""Where lmnb keeps things on this computer."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

from lmnb.server import places

ASK = "from lmnb.server.places import note_file; print(note_file())"


def asked(**env):
    return subprocess.run(
        [sys.executable, "-W", "error", "-c", ASK], env=env, capture_output=True, text=True, check=False, timeout=30
    )


@pytest.mark.skipif(sys.platform != "linux", reason="XDG is Linux's")
@pytest.mark.parametrize("runtime", [None, "missing/and/not/to/be/made"])
def test_without_a_runtime_folder_nobody_is_warned(tmp_path, runtime):
    env = {"HOME": str(tmp_path), "TMPDIR": str(tmp_path), "PATH": ""}
    run = asked(**env, **({"XDG_RUNTIME_DIR": f"/proc/{runtime}"} if runtime else {}))
    assert (run.returncode, run.stderr) == (0, "")
    assert re.search(r"server-\w+[.]json\n$", run.stdout)


@pytest.mark.skipif(sys.platform != "linux", reason="XDG is Linux's")
def test_a_folder_that_others_can_write_to_is_not_used(tmp_path):
    shared = tmp_path / "runtime"
    (shared / "lmnb").mkdir(parents=True)
    shared.chmod(0o700)
    (shared / "lmnb").chmod(0o777)
    run = asked(HOME=str(tmp_path), XDG_RUNTIME_DIR=str(shared), PATH="")
    assert Path(run.stdout).parent == tmp_path / ".cache" / "lmnb", run.stderr


def test_a_server_is_shared_by_those_who_have_the_same_code(tmp_path, monkeypatch):
    code = tmp_path / "code"
    code.mkdir()
    (code / "engine.py").write_text("")
    monkeypatch.setattr(places, "CODE", code)
    before = places.note_file()
    assert places.note_file() == before
    os.utime(code / "engine.py", (1, 1))
    assert places.note_file() != before
