"""The parent's end of a process that holds a model: starting it, asking it, hearing that it has died."""

from __future__ import annotations

import asyncio
import contextlib
import json
import math
import os
import re
import secrets
import signal
import sys
import time
from pathlib import Path
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit

import msgspec

from lmnb.server.asking import Address, BrokenOffError, Reply
from lmnb.server.errors import ServerError

if TYPE_CHECKING:
    from collections.abc import AsyncGenerator, AsyncIterator

    from lmnb.server.models import Report

MEMORY = 1 << 14
"""Bytes kept of what the engine says on standard error, for when it fails."""

BEAT = 0.05
"""Seconds between two reports of progress."""

LEAST_TIME, BYTES_PER_SECOND = 0.4, 1e9
"""What a load is expected to take: llama.cpp through xllamacpp does not say how far it is."""

FAILURE = r" E [^:\n]+: (.+)"
"""What the engine writes when something fails."""

REASON = (
    r" E (?!common_fit_params)[^:\n]+: (?:error loading model: )?((?!.*failed to load model|exiting due|cleaning).+)"
)
"""The same, without what only says that it has failed."""

ENDING = 1.0
"""Seconds in which the end of a process becomes known, after its connection has broken off."""


class Child:
    """A process with a model in it, that listens. Made by `start`.

    Attributes:
        gpu: Whether there is a GPU for it.
    """

    def __init__(self, name: str, process: asyncio.subprocess.Process) -> None:
        self._name = name
        self._process = process
        self._said = bytearray()
        self._forgotten = 0
        self._listening = asyncio.create_task(self._listen())
        self._address: Address | None = None
        self.gpu = False

    @classmethod
    async def start(cls, name: str, config: dict[str, Any], size: int, report: Report) -> Child:
        """Start one and load a model. Cancelling the task kills it.

        Args:
            name: What the model is called in messages.
            config: What `engine_child` reads.
            size: Bytes of the model, from which progress is estimated.
            report: Told how far the load is, strictly increasing.

        Raises:
            ServerError: If the model cannot be loaded, with the engine's own reason.
        """
        pipe = asyncio.subprocess.PIPE
        home = Path(__file__).parent.parent.parent  # a json.py in the working directory would otherwise be imported
        module = "lmnb.server.engine_child"
        process = await asyncio.create_subprocess_exec(
            sys.executable, "-m", module, cwd=home, stdin=pipe, stdout=pipe, stderr=pipe, start_new_session=True
        )
        child = cls(name, process)
        try:
            await child._load(config, size, report)
        except BaseException:
            await child.kill()
            raise
        return child

    @property
    def alive(self) -> bool:
        """Whether it runs."""
        return self._process.returncode is None

    @property
    def pid(self) -> int:
        """Its process id."""
        return self._process.pid

    async def kill(self) -> None:
        """End it at once, whatever it does."""
        if self.alive:
            self._kill()
        await self._process.wait()

    def _kill(self) -> None:
        with contextlib.suppress(ProcessLookupError):
            if sys.platform == "win32":
                self._process.kill()
            else:  # `kill` would look whether it has ended, and take the exit code away from who waits for it
                os.kill(self._process.pid, signal.SIGKILL)

    async def ask(self, path: str, body: dict[str, Any] | None = None) -> Any:
        """The engine's answer to one request.

        Raises:
            ServerError: If the engine refuses it, or dies.
        """
        assert self._address is not None
        method, said = ("GET", b"") if body is None else ("POST", msgspec.json.encode(body))
        try:
            async with self._address.request(method, path, said) as reply:
                return self._checked(reply.status, await reply.whole())
        except BrokenOffError as error:
            raise await self._broken(error) from None

    async def stream(self, path: str, body: dict[str, Any]) -> AsyncGenerator[dict[str, Any], None]:
        """The engine's answer piece by piece. Leaving it, or cancelling the task, hangs up, which frees the slot.

        Raises:
            ServerError: If the engine refuses it, or dies.
        """
        assert self._address is not None
        try:
            said = msgspec.json.encode({**body, "stream": True})
            async with self._address.request("POST", path, said) as reply:
                if reply.status != 200:
                    self._checked(reply.status, await reply.whole())
                async for event in _events(reply):
                    if "error" in event:
                        raise _refused(event["error"])
                    yield event
        except BrokenOffError as error:
            raise await self._broken(error) from None

    @property
    def said(self) -> int:
        """How many bytes have come on standard error."""
        return self._forgotten + len(self._said)

    async def complaint(self, pattern: str, *, since: int = 0, seconds: float = 0.5) -> str | None:
        """What the engine wrote on standard error.

        Args:
            pattern: What to look for; its group is taken of the last that fits.
            since: The value of `said` before which nothing counts.
            seconds: How long to wait for it.
        """
        until = time.monotonic() + seconds
        while True:
            text = self._said[max(0, since - self._forgotten) :].decode(errors="replace")
            if found := re.findall(pattern, text):
                return " ".join(str(found[-1]).split())
            if time.monotonic() >= until:
                return None
            await asyncio.sleep(BEAT / 5)

    # ---- starting

    async def _load(self, config: dict[str, Any], size: int, report: Report) -> None:
        assert self._process.stdin is not None
        key = secrets.token_hex(16)
        self._process.stdin.write(json.dumps({**config, "key": key}).encode() + b"\n")
        said = await self._answer(size, report)
        if "address" not in said:
            raise await self._not_loaded(said.get("error"))
        self.gpu = bool(said.get("gpu"))
        where = urlsplit(str(said["address"]))
        self._address = Address(str(where.hostname), int(where.port or 0), key)

    async def _answer(self, size: int, report: Report) -> dict[str, Any]:
        """What the child says at the end of loading; progress is estimated meanwhile."""
        assert self._process.stdout is not None
        line = asyncio.create_task(self._process.stdout.readline())
        expected = LEAST_TIME + size / BYTES_PER_SECOND
        began, last = time.perf_counter(), 0.0
        try:
            while not (await asyncio.wait({line}, timeout=BEAT))[0]:
                progress = 1 - math.exp(-(time.perf_counter() - began) / expected)
                if progress > last + 0.002:
                    last = progress
                    await report(progress)
            said = json.loads(line.result() or b"{}")
        except ValueError:
            said = {}
        finally:
            line.cancel()
        return said if isinstance(said, dict) else {}

    async def _not_loaded(self, error: str | None) -> ServerError:
        await asyncio.wait({self._listening}, timeout=ENDING)  # it exits, and has said all
        reason = await self.complaint(REASON, seconds=0)
        if error is None:  # it said nothing at all
            with contextlib.suppress(asyncio.TimeoutError):
                await asyncio.wait_for(self._process.wait(), ENDING)
            reason = reason or f"Its process {_ending(self._process.returncode)}."
        return ServerError(f"“{self._name}” could not be loaded.", cause=reason or error)

    # ---- failing

    async def _listen(self) -> None:
        """Keep the last of what it says, and its pipe empty."""
        assert self._process.stderr is not None
        while piece := await self._process.stderr.read(MEMORY):
            self._said += piece
            self._forgotten += max(0, len(self._said) - MEMORY)
            del self._said[:-MEMORY]

    def _checked(self, status: int, content: bytes) -> Any:
        try:
            answer = msgspec.json.decode(content)
        except msgspec.MsgspecError:
            answer = None
        if status == 200 and answer is not None:
            return answer
        error = answer.get("error") if isinstance(answer, dict) else None
        raise _refused(error or f"It answered with status {status}.")

    async def _broken(self, error: BrokenOffError) -> ServerError:
        """What to say when the connection broke off."""
        with contextlib.suppress(asyncio.TimeoutError):
            await asyncio.wait_for(self._process.wait(), ENDING)
        await asyncio.wait({self._listening}, timeout=0 if self.alive else ENDING)
        if self.alive:
            return ServerError(f"The engine of “{self._name}” does not answer.", cause=str(error) or repr(error))
        return ServerError(
            f"The engine of “{self._name}” has crashed: its process {_ending(self._process.returncode)}.",
            cause=await self.complaint(FAILURE, seconds=0),
            suggestion="Ask again: the model is loaded anew. If that happens again, give it a smaller context length.",
        )


def _ending(code: int | None) -> str:
    if code is not None and code < 0:
        return f"was ended by signal {-code}" + (", perhaps for want of memory" if code == -9 else "")
    return f"ended with code {code}"


def _refused(error: Any) -> ServerError:
    message = error.get("message") if isinstance(error, dict) else error
    return ServerError("The engine cannot do this.", cause=str(message))


async def _events(reply: Reply) -> AsyncIterator[dict[str, Any]]:
    """The events of a stream. Not by `aiter_lines`: that ends lines at U+2028 and the like, which a model may write."""
    held = b""
    async for piece in reply:
        *lines, held = (held + piece).split(b"\n")
        for line in lines:
            name, _, data = line.partition(b": ")
            if name in {b"data", b"error"} and not data.startswith(b"[DONE]"):
                event = msgspec.json.decode(data)
                yield event if name == b"data" else {"error": event}
