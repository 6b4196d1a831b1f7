"""The I/O thread: one asyncio loop per process, on which everything happens that talks to a server."""

from __future__ import annotations

import asyncio
import atexit
import os
import threading
from typing import Any, ClassVar

from lmnb.studio import logs


class _State:
    """Of this process."""

    lock = threading.Lock()
    loop: asyncio.AbstractEventLoop | None = None
    abandoned: ClassVar[list[asyncio.AbstractEventLoop]] = []


FAREWELL = 1.0
"""Seconds that open connections get to close when the process ends."""


def io_loop() -> asyncio.AbstractEventLoop:
    """The loop of the I/O thread. The first call starts the thread (a daemon); a forked child gets its own."""
    with _State.lock:
        if _State.loop is None:
            _State.loop = _start()
        return _State.loop


def on_io_thread() -> bool:
    """Whether the caller is on the I/O thread, where waiting for it would wait for ever."""
    try:
        return asyncio.get_running_loop() is _State.loop
    except RuntimeError:
        return False


def _start() -> asyncio.AbstractEventLoop:
    loop = asyncio.new_event_loop()
    loop.set_exception_handler(_note)
    started = threading.Event()

    def run() -> None:
        logs.divert(threading.get_ident())
        asyncio.set_event_loop(loop)
        loop.call_soon(started.set)
        loop.run_forever()

    threading.Thread(target=run, name="lmnb-io", daemon=True).start()
    started.wait()
    return loop


def _note(_: asyncio.AbstractEventLoop, context: dict[str, Any]) -> None:
    logs.log.error("On the I/O thread: %s", context.get("message"), exc_info=context.get("exception"))


def _after_fork() -> None:
    # The loop's thread does not exist in the child. The loop is kept and never closed: its selector is shared with the
    # parent, and closing it here would deafen the parent's.
    if _State.loop is not None:
        _State.abandoned.append(_State.loop)
    _State.loop, _State.lock = None, threading.Lock()


async def _wind_down() -> None:
    tasks = [task for task in asyncio.all_tasks() if task is not asyncio.current_task()]
    for task in tasks:
        task.cancel()
    if tasks:
        await asyncio.wait(tasks, timeout=FAREWELL)


def _at_exit() -> None:
    loop = _State.loop
    if loop is None or not loop.is_running():
        return
    try:
        asyncio.run_coroutine_threadsafe(_wind_down(), loop).result(FAREWELL + 0.5)
    except Exception:  # noqa: BLE001  the process ends; nobody is left to tell
        return
    # Stopped for good, so that no Python of ours runs while the interpreter is taken apart.
    loop.call_soon_threadsafe(loop.stop)


if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_after_fork)
atexit.register(_at_exit)
