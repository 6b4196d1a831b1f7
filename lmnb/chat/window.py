"""What fits into the model's context: which turns are sent, and which are left out so that the rest has room."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal

from lmnb.chat import history
from lmnb.chat.history import Message

if TYPE_CHECKING:
    from collections.abc import Collection, Iterable, Sequence

    from lmnb.chat.turns import Turn

Rule = Literal["oldest", "middle", "off"]
"""What is left out first when the turns do not fit: the oldest; those after the first turn, which goes last; nothing
(then a prompt that does not fit is refused)."""

SHARE = 0.2
MOST_ROOM = 1024
"""Kept for the answer where nobody said how much: a fifth of the context, but not more than this many tokens."""

THINKING_SHARE = 0.25
MOST_THINKING = 4096
"""The same for a model that thinks before it answers: its thoughts take room, too."""

LEAST_ROOM = 64
"""Tokens for the answer below which a prompt counts as one that does not fit."""

LOW = 0.75
"""What the turns may fill, of the room that they have, after some were left out. If only the one turn went that has no
room, the next one would have to go at the next prompt, and the engine would read everything else again, every time."""

FLOOR = 0.5
"""A turn goes for the sake of `LOW` only if at least so much stays; one that has no room goes in any case."""


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
class Said:
    """What one turn, or the system prompt, adds to the chat.

    Attributes:
        turn: None: the system prompt.
    """

    turn: Turn | None
    messages: tuple[Message, ...]


@dataclass(frozen=True)
class Plan:
    """What a prediction may send: more than fits, and the rule by which the rest is left out.

    Attributes:
        turns: In the order they were said, all of them; the last one is to be answered.
        system: The system prompt, never left out.
        rule: What goes first.
        room: Tokens to keep for the answer; None: `maxTokens` where it is set, else a share of the context.
    """

    turns: tuple[Turn, ...]
    system: str | None = None
    rule: Rule = "oldest"
    room: int | None = None

    def messages(self, without: Collection[str] = ()) -> list[Message]:
        """The messages, without the turns of these ids."""
        return [message for said in self.said(without) for message in said.messages]

    def said(self, without: Collection[str] = ()) -> list[Said]:
        """The messages by turn, without the turns of these ids.

        They are rendered for what is sent: what went along with a turn that is left out is given whole in a later one.
        """
        first = [Said(None, (Message("system", self.system),))] if self.system else []
        gone = frozenset(without)
        turns = [turn for turn in self.turns if turn.id not in gone]
        return [*first, *(Said(turn, tuple(messages)) for turn, messages in history.by_turn(turns))]

    def before(self, length: int | None = None, names: Collection[str] = ()) -> Window | None:
        """How the last prompt before this one sat in its context; None where there is none that was counted.

        Args:
            length: Only of a context of this length.
            names: Only of a model with one of these keys or identifiers.
        """
        for turn in reversed(self.turns[:-1]):
            if turn.window is None:
                continue
            if not names or (turn.window.length == length and {turn.model, turn.facts and turn.facts.key} & {*names}):
                return turn.window
        return None

    def already_out(self, length: int, names: Collection[str]) -> tuple[str, ...]:
        """The ids of the turns that are not even tried.

        What this model was not sent last time stays out, so that the prefix stays put and its engine need not read it
        again, unless it was pinned meanwhile. Another model, or another context length, begins with all turns.
        """
        before = self.before(length, names)
        if before is None or self.rule == "off":
            return ()
        out = frozenset(before.left_out)
        return tuple(turn.id for turn in self.turns[:-1] if turn.id in out and not turn.pinned)

    def removable(self, said: Iterable[Said]) -> list[Said]:
        """Those of these that may be left out, in the order in which they go."""
        if self.rule == "off":
            return []
        last = self.turns[-1]
        may = [each for each in said if each.turn is not None and each.turn is not last and not each.turn.pinned]
        heard = next((turn for turn in self.turns if turn.text.strip()), None)
        if self.rule == "middle" and may and may[0].turn is heard:
            may = [*may[1:], may[0]]
        return may

    def numbers(self, ids: Collection[str]) -> str:
        """The turns of these ids as a person names them: `Turn 3`, `Turns 1–4, 6`.

        One that was never answered and stands between them breaks no range.
        """
        silent = {turn.id for turn in self.turns[:-1] if not turn.text.strip()}
        runs: list[list[int]] = []
        joined = False
        for number, turn in enumerate(self.turns, 1):
            if turn.id in ids:
                runs = [*runs[:-1], [runs[-1][0], number]] if joined else [*runs, [number, number]]
                joined = True
            elif turn.id not in silent:
                joined = False
        names = ", ".join(str(a) if a == b else f"{a}–{b}" for a, b in runs)
        return f"Turn {names}" if len(ids) == 1 else f"Turns {names}"


def choose(sizes: Sequence[int], total: int, available: int) -> int:
    """How many turns go.

    Args:
        sizes: Tokens of the turns that may go, in the order in which they do.
        total: Tokens of the whole prompt.
        available: Tokens it may have. None of the turns goes if it has no more.

    Returns:
        As many as it takes, and then on towards `LOW`, so that the next prompts find room without another change. All,
        where that is not enough.
    """
    if total <= available:
        return 0
    history_room = max(0, available - (total - sum(sizes)))
    low, floor = (total - available + round(history_room * (1 - share)) for share in (LOW, FLOOR))
    freed = 0
    for count, size in enumerate(sizes):
        if freed >= total - available and (freed >= low or freed + size > floor):
            return count
        freed += size
    return len(sizes)


def room_for_answer(plan: Plan, length: int, max_tokens: object = None, *, thinks: bool = False) -> int:
    """Tokens to keep free behind the prompt.

    Args:
        plan: Its `room` goes first.
        length: Of the context.
        max_tokens: The limit of the answer, where there is one (`maxTokens`, which may be False). It is a limit and no
            wish: of more than half the context only half is kept, as turns would have to go for an answer that is
            seldom that long. The limit itself stays as it is; the answer ends where the context does.
        thinks: Whether the model thinks before it answers.
    """
    if plan.room is not None:
        return max(1, plan.room)
    if isinstance(max_tokens, int) and not isinstance(max_tokens, bool):
        return max(1, min(max_tokens, length // 2))
    if thinks:
        return max(1, min(MOST_THINKING, round(length * THINKING_SHARE)))
    return max(1, min(MOST_ROOM, round(length * SHARE)))


def left_out_notice(plan: Plan, window: Window, before: Window | None) -> str | None:
    """What is said of the turns that were left out: only where others were than the last time."""
    was = set(before.left_out) & {turn.id for turn in plan.turns} if before else set()
    now = set(window.left_out)
    if now == was:
        return None
    if not now or now < was:
        again = was - now
        return f"{plan.numbers(again)} {_are(again)} sent again: the context of {window.length:,} tokens has room."
    number = next(i for i, turn in enumerate(plan.turns, 1) if turn.id in now)
    return (
        f"{plan.numbers(now)} {'was' if len(now) == 1 else 'were'} left out to fit {window.length:,} tokens "
        f"({window.left_out_tokens:,} tokens). "
        f"`%chat history` shows {'it' if len(now) == 1 else 'them'}; `%chat pin {number}` keeps "
        f"{'it' if len(now) == 1 else 'one'}."
    )


def _are(things: Collection[object]) -> str:
    return "is" if len(things) == 1 else "are"
