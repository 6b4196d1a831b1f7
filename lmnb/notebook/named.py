"""What a prompt can name: variables, what is inside them, files. Looked up without running any code of an object."""

from __future__ import annotations

import ast
import inspect
import os
import re
import types
from pathlib import Path
from typing import TYPE_CHECKING, Any

from lmnb.context.values import class_name, module_name

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

    from IPython.core.interactiveshell import InteractiveShell

    from lmnb.notebook.offers import Offer

COLUMNS = {
    "pandas.DataFrame": "columns",
    "modin.DataFrame": "columns",
    "cudf.DataFrame": "columns",
    "polars.DataFrame": "columns",
    "pyarrow.Table": "column_names",
    "duckdb.DuckDBPyRelation": "columns",
    "ibis.Table": "columns",
    "xarray.Dataset": "variables",
}
"""Where a table has the names of its columns, by the first part of its class's module and its name. Not those of lazy
frames: to know them they may have to read files, and over the network."""

LAZY = {"polars.LazyFrame", "dask.DataFrame", "pyspark.DataFrame"}
SERIES = {"Series", "ndarray", "ChunkedArray", "DataArray", "Figure", "Axes", "Chart"}

NO_VALUE = (types.FunctionType, types.BuiltinFunctionType, types.MethodDescriptorType, classmethod, staticmethod, type)
"""What stands in a class and is no value of its objects."""

STEP = re.compile(r"""\.([^\W\d]\w*)|\[\s*(-?\d+|'[^'\\]*'|"[^"\\]*")\s*\]""")
RECENT = 10
"""Cells of which the numbers are offered."""

MOST = 500
"""Files looked at, so many times ten, and offered."""

LONG = 100
"""Characters of a key that nobody picks from a list."""


def variables(shell: InteractiveShell) -> list[Offer]:
    """The person's variables, each with its class: tables first, then what is like them, functions and classes last."""
    hidden = shell.user_ns_hidden
    own = [
        (name, value)
        for name, value in list(shell.user_ns.items())
        if not name.startswith("_") and (name not in hidden or hidden[name] is not value)
    ]
    ranks: dict[type, int] = {}
    found = []
    for name, value in own:
        cls = type(value)
        if cls is not types.ModuleType:
            rank = ranks[cls] if cls in ranks else ranks.setdefault(cls, _rank(cls))
            found.append((rank, name.casefold(), name, class_name(cls)))
    return [(name, kind) for _, _, name, kind in sorted(found)]


def tables(shell: InteractiveShell) -> list[Offer]:
    """Those of the variables that are tables."""
    return [(name, kind) for name, kind in variables(shell) if _rank(type(shell.user_ns.get(name))) == 0]


def _rank(cls: type) -> int:
    if _known(cls, COLUMNS) or _known(cls, LAZY):
        return 0
    if class_name(cls) in SERIES:
        return 1
    return 3 if issubclass(cls, (types.FunctionType, types.BuiltinFunctionType, type)) else 2


def _known(cls: type, names: Mapping[str, str] | set[str]) -> str | None:
    """The first of these names that belongs to a class or to one that it comes from."""
    for one in type.__dict__["__mro__"].__get__(cls):
        name = f"{module_name(one).partition('.')[0].lstrip('_')}.{class_name(one)}"
        if name in names:
            return name
    return None


# ---- inside a variable


def inside(shell: InteractiveShell, path: str) -> Any:
    """The object of a path such as `sales` or `config['a'].b`; None where that is not to be had without running code.

    Args:
        shell: Where its root is a variable.
        path: A name, and steps of attributes and of keys that are written out.
    """
    root = re.match(r"[^\W\d]\w*", path)
    if root is None or root[0] not in shell.user_ns:
        return None
    found, at = shell.user_ns[root[0]], root.end()
    while at < len(path):
        step = STEP.match(path, at)
        if step is None:
            return None
        try:
            found = _attribute(found, step[1]) if step[1] else _item(found, ast.literal_eval(step[2]))
        except (AttributeError, LookupError, TypeError, ValueError):
            return None
        at = step.end()
    return found


