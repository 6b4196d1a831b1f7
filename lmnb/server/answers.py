"""What is found in the text a model writes: reasoning between its tags, and tool calls in LM Studio's own format."""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Literal

from lmnb.server.errors import ServerError
from lmnb.server.prompts import CALL, END_CALL

if TYPE_CHECKING:
    from collections.abc import Iterator

Kind = Literal["none", "reasoning", "reasoningStartTag", "reasoningEndTag"]


@dataclass(frozen=True)
class Piece:
    """Some text, and what it is."""

    text: str
    kind: Kind = "none"


@dataclass(frozen=True)
class CallBegun:
    """The model begins to call a tool."""


@dataclass(frozen=True)
class CallMade:
    """It has called one, in these words."""

    raw: str


def begun(text: str, marker: str) -> int:
    """How many characters at the end of a text may be the beginning of a marker."""
    longest = min(len(marker) - 1, len(text))
    return next((count for count in range(longest, 0, -1) if text.endswith(marker[:count])), 0)


class Reasoning:
    """Tells reasoning from the answer. The tags may come in pieces; reasoning is looked for once.

    Args:
        start: Where it begins.
        end: Where it ends.
        inside: Whether the prompt has begun it already, as some templates do.
    """

    def __init__(self, start: str, end: str, *, inside: bool = False) -> None:
        self._start = start
        self._end = end
        self._inside = inside
        self._over = not (start and end)
        self._held = ""

    def feed(self, text: str) -> Iterator[Piece]:
        """The pieces that are certain now."""
        self._held += text
        while not self._over and (found := self._held.find(self._tag)) >= 0:
            yield from self._piece(self._held[:found])
            yield Piece(self._tag, "reasoningEndTag" if self._inside else "reasoningStartTag")
            self._held = self._held[found + len(self._tag) :]
            self._over, self._inside = self._inside, not self._inside
        keep = 0 if self._over else begun(self._held, self._tag)
        ready, self._held = self._held[: len(self._held) - keep], self._held[len(self._held) - keep :]
        yield from self._piece(ready)

    def end(self) -> Iterator[Piece]:
        """What was held back."""
        held, self._held = self._held, ""
        yield from self._piece(held)

    @property
    def _tag(self) -> str:
        return self._end if self._inside else self._start

    def _piece(self, text: str) -> Iterator[Piece]:
        if text:
            yield Piece(text, "reasoning" if self._inside else "none")


class ToolRequests:
    """Finds tool calls in text. After one, only more may follow: anything else is the model playing the tool."""

    def __init__(self) -> None:
        self._held = ""
        self._calling = False
        self._called = False
        self.over = False

    def feed(self, text: str) -> Iterator[Piece | CallBegun | CallMade]:
        """What is certain now; after `over` nothing more."""
        self._held += text
        while not self.over:
            marker = END_CALL if self._calling else CALL
            found = self._held.find(marker)
            if found < 0:
                break
            before, self._held = self._held[:found], self._held[found + len(marker) :]
            if self._calling:
                yield CallMade(before)
            else:
                yield from self._text(before)
                if self._called and before.strip():
                    break
                yield CallBegun()
            self._called = self._called or self._calling
            self._calling = not self._calling
        if not self._calling and not self.over:
            ready = len(self._held) - begun(self._held, CALL)
            yield from self._text(self._held[:ready])
            self._held = self._held[ready:]

    def end(self) -> Iterator[Piece | CallMade]:
        """What was held back. A call whose end is missing counts."""
        held, self._held = self._held, ""
        if not self.over:
            yield from [CallMade(held)] if self._calling else self._text(held)

    def _text(self, text: str) -> Iterator[Piece]:
        if self._called:
            self.over = self.over or bool(text.strip())
        elif text:
            yield Piece(text)


def parse_call(raw: str) -> tuple[str, dict[str, Any]]:
    """Name and arguments of a call in LM Studio's format.

    Raises:
        ServerError: If it is none.
    """
    try:
        call = json.loads(raw)
        name, arguments = call["name"], call.get("arguments") or {}
    except (ValueError, TypeError, KeyError, AttributeError, RecursionError):
        raise ServerError(f"The model wrote a tool call that cannot be read: {raw.strip()[:500]}") from None
    return str(name), parse_arguments(arguments)


def parse_arguments(arguments: Any) -> dict[str, Any]:
    """The arguments of a call, which may come as text.

    Raises:
        ServerError: If they are no JSON object.
    """
    try:
        read = json.loads(arguments or "{}") if isinstance(arguments, str) else arguments
    except (ValueError, RecursionError):
        read = None
    if not isinstance(read, dict):
        raise ServerError(f"The model wrote tool arguments that cannot be read: {str(arguments)[:500]}")
    return read
