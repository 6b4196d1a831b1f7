"""The built front end that is committed is the one that js/ builds."""

from __future__ import annotations

import os
import shutil
import subprocess
from pathlib import Path

import pytest

ROOT = Path(__file__).parent.parent
STATIC = ROOT / "lmnb" / "static"


@pytest.fixture
def rebuilt(tmp_path: Path) -> Path:
    """The folder with what js/ builds now, beside the checkout and not in it."""
    npm = shutil.which("npm")
    if npm is None or not (ROOT / "js" / "node_modules").exists():
        if "CI" in os.environ:
            pytest.fail("There is no npm, or `npm ci` was not run in js/.")
        pytest.skip("`python3 dev.py test js` brings npm and the front end's packages.")
    shutil.copytree(ROOT / "js", tmp_path / "js", ignore=shutil.ignore_patterns("node_modules"))
    (tmp_path / "js" / "node_modules").symlink_to(ROOT / "js" / "node_modules")
    (tmp_path / "lmnb" / "static").mkdir(parents=True)
    subprocess.run([npm, "run", "build"], cwd=tmp_path / "js", check=True, capture_output=True)
    return tmp_path / "lmnb" / "static"


def test_the_committed_front_end_is_fresh(rebuilt: Path):
    built = {path.name: path.read_bytes() for path in rebuilt.iterdir()}
    committed = {path.name: path.read_bytes() for path in STATIC.iterdir()}
    assert built.keys() == committed.keys()
    stale = [name for name in built if built[name] != committed[name]]
    assert stale == [], "Run `python3 dev.py build` and commit lmnb/static/."


def test_the_first_load_is_small():
    assert (STATIC / "lmnb.js").stat().st_size + (STATIC / "lmnb.css").stat().st_size <= 120_000
