"""Whether the process that wrote something still runs."""

from __future__ import annotations

import functools
import importlib
import os
from typing import Any


@functools.cache
def name_of(pid: int) -> str:
    """A name for a process that no later one has: its number, and when it began where somebody can say it."""
    return f"{pid} {_began(pid) or ''}".strip()


def alive(name: Any) -> bool:
    """Whether the process of this name runs. Untrusted: what is no name is no process."""
    try:
        pid, _, began = str(name).partition(" ")
        now = _began(int(pid))
        return now is not None and (not now or not began or abs(now - float(began)) < 5)
    except (ValueError, OverflowError):
        return False


def _began(pid: int) -> float | None:
    """When a process began, in seconds since the epoch; 0 where that cannot be told, None where it does not run."""
    try:
        psutil = importlib.import_module("psutil")  # ipykernel brings it
    except ImportError:
        return 0.0 if pid == os.getpid() or _answers(pid) else None
    try:
        process = psutil.Process(pid)
        # One that has ended and that its parent has not looked after yet runs no more.
        return None if process.status() == psutil.STATUS_ZOMBIE else float(process.create_time())
    except psutil.AccessDenied:
        return 0.0
    except psutil.Error:
        return None


def _answers(pid: int) -> bool:
    if os.name != "posix":  # there, a signal ends a process, whichever it is
        return False
    try:
        os.kill(pid, 0)
    except PermissionError:
        return True
    except OSError:
        return False
    return True
