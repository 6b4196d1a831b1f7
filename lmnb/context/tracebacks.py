"""A traceback cut to what its reader wrote: cells and files of their own, and one line for all that is a library's."""

from __future__ import annotations

import linecache
import re
import sysconfig
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from typing import TYPE_CHECKING

from lmnb.context.values import class_name

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping
    from types import FrameType, TracebackType

CHAIN = 4
"""Exceptions of a chain that are told, the last ones."""

_CELL = re.compile(r"<ipython-input-(\d+)-|[/\\]ipykernel_\d+[/\\]\d+\.py$")
_OURS = str(Path(__file__).parents[1])


@dataclass
class Place:
    """A line of the person's code through which an exception came.

    Attributes:
        where: `In[3]`, `helpers.py`.
        line: From 1, in the cell as it was typed or in the file.
        end: The last line of what failed.
        function: Its name; "" at the top of a cell or file.
        lines: All lines of the cell or file.
        frame: For its values; None where there is none.
        times: How often the traceback holds it: more than once in a recursion.
        failing: Whether it is in the cell that was run.
    """

    where: str
    line: int
    end: int
    function: str
    lines: list[str]
    frame: FrameType | None = None
    times: int = 1
    failing: bool = False

    @property
    def text(self) -> str:
        """The line itself."""
        return self.lines[self.line - 1].strip() if 0 < self.line <= len(self.lines) else ""


@dataclass
class Cut:
    """One exception and the way it took.

    Attributes:
        exception: It.
        places: The person's lines, the outermost first.
        library: Where in a library it was raised, `pandas/core/frame.py, insert`; "" where in the person's own code.
        packages: Libraries on its way after the person's last line, by their top names.
    """

    exception: BaseException
    places: list[Place]
    library: str = ""
    packages: tuple[str, ...] = ()


def chain(exception: BaseException) -> list[BaseException]:
    """An exception and what caused it, the cause first; the last of them where they are many."""
    found, seen = [exception], {id(exception)}
    while len(found) < CHAIN:
        one = found[-1]
        # The stored ones: a class may have made properties of them.
        before = BaseException.__dict__["__cause__"].__get__(one)
        if before is None and not BaseException.__dict__["__suppress_context__"].__get__(one):
            before = BaseException.__dict__["__context__"].__get__(one)
        if before is None or id(before) in seen:
            break
        found.append(before)
        seen.add(id(before))
    return found[::-1]


def cut(exception: BaseException, source: str, cells: Mapping[str, int]) -> Cut:
    """The way of an exception.

    Args:
        exception: Any.
        source: The cell that was run, as it was typed.
        cells: The numbers of cells, by the names of their code.
    """
    result = Cut(exception, [])
    packages: list[str] = []
    for frame, line, end in _frames(BaseException.__dict__["__traceback__"].__get__(exception)):
        place = _place(frame, line, end, result.places, source, cells)
        if place is not None:
            _add(result.places, place)
            result.library, packages = "", []
        elif (told := _in_library(frame)) and not told.startswith(("IPython/", "ipykernel/")):
            result.library = told
            packages.append(told.partition("/")[0].removesuffix(".py"))
    result.packages = tuple(dict.fromkeys(packages))
    if not result.places:
        # It went through none of the person's lines: what it went through first says nothing to them.
        result.library = result.library if packages else ""
    return result


def _frames(traceback: TracebackType | None) -> Iterator[tuple[FrameType, int, int]]:
    while traceback is not None:
        frame, line = traceback.tb_frame, traceback.tb_lineno or 0
        yield frame, line, max(line, _end(traceback) or line)
        traceback = traceback.tb_next


def _end(traceback: TracebackType) -> int | None:
    positions = getattr(traceback.tb_frame.f_code, "co_positions", None)  # since Python 3.11
    if positions is None or traceback.tb_lasti < 0:
        return None
    for at, (_, end, _, _) in enumerate(positions()):
        if at == traceback.tb_lasti // 2:
            return int(end) if end else None
    return None


def _add(places: list[Place], place: Place) -> None:
    """Another place; in a recursion one that is there already is counted."""
    for known in places[-8:]:
        if (known.where, known.line, known.function) == (place.where, place.line, place.function):
            known.times += 1
            if place.frame is not None:
                known.frame = place.frame
            return
    places.append(place)


