"""The file of a journal: its tables, what is written into them, and how it stays small."""

from __future__ import annotations

import contextlib
import os
import sqlite3
import time
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

VERSION = 1
"""Of the tables; a newer one is left alone."""

BUSY = 0.02
"""Seconds that a write waits for another kernel's: it stands between a fragment and its reader."""

TABLES = """
CREATE TABLE IF NOT EXISTS turns (
    number INTEGER PRIMARY KEY, id TEXT UNIQUE, notebook TEXT, process TEXT, started REAL, ended REAL, record TEXT);
CREATE TABLE IF NOT EXISTS pieces (number INTEGER PRIMARY KEY, turn TEXT, kind TEXT, tokens INTEGER, text BLOB);
"""

TURN = """
INSERT INTO turns (id, notebook, process, started, ended, record) VALUES (?, ?, ?, ?, ?, ?)
ON CONFLICT (id) DO UPDATE SET ended = excluded.ended, record = excluded.record
"""
PIECE = "INSERT INTO pieces (turn, kind, tokens, text) VALUES (?, ?, ?, ?)"
DROP = "DELETE FROM pieces WHERE turn = ?"


PIECES_OF = "SELECT kind, tokens, text FROM pieces WHERE turn = ? ORDER BY number"

ORPHANS = "DELETE FROM pieces WHERE turn NOT IN (SELECT id FROM turns)"


def opened(path: Path, *, days: float, busy: float = BUSY) -> sqlite3.Connection:
    """The file, made where there is none, for its owner only; turns older than so many days are dropped.

    Args:
        path: Its folder is made as well.
        days: See above.
        busy: Seconds that a write waits for another one.

    Raises:
        ValueError: If it is of a newer lmnb, or another program's.
        sqlite3.OperationalError: If it is locked, or the disk is full.
        sqlite3.DatabaseError: If it is no journal.
        OSError: If it cannot be made.
    """
    path.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
    # Made before SQLite opens it: its companions (-wal, -shm) take over who may read it.
    os.close(os.open(path, os.O_RDWR | os.O_CREAT, 0o600))
    if os.name == "posix":
        path.chmod(0o600)
    file = sqlite3.connect(path, timeout=busy, isolation_level=None, check_same_thread=False)
    try:
        _prepare(file, days)
    except BaseException:
        file.close()
        raise
    return file


def _prepare(file: sqlite3.Connection, days: float) -> None:
    file.execute("BEGIN")  # both at one moment: another kernel may be making the tables
    found = file.execute("PRAGMA user_version").fetchone()[0]
    filled = file.execute("SELECT count(*) FROM sqlite_master").fetchone()[0]
    file.execute("COMMIT")
    if found > VERSION:
        raise ValueError(f"it is of a newer lmnb (format {found})")
    if filled and not found:
        raise ValueError("it is another program's")
    file.execute("PRAGMA auto_vacuum = INCREMENTAL")
    file.execute("PRAGMA journal_mode = WAL")
    file.execute("PRAGMA synchronous = OFF")
    with transaction(file):
        for statement in TABLES.split(";"):
            file.execute(statement)
        file.execute("DELETE FROM turns WHERE started < ?", (time.time() - days * 86_400,))
        file.execute(ORPHANS)
        file.execute(f"PRAGMA user_version = {VERSION}")


def fit(file: sqlite3.Connection, most: float) -> None:
    """Drop the oldest turns while the file holds more bytes than it may; never the newest."""
    with contextlib.suppress(sqlite3.Error):  # another kernel is at it, or the next turn tries again
        while _used(file) > most:
            with transaction(file):
                count = file.execute("SELECT count(*) FROM turns").fetchone()[0]
                if count < 2:
                    return
                oldest = "SELECT number FROM turns ORDER BY number LIMIT ?"
                file.execute(f"DELETE FROM turns WHERE number IN ({oldest})", (max(1, count // 10),))  # noqa: S608
                file.execute(ORPHANS)
            file.execute("PRAGMA incremental_vacuum").fetchall()


def _used(file: sqlite3.Connection) -> int:
    names = ("page_count", "freelist_count", "page_size")
    pages, free, size = (int(file.execute(f"PRAGMA {name}").fetchone()[0]) for name in names)
    return (pages - free) * size


@contextlib.contextmanager
def transaction(file: sqlite3.Connection) -> Iterator[None]:
    """All or nothing."""
    file.execute("BEGIN IMMEDIATE")
    try:
        yield
        file.execute("COMMIT")
    except BaseException:
        with contextlib.suppress(sqlite3.Error):
            file.execute("ROLLBACK")
        raise
