"""From turns to the messages the model is sent."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal

if TYPE_CHECKING:
    from collections.abc import Iterable

    from lmnb.chat.turns import Turn

Role = Literal["system", "user", "assistant"]


@dataclass(frozen=True)
class Message:
    """One message, as text."""

    role: Role
    content: str


def messages(turns: Iterable[Turn], *, system: str | None = None) -> list[Message]:
    """The chat that ends with the last turn's prompt.

    Args:
        turns: In the order they were said; the last one is the one to be answered.
        system: The system prompt, if any; it comes first.

    Returns:
        Messages in which user and assistant alternate. A turn that got no answer is left out, as the SDK's `Chat` would
        otherwise merge its prompt with the next one; a partial answer is kept. Reasoning never goes back to the model.
    """
    said = list(turns)
    result = [Message("system", system)] if system else []
    for turn in said[:-1]:
        if answer := turn.text.strip():
            result += [Message("user", turn.prompt), Message("assistant", answer)]
    return [*result, Message("user", said[-1].prompt)] if said else result
