"""One prediction, from the request to its last event."""

from __future__ import annotations

import asyncio
import concurrent.futures
import contextlib
from typing import TYPE_CHECKING, Any

from lmnb.chat.events import (
    Connected,
    Connecting,
    Event,
    Failed,
    Fitted,
    Fragment,
    Noticed,
    Reading,
    Stopped,
    StoppedBy,
)
from lmnb.chat.problems import ChatError
from lmnb.studio import chats, choosing, failures, handles, known, logs, places, preparing, sdk, settings, versions
from lmnb.studio.choosing import OPENING
from lmnb.studio.ledger import ledger
from lmnb.studio.results import facts_of, finished, stats_of
from lmnb.studio.thread import io_loop

if TYPE_CHECKING:
    from collections.abc import Callable

    import lmstudio as lms

    from lmnb.chat.window import Window
    from lmnb.studio.choosing import Model
    from lmnb.studio.hosts import Place
    from lmnb.studio.preparing import Prepared
    from lmnb.studio.requests import Request
    from lmnb.studio.thinking import Thinking

DRAIN = 2.0
"""Seconds a stopped prediction gets to say its last words (its stats)."""


class Running:
    """A prediction that was started.

    Attributes:
        done: Resolved after the last event was delivered. It does not fail, and cannot be cancelled: `stop` does that.
    """

    def __init__(self, prediction: _Prediction, loop: asyncio.AbstractEventLoop) -> None:
        self.done: concurrent.futures.Future[None] = prediction.done
        self._prediction = prediction
        self._loop = loop

    def stop(self, by: StoppedBy) -> None:
        """Stop it, in whatever phase it is. From any thread; returns at once; the event `Stopped` follows."""
        if not self.done.done():
            self._loop.call_soon_threadsafe(self._prediction.stop, by)


def start(request: Request, on_event: Callable[[Event], None]) -> Running:
    """Start a prediction.

    Args:
        request: What to ask, and whom.
        on_event: Called on the I/O thread with every event, in order: Connecting, Connected, Noticed*, Loading*,
            Fitted, Reading*, Fragment*, and one of Finished, Stopped or Failed. It must not block. A connection that
            turns out to be lost before the first fragment is made anew once, and a model that was unloaded after it
            was chosen is loaded once more: both begin again with Connecting.

    Returns:
        At once, apart from the SDK's first import and warm-up (`warm_up`), which this thread does if nobody has.
    """
    with contextlib.suppress(ImportError):  # comes again on the I/O thread, and becomes a sentence there
        sdk.warm_up()
    loop = io_loop()
    prediction = _Prediction(request, on_event)
    loop.call_soon_threadsafe(prediction.begin)
    return Running(prediction, loop)


class _LostError(Exception):
    """The connection was lost before anything came of it."""


