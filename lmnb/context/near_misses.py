"""What was meant by a name that is not there: columns, keys, variables, attributes, modules, files that are like it."""

from __future__ import annotations

import difflib
import re
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any

from lmnb.context import scopes
from lmnb.context.scopes import MISSING
from lmnb.context.values import class_name, kind_name, label, module_name

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator

    from lmnb.context.scopes import Mentioned, Scope

MOST = 3
"""Sentences about one error."""

LOOKED = 5_000
"""Names among which one is looked for."""

SHORT = {"np": "numpy", "pd": "pandas", "pl": "polars", "plt": "matplotlib.pyplot", "sns": "seaborn", "alt": "altair"}
SHORT |= {"px": "plotly.express", "go": "plotly.graph_objects", "sm": "statsmodels.api", "nw": "narwhals"}
SHORT |= {"xr": "xarray", "gpd": "geopandas", "pa": "pyarrow", "dd": "dask.dataframe", "tf": "tensorflow"}

DISTRIBUTIONS = {"sklearn": "scikit-learn", "cv2": "opencv-python", "PIL": "pillow", "yaml": "pyyaml"}
DISTRIBUTIONS |= {
    "bs4": "beautifulsoup4",
    "dateutil": "python-dateutil",
    "skimage": "scikit-image",
    "dotenv": "python-dotenv",
}
"""What is installed under another name than it is imported by."""

_QUOTED = re.compile(r"""'([^'\n]{1,100})'|"([^"\n]{1,100})"|`([^`\n]{1,100})`""")
_KEYWORD = re.compile(r"(\w+)\(\) got an unexpected keyword argument '(\w+)'")
_FROM = re.compile(r"cannot import name '(\w+)' from '([\w.]+)'")


def near(exception: BaseException, message: str, said: Mentioned, scope: Scope) -> list[str]:
    """What may have been meant, in sentences; none where nothing is like it. Imports nothing, runs no one's code.

    Args:
        exception: What was raised.
        message: Its text.
        said: What stands on the line that raised it.
        scope: The names that the line sees.
    """
    found: list[str] = []
    for look in (_names, _attributes, _modules, _imports, _keywords, _files, _columns):
        try:
            found += look(exception, message, said, scope)
        except Exception:  # noqa: BLE001, S112 - an object that is asked for its names may do anything
            continue
    return list(dict.fromkeys(found))[:MOST]


def closest(wanted: str, names: Iterable[Any]) -> list[str]:
    """The names that are most like one, the same in other letters first."""
    there = [name for name in list(names)[:LOOKED] if type(name) is str]
    plain = _plain(wanted)
    same = [name for name in there if name != wanted and _plain(name) == plain]
    if same:
        return same[:MOST]
    by_plain = {_plain(name): name for name in reversed(there)}
    alike = [by_plain[one] for one in difflib.get_close_matches(plain, by_plain, n=3, cutoff=0.72)]
    parts = [name for name in there if len(plain) > 3 and plain in _plain(name)] if not alike else []
    return [name for name in dict.fromkeys([*alike, *parts]) if name != wanted][:MOST]


def _plain(name: str) -> str:
    return re.sub(r"[\W_]+", "", name[:200]).casefold()


def _or(names: Iterable[str]) -> str:
    return " or ".join(label(name) if name.isidentifier() else repr(label(name)).strip('"') for name in names)


def _names(exception: BaseException, _message: str, _said: Mentioned, scope: Scope) -> Iterator[str]:
    if not isinstance(exception, NameError):
        return
    name = NameError.__dict__["name"].__get__(exception)
    if type(name) is not str:
        return
    if name in SHORT:
        yield f"`{name}` is not there: `import {SHORT[name]} as {name}` has not been run."
    elif alike := closest(name, [*scope.names(), *scopes.known_names()]):
        yield f"There is no `{label(name)}`; there is {_or(alike)}."
    elif name in sys.stdlib_module_names or name in sys.modules:
        yield f"`{name}` is not there: `import {name}` has not been run."


def _attributes(exception: BaseException, _message: str, said: Mentioned, scope: Scope) -> Iterator[str]:
    if not isinstance(exception, AttributeError):
        return
    name = AttributeError.__dict__["name"].__get__(exception)
    one = AttributeError.__dict__["obj"].__get__(exception)
    if type(name) is not str or (one is None and name not in " ".join(said.names)):
        return
    what = next((f"`{shown}`" for shown in said.names if scope.get(shown) is one), f"a {kind_name(one)}")
    if columns := closest(name, columns_of(one)):
        yield f"{what} has no `{label(name)}`; it has a column {_or(columns)}."
    elif alike := closest(name, attributes_of(one)):
        yield f"{what} has no `{label(name)}`; it has {_or(alike)}."


def attributes_of(one: Any) -> list[str]:
    """The public attributes of an object, from where they are stored."""
    found: list[str] = [*_dict_of(one)]
    classes = [type(one), *([one] if isinstance(one, type) else [])]
    for cls in classes:
        for base in type.__dict__["__mro__"].__get__(cls):
            found += type.__dict__["__dict__"].__get__(base)
    return [name for name in dict.fromkeys(found) if type(name) is str and not name.startswith("_")]


def _dict_of(one: Any) -> dict[str, Any]:
    try:
        found = object.__getattribute__(one, "__dict__")
    except Exception:  # noqa: BLE001 - a class without one, or with a property of that name
        return {}
    return found if type(found) is dict else {}


