"""Where lmnb keeps things on this computer: models, the note of the running server, its log."""

from __future__ import annotations

import errno
import hashlib
import os
import sys
import time
import warnings
from contextlib import contextmanager
from pathlib import Path
from typing import IO, TYPE_CHECKING

import platformdirs

from lmnb._version import __version__

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator


CODE = Path(__file__).parent
"""The server's own."""


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
    """Where it is written which server is shared: by those who have the same lmnb. One of other code would not do."""
    return _runtime() / f"server-{_edition()}.json"


def _edition() -> str:
    """A name for the code of this server: where it lies, which version it is, and when it was last changed."""
    changed = max(file.stat().st_mtime_ns for file in CODE.rglob("*.py"))
    return hashlib.sha256(f"{CODE}\0{__version__}\0{changed}".encode()).hexdigest()[:12]


def _runtime() -> Path:
    # Containers often name a runtime folder that is not there and cannot be made. Without one platformdirs warns, which
    # would be read below the first answer, and takes one in /tmp, where others may have been first.
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        runtime = platformdirs.user_runtime_path("lmnb")
    for folder in (runtime, platformdirs.user_cache_path("lmnb")):
        try:
            folder.mkdir(parents=True, exist_ok=True, mode=0o700)
            if _private(folder):
                return folder
        except OSError:
            continue
    raise OSError(f"Neither {runtime} nor the cache folder can be written by you alone.")


def _private(folder: Path) -> bool:
    """Whether nobody else can put a note there that would send this user's questions to a server of theirs."""
    if sys.platform == "win32":  # the folders of a user are the user's
        return True
    found = folder.stat()
    return found.st_uid == os.getuid() and not found.st_mode & 0o022


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
