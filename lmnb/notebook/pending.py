"""The reply of a cell that has ended before its answer: `--bg`."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Any

from lmnb.chat.reply import Reply

if TYPE_CHECKING:
    from collections.abc import Generator

    from lmnb.answer import Answer


class PendingReply(Reply):
    """A reply that is still being written. `await` it for the whole one; its `.text` is what there is by now.

    Attributes:
        settling: The task that ends when the answer stands in its output.
    """

    def __init__(self, answer: Answer) -> None:
        super().__init__(answer.turn)
        self._answer = answer
        self.settling: asyncio.Task[None] | None = None

    def stop(self) -> None:
        """Stop the answer and keep what it has written. Returns at once."""
        self._answer.stop()

    def take(self, reply: Reply) -> None:
        """Take over what was made of the answer."""
        if reply.value is not reply:
            self.value, self.parsed = reply.value, reply.parsed

    def __await__(self) -> Generator[Any, None, PendingReply]:
        """Wait for the end, in an awaiting cell.

        Raises:
            ChatError: If the turn failed.
        """
        if self.settling is not None:
            # Shielded: an interrupt of the cell that waits stops the waiting, not the answer.
            yield from asyncio.shield(self.settling).__await__()
        return self
