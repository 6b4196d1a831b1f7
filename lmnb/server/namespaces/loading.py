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
    from collections.abc import Awaitable, Callable, Coroutine

    from lmnb.server.endpoints import Endpoints
    from lmnb.server.instances import Instance, Instances
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
    request = LoadRequest(collapse(asked.load_config_stack))
    report = _reporter(channel, "progress")
    await report(0.0)
    work = instances.load(model, request, report, identifier=asked.identifier, ttl_ms=asked.ttl_ms)
    instance = await _unless_cancelled(channel, work)
    await channel.say("success", info=instance.info())


async def _get(instances: Instances, domain: Domain, channel: Channel, asked: ToGet) -> None:
    if (found := instances.named(domain, asked.identifier)) is not None:
        found.touch()
        await channel.say("alreadyLoaded", info=found.info())
        return
    model = instances.on_disk(domain, asked.identifier)
    jit = bool(asked.load_ttl_ms)
    for other in instances.jit() if jit else []:
        await channel.say("unloadingOtherJITModel", info=other.info())
        await instances.unload(other)
    await channel.say("startLoading", identifier=model.key, info=model.info())
    request = LoadRequest(collapse(asked.load_config_stack))
    report = _reporter(channel, "loadProgress")
    await report(0.0)
    work = instances.load(model, request, report, ttl_ms=asked.load_ttl_ms, jit=jit, reuse=True)
    instance = await _unless_cancelled(channel, work)
    await channel.say("loadSuccess", info=instance.info())


def _reporter(channel: Channel, kind: str) -> Callable[[float], Awaitable[None]]:
    async def report(progress: float) -> None:
        await channel.say(kind, progress=progress)

    return report


async def _unless_cancelled(channel: Channel, work: Coroutine[Any, Any, Instance]) -> Instance:
    task = asyncio.create_task(work)
    cancelled = asyncio.create_task(channel.cancelled.wait())
    try:
        await asyncio.wait({task, cancelled}, return_when=asyncio.FIRST_COMPLETED)
        if task.done():
            return task.result()
        raise ServerError("Loading was cancelled.")
    finally:
        cancelled.cancel()
        task.cancel()
        await asyncio.wait({task})
