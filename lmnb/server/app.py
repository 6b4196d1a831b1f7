"""The listening end: the greeting that SDKs look for, and one websocket per namespace."""

from __future__ import annotations

import asyncio
import contextlib
import errno
import os
import sys
import time
from typing import TYPE_CHECKING, Any

from tornado import httpserver, iostream, netutil, web, websocket

from lmnb.server import files
from lmnb.server.namespaces import NAMES, namespaces
from lmnb.server.session import Guests, Session

if TYPE_CHECKING:
    from lmnb.server.endpoints import Endpoints
    from lmnb.server.instances import Instances
    from lmnb.server.tokens import Token

LARGEST_FRAME = 2 * files.LARGEST
"""Bytes. A file arrives as one frame, a third longer than it is; one that is too large should be told so in words."""

FIRST_FRAME = 1 << 16
"""Bytes of what somebody may send who has not said who it is: they must not fill the memory."""

GREETING_TIME = 10.0
"""Seconds in which a client has to say who it is."""

STALLED = 300.0
"""Seconds in which a client reads nothing of what waits for it, after which it is given up: it may hold a slot."""


LAST_WORDS = 0.5
"""Seconds in which answers come to their end when the server does."""

MOST_CONNECTIONS = 1 << 13
"""At a time, where the system allows so many."""

OTHER_FILES = 128
"""Files that may be open besides connections: of models that are read, and pipes to engines."""


class Visitors:
    """How many connections there are, and since when there is none."""

    def __init__(self) -> None:
        self._here: set[Socket] = set()
        self._alone_since = time.monotonic()

    def come(self, socket: Socket) -> None:
        """One more."""
        self._here.add(socket)

    def leave(self, socket: Socket) -> None:
        """One less."""
        self._here.remove(socket)
        self.seen()

    @property
    def count(self) -> int:
        """How many there are."""
        return len(self._here)

    async def send_home(self) -> None:
        """The server ends: so do all answers, and a moment later all connections, also of those who do not read."""
        if tasks := {task for socket in self._here for task in socket.tasks}:
            await asyncio.wait(tasks, timeout=LAST_WORDS)
        for socket in list(self._here):
            socket.end(False, 1001, "The server has ended.")
            socket.end(True)

    def seen(self) -> None:
        """Somebody has looked whether there is a server: they may come in a moment."""
        self._alone_since = time.monotonic()

    @property
    def alone_for(self) -> float:
        """Seconds without any connection."""
        return 0.0 if self._here else time.monotonic() - self._alone_since


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
        self._connection: websocket.WebSocketProtocol | None = None

    @property
    def tasks(self) -> set[asyncio.Task[None]]:
        """What is being done for it."""
        return set() if self._session is None else self._session.tasks

    def check_origin(self, origin: str) -> bool:  # noqa: ARG002
        """SDKs send no Origin, browsers do: no page gets in, wherever it is from."""
        return False

    def open(self, *args: str, **_: str) -> None:
        """Wait for the client to say who it is."""
        self.set_nodelay(True)
        self._visitors.come(self)
        self._connection = self.ws_connection
        self._session = Session(self._rooms[args[0]], self._guests, self._write, self.end)
        self._late = asyncio.get_running_loop().call_later(GREETING_TIME, self._too_late)

    async def on_message(self, message: str | bytes) -> None:
        """Hand a frame to the session; tornado reads the next one when this returns."""
        assert self._session is not None
        known = self._session.greeted
        await self._session.receive(message)
        if not known and self._session.greeted:
            self._trust()
        await asyncio.sleep(0)  # others come in between however many frames have arrived already

    def _trust(self) -> None:
        connection = self.ws_connection
        if isinstance(connection, websocket.WebSocketProtocol13):
            connection.params.max_message_size = LARGEST_FRAME

    def on_close(self) -> None:
        """End what was done for this client."""
        if self._session is not None:
            self._late.cancel()
            self._visitors.leave(self)
            self._session.closed()

    async def _write(self, frame: bytes) -> None:
        try:
            sent = self.write_message(frame)
        except websocket.WebSocketClosedError:
            return  # `on_close` follows and ends whatever is done for it
        sent.add_done_callback(_looked_at)
        connection = self.ws_connection
        if connection is None or connection.stream is None or connection.stream.writing():
            await self._until_read(sent)

    async def _until_read(self, sent: asyncio.Future[None]) -> None:
        """Wait until the client has taken what waits for it, and only so long."""
        # Not wait_for: before Python 3.12 it may swallow the cancellation of who waits (cpython#86296).
        patience = asyncio.get_running_loop().call_later(STALLED, self.end, True)
        try:
            # Shielded: tornado logs an error where a write is cancelled together with who waits for it.
            await asyncio.shield(sent)
        except websocket.WebSocketClosedError:
            pass  # as above
        finally:
            patience.cancel()

    def end(self, abruptly: bool, code: int | None = None, reason: str | None = None) -> None:
        """Close the connection, or break it off."""
        connection = self._connection  # tornado forgets its own when it begins to close
        if abruptly and connection is not None and connection.stream is not None:
            connection.client_terminated = True  # tornado would hand over what it has read already
            connection.stream.close()
        else:
            self.close(code, reason)

    def _too_late(self) -> None:
        if self._session is not None and not self._session.greeted:
            self.close(4401, "no authentication")


def _looked_at(sent: asyncio.Future[None]) -> None:
    """Nobody may be left who waits for it; asyncio would log its failure."""
    if not sent.cancelled():
        sent.exception()


class Door(httpserver.HTTPServer):
    """Lets in as many as there is room for: where files run out, tornado writes a thousand errors a second.

    Attributes:
        visitors: Those who are in.
        most: How many connections there may be.
    """

    visitors: Visitors
    most: int

    def handle_stream(self, stream: iostream.IOStream, address: tuple[Any, ...]) -> None:
        """Let one in, or hang up."""
        if len(self._connections) + self.visitors.count < self.most:
            super().handle_stream(stream, address)
        else:
            stream.close()


def _room() -> int:
    """How many connections there can be."""
    if sys.platform == "win32":
        return 400  # of 512 that its `select` takes
    import resource  # noqa: PLC0415  not everywhere

    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    wanted = MOST_CONNECTIONS + OTHER_FILES
    if soft < wanted:
        soft = wanted if hard == resource.RLIM_INFINITY else min(wanted, hard)
        with contextlib.suppress(OSError, ValueError):
            resource.setrlimit(resource.RLIMIT_NOFILE, (soft, hard))
    allowed = resource.getrlimit(resource.RLIMIT_NOFILE)[0]
    return min(MOST_CONNECTIONS, max(allowed - OTHER_FILES, allowed // 2))


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
        websocket_max_message_size=FIRST_FRAME,
        log_function=lambda _: None,
    )
    if not 0 <= port < 1 << 16:  # it would be wrapped round silently
        raise OSError(errno.ERANGE, "ports go from 0 to 65535")
    sockets = netutil.bind_sockets(port, host)
    server = Door(
        application,
        max_buffer_size=LARGEST_FRAME + (1 << 16),
        idle_connection_timeout=GREETING_TIME,
    )
    server.visitors, server.most = visitors, _room()
    server.add_sockets(sockets)
    return server, int(sockets[0].getsockname()[1])
