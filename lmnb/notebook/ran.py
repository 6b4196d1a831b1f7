"""The cells that were run before, as IPython's history and the recorder keep them."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any

from lmnb.context.cells import NOTHING, Cell

if TYPE_CHECKING:
    from collections.abc import Iterable

    from IPython.core.interactiveshell import InteractiveShell

    from lmnb.notebook.recorder import Recorder

OURS = re.compile(r"(?:\s*(?:#[^\n]*)?\n)*\s*(?:[\w, ]+=\s*)?%%?(?:chat|lm)(?!\w)")
"""A cell that talks to a model: it is in the conversation already."""


def numbers(shell: InteractiveShell) -> range:
    """The numbers of the cells that have ended: without the one that runs now."""
    return range(1, max(1, min(len(_sources(shell)), shell.execution_count)))


def recent(shell: InteractiveShell, count: int) -> list[int]:
    """The numbers of the last cells that do not talk to a model, the oldest first."""
    sources = _sources(shell)
    found: list[int] = []
    for number in reversed(numbers(shell)):
        if len(found) >= count:
            break
        if sources[number].strip() and not OURS.match(sources[number]):
            found.append(number)
    return found[::-1]


def cell(shell: InteractiveShell, number: int, recorder: Recorder | None = None) -> Cell | None:
    """A cell with what came of it; None where there is none of that number.

    Args:
        shell: Ran it.
        number: As in `In[3]`.
        recorder: Knows the errors; without it those that IPython keeps are told.
    """
    if number not in numbers(shell):
        return None
    history = shell.history_manager
    outputs = list(getattr(history, "outputs", {}).get(number, ()))  # since IPython 9
    return Cell(
        number,
        _sources(shell)[number],
        printed="".join(_printed(outputs)),
        shown=tuple(one.bundle for one in outputs if one.output_type == "display_data"),
        value=history.output_hist.get(number, NOTHING) if history is not None else NOTHING,
        written=_written(shell, number),
        error=error_text(shell, number, recorder),
    )


def error_text(shell: InteractiveShell, number: int, recorder: Recorder | None) -> str:
    """The text of a cell's error; "" where it had none."""
    failure = recorder.of(number) if recorder is not None else None
    if failure is not None:
        return failure.text
    kept = getattr(shell.history_manager, "exceptions", {}).get(number)  # since IPython 9
    if not isinstance(kept, dict):
        return ""
    lines = kept.get("traceback")
    if isinstance(lines, list) and lines:
        return "\n".join(str(one) for one in lines)
    return f"{kept.get('ename', '')}: {kept.get('evalue', '')}"


def _printed(outputs: Iterable[Any]) -> Iterable[str]:
    for one in outputs:
        if one.output_type in ("out_stream", "err_stream", "stream"):
            for key in ("stream", "text"):
                said = one.bundle.get(key)
                if said is not None:
                    yield "".join(said) if isinstance(said, (list, tuple)) else str(said)


def _written(shell: InteractiveShell, number: int) -> str:
    history = shell.history_manager
    if history is None or number not in history.output_hist:
        return ""  # `%reset` forgets the values, not what was written of them
    said = history.output_hist_reprs.get(number, "")
    return said if isinstance(said, str) else ""


def _sources(shell: InteractiveShell) -> list[str]:
    """What was typed; `In[n]` has it after IPython has rewritten it."""
    return shell.history_manager.input_hist_raw if shell.history_manager is not None else [""]
