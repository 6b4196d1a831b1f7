"""What is odd about times: dates that cannot be, and steps that are left out."""

from __future__ import annotations

import datetime as dt
from collections import Counter
from itertools import pairwise
from typing import TYPE_CHECKING, Any

import narwhals as nw

from lmnb.context.lint.columns import DAY, Column, label_text, stamps
from lmnb.context.lint.looking import some
from lmnb.context.lint.parsing import date_form, exists, year_of
from lmnb.context.lint.remedies import texts as listed
from lmnb.context.lint.report import Finding, percent
from lmnb.context.lint.words import dates as dates_in
from lmnb.context.lint.words import month_comes_first, said

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from lmnb.context.lint.looking import Look

YEAR = 365 * DAY
PLACEHOLDERS = {"0001-01-01", "1753-01-01", "1899-12-30", "1899-12-31", "1900-01-01", "1904-01-01", "1970-01-01"}
LATE = {"2099-12-31", "2999-12-31", "9999-12-31", "2262-04-11", "2100-01-01", "2038-01-19", "2050-12-31"}
MOST = 500_000
"""So many different times are looked at for gaps."""


def day_of(stamp: int) -> str:
    """A time as its day, also where datetime ends."""
    try:
        return (dt.datetime(1970, 1, 1) + dt.timedelta(microseconds=stamp)).date().isoformat()  # days only
    except OverflowError:
        return f"day {stamp // DAY:,} after 1970"


def impossible(column: Column, look: Look) -> Iterator[Finding]:
    """Dates that do not exist, or are nowhere near the others."""
    if column.kind == "time":
        yield from _far_dates(column, look)
    elif column.kind == "text" and not column.labelled:
        yield from _no_dates(column, look)


def _far_dates(column: Column, look: Look) -> Iterator[Finding]:
    low, high = bounds(column.tally)
    far = [t for t in column.ranked if not low <= t <= high]
    if not far:
        return
    seen = sum(column.tally[t] for t in far)
    span = {"low": day_of(low), "high": day_of(high)}
    remedy = look.remedies.say("dates between", column.at, **span)
    others = f"{span['low']} to {span['high']}"
    message = f"Far from the others, which go from {others}, in {{rows}}: {some(map(day_of, far))}."
    yield look.finding("dates", column, seen, message, remedy, examples=map(day_of, far), severity="error")


