"""Where an answer is shown: a live view, a static output, or a terminal."""

from __future__ import annotations

import sys
import uuid
from typing import TYPE_CHECKING, Any, Protocol

from IPython.display import display, publish_display_data, update_display

from lmnb import studio
from lmnb.chat import painting, transcript
from lmnb.chat.events import Fragment, Noticed
from lmnb.notebook import cells

if TYPE_CHECKING:
    from IPython.core.interactiveshell import InteractiveShell

    from lmnb.answer import Answer
    from lmnb.chat.events import Event
    from lmnb.chat.turns import Turn


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


def choose(shell: InteractiveShell, answer: Answer) -> Surface:
    """The surface for the cell that runs now."""
    if not cells.in_kernel(shell):
        return Terminal(answer)
    return Live(answer) if cells.somebody_watches(shell) else Static(answer.turn)


class Static:
    """One output at the end: nobody watches (nbclient, nbconvert, papermill), and a widget would not be saved."""

    def __init__(self, turn: Turn) -> None:
        self._turn = turn

    def open(self) -> None:
        """Nothing yet."""

    def tick(self) -> None:
        """Nothing between."""

    async def close(self) -> None:
        """The whole answer."""
        self.close_now()

    def close_now(self) -> None:
        """The whole answer."""
        bundle = transcript.bundle(self._turn)
        publish_display_data(bundle["data"], bundle["metadata"])  # type: ignore[no-untyped-call]


class Live:
    """The live view, which becomes the static output when the turn has ended."""

    def __init__(self, answer: Answer) -> None:
        from lmnb.widgets import CellView  # noqa: PLC0415 - ipywidgets takes its time; only where there is a view

        self._turn = answer.turn
        self._display_id = uuid.uuid4().hex
        self._view = CellView(
            answer.turn, loop=studio.io_loop(), on_stop=answer.stop, show=self._show, update=self._update
        )
        answer.listen(self._view.event)

    def open(self) -> None:
        """The live view."""
        self._view.open()

    def tick(self) -> None:
        """The view is painted from the I/O thread."""

    async def close(self) -> None:
        """Settle: the view replaces itself by the static output."""
        await self._view.settle(transcript.bundle(self._turn))

    def close_now(self) -> None:
        """Settle without waiting for the view to say so."""
        self._view.settle_now(transcript.bundle(self._turn))

    def _show(self, data: dict[str, Any], metadata: dict[str, Any]) -> None:
        display(data, metadata=metadata, raw=True, display_id=self._display_id)  # type: ignore[no-untyped-call]

    def _update(self, data: dict[str, Any], metadata: dict[str, Any]) -> None:
        update_display(data, metadata=metadata, raw=True, display_id=self._display_id)  # type: ignore[no-untyped-call]


class Terminal:
    """Plain text as it comes. Only the main thread prints."""

    def __init__(self, answer: Answer) -> None:
        import queue  # noqa: PLC0415

        self._turn = answer.turn
        self._events: queue.SimpleQueue[Event] = queue.SimpleQueue()
        self._kind = "text"
        self._progress = ""
        answer.listen(self._events.put)

    def open(self) -> None:
        """Nothing yet."""

    def tick(self) -> None:
        """Print what has come since the last beat."""
        while not self._events.empty():
            self._print(self._events.get())
        self._show_progress()

    async def close(self) -> None:
        """The facts, after the answer."""
        self.close_now()

    def close_now(self) -> None:
        """The facts, after the answer."""
        self.tick()
        self._clear_progress()
        turn = self._turn
        if turn.parts:
            print(flush=True)
        if turn.problem is not None:
            print(turn.problem, file=sys.stderr, flush=True)
        print(_dim(" · ".join([painting.who(turn), *painting.facts(turn)])), flush=True)

    def _print(self, event: Event) -> None:
        match event:
            case Fragment(content, kind):
                self._clear_progress()
                if kind != self._kind:
                    print("\n", flush=True)
                    self._kind = kind
                print(_dim(content) if kind == "reasoning" else content, end="", flush=True)
            case Noticed(text):
                self._clear_progress()
                print(_dim(text), flush=True)
            case _:
                pass

    def _show_progress(self) -> None:
        turn = self._turn
        words = {"loading": "Loading", "reading": "Reading prompt"}.get(turn.status, "")
        line = f"{painting.who(turn)} · {words} {turn.progress or 0:.0%}" if words else ""
        if line and line != self._progress and sys.stdout.isatty():
            print(f"\r{_dim(line)}", end="", flush=True)
            self._progress = line

    def _clear_progress(self) -> None:
        if self._progress:
            print("\r" + " " * len(self._progress) + "\r", end="", flush=True)
            self._progress = ""


def _dim(text: str) -> str:
    return f"\x1b[2m{text}\x1b[22m" if sys.stdout.isatty() else text
