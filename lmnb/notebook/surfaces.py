"""Where an answer is shown: a live view, a static output, or a terminal."""

from __future__ import annotations

import sys
import uuid
from functools import partial
from typing import TYPE_CHECKING, Any, Protocol

from IPython.display import display, publish_display_data, update_display

from lmnb import studio
from lmnb.chat import painting, transcript
from lmnb.chat.events import Failed, Finished, Fragment, Noticed, Stopped
from lmnb.chat.strangers import plain
from lmnb.notebook import cells

if TYPE_CHECKING:
    from collections.abc import Sequence

    from IPython.core.interactiveshell import InteractiveShell

    from lmnb.answer import Answer
    from lmnb.chat.attached import Attached
    from lmnb.chat.events import Event
    from lmnb.chat.turns import Turn
    from lmnb.widgets.view import Doors


class Surface(Protocol):
    """A place for one answer."""

    def open(self) -> None:
        """Show that it has begun. Main thread, before the answer starts."""

    def tick(self) -> None:
        """A beat of a blocking cell. Main thread."""

    async def close(self) -> None:
        """Show the end, awaited by the cell. Main thread."""

    def close_now(self) -> None:
        """Show the end without waiting for a front end. Main thread."""


def choose(shell: InteractiveShell, answers: Sequence[Answer], *, background: bool = False) -> Surface:
    """The surface for the answers of the cell that runs now: one, or several models' side by side."""
    if not cells.in_kernel(shell):
        return Terminal(answers)
    if not cells.somebody_watches(shell):
        return Static([answer.turn for answer in answers])
    return Live(answers, background=background)


class Static:
    """One output at the end: nobody watches (nbclient, nbconvert, papermill), and a widget would not be saved."""

    def __init__(self, turns: Sequence[Turn]) -> None:
        self._turns = turns

    def open(self) -> None:
        """Nothing yet."""

    def tick(self) -> None:
        """Nothing between."""

    async def close(self) -> None:
        """The whole answer."""
        self.close_now()

    def close_now(self) -> None:
        """The whole answer."""
        bundle = transcript.beside(self._turns)
        publish_display_data(bundle["data"], bundle["metadata"])  # type: ignore[no-untyped-call]


class Live:
    """The live view, which becomes the static output when all its turns have ended."""

    def __init__(self, answers: Sequence[Answer], *, background: bool) -> None:
        from lmnb.widgets import CellView, SideBySide  # noqa: PLC0415 - ipywidgets takes its time

        self._turns = [answer.turn for answer in answers]
        self._display_id = uuid.uuid4().hex
        doors: Doors = {
            "loop": studio.io_loop(),
            "on_stop": partial(_stop_all, answers),
            "show": self._show,
            "update": self._update,
            "background": background,
        }
        self._view: CellView | SideBySide
        if len(answers) == 1:
            self._view = view = CellView(self._turns[0], **doors)
            answers[0].listen(view.event)
        else:
            self._view = beside = SideBySide(self._turns, **doors)
            for answer in answers:
                answer.listen(partial(beside.event, answer.turn))

    def open(self) -> None:
        """The live view."""
        self._view.open()

    def tick(self) -> None:
        """The view is painted from the I/O thread."""

    async def close(self) -> None:
        """Settle: the view replaces itself by the static output."""
        await self._view.settle(transcript.beside(self._turns))

    def close_now(self) -> None:
        """Settle without waiting for the view to say so."""
        self._view.settle_now(transcript.beside(self._turns))

    def _show(self, data: dict[str, Any], metadata: dict[str, Any]) -> None:
        display(data, metadata=metadata, raw=True, display_id=self._display_id)  # type: ignore[no-untyped-call]

    def _update(self, data: dict[str, Any], metadata: dict[str, Any]) -> None:
        update_display(data, metadata=metadata, raw=True, display_id=self._display_id)  # type: ignore[no-untyped-call]


def _stop_all(answers: Sequence[Answer]) -> None:
    for answer in answers:
        answer.stop()


class Terminal:
    """Plain text as it comes, one answer after the other. Only the main thread prints."""

    def __init__(self, answers: Sequence[Answer]) -> None:
        import queue  # noqa: PLC0415

        self._turns = [answer.turn for answer in answers]
        self._events: queue.SimpleQueue[tuple[Turn, Event]] = queue.SimpleQueue()
        self._kind = "text"
        self._progress = ""
        for answer in answers:
            answer.listen(partial(self._hear, answer.turn))

    def open(self) -> None:
        """What is known before anything is asked, and what goes along."""
        for notice in self._turns[0].notices:
            print(_dim(notice), flush=True)
        along = [_named(one) for one in self._turns[0].attached]
        if along:
            print(_dim(f"With {', '.join(along)}."), flush=True)

    def tick(self) -> None:
        """Print what has come since the last beat."""
        while not self._events.empty():
            self._print(*self._events.get())
        self._show_progress()

    async def close(self) -> None:
        """The last words."""
        self.close_now()

    def close_now(self) -> None:
        """The last words."""
        self.tick()
        self._clear_progress()

    def _hear(self, turn: Turn, event: Event) -> None:
        self._events.put((turn, event))

    def _print(self, turn: Turn, event: Event) -> None:
        match event:
            case Fragment(content, kind):
                if kind == "reasoning" and not turn.thoughts_shown:
                    return
                self._clear_progress()
                if kind != self._kind:
                    print("\n", flush=True)
                    self._kind = kind
                print(_dim(content) if kind == "reasoning" else content, end="", flush=True)
            case Noticed(text):
                self._clear_progress()
                print(_dim(text), flush=True)
            case Finished() | Stopped() | Failed():
                self._end(turn)
            case _:
                pass

    def _end(self, turn: Turn) -> None:
        self._clear_progress()
        self._kind = "text"
        if turn.parts:
            print(flush=True)
        if turn.problem is not None:
            print(turn.problem, file=sys.stderr, flush=True)
        print(_dim(" · ".join([painting.who(turn), *painting.facts(turn)])), flush=True)
        if words := painting.tail(turn, leads=turn is self._turns[0]):
            print(_dim(words), flush=True)

    def _show_progress(self) -> None:
        turn = next((one for one in self._turns if one.running), self._turns[0])
        words = {"loading": "Loading", "reading": "Reading prompt"}.get(turn.status, "")
        line = f"{painting.who(turn)} · {words} {turn.progress or 0:.0%}" if words else ""
        if line and line != self._progress and sys.stdout.isatty():
            print(f"\r{_dim(line)}", end="", flush=True)
            self._progress = line

    def _clear_progress(self) -> None:
        if self._progress:
            print("\r" + " " * len(self._progress) + "\r", end="", flush=True)
            self._progress = ""


def _named(one: Attached) -> str:
    """`sales (212 tokens; 2 e-mail addresses are masked)`, for a terminal."""
    facts = [*([f"{one.tokens:,} tokens"] if one.tokens is not None else []), *one.notes]
    return plain(f"{one.name} ({'; '.join(facts)})" if facts else one.name)


def _dim(text: str) -> str:
    return f"\x1b[2m{text}\x1b[22m" if sys.stdout.isatty() else text
