"""A conversation as a file to keep or to give away: Markdown, JSON, a notebook, a script."""

from __future__ import annotations

import json
import re
import shlex
from typing import TYPE_CHECKING, Any

from lmnb.chat import record, scripts, transcript
from lmnb.chat.painting import facts, who
from lmnb.chat.strangers import whole

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from lmnb.chat.turns import Turn

KINDS = ("md", "json", "ipynb", "py")

WHOLE = 50_000_000
"""Bytes of one turn in a `.json`, which cuts nothing that somebody would read."""

_CELL = re.compile(r"[A-Za-z0-9_-]{1,64}")
_FENCE = re.compile(r" {0,3}(`{3,}|~{3,})(.*)")


def export(name: str, line: Sequence[Turn], branches: Sequence[Sequence[Turn]], kind: str) -> str:
    """A conversation as the text of a file, to be written as UTF-8. Pure; writes nothing.

    Args:
        name: What it is called.
        line: The current line.
        branches: The other lines, each from its beginning; what they share with the line stands there once.
        kind: `md` to read, `json` to read back whole (`resume.load_file`), `ipynb` to go on with, `py` to ask the same
            again; with or without a dot in front.

    Raises:
        ValueError: For another kind.
    """
    ways = {"md": _markdown, "json": _json, "ipynb": _notebook, "py": scripts.script}
    way = ways.get(kind.lower().removeprefix("."))
    if way is None:
        raise ValueError(f"A conversation can be exported as .md, .json, .ipynb or .py, not as {kind[:20]!r}.")
    return whole(way(name, line, branches))


def _others(line: Sequence[Turn], branches: Iterable[Sequence[Turn]]) -> list[tuple[Turn | None, list[Turn]]]:
    """What each branch has of its own, and the turn that it follows."""
    seen = {turn.id for turn in line}
    found = []
    for branch in branches:
        own = [turn for turn in branch if turn.id not in seen]
        seen.update(turn.id for turn in own)
        if own:
            at = branch.index(own[0])
            found.append((branch[at - 1] if at else None, own))
    return found


# ---- to read


def _markdown(name: str, line: Sequence[Turn], branches: Sequence[Sequence[Turn]]) -> str:
    pieces = [f"# {_title(name)}", *(piece for turn in line for piece in _told(turn))]
    for number, (before, own) in enumerate(_others(line, branches), 1):
        follows = f"It goes on after “{_title(before.prompt)}”." if before else "It begins anew."
        pieces += ["---", f"# Branch {number}", follows, *(piece for turn in own for piece in _told(turn))]
    return "\n\n".join(pieces) + "\n"


def _told(turn: Turn) -> list[str]:
    """One turn: the question as a heading, and in full where it is longer; the answer as it was written; the facts."""
    title = _title(turn.prompt)
    pieces = [f"## {title}"]
    if title != turn.prompt.strip():
        pieces.append("\n".join(f"> {row}".rstrip() for row in turn.prompt.strip("\n").splitlines()))
    if turn.system is not None:
        pieces.append(f"System prompt: {_escaped(' '.join(turn.system.split()))}")
    if turn.attached:
        pieces.append("With it went " + ", ".join(f"`{one.name}`" for one in turn.attached) + ".")
    if turn.text.strip():
        pieces.append(_closed(turn.text.strip("\n")))
    if turn.problem is not None:
        pieces.append("\n".join(f"> {row}" for row in str(turn.problem).splitlines()))
    return [*pieces, "— " + _escaped(" · ".join([who(turn), *facts(turn)]))]


def _title(text: str, room: int = 100) -> str:
    first = " ".join(next((row for row in text.splitlines() if row.strip()), "").split())
    return first if len(first) <= room else first[: room - 1].rstrip() + "…"


def _escaped(text: str) -> str:
    return re.sub(r"([\\`*_\[\]<>])", r"\\\1", text)


