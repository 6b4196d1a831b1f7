"""From turns to the messages the model is sent."""

from __future__ import annotations

import hashlib
import json
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Literal

from lmnb.chat.attached import Attached, Image, Told, render

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from lmnb.chat.turns import Turn

Role = Literal["system", "user", "assistant"]


@dataclass(frozen=True)
class Message:
    """One message: text, and the pictures that go with it."""

    role: Role
    content: str
    images: tuple[Image, ...] = ()


def messages(turns: Iterable[Turn], *, system: str | None = None) -> list[Message]:
    """The chat that ends with the last turn's prompt.

    The same turns always give the same messages, and a later turn changes nothing in those of an earlier one: the
    engine's prefix cache holds.

    Args:
        turns: In the order they were said; the last one is the one to be answered.
        system: The system prompt, if any; it comes first.

    Returns:
        Messages in which user and assistant alternate. A turn that got no answer is left out, as the SDK's `Chat` would
        otherwise merge its prompt with the next one; a partial answer is kept. Reasoning never goes back to the model.
    """
    first = [Message("system", system)] if system else []
    return [*first, *(message for _, said in by_turn(turns) for message in said)]


def by_turn(turns: Iterable[Turn]) -> list[tuple[Turn, list[Message]]]:
    """The turns that are heard, each with what it adds to the chat: its prompt and its answer; the last its prompt."""
    said = list(turns)
    told: dict[str, Attached] = {}
    result = [
        (turn, [_prompt(turn, told), Message("assistant", answer)])
        for turn in said[:-1]
        if (answer := turn.text.strip())
    ]
    return [*result, (said[-1], [_prompt(said[-1], told)])] if said else result


def told(turns: Iterable[Turn]) -> dict[str, Told]:
    """By name, what went along with turns that the model hears, as it was last."""
    found: dict[str, Told] = {}
    for number, turn in enumerate(turns, 1):
        for one in turn.attached if turn.text.strip() else ():
            before = found.get(one.name)
            same = before is not None and before.attached.hash == one.hash
            found[one.name] = Told(one, before.turn if before is not None and same else number)
    return found


def _prompt(turn: Turn, told: dict[str, Attached]) -> Message:
    text = render(turn.said, turn.attached, told)
    told.update({one.name: one for one in turn.attached})
    return Message("user", text, tuple(one.image for one in turn.attached if one.image is not None))


def prompt_hash(sent: Iterable[Message], config: Mapping[str, Any]) -> str:
    """A name for everything that a prediction was given: the same messages and settings have the same one."""
    said = [[message.role, message.content, [image.hash for image in message.images]] for message in sent]
    data = json.dumps([said, dict(config)], sort_keys=True, default=repr, ensure_ascii=False)
    return hashlib.sha256(data.encode("utf-8", "surrogatepass")).hexdigest()[:16]
