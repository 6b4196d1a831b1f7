"""One answer of the engine on its way to the client: asked for, read piece by piece, passed on, ended."""

from __future__ import annotations

import contextlib
import json
import secrets
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from lmnb.server import answers
from lmnb.server.answers import CallBegun, CallMade, Piece, Reasoning, ToolRequests
from lmnb.server.errors import ServerError
from lmnb.server.predictions import Outcome

if TYPE_CHECKING:
    from collections.abc import Iterable

    from lmnb.server.child import Child
    from lmnb.server.pool import Place, Pool
    from lmnb.server.predictions import Job, Output

PLAIN, CHAT = "/completion", "/v1/chat/completions"
"""The two ways to ask the engine; the second reads the tool calls of models that have their own form for them."""

PICTURE = 1024
"""Tokens to keep free for a picture; the usual models take between 64 and that."""

STOPS = {"eos": "eosFound", "word": "stopStringFound", "limit": "maxPredictedTokensReached"}
"""Stop reasons of `PLAIN`."""

CHAT_STOPS = {"stop": "eosFound", "length": "maxPredictedTokensReached", "tool_calls": "toolCalls"}
"""Stop reasons of `CHAT`."""


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


class Answering:
    """One answer on its way.

    Args:
        job: What was asked.
        path: `PLAIN` or `CHAT`.
        body: What the engine is asked.
        tokens: How many the prompt has.
        context: How many there is room for.
        prompt: The prompt's text.
        pictures: How many there are in it; what they take is known when the engine has begun to read.

    Attributes:
        needed: Tokens to keep free for the prompt.
    """

    def __init__(
        self, job: Job, path: str, body: dict[str, Any], tokens: int, context: int, prompt: str, *, pictures: int = 0
    ) -> None:
        self.prompt_tokens = tokens
        self.needed = min(context, tokens + pictures * PICTURE)
        self._job = job
        self._path = path
        limit, room = job.settings.max_tokens, max(1, context - tokens)
        self._cramped = limit is None or limit > room
        limit = room if limit is None else min(limit, room)
        names = {PLAIN: "n_predict", CHAT: "max_tokens"}
        self._body = {**body, names[path]: limit, "return_progress": True, "cache_prompt": True}
        self._writer = _Writer(job, prompt)
        self._native = path == CHAT
        self._seen = 0
        self._end = _Step()

    async def run(self, child: Child, pool: Pool, place: Place) -> Outcome:
        """Ask, and pass on what comes. Cancelling the task hangs up.

        Raises:
            ServerError: If the engine refuses it, or dies.
        """
        if self._job.settings.max_tokens == 0:
            return Outcome("maxPredictedTokensReached", self.prompt_tokens, 0)
        async with contextlib.aclosing(child.stream(self._path, self._body)) as events:
            async for event in events:
                step = self._read_chat(event) if self._native else self._read_plain(event)
                place.tokens += step.tokens
                if step.progress:
                    place.tokens += self._learn(step.progress["total"])
                await self._take(step)
                if self._writer.over:
                    break
                if not self._end.reason and pool.must_end(place):
                    self._end.reason = "contextLengthReached"
                    break
        await self._writer.end()
        return self._outcome()

    def _learn(self, total: int) -> int:
        """The engine says how long the prompt is. Returns by how much that is more than was kept free for it."""
        self.prompt_tokens, more = total, total - self.needed
        self.needed = total
        return more

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
