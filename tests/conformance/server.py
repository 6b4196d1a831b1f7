"""The embedded server with the models that LM Studio's suites ask for: `python -m tests.conformance.server`.

Everything between the socket and the engine is the server's own. Only the shelf differs: the suites name models of up
to 7B parameters, and here smaller ones stand in for them, under the same keys and paths. What a stand-in cannot do is
no fault of the protocol; docs/conformance.md says which tests that concerns.
"""

from __future__ import annotations

import argparse
import json
import re
import subprocess
import sys
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from lmnb.server import __main__ as program
from lmnb.server import scripted, store
from lmnb.server.catalog import Catalog
from lmnb.server.launch import Server
from lmnb.server.loader import Loader
from lmnb.server.models import LoadRequest, Model
from lmnb.server.predictions import Outcome
from lmnb.server.settings import checked

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

    from lmnb.server.models import Report, Runner
    from lmnb.server.predictions import Job
    from lmnb.server.wire import History

ROOT = Path(__file__).parents[2]

PATHS = {
    "llama-3.2-1b-instruct": "hugging-quants/Llama-3.2-1B-Instruct-Q8_0-GGUF/llama-3.2-1b-instruct-q8_0.gguf",
    "mobilevlm_v2-1.7b": "ZiangWu/MobileVLM_V2-1.7B-GGUF/ggml-model-q4_k.gguf",
    "qwen2.5-7b-instruct-1m": "lmstudio-community/Qwen2.5-7B-Instruct-1M-GGUF/Qwen2.5-7B-Instruct-1M-Q4_K_M.gguf",
    "text-embedding-nomic-embed-text-v1.5": "nomic-ai/nomic-embed-text-v1.5-GGUF/nomic-embed-text-v1.5.Q4_K_M.gguf",
    "smollm2-135m-instruct": "lmnb/SmolLM2-135M-Instruct-GGUF/SmolLM2-135M-Instruct.Q4_1.gguf",
}
"""The models of the suites by key: where LM Studio has them."""

TOOLS = "qwen2.5-7b-instruct-1m"
VISION = "mobilevlm_v2-1.7b"
EMBEDDING = "text-embedding-nomic-embed-text-v1.5"

NUMBERS, LONGEST = 768, 2048
"""How many numbers an embedding of the suites' model has, and how many tokens its context."""

SUITES_SEED = 11434
"""With it SmolLM2 ends before its first word in the suite's cancel test, and there is nothing to cancel."""

CONTEXT = 1024
"""Tokens of the stand-ins: a model this small sometimes writes an endless string, which ends where the context does."""


class StandIns(Loader):
    """A shelf on which SmolLM2, MiniLM and two scripted models stand in for the suites' models.

    Args:
        files: Real files for some of the keys.
    """

    def __init__(self, files: Mapping[str, Path]) -> None:
        super().__init__([], scripted=False)
        small = {key: store.get("minilm" if key == EMBEDDING else "smollm2") for key in PATHS if key not in files}
        self._real = set(files)
        self._models = [_model(key, file, real=key in files) for key, file in {**small, **files}.items()]

    def known(self) -> list[Model]:
        """The models of the suites."""
        return self._models

    async def load(self, model: Model, request: LoadRequest, report: Report) -> Runner:
        """Load one."""
        if model.file is None:
            return ToolCaller(CONTEXT) if model.tool_use else scripted.ScriptedRunner(CONTEXT)
        if model.key == EMBEDDING and model.key not in self._real:
            named = Catalog([model.file], folders=[]).models()[0]
            return Wider(await super().load(replace(named, key=model.key), request, report))
        if checked(request.get("seed")) == SUITES_SEED and model.key not in self._real:
            request = LoadRequest(request.settings | {"llm.load.seed": SUITES_SEED + 1})
        return await super().load(model, request, report)


def _model(key: str, file: Path, *, real: bool) -> Model:
    named = replace(Catalog([file], folders=[]).models()[0], key=key, path=PATHS[key])
    if real:
        return named
    if key == TOOLS:
        return replace(named, file=None, tool_use=True)
    if key == VISION:
        return replace(named, file=None, tool_use=False, vision=True)
    if key == EMBEDDING:
        return replace(named, max_context=LONGEST)
    return replace(named, max_context=CONTEXT)


