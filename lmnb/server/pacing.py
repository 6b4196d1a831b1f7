"""Emitting pieces at a steady rate, as true at 2,000 a second as at 50."""

from __future__ import annotations

import asyncio
import re
import time
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

PIECES = {"word": re.compile(r"\s*\S+(?:\s+|$)"), "line": re.compile(r"[^\n]*\n|[^\n]+"), "char": re.compile(r"(?s).")}

BREATH = 16
"""Pieces after which one that is not paced lets the rest of the server run."""


def pieces(text: str, by: str | int) -> list[str]:
    """A text in pieces that give it back when joined: `word`, `line`, `char`, or of so many characters.

    Raises:
        ValueError: If it is none of these.
    """
    if isinstance(by, int) and by > 0:
        return [text[i : i + by] for i in range(0, len(text), by)]
    if by not in PIECES:
        raise ValueError(f"Pieces are by 'word', 'line', 'char' or a number of characters, not by {by!r}.")
    return PIECES[by].findall(text) or ([text] if text else [])


async def paced(items: list[str], rate: float | None) -> AsyncIterator[str]:
    """The items, so many per second. Late ones are not waited for: a sleep takes a millisecond too many."""
    began = time.perf_counter()
    for number, item in enumerate(items):
        if rate:
            early = began + number / rate - time.perf_counter()
            if early > 0.001:  # shorter sleeps are longer than they are asked to be
                await asyncio.sleep(early)
        elif number % BREATH == 0:
            await asyncio.sleep(0)
        yield item
