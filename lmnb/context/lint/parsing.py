"""What a text looks like: a number, a date, and whether there is such a date."""

from __future__ import annotations

import datetime as dt
import re
from functools import lru_cache

NUMBER = re.compile(
    r"(?P<open>\()?(?P<sign>[+\-−]?)(?P<money>[$€£¥])?(?P<body>\d{1,3}(?:,\d{3})+(?:\.\d+)?|\d+(?:\.\d*)?|\.\d+)"
    r"(?P<power>[eE][+-]?\d+)?\s?(?P<unit>%|[$€£¥])?(?(open)\))\Z"
)
COMMA = re.compile(r"[+\-−]?[$€£¥]?(?:\d{1,3}(?:[. \u00a0\u202f]\d{3})+|\d+),\d+\s?[%$€£¥]?\Z")
LEADING = re.compile(r"0\d")
PERIOD = re.compile(r"\d{4}[-: ]?[QWMH]\d{1,2}\Z", re.IGNORECASE)
"""A quarter, a week, a month, a half of a year."""

CLOCK = (
    r"(?:[T ]+(?P<hour>\d{1,2}):(?P<minute>\d{2})(?::(?P<second>\d{2})(?:[.,]\d+)?)?"
    r"\s*(?:[AaPp][Mm])?\s*(?:Z|UTC|[+-]\d{2}:?\d{2})?)?\Z"
)
ISO = re.compile(r"(?P<y>\d{4})(?P<sep>[-/.])(?P<m>\d{1,2})(?P=sep)(?P<d>\d{1,2})" + CLOCK)
MONTH = re.compile(r"(?P<y>\d{4})-(?P<m>\d{2})\Z")
SHORT = re.compile(r"(?P<a>\d{1,2})(?P<sep>[-/.])(?P<b>\d{1,2})(?P=sep)(?P<y>\d{4}|\d{2})" + CLOCK)
COMPACT = re.compile(r"(?P<y>(?:1[89]|20)\d{2})(?P<m>\d{2})(?P<d>\d{2})\Z")
NAMES = "jan|feb|mar|apr|may|jun|jul|aug|sep|oct|nov|dec"
NAME = f"(?P<name>{NAMES})[a-z]*\\.?"
WEEKDAY = "(?:[a-z]{3,9},? )?"
NTH = r"(?P<d>\d{1,2})(?:st|nd|rd|th)?"
DAY_FIRST = re.compile(WEEKDAY + NTH + r"[ \-/]" + NAME + r"[ \-/,]+(?P<y>\d{4}|\d{2})" + CLOCK, re.IGNORECASE)
NAME_FIRST = re.compile(WEEKDAY + NAME + r"[ \-]" + NTH + r",?[ \-](?P<y>\d{4})" + CLOCK, re.IGNORECASE)
FORMS = {
    "iso": ISO,
    "month": MONTH,
    "short": SHORT,
    "compact": COMPACT,
    "day first": DAY_FIRST,
    "name first": NAME_FIRST,
}


def number(text: str) -> str | None:
    """How a text writes a number: "plain", or with a "comma" for the decimal point; None if it is none."""
    text = text.strip()
    if len(text) > 40 or (not any(sign.isdigit() for sign in text[:4]) and not any(s.isdigit() for s in text)):
        return None
    if NUMBER.match(text):
        return "plain"
    return "comma" if COMMA.match(text) else None


def coded(text: str) -> bool:
    """Whether a number begins with a zero that would be lost: a postcode, not a number."""
    return LEADING.match(text.strip()) is not None and "." not in text


@lru_cache(maxsize=4096)
def date_form(text: str) -> str | None:
    """Which of FORMS a text has, if it looks like a date."""
    text = text.strip()
    if not 6 <= len(text) <= 40:
        return None
    return next((name for name, form in FORMS.items() if form.match(text)), None)


def exists(text: str, form: str, *, month_first: bool = False) -> bool:
    """Whether there is such a date: no 30th of February, no 13th month, no year 0."""
    found = FORMS[form].match(text.strip())
    if found is None:
        return False
    parts = found.groupdict()
    year = int(parts["y"])
    if form == "short":
        a, b = int(parts["a"]), int(parts["b"])
        month, day = (a, b) if month_first else (b, a)
    else:
        month = NAMES.split("|").index(parts["name"].lower()) + 1 if parts.get("name") else int(parts["m"])
        day = int(parts.get("d") or 1)
    year = 2000 if len(parts["y"]) == 2 else year
    clock = int(parts.get("hour") or 0) < 24 and int(parts.get("minute") or 0) < 60
    return clock and _is_date(year, month, day)


def year_of(text: str, form: str) -> int | None:
    """The year that is written in a date, with four digits."""
    found = FORMS[form].match(text.strip())
    year = found.group("y") if found else ""
    return int(year) if len(year) == 4 else None


def _is_date(year: int, month: int, day: int) -> bool:
    try:
        dt.date(year, month, day)
    except ValueError:
        return False
    return True