def bounds(tally: Counter[int]) -> tuple[int, int]:
    """From when to when times can be believed: without placeholders and without what is decades away."""
    ranked = sorted(tally)
    total = tally.total()
    if len(ranked) < 3 or total < 10:
        return ranked[0] if ranked else 0, ranked[-1] if ranked else 0
    counted = [t for t in ranked for _ in range(min(tally[t], 1 + 1000 * tally[t] // total))]
    inner = counted[len(counted) // 20], counted[-1 - len(counted) // 20]
    width = max(inner[1] - inner[0], 1)
    low, high = ranked[0], ranked[-1]
    for before, after in pairwise(ranked):
        if before >= inner[0]:
            break
        placed = day_of(before) in PLACEHOLDERS and after - before > YEAR
        if placed or after - before > max(20 * YEAR, width):
            low = after
    for after, before in pairwise(ranked[::-1]):
        if after <= inner[1]:
            break
        placed = day_of(after) in LATE and after - before > YEAR
        if placed or after - before > max(20 * YEAR, width):
            high = before
    return low, high


def _no_dates(column: Column, look: Look) -> Iterator[Finding]:
    texts = said(column)
    form = dates_in(texts)
    if form is None:
        return
    dated = [text for text in texts if date_form(text) == form]
    first = form == "short" and month_comes_first(dated)
    wrong = [text for text in dated if not exists(text, form, month_first=first)]
    years = Counter(year for text in dated if (year := year_of(text, form)) is not None for _ in range(texts[text]))
    low, high = bounds(
        Counter({(dt.date(y, 1, 1).toordinal() - 719_163) * DAY: n for y, n in years.items() if 0 < y <= 9999})
    )
    outside = {int(day_of(low)[:4]), int(day_of(high)[:4])} if years else {0}
    wrong += [
        t
        for t in dated
        if t not in wrong and (y := year_of(t, form)) is not None and not min(outside) <= y <= max(outside)
    ]
    if not wrong:
        return
    seen = sum(texts[text] for text in wrong)
    message = f"No such day, or far from the others, in {{rows}}: {some(wrong)}."
    yield look.finding(
        "dates",
        column,
        seen,
        message,
        look.remedies.say("look words", column.at, **listed(wrong[:5])),
        examples=wrong,
        severity="error",
    )


def gaps(column: Column, look: Look) -> Iterator[Finding]:
    """Steps that are left out of times that are otherwise regular, among all rows."""
    if column.kind == "time" and not column.objects:
        times = column.whole.drop_nulls().unique().sort().head(MOST)
        yield from _gap(column.at, column.name, times, look)


def index_gaps(look: Look) -> Iterator[Finding]:
    """The same for the index of a pandas frame."""
    if look.source.index is not None and look.source.library == "pandas":
        series = nw.from_native(look.source.index.to_series().reset_index(drop=True), series_only=True)
        times = series.drop_nulls().unique().sort().head(MOST)
        yield from _gap(-1, label_text(look.source.index.name or "index"), times, look)


def _gap(at: int, name: str, series: nw.Series[Any], look: Look) -> Iterator[Finding]:
    times = stamps(series)
    kept = bounds(Counter(times)) if len(times) >= 10 else (0, 0)
    ordered = [t for t in times if kept[0] <= t <= kept[1]]
    found = steps(ordered)
    if found is None:
        return
    unit, numbers = found
    holes = [
        (numbers[i + 1] - numbers[i] - 1, ordered[i], ordered[i + 1])
        for i in range(len(numbers) - 1)
        if numbers[i + 1] - numbers[i] > 1
    ]
    if unit.days_only:
        holes = [hole for hole in holes if hole[0] > 2]  # one or two working days are holidays
    holes = _without_pattern(_without_nights([hole for hole in holes if not _summer_time(hole)], ordered))
    if not holes:
        return
    lost = sum(hole[0] for hole in holes)
    longest = max(holes, key=lambda hole: (hole[0], -hole[1]))
    share = lost / (lost + len(ordered))
    many = f"{len(holes):,} gaps" if len(holes) > 1 else "A gap"
    counted = f"{lost:,} of {lost + len(ordered):,} ({percent(share)})"
    message = f"{many} in steps of {unit.said}: {counted} left out, most after {moment(longest[1])}."
    remedy = look.remedies.steps(at, unit.pandas, unit.polars, unit.sql, days=isinstance(series.dtype, nw.Date))
    shown = tuple(f"{moment(a)} – {moment(b)}" for _, a, b in sorted(holes, key=lambda h: (-h[0], h[1]))[:3])
    yield Finding("gaps", name, lost, share, message, remedy, shown, "warn")


def moment(stamp: int) -> str:
    """A time for reading."""
    seconds = stamp % DAY // 1_000_000
    clock = f" {seconds // 3600:02}:{seconds % 3600 // 60:02}" if seconds else ""
    return day_of(stamp) + clock


def _summer_time(hole: tuple[int, int, int]) -> bool:
    """Whether what is left out is the hour that clocks leave out in spring: one, in a Sunday's night."""
    steps, before, after = hole
    hour = DAY // 24
    sunday = (before // DAY + 3) % 7 == 6
    return sunday and before % DAY < 4 * hour and (after - before) * steps // (steps + 1) <= hour


def _without_nights(holes: list[tuple[int, int, int]], times: Sequence[int]) -> list[tuple[int, int, int]]:
    """Without pauses shorter than a day, where nearly every day has one."""
    short = [hole for hole in holes if hole[2] - hole[1] < DAY]
    days = (times[-1] - times[0]) // DAY
    nightly = days >= 2 and len({hole[1] // DAY for hole in short}) >= 0.8 * days
    return [hole for hole in holes if hole not in short] if nightly else holes


def _without_pattern(holes: list[tuple[int, int, int]]) -> list[tuple[int, int, int]]:
    """Without those that come again and again at the same distance: nights, weekends."""
    by_size: dict[int, list[Any]] = {}
    for hole in holes:
        by_size.setdefault(hole[0], []).append(hole)
    left = []
    for same in by_size.values():
        starts = [hole[1] for hole in same]
        apart = Counter(b - a for a, b in pairwise(starts))
        regular = len(same) >= 5 and apart.most_common(1)[0][1] >= 0.6 * (len(same) - 1)
        left += [] if regular else same
    return sorted(left, key=lambda hole: hole[1])


class Step:
    """How far apart times are, in words of several libraries."""

    def __init__(self, said: str, pandas: str, polars: str, sql: str, *, days_only: bool = False) -> None:
        self.said, self.pandas, self.polars, self.sql, self.days_only = said, pandas, polars, sql, days_only


def steps(times: Sequence[int]) -> tuple[Step, list[int]] | None:
    """The step of regular times, and each time as the number of its step; None if they are not regular."""
    if len(times) < 10:
        return None
    return _months(times) or _working_days(times) or _even(times)


def _months(times: Sequence[int]) -> tuple[Step, list[int]] | None:
    if any(t % DAY for t in times):
        return None
    try:
        days = [dt.date.fromordinal(t // DAY + 719_163) for t in times]
    except (ValueError, OverflowError):
        return None
    ends = all((day + dt.timedelta(days=1)).day == 1 for day in days if day.year < 9999)
    if not ends and len({day.day for day in days}) > 1:
        return None
    months = [day.year * 12 + day.month for day in days]
    step, regular = _mode(months)
    if not regular or any((month - months[0]) % step for month in months):
        return None
    anchor = "ME" if ends else "MS" if days[0].day == 1 else "DateOffset"
    pandas = f"{step}{anchor}" if anchor != "DateOffset" else f"{step * 30}D"
    said_so = {1: "1 month", 3: "1 quarter", 12: "1 year"}.get(step, f"{step} months")
    return Step(said_so, pandas, f"{step}mo", f"{step} months"), [(month - months[0]) // step for month in months]


def _working_days(times: Sequence[int]) -> tuple[Step, list[int]] | None:
    days = [t // DAY for t in times]
    if any(t % DAY for t in times) or any((day + 3) % 7 > 4 for day in days) or days[-1] - days[0] < 14:
        return None
    # Monday is 0: five numbers a week, without Saturdays and Sundays.
    numbers = [(day + 3) // 7 * 5 + (day + 3) % 7 for day in days]
    step, regular = _mode(numbers)
    if step != 1 or not regular:
        return None
    return Step("1 working day", "B", "1d", "1 day", days_only=True), numbers


def _even(times: Sequence[int]) -> tuple[Step, list[int]] | None:
    step, regular = _mode(times)
    off = sum((t - times[0]) % step != 0 for t in times) if step else len(times)
    if not regular or (off > 0.05 * len(times) and any((b - a) % step for a, b in pairwise(times))):
        return None
    numbers, number = [0], 0
    for a, b in pairwise(times):
        number += max(1, round((b - a) / step))
        numbers.append(number)
    for size, word, letter in (
        (DAY, "day", "d"),
        (DAY // 24, "hour", "h"),
        (DAY // 1440, "minute", "min"),
        (1_000_000, "second", "s"),
        (1, "microsecond", "us"),
    ):
        if step % size == 0:
            many = step // size
            said_so = f"{many:,} {word}{'s' * (many > 1)}"
            polars = f"{many}{'m' if letter == 'min' else letter}"
            return Step(
                said_so, f"{many}{letter.upper() if letter == 'd' else letter}", polars, f"{many} {word}s"
            ), numbers
    return None


def _mode(values: Sequence[int]) -> tuple[int, bool]:
    """The most frequent difference, and whether it is that of most."""
    apart = Counter(b - a for a, b in pairwise(values))
    step, seen = max(apart.items(), key=lambda item: (item[1], -item[0]))
    return step, step > 0 and seen >= 0.8 * (len(values) - 1)