def _closed(markdown: str) -> str:
    """The answer, with the fence closed that a cut answer left open: it would swallow all that follows."""
    fence = ""
    for row in markdown.splitlines():
        found = _FENCE.fullmatch(row)
        if found and not fence and not (found[1][0] == "`" and "`" in found[2]):
            fence = found[1]
        elif found and fence and found[1].startswith(fence) and not found[2].strip():
            fence = ""
    return f"{markdown}\n{fence}" if fence else markdown


# ---- to go on with


def _json(name: str, line: Sequence[Turn], branches: Sequence[Sequence[Turn]]) -> str:
    turns = [*line, *(turn for _, own in _others(line, branches) for turn in own)]
    records = [record.write(turn, limit=WHOLE)["turn"] for turn in turns]
    last = {"last": line[-1].id} if line else {}
    found = {"v": record.VERSION, "name": name, **last, "turns": records}
    return json.dumps({"lmnb": found}, ensure_ascii=False, indent=1) + "\n"


def _notebook(name: str, line: Sequence[Turn], branches: Sequence[Sequence[Turn]]) -> str:
    cells = _Cells()
    cells.add(f"# {_title(name)}")
    cells.add("%load_ext lmnb", [])
    for turn in line:
        cells.ask(turn, name)
    for number, (_, own) in enumerate(_others(line, branches), 1):
        fresh = [turn for turn in own if turn.id not in cells.kept]
        if fresh:
            cells.add(f"# Branch {number}\n\nRun, these cells are a conversation of their own.")
        for turn in fresh:
            cells.ask(turn, f"{name} branch {number}" if name else f"branch {number}")
    kernel = {"display_name": "Python 3", "language": "python", "name": "python3"}
    metadata = {"kernelspec": kernel, "language_info": {"name": "python"}}
    notebook = {"cells": cells.made, "metadata": metadata, "nbformat": 4, "nbformat_minor": 5}
    return json.dumps(notebook, ensure_ascii=False, indent=1) + "\n"


class _Cells:
    """The cells of a notebook, with an id each.

    Attributes:
        kept: The ids of the turns that they hold, what cells had said before included.
    """

    def __init__(self) -> None:
        self.made: list[dict[str, Any]] = []
        self.kept: set[str] = set()
        self._ids: set[str] = set()

    def ask(self, turn: Turn, talk: str) -> None:
        """A cell that asks in a conversation what a turn asked, with its answer."""
        bundle = transcript.bundle(turn)
        saved = bundle["metadata"]["lmnb"]["turn"]
        self.kept |= {turn.id, *(old["id"] for old in saved.get("earlier", ()))}
        output = {"output_type": "display_data", **bundle}
        self.add(f"%%chat{_flags(turn, talk)}\n{turn.prompt}", [output], turn.cell)

    def add(self, source: str, outputs: list[dict[str, Any]] | None = None, name: str | None = None) -> None:
        """A cell of code, or of Markdown where there is no list of outputs."""
        cell: dict[str, Any] = {"id": self._id(name), "metadata": {}, "source": source}
        if outputs is None:
            self.made.append({"cell_type": "markdown", **cell})
        else:
            self.made.append({"cell_type": "code", "execution_count": None, **cell, "outputs": outputs})

    def _id(self, name: str | None) -> str:
        at = len(self.made) + 1
        if name is None or not _CELL.fullmatch(name) or name in self._ids:
            name = next(n for k in range(at + 1) if (n := f"cell-{at}" + f"-{k}" * bool(k)) not in self._ids)
        self._ids.add(name)
        return name


def _flags(turn: Turn, talk: str) -> str:
    """The options with which a `%%chat` cell asks the same."""
    words = [("-i", talk), ("-m", turn.asked), ("-s", turn.system)]
    flags = [f"{flag} {_quoted(value)}" for flag, value in words if value and not re.search(r"[\r\n]", value)]
    short = {"temperature": "-t", "maxTokens": "--max-tokens"}
    for key, value in turn.config.items():
        said = _quoted(json.dumps(value, default=repr))
        if "\n" not in key:
            flags.append(f"{short[key]} {said}" if key in short else f"-o {_quoted(key)} {said}")
    return "".join(f" {flag}" for flag in flags)


def _quoted(word: str) -> str:
    return shlex.quote(word)
