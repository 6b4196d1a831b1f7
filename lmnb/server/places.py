"""Where lmnb keeps things on this computer: models, the note of the running server, its log."""

from __future__ import annotations

import sys
from contextlib import contextmanager
from typing import TYPE_CHECKING

import platformdirs

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path


def models_folder() -> Path:
    """Where fetched models are kept."""
    return platformdirs.user_cache_path("lmnb") / "models"


def log_file() -> Path:
    """The log of the shared server."""
    folder = platformdirs.user_log_path("lmnb")
    folder.mkdir(parents=True, exist_ok=True)
    return folder / "server.log"


def note_file() -> Path:
    """Where it is written which server is shared."""
    return _runtime() / "server.json"


def _runtime() -> Path:
    # Containers often name a runtime folder that is not there and cannot be made.
    for folder in (platformdirs.user_runtime_path("lmnb"), platformdirs.user_cache_path("lmnb")):
        try:
            folder.mkdir(parents=True, exist_ok=True, mode=0o700)
        except OSError:
            continue
        return folder
    raise OSError(f"Neither {platformdirs.user_runtime_path('lmnb')} nor the cache folder can be written.")


@contextmanager
def locked() -> Iterator[None]:
    """Only one process of this user at a time; the others wait. The system lets go when a process dies."""
    with (_runtime() / "server.lock").open("a+b") as file:
        if sys.platform == "win32":
            import msvcrt  # noqa: PLC0415

            file.seek(0)
            msvcrt.locking(file.fileno(), msvcrt.LK_LOCK, 1)
        else:
            import fcntl  # noqa: PLC0415

            fcntl.flock(file, fcntl.LOCK_EX)
        yield
