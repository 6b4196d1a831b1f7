"""Tables that are in memory, through narwhals: pandas, Polars, PyArrow, Modin, cuDF; of large ones a sample of rows."""

from __future__ import annotations

import math
from functools import partial
from typing import TYPE_CHECKING, Any

from lmnb.context import masks, sampling
from lmnb.context.profiles import Exact
from lmnb.context.tables import SHOWN, Table
from lmnb.context.types import type_word
from lmnb.context.values import label, line, module_name, number, plural, share, size, value

if TYPE_CHECKING:
    import narwhals as nw

    from lmnb.context.tables import Wish

PASS = 150_000_000
"""How many cells may be gone through for what is exact; a number costs 1, a Python object 20."""

DUPLICATES = 1_000_000
"""Cells up to which whole rows are compared."""

WIDE_GEOMETRY = 100_000
"""Geometries up to which their bounds are taken."""

PART = 1 << 18
"""Numbers that are looked at together: what is made of them takes memory."""

WIDE = 500
"""Columns above which nothing is done with each of them that is not asked for."""


def in_memory(native: Any, wish: Wish) -> Table | None:
    """A frame in memory as a table, or None where it is none.

    Args:
        native: Any object; nothing of it is changed.
        wish: Says whether the ends of an index may be shown.
    """
    import narwhals as nw

    labels: list[object] | None = None
    if nw.dependencies.is_pandas_like_dataframe(native):
        labels = list(native.columns)
        if not all(type(one) is str for one in labels) or len(set(labels)) < len(labels):
            # narwhals wants names that are texts, each once; a shallow copy can have them without touching the data.
            native = native.copy(deep=False)
            native.columns = [str(place) for place in range(len(labels))]
    frame = nw.from_native(native, eager_only=True, pass_through=True)
    return _table(frame, labels, wish) if isinstance(frame, nw.DataFrame) else None


def one_column(native: Any, name: str, wish: Wish) -> Table | None:
    """A series of pandas, Polars, PyArrow or the like as a table of one column, or None where it is none."""
    import narwhals as nw

    series = nw.from_native(native, series_only=True, pass_through=True)
    if not isinstance(series, nw.Series):
        return None
    own = getattr(native, "name", None)
    kept = name if own is None or own == "" else own
    table = _table(series.alias("values").to_frame(), [kept], wish)
    table.shape = plural(len(series), "value")
    return table


def _table(frame: nw.DataFrame[Any], labels: list[object] | None, wish: Wish) -> Table:
    rows, schema = len(frame), frame.schema
    names = list(schema)
    native = frame.to_native()
    eager = _Eager(frame, names, rows)
    index, masked = _index_told(native, wish)
    about = [*_geometry(native), *([index] if index else []), *_memory(native)]
    return Table(
        names=[*names] if labels is None else labels,
        types=[type_word(kind, partial(_own_type, native, name)) for name, kind in schema.items()],
        rows=rows,
        looked=min(rows, sampling.ROWS),
        sample="{} sampled rows" if rows > sampling.ROWS else "",
        column=eager.column,
        exact=eager.exact,
        first=lambda place: frame.get_column(names[place])[:SHOWN].to_list(),
        about=about,
        notes=[f"index: {kind} masked" for kind in sorted(masked)],
        closing=eager.closing,
    )


def _own_type(native: Any, name: str) -> object:
    return native[name].dtype if hasattr(native[name], "dtype") else native[name].type


class _Eager:
    """The columns of a frame, and how much of going through them is left."""

    def __init__(self, frame: nw.DataFrame[Any], names: list[str], rows: int) -> None:
        self._frame, self._names, self._rows, self._left = frame, names, rows, PASS
        self._picked: Any = None
        self._known: dict[int, Exact | None] = {}

    def column(self, place: int) -> nw.Series[Any]:
        if self._rows <= sampling.ROWS:
            return self._frame.get_column(self._names[place])
        if self._picked is None:
            self._picked = _indices(sampling.picked(self._rows))
        picked: nw.Series[Any] = self._frame.get_column(self._names[place])[self._picked]
        return picked

    def exact(self, place: int) -> Exact | None:
        """Missing values, and the range, over all rows, while that is affordable."""
        if self._rows <= sampling.ROWS:
            return None
        if place not in self._known:
            self._known[place] = self._pass(place)
        return self._known[place]

    def _pass(self, place: int) -> Exact | None:
        series = self._frame.get_column(self._names[place])
        cost = self._rows * _cost(series)
        if cost > self._left:
            return None
        self._left -= cost
        return _exact(series)

    def closing(self) -> list[str]:
        """How many rows are there twice, where all rows are looked at."""
        columns = len(self._names)
        if self._rows > sampling.ROWS or not 0 < columns <= WIDE or self._rows * columns > DUPLICATES:
            return []
        try:
            twice = self._rows - len(self._frame.unique(maintain_order=False))
        except Exception:  # noqa: BLE001 - lists and dicts cannot be compared; each library says so its own way
            return []
        return [f"{plural(twice, 'duplicate row')} ({share(twice, self._rows)})"] if twice else []


