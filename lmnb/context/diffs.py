"""A corrected cell out of an answer: all of it, or some lines put where they belong, if there is one such place.

What a model answers is text. It becomes a cell that is offered, never one that is run.
"""

from __future__ import annotations

import difflib
import re
from dataclasses import dataclass
from typing import TYPE_CHECKING

from lmnb.context import masks

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

MARK = "# <-- the error is here"
"""Behind the line that failed, in what a model is shown. It is taken out of what it copies."""

ALIKE = 0.6
"""How much two lines must have in common to be the same line, corrected."""

WHOLE = 0.7
"""The share of a cell's lines that an answer must have, corrected or not, to be the whole cell."""

PAIRS = 20_000
"""Pairs of lines that are compared at most."""

_LEFT_OUT = re.compile(
    r"\s*(?:#\s*)?(?:\.\.\.|…).*|\s*#\s*\(?(?:the )?(?:rest|remaining|existing|previous|\d+ lines?)\b.*"
)
_PROMPT = re.compile(r"^(?:>>> ?|\.\.\. |In ?\[\d*\]: ?)")
_SECRET = re.compile(r"‹[^›\n]{1,40}›")


class NotMergedError(ValueError):
    """An answer's code has no one place in the cell; the text says why, in a sentence."""


def merged(block: str, source: str, *, is_diff: bool = False) -> str:
    """The cell with an answer's code in it.

    Args:
        block: The code of the answer.
        source: The cell as it was typed.
        is_diff: Whether the code is a diff, as its language says.

    Raises:
        NotMergedError: If it cannot be said where the code belongs.
    """
    lines = source.splitlines()
    code = _cleaned(block)
    if is_diff or _looks_like_a_diff(code):
        return _joined(_patched(code, lines), source)
    code = _with_secrets(code, lines)
    if not any(one.strip() for one in code):
        raise NotMergedError("There is no code in the answer.")
    pieces = list(_pieces(code))
    if len(pieces) == 1 and _is_whole(pieces[0], lines):
        return _joined(_with_magic(pieces[0], lines), source)
    for piece in pieces:
        lines = _put(piece, lines)
    return _joined(lines, source)


def small(before: str, after: str) -> str:
    """What has changed, a line above and below it: `-` before, `+` now."""
    told = list(difflib.unified_diff(before.splitlines(), after.splitlines(), n=1, lineterm=""))[2:]
    return "\n".join("…" if one.startswith("@@") else one.rstrip() for one in told[1:])


def _cleaned(block: str) -> list[str]:
    """The lines of a block without what is no code: the mark, prompts, blank lines around."""
    lines = block.replace("\r\n", "\n").split("\n")
    lines = [one.replace(MARK, "").rstrip() if MARK in one else one for one in lines]
    if any(_PROMPT.match(one) for one in lines[:1]):
        lines = [_PROMPT.sub("", one) for one in lines]
    while lines and not lines[0].strip():
        lines.pop(0)
    while lines and not lines[-1].strip():
        lines.pop()
    return lines


def _joined(lines: Sequence[str], source: str) -> str:
    return "\n".join(lines) + ("\n" if source.endswith("\n") else "")


# ---- secrets


def _with_secrets(code: Sequence[str], lines: Sequence[str]) -> list[str]:
    """The code with what was masked in the cell put back, line for line.

    Raises:
        NotMergedError: If something is left that nobody could put back.
    """
    were = {hidden.strip(): one.strip() for one in lines if (hidden := masks.masked(one)[0]) != one}
    back = [_indented(were[one.strip()], _indent(one)) if one.strip() in were else one for one in code]
    there = set(_SECRET.findall("\n".join(lines)))
    if any(found not in there for one in back for found in _SECRET.findall(one)):
        raise NotMergedError("The corrected code holds a secret that was masked, so it is not offered as a cell.")
    return back


# ---- a diff


def _looks_like_a_diff(code: Sequence[str]) -> bool:
    signs = {one[:1] for one in code if one.strip()}
    return {"-", "+"} <= signs <= {"-", "+", " ", "@"}


def _patched(code: Sequence[str], lines: list[str]) -> list[str]:
    hunks: list[list[str]] = [[]]
    for one in code:
        if one.startswith("@@"):
            hunks.append([])
        elif not one.startswith(("---", "+++", "diff ", "index ")):
            hunks[-1].append(one)
    for hunk in filter(None, hunks):
        old = [one[1:] if one[:1] in "-+ " else one for one in hunk if not one.startswith("+")]
        new = [one[1:] if one[:1] in "-+ " else one for one in hunk if not one.startswith("-")]
        lines = _replaced(old, _with_secrets(new, lines), lines)
    return lines


