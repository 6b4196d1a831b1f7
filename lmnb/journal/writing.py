"""Telling a journal what happens: before anybody sees it, quickly, and without ever failing the answer."""

from __future__ import annotations

import contextlib
import json
import logging
import os
import sqlite3
import threading
import time
from pathlib import Path
from typing import TYPE_CHECKING, Any

from lmnb.chat import record
from lmnb.chat.events import Connected, Failed, Finished, Fitted, Fragment, Noticed, Stopped
from lmnb.chat.strangers import whole
from lmnb.journal import reading, tables
from lmnb.journal.processes import name_of
from lmnb.journal.tables import DROP, PIECE, TURN

if TYPE_CHECKING:
    from collections.abc import Iterator

    from lmnb.chat.events import Event
    from lmnb.chat.tree import Resumed
    from lmnb.chat.turns import Turn

MEGABYTES = 50
DAYS = 30

AGAIN = 1.0
"""Seconds until a write is tried again after one has failed; until then what is told is kept in memory."""

LAST = 1.0
"""Seconds that the last write of all may wait."""

MOST = 50_000
"""Rows that are kept in memory while the file cannot be written; then the journal is switched off."""

log = logging.getLogger(__name__)


def default_path() -> Path:
    """Where a person's journal is kept when they name no other place."""
    import platformdirs  # noqa: PLC0415 - only where there is a journal

    return platformdirs.user_data_path("lmnb", appauthor=False) / "journal.sqlite"


