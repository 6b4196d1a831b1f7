"""The loaded models, seen and changed by a person rather than by a prediction: what is loaded, load, unload."""

from __future__ import annotations

import asyncio
import time
from dataclasses import dataclass
from types import SimpleNamespace
from typing import TYPE_CHECKING, Any

from lmnb.chat.problems import ChatError, Problem
from lmnb.studio import channels, choosing, failures, names, settings
from lmnb.studio.asking import Relay, ask
from lmnb.studio.ledger import ledger

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

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
        path: `publisher/repository/file`.
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
    path: str = ""

    @property
    def note(self) -> str:
        """What is said beside its identifier."""
        return "" if self.key == self.identifier else self.key


@dataclass(frozen=True)
class Loaded:
    """What came of a wish to load a model.

    Attributes:
        instance: The instance.
        already: Whether it was there before, and nothing was loaded.
        notice: What to say of how its name was found; None: it was given in full.
    """

    instance: Instance
    already: bool = False
    notice: str | None = None

    @property
    def sentence(self) -> str:
        """What happened."""
        one, did = self.instance, "is loaded already" if self.already else "is loaded"
        length = f", with a context of {one.context} tokens" if one.context else ""
        return f"{one.key} {did} as {one.identifier}{length}."


@dataclass(frozen=True)
class _Wish:
    name: str
    identifier: str | None
    ttl: int | None
    config: Mapping[str, Any]
    again: bool
    progress: Callable[[float], None]


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
    config: Mapping[str, Any] | None = None,
    again: bool = False,
    progress: Callable[[float], None] | None = None,
    host: str | None = None,
    api_token: str | None = None,
) -> Loaded:
    """Load a model, if it is not loaded. Blocks until it is loaded; Ctrl-C is heard, and ends the load in the server.

    Args:
        key: The model, by a name as `names.find` takes it.
        identifier: Its name among the loaded, for an instance of its own; None: the key, with a number where that is
            taken.
        context: Its context length in tokens; None: the server's choice.
        ttl: Seconds without use after which it goes; None: it stays.
        config: Load parameters as the SDK spells them.
        again: Load it one more time where it is loaded.
        progress: Told how far it is, 0 to 1, on this thread.
        host: `"address:port"`, as for a prediction.
        api_token: For a server that asks for one.

    Raises:
        ChatError: If there is no such model, it does not load, or a parameter is none.
    """
    whole = {**(config or {}), **({} if context is None else {"contextLength": context})}
    relay = Relay(progress or (lambda _part: None))
    wish = _Wish(key, identifier, ttl, whole, again or identifier is not None, relay.tell)

    async def question(client: lms.AsyncClient, place: Place) -> Loaded:
        return await _load(client, place, wish)

    return ask(question, host=host, api_token=api_token, timeout=None, beat=relay.beat)


def unload(identifier: str | None, *, host: str | None = None, api_token: str | None = None) -> Sequence[str]:
    """Unload a model. Blocks until it is gone.

    Args:
        identifier: Which, by a name as `names.find` takes it; None: all.
        host: `"address:port"`, as for a prediction.
        api_token: For a server that asks for one.

    Returns:
        The identifiers of those that were unloaded.

    Raises:
        ChatError: If there is none of that name, or more than one, with those that are there.
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
        path=info.get("path", ""),
    )


async def _load(client: lms.AsyncClient, place: Place, wish: _Wish) -> Loaded:
    import lmstudio as lms  # noqa: PLC0415

    there = await choosing.listing(client, place)
    meant = names.find(wish.name, there, loaded_first=False)
    model, notice = (meant.model, meant.notice) if meant else (None, None)
    session: Any = client.embedding if model and model.kind == "embedding" else client.llm
    if model is not None and model.loaded and not wish.again:
        info = await session.get_model_info(model.identifier)
        return Loaded(_instance(info.to_dict(), {}), already=True, notice=notice)
    kind = settings.LOAD_EMBEDDING if session is client.embedding else settings.LOAD_LLM
    config = settings.check(wish.config, kind)
    # A server may know names that it does not list: LM Studio has them for variants, `qwen3-4b@q8_0`.
    key = model.key if model else wish.name
    ledger.note("load", place.host)
    try:
        identifier = await _new(session, key, wish, config)
        info = await session.get_model_info(identifier)
    except lms.LMStudioServerError as error:
        if failures.is_not_found(error):
            raise ChatError(choosing.unknown(key, there, place)) from None
        raise ChatError(Problem("loadFailed", f"“{key}” does not load.", tuple(failures.words(error)))) from None
    return Loaded(_instance(info.to_dict(), {}), notice=notice)


async def _new(session: Any, key: str, wish: _Wish, config: dict[str, Any]) -> str:
    """As `session.load_new_instance`, but a load that is stopped here ends in the server."""
    from lmstudio import json_api  # noqa: PLC0415

    try:
        types = session._API_TYPES
        endpoint: Any = json_api.LoadModelEndpoint(
            key, wish.identifier, wish.ttl, types.REQUEST_NEW_INSTANCE, types.MODEL_LOAD_CONFIG, config, wish.progress
        )
        opened = session._create_channel
    except (AttributeError, TypeError):
        opened = None
    if opened is None:  # another version of the SDK: then a stopped load goes on in the server
        told = {"ttl": wish.ttl, "config": config, "on_load_progress": wish.progress}
        return str((await session.load_new_instance(key, wish.identifier, **told)).identifier)
    return str((await channels.run(session, endpoint)).identifier)


async def _unload(client: lms.AsyncClient, place: Place, identifier: str | None) -> Sequence[str]:
    there = await _instances(client, place)
    wanted = there if identifier is None else [_one(identifier, there)]
    for each in wanted:
        session: Any = client.embedding if each.kind == "embedding" else client.llm
        ledger.note("unload", place.host)
        await session.unload(each.identifier)
    return [each.identifier for each in wanted]


def _one(name: str, there: Sequence[Instance]) -> Instance:
    """The instance that is meant: by its identifier, else by its key where that is loaded once."""
    meant = names.find(name, there, loaded_first=False)
    if meant is None:
        raise ChatError(_not_loaded(name, there))
    alike = [each for each in there if each.key == meant.model.key]
    if len(alike) > 1 and meant.name != meant.model.identifier:
        title = f"“{meant.model.key}” is loaded more than once."
        lines = ("There are these.", f"Name one of them: `{alike[0].identifier}`.")
        raise ChatError(Problem("noModel", title, lines, names.choices(alike)))
    return meant.model


def _not_loaded(identifier: str, there: Sequence[Instance]) -> Problem:
    if not there:
        return Problem("noModel", f"No model “{identifier}” is loaded; none is.", ())
    listed = ", ".join(each.identifier for each in there)
    return Problem("noModel", f"No model “{identifier}” is loaded; there is {listed}.", ())
