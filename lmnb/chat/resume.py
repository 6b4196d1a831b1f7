"""Conversations found again: in the saved outputs of a notebook, in an exported file."""

from __future__ import annotations

import contextlib
import errno
import json
from collections import defaultdict
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from lmnb.chat import record
from lmnb.chat.lines import BRANCHES
from lmnb.chat.record import TranscriptError
from lmnb.chat.tree import Found, Resumed, arrange

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from lmnb.chat.turns import Turn

__all__ = ["Resumed", "load_file", "notebook_path", "read_file", "read_notebook"]

LARGEST = 200_000_000
"""Bytes of a file that is read."""


def read_notebook(notebook: Mapping[str, Any], *, most: int = BRANCHES) -> list[Resumed]:
    """The conversations that a notebook's outputs hold, the newest first.

    A turn is what was saved, and belongs to the cell in which it was found. Nothing of it is executed or fetched. What
    was asked alone belongs to no conversation, and is left where it stands.
    What cannot be taken as it is, is said in the notes: outputs that were edited or are of a newer lmnb, answers that
    had not ended or had failed, copies, turns whose predecessor is gone. Notes that belong to no conversation stand in
    the first one; where nothing at all could be read, in one without turns.

    Args:
        notebook: As its file holds it. Untrusted.
        most: How many branches are kept of each.
    """
    notes: list[str] = []
    copies: dict[str, list[_Seen]] = defaultdict(list)
    for one in _outputs(notebook, notes):
        copies[one.found.turn.id].append(one)
    chosen = sorted((_one_of(seen, notes) for seen in copies.values()), key=lambda one: one.number)
    return arrange([one.found for one in chosen], notes, most=most)


@dataclass(frozen=True)
class _Seen:
    """A turn in an output, with the number of its cell from the top, and whether it was asked there."""

    found: Found
    number: int
    at_home: bool


def _outputs(notebook: Mapping[str, Any], notes: list[str]) -> Iterator[_Seen]:
    cells = notebook.get("cells")
    for number, cell in enumerate(cells if isinstance(cells, list) else [], 1):
        outputs = cell.get("outputs") if isinstance(cell, dict) else None
        for output in outputs if isinstance(outputs, list) else []:
            metadata = output.get("metadata") if isinstance(output, dict) else None
            if not isinstance(metadata, dict) or "lmnb" not in metadata:
                continue
            for at, one in enumerate(_records(metadata["lmnb"])):
                found = _found(one, f"Cell {number}", notes, current=at == 0)
                if found is not None and not found.turn.alone:
                    home = found.turn.cell
                    _move(found.turn, cell.get("id"))
                    yield _Seen(found, number, home == found.turn.cell)


def _records(saved: Any) -> list[dict[str, Any]]:
    """The turns of one output, each as metadata of its own: the answer, and those of other models beside it."""
    beside = saved.get("beside") if isinstance(saved, dict) else None
    others = beside if isinstance(beside, list) else []
    return [{"lmnb": saved}, *({"lmnb": {"v": saved.get("v"), "turn": one}} for one in others)]


def _found(metadata: dict[str, Any], place: str, notes: list[str], *, current: bool = True) -> Found | None:
    try:
        turn = record.read(metadata)
    except TranscriptError as error:
        notes.append(f"{place}: {error} It is left out.")
        return None
    saved = metadata["lmnb"]["turn"]
    said = _ended(turn)
    if saved.get("truncated") is True:
        said.append("It was too long to be saved whole; what was saved is there.")
    return Found(turn, place, "after" in saved, current, tuple(f"{place}: {note}" for note in said))


def _ended(turn: Turn) -> list[str]:
    """Nobody goes on with a turn that was saved while it ran, and of one that failed nothing is heard."""
    kept = "what had come of it is kept" if turn.text.strip() else "the model does not hear of it"
    said = []
    if turn.running:
        turn.status = "kernelDied"
        said.append(f"The answer had not ended when it was saved; {kept}.")
    elif turn.problem is not None:
        said.append(f"The answer had failed; {kept}.")
    if turn.ended is None:
        turn.ended = turn.started
    return said


