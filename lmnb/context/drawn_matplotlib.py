"""A matplotlib figure in words: its axes, and of each what is drawn, with some of the points."""

from __future__ import annotations

import math
from dataclasses import replace
from itertools import pairwise
from typing import TYPE_CHECKING, Any

from lmnb.context import drawn_axes, drawn_boxes
from lmnb.context.drawn import AXES, MARKS, Detail, as_array, fitted, places, points, span
from lmnb.context.values import class_name, number, plural

if TYPE_CHECKING:
    from collections.abc import Iterator

    from lmnb.context.drawn_boxes import Box


FIGURES = {"Figure", "FigureBase"}
IN_FIGURES = {"_AxesBase", "Axes", "Grid", "FacetGrid", "JointGrid", "PairGrid"}


def is_one(obj: Any) -> bool:
    """Whether something is a figure or is drawn in one of its own; its class is asked, not the thing."""
    return bool(_names(obj) & (FIGURES | IN_FIGURES))


def figure_of(obj: Any) -> Any:
    """The figure that an object is, or is drawn in; None where it is neither."""
    names = _names(obj)
    if names & FIGURES:
        return obj
    return getattr(obj, "figure", None) if names & IN_FIGURES else None


def _names(obj: Any) -> set[str]:
    kinds = (cls for cls in type(obj).__mro__ if str(cls.__module__).startswith(("matplotlib.", "seaborn.")))
    return {class_name(cls) for cls in kinds}


def described(obj: Any, detail: Detail) -> str | None:
    """A figure, or one pair of axes, in lines; None where it is neither."""
    figure = figure_of(obj)
    if figure is None:
        return None
    whole = obj is figure or not hasattr(obj, "get_lines")
    axes = list(figure.axes) if whole else [obj]

    def build(count: int) -> Iterator[str]:
        now = replace(detail, points=count)
        width, height = figure.get_size_inches() * figure.dpi
        yield f"{plural(len(axes), 'panel')}, {width:.0f} × {height:.0f} pixels{_heading(figure, now) if whole else ''}"
        for at, one in enumerate(axes[:AXES], 1):
            yield from _axes(one, f"panel {at}", now)
        if len(axes) > AXES:
            yield f"… {plural(len(axes) - AXES, 'panel')} more"

    return fitted(build, detail)


def names(obj: Any) -> set[str]:
    """All labels and titles of the figure that something is, or is drawn in."""
    figure = figure_of(obj)
    found = {getattr(getattr(figure, "_suptitle", None), "get_text", str)()}
    for axes in figure.axes if figure is not None else ():
        found |= {getattr(axes, f"get_{way}label")() for way in "xyz" if hasattr(axes, f"get_{way}label")}
        found |= {axes.get_title(loc=place) for place in ("left", "center", "right")}
        found |= {str(one.get_label()) for one in (*axes.get_lines(), *axes.containers, *axes.collections)}
        legend = axes.get_legend()
        if legend is not None:
            found |= {one.get_text() for one in (legend.get_title(), *legend.get_texts())}
    return found


def _heading(figure: Any, detail: Detail) -> str:
    title = getattr(getattr(figure, "_suptitle", None), "get_text", str)()
    return f", title{detail.named(title)}" if title.strip() else ""


def _axes(axes: Any, name: str, detail: Detail) -> Iterator[str]:
    if axes.get_label() == "<colorbar>":
        low, high = sorted(axes.get_ylim())
        said = f" {number(low)}..{number(high)}" if detail.values else ""
        yield f"{name}: colour scale{detail.named(axes.get_ylabel() or axes.get_xlabel())}{said}"
        return
    parts = [name if axes.name == "rectilinear" else f"{name} ({axes.name})"]
    parts += [f"title{said}" for one in ("left", "center", "right") if (said := detail.named(axes.get_title(loc=one)))]
    drawn = list(_marks(axes, detail))
    if drawn and axes.axison:
        parts += [
            f"{way}{drawn_axes.axis(axes, way, detail)}" for way in ("x", "y", "z") if hasattr(axes, f"{way}axis")
        ]
    legend = axes.get_legend()
    if legend is not None:
        entries = [detail.label(text.get_text()) for text in legend.get_texts()[:12]] if detail.values else []
        said = f": {', '.join(entries)}" if entries else ""
        parts.append(f"legend{detail.named(legend.get_title().get_text())}{said}")
    yield f"{parts[0]}: {'; '.join(parts[1:]) or 'no labels'}"
    yield from (f"- {one}" for one in drawn[:MARKS])
    if len(drawn) > MARKS:
        yield f"- … {plural(len(drawn) - MARKS, 'mark')} more"
    if not drawn:
        yield "- nothing is drawn"


