"""What a card says of one column: its type, its range or its values, what is missing, an example where it helps.

The figures come from the rows that were looked at, all or a sample; what was counted over all rows comes as `Exact`.
"""

from __future__ import annotations

import datetime as dt
import itertools
import math
from collections import Counter
from dataclasses import dataclass
from decimal import Decimal
from typing import TYPE_CHECKING, Any

from lmnb.context import masks
from lmnb.context.values import duration, kind_name, moment, number, plural, share, value

if TYPE_CHECKING:
    from collections.abc import Sequence

    import narwhals as nw

FEW = 6
"""So many different numbers or less are listed with their shares."""

LONG = 300
"""Characters from which a text is looked at only in its beginning: a column of them may be larger than memory."""

SAFE = (str, int, float, bool, Decimal, dt.date, dt.datetime, dt.timedelta, dt.time, bytes, type(None))
"""Types that may be compared and shown: they are Python's own, and run nobody's code."""


@dataclass(frozen=True)
class Exact:
    """What was counted over all rows of a column: by a footer, or in a pass. None is not known."""

    missing: int | None = None
    least: Any = None
    most: Any = None


@dataclass(frozen=True)
class Looked:
    """The rows of a column that were looked at.

    Attributes:
        series: The values; None where they come on another way.
        name: The column's name as the person has it.
        whole: Whether these are all rows.
        mask: Whether obvious secrets are masked.
        rows: How many rows there are; None where nobody knows.
    """

    series: nw.Series[Any] | None
    name: object
    whole: bool
    mask: bool
    rows: int | None

    @property
    def about(self) -> str:
        """What stands before a figure that comes from a sample."""
        return "" if self.whole else "~"


@dataclass
class Profile:
    """What is said of a column, piece by piece, and what families are compared by."""

    full: list[str]
    short: list[str]
    missing: str = ""
    missing_short: str = ""
    masked: frozenset[str] = frozenset()
    span: tuple[float, float] | None = None
    values: frozenset[str] | None = None
    missing_share: float = 0.0

    def text(self, *, full: bool) -> str:
        """The pieces as what follows the type on its line."""
        pieces = [*(self.full if full else self.short), self.missing if full else self.missing_short]
        return ", ".join(piece for piece in pieces if piece)


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
        return _numbers(looked, present, exact)
    if kind == nw.Datetime or kind == nw.Date:  # noqa: PLR1714 - narwhals' types know their instances by ==
        return _moments(looked, present, exact)
    others = {nw.Boolean: _booleans, nw.Duration: _durations, nw.String: _texts, nw.Binary: _bytes}
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


# -- numbers -----------------------------------------------------------------------------------------------------------


def _numbers(looked: Looked, present: nw.Series[Any], exact: Exact) -> Profile:
    """Range, quartiles, and how many different ones; few different ones by their shares."""
    ranked, odd = _ranked(present)
    if not len(ranked):
        return Profile([odd or "nothing finite"], [odd or "nothing finite"])
    return described_numbers(looked, ranked, odd, exact)


def described_numbers(looked: Looked, ranked: Any, odd: str, exact: Exact) -> Profile:
    """Numbers that are in order: their range, quartiles, and how many different ones there are.

    Args:
        looked: Where they come from.
        ranked: At least one, all finite.
        odd: A word on those that are not finite.
        exact: What is known of all.
    """
    least, most = _plain(ranked[0]), _plain(ranked[-1])
    secret = masks.secret_numbers(looked.name, [_plain(one) for one in ranked[:50]]) if looked.mask else ""
    distinct = _distinct(ranked)
    if secret:
        text = f"{looked.about}{distinct:,} distinct, ‹{secret}› masked"
        return Profile([text], [f"‹{secret}› masked"], masked=frozenset({secret}))
    span = (float(least), float(most))
    if distinct <= FEW:
        tally = Counter({number(v): n for v, n in _tally(ranked)})
        full, short = (_shares(looked, tally, len(ranked), most) for most in (FEW, _few(distinct)))
        return Profile([_join(full, odd)], [_join(short, odd)], span=span)
    known = exact.least is not None and exact.most is not None
    about = "" if known else looked.about
    ends = (exact.least, exact.most) if known else (least, most)
    reach = about + "..".join(number(end, 4 if about else 5) for end in ends)
    low, middle, high = (number(_quantile(ranked, q), 4) for q in (0.25, 0.5, 0.75))
    quartiles = f"{looked.about}quartiles {low} {middle} {high}"
    different = _how_different(looked, distinct, len(ranked))
    rough = about + "..".join(number(end, 4) for end in ends)
    return Profile([reach, quartiles, different, odd], [rough, f"median {looked.about}{middle}", odd], span=span)


def _join(*pieces: str) -> str:
    return ", ".join(piece for piece in pieces if piece)


