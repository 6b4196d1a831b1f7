"""What a name, a word or a path stands for when it is to go along with a prompt."""

from __future__ import annotations

import difflib
import glob
import re
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from lmnb.chat.problems import ChatError, Problem
from lmnb.context import attaching, cells, files
from lmnb.context.lint import lint
from lmnb.context.values import class_name
from lmnb.notebook import paths, ran
from lmnb.notebook.paths import NoSuchThingError

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from lmnb.chat.attached import Attached
    from lmnb.chat.problems import Choice
    from lmnb.notebook.around import Around

FIGURE_WORDS = ("fig", "figure")
"""The current figure, where no variable has that name."""

MOST_FILES = 10
MOST_CELLS = 20

CELLS = re.compile(r"cell:(-?\d{1,9})|cells:(?:(-?\d{1,9})?:(-?\d{1,9})?|(-?\d{1,9}))")
LINT = re.compile(rf"lint:({paths.NAME})")
_ADDRESS = re.compile(r"[A-Za-z][\w+.-]*://|www\.|data:|mailto:", re.IGNORECASE)
_PATTERN = re.compile(r"[*?\[]")


def named(word: str, around: Around) -> list[Attached]:
    """What `-a` is given: a variable, a word for a figure, cells or the last error, a path, a pattern of paths.

    Raises:
        ChatError: If there is nothing of that name, or it cannot go along.
    """
    word = word.removeprefix("@") or word
    found = mentioned(word, around)
    if found is not None:
        return found
    if word in FIGURE_WORDS:
        raise files.refused("There is no figure to attach.", "Draw one and run its cell first.")
    if word.partition(":")[0] in ("cell", "cells", "error", "lint") and not Path(word).exists():
        raise files.refused(f"There is nothing to attach for `{word}`.", *_why_not(word, around))
    if _ADDRESS.match(word):
        raise files.refused(
            f"`{word}` is an address, and nothing is fetched from the network.",
            "Nothing was sent.",
            "Save it to a file or read it into a variable, and attach that.",
        )
    if (file := _file(word, around)) is not None:
        return [file]
    if (inside := _inside(word, around)) is not None:
        return [inside]
    if _PATTERN.search(word):
        return list(_files(word, around))
    raise ChatError(_nothing(word, around))


def mentioned(word: str, around: Around) -> list[Attached] | None:
    """What `@word` is: one thing, several cells, or None where there is nothing of that name.

    Raises:
        ChatError: If it cannot go along.
    """
    if around.known(word):
        return [value(around.names[word], word, around)]
    if word in FIGURE_WORDS:
        figure = current_figure(around)
        return None if figure is None else [value(figure, word, around)]
    if word == "error":
        found = last_error(around)
        return None if found is None else [found]
    if (match := LINT.fullmatch(word)) is not None:
        return [_lint(match[1], around)] if around.known(match[1]) else None
    if (match := CELLS.fullmatch(word)) is not None:
        return [cells.attach(one, around.telling) for one in _cells(match, around)] or None
    return None


def value(thing: Any, name: str, around: Around) -> Attached:
    """A variable as something that goes along.

    Raises:
        ChatError: If it is a picture that cannot be sent.
    """
    return attaching.value(thing, name, around.telling)


def current_figure(around: Around) -> Any:
    """The figure that was drawn last; None where there is none. None is made."""
    from lmnb.context import figures  # noqa: PLC0415 - seldom

    if (still_open := figures.current_figure()) is not None:
        return still_open
    recorder, history = around.recorder, around.shell.history_manager
    kept = dict(history.output_hist) if history is not None else {}
    shown = [(number, thing) for number, thing in kept.items() if attaching.is_figure(thing)]
    if recorder is not None and recorder.figure is not None:
        shown.append((recorder.figure_cell, recorder.figure))
    return max(shown, key=lambda one: one[0])[1] if shown else None


def last_error(around: Around) -> Attached | None:
    """The last error as a model should read it; None where there was none."""
    failure = around.recorder.last if around.recorder is not None else None
    if failure is None:
        return None
    telling = around.telling
    if failure.error is None:
        text, notes = telling.cleaned(failure.text)
        return telling.attached("the last error", "error", text, notes=notes)
    from lmnb.context.errors import describe_error  # noqa: PLC0415 - seldom

    found = describe_error(
        failure.error,
        failure.raw,
        namespace=around.names,
        cells=getattr(around.shell.compile, "_filename_map", None),
        budget=max(telling.budget, 500),
        level=telling.level,
        count=telling.count,
        hide=telling.anywhere().hide,
        mask=telling.mask,
    )
    return replace(found, tokens=found.tokens if telling.count is not None else None)


def _lint(name: str, around: Around) -> Attached:
    telling = around.telling
    report = lint(around.names[name], name=name)
    shown = tuple(one for one in report.findings if one.column is None or not around.hidden(name, [one.column]))
    facts = replace(report, findings=shown).facts(telling.budget, telling.count)
    text, masked = telling.cleaned(facts)
    left = len(report.findings) - len(shown)
    notes = (*masked, *((f"{left} findings about hidden columns left out",) if left else ()), *report.notes)
    return telling.attached(f"lint:{name}", "lint", text, notes=notes)