# ---- what is drawn


def _marks(axes: Any, detail: Detail) -> Iterator[str]:
    bars = [one for one in axes.containers if class_name(type(one)) == "BarContainer"]
    told = {id(patch) for one in bars for patch in one.patches}
    for one in bars:
        yield _bars(axes, one, detail)
    lines = list(axes.get_lines())
    boxes = drawn_boxes.found(lines, axes.patches)
    told |= {part for box in boxes for part in box.parts}
    yield from _boxes(axes, boxes, detail)
    yield from (_line(axes, one, detail) for one in lines if id(one) not in told and len(one.get_xdata()))
    for one in axes.collections:
        yield _collection(axes, one, detail)
    for one in axes.images:
        yield _grid("image", one.get_array(), one, detail)
    yield from _patches(axes, [one for one in axes.patches if id(one) not in told], detail)
    texts = [one.get_text() for one in axes.texts if one.get_text().strip()]
    wedges = any(class_name(type(one)) == "Wedge" for one in axes.patches)
    if texts and not wedges:
        said = f": {', '.join(map(detail.label, texts[:8]))}" if detail.values else ""
        yield f"{plural(len(texts), 'text')}{said}"


def _boxes(axes: Any, boxes: list[Box], detail: Detail) -> Iterator[str]:
    if not detail.values:
        if boxes:
            yield f"box plot, {len(boxes)} {'box' if len(boxes) == 1 else 'boxes'}"
        return
    for one in boxes:
        name = drawn_axes.categories(axes, one.way).get(round(one.at))
        where = detail.label(name) if name else drawn_axes.place(axes, one.way, one.at, detail)
        said = f"box at {where}: median {number(one.median)}, quartiles {number(one.low)}..{number(one.high)}"
        if one.ends:
            said += f", whiskers {number(min(one.ends))}..{number(max(one.ends))}"
        yield said + (f", {plural(one.outliers, 'outlier')}" if one.outliers else "")


def _bars(axes: Any, container: Any, detail: Detail) -> str:
    lying = getattr(container, "orientation", "vertical") == "horizontal"
    way = "y" if lying else "x"
    boxes = [
        (p.get_y(), p.get_height(), p.get_width()) if lying else (p.get_x(), p.get_width(), p.get_height())
        for p in container.patches
    ]
    names = drawn_axes.categories(axes, way)
    touching = len(boxes) > 2 and all(
        abs(one[0] + one[1] - after[0]) < 1e-6 * max(abs(one[1]), 1e-300) + 1e-12 for one, after in pairwise(boxes)
    )
    head = f"{'histogram' if touching and not names else 'bars'}{detail.entry(container.get_label())}"
    if not detail.values or not boxes:
        return f"{head}, {plural(len(boxes), 'bar')}"
    lengths = [box[2] for box in boxes]
    if touching and not names:
        first, last = boxes[0][0], boxes[-1][0] + boxes[-1][1]
        ends = "..".join(drawn_axes.place(axes, way, one, detail) for one in (first, last))
        counts = ", ".join(number(float(one)) for one in lengths[:30]) if detail.points else span(lengths, detail)
        return f"{head}, {plural(len(boxes), 'bin')} over {ends}: {counts}{', …' if len(lengths) > 30 else ''}"
    told = []
    for box in (boxes[place] for place in places(len(boxes), 2 * detail.points)):
        middle = box[0] + box[1] / 2
        known = names.get(round(middle))
        told.append(
            f"{detail.label(known) if known else drawn_axes.place(axes, way, middle, detail)} {number(float(box[2]))}"
        )
    return f"{head}, {plural(len(boxes), 'bar')}, {span(lengths, detail)}{': ' if told else ''}{', '.join(told)}"


