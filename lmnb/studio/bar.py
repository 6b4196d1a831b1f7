"""How far a long step is: a line that rewrites itself where somebody looks, a line now and then where nobody does."""

from __future__ import annotations

import shutil
import time
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable
    from typing import TextIO

LIVE, STILL = 0.2, 5.0
"""Seconds between two looks of a line that rewrites itself; between two lines elsewhere."""

CELLS = 20
"""Width of the bar, in characters."""


class Bar:
    """The progress of one thing, as `lmnb.studio.get` tells it; as a context manager it ends its line.

    Args:
        name: Of the thing.
        stream: Where to.
        live: Whether a carriage return takes the line back; by itself, where the stream is a terminal.
    """

    def __init__(self, name: str, stream: TextIO, *, live: bool | None = None) -> None:
        self._name = name
        self._stream = stream
        self._live = stream.isatty() if live is None else live
        self._next = 0.0
        self._doing = ""
        self._began = (0.0, 0)
        self._width = 0

    def __enter__(self) -> Bar:
        return self

    def __exit__(self, *_error: object) -> None:
        self.clear()

    def __call__(self, doing: str, done: int, total: int) -> None:
        """Tell it how far things are.

        Args:
            doing: `fetching`, `unpacking`, …
            done: Bytes.
            total: Bytes; 0 where it is not known.
        """
        self._tell(doing, done, lambda now: self._amounts(done, total, now), announce=not total)

    def share(self, doing: str, part: float) -> None:
        """Tell it how far things are where nobody counts bytes.

        Args:
            doing: `loading`, …
            part: 0 to 1.
        """
        cells = f"{'█' * round(CELLS * part):░<{CELLS}} " if self._live else ""
        self._tell(doing, 0, lambda _: f"{cells}{part:.0%}", announce=True)

    def _tell(self, doing: str, done: int, words: Callable[[float], str], *, announce: bool) -> None:
        now = time.monotonic()
        if doing != self._doing:
            self._doing, self._began, self._next = doing, (now, done), now + (0.0 if self._live else 2.0)
            if not self._live and announce:
                self._line(f"{self._name}: {doing} …")
        if now < self._next:
            return
        self._next = now + (LIVE if self._live else STILL)
        self._line(f"{self._name}: {doing} {words(now)}".rstrip())

    def clear(self) -> None:
        """Take the line away."""
        if self._width:
            self._stream.write("\r" + " " * self._width + "\r")
            self._stream.flush()
            self._width = 0

    def _amounts(self, done: int, total: int, now: float) -> str:
        if not total:
            return "…"
        began, first = self._began
        speed = (done - first) / (now - began) if now - began > 1 else 0.0
        words = [f"{done / 1e6:.0f} of {total / 1e6:.0f} MB"]
        if speed > 0:
            words += [f"{speed / 1e6:.1f} MB/s", f"{_duration((total - done) / speed)} left"]
        bar = "█" * round(CELLS * done / total)
        return f"{bar:░<{CELLS}} {' · '.join(words)}" if self._live else " · ".join(words)

    def _line(self, text: str) -> None:
        if not self._live:
            self._stream.write(text + "\n")
        else:
            text = text[: shutil.get_terminal_size().columns - 1]
            self._stream.write("\r" + text.ljust(self._width))
            self._width = len(text)
        self._stream.flush()


def _duration(seconds: float) -> str:
    return f"{seconds:.0f} s" if seconds < 100 else f"{seconds / 60:.0f} min"
