"""`lmnb doctor`: what it finds, and how to mend it."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

import lmnb
from tests.cli.conftest import said
from tests.server.ggufs import make

FIND = "import sys\nfrom lmnb import cli\n{patch}\nsys.exit(cli.main(['doctor', '--json']))"


@pytest.fixture
def examine(env):
    """What it finds, by name, in a computer that is changed a little."""

    def examine(patch="", **more):
        done = subprocess.run(
            [sys.executable, "-c", FIND.format(patch=patch)],
            capture_output=True,
            text=True,
            timeout=60,
            env=env | more,
            check=False,
        )
        assert done.stderr == ""
        found = {}
        for one in json.loads(done.stdout):
            found.setdefault(one["name"], []).append(one)
        return done.returncode, found

    return examine


def models(env):
    folder = Path(env["XDG_CACHE_HOME"], "lmnb", "models", "somebody", "tiny-GGUF")
    folder.mkdir(parents=True)
    return folder


def test_a_computer_without_a_model_needs_mending(run, env):
    code, out, err = said(run("doctor"))
    assert (code, err) == (1, "")
    assert f"ok  lmnb             {lmnb.__version__}" in out
    bad = [line for line in out.splitlines() if line.startswith("BAD ")]
    assert bad == [f"BAD model            There is none below {env['XDG_CACHE_HOME']}/lmnb/models."]
    assert "→ lmnb get smollm2" in out
    assert out.splitlines()[-1] == "1 thing needs mending."


def test_with_a_model_nothing_needs_mending(examine, env):
    make(models(env) / "tiny-Q4_0.gguf")
    code, found = examine()
    assert {one["said"] for ones in found.values() for one in ones if one["state"] == "bad"} == set()
    assert code == 0
    assert found["LM Studio"][0]["state"] == "note"
    for name in ("Python", "lmstudio", "anywidget", "ipywidgets", "front end", "cache folder", "runtime folder"):
        assert found[name][0]["state"] == "ok"


def test_a_damaged_model_is_named(examine, env):
    make(models(env) / "tiny-Q4_0.gguf")
    broken = models_beside(env) / "broken.gguf"
    broken.write_bytes(b"no model at all")
    code, found = examine()
    assert code == 1
    (one,) = [one for one in found["model"] if one["state"] == "bad"]
    assert "cannot be loaded" in one["said"]
    assert str(broken) in one["way"]


def models_beside(env):
    folder = Path(env["XDG_CACHE_HOME"], "lmnb", "models", "somebody", "broken-GGUF")
    folder.mkdir()
    return folder


@pytest.mark.parametrize(
    ("patch", "name", "way"),
    [
        (
            (
                "import importlib.util as u; f = u.find_spec\n"
                "u.find_spec = lambda name, *a: None if name == 'xllamacpp' else f(name, *a)"
            ),
            "engine",
            "pip install 'lmnb[local]'",
        ),
        ("from lmnb.cli import doctor; doctor.BUILT = ('nothing.js',)", "front end", "build"),
        ("from lmnb.cli import doctor; doctor.LABEXTENSIONS = {'x': 'nothing'}", "labextension", "pip install"),
        (
            (
                "from lmnb.cli import doctor; v = doctor._version\n"
                "doctor._version = lambda name: None if name == 'anywidget' else v(name)"
            ),
            "anywidget",
            "pip install anywidget",
        ),
    ],
)
def test_what_is_missing_is_said_with_how_to_get_it(examine, patch, name, way):
    code, found = examine(patch)
    (one,) = [one for one in found[name] if one["state"] == "bad"]
    assert code == 1
    assert way in one["way"]


def test_an_engine_that_does_not_start_is_no_engine(examine, tmp_path):
    (tmp_path / "xllamacpp.py").write_text("raise ImportError('illegal instruction')")
    code, found = examine(PYTHONPATH=f"{tmp_path}{os.pathsep}{Path(lmnb.__file__).parents[1]}")
    assert code == 1
    assert "illegal instruction" in found["engine"][0]["said"]


def test_a_folder_that_cannot_be_written_is_named(examine, tmp_path):
    (tmp_path / "file").write_text("")
    code, found = examine(XDG_STATE_HOME=str(tmp_path / "file"))
    assert code == 1
    assert "cannot be written" in found["log folder"][0]["said"]
    assert "XDG_STATE_HOME" in found["log folder"][0]["way"]


@pytest.mark.server
def test_a_server_that_was_named_is_asked(examine, scripted_server):
    code, found = examine(LMSTUDIO_API_HOST=scripted_server)
    assert code == 0, "the models of a server that answers are enough"
    assert "models." in found["server"][0]["said"]
    code, found = examine(LMSTUDIO_API_HOST="127.0.0.1:9")
    assert code == 1
    assert found["server"][0]["state"] == "bad"
    assert "Nothing answers" in found["server"][0]["said"]


@pytest.mark.server
def test_a_model_that_is_loaded_twice_is_one(examine, run, host):
    for more in ((), ("--again",)):
        run("load", "scripted", *more, "--host", host)
    listed = json.loads(run("ls", "--json", "--host", host).stdout)
    assert [one["identifier"] for one in listed if one["loaded"]] == ["scripted", "scripted:2"]
    _, found = examine(LMSTUDIO_API_HOST=host)
    assert found["server"][0]["said"].endswith(f"It has {len(listed) - 1} models.")
