"""Servers: run one here, see which one answers, end the one that notebooks share."""

from __future__ import annotations

import argparse
import sys
from pathlib import Path
from typing import TYPE_CHECKING

from lmnb.cli.common import NO_MODEL, CommandError, add_json, command, print_json

if TYPE_CHECKING:
    from lmnb.cli.common import Commands
    from lmnb.server.launch import Server

LOCAL = "127.0.0.1"

INSTALL = "lmnb's own server is not installed: `pip install 'lmnb[local]'` brings it."

SERVING = """lmnb's server listens at {host}. Ctrl-C ends it.

  in a notebook   %%chat --host {host}
  for all cells   set {variables} before Jupyter starts
  in Python       {python}

{more}"""

ASKED = "Only who has the API token is let in; lmstudio for Python can send one since 1.6."
SHOWN = "The API token, which is shown only now: {}"

OPEN = "Whoever reaches this computer at {address}{condition} can use it. Nothing that is said is encrypted."


def add(commands: Commands) -> None:
    """Declare the commands."""
    one = command(commands, serve)
    which = one.add_mutually_exclusive_group()
    which.add_argument("--port", type=int, default=0, help="without it, any that is free")
    which.add_argument(
        "--standard-port",
        action="store_true",
        help="the port at which SDKs look for LM Studio, so that scripts find this server as they are",
    )
    one.add_argument(
        "--host",
        default=LOCAL,
        metavar="ADDRESS",
        help="listen at another address of this computer than its own, which needs a token or --no-token",
    )
    which = one.add_mutually_exclusive_group()
    which.add_argument("--token", metavar="TOKEN", help="let in only who has this API token, sk-lm-…:…")
    which.add_argument("--new-token", action="store_true", help="the same with a token that is made up and shown")
    which.add_argument("--no-token", action="store_true", help="let the whole network in")
    one.add_argument("--model", action="append", default=[], metavar="FILE", help="a GGUF file to offer as well")
    one.add_argument("--scripted", action="store_true", help=argparse.SUPPRESS)
    one = command(commands, status)
    add_json(one)
    command(commands, stop)


def serve(options: argparse.Namespace) -> int:
    """Run lmnb's own LM Studio server here until Ctrl-C, for any program that uses LM Studio's SDK."""
    from importlib.util import find_spec

    from lmnb.server import launch, tokens

    if missing := [file for file in options.model if not Path(file).expanduser().is_file()]:
        raise CommandError(f"There is no file {missing[0]}.")
    if find_spec("xllamacpp") is None and not options.scripted:
        raise CommandError(INSTALL)
    token = tokens.new() if options.new_token else options.token
    try:
        server = launch.start_server(
            models=options.model,
            scripted=options.scripted,
            port=launch.STANDARD_PORTS[0] if options.standard_port else options.port,
            host=options.host,
            token=token,
            no_token=options.no_token,
        )
    except (launch.LaunchError, OSError) as error:
        raise CommandError(str(error)) from None
    with server:
        try:
            print(_announcement(server, options), flush=True)
            code = server.wait()
        except KeyboardInterrupt:
            print("\nStopped.")
            return 0
    print(f"The server has ended by itself, with exit code {code}.", file=sys.stderr)
    return 1


def _announcement(server: Server, options: argparse.Namespace) -> str:
    """What is said of a server that listens: how to get there, with what, and who else could."""
    variables, given = f"LMSTUDIO_API_HOST={server.host}", f'"{server.host}"'
    more = [_offered(options)]
    if server.token:
        variables += " and LMSTUDIO_API_TOKEN"
        given += ", api_token=…"
        more.append(ASKED)
    if options.new_token:
        more.append(SHOWN.format(server.token))
    python = f"client = lmstudio.Client({given})"
    if options.standard_port:
        python = "lmstudio.llm() finds it by itself"
        more += _others(server)
    more += _exposure(options)
    return SERVING.format(host=server.host, variables=variables, python=python, more="\n".join(more))


def _exposure(options: argparse.Namespace) -> list[str]:
    from lmnb.server import launch

    if launch.is_loopback(options.host):
        return []
    return [OPEN.format(address=options.host, condition="" if options.no_token else " and has the token")]


def _others(server: Server) -> list[str]:
    """Those that are found no more by who looks for LM Studio."""
    from lmnb.server import launch

    places = [f"127.0.0.1:{port}" for port in launch.STANDARD_PORTS]
    there = [place for place in places if place != server.host and launch.greets(place)]
    return [f"{launch.occupant(place)} is at {place}; who looks for LM Studio finds this one first." for place in there]


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
