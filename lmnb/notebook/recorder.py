"""What happened in the cells before, as far as IPython does not keep it itself: their errors, and the last figure.

IPython keeps what was typed (`history_manager.input_hist_raw`), the values (`Out`) and, since 9.0, what was printed and
shown (`history_manager.outputs`); nothing is taken over for that, no stream and no exception handler.

What is held on to: the text of the last errors, and of the newest one also the exception itself, with its frames and
what they see, exactly as long as IPython holds it (`sys.last_value`), until the next one. And the figure that was
current last, as Jupyter closes figures when their cell has ended.
"""

from __future__ import annotations

import re
import sys
import traceback
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

from lmnb.notebook import cells

if TYPE_CHECKING:
    from collections.abc import Iterator

    from IPython.core.interactiveshell import InteractiveShell

KEPT = 50
"""Errors that are remembered."""

LONGEST = 8_000
"""Characters of a traceback that are remembered: its head and its tail."""

OURS = re.compile(r"(?:\s*(?:#[^\n]*)?\n)*\s*(?:[\w, ]+=\s*)?%%?(?:chat|lm)(?!\w)")
"""A cell that talks to a model, comments above it or not."""

_RUNS_CELLS = ("IPython", "ipykernel")


@dataclass(frozen=True)
class Failure:
    """A cell that ended with an error.

    Attributes:
        number: Of the cell, as in `In[3]`; None where it was run without one.
        raw: The cell, as it was typed.
        cell: The cell's id, where the front end tells it.
        text: The traceback, without the frames of what runs cells.
        name: Of the exception's class.
        message: What it says.
        error: The exception itself; None where a newer one has happened.
    """

    number: int | None
    raw: str
    cell: str | None
    text: str
    name: str
    message: str
    error: BaseException | None = field(default=None, repr=False, compare=False)


class Recorder:
    """Remembers the errors and the last figure of one shell.

    Args:
        shell: Runs the cells.
    """

    def __init__(self, shell: InteractiveShell) -> None:
        self._shell = shell
        self._failures: list[Failure] = []
        self._newest: BaseException | None = None
        self.figure: Any = None
        self.figure_cell = 0

    def register(self) -> None:
        """Begin to remember. Runs on the main thread, after each cell, for some microseconds."""
        self._shell.events.register("post_run_cell", self.note)
        # Before Jupyter's own callback, which shows the figures and closes them.
        self._shell.events.callbacks["post_execute"].insert(0, self._look)

    def unregister(self) -> None:
        """Stop, and forget everything."""
        self._shell.events.unregister("post_run_cell", self.note)
        self._shell.events.unregister("post_execute", self._look)
        self._failures.clear()
        self._newest = self.figure = None

    @property
    def last(self) -> Failure | None:
        """The last error; None where there was none."""
        return self._with_error(self._failures[-1]) if self._failures else None

    def of(self, number: int) -> Failure | None:
        """The error of the cell with that number, the last one where it was run more than once under it."""
        found = next((one for one in reversed(self._failures) if one.number == number), None)
        return self._with_error(found) if found is not None else None

    def note(self, result: Any) -> None:
        """A cell has ended (`post_run_cell`)."""
        error = result.error_before_exec or result.error_in_exec
        raw = getattr(result.info, "raw_cell", None)
        if error is None or not isinstance(raw, str) or OURS.match(raw) or not isinstance(error, Exception):
            return
        stored = bool(getattr(result.info, "store_history", True))
        self._newest = error
        failure = Failure(
            number=result.execution_count if stored else None,
            raw=raw,
            cell=getattr(result.info, "cell_id", None) or cells.cell_id(self._shell),
            text=self._told(error),
            name=type(error).__name__,
            message=_message(error),
        )
        self._failures = [*self._failures[1 - KEPT :], failure]

    def _with_error(self, failure: Failure) -> Failure:
        if failure is not self._failures[-1]:
            return failure
        return Failure(**{**vars(failure), "error": self._newest})

    def _look(self) -> None:
        """The code of a cell has run, and its figures are still open (`post_execute`)."""
        helpers = sys.modules.get("matplotlib._pylab_helpers")
        manager = helpers.Gcf.get_active() if helpers is not None else None
        if manager is not None and manager.canvas.figure is not self.figure:
            history = self._shell.history_manager
            self.figure = manager.canvas.figure
            self.figure_cell = len(history.input_hist_raw) - 1 if history is not None else 0

    def _told(self, error: BaseException) -> str:
        """The traceback as text; a cell is called `In[3]` in it."""
        try:
            told = traceback.TracebackException.from_exception(error)
            for one in _chain(told):
                self._trim(one)
            text = "".join(told.format())
        except Exception:  # noqa: BLE001 - an exception of the person's may do anything when it is asked what it is
            text = f"{type(error).__name__}"
        text = text.strip("\n")
        if len(text) <= LONGEST:
            return text
        left = len(text) - LONGEST
        return f"{text[: LONGEST // 4]}\n… {left:,} characters …\n{text[-LONGEST * 3 // 4 :]}"

    def _trim(self, told: traceback.TracebackException) -> None:
        told.stack[:] = [frame for frame in told.stack if not _runs_cells(frame.filename)]
        for frame in told.stack:
            frame.filename = self._called(frame.filename)
        if getattr(told, "filename", None):  # of a syntax error
            told.filename = self._called(str(told.filename))

    def _called(self, filename: str) -> str:
        name = getattr(self._shell.compile, "format_code_name", lambda _: None)(filename)
        if name:
            return str(name[1])
        _, found, rest = filename.replace("\\", "/").rpartition("/site-packages/")
        return rest if found else filename


def _runs_cells(filename: str) -> bool:
    return any(part in _RUNS_CELLS for part in Path(filename).parts[:-1])


def _chain(told: traceback.TracebackException) -> Iterator[traceback.TracebackException]:
    """An exception and those that it came of; a chain never holds one twice."""
    waiting = [told]
    while waiting:
        one = waiting.pop()
        yield one
        waiting += [other for other in (one.__cause__, one.__context__) if other is not None]


def _message(error: BaseException) -> str:
    try:
        return str(error)[:2_000]
    except Exception:  # noqa: BLE001 - the same
        return ""
