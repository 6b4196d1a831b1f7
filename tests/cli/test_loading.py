"""`lmnb ps`, `load` and `unload`."""

from __future__ import annotations

import json

import pytest

from tests.cli.conftest import ended, said

pytestmark = pytest.mark.server


def test_load_see_unload(run, host):
    at = ("--host", host)
    loaded = run("load", "scripted", "--context", "512", "--ttl", "600", "--identifier", "mine", *at)
    assert (loaded.returncode, loaded.stdout) == (0, "scripted is loaded as mine, with a context of 512 tokens.\n")
    head, row = run("ps", *at).stdout.splitlines()
    assert head.split() == ["IDENTIFIER", "MODEL", "SIZE", "CONTEXT", "STATUS", "UNLOADED"]
    assert row.split() == ["mine", "scripted", "1", "MB", "512", "idle", "in", "10", "min"]
    (found,) = json.loads(run("ps", "--json", *at).stdout)
    assert (found["identifier"], found["context"], found["state"], found["ttl"]) == ("mine", 512, "idle", 600.0)
    assert "scripted (mine)" in run("ls", *at).stdout
    assert said(run("unload", "mine", *at)) == (0, "mine is unloaded.", "")
    assert said(run("ps", *at)) == (0, "Nothing is loaded.", "")
    assert json.loads(run("ps", "--json", *at).stdout) == []


def test_all_go_at_once(run, host):
    at = ("--host", host)
    key = "scripted-letters"
    for more in ((), ("--again",)):
        assert json.loads(run("load", key, "--json", *more, *at).stdout)["key"] == key
    code, out, err = said(run("load", "letters", *at))
    assert (code, out) == (0, f"{key} is loaded already as {key}, with a context of 4096 tokens.")
    assert err.splitlines()[0].startswith(f"“letters” is short for {key} here")
    assert err.splitlines()[1] == "`--again` loads it one more time."
    assert said(run("unload", "--all", *at)) == (0, f"{key} is unloaded.\n{key}:2 is unloaded.", "")
    assert said(run("unload", "--all", *at)) == (0, "Nothing is loaded.", "")


def test_ps_and_unload_start_nothing(run):
    assert said(run("ps")) == (0, "Nothing is loaded.", "")
    assert said(run("unload", "--all")) == (0, "Nothing is loaded.", "")
    assert said(run("unload", "mine")) == (1, "", "No model “mine” is loaded: no server runs.")
    assert said(run("stop")) == (0, "lmnb's own server does not run.", "")


def test_what_is_not_there_is_said_with_what_is(run, host):
    code, out, err = said(run("load", "scriptet", "--host", host))
    assert (code, out) == (1, "")
    assert err.startswith("No model on this computer is called “scriptet”.")
    assert "scripted-slow" in err
    assert "chat" not in err
    code, _, err = said(run("load", "scripted-broken", "--host", host))
    assert code == 1
    assert "“scripted-broken” does not load.\n" in err
    assert "it ends after 12 of 30 tensors" in err
    assert said(run("unload", "mine", "--host", host)) == (1, "", "No model “mine” is loaded; none is.")


@pytest.mark.parametrize(
    "words", [("load",), ("load", "x", "--context", "0"), ("load", "x", "--ttl", "soon"), ("unload",)]
)
def test_what_makes_no_sense_is_a_matter_of_usage(run, words):
    code, out, err = said(run(*words))
    assert (code, out) == (2, "")
    assert err.startswith("usage: lmnb")


def test_in_a_terminal_there_is_a_bar_and_ctrl_c_ends_the_load(terminal, run, host):
    child = terminal("load", "scripted-slow", "--host", host)
    child.expect("scripted-slow: loading █+░+ [0-9]+%")
    child.sendintr()
    child.expect("Stopped.")
    assert ended(child)[0] == 130
    assert said(run("ps", "--host", host)) == (0, "Nothing is loaded.", "")
