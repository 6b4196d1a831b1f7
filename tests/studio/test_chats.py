"""An SDK `Chat` goes in and comes out."""

from __future__ import annotations

import lmstudio as lms
import pytest

from lmnb.chat.history import Message, messages
from lmnb.chat.problems import ChatError
from lmnb.studio import chats


def entries(chat):
    return [(m["role"], "|".join(p["text"] for p in m["content"])) for m in chat._get_history()["messages"]]


def test_messages_become_a_chat():
    said = [Message("system", "s"), Message("user", "a"), Message("assistant", "b"), Message("user", "c")]
    assert entries(chats.to_chat(said)) == [("system", "s"), ("user", "a"), ("assistant", "b"), ("user", "c")]


def test_messages_of_one_role_in_a_row_do_not_raise():
    said = [Message("user", "a"), Message("assistant", "b"), Message("assistant", "c")]
    assert entries(chats.to_chat(said)) == [("user", "a"), ("assistant", "b\n\nc")]


def test_a_chat_goes_in_and_comes_out_with_the_same_words():
    chat = lms.Chat("be brief")
    chat.add_user_message("one?")
    chat.add_assistant_response("1")
    chat.add_user_message("two?")
    chat.add_assistant_response("2")
    system, turns = chats.from_chat(chat)
    assert system == "be brief"
    assert [(turn.prompt, turn.text, turn.running) for turn in turns] == [("one?", "1", False), ("two?", "2", False)]
    assert entries(chats.to_chat(messages(turns, system=system), last=turns[-1:])) == entries(chat)


def test_a_chat_that_waits_for_its_answer():
    system, (turn,) = chats.from_chat(lms.Chat.from_history("hello"))
    assert (system, turn.prompt, turn.text) == (None, "hello", "")


def test_tool_calls_are_kept_as_words():
    chat = lms.Chat()
    chat.add_user_message("what is 2+2?")
    request = lms.ToolCallRequest(type="function", id="1", name="add", arguments={"a": 2, "b": 2})
    chat.add_assistant_response("Let me see.", [request])
    chat.add_tool_result(lms.ToolCallResultData(content="4", tool_call_id="1"))
    chat.add_assistant_response("It is 4.")
    _, (turn,) = chats.from_chat(chat)
    assert turn.text == 'Let me see.\n\n[called add({"a": 2, "b": 2})]\n\n[result: 4]\n\nIt is 4.'


def test_an_image_is_refused_with_a_reason():
    chat = lms.Chat()
    chat.add_user_message("look", images=[{"name": "a.png", "identifier": "1", "sizeBytes": 1, "fileType": "image"}])
    with pytest.raises(ChatError, match=r"a\.png"):
        chats.from_chat(chat)


def test_what_is_no_chat_is_refused():
    with pytest.raises(ChatError, match="A dict is no chat"):
        chats.from_chat({})


def test_messages_after_a_chat():
    base = lms.Chat("old")
    base.add_user_message("a")
    base.add_assistant_response("b")
    chat = chats.to_chat([Message("system", "new"), Message("user", "c")], base=base)
    assert entries(chat) == [("system", "old"), ("user", "a"), ("assistant", "b"), ("user", "c")]
    assert len(entries(base)) == 3, "the person's own chat is not changed"


def test_a_system_prompt_comes_first_where_the_chat_has_none():
    base = lms.Chat.from_history("a")
    chat = chats.to_chat([Message("system", "new"), Message("user", "c")], base=base)
    assert entries(chat) == [("system", "new"), ("user", "a|c")]