def _attribute(found: Any, name: str) -> Any:
    if name in columns(found):
        return found[name]
    value = inspect.getattr_static(found, name)
    if hasattr(type(value), "__get__"):
        raise AttributeError(name)
    return value


def _item(found: Any, key: Any) -> Any:
    if type(found) in (dict, list, tuple) or key in columns(found):
        return found[key]
    raise LookupError(key)


def columns(table: Any) -> Sequence[Any]:
    """The labels of a table's columns; nothing for what is none."""
    name = _known(type(table), COLUMNS)
    if name is None:
        return ()
    try:
        return list(getattr(table, COLUMNS[name]))
    except Exception:  # noqa: BLE001 - a closed connection, a broken index: there is nothing to offer then
        return ()


def attributes(value: Any) -> list[Offer]:
    """What may follow a dot: columns that are names, then attributes that are values."""
    found = {str(name): "column" for name in columns(value) if isinstance(name, str) and name.isidentifier()}
    for name, one in _stored(value):
        if not name.startswith("_") and not isinstance(one, NO_VALUE):
            found.setdefault(name, "property" if hasattr(type(one), "__get__") else class_name(type(one)))
    return list(found.items())


def _stored(value: Any) -> Iterator[tuple[str, Any]]:
    """Names and what is stored under them, in the object and then in its classes, as they are read by nobody's code."""
    try:
        own = object.__getattribute__(value, "__dict__")
    except Exception:  # noqa: BLE001 - a `__dict__` may be a property as well
        own = {}
    yield from sorted(own.items()) if type(own) is dict and all(type(name) is str for name in own) else ()
    if type(value) is not types.ModuleType:
        for cls in type.__dict__["__mro__"].__get__(type(value)):
            yield from sorted(type.__dict__["__dict__"].__get__(cls).items())


def keys(value: Any) -> Iterator[tuple[str | int, str]]:
    """What may stand in brackets, each with what it leads to."""
    if type(value) is dict:
        found = ((key, class_name(type(one))) for key, one in list(value.items()))
    elif type(value) in (list, tuple):
        found = ((number, class_name(type(one))) for number, one in enumerate(value[:RECENT]))
    else:
        found = ((name, "column") for name in columns(value))
    return ((key, kind) for key, kind in found if type(key) is int or (type(key) is str and len(key) <= LONG))


def numbers(shell: InteractiveShell, *, answered: bool = False) -> list[Offer]:
    """The numbers of cells that were run, the last first.

    Args:
        shell: Where they ran.
        answered: Only those that had a value.
    """
    if answered:
        values = shell.user_ns.get("Out", {})
        return [(str(number), class_name(type(values[number]))) for number in sorted(values, reverse=True)[:RECENT]]
    cells = shell.history_manager.input_hist_raw if shell.history_manager else []
    last = range(len(cells) - 1, max(0, len(cells) - 1 - RECENT), -1)
    return [(str(number), cells[number].strip().partition("\n")[0][:40]) for number in last]


# ---- files


def files(begun: str, endings: tuple[str, ...] = ()) -> list[Offer]:
    """The files whose path begins so, folders with a slash; hidden ones only where a dot was typed.

    Args:
        begun: As it was typed, `~` and all.
        endings: Only files with these; () for any.
    """
    folder, slash, name = begun.rpartition("/")
    try:
        with os.scandir(Path(folder + slash).expanduser()) as found:
            there = [(entry.name, _is_folder(entry)) for entry, _ in zip(found, range(MOST * 10), strict=False)]
    except (OSError, ValueError, RuntimeError):  # no such folder; no path; no home
        return []
    return [
        (f"{folder}{slash}{one}{'/' if deeper else ''}", "folder" if deeper else "file")
        for one, deeper in sorted(there, key=lambda each: (each[1], each[0].casefold()))
        if one.casefold().startswith(name.casefold())
        and one.startswith(".") <= name.startswith(".")
        and (deeper or not endings or one.endswith(endings))
    ][:MOST]


def _is_folder(entry: os.DirEntry[str]) -> bool:
    try:
        return entry.is_dir()
    except OSError:
        return False
