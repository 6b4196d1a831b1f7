"""Models in memory: what is loaded, load, unload."""

from __future__ import annotations

import argparse
import sys
from typing import TYPE_CHECKING

from lmnb.cli.common import add_host, add_json, columns, command, print_json

if TYPE_CHECKING:
    from collections.abc import Sequence

    from lmnb.cli.common import Commands
    from lmnb.studio import Instance

NOTHING = "Nothing is loaded."

STATES = {
    "processingPrompt": "reading a prompt",
    "generating": "writing",
    "computingEmbedding": "computing an embedding",
    None: "",
}


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
        print(_table(found) if found else NOTHING)
    return 0


def _table(found: Sequence[Instance]) -> str:
    from lmnb import studio

    rows = [["IDENTIFIER", "MODEL", "SIZE", "CONTEXT", "STATUS", "UNLOADED"]]
    for one in found:
        context = "" if one.context is None else str(one.context)
        rows.append([one.identifier, one.key, studio.size(one.size_bytes), context, _state(one), _end(one)])
    return columns(rows)


def _state(one: Instance) -> str:
    state = STATES.get(one.state, one.state or "")
    return f"{state}, {one.queued} waiting" if one.queued else state


def _end(one: Instance) -> str:
    if one.ttl is None:
        return "never"
    left = one.ttl if one.left is None else one.left
    return f"in {left:.0f} s" if left < 100 else f"in {left / 60:.0f} min"


def load(options: argparse.Namespace) -> int:
    """Load a model, one more time if it is loaded already; the server is started if none runs."""
    from lmnb import studio

    with studio.Bar(options.key, sys.stderr) as bar:
        one = studio.load(
            options.key,
            identifier=options.identifier,
            context=options.context,
            ttl=options.ttl,
            progress=lambda part: bar.share("loading", part),
            host=options.host,
        )
    if options.json:
        print_json(one)
    else:
        length = f", with a context of {one.context} tokens" if one.context else ""
        print(f"{one.key} is loaded as {one.identifier}{length}.")
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