def _modules(exception: BaseException, _message: str, _said: Mentioned, _scope: Scope) -> Iterator[str]:
    if not isinstance(exception, ModuleNotFoundError):
        return
    name = ImportError.__dict__["name"].__get__(exception)
    if type(name) is not str or not name:
        return
    parent, _, last = name.rpartition(".")
    if parent in sys.modules:
        alike = closest(last, [*_dict_of(sys.modules[parent]), *_submodules(parent)])
        yield f"`{parent}` has no module `{last}`" + (f"; it has {_or(alike)}." if alike else ".")
        return
    top = name.partition(".")[0]
    from pkgutil import iter_modules

    there = [one.name for one in iter_modules() if not one.name.startswith("_")] + sorted(sys.stdlib_module_names)
    alike = closest(top, there)
    install = f" `%pip install {DISTRIBUTIONS.get(top, top)}` would install it." if not alike else ""
    yield f"`{label(top)}` is not installed{f'; there is {_or(alike)}' if alike else ''}.{install}"


def _submodules(parent: str) -> list[str]:
    from pkgutil import iter_modules

    path = getattr(sys.modules[parent], "__path__", None)
    return [one.name for one in iter_modules(path)] if path is not None else []


def _imports(exception: BaseException, message: str, _said: Mentioned, _scope: Scope) -> Iterator[str]:
    found = _FROM.search(message) if type(exception) is ImportError else None
    if found is None or found[2] not in sys.modules:
        return
    if alike := closest(found[1], [*_dict_of(sys.modules[found[2]]), *_submodules(found[2])]):
        yield f"`{found[2]}` has no `{found[1]}`; it has {_or(alike)}."


def _keywords(exception: BaseException, message: str, said: Mentioned, scope: Scope) -> Iterator[str]:
    found = _KEYWORD.search(message) if isinstance(exception, TypeError) else None
    if found is None:
        return
    function = _function(found[1], said, scope)
    if function is None:
        return
    import inspect

    names = list(inspect.signature(function).parameters)
    if alike := closest(found[2], names):
        yield f"`{found[1]}` has no argument `{found[2]}`; it has {_or(alike)}."


def _function(name: str, said: Mentioned, scope: Scope) -> Callable[..., Any] | None:
    for shown in said.names:
        root, _, last = shown.rpartition(".")
        if last != name:
            continue
        one = scope.get(shown)
        if one is MISSING and root and (owner := scope.get(root)) is not MISSING:
            classes = type.__dict__["__mro__"].__get__(type(owner))
            one = next((vars(cls)[name] for cls in classes if name in vars(cls)), MISSING)
        if one is not MISSING and callable(one):
            return one  # type: ignore[no-any-return]
    return None


def _files(exception: BaseException, _message: str, _said: Mentioned, _scope: Scope) -> Iterator[str]:
    if not isinstance(exception, FileNotFoundError):
        return
    name = OSError.__dict__["filename"].__get__(exception)
    if type(name) is not str:
        return
    path = Path(name)
    if not path.parent.is_dir():
        yield f"There is no folder `{label(str(path.parent), 100)}`."
        return
    there = [one.name for _, one in zip(range(LOOKED), path.parent.iterdir(), strict=False)]
    if alike := closest(path.name, there):
        yield f"There is no file `{label(path.name, 100)}` there; there is {_or(alike)}."


def _columns(exception: BaseException, message: str, said: Mentioned, scope: Scope) -> Iterator[str]:
    """Of tables and dicts that the line names, and of what it or the message names that they do not have."""
    if isinstance(exception, (NameError, ImportError, OSError, AttributeError)):
        return
    key = exception.args[0] if isinstance(exception, KeyError) and len(exception.args) == 1 else None
    wanted = [key] if type(key) is str else []
    inner = key if type(key) is str else message  # the message of a KeyError is quoted once more
    wanted += ["".join(groups) for groups in _QUOTED.findall(inner)[:10]]
    strings = [one.strip("\"'`") for one in said.strings]
    wanted += [one for one in strings if one in message]
    wanted = [one for one in dict.fromkeys(wanted) if one not in ("columns", "index")]
    for shown in said.names:
        there = columns_of(scope.get(shown))
        missing = [one for one in wanted if one not in there]
        said_there = [one for one in missing if one == key or one in strings]
        for one in said_there or (missing if not strings else []):
            if alike := closest(one, there):
                kind = "key" if isinstance(scope.get(shown), dict) else "column"
                yield f"`{shown}` has no {kind} {_text(one)}; it has {' or '.join(map(_text, alike))}."


def _text(name: str) -> str:
    """A column's name in quotes, as it stands in code."""
    shown = label(name)
    return shown if shown[:1] == "'" else f"'{shown}'"


def columns_of(one: Any) -> list[Any]:  # noqa: PLR0911 - one per library
    """The names of a table's columns, of a group's, or a dict's keys; nothing for anything else."""
    if isinstance(one, dict) and type(one).__module__ in ("builtins", "collections"):
        return list(dict.keys(one))[:LOOKED]
    cls = type(one)
    top = module_name(cls).partition(".")[0].lstrip("_")
    if top == "xarray":
        return [str(name) for name in one.variables] if hasattr(cls, "variables") else []
    if top == "pyarrow":
        return list(one.schema.names) if class_name(cls) in ("Table", "RecordBatch") else []
    if class_name(cls) == "LazyFrame":  # its `columns` would warn
        return list(one.collect_schema().names())
    if "GroupBy" in class_name(cls) and top == "pandas":
        return columns_of(getattr(one, "obj", None))
    if top in ("pandas", "polars", "duckdb", "modin", "geopandas", "ibis", "pyspark", "dask"):
        found = getattr(one, "columns", None)
        if found is None and class_name(cls) == "Series":
            found = one.index if top == "pandas" else None
        return list(found)[:LOOKED] if found is not None and not callable(found) else []
    return []
