"""A conversation in a context: what is sent, what is left out, what is counted, and what is said of it."""

from __future__ import annotations

import contextlib
from collections import OrderedDict
from dataclasses import replace
from types import SimpleNamespace

import pytest

from lmnb import studio
from lmnb.chat.attached import Attached
from lmnb.chat.events import Connected, Failed, Finished, Fitted, Noticed, Stopped
from lmnb.chat.turns import Turn
from lmnb.chat.window import Plan
from lmnb.studio import counting, preparing
from tests.server.frames import Frames

from .conftest import Heard, script

pytestmark = pytest.mark.server

HUNDRED = "word " * 100
HISTORY = script({"history": True})


class Talk:
    """A conversation: each prompt goes with all the turns before it."""

    def __init__(self, host, model="scripted", **options):
        self.host, self.model, self.options = host, model, options
        self.turns = []

    def say(self, prompt, *, listener=None, **values):
        """What was heard of a prompt. `values`: of the turn, or of the request."""
        request = {key: values.pop(key) for key in ("model", "config", "host", "think") if key in values}
        turn, heard = Turn(prompt, **values), Heard()
        self.turns.append(turn)

        def on_event(event):
            turn.apply(event)
            heard(event)
            if listener is not None:
                listener(event)

        asked = {"host": self.host, "model": self.model, **request}
        plan = Plan(tuple(self.turns), **self.options)
        studio.start(studio.Request(plan=plan, **asked), on_event).done.result(20)
        return heard

    def window(self):
        return self.turns[-1].window

    def numbers(self, ids):
        return [number for number, turn in enumerate(self.turns, 1) if turn.id in ids]


@pytest.fixture
def loads(scripted_server):
    """Loads a scripted model under a name, with a context of so many tokens."""
    names = []
    frames = Frames(scripted_server)

    def load(key="scripted", *, context):
        name = f"fit-{key}-{context}-{len(names)}"
        layer = {"config": {"fields": [{"key": "llm.load.contextLength", "value": context}]}, "layerName": "x"}
        frames.load(key, identifier=name, loadConfigStack={"layers": [layer]})
        names.append(name)
        return name

    def unload(name):
        names.remove(name)
        frames.call("unloadModel", {"identifier": name})

    load.unload = unload
    yield load
    while names:
        unload(names[-1])
    frames.close()


@pytest.fixture
def asked(monkeypatch):
    """What was asked of a tokenizer: texts, and whole chats."""

    asked = SimpleNamespace(texts=[], chats=0)
    count, form = counting.Counter._count, counting.Counter._format

    async def _count(self, text):
        asked.texts.append(text)
        return await count(self, text)

    async def _format(self, chat, **options):
        asked.chats += 1
        return await form(self, chat, **options)

    monkeypatch.setattr(counting.Counter, "_count", _count)
    monkeypatch.setattr(counting.Counter, "_format", _format)
    return asked


def notices(heard):
    return [event.text for event in heard.of(Noticed)]


def test_what_fits_is_sent_whole_and_counted_once(scripted_server, loads, asked):
    talk = Talk(scripted_server, loads(context=1000), system="Be brief.")
    heard = talk.say("Hello there.")
    (fitted,) = heard.of(Fitted)
    assert heard.kinds == ["Connecting", "Connected", "Fitted", "Reading", "Fragment", "Finished"]
    assert (fitted.window.length, fitted.window.room, fitted.window.left_out) == (1000, 200, ())
    formatted = "<system>Be brief.</system>\n<user>Hello there.</user>\n"
    assert fitted.window.prompt == len(formatted.split())
    assert [text for text in asked.texts if text] == [formatted], "no message is counted that fits anyway"
    assert asked.chats == 1
    assert len(fitted.prompt_hash) == 16


