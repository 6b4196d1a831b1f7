"""The questions behind `%chat fix`, `explain` and `next`, and the corrected cell that is taken out of an answer.

Nothing of an answer is run: a corrected cell is text that is offered, and compiled once to see that it can be read.
"""

from __future__ import annotations

import ast
import warnings
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any, Literal

from lmnb.chat.attached import Attached
from lmnb.chat.markdown import code_blocks
from lmnb.chat.problems import Problem
from lmnb.context import diffs, masks, near_misses, tracebacks
from lmnb.context.cards import describe
from lmnb.context.errors import NAME, describe_error
from lmnb.context.lint import lint
from lmnb.notebook import named
from lmnb.notebook.outcomes import NotAsked

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from IPython.core.interactiveshell import InteractiveShell

    from lmnb.chat.reply import Reply
    from lmnb.notebook.prompts import ContextSettings
    from lmnb.notebook.recorder import Failure, Recorder

CARD, LINT = 350, 250
"""Tokens of a card and of what lint found, for a question about next steps: 4,000 are a small model's whole window."""

FIX = (
    "{cell} failed; the error stands above. Write the whole corrected cell as one block of Python, as it should be run "
    "now. Change only what the error needs. Then say in one sentence what was wrong."
)
FIX_LINES = (
    "{cell} failed; the error stands above, with some lines of the code. Write only the corrected lines as one block "
    "of Python, with the line above and the line below them. Then say in one sentence what was wrong."
)
EXPLAIN = (
    "{cell} failed; the error stands above. Say in at most four sentences what it means, why it happened here, and "
    "what to look at. Write no code."
)
NEXT = (
    "What stands above is known of the table `{name}`. Propose three next steps to understand these data, the most "
    "useful first. For each: one sentence that says why, naming columns and figures from above, and one short block of "
    "Python for `{name}`. Use only columns that stand above."
)

BODY_IS_PYTHON = {"time", "timeit", "capture", "prun", "mprun", "lprun", "memit", "snakeviz", "pyinstrument"}
"""Cell magics below which there is Python that can be checked."""


@dataclass(frozen=True)
class Asked:
    """A question of a verb's.

    Attributes:
        prompt: What stands there as the person's words.
        sent: What the model reads.
        attached: What goes along.
        system: The system prompt, where it has one of its own.
        want: Whether code is asked for, from which a cell can be made, or words.
        source: The cells that may be corrected, as they were typed, the likeliest first.
    """

    prompt: str
    sent: str
    attached: tuple[Attached, ...]
    system: str | None = None
    want: Literal["code", "words"] = "words"
    source: tuple[str, ...] = ()


@dataclass(frozen=True)
class Corrected:
    """What came of an answer.

    Attributes:
        code: The corrected cell; None where none could be made.
        diff: What has changed, a line above and below it.
        reason: Why there is none, in a sentence.
    """

    code: str | None
    diff: str = ""
    reason: str = ""

    def __bool__(self) -> bool:
        """Whether there is a cell to offer."""
        return self.code is not None


def fix(
    shell: InteractiveShell,
    recorder: Recorder,
    words: str = "",
    *,
    settings: ContextSettings,
    count: Callable[[str], int] | None = None,
) -> Asked:
    """Ask for the corrected form of the cell that failed last. Blocks while values are described, 3 s at most.

    Args:
        shell: Ran it.
        recorder: Remembers its error.
        words: What the person has to say to it.
        settings: How much of values is told.
        count: The tokens of a text.

    Raises:
        NotAsked: If no cell has failed.
    """
    failure, error = _last(shell, recorder, settings, count, "fix")
    sources = _sources(shell, failure)
    whole = all(_shown(one) in error.text for one in sources[0].splitlines())
    sent = (FIX if whole else FIX_LINES).format(cell=_called(failure))
    return Asked(_typed("fix", words), _with(sent, words), (error,), want="code", source=sources)


