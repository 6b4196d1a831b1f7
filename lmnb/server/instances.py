"""The loaded models: loading on request and on first use, names, time to live, unloading."""

from __future__ import annotations

import asyncio
import contextlib
import secrets
import time
from collections import defaultdict
from typing import TYPE_CHECKING, Any

from lmnb.server import errors
from lmnb.server.errors import ServerError
from lmnb.server.models import EMBEDDING
from lmnb.server.settings import checked
from lmnb.server.wire import ByReference

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Callable, Sequence

    from lmnb.server.models import Domain, LoadRequest, Model, Report, Runner
    from lmnb.server.wire import Specifier

PARALLEL = 4
"""Predictions of one model at a time; LM Studio's "Max Concurrent Predictions". More of them wait."""


class Work:
    """What one prediction is doing with its instance: waiting, then reading, then writing.

    Attributes:
        status: `queued`, `processingPrompt`, `generating` or `computingEmbedding`.
        unloaded: Set when the instance goes.
    """

    def __init__(self) -> None:
        self.status = "queued"
        self.unloaded = asyncio.Event()


class Instance:
    """A loaded model.

    Args:
        model: What it was loaded from.
        identifier: Its name among the loaded.
        runner: Does the work.
        settings: How it was loaded.
        ttl_ms: Milliseconds without use after which it goes; None: never.
        jit: Whether it was loaded on first use; the next such load takes its place.
    """

    def __init__(
        self, model: Model, identifier: str, runner: Runner, settings: dict[str, Any], ttl_ms: float | None, jit: bool
    ) -> None:
        self.model = model
        self.identifier = identifier
        self.runner = runner
        self.reference = secrets.token_hex(12)
        self.settings = settings | {f"{model.domain}.load.contextLength": runner.context}
        self.ttl_ms = ttl_ms
        self.jit = jit
        self._used = time.time()
        self._slots = asyncio.Semaphore(_parallel(settings))
        self._works: list[Work] = []
        self._gone = False

    def info(self) -> dict[str, Any]:
        """Its description in the protocol."""
        return self.model.info() | {
            "identifier": self.identifier,
            "instanceReference": self.reference,
            "contextLength": self.runner.context,
            "ttlMs": self.ttl_ms,
            "lastUsedTime": int(self._used * 1000),
        }

    def touch(self) -> None:
        """It is wanted: its time to live starts anew."""
        self._used = time.time()

    @contextlib.asynccontextmanager
    async def slot(self, work: Work, doing: str = "processingPrompt") -> AsyncIterator[None]:
        """Take part in its work; waits until there is room.

        Args:
            work: What is to be done.
            doing: Its status as soon as there is.

        Raises:
            ServerError: If it was unloaded before.
        """
        if self._gone:
            raise errors.unloaded()
        self._works.append(work)
        try:
            async with self._slots:
                work.status = doing
                yield
        finally:
            self._works.remove(work)
            self.touch()

    def state(self) -> dict[str, Any]:
        """What it is doing this moment, and how many wait."""
        doing = [work.status for work in self._works]
        status = next(
            (name for name in ("generating", "processingPrompt", "computingEmbedding") if name in doing), "idle"
        )
        return {"status": status, "queued": doing.count("queued")}

    def leave(self) -> None:
        """End what it is doing: it is unloaded."""
        self._gone = True
        for work in self._works:
            work.unloaded.set()

    @property
    def expired(self) -> bool:
        """Whether its time to live is over."""
        return bool(self.ttl_ms) and not self._works and (time.time() - self._used) * 1000 > float(self.ttl_ms or 0)


def _short(key: str) -> str:
    """A key without what may be left out: the quantisation, and that it is an embedding model's."""
    return key.lower().partition("@")[0].removeprefix(EMBEDDING)


def _parallel(settings: dict[str, Any]) -> int:
    asked = checked(settings.get("llm.load.numParallelSessions"))
    return max(1, asked) if isinstance(asked, int) else PARALLEL


