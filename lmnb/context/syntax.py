"""Where a SyntaxError points, in the cell as it was typed: it has no traceback that would say so."""

from __future__ import annotations

import ast
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from lmnb.context import tracebacks
from lmnb.context.values import line


@dataclass(frozen=True)
class Pointed:
    """A place that cannot be read.

    Attributes:
        where: `the cell`, or a file's name.
        line: From 1.
        text: The line.
        before: Some lines above it.
        column: From 1, in the line; 0 where nobody knows.
        width: How many characters are meant.
    """

    where: str
    line: int
    text: str
    before: tuple[str, ...] = ()
    column: int = 0
    width: int = 1


def pointed(exception: SyntaxError, source: str) -> Pointed | None:
    """Where a SyntaxError points.

    Args:
        exception: With the line it stands in, or without.
        source: The cell that was run, as it was typed.

    Returns:
        None where it says no line.
    """
    number, text = _stored(exception, "lineno", int), _stored(exception, "text", str)
    if number is None:
        return None
    name = _stored(exception, "filename", str) or ""
    column, end = _stored(exception, "offset", int) or 0, _stored(exception, "end_offset", int) or 0
    same_line = _stored(exception, "end_lineno", int) in (None, number)
    width = max(1, end - column) if same_line else 1
    if _is_file(name):
        return Pointed(line(Path(name).name, 80), number, (text or "").rstrip(), (), column, width)
    lines = source.splitlines()
    at = _typed(number, text, lines, tracebacks.magic_head(source))
    if at is None:
        return Pointed("the cell", number, (text or "").rstrip(), (), column, width)
    shown = lines[at - 1]
    if text is not None and text.strip() == shown.strip():
        # Columns are counted in the text of the exception, which may be less indented.
        column = max(0, column + _indent(shown) - _indent(text)) if column else 0
    return Pointed("the cell", at, shown, tuple(lines[max(0, at - 3) : at - 1]), column, width)


def better(exception: SyntaxError, source: str) -> SyntaxError:
    """The same error as Python itself says it: where something was not closed, IPython says “incomplete input”."""
    if _stored(exception, "msg", str) != "incomplete input":
        return exception
    head = tracebacks.magic_head(source)
    body = "\n".join(source.splitlines()[head or 0 :])
    try:
        compile(body, "<cell>", "exec", flags=ast.PyCF_ALLOW_TOP_LEVEL_AWAIT, dont_inherit=True)
    except SyntaxError as found:
        return found if _stored(found, "msg", str) else exception
    except ValueError:
        return exception
    return exception


def _stored(exception: SyntaxError, name: str, kind: type) -> Any:
    descriptor = SyntaxError.__dict__.get(name)
    found = descriptor.__get__(exception) if descriptor is not None else None
    return found if type(found) is kind else None


def _is_file(name: str) -> bool:
    return not name.startswith("<") and not tracebacks.is_cell(name, {}) and Path(name).is_file()


def _typed(number: int, text: str | None, lines: list[str], head: int | None) -> int | None:
    """The line of the cell as it was typed: what IPython runs begins after blank lines, and a magic's body below it."""
    blank = next((at for at, one in enumerate(lines) if one.strip()), 0)
    wanted = (text or "").strip()
    for at in dict.fromkeys((number, number + blank, number + (head or 0))):
        if 0 < at <= len(lines) and (not wanted or lines[at - 1].strip() == wanted):
            return at
    same = [at for at, one in enumerate(lines, 1) if wanted and one.strip() == wanted]
    return same[0] if len(same) == 1 else None


def _indent(text: str) -> int:
    return len(text) - len(text.lstrip())