def explain(
    shell: InteractiveShell,
    recorder: Recorder,
    words: str = "",
    *,
    settings: ContextSettings,
    count: Callable[[str], int] | None = None,
) -> Asked:
    """Ask what the last error means. Arguments and what is raised as for `fix`."""
    failure, error = _last(shell, recorder, settings, count, "explain")
    return Asked(_typed("explain", words), _with(EXPLAIN.format(cell=_called(failure)), words), (error,))


def next_steps(
    shell: InteractiveShell,
    name: str | None,
    words: str = "",
    *,
    settings: ContextSettings,
    count: Callable[[str], int] | None = None,
) -> Asked:
    """Ask for three next steps with a table. Blocks while it is described and checked, some seconds for a large one.

    Args:
        shell: Has the table.
        name: Its name; None for the only table there is.
        words: What the person has to say to it.
        settings: How much of values is told.
        count: The tokens of a text.

    Raises:
        NotAsked: If there is no table of that name, or more than one and none was named.
    """
    name = _table(shell, name)
    one = shell.user_ns[name]
    budget = min(CARD, settings.budget)
    made = describe(
        one, name=name, budget=budget, level=settings.level, count=count, hide=settings.hide, mask=settings.mask
    )
    card = Attached(name, "card", made.text, tokens=made.tokens if count else None, notes=made.notes)
    sent = NEXT.format(name=name)
    return Asked(_typed(f"next {name}", words), _with(sent, words), (card, _facts(one, name, settings, count)))


def corrected(reply: Reply | str, source: str | Sequence[str]) -> Corrected:
    """The corrected cell, taken out of an answer: all of it, or some lines merged in where there is one place for them.

    Runs nothing. The first block of code that changes the cell and can be compiled is taken.

    Args:
        reply: The answer.
        source: The cell that failed, as it was typed; or several that may be meant, the likeliest first.
    """
    text = reply if isinstance(reply, str) else reply.text
    sources = [source] if isinstance(source, str) else list(source)
    blocks = [(block.source, block.language == "diff") for block in code_blocks(text)] or _bare(text)
    if not blocks:
        return Corrected(None, reason="There is no code in the answer, so no cell was added.")
    reason = "The code in the answer leaves the cell as it was, so no cell was added."
    for one in sources:
        for block, is_diff in blocks:
            try:
                code = diffs.merged(block, one, is_diff=is_diff)
            except diffs.NotMergedError as error:
                reason = str(error)
                continue
            if (wrong := unreadable(code)) is not None:
                reason = f"The corrected cell could not be read by Python ({wrong}), so it was not added."
            elif code.strip() != one.strip():
                return Corrected(code, diffs.small(one, code))
    return Corrected(None, reason=reason)


def unreadable(code: str) -> str | None:
    """Why a cell cannot be read, magics and all; None where it can. Runs nothing of it."""
    from IPython.core.inputtransformer2 import TransformerManager  # noqa: PLC0415

    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # a SyntaxWarning comes when the person runs it
            head = tracebacks.magic_head(code)
            lines = code.splitlines()
            if head is not None:
                magic = lines[head - 1].removeprefix("%%").split()[:1]
                if not BODY_IS_PYTHON.intersection(magic):
                    return None
                code = "\n".join(lines[head:])
            made = TransformerManager().transform_cell(code)  # type: ignore[no-untyped-call]
            compile(made, "<cell>", "exec", flags=ast.PyCF_ALLOW_TOP_LEVEL_AWAIT, dont_inherit=True)
    except SyntaxError as error:
        return f"{error.msg}, line {error.lineno}"
    except (ValueError, RecursionError, MemoryError, OverflowError) as error:  # what a compiler says of strange text
        return str(error) or type(error).__name__
    return None


# ---- inside


