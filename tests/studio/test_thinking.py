"""How much a model thinks can be said where there are words for it, and is refused where there are none."""

from __future__ import annotations

import asyncio

import lmstudio as lms
import pytest

from lmnb import studio
from lmnb.chat.events import Fitted
from lmnb.chat.history import Message
from lmnb.chat.problems import ChatError
from lmnb.chat.turns import Turn
from lmnb.chat.window import Plan
from lmnb.server import launch
from lmnb.studio import choosing, places, sdk, thinking
from lmnb.studio.choosing import Model
from lmnb.studio.thinking import BUDGET, ENABLE, LOW, Thinking
from tests.studio.conftest import Heard, ask, script

ASKED = script({"reasoning": "one two three"}, {"text": "Hi"})


@pytest.fixture(scope="module")
def host():
    """A server of these tests' own, with scripted models."""
    with launch.start_server(scripted=True) as server:
        yield server.host


def on_io_thread(host, question):
    """What a question comes to, asked on the I/O thread with a client that is connected."""

    async def ask():
        here = places.here()
        place = here.known(host, None)
        return await question(await here.client(place), place)

    sdk.warm_up()
    return asyncio.run_coroutine_threadsafe(ask(), studio.io_loop()).result(20)


def plan(host, level, asked="scripted", **changes):
    """A plan for a loaded model that says it is another one."""

    async def question(client, place):
        model = await choosing.choose(client, asked, place, lambda _: None, lambda _: None)
        return await thinking.plan(level, Model(**{**vars(model), **changes}), client, place)

    return on_io_thread(host, question)


# ---- what there is to say it with


@pytest.mark.server
@pytest.mark.parametrize(
    ("level", "fields"),
    [
        ("off", {ENABLE: False}),
        ("low", {ENABLE: True, BUDGET: {"checked": True, "value": LOW}}),
        ("high", {ENABLE: True, BUDGET: {"checked": False, "value": LOW}}),
    ],
)
def test_a_template_that_listens_is_told_by_fields(host, level, fields):
    found = plan(host, level, "scripted-thinking")
    assert (found.fields, found.system) == (fields, None)


@pytest.mark.server
@pytest.mark.parametrize(
    ("level", "changes", "system"),
    [
        ("low", {"architecture": "gpt-oss"}, "Reasoning: low"),
        ("high", {"key": "openai/gpt-oss-20b"}, "Reasoning: high"),
        ("off", {"key": "qwen/qwen3-4b"}, "/no_think"),
        ("high", {"path": "HuggingFaceTB/SmolLM3-3B-GGUF/SmolLM3-3B-Q4_K_M.gguf"}, "/think"),
    ],
)
def test_what_its_maker_has_words_for_is_told_in_the_system_prompt(host, level, changes, system):
    found = plan(host, level, **changes)
    assert (found.fields, found.system) == ({}, system)


@pytest.mark.server
@pytest.mark.parametrize(
    ("level", "changes", "words"),
    [
        ("off", {"key": "openai/gpt-oss-20b"}, "scripted always thinks"),
        ("off", {"key": "deepseek-r1-distill-qwen-7b"}, "always thinks"),
        ("off", {"key": "qwen3-4b-thinking-2507"}, "always thinks"),
        ("low", {"key": "qwen3-4b"}, "thinks or does not: there is no “low”"),
        ("high", {"key": "qwen3-4b-2507"}, "has no switch for its thinking"),
        ("off", {}, "scripted has no switch for its thinking, if it thinks at all"),
        ("high", {"key": "gemma-3-1b-it"}, "has no switch"),
        ("medium", {}, "can be off, low or high, and not “medium”"),
    ],
)
def test_where_there_are_no_words_it_is_refused(host, level, changes, words):
    with pytest.raises(ChatError) as caught:
        plan(host, level, **changes)
    assert caught.value.problem.kind == "refused"
    assert words in caught.value.problem.title


def test_models_that_are_known_to_think():
    known = ["qwen3-4b", "qwen/qwen3-4b-thinking-2507", "gpt-oss-20b", "deepseek-r1-distill-qwen-7b", "smollm3-3b"]
    others = ["qwen3-4b-instruct-2507", "qwen3-coder-30b", "qwen3-embedding-0.6b", "gemma-3-1b-it", "qwen2.5-7b"]
    assert [key for key in (*known, *others) if thinking.thinks(Model(key))] == known


# ---- the request


async def answer(client, fields, key="scripted-thinking", prompt=ASKED):
    """The fragments of an answer that was asked for with fields of our own, and the config that arrived."""
    stream = await (await client.llm.model(key)).respond_stream(prompt, config={"temperature": 0.5})
    Thinking("low", key, fields).add(stream)
    said = [(fragment.reasoning_type, fragment.content.strip()) async for fragment in stream]
    return [text for kind, text in said if kind == "reasoning"], "".join(text for kind, text in said if kind == "none")


