"""`{name}` in a prompt: what stands for it where the name exists. Every other brace is left as it was typed."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import TYPE_CHECKING

from lmnb.chat.attached import fenced
from lmnb.context import cells, worded
from lmnb.notebook import paths
from lmnb.notebook.paths import NoSuchThingError

if TYPE_CHECKING:
    from collections.abc import Iterator

    from lmnb.notebook.around import Around
    from lmnb.notebook.paths import Path
    from lmnb.notebook.verbatim import Verbatim

BRACE = re.compile(r"\{(?=[^\W\d])")
CELL = re.compile(r"(In|Out|Err)\[(-?\d{1,9})\]")

# What stands before an argument in LaTeX: a command, another argument, a power, the index of one letter.
_LATEX = re.compile(r"(?:\\[A-Za-z]+\*?|\\[A-Za-z]+\*?(?:\{[^{}]*\}|\[[^\[\]]*\])+|\^|(?<!\w)[A-Za-z]_)\Z")
_NEAR = 80


@dataclass(frozen=True)
class Edit:
    """A stretch of the prompt and what the model reads in its place."""

    start: int
    end: int
    text: str


def edits(text: str, verbatim: Verbatim, around: Around) -> Iterator[Edit]:
    """What is filled in, in order. What a name leads to is looked up once, whatever it may do."""
    known: dict[str, _Said | None] = {}
    for found in BRACE.finditer(text):
        start = found.start()
        if start in verbatim or _left_alone(text, start):
            continue
        path = paths.read(text, start + 1)
        end = start + 1 + len(path.text) if path else 0
        if path is None or text[end : end + 1] != "}" or text[end + 1 : end + 2] == "}":
            continue
        if path.text not in known:
            known[path.text] = _said(path, around)
        said = known[path.text]
        if said is not None:
            yield Edit(start, end + 1, _in_place(said, text[start - 1 : start], text[end + 1 : end + 2]))
            if said.block:
                known[path.text] = _Said(f"`{path.text}`")  # lines of data are put in place once


def _left_alone(text: str, start: int) -> bool:
    before = text[max(0, start - _NEAR) : start]
    return before[-1:] in ("{", "$", "\\") or _LATEX.search(before) is not None


@dataclass(frozen=True)
class _Said:
    text: str
    block: bool = False


def _in_place(said: _Said, before: str, behind: str) -> str:
    """A block begins and ends on lines of its own."""
    if not said.block:
        return said.text
    lead = "" if not before or before.endswith("\n") else "\n"
    tail = "" if not behind or behind.startswith("\n") else "\n"
    return f"{lead}{fenced(said.text)}{tail}"


def _said(path: Path, around: Around) -> _Said | None:
    if path.root in ("In", "Out", "Err"):
        found = CELL.fullmatch(path.text)
        return _cell(found, around) if found else None
    return _told(path, around) if around.known(path.root) else None


def _told(path: Path, around: Around) -> _Said | None:
    if (secret := around.hidden(path.root, path.words)) is not None:
        around.notice(f"`{{{path.text}}}` stays as it is typed: `{secret}` is hidden.")
        return None
    try:
        value = paths.follow(path, around.names)
    except NoSuchThingError as error:
        around.notice(f"`{{{path.text}}}` stays as it is typed: {error}.")
        return None
    if path.steps and around.keeps_something(path.root) and not around.harmless(path, value):
        around.notice(f"`{{{path.text}}}` stays as it is typed: columns of `{path.root}` are hidden.")
        return None
    told = worded.worded(value, path.text, around.telling)
    for note in told.notes:
        around.notice(f"`{{{path.text}}}`: {note}.")
    return _Said(told.text, told.block)


def _cell(found: re.Match[str], around: Around) -> _Said | None:
    what, cell = found[1], around.cell(int(found[2]))
    if cell is None:
        around.notice(f"There is no {found[0]}: no cell of that number has been run.")
        return None
    if what == "In":
        text, notes = around.telling.cleaned(cells.source(cell), code=True)
        said = _Said(text, block=True)
    elif what == "Out":
        text, block, notes = cells.value(cell, around.telling)
        said = _Said(text, block)
    else:
        text, notes = cells.error(cell, around.telling)
        said = _Said(text, block=True)
    if not said.text.strip():
        why = {"Out": "has no output", "Err": "had no error"}.get(what, "is empty")
        around.notice(f"`{{{found[0]}}}` stays as it is typed: the cell {why}.")
        return None
    for note in notes:
        around.notice(f"`{{{found[0]}}}`: {note}.")
    return said