def _replaced(old: Sequence[str], new: Sequence[str], lines: list[str]) -> list[str]:
    wanted = [one.strip() for one in old]
    plain = [masks.masked(one)[0].strip() for one in lines]
    places = [at for at in range(len(lines) - len(wanted) + 1) if plain[at : at + len(wanted)] == wanted]
    if not wanted or len(places) != 1:
        raise NotMergedError("The answer's diff does not fit the cell at one place.")
    at = places[0]
    return [*lines[:at], *_shifted(new, _indent(lines[at]) - _indent(old[0])), *lines[at + len(wanted) :]]


# ---- all of it, or some lines


def _pieces(code: Sequence[str]) -> Iterator[list[str]]:
    """The stretches of code between the places where a model writes that the rest stays as it is."""
    piece: list[str] = []
    for one in [*code, "# ..."]:
        if _LEFT_OUT.fullmatch(one):
            if any(line.strip() for line in piece):
                yield piece
            piece = []
        else:
            piece.append(one)


def _is_whole(code: Sequence[str], lines: Sequence[str]) -> bool:
    there = [at for at, one in enumerate(lines) if one.strip() and not one.startswith("%%")]
    if len(there) <= 1:
        return True
    pairs = _pairs(code, lines)
    return len({at for _, at in pairs} & set(there)) >= WHOLE * len(there)


def _with_magic(code: list[str], lines: Sequence[str]) -> list[str]:
    """The code below the cell's own `%%time`, where the answer left it out."""
    head = next((one for one in lines if one.strip()), "")
    return [head, *code] if head.startswith("%%") and not code[0].startswith("%%") else code


def _pairs(code: Sequence[str], lines: Sequence[str]) -> list[tuple[int, int]]:
    """Lines of the code and of the cell that are the same, corrected or not, in order."""
    one, other = [line.strip() for line in code], [line.strip() for line in lines]
    found: list[tuple[int, int]] = []
    at, to = 0, 0
    for block in difflib.SequenceMatcher(None, one, other, autojunk=False).get_matching_blocks():
        found += _alike(one, other, range(at, block.a), range(to, block.b))
        found += [(block.a + step, block.b + step) for step in range(block.size) if one[block.a + step]]
        at, to = block.a + block.size, block.b + block.size
    return found


def _alike(one: Sequence[str], other: Sequence[str], here: range, there: range) -> list[tuple[int, int]]:
    """Pairs of lines that have much in common, between two that are the same."""
    found: list[tuple[int, int]] = []
    if len(here) * len(there) > PAIRS:
        return found
    begin = there.start
    for at in here:
        shares = [(_share(one[at], other[to]), to) for to in range(begin, there.stop)]
        share, to = max(shares, key=lambda pair: (pair[0], -pair[1]), default=(0.0, 0))
        if share >= ALIKE:
            found.append((at, to))
            begin = to + 1
    return found


def _share(one: str, other: str) -> float:
    if not one or not other:
        return 0.0
    matcher = difflib.SequenceMatcher(None, one[:400], other[:400], autojunk=False)
    return matcher.ratio() if matcher.quick_ratio() >= ALIKE else 0.0


@dataclass(frozen=True)
class _Span:
    first: int
    last: int


def _put(code: list[str], lines: list[str]) -> list[str]:
    """The cell with some lines in the place of those they are like.

    Raises:
        NotMergedError: If there is no such place, or more than one.
    """
    pairs = _pairs(code, lines)
    if not pairs:
        raise NotMergedError("The code in the answer has no line in common with the cell, so no cell was added.")
    span = _Span(pairs[0][1], pairs[-1][1])
    for at, to in (pairs[0], pairs[-1]):
        rivals = [one for place, one in enumerate(lines) if place != to and one.strip()]
        mine = _share(code[at].strip(), lines[to].strip())
        if any(_share(code[at].strip(), one.strip()) > mine - 0.05 for one in rivals):
            raise NotMergedError("The code in the answer fits the cell at more than one place, so no cell was added.")
    if span.last - span.first + 1 > 2 * len(code) + 2:
        raise NotMergedError("The code in the answer leaves out too much of the cell, so no cell was added.")
    shift = _indent(lines[span.first]) - _indent(code[pairs[0][0]])
    return [*lines[: span.first], *_shifted(code, shift), *lines[span.last + 1 :]]


def _shifted(code: Sequence[str], by: int) -> list[str]:
    return [_indented(one.strip(), max(0, _indent(one) + by)) for one in code] if by else list(code)


def _indented(text: str, by: int) -> str:
    return " " * by + text if text else ""


def _indent(line: str) -> int:
    return len(line.expandtabs(4)) - len(line.expandtabs(4).lstrip())
