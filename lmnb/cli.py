"""`lmnb` in a shell: fetch a model, see what is here, run the server."""

from __future__ import annotations

import argparse
import sys
from typing import TYPE_CHECKING

from lmnb._version import __version__

if TYPE_CHECKING:
    from collections.abc import Sequence


def get(options: argparse.Namespace) -> int:
    """Fetch a model; without a name, list what can be fetched."""
    from lmnb import studio  # noqa: PLC0415

    if options.name is None:
        for entry in studio.catalogue():
            print(f"{entry.name:<12} {studio.size(entry.size_bytes):>9}  {entry.licence:<12} {entry.title}")
        print(f"\nFetch one: lmnb get {studio.catalogue()[0].name}")
        return 0
    with studio.Bar(options.name, sys.stdout) as bar:
        studio.get(options.name, progress=bar)
    print(studio.got(options.name))
    return 0


def parser() -> argparse.ArgumentParser:
    """The command line."""
    parser = argparse.ArgumentParser(prog="lmnb", description="The notebook chat for local models.")
    parser.add_argument("--version", action="version", version=f"lmnb {__version__}")
    commands = parser.add_subparsers(metavar="COMMAND", required=True)

    one = commands.add_parser("get", help=get.__doc__, description=get.__doc__)
    one.add_argument("name", nargs="?", metavar="NAME")
    one.set_defaults(run=get)
    return parser


def main(arguments: Sequence[str] | None = None) -> int:
    """Do what the command line says. Problems are sentences on standard error: exit code 1; 2 for a wrong command."""
    options = parser().parse_args(arguments)
    from lmnb.chat.problems import ChatError  # noqa: PLC0415

    try:
        return int(options.run(options))
    except ChatError as error:
        print(error, file=sys.stderr)
        return 1
    except KeyboardInterrupt:
        print("\nStopped. The same command goes on from here.", file=sys.stderr)
        return 130


if __name__ == "__main__":
    sys.exit(main())
