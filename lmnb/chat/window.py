"""What fits into the model's context: which turns are sent, and which are left out so that the rest has room."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal

from lmnb.chat import history

if TYPE_CHECKING:
    from collections.abc import Collection

    from lmnb.chat.history import Message
    from lmnb.chat.turns import Turn

Rule = Literal["oldest", "middle", "off"]
"""What is left out first when the turns do not fit: the oldest; those after the first; nothing (then it is refused)."""


@dataclass(frozen=True)
class Window:
    """How a prompt sits in the model's context.

    Attributes:
        prompt: Tokens of the prompt that was sent, template and all; None where the server could not count them.
        length: Tokens of the model's context; None where the server does not say.
        room: Tokens kept for the answer.
        left_out: The ids of the turns that were not sent.
        left_out_tokens: What they would have taken.
    """

    prompt: int | None = None
    length: int | None = None
    room: int = 0
    left_out: tuple[str, ...] = ()
    left_out_tokens: int = 0


@dataclass(frozen=True)
class Plan:
    """What a prediction may send: more than fits, and the rule by which the rest is left out.

    Attributes:
        turns: In the order they were said; the last one is to be answered.
        system: The system prompt, never left out.
        rule: What goes first.
        room: Tokens to keep for the answer; None: `maxTokens` where it is set, else a share of the context.
    """

    turns: tuple[Turn, ...]
    system: str | None = None
    rule: Rule = "oldest"
    room: int | None = None

    @property
    def already_out(self) -> tuple[str, ...]:
        """The ids of the turns that the turn before was sent without: they stay out, so that the prefix stays put."""
        before = next((turn.window for turn in reversed(self.turns[:-1]) if turn.window is not None), None)
        return before.left_out if before else ()

    def messages(self, without: Collection[str] = ()) -> list[Message]:
        """The messages, without the turns of these ids."""
        return history.messages([turn for turn in self.turns if turn.id not in without], system=self.system)
