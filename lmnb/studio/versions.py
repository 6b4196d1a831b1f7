"""Which programs take part in an answer, for its provenance."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING
from weakref import WeakKeyDictionary

from lmnb._version import __version__
from lmnb.studio import logs, sdk
from lmnb.studio.ledger import ledger

if TYPE_CHECKING:
    from collections.abc import Mapping

    import lmstudio as lms

PATIENCE = 0.5
"""Seconds in which a server says its version; an older LM Studio does not know the question and leaves it open."""

_known: WeakKeyDictionary[lms.AsyncClient, Mapping[str, str]] = WeakKeyDictionary()


async def of(client: lms.AsyncClient) -> Mapping[str, str]:
    """The versions of `lmnb`, of the SDK (`lmstudio`), and of the `server` where it says one; asked once a connection.

    Args:
        client: Connected.
    """
    if client not in _known:
        ours = {"lmnb": __version__, "lmstudio": sdk.version()}
        server = await _server(client)
        _known[client] = {**ours, "server": server} if server else ours
    return _known[client]


async def _server(client: lms.AsyncClient) -> str | None:
    ledger.note("question", client.api_host)
    try:
        said = await asyncio.wait_for(client.system.remote_call("version"), PATIENCE)
        version, build = str(said["version"]), said.get("build")
    except Exception as error:  # noqa: BLE001  whatever it says to that: an answer does not need it
        logs.log.info("The server does not say its version: %r", error)
        return None
    return f"{version} (build {build})" if build else version