def _place(
    frame: FrameType, line: int, end: int, before: list[Place], source: str, cells: Mapping[str, int]
) -> Place | None:
    name = frame.f_code.co_filename
    function = "" if frame.f_code.co_name == "<module>" else frame.f_code.co_name
    if is_cell(name, cells):
        where = cell_name(name, cells)
        failing = not before or (before[0].failing and before[0].where == where)
        if not failing:
            return Place(where, line, end, function, _lines(name), frame)
        at, lines = typed(line, _lines(name), source)
        return Place(where, at, at + end - line, function, lines, frame, failing=True)
    if name.startswith("<"):
        return _in_magic(frame, line, before, source)
    if is_library(name) or not Path(name).is_file():
        return None
    return Place(Path(name).name, line, end, function, _lines(name), frame)


def _in_magic(frame: FrameType, line: int, before: list[Place], source: str) -> Place | None:
    """A line below `%%time` and the like, which they compile under names of their own."""
    head = magic_head(source)
    if not before or head is None or not before[0].failing or frame.f_code.co_filename.startswith("<frozen"):
        return None
    lines, at = source.splitlines(), head + line
    if not head < at <= len(lines) or len(before) > 1:
        return None
    return Place(before[0].where, at, at, "", lines, frame, failing=True)


def magic_head(source: str) -> int | None:
    """The number of the line with the cell magic, from 1; None where the cell has none."""
    for number, text in enumerate(source.splitlines(), 1):
        if text.strip():
            return number if text.startswith("%%") else None
    return None


def is_cell(name: str, cells: Mapping[str, int]) -> bool:
    """Whether a code's file name is that of a cell."""
    return name in cells or _CELL.search(name) is not None


def cell_name(name: str, cells: Mapping[str, int]) -> str:
    """What a cell is called in prompts: `In[3]`."""
    number = cells.get(name)
    if number is None and (found := _CELL.search(name)) and found[1]:
        number = int(found[1])
    return f"In[{number}]" if number else "a cell"


def typed(line: int, ran: list[str], source: str) -> tuple[int, list[str]]:
    """The line of a cell as it was typed that belongs to a line of it as it was run, and the lines it is among."""
    lines = source.splitlines()
    if not ran:
        return line, lines
    text = ran[line - 1].strip() if 0 < line <= len(ran) else ""
    blank = next((at for at, one in enumerate(lines) if one.strip()), 0)  # IPython runs a cell without these
    for at in (line, line + blank):
        if 0 < at <= len(lines) and (lines[at - 1].strip() == text or lines[at - 1].lstrip()[:1] in ("%", "!", "?")):
            return at, lines
    same = [at for at, one in enumerate(lines, 1) if one.strip() == text]
    if len(same) == 1:
        return same[0], lines
    if "run_cell_magic(" in text and (head := magic_head(source)) is not None:
        return head, lines
    return line, ran


def _lines(name: str) -> list[str]:
    return [one.rstrip("\r\n") for one in linecache.getlines(name)]


@lru_cache(maxsize=1_000)
def is_library(name: str) -> bool:
    """Whether a file is a library's and not the person's."""
    if name.startswith("<") or "site-packages" in name or "dist-packages" in name:
        return True
    paths = {sysconfig.get_path(kind) for kind in ("stdlib", "platstdlib", "purelib", "platlib")} | {_OURS}
    return any(path and name.startswith(str(path)) for path in paths)


def _in_library(frame: FrameType) -> str:
    """Where in a library a frame is: `pandas/core/frame.py, insert`."""
    name = frame.f_code.co_filename.replace("\\", "/")
    if name.startswith("<"):
        name = str(frame.f_globals.get("__name__", "")).replace(".", "/") if name.startswith("<frozen") else ""
        return f"{name}, {frame.f_code.co_name}" if name else ""
    for mark in ("site-packages/", "dist-packages/"):
        if mark in name:
            return f"{name.rpartition(mark)[2]}, {frame.f_code.co_name}"
    if name.startswith(_OURS.replace("\\", "/")):
        return f"lmnb{name[len(_OURS) :]}, {frame.f_code.co_name}"
    if is_library(name):
        return f"{re.sub(r'^.*/python3[^/]*/', '', name)}, {frame.f_code.co_name}"
    return ""


def title(exception: BaseException) -> str:
    """The name of an exception's class, with its module where that is a library's."""
    return class_name(type(exception))
