"""A cell that was run, as a model should read it: what was typed, and what came of it, each within its bounds."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from lmnb.context import kinds, outputs
from lmnb.context.worded import worded

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping

    from lmnb.chat.attached import Attached
    from lmnb.context.telling import Telling

SOURCE = 80
"""Lines of a cell that are kept."""

NOTHING: Any = object()
"""The value of a cell that has none."""


@dataclass(frozen=True)
class Cell:
    """A cell that was run.

    Attributes:
        number: As in `In[3]`.
        source: As it was typed.
        value: `Out[3]`; NOTHING where there is none, or where it was let go of.
        written: How that was shown then, as text.
        printed: To both streams.
        shown: What it displayed, by MIME type, without its value.
        error: The traceback it ended with, as text.
    """

    number: int
    source: str
    value: Any = NOTHING
    written: str = ""
    printed: str = ""
    shown: tuple[Mapping[str, Any], ...] = ()
    error: str = ""

    @property
    def name(self) -> str:
        """What it is called: `In[3]`."""
        return f"In[{self.number}]"


def attach(cell: Cell, telling: Telling, *, lines: int = outputs.LINES) -> Attached:
    """A cell with what came of it. Never raises; waits a second at most, for a value to say what it is.

    Args:
        cell: It.
        telling: How much is told of its value, and what is masked and hidden in all of it.
        lines: How many lines of each output are kept.
    """
    text, masked = telling.cleaned(source(cell), code=True)
    notes, parts = list(masked), [text]
    for head, said, about in _outputs(cell, telling, lines):
        if said.strip():
            parts.append(f"[{head}]\n{said}")
            notes += about
    return telling.attached(cell.name, "cell", "\n\n".join(parts), notes=notes)


def source(cell: Cell) -> str:
    """What was typed, without its middle where it is long."""
    return outputs.printed(cell.source.strip("\n"), lines=SOURCE)


def error(cell: Cell, telling: Telling) -> tuple[str, tuple[str, ...]]:
    """The error of a cell, and what was masked in it; "" where it had none."""
    return telling.cleaned(outputs.printed(cell.error))


def value(cell: Cell, telling: Telling) -> tuple[str, bool, tuple[str, ...]]:
    """What `{Out[3]}` stands for: the value, and where there is none what was shown and printed; "" for nothing.

    Returns:
        The text, whether it is lines of data that stand between fences, and what is to be said of it.
    """
    if cell.value is not NOTHING:
        told = worded(cell.value, f"Out[{cell.number}]", telling.anywhere())
        return told.text, told.block, told.notes
    there = [(said, about) for _, said, about in _outputs(cell, telling, outputs.LINES, error=False) if said.strip()]
    text = "\n".join(said for said, _ in there)
    return text, "\n" in text, tuple(dict.fromkeys(note for _, about in there for note in about))


def notebook(cells: Iterable[Mapping[str, Any]]) -> str:
    """The cells of a notebook's file as one text in which each begins with `# %%`; without their outputs.

    Args:
        cells: As they stand in the file; what is no cell is left out.
    """
    said = []
    for cell in cells:
        text = outputs.text_of(cell.get("source")).strip("\n")
        kind = cell.get("cell_type")
        if text.strip():
            said.append(f"# %%{'' if kind == 'code' else f' [{kind}]'}\n{text}")
    return "\n\n".join(said)


def _outputs(
    cell: Cell, telling: Telling, lines: int, *, error: bool = True
) -> Iterator[tuple[str, str, tuple[str, ...]]]:
    """What came of a cell, in the order of a page: what it is, its text, what is to be said of it."""
    yield "printed", *_kept(outputs.printed(cell.printed, lines=lines), telling)
    for bundle in cell.shown:
        yield "shown", *_kept(outputs.shown(bundle, lines=lines), telling)
    yield f"Out[{cell.number}]", *_value(cell, telling, lines)
    if error:
        yield "error", *telling.cleaned(outputs.printed(cell.error, lines=lines))


def _value(cell: Cell, telling: Telling, lines: int) -> tuple[str, tuple[str, ...]]:
    """A table as its card; of everything else what the page showed."""
    if cell.value is NOTHING or (cell.written and not kinds.has_card(cell.value)):
        return _kept(outputs.printed(cell.written, lines=lines), telling)
    told = worded(cell.value, f"Out[{cell.number}]", telling.anywhere())
    return (told.text if told.block else outputs.printed(told.text, lines=lines)), told.notes


def _kept(text: str, telling: Telling) -> tuple[str, tuple[str, ...]]:
    """An output without secrets; nothing of one in which a hidden column may be seen."""
    for entry in telling.hide:
        column = entry.rpartition(".")[2]
        if column and re.search(rf"(?<!\w){re.escape(column)}(?!\w)", text):
            note = f"an output left out, as it may show `{column}`, which is hidden"
            return f"({note})", (note,)
    return telling.cleaned(text)
