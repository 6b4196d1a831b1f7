"""Which servers this kernel talks to: each found once, connected once, said once."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING
from weakref import WeakKeyDictionary

from lmnb.studio import hosts
from lmnb.studio.connection import Connection, check_token

if TYPE_CHECKING:
    import lmstudio as lms

    from lmnb.studio.hosts import Place


class Places:
    """The servers of one loop. Everything here runs on it."""

    def __init__(self) -> None:
        self._connections: dict[tuple[str, str | None], Connection] = {}
        self._said: set[str] = set()
        self._found: Place | None = None
        self._finding: asyncio.Task[Place] | None = None

    def known(self, host: str | None, token: str | None) -> Place | None:
        """The place to talk to, as far as that is known without looking.

        Raises:
            ChatError: If the host that was named cannot be used, or the token cannot be sent.
        """
        check_token(token)
        place = hosts.given(host, token)
        if place is None and self._found is not None and self._connection(self._found).alive:
            place = self._found
        return place

    async def find(self, token: str | None) -> Place:
        """Look for a server on this computer; those who look at the same time share the search.

        Raises:
            ChatError: If there is none.
        """
        if self._finding is None or self._finding.done():
            self._finding = asyncio.create_task(hosts.discover(token))
            self._finding.add_done_callback(lambda task: task.cancelled() or task.exception())
        self._found = await asyncio.shield(self._finding)
        return self._found

    async def client(self, place: Place) -> lms.AsyncClient:
        """The client of a place, connected.

        Raises:
            ChatError: If it cannot be reached.
        """
        return await self._connection(place).client()

    def lost(self, place: Place, client: lms.AsyncClient) -> None:
        """This client's connection has failed; the next call gets another one."""
        self._connection(place).lost(client)

    def notice(self, place: Place) -> str | None:
        """What is to be said of the choice of this place: the first time only."""
        if place.notice is None or place.notice in self._said:
            return None
        self._said.add(place.notice)
        return place.notice

    def _connection(self, place: Place) -> Connection:
        key = (place.host, place.token)
        if key not in self._connections:
            self._connections[key] = Connection(place)
        return self._connections[key]


_of_loop: WeakKeyDictionary[asyncio.AbstractEventLoop, Places] = WeakKeyDictionary()


def here() -> Places:
    """The places of the running loop. A forked child has another loop, and so other connections."""
    return _of_loop.setdefault(asyncio.get_running_loop(), Places())
