"""A conversation in Python: through the unmodified SDK, over a real websocket, with the scripted model."""

from __future__ import annotations

import asyncio
import json
import threading

import lmstudio as lms
import pytest

import lmnb
from lmnb.chat.events import Fragment
from lmnb.chat.turns import Turn

pytestmark = pytest.mark.server


def script(*steps):
    return json.dumps(list(steps))


HELLO = script({"text": "Hello **world**"})
HISTORY = script({"history": True})


@pytest.fixture
def conversation(scripted_server):
    return lmnb.Conversation(model="scripted", host=scripted_server)


def heard(reply):
    """What the server was sent, by its own word."""
    return [(m["role"], m["content"][0]["text"]) for m in json.loads(reply.text)]


def test_respond_returns_the_whole_reply(conversation):
    reply = conversation.respond(HELLO)
    assert reply.text == "Hello **world**"
    assert reply.stats.stop_reason == "eosFound"
    assert reply.stats.predicted_tokens_count > 0
    assert "scripted" in str(reply.model)
    assert conversation.turns[0].status == "done"


def test_reasoning_and_code_are_apart(conversation):
    reply = conversation.respond(
        script({"reasoning": "Let me see."}, {"text": "Do this:\n\n```python\nx = 1\n```\n", "by": "char"})
    )
    assert reply.reasoning == "Let me see."
    assert reply.code.strip() == "x = 1"
    assert "Let me see" not in reply.text


def test_fragments_one_by_one(conversation):
    answer = conversation.respond_stream(script({"text": "a b c d"}))
    fragments = list(answer)
    assert len(fragments) == 4
    assert all(isinstance(f, Fragment) for f in fragments)
    assert "".join(f.content for f in fragments) == "a b c d" == answer.result().text


async def test_awaited_and_iterated_on_a_loop(conversation):
    assert (await conversation.respond_stream(HELLO)).text == "Hello **world**"
    answer = conversation.respond_stream(script({"text": "a b c"}))
    assert "".join([f.content async for f in answer]) == "a b c"


def test_the_model_hears_the_turns_before_and_the_system_prompt(conversation):
    conversation.system = "Be brief."
    conversation.respond(HELLO)
    reply = conversation.respond(HISTORY)
    assert heard(reply) == [
        ("system", "Be brief."),
        ("user", HELLO),
        ("assistant", "Hello **world**"),
        ("user", HISTORY),
    ]


def test_reasoning_does_not_go_back_to_the_model(conversation):
    conversation.respond(script({"reasoning": "secret thought"}, {"text": "Answer."}))
    assert "secret thought" not in str(heard(conversation.respond(HISTORY))[1])


def test_a_cell_that_asks_again_replaces_its_turn_and_keeps_what_followed_as_a_branch(conversation):
    for cell, prompt in [("a", script({"text": "first"})), ("b", HELLO), ("a", script({"text": "second"}))]:
        conversation.stream(prompt, cell=cell).result()
    assert [(turn.cell, turn.text) for turn in conversation.turns] == [("a", "second")]
    (branch,) = conversation.branches
    assert [turn.text for turn in branch.turns] == ["first", "Hello **world**"]
    assert conversation.turns[0].notices == [
        "Replaces turn 1; 1 later turn is kept as branch 1. `%chat switch 1` goes back."
    ]
    reply = conversation.stream(HISTORY, cell="c").result()
    assert [text for _, text in heard(reply)][1] == "second"
    conversation.switch(1)
    assert [turn.text for turn in conversation.turns] == ["first", "Hello **world**"]


def test_run_all_twice_gives_the_same_conversation(conversation):
    cells = {"a": HELLO, "b": script({"text": "b"}), "c": HISTORY}
    for run in "12":
        for cell, prompt in cells.items():
            conversation.stream(prompt, cell=cell, run=run + cell).result()
        if run == "1":
            first = [(turn.cell, turn.prompt, turn.text, turn.prompt_hash) for turn in conversation.turns]
    assert [(turn.cell, turn.prompt, turn.text, turn.prompt_hash) for turn in conversation.turns] == first
    assert conversation.branches == ()
    assert conversation.lines.number == 1


