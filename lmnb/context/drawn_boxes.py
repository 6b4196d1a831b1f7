"""Box plots: matplotlib keeps each as half a dozen lines that know nothing of each other; here they are boxes again."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from lmnb.context.values import class_name

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

MOST = 400
"""Lines among which boxes are looked for."""


@dataclass
class Box:
    """One box.

    Attributes:
        way: The axis along which the boxes stand: `x`, or `y` where they lie.
        at: Its place there.
        low, high: The quartiles.
        median: It.
        ends: Where its whiskers end.
        outliers: How many points lie beyond.
        parts: What it is made of, by their identities.
    """

    way: str
    at: float
    low: float
    high: float
    median: float
    ends: list[float] = field(default_factory=list)
    outliers: int = 0
    parts: set[int] = field(default_factory=set)


Corners = tuple[Any, float, float, float, float]
Points = tuple[Any, list[float], list[float]]


def found(lines: Sequence[Any], patches: Iterable[Any]) -> list[Box]:
    """The boxes among what is drawn, in their order.

    Args:
        lines: Of one pair of axes.
        patches: The same; seaborn fills its boxes.
    """
    if not 3 <= len(lines) <= MOST:
        return []
    known = [points for mark in lines if (points := _points(mark)) is not None]
    outlines = [corners for mark in (*lines, *patches) if (corners := _outline(mark)) is not None]
    return [box for one in outlines if (box := _box(one, known)) is not None]


def _points(mark: Any) -> Points | None:
    try:
        return mark, [float(x) for x in mark.get_xdata()[:1_000]], [float(y) for y in mark.get_ydata()[:1_000]]
    except (TypeError, ValueError):
        return None


def _outline(mark: Any) -> Corners | None:
    """A closed rectangle with its corners."""
    if class_name(type(mark)) == "PathPatch":
        corners = [(float(x), float(y)) for x, y in mark.get_path().vertices[:6]]
    elif class_name(type(mark)) == "Line2D" and (points := _points(mark)) is not None:
        corners = list(zip(points[1], points[2], strict=False))
    else:
        return None
    xs, ys = sorted({x for x, _ in corners}), sorted({y for _, y in corners})
    if len(corners) < 5 or len(xs) != 2 or len(ys) != 2:
        return None
    return mark, xs[0], xs[1], ys[0], ys[1]


def _box(outline: Corners, lines: Sequence[Points]) -> Box | None:
    mark, left, right, bottom, top = outline
    for way in ("x", "y"):
        (start, end), (low, high) = ((left, right), (bottom, top))[:: 1 if way == "x" else -1]
        turned = [(one, *((xs, ys) if way == "x" else (ys, xs))) for one, xs, ys in lines]
        across = [
            (one, ups[0])
            for one, alongs, ups in turned
            if len(ups) == 2 and ups[0] == ups[1] and low <= ups[0] <= high and set(alongs) == {start, end}
        ]
        if across:
            box = Box(way, (start + end) / 2, low, high, across[0][1], parts={id(mark), id(across[0][0])})
            _complete(box, turned)
            return box
    return None


def _complete(box: Box, lines: Sequence[Points]) -> None:
    """Whiskers, the bars at their ends, and the points beyond."""
    near = 1e-9 * max(1.0, abs(box.at))
    for mark, alongs, ups in lines:
        if id(mark) not in box.parts and alongs and all(abs(one - box.at) <= near for one in alongs):
            if len(ups) == 2 and (box.low in ups or box.high in ups) and mark.get_linestyle() != "None":
                # A whisker of no length ends at the box.
                box.ends += [one for one in ups if one not in (box.low, box.high)] or ups[:1]
                box.parts.add(id(mark))
            elif mark.get_linestyle() == "None":
                box.outliers += len(mark.get_xdata())
                box.parts.add(id(mark))
    for mark, alongs, ups in lines:
        level = len(ups) == 2 and ups[0] == ups[1]
        if level and ups[0] in (*box.ends, box.low, box.high) and abs(sum(alongs) / 2 - box.at) <= near:
            box.parts.add(id(mark))
