"""How a stranger's name or value is written in a card: on its own line, as data, and short.

Names and values come out of files. A plain word stands as it is; everything else is quoted as Python would quote it, so
that it can be pasted into code, and so that no newline, backtick or chat template's mark in it leaves its place.
"""

from __future__ import annotations

import datetime as dt
import math
import re
from decimal import Decimal
from typing import Any

NAME_LIMIT = 60
"""Characters of a name; a longer one is cut and says by how much."""

VALUE_LIMIT = 32
"""Characters of an example."""

# Letters that show as nothing at all; Python counts them as printable.
_BLANK = "\u115f\u1160\u3164\uffa0\u2800"
_PLAIN = re.compile(r"[^\W\d][\w.\-]*")
_NUMBERLIKE = re.compile(r"(?i)nan|inf|true|false|none|null|na|nat")
# What chat templates are made of: `<|im_start|>`, `</s>`, `<think>`, `[INST]`.
_MARK = re.compile(r"<(?=[|/!A-Za-z_\uff5c])|\[(?=/?[A-Z_]{3,}\])")


def class_name(cls: type) -> str:
    """The name of a class as it was defined, whatever its metaclass says."""
    name = type.__dict__["__name__"].__get__(cls)
    return name if type(name) is str else "object"


def module_name(cls: type) -> str:
    """The module of a class; empty where it is none."""
    module = type.__dict__["__module__"].__get__(cls)
    return module if type(module) is str else ""


def kind_name(obj: object) -> str:
    """What an object is, without asking it: `pandas DataFrame`, `list`."""
    cls = type(obj)
    top = module_name(cls).partition(".")[0].strip("_")
    name = class_name(cls)
    return label(name) if top in ("", "builtins", "main") else f"{label(top)} {label(name)}"


def label(name: object, limit: int = NAME_LIMIT) -> str:
    """A column's, key's or attribute's name as it would stand in code."""
    if type(name) is str:
        if len(name) <= limit and _PLAIN.fullmatch(name) and _shows(name) and not _NUMBERLIKE.fullmatch(name):
            return name
        return quoted(name, limit)
    if isinstance(name, tuple) and type(name) is tuple and len(name) < 10:
        inner = ", ".join(label(part, limit) if type(part) is not str else quoted(part, limit) for part in name)
        return f"({inner})"
    return value(name, limit)


def quoted(text: str, limit: int = VALUE_LIMIT) -> str:
    """A text in quotes that cannot be left."""
    cut = "".join(map(_escaped, text[:limit]))
    cut = _MARK.sub(lambda found: f"\\x{ord(found[0]):02x}", cut)
    more = f"…(+{len(text) - limit:,} chars)" if len(text) > limit else ""
    return f"'{cut}'{more}"


def word(text: str, limit: int = VALUE_LIMIT) -> str:
    """A text value: as it is where it is one plain word, else in quotes."""
    plain = len(text) <= limit and _PLAIN.fullmatch(text) and _shows(text) and not _NUMBERLIKE.fullmatch(text)
    return text if plain else quoted(text, limit)


def _shows(text: str) -> bool:
    return text.isprintable() and not any(character in _BLANK for character in text)


def _escaped(character: str) -> str:
    if character in "\\'":
        return "\\" + character
    if character == " " or (character.isprintable() and character not in _BLANK and character != "`"):
        return character
    code = ord(character)
    short = {9: "\\t", 10: "\\n", 13: "\\r"}.get(code)
    return short or (f"\\x{code:02x}" if code < 256 else f"\\u{code:04x}" if code < 65536 else f"\\U{code:08x}")


def line(text: str, limit: int = 400) -> str:
    """A text of a library (a dtype, an error) on one line: it has no control characters and ends somewhere."""
    flat = " ".join(text[: limit * 4].split())
    flat = "".join(c if c.isprintable() and c not in "`" + _BLANK else _escaped(c) for c in flat)
    flat = _MARK.sub(lambda found: f"\\x{ord(found[0]):02x}", flat)
    return flat if len(flat) <= limit else flat[: limit - 1] + "…"


