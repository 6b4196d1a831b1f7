"""`lmnb chat`: one answer for a pipe, a conversation in a terminal."""

from __future__ import annotations

import json

import pytest

from tests.cli.conftest import ended, said
from tests.server.conftest import script
from tests.server.frames import Frames

pytestmark = pytest.mark.server

HELLO = script({"text": "Hello there"})


def test_a_prompt_gives_an_answer_and_nothing_else_on_standard_output(run, host):
    assert said(run("chat", "-m", "scripted", "--host", host, HELLO)) == (0, "Hello there", "")


def test_piped_input_is_a_prompt_and_a_dash_is_its_place(run, host):
    at = ("chat", "-m", "scripted", "--host", host)
    assert said(run(*at, given=HELLO)) == (0, "Hello there", "")
    assert said(run(*at, "-", given=HELLO)) == (0, "Hello there", "")
    code, out, _ = said(run(*at, "Say it backwards:", "-", given="one two"))
    assert code == 0
    assert "one two" in out


def test_no_prompt_at_all_says_how(run):
    code, out, err = said(run("chat", given=" \n"))
    assert (code, out) == (1, "")
    assert err.startswith("There is nothing to ask: `lmnb chat")


def test_reasoning_is_not_part_of_a_piped_answer(run, host):
    thought = script({"reasoning": "Hm, let me see."}, {"text": "Yes."})
    assert said(run("chat", "-m", "scripted", "--host", host, thought)) == (0, "Yes.", "")


def test_the_system_prompt_and_the_parameters_arrive(run, host):
    code, _, err = said(run("chat", "-m", "scripted", "-s", "Be brief.", "--max-tokens", "1", "--host", host, HELLO))
    assert (code, err) == (0, "")
    assert said(run("chat", "-m", "scripted", "-t", "-1", "--host", host, HELLO))[0] == 1


def test_what_goes_wrong_is_said_for_a_shell(run, host):
    code, out, err = said(run("chat", "-m", "scriptet", "--host", host, "Hello"))
    assert (code, out) == (1, "")
    assert err.endswith("Name one of them: `scripted`.")
    code, _, err = said(run("chat", "--host", "127.0.0.1:9", "Hello"))
    assert code == 1
    assert "Nothing answers at 127.0.0.1:9." in err
    assert "cell" not in err


def test_where_there_is_no_model_it_says_how_to_get_one(run):
    try:
        code, out, err = said(run("chat", "Hello"))
    finally:
        run("stop")
    assert (code, out) == (1, "")
    assert "There is no model on this computer yet." in err
    assert "`lmnb get smollm2`" in err
    assert "%lm" not in err


def test_a_conversation_remembers_and_ends_with_ctrl_d(terminal, host):
    child = terminal("chat", "-m", "scripted", "--host", host)
    child.expect_exact("Ctrl-D ends the conversation.")
    for text in ("One two", "Three four"):
        child.expect_exact("> ")
        child.sendline(script({"text": f"{text}."}))
        child.expect_exact(f"\r{text}.\r\n")
    child.expect_exact("> ")
    child.sendeof()
    assert ended(child)[0] == 0


def test_ctrl_c_stops_the_answer_and_the_conversation_goes_on(terminal, host):
    child = terminal("chat", "-m", "scripted", "--host", host)
    child.expect_exact("> ")
    child.sendline(script({"text": "word ", "repeat": 100_000, "rate": 100}))
    child.expect_exact("word word word")
    child.sendintr()
    child.expect_exact("Stopped.")
    watch = Frames(host)
    watch.wait_state("idle")
    watch.close()
    child.expect_exact("> ")
    child.sendintr()  # at the prompt it only begins a new line
    child.expect_exact("> ")
    child.sendline(HELLO)
    child.expect_exact("\rHello there\r\n")
    child.expect_exact("> ")
    child.sendeof()
    assert ended(child)[0] == 0


def test_ctrl_c_ends_a_single_answer_with_its_exit_code(terminal, host):
    child = terminal(
        "chat", "-m", "scripted", "--host", host, script({"text": "word ", "repeat": 100_000, "rate": 100})
    )
    child.expect_exact("word word")
    child.sendintr()
    child.expect_exact("Stopped.")
    assert ended(child)[0] == 130


def test_what_would_steer_the_terminal_is_shown_as_signs(terminal, host):
    child = terminal("chat", "-m", "scripted", "--host", host, script({"text": "a\x1b]0;title\x07b"}))
    child.expect_exact("a␛]0;title␇b")
    assert ended(child)[0] == 0


def test_a_broken_answer_in_a_conversation_is_said_and_it_goes_on(terminal, host):
    child = terminal("chat", "-m", "scripted", "--host", host)
    child.expect_exact("> ")
    child.sendline(json.dumps([{"error": {"title": "Out of paper"}}]))
    child.expect_exact("Out of paper")
    child.expect_exact("> ")
    child.sendline(HELLO)
    child.expect_exact("\rHello there\r\n")
