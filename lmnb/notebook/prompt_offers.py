"""What is offered in a prompt: after `@` and `{` what can be named there, and nothing elsewhere, as it is prose."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from lmnb.notebook import named
from lmnb.notebook.offers import Offer, Offers, matching
from lmnb.notebook.verbatim import Verbatim

if TYPE_CHECKING:
    from collections.abc import Iterable

    from IPython.core.interactiveshell import InteractiveShell

MENTION = re.compile(r"(?<![\w@.])@((?:[^\W\d]\w*)?|(?:cells?|lint):\S*)$")
BRACE = re.compile(r"(?<!\{)\{([^{}\n]*)$")
PATH = re.compile(r"([^\W\d]\w*(?:\.[^\W\d]\w*|\[[^\[\]]*\])*)(?:\.(\w*)|\[([^\[\]]*))$")

MENTIONS = {
    "error": "the last error, with its frames",
    "cell:-1": "the cell before",
    "cells:-5:": "the last five cells",
    "lint:": "what the checks of a table found",
}
"""What may follow `@` besides a variable."""

CELLS = {"In": "what a cell said", "Out": "the value of a cell", "Err": "the error of a cell"}


def in_prompt(shell: InteractiveShell, before: str, behind: str) -> Offers:
    """What is offered at a place of a prompt.

    Args:
        shell: Has the variables.
        before: The prompt up to the cursor.
        behind: The rest of the line.
    """
    line = before[before.rfind("\n") + 1 :]
    if not ("@" in line or "{" in line) or len(before) - 1 in Verbatim(before):
        return Offers()
    if (mention := MENTION.search(line)) is not None:
        return _mention(shell, mention[1])
    if (brace := BRACE.search(line)) is not None:
        return _in_braces(shell, brace[1], behind)
    return Offers()


def _mention(shell: InteractiveShell, begun: str) -> Offers:
    kind, colon, rest = begun.partition(":")
    if not colon:
        return Offers(begun, matching([*named.variables(shell), *MENTIONS.items()], begun))
    if kind == "lint":
        return Offers(rest, matching(named.tables(shell), rest))
    end = ":" if kind == "cells" else ""
    near = [(f"-{back}{end}", "counted from here") for back in range(1, 6)]
    return Offers(rest, matching([*near, *named.numbers(shell)], rest))


def _in_braces(shell: InteractiveShell, text: str, behind: str) -> Offers:
    if re.fullmatch(r"(?:[^\W\d]\w*)?", text):
        cells = [(f"{name}[", said) for name, said in CELLS.items()]
        return Offers(text, matching([*named.variables(shell), *cells], text))
    path = PATH.fullmatch(text)
    if path is None:
        return Offers()
    root, attribute, key = path.groups()
    if attribute is not None:
        return Offers(attribute, matching(named.attributes(named.inside(shell, root)), attribute))
    if root in CELLS:
        numbers = named.numbers(shell, answered=root == "Out")
        return Offers(key, matching([(f"{number}{_end('', behind)}", said) for number, said in numbers], key))
    return Offers(key, _keys(named.keys(named.inside(shell, root)), key, behind))


def _keys(found: Iterable[tuple[str | int, str]], begun: str, behind: str) -> list[Offer]:
    """Keys in the quotation marks that were begun, with what closes the bracket if it does not stand there already."""
    quote = begun[:1] if begun[:1] in {"'", '"'} else ""
    end = _end(quote, behind)
    if not quote:
        return [
            (text + end, said) for text, said in ((repr(key), said) for key, said in found) if text.startswith(begun)
        ]
    inside = begun[1:].casefold()
    texts = ((key, said) for key, said in found if isinstance(key, str) and key.casefold().startswith(inside))
    return [(f"{quote}{key}{end}", said) for key, said in texts if repr(key)[1:-1] == key and quote not in key]


def _end(quote: str, behind: str) -> str:
    """What is missing behind a key: editors close quotations and brackets by themselves."""
    if quote and behind.startswith(quote):
        return ""
    return quote if behind.startswith("]") else f"{quote}]"
