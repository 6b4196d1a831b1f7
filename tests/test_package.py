"""What `pip install` gives: a wheel with the built front end in it, which needs no Node, and names that are there."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import sys
import zipfile
from pathlib import Path

import pytest

import lmnb

ROOT = Path(__file__).parent.parent


@pytest.fixture(scope="module")
def wheel(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A wheel of this checkout, built as `pip install` from a clone builds it."""
    out = tmp_path_factory.mktemp("wheel")
    subprocess.run(
        [sys.executable, "-m", "build", "--wheel", "--outdir", out, ROOT], check=True, stdout=subprocess.DEVNULL
    )
    (built,) = out.glob("*.whl")
    return built


def test_the_wheel_holds_the_package_and_nothing_else(wheel: Path):
    names = set(zipfile.ZipFile(wheel).namelist())
    ours = {name for name in names if name.startswith("lmnb/")}
    tracked = {f"lmnb/static/{path.name}" for path in (ROOT / "lmnb" / "static").iterdir()}
    assert {"lmnb/static/lmnb.js", "lmnb/static/lmnb.css", "lmnb/py.typed"} | tracked <= ours
    assert all(".dist-info/" in name for name in names - ours)
    assert {Path(name).suffix for name in ours} <= {".py", ".typed", ".js", ".css"}


@pytest.mark.kernel
@pytest.mark.timeout(300)
def test_an_installed_wheel_loads_without_node(wheel: Path, tmp_path: Path):
    python = _environment(tmp_path / "venv", wheel)
    quiet = {
        "PATH": str(python.parent),
        "HOME": str(tmp_path),
        "IPYTHONDIR": str(tmp_path / "ipython"),
        "PYTHONWARNINGS": "error::DeprecationWarning:lmnb",
    }
    assert shutil.which("node", path=quiet["PATH"]) is None
    code = "%load_ext lmnb\nprint('lmnb' in __import__('sys').modules, '%%chat?'[:6])\n%unload_ext lmnb"
    loaded = subprocess.run(
        [python, "-m", "IPython", "--no-banner", "-c", code],
        env=quiet,
        cwd=tmp_path,
        capture_output=True,
        text=True,
        check=False,
    )
    assert loaded.stdout.strip() == "True %%chat", loaded.stdout + loaded.stderr
    assert loaded.stderr == ""


def _environment(place: Path, wheel: Path) -> Path:
    """A fresh virtual environment with the wheel and what it says it needs."""
    uv = shutil.which("uv")
    make = [uv, "venv", "-q", "--python", sys.executable] if uv else [sys.executable, "-m", "venv"]
    subprocess.run([*make, place], check=True)
    python = place / ("Scripts/python.exe" if os.name == "nt" else "bin/python")
    install = [uv, "pip", "install", "-q", "--python", python] if uv else [python, "-m", "pip", "install", "-q"]
    subprocess.run([*install, wheel], check=True, env={**os.environ, "PATH": os.defpath})
    return python


def test_the_version_stands_in_one_place():
    assert re.fullmatch(r"\d+\.\d+\.\d+\S*", lmnb.__version__)
    version = re.escape(lmnb.__version__)
    assert not re.search(rf"\b{version}\b", (ROOT / "pyproject.toml").read_text(encoding="utf-8"))
    changelog = (ROOT / "CHANGELOG.md").read_text(encoding="utf-8")
    assert re.search(rf"^## \[({version}|Unreleased)\]", changelog, re.MULTILINE)


def test_public_names_are_there_sorted_and_explained():
    assert list(lmnb.__all__) == sorted(lmnb.__all__)
    assert [name for name in lmnb.__all__ if not getattr(lmnb, name).__doc__] == []
    assert set(lmnb.__all__) <= set(dir(lmnb))


def test_importing_is_cheap():
    heavy = ("IPython", "anywidget", "ipywidgets", "lmstudio", "tornado", "markdown_it", "numpy", "pandas")
    code = f"import sys, lmnb; print([name for name in {heavy!r} if name in sys.modules])"
    shown = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True, cwd=ROOT)
    assert shown.stdout.strip() == "[]"
