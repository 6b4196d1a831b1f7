"""The live view of a turn: opened with its cell, fed by the I/O thread, replaced by the static form at the end."""

from __future__ import annotations

import asyncio
import contextvars
from typing import TYPE_CHECKING, Any, TypedDict

from typing_extensions import Required, Unpack

from lmnb.chat import transcript
from lmnb.widgets import farewell
from lmnb.widgets.stream import Stream

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from lmnb.chat.events import Event
    from lmnb.chat.transcript import Bundle
    from lmnb.chat.turns import Turn
    from lmnb.widgets.cell import Cell

BEAT = 0.05
"""Seconds between two looks at a page that is to answer: SIGINT does not wake an idle loop (ipykernel#881)."""

REPEAT = 0.25
"""Seconds after which the static form is sent again to a page that has not said that it has it."""

PATIENCE = 2.0
"""Seconds a cell waits for its page before it ends without it."""

LINGER = 30.0
"""Seconds the view of an ended turn stays open where no page has spoken: it may be loading, or its words may be queued
behind this cell, as on ipykernel 6."""

PLACEHOLDER = "The answer is being written."
"""What is read where widgets are not shown, and in a notebook that was saved in mid-stream."""


class Doors(TypedDict, total=False):
    """What a view needs of the notebook around it.

    Keys:
        loop: The I/O thread's loop; messages leave on it.
        on_stop: Stops the prediction. Called on whatever thread the page's message arrives; returns at once.
        show: Displays `(data, metadata)`; called once, by `open`.
        update: Replaces what `show` displayed; called on the main thread, at most once.
        background: The cell does not wait for the answer: whatever blocks the kernel, it is not this cell, and a Stop
            that is not heard must not interrupt it.
    """

    loop: Required[asyncio.AbstractEventLoop]
    on_stop: Required[Callable[[], None]]
    show: Required[Callable[[dict[str, Any], dict[str, Any]], None]]
    update: Required[Callable[[dict[str, Any], dict[str, Any]], None]]
    background: bool


