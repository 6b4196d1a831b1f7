"""From many fragments to few messages: what a view is told, when, and under which number."""

from __future__ import annotations

import threading
from typing import TYPE_CHECKING, Any, Protocol

from lmnb.chat.enclosures import told
from lmnb.chat.events import Event, Fragment
from lmnb.chat.painting import State, paint

if TYPE_CHECKING:
    import asyncio
    from collections.abc import Callable

    from lmnb.chat.attached import Attached
    from lmnb.chat.turns import Turn

INTERVAL = 0.034
"""Seconds between two messages. With the last flush and the settling that follow at once, any 2 s hold at most 62."""

SNAPSHOT_INTERVAL = 2.0
"""Seconds between two snapshots that nobody asked for."""

SNAPSHOT_GROWTH = 2.5
"""How many times the text of the last snapshot makes another one worth its bytes: all of them cost 1.7 x the text."""

NUMBERS_INTERVAL = 0.5
"""Seconds between two messages that tell the rate, the tokens and the time spent thinking."""

PROGRESS_STEP = 0.01


class Clock(Protocol):
    """The three things of an event loop that a stream uses."""

    def time(self) -> float:
        """Seconds, monotonic."""

    def call_soon(self, callback: Callable[[], None], /) -> asyncio.Handle:
        """Calls back in the next round of the loop."""

    def call_later(self, delay: float, callback: Callable[[], None], /) -> asyncio.TimerHandle:
        """Calls back after so many seconds."""


class Stream:
    """Tells a view what happens to a turn: coalesced, numbered, repairable.

    Fragments are collected and leave together: the first at once, then at most one message every `INTERVAL`, the last
    at once. `seq` grows by one with each message that says something new; now and then, at the end, and on request, a
    message carries everything, so that a view that missed one can go on.

    Args:
        turn: What it tells about; it has been changed before `feed` is called.
        loop: The I/O thread's loop.
        send: Sends one message. Called on the I/O thread, or by `finish` on its caller's; never by two at once.
        leads: Whether the conversation goes on with this turn (`lmnb.chat.painting.tail`).
    """

    def __init__(self, turn: Turn, loop: Clock, send: Callable[[dict[str, Any]], None], *, leads: bool = True) -> None:
        self.turn, self._loop, self._send, self._leads = turn, loop, send, leads
        self._lock = threading.Lock()
        self._text: list[str] = []
        self._reasoning: list[str] = []
        self._text_told, self._reasoning_told = len(turn.text), len(turn.shown_reasoning)
        self._state = self._paint()
        self._opened = self._attached_told = turn.attached
        self._seq = 0
        self._timer: asyncio.Handle | None = None
        self._whole = self._finished = False
        self._sent_at = float("-inf")
        self._state_at = self._snapshot_at = loop.time()
        self._snapshot_size = 0

    def feed(self, event: Event) -> None:
        """Notice an event that the turn has just applied. On the I/O thread; costs microseconds, sends nothing.

        The exception is the last event of a prediction: it sends what is left, at once.
        """
        if isinstance(event, Fragment):
            if event.kind == "reasoning" and not self.turn.thoughts_shown:
                return
            (self._text if event.kind == "text" else self._reasoning).append(event.content)
        elif not self.turn.running:
            self.finish()
            return
        if self._timer is None:
            self._schedule()

    def resync(self) -> None:
        """A view asks for everything. On the I/O thread; it goes out with the next flush."""
        self._whole = True
        if self._timer is None:
            self._schedule()

    def finish(self) -> None:
        """Send what is left, and everything once more. On any thread; further calls send only what is new."""
        with self._lock:
            self._whole = self._whole or not self._finished
            self._finished = True
            self._flush()

    def now(self) -> dict[str, Any]:
        """`text`, `reasoning`, `seq`, `state` and `attached`, in step with the messages sent so far. On any thread."""
        with self._lock:
            return {**self._everything(self._paint()), "attached": told(self.turn.attached)}

    def _paint(self) -> State:
        return paint(self.turn, leads=self._leads)

    def _schedule(self) -> None:
        delay = self._sent_at + INTERVAL - self._loop.time()
        # Even the first flush waits for the loop's next round: fragments that arrived together leave together.
        self._timer = self._loop.call_later(delay, self._tick) if delay > 0 else self._loop.call_soon(self._tick)

    def _tick(self) -> None:
        self._timer = None
        with self._lock:
            self._flush()

    def _flush(self) -> None:
        now, state = self._loop.time(), self._paint()
        text, reasoning = _take(self._text), _take(self._reasoning)
        self._text_told += len(text)
        self._reasoning_told += len(reasoning)
        news = matters(self._state, state, now - self._state_at)
        if other(self._attached_told, self.turn.attached):
            self._whole = news = True
        self._attached_told = self.turn.attached
        if text or reasoning or news:
            self._seq += 1
        elif not self._whole:
            return
        self._sent_at = now
        if self._whole or self._grown(now):
            self._whole, self._snapshot_at = False, now
            self._snapshot_size = self._text_told + self._reasoning_told
            message = {"kind": "snapshot", **self._everything(state)}
            news = True
        else:
            said = {"text": text, "reasoning": reasoning, "state": lean(state) if news else None}
            message = {"kind": "append", "seq": self._seq, **{key: value for key, value in said.items() if value}}
        if news:
            self._state, self._state_at = state, now
        self._send(message)

    def _grown(self, now: float) -> bool:
        size = self._text_told + self._reasoning_told
        return now - self._snapshot_at >= SNAPSHOT_INTERVAL and size > SNAPSHOT_GROWTH * self._snapshot_size

    def _everything(self, state: State) -> dict[str, Any]:
        # The turn may be ahead of what was told: a text longer than its `seq` would be told twice.
        text, reasoning = self.turn.text[: self._text_told], self.turn.shown_reasoning[: self._reasoning_told]
        said = {"seq": self._seq, "text": text, "reasoning": reasoning, "state": lean(state)}
        # Long, and known when the view opens: it is told again only where it has become another.
        changed = other(self._opened, self.turn.attached)
        return {**said, "attached": told(self.turn.attached)} if changed else said


