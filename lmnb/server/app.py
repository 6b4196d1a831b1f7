"""The listening end: the greeting that SDKs look for, and one websocket per namespace."""

from __future__ import annotations

import asyncio
import errno
import os
import time
from typing import TYPE_CHECKING, Any

from tornado import httpserver, netutil, web, websocket

from lmnb.server import files
from lmnb.server.namespaces import NAMES, namespaces
from lmnb.server.session import Guests, Session

if TYPE_CHECKING:
    from lmnb.server.endpoints import Endpoints
    from lmnb.server.instances import Instances
    from lmnb.server.tokens import Token

LARGEST_FRAME = 2 * files.LARGEST
"""Bytes. A file arrives as one frame, a third longer than it is; one that is too large should be told so in words."""

GREETING_TIME = 10.0
"""Seconds in which a client has to say who it is."""

STALLED = 300.0
"""Seconds in which a client reads nothing of what waits for it, after which it is given up: it may hold a slot."""


class Visitors:
    """How many connections there are, and since when there is none."""

    def __init__(self) -> None:
        self._count = 0
        self._alone_since = time.monotonic()

    def come(self) -> None:
        """One more."""
        self._count += 1

    def leave(self) -> None:
        """One less."""
        self._count -= 1
        self.seen()

    def seen(self) -> None:
        """Somebody has looked whether there is a server: they may come in a moment."""
        self._alone_since = time.monotonic()

    @property
    def alone_for(self) -> float:
        """Seconds without any connection."""
        return 0.0 if self._count else time.monotonic() - self._alone_since


class Greeting(web.RequestHandler):
    """`GET /lmstudio-greeting`: yes, this is one."""

    def initialize(self, visitors: Visitors) -> None:
        """Take what all requests share."""
        self._visitors = visitors

    def get(self) -> None:
        """Say so, and which process it is."""
        self._visitors.seen()
        self.write({"lmstudio": True, "lmnb": {"pid": os.getpid()}})


class Socket(websocket.WebSocketHandler):
    """One connection to one namespace."""

    def initialize(self, rooms: dict[str, Endpoints], guests: Guests, visitors: Visitors) -> None:
        """Take what all connections share."""
        self._rooms = rooms
        self._guests = guests
        self._visitors = visitors
        self._session: Session | None = None

    def check_origin(self, origin: str) -> bool:  # noqa: ARG002
        """SDKs send no Origin, browsers do: no page gets in, wherever it is from."""
        return False

    def open(self, *args: str, **_: str) -> None:
        """Wait for the client to say who it is."""
        self.set_nodelay(True)
        self._visitors.come()
        self._session = Session(self._rooms[args[0]], self._guests, self._write, self._end)
        self._late = asyncio.get_running_loop().call_later(GREETING_TIME, self._too_late)

    async def on_message(self, message: str | bytes) -> None:
        """Hand a frame to the session; tornado reads the next one when this returns."""
        assert self._session is not None
        await self._session.receive(message)

    def on_close(self) -> None:
        """End what was done for this client."""
        if self._session is not None:
            self._late.cancel()
            self._visitors.leave()
            self._session.closed()

    async def _write(self, frame: bytes) -> None:
        # Not wait_for: before Python 3.12 it may swallow the cancellation of who waits (cpython#86296).
        patience = asyncio.get_running_loop().call_later(STALLED, self._end, True)
        try:
            await self.write_message(frame.decode())
        except websocket.WebSocketClosedError:
            pass  # `on_close` follows and ends whatever is done for it
        finally:
            patience.cancel()

    def _end(self, abruptly: bool) -> None:
        stream = self.ws_connection.stream if abruptly and self.ws_connection else None
        if stream is not None:
            stream.close()
        else:
            self.close()

    def _too_late(self) -> None:
        if self._session is not None and not self._session.greeted:
            self.close(4401, "no authentication")


def listen(
    instances: Instances, visitors: Visitors, port: int, *, host: str = "127.0.0.1", token: Token | None = None
) -> tuple[httpserver.HTTPServer, int]:
    """Listen.

    Args:
        instances: The models.
        visitors: Counts connections.
        port: 0 for any free one.
        host: At which address of this computer.
        token: What clients need to be let in; None: nothing.

    Returns:
        The HTTP server, and the port.

    Raises:
        OSError: If the port is taken, or is none, or the address is not this computer's.
    """
    uploads = files.Files()
    guests = Guests(uploads.forget, token)
    rooms = namespaces(instances, uploads, guests)
    shared: dict[str, Any] = {"rooms": rooms, "guests": guests, "visitors": visitors}
    application = web.Application(
        [(r"/lmstudio-greeting", Greeting, {"visitors": visitors}), (rf"/({'|'.join(NAMES)})", Socket, shared)],
        websocket_max_message_size=LARGEST_FRAME,
        log_function=lambda _: None,
    )
    if not 0 <= port < 1 << 16:  # it would be wrapped round silently
        raise OSError(errno.ERANGE, "ports go from 0 to 65535")
    sockets = netutil.bind_sockets(port, host)
    server = httpserver.HTTPServer(application, max_buffer_size=LARGEST_FRAME + (1 << 16))
    server.add_sockets(sockets)
    return server, int(sockets[0].getsockname()[1])
