"""`%lm`: the models on this computer, without leaving the notebook."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING

from IPython.core.error import UsageError
from IPython.core.magic import no_var_expand

from lmnb import studio
from lmnb.chat.problems import ChatError
from lmnb.notebook import cells

if TYPE_CHECKING:
    from collections.abc import Callable

    from IPython.core.interactiveshell import InteractiveShell

USAGE = """%lm models        the models that are loaded or on disk
%lm get           what can be fetched
%lm get smollm2   fetch a small model to start with"""

ASK = "Ask something: a cell that begins with %%chat, and has the question below it."


class ModelsFailed(ChatError):  # noqa: N818 - reads as what happened
    """It did not work; the sentences that say why stand in the place of a traceback."""

    def _render_traceback_(self) -> list[str]:
        return str(self).splitlines()


class FetchStopped(KeyboardInterrupt):
    """The kernel was interrupted while a model was fetched."""

    def _render_traceback_(self) -> list[str]:
        return [str(self)]


def model_magic(shell: InteractiveShell) -> Callable[[str], None]:
    """The line magic `%lm` of a shell."""

    def lm(line: str) -> None:
        verb, *rest = line.split() or ["help"]
        try:
            match verb:
                case "models":
                    _list()
                case "get":
                    _get(shell, rest)
                case "help" | "-h" | "--help":
                    print(USAGE)
                case _:
                    raise UsageError(f"%lm has no verb {verb!r}. There are:\n{USAGE}\nTo ask something, use %%chat.")
        except ChatError as error:
            raise ModelsFailed(studio.unasked(error.problem)) from None

    lm.__doc__ = f"The models on this computer.\n\n::\n\n    {USAGE}".replace("\n%", "\n    %")
    magic: Callable[[str], None] = no_var_expand(lm)
    return magic


def _list() -> None:
    print(studio.table(studio.models()) or "There is no model here yet. `%lm get smollm2` fetches a small one.")


def _get(shell: InteractiveShell, names: list[str]) -> None:
    if not names:
        print(f"{studio.offers()}\n\nFetch one: %lm get {studio.catalogue()[0].name}")
    for name in names:
        # A front end takes a line back as a terminal does; a file, or a notebook that nobody watches, does not.
        live = cells.somebody_watches(shell) if cells.in_kernel(shell) else None
        try:
            with studio.Bar(name, sys.stdout, live=live) as bar:
                studio.get(name, progress=bar)
        except KeyboardInterrupt:
            raise FetchStopped(f"Stopped. `%lm get {name}` goes on from here.") from None
        print(f"{studio.got(name)}\n{ASK}")