def test_a_second_question_waits_for_the_first_and_says_so(conversation):
    seen = []
    slow = conversation.stream(script({"text": "word ", "repeat": 20, "rate": 100}))
    slow.start()
    second = conversation.stream(HISTORY)
    second.listen(lambda event: seen.append((type(event).__name__, slow.done)))
    reply = second.result()
    assert seen[0] == ("Queued", False)
    assert all(done for name, done in seen if name == "Connecting")
    assert heard(reply)[1] == ("assistant", ("word " * 20).strip())


def test_a_queued_question_can_be_stopped(conversation):
    slow = conversation.stream(script({"text": "word ", "repeat": 100_000, "rate": 100})).start()
    second = conversation.stream(HELLO).start()
    second.stop()
    assert second.result().turn.status == "stopped"
    slow.stop()
    slow.wait()
    assert conversation.ask(HELLO).text == "Hello **world**"


def test_a_cell_that_is_run_again_stops_what_it_asked_before(conversation):
    first = conversation.stream(script({"text": "word ", "repeat": 100_000, "rate": 100}), cell="a", run="1").start()
    assert conversation.stream(HELLO, cell="a", run="2").result().text == "Hello **world**"
    assert first.turn.status == "stopped"


def test_two_models_answer_beside_each_other(conversation):
    first = conversation.stream(HELLO)
    first.start()
    other = conversation.beside(first, "scripted").result()
    assert other.text == "Hello **world**"
    assert [turn.text for turn in conversation.turns] == ["Hello **world**"]


def test_a_conversation_branches_off_and_the_first_stays(conversation):
    conversation.ask(HELLO)
    other = conversation.branch(name="other")
    other.ask(script({"text": "more"}))
    assert (len(conversation), len(other)) == (1, 2)


def test_going_on_needs_an_answer(conversation):
    with pytest.raises(lmnb.ChatError, match="no answer to go on"):
        conversation.go_on()
    conversation.ask(HELLO)
    assert conversation.go_on().turn.prompt.startswith("Go on")


def test_model_and_system_hold_until_they_are_said_again(conversation):
    conversation.model = None
    conversation.respond(HELLO, model="scripted", system="One.")
    assert heard(conversation.respond(HISTORY))[0] == ("system", "One.")
    assert heard(conversation.respond(HISTORY, system="Two."))[0] == ("system", "Two.")


def test_a_model_that_is_not_there_does_not_hold(conversation):
    conversation.model = None
    conversation.respond(HELLO, model="scripted")
    with pytest.raises(lmnb.ChatError, match="nosuch"):
        conversation.respond(HELLO, model="nosuch")
    assert conversation.respond(HELLO).model == "scripted"


def test_config_reaches_the_server_in_the_sdk_spelling(conversation):
    conversation.config = {"temperature": 0.1, "maxTokens": 50}
    reply = conversation.respond(script({"config": True}), config={"temperature": 0.7, "topKSampling": 12})
    sent = json.loads(reply.text)
    assert sent["llm.prediction.temperature"] == 0.7
    assert sent["llm.prediction.topKSampling"] == 12
    assert sent["llm.prediction.maxPredictedTokens"] == {"checked": True, "value": 50}


def test_a_failure_carries_its_problem_and_what_was_written(conversation):
    with pytest.raises(lmnb.ChatError) as caught:
        conversation.respond(script({"text": "So far"}, {"error": "The engine broke."}))
    assert "The engine broke." in str(caught.value)
    assert caught.value.reply.text == "So far"
    assert conversation.turns[-1].status == "failed"


