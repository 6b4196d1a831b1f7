"""`%%chat` cells and lone `%chat` lines are awaited where that works, so that the kernel hears Stop meanwhile.

A blocking cell on ipykernel 7.4 hears no widget message before it ends; an awaited one does within milliseconds.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable

    from IPython.core.interactiveshell import InteractiveShell

NAMES = ("chat", "lm")
HEAD = re.compile(r"%%(chat|lm)(?!\w|\?)(.*)", re.DOTALL)
LINE = re.compile(r"%(chat|lm)(?!\w|\?)(.*)", re.DOTALL)
MAGICS = "get_ipython().magics_manager.registry['ChatMagics']"


class AwaitRule:
    """An input transformer (`input_transformers_cleanup`) with the one piece of state it needs.

    It rewrites a `%%chat` cell, or one that is a single `%chat` line, only in a kernel, with `%autoawait` on, and when
    the cell is not being run by another one (`%%time`, `run_cell`): those reach the ordinary magic, which blocks. It
    has no side effects, as IPython transforms a cell more than once.

    Args:
        shell: The shell; its `kernel` and `autoawait` are asked at each cell.
        owned: Tells whether `%%NAME` is ours, so that a magic of somebody else's is left alone.
        owned_line: The same of `%NAME`.
        asks: Tells whether what follows `%NAME` asks a model; only then there is something to await.
    """

    has_side_effects = True
    """It has none, but only transformers that claim some are kept from the question whether a typed cell is complete:
    `%%chat` with nothing below it would be, and nobody could type a prompt in a terminal."""

    def __init__(
        self,
        shell: InteractiveShell,
        owned: Callable[[str], bool],
        owned_line: Callable[[str], bool] = lambda _: False,
        asks: Callable[[str], bool] = lambda _: True,
    ) -> None:
        self._shell = shell
        self._owned, self._owned_line, self._asks = owned, owned_line, asks
        self._depth = 0

    def __call__(self, lines: list[str]) -> list[str]:
        """The cell's lines, rewritten or as they were."""
        at = next((i for i, line in enumerate(lines) if line.strip() and not line.lstrip().startswith("#")), None)
        if at is None:
            return lines
        if (head := HEAD.match(lines[at])) is not None:
            return self._cell(lines, at, head) if self._owned(head[1]) else lines
        line = LINE.match(lines[at].lstrip())
        if line is None or not self._owned_line(line[1]) or any(rest.strip() for rest in lines[at + 1 :]):
            return lines
        return self._line(lines, line)

    def _cell(self, lines: list[str], at: int, head: re.Match[str]) -> list[str]:
        body = "".join(lines[at + 1 :])
        if not self._awaits():
            # Without the comment above it and with a body, as IPython refuses a cell magic that has none.
            return [lines[at], *(lines[at + 1 :] or ["\n"])]
        return [f"await {MAGICS}.respond({head[2].strip()!r}, {body!r})\n"]

    def _line(self, lines: list[str], line: re.Match[str]) -> list[str]:
        words = line[2].strip()
        if self._awaits() and self._asks(words):
            return [f"await {MAGICS}.respond_line({words!r})\n"]
        # IPython takes a question mark at the end for a request for help.
        return [f"get_ipython().run_line_magic({line[1]!r}, {words!r})\n"] if words.endswith("?") else lines

    def enter(self, *_: object) -> None:
        """A cell begins (`pre_run_cell`)."""
        self._depth += 1

    def leave(self, *_: object) -> None:
        """A cell has ended (`post_run_cell`); the one that loaded us was not seen to begin."""
        self._depth = max(0, self._depth - 1)

    def _awaits(self) -> bool:
        return not self._depth and getattr(self._shell, "kernel", None) is not None and bool(self._shell.autoawait)
