"""Where the messages of a page go in the kernel."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import ipywidgets


def honour_subshells(widget: ipywidgets.Widget) -> None:
    """Let a page's messages to this widget arrive where the page sent them, also while a cell blocks the main shell.

    ipykernel 7.4 sends the answer to a comm to the shell that published on it last (ipykernel#1565): for a widget of a
    blocking cell that is the shell that is blocked, so Stop would be heard when there is nothing left to stop. Other
    versions are left as they are.
    """
    comm = widget.comm
    if hasattr(comm, "_reply_subshell_for"):
        comm._reply_subshell_for = lambda _data, subshell: subshell
