"""The `repository` namespace: what the catalogue has, and fetching it, for clients that ask as they ask LM Studio."""

from __future__ import annotations

import asyncio
import os
import threading
import time
from contextlib import suppress
from typing import TYPE_CHECKING, Annotated, Any, Literal

import msgspec

from lmnb.server import store, wire
from lmnb.server.endpoints import Endpoints
from lmnb.server.errors import ServerError
from lmnb.server.store import StoreError

if TYPE_CHECKING:
    from collections.abc import Coroutine

    from lmnb.server.session import Channel
    from lmnb.server.store import Entry

BEAT = 0.1
"""Seconds between two words about a download's progress."""

MOST = 8
"""Downloads at a time, each on a thread; the others wait."""

SLACK = 1.2
"""How much more memory a model takes than its file, roughly."""


class SearchOptions(wire.Camel):
    """What is looked for."""

    search_term: str = ""
    limit: Annotated[int, msgspec.Meta(ge=1, le=25)] = 25
    compatibility_types: list[str] | None = None


class ToSearch(wire.Camel):
    """A search."""

    opts: SearchOptions = msgspec.field(default_factory=SearchOptions)


class Found(wire.Camel):
    """Something that a search has found."""

    type: Literal["hf", "catalog"]
    identifier: str


class ToChoose(wire.Camel):
    """The files of something that a search has found are wanted."""

    model_search_result_identifier: Found


class ToDownload(wire.Camel):
    """A file that is wanted."""

    download_identifier: str


def namespace() -> Endpoints:
    """Its endpoints."""
    room = Endpoints()
    downloads = _Downloads()
    room.rpc("searchModels", ToSearch, _search)
    room.rpc("getModelDownloadOptions", ToChoose, _options)
    room.channel("downloadModel", ToDownload, downloads.serve)
    _refuse_the_hub(room)
    return room


# ---- looking


async def _search(asked: ToSearch) -> dict[str, Any]:
    kinds = asked.opts.compatibility_types
    if kinds is not None and "gguf" not in kinds:
        return {"results": []}
    words = asked.opts.search_term.casefold().split()
    found = [entry for entry in store.catalogue() if all(word in _text(entry) for word in words)]
    return {"results": [_result(entry, words) for entry in found[: asked.opts.limit]]}


def _text(entry: Entry) -> str:
    return f"{entry.name} {entry.title} {entry.key} {entry.path}".casefold()


def _result(entry: Entry, words: list[str]) -> dict[str, Any]:
    return {
        "name": entry.title,
        "identifier": {"type": "catalog", "identifier": entry.name},
        "exact": words in ([entry.name.casefold()], [entry.key.casefold()]),
        "staffPick": False,
    }


async def _options(asked: ToChoose) -> dict[str, Any]:
    entry = _entry(asked.model_search_result_identifier.identifier)
    option = {
        "name": entry.path.rsplit("/", maxsplit=1)[-1],
        "sizeBytes": entry.size_bytes,
        "fitEstimation": "fitWithoutGPU" if _fits(entry) else "willNotFit",
        "recommended": True,
        "downloadIdentifier": entry.name,
        "indexedModelIdentifier": entry.path,
        "compatibilityType": "gguf",
    }
    return {"results": [option]}


def _entry(name: str) -> Entry:
    """The entry of the catalogue, by its name, its key, or its path.

    Raises:
        ServerError: If there is none, with those that are there.
    """
    wanted = name.casefold()
    entries = store.catalogue()
    for entry in entries:
        if wanted in {entry.name.casefold(), entry.key.casefold(), entry.path.casefold()}:
            return entry
    there = ", ".join(entry.name for entry in entries)
    raise ServerError(f"There is no “{name}” to download here; there is {there}.")


def _fits(entry: Entry) -> bool:
    """Whether it fits into this computer's memory; True where the system does not say."""
    try:
        memory = os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES")
    except (AttributeError, OSError, ValueError):  # Windows
        return True
    return entry.size_bytes * SLACK < memory


# ---- fetching


class _Downloads:
    """Downloads, each on a thread of its own. Two of the same model: one fetches, the other waits and then has it."""

    def __init__(self) -> None:
        self._room = asyncio.Semaphore(MOST)

    async def serve(self, channel: Channel, asked: ToDownload) -> None:
        """Fetch a model, and say how far it is, until it is here or the client has enough of it."""
        entry = _entry(asked.download_identifier)
        fetch = _Fetch(entry)
        try:
            await _unless_cancelled(channel, self._serve(channel, fetch))
        finally:
            fetch.stop()
        await channel.say("success", defaultIdentifier=entry.key)

    async def _serve(self, channel: Channel, fetch: _Fetch) -> None:
        touch = asyncio.create_task(channel.stay_in_touch(lambda: {"type": "downloadProgress", "update": fetch.update}))
        try:
            async with self._room:
                await fetch.follow(channel)
        finally:
            touch.cancel()


