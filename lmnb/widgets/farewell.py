"""What the views say when the kernel ends before their turns do."""

from __future__ import annotations

import atexit
import contextlib
import dataclasses
import functools
import time
import weakref
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from lmnb.chat.turns import Turn
    from lmnb.widgets.view import LiveView

_views: weakref.WeakSet[LiveView] = weakref.WeakSet()


def expect(view: LiveView) -> None:
    """Let a view say its last words when the kernel shuts down; it is forgotten when it is freed."""
    _register()
    _views.add(view)


@functools.cache
def _register() -> None:
    atexit.register(_say_goodbye)


def cut_short(turn: Turn) -> Turn:
    """The turn as it is when nobody is left to go on with it; one that has ended stays as it is."""
    return dataclasses.replace(turn, status="kernelDied", progress=None, ended=time.time()) if turn.running else turn


def _say_goodbye() -> None:
    for view in list(_views):
        with contextlib.suppress(Exception):  # the kernel's sockets may be gone, and nobody is left to be told
            view.detach()
