"""Any frame as the checks read it: columns by position, at most so many rows, never changed."""

from __future__ import annotations

import sys
from dataclasses import dataclass, field
from typing import Any, Literal

import narwhals as nw

Library = Literal["pandas", "polars", "pyarrow", "duckdb", "other"]

ROWS = 100_000
"""So many rows are read value by value; missing values and whole rows are counted in all."""
CELLS = 2_000_000
"""So many values in all: with more columns, fewer rows."""
FEWEST = 2_000

PANDAS_LIKE = ("pandas", "modin", "cudf", "dask", "geopandas")
KNOWN = (*PANDAS_LIKE, "polars", "pyarrow", "duckdb", "_duckdb", "ibis", "pyspark", "sqlframe", "narwhals")


def at_most(columns: int) -> int:
    """So many rows of a table with so many columns are read value by value; of a lazy one, so many of its first."""
    return max(FEWEST, min(ROWS, CELLS // max(1, columns)))


class NotATableError(Exception):
    """Why something cannot be checked, in a sentence."""


@dataclass(frozen=True)
class Source:
    """A frame with its columns named by position.

    Attributes:
        library: In whose words a remedy is said.
        labels: The columns' own names, which may be anything, also twice the same.
        whole: All rows of an eager frame, the first ones of a lazy one.
        some: Those of them that are read value by value: every so manieth.
        index: The native index where it holds times (pandas).
        notes: What was not read.
    """

    library: Library
    labels: list[Any]
    whole: nw.DataFrame[Any]
    some: nw.DataFrame[Any]
    index: Any = None
    notes: list[str] = field(default_factory=list)

    @property
    def rows(self) -> int:
        """How many rows there are."""
        return int(self.whole.shape[0])


def read(frame: Any) -> Source:
    """Get at a frame's columns without changing it; a lazy one is read from its beginning only.

    Raises:
        NotATableError: It is not a table.
        Exception: Whatever the frame's library raises, such as for a closed connection.
    """
    root = type(frame).__module__.partition(".")[0]
    if root not in KNOWN and not hasattr(type(frame), "__narwhals_dataframe__"):
        raise NotATableError(f"A {type(frame).__name__} is not a table that can be checked.")
    library: Library = "other"
    for name in ("polars", "pyarrow", "duckdb"):
        library = name if root in (name, f"_{name}") else library
    library = "pandas" if root in PANDAS_LIKE else library
    return _sampled(library, *_columns(frame))


def _columns(frame: Any) -> tuple[list[Any], nw.DataFrame[Any], Any, list[str]]:
    """The labels, the rows, the index and what to say about it."""
    pandas: Any = sys.modules.get("pandas")
    if pandas is not None and isinstance(frame, pandas.Series):
        frame = frame.to_frame()
    if pandas is not None and isinstance(frame, pandas.DataFrame):
        labels, index = list(frame.columns), frame.index
        renamed = frame.copy(deep=False)
        renamed.columns = [str(i) for i in range(len(labels))]
        times = index if isinstance(index, pandas.DatetimeIndex) else None
        return labels, nw.from_native(renamed.reset_index(drop=True), eager_only=True), times, []
    arrow: Any = sys.modules.get("pyarrow")
    if arrow is not None and isinstance(frame, (arrow.Table, arrow.RecordBatch)):
        return _arrow(arrow.Table.from_batches([frame]) if isinstance(frame, arrow.RecordBatch) else frame)
    known = nw.from_native(frame, allow_series=True)
    if isinstance(known, nw.Series):
        known = known.to_frame()
    if not isinstance(known, nw.LazyFrame):
        labels = list(known.columns)
        return labels, known.rename({label: str(i) for i, label in enumerate(labels)}), None, []
    return _lazy(known, frame)


def _arrow(table: Any) -> tuple[list[Any], nw.DataFrame[Any], Any, list[str]]:
    labels = list(table.column_names)
    names = [str(i) for i in range(len(labels))]
    return labels, nw.from_native(table.rename_columns(names), eager_only=True), None, []


def _lazy(frame: nw.LazyFrame[Any], native: Any) -> tuple[list[Any], nw.DataFrame[Any], Any, list[str]]:
    labels = list(native.columns) if type(native).__name__ == "DuckDBPyRelation" else frame.collect_schema().names()
    most = at_most(len(labels))
    first = frame.head(most + 1).collect()
    notes = []
    if first.shape[0] > most:
        first = first.head(most)
        notes.append(f"Only the first {most:,} rows were read: the frame is lazy.")
    names = {label: str(i) for i, label in enumerate(first.columns)}
    return labels, first.rename(names), None, notes


def _sampled(library: Library, labels: list[Any], whole: nw.DataFrame[Any], index: Any, notes: list[str]) -> Source:
    rows = int(whole.shape[0])
    most = at_most(len(labels))
    every = -(-rows // most)
    some = whole.gather_every(every) if every > 1 else whole
    if every > 1:
        few = f"{some.shape[0]:,} of {rows:,}"
        notes.append(
            f"Looked at {few} rows, one in {every:,}: those numbers are estimates. "
            "Missing values and duplicate rows were counted in all."
        )
    return Source(library, labels, whole, some, index, notes)
