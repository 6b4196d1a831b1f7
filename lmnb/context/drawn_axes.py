"""The axes of a matplotlib figure: what stands along them, and what a place on them means."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING, Any

from lmnb.context.values import class_name, number

if TYPE_CHECKING:
    from lmnb.context.drawn import Detail


def axis(axes: Any, way: str, detail: Detail) -> str:
    """The label of an axis, its scale, and from where to where it goes or what stands along it."""
    label, scale = getattr(axes, f"get_{way}label")(), getattr(axes, f"get_{way}scale")()
    said = detail.named(label)
    if scale not in ("linear", "rectilinear"):
        said += f" ({scale})"
    if detail.values:
        names = categories(axes, way)
        low, high = getattr(axes, f"get_{way}lim")()
        ends = [] if names else [place(axes, way, end, detail) for end in (low, high)]
        said += f" {'..'.join(ends)}" if ends else f" {', '.join(map(detail.label, list(names.values())[:8]))}"
    return said


def categories(axes: Any, way: str) -> dict[int, str]:
    """The words that stand along an axis in the place of numbers."""
    one = getattr(axes, f"{way}axis")
    kind = class_name(type(one.get_major_formatter()))
    if kind not in ("StrCategoryFormatter", "FixedFormatter", "FuncFormatter"):
        return {}
    labels = [text.get_text() for text in one.get_ticklabels()]
    ticks = one.get_ticklocs()
    found = {round(float(tick)): text for tick, text in zip(ticks, labels, strict=False) if text.strip()}
    return found if any(not _numeric(text) for text in found.values()) else {}


def _numeric(text: str) -> bool:
    try:
        float(text.replace("−", "-").replace(",", ""))
    except ValueError:
        return False
    return True


def place(axes: Any, way: str, where: Any, detail: Detail) -> str:
    """A place along an axis: a date where it has dates, else a number."""
    found = dates(axes, way, [where])
    return number(float(where)) if found is None else detail.one(found[0])


def dates(axes: Any, way: str, places: Any) -> Any:
    """Places along an axis as dates; None where it has none.

    matplotlib counts days from its epoch, pandas periods of whatever length the table has.
    """
    import numpy as np

    locator: Any = getattr(axes, f"{way}axis").get_major_locator() if hasattr(axes, f"{way}axis") else None
    kind, pandas = class_name(type(locator)), sys.modules.get("pandas")
    try:
        numbers: Any = np.ma.filled(np.ma.asarray(places, dtype=float), np.nan)
        if kind.startswith("TimeSeries") and pandas is not None:
            whole = np.round(numbers).astype("int64")
            return pandas.PeriodIndex.from_ordinals(whole, freq=locator.freq).to_timestamp().to_numpy()
        if "Date" not in kind:
            return None
        from matplotlib.dates import get_epoch

        with np.errstate(invalid="ignore"):
            since = np.round(numbers * 86_400e6).astype("timedelta64[us]")
        epoch: Any = get_epoch()  # type: ignore[no-untyped-call]
        return np.datetime64(epoch, "us") + since
    except (TypeError, ValueError, AttributeError, OverflowError):
        return None
