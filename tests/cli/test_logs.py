"""`lmnb log`."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.cli.conftest import ended, said


@pytest.fixture
def log(env):
    file = Path(env["XDG_STATE_HOME"], "lmnb", "log", "server.log")
    file.parent.mkdir(parents=True)
    return file


def test_where_there_is_none_it_says_where_it_will_be(run, env):
    code, out, err = said(run("log"))
    assert (code, out) == (0, "")
    assert err.startswith("There is no log yet; it will be ")
    assert env["XDG_STATE_HOME"] in err


def test_its_last_lines_and_where_it_is(run, log):
    log.write_text("".join(f"line {number}\n" for number in range(100)))
    code, out, err = said(run("log"))
    assert (code, err) == (0, f"{log}:")
    assert out.splitlines() == [f"line {number}" for number in range(80, 100)]
    assert run("log", "-n", "2").stdout == "line 98\nline 99\n"
    assert run("log", "-n", "0").stdout == ""


def test_it_can_be_followed(terminal, log):
    child = terminal("log", "-f")
    child.expect_exact("There is no log yet")
    log.write_text("one\n")
    child.expect_exact("one\r\n")
    with log.open("a") as file:
        file.write("two\n")
    child.expect_exact("two\r\n")
    log.write_text("3\n")  # begun anew
    child.expect_exact("3\r\n")
    child.sendintr()
    assert ended(child)[0] == 0


@pytest.mark.server
def test_it_is_the_log_of_the_server_that_is_shared(run):
    try:
        run("ls")
    finally:
        run("stop")
    code, _, err = said(run("log"))
    assert code == 0
    assert err.endswith("server.log:")
