"""Turns that were found somewhere, as the conversations they were: who followed whom, the line, the branches."""

from __future__ import annotations

import dataclasses
from collections import defaultdict
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from lmnb.chat.lines import BRANCHES
from lmnb.chat.record import CUT, LEFT_OUT, UNSEEN

if TYPE_CHECKING:
    from collections.abc import Collection, Iterable, Sequence

    from lmnb.chat.turns import Turn


@dataclass(frozen=True)
class Found:
    """A turn that was found.

    Attributes:
        turn: As it was saved.
        place: Where, for the person: `Cell 5`.
        placed: Whether it says which turn it followed; those of an older lmnb do not.
        current: Whether its place shows it; False for what was there before, and for other models' answers.
        notes: What could not be taken as it was, in sentences.
    """

    turn: Turn
    place: str
    placed: bool = True
    current: bool = True
    notes: tuple[str, ...] = ()


@dataclass(frozen=True)
class Resumed:
    """A conversation that was found again.

    Attributes:
        name: "" for the one without a name.
        line: The turns up to the newest one that nothing follows; in each, `after` names the one before it.
        branches: The other lines from their beginnings, the oldest first. Lines that begin alike share their turns.
        notes: What could not be taken as it was, in sentences.
        ended: When something last happened in it, in seconds since the epoch.
    """

    name: str
    line: list[Turn]
    branches: list[list[Turn]] = field(default_factory=list)
    notes: list[str] = field(default_factory=list)
    ended: float = 0.0


def arrange(
    found: Iterable[Found], notes: Iterable[str] = (), *, most: int = BRANCHES, last: Collection[str] = ()
) -> list[Resumed]:
    """The conversations that some turns are, the newest first.

    `after` of the turns is set to what they follow now. A turn whose predecessor is not there follows the one that
    stands before it; who follows himself is taken out of the circle; an earlier turn that reads like the one in whose
    place it stood is that one. All but the last of these is said.

    Args:
        found: In the order of the notebook, no id twice. What cells had said before is taken from `earlier`.
        notes: Of what could not be read; they go to the first conversation, or to an empty one where there is none.
        most: How many branches are kept of each.
        last: Ids of turns at which a line ends although there is a newer one.
    """
    tree = _Tree(found)
    names = dict.fromkeys(one.turn.talk or "" for one in tree.nodes.values())
    resumed = sorted((tree.resumed(name, most, last) for name in names), key=lambda one: -one.ended)
    said = list(notes)
    if resumed:
        resumed[0].notes[:0] = said
    elif said:
        resumed = [Resumed("", [], notes=said)]
    return resumed


