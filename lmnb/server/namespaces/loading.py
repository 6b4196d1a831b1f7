"""Loading a model, on request and on first use, with progress; the client can call it off."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Any

import msgspec

from lmnb.server import wire
from lmnb.server.errors import ServerError
from lmnb.server.models import LoadRequest
from lmnb.server.settings import collapse

if TYPE_CHECKING:
    from collections.abc import Coroutine

    from lmnb.server.endpoints import Endpoints
    from lmnb.server.instances import Instances
    from lmnb.server.models import Domain
    from lmnb.server.session import Channel


class ToLoad(wire.Camel):
    """A model to load, whatever is loaded already."""

    model_key: str
    identifier: str | None = None
    ttl_ms: float | None = None
    load_config_stack: wire.ConfigStack = msgspec.field(default_factory=wire.ConfigStack)


class ToGet(wire.Camel):
    """A model that is wanted, loaded or not."""

    identifier: str
    load_ttl_ms: float | None = None
    load_config_stack: wire.ConfigStack = msgspec.field(default_factory=wire.ConfigStack)


def add(room: Endpoints, instances: Instances, domain: Domain) -> None:
    """Put the two channels that load into a namespace."""

    async def load(channel: Channel, asked: ToLoad) -> None:
        await _load(instances, domain, channel, asked)

    async def get(channel: Channel, asked: ToGet) -> None:
        await _get(instances, domain, channel, asked)

    room.channel("loadModel", ToLoad, load)
    room.channel("getOrLoad", ToGet, get)


async def _load(instances: Instances, domain: Domain, channel: Channel, asked: ToLoad) -> None:
    model = instances.on_disk(domain, asked.model_key)
    await channel.say("resolved", info=model.info())
    progress = _Progress(channel, "progress")
    await progress.report(0.0)

    async def work() -> None:
        async with instances.loading(model, jit=False):
            instance = await instances.load(
                model,
                LoadRequest(collapse(asked.load_config_stack)),
                progress.report,
                identifier=asked.identifier,
                ttl_ms=asked.ttl_ms,
            )
        await progress.report(1.0)
        await channel.say("success", info=instance.info())

    await progress.during(work())


async def _get(instances: Instances, domain: Domain, channel: Channel, asked: ToGet) -> None:
    progress = _Progress(channel, "loadProgress")

    async def work() -> None:
        async with instances.loading(model, jit=jit):
            if await _there(instances, domain, channel, asked):  # loaded while this one waited
                return
            for other in instances.jit() if jit else []:
                await channel.say("unloadingOtherJITModel", info=other.info())
                await instances.unload(other)
            await channel.say("startLoading", identifier=model.key, info=model.info())
            await progress.report(0.0)
            request = LoadRequest(collapse(asked.load_config_stack))
            instance = await instances.load(model, request, progress.report, ttl_ms=asked.load_ttl_ms, jit=jit)
        await progress.report(1.0)
        await channel.say("loadSuccess", info=instance.info())

    if not await _there(instances, domain, channel, asked):
        model, jit = instances.on_disk(domain, asked.identifier), bool(asked.load_ttl_ms)
        await progress.during(work())


async def _there(instances: Instances, domain: Domain, channel: Channel, asked: ToGet) -> bool:
    found = instances.named(domain, asked.identifier)
    if found is not None:
        found.touch()
        await channel.say("alreadyLoaded", info=found.info())
    return found is not None


class _Progress:
    """How far a load is; repeated while nothing happens, which a client takes for a sign of life."""

    def __init__(self, channel: Channel, kind: str) -> None:
        self._channel = channel
        self._kind = kind
        self._last = 0.0

    async def report(self, progress: float) -> None:
        self._last = progress
        await self._channel.say(self._kind, progress=progress)

    async def during(self, work: Coroutine[Any, Any, None]) -> None:
        """Do the work of a load, unless the client calls it off or goes."""
        repeat = self._channel.stay_in_touch(lambda: {"type": self._kind, "progress": self._last})
        task = asyncio.create_task(work)
        others = [asyncio.create_task(self._channel.cancelled.wait()), asyncio.create_task(repeat)]
        try:
            await asyncio.wait({task, others[0]}, return_when=asyncio.FIRST_COMPLETED)
        finally:
            for each in (task, *others):
                each.cancel()  # does nothing to one that has ended
            await asyncio.wait({task})
        if task.cancelled():
            raise ServerError("Loading was cancelled.")
        task.result()