class _Prediction:
    """What happens on the I/O thread. A stopped one is cancelled, unless the server has to be told first."""

    def __init__(self, request: Request, on_event: Callable[[Event], None]) -> None:
        self.done: concurrent.futures.Future[None] = concurrent.futures.Future()
        self.done.set_running_or_notify_cancel()  # from here on nobody can cancel the future itself
        self._request = request
        self._on_event = on_event
        self._task: asyncio.Task[None] | None = None
        self._telling: asyncio.Task[None] | None = None
        self._by: StoppedBy | None = None
        self._open: Any = None  # what the server has to be told to cancel: a load's channel, a prediction's stream
        self._written = self._said = False  # anything at all; anything a reader would see
        self._place: Place | None = None
        self._model: Model | None = None
        self._window: Window | None = None
        self._noticed: set[str] = set()
        self._thinking: Thinking | None = None
        self._thought = 0  # tokens

    def begin(self) -> None:
        self._task = asyncio.get_running_loop().create_task(self._run())

    def stop(self, by: StoppedBy) -> None:
        if self._by is not None or self._task is None or self._task.done():
            return
        self._by = by
        if self._open is None:
            # Not at once: a task that is cancelled before its first step ends without a word.
            asyncio.get_running_loop().call_soon(self._task.cancel)
        else:
            self._hang_up()

    def _hold(self, opened: Any) -> None:
        """A channel is open, or being opened (`OPENING`), or not any more (None).

        While there is one, stopping means telling the server: one that is only cancelled here goes on there.
        """
        self._open = opened
        if opened is not None and opened is not OPENING and self._by is not None:
            self._hang_up()

    def _hang_up(self) -> None:
        loop = asyncio.get_running_loop()
        loop.call_later(DRAIN, self._give_up)
        if self._open is not OPENING:
            self._telling = loop.create_task(_quietly(self._open.cancel()))

    def _give_up(self) -> None:
        for task in (self._telling, self._task):
            if task is not None:
                task.cancel()

    def _emit(self, event: Event) -> None:
        if isinstance(event, Noticed):
            if event.text in self._noticed:  # after a connection that was lost, everything is begun again
                return
            self._noticed.add(event.text)
        try:
            self._on_event(event)
        except Exception:  # noqa: BLE001  a view that breaks must not take the answer with it
            logs.log.exception("Somebody who listens to a prediction failed at %s", type(event).__name__)

    async def _run(self) -> None:
        try:
            self._emit(await self._ending())
        finally:
            self.done.set_result(None)

    async def _ending(self) -> Event:
        try:
            return await self._last_event()
        except asyncio.CancelledError:
            if self._by is None:  # the process ends: the page will see that the kernel has, and nobody else listens
                raise
            return Stopped(self._by)
        except Exception as error:  # noqa: BLE001  whatever it is, the reader gets a sentence
            if self._by is not None:
                return Stopped(self._by)
            context = self._model.context if self._model else None
            return Failed(failures.problem_of(error, self._place, context=context))

    async def _last_event(self) -> Event:
        import lmstudio as lms  # noqa: PLC0415

        try:
            return await self._attempt()
        except _LostError:
            logs.log.info("The connection was lost before the first fragment; once more.")
        except lms.LMStudioServerError as error:
            if self._written or not failures.is_not_found(error):
                raise
            logs.log.info("The model was unloaded after it was chosen; once more.")
        self._check_stopped()
        try:
            return await self._attempt()
        except _LostError:
            assert self._place is not None
            raise ChatError(failures.lost(self._place, in_mid_answer=False)) from None

    async def _attempt(self) -> Event:
        import lmstudio as lms  # noqa: PLC0415

        wanted = handles.read(self._request.model, host=self._request.host)
        config = settings.check(self._request.config)
        # What does not fit is refused, not cut out of the middle without a word (the server's own default).
        config.setdefault("contextOverflowPolicy", "stopAtLimit")
        here = places.here()
        place, client = await self._connect(wanted.host)
        self._check_stopped()
        try:
            self._model = await choosing.choose(client, wanted.key, place, self._emit, self._hold)
            self._check_stopped()
            self._thinking = await preparing.thinking_of(self._request, self._model, client, place)
            prepared = await preparing.prepare(self._request, self._model, client, place, config, self._thinking)
            self._check_stopped()
            return await self._predict(client, self._model, config, prepared)
        except (lms.LMStudioWebsocketError, lms.LMStudioRuntimeError) as error:
            if isinstance(error, lms.LMStudioRuntimeError) and "inactive" not in str(error):
                raise
            here.lost(place, client)
            if not self._written:
                raise _LostError from error
            raise ChatError(failures.lost(place, in_mid_answer=True)) from None

    def _check_stopped(self) -> None:
        # `asyncio.wait_for` may swallow a cancellation before 3.12, and a load may succeed although it was taken back.
        if self._by is not None:
            raise asyncio.CancelledError

    async def _connect(self, host: str | None) -> tuple[Place, lms.AsyncClient]:
        here = places.here()
        place = here.known(host, self._request.api_token)
        self._emit(Connecting(place.host if place else "LM Studio"))
        self._place = place = place or await here.find(self._request.api_token)
        client = await here.client(place)
        self._emit(Connected(place.host, place.embedded, await versions.of(client)))
        if (notice := here.notice(place)) is not None:
            self._emit(Noticed(notice))
        return place, client

    async def _predict(
        self, client: lms.AsyncClient, model: Model, config: dict[str, Any], prepared: Prepared
    ) -> Event:
        import lmstudio as lms  # noqa: PLC0415

        name = model.identifier or model.key
        for notice in prepared.notices:
            self._emit(Noticed(notice))
        if prepared.fit is not None:
            self._emit(Fitted(prepared.fit.window, prepared.prompt_hash, prepared.counts))
            self._window = prepared.fit.window
        stream = await lms.AsyncLLM(name, client.llm).respond_stream(
            prepared.chat,
            config=config,  # type: ignore[arg-type]  # checked by `settings`
            response_format=self._request.response_format,
            on_prompt_processing_progress=lambda progress: self._emit(Reading(name, progress)) if progress else None,
        )
        if self._thinking is not None:
            self._thinking.add(stream)
        self._hold(OPENING)
        ledger.predict(
            client.api_host,
            name,
            chats.texts(prepared.chat),
            tokens=self._window.prompt if self._window else None,
            attached=self._attached(),
            prompt_hash=prepared.prompt_hash,
        )
        try:
            await stream.start()
            self._hold(stream)
            if self._by is None:
                self._emit(Reading(name, 0.0))
            await self._write(stream)
        finally:
            self._hold(None)
        if self._place is not None:
            known.ask_later(client, self._place)
        return self._end(stream.result(), model)

    def _attached(self) -> list[str]:
        """What goes along with the turns that are sent, by name."""
        plan, left_out = self._request.plan, self._window.left_out if self._window else ()
        turns = plan.turns if plan else ()
        return [one.name for turn in turns if turn.id not in left_out for one in turn.attached]

    async def _write(self, stream: lms.AsyncPredictionStream) -> None:
        async for fragment in stream:
            kind = fragment.reasoning_type
            if kind == "none":
                self._emit(Fragment(fragment.content, "text", fragment.tokens_count))
            elif kind == "reasoning":
                self._emit(Fragment(fragment.content, "reasoning", fragment.tokens_count))
                self._thought += fragment.tokens_count
            else:  # the tags around reasoning
                continue
            self._written = True
            self._said = self._said or not fragment.content.isspace()

    def _end(self, result: lms.PredictionResult, model: Model) -> Event:
        stats, facts = stats_of(result.stats), facts_of(result.model_info, model)
        if self._thinking is not None and (remark := self._thinking.remark(self._thought)):
            self._emit(Noticed(remark))
        if self._by is not None:
            return Stopped(self._by, stats, facts)
        if stats.stop_reason in {"modelUnloaded", "failed"}:
            return Failed(failures.cut_off(stats))
        if not self._said and stats.stop_reason not in {"userStopped", "toolCalls"}:
            return Failed(failures.empty(stats, model.context, self._window))
        return finished(result, stats, facts)


async def _quietly(call: Any) -> None:
    try:
        await call
    except Exception as error:  # noqa: BLE001  the server is gone, or does not listen: the waiting ends either way
        logs.log.info("The server could not be told to stop: %r", error)