def test_the_oldest_are_left_out_and_it_is_said_once(scripted_server, loads):
    talk = Talk(scripted_server, loads(context=1000))
    heard = [talk.say(f"{number} {HUNDRED}") for number in range(12)]
    said = [notices(one) for one in heard]
    first = next(number for number, one in enumerate(said) if one)
    tokens = talk.turns[first].window.left_out_tokens
    words = "`%chat history` shows them; `%chat pin 1` keeps one."
    assert said[first] == [f"Turns 1–2 were left out to fit 1,000 tokens ({tokens} tokens). {words}"]
    assert said[first + 1] == [], "what was left out makes room for another turn"
    assert all(isinstance(one.last, Finished) for one in heard)
    assert all(turn.window.prompt + turn.window.room <= 1000 for turn in talk.turns)
    assert talk.turns[first].window.left_out_tokens >= 2 * 204


def test_what_is_sent_is_what_was_not_left_out(scripted_server, loads):
    talk = Talk(scripted_server, loads(context=1000), system="Be brief.")
    for number in range(4):
        talk.say(f"{number} {HUNDRED}")
    heard = talk.say(HISTORY)
    out = talk.numbers(talk.window().left_out)
    assert out
    assert "Be brief." in heard.text
    assert [f'"{number} word' in heard.text for number in range(4)] == [number + 1 not in out for number in range(4)]


def test_the_prefix_stays_put(scripted_server, loads):
    """Two prompts in a row begin the same, unless turns were left out between them."""
    talk, sent, said = Talk(scripted_server, loads(context=1000)), [], []
    for number in range(10):
        plan_before = [turn.window.left_out for turn in talk.turns]
        said.append(notices(talk.say(f"{number} {HUNDRED}")))
        plan = Plan(tuple(talk.turns))
        sent.append(plan.messages(talk.window().left_out))
        if plan_before and plan_before[-1] == talk.window().left_out:
            assert sent[-1][: len(sent[-2])] == sent[-2]
    assert 0 < sum(map(bool, said)) <= 5


def test_counted_turns_are_not_counted_again(scripted_server, loads, asked):
    talk = Talk(scripted_server, loads(context=1000))
    for number in range(8):
        asked.texts.clear()
        talk.say(f"{number} {HUNDRED}")
    single = [text for text in asked.texts if not text.startswith("<")]
    assert len(single) <= 2, single


def test_pinned_turns_and_the_first_of_middle_stay(scripted_server, loads):
    talk = Talk(scripted_server, loads(context=1000), rule="middle")
    for number in range(6):
        talk.say(f"{number} {HUNDRED}", pinned=number == 1)
    out = talk.numbers(talk.window().left_out)
    assert out
    assert not {1, 2} & set(out)
    assert talk.window().left_out


def test_a_pinned_turn_comes_back(scripted_server, loads):
    talk = Talk(scripted_server, loads(context=1000))
    for number in range(5):
        talk.say(f"{number} {HUNDRED}")
    assert 1 in talk.numbers(talk.window().left_out)
    talk.turns[0].pinned = True
    heard = talk.say("And?")
    assert 1 not in talk.numbers(talk.window().left_out)
    assert "0 word" in Plan(tuple(talk.turns)).messages(talk.window().left_out)[0].content
    assert notices(heard)


def test_room_for_the_answer(scripted_server, loads):
    name = loads(context=1000)
    talk = Talk(scripted_server, name, room=600)
    for number in range(4):
        talk.say(f"{number} {HUNDRED}")
    assert all(turn.window.prompt <= 400 for turn in talk.turns)
    talk = Talk(scripted_server, name)
    talk.say("word " * 900)
    assert talk.turns[0].window.room == 100 - len(["<user>", "</user>"]) + 1
    heard = talk.turns[0].notices
    assert heard == [
        f"The prompt takes {talk.window().prompt} of 1,000 tokens; {talk.window().room} are left for the answer."
    ]


# ---- what cannot be sent


