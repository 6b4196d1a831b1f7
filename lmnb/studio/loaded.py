"""The loaded models, seen and changed by a person rather than by a prediction: what is loaded, load, unload."""

from __future__ import annotations

import asyncio
import time
from dataclasses import dataclass
from types import SimpleNamespace
from typing import TYPE_CHECKING, Any

from lmnb.chat.problems import ChatError, Problem
from lmnb.studio import choosing, failures
from lmnb.studio.asking import ask

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    import lmstudio as lms

    from lmnb.studio.hosts import Place

STATE = 2.0
"""Seconds for the question what an instance is doing; LM Studio has answered it only since the SDK for JavaScript 2."""


@dataclass(frozen=True)
class Instance:
    """A loaded model.

    Attributes:
        identifier: Its name among the loaded.
        key: What it was loaded from.
        kind: `"llm"` or `"embedding"`.
        size_bytes: On disk.
        context: In tokens.
        state: `idle`, `processingPrompt`, `generating`, `computingEmbedding`; None where the server does not say.
        queued: Predictions that wait.
        ttl: Seconds without use after which it goes; None: never, as far as is known.
        left: Seconds until then.
    """

    identifier: str
    key: str
    kind: str
    size_bytes: int | None = None
    context: int | None = None
    state: str | None = None
    queued: int = 0
    ttl: float | None = None
    left: float | None = None


def instances(*, host: str | None = None, api_token: str | None = None, timeout: float = 10.0) -> list[Instance]:
    """What is loaded at a server. Blocks; does not count as use of a model.

    Args:
        host: `"address:port"`, as for a prediction.
        api_token: For a server that asks for one.
        timeout: Seconds to wait at most.

    Raises:
        ChatError: If there is no server, or it does not answer in time.
    """
    return ask(_instances, host=host, api_token=api_token, timeout=timeout)


def load(
    key: str,
    *,
    identifier: str | None = None,
    context: int | None = None,
    ttl: int | None = None,
    progress: Callable[[float], None] | None = None,
    host: str | None = None,
    api_token: str | None = None,
) -> Instance:
    """Load a model, whatever is loaded already. Blocks until it is loaded; Ctrl-C is heard.

    Args:
        key: The model key.
        identifier: Its name among the loaded; None: the key, with a number where that is taken.
        context: Its context length in tokens; None: the server's choice.
        ttl: Seconds without use after which it goes; None: it stays.
        progress: Told how far it is, 0 to 1, on the I/O thread.
        host: `"address:port"`, as for a prediction.
        api_token: For a server that asks for one.

    Raises:
        ChatError: If there is no such model, or it does not load.
    """

    async def question(client: lms.AsyncClient, place: Place) -> Instance:
        return await _load(client, place, key, identifier, context, ttl, progress)

    return ask(question, host=host, api_token=api_token, timeout=None)


def unload(identifier: str | None, *, host: str | None = None, api_token: str | None = None) -> Sequence[str]:
    """Unload a model. Blocks until it is gone.

    Args:
        identifier: Which; None: all.
        host: `"address:port"`, as for a prediction.
        api_token: For a server that asks for one.

    Returns:
        The identifiers of those that were unloaded.

    Raises:
        ChatError: If there is none of that name, with those that are there.
    """

    async def question(client: lms.AsyncClient, place: Place) -> Sequence[str]:
        return await _unload(client, place, identifier)

    return ask(question, host=host, api_token=api_token, timeout=60.0)


# ---- on the I/O thread


async def _instances(client: lms.AsyncClient, place: Place) -> list[Instance]:
    found = []
    for session in (client.llm, client.embedding):
        infos = await choosing.answered(session.remote_call("listLoaded"), place) or ()
        states = await asyncio.gather(*(_state(session, info) for info in infos))
        found += [_instance(info, state) for info, state in zip(infos, states, strict=True)]
    return found


async def _state(session: Any, info: dict[str, Any]) -> dict[str, Any]:
    # By reference: asked by its name, the model would count as used, and its time to live begin anew.
    specifier = {"type": "instanceReference", "instanceReference": info.get("instanceReference")}
    asked = SimpleNamespace(to_dict=lambda: {"specifier": specifier, "throwIfNotFound": False})  # the SDK has no type
    try:
        return await asyncio.wait_for(session.remote_call("getInstanceProcessingState", asked), STATE) or {}
    except Exception:  # noqa: BLE001  an older LM Studio does not know the question, and may leave it unanswered
        return {}


def _instance(info: dict[str, Any], state: dict[str, Any]) -> Instance:
    ttl, used = info.get("ttlMs"), info.get("lastUsedTime")
    idle = time.time() - used / 1000 if used else None
    return Instance(
        identifier=info["identifier"],
        key=info["modelKey"],
        kind=info.get("type", "llm"),
        size_bytes=info.get("sizeBytes"),
        context=info.get("contextLength"),
        state=state.get("status"),
        queued=int(state.get("queued") or 0),
        ttl=ttl / 1000 if ttl else None,
        left=max(0.0, ttl / 1000 - idle) if ttl and idle is not None else None,
    )


async def _load(
    client: lms.AsyncClient,
    place: Place,
    key: str,
    identifier: str | None,
    context: int | None,
    ttl: int | None,
    progress: Callable[[float], None] | None,
) -> Instance:
    import lmstudio as lms  # noqa: PLC0415

    there = await choosing.downloaded(client, place)
    known = next((model for model in there if model.key.casefold() == key.casefold()), None)
    session: Any = client.embedding if known and known.kind == "embedding" else client.llm
    config = None if context is None else {"contextLength": context}
    try:
        handle = await session.load_new_instance(key, identifier, ttl=ttl, config=config, on_load_progress=progress)
        info = await session.get_model_info(handle.identifier)
    except lms.LMStudioServerError as error:
        if failures.is_not_found(error):
            raise ChatError(choosing.unknown(key, there, place)) from None
        raise ChatError(Problem("loadFailed", f"“{key}” does not load.", tuple(failures.words(error)))) from None
    return _instance(info.to_dict(), {})


async def _unload(client: lms.AsyncClient, place: Place, identifier: str | None) -> Sequence[str]:
    loaded = await _instances(client, place)
    wanted = [each for each in loaded if identifier in {None, each.identifier}]
    if identifier is not None and not wanted:
        raise ChatError(_not_loaded(identifier, loaded))
    for each in wanted:
        session: Any = client.embedding if each.kind == "embedding" else client.llm
        await session.unload(each.identifier)
    return [each.identifier for each in wanted]


def _not_loaded(identifier: str, loaded: Sequence[Instance]) -> Problem:
    if not loaded:
        return Problem("noModel", f"No model “{identifier}” is loaded; none is.", ())
    names = ", ".join(each.identifier for each in loaded)
    return Problem("noModel", f"No model “{identifier}” is loaded; there is {names}.", ())
