"""Polars lazy frames: what can be said of one without collecting it."""

from __future__ import annotations

import re
import time
from typing import TYPE_CHECKING, Any

from lmnb.context import footers, lazy, sampling

if TYPE_CHECKING:
    from collections.abc import Callable

    from lmnb.context.tables import Table, Wish

PIECES = 10
"""Stretches of rows that are read of a large scan; each costs a few milliseconds."""

_PYTHON = re.compile(r"python_udf|OPAQUE_PYTHON|PYTHON\[|map_batches|map_elements|FAST_COUNT.*PYTHON", re.IGNORECASE)
_MORE = re.compile(r"SELECTION|SLICE|ROW_INDEX|(?:Csv|NDJson|PYTHON|Anonymous|ANONYMOUS) SCAN", re.IGNORECASE)


def lazy_frame(native: Any, on_end: Callable[[Callable[[], None]], None], wish: Wish) -> Table:
    """A lazy frame as a table.

    Args:
        native: A `polars.LazyFrame`.
        on_end: Takes what ends a query that nobody waits for any more.
        wish: Says whether rows may be looked at.
    """
    import narwhals as nw

    frame = nw.from_native(native)
    plan = native.explain()
    steps, paths = _steps(native)
    if steps == ["DataFrameScan"] and not _MORE.search(plan):
        return _in_memory(native, wish)
    if _PYTHON.search(plan):
        return lazy.unread(frame, "lazy, not run: it calls Python")
    if set(steps) == {"Scan"} and not _MORE.search(plan):
        return _scan(native, frame, paths, on_end, wish)
    if not wish.look or not lazy.affordable(plan):
        return lazy.unread(frame, "lazy, not run")
    sample = nw.from_native(_run(native.head(sampling.ROWS + 1), on_end), eager_only=True)
    return lazy.first_rows(frame, sample, "lazy")


def _in_memory(native: Any, wish: Wish) -> Table:
    """A frame that was only called lazy is what it was: collecting it copies nothing and computes nothing."""
    from lmnb.context import frames

    table = frames.in_memory(native.collect(), wish)
    assert table is not None
    table.about = ["lazy"]
    return table


def _scan(native: Any, frame: Any, paths: list[str], on_end: Callable[[Callable[[], None]], None], wish: Wish) -> Table:
    """Files: their rows are counted by their footers, and some stretches of them are read."""
    import narwhals as nw
    import polars as pl

    rows = int(_run(native.select(pl.len()), on_end).item())
    if not wish.look:
        return lazy.unread(frame, "lazy scan", rows=rows)
    parts = lazy.reach(rows, PIECES)
    # One by one: slices of a concatenation are not pushed down to the files in a query that runs in the background.
    read = pl.concat([_run(native.slice(first, number), on_end) for first, number in parts])
    sample = nw.from_native(read, eager_only=True)
    how = f"{{}} rows sampled in {len(parts)} stretches" if len(parts) > 1 else ""
    known = footers.read(paths, frame.collect_schema().names(), rows) if len(parts) > 1 else {}
    exact = lambda name: footers.usable(known.get(name))  # noqa: E731 - a name for it would say no more
    return lazy.table_of(frame, sample, rows=rows, how=how, about=["lazy scan"], exact=exact)


def _steps(native: Any) -> tuple[list[str], list[str]]:
    """What a plan consists of, and the files it reads; empty where this version of Polars does not tell."""
    try:
        visitor = native._ldf.visit()  # the plan as text names only the first file
        steps: list[str] = []
        while True:
            node = visitor.view_current_node()
            steps.append(type(node).__name__)
            inputs = visitor.get_inputs()
            if len(inputs) != 1:
                break
            visitor.set_node(inputs[0])
        paths = [str(path) for path in getattr(node, "paths", None) or []]
    except Exception:  # noqa: BLE001 - not public: NotImplementedError for what it cannot show, anything later
        return [], []
    # Names of columns are not wish.looked for, as `select` of names alone is part of the scan.
    return [step for step in steps if step != "SimpleProjection"], paths


def _run(query: Any, on_end: Callable[[Callable[[], None]], None]) -> Any:
    """Run a capped query in the background, so that it can be ended."""
    running = query.collect(background=True)
    on_end(running.cancel)
    pause = 0.000_5
    while (result := running.fetch()) is None:
        time.sleep(pause)
        pause = min(pause * 1.5, 0.02)
    return result
