"""A conversation as a script in cells (`# %%`) that asks the same again, with the answers as comments."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from lmnb.chat.fields import plain
from lmnb.chat.painting import facts, who

if TYPE_CHECKING:
    from collections.abc import Sequence

    from lmnb.chat.turns import Turn

_CELL_MARK = re.compile(r"^\s*#\s*(%%|In\[|<)", re.MULTILINE)
"""What an editor takes for the beginning of a cell, also within a string."""

_QUOTES = re.compile(r'"{3,}|"+\Z')
"""Quotes that would end a literal."""


def script(name: str, line: Sequence[Turn], branches: Sequence[Sequence[Turn]]) -> str:
    """The script. It compiles, whatever the questions and the answers are.

    Args:
        name: What the conversation is called.
        line: The turns that are asked again.
        branches: Not asked; that they are left out is said.
    """
    system = next((turn.system for turn in line if turn.system is not None), None)
    given = "" if system is None else f"system={_string(system)}"
    rows = ["# Asks the same again. Made by lmnb.", "", *_comment(f"Conversation: {' '.join(name.split())}", "# "), ""]
    if branches:
        count = "1 branch is" if len(branches) == 1 else f"{len(branches)} branches are"
        rows += [f"# {count} left out here; .md, .json and .ipynb keep them.", ""]
    rows += ["# %%", "import lmnb", "", f"conversation = lmnb.Conversation({given})"]
    for turn in line:
        rows += ["", "# %%", *_asked(turn, system), *_comment(_answer(turn), "#> ")]
        system = turn.system if turn.system is not None else system
    return "\n".join(rows) + "\n"


def _asked(turn: Turn, system: str | None) -> list[str]:
    options = [_string(turn.said)]
    if turn.asked is not None:
        options.append(f"model={_string(turn.asked)}")
    if turn.system is not None and turn.system != system:
        options.append(f"system={_string(turn.system)}")
    if turn.config:
        options.append(f"config={plain(turn.config)!r}")
    went = [f"With it went {one.name!r} ({one.kind}), which this script does not attach." for one in turn.attached]
    return [*(row for note in went for row in _comment(note, "# ")), f"conversation.ask({', '.join(options)})"]


def _answer(turn: Turn) -> str:
    problem = str(turn.problem) if turn.problem else ""
    pieces = [turn.text.strip("\n"), problem, "— " + " · ".join([who(turn), *facts(turn)])]
    return "\n\n".join(piece for piece in pieces if piece)


def _comment(text: str, mark: str) -> list[str]:
    # `#>` is no mark of a cell, whatever follows it: an answer may well begin with `%%`.
    return [(mark + _printable(row)).rstrip() for row in text.splitlines()]


def _printable(row: str) -> str:
    return "".join(c if c.isprintable() or c == "\t" else f"\\u{ord(c):04x}" for c in row)


def _string(text: str) -> str:
    """A text as a literal: between three quotes where it reads well so, else with everything escaped."""
    if "\n" not in text or _CELL_MARK.search(text) or not all(c.isprintable() or c in "\n\t" for c in text):
        said = repr(text)
        return said if '"' in text else f'"{said[1:-1]}"'
    inner = _QUOTES.sub(lambda found: found[0].replace('"', '\\"'), text.replace("\\", "\\\\"))
    return f'"""{inner}"""'