class Journal:
    """The file, for one process.

    `begin`, `event` and `end` never raise, and cost a fragment some hundredths of a millisecond; they are called on the
    I/O thread, or on any other. What they were told is in the file when they return. Where the file is locked or the
    disk is full it is kept in memory and tried again with what comes next; a file that is not a journal is left alone.
    Both are logged once. The methods that read may be called from any thread and open the file anew.

    Args:
        path: Of the file; it is made, for its owner only, when the first turn begins.
        notebook: The notebook of this kernel, if it is known; may be set later.
        megabytes: What the file may hold; the oldest turns are dropped.
        days: Older turns are dropped when the file is opened.
    """

    def __init__(
        self, path: str | Path, *, notebook: str | None = None, megabytes: float = MEGABYTES, days: float = DAYS
    ) -> None:
        self.path, self.notebook = Path(path), notebook
        self._bytes, self._days = megabytes * 1e6, days
        self._lock = threading.Lock()
        self._file: sqlite3.Connection | None = None
        self._begun: dict[str, str | None] = {}
        self._waiting: list[tuple[str, tuple[Any, ...]]] = []
        self._not_before, self._busy = 0.0, tables.BUSY
        self._off = False

    # ---- telling

    def begin(self, turn: Turn) -> None:
        """Write down that a turn has begun. Done by `event` where it has not been."""
        with self._guarded():
            if turn.id not in self._begun:
                self._begin(turn)

    def event(self, turn: Turn, event: Event) -> None:
        """Write down what has happened to a turn, after it was applied and before anybody sees it."""
        with self._guarded():
            if turn.id not in self._begun:
                self._begin(turn)
            elif isinstance(event, Fragment):
                self._write((PIECE, (whole(turn.id), event.kind, event.tokens, _bytes(event.content))))
            if isinstance(event, (Finished, Stopped, Failed)):
                self._end(turn)
            elif isinstance(event, (Connected, Fitted, Noticed)) or self._begun[turn.id] != turn.model:
                self._note(turn)

    def end(self, turn: Turn) -> None:
        """Write down how a turn is now, as its last word. Done by `event` where the turn has ended."""
        with self._guarded():
            self._end(turn)

    @contextlib.contextmanager
    def _guarded(self) -> Iterator[None]:
        with self._lock:
            try:
                yield
            except Exception:  # ours; whatever it is, the answer goes on
                log.exception("The journal %s could not be told something", self.path)

    def close(self) -> None:
        """Write what could not be written yet, and close the file."""
        with self._lock:
            if self._waiting:
                self._not_before, self._busy = 0.0, LAST
                if self._file is not None:
                    self._file.execute(f"PRAGMA busy_timeout = {LAST * 1_000:.0f}")
                self._write()
                self._busy = tables.BUSY
            self._close()

    def _begin(self, turn: Turn) -> None:
        if not self.path.exists():  # taken away: what is written into the open file is written nowhere
            self._close()
        self._note(turn)
        for part in turn.parts:  # what came before anybody told us
            self._write((PIECE, (whole(turn.id), part.kind, 0, _bytes(part.text))))

    def _note(self, turn: Turn) -> None:
        """The turn without its text, which is in the pieces."""
        self._begun[turn.id] = turn.model
        self._write(self._row(turn, parts=False))

    def _end(self, turn: Turn) -> None:
        self._begun.pop(turn.id, None)
        self._write(self._row(turn, parts=True), (DROP, (whole(turn.id),)))
        if self._file is not None:
            tables.fit(self._file, self._bytes)

    def _row(self, turn: Turn, *, parts: bool) -> tuple[str, tuple[Any, ...]]:
        found = record.write(turn)
        found["turn"].pop("earlier", None)  # each has a row of its own
        if not parts:
            found["turn"].pop("parts", None)
        said = json.dumps(found, ensure_ascii=False)
        ended = (turn.ended or time.time()) if parts else None
        notebook = self.notebook and whole(str(self.notebook))
        return TURN, (whole(turn.id), notebook, name_of(os.getpid()), turn.started, ended, said)

    def _write(self, *rows: tuple[str, tuple[Any, ...]]) -> None:
        """Write some rows, all or none; keep them for later where that fails."""
        if self._off:
            return
        self._waiting += rows
        if time.monotonic() < self._not_before:
            self._give_up_if_full()
            return
        try:
            if self._file is None:
                self._file = tables.opened(self.path, days=self._days, busy=self._busy)
            file = self._file
            if len(self._waiting) == 1:
                file.execute(*self._waiting[0])
            else:
                with tables.transaction(file):
                    for statement, values in self._waiting:
                        file.execute(statement, values)
            self._waiting.clear()
            self._not_before = 0.0
        except sqlite3.OperationalError as error:  # locked, full: may pass
            if not self._not_before:
                log.warning("The journal %s cannot be written now (%s); it is tried again.", self.path, error)
            self._not_before = time.monotonic() + AGAIN
            self._give_up_if_full()
        except (sqlite3.Error, OSError, ValueError, TypeError) as error:
            self._give_up(f"{error}")

    def _give_up_if_full(self) -> None:
        if len(self._waiting) > MOST:
            self._give_up("it could not be written for too long")

    def _give_up(self, why: str) -> None:
        self._off = True
        self._waiting.clear()
        self._close()
        log.warning("The journal %s is not written any more: %s. Answers go on without it.", self.path, why)

    def _close(self) -> None:
        if self._file is not None:
            with contextlib.suppress(sqlite3.Error):
                self._file.close()
            self._file = None

    # ---- reading

    def unfinished(self, notebook: str | None = None) -> list[Turn]:
        """The turns whose kernels died while they ran, with all that was told of them, in the order they began.

        Args:
            notebook: Only those of this notebook; None: of all.

        Raises:
            JournalError: If the file cannot be read.
        """
        return [turn for _, turn, dead in reading.turns(self.path, notebook) if dead]

    def conversations(self, notebook: str | None = None) -> list[Resumed]:
        """The conversations that the journal holds, as `lmnb.chat.resume` gives those of a notebook.

        Those of one notebook come together, the newest first in each. Turns that run now are not among them.

        Args:
            notebook: Only those of this notebook; None: of all.

        Raises:
            JournalError: If the file cannot be read.
        """
        return reading.conversations(self.path, notebook)


def _bytes(text: str) -> bytes:
    # Halves of a character may come apart between two fragments; they are joined when they are read.
    return text.encode("utf-8", "surrogatepass")