def _line(axes: Any, mark: Any, detail: Detail) -> str:
    along, up = mark.get_transform().contains_branch_seperately(axes.transData)
    xs, ys = mark.get_xdata(orig=True), mark.get_ydata(orig=True)
    name = detail.entry(mark.get_label())
    if not (along and up):
        at = ys if up else xs
        where = f" at {span(at, detail)}" if detail.values else ""
        return f"{'horizontal' if up else 'vertical'} line{name}{where}"
    plain = mark.get_linestyle() in ("None", " ", "")
    return _xy(f"{'points' if plain else 'line'}{name}", _dated(axes, (xs, ys)), detail)


def _xy(head: str, columns: tuple[Any, ...], detail: Detail) -> str:
    said = f"{head}, {plural(len(columns[0]), 'point')}"
    for way, some in zip("xyz", columns, strict=False):
        if reach := span(some, detail):
            said += f"; {way} {reach}"
    some_points = points(columns, detail)
    return f"{said}: {some_points}" if some_points else said


def _collection(axes: Any, mark: Any, detail: Detail) -> str:
    kind, name = class_name(type(mark)), detail.entry(mark.get_label())
    if kind in ("PathCollection", "Path3DCollection"):
        places_3d = getattr(mark, "_offsets3d", None)
        offsets = mark.get_offsets()
        columns = tuple(places_3d) if places_3d is not None else (offsets[:, 0], offsets[:, 1])
        said = _xy(f"scatter{name}", _dated(axes, columns), detail)
        coloured = mark.get_array()
        return (
            f"{said}; coloured by values {span(coloured, detail)}" if coloured is not None and detail.values else said
        )
    if kind in ("QuadMesh", "PolyQuadMesh"):
        return _grid("coloured grid", mark.get_array(), mark, detail)
    words = {
        "LineCollection": "lines",
        "PolyCollection": "area",
        "FillBetweenPolyCollection": "area",
        "QuadContourSet": "contours",
    }
    return f"{words.get(kind, kind)}{name}{_reach(axes, mark.get_datalim(axes.transData), detail)}"


def _reach(axes: Any, box: Any, detail: Detail) -> str:
    """From where to where a shape goes, where it is known."""
    ends = (box.x0, box.x1, box.y0, box.y1)
    if not detail.values or not all(math.isfinite(one) for one in ends):
        return ""
    x0, x1, y0, y1 = (drawn_axes.place(axes, way, one, detail) for way, one in zip("xxyy", ends, strict=True))
    return f"; x {x0}..{x1}; y {y0}..{y1}"


def _dated(axes: Any, columns: tuple[Any, ...]) -> tuple[Any, ...]:
    """Places along an axis of dates as dates, where the numbers are all that is kept."""
    found = []
    for way, some in zip("xyz", columns, strict=False):
        array = as_array(some)
        dates = (
            drawn_axes.dates(axes, way, some)
            if array is not None and array.dtype.kind in "iuf" and len(array)
            else None
        )
        found.append(some if dates is None else dates)
    return tuple(found)


def _grid(word: str, array: Any, mark: Any, detail: Detail) -> str:
    shape = getattr(array, "shape", ())
    if getattr(array, "ndim", 0) == 1 and hasattr(mark, "_coordinates"):
        shape = tuple(side - 1 for side in mark._coordinates.shape[:2])  # matplotlib < 3.8 flattens
    said = f"{word} of {' × '.join(f'{side:,}' for side in shape[:2])}{detail.entry(mark.get_label())}"
    return f"{said}, values {span(array, detail)}" if detail.values and len(shape) < 3 else said


def _patches(axes: Any, patches: list[Any], detail: Detail) -> Iterator[str]:
    wedges = [one for one in patches if class_name(type(one)) == "Wedge"]
    if wedges:
        labels = [one.get_label() for one in wedges]
        shares = [abs(one.theta2 - one.theta1) / 3.6 for one in wedges]
        told = [f"{detail.label(label)} {number(share, 3)}%" for label, share in zip(labels, shares, strict=True)]
        yield f"pie, {plural(len(wedges), 'part')}{': ' + ', '.join(told[:12]) if detail.values else ''}"
    others = [one for one in patches if class_name(type(one)) != "Wedge"]
    for one in others[:3]:
        box = one.get_path().get_extents(one.get_patch_transform())
        yield f"{class_name(type(one)).lower()}{detail.entry(one.get_label())}{_reach(axes, box, detail)}"
    if len(others) > 3:
        yield f"{plural(len(others) - 3, 'shape')} more"
