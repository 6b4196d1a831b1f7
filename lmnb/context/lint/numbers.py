"""What is odd about numbers and classes: values far from all others, and a class that is hardly there."""

from __future__ import annotations

from itertools import accumulate
from math import log, sqrt
from typing import TYPE_CHECKING, Any

from lmnb.context.lint.columns import ID_NAME
from lmnb.context.lint.completeness import placeholders
from lmnb.context.lint.looking import some
from lmnb.context.lint.report import percent

if TYPE_CHECKING:
    from collections.abc import Iterator

    from lmnb.context.lint.columns import Column
    from lmnb.context.lint.looking import Look
    from lmnb.context.lint.report import Finding

FEWEST = 20
"""Among fewer values nothing is called far."""
TAIL = 0.05
"""At most so large a part of the values are outliers; more are a group of their own."""
APART = 2.5
"""So many times as far from the middle as the farthest of the others, at least."""


def outliers(column: Column, look: Look) -> Iterator[Finding]:
    """Numbers that stand apart from all others: not a long tail, but a gap that the tail does not explain."""
    if column.kind not in ("integer", "float"):
        return
    if ID_NAME.search(column.name) and len(column.tally) > 0.9 * column.present:
        return
    if len(column.tally) < (10 if column.kind == "integer" else 5):  # a few whole numbers are classes
        return
    left_out = set(placeholders(column))
    values = [v for v in column.ranked if v not in left_out for _ in range(column.tally[v])]
    if len(values) < FEWEST or values[0] == values[-1]:
        return
    low, high = far_below(values), far_above(values)
    far = [v for v in values if v < low or v > high]
    if not far:
        return
    near = [v for v in values if low <= v <= high]
    remedy = look.remedies.say("between", column.at, low=repr(near[0]), high=repr(near[-1]))
    between = f"from {_short(near[0])} to {_short(near[-1])}"
    message = f"Far from all others, which go {between}, in {{rows}}: {some(dict.fromkeys(far))}."
    yield look.finding("outliers", column, len(far), message, remedy, examples=[_short(v) for v in dict.fromkeys(far)])


def _short(value: Any) -> str:
    return f"{value:,.6g}" if isinstance(value, float) else f"{value:,}"


def far_above(values: list[Any]) -> Any:
    """The largest of the sorted values that is not an outlier."""
    n = len(values)
    middle, spread = values[n // 2], values[3 * n // 4] - values[n // 4]
    wide = max(5, min(n // 10, int(3 * sqrt(n))))  # so many of the largest make the tail
    most = max(1, int(TAIL * n))
    begin = max(n // 2, n - 2 - most - wide)
    reach = [float(v - middle) for v in values[begin:]]
    logs = [log(d) if d > 0 else 0.0 for d in reach]
    sums = list(accumulate(logs))
    positive = next((i for i, d in enumerate(reach) if d > 0), len(reach))
    best = last = len(reach) - 1
    for i in range(last - 1, max(last - 1 - most, positive - 1), -1):
        if reach[i + 1] <= 3.7 * spread:  # five robust standard deviations of a normal spread
            break
        # What the tail explains: the mean logarithm of its excesses (Hill), of those that stay.
        first = max(i - wide, positive)
        tail = (sums[i] - sums[first]) / (i - first) - logs[first] if i > first else 0.0
        if logs[i + 1] - logs[i] > max(log(APART), 4 * tail):
            best = i
    return values[begin + best]


def far_below(values: list[Any]) -> Any:
    """The smallest of the sorted values that is not an outlier."""
    return -far_above([-v for v in reversed(values)])


def imbalance(column: Column, look: Look) -> Iterator[Finding]:
    """A column of classes of which one has nearly all rows; of the target, also where one is rare."""
    n, levels = column.present, len(column.tally)
    target = column is look.target
    if column.kind not in ("bool", "integer", "text") or not 2 <= levels <= 20 or n < 50:
        return
    ranked = sorted(column.tally.items(), key=lambda item: (-item[1], str(item[0])))
    (most, count), (least, fewest) = ranked[0], ranked[-1]
    if count < 0.95 * n and not (target and (count >= 0.8 * n or fewest * levels < 0.2 * n)):
        return
    message = f"{some([most])} in {{rows}}; the rarest, {some([least])}, in {percent(fewest / n)}."
    severity = "warn" if target else "info"
    remedy = look.remedies.counts(column.at)
    yield look.finding("imbalance", column, count, message, remedy, examples=[str(most)], severity=severity)  # type: ignore[arg-type] # one of the two
