"""A real model: predictions, tokens and templates, by llama.cpp in a process of its own."""

from __future__ import annotations

import asyncio
import base64
import functools
import json
from typing import TYPE_CHECKING, Any

from lmnb.server import answering, configuring, gguf, prompts, sampling
from lmnb.server.answering import Answering
from lmnb.server.child import Child
from lmnb.server.errors import ServerError, unloaded
from lmnb.server.overflow import fit, no_place, shorter, too_long
from lmnb.server.pool import Pool

if TYPE_CHECKING:
    from collections.abc import Mapping

    from lmnb.server.files import Upload
    from lmnb.server.models import LoadRequest, Model, Report
    from lmnb.server.predictions import Job, Outcome
    from lmnb.server.settings import Prediction
    from lmnb.server.wire import History


async def load(model: Model, request: LoadRequest, report: Report) -> EngineRunner:
    """Load a model into a process of its own. Cancelling the task kills that.

    Args:
        model: Which; it has a file.
        request: How.
        report: Told how far the load is.

    Raises:
        ServerError: If it cannot be loaded, with the reason.
    """
    assert model.file is not None
    read = functools.partial(gguf.read, model.file, whole=False)
    pooled = model.domain == "llm" or (await asyncio.to_thread(read)).pooled
    runner = EngineRunner(model, configuring.config(model, request, pooled=pooled), request.get("seed"))
    await runner.start(report)
    return runner


