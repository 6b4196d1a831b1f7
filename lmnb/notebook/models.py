"""The verbs of models: what is here, which one answers, load, unload, download, without leaving the notebook."""

from __future__ import annotations

import functools
import sys
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Literal, Protocol

from lmnb import studio
from lmnb.chat.problems import ChatError, Problem
from lmnb.notebook import arguments, cells
from lmnb.notebook.arguments import Parser

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from IPython.core.interactiveshell import InteractiveShell

ASK = "Ask something: a cell that begins with %%chat, and has the question below it."
NEXT = """`%chat use NAME`: it answers from here on · `%chat load NAME` · `%chat unload NAME` · `%chat download NAME`
NAME may be short: words of it, in their order."""
NOTHING = "There is no model here yet. `%lm get smollm2` fetches a small one."
EMBEDS = "text-embedding-"


class ModelsFailed(ChatError):  # noqa: N818 - reads as what happened
    """It did not work; the sentences that say why stand in the place of a traceback."""

    def _render_traceback_(self) -> list[str]:
        return str(self).splitlines()


class VerbStopped(KeyboardInterrupt):
    """The kernel was interrupted while a model was loaded or fetched."""

    def _render_traceback_(self) -> list[str]:
        return [str(self)]


class Run(Protocol):
    """What does it."""

    def __call__(self, shell: InteractiveShell, args: Sequence[str], /, *, host: str | None = None) -> str | None:
        """Do it, and print what came of it. Blocks; an interrupt is heard.

        Args:
            shell: In which it was typed.
            args: The words behind the verb.
            host: `"address:port"`, as for a prediction.

        Returns:
            Of `use`, the model that was chosen.

        Raises:
            UsageError: If the words make no sense.
            ModelsFailed: If it does not work, in sentences.
            VerbStopped: If it was interrupted.
        """


@dataclass(frozen=True)
class Verb:
    """One word behind `%chat` or `%lm`.

    Attributes:
        name: The word.
        usage: What may follow.
        help: What it does, in a line.
        run: Does it.
        flags: For completion.
        names: What is named behind it, for completion: models that are there, loaded ones, those of the catalogue.
        second: Whether it is only another name, and the help leaves it out.
    """

    name: str
    usage: str
    help: str
    run: Run
    flags: tuple[str, ...] = ()
    names: Literal["", "models", "loaded", "catalogue"] = ""
    second: bool = False

    @property
    def line(self) -> str:
        """As it is typed."""
        return f"{self.name} {self.usage}".rstrip()


def _in_sentences(run: Run) -> Run:
    @functools.wraps(run)
    def careful(shell: InteractiveShell, args: Sequence[str], *, host: str | None = None) -> str | None:
        try:
            return run(shell, args, host=host)
        except ModelsFailed:
            raise
        except ChatError as error:
            raise ModelsFailed(studio.unasked(error.problem)) from None

    return careful


# ---- looking


@_in_sentences
def models(_shell: InteractiveShell, args: Sequence[str], *, host: str | None = None) -> None:
    """Every model: the loaded ones first, then what is only on disk."""
    _parser("models").parse_args(args)
    found = studio.models(host=host)
    print(f"{studio.table(found)}\n\n{NEXT}" if found else NOTHING)


@_in_sentences
def status(_shell: InteractiveShell, args: Sequence[str], *, host: str | None = None) -> None:
    """Who answers, and what is loaded there; starts nothing."""
    _parser("status").parse_args(args)
    found = studio.running(host)
    print(found.title)
    if found.host is not None:
        here = studio.instances(host=found.host)
        print(studio.instance_table(here) if here else "Nothing is loaded; the next question loads a model.")


@_in_sentences
def use(_shell: InteractiveShell, args: Sequence[str], *, host: str | None = None) -> str:
    """The model that answers from here on, by its name in full; it is not loaded yet."""
    meant = studio.meant(_name("use", args), host=host)
    _say(meant.notice)
    later = "" if meant.model.loaded else "; it is loaded with the next question, or now with `%chat load`"
    print(f"{meant.name} answers from here on{later}.")
    return meant.name


# ---- loading


