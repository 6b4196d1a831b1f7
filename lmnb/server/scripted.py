"""Models for tests: one plays the script that it finds in the last user message, one tells which files it was given."""

from __future__ import annotations

import asyncio
import hashlib
import json
import math
import os
from dataclasses import replace
from typing import TYPE_CHECKING, Any, NoReturn

import msgspec

from lmnb.server.errors import DropConnectionError, ServerError
from lmnb.server.models import Model
from lmnb.server.overflow import fit
from lmnb.server.pacing import paced, pieces
from lmnb.server.predictions import Outcome
from lmnb.server.prompts import messages, plain_text
from lmnb.server.wire import FilePart

if TYPE_CHECKING:
    from collections.abc import Mapping

    from lmnb.server.files import Upload
    from lmnb.server.models import LoadRequest, Report
    from lmnb.server.predictions import Job
    from lmnb.server.settings import Prediction
    from lmnb.server.wire import History, Message

CONTEXT = 4096
NO_THOUGHTS = "<think>\n\n</think>\n\n"
"""How templates begin an answer that is not thought about."""

SLOW_LOAD = 2.0
"""Seconds that `scripted-slow` takes to load."""

MODELS = [
    Model(key, f"lmnb/scripted/{key}.gguf", title, 1_000_000, CONTEXT, architecture="scripted", tool_use=True)
    for key, title in (
        ("scripted", "Scripted"),
        ("scripted-slow", "Scripted, slow to load"),
        ("scripted-broken", "Scripted, does not load"),
        ("scripted-letters", "Scripted, its tokens are letters"),
        ("scripted-unmeasured", "Scripted, does not say how long its context is"),
        ("scripted-uncounted", "Scripted, does not count tokens"),
        ("scripted-mute", "Scripted, does not answer when it is asked to count"),
    )
]
MODELS += [
    replace(
        MODELS[0], key="scripted-thinking", path="lmnb/scripted/thinking.gguf", title="Scripted, may be told to think"
    ),
    replace(MODELS[0], key="scripted-vision", path="lmnb/scripted/vision.gguf", title="Scripted, sees", vision=True),
    replace(
        MODELS[0],
        key="scripted-embedding",
        path="lmnb/scripted/embed.gguf",
        title="Scripted, embeds",
        domain="embedding",
    ),
]


async def load(model: Model, request: LoadRequest, report: Report) -> ScriptedRunner:
    """Load a scripted model.

    Raises:
        ServerError: If it is the one that does not load.
    """
    if model.key == "scripted-broken":
        raise ServerError("Failed to load the model.", cause="Its file is damaged: it ends after 12 of 30 tensors.")
    if model.key == "scripted-slow":
        for step in range(40):
            await report(step / 40)
            await asyncio.sleep(SLOW_LOAD / 40)
    return ScriptedRunner(int(request.get("contextLength") or CONTEXT), model.key)


class ScriptedRunner:
    """Plays scripts. Words are its tokens, unless it is a model that is about tokens."""

    def __init__(self, context: int, key: str = "scripted") -> None:
        self.context = 0 if key == "scripted-unmeasured" else context
        self._context = context
        self._key = key

    async def predict(self, job: Job) -> Outcome:
        """Play the script of the last user message, or say that message back."""
        prompt = job.raw_prompt if job.raw_prompt is not None else plain_text(job.history)
        words = fit(self._split(prompt), self._context, job.settings.overflow)
        steps = _steps(job)
        if not any("progress" in step for step in steps[:1]):
            await job.out.reading(len(words), len(words) or 1)
        outcome = await _Play(job, switch=self._key == "scripted-thinking").play(steps)
        outcome.prompt_tokens = len(words)
        return outcome

    async def tokenize(self, text: str, *, special: bool = False) -> list[int]:
        """A number for each word, and one before and after.

        Raises:
            ServerError: If it is the one that does not count.
        """
        if self._key == "scripted-uncounted":
            raise ServerError("This engine has no tokenizer.")
        if self._key == "scripted-mute":
            await asyncio.sleep(3600)
        words = [sum(word.encode()) for word in self._split(text)]
        return [1, *words, 2] if special else words

    async def embed(self, text: str) -> list[float]:
        """Numbers that are always the same for the same text. A script is played first, as far as it is silent."""
        for step in _parse(text):
            match step:
                case {"text": _}:
                    pass
                case {"sleep": int() | float() as seconds}:
                    await asyncio.sleep(seconds)
                case _:
                    _end(step)
        numbers = [byte - 127.5 for byte in hashlib.sha256(text.encode()).digest()[:8]]
        return [number / math.hypot(*numbers) for number in numbers]

    async def format(
        self,
        history: History,
        settings: Prediction,
        tools: list[dict[str, Any]],  # noqa: ARG002
        *,
        files: Mapping[str, Upload],
        **_: bool,
    ) -> str:
        """The messages with their roles."""
        said = messages(history, files, native_tools=False, marker="<picture>")
        told_not_to = self._key == "scripted-thinking" and settings.thinking is False
        return "".join(f"<{each['role']}>{each['content']}</{each['role']}>\n" for each in said) + (
            NO_THOUGHTS if told_not_to else ""
        )

    def _split(self, text: str) -> list[str]:
        return list(text) if self._key == "scripted-letters" else text.split()

    async def close(self) -> None:
        """There is nothing to give back."""