class LiveView:
    """What one output shows of turns while they run, and how that becomes the saved output.

    A view is opened once and settled once. Settling puts the static form in place of the widget: by the page itself
    where one listens, as only the page finds its output again after a reload, and else by `update`. The widget is
    closed when nothing can be lost by that; closing it earlier would blank the page's only copy.

    The cell that opened it may have ended meanwhile, and others may run: what is sent belongs to that cell.

    Args:
        turns: What is shown, side by side; the conversation goes on with the first.
        doors: As in `Doors`.
    """

    def __init__(self, turns: Sequence[Turn], **doors: Unpack[Doors]) -> None:
        self.turns = tuple(turns)
        self._loop, self._on_stop = doors["loop"], doors["on_stop"]
        self._show, self._update = doors["show"], doors["update"]
        self._background = doors.get("background", False)
        self._streams = [
            Stream(turn, self._loop, self._sender(at), leads=at == 0) for at, turn in enumerate(self.turns)
        ]
        self._widget: Cell | None = None
        self._bundle: Bundle | None = None
        self._greeted = self._updated = False
        self._settled: asyncio.Future[int] | None = None
        self._lingering: asyncio.TimerHandle | None = None

    def _sender(self, at: int) -> Callable[[dict[str, Any]], None]:
        """Sends what is told of the turn at this place; the first one's messages need no address."""
        if at == 0:
            return self._send
        return lambda message: self._send({"kind": "other", "at": at, "message": message})

    def open(self) -> None:
        """Make the widget and show it. On the main thread, before the first event; the first call takes 0.2 s or so."""
        from lmnb.widgets.cell import Cell  # noqa: PLC0415 - anywidget takes its time

        # A plain thread has no parent message to answer to; on ipykernel 7.0 it cannot send at all.
        self._context = contextvars.copy_context()
        self._main = asyncio.get_running_loop()
        self._widget = Cell(self._now)
        self._widget.on_msg(self._hear)
        farewell.expect(self)
        mimebundle = self._widget._repr_mimebundle_()
        assert mimebundle is not None
        data, metadata = mimebundle
        self._show({**data, "text/plain": PLACEHOLDER}, {**metadata, "lmnb": transcript.seed(*self.turns)})

    def _now(self) -> dict[str, Any]:
        first, *others = [stream.now() for stream in self._streams]
        return {**first, "others": others, "background": self._background}

    async def settle(self, bundle: Bundle) -> None:
        """Put the static form in place of the view, and wait up to `PATIENCE` for the page to say that it has it.

        Main thread, in the cell's coroutine or in a task that outlives the cell. Where no page has spoken it does not
        wait. An interrupt while it waits is raised again after the answer has been brought to safety.
        """
        heard = self._settled = asyncio.get_running_loop().create_future()
        try:
            self._say_last_words(bundle)
            if self._greeted:
                await self._insist(heard)
        finally:
            self._settled = None
            self._conclude(heard.result() if heard.done() and not heard.cancelled() else None)

    def settle_now(self, bundle: Bundle) -> None:
        """Put the static form in place of the view without waiting for the page. Main thread.

        The widget closes when the page says that it has replaced its output, now or when it is opened again.
        """
        try:
            self._say_last_words(bundle)
        finally:
            self._conclude(None)

    def detach(self) -> None:
        """Tell the page what there is, as the kernel is about to end. Sends, and waits for nothing."""
        if self._widget is not None:
            self._say_last_words(self._bundle or transcript.beside([farewell.cut_short(turn) for turn in self.turns]))

    def _say_last_words(self, bundle: Bundle) -> None:
        self._bundle = bundle
        for stream in self._streams:
            stream.finish()
        self._send({"kind": "settle", "bundle": bundle})

    async def _insist(self, heard: asyncio.Future[int]) -> None:
        """Wait in beats, and say it again: a flood of prints makes the server drop our messages as well."""
        for beat in range(1, round(PATIENCE / BEAT) + 1):
            await asyncio.wait({heard}, timeout=BEAT)
            if heard.done():
                return
            if beat % round(REPEAT / BEAT) == 0:
                self._send({"kind": "settle", "bundle": self._bundle})

    def _conclude(self, count: int | None) -> None:
        """Make sure that the answer is in the notebook, and close the widget where a page has said how it went."""
        if not count:
            self._update_once()
        if count is not None:
            self._close()
        elif not self._greeted:
            self._lingering = self._main.call_later(LINGER, self._close_unheard)

    def _update_once(self) -> None:
        if not self._updated and self._bundle is not None:
            self._updated = True
            data, metadata = dict(self._bundle["data"]), dict(self._bundle["metadata"])
            self._context.copy().run(self._update, data, metadata)

    def _hear(self, _widget: Cell, message: Any, _buffers: object) -> None:
        """What a page says, on the main thread or on a subshell's: hand over, do nothing here."""
        match message:
            case {"kind": "hello"}:
                self._greeted = True
                self._loop.call_soon_threadsafe(self._greet)
            case {"kind": "resync"}:
                self._loop.call_soon_threadsafe(self._resync)
            case {"kind": "stop"}:
                self._on_stop()
            case {"kind": "settled", "count": int(count)}:
                self._main.call_soon_threadsafe(self._on_settled, count)

    def _greet(self) -> None:
        if self._bundle is None:
            self._resync()
        else:
            self._send({"kind": "settle", "bundle": self._bundle})

    def _resync(self) -> None:
        for stream in self._streams:
            stream.resync()

    def _on_settled(self, count: int) -> None:
        if self._settled is None:
            self._conclude(count)
        elif not self._settled.done():
            self._settled.set_result(count)

    def _close_unheard(self) -> None:
        if not self._greeted:
            self._close()

    def _close(self) -> None:
        if self._widget is not None:
            widget, self._widget = self._widget, None
            widget.close()
        if self._lingering is not None:
            self._lingering.cancel()

    def _send(self, message: dict[str, Any]) -> None:
        if (widget := self._widget) is not None:
            # A copy, as a context cannot be entered by two threads at a time.
            self._context.copy().run(widget.send, message)


class CellView(LiveView):
    """The view of one turn.

    Args:
        turn: What is shown.
        doors: As in `Doors`.
    """

    def __init__(self, turn: Turn, **doors: Unpack[Doors]) -> None:
        super().__init__([turn], **doors)

    def event(self, event: Event) -> None:
        """Follow an event that the turn has applied. On the I/O thread; costs microseconds."""
        self._streams[0].feed(event)


class SideBySide(LiveView):
    """The view of several models' answers to one prompt, in columns; it is settled once, with `transcript.beside`."""

    def event(self, turn: Turn, event: Event) -> None:
        """Follow an event that one of the turns has applied. On the I/O thread; costs microseconds."""
        next(stream for stream in self._streams if stream.turn is turn).feed(event)