def _take(pieces: list[str]) -> str:
    """Everything that is in the list now; what another thread adds meanwhile stays for the next flush."""
    count = len(pieces)
    taken = "".join(pieces[:count])
    del pieces[:count]
    return taken


def lean(state: State) -> dict[str, Any]:
    """A state as it crosses the wire: what is empty, null or 0 goes without saying, but not a progress of 0."""
    return {key: value for key, value in state.items() if value or (key == "progress" and value is not None)}


def matters(told: State, now: State, quiet: float) -> bool:
    """Whether a view should hear of the new state; its own clock counts the seconds.

    Args:
        told: The state it heard last.
        now: The state as it is.
        quiet: Seconds since it heard one.
    """
    if _outline(told) != _outline(now) or _stepped(told["progress"], now["progress"]):
        return True
    return quiet >= NUMBERS_INTERVAL and _numbers(told) != _numbers(now)


def other(told: tuple[Attached, ...], now: tuple[Attached, ...]) -> bool:
    """Whether other things are attached than were told; that they were counted meanwhile is for the state to tell."""
    if told is now:
        return False
    return [(one.name, one.hash, one.notes) for one in told] != [(one.name, one.hash, one.notes) for one in now]


def _outline(state: State) -> tuple[object, ...]:
    who = state["status"], state["who"], state["host"], state["facts"], state["notices"], state["problem"]
    return *who, state["counts"], state["context"], state["form"], state["tail"]


def _numbers(state: State) -> tuple[object, ...]:
    return state["tokens"], state["rate"], state["thought"]


def _stepped(told: float | None, now: float | None) -> bool:
    if told is None or now is None:
        return told is not now
    # A hair less than the step: 0.29 - 0.28 is 0.0099….
    return abs(now - told) >= PROGRESS_STEP - 1e-6 or (now == 1 and told != 1)
