"""The widget of one cell: a stub that mounts the core's view, and a state that is computed when it is asked for."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import anywidget
import traitlets

from lmnb.widgets.core import shared_core, shared_layout, static
from lmnb.widgets.routing import honour_subshells

if TYPE_CHECKING:
    from collections.abc import Callable

NOT_SENT = frozenset({"_anywidget_id", "_dom_classes", "_view_count", "tabbable", "tooltip"})
"""What the front end sets by itself to what we would send, and the name of a style sheet that only the core has."""


class Cell(anywidget.AnyWidget):
    """The model that a page follows.

    Its state has, besides `core`, what `now` answers at that moment: `text`, `reasoning`, `seq`, `state`, `attached`
    and, where answers stand side by side, `others`. They are no traits: nothing is sent when they change, and a page
    cannot write them.

    Args:
        now: Returns these values; called on any thread.
    """

    _esm = traitlets.Unicode().tag(sync=True)
    core = traitlets.Unicode().tag(sync=True)

    def __init__(self, now: Callable[[], dict[str, Any]]) -> None:
        self._now = now
        core = f"anywidget:{shared_core().model_id}"
        super().__init__(_esm=static("stub.js"), core=core, layout=shared_layout())
        honour_subshells(self)

    def get_state(self, key: Any = None, drop_defaults: bool = False) -> dict[str, Any]:
        """The state as a page, a saved notebook or `open` asks for it; always the newest."""
        state: dict[str, Any] = super().get_state(key, drop_defaults)
        if key is not None:
            return state
        now = {name: value for name, value in self._now().items() if value or name == "text"}
        return {name: value for name, value in state.items() if name not in NOT_SENT} | now

    def __repr__(self) -> str:
        return "<the live view of an answer>"
