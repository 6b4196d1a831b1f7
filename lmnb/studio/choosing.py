"""Which models there are, and which one answers."""

from __future__ import annotations

import asyncio
import re
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, TypeVar

from lmnb.chat.events import Loading, Noticed
from lmnb.chat.problems import ChatError
from lmnb.studio import failures, known, names
from lmnb.studio.ledger import ledger

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, Sequence

    import lmstudio as lms

    from lmnb.chat.events import Event
    from lmnb.chat.problems import Problem
    from lmnb.studio.hosts import Place

    Hold = Callable[[Any], None]

T = TypeVar("T")

OPENING = "opening"
"""What is held while a channel is being opened."""

ANSWER = 10.0
"""Seconds in which a server has to answer a plain question."""


@dataclass(frozen=True)
class Model:
    """A model on disk, or an instance of one that is loaded.

    Attributes:
        key: What `-m` takes.
        identifier: Of the loaded instance; None for one that is only on disk.
        name: As a person calls it.
        kind: `"llm"` or `"embedding"`.
        size_bytes: On disk.
        context: Tokens: of the instance, where the server says it, or the most a model on disk can have.
        loaded, vision, tools: What it is and what it was trained for.
        path: `publisher/repository/file`.
        quantization: As LM Studio writes it, `Q4_K_M`; None where neither the server nor the file's name says it.
        params: How many parameters, `4B`.
        architecture: `qwen3`, `gpt-oss`, …
    """

    key: str
    identifier: str | None = None
    name: str = ""
    kind: str = "llm"
    size_bytes: int | None = None
    context: int | None = None
    loaded: bool = False
    vision: bool = False
    tools: bool = False
    path: str = ""
    quantization: str | None = None
    params: str | None = None
    architecture: str | None = None

    @property
    def note(self) -> str:
        """What is said beside its key: `2.5 GB · loaded`."""
        return " · ".join(filter(None, (size(self.size_bytes), "loaded" if self.loaded else "")))


def size(count: int | None) -> str:
    """Bytes as a person writes them: `98 MB`, `2.5 GB`; nothing for None."""
    if count is None:
        return ""
    return f"{count / 1e9:.1f} GB" if count >= 1e9 else f"{count / 1e6:.0f} MB"


def parse(info: dict[str, Any], *, loaded: bool) -> Model:
    """A model from the server's own words."""
    return Model(
        key=info["modelKey"],
        identifier=info.get("identifier"),
        name=info.get("displayName") or info["modelKey"],
        kind=info.get("type", "llm"),
        size_bytes=info.get("sizeBytes"),
        # What a loaded one could have had is not what it has.
        context=info.get("contextLength") or (None if loaded else info.get("maxContextLength")),
        loaded=loaded,
        vision=bool(info.get("vision")),
        tools=bool(info.get("trainedForToolUse")),
        path=info.get("path", ""),
        quantization=_quantization(info),
        params=info.get("paramsString"),
        architecture=info.get("architecture"),
    )


IN_A_NAME = re.compile(
    r"(?i)(?:^|[-._@/])((?:UD-)?(?:I?Q\d\w*|T?Q\d_\d|MXFP4\w*|B?F16|F32|\d+-?bit))(?=$|[./]|-\d{5}-of-)"
)
"""The quantisation in the name of a file or a key: `Qwen3-4B-Q4_K_M.gguf`, `qwen3-4b@4bit`."""


def _quantization(info: dict[str, Any]) -> str | None:
    """What the server says, which LM Studio has done since the SDK for JavaScript 2; else what the name says."""
    said = info.get("quantization")
    if isinstance(said, dict) and said.get("name"):
        return str(said["name"])
    found = IN_A_NAME.findall(info.get("path", "")) or IN_A_NAME.findall(info["modelKey"])
    return str(found[-1]).upper().replace("BIT", "bit") if found else None


async def answered(call: Awaitable[T], place: Place) -> T:
    """The server's answer to a plain question, within `ANSWER` seconds.

    Raises:
        ChatError: If it does not come.
    """
    ledger.note("question", place.host)
    try:
        return await asyncio.wait_for(call, ANSWER)
    except asyncio.TimeoutError:
        raise ChatError(failures.silent(place)) from None


async def loaded(client: lms.AsyncClient, place: Place) -> list[Model]:
    """The language models that are loaded. In one call; with the SDK's own types it would be one more per model."""
    infos = await answered(client.llm.remote_call("listLoaded"), place)
    found = [parse(info, loaded=True) for info in infos or ()]
    known.hear(place, loaded=found)
    return found


async def instances(client: lms.AsyncClient, place: Place) -> list[Model]:
    """The models that are loaded, of every kind."""
    infos = await answered(client.embedding.remote_call("listLoaded"), place)
    return [*await loaded(client, place), *(parse(info, loaded=True) for info in infos or ())]


