"""One host, one client: entered and left in one long-lived task, and made anew when it was lost."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Any
from urllib.request import getproxies, proxy_bypass

from lmnb.chat.problems import ChatError, Problem
from lmnb.studio import failures, hosts, logs, sdk

if TYPE_CHECKING:
    import lmstudio as lms

    from lmnb.studio.hosts import Place

PATIENCE = 3.0
"""Seconds in which a host has to answer."""

HANDSHAKES = 15.0
"""Seconds for the rest: five websockets, one after the other, 0.3 s on an idle machine."""


class Connection:
    """The client of one place. Everything here runs on the I/O thread.

    `lms.AsyncClient` must be left by the task that entered it, which no single prediction can be: several share it.
    """

    def __init__(self, place: Place) -> None:
        self.place = place
        self._ready: asyncio.Future[lms.AsyncClient] | None = None
        self._leave = asyncio.Event()
        self._owner: asyncio.Task[None] | None = None

    async def client(self) -> lms.AsyncClient:
        """The client, connected. A call that is cancelled leaves the connecting to the others.

        Raises:
            ChatError: If nothing answers, or it is no LM Studio, or it wants a token.
        """
        if self._ready is None or self._failed(self._ready):
            self._ready = asyncio.get_running_loop().create_future()
            self._ready.add_done_callback(self._failed)
            self._leave = asyncio.Event()
            self._owner = asyncio.create_task(self._own(self._ready, self._leave))
        return await asyncio.shield(self._ready)

    @property
    def alive(self) -> bool:
        """Whether there is a client, as far as anybody noticed."""
        return self._ready is not None and self._ready.done() and not self._failed(self._ready)

    def lost(self, client: lms.AsyncClient) -> None:
        """This client has failed: the next call gets another one."""
        if self._ready is not None and self.alive and self._ready.result() is client:
            self._leave.set()
            self._ready = None

    @staticmethod
    def _failed(ready: asyncio.Future[lms.AsyncClient]) -> bool:
        return ready.done() and (ready.cancelled() or ready.exception() is not None)

    async def _own(self, ready: asyncio.Future[lms.AsyncClient], leave: asyncio.Event) -> None:
        try:
            client = await _enter(self.place)
        except asyncio.CancelledError:
            ready.cancel()
            raise
        except Exception as error:  # noqa: BLE001  it belongs to those who wait for the client
            ready.set_exception(error)
            return
        ready.set_result(client)
        try:
            await leave.wait()
        finally:
            await _exit(client)


async def _enter(place: Place) -> lms.AsyncClient:
    """A connected client; or nothing, when the host has not greeted within `PATIENCE` seconds."""
    loop = asyncio.get_running_loop()
    until = loop.time() + PATIENCE
    if (refusal := await hosts.knock(place.host, PATIENCE)) is not None:
        logs.log.info("Nothing answers at %s: %r", place.host, refusal)
        raise ChatError(nothing_answers(place))
    while True:
        client = _new(place)
        entering = asyncio.ensure_future(client.__aenter__())
        done, _ = await asyncio.wait({entering}, timeout=HANDSHAKES)
        if done and entering.exception() is None:
            return client
        entering.cancel()
        await _exit(client)
        error = entering.exception() if done else None
        # A server that is busy loading a model may not greet within the SDK's one second.
        if loop.time() > until or error is None or "Timeout" not in type(error).__name__:
            raise ChatError(_no_entry(place, error))


def _new(place: Place) -> lms.AsyncClient:
    import lmstudio as lms  # noqa: PLC0415

    if place.token is None or not sdk.takes_token():
        return lms.AsyncClient(place.host)
    try:
        return lms.AsyncClient(place.host, api_token=place.token)  # type: ignore[call-arg]  # since 1.6
    except ValueError as error:
        raise ChatError(
            Problem(
                "refused",
                "The API token is not one of LM Studio's.",
                (str(error).splitlines()[0], "It looks like `sk-lm-xxxxxxxx:xxxxxxxxxxxxxxxxxxxx`."),
            )
        ) from None


async def _exit(client: lms.AsyncClient) -> None:
    try:
        await client.aclose()
    except Exception as error:  # noqa: BLE001  it is gone either way
        logs.log.info("Closing the client of a lost connection: %r", error)


def nothing_answers(place: Place) -> Problem:
    """The problem of a host on which nothing listens, or that does not answer."""
    if place.local:
        way = "Start LM Studio and switch its server on under Developer, or run `lms server start` in a terminal."
    else:
        way = "See that LM Studio runs there, serves on the local network (Developer, Settings), and is not blocked."
    # Who set the variable long ago, or never, would not know where the address comes from.
    why = (f"`{place.variable}` names it; without that variable, what runs on this computer answers.",)
    lines = (*(why if place.variable else ()), f"{way} Your question is kept.")
    return Problem("noServer", f"Nothing answers at {place.host}.", lines)


def _no_entry(place: Place, error: BaseException | None) -> Problem:
    import lmstudio as lms  # noqa: PLC0415

    logs.log.warning("No way into %s: %r", place.host, error)
    if error is None:
        return failures.silent(place)
    if "Timeout" in type(error).__name__:
        return nothing_answers(place)
    # SDK 1.5 trips over the server's text: "dictionary update sequence element #0 …".
    if "dictionary update sequence" in str(error) or "Authentication failed" in str(error):
        return token_required(place)
    if isinstance(error, lms.LMStudioClientError):
        return Problem(
            "noServer",
            f"Something answers at {place.host}, but it is not LM Studio.",
            (*_proxy_hint(place), f"See which port LM Studio shows under Developer; usually it is {hosts.PORT}."),
        )
    return Problem(
        "noServer", f"{place.host} let nobody in: {str(error) or type(error).__name__}", ("Restart the server there.",)
    )


def token_required(place: Place) -> Problem:
    """The problem of a server that wants an API token, or another one."""
    title = f"{place.host} asks for an API token{'' if place.token is None else ' and refuses this one'}."
    if not sdk.takes_token():
        return Problem("refused", title, (_too_old(),))
    ways = (
        "Make one in LM Studio under Developer, Server Settings, or take the one that `lmnb serve` was started with; "
        "then set `LMSTUDIO_API_TOKEN` or give `api_token=`."
    )
    return Problem("refused", title, (ways,))


def check_token(token: Any) -> None:
    """See that a token the person gave can be sent.

    Raises:
        ChatError: If the installed SDK cannot send one.
    """
    if token and not sdk.takes_token():
        raise ChatError(Problem("refused", "The API token cannot be sent.", (_too_old(),)))


def _too_old() -> str:
    return (
        f"The installed lmstudio {sdk.version()} has no API tokens: `pip install --upgrade --pre 'lmstudio>=1.6.0b1'`."
    )


def _proxy_hint(place: Place) -> tuple[str, ...]:
    name = place.host.rpartition(":")[0]
    if not any(getproxies().get(scheme) for scheme in ("http", "all")) or proxy_bypass(name):
        return ()
    return (f"A proxy is set in the environment and stands in between: add {name} to `NO_PROXY`.",)
