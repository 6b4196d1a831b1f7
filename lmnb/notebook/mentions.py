"""`@name` in a prompt: what it attaches, and how the name stands in what the model reads."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from lmnb.notebook import enclosing
from lmnb.notebook.filling import Edit
from lmnb.notebook.paths import NAME

if TYPE_CHECKING:
    from collections.abc import Iterator

    from lmnb.chat.attached import Attached
    from lmnb.notebook.around import Around
    from lmnb.notebook.verbatim import Verbatim

# Before it a blank or something that opens; behind it nothing that makes it an address, a package or another word.
MENTION = re.compile(
    rf"(?:^|(?<=[\s(\[\"'“”„‘’«»,;—–>*_|]))@({enclosing.CELLS.pattern}|{enclosing.LINT.pattern}|{NAME})"
    rf"((?:\.{NAME})*)(?![\w@]|[/-]\w)",
    re.MULTILINE,
)
_DECORATED = re.compile(r"[ \t]*(?:@|def[ \t]|class[ \t]|async[ \t]+def[ \t])")


def edits(text: str, verbatim: Verbatim, around: Around, attached: dict[str, Attached]) -> Iterator[Edit]:
    """What stands in the place of each mention, in order; what they attach is added to `attached`, by name.

    Raises:
        ChatError: If something that exists cannot go along.
    """
    seen: dict[str, list[Attached] | None] = {}
    for found in MENTION.finditer(text):
        word, tail = found[1], found[found.re.groups] or ""
        if found.start() in verbatim or _decorates(text, found.start()):
            continue
        if word not in seen:
            seen[word] = enclosing.mentioned(word, around)
            if seen[word] is None:
                _notice(word, around)
        there = seen[word]
        if there is None:
            continue
        for one in there:
            attached.setdefault(one.name, one)
        yield Edit(found.start(), found.end(), _named(there, tail))


def _named(there: list[Attached], tail: str) -> str:
    if len(there) == 1:
        return f"`{there[0].name}{tail}`"
    return f"`{there[0].name}` to `{there[-1].name}`{tail}"


def _decorates(text: str, at: int) -> bool:
    """Whether this is a decorator in code without a fence: first on its line, and what is decorated below."""
    begin = text.rfind("\n", 0, at) + 1
    if text[begin:at].strip():
        return False
    end = text.find("\n", at)
    return end >= 0 and _DECORATED.match(text, end + 1) is not None and not _only_mentions(text[begin:end])


def _only_mentions(line: str) -> bool:
    return len(line.split()) > 1 and "(" not in line


def _notice(word: str, around: Around) -> None:
    kind, _, rest = word.partition(":")
    if word == "error":
        around.notice("There is no error to attach: no cell has failed.")
    elif word in enclosing.FIGURE_WORDS:
        around.notice("There is no figure to attach.")
    elif kind in ("cell", "cells") and rest:
        around.notice(f"There is no cell for `@{word}`.")
    elif near := around.near(rest if kind == "lint" else word):
        prefix = "lint:" if kind == "lint" and rest else ""
        around.notice(f"There is no `{rest or word}`; did you mean @{prefix}{near[0]}?")
