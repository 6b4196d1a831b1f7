"""What Parquet files say of themselves at their ends: how many rows, and of each column the range and what is missing.

It is exact and costs milliseconds, whatever the size of the data.
"""

from __future__ import annotations

import time
from pathlib import Path
from typing import TYPE_CHECKING, Any

from lmnb.context.profiles import Exact

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

FILES = 200
"""More different files than that are not opened."""

SECONDS = 0.3
"""And none longer than that: a file may have thousands of row groups."""


def read(paths: Sequence[str], columns: Iterable[str], rows: int) -> dict[str, Exact]:
    """What is exactly known of columns; empty where the footers do not tell, or are not of these rows.

    Args:
        paths: The files, each as often as it is part of the table. Only local ones are read.
        columns: The columns that are wanted.
        rows: How many rows the table has; where the footers say otherwise, something was filtered.
    """
    try:
        import pyarrow.parquet as pq
    except ImportError:
        return {}
    if not paths or len(set(paths)) > FILES or not all(Path(path).is_file() for path in set(paths)):
        return {}
    until = time.monotonic() + SECONDS
    wanted, known = set(columns), {}
    for path in dict.fromkeys(paths):
        found = _footer(pq.read_metadata(path), wanted, until)
        if found is None:
            return {}
        known[path] = found
    if sum(known[path][0] for path in paths) != rows:
        return {}
    return {name: _together([known[path][1].get(name) for path in paths]) for name in wanted}


def _footer(metadata: Any, wanted: set[str], until: float) -> tuple[int, dict[str, Exact]] | None:
    """The rows of one file and its columns; None where it takes too long."""
    places = {metadata.schema.column(i).path: i for i in range(metadata.num_columns)}
    known = {}
    for name in wanted & places.keys():
        if time.monotonic() > until:
            return None
        groups = (metadata.row_group(group).column(places[name]) for group in range(metadata.num_row_groups))
        known[name] = _together([_group(group.statistics, group.num_values) for group in groups])
    return metadata.num_rows, known


def _group(statistics: Any, values: int) -> Exact | None:
    if statistics is None or not statistics.has_null_count:
        return None
    if statistics.null_count == values:
        return Exact(values)
    if not statistics.has_min_max:
        return Exact(statistics.null_count, _Unknown, _Unknown)
    return Exact(statistics.null_count, statistics.min, statistics.max)


class _Unknown:
    """Stands for a range that is not told."""


def _together(parts: Sequence[Exact | None]) -> Exact:
    """What is known of a column from what is known of its parts: nothing where one of them says nothing."""
    told = [part for part in parts if part is not None and part.missing is not None]
    if len(told) < len(parts) or not told:
        return Exact()
    missing = sum(part.missing or 0 for part in told)
    ranged = [part for part in told if part.least is not None]
    if not ranged or any(part.least is _Unknown for part in ranged):
        return Exact(missing, *((_Unknown, _Unknown) if ranged else (None, None)))
    return Exact(missing, min(part.least for part in ranged), max(part.most for part in ranged))


def usable(exact: Exact | None) -> Exact | None:
    """The same without what stands for an unknown range."""
    return Exact(exact.missing) if exact is not None and exact.least is _Unknown else exact