def _indices(rows: list[int]) -> Any:
    try:
        import numpy as np
    except ImportError:
        return rows
    return np.asarray(rows)


def _cost(series: nw.Series[Any]) -> int:
    native = series.to_native()
    return 20 if str(getattr(native, "dtype", "")) == "object" else 1


def _exact(series: nw.Series[Any]) -> Exact:
    import narwhals as nw

    kind = series.dtype
    plain = _array(series)
    if plain is not None:
        return _array_exact(plain)
    missing = int(series.null_count())
    ranged = kind.is_integer() or kind.is_float() or kind == nw.Datetime or kind == nw.Date  # noqa: PLR1714 - their == knows instances
    if not ranged or missing == len(series):
        return Exact(missing)
    least, most = series.min(), series.max()
    if isinstance(least, float) and not (math.isfinite(least) and math.isfinite(most)):
        return Exact(missing)
    return Exact(missing, least, most)


def _array(series: nw.Series[Any]) -> Any:
    """The numbers of a pandas column as they lie in memory, without a copy; None for all others."""
    native = series.to_native()
    kind = getattr(native, "dtype", None)
    if module_name(type(native)).partition(".")[0] != "pandas" or module_name(type(kind)).partition(".")[0] != "numpy":
        return None
    array = native.to_numpy()
    return array if array.dtype.kind in "iuf" else None


def _array_exact(array: Any) -> Exact:
    """By numpy itself: pandas copies a column before it looks for its least value."""
    import numpy as np

    if array.dtype.kind != "f":
        return Exact(0, array.min().item(), array.max().item())
    parts = [array[at : at + PART] for at in range(0, len(array), PART)]
    missing = sum(int(np.count_nonzero(np.isnan(part))) for part in parts)
    if missing == len(array):
        return Exact(missing)
    least, most = (array.min(), array.max()) if not missing else (np.fmin.reduce(array), np.fmax.reduce(array))
    return Exact(missing, least.item(), most.item()) if np.isfinite([least, most]).all() else Exact(missing)


def _index_told(native: Any, wish: Wish) -> tuple[str, frozenset[str]]:
    if not hasattr(native, "memory_usage"):
        return "", frozenset()
    try:
        return _index(native.index, wish)
    except Exception:  # noqa: BLE001 - labels may be of somebody's class, and raise when they are compared
        return f"{type(native.index).__name__}", frozenset()


def _index(index: Any, wish: Wish) -> tuple[str, frozenset[str]]:
    """What a pandas index is, and what was masked: the default one in a word, one with meaning with its reach."""
    if type(index).__name__ == "RangeIndex":
        return "RangeIndex", frozenset()
    levels = getattr(index, "nlevels", 1)
    names = ", ".join(label(name) for name in list(index.names)[:6] if name is not None)
    named = f" {names}" if names else ""
    if levels > 1:
        return f"index of {levels} levels{named}", frozenset()
    kind = type(index).__name__
    hidden = bool({str(index.name), "index"} & wish.hide)
    if not len(index) or hidden or wish.level in ("names", "schema"):
        return f"{kind}{named}" + " (hidden)" * hidden, frozenset()
    twice = "" if len(index) > 1_000_000 or index.is_unique else ", repeats"
    ends = [masks.shown(one, index.name) if wish.mask else (value(one), frozenset[str]()) for one in index[[0, -1]]]
    return f"{kind}{named} {ends[0][0]}..{ends[1][0]}{twice}", ends[0][1] | ends[1][1]


def _geometry(native: Any) -> list[str]:
    """What a GeoPandas frame is measured in, and where it lies."""
    if not any(module_name(cls).startswith("geopandas") for cls in type(native).__mro__):
        return []
    crs = getattr(native, "crs", None)
    where = " ".join(number(float(one)) for one in native.total_bounds) if len(native) <= WIDE_GEOMETRY else ""
    return [f"crs {line(str(crs), 40)}", *([f"bounds {where}"] if where else [])]


def _memory(native: Any) -> list[str]:
    """What it takes in memory. Python objects are not followed: that takes longer than all the rest."""
    try:
        if hasattr(native, "memory_usage"):
            if native.shape[1] > WIDE:
                return []
            usage = native.memory_usage(deep=False)
            more = any(str(kind) == "object" for kind in native.dtypes)
            return [("≥" if more else "") + size(float(usage.sum()))]
        if hasattr(native, "estimated_size"):
            return [size(float(native.estimated_size()))]
        return [size(float(native.nbytes))]
    except Exception:  # noqa: BLE001 - a word that can be done without
        return []
