"""What a prompt brings along: values in the place of `{name}`, attachments for `@name` and `-a`, no others."""

from __future__ import annotations

import re
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from lmnb.chat.attached import reference
from lmnb.context import cells, kinds
from lmnb.context.telling import Telling
from lmnb.notebook import enclosing, filling, mentions, ran
from lmnb.notebook.around import Around
from lmnb.notebook.verbatim import Verbatim

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping, Sequence

    from IPython.core.interactiveshell import InteractiveShell

    from lmnb.chat.attached import Attached, Told
    from lmnb.context.ladder import Level
    from lmnb.notebook.filling import Edit
    from lmnb.notebook.recorder import Recorder

AUTO_CELLS = 3
"""Cells that go along by themselves, where the person has asked for that once and for all."""

AUTO_LINES = 9
"""Lines of each of their outputs."""

AUTO_TABLES = 4

UNASKED = "goes along by itself (auto)"

WORDS = 20_000
"""Characters of a prompt in which names of columns are looked for."""

_WORD = re.compile(r"[^\W\d]\w*")
_QUOTED = re.compile(r"`([^`\n]{1,80})`|\"([^\"\n]{1,80})\"|'([^'\n]{1,80})'")


@dataclass(frozen=True)
class ContextSettings:
    """How much is told of what goes along.

    Attributes:
        level: Of cards: `names`, `schema`, `stats`, `values`.
        budget: Tokens of a card.
        mask: Whether obvious secrets and personal data are masked.
        hide: Columns whose values are not told: `email`, `df.email`.
        auto: Whether tables that the prompt names, and the last cells, go along unasked.
        raw: Whether `{name}` and `@name` are nothing special.
    """

    level: Level = "stats"
    budget: int = 450
    mask: bool = True
    hide: tuple[str, ...] = ()
    auto: bool = False
    raw: bool = False


@dataclass(frozen=True)
class Composed:
    """A prompt with what goes along.

    Attributes:
        prompt: As it was typed.
        sent: What the model reads in its place; None where that is the same.
        attached: In the order in which the person named it.
        notices: What the person should know before the answer.
    """

    prompt: str
    sent: str | None
    attached: tuple[Attached, ...]
    notices: tuple[str, ...]


def compose(
    shell: InteractiveShell,
    text: str,
    attach: Sequence[str] = (),
    *,
    settings: ContextSettings,
    count: Callable[[str], int] | None = None,
    recorder: Recorder | None = None,
    told: Mapping[str, Told] | None = None,
) -> Composed:
    """Read a prompt for what it brings along. Evaluates nothing; sends nothing.

    Runs on the main thread, and blocks while what goes along is described: a second for each thing at most, and for
    what `count` takes.

    Args:
        shell: Has the names and the cells.
        text: The prompt, as it was typed.
        attach: What `-a` named.
        settings: How much is told.
        count: Tokens of a text by the model's tokenizer; without it nothing is counted.
        recorder: Knows the last error and figure.
        told: By name, what the model has been given before: see `lmnb.chat.history.told`.

    Raises:
        ChatError: If something that was named by `-a`, or exists and is named by `@`, cannot go along. Of any text
            without those two nothing is raised.
    """
    named = frozenset(_words(text))
    telling = Telling(settings.level, settings.budget, settings.mask, settings.hide, named, count)
    around = Around(shell, telling, recorder)
    attached: dict[str, Attached] = {}
    for word in attach:
        for one in enclosing.named(word, around):
            attached.setdefault(one.name, one)
    sent = text
    if not settings.raw:
        verbatim = Verbatim(text)
        edits = [*mentions.edits(text, verbatim, around, attached), *filling.edits(text, verbatim, around)]
        sent = _edited(text, edits)
    if settings.auto:
        _add_unasked(text, around, attached)
    along = tuple(_noted(one, (told or {}).get(one.name)) for one in attached.values())
    return Composed(text, None if sent == text else sent, along, tuple(around.notices))


def _noted(one: Attached, before: Told | None) -> Attached:
    """With a word on it where the model has it already, and is not given it again."""
    note = reference(one, before)
    return one if note is None else replace(one, notes=(note, *one.notes))


def _edited(text: str, edits: list[Edit]) -> str:
    pieces, at = [], 0
    for edit in sorted(edits, key=lambda edit: edit.start):
        if edit.start < at:
            continue
        pieces += [text[at : edit.start], edit.text]
        at = edit.end
    return "".join([*pieces, text[at:]])


def _words(text: str) -> Iterator[str]:
    """The words of a prompt that may be names of columns: also those in quotes, and two and three in a row."""
    text = text[:WORDS]
    found = list(_WORD.finditer(text))
    for index, word in enumerate(found):
        yield word[0]
        yield word[0].lower()
        for last in found[index + 1 : index + 3]:
            if last.end() - word.start() <= 60:
                yield text[word.start() : last.end()]
    for quoted in _QUOTED.finditer(text):
        yield next(filter(None, quoted.groups()))


def _add_unasked(text: str, around: Around, attached: dict[str, Attached]) -> None:
    """Tables whose names stand in the prompt, and the last cells."""
    words = dict.fromkeys(word[0] for word in _WORD.finditer(text[:WORDS]))
    tables = [word for word in words if around.known(word) and kinds.is_table(around.names[word])]
    for name in tables[:AUTO_TABLES]:
        if name not in attached:
            attached[name] = _unasked(enclosing.value(around.names[name], name, around))
    for number in ran.recent(around.shell, AUTO_CELLS):
        cell = around.cell(number)
        if cell is not None and cell.name not in attached:
            attached[cell.name] = _unasked(cells.attach(cell, around.telling, lines=AUTO_LINES))


def _unasked(one: Attached) -> Attached:
    return replace(one, notes=(UNASKED, *one.notes))
