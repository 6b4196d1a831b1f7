"""What a completer offers: texts that could stand in the place of what was begun, and how they are written."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field

from lmnb.notebook.options import WORD

Offer = tuple[str, str]
"""A text, and the word that is shown beside it."""


@dataclass(frozen=True)
class Offers:
    """What could stand in the place of the last few characters before the cursor.

    Attributes:
        begun: These characters.
        items: The best first.
    """

    begun: str = ""
    items: Sequence[Offer] = field(default_factory=tuple)


def split(text: str) -> tuple[list[str], str]:
    """The words before the cursor as the parser of options reads them, and the one that is being typed."""
    words, at = [], 0
    while (match := WORD.match(text, at)) is not None and match.end() < len(text):
        words.append(match[1])
        at = match.end()
    return words, text[at:].lstrip()


def matching(found: Iterable[Offer], begun: str, *, inside: bool = False) -> list[Offer]:
    """Those that begin so, the case as typed first.

    Args:
        found: All there are.
        begun: What was typed; a quotation mark before it does not count.
        inside: Whether those follow that have it anywhere.
    """
    found, low = list(found), begun.casefold()
    best = [offer for offer in found if offer[0].startswith(begun)]
    best += [offer for offer in found if offer[0].casefold().startswith(low) and not offer[0].startswith(begun)]
    if inside:
        low = low.lstrip("\"'")
        best += [offer for offer in found if low in offer[0].casefold() and offer not in best]
    return best


def described(found: Mapping[str, str] | Iterable[str], kind: str) -> list[Offer]:
    """Names, each with its remark, or all with the same one."""
    return list(found.items()) if isinstance(found, Mapping) else [(name, kind) for name in found]


def quoted(text: str, quote: str = "") -> str:
    """As one word of the line; a folder's quotation stays open.

    Args:
        text: A name, a path.
        quote: The quotation mark that was typed before it.
    """
    if not quote and not re.search(r"[\s\"',]", text):
        return text
    quote = quote or ("'" if '"' in text else '"')
    return quote + text + ("" if text.endswith("/") else quote)
