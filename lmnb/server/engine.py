"""A real model: predictions, tokens and templates, by llama.cpp in a process of its own."""

from __future__ import annotations

import asyncio
import contextlib
import json
import secrets
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from lmnb.server import answers, cores, prompts, sampling
from lmnb.server.answers import CallBegun, CallMade, Piece, Reasoning, ToolRequests
from lmnb.server.child import Child
from lmnb.server.errors import ServerError, unloaded
from lmnb.server.overflow import fit, shorter
from lmnb.server.pool import Pool
from lmnb.server.predictions import Outcome
from lmnb.server.settings import checked

if TYPE_CHECKING:
    from collections.abc import Iterable

    from lmnb.server.models import LoadRequest, Model, Report
    from lmnb.server.pool import Place
    from lmnb.server.predictions import Job, Output
    from lmnb.server.settings import Prediction
    from lmnb.server.wire import History

CONTEXT = 4096
"""LM Studio's context length where nobody asks for one; more costs memory."""

SMALL_BATCH, LARGE = 16, 1_000_000_000
"""Tokens of a prompt that a processor reads at once, more for models of so many bytes.

The engine hears a stop between two batches. SmolLM2 on one core: 16 tokens take 0.1 s, and more at once are no quicker.
"""

CACHE_MB = 1024
"""What may be kept of earlier prompts in ordinary memory, so that going back to one is quick."""

STOPS = {"eos": "eosFound", "word": "stopStringFound", "limit": "maxPredictedTokensReached"}
"""Stop reasons of `/completion`."""

CHAT_STOPS = {"stop": "eosFound", "length": "maxPredictedTokensReached", "tool_calls": "toolCalls"}
"""Stop reasons of `/v1/chat/completions`."""


async def load(model: Model, request: LoadRequest, report: Report) -> EngineRunner:
    """Load a model into a process of its own. Cancelling the task kills that.

    Args:
        model: Which; it has a file.
        request: How.
        report: Told how far the load is.

    Raises:
        ServerError: If it cannot be loaded, with the reason.
    """
    runner = EngineRunner(model, request)
    await runner.start(report)
    return runner