async def _unless_cancelled(channel: Channel, work: Coroutine[Any, Any, None]) -> None:
    task = asyncio.create_task(work)
    cancelled = asyncio.create_task(channel.cancelled.wait())
    try:
        await asyncio.wait({task, cancelled}, return_when=asyncio.FIRST_COMPLETED)
    finally:
        for each in (task, cancelled):
            each.cancel()  # does nothing to one that has ended
        await asyncio.wait({task})
    if task.cancelled():
        raise ServerError("The download was cancelled.", suggestion="What has come is kept: the next one goes on.")
    task.result()


class _StoppedError(Exception):
    """Nobody wants it any more."""


class _Fetch:
    """The store at work on a thread, and what it said last."""

    def __init__(self, entry: Entry) -> None:
        self._entry = entry
        self._stopped = False
        self._began: tuple[float, int] | None = None
        self._finalizing = False
        self.update: dict[str, Any] = self._update(0, 0.0)

    async def follow(self, channel: Channel) -> None:
        """Fetch it, and say how far it is. Cancelling the task leaves the thread to end at its next piece.

        Raises:
            ServerError: If it cannot be had, with the store's own sentences.
        """
        done: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        threading.Thread(target=self._run, args=(done,), name=f"get {self._entry.name}", daemon=True).start()
        said, finalizing = self.update, False
        while not done.done():
            await asyncio.wait({done}, timeout=BEAT)
            if self.update is not said:
                said = self.update
                await channel.say("downloadProgress", update=said)
            if self._finalizing and not finalizing:
                finalizing = True
                await channel.say("startFinalizing")
        done.result()
        if not finalizing:
            await channel.say("startFinalizing")

    def stop(self) -> None:
        """Let the thread end: at its next piece, and it keeps what has come."""
        self._stopped = True

    def _run(self, done: asyncio.Future[None]) -> None:
        problem: Exception | None = None
        try:
            store.get(self._entry.name, progress=self._tell)
        except _StoppedError:
            pass
        except StoreError as error:
            title, *more = str(error).splitlines()
            problem = ServerError(title, suggestion=" ".join(more) or None)
        except Exception as error:  # noqa: BLE001  whatever it was, the client waits for an answer
            problem = error
        with suppress(RuntimeError):  # the server ended first
            done.get_loop().call_soon_threadsafe(self._settle, done, problem)

    def _settle(self, done: asyncio.Future[None], problem: Exception | None) -> None:
        if self._stopped or problem is None:  # nobody hears of it any more
            done.set_result(None)
        else:
            done.set_exception(problem)

    def _tell(self, doing: str, now: int, _total: int) -> None:
        if self._stopped:
            raise _StoppedError
        if doing in {"fetching", "it is being fetched already"}:
            began, first = self._began = self._began or (time.monotonic(), now)
            passed = time.monotonic() - began
            self.update = self._update(now, (now - first) / passed if passed > 0.5 else 0.0)
        elif self._began:  # all has come; what follows is checking and unpacking
            self._finalizing = True

    def _update(self, now: int, speed: float) -> dict[str, Any]:
        return {
            "downloadedBytes": now,
            "totalBytes": self._entry.download_bytes,
            "speedBytesPerSecond": max(0.0, speed),
        }


# ---- LM Studio's hub

HUB_CALLS = (
    "deauthenticate",
    "getAuthenticationStatus",
    "getLocalArtifactFiles",
    "getWritableArtifactOwners",
    "installLocalPlugin",
    "installPluginDependencies",
    "lmLinkSetDisabled",
    "lmLinkSetPreferredDevice",
    "lmLinkStatus",
    "lmLinkUpdateDeviceName",
    "loginAsComputeDevice",
    "loginWithPreAuthenticatedKeys",
)
HUB_CHANNELS = (
    "createArtifactDownloadPlan",
    "createDownloadPlan",
    "downloadArtifact",
    "ensureAuthenticated",
    "pushArtifact",
)


def _refuse_the_hub(room: Endpoints) -> None:
    """Answer what belongs to LM Studio's hub with a sentence: with the protocol's warning a client waits in vain."""

    async def call(_: Any) -> None:
        raise _no_hub()

    async def open_channel(_channel: Channel, _: Any) -> None:
        raise _no_hub()

    room.plain("isAuthenticated", lambda: {"authenticated": False})
    room.plain("getModelCatalog", lambda: {"models": []})
    room.plain("fuzzyFindStaffPicks", lambda: {"results": []})
    for name in HUB_CALLS:
        room.rpc(name, object, call)
    for name in HUB_CHANNELS:
        room.channel(name, object, open_channel)


def _no_hub() -> ServerError:
    return ServerError("lmnb's own server has no access to LM Studio's hub: use LM Studio for that.")
