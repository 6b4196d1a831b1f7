"""The door to LM Studio: ask for an answer, and events come back. The only room that imports the SDK.

Importing this module costs nothing and does not import the SDK: that happens with the first call, or in the background.
"""

from __future__ import annotations

import importlib
from typing import TYPE_CHECKING, Any

from lmnb.studio.requests import Request

if TYPE_CHECKING:
    from lmnb.studio.bar import Bar
    from lmnb.studio.chats import from_chat, to_chat
    from lmnb.studio.choosing import Model, size
    from lmnb.studio.downloads import Downloaded, download
    from lmnb.studio.known import known_models
    from lmnb.studio.loaded import Instance, Loaded, instances, load, unload
    from lmnb.studio.local import catalogue, get, got, offers, start_server
    from lmnb.studio.overview import Status, instance_table, running, status, table, unasked
    from lmnb.studio.prediction import Running, start
    from lmnb.studio.previewing import Preview, preview
    from lmnb.studio.sdk import begin_import, warm_up
    from lmnb.studio.sdk import version as sdk_version
    from lmnb.studio.shelf import meant, models
    from lmnb.studio.thread import io_loop
    from lmnb.studio.tokenizing import count

__all__ = [
    "Bar",
    "Downloaded",
    "Instance",
    "Loaded",
    "Model",
    "Preview",
    "Request",
    "Running",
    "Status",
    "begin_import",
    "catalogue",
    "count",
    "download",
    "from_chat",
    "get",
    "got",
    "instance_table",
    "instances",
    "io_loop",
    "known_models",
    "load",
    "meant",
    "models",
    "offers",
    "preview",
    "running",
    "sdk_version",
    "size",
    "start",
    "start_server",
    "status",
    "table",
    "to_chat",
    "unasked",
    "unload",
    "warm_up",
]

_WHERE = {
    "Bar": "bar",
    "Downloaded": "downloads",
    "Instance": "loaded",
    "Loaded": "loaded",
    "Model": "choosing",
    "Preview": "previewing",
    "Running": "prediction",
    "Status": "overview",
    "begin_import": "sdk",
    "catalogue": "local",
    "count": "tokenizing",
    "download": "downloads",
    "from_chat": "chats",
    "get": "local",
    "got": "local",
    "instance_table": "overview",
    "instances": "loaded",
    "io_loop": "thread",
    "known_models": "known",
    "load": "loaded",
    "meant": "shelf",
    "models": "shelf",
    "offers": "local",
    "preview": "previewing",
    "running": "overview",
    "sdk_version": "sdk",
    "size": "choosing",
    "start": "prediction",
    "start_server": "local",
    "status": "overview",
    "table": "overview",
    "to_chat": "chats",
    "unasked": "overview",
    "unload": "loaded",
    "warm_up": "sdk",
}


def __getattr__(name: str) -> Any:
    if name not in _WHERE:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")

    value = getattr(importlib.import_module(f"{__name__}.{_WHERE[name]}"), name.removeprefix("sdk_"))
    globals()[name] = value
    return value
