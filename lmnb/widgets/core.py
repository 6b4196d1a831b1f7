"""What all cells of a kernel share: the front end's code, sent once, and one layout."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import anywidget
import ipywidgets
import traitlets

from lmnb.widgets.routing import honour_subshells

STATIC = Path(__file__).parent.parent / "static"

ASSETS = {"colours": "colours.js", "maths": "maths.js"}
"""What a page may ask for later, by name; most pages never do."""


class Core(anywidget.AnyWidget):
    """The hidden widget that carries the front end's code and style for all cells; it is never displayed."""

    _esm = traitlets.Unicode().tag(sync=True)
    _css = traitlets.Unicode().tag(sync=True)

    def __init__(self) -> None:
        super().__init__(_esm=static("lmnb.js"), _css=static("lmnb.css"), layout=shared_layout())
        honour_subshells(self)
        self.on_msg(_answer)


def _answer(core: Core, message: Any, _buffers: object) -> None:
    match message:
        case {"kind": "want", "asset": str(name)} if name in ASSETS:
            core.send({"kind": "asset", "name": name, "source": static(ASSETS[name])})


def static(name: str) -> str:
    """A file of the built front end."""
    return (STATIC / name).read_text(encoding="utf-8")


_shared: dict[type[ipywidgets.Widget], ipywidgets.Widget] = {}


def _one(kind: type[Any]) -> Any:
    widget = _shared.get(kind)
    if widget is None or widget.comm is None:  # `Widget.close_all()` closes ours as well
        widget = _shared[kind] = kind()
    return widget


def shared_core() -> Core:
    """The kernel's one core, opened where there is none or where somebody closed it. On the main thread."""
    core: Core = _one(Core)
    return core


def shared_layout() -> ipywidgets.Layout:
    """The layout of every widget of ours, 1.2 kB once instead of per cell; no cell closes it. On the main thread."""
    return _one(ipywidgets.Layout)
