"""What went wrong, in the words the person reads."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal, TypedDict

if TYPE_CHECKING:
    from lmnb.chat.reply import Reply

ProblemKind = Literal[
    "noServer",  # nothing to talk to
    "noModel",  # no such model, or none at all
    "loadFailed",  # the model is there and does not load
    "lostConnection",  # the server went away
    "tooLong",  # the prompt does not fit into the context
    "refused",  # the server said no: token, config, schema
    "predictionFailed",  # the server failed while it answered
    "emptyAnswer",  # the model said nothing
    "notAsAsked",  # an answer that has not the shape that was asked for
    "internal",  # ours
]


class Choice(TypedDict):
    """One line of a list of what is there: a model, a command."""

    name: str
    note: str


class ProblemJSON(TypedDict):
    """A problem as it crosses the wire and as it is saved."""

    kind: str
    title: str
    lines: list[str]
    choices: list[Choice]


@dataclass(frozen=True)
class Problem:
    """What happened, what is there, and what to type next.

    Attributes:
        kind: For programs.
        title: One sentence: what happened.
        lines: Further sentences; `words in backticks` are commands or names. The last one says what to do next.
        choices: What is there instead, for example the near matches of a model key; read before the last line.
    """

    kind: ProblemKind
    title: str
    lines: tuple[str, ...] = ()
    choices: tuple[Choice, ...] = ()

    def to_json(self) -> ProblemJSON:
        """As plain data."""
        return {"kind": self.kind, "title": self.title, "lines": list(self.lines), "choices": list(self.choices)}

    def __str__(self) -> str:
        """As lines for a terminal or an exception."""
        rows = [f"  {choice['name']}  {choice['note']}".rstrip() for choice in self.choices]
        return "\n".join([self.title, *self.lines[:-1], *rows, *self.lines[-1:]])


class ChatError(Exception):
    """A turn that failed.

    Attributes:
        problem: What happened and what to do next.
        reply: What had been written before, if anything.
    """

    def __init__(self, problem: Problem, reply: Reply | None = None) -> None:
        super().__init__(str(problem))
        self.problem = problem
        self.reply = reply
