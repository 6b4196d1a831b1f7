"""What a journal holds: turns whose kernels died, and conversations."""

from __future__ import annotations

import contextlib
import dataclasses
import json
import logging
import sqlite3
from collections import defaultdict
from typing import TYPE_CHECKING

from lmnb.chat import record
from lmnb.chat.record import TranscriptError
from lmnb.chat.tree import Found, Resumed, arrange
from lmnb.chat.turns import Part
from lmnb.journal.processes import alive
from lmnb.journal.tables import PIECES_OF

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from lmnb.chat.turns import PartKind, Turn

log = logging.getLogger(__name__)


class JournalError(Exception):
    """The journal cannot be read; a sentence."""


def turns(path: Path, notebook: str | None) -> Iterator[tuple[str | None, Turn, bool]]:
    """Notebook, turn, and whether its process died with it, in the order they began; what runs now is left out.

    Raises:
        JournalError: If the file cannot be read.
    """
    only = "" if notebook is None else " WHERE notebook = ?"
    values = () if notebook is None else (notebook,)
    try:
        if not path.exists():
            return
        with contextlib.closing(sqlite3.connect(path, timeout=2)) as file:
            asked = f"SELECT id, notebook, process, ended, record FROM turns{only} ORDER BY number"  # noqa: S608
            rows = file.execute(asked, values).fetchall()
            dead = {name for name, _, process, ended, _ in rows if ended is None and not alive(process)}
            pieces = {name: file.execute(PIECES_OF, (name,)).fetchall() for name in dead}
    except (sqlite3.Error, OSError, ValueError) as error:
        raise JournalError(f"The journal `{path}` cannot be read: {error}.") from None
    for name, where, _, ended, saved in rows:
        if ended is None and name not in dead:
            continue
        try:
            turn = record.read({"lmnb": json.loads(saved)})
            if name in dead:
                _put_together(turn, pieces[name])
        except (TranscriptError, ValueError, TypeError, AttributeError, RecursionError) as error:
            log.warning("A turn in the journal %s cannot be read: %s", path, error)
            continue
        yield where, turn, name in dead


def _put_together(turn: Turn, pieces: list[tuple[PartKind, int, bytes]]) -> None:
    turn.status, turn.ended, turn.tokens = "kernelDied", turn.started, 0
    for kind, tokens, text in pieces:
        if not turn.parts or turn.parts[-1].kind != kind:
            turn.parts.append(Part("reasoning" if kind == "reasoning" else "text"))
        turn.parts[-1].append(text.decode("utf-8", "surrogatepass"))
        turn.tokens += int(tokens)


def conversations(path: Path, notebook: str | None) -> list[Resumed]:
    """The conversations of a notebook, or of all; raises as `turns`."""
    found: dict[str | None, list[Found]] = defaultdict(list)
    newest: dict[tuple[str | None, str | None], str] = {}
    for where, turn, dead in turns(path, notebook):
        if turn.alone:
            continue
        place = f"Turn {len(found[where]) + 1}"
        note = f"{place}: The kernel died before the answer had ended; what had come of it is there."
        found[where].append(Found(turn, place, notes=(note,) if dead else ()))
        newest[where, turn.cell] = turn.id
    resumed: list[Resumed] = []
    for where, kept in found.items():
        # As in a notebook: a cell shows what it asked last.
        shown = [one.turn.cell is None or newest[where, one.turn.cell] == one.turn.id for one in kept]
        resumed += arrange(dataclasses.replace(one, current=now) for one, now in zip(kept, shown, strict=True))
    return resumed
