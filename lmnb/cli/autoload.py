"""`%load_ext lmnb` without typing it: a startup file of IPython's."""

from __future__ import annotations

from typing import TYPE_CHECKING

from lmnb.cli.common import command

if TYPE_CHECKING:
    import argparse

    from lmnb.cli.common import Commands
    from lmnb.notebook.autoload import Startup

ON = """lmnb is loaded whenever IPython or a notebook's kernel starts, from now on: no `%load_ext lmnb` is needed.
The file that does it: {file}
`lmnb autoload off` removes it. Kernels that run already are as they were."""

OFF = """lmnb is loaded no more by itself; `%load_ext lmnb` loads it. Removed: {file}"""


def add(commands: Commands) -> None:
    """Declare the command."""
    one = command(commands, autoload)
    one.add_argument("what", choices=["on", "off", "status"], nargs="?", default="status", help="without it, status")
    one.add_argument("--profile", default="default", metavar="NAME", help="of IPython's; without it, the default one")


def autoload(options: argparse.Namespace) -> int:
    """Load lmnb whenever IPython or a kernel starts (on), or no more (off): a file of its own in IPython's profile."""
    from lmnb.notebook import autoload as startup

    more = "" if options.profile == "default" else f" --profile {options.profile}"
    if options.what == "on":
        before = startup.switch_on(options.profile)
        said = "It was on already. " if before.current else ""
        print(said + ON.format(file=before.file).replace("autoload off", f"autoload off{more}"))
    elif options.what == "off":
        before = startup.switch_off(options.profile)
        print(OFF.format(file=before.file) if before.there else f"It was off already: there is no {before.file}.")
    else:
        _say(startup.look(options.profile), more)
    return 0


def _say(found: Startup, more: str) -> None:
    if not found.there:
        print(f"Off: `lmnb autoload on{more}` writes {found.file}.")
    elif not found.ours:
        print(f"Off. {found.file} is there, and is not a file that lmnb has written.")
    else:
        old = "" if found.current else f" It is from another version; `lmnb autoload on{more}` brings it up to date."
        print(f"On: {found.file} loads lmnb. `lmnb autoload off{more}` removes it.{old}")