class Wider:
    """An embedding model that says it is as large as the suites' own: zeros follow its numbers, no angle changes."""

    def __init__(self, runner: Runner) -> None:
        self._runner = runner
        self.context = LONGEST

    async def embed(self, text: str) -> list[float]:
        """The embedding, and zeros."""
        numbers = await self._runner.embed(text)
        return numbers + [0.0] * (NUMBERS - len(numbers))

    def __getattr__(self, name: str) -> Any:
        return getattr(self._runner, name)


class ToolCaller(scripted.ScriptedRunner):
    """Says a word, calls the first tool with the numbers of the question, then tells what came of it."""

    async def predict(self, job: Job) -> Outcome:
        """Play one round."""
        last = job.history.messages[-1]
        await job.out.reading(len(last.content), len(last.content))
        if last.role == "tool":
            await self._say(job, _report(job.history))
        elif job.settings.tools:
            await self._say(job, "Hi. ")
            await self._call(job, job.settings.tools[0]["function"], last.text)
            return Outcome("toolCalls")
        else:
            await self._say(job, f"You said: {last.text}")
        return Outcome("eosFound")

    async def _say(self, job: Job, text: str) -> None:
        for word in re.findall(r"\S+\s*", text):
            await job.out.fragment(word)

    async def _call(self, job: Job, tool: dict[str, Any], question: str) -> None:
        numbers = map(int, re.findall(r"-?\d+", question))
        arguments = dict(zip(_parameters(tool), numbers, strict=False))
        raw = json.dumps(arguments)
        await job.out.tool("toolCallGenerationStart", toolCallId="1")
        await job.out.tool("toolCallGenerationNameReceived", name=tool["name"])
        await job.out.tool("toolCallGenerationArgumentFragmentGenerated", content=raw)
        await job.out.tool_call(tool["name"], arguments, "1", raw)


def _parameters(tool: dict[str, Any]) -> list[str]:
    """What a tool wants, in its own order: that of `properties` is the alphabet's."""
    return list(tool["parameters"]["required"])


def _report(history: History) -> str:
    """What the tools that were called last gave back."""
    asked, told = history.messages[-2:]
    names = [part.tool_call_request.name for part in asked.content if hasattr(part, "tool_call_request")]
    results = [part.content for part in told.content if hasattr(part, "tool_call_id")]
    return " ".join(f"{name} answered: {result}" for name, result in zip(names, results, strict=False))


class CannotRunError(Exception):
    """What is missing, in a sentence."""


@contextmanager
def serving(models: Sequence[str] = ()) -> Iterator[Server]:
    """This server in a process of its own, at a port of its own.

    Args:
        models: Real files for some of the keys, as `KEY=FILE`.

    Raises:
        CannotRunError: If it does not start, with its own words above.
    """
    command = [sys.executable, "-m", "tests.conformance.server", *(f"--model={model}" for model in models)]
    process = subprocess.Popen(command, cwd=ROOT, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
    assert process.stdout is not None
    with process.stdout as said:
        found = re.search(r'"port": ?(\d+)', said.readline())
    if found is None:
        raise CannotRunError("The server did not start.")
    with Server(process, int(found[1])) as server:
        yield server


def _file(text: str) -> tuple[str, Path]:
    key, _, file = text.partition("=")
    if key not in PATHS or not Path(file).is_file():
        raise argparse.ArgumentTypeError(f"KEY=FILE is wanted, an existing file, and KEY one of {', '.join(PATHS)}")
    return key, Path(file)


def main(argv: Sequence[str] | None = None) -> int:
    """Serve until standard input ends."""
    parser = argparse.ArgumentParser(prog="python -m tests.conformance.server", description=__doc__)
    parser.add_argument("--port", type=int, default=0)
    parser.add_argument("--model", action="append", default=[], type=_file, metavar="KEY=FILE")
    options = parser.parse_args(argv)
    return program.main(["--port", str(options.port), "--with-parent"], StandIns(dict(options.model)))


if __name__ == "__main__":
    sys.exit(main())
