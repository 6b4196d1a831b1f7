"""What a model is told of an object: a card, small enough for a local model's window, shown before it is sent.

`describe` takes anything. It raises nothing, changes nothing, waits for nothing longer than it is allowed to, and says
what it sampled, masked and left out.
"""

from __future__ import annotations

from contextlib import suppress
from dataclasses import dataclass
from typing import TYPE_CHECKING

from lmnb.context import ladder, patience, values
from lmnb.context.tables import Wish

if TYPE_CHECKING:
    from collections.abc import Iterable

    from lmnb.context.ladder import Count, Draft, Level


@dataclass(frozen=True)
class Card:
    """The description of an object as it goes to the model.

    Attributes:
        name: What the person calls it.
        kind: What it is: `pandas DataFrame`.
        text: What is sent.
        tokens: How many tokens that is, by the counter that was given.
        step: How far down the ladder the furthest item stands: 0 everything, 1 short lines, 2 types, 3 names, 4 some
            are only counted, 5 the header is cut.
        notes: What was masked, sampled, left out; for the person, not for the model.
    """

    name: str
    kind: str
    text: str
    tokens: int
    step: int
    notes: tuple[str, ...]


def describe(
    obj: object,
    *,
    name: str = "df",
    budget: int | None = 450,
    level: Level = "stats",
    count: Count | None = None,
    named: Iterable[str] = (),
    hide: Iterable[str] = (),
    mask: bool = True,
    seconds: float = 1.0,
) -> Card:
    """Describe an object for a model.

    Never raises for any object, changes nothing, and never collects a lazy frame beyond capped aggregates. Most work is
    done on a thread of its own for which it waits; the counter is called on the caller's thread.

    Args:
        obj: Anything.
        name: What the person calls it.
        budget: Tokens that the text must keep to; None for as many as it takes.
        level: `names`, `schema` (types), `stats` (ranges, shares, examples), `values` (the first rows as well).
        count: The tokens of a text by the model's own tokenizer; by default a third of its bytes. Called some dozen
            times.
        named: Columns that the prompt names, as `fare` or `df.fare`: they get their lines first.
        hide: Columns whose values must not be shown, written the same way.
        mask: Whether obvious secrets and personal data in values are masked.
        seconds: How long a slow object may take. What is known by then is told.
    """
    wish = Wish(budget, level, _names(named), _names(hide), mask, seconds)
    draft = ladder.Draft(values.label(name, 80), values.kind_name(obj))
    ended = _fill(draft, obj, wish)
    draft = draft.snapshot()
    if ended is not True:
        why = _why(ended, draft.doing, seconds)
        draft.note(why)
        draft.remarks.append(f"({why})")
    return _fitted(draft, name, wish, count)


def _names(some: Iterable[str]) -> frozenset[str]:
    return frozenset([some] if isinstance(some, str) else some)


def _fill(draft: Draft, obj: object, wish: Wish) -> BaseException | bool:
    from lmnb.context import kinds

    if kinds.at_home(obj):
        # A sqlite3 connection answers only the thread that opened it.
        try:
            kinds.fill(draft, obj, wish)
        except Exception as error:  # noqa: BLE001 - described as what it is: something that cannot be described
            return error
        return True
    ended = patience.within(wish.seconds, lambda: kinds.fill(draft, obj, wish))
    if ended is False:
        for end in draft.ends:
            with suppress(Exception):  # a connection that was closed meanwhile
                end()
    return ended


def _why(ended: BaseException | bool, doing: str, seconds: float) -> str:
    """What stands in the card where describing it came to no end."""
    if isinstance(ended, BaseException) and not isinstance(ended, patience.GivenUp):
        return f"{doing} raised {values.label(values.class_name(type(ended)))}"
    return f"{doing} took longer than {values.number(seconds)} s; this is what was known by then"


def _fitted(draft: Draft, name: str, wish: Wish, count: Count | None) -> Card:
    counter = _Counter(count)
    best = ladder.fit(draft, wish.budget, wish.level, counter)
    notes = [*draft.notes]
    if counter.failed:
        notes.append("tokens estimated: the tokenizer did not answer")
    if not best.rows:
        notes.append("first rows left out: no room")
    start = ladder.START[wish.level]
    if best.step > start:
        notes.append(_left_out(best, draft))
    return Card(name, draft.kind, best.text, best.tokens, best.step, tuple(notes))


def _left_out(best: ladder.Fitted, draft: Draft) -> str:
    if best.step == ladder.CUT:
        return "cut: the budget is smaller than the header"
    if best.left:
        return f"{values.plural(best.left, draft.noun)} only counted: no room"
    return {1: "shortened: no room for all figures", 2: "some only with their types: no room"}.get(
        best.step, "some only by name: no room"
    )


class _Counter:
    """The tokenizer; where it fails, the estimate, and that is said."""

    def __init__(self, count: Count | None) -> None:
        self._count = count
        self.failed = False

    def __call__(self, text: str) -> int:
        if self._count is None or self.failed:
            return ladder.estimate(text)
        try:
            return int(self._count(text))
        except Exception:  # noqa: BLE001 - a server that is gone costs exactness, not the card
            self.failed = True
            return ladder.estimate(text)
