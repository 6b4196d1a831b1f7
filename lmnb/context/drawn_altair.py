"""An altair chart in words: its marks, what each channel shows, and the values of the fields that are drawn."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

from lmnb.context.drawn import MARKS, Detail, fitted, span
from lmnb.context.values import plural

if TYPE_CHECKING:
    from collections.abc import Iterator

ROWS = 20
"""Rows by which altair is let guess the types of fields; of a whole table it would make JSON."""

DEEP = 40
"""How far into a chart addresses are looked for."""


@dataclass(frozen=True)
class Part:
    """One chart of those that a chart is made of.

    Attributes:
        chart: It.
        data: Its table, which may be that of the whole.
        repeated: The fields that a repeated chart shows, by the word that stands for them.
    """

    chart: Any
    data: Any = None
    repeated: tuple[tuple[str, tuple[str, ...]], ...] = ()


def is_one(obj: Any) -> bool:
    """Whether it is a chart, also one of several."""
    return any(cls.__name__ == "TopLevelMixin" and cls.__module__.startswith("altair.") for cls in type(obj).__mro__)


def described(obj: Any, detail: Detail) -> str | None:
    """A chart in lines; None where it is none."""
    if not is_one(obj):
        return None
    parts = list(_parts(obj, Part(None)))
    facet = list(_encoding(Part(obj, parts[0].data), "facet")) if parts else []

    def build(count: int) -> Iterator[str]:
        now = replace(detail, points=count)
        title = _text(getattr(obj, "title", None))
        yield f"{plural(len(parts), 'chart')}{', title' + now.named(title) if title else ''}"
        yield from (f"one for each {way}: {now.label(said.get('field'))}" for way, said in facet)
        for one in parts[:MARKS]:
            yield from _chart(one, now)
        if len(parts) > MARKS:
            yield f"… {plural(len(parts) - MARKS, 'chart')} more"

    return fitted(build, detail)


def names(obj: Any) -> set[str]:
    """The fields that a chart shows, in whatever channel, and its titles."""
    found = {_text(getattr(obj, "title", None))}
    parts = list(_parts(obj, Part(None)))
    for one in (*parts, Part(obj, parts[0].data if parts else None)):
        found |= {text for _, fields in one.repeated for text in fields}
        for way in ("encoding", "facet"):
            for _, said in _encoding(one, way):
                found |= {str(said.get("field", "")), _text(said.get("title"))}
    return {name for name in found if name}


def addresses(obj: Any, deep: int = 0) -> bool:
    """Whether something in a chart is read from an address, or from a file, when it is drawn."""
    stored = getattr(obj, "_kwds", None) if deep < DEEP else None
    if isinstance(stored, dict):
        kind = getattr(obj, "mark", None)
        if "Url" in type(obj).__name__ or getattr(kind, "type", kind) == "image":
            return True
        return isinstance(stored.get("data"), str) or any(addresses(one, deep + 1) for one in stored.values())
    if isinstance(obj, (list, tuple)):
        return any(addresses(one, deep + 1) for one in obj[:1_000])
    if type(obj) is dict:
        return any(key == "url" or addresses(one, deep + 1) for key, one in list(obj.items())[:1_000])
    return False


# ---- the charts of a chart


def _parts(chart: Any, above: Part) -> Iterator[Part]:
    own = getattr(chart, "data", None)
    data = own if _is_data(own) else above.data
    repeated = above.repeated
    stored = getattr(getattr(chart, "repeat", None), "_kwds", None) or getattr(chart, "repeat", None)
    if isinstance(stored, list):
        repeated = (*repeated, ("repeat", tuple(map(str, stored))))
    elif isinstance(stored, dict):
        repeated = (
            *repeated,
            *((way, tuple(map(str, some))) for way, some in stored.items() if isinstance(some, list)),
        )
    here = Part(chart, data, repeated)
    for way in ("layer", "hconcat", "vconcat", "concat"):
        inner = getattr(chart, way, None)
        if isinstance(inner, list):
            for one in inner:
                yield from _parts(one, here)
            return
    inner = getattr(chart, "spec", None)
    if is_one(inner):
        yield from _parts(inner, here)
    else:
        yield here


def _is_data(own: Any) -> bool:
    return (
        isinstance(own, str)
        or hasattr(own, "columns")
        or hasattr(own, "column_names")
        or hasattr(own, "url")
        or hasattr(own, "values")
    )


def _chart(part: Part, detail: Detail) -> Iterator[str]:
    mark = getattr(part.chart, "mark", None)
    address = part.data if isinstance(part.data, str) else getattr(part.data, "url", None)
    about = f", of data at {detail.label(address)}, which was not opened" if isinstance(address, str) else ""
    yield f"- {_text(getattr(mark, 'type', mark)) or 'marks'}{about}"
    for channel, said in _encoding(part, "encoding"):
        yield f"  {channel}: {_channel(said, part, detail)}"


def _encoding(part: Part, way: str) -> Iterator[tuple[str, dict[str, Any]]]:
    """The channels of a chart, as Vega-Lite has them."""
    channels = getattr(part.chart, way, None)
    stored = getattr(channels, "_kwds", None)
    if not isinstance(stored, dict):
        return
    some = {way: channels} if way == "facet" and "field" in stored else stored
    for channel, one in some.items():
        for inner in one if isinstance(one, list) else [one]:
            said = _said(inner, part.data)
            if said:
                yield channel, said


def _said(channel: Any, data: Any) -> dict[str, Any]:
    """One channel as plain data. altair guesses the types of fields from rows; where it cannot, they have none."""
    if not hasattr(channel, "to_dict"):
        return {}
    try:
        found = channel.to_dict(validate=False, context={"data": _some_rows(data)})
    except Exception:  # noqa: BLE001 - no rows to guess from, or a chart that is not valid
        stored = {key: one for key, one in channel._kwds.items() if isinstance(one, (str, bool, dict, list))}
        shorthand = stored.pop("shorthand", "")
        found = {"field": shorthand.partition(":")[0], **stored} if isinstance(shorthand, str) else stored
    return found if isinstance(found, dict) else {}


def _some_rows(data: Any) -> Any:
    import narwhals as nw

    frame = nw.from_native(data, pass_through=True)
    return frame.head(ROWS).to_native() if isinstance(frame, (nw.DataFrame, nw.LazyFrame)) else data


def _channel(said: dict[str, Any], part: Part, detail: Detail) -> str:
    field, values = said.get("field"), None
    words = [str(said["aggregate"])] if isinstance(said.get("aggregate"), str) else []
    if isinstance(field, dict):
        some = dict(part.repeated).get(str(field.get("repeat")), ())
        words.append(f"each of {', '.join(map(detail.label, some[:12]))}")
    elif field:
        words.append(detail.label(field))
        values = _values(part.data, field)
    words += [f"({said['type']})"] if isinstance(said.get("type"), str) else []
    if title := _text(said.get("title")):
        words.append(f"titled {detail.label(title)}")
    if isinstance(said.get("scale"), dict) and isinstance(said["scale"].get("type"), str):
        words.append(f"{said['scale']['type']} scale")
    if said.get("bin"):
        words.append("binned")
    if isinstance(said.get("timeUnit"), str):
        words.append(f"by {said['timeUnit']}")
    if "value" in said or "datum" in said:
        constant = said.get("value", said.get("datum"))
        words += [detail.one(constant)] if detail.values and isinstance(constant, (str, int, float)) else []
    reach = span(values, detail)
    return f"{' '.join(words) or 'a constant'}{f', {reach}' if reach else ''}"


def _values(data: Any, field: Any) -> Any:
    """The column that a channel shows, where the chart has its table at hand."""
    stored = getattr(data, "values", None)
    if isinstance(stored, list):
        return [row.get(field) for row in stored if isinstance(row, dict)]
    try:
        return data[field]
    except Exception:  # noqa: BLE001 - no such column; somebody's class
        return None


def _text(said: Any) -> str:
    """A title, which altair keeps as text, as a list of lines, or as an object with a text."""
    inner = getattr(said, "text", said)
    if isinstance(inner, list):
        return " ".join(map(str, inner))
    return inner if isinstance(inner, str) else ""
