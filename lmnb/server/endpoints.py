"""What a namespace can do: calls and channels by name, their parameters checked at the door."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, TypeVar

import msgspec

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, Coroutine

    from lmnb.server.session import Channel

T = TypeVar("T")


@dataclass
class Endpoints:
    """The endpoints of one namespace."""

    rpcs: dict[str, Callable[[str, Any], Coroutine[Any, Any, Any]]] = field(default_factory=dict)
    channels: dict[str, Callable[[Channel, Any], Coroutine[Any, Any, None]]] = field(default_factory=dict)

    def rpc(self, name: str, parameter: type[T], handler: Callable[[T], Awaitable[Any]]) -> None:
        """Answer calls of this name.

        Args:
            name: The endpoint.
            parameter: What its parameter must look like.
            handler: Gives the result; None is void.
        """

        async def checked(_client: str, raw: Any) -> Any:
            return await handler(msgspec.convert(raw, parameter))

        self.rpcs[name] = checked

    def personal(self, name: str, parameter: type[T], handler: Callable[[str, T], Awaitable[Any]]) -> None:
        """Answer calls of this name, for each client in its own way: the handler is also told which one asks."""

        async def checked(client: str, raw: Any) -> Any:
            return await handler(client, msgspec.convert(raw, parameter))

        self.rpcs[name] = checked

    def plain(self, name: str, handler: Callable[[], Any]) -> None:
        """Answer calls of this name, whatever their parameter, at once."""

        async def unasked(_client: str, _raw: Any) -> Any:
            return handler()

        self.rpcs[name] = unasked

    def channel(self, name: str, parameter: type[T], handler: Callable[[Channel, T], Awaitable[None]]) -> None:
        """Serve channels of this name; the channel is closed when the handler returns."""

        async def checked(channel: Channel, raw: Any) -> None:
            await handler(channel, msgspec.convert(raw, parameter))

        self.channels[name] = checked