async def downloaded(client: lms.AsyncClient, place: Place) -> list[Model]:
    """The models on disk, of every kind."""
    infos = await answered(client.system.remote_call("listDownloadedModels"), place)
    found = [parse(info, loaded=False) for info in infos or ()]
    known.hear(place, downloaded=found)
    return found


async def listing(client: lms.AsyncClient, place: Place) -> list[Model]:
    """Every model: the loaded instances first, then what is only on disk."""
    there = await instances(client, place)
    keys = {model.key for model in there}
    return there + [model for model in await downloaded(client, place) if model.key not in keys]


async def choose(
    client: lms.AsyncClient, wanted: str | None, place: Place, emit: Callable[[Event], None], hold: Hold
) -> Model:
    """The instance that answers, loaded if need be.

    Args:
        client: Connected.
        wanted: A name as `names.find` takes it, or None for the one that is there.
        place: Where the client is connected to.
        emit: Told of progress and of what was chosen.
        hold: Given `OPENING`, the open channel of a load, and None when it is over, so that it can be stopped.

    Raises:
        ChatError: If there is no such model, with what there is instead; or if it does not load.
    """
    here = await loaded(client, place)
    if wanted is None and here:
        return here[0]
    if wanted is None:
        wanted = await _only(client, place, emit)
    meant = names.exact(wanted, here) or await _on_disk_too(client, wanted, place, here)
    if meant is not None and meant.notice:
        emit(Noticed(meant.notice))
    if meant is not None and meant.model.loaded:
        return meant.model
    # A server may know names that it does not list: LM Studio has them for variants, `qwen3-4b@q8_0`.
    identifier = await _load(client, meant.model.key if meant else wanted, place, emit, hold)
    found = names.exact(identifier, await loaded(client, place))
    return found.model if found else Model(wanted, identifier, loaded=True)


async def _on_disk_too(
    client: lms.AsyncClient, wanted: str, place: Place, here: Sequence[Model]
) -> names.Meant[Model] | None:
    there = await downloaded(client, place)
    same = names.exact(wanted, there)
    if same is not None and same.model.kind == "embedding":
        raise ChatError(failures.only_embeds(same.model.key))
    return same or names.find(wanted, [*here, *(model for model in there if model.kind == "llm")])


async def _only(client: lms.AsyncClient, place: Place, emit: Callable[[Event], None]) -> str:
    """The key of the only language model on disk."""
    found = [model for model in await downloaded(client, place) if model.kind == "llm"]
    if len(found) != 1:
        raise ChatError(failures.none_loaded(place, names.choices(found)))
    emit(Noticed(f"No model was loaded; {found[0].key} is the only one here and was loaded for this."))
    return found[0].key


async def _load(client: lms.AsyncClient, key: str, place: Place, emit: Callable[[Event], None], hold: Hold) -> str:
    """Load a model and return its identifier."""
    import lmstudio as lms  # noqa: PLC0415

    begun = False

    def on_progress(progress: float) -> None:
        nonlocal begun
        if progress < 1.0 or begun:  # a model that was loaded already reports 1.0 and nothing else
            begun = True
            emit(Loading(key, progress))

    ledger.note("load", place.host)
    try:
        return await _get_or_load(client, key, on_progress, hold)
    except lms.LMStudioServerError as error:
        if not failures.is_not_found(error):
            raise ChatError(failures.load_failed(key, error)) from None
        raise ChatError(unknown(key, await listing(client, place), place)) from None


async def _get_or_load(client: lms.AsyncClient, key: str, on_progress: Callable[[float], None], hold: Hold) -> str:
    """As `client.llm.model(key)`, with the channel in hand: the SDK's own call cannot be taken back by anybody."""
    from lmstudio import json_api  # noqa: PLC0415

    try:
        types = json_api.ModelTypesLlm
        endpoint: Any = json_api.GetOrLoadEndpoint(
            key, json_api.DEFAULT_TTL, types.REQUEST_GET_OR_LOAD, types.MODEL_LOAD_CONFIG, None, on_progress
        )
        opening: Any = client.llm._create_channel(endpoint)
    except (AttributeError, TypeError):  # another version of the SDK: then a stopped load goes on in the server
        return str((await client.llm.model(key, on_load_progress=on_progress)).identifier)
    hold(OPENING)
    try:
        async with opening as channel:
            hold(channel)
            return str((await channel.wait_for_result()).identifier)
    finally:
        hold(None)


def unknown(key: str, there: Sequence[Model], place: Place) -> Problem:
    """The problem of a name that nothing there has, with those that are like it."""
    models = [model for model in there if model.kind == "llm"]
    close = names.near(key, models)
    return failures.unknown_model(key, place, names.choices(close or models), bool(close))