class _Tree:
    """All turns by id, and which one each follows."""

    def __init__(self, found: Iterable[Found]) -> None:
        self.nodes = _with_earlier(list(found))
        self._names = list(self.nodes)
        self.order = {name: at for at, name in enumerate(self._names)}
        self.notes: dict[tuple[str, str], None] = {}
        self.parents: dict[str, str | None] = {}
        self.children: dict[str | None, dict[str, None]] = defaultdict(dict)
        for name, one in self.nodes.items():
            for note in one.notes:
                self._say(name, note)
        # Asked again, and nothing was asked after it yet: what it inherits from an earlier one does not go on from it.
        followed = {(one.turn.after, one.turn.talk or "") for one in self.nodes.values()}
        self._fresh = {(key, one.turn.talk or "") for key, one in self.nodes.items() if one.placed} - followed
        self._link()
        self._merge()
        for name, one in self.nodes.items():
            one.turn.after = self.parents[name]

    def resumed(self, name: str, most: int, last: Collection[str]) -> Resumed:
        """One conversation. It may begin with turns of another, from which it was forked."""
        own = [key for key, one in self.nodes.items() if (one.turn.talk or "") == name]
        inner = {self.parents[key] for key in own}
        ends = [key for key in own if key not in inner or (key, name) in self._fresh]
        # Of several models that were asked at once, the conversation goes on with the first, whoever answered last.
        end = max(ends, key=lambda key: (key in last, self.nodes[key].current, *self._age(key)))
        others = sorted((key for key in own if key not in inner and key != end), key=self._age)
        lines = [self._line(key) for key in [*others[len(others) - min(most, len(others)) :], end]]
        notes = [note for talk, note in self.notes if talk == name]
        notes += [note for turn in lines[-1] for note in self._unsaved(turn)]
        if let_go := len(others) + 1 - len(lines):
            notes.append(f"The {let_go} oldest branches were let go, as {most} are kept.")
        ended = max(self.nodes[key].turn.ended or self.nodes[key].turn.started for key in own)
        return Resumed(name, lines[-1], lines[:-1], notes, ended)

    def _age(self, name: str) -> tuple[float, int]:
        return self.nodes[name].turn.started, self.order[name]

    def _line(self, end: str) -> list[Turn]:
        line: list[Turn] = []
        at: str | None = end
        while at is not None:
            line.append(self.nodes[at].turn)
            at = self.parents[at]
        line.reverse()
        _complete_window(line)
        return line

    def _unsaved(self, turn: Turn) -> list[str]:
        place = self.nodes[turn.id].place
        gone = {UNSEEN: "was not saved, as it is a picture", CUT: "was too long to be saved whole"}
        return [
            f"{place}: `{one.name}`, which went along, {words}; the model does not get all of it again."
            for one in turn.attached
            for note, words in gone.items()
            if note in one.notes
        ]

    def _say(self, name: str, note: str) -> None:
        self.notes.setdefault((self.nodes[name].turn.talk or "", note))

    # ---- who follows whom

    def _link(self) -> None:
        afters = {name: one.turn.after for name, one in self.nodes.items()}
        self.parents = {name: after if after in self.nodes else None for name, after in afters.items()}
        circles = self._open_circles()
        for name, parent in self.parents.items():
            self.children[parent][name] = None
        unplaced = [name for name, one in self.nodes.items() if not one.placed]
        for name, after in afters.items():
            if name in circles:
                self._say(name, self._moved(name, "was changed after it was saved: it follows itself"))
            elif not self.nodes[name].placed:
                self._follow_nearest(name)
            elif after is not None and after not in self.nodes:
                self._say(name, self._moved(name, "follows a turn that is not there any more"))
        if unplaced:
            count = "1 answer" if len(unplaced) == 1 else f"{len(unplaced)} answers"
            self._say(unplaced[0], f"{count} of an older lmnb, which kept no order: taken in the order of the cells.")

    def _moved(self, name: str, why: str) -> str:
        parent = self._follow_nearest(name)
        now = "begins the conversation" if parent is None else f"follows that of {_lower(self.nodes[parent].place)}"
        what = "The turn" if self.nodes[name].current else "An earlier turn"
        return f"{self.nodes[name].place}: {what} {why}; it {now} now."

    def _open_circles(self) -> set[str]:
        """Let one turn of each circle follow nobody; returns them."""
        opened: set[str] = set()
        done: set[str] = set()
        for start in self.nodes:
            path: dict[str, None] = {}
            at: str | None = start
            while at is not None and at not in done and at not in path:
                path[at] = None
                at = self.parents[at]
            if at is not None and at in path:
                names = list(path)
                first = min(names[names.index(at) :], key=lambda name: self.order[name])
                self.parents[first] = None
                opened.add(first)
            done.update(path)
        return opened

    def _follow_nearest(self, name: str) -> str | None:
        """Put a turn behind the one that stands before it, and does not itself follow it."""
        talk = self.nodes[name].turn.talk
        for at in reversed(range(self.order[name])):
            other = self._names[at]
            one = self.nodes[other]
            if one.current and one.turn.talk == talk and not self._follows(other, name):
                self._put(name, other)
                return other
        return None

    def _put(self, name: str, after: str | None) -> None:
        del self.children[self.parents[name]][name]
        self.children[after][name] = None
        self.parents[name] = after

    def _follows(self, name: str, other: str) -> bool:
        at: str | None = name if self.children[other] else None
        while at is not None and at != other:
            at = self.parents[at]
        return at is not None

    # ---- what was said twice

    def _merge(self) -> None:
        """Earlier turns that read like one that followed the same turn are that one; what followed them follows it."""
        waiting: list[str | None] = [None]
        while waiting:
            parent = waiting.pop()
            said: dict[tuple[str | None, ...], str] = {}
            for name in sorted(
                self.children[parent], key=lambda key: (not self.nodes[key].current, -self._age(key)[0])
            ):
                like = said.setdefault(_words(self.nodes[name].turn), name)
                if like != name and not self.nodes[name].current:
                    self._replace(name, like)
            waiting += self.children[parent]

    def _replace(self, name: str, like: str) -> None:
        for child in list(self.children[name]):
            self._put(child, like)
        del self.children[self.parents[name]][name], self.parents[name], self.nodes[name]


def _with_earlier(found: Sequence[Found]) -> dict[str, Found]:
    """All turns by id; what a cell had said before stands before what it says now."""
    shown = {one.turn.id for one in found}
    nodes: dict[str, Found] = {}
    for one in found:
        for old in reversed(one.turn.earlier):
            if old.id not in shown:
                nodes.setdefault(old.id, Found(old, one.place, current=False))
        nodes[one.turn.id] = one
    return nodes


def _words(turn: Turn) -> tuple[str | None, ...]:
    return turn.talk, turn.prompt, turn.said, turn.system, turn.text.strip()


def _lower(place: str) -> str:
    return place[:1].lower() + place[1:]


def _complete_window(line: list[Turn]) -> None:
    """A record names only the newest turns that were left out; those before them were left out before."""
    at = next((at for at in reversed(range(len(line))) if line[at].window is not None), None)
    window = line[at].window if at is not None else None
    if window is None or len(window.left_out) < LEFT_OUT:
        return
    out = dict.fromkeys(name for turn in line[:at] if turn.window for name in turn.window.left_out)
    out |= dict.fromkeys(window.left_out)
    line[at or 0].window = dataclasses.replace(window, left_out=tuple(out))
