"""Who describes what: the object's own words first, then the person's, then ours, by what the object is.

What an object is, its class says, not the object: `isinstance` would ask its `__class__`, which may be somebody's code.
Libraries are recognised by the names of their classes, and none is imported for that.
"""

from __future__ import annotations

import datetime as dt
import importlib
import inspect
import re
import sys
import types
from dataclasses import replace
from decimal import Decimal
from functools import partial
from typing import TYPE_CHECKING, Any

from lmnb.context.values import class_name, line, module_name

if TYPE_CHECKING:
    from collections.abc import Callable

    from lmnb.context.ladder import Draft
    from lmnb.context.tables import Wish

    Describer = Callable[[Any], str]
    Ours = Callable[[Draft, Any, Wish], None]

OWN = ("_repr_llm_", "_ai_repr_")
"""Methods by which a class describes its objects itself."""

WORDS = 20_000
"""Characters of a description that a class or the person gives; a budget cuts it further."""

LAZY = frozenset({"ibis", "dask", "pyspark", "sqlframe", "daft", "modin", "cudf"})
FIGURES = frozenset({"matplotlib", "plotly", "altair", "seaborn"})
TABLES = frozenset(
    {"pandas.DataFrame", "polars.DataFrame", "polars.LazyFrame", "pyarrow.Table", "duckdb.DuckDBPyRelation"}
    | {"modin.DataFrame", "cudf.DataFrame", "ibis.Table", "dask.DataFrame", "pyspark.DataFrame", "sqlframe.DataFrame"}
    | {"daft.DataFrame"}
)

_registered: dict[type | str, Describer] = {}


def register(kind: type | str, describer: Describer | None) -> None:
    """Describe objects of a class in the person's own words.

    Args:
        kind: The class, or its name as `module.Class`, which imports nothing. Subclasses are meant as well.
        describer: Takes the object and gives a text; it runs on a thread that is given up when it takes too long. None
            forgets what was registered.
    """
    if describer is None:
        _registered.pop(kind, None)
    else:
        _registered[kind] = describer


def at_home(obj: object) -> bool:
    """Whether an object has to be asked on the thread on which it was made."""
    sqlite3 = sys.modules.get("sqlite3")
    return sqlite3 is not None and issubclass(type(obj), sqlite3.Connection)


def has_card(obj: object) -> bool:
    """Whether there is more to say of an object than how it shows itself: it is data, or somebody describes it."""
    for cls in type.__dict__["__mro__"].__get__(type(obj)):
        stored, name = type.__dict__["__dict__"].__get__(cls), f"{module_name(cls)}.{class_name(cls)}"
        if any(callable(stored.get(own)) for own in OWN) or cls in _registered or name in _registered:
            return True
        if f"{_library(cls)}.{class_name(cls)}" in _BY_NAME or _library(cls) in LAZY | FIGURES:
            return True
    return False


def is_table(obj: object) -> bool:
    """Whether an object has rows and columns; its class is asked, not the object."""
    return any(f"{_library(cls)}.{class_name(cls)}" in TABLES for cls in type.__dict__["__mro__"].__get__(type(obj)))


def _library(cls: type) -> str:
    return module_name(cls).partition(".")[0].lstrip("_")


def fill(draft: Draft, obj: Any, wish: Wish) -> None:
    """Put into a draft what there is to say of an object."""
    if _own_words(draft, obj, wish) or _figure(draft, obj, wish):
        return
    line_of_classes = type.__dict__["__mro__"].__get__(type(obj))
    for cls in line_of_classes:
        if (describer := _BY_NAME.get(f"{_library(cls)}.{class_name(cls)}")) is not None:
            describer(draft, obj, wish)
            return
    _by_class(line_of_classes)(draft, obj, wish)


def _own_words(draft: Draft, obj: Any, wish: Wish) -> bool:
    """Let the class speak, or the person for it; where that fails it is noted, and we describe the object."""
    for cls in type.__dict__["__mro__"].__get__(type(obj)):
        stored = type.__dict__["__dict__"].__get__(cls)
        for name in OWN:
            if callable(method := stored.get(name)) and _told(draft, name, partial(method, obj), wish):
                return True
        for kind in (cls, f"{module_name(cls)}.{class_name(cls)}"):
            describer = _registered.get(kind)
            if describer is not None and _told(draft, "what was registered", partial(describer, obj), wish):
                return True
    return False


def _told(draft: Draft, who: str, tell: Callable[[], object], wish: Wish) -> bool:
    from lmnb.context import masks

    draft.doing = who
    try:
        said = tell()
    except Exception as error:  # noqa: BLE001 - somebody's code
        draft.note(f"{who} raised {class_name(type(error))}")
        return False
    finally:
        draft.doing = "describing it"
    if not isinstance(said, str) or not said.strip():
        if inspect.iscoroutine(said):
            said.close()
        draft.note(f"{who} gave no text")
        return False
    lines = []
    for raw in str.__str__(said)[:WORDS].splitlines():
        text, kinds = masks.masked(raw) if wish.mask else (raw, frozenset[str]())
        for kind in sorted(kinds):
            draft.note(f"{kind} masked")
        indent = len(raw) - len(raw.lstrip(" "))
        lines.append(" " * min(indent, 20) + line(text, 1_000))
    draft.remarks = lines
    draft.note(f"described by {who}")
    return True


