"""Tables that are queries: Polars lazy frames, DuckDB relations, and whatever else narwhals knows.

They are never collected. Their names and types cost nothing; how much more is looked at depends on what the query does:
of a plain scan some stretches of rows and what the files' footers say; of one that filters or joins the first rows,
where the plan says that these are cheap; of one that runs somebody's Python nothing.
"""

from __future__ import annotations

import re
from functools import partial
from typing import TYPE_CHECKING, Any

from lmnb.context import sampling
from lmnb.context.tables import SHOWN, NotLookedAtError, Table
from lmnb.context.types import type_word

if TYPE_CHECKING:
    from collections.abc import Callable

    import narwhals as nw

    from lmnb.context.profiles import Exact
    from lmnb.context.tables import Wish

ELSEWHERE = 1_000
"""Rows taken from a query of a library of which no more is known: it may run on a cluster."""

CHEAP = 20_000_000
"""Rows up to which a query that has to see all of them before its first is run for a look at the first."""

BLOCKING = re.compile(
    r"AGGREGATE|GROUP.BY|JOIN|ORDER.BY|SORT|TOP.N|WINDOW|UNIQUE|DISTINCT|PIVOT|CROSS|PRODUCT|EXPLODE|UNNEST"
)
"""What in a plan has to see all rows before it gives one."""

ROWS = re.compile(r"(?:ESTIMATED ROWS: |~)([\d,]+)")


def table_of(
    frame: Any, sample: Any, *, rows: int | None, how: str, about: list[str], exact: Callable[[str], Exact | None]
) -> Table:
    """A lazy frame as a table.

    Args:
        frame: The narwhals lazy frame.
        sample: The rows that are looked at, as a narwhals frame; None where the query is not run.
        rows: How many there are, where that is known.
        how: How the sample was chosen; empty where it is all there is.
        about: What else stands in the head.
        exact: What is known of all rows of a column.
    """
    schema = frame.collect_schema()
    names = list(schema)

    def column(place: int) -> nw.Series[Any]:
        if sample is None:
            raise NotLookedAtError
        series: nw.Series[Any] = sample.get_column(names[place])
        return series

    return Table(
        names=[*names],
        types=[type_word(kind, partial(_own_type, frame, name)) for name, kind in schema.items()],
        rows=rows,
        looked=0 if sample is None else len(sample),
        sample=how,
        column=column,
        exact=lambda place: exact(names[place]),
        first=lambda place: column(place)[:SHOWN].to_list(),
        about=about,
    )


def _own_type(frame: Any, name: str) -> str:
    """The library's own word for a type that narwhals does not know."""
    native = frame.to_native()
    if hasattr(native, "types") and hasattr(native, "columns"):
        return str(native.types[list(native.columns).index(name)]).lower()
    return "other"


def unread(frame: Any, *about: str, rows: int | None = None) -> Table:
    """A query that is not run: its names and types."""
    return table_of(frame, None, rows=rows, how="", about=[*about], exact=nothing_more)


def first_rows(frame: Any, sample: Any, *about: str) -> Table:
    """A query by its first rows; where these are all, that is known then."""
    whole = len(sample) <= sampling.ROWS
    sample = sample[: sampling.ROWS]
    how, rows = ("", len(sample)) if whole else ("the first {} rows", None)
    return table_of(frame, sample, rows=rows, how=how, about=[*about], exact=nothing_more)


def nothing_more(_name: str) -> Exact | None:
    """Nothing is known of all rows."""
    return None


def any_other(native: Any, wish: Wish) -> Table | None:
    """A query of any library that narwhals knows: Ibis, Dask, PySpark, SQLFrame; None where it is none.

    Args:
        native: Any object.
        wish: Says whether rows may be looked at.
    """
    import narwhals as nw

    frame = nw.from_native(native, pass_through=True)
    if not isinstance(frame, nw.LazyFrame):
        return None
    if not wish.look:
        return unread(frame)
    sample = collected(frame.head(ELSEWHERE + 1))
    whole = len(sample) <= ELSEWHERE
    sample = sample[:ELSEWHERE]
    how = "" if whole else "the first {} rows"
    return table_of(frame, sample, rows=len(sample) if whole else None, how=how, about=[], exact=nothing_more)


def collected(frame: nw.LazyFrame[Any]) -> nw.DataFrame[Any]:
    """The rows of a capped query, in whichever library is there to hold them."""
    import importlib.util

    for backend in ("pyarrow", "polars", "pandas"):
        if importlib.util.find_spec(backend) is not None:
            return frame.collect(backend)
    return frame.collect()


def estimated(plan: str) -> int:
    """The most rows that a step of a plan is expected to see; 0 where it does not say."""
    return max((int(found.replace(",", "")) for found in ROWS.findall(plan)), default=0)


def affordable(plan: str) -> bool:
    """Whether the first rows of a query can be had without running it over too much."""
    return not BLOCKING.search(plan.upper()) or estimated(plan) <= CHEAP


def reach(rows: int, pieces: int) -> list[tuple[int, int]]:
    """The stretches of rows that are looked at."""
    return sampling.stretches(rows, sampling.ROWS, pieces)
