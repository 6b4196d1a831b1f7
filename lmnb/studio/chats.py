"""The SDK's `Chat`: what was said goes in, and comes out again."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

from lmnb.chat.problems import ChatError, Problem
from lmnb.chat.turns import Part, Turn

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

    import lmstudio as lms

    from lmnb.chat.history import Message


def to_chat(
    messages: Iterable[Message],
    *,
    last: Sequence[Turn] = (),
    base: lms.Chat | None = None,
    files: Mapping[str, Any] | None = None,
) -> lms.Chat:
    """A new `Chat` of these messages.

    Args:
        messages: In order. Two of the user's in a row are merged by the SDK; of two of another role the later one is
            appended to the earlier, as the SDK would raise.
        last: The turn whose prompt the messages end with: its answer, as far as it goes, is added.
        base: What was said before; it is copied. Its system prompt stands, if it has one.
        files: What the server knows the pictures by: parts of a message, by the hash of a picture. A picture that is
            not among them is left out.
    """
    import lmstudio as lms  # noqa: PLC0415

    said = [(message.role, message.content, _parts(message, files or {})) for message in messages]
    said += [("assistant", turn.text, []) for turn in last if turn.text.strip()]
    history = [] if base is None else list(base._get_history()["messages"])
    if history and history[0]["role"] != "system":
        history = [_entry(each) for each in said if each[0] == "system"][:1] + history
    if history:
        said = [each for each in said if each[0] != "system"]
    history += [_entry(each) for each in _merged(said)]
    return lms.Chat.from_history({"messages": history})


def texts(chat: lms.Chat) -> list[str]:
    """What is written in a `Chat`, message by message."""
    messages = chat._get_history()["messages"]
    return ["\n".join(str(part.get("text") or part.get("content") or "") for part in m["content"]) for m in messages]


def _parts(message: Message, files: Mapping[str, Any]) -> list[Any]:
    return [files[image.hash] for image in message.images if image.hash in files]


def _entry(said: tuple[str, str, list[Any]]) -> Any:
    role, text, parts = said
    return {"role": role, "content": [{"type": "text", "text": text}, *parts]}


def _merged(said: Iterable[tuple[str, str, list[Any]]]) -> list[tuple[str, str, list[Any]]]:
    result: list[tuple[str, str, list[Any]]] = []
    for role, text, parts in said:
        if result and result[-1][0] == role:
            _, before, others = result[-1]
            result[-1] = (role, f"{before}\n\n{text}", [*others, *parts])
        else:
            result.append((role, text, parts))
    return result


def from_chat(chat: lms.Chat) -> tuple[str | None, list[Turn]]:
    """The system prompt and the turns of a `Chat`.

    Tool calls and their results become part of the answer's text, as our turns keep what was said, not what was run.

    Raises:
        ChatError: If it is no chat, or has an image or another file in it.
    """
    history = getattr(chat, "_get_history", None)
    if history is None:
        title = f"A {type(chat).__name__} is no chat."
        raise ChatError(Problem("refused", title, ("Give an `lms.Chat`; `lms.Chat.from_history(…)` makes one.",)))
    system: list[str] = []
    pairs: list[tuple[list[str], list[str]]] = []
    for message in history()["messages"]:
        texts = [_text(part) for part in message["content"]]
        if message["role"] == "system":
            system += texts
        elif message["role"] == "user":
            if not pairs or pairs[-1][1]:
                pairs.append(([], []))
            pairs[-1][0].extend(texts)
        else:
            pairs = pairs or [([], [])]
            pairs[-1][1].extend(filter(None, texts))
    turns = [_turn("\n".join(prompt), "\n\n".join(answer)) for prompt, answer in pairs]
    return "\n\n".join(system) or None, turns


def _turn(prompt: str, answer: str) -> Turn:
    turn = Turn(prompt, status="done", parts=[Part("text", answer)] if answer else [])
    turn.ended = turn.started
    return turn


def _text(part: Any) -> str:
    match part.get("type"):
        case "text":
            return str(part["text"])
        case "toolCallRequest":
            call = part["toolCallRequest"]
            return f"[called {call['name']}({json.dumps(call.get('arguments') or {}, ensure_ascii=False)})]"
        case "toolCallResult":
            return f"[result: {part['content']}]"
        case kind:
            name = part.get("name") or kind
            raise ChatError(
                Problem(
                    "refused",
                    f"The chat has a file in it ({name}), and lmnb's turns keep only text.",
                    ("Images live on the server that took them and are gone when it restarts.", "Give a chat of text."),
                )
            )
