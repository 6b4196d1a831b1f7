"""The type of a column in a word, the same in every library: `int`, `datetime[UTC]`, `list[float]`."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from lmnb.context.values import label, line

if TYPE_CHECKING:
    from collections.abc import Callable

LIMIT = 120
"""Characters of a type; a struct may have hundreds of fields."""


def type_word(dtype: Any, native: Callable[[], object] | None = None) -> str:
    """A narwhals type as a word.

    Args:
        dtype: The type.
        native: Gives the library's own type, for those that narwhals does not know.
    """
    import narwhals as nw

    if dtype.is_integer():
        return "int"
    if dtype.is_float():
        return "float"
    simple: dict[Any, str] = {
        nw.Boolean: "bool",
        nw.String: "str",
        nw.Date: "date",
        nw.Time: "time",
        nw.Duration: "duration",
    }
    simple |= {nw.Decimal: "decimal", nw.Categorical: "category", nw.Enum: "category", nw.Binary: "bytes"}
    simple |= {nw.Object: "object"}
    for known, word in simple.items():
        if dtype == known:
            return word
    return _compound(dtype, native)


def _compound(dtype: Any, native: Callable[[], object] | None) -> str:
    import narwhals as nw

    if dtype == nw.Datetime:
        zone = getattr(dtype, "time_zone", None)
        return f"datetime[{line(str(zone), 40)}]" if zone else "datetime"
    if dtype in (nw.List, nw.Array):
        inner = getattr(dtype, "inner", None)
        return f"list[{type_word(inner)}]" if inner is not None else "list"
    if dtype == nw.Struct:
        fields = ", ".join(f"{label(one.name)} {type_word(one.dtype)}" for one in getattr(dtype, "fields", []))
        return f"struct{{{fields}}}" if len(fields) <= LIMIT else f"struct{{{fields[:LIMIT]}…}}"
    own = line(str(native() if native is not None else dtype), 40)
    return {"large_binary": "bytes", "binary": "bytes", "fixed_size_binary": "bytes"}.get(own, own)