class _EndOfAnswerError(Exception):
    """The answer is at its limit, or the script says so."""

    def __init__(self, reason: str, stop_string: str | None = None) -> None:
        super().__init__(reason)
        self.reason = reason
        self.stop_string = stop_string


class _Play:
    """One performance.

    Args:
        job: What is played.
        switch: Whether it may be told not to think, or how long at most.
    """

    def __init__(self, job: Job, *, switch: bool = False) -> None:
        self._job = job
        self._switch = switch
        self._text = ""
        self._calls = 0

    async def play(self, steps: list[dict[str, Any]]) -> Outcome:
        try:
            for step in steps:
                await self._checked(step)
        except _EndOfAnswerError as end:
            return Outcome(end.reason, stop_string=end.stop_string)
        return Outcome("toolCalls" if self._calls else "eosFound")

    async def _checked(self, step: dict[str, Any]) -> None:
        try:
            await self._step(step)
        except (KeyError, OverflowError, TypeError, ValueError) as error:
            raise ServerError(f"The scripted model cannot play the step {json.dumps(step)}: {error}") from None

    async def _step(self, step: dict[str, Any]) -> None:
        match step:
            case {"text": str(text)}:
                await self._say(text, "none", step)
            case {"reasoning": str(text)}:
                await self._think(text, step)
            case {"tool": dict(call)}:
                await self._call(call)
            case {"progress": list(shares)}:
                await self._read(shares, float(step.get("each", 0)))
            case {"sleep": int() | float() as seconds}:
                await asyncio.sleep(seconds)
            case {"files": True}:
                await self._job.out.fragment(_files(self._job))
            case {"history": True}:
                await self._job.out.fragment(_echo(self._job))
            case {"config": True}:
                await self._job.out.fragment(json.dumps(self._job.settings.all, ensure_ascii=False))
            case _:
                _end(step)

    async def _say(self, text: str, reasoning: str, step: dict[str, Any]) -> None:
        by, rate = step.get("by", "word"), step.get("rate")
        async for piece in paced(pieces(text, by) * int(step.get("repeat", 1)), rate):
            await self._piece(piece, reasoning)

    async def _piece(self, piece: str, reasoning: str) -> None:
        limit = self._job.settings.max_tokens
        if limit is not None and self._job.out.tokens >= limit:
            raise _EndOfAnswerError("maxPredictedTokensReached")
        self._text += piece
        for stop in self._job.settings.stop_strings:
            if stop and (found := self._text.find(stop, max(0, len(self._text) - len(piece) - len(stop)))) >= 0:
                await self._job.out.fragment(piece[: max(0, len(piece) - (len(self._text) - found))], 1, reasoning)
                raise _EndOfAnswerError("stopStringFound", stop)
        await self._job.out.fragment(piece, 1, reasoning)

    async def _think(self, text: str, step: dict[str, Any]) -> None:
        parsing = self._job.settings.get("reasoning.parsing") or {}
        start, end = parsing.get("startString") or "<think>", parsing.get("endString") or "</think>"
        if self._switch and self._job.settings.thinking is False:
            return
        if self._switch and (budget := self._job.settings.thinking_budget) is not None:
            text = "".join(pieces(text, "word")[:budget])
        if not parsing.get("enabled"):
            await self._say(f"{start}{text}{end}", "none", step)
            return
        await self._job.out.fragment(start, 1, "reasoningStartTag")
        await self._say(text, "reasoning", step)
        await self._job.out.fragment(end, 1, "reasoningEndTag")

    async def _call(self, call: dict[str, Any]) -> None:
        self._calls += 1
        name, arguments = str(call.get("name", "")), call.get("arguments") or {}
        raw = arguments if isinstance(arguments, str) else json.dumps(arguments)
        number = str(100_000 + self._calls)
        await self._job.out.tool("toolCallGenerationStart", toolCallId=number)
        await self._job.out.tool("toolCallGenerationNameReceived", name=name)
        await self._job.out.tool("toolCallGenerationArgumentFragmentGenerated", content=raw)
        if isinstance(arguments, str):
            error = ServerError(f"Failed to parse the arguments of a tool call: {raw}").wire()
            await self._job.out.tool("toolCallGenerationFailed", error=error, rawContent=raw)
        else:
            await self._job.out.tool_call(name, arguments, number, raw)

    async def _read(self, shares: list[float], each: float) -> None:
        for number, share in enumerate(shares):
            if number:
                await asyncio.sleep(each)
            await self._job.out.reading(round(share * 1000), 1000)