def test_a_failed_turn_without_words_is_not_said_again(conversation):
    with pytest.raises(lmnb.ChatError):
        conversation.respond(script({"error": "no"}))
    assert heard(conversation.respond(HISTORY)) == [("user", HISTORY)]


def test_stop_keeps_the_partial(conversation):
    answer = conversation.respond_stream(script({"text": "word ", "repeat": 100_000, "rate": 200}))
    answer.listen(lambda event: answer.stop() if isinstance(event, Fragment) else None)
    reply = answer.result()
    assert reply.text.startswith("word")
    assert reply.turn.status == "stopped"


async def test_a_cancelled_task_stops_the_prediction_and_keeps_the_partial(conversation):
    answer = conversation.respond_stream(script({"text": "word ", "repeat": 100_000, "rate": 200}))
    begun = asyncio.Event()
    loop = asyncio.get_running_loop()
    answer.listen(lambda event: loop.call_soon_threadsafe(begun.set) if isinstance(event, Fragment) else None)
    task = asyncio.ensure_future(answer.ended())
    await begun.wait()
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task
    assert answer.turn.status == "interrupted"
    assert answer.turn.text.startswith("word")
    written = len(answer.turn.text)
    conversation.respond(HELLO)  # the server is free again, and nothing more came in
    assert len(answer.turn.text) == written


def test_leaving_the_loop_early_stops_the_prediction(conversation):
    answer = conversation.respond_stream(script({"text": "word ", "repeat": 100_000, "rate": 200}))
    for _fragment in answer:
        break
    answer.wait()
    assert answer.turn.status == "interrupted"


def test_a_listener_that_breaks_does_not_take_the_answer_with_it(conversation):
    answer = conversation.respond_stream(HELLO)
    answer.listen(lambda event: 1 / 0)
    assert answer.result().text == "Hello **world**"


def test_two_conversations_at_once(scripted_server):
    replies = {}

    def ask(name):
        mine = lmnb.Conversation(model="scripted", host=scripted_server)
        replies[name] = mine.respond(script({"text": f"{name} ", "repeat": 50, "rate": 500})).text

    threads = [threading.Thread(target=ask, args=(name,)) for name in ("one", "two")]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert replies == {"one": "one " * 50, "two": "two " * 50}


def test_an_sdk_chat_goes_in_and_comes_out(scripted_server):
    chat = lms.Chat("Be brief.")
    chat.add_user_message("One?")
    chat.add_assistant_response("One.")
    conversation = lmnb.Conversation(model="scripted", host=scripted_server, chat=chat)
    assert heard(conversation.respond(HISTORY)) == [
        ("system", "Be brief."),
        ("user", "One?"),
        ("assistant", "One."),
        ("user", HISTORY),
    ]
    out = conversation.to_chat()
    assert isinstance(out, lms.Chat)
    assert "One?" in str(out)


def test_a_conversation_says_how_long_it_is():
    conversation = lmnb.Conversation()
    conversation.lines.turns = [Turn("hi")]
    assert repr(conversation) == "<lmnb.Conversation: 1 turn>"


def test_plain_objects_go_along(conversation, tmp_path):
    (tmp_path / "notes.txt").write_text("hello")
    reply = conversation.ask("Well?", attach=[lmnb.attach({"a": 1}, "d"), tmp_path / "notes.txt"])
    assert [one.name for one in conversation.turns[0].attached] == ["d", str(tmp_path / "notes.txt")]
    assert "notes.txt`:\n```\nhello\n```" in reply.text
    assert reply.text.endswith("\n\nWell?")
    assert "words" in str(conversation.preview("hi", attach={"text": "words"}))


@pytest.mark.parametrize("prompt", [None, 3])
def test_a_prompt_that_is_no_text_is_refused_before_it_is_a_turn(conversation, prompt):
    with pytest.raises(TypeError, match="must be str"):
        conversation.ask(prompt)
    assert conversation.turns == []
    assert conversation.to_markdown() is not None