def value(one: Any, limit: int = VALUE_LIMIT) -> str:  # noqa: PLR0911 - one per type
    """A value in a few characters. Only what Python itself brings is asked how it looks; the rest is named by type."""
    match one:
        case None:
            return "None"
        case bool():
            return "true" if one else "false"
        case str():
            return word(str.__str__(one), limit)
        case int() if type(one) is int:
            return number(one)
        case float() | Decimal() if type(one) in (float, Decimal):
            return number(one)
        case dt.datetime() | dt.date():
            return moment(one)
        case dt.timedelta():
            return duration(one.total_seconds())
        case dt.time() if type(one) is dt.time:
            return one.isoformat()
        case bytes() | bytearray():
            return plural(len(one), "byte")
        case list() | tuple() | dict() | set() | frozenset() if type(one).__module__ == "builtins":
            return f"{class_name(type(one))} of {len(one):,}"
    return _numpy(one) or kind_name(one)


def _numpy(one: Any) -> str:
    """A numpy scalar, which is no Python number but knows the one it is."""
    if module_name(type(one)) != "numpy" or not hasattr(one, "item") or getattr(one, "shape", None) != ():
        return ""
    plain = one.item()
    return value(plain) if type(plain) in (int, float, bool, str) else line(str(one), VALUE_LIMIT)


def number(one: float | Decimal, digits: int = 5) -> str:
    """A number with the digits that matter: integers whole, others with five."""
    if isinstance(one, int):
        return str(int(one)) if one.bit_length() < 70 else f"a number of {one.bit_length():,} bits"
    try:
        plain = float(one)
    except (ValueError, OverflowError):
        return line(str(one), VALUE_LIMIT)
    if not math.isfinite(plain):
        return str(plain)
    if plain == int(plain) and abs(plain) < 1e15:
        return str(int(plain))
    if 10**digits <= abs(plain) < 1e9:
        return str(round(plain))
    return f"{plain:.{digits}g}".replace("e+0", "e").replace("e+", "e").replace("e-0", "e-")


def moment(one: dt.date) -> str:
    """A date, and the time where there is one."""
    if not isinstance(one, dt.datetime):
        return one.isoformat()
    text = one.isoformat(sep=" ")
    text = re.sub(r"[+-]\d\d:\d\d(:\d\d)?$", "", text)  # the zone stands in the type
    day, _, clock = text.partition(" ")
    clock = clock.rstrip("0").rstrip(".") if "." in clock else clock
    clock = clock.removesuffix(":00") if clock.count(":") == 2 else clock
    return day if clock in ("", "00:00") else f"{day} {clock}"


_UNITS = ((86_400.0, "d"), (3_600.0, "h"), (60.0, "min"), (1.0, "s"), (1e-3, "ms"), (1e-6, "µs"), (1e-9, "ns"))


def duration(seconds: float) -> str:
    """A length of time in the largest unit that fits it."""
    if not math.isfinite(seconds):
        return "?"
    for unit, name in _UNITS:
        if abs(seconds) >= unit:
            return f"{number(round(seconds / unit, 3))} {name}"
    return "0 s"


def share(part: int, whole: int) -> str:
    """A share in per cent; never 0% where there are some, never 100% where some are not."""
    if whole <= 0 or part == 0:
        return "0%"
    percent = 100 * part / whole
    if percent < 1:
        return "<1%"
    return ">99%" if part < whole and percent > 99 else f"{percent:.0f}%"


def plural(count: int, noun: str) -> str:
    """`1 row`, `20,000 rows`."""
    if count == 1:
        return f"1 {noun}"
    return f"{count:,} {noun[:-1]}ies" if noun[-1] == "y" and noun[-2] not in "aeiou" else f"{count:,} {noun}s"


def size(count: float) -> str:
    """Bytes in the unit that fits them."""
    for unit, name in ((1e9, "GB"), (1e6, "MB"), (1e3, "kB")):
        if count >= unit:
            return f"{count / unit:.3g} {name}"
    return f"{int(count)} bytes"