def _end(step: dict[str, Any]) -> NoReturn:
    match step:
        case {"error": title}:
            raise ServerError(str(title))
        case {"drop": True}:
            raise DropConnectionError
        case {"die": True}:
            os._exit(1)
        case {"stop": str(reason)}:
            raise _EndOfAnswerError(reason)
        case _:
            raise ServerError(f"The scripted model does not know the step {json.dumps(step)}.")


def _steps(job: Job) -> list[dict[str, Any]]:
    """The steps of this round: what stands between tool calls, as many rounds as were played already."""
    if job.raw_prompt is not None:
        return _parse(job.raw_prompt, job)
    said = job.history.messages
    last = max((i for i, message in enumerate(said) if message.role == "user"), default=-1)
    asked = said[last].text if last >= 0 else ""
    played = sum(1 for message in said[last + 1 :] if message.role == "assistant")
    rounds = _rounds(_parse(asked, job))
    if played < len(rounds):
        return rounds[played]
    return [{"text": f"The tool said: {_results(said[last + 1 :])}"}]


def _parse(asked: str, job: Job | None = None) -> list[dict[str, Any]]:
    try:
        found = json.loads(asked)
    except ValueError:
        found = None
    steps = found if isinstance(found, list) else [found]
    if steps and all(isinstance(step, dict) and step for step in steps):
        return steps
    return [{"text": f"You said: {asked}"}, *({"text": f" I was given the {_told(file)}."} for file in _given(job))]


def _given(job: Job | None) -> list[Upload]:
    """The files that the messages name, in their order."""
    if job is None:
        return []
    parts = (part for message in job.history.messages for part in message.content if isinstance(part, FilePart))
    return [job.files[part.identifier] for part in parts]


def _told(file: Upload) -> str:
    return f"{file.type} “{file.name}” of {len(file.read())} bytes"


def _files(job: Job) -> str:
    """The files, as they are here."""
    return json.dumps(
        [
            {"name": file.name, "type": file.type, "sha256": hashlib.sha256(file.read()).hexdigest()}
            for file in _given(job)
        ]
    )


def _rounds(steps: list[dict[str, Any]]) -> list[list[dict[str, Any]]]:
    rounds: list[list[dict[str, Any]]] = [[]]
    for step in steps:
        if rounds[-1] and "tool" in rounds[-1][-1] and "tool" not in step:
            rounds.append([])
        rounds[-1].append(step)
    return rounds


def _results(messages: list[Message]) -> str:
    said = [
        part["content"]
        for message in msgspec.to_builtins(messages)
        for part in message["content"]
        if part["type"] == "toolCallResult"
    ]
    return ", ".join(said)


def _echo(job: Job) -> str:
    return json.dumps(msgspec.to_builtins(job.history.messages), ensure_ascii=False)
