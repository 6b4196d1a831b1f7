"""A long request, a load or a download, that can be taken back: whoever stops waiting tells the server."""

from __future__ import annotations

import asyncio
import contextlib
from typing import Any

CANCEL = 1.0
"""Seconds in which the server has to be told that nobody waits any more."""


async def run(session: Any, endpoint: Any) -> Any:
    """The result of a request. Cancelled, it tells the server first: what is only left alone goes on there.

    Args:
        session: The SDK's, of one namespace, with `_create_channel` (private in 1.5 and 1.6).
        endpoint: What is asked, as the SDK describes it.

    Raises:
        AttributeError: Before anything is sent, if this version of the SDK has no such thing.
    """
    opening = session._create_channel(endpoint)
    async with opening as channel:
        try:
            return await channel.wait_for_result()
        except asyncio.CancelledError:
            with contextlib.suppress(Exception):  # the server is gone, or does not listen
                await asyncio.wait_for(channel.cancel(), CANCEL)
            raise