def _ranked(present: nw.Series[Any]) -> tuple[Any, str]:
    """The finite numbers in order, and a word on those that are not."""
    try:
        import numpy  # noqa: F401 - Polars does without
    except ImportError:
        return ranked_list(present.to_list())
    return ranked_numbers(present.to_numpy())


def ranked_numbers(array: Any) -> tuple[Any, str]:
    """The finite numbers of a numpy array in order, and a word on those that are not."""
    import numpy as np

    if array.dtype.kind not in "iuf":
        return ranked_list(array.tolist())
    if array.dtype.kind == "f":
        finite = np.isfinite(array)
        if not finite.all():
            nan = int(np.isnan(array).sum())
            return np.sort(array[finite]), _odd(nan, len(array) - int(finite.sum()) - nan)
    return np.sort(array), ""


def ranked_list(numbers: Sequence[Any]) -> tuple[Any, str]:
    """The finite ones of Python's numbers in order, and a word on those that are not."""
    plain = [one for one in numbers if isinstance(one, (int, float, Decimal))]
    finite = sorted(one for one in plain if math.isfinite(one))
    nan = sum(1 for one in plain if one != one)  # noqa: PLR0124 - that is what NaN is
    return finite, _odd(nan, len(plain) - len(finite) - nan)


def _odd(nan: int, infinite: int) -> str:
    return _join(f"{nan:,} NaN" if nan else "", f"{infinite:,} infinite" if infinite else "")


def _plain(one: Any) -> Any:
    return one.item() if hasattr(one, "item") else one


def _distinct(ranked: Any) -> int:
    if hasattr(ranked, "dtype"):
        return int((ranked[1:] != ranked[:-1]).sum()) + 1
    return len(set(ranked))


def _tally(ranked: Any) -> list[tuple[Any, int]]:
    if hasattr(ranked, "dtype"):
        import numpy as np

        values, counts = np.unique(ranked, return_counts=True)
        return list(zip(values.tolist(), counts.tolist(), strict=True))
    return list(Counter(ranked).items())


def _quantile(ranked: Any, q: float) -> float | Decimal:
    """Between the two nearest values, as pandas, numpy and Polars (`linear`) have it."""
    at = q * (len(ranked) - 1)
    low = int(at)
    first, second = _plain(ranked[low]), _plain(ranked[min(low + 1, len(ranked) - 1)])
    if first == second:
        return first  # type: ignore[no-any-return] # a number of whichever type the column has
    return float(first) + (float(second) - float(first)) * (at - low)


# -- texts and the like ------------------------------------------------------------------------------------------------


def _shares(looked: Looked, tally: Counter[str], total: int, most: int) -> str:
    """The commonest values and their shares; the same order in every library, also where counts are the same."""
    if len(tally) == 1 and looked.whole:
        return f"always {next(iter(tally))}" if total > 1 else next(iter(tally))
    if len(tally) == total and looked.whole and total <= most:
        return ", ".join(tally)
    ranked = sorted(tally.items(), key=lambda pair: (-pair[1], len(pair[0]), pair[0]))
    told = ", ".join(f"{name} {looked.about}{share(count, total)}" for name, count in ranked[:most])
    return told + (", …" if len(ranked) > most else "")


def _few(distinct: int) -> int:
    """How many values a short line shows: three where these are all, else two."""
    return 3 if distinct <= 3 else 2


def _how_different(looked: Looked, distinct: int, total: int) -> str:
    if distinct == total:
        return "all different" if looked.whole else f"all different in {total:,}"
    return f"{'' if looked.whole else '≥'}{distinct:,} distinct"


def _texts(looked: Looked, present: nw.Series[Any]) -> Profile:
    longest = present.str.len_chars().max() if _all_texts(present) else 0
    if longest is not None and longest > LONG:
        return _long_texts(looked, present, int(longest))
    return anything(looked, present.to_list())


def _all_texts(present: nw.Series[Any]) -> bool:
    """Whether it is safe to ask for the lengths: a pandas object column may hold anything."""
    return str(getattr(present.to_native(), "dtype", "")) != "object"


def _long_texts(looked: Looked, present: nw.Series[Any], longest: int) -> Profile:
    distinct = int(present.n_unique())
    shortest = int(present.str.len_chars().min())
    example, kinds = _example(looked, present.str.slice(0, LONG)[:1].to_list()[0])
    different = _how_different(looked, distinct, len(present))
    length = f"{shortest:,}..{longest:,} characters"
    return Profile([different, length, f"e.g. {example}"], [different, length], masked=kinds)


def _example(looked: Looked, one: Any) -> tuple[str, frozenset[str]]:
    """A value as it may be shown, and what was masked in it."""
    return masks.shown(one, looked.name) if looked.mask else (value(one), frozenset())


