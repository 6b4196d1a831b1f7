"""How a card is made to fit: each column stands on a rung of detail, and steps down until the tokens suffice.

The rungs are a full line, a short line, `name type` in a list, the name in a list, and being counted. What was named in
the prompt steps down last; of the rest the columns further right step down first.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Literal

from lmnb.context.values import plural

if TYPE_CHECKING:
    from collections.abc import Sequence

Count = Callable[[str], int]
"""The tokens of a text."""

Level = Literal["names", "schema", "stats", "values"]

FULL, SHORT, TYPED, NAMED, COUNTED, CUT = range(6)
"""The rungs; the last: not even what is counted fits, and the header itself is cut."""

START: dict[Level, int] = {"values": FULL, "stats": FULL, "schema": TYPED, "names": NAMED}

MOST = 3
"""Items per token of the budget that are looked at: a name and the comma after it are more than a third of one."""

BYTES_PER_TOKEN = 16
"""A text with more bytes than that per token of the budget is too long without being counted; counting is not free."""


def estimate(text: str) -> int:
    """Tokens of a text where no tokenizer is at hand: a third of its UTF-8 bytes, rounded up."""
    return -(-len(text.encode("utf-8", "replace")) // 3)


@dataclass(frozen=True)
class Item:
    """A column, a family of columns, a key, a table: something that a card has a line for.

    Attributes:
        name: As it is written.
        type: Its type in a word.
        full: What the full line says after the name; empty where nothing more is known than the type.
        short: The same for the short line.
        count: How many columns it stands for.
        first: Whether it was named in the prompt.
        rest: What is added to the name in lists: `[60]` for a family.
    """

    name: str
    type: str
    full: str = ""
    short: str = ""
    count: int = 1
    first: bool = False
    rest: str = ""

    @property
    def sort(self) -> str:
        """Its type without what it is made of; `other` where it has none."""
        return self.type.partition("{")[0].partition("[")[0] or "other"

    def lowest(self, rung: int) -> int:
        """The rung on which it really is when it is put on one: without a line there is only its type."""
        return TYPED if rung < TYPED and not self.full else rung

    def said(self, rung: int) -> str:
        """Its text on a rung."""
        name = f"{self.name} {self.rest}".rstrip()
        if rung == NAMED or (rung == TYPED and not self.type):
            return name
        more = "" if rung == TYPED else self.full if rung == FULL else self.short
        head = f"{name} {self.type}".rstrip()
        return (head + (more if more[:1] in (",", ":", "") else f" {more}")).rstrip()


@dataclass
class Draft:
    """What is known of an object, before it is made to fit. Filled from another thread, read when time is up.

    Attributes:
        name: What the person calls it.
        kind: What it is.
        head: What stands in the first line after the kind.
        remarks: Lines below the first that apply to all.
        items: What the ladder is for.
        noun: What an item is called.
        rows: The first rows as text, for level `values`; the first thing to be left out.
        notes: What was masked, sampled, left out.
        doing: What is being asked, for the case that it does not come back.
        ends: What ends a query that nobody waits for any more.
        beyond: Of those for which no budget has room, how many there are of each type.
    """

    name: str
    kind: str
    head: str = ""
    remarks: list[str] = field(default_factory=list)
    items: list[Item] = field(default_factory=list)
    noun: str = "column"
    rows: str = ""
    notes: list[str] = field(default_factory=list)
    doing: str = "describing it"
    ends: list[Callable[[], object]] = field(default_factory=list)
    beyond: Counter[str] = field(default_factory=Counter)

    def note(self, text: str) -> None:
        """Add a note once."""
        if text not in self.notes:
            self.notes.append(text)

    def snapshot(self) -> Draft:
        """A copy that does not change any more."""
        return replace(self, remarks=[*self.remarks], items=[*self.items], notes=[*self.notes])


def render(draft: Draft, rungs: Sequence[int], *, rows: bool = True) -> str:
    """The text of a card with each item on its rung."""
    on: dict[int, list[Item]] = {rung: [] for rung in range(CUT + 1)}
    lines = [f"{draft.name}: {draft.kind}{draft.head}", *draft.remarks]
    for item, rung in zip(draft.items, rungs, strict=True):
        real = item.lowest(rung)
        on[real].append(item)
        if real in (FULL, SHORT):
            lines.append(f"- {item.said(real)}")
    told = bool(on[FULL] or on[SHORT])
    if on[TYPED]:
        lines.append(("also " if told else "") + ", ".join(item.said(TYPED) for item in on[TYPED]))
    if on[NAMED]:
        lines.append(("also named: " if told or on[TYPED] else "") + ", ".join(item.said(NAMED) for item in on[NAMED]))
    if on[COUNTED] or draft.beyond:
        lines.append(counted(draft, on[COUNTED], everything=len(on[COUNTED]) == len(draft.items)))
    if rows and draft.rows:
        lines.append(draft.rows)
    return "\n".join(lines)


def counted(draft: Draft, items: Sequence[Item], *, everything: bool) -> str:
    """The line for those of which there is no room to say more."""
    types = draft.beyond.copy()
    for item in items:
        types[item.sort] += item.count
    number = types.total()
    kinds = ", ".join(f"{count:,} {name}" for name, count in types.most_common(4))
    more = "" if everything else "more "
    noun = plural(number, draft.noun).partition(" ")[2]
    return f"… {number:,} {more}{noun}" + (f" ({kinds})" if len(types) <= 4 and "other" not in types else "")


@dataclass(frozen=True)
class Fitted:
    """A text that keeps its budget; `rows` says whether the first rows were kept."""

    text: str
    tokens: int
    step: int
    left: int = 0
    rows: bool = True


def fit(draft: Draft, budget: int | None, level: Level, count: Count) -> Fitted:
    """Step down until the text keeps its budget.

    Args:
        draft: What there is to say.
        budget: Tokens; None for as many as it takes.
        level: Where to begin.
        count: The tokens of a text. It is asked a dozen times, not once per column.
    """
    ladder = _Ladder(draft, START[level], budget, count)
    for rows in (True, False) if draft.rows else (False,):
        if (best := ladder.best(rows=rows)) is not None:
            return best
    return ladder.cut()


def _within_reach(draft: Draft, most: int) -> Draft:
    """The same with so many items; the others are only counted, once, as no text of a few hundred tokens names them."""
    if len(draft.items) <= most:
        return draft
    order = sorted(range(len(draft.items)), key=lambda place: not draft.items[place].first)
    kept = set(order[:most])
    beyond = Counter[str]()
    for place in order[most:]:
        beyond[draft.items[place].sort] += draft.items[place].count
    return replace(draft, items=[item for place, item in enumerate(draft.items) if place in kept], beyond=beyond)


class _Ladder:
    """The states of a card from the richest to the poorest, one step of one item at a time."""

    def __init__(self, draft: Draft, start: int, budget: int | None, count: Count) -> None:
        self._start, self._budget, self._count = start, budget, count
        self._draft = draft if budget is None else _within_reach(draft, MOST * budget + 100)
        draft = self._draft
        places = range(len(draft.items))
        self._others = [i for i in places if not draft.items[i].first]
        self._first = [i for i in places if draft.items[i].first]

    def _rungs(self, state: int) -> list[int]:
        """The rungs in a state: in 0 all are on the first, in each further one one more has made a step."""
        rungs = [self._start] * len(self._draft.items)
        for group in (self._others, self._first):
            steps = min(state, (COUNTED - self._start) * len(group))
            state -= steps
            rounds, some = divmod(steps, len(group)) if group else (0, 0)
            for place, index in enumerate(group):
                rungs[index] = self._start + rounds + (place >= len(group) - some)
        return rungs

    def best(self, *, rows: bool) -> Fitted | None:
        """The richest state that keeps the budget, or None where even the poorest does not."""
        low, high = 0, (COUNTED - self._start) * len(self._draft.items)
        found = self._try(0, rows=rows)
        if found is not None:
            return found
        # With the rows, columns keep at least a type each: rows without columns say little.
        if rows:
            high = (TYPED - self._start) * len(self._draft.items)
        found = self._try(high, rows=rows)
        while found is not None and high - low > 1:
            middle = (low + high) // 2
            better = self._try(middle, rows=rows)
            low, high, found = (low, middle, better) if better is not None else (middle, high, found)
        return found

    def _try(self, state: int, *, rows: bool) -> Fitted | None:
        rungs = self._rungs(state)
        text = render(self._draft, rungs, rows=rows)
        tokens = self._within(text)
        if tokens is None:
            return None
        items = self._draft.items
        step = max(
            (item.lowest(rung) if rung > self._start else rung for item, rung in zip(items, rungs, strict=True)),
            default=self._start,
        )
        left = sum(item.count for item, rung in zip(items, rungs, strict=True) if rung == COUNTED)
        beyond = self._draft.beyond.total()
        step, left = (COUNTED, left + beyond) if beyond else (step, left)
        return Fitted(text, tokens, step, left, rows=rows or not self._draft.rows)

    def _within(self, text: str) -> int | None:
        if self._budget is not None and len(text.encode("utf-8", "replace")) > max(self._budget, 1) * BYTES_PER_TOKEN:
            return None
        tokens = self._count(text)
        return tokens if self._budget is None or tokens <= self._budget else None

    def cut(self) -> Fitted:
        """As much of the poorest card's beginning as keeps the budget; nothing where not even a letter does."""
        rungs = [COUNTED] * len(self._draft.items)
        text = render(self._draft, rungs, rows=False)
        low, high, tokens = 0, len(text), 0
        while high - low > 1:
            middle = (low + high) // 2
            if (some := self._within(text[:middle].rstrip() + "…")) is None:
                high = middle
            else:
                low, tokens = middle, some
        left = sum(item.count for item in self._draft.items) + self._draft.beyond.total()
        return Fitted(
            text[:low].rstrip() + "…" if low else "", tokens if low else 0, CUT, left, rows=not self._draft.rows
        )