def _move(turn: Turn, cell: Any) -> None:
    """Let a turn and what was before it belong to the cell in which it was found."""
    if isinstance(cell, str):
        for one in (turn, *turn.earlier):
            one.cell = cell


def _one_of(copies: list[_Seen], notes: list[str]) -> _Seen:
    """The one among the copies of a turn that stands where it was asked; the first, where none does."""
    chosen = next((one for one in copies if one.at_home), copies[0])
    notes += [
        f"Cell {one.number}: It holds a copy of the answer of cell {chosen.number}, which counts once."
        for one in copies
        if one is not chosen
    ]
    return chosen


def read_file(saved: Any) -> list[Resumed]:
    """The conversations of an exported `.json`, as `read_notebook` gives those of a notebook.

    Args:
        saved: What the file holds. Untrusted.
    """
    ours = saved.get("lmnb") if isinstance(saved, dict) else None
    if not isinstance(ours, dict) or not isinstance(ours.get("turns"), list):
        return []
    notes: list[str] = []
    known: dict[str, Found] = {}
    for number, one in enumerate(ours["turns"], 1):
        found = _found({"lmnb": {"v": ours.get("v"), "turn": one}}, f"Turn {number}", notes)
        if found is not None and found.turn.id in known:
            notes.append(f"Turn {number}: It is there twice, and counts once.")
        elif found is not None:
            known[found.turn.id] = found
    last = ours.get("last")
    return arrange(known.values(), notes, last=[last] if isinstance(last, str) else [])


def load_file(path: str | Path) -> tuple[list[Resumed], str]:
    """The conversations in a notebook or in an exported `.json`, and a sentence where there are none.

    Blocks while the file is read: 200 turns take some milliseconds.

    Args:
        path: Of the file, at most 200 MB.

    Returns:
        The conversations, the newest first, and "". Where the file cannot be read or holds none: an empty list, and
        why. It never raises for what a file holds.
    """
    path = Path(path)
    try:
        _file(path)
        if (size := path.stat().st_size) > LARGEST:
            return [], f"`{path.name}` has {size // 1_000_000:,} MB; at most {LARGEST // 1_000_000} are read."
        saved = json.loads(path.read_bytes())
    except OSError as error:
        return [], f"`{path.name}` cannot be read: {error.strerror or error}."
    except (ValueError, RecursionError):
        return [], f"`{path.name}` is no notebook: it does not hold JSON."
    if not isinstance(saved, dict):
        return [], f"`{path.name}` is neither a notebook nor a conversation that was exported as JSON."
    found = read_notebook(saved) if "cells" in saved else read_file(saved)
    if any(one.line for one in found):
        return found, ""
    notes = " ".join(note for one in found for note in one.notes)
    return [], f"`{path.name}` holds no answers of lmnb's. {notes}".strip()


def _file(path: Path) -> None:
    """Reading a pipe or a device may never end."""
    if path.exists() and not path.is_file():
        raise OSError(errno.EINVAL, "it is no file")


def notebook_path(environ: Mapping[str, str], user_ns: Mapping[str, Any]) -> Path | None:
    """The file of the notebook that this kernel runs for, where a front end has said it and the file is there.

    Jupyter's server puts the whole path into `JPY_SESSION_NAME` when it starts a kernel, or, for a front end that gives
    the session no name, the path below its own folder; a kernel runs in the folder of its notebook. A file that was
    renamed since is not found. VS Code says it in the namespace, papermill as a parameter where it is asked to.

    Args:
        environ: Of the kernel's process.
        user_ns: The namespace of its cells.
    """
    session = environ.get("JPY_SESSION_NAME", "").removeprefix("RTC:")
    absolute = session if Path(session).is_absolute() else Path(session).name
    for said in (user_ns.get("__vsc_ipynb_file__"), absolute, user_ns.get("PAPERMILL_OUTPUT_PATH")):
        if isinstance(said, str) and said.endswith(".ipynb"):
            with contextlib.suppress(OSError, ValueError):  # a name that no file can have
                if (path := Path(said)).is_file():
                    return path.resolve()
    return None
