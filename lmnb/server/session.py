"""One websocket: who is there, then calls and channels, each a task that ends with the connection."""

from __future__ import annotations

import asyncio
import logging
import secrets
import time
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any, TypeGuard

import msgspec

from lmnb.server import wire
from lmnb.server.errors import DropConnectionError, ServerError
from lmnb.server.tokens import same

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, Coroutine, Iterator

    from lmnb.server.endpoints import Endpoints
    from lmnb.server.tokens import Token

log = logging.getLogger(__name__)

MOST_WARNINGS = 5
"""More of them help nobody: a client that does not know the protocol would be flooded."""

MOST_CALLS = 256
"""Calls of one connection at a time; it is not read from while there are as many."""

LARGE = 1 << 20
"""Bytes of a call after which the next frame is read only when it is answered: 256 of them would fill the memory."""

MOST_CHANNELS = 1000
"""Open channels of one connection."""

MOST_HELD = 512 << 20
"""Bytes of large requests that are worked on for all clients together; one more is refused."""

BUSY = "The server is busy with other large requests."

UNKNOWN = "An API token is required to connect to this server, and the client gave none or a wrong one."

SIGN_OF_LIFE = 10.0
"""Seconds of silence after which a channel repeats itself: the SDK gives up after 60."""


class Guests:
    """Who is connected. A client's first connection fixes its passkey, for as long as one of its connections lives.

    Args:
        gone: Told of a client when its last connection is closed.
        token: Without it nobody is let in; None: anybody is.
    """

    def __init__(self, gone: Callable[[str], None] = lambda _: None, token: Token | None = None) -> None:
        self._gone = gone
        self._token = token
        self._invited: dict[str, str] = {}
        self._passkeys: dict[str, str] = {}
        self._connections: dict[str, int] = {}
        self._held = 0

    def hold(self, size: int) -> bool:
        """Make room for a request of so many bytes, if there is any; small ones need none."""
        if size > LARGE and self._held + size > MOST_HELD:
            return False
        self._held += size if size > LARGE else 0
        return True

    def let_go(self, size: int) -> None:
        """A request that room was made for is answered."""
        self._held -= size if size > LARGE else 0

    def come(self, hello: wire.Hello) -> str | None:
        """Let a connection in; or say why not: it has not the token, or the passkey is not that of the others."""
        who, passkey = hello.client_identifier, hello.client_passkey
        if self._token is not None and not self._knows(self._token, who, passkey):
            return UNKNOWN
        if not same(self._passkeys.setdefault(who, passkey), passkey):
            return f'Invalid client passkey for client "{who}".'
        self._connections[who] = self._connections.get(who, 0) + 1
        return None

    def _knows(self, token: Token, who: str, passkey: str) -> bool:
        return token.fits(who, passkey) or same(self._invited.get(who, ""), passkey) & (who in self._invited)

    @contextmanager
    def invited(self, kind: str) -> Iterator[tuple[str, str]]:
        """An identifier and a passkey of our own making, with which somebody is let in meanwhile.

        Args:
            kind: What the identifier begins with.
        """
        who, passkey = f"{kind}:{secrets.token_hex(8)}", secrets.token_hex(16)
        self._invited[who] = passkey
        try:
            yield who, passkey
        finally:
            del self._invited[who]

    def leave(self, hello: wire.Hello) -> None:
        """One that was let in is gone."""
        who = hello.client_identifier
        self._connections[who] -= 1
        if not self._connections[who]:
            del self._connections[who], self._passkeys[who]
            self._gone(who)


class Channel:
    """The server's end of one channel.

    Attributes:
        cancelled: Set when the client asks to stop, or ends the channel.
    """

    def __init__(self, session: Session, number: int) -> None:
        self._session = session
        self._number = number
        self._last_sent = time.monotonic()
        self.cancelled = asyncio.Event()

    @property
    def client(self) -> str:
        """Who is at the other end."""
        return self._session.client

    async def send(self, packet: Any) -> None:
        """Send a packet. Waits while the client is slow to read."""
        self._last_sent = time.monotonic()
        await self._session.send(wire.ChannelMessage(channel_id=self._number, message=packet))

    async def say(self, type: str, **values: Any) -> None:  # noqa: A002  the protocol's word
        """Send a packet of this type."""
        await self.send({"type": type, **values})

    async def stay_in_touch(self, repeat: Callable[[], Any]) -> None:
        """Send what `repeat` gives whenever nothing was sent for a while. Runs until it is cancelled."""
        while True:
            await asyncio.sleep(SIGN_OF_LIFE / 4)
            if time.monotonic() - self._last_sent > SIGN_OF_LIFE:
                await self.send(repeat())


