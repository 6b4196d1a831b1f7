"""The options of a `%%chat` line: a small table, a parser that leaves the prompt alone, and the help made from it."""

from __future__ import annotations

import difflib
import keyword
import re
import shlex
import textwrap
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from IPython.core.error import UsageError

from lmnb.notebook.arguments import literal

if TYPE_CHECKING:
    from collections.abc import Callable

WORD = re.compile(r"""\s*((?:[^\s"']|"(?:[^"\\]|\\.)*"|'[^']*')+)""")
"""One word of the line: quotes keep spaces together."""


@dataclass
class Options:
    """What one `%%chat` line says."""

    models: list[str] = field(default_factory=list)
    system: str | None = None
    host: str | None = None
    config: dict[str, Any] = field(default_factory=dict)
    think: str | None = None
    talk: str | None = None
    last: bool = False
    new: bool = False
    history: bool = True
    append: bool = False
    attach: list[str] = field(default_factory=list)
    level: str | None = None
    auto: bool | None = None
    raw: bool = False
    trim: str | None = None
    show_context: bool = False
    form: str | None = None
    extract: bool = False
    code: bool = False
    to: str | None = None
    schema: str | None = None
    retry: bool = False
    reasoning: bool | None = None
    background: bool = False
    help: bool = False
    rest: str = ""

    @property
    def model(self) -> str | None:
        """The model that answers in the conversation; the others answer beside it."""
        return self.models[0] if self.models else None


@dataclass(frozen=True)
class Option:
    """One flag: what it is called, what follows it, and what it does to the options."""

    flags: tuple[str, ...]
    values: tuple[str, ...]
    help: str
    apply: Callable[[Options, list[str]], None]
    choices: tuple[str, ...] = ()


def _set(name: str) -> Callable[[Options, list[str]], None]:
    """Store the one value that follows the flag."""
    return lambda options, values: setattr(options, name, values[0])


def _say(name: str, value: Any) -> Callable[[Options, list[str]], None]:
    """Store what the flag means by itself."""
    return lambda options, _: setattr(options, name, value)


def _model(options: Options, values: list[str]) -> None:
    options.models.append(values[0])


def _attach(options: Options, values: list[str]) -> None:
    options.attach += [name for part in values[0].split(",") if (name := part.strip())]


def _to(options: Options, values: list[str]) -> None:
    if not values[0].isidentifier() or keyword.iskeyword(values[0]):
        raise UsageError(f"--to takes the name of a variable, for example `--to answer`; got {values[0]!r}.")
    options.to = values[0]


def _temperature(options: Options, values: list[str]) -> None:
    number = _number("-t", values[0], float)
    if number < 0:
        raise UsageError(f"-t takes a temperature of 0 or more, for example `-t 0.2`; got {values[0]}.")
    options.config["temperature"] = number


def _max_tokens(options: Options, values: list[str]) -> None:
    number = _number("--max-tokens", values[0], int)
    if number < 1:
        raise UsageError(f"--max-tokens takes a number of 1 or more, for example `--max-tokens 300`; got {values[0]}.")
    options.config["maxTokens"] = number


def _setting(options: Options, values: list[str]) -> None:
    key, value = values
    options.config[key] = literal(value)


def _number(flag: str, value: str, kind: Callable[[str], Any]) -> Any:
    try:
        return kind(value)
    except ValueError:
        raise UsageError(f"{flag} takes a number; got {value!r}.") from None


FORMS = ("markdown", "text", "json", "code", "html")
LEVELS = ("names", "schema", "stats", "values")

