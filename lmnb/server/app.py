"""The listening end: the greeting that SDKs look for, and one websocket per namespace, for this computer only."""

from __future__ import annotations

import asyncio
import contextlib
import os
import time
from typing import TYPE_CHECKING, Any

from tornado import httpserver, netutil, web, websocket

from lmnb.server.namespaces import NAMES, namespaces
from lmnb.server.session import Session

if TYPE_CHECKING:
    from lmnb.server.endpoints import Endpoints
    from lmnb.server.instances import Instances

LARGEST_FRAME = 256 << 20
"""Bytes. An image arrives as one frame."""

GREETING_TIME = 10.0
"""Seconds in which a client has to say who it is."""


class Visitors:
    """How many connections there are, and since when there is none."""

    def __init__(self) -> None:
        self._count = 0
        self._alone_since = time.monotonic()

    def __enter__(self) -> None:
        self._count += 1

    def __exit__(self, *_: object) -> None:
        self._count -= 1
        self._alone_since = time.monotonic()

    @property
    def alone_for(self) -> float:
        """Seconds without any connection."""
        return 0.0 if self._count else time.monotonic() - self._alone_since


class Greeting(web.RequestHandler):
    """`GET /lmstudio-greeting`: yes, this is one."""

    def get(self) -> None:
        """Say so, and which process it is."""
        self.write({"lmstudio": True, "lmnb": {"pid": os.getpid()}})


class Socket(websocket.WebSocketHandler):
    """One connection to one namespace."""

    def initialize(self, rooms: dict[str, Endpoints], visitors: Visitors) -> None:
        """Take what all connections share."""
        self._rooms = rooms
        self._visitors = visitors
        self._session: Session | None = None

    def check_origin(self, origin: str) -> bool:  # noqa: ARG002
        """SDKs send no Origin, browsers do: no page gets in, wherever it is from."""
        return False

    def open(self, *args: str, **_: str) -> None:
        """Wait for the client to say who it is."""
        self.set_nodelay(True)
        self._visitors.__enter__()
        self._session = Session(self._rooms[args[0]], self._write, self._end)
        self._late = asyncio.get_running_loop().call_later(GREETING_TIME, self._too_late)

    async def on_message(self, message: str | bytes) -> None:
        """Hand a frame to the session; tornado reads the next one when this returns."""
        assert self._session is not None
        with contextlib.suppress(websocket.WebSocketClosedError):  # `on_close` follows
            await self._session.receive(message)

    def on_close(self) -> None:
        """End what was done for this client."""
        if self._session is not None:
            self._late.cancel()
            self._visitors.__exit__()
            self._session.closed()

    async def _write(self, frame: bytes) -> None:
        await self.write_message(frame.decode())

    def _end(self, abruptly: bool) -> None:
        stream = self.ws_connection.stream if abruptly and self.ws_connection else None
        if stream is not None:
            stream.close()
        else:
            self.close()

    def _too_late(self) -> None:
        if self._session is not None and not self._session.greeted:
            self.close(4401, "no authentication")


def listen(instances: Instances, visitors: Visitors, port: int) -> tuple[httpserver.HTTPServer, int]:
    """Listen on 127.0.0.1.

    Args:
        instances: The models.
        visitors: Counts connections.
        port: 0 for any free one.

    Returns:
        The HTTP server, and the port.

    Raises:
        OSError: If the port is taken.
    """
    shared: dict[str, Any] = {"rooms": namespaces(instances), "visitors": visitors}
    application = web.Application(
        [(r"/lmstudio-greeting", Greeting), (rf"/({'|'.join(NAMES)})", Socket, shared)],
        websocket_max_message_size=LARGEST_FRAME,
        log_function=lambda _: None,
    )
    sockets = netutil.bind_sockets(port, "127.0.0.1")
    server = httpserver.HTTPServer(application)
    server.add_sockets(sockets)
    return server, int(sockets[0].getsockname()[1])
