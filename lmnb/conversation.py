"""A conversation: turns with a model, in Python. Knows the chat and the studio, and no notebook."""

from __future__ import annotations

import asyncio
import concurrent.futures
import logging
import queue
from typing import TYPE_CHECKING, Any

from lmnb import studio
from lmnb.chat.events import Fragment, Stopped
from lmnb.chat.history import messages
from lmnb.chat.problems import ChatError
from lmnb.chat.reply import Reply
from lmnb.chat.turns import Turn

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Callable, Generator, Iterator, Mapping

    import lmstudio as lms

    from lmnb.chat.events import Event, StoppedBy

BEAT = 0.05
"""Seconds between two looks at a waiting prediction. SIGINT does not wake an idle loop (ipykernel#881): without
beats a cancelled cell was seen to notice after 8.7 s, with them after 0.03 s."""

DRAIN = 2.0
"""Seconds a stopped prediction may take to say its last words before it is let go."""

log = logging.getLogger(__name__)


class Conversation:
    """Turns with one model, or with any that is loaded.

    Args:
        model: A model key or identifier, an SDK handle (`lms.llm()`, `client.llm.model()`), or None: the loaded one.
        system: The system prompt.
        host: `"address:port"` of the server. None: the environment's, a LM Studio that is found, lmnb's own server.
        api_token: For a server that asks for one.
        config: Prediction parameters as the SDK spells them: `{"temperature": 0.2, "maxTokens": 300}`.
        chat: An SDK `Chat` to go on from.

    Every prediction runs on lmnb's own I/O thread; the methods here may be called from any thread.
    """

    def __init__(
        self,
        *,
        model: Any = None,
        system: str | None = None,
        host: str | None = None,
        api_token: str | None = None,
        config: Mapping[str, Any] | None = None,
        chat: lms.Chat | None = None,
    ) -> None:
        self.model, self.system, self.host = model, system, host
        self.config = dict(config or {})
        self._api_token = api_token
        self.turns: list[Turn] = []
        if chat is not None:
            given, self.turns = studio.from_chat(chat)
            self.system = system if system is not None else given

    def __repr__(self) -> str:
        """In one line: how much was said, and with whom."""
        return f"<lmnb.Conversation: {len(self.turns)} turn{'' if len(self.turns) == 1 else 's'}>"

    def respond(self, prompt: str, **options: Any) -> Reply:
        """Ask, wait, and return the whole reply. Blocks; an interrupt stops the prediction.

        Args:
            prompt: What to say.
            options: As for `respond_stream`.

        Raises:
            ChatError: If the turn failed; `.problem` says how, `.reply` has what came before.
        """
        return self.respond_stream(prompt, **options).result()

    def respond_stream(
        self,
        prompt: str,
        *,
        model: str | None = None,
        system: str | None = None,
        config: Mapping[str, Any] | None = None,
        response_format: Any = None,
        cell: str | None = None,
    ) -> Answer:
        """Ask, and return an answer that can be iterated (`for`, `async for`) or awaited.

        Nothing is sent before the first of these, as with the SDK's own streams.

        Args:
            prompt: What to say.
            model: The model key for this turn and the ones after it.
            system: The system prompt for this turn and the ones after it.
            config: Prediction parameters for this turn, over those of the conversation.
            response_format: A schema, as the SDK takes it.
            cell: The id of the cell that asks; a turn that this cell asked before is replaced.
        """
        own = {**self.config, **(config or {})}
        turn = Turn(prompt, cell=cell, asked=model, system=system, config=own)
        return Answer(turn, lambda: self._request(turn, response_format))

    def to_chat(self) -> lms.Chat:
        """The conversation as an SDK `Chat`: a copy."""
        return studio.to_chat(messages(self.turns, system=self._latest("system")), last=self.turns[-1:])

    def _request(self, turn: Turn, response_format: Any) -> studio.Request:
        before = self._place(turn)
        said = [*before, turn]
        return studio.Request(
            messages=tuple(messages(said, system=_latest(said, "system") or self.system)),
            model=_latest(said, "asked") or self.model,
            host=self.host,
            api_token=self._api_token,
            config=turn.config,
            response_format=response_format,
        )

    def _place(self, turn: Turn) -> list[Turn]:
        """Put a turn where it belongs, and return the turns before it. A cell that asks again replaces its turn."""
        owned = [i for i, old in enumerate(self.turns) if turn.cell is not None and old.cell == turn.cell]
        if not owned:
            self.turns.append(turn)
            return self.turns[:-1]
        self.turns[owned[0]] = turn
        return self.turns[: owned[0]]

    def _latest(self, name: str) -> str | None:
        value: str | None = _latest(self.turns, name) or getattr(self, name)
        return value


def _latest(turns: list[Turn], name: str) -> str | None:
    """What the person last asked for: `-m` and `-s` hold until they are said again; a missing model does not."""
    heard = (turn for turn in reversed(turns) if name != "asked" or not _misses_its_model(turn))
    return next((value for turn in heard if (value := getattr(turn, name)) is not None), None)


def _misses_its_model(turn: Turn) -> bool:
    return turn.problem is not None and turn.problem.kind == "noModel"


class Answer:
    """An answer that is being written.

    Iterate it for its fragments (`for`, `async for`), await it or call `result()` for the whole `Reply`. It starts at
    the first of these, or with `start()`. Fragments arrive on lmnb's I/O thread and are handed to the one who waits.
    """

    def __init__(self, turn: Turn, request: Callable[[], studio.Request]) -> None:
        self.turn = turn
        self._request = request
        self._running: studio.Running | None = None
        self._listeners: list[Callable[[Event], None]] = []

    def listen(self, listener: Callable[[Event], None]) -> None:
        """Call `listener(event)` on the I/O thread after the turn has changed. It must not block."""
        self._listeners.append(listener)

    def start(self) -> Answer:
        """Send the request. Returns at once; a second call does nothing."""
        if self._running is None:
            self._running = studio.start(self._request(), self._on_event)
        return self

    def stop(self, by: StoppedBy = "person") -> None:
        """Stop the prediction and keep what it has written. Returns at once; from any thread."""
        if self._running is not None:
            self._running.stop(by)

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
            ended = asyncio.run_coroutine_threadsafe(self._let_go(), studio.io_loop())
            concurrent.futures.wait([ended], timeout=1.0)

    async def _let_go(self) -> None:
        self._on_event(Stopped("interrupt"))

    def reply(self) -> Reply:
        """The reply to a turn that has ended.

        Raises:
            ChatError: If the turn failed; it carries the partial reply.
        """
        reply = Reply(self.turn)
        if self.turn.problem is not None:
            raise ChatError(self.turn.problem, reply)
        return reply

    def __iter__(self) -> Iterator[Fragment]:
        """Fragments as they come; blocks between them. Leaving the loop early stops the prediction."""
        events: queue.SimpleQueue[Event | None] = queue.SimpleQueue()
        self.listen(events.put)
        self.start()._done.add_done_callback(lambda _: events.put(None))
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
        self.start()._done.add_done_callback(lambda _: hand_over(None))
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

    @property
    def _done(self) -> concurrent.futures.Future[None]:
        assert self._running is not None
        return self._running.done

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
