"""The `llm` and `embedding` namespaces: ask about loaded models, load, unload, and have them write."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Any, TypeVar

import msgspec

from lmnb.server import errors, predictions, wire
from lmnb.server.endpoints import Endpoints
from lmnb.server.instances import Work
from lmnb.server.namespaces import loading
from lmnb.server.settings import DEFAULTS, Prediction, fields

if TYPE_CHECKING:
    from collections.abc import Coroutine

    from lmnb.server.files import Files
    from lmnb.server.instances import Instance, Instances
    from lmnb.server.models import Domain
    from lmnb.server.session import Channel

T = TypeVar("T")


class Asked(wire.Camel):
    """A question about one loaded model."""

    specifier: wire.Specifier
    throw_if_not_found: bool = True


class Text(wire.Camel):
    """A text for one loaded model."""

    specifier: wire.Specifier
    input_string: str


class ToEmbed(wire.Camel):
    """A text whose embedding is wanted."""

    model_specifier: wire.Specifier
    input_string: str


class ToUnload(wire.Camel):
    """Which one is to go."""

    identifier: str


class ToEstimate(wire.Camel):
    """A model on disk."""

    model_key: str


class TemplateOptions(wire.Camel):
    """What is to be in the formatted text."""

    omit_bos_token: bool = False
    omit_eos_token: bool = False
    tool_definitions: list[dict[str, Any]] = msgspec.field(default_factory=list)


class ToFormat(wire.Camel):
    """A history to be seen as the model sees it."""

    specifier: wire.Specifier
    history: wire.History
    prediction_config_stack: wire.ConfigStack = msgspec.field(default_factory=wire.ConfigStack)
    opts: TemplateOptions = msgspec.field(default_factory=TemplateOptions)


def model_namespace(instances: Instances, uploads: Files, domain: Domain) -> Endpoints:
    """The endpoints of the namespace for models of this kind."""
    questions = _Questions(instances, uploads, domain)
    room = Endpoints()
    room.plain("listLoaded", lambda: [instance.info() for instance in instances.loaded(domain)])
    room.rpc("getModelInfo", Asked, questions.info)
    room.rpc("getLoadConfig", Asked, questions.load_config)
    room.rpc("getBasePredictionConfig", Asked, questions.base_config)
    room.rpc("getInstanceProcessingState", Asked, questions.state)
    room.rpc("estimateModelUsage", ToEstimate, questions.estimate)
    room.rpc("unloadModel", ToUnload, questions.unload)
    room.rpc("tokenize", Text, questions.tokenize)
    room.rpc("countTokens", Text, questions.count)
    loading.add(room, instances, domain)
    if domain == "embedding":
        room.rpc("embedString", ToEmbed, questions.embed)
    if domain == "llm":
        room.personal("applyPromptTemplate", ToFormat, questions.format)
        room.plain("preloadDraftModel", lambda: None)
        _add_predictions(room, instances, uploads, domain)
    return room


def _add_predictions(room: Endpoints, instances: Instances, uploads: Files, domain: Domain) -> None:
    async def predict(channel: Channel, asked: predictions.PredictParameter) -> None:
        await predictions.predict(instances, uploads, domain, channel, asked)

    async def complete(channel: Channel, asked: predictions.RawTextParameter) -> None:
        await predictions.complete_raw(instances, domain, channel, asked)

    room.channel("predict", predictions.PredictParameter, predict)
    room.channel("completeRawText", predictions.RawTextParameter, complete)


async def _unless_unloaded(work: Work, doing: Coroutine[Any, Any, T]) -> T:
    """What comes of some work, or the error that its model is gone."""
    task, unloaded = asyncio.create_task(doing), asyncio.create_task(work.unloaded.wait())
    try:
        await asyncio.wait({task, unloaded}, return_when=asyncio.FIRST_COMPLETED)
    finally:
        for each in (task, unloaded):
            each.cancel()  # does nothing to one that has ended
        await asyncio.wait({task})
    if work.unloaded.is_set() and (task.cancelled() or task.exception()):
        raise errors.unloaded()
    return task.result()


class _Questions:
    """Calls with one answer."""

    def __init__(self, instances: Instances, uploads: Files, domain: Domain) -> None:
        self._instances = instances
        self._uploads = uploads
        self._domain = domain

    def _find(self, asked: Asked) -> Instance | None:
        try:
            return self._instances.find(self._domain, asked.specifier)
        except errors.ServerError:
            if asked.throw_if_not_found:
                raise
            return None

    def _one(self, specifier: wire.Specifier) -> Instance:
        return self._instances.find(self._domain, specifier)

    async def info(self, asked: Asked) -> dict[str, Any] | None:
        found = self._find(asked)
        return None if found is None else found.info()

    async def load_config(self, asked: Asked) -> dict[str, Any]:
        return fields(self._one(asked.specifier).settings)

    async def base_config(self, asked: Asked) -> dict[str, Any]:
        self._one(asked.specifier)
        return fields(DEFAULTS)

    async def state(self, asked: Asked) -> dict[str, Any] | None:
        found = self._find(asked)
        return None if found is None else found.state()

    async def estimate(self, asked: ToEstimate) -> dict[str, Any]:
        model = self._instances.on_disk(self._domain, asked.model_key)
        memory = {
            "confidence": "low",
            "modelVramBytes": 0,
            "contextVramBytes": 0,
            "totalVramBytes": 0,
            "modelBytes": model.size_bytes,
            "contextBytes": 0,
            "totalBytes": model.size_bytes,
        }
        return {"memory": memory, "passesGuardrails": True}

    async def unload(self, asked: ToUnload) -> None:
        loaded = self._instances.loaded(self._domain)
        for instance in loaded:
            if instance.identifier == asked.identifier:
                await self._instances.unload(instance)
                return
        raise errors.no_loaded_model({"identifier": asked.identifier}, [each.identifier for each in loaded])

    async def tokenize(self, asked: Text) -> dict[str, Any]:
        """The tokens; of an embedding model with those around them, which count does not count (as with LM Studio)."""
        runner = self._one(asked.specifier).runner
        return {"tokens": await runner.tokenize(asked.input_string, special=self._domain == "embedding")}

    async def count(self, asked: Text) -> dict[str, Any]:
        return {"tokenCount": len(await self._one(asked.specifier).runner.tokenize(asked.input_string))}

    async def embed(self, asked: ToEmbed) -> dict[str, Any]:
        instance, work = self._one(asked.model_specifier), Work()

        async def embedding() -> list[float]:
            async with instance.slot(work, "computingEmbedding"):
                return await instance.runner.embed(asked.input_string)

        return {"embedding": await _unless_unloaded(work, embedding())}

    async def format(self, client: str, asked: ToFormat) -> dict[str, Any]:
        instance = self._one(asked.specifier)
        settings = Prediction(asked.prediction_config_stack)
        history = self._readable(client, asked.history)
        files = predictions.attached(history, instance.model, lambda named: self._uploads.find(client, named))
        formatted = await instance.runner.format(
            history,
            settings,
            asked.opts.tool_definitions,
            files=files,
            bos=not asked.opts.omit_bos_token,
            eos=not asked.opts.omit_eos_token,
        )
        return {"formatted": formatted}

    def _readable(self, client: str, history: wire.History) -> wire.History:
        """What a template sees: as with LM Studio, a document that is not here is no mistake; a picture is."""

        def kept(part: wire.Part) -> bool:
            if not isinstance(part, wire.FilePart) or part.file_type == "image":
                return True
            upload = self._uploads.find(client, part.identifier)
            return upload is not None and (upload.is_text or upload.is_image)

        seen = [[part for part in message.content if kept(part)] for message in history.messages]
        return wire.History(
            messages=[
                msgspec.structs.replace(each, content=content)
                for each, content in zip(history.messages, seen, strict=True)
            ]
        )
