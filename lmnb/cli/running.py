"""The command line as a whole: what commands there are, and what becomes of what goes wrong."""

from __future__ import annotations

import argparse
import os
import sys
from contextlib import suppress
from typing import TYPE_CHECKING

from lmnb._version import __version__
from lmnb.cli import autoload, chatting, doctor, fetching, loading, logs, serving
from lmnb.cli.common import CommandError, in_shell

if TYPE_CHECKING:
    from collections.abc import Sequence

CODES = "Exit codes: 0 done, 1 it did not work (standard error says why), 2 a wrong command, 130 stopped by Ctrl-C."

BROKEN_PIPE = 141
"""As of a program that the system ends for it: `lmnb log | head` is no failure of ours."""


def parser() -> argparse.ArgumentParser:
    """The command line."""
    whole = argparse.ArgumentParser(prog="lmnb", description="The notebook chat for local models.", epilog=CODES)
    whole.add_argument("--version", action="version", version=f"lmnb {__version__}")
    commands = whole.add_subparsers(metavar="COMMAND")
    for group in (chatting, fetching, loading, serving, logs, autoload, doctor):
        group.add(commands)
    return whole


def main(arguments: Sequence[str] | None = None) -> int:
    """Do what the command line says. Problems are sentences on standard error: exit code 1; 2 for a wrong command."""
    whole = parser()
    options = whole.parse_args(arguments)
    if "run" not in options:
        whole.print_help()
        return 2
    for stream in (sys.stdin, sys.stdout, sys.stderr):  # bars, arrows, and whatever a model writes
        with suppress(AttributeError):
            stream.reconfigure(errors="replace")  # type: ignore[union-attr]  # tests put others there
    from lmnb.chat.problems import ChatError  # after --help

    try:
        code = int(options.run(options))
        sys.stdout.flush()
    except ChatError as error:
        print(in_shell(error.problem), file=sys.stderr)
        return 1
    except CommandError as problem:
        print(problem, file=sys.stderr)
        return 1
    except BrokenPipeError:
        # Python flushes once more at its end, and would complain of it.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return BROKEN_PIPE
    except KeyboardInterrupt:
        print("\nStopped.", file=sys.stderr)
        return 130
    return code
