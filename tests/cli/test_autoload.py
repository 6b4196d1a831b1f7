"""`lmnb autoload`, and IPython as it starts after it."""

from __future__ import annotations

import subprocess
import sys

import pytest

from tests.cli.conftest import said


@pytest.fixture
def home(tmp_path, env):
    env["IPYTHONDIR"] = str(tmp_path / "ipython")
    return tmp_path / "ipython"


@pytest.fixture
def file(home):
    return home / "profile_default" / "startup" / "50-lmnb.py"


@pytest.fixture
def ipython(env, tmp_path):
    """Runs a line in an IPython that has just started."""

    def run(code, *options, **more):
        command = [sys.executable, "-m", "IPython", "--no-banner", "--colors=NoColor", *options, "-c", code]
        return subprocess.run(
            command, capture_output=True, text=True, timeout=60, env=env | more, cwd=tmp_path, check=True
        )

    return run


LOADED = "print('lmnb' in get_ipython().extension_manager.loaded, 'error' in dir())"


def test_on_and_off_again(run, ipython, file):
    code, out, err = said(run("autoload"))
    assert (code, err) == (0, "")
    assert out == f"Off: `lmnb autoload on` writes {file}."
    code, out, err = said(run("autoload", "on"))
    assert (code, err) == (0, "")
    assert str(file) in out
    assert "`lmnb autoload off` removes it" in out
    written = file.read_text()
    assert said(run("autoload", "on"))[1].startswith("It was on already.")
    assert file.read_text() == written
    assert said(run("autoload", "status"))[1].startswith("On:")
    assert said(ipython(LOADED)) == (0, "True False", "")
    assert said(run("autoload", "off"))[1].endswith(f"Removed: {file}")
    assert not file.exists()
    assert said(run("autoload", "off")) == (0, f"It was off already: there is no {file}.", "")


def test_a_broken_lmnb_costs_one_line(run, ipython, file, tmp_path):
    run("autoload", "on")
    (file.parent / "60-own.py").write_text("after = 'ran'")
    (tmp_path / "lmnb").mkdir()
    (tmp_path / "lmnb" / "__init__.py").write_text("import there_is_no_such_module")
    done = said(ipython("print(after, 1 + 1)", PYTHONPATH=str(tmp_path)))
    assert done[:2] == (0, "ran 2")
    assert done[2].count("\n") == 0
    assert "lmnb is not loaded" in done[2]
    assert str(file) in done[2]


def test_a_file_of_somebody_else_is_left_alone(run, file):
    file.parent.mkdir(parents=True)
    file.write_text("mine = 1\n")
    for what in ("on", "off"):
        code, out, err = said(run("autoload", what))
        assert (code, out) == (1, "")
        assert f"{file} is not a file that lmnb has written." in err
    assert said(run("autoload"))[1].startswith("Off.")
    assert file.read_text() == "mine = 1\n"


def test_a_file_of_another_version_is_brought_up_to_date(run, file):
    run("autoload", "on")
    written = file.read_text()
    file.write_text(written.splitlines()[0] + "\n1 / 0\n")
    assert "brings it up to date" in said(run("autoload"))[1]
    run("autoload", "on")
    assert file.read_text() == written


def test_other_profiles(run, ipython, home, file):
    code, out, err = said(run("autoload", "on", "--profile", "work"))
    assert (code, out) == (1, "")
    assert "IPython has no profile “work”" in err
    assert "`ipython profile create work` makes it" in err
    (home / "profile_work").mkdir(parents=True)
    assert "`lmnb autoload off --profile work` removes it" in said(run("autoload", "on", "--profile", "work"))[1]
    assert not file.exists()
    assert said(ipython(LOADED, "--profile=work"))[1] == "True False"
    assert said(ipython(LOADED))[1] == "False False"
