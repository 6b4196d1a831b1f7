"""Reading a stranger's JSON: a field is of its type and within its bounds, or a sentence says why it is not."""

from __future__ import annotations

import json
import math
from typing import Any

from lmnb.chat.strangers import whole

NAME = 500
"""Characters that an id or a name may have."""


def needed(record: dict[str, Any], name: str, kind: type) -> Any:
    """A field that must be there.

    Raises:
        ValueError: If it is missing, or a number that no clock and no counter shows.
        TypeError: If it is of another type.
    """
    if name not in record:
        raise ValueError(f"its {name} is missing")
    return typed(name, record[name], kind)


def maybe(record: dict[str, Any], name: str, kind: type) -> Any:
    """A field that may be missing or null; raises as `needed`."""
    return None if record.get(name) is None else typed(name, record[name], kind)


def one_of(record: dict[str, Any], name: str, choices: tuple[Any, ...]) -> Any:
    """A field that is one of some words; raises as `needed`."""
    value = needed(record, name, str)
    if value not in choices:
        raise ValueError(f"nothing has the {name} {value[:40]!r}")
    return value


def short(record: dict[str, Any], name: str) -> str | None:
    """An id or a name, at most `NAME` characters long; None where there is none. Raises as `needed`."""
    value: str | None = maybe(record, name, str)
    if value is not None and len(value) > NAME:
        raise ValueError(f"its {name} is too long")
    return value


def some(record: dict[str, Any], name: str, kind: type, most: int) -> list[Any]:
    """A list of one type, of at most so many; raises as `needed`."""
    values = maybe(record, name, list) or []
    if len(values) > most:
        raise ValueError(f"it has more than {most} {name}")
    return [typed(name, value, kind) for value in values]


def typed(name: str, value: Any, kind: type) -> Any:
    """The value, if it is of its type; raises as `needed`."""
    numeric = kind in {int, float} and isinstance(value, (int, kind)) and not isinstance(value, bool)
    # A clock and a counter stay far below; what is not a number (NaN) is not below anything.
    if numeric and not (math.isfinite(value) and abs(value) < 1e15):
        raise ValueError(f"{name} is no number")
    if not numeric and not isinstance(value, kind):
        raise TypeError(f"{name} is a {type(value).__name__}")
    return value


def size(value: Any) -> int:
    """The bytes that a value takes in a file."""
    return len(json.dumps(value, ensure_ascii=False).encode())


def plain(value: Any) -> Any:
    """A value as JSON has it; what JSON has no form for, by its name."""
    return json.loads(whole(json.dumps(value, default=repr, skipkeys=True, ensure_ascii=False)))