class Instances:
    """All loaded models, and those that could be.

    Args:
        known: Lists the models that can be loaded.
        load: Loads one.
    """

    def __init__(self, known: Callable[[], Sequence[Model]], load: Any) -> None:
        self.known = known
        self._load = load
        self._loaded: dict[str, Instance] = {}
        self._names: set[str] = set()  # of those that are being loaded
        self._first_use = asyncio.Lock()
        self._locks: defaultdict[str, asyncio.Lock] = defaultdict(asyncio.Lock)

    # ---- looking

    def loaded(self, domain: Domain) -> list[Instance]:
        """The loaded models of this kind, oldest first."""
        return [instance for instance in self._loaded.values() if instance.model.domain == domain]

    def named(self, domain: Domain, key: str) -> Instance | None:
        """The loaded model that goes by this identifier, else by this model key, else whose path begins so."""
        wanted = key.lower()
        instances = self.loaded(domain)
        tests: tuple[Callable[[Instance], bool], ...] = (
            lambda i: i.identifier.lower() == wanted,
            lambda i: i.model.key.lower() == wanted,
            lambda i: "@" not in wanted and _short(i.model.key) == _short(wanted),
            lambda i: i.model.path.lower() == wanted or i.model.path.lower().startswith(wanted.rstrip("/") + "/"),
            lambda i: "/" in wanted and i.model.path.lower().startswith(wanted),  # of publisher/model-GGUF/…
        )
        return next((i for test in tests for i in instances if test(i)), None)

    def find(self, domain: Domain, specifier: Specifier) -> Instance:
        """The loaded model that is meant; an empty query means any.

        Raises:
            ServerError: If none is.
        """
        instances = self.loaded(domain)
        if isinstance(specifier, ByReference):
            for instance in instances:
                if instance.reference == specifier.instance_reference:
                    return instance
            raise errors.unloaded()
        query = specifier.query
        key = query.identifier or query.path
        seeing = [instance for instance in instances if instance.model.vision or not query.vision]
        found = self.named(domain, key) if key else next(iter(seeing), None)
        if found is None or (query.vision and not found.model.vision):
            asked = {"identifier": query.identifier, "path": query.path, "vision": query.vision}
            said = {name: value for name, value in asked.items() if value is not None}
            raise errors.no_loaded_model(said, [instance.identifier for instance in instances])
        found.touch()
        return found

    def on_disk(self, domain: Domain, key: str) -> Model:
        """The model of this key, path, or beginning of a path.

        Raises:
            ServerError: If there is none, with those that are there.
        """
        wanted = key.lower()
        models = self.known()
        tests: tuple[Callable[[Model], bool], ...] = (
            lambda m: m.key.lower() == wanted,
            lambda m: "@" not in wanted and _short(m.key) == _short(wanted),  # any of its quantisations
            lambda m: m.path.lower() == wanted,
            lambda m: m.path.lower().startswith(wanted.rstrip("/") + "/"),
            lambda m: "/" in wanted and m.path.lower().startswith(wanted),  # of publisher/model-GGUF/…
        )
        found = [m for test in tests for m in models if test(m)]
        fitting = [model for model in found if model.domain == domain]
        if found and not fitting:
            raise errors.wrong_kind(key, found[0].domain, domain)
        if not fitting:
            whole = [model.key for model in models if model.domain == domain and not model.damage]
            raise errors.no_model_on_disk(key, whole)
        return next((model for model in fitting if not model.damage), fitting[0])

    # ---- loading

    @contextlib.asynccontextmanager
    async def loading(self, model: Model, *, jit: bool) -> AsyncIterator[None]:
        """Held from the look at what is loaded to the end of a load: by one for each model, and by one on first use."""
        async with contextlib.AsyncExitStack() as held:
            if jit:
                await held.enter_async_context(self._first_use)
            await held.enter_async_context(self._locks[model.key])
            yield

    async def load(
        self,
        model: Model,
        request: LoadRequest,
        report: Report,
        *,
        identifier: str | None = None,
        ttl_ms: float | None = None,
        jit: bool = False,
    ) -> Instance:
        """Load a model; `loading` is held meanwhile. Cancelling the task ends the load.

        Args:
            model: Which.
            request: How.
            report: Told how far it is.
            identifier: Its name; None: its key, with a number if that is taken.
            ttl_ms: Milliseconds without use after which it goes.
            jit: Whether it is loaded on first use.

        Raises:
            ServerError: If it cannot be loaded, or the identifier is taken.
        """
        assert self._locks[model.key].locked()
        name = self._free_name(model, identifier)
        self._names.add(name)
        try:
            runner = await self._load(model, request, report)
            instance = Instance(model, name, runner, request.settings, ttl_ms, jit)
            self._loaded[name] = instance
        finally:
            self._names.remove(name)
        return instance

    def _free_name(self, model: Model, identifier: str | None) -> str:
        if identifier is not None:
            if identifier in self._loaded or identifier in self._names:
                raise ServerError(f'A model with identifier "{identifier}" already exists')
            return identifier
        name, number = model.key, 1
        while name in self._loaded or name in self._names:
            number += 1
            name = f"{model.key}:{number}"
        return name

    # ---- unloading

    def jit(self) -> list[Instance]:
        """Those that were loaded on first use."""
        return [instance for instance in self._loaded.values() if instance.jit]

    async def unload(self, instance: Instance) -> None:
        """Unload a model; what it is writing ends with `modelUnloaded`."""
        if self._loaded.get(instance.identifier) is instance:
            del self._loaded[instance.identifier]
        instance.leave()
        await instance.runner.close()

    async def expire(self) -> None:
        """Unload those whose time to live is over."""
        for instance in list(self._loaded.values()):
            if instance.expired:
                await self.unload(instance)

    async def close(self) -> None:
        """Unload all."""
        for instance in list(self._loaded.values()):
            await self.unload(instance)
