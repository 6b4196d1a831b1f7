"""A table as a card: a line per column, families of numbered columns as one, and what holds for all in the head.

Where the table comes from, memory or a query, is not known here: a `Table` gives its names and types, and of a column
the rows to look at.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from lmnb.context import families, masks
from lmnb.context.columns import profile
from lmnb.context.ladder import Draft, Item, Level
from lmnb.context.patience import GivenUp
from lmnb.context.profiles import Exact, Looked
from lmnb.context.values import label, plural, value

if TYPE_CHECKING:
    from collections.abc import Callable, Collection

    import narwhals as nw

MEMBERS = 240
"""So many columns are looked at for all families together, evenly spread, but at least three of each."""

SHOWN = 3
"""Rows shown at level `values`."""


class NotLookedAtError(Exception):
    """No rows of this table were looked at."""


@dataclass
class Table:
    """A table to be told of, wherever it is.

    Attributes:
        names: The columns' names as the person has them.
        types: Their types in a word.
        rows: How many rows there are; None where only running the query would tell.
        looked: How many rows are looked at.
        sample: How these were chosen, in words: "the first {} rows"; empty for all rows.
        column: The rows of a column to look at, by its place.
        exact: What is known of all rows of a column.
        first: The first values of a column.
        about: What stands in the head after the size: index, memory.
        shape: What stands in the head for the size, where it is not rows and columns.
        notes: What was masked in the head.
        closing: Lines that hold for all; computed after the columns, so that they are what is missing when time is up.
    """

    names: list[object]
    types: list[str]
    rows: int | None
    looked: int
    sample: str
    column: Callable[[int], nw.Series[Any]]
    exact: Callable[[int], Exact | None]
    first: Callable[[int], list[Any]]
    about: list[str] = field(default_factory=list)
    closing: Callable[[], list[str]] = list
    shape: str = ""
    notes: list[str] = field(default_factory=list)

    @property
    def sampled(self) -> str:
        """Which rows are looked at, in words."""
        return self.sample.format(f"{self.looked:,}")


@dataclass(frozen=True)
class Wish:
    """What the person asked for: how much, of what first, and what not."""

    budget: int | None
    level: Level
    named: frozenset[str]
    hide: frozenset[str]
    mask: bool
    seconds: float = 1.0

    @property
    def look(self) -> bool:
        """Whether values may be looked at."""
        return self.level in ("stats", "values")

    def meant(self, name: object, among: Collection[str], of: str) -> bool:
        """Whether a column is among names that are given as `fare` or as `df.fare`."""
        if not among:
            return False
        text = name if type(name) is str else label(name, 200)
        return text in among or f"{of}.{text}" in among


def fill(draft: Draft, table: Table, wish: Wish) -> None:
    """Put into a draft what there is to say of a table, the most important first."""
    rows = "rows not counted" if table.rows is None else plural(table.rows, "row")
    shape = table.shape or f"{rows} × {plural(len(table.names), 'column')}"
    draft.head = ", ".join([f", {shape}", *table.about])
    for note in table.notes:
        draft.note(note)
    first = [wish.meant(name, wish.named, draft.name) for name in table.names]
    hidden = [wish.meant(name, wish.hide, draft.name) for name in table.names]
    apart = {place for place in range(len(first)) if first[place] or hidden[place]}
    folded = families.families(table.names, table.types, apart)
    groups = _groups(len(table.names), folded)
    draft.items = [_outline(table, group, draft, first, hidden) for group in groups]
    _note_names(draft, table, hidden)
    if wish.level in ("stats", "values"):
        draft.remarks = _remarks(table, counted=False)
        if table.sample:
            draft.note(f"looked at: {table.sampled}")
        counted = _describe(draft, table, groups, wish, first, hidden)
        draft.remarks = _remarks(table, counted=counted) + table.closing()
    if wish.level == "values":
        draft.rows = _rows(draft, table, wish, hidden)


@dataclass(frozen=True)
class _Group:
    """The places of the columns that one line tells of, and what it calls them."""

    places: tuple[int, ...]
    name: str = ""


def _groups(columns: int, folded: list[families.Family]) -> list[_Group]:
    """Lines in the order of the columns; a family stands where its first member does."""
    member = {place for family in folded for place in family.members}
    alone = [_Group((place,)) for place in range(columns) if place not in member]
    together = [_Group(family.members, family.name) for family in folded]
    return sorted(alone + together, key=lambda group: group.places[0])


def _outline(table: Table, group: _Group, draft: Draft, first: list[bool], hidden: list[bool]) -> Item:
    place = group.places[0]
    if group.name:
        return Item(group.name, table.types[place], count=len(group.places), rest=f"[{len(group.places):,}]")
    kind = table.types[place]
    if hidden[place]:
        draft.note(f"{label(table.names[place])}: values hidden")
        kind += " (hidden)"
    return Item(label(table.names[place]), kind, first=first[place])


def _note_names(draft: Draft, table: Table, hidden: list[bool]) -> None:
    """Say which names stand for several columns."""
    del hidden
    seen: set[str] = set()
    twice: dict[str, None] = {}
    for name in table.names:
        text = label(name)
        if text in seen:
            twice[text] = None
        seen.add(text)
    if twice:
        draft.note("several columns have the same name: " + ", ".join(list(twice)[:5]))


def _remarks(table: Table, *, counted: bool) -> list[str]:
    """What the figures come from, and what it means that nothing is said of missing values."""
    if not table.sample or not table.names:
        return []
    how = f"~: from {table.sampled}"
    return [how if counted else f"{how}; no missing told: 0 of these"]


def _describe(
    draft: Draft, table: Table, groups: list[_Group], wish: Wish, first: list[bool], hidden: list[bool]
) -> bool:
    """Put full and short lines to as many columns as there can be room for; whether all missing values were counted."""
    room = len(groups) if wish.budget is None else max(8, wish.budget // 6)
    order = sorted(range(len(groups)), key=lambda index: (not first[groups[index].places[0]], index))
    members = max(3, MEMBERS // max(1, sum(1 for index in order[:room] if groups[index].name)))
    counted = True
    for index in order[:room]:
        group = groups[index]
        try:
            if group.name:
                draft.items[index] = _family(draft, table, group, draft.items[index], wish, members)
            else:
                draft.items[index] = _column(draft, table, group.places[0], draft.items[index], wish, hidden)
            exact = table.exact(group.places[0]) if table.sample else None
            counted = counted and not group.name and exact is not None and exact.missing is not None
        except NotLookedAtError:
            return counted
        except (GivenUp, KeyboardInterrupt):
            raise
        except BaseException as error:  # noqa: BLE001 - a column that cannot be read costs its line; a panic is no Exception
            reason = type(error).__name__
            draft.items[index] = _said(draft.items[index], f", not readable ({reason})", f", not readable ({reason})")
    return counted


def _said(item: Item, full: str, short: str) -> Item:
    return Item(item.name, item.type, full, short, item.count, item.first, item.rest)


def _column(draft: Draft, table: Table, place: int, item: Item, wish: Wish, hidden: list[bool]) -> Item:
    looked = Looked(table.column(place), table.names[place], not table.sample, wish.mask, table.rows)
    found = profile(looked, table.exact(place))
    if hidden[place]:
        full, short = found.missing, found.missing_short
        return _said(item, f", {full}" if full else " ", f", {short}" if short else " ")
    for kind in sorted(found.masked):
        draft.note(f"{item.name}: {kind} masked")
    full, short = found.text(full=True), found.text(full=False)
    return _said(item, full or " ", short or " ")


def _family(draft: Draft, table: Table, group: _Group, item: Item, wish: Wish, members: int) -> Item:
    places = group.places[:: -(-len(group.places) // members)]
    found = [
        profile(Looked(table.column(p), table.names[p], not table.sample, wish.mask, table.rows), table.exact(p))
        for p in places
    ]
    for kind in sorted({kind for one in found for kind in one.masked}):
        draft.note(f"{item.name}: {kind} masked")
    about = "" if not table.sample and len(places) == len(group.places) else "~"
    domain, missing = families.domain(found), families.missing(found)
    looked = "" if len(places) == len(group.places) else f"{len(places)} of them looked at"
    full = ", ".join(
        piece for piece in (about + domain if domain else "", about + missing if missing else "", looked) if piece
    )
    short = ", ".join(
        piece for piece in (about + domain if domain else "", about + missing if missing else "") if piece
    )
    return _said(item, full or " ", short or " ")


def _rows(draft: Draft, table: Table, wish: Wish, hidden: list[bool]) -> str:
    """The first rows as lines of values; secrets are masked in them as everywhere."""
    most = 30 if wish.budget is None else max(1, min(30, wish.budget // 20))
    places = [place for place in range(len(table.names)) if not hidden[place]]
    if not places or table.rows == 0:
        return ""
    columns = [_cells(draft, table, place, wish) for place in places[:most]]
    head = ", ".join(label(table.names[place]) for place in places[:most])
    lines = [", ".join(cells) for cells in zip(*columns, strict=False)]
    which = "" if len(places) <= most else f" ({most} of {len(places):,} columns)"
    return "\n".join([f"first {plural(len(lines), 'row')}{which}: {head}", *(f"  {one}" for one in lines)])


def _cells(draft: Draft, table: Table, place: int, wish: Wish) -> list[str]:
    name = table.names[place]
    try:
        first = table.first(place)[:SHOWN]
    except (GivenUp, KeyboardInterrupt):
        raise
    except BaseException:  # noqa: BLE001 - a date that Python cannot hold (a panic in Polars), a query that was not run
        return ["?"] * SHOWN
    told = []
    for one in first:
        text, kinds = masks.shown(one, name, 24) if wish.mask else (value(one, 24), frozenset[str]())
        for kind in sorted(kinds):
            draft.note(f"{label(name)}: {kind} masked")
        told.append(text)
    return told
