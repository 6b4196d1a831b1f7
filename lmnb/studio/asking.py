"""Plain questions to a server, from a thread that waits for the answer."""

from __future__ import annotations

import asyncio
import concurrent.futures
import time
from collections import deque
from typing import TYPE_CHECKING, Any, TypeVar

from lmnb.chat.problems import ChatError
from lmnb.studio import failures, places, sdk
from lmnb.studio.thread import io_loop, on_io_thread

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable

    import lmstudio as lms

    from lmnb.studio.hosts import Place

    Question = Callable[[lms.AsyncClient, Place], Awaitable["T"]]

T = TypeVar("T")

BEAT = 0.05
"""Seconds between two looks at what is awaited, so that Ctrl-C is heard on every system."""


class Relay:
    """Carries what is told on the I/O thread over to the thread that waits: only there somebody may print.

    Args:
        hear: Told the same, in the same order.
    """

    def __init__(self, hear: Callable[..., object]) -> None:
        self._hear = hear
        self._told: deque[tuple[Any, ...]] = deque()

    def tell(self, *what: Any) -> None:
        """From any thread."""
        self._told.append(what)

    def beat(self) -> None:
        """On the thread that waits."""
        while self._told:
            self._hear(*self._told.popleft())


def ask(
    question: Question[T],
    *,
    host: str | None = None,
    api_token: str | None = None,
    timeout: float | None = 10.0,
    beat: Callable[[], object] = lambda: None,
) -> T:
    """The answer of the server that a prediction would go to. A server is looked for, and lmnb's own is started.

    Blocks the calling thread, not the I/O thread (from which it must not be called).

    Args:
        question: Awaited on the I/O thread, with a connected client; once more where the connection was lost.
        host: `"address:port"`, as for a prediction.
        api_token: For a server that asks for one.
        timeout: Seconds to wait at most; None: for ever.
        beat: Called on this thread now and then while it waits, and once at the end.

    Raises:
        ChatError: If there is no server, it refuses, or it does not answer in time.
    """
    if on_io_thread():
        raise RuntimeError("This blocks, and would wait for its own thread.")
    sdk.warm_up()
    asking = asyncio.run_coroutine_threadsafe(_ask(question, host, api_token), io_loop())
    until = None if timeout is None else time.monotonic() + timeout
    try:
        while not concurrent.futures.wait([asking], timeout=BEAT).done:
            beat()
            if until is not None and time.monotonic() > until:
                raise ChatError(failures.silent_for(timeout or 0.0))
    finally:
        asking.cancel()  # does nothing to one that has ended
    beat()
    return asking.result()


async def _ask(question: Question[T], host: str | None, token: str | None) -> T:
    import lmstudio as lms  # noqa: PLC0415

    place: Place | None = None
    for last in (False, True):
        here = places.here()
        place = here.known(host, token) or await here.find(token)
        client = await here.client(place)
        try:
            return await question(client, place)
        except lms.LMStudioError as error:
            here.lost(place, client)
            if last or not isinstance(error, lms.LMStudioWebsocketError):
                raise ChatError(failures.problem_of(error, place)) from None
    raise AssertionError  # the loop returns or raises
