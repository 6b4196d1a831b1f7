"""The verbs behind `%chat`: a table, and what a line with one of them means."""

from __future__ import annotations

import difflib
import shlex
import textwrap
from dataclasses import dataclass
from functools import cache
from typing import TYPE_CHECKING, Any, NamedTuple, Protocol

from IPython.core.error import UsageError

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from lmnb.notebook.desk import Desk


class Run(Protocol):
    """What a verb does."""

    def __call__(self, desk: Desk, args: Sequence[str], /) -> Any:
        """Do it; what is to be asked comes back as an `Ask`, anything else is the value of the cell."""


@dataclass(frozen=True)
class Verb:
    """One word behind `%chat`.

    Attributes:
        name: The word.
        usage: What may follow.
        help: What it does, in a line.
        run: Does it.
        most: How many words it takes; a line with more of them is a question. None: any number.
        group: Under which heading it stands.
        hidden: Only another name, which the help leaves out.
        asks: Whether a model is asked.
    """

    name: str
    usage: str
    help: str
    run: Run
    most: int | None = 0
    group: str = "Conversation"
    hidden: bool = False
    asks: bool = False

    @property
    def line(self) -> str:
        """As it is typed."""
        return f"{self.name} {self.usage}".rstrip()


class Found(NamedTuple):
    """A verb, and the words behind it."""

    verb: Verb
    args: Sequence[str]


def find(line: str) -> Found | None:
    """The verb that a line begins with; None for a question.

    `%chat show` is a verb and `%chat show me the median` is a question, as `show` takes one word. What begins with
    `--` is always a question.
    """
    first, *rest = line.split(None, 1) or ["help"]
    verb = table().get("help" if first in {"-h", "--help"} else first)
    if verb is None:
        if not first.startswith("-"):
            _misspelt(first, rest)
        return None
    args = _words(rest[0] if rest else "")
    plain = [word for word in args if not word.startswith("-")]
    return None if verb.most is not None and len(plain) > verb.most else Found(verb, args)


def asks(line: str) -> bool:
    """Whether a line asks a model: a question, or a verb that puts one.

    Only these are awaited: a verb that blocks, in a cell that is awaited, would not hear an interrupt before its end.
    """
    try:
        found = find(line)
    except UsageError:
        return False
    return found is None or found.verb.asks


def _misspelt(word: str, rest: Sequence[str]) -> None:
    """A word or two are hardly a question: where they look like a verb, nothing is asked.

    Raises:
        UsageError: If they do.
    """
    near = difflib.get_close_matches(word, table(), n=2, cutoff=0.75)
    if near and len(" ".join(rest).split()) <= 1:
        meant = " or ".join(f"`%chat {name}`" for name in near)
        raise UsageError(
            f"%chat has no verb {word!r}. Did you mean {meant}? To ask it all the same: `%chat -- {word} …`"
        )


@cache
def table() -> Mapping[str, Verb]:
    """All verbs, by name."""
    from lmnb.notebook import describing, talking  # noqa: PLC0415 - when the first verb is typed

    verbs = [
        *talking.VERBS,
        *describing.VERBS,
        *_of_models(),
        Verb("help", "[VERB]", "this list, or one verb", help_on, 1, "lmnb"),
        Verb("version", "", "of lmnb and the SDK", _version, 0, "lmnb"),
        Verb("settings", "", "all settings and what they are now", _settings, 0, "lmnb"),
    ]
    return {verb.name: verb for verb in verbs}


def _of_models() -> list[Verb]:
    from lmnb.notebook import models  # noqa: PLC0415

    most = {"models": 0, "status": 0, "use": 3, "load": None, "unload": 3, "download": 3, "get": 3}

    def run(verb: models.Verb) -> Run:
        def act(desk: Desk, args: Sequence[str]) -> None:
            chosen = verb.run(desk.shell, args, host=desk.host)
            if verb.name == "use" and chosen is not None:
                desk.talks.get().use(chosen)

        return act

    return [
        Verb(one.name, one.usage, one.help, run(one), most.get(one.name), "Models", hidden=one.second)
        for one in models.VERBS.values()
    ]


def usage() -> str:
    """All verbs, under their headings."""
    groups: dict[str, list[Verb]] = {}
    for verb in (one for one in table().values() if not one.hidden):
        groups.setdefault(verb.group, []).append(verb)
    heads = {verb.name: _head(verb) for verb in table().values()}
    width = max(len(head) for head in heads.values() if len(head) < WIDE) + 2
    return "\n\n".join(
        "\n".join([f"{title}:", *(_row(heads[verb.name], verb.help, width) for verb in verbs)])
        for title, verbs in groups.items()
    )


WIDE = 36
"""Characters of a form that would push all explanations away."""

TERMINAL = 80
"""Characters of a line of the help."""


def _head(verb: Verb) -> str:
    return f"  %chat {verb.line}"


def _row(head: str, words: str, width: int) -> str:
    """A verb and what it does, in lines of a terminal's usual width."""
    lines = textwrap.wrap(words, TERMINAL - width)
    if len(head) < width:
        return "\n".join([head.ljust(width) + lines[0], *(" " * width + line for line in lines[1:])])
    form = textwrap.wrap(head, TERMINAL, subsequent_indent=" " * 8, break_on_hyphens=False)
    return "\n".join([*form, *(" " * width + line for line in lines)])


def help_on(_desk: Desk, args: Sequence[str]) -> None:
    """Print what a verb does, or all of them."""
    if not args:
        print(
            f"%chat and a question asks it; %%chat has the question below.\n\n{usage()}\n\nOptions: %%chat --help. "
            "A small model to start with: %chat get smollm2"
        )
        return
    verb = table().get(args[0].lstrip("%"))
    if verb is None:
        raise UsageError(f"There is no verb {args[0]!r}. There are {', '.join(table())}.")
    text = (verb.run.__doc__ or "").partition("\n\n")[0]
    print(f"%chat {verb.line}\n    {verb.help}" + (f"\n\n{text}" if text and text != Run.__call__.__doc__ else ""))


def _version(_desk: Desk, _args: Sequence[str]) -> None:
    from lmnb import studio  # noqa: PLC0415
    from lmnb._version import __version__  # noqa: PLC0415

    print(f"lmnb {__version__}, lmstudio {studio.sdk_version()}")


def _settings(desk: Desk, _args: Sequence[str]) -> None:
    rows = desk.settings.rows()
    width = max(len(name) for name, _, _ in rows)
    print("\n".join(f"c.Lmnb.{name:<{width}} = {value}\n    {words}" for name, value, words in rows))


def _words(text: str) -> list[str]:
    try:
        return shlex.split(text)
    except ValueError:  # an apostrophe, not a quotation
        return text.split()