@pytest.mark.server
@pytest.mark.parametrize(
    ("fields", "thoughts"),
    [
        ({}, ["one", "two", "three"]),
        ({ENABLE: True, BUDGET: {"checked": False, "value": 2}}, ["one", "two", "three"]),
        ({ENABLE: True, BUDGET: {"checked": True, "value": 2}}, ["one", "two"]),
        ({ENABLE: False}, []),
    ],
)
def test_the_fields_reach_the_server_in_the_sdks_own_request(host, fields, thoughts):
    assert on_io_thread(host, lambda client, _: answer(client, fields)) == (thoughts, "Hi")


@pytest.mark.server
def test_they_stand_beside_what_the_sdk_says_and_not_twice(host):
    async def config(client, _place):
        model = await client.llm.model("scripted")
        stream = await model.respond_stream(script({"config": True}), config={"temperature": 0.25})
        for value in (True, False):
            Thinking("off", "m", {ENABLE: value}).add(stream)
        fields = stream._endpoint.creation_params["predictionConfigStack"]["layers"][0]["config"]["fields"]
        return [each["key"] for each in fields].count(ENABLE), str((await stream.wait_for_result()).content)

    count, arrived = on_io_thread(host, config)
    assert count == 1
    assert '"llm.prediction.reasoning.enableThinking": false' in arrived
    assert '"llm.prediction.temperature": 0.25' in arrived


@pytest.mark.parametrize("stream", [object(), type("S", (), {"_endpoint": None})()])
def test_another_sdk_that_has_no_place_for_them_is_told_of(stream):
    with pytest.raises(ChatError, match=f"LM Studio's SDK {lms.__version__} for Python cannot say"):
        Thinking("off", "m", {ENABLE: False}).add(stream)
    Thinking("off", "m").add(stream)


# ---- the words


def test_the_words_stand_at_the_end_of_the_system_prompt():
    told = Thinking("low", "m", system="Reasoning: low")
    hello = Message("user", "Hello")
    plain = told.apply(studio.Request((hello,)))
    assert plain.messages == (Message("system", "Reasoning: low"), hello)
    brief = told.apply(studio.Request((Message("system", "Be brief."), hello)))
    assert brief.messages == (Message("system", "Be brief.\n\nReasoning: low"), hello)
    planned = told.apply(studio.Request(plan=Plan((), system="Be brief.")))
    assert planned.plan.system == "Be brief.\n\nReasoning: low"
    assert Thinking("off", "m", {ENABLE: False}).apply(planned) is planned


def test_a_chat_of_the_sdk_keeps_its_own_system_prompt():
    told = Thinking("low", "m", system="Reasoning: low")
    with pytest.raises(ChatError, match=r"system prompt of its own(?s:.*)Write “Reasoning: low” at the end"):
        told.apply(studio.Request((Message("user", "x"),), chat=lms.Chat("Be brief.")))
    assert told.apply(studio.Request((Message("user", "x"),), chat=lms.Chat())).messages[0].role == "system"


# ---- what came of it


def test_where_a_server_does_not_keep_to_it_that_is_said():
    off, low = Thinking("off", "m", {ENABLE: False}), Thinking("low", "m", {BUDGET: {"checked": True, "value": LOW}})
    assert off.remark(0) is None
    assert off.remark(7) == "m thought all the same, for 7 tokens."
    assert low.remark(LOW) is None
    assert low.remark(2 * LOW) == f"m thought for {2 * LOW} tokens; its server does not keep to the limit of {LOW}."
    assert Thinking("high", "m").remark(10_000) is None
    assert Thinking("low", "m", system="Reasoning: low").remark(10_000) is None


# ---- an answer


@pytest.mark.server
def test_an_answer_is_not_thought_about_where_that_is_asked_for(host):
    for level, thoughts in {"off": "", "high": "one two three"}.items():
        heard = ask(host, ASKED, model="scripted-thinking", think=level)
        assert (heard.reasoning, heard.text) == (thoughts, "Hi")
    assert "has no switch" in ask(host, ASKED, model="scripted", think="off").problem.title


@pytest.mark.server
def test_what_it_adds_to_the_prompt_is_counted_and_named(host):
    seen = {}
    for level in (None, "off"):
        heard = Heard()
        request = studio.Request(plan=Plan((Turn(ASKED),)), model="scripted-thinking", host=host, think=level)
        studio.start(request, heard).done.result(20)
        (seen[level],) = heard.of(Fitted)
        assert studio.preview(request).prompt_hash == seen[level].prompt_hash
    assert seen["off"].window.prompt == seen[None].window.prompt + 2  # <think> and </think>
    assert seen["off"].prompt_hash != seen[None].prompt_hash