class EngineRunner:
    """A loaded model. Where its process has died, the next call starts another one."""

    def __init__(self, model: Model, request: LoadRequest) -> None:
        self._model = model
        self._config = _config(model, request)
        self._seed = request.get("seed")
        self._starting = asyncio.Lock()
        self._child: Child | None = None
        self._closed = False
        self._forms: set[str] = set()
        self.context: int = self._config["context"]
        self._pool = Pool(self.context)

    async def start(self, report: Report) -> Child:
        """Load the model, if it is not.

        Raises:
            ServerError: If that fails.
        """
        async with self._starting:
            if self._closed:
                raise unloaded()
            if self._child is None or not self._child.alive:
                await self._discard()
                self._child = await self._start(report)
            return self._child

    async def _start(self, report: Report) -> Child:
        child = await Child.start(self._model.key, self._config, self._model.size_bytes, report)
        try:
            await self._meet(child)
        except BaseException:
            await child.kill()
            raise
        if self._closed:  # unloaded meanwhile
            await child.kill()
            raise unloaded()
        return child

    async def close(self) -> None:
        """Kill the process."""
        self._closed = True
        await self._discard()

    async def tokenize(self, text: str) -> list[int]:
        """The tokens of a text, without those that begin and end a prompt."""
        return await self._tokens(await self._ready(), text, special=False)

    async def format(
        self, history: History, settings: Prediction, tools: list[dict[str, Any]], *, bos: bool = True, eos: bool = True
    ) -> str:
        """The history as the text the model reads, with or without the tokens that begin and end texts."""
        text = await self._prompt(await self._ready(), history, settings, tools)
        if self._adds_bos:  # where it does not, the same token may be part of the template
            text = (self._bos if bos else "") + text.removeprefix(self._bos)
        return text if eos else text.removesuffix(self._eos)

    async def predict(self, job: Job) -> Outcome:
        """Write an answer."""
        child = await self._ready()
        await self._check_form(child, job.settings)
        prediction = await self._begin(child, job)
        async with self._pool.place(prediction.prompt_tokens) as place:
            return await prediction.run(child, self._pool, place)

    # ---- the process

    async def _ready(self) -> Child:
        return await self.start(_nobody)

    async def _discard(self) -> None:
        child, self._child = self._child, None
        if child is not None:
            await child.kill()

    async def _meet(self, child: Child) -> None:
        """What the engine knows about the model."""
        props = await child.ask("/props")
        caps = props.get("chat_template_caps") or {}
        self._native_tools = bool(caps.get("supports_tools"))
        self._bos, self._eos = str(props.get("bos_token") or ""), str(props.get("eos_token") or "")
        self._adds_bos = bool(await self._tokens(child, "", special=True))
        room = int(props["default_generation_settings"]["n_ctx"])  # a little more than was asked for
        self.context = min(self.context, room)
        self._pool = Pool(room)

    async def _tokens(self, child: Child, text: str, *, special: bool) -> list[int]:
        answer = await child.ask("/tokenize", {"content": text, "add_special": special, "parse_special": True})
        return list(answer["tokens"])

    # ---- the prompt

    async def _begin(self, child: Child, job: Job) -> _Prediction:
        """What to ask the engine for."""
        tools, body = job.settings.tools, sampling.body(job.settings, self._seed)
        if tools and self._native_tools and job.raw_prompt is None:
            return await self._begin_native(child, job, body)
        prompt = job.raw_prompt
        if prompt is None:
            prompt = await self._prompt(child, job.history, job.settings, tools)
        tokens = await self._tokens(child, prompt, special=True)
        fitting = fit(tokens or await self._tokens(child, " ", special=True), self.context, job.settings.overflow)
        return _Prediction(job, "/completion", {**body, "prompt": fitting}, len(fitting), self.context, prompt)

    async def _begin_native(self, child: Child, job: Job, body: dict[str, Any]) -> _Prediction:
        """By the engine's own reading of tool calls, where the model's template knows of tools.

        Only whole messages can be left out here: the engine makes the prompt itself.
        """
        said = prompts.messages(job.history, native_tools=True)
        while True:
            asked = {"messages": said, "tools": job.settings.tools}
            prompt = (await child.ask("/apply-template", asked))["prompt"]
            tokens = await self._tokens(child, prompt, special=True)
            if len(tokens) < self.context:
                break
            said = shorter(said, job.settings.overflow, len(tokens), self.context)
        more = {"reasoning_format": "none", "parallel_tool_calls": True}
        return _Prediction(job, "/v1/chat/completions", {**body, **asked, **more}, len(tokens), self.context, prompt)

    async def _prompt(self, child: Child, history: History, settings: Prediction, tools: list[dict[str, Any]]) -> str:
        native = self._native_tools and not settings.get("promptTemplate")  # calls of earlier rounds, too
        said = prompts.messages(history, native_tools=native)
        if not native:
            said = prompts.with_tools(said, tools)
        if template := settings.get("promptTemplate"):
            return prompts.render(template, said)
        asked = {"messages": said, **({"tools": tools} if native and tools else {})}
        try:
            return str((await child.ask("/apply-template", asked))["prompt"])
        except ServerError as error:
            raise ServerError("The model's prompt template refuses these messages.", cause=error.cause) from None

    # ---- the form

    async def _check_form(self, child: Child, settings: Prediction) -> None:
        """Refuse a form the engine does not understand: it would only say so in its log and write whatever it likes."""
        form = sampling.form(settings)
        name = json.dumps(form, sort_keys=True)
        if not form or name in self._forms:
            return
        if form.get("grammar") == "":
            raise _bad_form("The grammar is empty.")
        # One token that no JSON begins with, made all but certain: it comes only where nothing forbids it.
        probe = {"prompt": "x", "n_predict": 1, "temperature": 0, "logit_bias": [["x", 100]], "cache_prompt": False}
        before = child.said
        try:
            answer = await child.ask("/completion", {**probe, **form})
        except ServerError as error:
            raise _bad_form(error.cause) from None
        if "json_schema" in form and str(answer["content"]).startswith("x"):
            raise _bad_form(await child.complaint(r"(?s)failed to compile JSON schema: (.+?)\n +1 \|", since=before))
        self._forms.add(name)


async def _nobody(_: float) -> None:
    """Nobody is told: a crashed model is loaded again within a call."""


def _bad_form(cause: str | None) -> ServerError:
    return ServerError("The answer's form (`response_format`) cannot be kept by this engine.", cause=cause)


