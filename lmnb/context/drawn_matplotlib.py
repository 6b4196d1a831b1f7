"""A matplotlib figure in words: its axes, and of each what is drawn, with some of the points."""

from __future__ import annotations

from dataclasses import replace
from itertools import pairwise
from typing import TYPE_CHECKING, Any

from lmnb.context.drawn import AXES, MARKS, Detail, fitted, places, points, span
from lmnb.context.values import class_name, number, plural

if TYPE_CHECKING:
    from collections.abc import Iterator


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
        parts += [f"{way}{_axis(axes, way, detail)}" for way in ("x", "y", "z") if hasattr(axes, f"{way}axis")]
    legend = axes.get_legend()
    if legend is not None:
        entries = [detail.label(text.get_text()) for text in legend.get_texts()[:12]]
        parts.append(f"legend{detail.named(legend.get_title().get_text())}: {', '.join(entries)}")
    yield f"{parts[0]}: {'; '.join(parts[1:]) or 'no labels'}"
    yield from (f"- {one}" for one in drawn[:MARKS])
    if len(drawn) > MARKS:
        yield f"- … {plural(len(drawn) - MARKS, 'mark')} more"
    if not drawn:
        yield "- nothing is drawn"


def _axis(axes: Any, way: str, detail: Detail) -> str:
    label, scale = getattr(axes, f"get_{way}label")(), getattr(axes, f"get_{way}scale")()
    said = detail.named(label)
    if scale not in ("linear", "rectilinear"):
        said += f" ({scale})"
    if detail.values:
        names = _categories(axes, way)
        low, high = getattr(axes, f"get_{way}lim")()
        ends = [] if names else [_place(axes, way, end, detail) for end in (low, high)]
        said += f" {'..'.join(ends)}" if ends else f" {', '.join(map(detail.label, list(names.values())[:8]))}"
    return said


def _categories(axes: Any, way: str) -> dict[int, str]:
    """The words that stand along an axis in the place of numbers."""
    axis = getattr(axes, f"{way}axis")
    kind = class_name(type(axis.get_major_formatter()))
    if kind not in ("StrCategoryFormatter", "FixedFormatter", "FuncFormatter"):
        return {}
    labels = [one.get_text() for one in axis.get_ticklabels()]
    ticks = axis.get_ticklocs()
    found = {round(float(tick)): text for tick, text in zip(ticks, labels, strict=False) if text.strip()}
    return found if any(not _numeric(text) for text in found.values()) else {}


def _numeric(text: str) -> bool:
    try:
        float(text.replace("−", "-").replace(",", ""))
    except ValueError:
        return False
    return True


def _place(axes: Any, way: str, where: Any, detail: Detail) -> str:
    """A place along an axis: a date where it has dates, else a number."""
    locator = class_name(type(getattr(axes, f"{way}axis").get_major_locator()))
    if "Date" in locator:
        from matplotlib.dates import num2date

        try:
            return detail.one(num2date(float(where)).replace(tzinfo=None, microsecond=0))  # type: ignore[no-untyped-call]
        except (ValueError, OverflowError):
            return number(float(where))
    return number(float(where))


# ---- what is drawn


def _marks(axes: Any, detail: Detail) -> Iterator[str]:
    bars = [one for one in axes.containers if class_name(type(one)) == "BarContainer"]
    in_bars = {id(patch) for one in bars for patch in one.patches}
    for one in bars:
        yield _bars(axes, one, detail)
    for one in axes.get_lines():
        yield _line(axes, one, detail)
    for one in axes.collections:
        yield _collection(axes, one, detail)
    for one in axes.images:
        yield _grid("image", one.get_array(), one, detail)
    yield from _patches([one for one in axes.patches if id(one) not in in_bars], detail)
    texts = [one.get_text() for one in axes.texts if one.get_text().strip()]
    wedges = any(class_name(type(one)) == "Wedge" for one in axes.patches)
    if texts and not wedges:
        yield f"{plural(len(texts), 'text')}: {', '.join(map(detail.label, texts[:8]))}"


