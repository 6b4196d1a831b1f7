"""Which rows of a large table are looked at: always the same ones, so that the same data gives the same card."""

from __future__ import annotations

import random

ROWS = 20_000
"""Up to so many rows all are looked at, above it so many."""


def picked(rows: int, most: int = ROWS) -> list[int]:
    """The numbers of the rows that are looked at, in order.

    One out of each of `most` equal stretches: evenly spread, as sorted data asks for, and not in step with anything
    that repeats itself, as every 24th hour would be.
    """
    if rows <= most:
        return list(range(rows))
    draw = random.Random(rows).random  # noqa: S311 - a sample, not a secret
    wide = rows / most
    return [min(rows - 1, int((place + draw()) * wide)) for place in range(most)]


def stretches(rows: int, most: int, pieces: int) -> list[tuple[int, int]]:
    """Where to read from a file: `pieces` stretches of rows as (first, how many), the first at the beginning."""
    each = max(1, most // pieces)
    if rows <= most:
        return [(0, rows)]
    draw = random.Random(rows).random  # noqa: S311 - a sample, not a secret
    wide = (rows - each) / (pieces - 1)
    return [(0, each)] + [
        (int(wide * (place + (0 if place == pieces - 1 else draw() * 0.5))), each) for place in range(1, pieces)
    ]