def _cells(match: re.Match[str], around: Around) -> Iterator[cells.Cell]:
    """The cells that a word names, the oldest first; `cells:-5:` counts those that talk to no model."""
    single = match[1] or match[4]
    if single is not None:
        wanted: Iterable[int] = [int(single)]
    else:
        start, stop = (int(end) if end else None for end in match.group(2, 3))
        wanted = _range(start, stop, around)
    for number in list(wanted)[-MOST_CELLS:]:
        cell = around.cell(number)
        if cell is not None:
            yield cell


def _range(start: int | None, stop: int | None, around: Around) -> Iterable[int]:
    there = ran.recent(around.shell, 10_000)
    if (start or -1) < 0 and (stop or -1) < 0:
        return there[slice(start, stop)]
    low = there[start] if start is not None and start < 0 and -start <= len(there) else (start or 0)
    high = there[stop] if stop is not None and stop < 0 and -stop <= len(there) else stop
    return [number for number in there if number >= low and (high is None or number < high)]


def _why_not(word: str, around: Around) -> tuple[str, ...]:
    kind, _, rest = word.partition(":")
    if kind == "error":
        return ("No cell has ended with an error since lmnb was loaded.",)
    if kind == "lint":
        near = around.near(rest)
        return (f"There is no table `{rest}`.", *([f"Did you mean `lint:{near[0]}`?"] if near else []))
    return ("No such cell has been run.", "`cell:3` is In[3], `cell:-1` the last one, `cells:-5:` the last five.")


# ---- files


def _file(word: str, around: Around) -> Attached | None:
    try:
        path = Path(word).expanduser()
        if not path.exists():
            return None
    except (OSError, RuntimeError, ValueError):  # too long a name, no home, a NUL
        return None
    if path.is_dir():
        raise files.refused(f"`{word}` is a folder.", f"Attach files of it: `{word.rstrip('/')}/*.csv`.")
    return files.attach(path, word, around.telling)


def _files(word: str, around: Around) -> Iterator[Attached]:
    """Files that a pattern matches."""
    pattern = str(Path(word).expanduser())
    found = [Path(one) for one in sorted(glob.glob(pattern))]  # noqa: PTH207 - Path.glob takes no absolute pattern
    found = [one for one in found if one.is_file()]
    if not found:
        raise files.refused(f"No file matches `{word}`.", *_files_near(word))
    if len(found) > MOST_FILES:
        raise files.refused(
            f"`{word}` matches {len(found):,} files, and {MOST_FILES} go along at most.",
            f"They begin with {', '.join(f'`{one.name}`' for one in found[:3])}. Nothing was sent.",
            "Name fewer of them.",
        )
    for one in found:
        yield files.attach(one, _called(one, word), around.telling)


def _called(path: Path, pattern: str) -> str:
    return str(path) if not pattern.startswith("~") else f"~/{path.relative_to(Path.home())}"


def _files_near(word: str) -> tuple[str, ...]:
    folder = Path(word).expanduser().parent
    try:
        there = sorted(one.name for one in folder.iterdir() if one.is_file())[:1_000]
    except (OSError, ValueError):
        return ()
    near = difflib.get_close_matches(Path(word).name, there, n=3, cutoff=0.6) or there[:5]
    return (f"There {'is' if len(near) == 1 else 'are'} {', '.join(f'`{one}`' for one in near)}.",) if near else ()


def _inside(word: str, around: Around) -> Attached | None:
    """`-a df.fare`: what a path of attributes and keys leads to."""
    path = paths.read(word)
    if path is None or path.text != word or not path.steps or not around.known(path.root):
        return None
    if (secret := around.hidden(path.root, path.words)) is not None:
        raise files.refused(f"`{word}` was not attached: `{secret}` is hidden.", "`%chat hide` shows what is.")
    try:
        found = paths.follow(path, around.names)
    except NoSuchThingError as error:
        raise files.refused(f"`{word}` leads nowhere: {error}.", "Nothing was sent.") from None
    if around.keeps_something(path.root) and not around.harmless(path, found):
        raise files.refused(f"`{word}` was not attached: columns of `{path.root}` are hidden.")
    return value(found, word, around)


def _nothing(word: str, around: Around) -> Problem:
    near = around.near(word)
    choices: list[Choice] = [{"name": name, "note": class_name(type(around.names[name]))} for name in near]
    lines = ["Nothing was sent.", *_files_near(word)]
    if not near and (there := around.variables()[-8:]):
        lines.append(f"Variables are {', '.join(f'`{one}`' for one in there)}.")
    lines.append("`-a` takes a variable, a file, or `fig` for the current figure.")
    return Problem("refused", f"There is no variable and no file `{word}`.", tuple(lines), tuple(choices))
