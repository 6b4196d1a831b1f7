"""The SDK's `AsyncClient`: five sockets at once, everything awaited."""

from __future__ import annotations

import asyncio

import lmstudio as lms
import pytest

from tests.server.conftest import script

ENDLESS = script({"text": "word ", "repeat": 100_000, "rate": 500})


@pytest.fixture
async def client(host, sdk):
    async with lms.AsyncClient(host) as client:
        yield client


async def test_lists(client):
    assert {"scripted", "scripted-slow"} <= {model.model_key for model in await client.llm.list_downloaded()}
    assert "scripted" in {model.model_key for model in await client.list_downloaded_models()}
    assert await client.list_loaded_models() == []
    assert await client.embedding.list_loaded() == []
    assert await client.repository.search_models("qwen") == []


async def test_load_ask_unload(client):
    told = []
    model = await client.llm.load_new_instance(
        "scripted", "mine", config={"contextLength": 99}, on_load_progress=told.append
    )
    assert told[-1] == 1.0
    assert await model.get_context_length() == 99
    assert (await model.get_info()).identifier == "mine"
    assert (await model.get_load_config()).context_length == 99
    assert await model.count_tokens("one two") == len(await model.tokenize("one two")) == 2
    assert await model.apply_prompt_template("Hi") == "<user>Hi</user>\n"
    await model.unload()
    with pytest.raises(lms.LMStudioModelNotFoundError):
        await model.get_info()


async def test_answers(client):
    model = await client.llm.model("scripted")
    assert (await model.respond("hello")).content == "You said: hello"
    assert (await model.complete("hello")).content == "You said: hello"
    stream = await model.respond_stream(script({"reasoning": "hm"}, {"text": "a b", "by": "word"}))
    kinds = [fragment.reasoning_type async for fragment in stream]
    assert kinds == ["reasoningStartTag", "reasoning", "reasoningEndTag", "none", "none"]
    assert stream.result().stats.stop_reason == "eosFound"


async def test_cancel(client, watch):
    stream = await (await client.llm.model("scripted")).respond_stream(ENDLESS)
    number = 0
    async for _ in stream:
        number += 1
        if number == 5:
            await stream.cancel()
    assert stream.result().stats.stop_reason == "userStopped"
    assert watch.state() == ("idle", 0)


async def test_many_at_once(client):
    model = await client.llm.model("scripted")
    asked = [model.respond(script({"text": f"{number} ", "repeat": 50})) for number in range(20)]
    answers = await asyncio.gather(*asked)
    assert [answer.content for answer in answers] == [f"{number} " * 50 for number in range(20)]
    counts = await asyncio.gather(*(model.count_tokens("word " * number) for number in range(300)))
    assert counts == list(range(300))


async def test_a_task_that_is_cancelled_and_its_client_closed_frees_the_slot(host, sdk, watch):
    async def run():
        async with lms.AsyncClient(host) as client:
            await (await client.llm.model("scripted")).respond(ENDLESS)

    task = asyncio.create_task(run())
    await asyncio.to_thread(lambda: watch.call("listLoaded"))
    while await asyncio.to_thread(watch.state) != ("generating", 0):
        assert not task.done()
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task
    await asyncio.to_thread(watch.wait_state, "idle")


async def test_errors(client):
    with pytest.raises(lms.LMStudioModelNotFoundError):
        await client.llm.model("no-such-model")
    with pytest.raises(lms.LMStudioServerError, match="file is damaged"):
        await client.llm.model("scripted-broken")
    model = await client.llm.model("scripted")
    with pytest.raises(lms.LMStudioPresetNotFoundError):
        await model.respond("x", preset="no-such-preset")
    with pytest.raises(lms.LMStudioServerError, match="on fire"):
        await model.respond(script({"error": "The GPU is on fire."}))