def _bars(axes: Any, container: Any, detail: Detail) -> str:
    lying = getattr(container, "orientation", "vertical") == "horizontal"
    way = "y" if lying else "x"
    boxes = [
        (p.get_y(), p.get_height(), p.get_width()) if lying else (p.get_x(), p.get_width(), p.get_height())
        for p in container.patches
    ]
    names = _categories(axes, way)
    touching = len(boxes) > 2 and all(
        abs(one[0] + one[1] - after[0]) < 1e-6 * max(abs(one[1]), 1e-300) + 1e-12 for one, after in pairwise(boxes)
    )
    head = f"{'histogram' if touching and not names else 'bars'}{detail.named(container.get_label())}"
    if not detail.values or not boxes:
        return f"{head}, {plural(len(boxes), 'bar')}"
    lengths = [box[2] for box in boxes]
    if touching and not names:
        ends = f"{_place(axes, way, boxes[0][0], detail)}..{_place(axes, way, boxes[-1][0] + boxes[-1][1], detail)}"
        counts = ", ".join(number(float(one)) for one in lengths[:30]) if detail.points else span(lengths, detail)
        return f"{head}, {plural(len(boxes), 'bin')} over {ends}: {counts}{', …' if len(lengths) > 30 else ''}"
    told = []
    for box in (boxes[place] for place in places(len(boxes), 2 * detail.points)):
        middle = box[0] + box[1] / 2
        known = names.get(round(middle))
        told.append(f"{detail.label(known) if known else _place(axes, way, middle, detail)} {number(float(box[2]))}")
    return f"{head}, {plural(len(boxes), 'bar')}, {span(lengths, detail)}{': ' if told else ''}{', '.join(told)}"


def _line(axes: Any, mark: Any, detail: Detail) -> str:
    along, up = mark.get_transform().contains_branch_seperately(axes.transData)
    xs, ys = mark.get_xdata(orig=True), mark.get_ydata(orig=True)
    name = detail.named(mark.get_label())
    if not (along and up):
        at = ys if up else xs
        where = f" at {span(at, detail)}" if detail.values else ""
        return f"{'horizontal' if up else 'vertical'} line{name}{where}"
    plain = mark.get_linestyle() in ("None", " ", "")
    return _xy(f"{'points' if plain else 'line'}{name}", (xs, ys), detail)


def _xy(head: str, columns: tuple[Any, ...], detail: Detail) -> str:
    said = f"{head}, {plural(len(columns[0]), 'point')}"
    for way, some in zip("xyz", columns, strict=False):
        if reach := span(some, detail):
            said += f"; {way} {reach}"
    some_points = points(columns, detail)
    return f"{said}: {some_points}" if some_points else said


def _collection(axes: Any, mark: Any, detail: Detail) -> str:
    kind, name = class_name(type(mark)), detail.named(mark.get_label())
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
    box = mark.get_datalim(axes.transData)
    ends = f"; x {number(box.x0)}..{number(box.x1)}; y {number(box.y0)}..{number(box.y1)}" if detail.values else ""
    return f"{words.get(kind, kind)}{name}{ends}"


def _dated(axes: Any, columns: tuple[Any, ...]) -> tuple[Any, ...]:
    """Places along an axis of dates as dates: a collection keeps the numbers."""
    found = []
    for way, numbers in zip("xyz", columns, strict=False):
        some: Any = numbers
        axis = getattr(axes, f"{way}axis", None)
        if axis is not None and "Date" in class_name(type(axis.get_major_locator())):
            from matplotlib.dates import num2date

            some = [one.replace(tzinfo=None) for one in num2date(some)]  # type: ignore[no-untyped-call]
        found.append(some)
    return tuple(found)


def _grid(word: str, array: Any, mark: Any, detail: Detail) -> str:
    shape = getattr(array, "shape", ())
    if getattr(array, "ndim", 0) == 1 and hasattr(mark, "_coordinates"):
        shape = tuple(side - 1 for side in mark._coordinates.shape[:2])  # matplotlib < 3.8 flattens
    said = f"{word} of {' × '.join(f'{side:,}' for side in shape[:2])}{detail.named(mark.get_label())}"
    return f"{said}, values {span(array, detail)}" if detail.values and len(shape) < 3 else said


def _patches(patches: list[Any], detail: Detail) -> Iterator[str]:
    wedges = [one for one in patches if class_name(type(one)) == "Wedge"]
    if wedges:
        labels = [one.get_label() for one in wedges]
        shares = [abs(one.theta2 - one.theta1) / 3.6 for one in wedges]
        told = [f"{detail.label(label)} {number(share, 3)}%" for label, share in zip(labels, shares, strict=True)]
        yield f"pie, {plural(len(wedges), 'part')}{': ' + ', '.join(told[:12]) if detail.values else ''}"
    others = [one for one in patches if class_name(type(one)) != "Wedge"]
    for one in others[:3]:
        box = one.get_path().get_extents(one.get_patch_transform())
        ends = f"; x {number(box.x0)}..{number(box.x1)}; y {number(box.y0)}..{number(box.y1)}" if detail.values else ""
        yield f"{class_name(type(one)).lower()}{detail.named(one.get_label())}{ends}"
    if len(others) > 3:
        yield f"{plural(len(others) - 3, 'shape')} more"