def test_what_cannot_fit_is_refused_with_counts(scripted_server, loads, peek):
    name = loads(context=1000)
    talk = Talk(scripted_server, name, system="Be brief.")
    sales = Attached("sales", "card", "cell " * 900)
    heard = talk.say("How many? " * 100, attached=(sales,))
    problem = heard.problem
    assert problem.kind == "tooLong"
    assert "context of 1,000 tokens" in problem.title
    assert "the system prompt 2, `sales` 900, the question 200" in problem.lines[0]
    assert "200 are kept for the answer" in problem.lines[0]
    assert problem.lines[-1].startswith("Send less of `sales`, or ask without it")
    assert heard.kinds == ["Connecting", "Connected", "Failed"], "nothing was sent"
    assert isinstance(talk.say("Hello?").last, Finished), "and the conversation goes on"


def test_off_refuses(scripted_server, loads):
    talk = Talk(scripted_server, loads(context=1000), rule="off")
    ends = [talk.say(f"{number} {HUNDRED}").last for number in range(6)]
    assert isinstance(ends[0], Finished)
    refused = next(end for end in ends if isinstance(end, Failed)).problem
    assert refused.kind == "tooLong"
    assert "the turns before" in refused.lines[0]
    assert "oldest turns" in refused.lines[-1]


def test_a_pinned_turn_that_takes_all_is_named(scripted_server, loads):
    talk = Talk(scripted_server, loads(context=1000))
    talk.say("word " * 400, pinned=True)
    problem = talk.say("word " * 300).problem
    assert "pinned turns" in problem.lines[0]
    assert "`%chat unpin 1`" in problem.lines[-1]


def test_a_server_that_was_asked_to_cut_may_cut(scripted_server, loads):
    talk = Talk(scripted_server, loads(context=1000))
    heard = talk.say("word " * 3000, config={"contextOverflowPolicy": "rollingWindow"})
    assert isinstance(heard.last, Finished)


# ---- what changes between two turns


def test_a_model_that_was_replaced_is_counted_anew(scripted_server, loads):
    talk = Talk(scripted_server, loads(context=1000))
    talk.say(HUNDRED)
    talk.say(HUNDRED)
    letters = loads("scripted-letters", context=1000)
    heard = talk.say("And now?", model=letters)
    assert isinstance(heard.last, Finished)
    assert talk.numbers(talk.window().left_out) == [1, 2], "a word is five tokens to this one"
    assert talk.window().prompt == len("<user>And now?</user>\n")
    assert talk.window().left_out_tokens > 4 * 5 * 100
    wide = loads(context=4000)
    heard = talk.say("And now?", model=wide)
    assert notices(heard) == ["Turns 1–2 are sent again: the context of 4,000 tokens has room."]
    assert talk.window().left_out == ()


def test_the_same_name_with_another_tokenizer_is_counted_anew(scripted_server, loads):
    """The model behind a name was unloaded, and another one loaded under it."""
    frames = Frames(scripted_server)
    frames.load("scripted", identifier="same")
    talk = Talk(scripted_server, "same")
    talk.say(HUNDRED)
    talk.say(HUNDRED)
    frames.call("unloadModel", {"identifier": "same"})
    frames.load("scripted-letters", identifier="same")
    talk.say(HUNDRED)
    assert talk.window().prompt > 5 * 200
    frames.call("unloadModel", {"identifier": "same"})
    frames.close()


def test_a_model_that_is_unloaded_while_it_counts_is_loaded_once_more(scripted_server, loads, monkeypatch):
    frames = Frames(scripted_server)
    with contextlib.suppress(AssertionError):
        frames.load("scripted-letters", identifier="scripted-letters")
    prepare, times = preparing.prepare, []

    async def unloaded_first(*args):
        times.append(1)
        if len(times) == 1:
            frames.call("unloadModel", {"identifier": "scripted-letters"})
        return await prepare(*args)

    monkeypatch.setattr(preparing, "prepare", unloaded_first)
    heard = Talk(scripted_server, "scripted-letters").say("Hello.")
    assert isinstance(heard.last, Finished)
    assert len(times) == 2
    frames.close()


