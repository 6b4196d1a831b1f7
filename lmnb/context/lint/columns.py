"""A column as plain Python values, of one kind, read once for all checks."""

from __future__ import annotations

import datetime as dt
import math
import re
import sys
from collections import Counter
from dataclasses import dataclass, field
from decimal import Decimal
from fractions import Fraction
from functools import cached_property
from typing import TYPE_CHECKING, Any, Literal

import narwhals as nw

from lmnb.context.lint.report import quoted

if TYPE_CHECKING:
    from collections.abc import Callable

Kind = Literal["bool", "integer", "float", "text", "time", "mixed", "other"]

LONG = 256
"""So many characters of a text are read."""
DAY = 86_400_000_000
"""In microseconds, as all times here are: since 1970, without a timezone."""


FAMILIES: dict[str, tuple[type, ...]] = {
    "text": (str,),
    "bool": (bool,),
    "number": (int, float, Decimal, Fraction),
    "time": (dt.date,),
    "binary": (bytes, bytearray),
}

ID_NAME = re.compile(
    r"(?:^|[_\W])(?:id|ids|identifier|key|uuid|guid|no|nr|num|number|code|index|idx|hash|serial|ssn)$"
    r"|(?-i:[a-z]I[dD]$)|^unnamed: 0$",
    re.IGNORECASE,
)
"""How a column is called that names the row."""


@dataclass
class Column:
    """One column.

    Attributes:
        at: Its position.
        label: Its own name, of any type.
        kind: "other" has no values that could be compared: nested, binary, objects.
        values: In the order of the rows that were read, None where there is none; times in microseconds.
        whole: The column with all its rows.
        rows: How many rows the table has.
        families: Of an object column, how many values of each kind of type there are.
        objects: Whether it is made of Python objects.
        labelled: Whether it is a category whose levels are no texts.
        infinite: How many values are infinite; in `values` they are missing.
    """

    at: int
    label: Any
    kind: Kind
    values: list[Any]
    whole: nw.Series[Any]
    rows: int
    families: Counter[str] = field(default_factory=Counter)
    objects: bool = False
    labelled: bool = False
    infinite: int = 0

    @property
    def name(self) -> str:
        """The name as text, on one line."""
        return label_text(self.label)

    @cached_property
    def tally(self) -> Counter[Any]:
        """How often each value is there; without the missing."""
        counts = Counter(self.values)
        del counts[None]
        return counts

    @cached_property
    def ranked(self) -> list[Any]:
        """The distinct values from low to high."""
        return sorted(self.tally)

    @cached_property
    def present(self) -> int:
        """How many of the values that were read are there."""
        return self.tally.total()

    def estimate(self, seen: int) -> int:
        """So many rows of all, where `seen` of those that were read."""
        return seen if len(self.values) in (0, self.rows) else round(seen * self.rows / len(self.values))

    @cached_property
    def codes(self) -> list[int]:
        """Each value as the number of its first appearance: two columns that say the same have the same codes."""
        seen: dict[Any, int] = {}
        return [seen.setdefault(value, len(seen)) for value in self.values]


def label_text(label: Any) -> str:
    """A column's label as text, whatever it is."""
    if type(label) is tuple:
        return ", ".join(label_text(part) for part in label)
    if isinstance(label, str):
        return quoted(str.__str__(label))
    simple = type(label) in (int, float, bool, type(None)) or type(label).__module__ in ("datetime", "numpy")
    return quoted(str(label)) if simple or "pandas" in type(label).__module__ else f"<{type(label).__name__}>"


def column(at: int, label: Any, some: nw.Series[Any], whole: nw.Series[Any]) -> Column:
    """Read a column. Blocks for as long as its library takes to hand over the values."""
    native = str(getattr(some.to_native(), "dtype", ""))
    # Not asked for its narwhals type first: that asks each object for its class.
    if native in ("object", "Object"):
        return of_objects(at, label, list(some.to_native()), whole)
    dtype = some.dtype
    if dtype.is_float() or dtype.is_decimal():
        return _floats(at, label, some.to_list(), whole)
    kind: Kind = "other"
    values: list[Any] = []
    labelled = False
    if isinstance(dtype, nw.Boolean):
        kind, values = "bool", [v if isinstance(v, bool) else None for v in some.to_list()]
    elif dtype.is_integer():
        kind, values = "integer", [_whole(v) for v in some.to_list()]
    elif isinstance(dtype, (nw.String, nw.Categorical, nw.Enum)):
        kind, values = "text", _texts(some)
        labelled = native == "category" and not _of_texts(some.to_native())
    elif isinstance(dtype, (nw.Datetime, nw.Date)):
        kind, values = "time", stamps(some)
    return Column(at, label, kind, values, whole, len(whole), labelled=labelled)


