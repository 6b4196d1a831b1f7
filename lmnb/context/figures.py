"""A figure for a model: in words and numbers for one that reads, as a picture for one that sees."""

from __future__ import annotations

import importlib
import io
import sys
from typing import TYPE_CHECKING, Any

from lmnb.chat.attached import Image
from lmnb.chat.problems import ChatError, Problem
from lmnb.context import drawn_altair, drawn_matplotlib, drawn_plotly
from lmnb.context.drawn import Detail

if TYPE_CHECKING:
    from collections.abc import Callable

PIXELS = 1_024
"""Of the longer side of a picture: more costs a model time and shows it nothing."""

DRAWERS: tuple[Callable[[Any, Detail], str | None], ...] = (
    drawn_matplotlib.described,
    drawn_plotly.described,
    drawn_altair.described,
)


def describe_figure(obj: Any, *, values: bool = True, mask: bool = True) -> str | None:
    """What a figure shows, in lines: axes, labels, scales, marks, legend, some of the points.

    Args:
        obj: A figure or axes of matplotlib (seaborn's grids as well), a plotly figure, an altair chart.
        values: Whether values are told: ranges, points, categories.
        mask: Whether obvious secrets in labels are masked.

    Returns:
        None for anything else. Labels are a stranger's text: quoted, on their own line.
    """
    detail = Detail(values=values, mask=mask)
    return next((text for described in DRAWERS if (text := described(obj, detail)) is not None), None)


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
        return _by_altair(obj)
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
    if not _there("kaleido"):
        raise _not_drawn("plotly draws pictures with `kaleido`, which is not installed.", "`%pip install kaleido`")
    width, height = (int(getattr(figure.layout, side) or other) for side, other in (("width", 700), ("height", 450)))
    try:
        data = figure.to_image(format="png", scale=min(1.0, pixels / max(width, height)), width=width, height=height)
    except Exception as error:  # noqa: BLE001 - kaleido starts a browser, which may not be there
        raise _not_drawn(f"plotly could not draw the figure ({type(error).__name__}).") from None
    return Image(data, "figure.png")


def _by_altair(chart: Any) -> Image:
    if not _there("vl_convert"):
        raise _not_drawn(
            "altair draws pictures with `vl-convert-python`, which is not installed.",
            "`%pip install vl-convert-python`",
        )
    out = io.BytesIO()
    try:
        chart.save(out, format="png")
    except Exception as error:  # noqa: BLE001 - a chart whose specification is not valid
        raise _not_drawn(f"altair could not draw the chart ({type(error).__name__}).") from None
    return Image(out.getvalue(), "figure.png")


def _there(module: str) -> bool:
    try:
        importlib.import_module(module)
    except ImportError:
        return False
    return True


def _not_drawn(title: str, *ways: str) -> ChatError:
    return ChatError(Problem("refused", title, (*ways, "Its data stand in words; a model that reads can use them.")))
