"""An altair chart in words: its marks, what each channel shows, and the values of the fields that are drawn."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Any

from lmnb.context.drawn import MARKS, Detail, fitted, span
from lmnb.context.values import plural

if TYPE_CHECKING:
    from collections.abc import Iterator


def is_one(obj: Any) -> bool:
    """Whether it is a chart, also one of several."""
    return any(cls.__name__ == "TopLevelMixin" and cls.__module__.startswith("altair.") for cls in type(obj).__mro__)


def described(obj: Any, detail: Detail) -> str | None:
    """A chart in lines; None where it is none."""
    if not is_one(obj):
        return None
    parts = list(_parts(obj, None))

    def build(count: int) -> Iterator[str]:
        now = replace(detail, points=count)
        title = _text(getattr(obj, "title", None))
        yield f"{plural(len(parts), 'chart')}{', title' + now.named(title) if title else ''}"
        for one, data in parts[:MARKS]:
            yield from _chart(one, data, now)
        if len(parts) > MARKS:
            yield f"… {plural(len(parts) - MARKS, 'chart')} more"

    return fitted(build, detail)


def _parts(chart: Any, data: Any) -> Iterator[tuple[Any, Any]]:
    """The charts that a chart is made of, each with its table, which may be that of the whole."""
    own = getattr(chart, "data", None)
    data = own if hasattr(own, "columns") else data
    for way in ("layer", "hconcat", "vconcat", "concat"):
        inner = getattr(chart, way, None)
        if isinstance(inner, list):
            for one in inner:
                yield from _parts(one, data)
            return
    inner = getattr(chart, "spec", None)
    yield (inner if hasattr(inner, "mark") else chart), data


def _chart(chart: Any, data: Any, detail: Detail) -> Iterator[str]:
    mark = getattr(chart, "mark", None)
    yield f"- {_text(getattr(mark, 'type', mark)) or 'marks'}"
    encoding = chart.to_dict(validate=False, format="vega-lite", context={"pre_transform": False}).get("encoding", {})
    for channel, said in encoding.items():
        for one in said if isinstance(said, list) else [said]:
            if isinstance(one, dict):
                yield f"  {channel}: {_channel(one, _values(data, one.get('field')), detail)}"


def _channel(said: dict[str, Any], values: Any, detail: Detail) -> str:
    field = said.get("field")
    words = [str(said["aggregate"])] if isinstance(said.get("aggregate"), str) else []
    words += [detail.label(field)] if field else []
    words += [f"({said['type']})"] if said.get("type") else []
    if title := _text(said.get("title")):
        words.append(f"titled {detail.label(title)}")
    if isinstance(said.get("scale"), dict) and said["scale"].get("type"):
        words.append(f"{said['scale']['type']} scale")
    if said.get("bin"):
        words.append("binned")
    reach = span(values, detail)
    return f"{' '.join(words) or 'a constant'}{f', {reach}' if reach else ''}"


def _values(data: Any, field: Any) -> Any:
    """The column that a channel shows, where the chart has its table at hand."""
    try:
        return data[field] if field is not None and data is not None and field in list(data.columns) else None
    except Exception:  # noqa: BLE001 - somebody's class
        return None


def _text(said: Any) -> str:
    """A title, which altair keeps as text, as a list of lines, or as an object with a text."""
    inner = getattr(said, "text", said)
    if isinstance(inner, list):
        return " ".join(map(str, inner))
    return inner if isinstance(inner, str) else ""
