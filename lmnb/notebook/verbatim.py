"""What of a prompt is code or a formula, and is left as it was typed."""

from __future__ import annotations

import re
from bisect import bisect_right
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterator

Span = tuple[int, int]

_FENCE = re.compile(r" {0,3}(`{3,}(?=[^`]*$)|~{3,})")
_TICKS = re.compile(r"`+")
_BLANK_LINE = re.compile(r"\n[ \t]*\n")
_FORMULAS = re.compile(
    r"\$\$.{1,5000}?\$\$"
    # As Pandoc reads dollars: nothing blank inside of them, and no digit behind, so that prices stay prices.
    r"|(?<![\\$])\$(?=[^\s$])(?:[^$\\\n]|\\.)*?(?<=\S)\$(?!\d)"
    r"|\\\(.{1,5000}?\\\)|\\\[.{1,5000}?\\\]|\\begin\{(\w+\*?)\}.{1,5000}?\\end\{\1\}",
    re.DOTALL,
)
_STRINGS = re.compile(
    r"""(?<!\w)(?:[fF][rR]?|[rR][fF])(?:\"{3}.{0,5000}?\"{3}|'{3}.{0,5000}?'{3}"""
    r"""|"(?:[^"\\\n]|\\.)*"|'(?:[^'\\\n]|\\.)*')""",
    re.DOTALL,
)


class Verbatim:
    """The stretches of a prompt in which braces and `@` are nothing special.

    Args:
        text: The prompt: Markdown.
    """

    def __init__(self, text: str) -> None:
        fences = list(_fences(text))
        spans = [*fences, *_inline(text, fences)]
        spans += [found.span() for pattern in (_FORMULAS, _STRINGS) for found in pattern.finditer(text)]
        self._spans = _joined(spans)
        self._starts = [start for start, _ in self._spans]

    def __contains__(self, place: int) -> bool:
        """Whether a character stands in one."""
        at = bisect_right(self._starts, place) - 1
        return at >= 0 and place < self._spans[at][1]


def _fences(text: str) -> Iterator[Span]:
    """Fenced blocks; one that is not closed goes on to the end."""
    begun, fence, place = 0, "", 0
    for line in text.splitlines(keepends=True):
        found = _FENCE.match(line.rstrip())
        if not fence and found:
            begun, fence = place, found[1]
        elif fence and found and found[1].startswith(fence) and not line.strip().strip(fence[0]):
            yield begun, place + len(line)
            fence = ""
        place += len(line)
    if fence:
        yield begun, place


def _inline(text: str, fences: list[Span]) -> Iterator[Span]:
    """Code between backticks: a run of them ends at the next one of the same length, within a paragraph."""
    edges = [0, *(edge for span in fences for edge in span), len(text)]
    for start, end in zip(edges[::2], edges[1::2], strict=True):
        runs = [found.span() for found in _TICKS.finditer(text, start, end)]
        behind: dict[int, int] = {}
        partner: dict[int, int] = {}
        for index in range(len(runs) - 1, -1, -1):
            length = runs[index][1] - runs[index][0]
            if length in behind:
                partner[index] = behind[length]
            behind[length] = index
        index = 0
        while index < len(runs):
            other = partner.get(index)
            if other is not None and not _BLANK_LINE.search(text, runs[index][1], runs[other][0]):
                yield runs[index][0], runs[other][1]
                index = other
            index += 1


def _joined(spans: list[Span]) -> list[Span]:
    joined: list[Span] = []
    for start, end in sorted(spans):
        if joined and start <= joined[-1][1]:
            joined[-1] = joined[-1][0], max(end, joined[-1][1])
        else:
            joined.append((start, end))
    return joined
