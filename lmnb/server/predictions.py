"""One answer: its packets in the right order, its numbers, its end."""

from __future__ import annotations

import asyncio
import time
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import msgspec

from lmnb.server import errors, wire
from lmnb.server.files import not_here
from lmnb.server.instances import Work
from lmnb.server.settings import Prediction, fields

if TYPE_CHECKING:
    from collections.abc import Callable

    from lmnb.server.files import Files, Upload
    from lmnb.server.instances import Instance, Instances
    from lmnb.server.models import Domain, Model
    from lmnb.server.session import Channel


class PredictParameter(wire.Camel):
    """What `predict` is asked."""

    model_specifier: wire.Specifier
    history: wire.History
    prediction_config_stack: wire.ConfigStack
    fuzzy_preset_identifier: str | None = None


class RawTextParameter(wire.Camel):
    """What `completeRawText` is asked."""

    model_specifier: wire.Specifier
    raw_prompt: str
    prediction_config_stack: wire.ConfigStack = msgspec.field(default_factory=wire.ConfigStack)


@dataclass
class Outcome:
    """How an answer ended, as far as the runner knows."""

    stop_reason: str
    prompt_tokens: int | None = None
    predicted_tokens: int | None = None
    tokens_per_second: float | None = None
    stop_string: str | None = None


@dataclass
class Job:
    """What a runner is to do, and where its words go.

    Attributes:
        files: Those that the history names, by identifier.
    """

    settings: Prediction
    out: Output
    history: wire.History = field(default_factory=lambda: wire.History(messages=[]))
    raw_prompt: str | None = None
    files: dict[str, Upload] = field(default_factory=dict)


class Output:
    """The packets of one answer. Keeps count, and says what the instance is doing."""

    def __init__(self, channel: Channel, work: Work) -> None:
        self._channel = channel
        self._work = work
        self._began = time.perf_counter()
        self._first: float | None = None
        self._progress = _progress(0, 0, 0)
        self.tokens = 0

    async def reading(self, processed: int, total: int, cached: int = 0) -> None:
        """So many tokens of the prompt were read."""
        self._progress = _progress(processed, total, cached)
        await self._channel.send(self._progress)

    async def fragment(self, content: str, tokens: int = 1, reasoning: str = "none") -> None:
        """A piece of the answer; empty ones are left out."""
        self.writing()
        self.tokens += tokens
        if content:
            body = wire.FragmentBody(content=content, tokens_count=tokens, reasoning_type=reasoning)
            await self._channel.send(wire.Fragment(fragment=body))

    async def tool(self, type: str, **values: Any) -> None:  # noqa: A002  the protocol's word
        """A packet about a tool call."""
        self.writing()
        await self._channel.send({"type": type, **values})

    async def tool_call(self, name: str, arguments: dict[str, Any], call_id: str, raw: str) -> None:
        """A tool call is complete."""
        request = {"type": "function", "id": call_id, "name": name, "arguments": arguments}
        await self.tool("toolCallGenerationEnd", toolCallRequest=request, rawContent=raw)

    def writing(self) -> None:
        """The prompt is read; the answer begins."""
        if self._first is None:
            self._first = time.perf_counter()
            self._work.status = "generating"

    async def stay_in_touch(self) -> None:
        """Say the last progress again whenever nothing was said for a while. Runs until it is cancelled."""
        await self._channel.stay_in_touch(lambda: self._progress)

    def stats(self, outcome: Outcome) -> dict[str, Any]:
        """The numbers of this answer."""
        now = time.perf_counter()
        predicted = self.tokens if outcome.predicted_tokens is None else outcome.predicted_tokens
        stats: dict[str, Any] = {
            "stopReason": outcome.stop_reason,
            "predictedTokensCount": predicted,
            "numGpuLayers": 0,
            "totalTimeSec": now - self._began,
        }
        prompt = outcome.prompt_tokens or self._progress.details["totalPromptTokenCount"]
        if prompt:
            stats |= {"promptTokensCount": prompt, "totalTokensCount": prompt + predicted}
        if self._first is not None:
            stats["timeToFirstTokenSec"] = self._first - self._began
            if predicted > 1 and now > self._first:
                stats["tokensPerSecond"] = outcome.tokens_per_second or predicted / (now - self._first)
        if outcome.stop_string:
            stats["stopString"] = outcome.stop_string
        return stats


