"""The line of turns that the model hears, and the branches beside it: what re-running a cell does to a conversation."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from lmnb.chat.turns import Part, Turn

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

BRANCHES = 20
"""Branches that are kept; older ones are let go, which is said."""


@dataclass(frozen=True)
class Branch:
    """A line of turns that is not the current one."""

    number: int
    turns: tuple[Turn, ...]


@dataclass(frozen=True)
class Placed:
    """What putting a turn in its place has changed.

    Attributes:
        replaces: The position, from 1, of the turn that it took the place of; None for one that was added at the end.
        kept: The branch that keeps the line as it was; None where nothing would have been lost.
        followers: Turns of other cells that followed and are in that branch only.
        cut: The turns that are not in the line any more.
        let_go: Branches that were dropped, as there were too many.
    """

    replaces: int | None = None
    kept: Branch | None = None
    followers: int = 0
    cut: tuple[Turn, ...] = ()
    let_go: int = 0

    @property
    def notice(self) -> str | None:
        """What the person should know of it, in one line; None for what everybody expects."""
        said = []
        if self.kept and self.followers:
            turns = "1 later turn is" if self.followers == 1 else f"{self.followers} later turns are"
            said.append(
                f"Replaces turn {self.replaces}; {turns} kept as branch {self.kept.number}. "
                f"`%chat switch {self.kept.number}` goes back."
            )
        if self.let_go:
            said.append(f"The oldest branch was let go, as {BRANCHES} are kept.")
        return " ".join(said) or None


class Lines:
    """The current line and the branches of one conversation.

    Args:
        turns: The current line.
        cap: How many branches are kept.
    """

    def __init__(self, turns: Iterable[Turn] = (), *, cap: int = BRANCHES) -> None:
        self.turns: list[Turn] = list(turns)
        self.number = 1
        self.branches: list[Branch] = []
        self.cap = cap
        self._highest = 1
        self._shown: dict[str, list[Turn]] = {}

    def place(self, turn: Turn, *, append: bool = False) -> Placed:
        """Put a turn where it belongs: a cell that asks again takes the place of what it asked before.

        What followed is not in the line any more, as it was an answer to something else; it stays in a branch.

        Args:
            turn: With its cell and run; `after` is set here, and `earlier` comes before what is there.
            append: Add it at the end, whatever its cell asked before.
        """
        at = None if append else self.position_of(turn.cell, turn.run)
        turn.earlier = (*self._said_before(turn), *turn.earlier)
        placed = Placed() if at is None else self._cut(at, cell=turn.cell)
        turn.after = self.turns[-1].id if self.turns else None
        self.turns.append(turn)
        if turn.cell is not None:
            before = self._shown.get(turn.cell, [])
            self._shown[turn.cell] = [*(one for one in before if turn.run and one.run == turn.run), turn]
        return placed

    def position_of(self, cell: str | None, run: str | None) -> int | None:
        """Where the turn stands that this cell asked in another run of it; None where there is none."""
        if cell is None:
            return None
        owned = (i for i, one in enumerate(self.turns) if one.cell == cell and (run is None or one.run != run))
        return next(owned, None)

    def _said_before(self, turn: Turn) -> tuple[Turn, ...]:
        """What the cell's output held before this run of it, the newest first.

        What another cell has cut from the line, and what is in no branch as it reads like one, is replaced in the
        notebook only now.
        """
        if turn.cell is None:
            return ()
        lines = [self.turns, *(branch.turns for branch in self.branches), self._shown.get(turn.cell, ())]
        owned = {one.id: one for line in lines for one in line if one.cell == turn.cell}
        old = [one for one in owned.values() if turn.run is None or one.run != turn.run]
        known = {one.id: one for one in [*(e for one in old for e in one.earlier), *map(short, old)]}
        return tuple(sorted(known.values(), key=lambda one: -one.started))

    def withdraw(self, cell: str | None, run: str | None) -> Placed:
        """Take out what a cell asked before: it asks in another conversation now."""
        at = self.position_of(cell, run)
        return Placed() if at is None else self._cut(at, cell=cell)

    def drop(self, position: int) -> Placed:
        """Take one turn out of the line; the turns after it stay, and the line as it was is kept as a branch.

        Raises:
            IndexError: If there is no such position (from 1).
        """
        if not 0 < position <= len(self.turns):
            raise IndexError(position)
        rest = self.turns[position:]
        placed = self._cut(position - 1, cell=self.turns[position - 1].cell)
        self.turns += rest
        self.settle()
        return placed

    def restart(self) -> Placed:
        """End the line before its first turn; all that was said stays as a branch."""
        return self._cut(0, cell=None) if self.turns else Placed()

    def keep(self, turns: Sequence[Turn]) -> Branch:
        """Add a branch: another answer to the same prompt, or one that was found in a notebook."""
        self._highest += 1
        branch = Branch(self._highest, tuple(turns))
        self.branches.append(branch)
        return branch

    def switch(self, number: int) -> None:
        """Make a branch the current line; the one that was becomes a branch.

        Raises:
            KeyError: If there is no such branch.
        """
        chosen = next((branch for branch in self.branches if branch.number == number), None)
        if chosen is None:
            raise KeyError(number)
        at = self.branches.index(chosen)
        self.branches[at : at + 1] = [Branch(self.number, tuple(self.turns))] if self.turns else []
        self.number, self.turns[:] = number, chosen.turns

    def settle(self) -> int:
        """Drop the branches that keep nothing of their own, once a turn has ended; return how many were too many.

        A branch that reads like the beginning of the current line, or of another branch, is one that was run again
        with the same outcome. The current line takes over the number of one that it repeats.
        """
        current = _words(self.turns)
        read = [(branch, _words(branch.turns)) for branch in self.branches]
        for branch, words in read:
            if current[: len(words)] == words:
                self.number = min(self.number, branch.number)
        seen: list[tuple[object, ...]] = [current]
        kept: list[Branch] = []
        for branch, words in sorted(read, key=lambda each: -len(each[1])):
            if not any(other[: len(words)] == words for other in seen):
                seen.append(words)
                kept.append(branch)
        self.branches = sorted(kept, key=lambda branch: branch.number)
        over = max(0, len(self.branches) - self.cap)
        del self.branches[:over]
        return over

    def _cut(self, at: int, *, cell: str | None) -> Placed:
        """End the line before a position; the line as it was becomes a branch, if anything would be lost."""
        cut = tuple(self.turns[at:])
        kept = None
        if any(one.text.strip() or one.running for one in cut):
            kept = Branch(self.number, tuple(self.turns))
            self.branches.append(kept)
            self._highest += 1
            self.number = self._highest
        over = max(0, len(self.branches) - self.cap)
        del self.branches[:over]
        del self.turns[at:]
        followers = sum(1 for one in cut if one.cell != cell or cell is None)
        return Placed(at + 1, kept, followers, cut, over)


def _words(turns: Sequence[Turn]) -> tuple[object, ...]:
    """What two lines have in common when they read the same, whoever was asked and when."""
    return tuple((one.said, one.system, tuple(a.hash for a in one.attached), one.text.strip()) for one in turns)


def short(turn: Turn) -> Turn:
    """A turn as a later one of the same cell remembers it: what was said, and nothing heavy."""
    short = Turn(turn.prompt, cell=turn.cell, run=turn.run, talk=turn.talk, after=turn.after, id=turn.id)
    short.sent, short.system, short.model, short.status = turn.sent, turn.system, turn.model, turn.status
    short.started, short.ended = turn.started, turn.ended
    short.parts = [Part("text", turn.text)] if turn.text else []
    return short
