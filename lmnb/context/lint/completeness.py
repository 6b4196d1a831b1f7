"""What is not there: missing values, values that stand for missing ones, infinite ones, columns that say nothing."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any

from lmnb.context.lint.looking import some
from lmnb.context.lint.remedies import texts
from lmnb.context.lint.report import Finding, percent

if TYPE_CHECKING:
    from collections.abc import Iterator

    from lmnb.context.lint.columns import Column
    from lmnb.context.lint.looking import Look

# "none" in small letters is a word that people mean ("alcohol: none"); Python's and SQL's own spellings are not.
EMPTY = {
    "", "-", "--", "---", ".", "..", "?", "??", "*", "…", "n/a", "n.a.", "n.a", "#n/a", "#na", "na", "nan", "null",
    "<na>", "nil", "missing", "unknown", "unk", "undefined", "not available", "not known", "no data", "tbd", "tba",
    "#value!", "#ref!", "#div/0!", "#null!", "(blank)", "(null)", "(missing)", "[null]", r"\n", "nat", "-999", "-9999",
}  # fmt: skip
EXACT = {"None", "NULL", "NaN"}
CODE = re.compile(r"[A-Z0-9]{2,5}\Z")

PLACEHOLDERS = frozenset(
    sign * number
    for digits in (2, 3, 4, 5, 6)
    for number in (10**digits - 1, (10**digits - 1) / 10, 10**digits - 2, (10**digits - 1) / 100)
    for sign in (1, -1)
) | {-1, -(2**31), 2**31 - 1, -(2**63), 2**63 - 1, -32768, 32767, 65535, 88, 888, 8888, -88, -888, -8888}


def missing(column: Column, look: Look) -> Iterator[Finding]:
    """Rows without a value, counted in all rows."""
    whole, nans = column.whole, 0
    empty = int(whole.null_count())
    if not column.objects and look.source.library != "pandas" and whole.dtype.is_float():
        nans = int((whole.is_nan() & ~whole.is_null()).sum())
    rows = empty + nans
    if not rows or not column.rows:
        return
    share = rows / column.rows
    words = look.remedies
    if share >= 0.6:
        remedy = words.drop(column.at)
    elif nans:
        remedy = words.say("keep numbers", column.at)
    elif share < 0.05:
        remedy = words.say("keep present", column.at)
    elif column.kind in ("integer", "float") and not column.objects and not whole.dtype.is_decimal():
        whole_numbers = column.kind == "integer" or all(v == int(v) for v in column.tally)
        remedy = words.say("fill whole" if whole_numbers else "fill middle", column.at)
    else:
        remedy = words.say("look missing", column.at)
    counted = f"{rows:,} of {column.rows:,} rows ({percent(share)})"
    what = "No row has a value" if rows == column.rows else f"No value in {counted}"
    what += f", {nans:,} of them NaN" if nans else ""
    severity = "error" if rows == column.rows else "warn" if share >= 0.05 else "info"
    yield Finding("missing", column.name, rows, share, f"{what}.", remedy, (), severity)  # type: ignore[arg-type] # one of the three


def constants(column: Column, look: Look) -> Iterator[Finding]:
    """A column with one value."""
    if len(column.values) < 5 or len(column.tally) != 1 or column.present < 2:
        return
    (value,) = column.tally
    full = column.present == len(column.values)
    what = (
        f"Every row has the same value, {_shown(column, value)}."
        if full
        else (f"The only value is {_shown(column, value)}, in {{rows}}; the others have none.")
    )
    remedy = look.remedies.drop(column.at)
    yield look.finding("constant", column, column.present, what, remedy, severity="warn" if full else "info")


def _shown(column: Column, value: Any) -> str:
    return some([value]) if column.kind in ("bool", "integer", "float", "text") else "for all"


def infinite(column: Column, look: Look) -> Iterator[Finding]:
    """Infinite numbers."""
    if column.infinite:
        remedy = look.remedies.say("finite", column.at)
        yield look.finding("infinite", column, column.infinite, "Infinite in {rows}.", remedy, severity="error")


def sentinels(column: Column, look: Look) -> Iterator[Finding]:
    """Values that stand for missing ones: -999, 9999, "N/A"."""
    found = empty_words(column) if column.kind in ("text", "mixed") else placeholders(column)
    if not found:
        return
    counts = {value: column.tally[value] for value in found}
    words = [value[1] if isinstance(value, tuple) else value for value in found]
    stripped = [value.strip() if isinstance(value, str) else value for value in words]
    what = "blank words" if column.kind == "text" and not column.labelled else "blank"
    remedy = look.remedies.say(what, column.at, **texts(list(dict.fromkeys(stripped))))
    message = f"{some(words)} in {{rows}}: it seems to stand for a missing value."
    yield look.finding("sentinel", column, sum(counts.values()), message, remedy, examples=words)


def empty_words(column: Column) -> list[Any]:
    """The texts of a column that say that there is none."""
    texts_of = {key: key[1] if isinstance(key, tuple) else key for key in column.tally}
    words = {key: text for key, text in texts_of.items() if isinstance(text, str)}
    found = [key for key, text in words.items() if text.strip().casefold() in EMPTY or text.strip() in EXACT]
    if len(found) == len(words) and len(words) == 1 and column.kind == "text":
        return []  # a constant
    others = [text for key, text in words.items() if key not in found]
    found = [key for key in found if not _is_code(words[key], others)]
    # A one-letter mark among one-letter marks (+, -, *, ?) is a sign.
    if any(len(text.strip()) == 1 and not text.strip().isalnum() for text in others):
        found = [key for key in found if len(words[key].strip()) != 1]
    return sorted(found)


def _is_code(word: str, others: list[str]) -> bool:
    """Whether a word is a code among codes: NA is Namibia among countries, UNK is Unalakleet among airports."""
    alike = sum(len(text) == len(word) and CODE.match(text) is not None for text in others)
    return CODE.match(word) is not None and alike > 0.9 * len(others)


def placeholders(column: Column) -> list[Any]:
    """The numbers of a column that stand far from all others, are often there, and look like -999 or 9999."""
    if column.kind not in ("integer", "float") or len(column.tally) < 3 or column.present < 10:
        return []
    candidates = [value for value in column.tally if value in PLACEHOLDERS]
    if not candidates:
        return []
    rest = [value for value in column.ranked if value not in PLACEHOLDERS]
    if not rest:
        return []
    others = [value for value in candidates if not _stands_out(column, value, rest)]
    rest = sorted([*rest, *others])
    return sorted(value for value in candidates if value not in others and _stands_out(column, value, rest))


def _stands_out(column: Column, value: float, rest: list[Any]) -> bool:
    low, high = rest[0], rest[-1]
    if low < value < high:
        return _spike(column, value, rest)
    if value < low:
        return _below(column, value, low, high)
    return _above(column, value, low, high)


def _spike(column: Column, value: float, rest: list[Any]) -> bool:
    """Within the range: many of it among values that hardly repeat."""
    repeated = max((column.tally[other] for other in rest if other), default=1)
    few = len(rest) >= 0.5 * (column.present - column.tally[value])
    return abs(value) >= 99 and few and column.tally[value] >= max(5, 5 * repeated)


def _below(column: Column, value: float, low: float, high: float) -> bool:
    count = column.tally[value]
    if low >= 0:
        if abs(value) >= 88:
            return True  # among counts and sizes there is no -999
        # -1 for "none" among numbers that do not begin beside it
        near = sum(n for other, n in column.tally.items() if 0 <= other <= 2)
        return value == -1 and count >= 2 and high >= 10 and count > 2 * near
    far = low - value > 1.5 * (high - low)
    return far and abs(value) >= 88 and (count >= 2 or low - value > 5 * (high - low))


def _above(column: Column, value: float, low: float, high: float) -> bool:
    count = column.tally[value]
    far = value - high > 1.5 * (high - min(low, 0))
    return far and value >= 9.9 and (count >= 2 or value - high > 8 * (high - low))
