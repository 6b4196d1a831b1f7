"""A plotly figure in words: its axes, and of each trace what is drawn, with some of the points."""

from __future__ import annotations

import re
from dataclasses import replace
from typing import TYPE_CHECKING, Any

from lmnb.context.drawn import MARKS, Detail, as_array, fitted, points, span
from lmnb.context.values import plural

if TYPE_CHECKING:
    from collections.abc import Iterator


WAYS = ("x", "y", "z", "r", "theta", "lat", "lon", "open", "high", "low", "close")
_TOOLTIP = re.compile(r"(?:^|>|<br>)([^<>=%{}]{1,100})=%\{")


def is_one(obj: Any) -> bool:
    """Whether it is a plotly figure."""
    return any(cls.__name__ == "BaseFigure" and cls.__module__.startswith("plotly.") for cls in type(obj).__mro__)


def names(obj: Any) -> set[str]:
    """All labels and titles of a figure, and the columns that its tooltips name."""
    layout = obj.layout
    found = {layout.title.text, layout.legend.title.text, layout.coloraxis.colorbar.title.text}
    found |= {layout[name].title.text for name in layout if name.startswith(("xaxis", "yaxis"))}
    for trace in obj.data:
        found |= {getattr(trace, "name", None), *_TOOLTIP.findall(str(getattr(trace, "hovertemplate", None) or ""))}
    return {str(name) for name in found if name}


def reaches_out(obj: Any) -> bool:
    """Whether a figure would fetch something when it is drawn: tiles and outlines of maps, pictures by address."""
    kinds = {trace.type for trace in obj.data}
    return any("map" in kind.replace("heatmap", "") or "geo" in kind for kind in kinds) or bool(obj.layout.images)


def described(obj: Any, detail: Detail) -> str | None:
    """A plotly figure in lines; None where it is none."""
    if not is_one(obj):
        return None
    layout, traces = obj.layout, list(obj.data)

    def build(count: int) -> Iterator[str]:
        now = replace(detail, points=count)
        title = layout.title.text if layout.title else None
        yield f"{plural(len(traces), 'trace')}{', title' + now.named(title) if title else ''}"
        for name in layout:
            if name.startswith(("xaxis", "yaxis")):
                yield from _axis(layout[name], name.replace("axis", ""), now)
        yield from (f"- {_trace(one, now)}" for one in traces[:MARKS])
        if len(traces) > MARKS:
            yield f"- … {plural(len(traces) - MARKS, 'trace')} more"

    return fitted(build, detail)


def _axis(axis: Any, name: str, detail: Detail) -> Iterator[str]:
    said = detail.named(axis.title.text if axis.title else None)
    if axis.type not in (None, "-", "linear"):
        said += f" ({axis.type})"
    if axis.range and detail.values:
        said += f" {'..'.join(detail.one(end) for end in axis.range)}"
    if said:
        yield f"{name}{said}"


def _trace(trace: Any, detail: Detail) -> str:
    said = f"{trace.type}{detail.entry(getattr(trace, 'name', None))}"
    ways = WAYS if getattr(trace, "labels", None) is None else ("labels", "values")
    columns = {way: some for way in ways if (some := getattr(trace, way, None)) is not None}
    arrays = {way: array for way, some in columns.items() if (array := as_array(some)) is not None}
    if not arrays:
        return said
    said += f", {plural(max(map(len, arrays.values())), 'point')}"
    for way, array in arrays.items():
        if reach := span(array, detail):
            said += f"; {way} {reach}"
    some = points(list(arrays.values()), detail)
    return f"{said}: {some}" if some else said
