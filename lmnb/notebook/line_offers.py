"""What is offered on the line of a `%%chat` cell or behind `%chat`: verbs, flags, and what may follow each."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from lmnb.notebook import named
from lmnb.notebook.models import VERBS
from lmnb.notebook.offers import Offer, Offers, described, matching, quoted, split
from lmnb.notebook.options import TABLE
from lmnb.notebook.prompt_offers import in_prompt

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping, Sequence

    from IPython.core.interactiveshell import InteractiveShell

    from lmnb.notebook.completion import Names
    from lmnb.notebook.options import Option

FLAG = re.compile(r"--?[A-Za-z]")
BY_FLAG = {flag: option for option in TABLE for flag in option.flags}
REPEATED = {"--model", "--attach", "--option"}

AFTER_VERB = {
    "show": "talks",
    "rename": "talks",
    "delete": "talks",
    "export": "exports talks",
    "resume": "notebooks",
    "card": "variables",
    "lint": "tables target",
    "next": "tables",
    "hide": "columns",
    "unhide": "columns",
    "help": "verbs",
}
"""What is named behind a verb, word by word; the verbs of models say it themselves."""

EVERY = {"hide", "unhide"}
"""Verbs that take any number of the same."""

ENDINGS = {"exports": (".md", ".json", ".ipynb", ".py"), "notebooks": (".ipynb",)}

SHAPES = {"type", "ModelMetaclass", "_TypedDictMeta", "EnumType", "EnumMeta", "dict"}
"""Classes of what can say the form of an answer: classes of the person's, and a JSON schema."""


class Line:
    """The line of one shell's cells; its arguments are those of `Completion`."""

    def __init__(
        self, shell: InteractiveShell, verbs: Callable[[], Mapping[str, str]], models: Names, talks: Names
    ) -> None:
        self._shell = shell
        self._verbs = verbs
        self._sources: dict[str, Callable[[], Sequence[Offer]]] = {
            "": list,
            "verbs": lambda: described(verbs(), "verb"),
            "models": lambda: described(models(), "model"),
            "loaded": lambda: described(models(), "model"),
            "talks": lambda: described(talks(), "conversation"),
            "catalogue": _catalogue,
            "tables": lambda: named.tables(shell),
            "variables": lambda: named.variables(shell),
        }

    def magic(self, text: str, behind: str) -> Offers:
        """What is offered behind `%chat `.

        Args:
            text: What stands between it and the cursor.
            behind: What follows the cursor.
        """
        words, begun = split(text)
        if not words:
            flags = matching(_flags(set()), begun)
            return Offers(begun, [*matching(self._sources["verbs"](), begun), *flags])
        verb = words[0] in VERBS or words[0] in self._verbs()
        return self._after_verb(words, begun) if verb else self.cell(text, behind)

    def _after_verb(self, words: Sequence[str], begun: str) -> Offers:
        verb = VERBS.get(words[0])
        if verb is not None and begun.startswith("-"):
            return Offers(begun, matching([(flag, verb.line) for flag in verb.flags if flag not in words], begun))
        if words[-1] == "--gpu":
            return Offers(begun, matching([("max", "all of it"), ("off", "none of it")], begun))
        kinds = [verb.names] if verb is not None else AFTER_VERB.get(words[0], "").split()
        place = 0 if words[0] in EVERY else len(words) - 1
        kind = kinds[place] if place < len(kinds) else ""
        if kind in ENDINGS:
            return self._files(begun, ENDINGS[kind])
        if kind == "columns":
            return self._column(begun)
        if kind == "target":
            labels = named.columns(named.inside(self._shell, words[1]))
            return _named([(label, "column") for label in labels if isinstance(label, str)], begun)
        return _named(self._sources[kind](), begun)

    def cell(self, text: str, behind: str) -> Offers:
        """What is offered on the line of a cell: options, as `options.parse` reads them, then the prompt.

        Args:
            text: What stands between `%%chat` and the cursor.
            behind: What follows the cursor.
        """
        words, begun = split(text)
        used: set[str] = set()
        at = 0
        while at < len(words):
            flag, _, joined = words[at].partition("=")
            if not FLAG.match(flag):
                return in_prompt(self._shell, text, behind)
            option = BY_FLAG.get(flag)
            if option is None:
                return Offers(begun)
            used.update(set(option.flags) if option.flags[-1] not in REPEATED else ())
            there, needed = len(words) - at - 1, len(option.values) - bool(joined)
            if there < needed:
                return self._value(option, len(option.values) - needed + there, begun)
            at += 1 + needed
        flag, equals, value = begun.partition("=")
        if equals and flag in BY_FLAG and BY_FLAG[flag].values:
            return self._value(BY_FLAG[flag], 0, value)
        if begun[:1] in {"", "-"}:
            return Offers(begun, matching(_flags(used), begun))
        return in_prompt(self._shell, text, behind)

    def _value(self, option: Option, place: int, begun: str) -> Offers:
        """What may follow a flag."""
        match option.flags[-1]:
            case "--model":
                return _named(self._sources["models"](), begun)
            case "--id":
                return _named(self._sources["talks"](), begun)
            case "--attach":
                return self._attached(begun)
            case "--option" if place == 0:
                return Offers(begun, matching(_parameters(), begun))
            case "--schema":
                found = [(name, kind) for name, kind in named.variables(self._shell) if kind in SHAPES]
                return Offers(begun, matching(found, begun))
        return Offers(begun, matching([(choice, option.flags[-1][2:]) for choice in option.choices], begun))

    def _attached(self, begun: str) -> Offers:
        """Names with commas between them: `fig`, variables, files."""
        begun = begun if begun[:1] in {"'", '"'} else begun.rpartition(",")[2]
        names = [("fig", "the current figure"), *named.variables(self._shell)]
        return Offers(begun, [*matching(names, begun), *self._files(begun).items])

    def _files(self, begun: str, endings: tuple[str, ...] = ()) -> Offers:
        quote = begun[:1] if begun[:1] in {"'", '"'} else ""
        found = named.files(begun[len(quote) :], endings)
        return Offers(begun, [(quoted(text, quote), said) for text, said in found])

    def _column(self, begun: str) -> Offers:
        """A table, or a column of one: `df.email`."""
        table, dot, _ = begun.rpartition(".")
        if not dot:
            return Offers(begun, matching(named.tables(self._shell), begun))
        labels = named.columns(named.inside(self._shell, table))
        found = [(f"{table}.{label}", "column") for label in labels if isinstance(label, str)]
        return Offers(begun, matching(found, begun))


def _named(found: Iterable[Offer], begun: str) -> Offers:
    """Names in whichever quotation they need."""
    return Offers(begun, matching([(quoted(text), said) for text, said in found], begun, inside=True))


def _flags(used: set[str]) -> list[Offer]:
    """The long form of each flag, then the short ones."""
    options = [option for option in TABLE if option.flags[-1] not in used]
    return [(option.flags[-1], option.help) for option in options] + [
        (flag, option.help) for option in options for flag in option.flags[:-1]
    ]


def _catalogue() -> list[Offer]:
    from lmnb import studio  # noqa: PLC0415 - it reads no file, but imports what could

    return [(entry.name, entry.title) for entry in studio.catalogue()]


def _parameters() -> list[Offer]:
    from lmnb.studio.settings import EXAMPLES  # noqa: PLC0415

    return [(name, f"for example {value}") for name, value in EXAMPLES.items()]
