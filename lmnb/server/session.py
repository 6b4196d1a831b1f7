"""One websocket: who is there, then calls and channels, each a task that ends with the connection."""

from __future__ import annotations

import asyncio
import logging
from typing import TYPE_CHECKING, Any

import msgspec

from lmnb.server import wire
from lmnb.server.errors import DropConnectionError, ServerError

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, Coroutine

    from lmnb.server.endpoints import Endpoints

log = logging.getLogger(__name__)

MOST_WARNINGS = 5
"""More of them help nobody: a client that does not know the protocol would be flooded."""


class Channel:
    """The server's end of one channel.

    Attributes:
        cancelled: Set when the client asks to stop, or ends the channel.
    """

    def __init__(self, session: Session, number: int) -> None:
        self._session = session
        self._number = number
        self.cancelled = asyncio.Event()

    async def send(self, packet: Any) -> None:
        """Send a packet. Waits while the client is slow to read."""
        await self._session.send(wire.ChannelMessage(channel_id=self._number, message=packet))

    async def say(self, type: str, **values: Any) -> None:  # noqa: A002  the protocol's word
        """Send a packet of this type."""
        await self.send({"type": type, **values})


class Session:
    """One client's connection to one namespace.

    Args:
        endpoints: What the namespace can do.
        write: Sends a text frame; waits while the client is slow.
        close: Closes the connection; `True` breaks it off without a word.
    """

    def __init__(
        self, endpoints: Endpoints, write: Callable[[bytes], Awaitable[None]], close: Callable[[bool], None]
    ) -> None:
        self._endpoints = endpoints
        self._write = write
        self._close = close
        self._greeted = False
        self._warnings = 0
        self._channels: dict[int, Channel] = {}
        self._tasks: set[asyncio.Task[None]] = set()

    @property
    def greeted(self) -> bool:
        """Whether the client has said who it is."""
        return self._greeted

    async def receive(self, text: str | bytes) -> None:
        """Take a frame. Returns as soon as it is understood; what it asks for is done in a task."""
        if not self._greeted:
            await self._greet(text)
            return
        try:
            frame = wire.decode_frame(text)
        except (msgspec.MsgspecError, UnicodeDecodeError) as error:
            await self._not_understood(text, error)
            return
        match frame:
            case wire.RpcCall():
                await self._call(frame)
            case wire.ChannelCreate():
                await self._create(frame)
            case wire.ChannelSend():
                await self._said(frame)
            case wire.KeepAlive():
                await self.send(wire.KeepAliveAck())
            case wire.ChannelAck():
                pass

    async def send(self, frame: Any) -> None:
        """Send a frame."""
        await self._write(wire.encode(frame))

    def closed(self) -> None:
        """The connection is gone: so is whatever was done for it."""
        for task in self._tasks:
            task.cancel()

    async def _greet(self, text: str | bytes) -> None:
        try:
            wire.decode_hello(text)
        except (msgspec.MsgspecError, UnicodeDecodeError) as error:
            await self._write(wire.encode({"success": False, "error": f"This is no authentication: {error}."}))
            self._close(False)
            return
        self._greeted = True
        await self._write(b'{"success":true}')

    async def _not_understood(self, text: str | bytes, error: Exception) -> None:
        kind = "invalidMessage"
        try:
            frame = msgspec.json.decode(text)
        except (msgspec.MsgspecError, UnicodeDecodeError):
            frame = None
        if isinstance(frame, dict) and "ignal" in str(frame.get("type")):
            kind = "signalEndpointUnknown"
        await self._warn(f"Received a message that is not understood: {error}", kind)

    async def _warn(self, warning: str, kind: str) -> None:
        self._warnings += 1
        if self._warnings <= MOST_WARNINGS:
            await self.send(wire.Warned(warning=warning, kind=kind))

    async def _call(self, frame: wire.RpcCall) -> None:
        rpc = self._endpoints.rpcs.get(frame.endpoint)
        if rpc is None:
            text = f"Received rpcCall for unknown endpoint, endpoint = {frame.endpoint}"
            await self._warn(text, "rpcEndpointUnknown")
        else:
            self._spawn(self._answer(frame, rpc(frame.parameter)))

    async def _answer(self, frame: wire.RpcCall, work: Coroutine[Any, Any, Any]) -> None:
        try:
            result = await work
        except Exception as error:  # noqa: BLE001  whatever it was, the client waits for an answer
            await self.send(wire.RpcError(call_id=frame.call_id, error=_wire_error(error)))
        else:
            result = msgspec.UNSET if result is None else result
            await self.send(wire.RpcResult(call_id=frame.call_id, result=result))

    async def _create(self, frame: wire.ChannelCreate) -> None:
        handler = self._endpoints.channels.get(frame.endpoint)
        if handler is None:
            text = f"Received channelCreate for unknown endpoint, endpoint = {frame.endpoint}"
            await self._warn(text, "channelEndpointUnknown")
        else:
            channel = self._channels[frame.channel_id] = Channel(self, frame.channel_id)
            self._spawn(self._serve(frame.channel_id, handler(channel, frame.creation_parameter)))

    async def _serve(self, number: int, work: Coroutine[Any, Any, None]) -> None:
        try:
            await work
        except DropConnectionError:
            self._close(True)
        except Exception as error:  # noqa: BLE001  whatever it was, the client waits for an answer
            await self.send(wire.ChannelError(channel_id=number, error=_wire_error(error)))
        else:
            await self.send(wire.ChannelClose(channel_id=number))
        finally:
            self._channels.pop(number, None)

    async def _said(self, frame: wire.ChannelSend) -> None:
        if frame.ack_id is not None:
            await self.send(wire.Acked(channel_id=frame.channel_id, ack_id=frame.ack_id))
        channel = self._channels.get(frame.channel_id)  # one that has just ended is no mistake of the client's
        if channel and isinstance(frame.message, dict) and frame.message.get("type") in {"cancel", "stop", "end"}:
            channel.cancelled.set()

    def _spawn(self, work: Coroutine[Any, Any, None]) -> None:
        task = asyncio.create_task(work)
        self._tasks.add(task)
        task.add_done_callback(self._done)

    def _done(self, task: asyncio.Task[None]) -> None:
        self._tasks.discard(task)
        if not task.cancelled() and (error := task.exception()):
            log.info("The client was gone before it could be answered: %r", error)


def _wire_error(error: Exception) -> dict[str, Any]:
    if isinstance(error, ServerError):
        return error.wire()
    if isinstance(error, msgspec.ValidationError):
        return ServerError("The request is not in the form the protocol wants.", cause=str(error)).wire()
    log.error("A request failed in a way nobody expected", exc_info=error)
    return ServerError(f"Something went wrong in lmnb's server: {type(error).__name__}: {error}").wire()
