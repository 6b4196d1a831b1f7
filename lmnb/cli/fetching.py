"""Models on disk: fetch one, list them."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING

from lmnb.cli.common import NO_MODEL, add_host, add_json, command, print_json

if TYPE_CHECKING:
    import argparse

    from lmnb.cli.common import Commands

ASK = (
    "Ask something: `lmnb chat`; or in a notebook, `%load_ext lmnb`, then a cell that begins with %%chat and has the "
    "question below it."
)
EMBED = 'Embed something: after `lmnb.start_server(default=True)`, `lmstudio.embedding_model("{}").embed("…")`.'


def add(commands: Commands) -> None:
    """Declare the commands."""
    one = command(commands, get)
    one.add_argument("name", nargs="?", metavar="NAME")
    add_json(one)
    one = command(commands, ls, aliases=["models"])
    add_host(one)
    add_json(one)


def get(options: argparse.Namespace) -> int:
    """Fetch a model; without a name, list what can be fetched."""
    from lmnb import studio

    if options.name is None:
        return _offer(options)
    try:
        with studio.Bar(options.name, sys.stderr if options.json else sys.stdout) as bar:
            path = studio.get(options.name, progress=bar)
    except KeyboardInterrupt:
        print(f"Stopped. `lmnb get {options.name}` goes on from here.", file=sys.stderr)
        return 130
    if options.json:
        print_json({"file": path})
    else:
        key = next(entry.key for entry in studio.catalogue() if entry.name == options.name.casefold())
        print(f"{studio.got(options.name)}\n{EMBED.format(key) if key.startswith('text-embedding-') else ASK}")
    return 0


def _offer(options: argparse.Namespace) -> int:
    from lmnb import studio

    if options.json:
        fields = ("name", "title", "licence", "key", "size_bytes")
        print_json([{field: getattr(entry, field) for field in fields} for entry in studio.catalogue()])
    else:
        print(f"{studio.offers()}\n\nFetch one: lmnb get {studio.catalogue()[0].name}")
    return 0


def ls(options: argparse.Namespace) -> int:
    """List the models on disk, and which of them are loaded, of the server that %%chat talks to."""
    from lmnb import studio

    models = studio.models(host=options.host)
    if options.json:
        print_json(models)
    else:
        print(studio.table(models) or NO_MODEL)
    return 0
