"""The namespaces with nothing in them yet: they are there, greet, and answer lists with nothing."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from lmnb.server.endpoints import Endpoints
from lmnb.server.namespaces.system import until_gone

if TYPE_CHECKING:
    from lmnb.server.session import Channel, Guests


def nothing() -> Endpoints:
    """No endpoints."""
    return Endpoints()


def runtime() -> Endpoints:
    """There is no engine to choose."""
    room = Endpoints()
    room.plain("listEngines", list)
    return room


def plugins(guests: Guests) -> Endpoints:
    """A plugin under development can announce itself; nothing calls it."""
    room = Endpoints()

    async def register(channel: Channel, asked: Any) -> None:
        with guests.invited("plugin") as (who, passkey):  # it comes once more, as itself
            await channel.say("ready", clientIdentifier=who, clientPasskey=passkey)
            await until_gone(channel, asked)

    room.channel("registerDevelopmentPlugin", object, register)
    for name in ("setPromptPreprocessor", "setToolsProvider", "setGenerator", "setPredictionLoopHandler"):
        room.channel(name, object, until_gone)
    for name in ("setConfigSchematics", "setGlobalConfigSchematics", "pluginInitCompleted"):
        room.plain(name, lambda: None)
    return room
