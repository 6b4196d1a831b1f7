"""Servers: run one here, see which one answers, end the one that notebooks share."""

from __future__ import annotations

import argparse
import sys
from pathlib import Path
from typing import TYPE_CHECKING

from lmnb.cli.common import NO_MODEL, CommandError, add_json, command, print_json

if TYPE_CHECKING:
    from lmnb.cli.common import Commands

INSTALL = "lmnb's own server is not installed: `pip install 'lmnb[local]'` brings it."

SERVING = """lmnb's server listens at {host}. Ctrl-C ends it.

  in a notebook   %%chat --host {host}
  for all cells   set LMSTUDIO_API_HOST={host} before Jupyter starts
  in Python       client = lmstudio.Client("{host}")

{models}"""


def add(commands: Commands) -> None:
    """Declare the commands."""
    one = command(commands, serve)
    one.add_argument("--port", type=int, default=0, help="without it, any that is free")
    one.add_argument("--model", action="append", default=[], metavar="FILE", help="a GGUF file to offer as well")
    one.add_argument("--scripted", action="store_true", help=argparse.SUPPRESS)
    one = command(commands, status)
    add_json(one)
    command(commands, stop)


def serve(options: argparse.Namespace) -> int:
    """Run lmnb's own LM Studio server here until Ctrl-C, for any program that uses LM Studio's SDK."""
    from importlib.util import find_spec

    from lmnb.server import launch

    if missing := [file for file in options.model if not Path(file).expanduser().is_file()]:
        raise CommandError(f"There is no file {missing[0]}.")
    if find_spec("xllamacpp") is None and not options.scripted:
        raise CommandError(INSTALL)
    try:
        server = launch.start_server(models=options.model, scripted=options.scripted, port=options.port)
    except (launch.LaunchError, OSError) as error:
        raise CommandError(str(error)) from None
    with server:
        try:
            print(SERVING.format(host=server.host, models=_offered(options)), flush=True)
            code = server.wait()
        except KeyboardInterrupt:
            print("\nStopped.")
            return 0
    print(f"The server has ended by itself, with exit code {code}.", file=sys.stderr)
    return 1


def _offered(options: argparse.Namespace) -> str:
    """What the server will load, in a line: asked of the room that looks, as the server itself does."""
    from lmnb.server.loader import Loader

    known = Loader([Path(file).expanduser() for file in options.model], scripted=options.scripted).known()
    return f"It has {', '.join(model.key for model in known)}." if known else NO_MODEL


def status(options: argparse.Namespace) -> int:
    """Say which server %%chat would talk to now, and what it has; starts nothing."""
    from lmnb import studio

    found = studio.status()
    if options.json:
        print_json(found)
        return 0
    print(found.title)
    if found.host is not None:
        print(studio.table(found.models) or "It has no model yet.")
    return 0


def stop(_options: argparse.Namespace) -> int:
    """End lmnb's own server, the one that notebooks share; the next question starts it again."""
    from lmnb.server import launch

    print("lmnb's own server has ended." if launch.stop_shared_server() else "lmnb's own server does not run.")
    return 0
