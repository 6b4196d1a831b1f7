"""The options of a `%%chat` line: a small table, a parser that leaves the prompt alone, and the help made from it."""

from __future__ import annotations

import difflib
import json
import re
import shlex
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from IPython.core.error import UsageError

if TYPE_CHECKING:
    from collections.abc import Callable

WORD = re.compile(r"""\s*((?:[^\s"']|"(?:[^"\\]|\\.)*"|'[^']*')+)""")
"""One word of the line: quotes keep spaces together."""


@dataclass
class Options:
    """What one `%%chat` line says."""

    model: str | None = None
    system: str | None = None
    host: str | None = None
    config: dict[str, Any] = field(default_factory=dict)
    new: bool = False
    help: bool = False
    rest: str = ""


@dataclass(frozen=True)
class Option:
    """One flag: what it is called, what follows it, and what it does to the options."""

    flags: tuple[str, ...]
    values: tuple[str, ...]
    help: str
    apply: Callable[[Options, list[str]], None]


def _model(options: Options, values: list[str]) -> None:
    options.model = values[0]


def _system(options: Options, values: list[str]) -> None:
    options.system = values[0]


def _host(options: Options, values: list[str]) -> None:
    options.host = values[0]


def _new(options: Options, _values: list[str]) -> None:
    options.new = True


def _help(options: Options, _values: list[str]) -> None:
    options.help = True


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
    options.config[key] = _literal(value)


def _number(flag: str, value: str, kind: Callable[[str], Any]) -> Any:
    try:
        return kind(value)
    except ValueError:
        raise UsageError(f"{flag} takes a number; got {value!r}.") from None


def _literal(value: str) -> Any:
    """A JSON value where it is one, else Python's True/False/None spellings, else the word itself."""
    try:
        return json.loads({"True": "true", "False": "false", "None": "null"}.get(value, value))
    except ValueError:
        return value


TABLE = (
    Option(("-m", "--model"), ("MODEL",), "the model, by key; from here on (default: the one that is loaded)", _model),
    Option(("-t", "--temperature"), ("T",), "sampling temperature, 0 or more", _temperature),
    Option(("--max-tokens",), ("N",), "at most so many tokens", _max_tokens),
    Option(("-s", "--system"), ("SYSTEM",), "the system prompt, from here on", _system),
    Option(("-o", "--option"), ("KEY", "VALUE"), "any prediction parameter as LM Studio's SDK spells it", _setting),
    Option(("--host",), ("HOST:PORT",), "the LM Studio server to talk to", _host),
    Option(("--new",), (), "begin a new conversation: the model hears nothing of the cells above", _new),
    Option(("-h", "--help"), (), "this text", _help),
)

EXAMPLES = """Examples::

    %%chat
    What does groupby().transform() do that agg() does not?

    %%chat -m qwen3-4b -t 0.2 --max-tokens 300 -s "You answer in one sentence."
    Why is a median more robust than a mean?

    %%chat -o topKSampling 20 -o stopStrings '["###"]'
    List three ways to treat missing values."""


def usage() -> str:
    """The help text: one line per option, then examples."""
    rows = [("  " + ", ".join(o.flags) + "".join(f" {v}" for v in o.values), o.help) for o in TABLE]
    width = max(len(left) for left, _ in rows) + 2
    lines = "\n".join(left.ljust(width) + right for left, right in rows)
    return f"%%chat [options] then the prompt, in the lines below (or on the line itself).\n\n{lines}\n\n{EXAMPLES}"


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