class Session:
    """One client's connection to one namespace.

    Args:
        endpoints: What the namespace can do.
        guests: Everybody who is connected.
        write: Sends a text frame; waits while the client is slow; does nothing once it is gone.
        close: Closes the connection; `True` breaks it off without a word.

    Attributes:
        tasks: What is being done for the client.
    """

    def __init__(
        self,
        endpoints: Endpoints,
        guests: Guests,
        write: Callable[[bytes], Awaitable[None]],
        close: Callable[[bool], None],
    ) -> None:
        self._endpoints = endpoints
        self._guests = guests
        self._write = write
        self._close = close
        self._hello: wire.Hello | None = None
        self._refused = False
        self._warnings = 0
        self._calls = asyncio.Semaphore(MOST_CALLS)
        self._channels: dict[int, Channel] = {}
        self.tasks: set[asyncio.Task[None]] = set()

    @property
    def greeted(self) -> bool:
        """Whether the client has said who it is."""
        return self._hello is not None

    @property
    def client(self) -> str:
        """Who is there; it has said so."""
        assert self._hello is not None
        return self._hello.client_identifier

    async def receive(self, text: str | bytes) -> None:
        """Take a frame. Returns as soon as it is understood; what it asks for is done in a task."""
        if self._hello is None:
            await self._greet(text)
            return
        try:
            frame = wire.decode_frame(text)
        except (msgspec.MsgspecError, RecursionError, UnicodeDecodeError) as error:
            await self._not_understood(text, error)
            return
        match frame:
            case wire.RpcCall():
                await self._call(frame, len(text))
            case wire.ChannelCreate():
                await self._create(frame, len(text))
            case wire.ChannelSend():
                await self._said(frame)
            case wire.KeepAlive():
                await self.send(wire.KeepAliveAck())
            case wire.ChannelAck():
                pass
            case wire.ClientWarned():
                log.info("The client did not understand: %.200r", frame.warning)

    async def send(self, frame: Any) -> None:
        """Send a frame."""
        await self._write(wire.encode(frame))

    def closed(self) -> None:
        """The connection is gone: so is whatever was done for it."""
        if self._hello is not None:
            self._guests.leave(self._hello)
        for task in self.tasks:
            task.cancel()

    # ---- who is there

    async def _greet(self, text: str | bytes) -> None:
        if self._refused:  # frames that were on their way already
            return
        try:
            hello = wire.decode_hello(text)
        except (msgspec.MsgspecError, RecursionError, UnicodeDecodeError) as error:
            await self._refuse(f"This is no authentication: {error}.")
            return
        if (why := self._guests.come(hello)) is not None:
            await self._refuse(why)
            return
        self._hello = hello
        await self._write(b'{"success":true}')

    async def _refuse(self, why: str) -> None:
        self._refused = True
        await self._write(wire.encode({"success": False, "error": why}))
        self._close(False)

    # ---- what is not in the protocol

    async def _not_understood(self, text: str | bytes, error: Exception) -> None:
        """Answer what waits for an answer, where it can be made out; a warning otherwise."""
        frame = wire.loosely(text) or {}
        kind = str(frame.get("type"))
        told = ServerError("The request is not in the form the protocol wants.", cause=str(error)).wire()
        if kind == "rpcCall" and _is_id(number := frame.get("callId")):
            await self.send(wire.RpcError(call_id=number, error=told))
        elif kind == "channelCreate" and _is_id(number := frame.get("channelId")):
            await self.send(wire.ChannelError(channel_id=number, error=told))
        elif kind in {"signalSubscribe", "writableSignalSubscribe"}:
            await self._unknown(kind, str(frame.get("endpoint")))
        else:
            await self._warn(f"Received a message that is not understood: {error}", "unknown")

    async def _unknown(self, what: str, endpoint: str) -> None:
        kind = what.removesuffix("Call").removesuffix("Create").removesuffix("Subscribe") + "EndpointUnknown"
        await self._warn(f"Received {what} for unknown endpoint, endpoint = {endpoint}", kind)

    async def _warn(self, warning: str, kind: str) -> None:
        self._warnings += 1
        if self._warnings <= MOST_WARNINGS:
            await self.send(wire.Warned(warning=warning, kind=kind))

    # ---- calls

    async def _call(self, frame: wire.RpcCall, size: int) -> None:
        rpc = self._endpoints.rpcs.get(frame.endpoint)
        if rpc is None:
            await self._unknown("rpcCall", frame.endpoint)
            return
        if not self._guests.hold(size):
            await self.send(wire.RpcError(call_id=frame.call_id, error=ServerError(BUSY).wire()))
            return
        await self._calls.acquire()
        task = self._spawn(self._answer(frame, rpc), lambda: self._answered(size))
        if size > LARGE:
            await asyncio.wait({task})

    def _answered(self, size: int) -> None:
        self._calls.release()
        self._guests.let_go(size)

    async def _answer(self, frame: wire.RpcCall, rpc: Callable[[str, Any], Awaitable[Any]]) -> None:
        try:
            result = await rpc(self.client, frame.parameter)
            result = msgspec.UNSET if result is None else result
            answer = wire.encode(wire.RpcResult(call_id=frame.call_id, result=result))
        except Exception as error:  # noqa: BLE001  whatever it was, the client waits for an answer
            answer = wire.encode(wire.RpcError(call_id=frame.call_id, error=_wire_error(error)))
        await self._write(answer)

    # ---- channels

    async def _create(self, frame: wire.ChannelCreate, size: int) -> None:
        handler = self._endpoints.channels.get(frame.endpoint)
        number = frame.channel_id
        if handler is None:
            await self._unknown("channelCreate", frame.endpoint)
        elif number in self._channels:
            text = f"Received channelCreate for already open channel, channelId = {number}"
            await self._warn(text, "channelAlreadyOpen")
        elif len(self._channels) >= MOST_CHANNELS:
            error = ServerError(f"This connection has {MOST_CHANNELS} channels open already.")
            await self.send(wire.ChannelError(channel_id=number, error=error.wire()))
        elif not self._guests.hold(size):
            await self.send(wire.ChannelError(channel_id=number, error=ServerError(BUSY).wire()))
        else:
            channel = self._channels[number] = Channel(self, number)
            self._spawn(self._serve(frame, handler, channel), lambda: self._guests.let_go(size))

    async def _serve(
        self, frame: wire.ChannelCreate, handler: Callable[[Channel, Any], Awaitable[None]], channel: Channel
    ) -> None:
        number = frame.channel_id
        last: Any = wire.ChannelClose(channel_id=number)
        try:
            await handler(channel, frame.creation_parameter)
        except DropConnectionError:
            self._close(True)
            return
        except Exception as error:  # noqa: BLE001  whatever it was, the client waits for an answer
            last = wire.ChannelError(channel_id=number, error=_wire_error(error))
        finally:
            self._channels.pop(number, None)
        await self.send(last)

    async def _said(self, frame: wire.ChannelSend) -> None:
        if frame.ack_id is not None:
            await self.send(wire.Acked(channel_id=frame.channel_id, ack_id=frame.ack_id))
        channel = self._channels.get(frame.channel_id)  # one that has just ended is no mistake of the client's
        if channel and isinstance(frame.message, dict) and frame.message.get("type") in ("cancel", "stop", "end"):
            channel.cancelled.set()

    # ---- tasks

    def _spawn(self, work: Coroutine[Any, Any, None], then: Callable[[], None] | None = None) -> asyncio.Task[None]:
        def done(task: asyncio.Task[None]) -> None:
            self.tasks.discard(task)
            if then is not None:
                then()
            if not task.cancelled() and (error := task.exception()):
                log.error("An answer could not be sent", exc_info=error)

        task = asyncio.create_task(work)
        self.tasks.add(task)
        task.add_done_callback(done)
        return task


def _is_id(value: Any) -> TypeGuard[int]:
    return isinstance(value, int) and not isinstance(value, bool) and abs(value) <= 2**53


def _wire_error(error: Exception) -> dict[str, Any]:
    if isinstance(error, ServerError):
        return error.wire()
    if isinstance(error, msgspec.ValidationError):
        return ServerError("The request is not in the form the protocol wants.", cause=str(error)).wire()
    log.error("A request failed in a way nobody expected", exc_info=error)
    return ServerError(f"Something went wrong in lmnb's server: {type(error).__name__}: {error}").wire()
