"""What the commands share: how one is declared, what it says, and JSON."""

from __future__ import annotations

import json
from dataclasses import asdict, replace
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    import argparse
    from collections.abc import Callable, Sequence

    from lmnb.chat.problems import Problem

    Run = Callable[[argparse.Namespace], int]
    Commands = argparse._SubParsersAction[argparse.ArgumentParser]

NO_MODEL = "There is no model on this computer yet. `lmnb get smollm2` fetches a small one."

WORDS = (
    ("`%lm get smollm2`; in a shell, `lmnb get smollm2`", "`lmnb get smollm2`"),
    ("start a new conversation (`%%chat --new`)", "begin anew"),
    ("`%%chat ", "`lmnb chat "),
    ("`%lm ", "`lmnb "),
)
"""What a problem tells somebody in a notebook to type, and what it is in a shell."""


class CommandError(Exception):
    """What happened and what to do next, in sentences."""


def command(commands: Commands, run: Run, *, aliases: Sequence[str] = ()) -> argparse.ArgumentParser:
    """A command that is called like the function that does it, and is described by its docstring.

    Args:
        commands: Where it belongs.
        run: Does it; gives the exit code.
        aliases: Other names.
    """
    said = run.__doc__ or ""
    # argparse reads a % as its own in the one, and not in the other
    short = said.partition("\n\n")[0].replace("%", "%%")
    one = commands.add_parser(run.__name__, aliases=aliases, help=short, description=said.replace("\n    ", "\n"))
    one.set_defaults(run=run)
    return one


def add_host(one: argparse.ArgumentParser) -> None:
    """Let the command talk to another server than the one that `%%chat` would."""
    one.add_argument("--host", metavar="HOST:PORT", help="the server to talk to; without it, the one of %%%%chat")


def add_json(one: argparse.ArgumentParser) -> None:
    """Let the command answer in JSON."""
    one.add_argument("--json", action="store_true", help="for programs: JSON on standard output")


def print_json(what: Any) -> None:
    """What a program reads: dataclasses become objects."""
    print(json.dumps(what, ensure_ascii=False, indent=2, default=_plain))


def _plain(value: Any) -> Any:
    try:
        return asdict(value)
    except TypeError:
        return str(value)


def in_shell(problem: Problem) -> Problem:
    """A problem in words for somebody at a shell, who can type no magics."""
    from lmnb import studio

    problem = studio.unasked(problem)
    lines = []
    for line in problem.lines:
        for theirs, ours in WORDS:
            line = line.replace(theirs, ours)  # noqa: PLW2901  one after the other
        lines.append(line)
    return replace(problem, lines=tuple(lines))
