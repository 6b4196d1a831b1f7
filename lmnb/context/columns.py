"""What a card says of one column: its type, its range or its values, what is missing, an example where it helps.

The figures come from the rows that were looked at, all or a sample; what was counted over all rows comes as `Exact`.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from lmnb.context.moments import durations, moments
from lmnb.context.numbers import numbers
from lmnb.context.profiles import Exact, Looked, Profile
from lmnb.context.texts import anything, texts
from lmnb.context.values import plural, share

if TYPE_CHECKING:
    import narwhals as nw


def profile(looked: Looked, exact: Exact | None) -> Profile:
    """What there is to say of a column.

    Args:
        looked: The rows that were looked at.
        exact: What is known of all rows.
    """
    series = looked.series
    assert series is not None
    total = len(series)
    present = series.drop_nulls()
    missing = total - len(present)
    found = (
        _values(looked, present, exact or Exact()) if len(present) else Profile(["nothing in it"], ["nothing in it"])
    )
    found.missing, found.missing_short = _missing(looked, missing, total, exact)
    found.missing_share = missing / total if total else 0.0
    return found


def _missing(looked: Looked, missing: int, total: int, exact: Exact | None) -> tuple[str, str]:
    """How many are missing, at length and in short. Nothing is said of none: the card's head says what that means."""
    if exact is not None and exact.missing is not None:
        return _counted_missing(exact.missing, looked.rows)
    if missing == 0 or total == 0:
        return "", ""
    if looked.whole:
        return _told_missing(missing, total)
    return f"~{share(missing, total)} missing ({missing:,} of {total:,})", f"~{share(missing, total)} missing"


def _counted_missing(missing: int, rows: int | None) -> tuple[str, str]:
    if missing == 0:
        return "", ""
    if not rows:
        return f"{missing:,} missing", f"{missing:,} missing"
    return _told_missing(missing, rows)


def _told_missing(missing: int, rows: int) -> tuple[str, str]:
    """Of a few, how many they are says more than `<1%`, and is shorter."""
    part = share(missing, rows)
    return f"{missing:,} missing ({part})", f"{missing:,} missing" if part[0] in "<>" else f"{part} missing"


def _values(looked: Looked, present: nw.Series[Any], exact: Exact) -> Profile:
    """The same for a column in which there is something, by its type."""
    import narwhals as nw

    kind = present.dtype
    if kind.is_integer() or kind.is_float():
        return numbers(looked, present, exact)
    if kind == nw.Datetime or kind == nw.Date:  # noqa: PLR1714 - narwhals' types know their instances by ==
        return moments(looked, present, exact)
    others = {nw.Boolean: _booleans, nw.Duration: durations, nw.String: texts, nw.Binary: _bytes}
    others |= {nw.List: _nested, nw.Array: _nested, nw.Struct: _nested}
    for known, describe in others.items():
        if kind == known:
            return describe(looked, present)
    return anything(looked, present.to_list())


def _booleans(looked: Looked, present: nw.Series[Any]) -> Profile:
    true = int(present.cast(_int()).sum())
    text = f"true {looked.about}{share(true, len(present))}"
    return Profile([text], [text])


def _int() -> Any:
    import narwhals as nw

    return nw.Int64


def _nested(looked: Looked, present: nw.Series[Any]) -> Profile:
    """Lists by their lengths; what structs consist of stands in their type."""
    import narwhals as nw

    if present.dtype != nw.List:
        return Profile([], [])
    lengths = present.list.len()
    text = f"{looked.about}{lengths.min()}..{lengths.max()} long"
    return Profile([text], [text])


def _bytes(looked: Looked, present: nw.Series[Any]) -> Profile:
    lengths = [len(one) for one in present[:50].to_list()]  # one may have megabytes
    about = "" if looked.whole and len(present) <= 50 else "~"
    text = f"{about}{min(lengths):,}..{plural(max(lengths), 'byte')} each"
    return Profile([text], [text])
