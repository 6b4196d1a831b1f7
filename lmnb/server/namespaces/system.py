"""The `system` namespace: what is on disk, and what this server is."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING, Any

from lmnb._version import __version__
from lmnb.server.endpoints import Endpoints

if TYPE_CHECKING:
    from lmnb.server.instances import Instances
    from lmnb.server.session import Channel


def namespace(instances: Instances) -> Endpoints:
    """Its endpoints."""
    room = Endpoints()

    async def downloaded(_: Any) -> list[dict[str, Any]]:
        return [model.info() for model in instances.known() if not model.damage]

    room.rpc("listDownloadedModels", object, downloaded)
    room.plain("listDownloadedModelVariants", list)
    room.plain("version", lambda: {"version": __version__, "build": 0})
    room.plain("info", lambda: {"pid": os.getpid(), "isDaemon": True, "version": __version__})
    room.plain("notify", lambda: None)
    room.plain("getExperimentFlags", list)
    room.plain("setExperimentFlag", lambda: None)
    room.channel("alive", object, until_gone)
    return room


async def until_gone(channel: Channel, _: Any) -> None:
    """Stay open until the client ends it or goes."""
    await channel.cancelled.wait()
