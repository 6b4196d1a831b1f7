"""DuckDB relations: what can be said of one by asking its database a few small questions."""

from __future__ import annotations

import ast
import glob
import math
import re
from typing import TYPE_CHECKING, Any

from lmnb.context import footers, lazy, sampling
from lmnb.context.profiles import Exact

if TYPE_CHECKING:
    from collections.abc import Callable

    from lmnb.context.tables import Table, Wish

PIECES = 4
"""Stretches of rows that are read of a large table; a later one costs more, as DuckDB counts its way to it."""

PASS = 40_000_000
"""Cells of a table of its own that are gone through for ranges and missing values."""

_MORE = re.compile(r"FILTER|LIMIT|UNION|SAMPLE|READ_CSV|READ.?JSON|UDF|SQLITE|POSTGRES|MYSQL|HTTP|S3:")
_FILES = re.compile(
    r"""(?isx) \s* (?:select\ \* \s+)? from \s+
    (?: (?:parquet_scan|read_parquet) \( (\[.*?\]|'[^']*') .* \) | ('[^']*') ) (?:\ as\ "\w+")? \s* ;? \s*"""
)


def relation(native: Any, on_end: Callable[[Callable[[], None]], None], wish: Wish) -> Table:
    """A relation as a table.

    Args:
        native: A `duckdb.DuckDBPyRelation`.
        on_end: Takes what ends a query that nobody waits for any more, where the relation tells its connection.
        wish: Says whether rows may be looked at.
    """
    import narwhals as nw

    frame: Any = nw.from_native(native)
    interrupt = getattr(getattr(native, "_con", None), "interrupt", None)
    if callable(interrupt):
        on_end(interrupt)
    plan = str(native.explain())
    plain = not lazy.BLOCKING.search(plan.upper()) and not _MORE.search(plan.upper())
    if not plain:
        if not wish.look or not lazy.affordable(plan):
            return lazy.unread(frame, "not run")
        return lazy.first_rows(frame, lazy.collected(frame.head(sampling.ROWS + 1)))
    rows = int(native.count("*").fetchall()[0][0])
    if not wish.look:
        return lazy.unread(frame, rows=rows)
    parts = lazy.reach(rows, PIECES)
    sample = _read(native, parts)
    known = _Known(native, rows, plan) if len(parts) > 1 else None
    how = f"{{}} rows sampled in {len(parts)} stretches" if len(parts) > 1 else ""
    exact = known.of if known is not None else lazy.nothing_more
    return lazy.table_of(frame, sample, rows=rows, how=how, about=[], exact=exact)


def _read(native: Any, parts: list[tuple[int, int]]) -> Any:
    """The stretches of rows as one frame."""
    import narwhals as nw

    pieces = [lazy.collected(nw.from_native(native.limit(number, first))) for first, number in parts]
    return nw.concat(pieces, how="vertical") if len(pieces) > 1 else pieces[0]


class _Known:
    """What is known of all rows, asked for when the first column wants to know."""

    def __init__(self, native: Any, rows: int, plan: str) -> None:
        self._native, self._rows, self._plan = native, rows, plan.upper()
        self._found: dict[str, Exact] | None = None

    def of(self, name: str) -> Exact | None:
        if self._found is None:
            self._found = self._footers() if "PARQUET" in self._plan else self._counted()
        return footers.usable(self._found.get(name))

    def _footers(self) -> dict[str, Exact]:
        return footers.read(_paths(self._native.sql_query()), self._native.columns, self._rows)

    def _counted(self) -> dict[str, Exact]:
        """In one query over its own tables, where they are small enough for that."""
        names = list(self._native.columns)
        if self._rows * len(names) > PASS or "SEQ" not in self._plan:
            return {}
        asked = ", ".join(f"count({_name(name)}), {_edges(name, kind)}" for name, kind in self._columns())
        row = self._native.aggregate(asked).fetchall()[0]
        parts = zip(names, row[::3], row[1::3], row[2::3], strict=True)
        return {name: _exact(self._rows - count, least, most) for name, count, least, most in parts}

    def _columns(self) -> list[tuple[str, str]]:
        return [(name, str(kind)) for name, kind in zip(self._native.columns, self._native.types, strict=True)]


def _exact(missing: int, least: Any, most: Any) -> Exact:
    """For DuckDB NaN is the largest number; it is no end of a range."""
    finite = not isinstance(most, float) or (math.isfinite(least) and math.isfinite(most))
    return Exact(missing, least, most) if finite else Exact(missing)


def _name(name: str) -> str:
    return '"' + name.replace('"', '""') + '"'


def _edges(name: str, kind: str) -> str:
    """The range of a column, for types whose range is shown."""
    ranged = re.match(r"U?(?:TINY|SMALL|BIG|HUGE)?INT|INTEGER|UINTEGER|DATE|TIMESTAMP|DOUBLE|FLOAT", kind)
    return f"min({_name(name)}), max({_name(name)})" if ranged else "NULL, NULL"


def _paths(query: str) -> list[str]:
    """The Parquet files of a relation that reads nothing else, from its query."""
    found = _FILES.fullmatch(query)
    if found is None:
        return []
    try:
        named = ast.literal_eval(found[1] or found[2])
    except (ValueError, SyntaxError):
        return []
    patterns = [named] if isinstance(named, str) else [str(one) for one in named]
    # As DuckDB has it: from the working folder, or absolute; `Path.glob` takes no absolute pattern.
    return [path for pattern in patterns for path in (sorted(glob.glob(pattern)) if "*" in pattern else [pattern])]  # noqa: PTH207
