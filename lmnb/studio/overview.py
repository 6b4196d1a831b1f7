"""The blocking question who would answer now. Asking starts nothing."""

from __future__ import annotations

import asyncio
import importlib.util
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from lmnb.studio import choosing, hosts, sdk, shelf

if TYPE_CHECKING:
    from collections.abc import Sequence

    from lmnb.chat.problems import Problem
    from lmnb.studio.choosing import Model

OWN = hosts.OWN

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


def running() -> Status:
    """As `status`, without asking for its models: nothing is said of a server that was named and does not answer."""
    sdk.warm_up()
    named = hosts.given(None, None)
    if named is not None:
        return Status(named.host, named.notice or named.host)
    found = asyncio.run(hosts.find_lm_studio())
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
    """Models as lines of text, one each: key, size, what else matters."""
    rows = []
    for model in models:
        name = model.key if model.identifier in {None, model.key} else f"{model.key} ({model.identifier})"
        notes = ["embedding" if model.kind == "embedding" else "", "loaded" if model.loaded else ""]
        rows.append((name, choosing.size(model.size_bytes), ", ".join(filter(None, notes))))
    widest = max((len(name) for name, _, _ in rows), default=0)
    return "\n".join(f"{name:<{widest}}  {size:>8}  {note}".rstrip() for name, size, note in rows)
