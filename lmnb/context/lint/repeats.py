"""What is there twice: rows, columns, and columns in which every row has a value of its own."""

from __future__ import annotations

import re
from math import inf
from operator import mul
from typing import TYPE_CHECKING, Any

from lmnb.context.lint.columns import ID_NAME
from lmnb.context.lint.parsing import PERIOD, date_form, number
from lmnb.context.lint.report import Finding, percent

if TYPE_CHECKING:
    from collections.abc import Iterator

    from lmnb.context.lint.columns import Column
    from lmnb.context.lint.looking import Look

PAIRED = 120
"""So many columns are compared pair by pair; more would take the square of their number."""
COMPARED = 2_000
"""In so many rows."""

UUID = re.compile(r"[0-9a-f]{8}-?(?:[0-9a-f]{4}-?){3}[0-9a-f]{12}\Z", re.IGNORECASE)
CODE = re.compile(r"(?=.*\d)[\w\-./:#]+\Z|[A-Z]{2,8}\Z")


def rows(look: Look) -> Iterator[Finding]:
    """Rows that are there more than once, counted in all rows."""
    total, columns = look.source.rows, look.columns
    if total < 2 or len(columns) < len(look.source.labels):  # a column that could not be read may differ
        return
    more, counted = _repeated(look)
    if not more:
        return
    share = more / counted
    repeats = round(share * total)
    possible = 1
    for column in columns:
        possible = min(possible * max(1, len(column.tally)), 10**12)
    usual = possible < 20 * total
    message = f"{repeats:,} of {total:,} rows ({percent(share)}) repeat an earlier row in every column."
    message += " With so few different values that may be chance." if usual else ""
    yield Finding(
        "duplicates", None, repeats, share, message, look.remedies.distinct(), (), "info" if usual else "warn"
    )


def _repeated(look: Look) -> tuple[int, int]:
    """How many rows repeat an earlier one, of how many that were compared."""
    total = look.source.rows
    if all(one.kind not in ("mixed", "other") and not one.objects for one in look.columns):
        whole = look.source.whole
        unique = [one for one in look.columns if len(one.tally) == len(one.values)]
        if any(int(one.whole.n_unique()) == total for one in unique[:3]):
            return 0, total
        return total - int(whole.unique(subset=list(whole.columns), keep="any").shape[0]), total
    if any(not column.values for column in look.columns):
        return 0, total  # what cannot be compared cannot be called the same
    keys = list(zip(*(column.codes for column in look.columns), strict=True))
    return len(keys) - len(set(keys)), len(keys)


def ids(column: Column, look: Look) -> Iterator[Finding]:
    """A column that names each row."""
    n = column.present
    if n < 20 or n != len(column.values) or len(column.tally) != n or look.target is column:
        return
    why = _named_numbers(column) if column.kind == "integer" else _named_texts(column) if column.kind == "text" else ""
    if why:
        message = f"Every row has a value of its own: {why}. It names the row and says nothing about it."
        remedy = look.remedies.drop(column.at)
        yield look.finding("id", column, n, message, remedy, examples=column.values[:2], severity="info")


def _named_numbers(column: Column) -> str:
    low, high, n = column.ranked[0], column.ranked[-1], column.present
    named = ID_NAME.search(column.name) is not None
    if high - low == n - 1 and not (low >= 1500 and high <= 2200):
        return "a running number"
    dense = high - low < 1.2 * n
    if named or (dense and low in (0, 1) and column.values == column.ranked):
        return "numbers without a gap" if dense else "a key, by its name"
    digits = len(str(abs(low)))
    # Numbers of the same length, five digits or more, of which none comes twice: nothing that was measured is so.
    even = low > 0 and digits == len(str(high)) and digits >= 5 and n >= 100
    return "numbers of one length" if even and high > 3 * low and not column.name.lower().endswith("time") else ""


def _named_texts(column: Column) -> str:
    if column.labelled:
        return ""
    texts = column.ranked
    if all(UUID.match(text) for text in texts):
        return "UUIDs"
    if ID_NAME.search(column.name) and not any(" " in text.strip() for text in texts):
        return "a key, by its name"
    coded = sum(CODE.match(text) is not None for text in texts) >= 0.95 * len(texts)
    return "codes" if coded and len({len(text) for text in texts}) <= 4 and not _measured(texts) else ""


def _measured(texts: list[str]) -> bool:
    """Whether the texts are numbers or dates, which have checks of their own."""
    return sum(bool(number(text) or date_form(text) or PERIOD.match(text)) for text in texts) > 0.5 * len(texts)


def copies(look: Look) -> Iterator[Finding]:
    """Columns that say what another one says: the same values, other names for them, another unit, nearly the same."""
    usable = [one for one in look.columns if one.values and len(one.tally) > 1 and len(one.values) >= 10]
    groups: dict[tuple[bool, int], Column] = {}
    left = []
    for column in usable:
        twin = groups.setdefault(_mark(column), column)
        if twin is column:
            left.append(column)
        elif twin.values == column.values:
            yield _copy(look, column, twin, "has the same value as {twin} in every row")
        elif twin.codes == column.codes:
            yield _copy(look, column, twin, "says the same as {twin} in other words")
    yield from _near(look, left[:PAIRED])
    if look.target is not None:
        yield from _telling(look, look.target, left)


