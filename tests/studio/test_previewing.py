"""What would be sent: all of it, counted, and nothing is sent for that."""

from __future__ import annotations

import pytest

from lmnb import studio
from lmnb.chat.attached import Attached, Image
from lmnb.chat.problems import ChatError
from lmnb.chat.turns import Part, Turn
from lmnb.chat.window import Plan

from .test_fitting import HUNDRED, Talk, loads  # noqa: F401  a fixture

pytestmark = pytest.mark.server


def answered(prompt, answer="Yes."):
    return Turn(prompt, status="done", parts=[Part("text", answer)])


def look(host, *turns, model="scripted", config=None, **options):
    request = studio.Request(plan=Plan(turns, **options), host=host, model=model, config=config or {})
    return studio.preview(request)


def test_it_is_what_is_sent_then(scripted_server, loads):  # noqa: F811
    talk = Talk(scripted_server, loads(context=1000), system="Be brief.")
    for number in range(5):
        talk.say(f"{number} {HUNDRED}")
    seen = look(scripted_server, *talk.turns, Turn("And now?"), model=talk.model, system="Be brief.")
    heard = talk.say("And now?")
    window = talk.window()
    assert seen.prompt_hash == talk.turns[-1].prompt_hash
    assert (seen.window.prompt, seen.window.length, seen.window.room) == (window.prompt, 1000, 200)
    assert seen.window.left_out == window.left_out
    assert seen.left_out == "Turns 1–2"
    assert seen.messages[-1].content in heard.text
    assert seen.formatted.startswith("<system>Be brief.</system>\n<user>2 word")
    assert seen.tokens[0] == 2
    assert seen.problem is None


def test_nothing_is_sent_and_nothing_loaded(scripted_server, peek):
    before = peek.loaded()
    if "scripted-slow" in before:
        peek.call("unloadModel", {"identifier": "scripted-slow"})
    seen = look(scripted_server, Turn("Hello?"), model="scripted-slow")
    assert "scripted-slow" not in peek.loaded()
    assert seen.tokens == (None,)
    assert seen.formatted is None
    assert "scripted-slow is not loaded: nothing is counted" in seen.notices[0]
    assert str(seen).endswith("Hello?")


def test_the_text(scripted_server, loads):  # noqa: F811
    name = loads(context=1000)
    talk = [answered(f"{n} {HUNDRED}") for n in range(9)]
    last = Turn("What\nnow?", attached=(Attached("sales", "card", "a\x1b[31mb\u2028c"),))
    text = str(look(scripted_server, *talk, last, model=name, config={"temperature": 0.2}, system="Be brief."))
    lines = text.splitlines()
    assert lines[0] == f"This would be sent to {name} at {scripted_server}. Nothing was sent."
    assert lines[1] == "Settings: contextOverflowPolicy stopAtLimit, temperature 0.2."
    assert lines[2].startswith("The prompt takes ")
    assert lines[2].endswith(" of 1,000 tokens; 200 are kept for the answer.")
    assert any(line.startswith("Turns 1–") and "left out to fit" in line for line in lines)
    assert "   1  system         2 tokens" in lines
    assert "`sales`:\n```\na␛[31mb" in text
    assert "\x1b" not in text


def test_what_would_be_refused(scripted_server, loads):  # noqa: F811
    seen = look(scripted_server, Turn("word " * 3000), model=loads(context=1000))
    assert seen.problem.kind == "tooLong"
    assert str(seen).startswith("This would not be sent to fit-scripted-1000-0 at ")
    assert "the question 3,000" in str(seen)


def test_pictures_are_named_and_not_given_away(scripted_server):
    Talk(scripted_server, "scripted-vision").say("Hello.")
    shown = Attached("plot", "figure", image=Image(b"x" * 2_000_000, "plot.png"))
    seen = look(scripted_server, Turn("Look.", attached=(shown,)), model="scripted-vision")
    assert "+ plot.png, 2 MB" in str(seen)
    assert seen.problem is None
    blind = look(scripted_server, Turn("Look.", attached=(shown,)))
    assert "cannot see pictures" in blind.problem.title


def test_no_such_model_and_wrong_settings_are_said(scripted_server):
    with pytest.raises(ChatError, match="No model on this computer is called “nowhere”"):
        look(scripted_server, Turn("Hello?"), model="nowhere")
    with pytest.raises(ChatError, match="No prediction parameter"):
        look(scripted_server, Turn("Hello?"), config={"temprature": 1})


def test_a_server_that_does_not_count_shows_the_messages(scripted_server, loads):  # noqa: F811
    seen = look(scripted_server, answered("a"), Turn("b"), model=loads("scripted-uncounted", context=1000))
    assert seen.tokens == (None, None, None)
    assert "could not be counted" in str(seen)
    assert str(seen).endswith("b")
