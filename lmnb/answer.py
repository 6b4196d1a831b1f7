"""An answer that is being written: iterate it, await it, or wait for it; stop it at any time."""

from __future__ import annotations

import asyncio
import concurrent.futures
import logging
import queue
from typing import TYPE_CHECKING, Any

from lmnb import studio
from lmnb.chat.events import Failed, Fragment, Queued, Stopped
from lmnb.chat.problems import ChatError, Problem
from lmnb.chat.reply import Reply

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Callable, Generator, Iterator

    from lmnb.chat.events import Event, StoppedBy
    from lmnb.chat.turns import Turn

BEAT = 0.05
"""Seconds between two looks at a waiting prediction. SIGINT does not wake an idle loop (ipykernel#881): without
beats a cancelled cell was seen to notice after 8.7 s, with them after 0.03 s."""

DRAIN = 2.0
"""Seconds a stopped prediction may take to say its last words before it is let go."""

log = logging.getLogger(__name__)


class Answer:
    """An answer that is being written.

    Iterate it for its fragments (`for`, `async for`), await it or call `result()` for the whole `Reply`. It starts at
    the first of these, or with `start()`. Fragments arrive on lmnb's I/O thread and are handed to the one who waits.

    Args:
        turn: What is asked, and what comes of it.
        request: Makes the request when its time has come, on the caller's thread or on the I/O thread.
        enter: Called by `start`: puts the turn in its place, and returns the answer that has to end before this one
            may be asked, if there is one.
        finish: Makes the reply of a turn that has ended well.
    """

    def __init__(
        self,
        turn: Turn,
        request: Callable[[], studio.Request],
        *,
        enter: Callable[[Answer], Answer | None] = lambda _: None,
        finish: Callable[[Turn], Reply] = Reply,
    ) -> None:
        self.turn = turn
        self._request, self._enter, self._finish = request, enter, finish
        self._running: studio.Running | None = None
        self._started = False
        self._done: concurrent.futures.Future[None] = concurrent.futures.Future()
        self._done.set_running_or_notify_cancel()  # nobody cancels it: `stop` ends the prediction instead
        self._listeners: list[Callable[[Event], None]] = []

    def listen(self, listener: Callable[[Event], None]) -> None:
        """Call `listener(event)` on the I/O thread after the turn has changed. It must not block."""
        self._listeners.append(listener)

    def start(self) -> Answer:
        """Send the request, or queue it behind an answer of the same conversation that is still being written.

        Returns at once; a second call does nothing.
        """
        if not self._started:
            self._started = True
            before = self._enter(self)
            if before is None or before.done:
                self._begin()
            else:
                self.tell(Queued())
                before._done.add_done_callback(lambda _: self._begin())
        return self

    @property
    def done(self) -> bool:
        """Whether it has ended, one way or another."""
        return self._done.done()

    def when_done(self, callback: Callable[[], None]) -> None:
        """Call back once, on the I/O thread or, when it has ended already, at once. It must not block."""
        self._done.add_done_callback(lambda _: callback())

    def stop(self, by: StoppedBy = "person") -> None:
        """Stop the prediction and keep what it has written. Returns at once; from any thread."""
        if self._running is not None:
            self._running.stop(by)
        elif self._started:
            self.tell(Stopped(by))

    def result(self) -> Reply:
        """Wait for the end, blocking in beats so that Ctrl-C is heard, and return the reply.

        Raises:
            ChatError: If the turn failed.
        """
        self.wait()
        return self.reply()

    def wait(self, *, tick: Callable[[], None] | None = None) -> None:
        """Block until the turn has ended; `tick` is called on this thread at every beat.

        An interrupt stops the prediction, gives it a moment to end, and is raised again.
        """
        done = self.start()._done
        try:
            while not _is_done(done, BEAT):
                if tick:
                    tick()
        except KeyboardInterrupt:
            self.stop("interrupt")
            _is_done(done, DRAIN)
            self.let_go()
            raise
        finally:
            if tick:
                tick()

    async def ended(self, *, drain: float = DRAIN) -> None:
        """Wait for the end without blocking the loop.

        Args:
            drain: Seconds that a prediction may take to end after this task was cancelled.

        Raises:
            asyncio.CancelledError: After the prediction was stopped and has said its last words, or was let go.
        """
        ending = asyncio.wrap_future(self.start()._done)
        try:
            while not ending.done():
                await asyncio.wait({ending}, timeout=BEAT)
        except asyncio.CancelledError:
            self.stop("interrupt")
            try:
                await asyncio.wait({ending}, timeout=drain)
            finally:
                self.let_go()
            raise

    def let_go(self) -> None:
        """End the turn here and now, whatever the server does; what still comes is not heard any more."""
        if self.turn.running:
            concurrent.futures.wait([self.tell(Stopped("interrupt"))], timeout=1.0)

    def tell(self, event: Event) -> concurrent.futures.Future[None]:
        """Let an event happen that no prediction tells: on the I/O thread, as all of them. Returns at once."""

        async def happen() -> None:
            self._on_event(event)
            if not self.turn.running and self._running is None:
                self._resolve()

        return asyncio.run_coroutine_threadsafe(happen(), studio.io_loop())

    def reply(self) -> Reply:
        """The reply to a turn that has ended.

        Raises:
            ChatError: If the turn failed, or is not what was asked for; it carries the reply as far as it goes.
        """
        if self.turn.problem is not None:
            raise ChatError(self.turn.problem, Reply(self.turn))
        return self._finish(self.turn)

    def __iter__(self) -> Iterator[Fragment]:
        """Fragments as they come; blocks between them. Leaving the loop early stops the prediction."""
        events: queue.SimpleQueue[Event | None] = queue.SimpleQueue()
        self.listen(events.put)
        self.start().when_done(lambda: events.put(None))
        try:
            while (event := _next(events)) is not None:
                if isinstance(event, Fragment):
                    yield event
            self.reply()
        finally:
            self.stop("interrupt")

    async def __aiter__(self) -> AsyncIterator[Fragment]:
        """Fragments as they come, on the loop of the one who iterates. Leaving early stops the prediction."""
        loop = asyncio.get_running_loop()
        events: asyncio.Queue[Event | None] = asyncio.Queue()

        def hand_over(event: Event | None) -> None:
            loop.call_soon_threadsafe(events.put_nowait, event)

        self.listen(hand_over)
        self.start().when_done(lambda: hand_over(None))
        try:
            while (event := await events.get()) is not None:
                if isinstance(event, Fragment):
                    yield event
            self.reply()
        finally:
            self.stop("interrupt")

    def __await__(self) -> Generator[Any, None, Reply]:
        """Wait for the whole reply."""
        yield from self.ended().__await__()
        return self.reply()

    def _begin(self) -> None:
        """Ask now. On the thread of `start`, or on the I/O thread when an answer before it has ended."""
        if not self.turn.running:  # stopped while it was queued
            return
        try:
            request = self._request()
        except ChatError as error:
            self.tell(Failed(error.problem))
        except Exception as error:  # whoever waits must hear of it: on the I/O thread nobody would
            log.exception("The request could not be made")
            self.tell(Failed(Problem("internal", f"The question could not be put together: {error!r}.")))
        else:
            self._running = studio.start(request, self._on_event)
            self._running.done.add_done_callback(lambda _: self._resolve())

    def _resolve(self) -> None:
        if not self._done.done():
            self._done.set_result(None)

    def _on_event(self, event: Event) -> None:
        if not self.turn.running:
            return
        self.turn.apply(event)
        for listener in list(self._listeners):
            try:
                listener(event)
            except Exception:  # a view that breaks must not take the answer with it
                log.exception("A listener failed and is not called again")
                self._listeners.remove(listener)


def _is_done(done: concurrent.futures.Future[None], seconds: float) -> bool:
    # In beats, as an untimed or long lock cannot be interrupted on Windows.
    beats = max(1, round(seconds / BEAT))
    return any(concurrent.futures.wait([done], timeout=BEAT).done for _ in range(beats))


def _next(events: queue.SimpleQueue[Event | None]) -> Event | None:
    while True:
        try:
            return events.get(timeout=BEAT)
        except queue.Empty:
            continue