def _figure(draft: Draft, obj: Any, wish: Wish) -> bool:
    """Figures are described by a room of their own."""
    if _library(type(obj)) not in FIGURES:
        return False
    try:
        figures = importlib.import_module("lmnb.context.figures")
    except ModuleNotFoundError:
        return False
    text = figures.describe_figure(obj, values=wish.look, mask=wish.mask, hide=wish.hide)
    if text:
        draft.remarks = text.splitlines()
        for kind in sorted(set(re.findall("‹([^‹›]{1,40})›", text)) if wish.mask else ()):
            draft.note(f"{kind} masked")
    return bool(text)


# -- by name -----------------------------------------------------------------------------------------------------------


def _frame(draft: Draft, obj: Any, wish: Wish) -> None:
    from lmnb.context import frames, tables

    table = frames.in_memory(obj, wish)
    if table is None:
        _other(draft, obj, wish)
    else:
        tables.fill(draft, table, wish)


def _series(draft: Draft, obj: Any, wish: Wish) -> None:
    from lmnb.context import frames, tables

    table = frames.one_column(obj, draft.name, wish)
    if table is None:
        _other(draft, obj, wish)
    else:
        tables.fill(draft, table, wish)


def _outlined(draft: Draft, obj: Any, wish: Wish) -> None:
    """Names and types, which cost nothing, before anything is run that may take longer than there is time."""
    import narwhals as nw

    from lmnb.context import lazy, tables

    tables.fill(draft, lazy.unread(nw.from_native(obj)), replace(wish, level="schema"))


def _polars(draft: Draft, obj: Any, wish: Wish) -> None:
    from lmnb.context import lazy_polars, tables

    _outlined(draft, obj, wish)
    tables.fill(draft, lazy_polars.lazy_frame(obj, draft.ends.append, wish), wish)


def _relation(draft: Draft, obj: Any, wish: Wish) -> None:
    from lmnb.context import lazy_duckdb, tables

    _outlined(draft, obj, wish)
    tables.fill(draft, lazy_duckdb.relation(obj, draft.ends.append, wish), wish)


def _lazily(module: str, function: str) -> Ours:
    """A describer of another module, which is imported when it is needed."""

    def describe(draft: Draft, obj: Any, wish: Wish) -> None:
        getattr(importlib.import_module(f"lmnb.context.{module}"), function)(draft, obj, wish)

    return describe


_BY_NAME: dict[str, Ours] = {
    "pandas.DataFrame": _frame,
    "polars.DataFrame": _frame,
    "pyarrow.Table": _frame,
    "modin.DataFrame": _frame,
    "cudf.DataFrame": _frame,
    "pandas.Series": _series,
    "polars.Series": _series,
    "pyarrow.ChunkedArray": _series,
    "modin.Series": _series,
    "cudf.Series": _series,
    "polars.LazyFrame": _polars,
    "duckdb.DuckDBPyRelation": _relation,
    "duckdb.DuckDBPyConnection": _lazily("databases", "duckdb"),
    "sqlite3.Connection": _lazily("databases", "sqlite"),
    "sqlalchemy.Engine": _lazily("databases", "sqlalchemy"),
    "sqlalchemy.Connection": _lazily("databases", "sqlalchemy"),
    "numpy.ndarray": _lazily("arrays", "array"),
    "torch.Tensor": _lazily("arrays", "tensor"),
    "scipy._spbase": _lazily("arrays", "sparse"),
    "scipy.spmatrix": _lazily("arrays", "sparse"),
    "xarray.Dataset": _lazily("arrays", "labelled"),
    "xarray.DataArray": _lazily("arrays", "labelled"),
    "sklearn.BaseEstimator": _lazily("learners", "estimator"),
}
"""By the first part of a class's module, without underscores, and its name."""


def _by_class(line_of_classes: tuple[type, ...]) -> Ours:
    """Python's own, and whatever narwhals may know."""
    for known, function in (
        (str, _lazily("nested", "text")),
        (dict, _lazily("nested", "mapping")),
        (list, _lazily("nested", "sequence")),
        (tuple, _lazily("nested", "sequence")),
        (set, _lazily("nested", "sequence")),
        (frozenset, _lazily("nested", "sequence")),
        (types.ModuleType, _lazily("plain", "module")),
        (type, _lazily("plain", "function")),
    ):
        # A subclass of these may do anything in its methods; Python's own and named tuples do not.
        if line_of_classes[0] is known or (known in (tuple, dict, type) and known in line_of_classes):
            return function
    if line_of_classes[0] in (types.FunctionType, types.BuiltinFunctionType, types.MethodType):
        return _lazily("plain", "function")
    if line_of_classes[0] in (
        int,
        float,
        bool,
        complex,
        bytes,
        type(None),
        Decimal,
        dt.datetime,
        dt.date,
        dt.timedelta,
    ):
        return _lazily("plain", "scalar")
    return _other


def _other(draft: Draft, obj: Any, wish: Wish) -> None:
    """A frame of a library that has no line of its own here, or an object that is described by what is stored in it."""
    from lmnb.context import lazy, plain, tables

    top = {_library(cls) for cls in type.__dict__["__mro__"].__get__(type(obj))}
    if top & LAZY:
        table = lazy.any_other(obj, wish)
        if table is not None:
            tables.fill(draft, table, wish)
            return
    plain.thing(draft, obj, wish)