GROUPS = {
    "Model": (
        Option(
            ("-m", "--model"),
            ("MODEL",),
            "the model, from here on; given twice or more, the others answer beside it",
            _model,
        ),
        Option(("-t", "--temperature"), ("T",), "sampling temperature, 0 or more", _temperature),
        Option(("--max-tokens",), ("N",), "the answer has at most so many tokens", _max_tokens),
        Option(("-o", "--option"), ("KEY", "VALUE"), "any prediction parameter as LM Studio's SDK spells it", _setting),
        Option(
            ("--think",),
            ("HOW",),
            "how much it thinks first: off, low or high",
            _set("think"),
            ("off", "low", "high"),
        ),
        Option(("-R", "--hide-reasoning"), (), "do not show what it thinks", _say("reasoning", False)),
        Option(("-s", "--system"), ("SYSTEM",), "the system prompt, from here on", _set("system")),
        Option(("--host",), ("HOST:PORT",), "the LM Studio server to talk to", _set("host")),
    ),
    "Conversation": (
        Option(("-i", "--id"), ("NAME",), "ask in the conversation of this name", _set("talk")),
        Option(
            ("-c", "--continue"), (), "go on with the last one, if need be from the saved notebook", _say("last", True)
        ),
        Option(
            ("--new",), (), "begin a new conversation: the model hears nothing of the cells above", _say("new", True)
        ),
        Option(
            ("--no-history",), (), "ask this alone; it does not become part of a conversation", _say("history", False)
        ),
        Option(
            ("--append",), (), "running the cell again adds a turn, instead of replacing its own", _say("append", True)
        ),
    ),
    "What goes along": (
        Option(
            ("-a", "--attach"), ("NAME",), "a variable, a file, or `fig` for the current figure; a,b for more", _attach
        ),
        Option(("--level",), ("LEVEL",), f"how much a card tells: {', '.join(LEVELS)}", _set("level"), LEVELS),
        Option(("--auto",), (), "tables that the prompt names, and the cells before, go along too", _say("auto", True)),
        Option(
            ("--raw",),
            (),
            "send the prompt as it is written: `{name}` and `@name` are nothing special",
            _say("raw", True),
        ),
        Option(
            ("--trim",),
            ("RULE",),
            "what is left out first if it does not fit: oldest, middle, off",
            _set("trim"),
            ("oldest", "middle", "off"),
        ),
        Option(("--show-context",), (), "show what would be sent, counted; send nothing", _say("show_context", True)),
    ),
    "The answer": (
        Option(("-f", "--format"), ("FORM",), f"how it is shown and taken: {', '.join(FORMS)}", _set("form"), FORMS),
        Option(("-x", "--extract"), (), "take the code out of it (with --to)", _say("extract", True)),
        Option(("--code",), (), "put its code into the next cell, unrun", _say("code", True)),
        Option(("--to",), ("NAME",), "put it into a variable", _to),
        Option(
            ("--schema",), ("SPEC",), 'its shape: a class or schema by name, or "name:str, score:float"', _set("schema")
        ),
        Option(("--retry",), (), "ask once more if it does not have that shape", _say("retry", True)),
        Option(("--bg",), (), "let the cell end at once; the answer goes on below it", _say("background", True)),
        Option(("-h", "--help"), (), "this text", _say("help", True)),
    ),
}

TABLE = tuple(option for options in GROUPS.values() for option in options)

EXAMPLES = """Examples::

    %%chat
    What does groupby().transform() do that agg() does not?

    %%chat -m qwen3-4b -t 0.2 --max-tokens 300 -s "You answer in one sentence."
    Why is a median more robust than a mean?

    %%chat -a sales --schema "[column:str, problem:str]" --to problems
    Which columns of @sales need cleaning?"""


WIDE = 80
"""Characters of a line of the help."""


def usage() -> str:
    """The help text: an option after the other, in groups, then examples."""
    width = max(len(_head(option)) for option in TABLE) + 2
    groups = [
        "\n".join([f"{title}:", *(_row(option, width) for option in options)]) for title, options in GROUPS.items()
    ]
    lines = "\n\n".join(groups)
    return f"%%chat [options] then the prompt, in the lines below (or on the line itself).\n\n{lines}\n\n{EXAMPLES}"


def _row(option: Option, width: int) -> str:
    """A flag and what it does, in lines of a terminal's usual width."""
    first, *rest = textwrap.wrap(option.help, WIDE - width)
    return "\n".join([_head(option).ljust(width) + first, *(" " * width + line for line in rest)])


def _head(option: Option) -> str:
    return "  " + ", ".join(option.flags) + "".join(f" {value}" for value in option.values)


def parse(line: str) -> Options:
    """Read the options at the start of a line; what follows them is left as it is, for the prompt.

    Raises:
        UsageError: For an unknown flag (with the nearest ones) or a missing value.
    """
    options = Options()
    while match := WORD.match(line):
        word = match[1]
        if word == "--":
            line = line[match.end() :]
            break
        if not re.match(r"--?[A-Za-z]", word):
            break  # the prompt begins; "-5" is not a flag
        line = line[match.end() :]
        flag, _, joined = word.partition("=")
        option = _find(flag)
        values = [_unquote(joined)] if joined else []
        while len(values) < len(option.values):
            match = WORD.match(line)
            if not match:
                raise UsageError(f"{flag} needs {' and '.join(option.values)} after it. `%%chat --help` shows how.")
            values.append(_unquote(match[1]))
            line = line[match.end() :]
        if option.choices and values[0] not in option.choices:
            raise UsageError(f"{flag} takes one of {', '.join(option.choices)}; got {values[0]!r}.")
        option.apply(options, values)
    options.rest = line.strip()
    return options


def _find(flag: str) -> Option:
    for option in TABLE:
        if flag in option.flags:
            return option
    known = [name for option in TABLE for name in option.flags]
    begun = [name for name in known if len(flag) > 3 and name.startswith(flag)]
    near = begun or difflib.get_close_matches(flag, known, n=2)
    hint = f" Did you mean {' or '.join(near)}?" if near else f" There are {', '.join(known)}."
    raise UsageError(f"%%chat has no option {flag}.{hint} (A prompt that begins with a dash goes after `--`.)")


def _unquote(word: str) -> str:
    try:
        return " ".join(shlex.split(word)) if word[:1] in "\"'" or "\\" in word else word
    except ValueError:  # an apostrophe, not a quotation
        return word
