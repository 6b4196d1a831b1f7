"""The studio's log: a small file of the user's, so that what the SDK says of itself does not end up in cells."""

from __future__ import annotations

import logging
import logging.handlers
import sys
from functools import cache
from typing import TYPE_CHECKING

from platformdirs import user_log_path

if TYPE_CHECKING:
    from pathlib import Path

log = logging.getLogger("lmnb.studio")

_OTHERS = ("asyncio", "httpx", "httpcore", "httpcore.connection", "httpcore.http11", "anyio", "wsproto")
"""Libraries under the SDK that write to logs of their own."""

LATE = "Received unhandled message"
"""Said of every fragment that comes after the server was stopped or given up."""

LONGEST = 240
"""Characters of a line in the log."""

_SDK_MODULES = ("lmstudio.async_api", "lmstudio.json_api", "lmstudio._ws_impl")

_threads: set[int] = set()


def where() -> Path:
    """The log file."""
    return user_log_path("lmnb", appauthor=False) / "studio.log"


class _Quiet(logging.handlers.RotatingFileHandler):
    def handleError(self, record: logging.LogRecord) -> None:  # noqa: N802
        """Nothing: a full disk must not print into cells."""


@cache
def _handler() -> logging.Handler:
    try:
        where().parent.mkdir(parents=True, exist_ok=True)
        handler: logging.Handler = _Quiet(where(), maxBytes=500_000, backupCount=1, delay=True, encoding="utf-8")
    except OSError:  # a home that cannot be written to is no reason not to chat
        handler = logging.NullHandler()
    handler.setFormatter(_Short("%(asctime)s %(process)d %(name)s %(levelname)s %(message)s"))
    return handler


class _Divert(logging.Filter):
    """Takes what was logged on our threads out of the person's logs and into our file.

    The SDK names its loggers after classes, and the person's own use of the SDK shares them: what is logged on other
    threads is none of our business.
    """

    def filter(self, record: logging.LogRecord) -> bool:
        if record.thread not in _threads:
            return True
        if record.levelno >= logging.WARNING and LATE not in record.getMessage():
            _handler().handle(record)
        return False


class _Short(logging.Formatter):
    """One short line and perhaps a traceback: the SDK puts whole messages, and so conversations, into its words."""

    def formatMessage(self, record: logging.LogRecord) -> str:  # noqa: N802
        record.message = record.message[:LONGEST]
        return super().formatMessage(record)


_divert = _Divert()


def divert(thread: int) -> None:
    """Send what our own logger says, and what libraries say on this thread, to the file."""
    _threads.add(thread)
    for name in _OTHERS:
        logging.getLogger(name).addFilter(_divert)
    if _handler() not in log.handlers:
        log.addHandler(_handler())
        log.propagate = False
    divert_sdk()


def divert_sdk() -> None:
    """The same for the SDK's loggers, once it is imported: it names them after its classes."""
    for module in filter(None, map(sys.modules.get, _SDK_MODULES)):
        for name, thing in list(vars(module).items()):
            if isinstance(thing, type) and thing.__module__.partition(".")[0] == "lmstudio":
                logging.getLogger(name).addFilter(_divert)
