"""How a value stands in a prompt for `{name}`: a text as it is, a number as Python writes it, else a card."""

from __future__ import annotations

import datetime as dt
import enum
import pathlib
import reprlib
import uuid
from dataclasses import dataclass
from decimal import Decimal
from fractions import Fraction
from typing import TYPE_CHECKING, Any

from lmnb.chat.reply import Reply
from lmnb.chat.strangers import plain, whole
from lmnb.context import kinds, patience
from lmnb.context.values import class_name, kind_name, label, module_name, number

if TYPE_CHECKING:
    from lmnb.context.telling import Telling

LONG = 4_000
"""Characters of an object's own representation."""

PATIENCE = 1.0
"""Seconds that it may take."""

_NUMBERS = (bool, int, float, complex, type(None), Decimal, Fraction)
_PATHS = (pathlib.PosixPath, pathlib.WindowsPath, pathlib.PurePosixPath, pathlib.PureWindowsPath)
_WRITTEN = (dt.date, dt.datetime, dt.time, dt.timedelta, uuid.UUID, *_PATHS)


@dataclass(frozen=True)
class Worded:
    """A value as text.

    Attributes:
        text: What is put into the prompt.
        block: Whether it is lines of data, which stand between fences.
        notes: What was masked, sampled, cut.
    """

    text: str
    block: bool = False
    notes: tuple[str, ...] = ()


def worded(value: Any, name: str, telling: Telling) -> Worded:
    """A value as it stands in a prompt. Never raises; waits a second at most.

    Args:
        value: Anything.
        name: What the person calls it.
        telling: How much is told of it.
    """
    if type(value) is str:
        return Worded(whole(value))
    if type(value) in _NUMBERS:
        return Worded(_number(value))
    if type(value) in _WRITTEN:
        return Worded(str(value))
    if issubclass(type(value), Reply):
        return Worded(str(value))
    if kinds.has_card(value):
        card = telling.card(value, name)
        return Worded(card.text, block=True, notes=card.notes)
    return _represented(value, telling)


def _number(value: Any) -> str:
    try:
        return repr(value)
    except ValueError:  # Python writes no integer of more than 4,300 digits
        return number(value)


class _Short(reprlib.Repr):
    """Representations that end somewhere, whatever they are of."""

    def __init__(self) -> None:
        super().__init__()
        self.maxlist = self.maxtuple = self.maxset = self.maxfrozenset = self.maxdeque = self.maxarray = 100
        self.maxdict, self.maxlevel = 100, 6
        self.maxstring = self.maxlong = self.maxother = 1_000

    def repr_instance(self, x: object, level: int) -> str:
        """Somebody's own, which may be of any length."""
        said = self._said(x, level)
        return said if len(said) <= LONG else said[:LONG] + "…"

    def _said(self, x: object, level: int) -> str:
        if module_name(type(x)) == "numpy" and getattr(x, "shape", None) == ():
            x = x.item()  # type: ignore[attr-defined]  # numpy 2 writes np.float64(1.5)
            return self.repr1(x, level) if type(x) in (*_NUMBERS, str, bytes) else repr(x)
        return str.__str__(repr(x))


def _represented(value: Any, telling: Telling) -> Worded:
    """What an object says of itself, from a thread that is given up when it takes too long."""
    found: list[str] = []
    ended = patience.within(PATIENCE, lambda: found.append(_Short().repr(value)))
    if not found:
        why = f"raised {label(class_name(type(ended)))}" if isinstance(ended, BaseException) else "took too long"
        return Worded(f"<{kind_name(value)}>", notes=(f"its __repr__ {why}",))
    text, notes = telling.cleaned(plain(found[0][: LONG + 1]))
    if len(found[0]) > LONG:
        text, notes = text[:LONG] + "…", (*notes, f"cut after {LONG:,} characters")
    if isinstance(value, enum.Enum):
        return Worded(text, notes=notes)
    return Worded(text, block="\n" in text, notes=notes)