def test_a_model_that_is_unloaded_between_counting_and_asking_is_loaded_once_more(scripted_server):
    frames = Frames(scripted_server)

    def unload(event):
        if isinstance(event, Fitted) and len(heard.of(Fitted)) == 1:
            frames.call("unloadModel", {"identifier": "scripted-letters"})

    talk = Talk(scripted_server, "scripted-letters")
    heard = Heard()
    turn = Turn("Hello.")
    request = studio.Request(plan=Plan((turn,)), host=talk.host, model=talk.model)

    def on_event(event):
        heard(event)
        unload(event)

    studio.start(request, on_event).done.result(20)
    assert isinstance(heard.last, Finished)
    assert len(heard.of(Fitted)) == 2
    frames.close()


def test_a_server_that_is_lost_between_counting_and_asking(scripted_server):
    first = studio.start_server(scripted=True)
    started = [first]

    def restart(event):
        if isinstance(event, Fitted) and len(started) == 1:
            first.stop()
            started.append(studio.start_server(scripted=True, port=int(first.host.rpartition(":")[2])))

    try:
        heard = Talk(first.host).say("word " * 3500, listener=restart)
    finally:
        for server in started:
            server.stop()
    assert isinstance(heard.last, Finished), heard.last
    assert (len(heard.of(Connected)), len(heard.of(Fitted))) == (2, 2)
    assert len(heard.of(Noticed)) == 1, "and nothing is said twice"


# ---- servers that say less


def test_a_context_of_unknown_length_is_said_once(scripted_server, loads):
    talk = Talk(scripted_server, loads("scripted-unmeasured", context=1000))
    first, second = talk.say("Hello."), talk.say("Hello.")
    (said,) = notices(first)
    assert "does not say how long the context" in said
    assert notices(second) == []
    assert (talk.window().length, talk.window().prompt, talk.window().left_out) == (None, 5, ())
    assert "does not fit" in talk.say("word " * 2000).problem.title, "the server refuses it, as ever"


def test_a_server_that_does_not_count_is_said_once(scripted_server, loads):
    talk = Talk(scripted_server, loads("scripted-uncounted", context=1000))
    first, second = talk.say("Hello."), talk.say("Hello.")
    (said,) = notices(first)
    assert said == (
        "The tokens of the prompt could not be counted (This engine has no tokenizer); nothing more was left out."
    )
    assert notices(second) == []
    assert isinstance(second.last, Finished)
    assert (talk.window().length, talk.window().prompt) == (1000, None)


def test_a_server_that_does_not_answer_is_not_waited_for_again(scripted_server, loads, monkeypatch):
    monkeypatch.setattr(counting, "ANSWER", 0.2)
    talk = Talk(scripted_server, loads("scripted-mute", context=1000))
    first = talk.say("Hello.")
    assert "does not answer" in notices(first)[0]
    monkeypatch.setattr(counting, "ANSWER", 3600)
    assert isinstance(talk.say("Hello.").last, Finished)


def test_stop_while_it_counts(scripted_server, loads, monkeypatch):
    monkeypatch.setattr(counting, "_tokenizers", OrderedDict())  # or it is known not to answer
    heard = Heard()
    plan = Plan((Turn("Hello."),))
    request = studio.Request(plan=plan, host=scripted_server, model=loads("scripted-mute", context=1000))
    running = studio.start(request, heard)
    heard.wait(Connected)
    running.stop("person")
    running.done.result(5)
    assert heard.last == Stopped("person")


