"""Secrets in longer texts: what was printed, what a cell or a file says.

In code, only what is a secret whatever stands around it: `token = next(tokens)` is none, and a test's e-mail address
helps. In what was printed, and in data, all that is masked in a card.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from lmnb.context import masks

if TYPE_CHECKING:
    from collections.abc import Iterator

PIECE = 1_500
"""Characters that are looked at at once; a line may be longer than that."""

SECRETS = frozenset({"key", "token"})
_LITERAL = re.compile(
    r"""(?i)(?:password|passwd|pwd|secret|api[_-]?key|token)\w*["']?\s*[=:]\s*[rbu]?["'][^"'\s]{4,}"""
)
_ADDRESS = re.compile(r"://[^\s/:@]+:[^\s/@]+@")


def covered(text: str, *, code: bool = False) -> tuple[str, tuple[str, ...]]:
    """A text with the obvious secrets in it replaced by what they are, and the names of what was found.

    Args:
        text: Of any length; a secret that goes over the end of a line is not found.
        code: Whether it is code: then only keys, tokens and passwords that are written out are masked.
    """
    found: set[str] = set()
    lines = ["".join(_piece(one, code, found) for one in _pieces(line)) for line in text.split("\n")]
    return "\n".join(lines), tuple(sorted(found))


def _pieces(line: str) -> Iterator[str]:
    """A line in pieces that end at a blank where there is one, so that a secret is not cut in two."""
    at = 0
    while len(line) - at > PIECE:
        cut = line.rfind(" ", at + 1, at + PIECE)
        cut = at + PIECE if cut < 0 else cut
        yield line[at:cut]
        at = cut
    yield line[at:]


def _piece(piece: str, code: bool, found: set[str]) -> str:
    shown, kinds = masks.masked(piece)
    if kinds and code and not (kinds & SECRETS or _LITERAL.search(piece) or _ADDRESS.search(piece)):
        return piece
    found |= kinds
    return shown