def _config(model: Model, request: LoadRequest) -> dict[str, Any]:
    """What the child is told."""

    def asked(key: str, otherwise: Any = None) -> Any:
        return checked(request.get(key), otherwise)

    ratio = asked("llama.acceleration.offloadRatio")
    gpu = request.get("gpuSplitConfig") or {}
    cache = "f16" if request.get("llama.useFp16ForKVCache", True) else "f32"
    return {
        "file": str(model.file),
        "context": max(1, min(int(asked("contextLength", CONTEXT)), model.max_context)),
        "embedding": model.domain == "embedding",
        "pooling": None,
        "parallel": max(1, int(asked("numParallelSessions", 4))),
        "unified": bool(request.get("useUnifiedKvCache", True)),
        "threads": int(asked("llama.cpuThreadPoolSize", 0)) or int(asked("llama.cpuThreads", 0)) or cores.threads(),
        "batch": int(asked("llama.evalBatchSize", 0)),
        "cpu_batch": SMALL_BATCH if model.size_bytes < LARGE else 2 * SMALL_BATCH,
        "cache_mb": CACHE_MB,
        "gpu_layers": _layers(ratio, model.layers),
        "kv_on_gpu": bool(request.get("offloadKVCacheToGpu", True)),
        "main_gpu": (gpu.get("priority") or [None])[0] if isinstance(gpu, dict) else None,
        "rope_base": asked("llama.ropeFrequencyBase"),
        "rope_scale": asked("llama.ropeFrequencyScale"),
        "flash": request.get("llama.flashAttention"),
        "mmap": bool(request.get("llama.tryMmap", True)),
        "lock": bool(request.get("llama.keepModelInMemory", False)),
        "k_cache": asked("llama.kCacheQuantizationType", cache),
        "v_cache": asked("llama.vCacheQuantizationType", cache),
    }


def _layers(ratio: Any, layers: int) -> int | None:
    """How many layers go to the GPU; None: as many as fit."""
    if ratio == "off":
        return 0
    if isinstance(ratio, (int, float)) and not isinstance(ratio, bool):
        return round(min(max(ratio, 0), 1) * (layers + 1))
    return None


@dataclass
class _Step:
    """One event of the engine, whichever way it was asked."""

    text: str = ""
    tokens: int = 0
    progress: dict[str, int] | None = None
    calls: list[dict[str, Any]] = field(default_factory=list)
    reason: str | None = None
    stop_string: str | None = None
    timings: dict[str, Any] | None = None


class _Prediction:
    """One answer on its way."""

    def __init__(self, job: Job, path: str, body: dict[str, Any], tokens: int, context: int, prompt: str) -> None:
        self.prompt_tokens = tokens
        self._job = job
        self._path = path
        limit, room = job.settings.max_tokens, max(1, context - tokens)
        self._cramped = limit is None or limit > room
        limit = room if limit is None else min(limit, room)
        names = {"/completion": "n_predict", "/v1/chat/completions": "max_tokens"}
        self._body = {**body, names[path]: limit, "return_progress": True, "cache_prompt": True}
        self._writer = _Writer(job, prompt)
        self._native = path != "/completion"
        self._seen = 0
        self._end = _Step()

    async def run(self, child: Child, pool: Pool, place: Place) -> Outcome:
        """Ask, and pass on what comes."""
        if self._job.settings.max_tokens == 0:
            return Outcome("maxPredictedTokensReached", self.prompt_tokens, 0)
        async with contextlib.aclosing(child.stream(self._path, self._body)) as events:
            async for event in events:
                step = self._read_chat(event) if self._native else self._read_plain(event)
                place.tokens += step.tokens
                await self._take(step)
                if self._writer.over:
                    break
                if not self._end.reason and pool.must_end(place):
                    self._end.reason = "contextLengthReached"
                    break
        await self._writer.end()
        return self._outcome()

    async def _take(self, step: _Step) -> None:
        if step.progress:
            progress = step.progress
            await self._job.out.reading(progress["processed"], progress["total"], progress["cache"])
        await self._writer.write(step.text, step.tokens)
        await self._writer.calls(step.calls)
        if step.reason:
            self._end.reason, self._end.stop_string = step.reason, step.stop_string
        if step.timings:
            self._end.timings = step.timings

    def _read_plain(self, event: dict[str, Any]) -> _Step:
        if progress := event.get("prompt_progress"):
            return _Step(progress=progress)
        predicted = int(event.get("tokens_predicted") or 0)
        step = _Step(str(event.get("content") or ""), max(0, predicted - self._seen))
        self._seen = predicted
        if event.get("stop"):
            step.reason = STOPS.get(str(event.get("stop_type")), "eosFound")
            step.stop_string = event.get("stopping_word") or None
            step.timings = event.get("timings")
        return step

    def _read_chat(self, event: dict[str, Any]) -> _Step:
        choice = (event.get("choices") or [{}])[0]
        delta = choice.get("delta") or {}
        step = _Step(progress=event.get("prompt_progress"), timings=event.get("timings"))
        step.text = str(delta.get("content") or "")
        step.calls = delta.get("tool_calls") or []
        step.tokens = 1 if step.text or step.calls else 0
        if finish := choice.get("finish_reason"):
            step.reason = CHAT_STOPS.get(finish, "eosFound")
        return step

    def _outcome(self) -> Outcome:
        timings, settings = self._end.timings or {}, self._job.settings
        predicted = timings.get("predicted_n")
        reason = self._end.reason or "eosFound"
        if reason == "maxPredictedTokensReached" and self._cramped:
            reason = "contextLengthReached"
        if self._writer.called or self._end.stop_string in (settings.get("toolCallStopStrings") or []):
            reason = "toolCalls"
        return Outcome(
            reason,
            prompt_tokens=self.prompt_tokens,
            predicted_tokens=predicted,
            tokens_per_second=timings.get("predicted_per_second"),
            stop_string=self._end.stop_string,
        )


