"""Where to connect: the host the person gave, the environment's, a LM Studio that answers, or lmnb's own server."""

from __future__ import annotations

import asyncio
import importlib.util
import os
from dataclasses import dataclass
from urllib.parse import urlsplit

from lmnb.chat.problems import ChatError, Problem
from lmnb.studio import logs
from lmnb.studio.ledger import ledger

HOST_VARIABLES = ("LMSTUDIO_API_HOST", "LMSTUDIO_BASE_URL")
TOKEN_VARIABLES = ("LMSTUDIO_API_TOKEN", "LM_API_TOKEN")

OWN = "lmnb's own server"

PORT = 1234
"""Where LM Studio's server listens unless it is told otherwise."""


@dataclass(frozen=True)
class Place:
    """A server to talk to, and how it came to be chosen.

    Attributes:
        host: `"address:port"`.
        token: The API token, if any.
        embedded: Whether it is lmnb's own server.
        notice: What the person should know of the choice, once.
        variable: The environment variable that names it, if one does.
    """

    host: str
    token: str | None = None
    embedded: bool = False
    notice: str | None = None
    variable: str | None = None

    @property
    def local(self) -> bool:
        """Whether the server runs on this computer."""
        return self.host.rpartition(":")[0] in {"localhost", "127.0.0.1", "[::1]"}


def given(host: str | None, token: str | None) -> Place | None:
    """The place that was named by the person or by the environment; None where nobody named one.

    Raises:
        ChatError: If the name cannot be used, with what is wrong.
    """
    token = token or _first(TOKEN_VARIABLES)[1]
    if host is not None:
        return Place(address(host), token)
    variable, value = _first(HOST_VARIABLES)
    if value is None:
        return None
    chosen = address(value, variable)
    return Place(chosen, token, notice=f"Answers come from {chosen}, as `{variable}` says.", variable=variable)


def _first(variables: tuple[str, ...]) -> tuple[str, str | None]:
    found = ((name, value) for name in variables if (value := os.environ.get(name, "").strip()))
    return next(found, ("", None))


def address(text: str, source: str = "host") -> str:
    """`"address:port"` of an address in any usual form: `localhost`, `localhost:1234`, `http://localhost:1234/v1`.

    Args:
        text: What was typed.
        source: What it was typed for, for the error.

    Raises:
        ChatError: For https and wss, which the SDK does not speak, and for what is no address.
    """
    text = text.strip()
    parts = urlsplit(text if "://" in text else f"//{text}")
    if parts.scheme in {"https", "wss"}:
        raise ChatError(
            Problem(
                "refused",
                f"{source} is {text}, and LM Studio's Python SDK speaks only unencrypted ws://.",
                (
                    "A tunnel keeps it private: `ssh -L 1234:localhost:1234 NAME`, then use `localhost:1234`.",
                    "Otherwise give the address without encryption, for example `192.168.0.7:1234`.",
                ),
            )
        )
    try:
        name, port = parts.hostname, parts.port
    except ValueError:
        name = port = None
    if not name or parts.scheme not in {"", "http", "ws"} or any(letter.isspace() for letter in name):
        raise ChatError(
            Problem("refused", f"{source} is “{text}”, which is no address.", ("Give it as `localhost:1234`.",))
        )
    name = f"[{name}]" if ":" in name else name
    return f"{name}:{port or (80 if parts.scheme else PORT)}"


async def discover(token: str | None = None) -> Place:
    """A LM Studio on this computer, else lmnb's own server, which is started if it is not there.

    Runs on the I/O thread; the server is looked for and started on another one.

    Raises:
        ChatError: If there is neither, with both ways to get one.
    """
    token = token or _first(TOKEN_VARIABLES)[1]
    if (host := await find_lm_studio()) is not None:
        own = await asyncio.to_thread(is_own, host)
        return Place(host, token, embedded=own, notice=f"Answers come from {OWN if own else 'LM Studio'} at {host}.")
    if importlib.util.find_spec("xllamacpp") is None:
        raise ChatError(
            Problem(
                "noServer",
                "There is no LM Studio on this computer that answers, and lmnb's own server is not installed.",
                (
                    "Your question is kept.",
                    "Either start LM Studio and switch its server on under Developer, or run `lms server start`.",
                    "Or install lmnb's own server: `pip install 'lmnb[local]'`.",
                ),
            )
        )
    said = "Answers come from lmnb's own server on this computer; LM Studio was not found."
    return Place(await asyncio.to_thread(_own_server), embedded=True, notice=said)


def is_own(host: str) -> bool:
    """Whether what greets there is lmnb's own server: it may have been given LM Studio's port. Blocks 1 s at most."""
    from lmnb.server import launch  # noqa: PLC0415  a program of its own; only its launcher is ours to import

    return launch.own_process(host) is not None


def _own_server() -> str:
    from lmnb.server import launch  # noqa: PLC0415  a program of its own; only its launcher is ours to import

    try:
        return launch.shared_server().host
    except (launch.LaunchError, OSError) as error:
        lines = ("Your question is kept.", "Run the cell again; or start LM Studio, which is found by itself.")
        problem = Problem(
            "noServer", "There is no LM Studio here, and lmnb's own server did not start.", (str(error), *lines)
        )
        raise ChatError(problem) from None


async def find_lm_studio() -> str | None:
    """The address of a LM Studio on this computer, by the SDK's own probe of its ports; None if there is none."""
    import lmstudio as lms  # noqa: PLC0415

    try:
        hosts = list(lms.AsyncClient._iter_default_api_hosts())
    except AttributeError:  # another version of the SDK: then its probe does it alone, 0.1 s a port
        return await lms.AsyncClient.find_default_local_api_host()
    for host in hosts:
        if await knock(host, 0.5) is None and await greets(host):
            return host
    return None


async def greets(host: str) -> bool:
    """Whether what listens there is a LM Studio server, by the SDK's own probe."""
    import lmstudio as lms  # noqa: PLC0415

    try:
        return bool(await lms.AsyncClient.is_valid_api_host(host))
    except Exception as error:  # noqa: BLE001  a stranger on that port may answer anything, or nothing
        logs.log.info("%s does not greet: %r", host, error)
        return False


async def knock(host: str, seconds: float) -> Exception | None:
    """Whether anything listens there: None, or what came instead. Cheaper than the SDK's probe by 80 ms."""
    parts = urlsplit(f"//{host}")
    ledger.note("knock", host)
    try:
        _, writer = await asyncio.wait_for(asyncio.open_connection(parts.hostname, parts.port), seconds)
    except (OSError, asyncio.TimeoutError) as error:
        return error
    writer.close()
    return None
