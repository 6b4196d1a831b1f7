"""The namespaces with nothing in them yet: they are there, greet, and answer lists with nothing."""

from __future__ import annotations

import secrets
from typing import TYPE_CHECKING, Any

from lmnb.server.endpoints import Endpoints
from lmnb.server.namespaces.system import until_gone

if TYPE_CHECKING:
    from lmnb.server.session import Channel


def nothing() -> Endpoints:
    """No endpoints."""
    return Endpoints()


def runtime() -> Endpoints:
    """There is no engine to choose."""
    room = Endpoints()
    room.plain("listEngines", list)
    return room


def plugins() -> Endpoints:
    """A plugin under development can announce itself; nothing calls it."""
    room = Endpoints()
    room.channel("registerDevelopmentPlugin", object, _register)
    for name in ("setPromptPreprocessor", "setToolsProvider", "setGenerator", "setPredictionLoopHandler"):
        room.channel(name, object, until_gone)
    for name in ("setConfigSchematics", "setGlobalConfigSchematics", "pluginInitCompleted"):
        room.plain(name, lambda: None)
    return room


async def _register(channel: Channel, asked: Any) -> None:
    passport = {"clientIdentifier": f"plugin:{secrets.token_hex(8)}", "clientPasskey": secrets.token_hex(16)}
    await channel.say("ready", **passport)
    await until_gone(channel, asked)
