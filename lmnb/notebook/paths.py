"""What `name.attr["key"][:3]` leads to: looked up step by step, with nothing evaluated but literals."""

from __future__ import annotations

import ast
import re
import warnings
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from lmnb.context import patience
from lmnb.context.values import class_name, label, line, number

if TYPE_CHECKING:
    from collections.abc import Mapping

NAME = r"[^\W\d]\w*"
_ATOM = r"""(?:[^\[\]{}'"`\n]|'(?:[^'\\\n]|\\.)*'|"(?:[^"\\\n]|\\.)*")"""
_STEP = rf"\.{NAME}|\[(?:{_ATOM}|\[{_ATOM}*\])*\]"
PATH = re.compile(rf"({NAME})((?:{_STEP})*)")
_STEPS = re.compile(_STEP)

LONG = 400
"""Characters of a path."""

PATIENCE = 1.0
"""Seconds that a property may take."""


class NoSuchThingError(Exception):
    """A path leads nowhere; its words say where it ends."""


@dataclass(frozen=True)
class Path:
    """A name and the way from there.

    Attributes:
        text: As it was typed.
        root: The name.
        steps: Attributes as their names, keys and slices as a tuple of the one thing between the brackets.
    """

    text: str
    root: str
    steps: tuple[str | tuple[Any], ...] = ()

    @property
    def words(self) -> list[str]:
        """All texts on the way, which may be names of columns."""
        found: list[str] = []
        for step in self.steps:
            found += [step] if isinstance(step, str) else _texts(step[0])
        return found


def read(text: str, place: int = 0) -> Path | None:
    """The path that begins at a place, as far as it goes; None where none begins, or more than names and literals."""
    found = PATH.match(text, place, place + LONG)
    if found is None:
        return None
    steps: list[str | tuple[Any]] = []
    for step in _STEPS.findall(found[2]):
        if step[0] == ".":
            steps.append(step[1:])
            continue
        try:
            steps.append((_literal(step),))
        except (SyntaxError, ValueError, TypeError, MemoryError, RecursionError):
            return None
    return Path(found[0], found[1], tuple(steps))


def _literal(brackets: str) -> Any:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # of "\d" in somebody's key
        tree = ast.parse(f"_{brackets}", mode="eval").body
    match tree:
        case ast.Subscript(value=ast.Name(), slice=key):
            return _key(key)
    raise SyntaxError(brackets)


def _key(node: ast.expr) -> Any:
    if isinstance(node, ast.Slice):
        ends = (node.lower, node.upper, node.step)
        return slice(*(None if end is None else ast.literal_eval(end) for end in ends))
    if isinstance(node, ast.Tuple):
        return tuple(_key(one) for one in node.elts)
    return ast.literal_eval(node)


def _texts(key: Any) -> list[str]:
    if isinstance(key, (tuple, list)):
        return [text for one in key for text in _texts(one)]
    if isinstance(key, slice):
        return _texts((key.start, key.stop))
    return [key] if isinstance(key, str) else []


def follow(path: Path, namespace: Mapping[str, Any]) -> Any:
    """What a path leads to. Waits at most a second, for properties.

    Args:
        path: Its root is in the namespace.
        namespace: Where it begins.

    Raises:
        NoSuchThingError: If it leads nowhere, if a property raises, or if one takes too long.
    """
    value = namespace[path.root]
    if not path.steps:
        return value
    found: list[Any] = []
    ended = patience.within(PATIENCE, lambda: found.append(_walk(value, path.steps)))
    if found:
        return found[0]
    if isinstance(ended, BaseException):
        raise NoSuchThingError(_why(ended))
    raise NoSuchThingError(f"it took longer than {number(PATIENCE)} s")


def _walk(value: Any, steps: tuple[str | tuple[Any], ...]) -> Any:
    for step in steps:
        value = getattr(value, step) if isinstance(step, str) else value[step[0]]
    return value


def _why(error: BaseException) -> str:
    said = ""
    if type(error).__module__ == "builtins":
        args = [one for one in error.args[:1] if type(one) in (str, int)]
        said = f": {line(str(args[0]), 120)}" if args else ""
    return f"{label(class_name(type(error)))}{said}"
