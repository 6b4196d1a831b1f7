"""What every figure has, whoever draws it: values along axes, and some of the points that are drawn."""

from __future__ import annotations

import base64
import re
from collections import Counter
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from lmnb.context import masks
from lmnb.context.values import line, plural, quoted, value

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Sequence

LONGEST = 1_200
"""Characters of a description: some 400 tokens."""

STEPS = (8, 4, 2, 0)
"""Points of each mark that are told, the most first."""

MARKS = 8
"""Marks of one pair of axes that are told each."""

AXES = 9
"""Pairs of axes that are told each."""

LABEL = 60
"""Characters of a label."""


@dataclass(frozen=True)
class Detail:
    """How much is told of a figure.

    Attributes:
        points: Of each mark; 0 for none.
        values: Whether values are told at all: ranges, points, categories.
        mask: Whether obvious secrets in labels and categories are masked.
    """

    points: int = STEPS[0]
    values: bool = True
    mask: bool = True

    def label(self, text: object) -> str:
        """A label or a category in quotes that it cannot leave; a stranger may have written it."""
        said = " ".join(str(text).split())
        if self.mask:
            said, _ = masks.masked(said)
        return quoted(said, LABEL)

    def named(self, text: object) -> str:
        """A label behind a word, where there is one."""
        said = str(text) if text is not None else ""
        return f" {self.label(said)}" if said.strip() and not said.startswith("_") else ""

    def entry(self, text: object) -> str:
        """The name of a mark behind a word: it may be a value, as each category has a mark of its own."""
        return self.named(text) if self.values else ""

    def one(self, thing: Any) -> str:
        """A value as it stands on an axis."""
        plain = thing.item() if type(thing).__module__ == "numpy" and hasattr(thing, "item") else thing
        if isinstance(plain, int) and type(thing).__module__ == "numpy" and "datetime64" in type(thing).__name__:
            plain = str(thing.astype("datetime64[s]")).replace("T", " ")
            return plain.removesuffix(" 00:00:00")
        return self.label(plain) if isinstance(plain, str) else line(value(plain), LABEL)


def hidden_in(names: Iterable[str], hide: Iterable[str]) -> list[str]:
    """Which of the hidden columns some labels name, as whole words."""
    said = [name for name in names if name]
    return sorted(
        {column for column in hide if any(re.search(rf"(?<!\w){re.escape(column)}(?!\w)", name) for name in said)}
    )


def fitted(build: Callable[[int], Iterable[str]], detail: Detail) -> str:
    """The description with the most points that is not too long.

    Args:
        build: Gives the lines with so many points of each mark.
        detail: Whether there are any.
    """
    lines: list[str] = []
    for points in STEPS if detail.values else STEPS[-1:]:
        lines = list(build(points))
        if sum(map(len, lines)) + len(lines) <= LONGEST:
            return "\n".join(lines)
    kept, room = [], LONGEST
    for one in lines:
        room -= len(one) + 1
        if room < 0:
            break
        kept.append(one)
    kept = kept or [lines[0][:LONGEST]]
    return "\n".join([*kept, f"… {plural(len(lines) - len(kept), 'line')} more"])


def places(count: int, points: int) -> list[int]:
    """Which of some points are told: all where they are few, else some of them, the first and the last among them."""
    if count <= points + 2:
        return list(range(count)) if points else []
    return [round(at * (count - 1) / (points - 1)) for at in range(points)] if points > 1 else []


def span(some: Any, detail: Detail) -> str:
    """The range of numbers and dates, or the commonest of other values; empty where there is nothing."""
    array = as_array(some)
    if array is None or not len(array) or not detail.values:
        return ""
    if array.dtype.kind in "iufM":
        import numpy as np

        known = (
            array[~np.isnan(array)]
            if array.dtype.kind == "f"
            else array[~np.isnat(array)]
            if array.dtype.kind == "M"
            else array
        )
        if not len(known):
            return "nothing but missing values"
        low, high = detail.one(known.min()), detail.one(known.max())
        return low if low == high else f"{low}..{high}"
    tally = Counter(str(one) for one in array[:10_000].tolist() if one is not None)
    top = ", ".join(detail.label(one) for one in list(tally)[:6])
    return f"{top}{f', … {len(tally) - 6} more' if len(tally) > 6 else ''}"


def as_array(some: Any) -> Any:
    """Values as a flat numpy array; dates among objects become dates. None where there are none."""
    import numpy as np

    if some is None:
        return None
    if isinstance(some, dict):
        some = _packed(some)
    try:
        array = np.asarray(some).ravel()
    except Exception:  # noqa: BLE001 - lists in lists of unlike lengths, or somebody's class
        return None
    if array.dtype.kind != "O":
        return array
    try:
        return array.astype("datetime64[us]") if len(array) and hasattr(array[0], "isoformat") else array.astype(float)
    except (TypeError, ValueError, OverflowError):
        return array


def _packed(some: dict[Any, Any]) -> Any:
    """Numbers as plotly writes them into JSON: their bytes in base64, and what they are."""
    import numpy as np

    try:
        array = np.frombuffer(base64.b64decode(some["bdata"]), dtype=np.dtype(some["dtype"]))
    except (KeyError, TypeError, ValueError):
        return None
    return array


def points(columns: Sequence[Any], detail: Detail) -> str:
    """Some points as a small table in one line: `(0, 1) (5, 2.5) …`; empty where none are told."""
    arrays = [array for array in map(as_array, columns) if array is not None and len(array)]
    if not arrays or not detail.values:
        return ""
    count = min(map(len, arrays))
    told = [f"({', '.join(detail.one(array[at]) for array in arrays)})" for at in places(count, detail.points)]
    return " ".join(told)
