"""The memory that all predictions of a model share: nobody may take what another one needs to go on."""

from __future__ import annotations

import asyncio
import contextlib
from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

SPARE = 16
"""Tokens that stay free: each prediction takes some in every step of the engine before any of them can be ended."""


@dataclass(eq=False)
class Place:
    """What one prediction takes.

    Attributes:
        tokens: Of its prompt and of its answer so far.
    """

    tokens: int


class Pool:
    """Places for predictions in a context of so many tokens.

    Without this, llama.cpp would end *all* predictions with an error when they are too long together.
    """

    def __init__(self, size: int) -> None:
        self._size = size
        self._places: list[Place] = []
        self._queue = asyncio.Lock()
        self._left = asyncio.Event()

    @contextlib.asynccontextmanager
    async def place(self, tokens: int) -> AsyncIterator[Place]:
        """A place for a prompt; waits, in order, until there is room beside the others."""
        async with self._queue:
            while self._places and self._taken + tokens + 2 * SPARE > self._size:
                self._left.clear()
                await self._left.wait()
            place = Place(tokens)
            self._places.append(place)
        try:
            yield place
        finally:
            self._places.remove(place)
            self._left.set()

    def must_end(self, place: Place) -> bool:
        """Whether this one has to end so that the others can go on: there is no room, and it takes the most."""
        crowded = len(self._places) > 1 and self._taken + SPARE > self._size
        return crowded and place is max(self._places, key=lambda each: each.tokens)

    @property
    def _taken(self) -> int:
        return sum(place.tokens for place in self._places)
