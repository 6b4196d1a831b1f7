"""A figure for a model: in words and numbers for one that reads, as a picture for one that sees."""

from __future__ import annotations

import importlib
import io
import sys
from typing import TYPE_CHECKING, Any

from lmnb.chat.attached import Image
from lmnb.chat.problems import ChatError, Problem
from lmnb.context import drawn_altair, drawn_matplotlib, drawn_plotly, patience
from lmnb.context.drawn import Detail, hidden_in
from lmnb.context.values import label

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

PIXELS = 1_024
"""Of the longer side of a picture: more costs a model time and shows it nothing."""

ROWS = 50_000
"""Rows of an altair chart that are drawn: all of them go through JSON."""

PATIENCE = 30.0
"""Seconds that the programs of plotly and altair may take to draw."""

DRAWERS: tuple[Callable[[Any, Detail], str | None], ...] = (
    drawn_matplotlib.described,
    drawn_plotly.described,
    drawn_altair.described,
)


def describe_figure(obj: Any, *, values: bool = True, mask: bool = True, hide: Iterable[str] = ()) -> str | None:
    """What a figure shows, in lines: axes, labels, scales, marks, legend, some of the points.

    Args:
        obj: A figure or axes of matplotlib (seaborn's grids as well), a plotly figure, an altair chart.
        values: Whether values are told: ranges, points, categories.
        mask: Whether obvious secrets in labels are masked.
        hide: Columns whose values must not be told, as `email` or `df.email`: of a figure that names one of them in a
            label, a title or a tooltip no values are told.

    Returns:
        None for anything else. Labels are a stranger's text: quoted, on their own line.
    """
    if not is_figure(obj):
        return None
    hidden = hidden_columns(obj, hide)
    detail = Detail(values=values and not hidden, mask=mask)
    text = next((text for described in DRAWERS if (text := described(obj, detail)) is not None), None)
    if text is None or not hidden:
        return text
    return f"{text}\n(no values are told: {', '.join(map(label, hidden))} hidden)"


def hidden_columns(obj: Any, hide: Iterable[str]) -> list[str]:
    """The hidden columns that a figure names.

    Args:
        obj: A figure.
        hide: As `email` or `df.email`.
    """
    columns = {name for entry in hide for name in (entry, entry.rpartition(".")[2]) if name}
    if not columns:
        return []
    drawer = next(one for one in (drawn_matplotlib, drawn_plotly, drawn_altair) if one.is_one(obj))
    return hidden_in(drawer.names(obj), columns)


def is_figure(obj: Any) -> bool:
    """Whether something is a figure; its class is asked, not the thing."""
    return drawn_matplotlib.is_one(obj) or drawn_plotly.is_one(obj) or drawn_altair.is_one(obj)


def picture(obj: Any, pixels: int = PIXELS) -> Image:
    """A figure as a PNG. Blocks while it is drawn; the figure stays as it is.

    Args:
        obj: As for `describe_figure`.
        pixels: Of the longer side, at most.

    Raises:
        ChatError: If it cannot be drawn here: plotly and altair draw only with a package of their own.
    """
    figure = drawn_matplotlib.figure_of(obj)
    if figure is not None:
        return _by_matplotlib(figure, pixels)
    if drawn_plotly.is_one(obj):
        return _by_plotly(obj, pixels)
    if drawn_altair.is_one(obj):
        return _by_altair(obj, pixels)
    raise ChatError(Problem("refused", f"A {type(obj).__name__} is no figure.", ("Nothing was sent.",)))


def current_figure() -> Any:
    """The figure of matplotlib's that is open and was current last; None where there is none. None is made."""
    helpers = sys.modules.get("matplotlib._pylab_helpers")
    manager = helpers.Gcf.get_active() if helpers is not None else None
    return manager.canvas.figure if manager is not None else None


def _by_matplotlib(figure: Any, pixels: int) -> Image:
    out = io.BytesIO()
    longer = max(figure.get_size_inches())
    try:
        figure.savefig(out, format="png", dpi=min(figure.dpi, pixels / longer))
    except Exception as error:  # noqa: BLE001 - text that TeX cannot set, an artist of somebody's
        raise _not_drawn(f"The figure cannot be drawn ({type(error).__name__}).") from None
    return Image(out.getvalue(), "figure.png")


def _by_plotly(figure: Any, pixels: int) -> Image:
    if not _there("kaleido") or not hasattr(sys.modules["kaleido"], "calc_fig_sync"):
        raise _not_drawn("plotly draws pictures with `kaleido` 1, which is not installed.", "`%pip install kaleido`")
    if drawn_plotly.reaches_out(figure):
        raise _not_drawn("To draw it, plotly would fetch maps or pictures, and nothing is fetched from the network.")
    width, height = (int(getattr(figure.layout, side) or other) for side, other in (("width", 700), ("height", 450)))
    size = {"width": width, "height": height, "scale": min(1.0, pixels / max(width, height))}
    kaleido: Any = sys.modules["kaleido"]
    # Not `figure.to_image`: the browser it starts would fetch MathJax from the network. Behind a proxy that is not
    # there it fetches nothing at all.
    closed = {"mathjax": False, "proxy_server": "127.0.0.1:9"}
    return _within(lambda: kaleido.calc_fig_sync(figure, opts={"format": "png", **size}, kopts=closed), "plotly")


def _by_altair(chart: Any, pixels: int) -> Image:
    if not _there("vl_convert"):
        raise _not_drawn(
            "altair draws pictures with `vl-convert-python`, which is not installed.",
            "`%pip install vl-convert-python`",
        )
    if drawn_altair.addresses(chart):
        raise _not_drawn("To draw it, altair would open an address or a file that the chart names.")
    altair, converter = sys.modules["altair"], sys.modules["vl_convert"]

    def draw() -> bytes:
        with altair.data_transformers.enable("default", max_rows=ROWS):
            spec = chart.to_dict()
        version = ".".join(altair.SCHEMA_VERSION.lstrip("v").split(".")[:2])
        data: bytes = converter.vegalite_to_png(spec, vl_version=version, allowed_base_urls=[])
        longer = max(int.from_bytes(data[at : at + 4], "big") for at in (16, 20))
        if longer > pixels:
            data = converter.vegalite_to_png(
                spec, vl_version=version, allowed_base_urls=[], scale=(pixels - 1) / longer
            )
        return data

    return _within(draw, "altair")


def _within(draw: Callable[[], bytes], library: str) -> Image:
    """What is drawn by somebody's program, unless that takes too long."""
    made: list[bytes] = []
    ended = patience.within(PATIENCE, lambda: made.append(draw()))
    if made:
        return Image(made[0], "figure.png")
    why = f"it took longer than {PATIENCE:g} s" if ended is False else type(ended).__name__
    raise _not_drawn(f"{library} could not draw the figure ({why}).")


def _there(module: str) -> bool:
    try:
        importlib.import_module(module)
    except ImportError:
        return False
    return True


def _not_drawn(title: str, *ways: str) -> ChatError:
    return ChatError(Problem("refused", title, (*ways, "Its data stand in words; a model that reads can use them.")))
