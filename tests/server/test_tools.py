"""The SDK's `act`: the model calls tools, hears what came of it, and answers."""

from __future__ import annotations

import lmstudio as lms
import pytest

from tests.server.conftest import script


def add(a: int, b: int) -> int:
    """Add two numbers."""
    return a + b


def fail(why: str) -> str:
    """Fail."""
    raise ValueError(why)


CALL = {"tool": {"name": "add", "arguments": {"a": 2, "b": 3}}}


@pytest.fixture
def model(sdk):
    return sdk.llm.load_new_instance("scripted")


def test_a_tool_is_called_and_its_result_is_heard(model):
    messages = []
    result = model.act(script({"text": "Let me see. "}, CALL), [add], on_message=messages.append)
    assert result.rounds == 2
    assert [type(message).__name__ for message in messages] == [
        "AssistantResponse",
        "ToolResultMessage",
        "AssistantResponse",
    ]
    assert messages[1].content[0].content == "5"
    assert messages[-1].content[0].text == "The tool said: 5"


def test_two_tools_in_one_round(model):
    messages = []
    second = {"tool": {"name": "add", "arguments": {"a": 10, "b": 20}}}
    model.act(script(CALL, second), [add], on_message=messages.append, max_parallel_tool_calls=2)
    assert [part.tool_call_request.name for part in messages[0].content[1:]] == ["add", "add"]
    assert sorted(messages[-1].content[0].text.removeprefix("The tool said: ").split(", ")) == ["30", "5"]


def test_two_rounds_with_tools(model):
    rounds = []
    reasons = []
    result = model.act(
        script(CALL, {"text": "again "}, CALL, {"text": "done"}),
        [add],
        on_round_start=lambda number: rounds.append(("start", number)),
        on_round_end=lambda number: rounds.append(("end", number)),
        on_prediction_completed=lambda completed: reasons.append(completed.stats.stop_reason),
    )
    assert result.rounds == 3
    assert rounds == [(kind, number) for number in range(3) for kind in ("start", "end")]
    assert reasons == ["toolCalls", "toolCalls", "eosFound"]


def test_the_callbacks_know_their_round(model):
    heard = []
    model.act(
        script({"text": "Let me see."}, CALL),
        [add],
        on_first_token=lambda number: heard.append(("first", number)),
        on_prediction_fragment=lambda fragment, number: heard.append((fragment.content.strip(), number)),
        on_prompt_processing_progress=lambda progress, number: heard.append((progress, number)),
    )
    assert [what for what in heard if what[1] == 0] == [
        (0.0, 0),
        (1.0, 0),
        ("first", 0),
        ("Let", 0),
        ("me", 0),
        ("see.", 0),
    ]
    assert ("first", 1) in heard


def test_a_tool_that_fails(model):
    messages = []
    model.act(script({"tool": {"name": "fail", "arguments": {"why": "no ink"}}}), [fail], on_message=messages.append)
    assert "no ink" in messages[-1].content[0].text


def test_a_tool_that_is_not_there(model):
    messages, asked = [], []

    def handle(error, request):
        asked.append((error, request.name))
        return "There is no such tool."

    call = {"tool": {"name": "no_such_tool", "arguments": {}}}
    model.act(script(call), [add], on_message=messages.append, handle_invalid_tool_request=handle)
    assert asked[0][1] == "no_such_tool"
    assert messages[-1].content[0].text == "The tool said: There is no such tool."


def test_a_call_that_cannot_be_parsed(model):
    with pytest.raises(lms.LMStudioPredictionError, match="Failed to parse"):
        model.act(script({"tool": {"name": "add", "arguments": "{a: 2"}}), [add])


def test_the_model_is_told_which_tools_there_are(frames, sdk, model):
    told = []
    model.act(script({"config": True}), [add], on_prediction_fragment=lambda fragment, _: told.append(fragment.content))
    assert '"name": "add"' in "".join(told)
    assert '"description": "Add two numbers."' in "".join(told)


async def test_tools_of_the_async_client(host, sdk, model):
    async def later(a: int, b: int) -> int:
        """Add two numbers, later."""
        return a + b

    async with lms.AsyncClient(host) as client:
        messages = []
        call = {"tool": {"name": "later", "arguments": {"a": 2, "b": 3}}}
        result = await (await client.llm.model("scripted")).act(script(call), [later], on_message=messages.append)
    assert result.rounds == 2
    assert messages[-1].content[0].text == "The tool said: 5"
