"""`%lm`: the models on this computer, without leaving the notebook."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING

from IPython.core.error import UsageError
from IPython.core.magic import no_var_expand

from lmnb import studio

if TYPE_CHECKING:
    from collections.abc import Callable

USAGE = """%lm models        the models that are loaded or on disk
%lm get           what can be fetched
%lm get smollm2   fetch a small model to start with"""


def model_magic() -> Callable[[str], None]:
    """The line magic `%lm`."""

    def lm(line: str) -> None:
        verb, *rest = line.split() or ["help"]
        match verb:
            case "models":
                _list()
            case "get":
                _get(rest)
            case "help" | "-h" | "--help":
                print(USAGE)
            case _:
                raise UsageError(
                    f"%lm has no verb {verb!r}. There are:\n{USAGE}\nTo ask something, use %%lm or %%chat."
                )

    lm.__doc__ = f"The models on this computer.\n\n::\n\n    {USAGE}".replace("\n%", "\n    %")
    magic: Callable[[str], None] = no_var_expand(lm)
    return magic


def _list() -> None:
    found = studio.models()
    for model in found:
        print(f"{model.key:<40} {studio.size(model.size_bytes):>9}  {'loaded' if model.loaded else ''}".rstrip())
    if not found:
        print("There is no model on this computer yet. `%lm get smollm2` fetches a small one.")


def _get(names: list[str]) -> None:
    if not names:
        for entry in studio.catalogue():
            print(f"{entry.name:<12} {studio.size(entry.size_bytes):>9}  {entry.licence}  {entry.title}")
        return
    for name in names:
        bar = _Bar(name)
        path = studio.get(name, progress=bar)
        print(f"\r{name} is here: {path.name}".ljust(70))


class _Bar:
    """A progress line that rewrites itself, four times a second at most."""

    def __init__(self, name: str) -> None:
        self._name = name
        self._next = 0.0

    def __call__(self, doing: str, done: int, total: int) -> None:
        now = time.monotonic()
        if now < self._next and done < total:
            return
        self._next = now + 0.25
        share = done / total if total else 0.0
        bar = ("█" * round(24 * share)).ljust(24, "░")
        amounts = f"{done / 1e6:,.0f} of {total / 1e6:,.0f} MB" if total else ""
        print(f"\r{self._name}: {doing} {bar} {amounts}".ljust(70), end="", flush=True)
