"""The log of the server that notebooks share."""

from __future__ import annotations

import sys
import time
from collections import deque
from typing import TYPE_CHECKING

from lmnb.cli.common import command

if TYPE_CHECKING:
    import argparse
    from pathlib import Path
    from typing import TextIO

    from lmnb.cli.common import Commands

LOOK = 0.2
"""Seconds between two looks at a log that is followed."""


def add(commands: Commands) -> None:
    """Declare the command."""
    one = command(commands, log)
    one.add_argument("-n", type=int, default=20, metavar="N", help="the last N lines; without it, 20")
    one.add_argument("-f", "--follow", action="store_true", help="go on with what is written from now on, until Ctrl-C")


def log(options: argparse.Namespace) -> int:
    """Show what lmnb's own server has written about itself, the one that notebooks share."""
    from lmnb.server.places import log_file

    file = log_file()
    print(f"{file}:" if file.exists() else f"There is no log yet; it will be {file}.", file=sys.stderr, flush=True)
    try:
        _show(file, max(0, options.n), follow=options.follow)
    except KeyboardInterrupt:
        if not options.follow:
            raise
    return 0


def _show(file: Path, lines: int, *, follow: bool) -> None:
    while not file.exists():
        if not follow:
            return
        time.sleep(LOOK)
    with file.open(encoding="utf-8", errors="replace") as text:
        _print("".join(deque(text, lines)))
        while follow:
            time.sleep(LOOK)
            _go_on(file, text)


def _go_on(file: Path, text: TextIO) -> None:
    """Print what has come since the last look; from the beginning where the file was emptied."""
    if file.exists() and file.stat().st_size < text.tell():
        text.seek(0)
    _print(text.read())


def _print(text: str) -> None:
    if text:
        print(text, end="", flush=True)