class EngineRunner:
    """A loaded model. Where its process has died, the next call starts another one.

    Args:
        model: Which.
        config: How it is to be loaded, for `engine_child`.
        seed: With what its dice begin.
    """

    def __init__(self, model: Model, config: dict[str, Any], seed: Any) -> None:
        self._model = model
        self._config = config
        self._seed = seed
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

    async def tokenize(self, text: str, *, special: bool = False) -> list[int]:
        """The tokens of a text, with or without those that begin and end one."""
        return await self._tokens(await self._ready(), text, special=special)

    async def embed(self, text: str) -> list[float]:
        """The embedding of a text, of length 1.

        Raises:
            ServerError: If the text does not fit into the context.
        """
        child = await self._ready()
        try:
            answer = await child.ask("/v1/embeddings", {"input": text})
        except ServerError:
            tokens = len(await self._tokens(child, text, special=True))
            if tokens > self.context:
                raise no_place(tokens, self.context) from None
            raise
        return list(answer["data"][0]["embedding"])

    async def format(
        self,
        history: History,
        settings: Prediction,
        tools: list[dict[str, Any]],
        *,
        files: Mapping[str, Upload],
        bos: bool = True,
        eos: bool = True,
    ) -> str:
        """The history as the text the model reads, with or without the tokens that begin and end texts."""
        text = await self._prompt(await self._ready(), history, files, settings, tools)
        if self._adds_bos:  # where it does not, the same token may be part of the template
            text = (self._bos if bos else "") + text.removeprefix(self._bos)
        return text if eos else text.removesuffix(self._eos)

    async def predict(self, job: Job) -> Outcome:
        """Write an answer."""
        child = await self._ready()
        await self._check_form(child, job.settings)
        prediction = await self._begin(child, job)
        async with self._pool.place(prediction.needed) as place:
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
        self._marker = str(props.get("media_marker") or "<__media__>") if self._model.vision else ""
        self._adds_bos = bool(await self._tokens(child, "", special=True))
        room = int(props["default_generation_settings"]["n_ctx"])  # a little more than was asked for
        self.context = min(self.context, room)
        self._pool = Pool(room)

    async def _tokens(self, child: Child, text: str, *, special: bool) -> list[int]:
        answer = await child.ask("/tokenize", {"content": text, "add_special": special, "parse_special": True})
        return list(answer["tokens"])

    # ---- the prompt

    async def _begin(self, child: Child, job: Job) -> Answering:
        """What to ask the engine for."""
        tools, body = job.settings.tools, sampling.body(job.settings, self._seed)
        if tools and self._native_tools and job.raw_prompt is None and not job.settings.get("promptTemplate"):
            return await self._begin_native(child, job, body)
        prompt = job.raw_prompt
        if prompt is None:
            prompt = await self._prompt(child, job.history, job.files, job.settings, tools)
        if shown := prompts.pictures(job.history, job.files):
            return await self._begin_seeing(child, job, body, prompt, shown)
        tokens = await self._tokens(child, prompt, special=True)
        fitting = fit(tokens or await self._tokens(child, " ", special=True), self.context, job.settings.overflow)
        return Answering(job, answering.PLAIN, {**body, "prompt": fitting}, len(fitting), self.context, prompt)

    async def _begin_seeing(
        self, child: Child, job: Job, body: dict[str, Any], prompt: str, shown: list[Upload]
    ) -> Answering:
        """With pictures: the engine puts them in the place of their markers. Such a prompt cannot be cut by tokens."""
        tokens = len(await self._tokens(child, prompt.replace(self._marker, ""), special=True))
        if tokens >= self.context:
            raise too_long(tokens, self.context)
        data = await asyncio.to_thread(lambda: [base64.b64encode(upload.read()).decode() for upload in shown])
        seen = {"prompt_string": prompt, "multimodal_data": data}
        whole = {**body, "prompt": seen}
        return Answering(job, answering.PLAIN, whole, tokens, self.context, prompt, pictures=len(shown))

    async def _begin_native(self, child: Child, job: Job, body: dict[str, Any]) -> Answering:
        """By the engine's own reading of tool calls, where the model's template knows of tools.

        Only whole messages can be left out here: the engine makes the prompt itself.
        """
        said = await self._messages(job.history, job.files, native=True)
        while True:
            asked = {"messages": said, "tools": job.settings.tools, **_switch(job.settings)}
            prompt = (await child.ask("/apply-template", asked))["prompt"]
            text = prompt.replace(self._marker, "") if self._marker else prompt
            tokens = await self._tokens(child, text, special=True)
            if len(tokens) < self.context:
                break
            said = shorter(said, job.settings.overflow, len(tokens), self.context)
        if shown := prompts.pictures(job.history, job.files):
            asked["messages"] = await asyncio.to_thread(prompts.looked_at, said, shown, self._marker)
        more = {"reasoning_format": "none", "parallel_tool_calls": True}
        whole = {**body, **asked, **more}
        return Answering(job, answering.CHAT, whole, len(tokens), self.context, prompt, pictures=len(shown))

    async def _messages(self, history: History, files: Mapping[str, Upload], *, native: bool) -> list[dict[str, Any]]:
        make = functools.partial(prompts.messages, history, files, native_tools=native, marker=self._marker)
        return await asyncio.to_thread(make) if files else make()

    async def _prompt(
        self,
        child: Child,
        history: History,
        files: Mapping[str, Upload],
        settings: Prediction,
        tools: list[dict[str, Any]],
    ) -> str:
        native = self._native_tools and not settings.get("promptTemplate")  # calls of earlier rounds, too
        said = await self._messages(history, files, native=native)
        if not native:
            said = prompts.with_tools(said, tools)
        if template := settings.get("promptTemplate"):
            return prompts.render(template, said)
        asked = {"messages": said, **({"tools": tools} if native and tools else {}), **_switch(settings)}
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


def _switch(settings: Prediction) -> dict[str, Any]:
    """Whether the model shall think, for templates that ask; the others pass it over, as LM Studio does."""
    return {} if settings.thinking is None else {"chat_template_kwargs": {"enable_thinking": settings.thinking}}


async def _nobody(_: float) -> None:
    """Nobody is told: a crashed model is loaded again within a call."""


def _bad_form(cause: str | None) -> ServerError:
    return ServerError("The answer's form (`response_format`) cannot be kept by this engine.", cause=cause)
