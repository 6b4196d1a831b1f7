"""`lmnb` in a shell: fetch a model, see who answers and with what, run the server."""

from __future__ import annotations

import argparse
import sys
from pathlib import Path
from typing import TYPE_CHECKING

from lmnb._version import __version__

if TYPE_CHECKING:
    from collections.abc import Sequence

INSTALL = "lmnb's own server is not installed: `pip install 'lmnb[local]'` brings it."
NO_MODEL = "There is no model on this computer yet. `lmnb get smollm2` fetches a small one."

ASK = (
    "Ask something: in a notebook, `%load_ext lmnb`, then a cell that begins with %%chat and has the question below it."
)

SERVING = """lmnb's server listens at {host}. Ctrl-C ends it.

  in a notebook   %%chat --host {host}
  for all cells   set LMSTUDIO_API_HOST={host} before Jupyter starts
  in Python       client = lmstudio.Client("{host}")

{models}"""


class CommandError(Exception):
    """What happened and what to do next, in sentences."""


def get(options: argparse.Namespace) -> int:
    """Fetch a model; without a name, list what can be fetched."""
    from lmnb import studio  # noqa: PLC0415

    if options.name is None:
        print(f"{studio.offers()}\n\nFetch one: lmnb get {studio.catalogue()[0].name}")
        return 0
    try:
        with studio.Bar(options.name, sys.stdout) as bar:
            studio.get(options.name, progress=bar)
    except KeyboardInterrupt:
        print(f"Stopped. `lmnb get {options.name}` goes on from here.", file=sys.stderr)
        return 130
    print(f"{studio.got(options.name)}\n{ASK}")
    return 0


def models(_options: argparse.Namespace) -> int:
    """List the models that are loaded or on disk, of the server that %%chat talks to."""
    from lmnb import studio  # noqa: PLC0415

    print(studio.table(studio.models()) or NO_MODEL)
    return 0


def status(_options: argparse.Namespace) -> int:
    """Say which server %%chat would talk to now, and what it has; starts nothing."""
    from lmnb import studio  # noqa: PLC0415

    found = studio.status()
    print(found.title)
    if found.host is not None:
        print(studio.table(found.models) or "It has no model yet.")
    return 0


def serve(options: argparse.Namespace) -> int:
    """Run lmnb's own LM Studio server here until Ctrl-C, for any program that uses LM Studio's SDK."""
    from importlib.util import find_spec  # noqa: PLC0415

    from lmnb.server import launch  # noqa: PLC0415

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
    from lmnb.server.loader import Loader  # noqa: PLC0415

    known = Loader([Path(file).expanduser() for file in options.model], scripted=options.scripted).known()
    return f"It has {', '.join(model.key for model in known)}." if known else NO_MODEL


def stop(_options: argparse.Namespace) -> int:
    """End lmnb's own server, the one that notebooks share; the next question starts it again."""
    from lmnb.server import launch  # noqa: PLC0415

    print("lmnb's own server has ended." if launch.stop_shared_server() else "lmnb's own server does not run.")
    return 0


def parser() -> argparse.ArgumentParser:
    """The command line."""
    whole = argparse.ArgumentParser(prog="lmnb", description="The notebook chat for local models.")
    whole.add_argument("--version", action="version", version=f"lmnb {__version__}")
    commands = whole.add_subparsers(metavar="COMMAND")
    for run in (get, models, status, serve, stop):
        said = run.__doc__ or ""
        # argparse reads a % as its own in the one, and not in the other
        one = commands.add_parser(run.__name__, help=said.replace("%", "%%"), description=said)
        one.set_defaults(run=run)
        if run is get:
            one.add_argument("name", nargs="?", metavar="NAME")
        if run is serve:
            one.add_argument("--port", type=int, default=0, help="without it, any that is free")
            one.add_argument(
                "--model", action="append", default=[], metavar="FILE", help="a GGUF file to offer as well"
            )
            one.add_argument("--scripted", action="store_true", help=argparse.SUPPRESS)
    return whole


def main(arguments: Sequence[str] | None = None) -> int:
    """Do what the command line says. Problems are sentences on standard error: exit code 1; 2 for a wrong command."""
    whole = parser()
    options = whole.parse_args(arguments)
    if "run" not in options:
        whole.print_help()
        return 2
    from lmnb.chat.problems import ChatError  # noqa: PLC0415  after --help

    try:
        return int(options.run(options))
    except ChatError as error:
        from lmnb import studio  # noqa: PLC0415

        print(studio.unasked(error.problem), file=sys.stderr)
        return 1
    except CommandError as problem:
        print(problem, file=sys.stderr)
        return 1
    except KeyboardInterrupt:
        print("\nStopped.", file=sys.stderr)
        return 130


if __name__ == "__main__":
    sys.exit(main())
