"""What is said of a column, before it is a line: pieces of text, and what they were taken from."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from lmnb.context.values import share

if TYPE_CHECKING:
    from collections import Counter

    import narwhals as nw

FEW = 6
"""So many different numbers or less are listed with their shares."""


@dataclass(frozen=True)
class Exact:
    """What was counted over all rows of a column: by a footer, or in a pass. None is not known."""

    missing: int | None = None
    least: Any = None
    most: Any = None


@dataclass(frozen=True)
class Looked:
    """The rows of a column that were looked at.

    Attributes:
        series: The values; None where they come on another way.
        name: The column's name as the person has it.
        whole: Whether these are all rows.
        mask: Whether obvious secrets are masked.
        rows: How many rows there are; None where nobody knows.
    """

    series: nw.Series[Any] | None
    name: object
    whole: bool
    mask: bool
    rows: int | None

    @property
    def about(self) -> str:
        """What stands before a figure that comes from a sample."""
        return "" if self.whole else "~"


@dataclass
class Profile:
    """What is said of a column, piece by piece, and what families are compared by."""

    full: list[str]
    short: list[str]
    missing: str = ""
    missing_short: str = ""
    masked: frozenset[str] = frozenset()
    span: tuple[float, float] | None = None
    values: frozenset[str] | None = None
    missing_share: float = 0.0

    def text(self, *, full: bool) -> str:
        """The pieces as what follows the type on its line."""
        pieces = [*(self.full if full else self.short), self.missing if full else self.missing_short]
        return ", ".join(piece for piece in pieces if piece)


def join(*pieces: str) -> str:
    """Those pieces that are there, with commas."""
    return ", ".join(piece for piece in pieces if piece)


def shares(looked: Looked, tally: Counter[str], total: int, most: int) -> str:
    """The commonest values and their shares; the same order in every library, also where counts are the same."""
    if len(tally) == 1 and looked.whole:
        return f"always {next(iter(tally))}" if total > 1 else next(iter(tally))
    if len(tally) == total and looked.whole and total <= most:
        return ", ".join(tally)
    ranked = sorted(tally.items(), key=lambda pair: (-pair[1], len(pair[0]), pair[0]))
    told = ", ".join(f"{name} {looked.about}{share(count, total)}" for name, count in ranked[:most])
    return told + (", …" if len(ranked) > most else "")


def few(distinct: int) -> int:
    """How many values a short line shows: three where these are all, else two."""
    return 3 if distinct <= 3 else 2


def how_different(looked: Looked, distinct: int, total: int) -> str:
    """How many different values there are; in a sample that is how many at least."""
    if distinct == total:
        return "all different" if looked.whole else f"all different in {total:,}"
    return f"{'' if looked.whole else '≥'}{distinct:,} distinct"