def _mark(column: Column) -> tuple[bool, int]:
    """The same for two columns of which each tells the other."""
    mode = max(column.tally.values())
    repeating = len(column.tally) <= 0.5 * column.present and len(column.values) - mode >= 5 and column.present >= 20
    return repeating, hash(tuple(column.codes if repeating else column.values))


def _copy(look: Look, column: Column, twin: Column, what: str, seen: int | None = None) -> Finding:
    target = look.target is not None and (look.target is twin or look.target is column)
    one, other = (twin, column) if look.target is column else (column, twin)
    message = what.replace("{twin}", f"`{other.name}`")
    message = f"It {message}." + (" A model would read the answer from it." if target else "")
    remedy = look.remedies.drop(one.at)
    rows_seen = len(column.values) if seen is None else seen
    return look.finding("copy", one, rows_seen, message, remedy, severity="error" if target else "warn")


def _near(look: Look, columns: list[Column]) -> Iterator[Finding]:
    """Pairs that are the same but for a few rows, or but for a unit."""
    told: set[int] = set()
    numbers = {column.at: _scaled(column) for column in columns}
    for i, column in enumerate(columns):
        for twin in columns[:i]:
            if twin.at in told or (column.kind == "text") != (twin.kind == "text"):
                continue
            a, b = numbers[column.at], numbers[twin.at]
            if a and b and abs(sum(map(mul, a, b))) > 0.998 * len(a) and _another_unit(column, twin):
                told.add(column.at)
                yield _copy(look, column, twin, "is {twin} in another unit: one can be computed from the other")
                break
            if (same := _nearly(column, twin)) is not None:
                told.add(column.at)
                yield _copy(look, column, twin, "has the same value as {twin} in {rows}", same)
                break


def _scaled(column: Column) -> list[float]:
    """A few values around zero, one wide; [] for what is no measure."""
    if column.kind not in ("integer", "float", "time") or len(column.tally) < 10:
        return []
    step = max(1, len(column.values) // 500)
    middle = column.ranked[len(column.ranked) // 2]
    values = [0.0 if v is None else float(v - middle) for v in column.values[::step]]
    top = max(map(abs, values))
    if not 0 < top < inf:
        return []
    values = [v / top for v in values]  # the square of 1e200 is out of range
    mean = sum(values) / len(values)
    width = (sum((v - mean) ** 2 for v in values) / len(values)) ** 0.5
    return [(v - mean) / width for v in values] if width > 0 else []


def _another_unit(column: Column, twin: Column) -> bool:
    """Whether a straight line leads from one to the other, close to every point."""
    step = max(1, len(column.values) // COMPARED)
    pairs = zip(column.values[::step], twin.values[::step], strict=True)
    both = [(float(x), float(y)) for x, y in pairs if x is not None and y is not None]
    if len(both) < 20 or len(both) < 0.9 * max(column.present, twin.present) / step:
        return False
    if 2 * min(len(column.tally), len(twin.tally)) < max(len(column.tally), len(twin.tally)):
        return False  # one cannot be computed from the other
    (x0, y0), (x1, y1) = min(both), max(both)
    if x1 == x0 or y1 == y0:
        return False
    slope = (y1 - y0) / (x1 - x0)
    ys = sorted(y for _, y in both)
    spread = ys[3 * len(ys) // 4] - ys[len(ys) // 4]
    off = sorted(abs(y - y0 - slope * (x - x0)) for x, y in both)
    return spread > 0 and off[int(0.99 * (len(off) - 1))] <= 0.01 * spread


def _nearly(column: Column, twin: Column) -> int | None:
    """In how many rows two columns agree, where that is nearly all and no accident."""
    if len(column.tally) < 2 or abs(column.present - twin.present) > 0.05 * len(column.values):
        return None
    step = max(1, len(column.values) // COMPARED)
    few = list(zip(column.values[::step], twin.values[::step], strict=True))
    if sum(x == y for x, y in few) < 0.95 * len(few):
        return None
    mode = column.tally.most_common(1)[0][0]
    pairs = list(zip(column.values, twin.values, strict=True))
    telling = [(x, y) for x, y in pairs if (x != mode or y != mode) and not (x is None and y is None)]
    agree = sum(x == y for x, y in telling)
    same = sum(x == y for x, y in pairs)
    return same if len(telling) >= 20 and agree >= 0.95 * len(telling) and same < len(pairs) else None


def _telling(look: Look, target: Column, columns: list[Column]) -> Iterator[Finding]:
    """Columns whose few values tell the target nearly without error."""
    base = max(target.tally.values(), default=0)
    for column in columns:
        if column is target or len(column.tally) > 0.1 * column.present or len(target.tally) > 0.1 * target.present:
            continue
        pairs: dict[Any, dict[Any, int]] = {}
        for x, y in zip(column.values, target.values, strict=True):
            votes = pairs.setdefault(x, {})
            votes[y] = votes.get(y, 0) + 1
        right = sum(max(votes.values()) for votes in pairs.values())
        if right >= 0.99 * len(target.values) and base < 0.9 * len(target.values):
            message = f"It tells `{target.name}` in {{rows}}. A model would read the answer from it."
            yield look.finding("copy", column, right, message, look.remedies.drop(column.at), severity="error")
