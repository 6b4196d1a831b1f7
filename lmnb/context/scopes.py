"""What the names on a line stand for, where the line failed: looked up, never evaluated."""

from __future__ import annotations

import builtins
import io
import keyword
import re
import tokenize
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

    from lmnb.context.tracebacks import Place

MISSING: Any = object()
"""What a name stands for that stands for nothing."""


@dataclass(frozen=True)
class Mentioned:
    """What stands on some lines of code.

    Attributes:
        names: `df`, `self.df`, in the order in which they stand there.
        strings: Texts, which may be columns, keys or files.
    """

    names: tuple[str, ...] = ()
    strings: tuple[str, ...] = ()


def mentioned(lines: Sequence[str]) -> Mentioned:
    """The names and texts on lines of code, also where they are no whole statement."""
    names: list[str] = []
    strings: list[str] = []
    dotted = ""
    after_dot = False
    for kind, text in _tokens("\n".join(one.strip() for one in lines)):
        if kind == tokenize.STRING:
            plain, inner = _unquoted(text)
            strings.append(plain)
            names += inner
        if kind == tokenize.NAME and not keyword.iskeyword(text):
            dotted = f"{dotted}.{text}" if after_dot and dotted else "" if after_dot else text
            if dotted and dotted.count(".") < 3:
                names.append(dotted)
        elif not (kind == tokenize.OP and text == "."):
            dotted = ""
        after_dot = kind == tokenize.OP and text == "."
    return Mentioned(tuple(dict.fromkeys(names)), tuple(dict.fromkeys(filter(None, strings))))


def _tokens(text: str) -> Iterator[tuple[int, str]]:
    try:
        for token in tokenize.generate_tokens(io.StringIO(text).readline):
            yield token.type, token.string
    except (tokenize.TokenError, SyntaxError):  # a bracket is open: the line goes on elsewhere
        return


def _unquoted(text: str) -> tuple[str, list[str]]:
    """What is in the quotes of a literal, and the names in the braces of a formatted one."""
    found = re.fullmatch(r"(?s)([A-Za-z]*)('{3}|\"{3}|'|\")(.*)\2", text)
    if found is None:
        return "", []
    inner = re.findall(r"\{\s*([A-Za-z_]\w*)", found[3]) if "f" in found[1].lower() else []
    return ("" if inner else found[3][:200]), inner


@dataclass
class Scope:
    """The names that a place sees.

    Attributes:
        layers: Mappings of names, the nearest first.
    """

    layers: list[Mapping[str, Any]] = field(default_factory=list)

    def get(self, name: str) -> Any:
        """What a name stands for; `MISSING` where it is not there. Attributes are those that are stored, no others."""
        root, *rest = name.split(".")
        found = next((layer[root] for layer in self.layers if root in layer), MISSING)
        for part in rest:
            found = stored(found, part)
        return found

    def names(self) -> list[str]:
        """All names, without those of Python itself and the hidden ones."""
        return list(dict.fromkeys(name for layer in self.layers for name in list(layer) if not name.startswith("_")))


def scope_of(places: Sequence[Place], namespace: Mapping[str, Any]) -> Scope:
    """What the last of some places sees.

    Args:
        places: Of one traceback, the outermost first.
        namespace: Of the notebook.
    """
    layers: list[Mapping[str, Any]] = []
    for place in reversed(places):
        if place.frame is None:
            break
        layers.append(place.frame.f_locals)
        if not place.function.startswith("<"):  # a lambda or comprehension sees the names around it
            layers.append(place.frame.f_globals)
            break
    return Scope([*layers, namespace])


def stored(one: Any, name: str) -> Any:
    """An attribute of an object as it is stored, without asking the object: no code of its class runs."""
    if one is MISSING:
        return MISSING
    try:
        own = object.__getattribute__(one, "__dict__")
    except Exception:  # noqa: BLE001 - a class without, or with a property of that name
        return MISSING
    return own.get(name, MISSING) if type(own) is dict else MISSING


def known_names() -> list[str]:
    """The names that Python itself brings."""
    return [name for name in vars(builtins) if not name.startswith("_")]
