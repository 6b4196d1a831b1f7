"""A stranger's code is asked on a thread of its own, and given up when it takes too long.

`__repr__`, `__len__` and `__getattr__` of somebody's class may do anything: raise, wait for a network, never return.
The cell must not wait for them. A thread cannot be ended from outside; one that runs Python is asked to (an exception
is put into it), one that waits in C code is left alone and holds up nothing, not even the end of the process.
"""

from __future__ import annotations

import contextvars
import ctypes
import threading
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable


class GivenUp(SystemExit):
    """Raised in a thread for which nobody waits any more; threads end at a SystemExit without a word."""


def within(seconds: float, work: Callable[[], None]) -> BaseException | bool:
    """Do work on another thread and wait for it.

    Args:
        seconds: How long to wait. An interrupt (Ctrl-C) ends the waiting as well.
        work: What to do; what it has found it puts somewhere itself, so that half of it is not lost.

    Returns:
        True where it came to its end, False where it did not within the time, or what it raised.
    """
    raised: list[BaseException] = []

    def run() -> None:
        try:
            work()
        except BaseException as error:  # noqa: BLE001 - a stranger's `__repr__` may raise SystemExit
            raised.append(error)

    context = contextvars.copy_context()
    thread = threading.Thread(target=context.run, args=(run,), name="lmnb-describe", daemon=True)
    thread.start()
    try:
        thread.join(max(seconds, 0.001))
    finally:
        if thread.is_alive():
            give_up(thread)
    return raised[0] if raised else not thread.is_alive()


def give_up(thread: threading.Thread) -> None:
    """Ask a thread to end; one that runs Python code does so within milliseconds."""
    if thread.ident is not None:
        ctypes.pythonapi.PyThreadState_SetAsyncExc(ctypes.c_ulong(thread.ident), ctypes.py_object(GivenUp))