def test_a_server_that_counts_a_beginning_with_every_text(scripted_server, loads, monkeypatch):
    """Whether LM Studio does so is the tokenizer's affair: the template's own is then left out of what is counted."""
    monkeypatch.setattr(counting, "_tokenizers", OrderedDict())
    count, form, omitted = counting.Counter._count, counting.Counter._format, []

    async def _count(self, text):
        return await count(self, text) + 1

    async def _format(self, chat, *, omit_bos):
        omitted.append(omit_bos)
        return await form(self, chat, omit_bos=omit_bos)

    monkeypatch.setattr(counting.Counter, "_count", _count)
    monkeypatch.setattr(counting.Counter, "_format", _format)
    talk = Talk(scripted_server, loads(context=1000))
    for number in range(5):
        talk.say(f"{number} {HUNDRED}")
    assert set(omitted) == {True}
    assert talk.turns[0].window.prompt == 102 + 1
    assert talk.window().left_out_tokens == 2 * (101 + 103 + 2), "each message without the beginning"


def test_settings_that_change_the_prompt_are_counted_with_it(scripted_server, loads):
    talk = Talk(scripted_server, loads(context=1000))
    template = {"type": "manual", "stopStrings": []}
    talk.say("Hello.", config={"promptTemplate": template})
    assert talk.window().prompt == 1


def test_counting_for_others(scripted_server, loads):
    letters = loads("scripted-letters", context=1000)
    assert studio.count(["ab c", "", "ab c"], model=letters, host=scripted_server) == [4, 0, 4]
    assert studio.count(["a"], model="scripted-broken", host=scripted_server) is None
    assert studio.count(["a"], model=loads("scripted-uncounted", context=9), host=scripted_server) is None


# ---- models that think


def test_how_much_a_model_thinks_goes_along_and_is_counted(scripted_server, loads):
    thinking = loads("scripted-thinking", context=1000)
    asked = script({"reasoning": "Let me think."}, {"text": "42"})
    talk = Talk(scripted_server, thinking)
    heard = talk.say(asked)
    assert (heard.reasoning, heard.text) == ("Let me think.", "42")
    plain = talk.window()
    quiet = Talk(scripted_server, thinking)
    heard = quiet.say(asked, think="off")
    assert (heard.reasoning, heard.text) == ("", "42")
    assert quiet.window().prompt == plain.prompt + 2, "the empty thought stands in the prompt"
    assert quiet.turns[0].prompt_hash != talk.turns[0].prompt_hash
    loud = Talk(scripted_server, thinking)
    loud.say(asked, think="high")
    assert loud.window().room == 250


def test_a_model_without_such_a_switch_refuses(scripted_server):
    heard = Talk(scripted_server).say("Hello.", think="off")
    assert heard.problem.kind == "refused"
    assert "no switch" in heard.problem.title
    assert "“much”" in Talk(scripted_server).say("Hello.", think="much").problem.title


# ---- names


def test_the_same_prompt_has_the_same_hash_and_another_setting_another(scripted_server, loads):
    name = loads(context=1000)

    def hash_of(**options):
        talk = Talk(scripted_server, name)
        talk.say("Hello.", **options)
        return talk.turns[0].prompt_hash

    assert hash_of() == hash_of()
    assert hash_of() != hash_of(config={"temperature": 0.5})


def test_the_versions_of_those_who_take_part(scripted_server):
    import lmstudio

    from lmnb import __version__

    talk = Talk(scripted_server)
    talk.say("Hello.")
    assert talk.turns[0].versions == {"lmnb": __version__, "lmstudio": lmstudio.__version__, "server": __version__}


def test_an_empty_answer_says_how_full_the_context_was():
    from lmnb.chat.events import Stats
    from lmnb.chat.window import Window
    from lmnb.studio import failures

    stats = Stats("contextLengthReached")
    problem = failures.empty(stats, 4096, Window(prompt=4090, length=4096))
    assert problem.lines[0] == "The prompt takes 4,090 of the 4,096 tokens of its context."
    stats = replace(stats, stop_reason="maxPredictedTokensReached", predicted_tokens_count=3)
    assert failures.empty(stats, 4096).lines[0] == "Its 3 tokens, all that it may write, were white space."
