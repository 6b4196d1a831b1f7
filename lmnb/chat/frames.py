"""Rows as a table of the library that the notebook uses."""

from __future__ import annotations

import dataclasses
import sys
from collections import Counter
from typing import TYPE_CHECKING, Any

from lmnb.chat.found import Value

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

LIBRARIES = ("pandas", "polars", "pyarrow")
"""That make tables of rows; the first of those that are imported is used where the notebook has none yet."""

FRAMES = {"DataFrame", "Series", "LazyFrame", "Table", "RecordBatch", "GeoDataFrame"}


def frame(rows: Sequence[Any], namespace: Mapping[str, Any], *, columns: Sequence[str] = ()) -> Value:
    """A table of the library in use: that of most tables in the namespace, else one that it imported.

    Args:
        rows: Dicts, or instances of a pydantic class, a dataclass, a msgspec Struct.
        namespace: The person's variables.
        columns: Their names, for a table without rows.

    Returns:
        A DataFrame of pandas or polars, a pyarrow Table; where none is in use or they cannot be a table, the rows
        themselves, with a sentence that says why.
    """
    library = in_use(namespace)
    if library is None:
        return Value(list(rows), ("No table library is imported, so this is a list; `import pandas as pd` first.",))
    records = [record(row) for row in rows]
    if not all(isinstance(row, dict) for row in records):
        return Value(list(rows), ("These rows have no columns, so this is a list.",))
    try:
        return Value(_made(library, records, list(columns)))
    except Exception as error:  # noqa: BLE001  whatever a library says of data it does not like
        return Value(list(rows), (f"{library} cannot make a table of this, so it is a list: {error}",))


def in_use(namespace: Mapping[str, Any]) -> str | None:
    """The table library that the person uses: `"pandas"`, `"polars"`, `"pyarrow"`, or None. Imports nothing."""
    own = [value for name, value in namespace.items() if not name.startswith("_")]
    frames = [library for value in own if type(value).__name__ in FRAMES and (library := _library(type(value)))]
    modules = [value.__name__ for value in own if type(value) is type(sys)]
    said = Counter(reversed(frames))  # of as many, the one that came last
    if said:
        return said.most_common(1)[0][0]
    imported = [library for library in LIBRARIES if library in modules]
    return next(iter([*imported, *(library for library in LIBRARIES if library in sys.modules)]), None)


def _library(kind: type) -> str | None:
    names = (base.__module__.partition(".")[0] for base in kind.__mro__)
    return next((name for name in names if name in LIBRARIES and name in sys.modules), None)


def record(row: Any) -> Any:
    """A row as a dict, one level deep; what is none, as it is."""
    if hasattr(type(row), "model_dump"):
        return row.model_dump()
    if dataclasses.is_dataclass(row) and not isinstance(row, type):
        return {field.name: getattr(row, field.name) for field in dataclasses.fields(row)}
    if hasattr(type(row), "__struct_fields__"):
        return {name: getattr(row, name) for name in type(row).__struct_fields__}
    return row


def _made(library: str, rows: list[dict[str, Any]], columns: list[str]) -> Any:
    module: Any = sys.modules[library]
    names = list(dict.fromkeys([*(columns if not rows else ()), *(name for row in rows for name in row)]))
    match library:
        case "pandas":
            return module.DataFrame(rows, columns=names)
        case "polars":
            # Without a limit: a column may have nothing but nulls in its first hundred rows.
            return module.DataFrame(rows, schema=names, infer_schema_length=None)
        case _:
            return module.table({name: [row.get(name) for row in rows] for name in names})
