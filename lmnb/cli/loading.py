"""Models in memory: what is loaded, load, unload."""

from __future__ import annotations

import argparse
import sys
from typing import TYPE_CHECKING

from lmnb.cli.common import add_host, add_json, command, print_json

if TYPE_CHECKING:
    from lmnb.cli.common import Commands

NOTHING = "Nothing is loaded."


def add(commands: Commands) -> None:
    """Declare the commands."""
    one = command(commands, ps)
    add_host(one)
    add_json(one)
    one = command(commands, load)
    one.add_argument("key", metavar="KEY", help="as `lmnb ls` shows it")
    one.add_argument("--context", type=_positive, metavar="N", help="context length in tokens")
    one.add_argument("--ttl", type=_positive, metavar="S", help="unload it after so many seconds without use")
    one.add_argument("--identifier", metavar="ID", help="its name among the loaded; without it, the key")
    one.add_argument("--again", action="store_true", help="also if it is loaded: one more time")
    add_host(one)
    add_json(one)
    one = command(commands, unload)
    which = one.add_mutually_exclusive_group(required=True)
    which.add_argument("identifier", nargs="?", metavar="ID", help="as `lmnb ps` shows it")
    which.add_argument("--all", action="store_true", help="all that are loaded")
    add_host(one)


def _positive(text: str) -> int:
    if not text.isdecimal() or not int(text):
        raise argparse.ArgumentTypeError(f"a whole number from 1 on is wanted, not {text!r}")
    return int(text)


def ps(options: argparse.Namespace) -> int:
    """List the loaded models: size, context, what they are doing, and when they go; starts nothing."""
    from lmnb import studio

    host = options.host or studio.running().host
    found = [] if host is None else studio.instances(host=host)
    if options.json:
        print_json(found)
    else:
        print(studio.instance_table(found) if found else NOTHING)
    return 0


def load(options: argparse.Namespace) -> int:
    """Load a model; the server is started if none runs."""
    from lmnb import studio

    with studio.Bar(options.key, sys.stderr) as bar:
        found = studio.load(
            options.key,
            identifier=options.identifier,
            context=options.context,
            ttl=options.ttl,
            again=options.again,
            progress=lambda part: bar.share("loading", part),
            host=options.host,
        )
    if found.notice:
        print(found.notice, file=sys.stderr)
    if options.json:
        print_json(found.instance)
    else:
        print(found.sentence)
    if found.already:
        print("`--again` loads it one more time.", file=sys.stderr)
    return 0


def unload(options: argparse.Namespace) -> int:
    """Unload a model, or all."""
    from lmnb import studio

    host = options.host or studio.running().host
    if host is None and options.all:
        print(NOTHING)
        return 0
    if host is None:
        print(f"No model “{options.identifier}” is loaded: no server runs.", file=sys.stderr)
        return 1
    gone = studio.unload(None if options.all else options.identifier, host=host)
    print("\n".join(f"{identifier} is unloaded." for identifier in gone) or NOTHING)
    return 0