class _Writer:
    """Passes on what the model writes: text, reasoning, tool calls."""

    def __init__(self, job: Job, prompt: str) -> None:
        self._out: Output = job.out
        parsing = job.settings.get("reasoning.parsing") or {}
        on = bool(parsing.get("enabled")) and job.settings.structured.get("type", "none") == "none"
        start, end = (str(parsing.get(key) or "") for key in ("startString", "endString"))
        inside = bool(start) and prompt.rstrip().endswith(start)
        self._reasoning = Reasoning(start if on else "", end if on else "", inside=inside)
        self._requests = ToolRequests() if job.settings.tools else None
        self._tokens = 0
        self._native: dict[int, dict[str, str]] = {}
        self.called = False

    @property
    def over(self) -> bool:
        """Whether the answer is complete although the model would go on."""
        return self._requests is not None and self._requests.over

    async def write(self, text: str, tokens: int) -> None:
        """Some more text."""
        self._tokens += tokens
        if tokens:
            self._out.writing()
        await self._pass_on(self._reasoning.feed(text) if text else ())

    async def calls(self, deltas: list[dict[str, Any]]) -> None:
        """Pieces of tool calls that the engine has read."""
        for delta in deltas:
            number, function = int(delta.get("index") or 0), delta.get("function") or {}
            call = self._native.get(number)
            if call is None:
                call = self._native[number] = {"id": str(delta.get("id") or _number()), "name": "", "arguments": ""}
                await self._out.tool("toolCallGenerationStart", toolCallId=call["id"])
            if name := function.get("name"):
                call["name"] = name
                await self._out.tool("toolCallGenerationNameReceived", name=name)
            if more := function.get("arguments"):
                call["arguments"] += more
                await self._out.tool("toolCallGenerationArgumentFragmentGenerated", content=more)

    async def end(self) -> None:
        """The model has ended: say what was held back."""
        await self._pass_on(self._reasoning.end())
        if self._requests is not None:
            for found in self._requests.end():
                await self._say(found)
        for call in self._native.values():
            await self._made(call["name"], call["arguments"], call["id"], call["arguments"])
        self._out.tokens += self._tokens  # those of text that was not passed on
        self._tokens = 0

    async def _pass_on(self, pieces: Iterable[Piece]) -> None:
        for piece in pieces:
            if self._requests is None or piece.kind != "none":
                await self._say(piece)
            else:
                for found in self._requests.feed(piece.text):
                    await self._say(found)

    async def _say(self, found: Piece | CallBegun | CallMade) -> None:
        match found:
            case Piece(text, kind):
                tokens, self._tokens = self._tokens, 0
                await self._out.fragment(text, tokens, kind)
            case CallBegun():
                self._id = _number()
                await self._out.tool("toolCallGenerationStart", toolCallId=self._id)
            case CallMade(raw):
                await self._read(raw)

    async def _read(self, raw: str) -> None:
        try:
            name, arguments = answers.parse_call(raw)
        except ServerError as error:
            await self._out.tool("toolCallGenerationFailed", error=error.wire(), rawContent=raw)
            return
        await self._out.tool("toolCallGenerationNameReceived", name=name)
        await self._out.tool("toolCallGenerationArgumentFragmentGenerated", content=json.dumps(arguments))
        await self._made(name, arguments, self._id, raw)

    async def _made(self, name: str, arguments: Any, number: str, raw: str) -> None:
        self.called = True
        try:
            await self._out.tool_call(name, answers.parse_arguments(arguments), number, raw)
        except ServerError as error:
            await self._out.tool("toolCallGenerationFailed", error=error.wire(), rawContent=raw)


def _number() -> str:
    return str(secrets.randbelow(900_000_000) + 100_000_000)