def anything(looked: Looked, values: list[Any]) -> Profile:
    """Texts, categories, objects: the commonest where they repeat, an example where they do not.

    A value of somebody's class is only counted by its type: asking it anything would run their code.
    """
    types = Counter(type(one) for one in values)
    safe = [one for one in values if type(one) in SAFE]
    strangers = len(values) - len(safe)
    mixed = ""
    if len(types) > 1 or strangers:
        named = Counter({kind_name(next(v for v in values if type(v) is cls)): n for cls, n in types.most_common(4)})
        mixed = "mixed: " if len(types) > 1 else ""
        mixed += ", ".join(f"{name} {looked.about}{share(n, len(values))}" for name, n in named.items())
    if not safe:
        return Profile([mixed], [mixed])
    if types.keys() <= {int, float, Decimal} and len(types) == 1:
        ranked, odd = ranked_list(safe)
        return described_numbers(looked, ranked, odd, Exact()) if ranked else Profile([odd], [odd])
    found = _repeated(looked, safe)
    found.full, found.short = [mixed, *found.full], [mixed, *found.short]
    return found


def _repeated(looked: Looked, safe: list[Any]) -> Profile:
    tally = Counter(safe)
    distinct, total = len(tally), len(safe)
    common = tally.most_common(1)[0][1]
    if distinct > 20 and common < max(3, total / 50):
        return _mostly_different(looked, safe, distinct)
    top = sorted(tally.items(), key=lambda pair: (-pair[1], str(pair[0])))
    shown: Counter[str] = Counter()
    kinds: frozenset[str] = frozenset()
    for one, count in top[:12]:
        text, masked = _example(looked, one)
        shown[text] += count
        kinds |= masked
    many = f"{looked.about and '≥'}{distinct:,} distinct" if distinct > FEW else ""
    more = distinct - len(top[:12])
    full = _shares(looked, shown, total, FEW) + (", …" if more and len(shown) <= FEW else "")
    short = _shares(looked, shown, total, _few(distinct))
    values = frozenset(shown) if distinct <= 12 else None
    return Profile([_join(many, full)], [short], masked=kinds, values=values)


def _mostly_different(looked: Looked, safe: list[Any], distinct: int) -> Profile:
    example, kinds = _example(looked, safe[0])
    different = _how_different(looked, distinct, len(safe))
    short = [different] if not kinds else [different, example]
    return Profile([different, f"e.g. {example}"], short, masked=kinds)


# -- moments and the rest ----------------------------------------------------------------------------------------------


def _moments(looked: Looked, present: nw.Series[Any], exact: Exact) -> Profile:
    """From when to when, and the step between one and the next where it is regular."""
    known = exact.least is not None and exact.most is not None
    about = "" if known else looked.about
    least = _moment(exact.least) if known else _edge(present, "min")
    most = _moment(exact.most) if known else _edge(present, "max")
    span = f"{about}{least}" if least == most else f"{about}{least}..{most}"
    return Profile([span, _step(looked, present)], [span])


def _edge(present: nw.Series[Any], which: str) -> str:
    """The first or the last moment; Python's own dates end at the year 9999, and columns do not."""
    try:
        return _moment(getattr(present, which)())
    except Exception:  # noqa: BLE001 - each library has its own error for a date that Python cannot hold
        native = present.to_native()
        return value(str(getattr(native.cast(_text_type(native)), which)()), 40)


def _text_type(native: Any) -> Any:
    if type(native).__module__.partition(".")[0] == "polars":
        import polars as pl

        return pl.String
    import pyarrow as pa

    return pa.string()


def _moment(one: Any) -> str:
    return moment(one) if isinstance(one, dt.date) else value(one)


def _step(looked: Looked, present: nw.Series[Any]) -> str:
    """How regular the moments are, by the first thousand that were looked at."""
    if not looked.whole and len(present) < 3:
        return ""
    try:
        moments = present[:1_000].to_list()
        pairs = itertools.pairwise(moments)
        gaps = Counter((later - earlier).total_seconds() for earlier, later in pairs)
    except Exception:  # noqa: BLE001 - dates that Python cannot hold, or a mixture
        return ""
    gaps.pop(0.0, None)
    if not gaps or min(gaps) < 0:
        return ""
    step, often = gaps.most_common(1)[0]
    if not looked.whole and often < sum(gaps.values()):
        return ""
    if often == sum(gaps.values()) and often > 1:
        return f"{looked.about}every {duration(step)}"
    return f"{looked.about}mostly every {duration(step)}" if often >= 0.6 * sum(gaps.values()) and often > 2 else ""


def _durations(looked: Looked, present: nw.Series[Any]) -> Profile:
    least, most = present.min(), present.max()
    if not isinstance(least, dt.timedelta) or not isinstance(most, dt.timedelta):
        return Profile([], [])
    text = f"{looked.about}{duration(least.total_seconds())}..{duration(most.total_seconds())}"
    return Profile([text], [text])


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