def _last(
    shell: InteractiveShell,
    recorder: Recorder,
    settings: ContextSettings,
    count: Callable[[str], int] | None,
    verb: str,
) -> tuple[Failure, Attached]:
    failure = recorder.last
    if failure is None:
        lines = (f"Run the cell that fails, and then `%chat {verb}`.",)
        raise NotAsked(Problem("refused", "No cell has failed since lmnb was loaded.", lines))
    if failure.error is None:  # it was let go of
        text = "\n".join(masks.masked(one)[0] if settings.mask else one for one in failure.text.splitlines())
        return failure, Attached(NAME, "error", text)
    error = describe_error(
        failure.error,
        failure.raw,
        namespace=shell.user_ns,
        cells=_cells(shell),
        level=settings.level,
        count=count,
        hide=settings.hide,
        mask=settings.mask,
    )
    return failure, error if count is not None else replace(error, tokens=None)


def _cells(shell: InteractiveShell) -> dict[str, int]:
    """The numbers of cells by the file names of their code; private in IPython, which names cells by it."""
    found: dict[str, int] = getattr(shell.compile, "_filename_map", {})
    return found


def _facts(one: Any, name: str, settings: ContextSettings, count: Callable[[str], int] | None) -> Attached:
    """What lint found in a table, apart from what is hidden."""
    report = lint(one, name=name)
    hidden = {each.rpartition(".")[2] for each in settings.hide if each.rpartition(".")[0] in ("", name)}
    shown = tuple(found for found in report.findings if found.column not in hidden)
    text = replace(report, findings=shown).facts(LINT, count)
    if settings.mask:
        text = "\n".join(masks.masked(line)[0] for line in text.splitlines())
    left = len(report.findings) - len(shown)
    notes = (*((f"{left} findings about hidden columns left out",) if left else ()), *report.notes)
    return Attached(f"lint:{name}", "lint", text, tokens=count(text) if count else None, notes=notes)


def _sources(shell: InteractiveShell, failure: Failure) -> tuple[str, ...]:
    """The cells that may be meant: the one in which it was raised, if that was another, and the one that was run."""
    if failure.error is None:
        return (failure.raw,)
    places = tracebacks.cut(failure.error, failure.raw, _cells(shell)).places
    history = shell.history_manager
    raw = list(history.input_hist_raw) if history is not None else []
    numbers = {f"In[{number}]": number for number in range(len(raw))}
    number = numbers.get(places[-1].where) if places and not places[-1].failing else None
    return tuple(dict.fromkeys([*([raw[number]] if number else []), failure.raw]))


def _shown(line: str) -> str:
    """A line of a cell as it stands in the error's text, if it does."""
    return masks.masked(line)[0].strip()


def _called(failure: Failure) -> str:
    return f"The cell In[{failure.number}]" if failure.number else "The cell"


def _typed(verb: str, words: str) -> str:
    return f"%chat {verb} {words}".rstrip()


def _with(sent: str, words: str) -> str:
    return f"{sent}\n\n{words}" if words.strip() else sent


def _bare(text: str) -> list[tuple[str, bool]]:
    """An answer that is code without a fence around it, as small models write."""
    try:
        tree = ast.parse(text)
    except (SyntaxError, ValueError, RecursionError, MemoryError):
        return []
    says_something = any(not isinstance(one, ast.Expr) or isinstance(one.value, ast.Call) for one in tree.body)
    return [(text, False)] if says_something else []


def _table(shell: InteractiveShell, name: str | None) -> str:
    """The name of the table that is meant.

    Raises:
        NotAsked: If nobody can tell.
    """
    there = [found for found, _ in named.tables(shell)]
    if name is None and len(there) == 1:
        return there[0]
    if name is not None and name in shell.user_ns:
        return name
    choices: Any = tuple({"name": one, "note": ""} for one in there[:10])
    if name is not None:
        alike = near_misses.closest(name, [one for one, _ in named.variables(shell)])
        title = f"There is no variable {name}." + (f" Did you mean {' or '.join(alike)}?" if alike else "")
    else:
        title = "There is more than one table." if there else "There is no table yet."
    line = f"Name it: `%chat next {there[0]}`." if there else "Read one first, and then `%chat next`."
    raise NotAsked(Problem("refused", title, (line,), choices))