def _texts(series: nw.Series[Any]) -> list[str | None]:
    texts = series if isinstance(series.dtype, nw.String) else series.cast(nw.String)
    return [v if isinstance(v, str) else None for v in texts.str.slice(0, LONG).to_list()]


def stamps(series: nw.Series[Any]) -> list[Any]:
    """Times in microseconds since 1970."""
    times = series.cast(nw.Datetime("us")) if isinstance(series.dtype, nw.Date) else series
    return [_whole(v) for v in times.dt.timestamp("us").to_list()]


def _of_texts(series: Any) -> bool:
    """Whether the levels of a pandas category are texts."""
    dtype = str(series.cat.categories.dtype)
    return dtype in ("object", "str") or dtype.startswith("string")


def _whole(value: Any) -> int | None:
    if (
        value is None
        or type(value).__name__ in ("NAType", "NaTType")
        or (isinstance(value, float) and math.isnan(value))
    ):
        return None
    return int(value)


def _floats(at: int, label: Any, values: list[Any], whole: nw.Series[Any]) -> Column:
    numbers = [
        v if isinstance(v, float) else float(v) if isinstance(v, (int, Decimal, Fraction)) else math.nan for v in values
    ]
    infinite = sum(map(math.isinf, numbers))
    finite = [v if math.isfinite(v) else None for v in numbers]
    return Column(at, label, "float", finite, whole, len(whole), infinite=infinite)


def of_objects(at: int, label: Any, objects: list[Any], whole: nw.Series[Any]) -> Column:
    """A column of Python objects: of their one kind, or mixed. Nothing of a stranger's class is called."""
    named = [family(value) for value in objects]
    families = Counter(name for name in named if name)
    if set(families) == {"number"}:
        present = [v if name else None for v, name in zip(objects, named, strict=True)]
        found = _floats(at, label, present, whole)
        if all(issubclass(type(v), int) for v in present if v is not None):
            found = Column(at, label, "integer", [_whole(v) for v in present], whole, len(whole))
        found.families, found.objects = families, True
        return found
    kinds: dict[str, Kind] = {"text": "text", "bool": "bool", "time": "time"}
    kind: Kind = "mixed" if len(families) > 1 else kinds.get(next(iter(families), ""), "other")
    values = [_key(v, name) for v, name in zip(objects, named, strict=True)]
    if kind in kinds.values():
        values = [None if key is None else key[1] for key in values]
    return Column(at, label, kind, values, whole, len(whole), families, objects=True)


def family(value: Any) -> str:
    """What kind of thing an object is: "text", "number", …, the name of its type; "" if it is missing."""
    of = type(value)
    if value is None or of.__name__ in ("NAType", "NaTType") or _nan(value, of):
        return ""
    numpy: Any = sys.modules.get("numpy")
    if numpy is not None and issubclass(of, (numpy.bool_, numpy.number)):
        return "bool" if issubclass(of, numpy.bool_) else "number"
    found = next((name for name, types in FAMILIES.items() if issubclass(of, types)), "")
    return found or quoted(of.__name__, 40)


def _nan(value: Any, of: type) -> bool:
    if issubclass(of, float):
        return float.__ne__(value, value) is True
    return issubclass(of, Decimal) and Decimal.is_nan(value)


def _key(value: Any, name: str) -> Any:
    """What stands for an object when it is compared: (its family, something that can be hashed)."""
    return (name, KEYS[name](value) if name in KEYS else _deep(value, 3)) if name else None


def _number(value: Any) -> Any:
    return value if type(value) in (int, float, Decimal, Fraction) else float(value)


def _deep(value: Any, depth: int) -> Any:
    """Of plain containers what is in them; of other objects which one it is."""
    if type(value) in (int, float, str, bool, bytes, type(None)):
        return value
    if depth and type(value) in (list, tuple) and len(value) <= 100:
        return tuple(_deep(part, depth - 1) for part in value)
    if depth and type(value) is dict and len(value) <= 100:
        return tuple((_deep(k, depth - 1), _deep(v, depth - 1)) for k, v in value.items())
    return id(value)


def _microseconds(value: Any) -> int:
    date = dt.date.toordinal(value) - 719_163  # 1970-01-01
    if not issubclass(type(value), dt.datetime):
        return date * DAY
    seconds = int(value.hour) * 3600 + int(value.minute) * 60 + int(value.second)
    return date * DAY + seconds * 1_000_000 + int(value.microsecond)


KEYS: dict[str, Callable[[Any], Any]] = {
    "text": lambda value: str.__getitem__(value, slice(0, LONG)),
    "bool": bool,
    "number": _number,
    "time": _microseconds,
    "binary": lambda value: bytes(value[:LONG]),
}