@_in_sentences
def load(shell: InteractiveShell, args: Sequence[str], *, host: str | None = None) -> None:
    """Load a model, with progress; one that is loaded is left as it is."""
    asked = _load_parser().parse_args(args)
    config = {key: arguments.literal(value) for key, value in asked.option} | (
        {} if asked.gpu is None else {"gpu": asked.gpu}
    )
    name = " ".join(asked.name)
    try:
        with studio.Bar(name, sys.stdout, live=_live(shell)) as bar:
            found = studio.load(
                name,
                identifier=asked.identifier,
                context=asked.context,
                ttl=asked.ttl,
                config=config,
                again=asked.again,
                progress=lambda part: bar.share("loading", part),
                host=host,
            )
    except KeyboardInterrupt:
        raise VerbStopped(f"Stopped: {name} is not loaded.") from None
    _say(found.notice)
    print(found.sentence)
    if found.already:
        print("`--again` loads it one more time; `%chat unload` makes room for other settings.")


def _load_parser() -> Parser:
    parser = _parser("load", name="+")
    parser.add_argument("--context", type=arguments.whole)
    parser.add_argument("--gpu", type=arguments.gpu)
    parser.add_argument("--ttl", type=arguments.whole)
    parser.add_argument("--identifier")
    parser.add_argument("-o", "--option", nargs=2, action="append", default=[])
    parser.add_argument("--again", action="store_true")
    return parser


@_in_sentences
def unload(_shell: InteractiveShell, args: Sequence[str], *, host: str | None = None) -> None:
    """Unload a model, all, or the only one."""
    parser = _parser("unload", name="*")
    parser.add_argument("--all", action="store_true")
    asked = parser.parse_args(args)
    where = studio.running(host).host
    here = [] if where is None else studio.instances(host=where)
    if not here:
        print("Nothing is loaded.")
        return
    if not asked.all and not asked.name and len(here) > 1:
        lines = ("There are these.", f"Name one, `%chat unload {here[0].identifier}`, or all, `%chat unload --all`.")
        listed = tuple({"name": one.identifier, "note": one.note} for one in here)
        raise ModelsFailed(Problem("noModel", "More than one model is loaded.", lines, listed))  # type: ignore[arg-type]
    name = " ".join(asked.name) or here[0].identifier
    for gone in studio.unload(None if asked.all else name, host=where):
        print(f"{gone} is unloaded.")


# ---- fetching


@_in_sentences
def download(shell: InteractiveShell, args: Sequence[str], *, host: str | None = None) -> None:
    """Download a model, with progress; without a name, say what lmnb's own catalogue has."""
    name = " ".join(_parser("download", name="*").parse_args(args).name)
    if not name:
        print(f"{studio.offers()}\n\nFetch one: %lm get {studio.catalogue()[0].name}")
        return
    try:
        with studio.Bar(name, sys.stdout, live=_live(shell)) as bar:
            found = studio.download(name, progress=bar, say=functools.partial(_above, bar), host=host)
    except KeyboardInterrupt:
        raise VerbStopped(f"Stopped. `%lm get {name}` goes on from here.") from None
    print(f"{found.title} is here; its key is {found.key}.")
    if not found.key.startswith(EMBEDS):
        print(ASK)


def _above(bar: studio.Bar, sentence: str) -> None:
    bar.clear()
    print(sentence)


# ---- words


def _parser(verb: str, name: str = "") -> Parser:
    return Parser(verb, VERBS[verb].line, name)


def _name(verb: str, args: Sequence[str]) -> str:
    return " ".join(_parser(verb, name="+").parse_args(args).name)


def _say(notice: str | None) -> None:
    if notice:
        print(notice)


def _live(shell: InteractiveShell) -> bool | None:
    """Whether a line can be taken back: a front end does that as a terminal does; a file does not."""
    return cells.somebody_watches(shell) if cells.in_kernel(shell) else None


_DOWNLOAD = Verb(
    "download", "[NAME[@QUANT]]", "bring a model here; without a name, what there is", download, names="catalogue"
)
VERBS: Mapping[str, Verb] = {
    verb.name: verb
    for verb in (
        Verb("models", "", "the models that are loaded or on disk", models),
        Verb("status", "", "who answers, what is loaded, what it is doing", status),
        Verb("use", "NAME", "the model that answers from here on", use, names="models"),
        Verb(
            "load",
            "NAME [--context N] [--gpu max|off|SHARE] [--ttl S] [--identifier ID] [-o KEY VALUE] [--again]",
            "load a model",
            load,
            flags=("--context", "--gpu", "--ttl", "--identifier", "-o", "--again"),
            names="models",
        ),
        Verb("unload", "[NAME | --all]", "unload a model", unload, flags=("--all",), names="loaded"),
        _DOWNLOAD,
        replace(_DOWNLOAD, name="get", second=True),
    )
}
"""The verbs, by their names. Their functions block, print, and raise as `Run` says."""