def _progress(processed: int, total: int, cached: int) -> wire.Progress:
    return wire.Progress(
        progress=processed / total if total else 0.0,
        details={
            "cachedTokenCount": cached,
            "totalPromptTokenCount": total,
            "processedPromptTokenCount": processed - cached,
            "unprocessedPromptTokenCount": total - processed,
        },
    )


async def predict(
    instances: Instances, uploads: Files, domain: Domain, channel: Channel, asked: PredictParameter
) -> None:
    """Serve a `predict` channel to its end."""
    if asked.fuzzy_preset_identifier is not None:
        raise errors.no_preset(asked.fuzzy_preset_identifier)
    settings = Prediction(asked.prediction_config_stack)
    instance = instances.find(domain, asked.model_specifier)
    files = attached(asked.history, instance.model, lambda identifier: uploads.find(channel.client, identifier))
    await _run(instance, channel, settings, history=asked.history, files=files)


def attached(history: wire.History, model: Model, find: Callable[[str], Upload | None]) -> dict[str, Upload]:
    """The files that a history names, by identifier.

    Raises:
        ServerError: If one of them is not here, or is nothing for this model.
    """
    found: dict[str, Upload] = {}
    for part in (part for message in history.messages for part in message.content):
        if not isinstance(part, wire.FilePart):
            continue
        upload = find(part.identifier)
        kind = part.file_type if upload is None else upload.type
        if kind == "image" and not model.vision:
            raise errors.ServerError(f"“{model.key}” cannot look at pictures, and “{part.name[:100]}” is one.")
        if upload is None:
            raise not_here(part.name)
        if not upload.is_image and not upload.is_text:
            raise errors.ServerError(f"“{part.name[:100]}” is neither a picture nor text: it cannot be read here.")
        found[part.identifier] = upload
    return found


async def complete_raw(instances: Instances, domain: Domain, channel: Channel, asked: RawTextParameter) -> None:
    """Serve a `completeRawText` channel to its end."""
    settings = Prediction(asked.prediction_config_stack)
    await _run(instances.find(domain, asked.model_specifier), channel, settings, raw_prompt=asked.raw_prompt)


async def _run(instance: Instance, channel: Channel, settings: Prediction, **prompt: Any) -> None:
    work = Work()
    out = Output(channel, work)
    task = asyncio.create_task(_in_slot(instance, work, Job(settings, out, **prompt)))
    alive = asyncio.create_task(out.stay_in_touch())
    try:
        outcome = await _end_of(task, channel, work)
    finally:
        alive.cancel()
    await channel.say(
        "success",
        stats=out.stats(outcome),
        modelInfo=instance.info(),
        loadModelConfig=fields(instance.settings),
        predictionConfig=fields(settings.all),
    )


async def _in_slot(instance: Instance, work: Work, job: Job) -> Outcome:
    await job.out.reading(0, 0)
    async with instance.slot(work):
        return await instance.runner.predict(job)


async def _end_of(task: asyncio.Task[Outcome], channel: Channel, work: Work) -> Outcome:
    """How the answer ends: by itself, by the client's wish, or because its model is unloaded."""
    stopped = asyncio.create_task(channel.cancelled.wait())
    unloaded = asyncio.create_task(work.unloaded.wait())
    try:
        await asyncio.wait({task, stopped, unloaded}, return_when=asyncio.FIRST_COMPLETED)
    finally:
        for each in (task, stopped, unloaded):
            each.cancel()  # does nothing to one that has ended
        await asyncio.wait({task})
    failed = task.cancelled() or task.exception() is not None
    if failed and channel.cancelled.is_set():
        return Outcome("userStopped")
    if failed and work.unloaded.is_set():
        return Outcome("modelUnloaded")
    return task.result()
