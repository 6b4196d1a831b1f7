"""The blocking question who would answer now. Asking starts nothing."""

from __future__ import annotations

import asyncio
import importlib.util
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from lmnb.studio import choosing, hosts, sdk, shelf, thinking
from lmnb.studio.thread import io_loop

if TYPE_CHECKING:
    from collections.abc import Collection, Sequence

    from lmnb.chat.problems import Problem
    from lmnb.studio.choosing import Model
    from lmnb.studio.loaded import Instance

OWN = hosts.OWN

FIND = 30.0
"""Seconds in which the SDK has looked at LM Studio's five ports, 1 s each, however busy the computer is."""

KEPT = "Your question is kept."
"""What many problems say to somebody who asked."""


@dataclass(frozen=True)
class Status:
    """Who would answer a question that is asked now.

    Attributes:
        host: `"address:port"`; None where no server runs.
        title: Who it is and how it came to be chosen, as a sentence.
        models: What it has, the loaded ones first.
    """

    host: str | None
    title: str
    models: Sequence[Model] = ()


def status() -> Status:
    """Look for the server that `%%chat` would talk to. Blocks, 2 s at most where nobody answers.

    Raises:
        ChatError: If a server was named, by the environment, that cannot be reached.
    """
    found = running()
    return found if found.host is None else replace(found, models=shelf.models(host=found.host))


def running(host: str | None = None) -> Status:
    """As `status`, without asking for its models: nothing is said of a server that was named and does not answer.

    Args:
        host: `"address:port"`, as for a prediction.
    """
    sdk.warm_up()
    named = hosts.given(host, None)
    if named is not None:
        return Status(named.host, named.notice or f"Answers come from {named.host}.")
    # On the I/O thread: a kernel's own loop runs already, and is no place to wait in.
    found = asyncio.run_coroutine_threadsafe(hosts.find_lm_studio(), io_loop()).result(FIND)
    if found is not None:
        return Status(found, f"{OWN if hosts.is_own(found) else 'LM Studio'} runs at {found}.")
    from lmnb.server import launch  # noqa: PLC0415

    shared = launch.find_shared_server()
    if shared is not None:
        return Status(shared, f"{OWN} runs at {shared}; LM Studio was not found.")
    if importlib.util.find_spec("xllamacpp") is None:
        ways = "Start LM Studio, or install it: `pip install 'lmnb[local]'`."
        return Status(None, f"No server runs: LM Studio was not found, and lmnb's own is not installed.\n{ways}")
    return Status(None, "No server runs: LM Studio was not found; lmnb's own server starts with the first question.")


def unasked(problem: Problem) -> Problem:
    """The same problem in words for somebody who typed a command, and asked no question."""
    lines = (
        line.replace("un the cell again", "un the command again").replace(KEPT, "").strip() for line in problem.lines
    )
    return replace(problem, lines=tuple(filter(None, lines)))


def table(models: Sequence[Model]) -> str:
    """Models as lines of text, below a line that names the columns; nothing for none."""
    rows = [["MODEL", "SIZE", "QUANT", "PARAMS", "CONTEXT", ""]]
    for model in models:
        name = model.key if model.identifier in {None, model.key} else f"{model.key} ({model.identifier})"
        context = "" if model.context is None else str(model.context)
        told = (choosing.size(model.size_bytes), model.quantization or "", model.params or "", context)
        rows.append([name, *told, ", ".join(badges(model))])
    return columns(rows, right={1, 4}) if models else ""


def badges(model: Model) -> list[str]:
    """What a model is and can, in a word each."""
    said = {
        "embedding": model.kind == "embedding",
        "vision": model.vision,
        "tools": model.tools,
        "thinking": thinking.thinks(model),
        "loaded": model.loaded,
    }
    return [word for word, true in said.items() if true]


def instance_table(found: Sequence[Instance]) -> str:
    """Loaded models as lines of text: what they are doing, and when they go."""
    rows = [["IDENTIFIER", "MODEL", "SIZE", "CONTEXT", "STATUS", "UNLOADED"]]
    for one in found:
        context = "" if one.context is None else str(one.context)
        rows.append([one.identifier, one.key, choosing.size(one.size_bytes), context, _state(one), _end(one)])
    return columns(rows)


STATES = {
    "processingPrompt": "reading a prompt",
    "generating": "writing",
    "computingEmbedding": "computing an embedding",
    None: "",
}


def _state(one: Instance) -> str:
    state = STATES.get(one.state, one.state or "")
    return f"{state}, {one.queued} waiting" if one.queued else state


def _end(one: Instance) -> str:
    if one.ttl is None:
        return "never"
    left = one.ttl if one.left is None else one.left
    return f"in {left:.0f} s" if left < 100 else f"in {left / 60:.0f} min"


def columns(rows: Sequence[Sequence[str]], *, right: Collection[int] = ()) -> str:
    """A table as wide as its words, without the columns that have none but their names.

    Args:
        rows: The first one has the names.
        right: Columns that end in the same place: numbers.
    """
    kept = [at for at in range(len(rows[0])) if any(row[at] for row in rows[1:]) or not rows[1:]]
    widths = {at: max(len(row[at]) for row in rows) for at in kept}
    cells = ([f"{row[at]:{'>' if at in right else '<'}{widths[at]}}" for at in kept] for row in rows)
    return "\n".join("  ".join(row).rstrip() for row in cells)
