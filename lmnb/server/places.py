"""Where lmnb keeps things on this computer: models, the note of the running server, its log."""

from __future__ import annotations

import errno
import sys
import time
from contextlib import contextmanager
from typing import IO, TYPE_CHECKING

import platformdirs

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path


def models_folder() -> Path:
    """Where fetched models are kept."""
    return platformdirs.user_cache_path("lmnb") / "models"


def downloads_folder() -> Path:
    """Where what is being fetched is kept until it is whole."""
    return platformdirs.user_cache_path("lmnb") / "downloads"


def listing_file() -> Path:
    """What was read in model files, so that it need not be read again."""
    return platformdirs.user_cache_path("lmnb") / "listing.json"


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
def locked(file: Path | None = None, *, waiting: Callable[[], None] = lambda: None) -> Iterator[None]:
    """Only one process of this user at a time; the others wait. The system lets go when a process dies.

    Args:
        file: What is locked, made if it is not there; without it, the one lock around the shared server.
        waiting: Called about twenty times a second while another process has it.
    """
    with (file or _runtime() / "server.lock").open("a+b") as held:
        while not _taken(held):
            waiting()
            time.sleep(0.05)
        yield


def _taken(file: IO[bytes]) -> bool:
    """Whether the lock is ours now. Asked again and again: on Windows the system's own waiting ends after 10 s."""
    try:
        if sys.platform == "win32":
            import msvcrt  # noqa: PLC0415

            file.seek(0)
            msvcrt.locking(file.fileno(), msvcrt.LK_NBLCK, 1)
        else:
            import fcntl  # noqa: PLC0415

            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError as error:
        if error.errno not in {errno.EACCES, errno.EAGAIN, errno.EDEADLK}:
            raise
        return False
    return True
