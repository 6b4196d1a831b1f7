"""The words behind a verb: read by argparse, refused as a magic does."""

from __future__ import annotations

import argparse
import json
from typing import Any, NoReturn

from IPython.core.error import UsageError


class Parser(argparse.ArgumentParser):
    """Raises `UsageError`, and ends nothing.

    Args:
        verb: The word before.
        typed: How it is typed, verb and all.
        name: How many words of a name there may be, as argparse says it; "": none.
    """

    def __init__(self, verb: str, typed: str, name: str = "") -> None:
        super().__init__(prog=verb, add_help=False, allow_abbrev=False)
        self._typed = typed
        if name:
            self.add_argument("name", nargs=name, metavar="NAME")

    def error(self, message: str) -> NoReturn:
        """Say what is wrong, and how it is typed."""
        raise UsageError(f"%chat {self.prog}: {message}. It is typed like this: %chat {self._typed}")


def whole(text: str) -> int:
    """A whole number from 1 on."""
    if not text.isdecimal() or not int(text):
        raise argparse.ArgumentTypeError(f"a whole number from 1 on is wanted, not {text!r}")
    return int(text)


def gpu(text: str) -> dict[str, Any]:
    """How much of a model goes to the GPU, as the SDK spells it."""
    try:
        return {"ratio": text if text in {"max", "off"} else float(text)}
    except ValueError:
        raise argparse.ArgumentTypeError(f"max, off, or a share from 0 to 1 is wanted, not {text!r}") from None


def literal(value: str) -> Any:
    """A JSON value where it is one, else Python's spellings of true and false, else the word itself."""
    try:
        return json.loads({"True": "true", "False": "false", "None": "null"}.get(value, value))
    except ValueError:
        return value
