"""Columns of moments and of lengths of time: from when to when, and how regular."""

from __future__ import annotations

import datetime as dt
import itertools
from collections import Counter
from typing import TYPE_CHECKING, Any

from lmnb.context.profiles import Exact, Looked, Profile
from lmnb.context.values import duration, moment, value

if TYPE_CHECKING:
    import narwhals as nw


def moments(looked: Looked, present: nw.Series[Any], exact: Exact) -> Profile:
    """From when to when, and the step between one and the next where it is regular."""
    known = exact.least is not None and exact.most is not None
    about = "" if known else looked.about
    least = _moment(exact.least) if known else _edge(present, "min")
    most = _moment(exact.most) if known else _edge(present, "max")
    span = f"{about}{least}" if least == most else f"{about}{least}..{most}"
    return Profile([span, _step(looked, present)], [span])


def _edge(present: nw.Series[Any], which: str) -> str:
    """The first or the last moment; Python's own dates end at the year 9999, and columns do not."""
    if _python_can_hold(present):
        return _moment(getattr(present, which)())
    native = present.to_native()
    if hasattr(native, "cast"):
        native = native.cast(_text_type(native))
    return value(str(getattr(native, which)()), 40)


def _python_can_hold(present: nw.Series[Any]) -> bool:
    """Whether all moments are dates for Python; asking for one that is not may be a panic, and not only an error."""
    years = present.dt.year()
    return bool(years.min() >= 1 and years.max() <= 9999)


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
    if len(present) < 3 or not _python_can_hold(present):
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


def durations(looked: Looked, present: nw.Series[Any]) -> Profile:
    """The shortest and the longest."""
    # Not by `min`: PyArrow has none for them.
    lengths = [one.total_seconds() for one in present.to_list() if isinstance(one, dt.timedelta)]
    if not lengths:
        return Profile([], [])
    least, most = duration(min(lengths)), duration(max(lengths))
    text = f"{looked.about}{least}" if least == most else f"{looked.about}{least}..{most}"
    return Profile([text], [text])
