"""Numbered columns that belong together, `sensor_000` to `sensor_059`, are told as one."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import TYPE_CHECKING

from lmnb.context.values import label, number, share

if TYPE_CHECKING:
    from collections.abc import Collection, Sequence

    from lmnb.context.profiles import Profile

LEAST = 5
"""So many columns make a family; fewer are told one by one."""

_DIGITS = re.compile(r"\d+")


@dataclass(frozen=True)
class Family:
    """Columns whose names differ in numbers only, and whose type is the same; `members` are their places."""

    members: tuple[int, ...]
    name: str


def families(names: Sequence[object], types: Sequence[str], apart: Collection[int] = ()) -> list[Family]:
    """All families of a table.

    Args:
        names: The columns' names.
        types: Their types.
        apart: Places of columns that are told by themselves: those that were named, and those that are hidden.
    """
    groups: dict[tuple[str, str], list[int]] = {}
    for place, (name, kind) in enumerate(zip(names, types, strict=True)):
        pattern = "#" if type(name) is int else _DIGITS.sub("#", name) if type(name) is str else ""
        if "#" in pattern and place not in apart:
            groups.setdefault((f"{type(name).__name__}:{pattern}", kind), []).append(place)
    return [Family(tuple(group), _name(names, group)) for group in groups.values() if len(group) >= LEAST]


def _name(names: Sequence[object], members: Sequence[int]) -> str:
    """`x_1..x_9`; where numbers between are not there, `x_1..x_9, with gaps`."""
    first, last = names[members[0]], names[members[-1]]
    runs = [_DIGITS.findall(str(names[place])) for place in (members[0], members[-1])]
    whole = ""
    if len(runs[0]) == 1 and abs(int(runs[1][0][:18]) - int(runs[0][0][:18])) + 1 != len(members):
        whole = " (with gaps)"
    return f"{label(first)}..{label(last)}{whole}"


def domain(profiles: Sequence[Profile]) -> str:
    """A word on whether the members hold the same sort of thing; those that hold nothing are not asked."""
    profiles = [one for one in profiles if one.missing_share < 1]
    spans = [one.span for one in profiles if one.span is not None]
    if spans and len(spans) == len(profiles):
        return _spans(spans)
    sets = [one.values for one in profiles if one.values is not None]
    if sets and len(sets) == len(profiles):
        union = frozenset[str]().union(*sets)
        alike = all(len(one) >= 0.6 * len(union) for one in sets)
        few = ", ".join(sorted(union)[:6]) + (", …" if len(union) > 6 else "")
        return f"same values: {few}" if alike else "values differ"
    return ""


def _spans(spans: Sequence[tuple[float, float]]) -> str:
    """Alike where all overlap and none is more than ten times as wide as another."""
    least, most = min(low for low, _ in spans), max(high for _, high in spans)
    widths = [high - low for low, high in spans]
    overlap = max(low for low, _ in spans) <= min(high for _, high in spans)
    if overlap and max(widths) <= 10 * min(widths):
        return f"one domain {number(least)}..{number(most)}"
    low, high = spans[widths.index(min(widths))], spans[widths.index(max(widths))]
    return f"ranges differ: {number(low[0])}..{number(low[1])} to {number(high[0])}..{number(high[1])}"


def missing(profiles: Sequence[Profile]) -> str:
    """How much is missing in the members: `2%..7% missing`."""
    shares = [one.missing_share for one in profiles]
    if not any(shares):
        return ""
    low, high = (share(round(one * 100_000), 100_000) if one else "0%" for one in (min(shares), max(shares)))
    return f"{low} missing" if low == high else f"{low}..{high} missing"
