"""The last error as a model should read it: the person's own lines, the values around them, and what was near.

Sized for a small model's window: library frames become one line, a recursion three, and what does not fit goes in the
order in which it matters least.
"""

from __future__ import annotations

import itertools
from collections import Counter
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from lmnb.chat import strangers
from lmnb.chat.attached import Attached
from lmnb.context import cards, masks, near_misses, patience, syntax, tracebacks
from lmnb.context.diffs import MARK
from lmnb.context.ladder import estimate
from lmnb.context.scopes import MISSING, Mentioned, Scope, mentioned, scope_of
from lmnb.context.surroundings import Around, around, objects_of
from lmnb.context.values import class_name, line, module_name, plural
from lmnb.context.versions import versions

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping, Sequence

    from lmnb.context.ladder import Count, Level
    from lmnb.context.tracebacks import Cut, Place

NAME = "the last error"

PATIENCE = 0.5
"""Seconds that an exception may take to say what it is."""

MESSAGE = 300
"""Characters of an exception's message."""

WHOLE = 14
"""Lines of a cell that are shown without being cut."""

STEPS = (
    Around(context=5, budget=150, level="stats"),
    Around(context=4, budget=90, level="schema"),
    Around(context=2, budget=50, level="schema"),
    Around(context=1, budget=30, level="names"),
    Around(context=0, budget=0, level="names"),
)
"""What is told of the code and the values around an error, the richest first."""

RICHNESS: dict[Level, int] = {"names": 0, "schema": 1, "stats": 2, "values": 3}


@dataclass
class _Error:
    """What is known of one error before it is made to fit."""

    cuts: list[Cut]
    source: str
    namespace: Mapping[str, Any]
    describe: Callable[..., cards.Card]
    level: Level
    count: Count
    named: frozenset[str]
    mask: bool
    values: bool
    notes: list[str] = field(default_factory=list)
    messages: dict[int, str] = field(default_factory=dict)

    def note(self, text: str) -> None:
        if text not in self.notes:
            self.notes.append(text)

    def clean(self, text: str, limit: int = MESSAGE) -> str:
        """A text of the person's on one line, without the secrets in it."""
        if self.mask:
            text, kinds = masks.masked(text[: limit * 4])
            for kind in sorted(kinds):
                self.note(f"{kind} masked")
        return line(text, limit)

    def code(self, text: str, limit: int = 160) -> str:
        """A line of code, as it was written: a model copies it."""
        shown, kinds = masks.masked(text[: limit * 4]) if self.mask else (text, frozenset[str]())
        for kind in sorted(kinds):
            self.note(f"{kind} masked")
        shown = strangers.plain(shown).replace("\t", "    ").rstrip()
        return shown if len(shown) <= limit else f"{shown[: limit - 1]}…"

    def message(self, exception: BaseException) -> str:
        """What an exception says; it is asked once."""
        if id(exception) not in self.messages:
            self.messages[id(exception)] = message_of(exception)
        return self.messages[id(exception)]


def describe_error(
    exception: BaseException,
    source: str,
    *,
    namespace: Mapping[str, Any],
    cells: Mapping[str, int] | None = None,
    describe: Callable[..., cards.Card] = cards.describe,
    budget: int = 500,
    level: Level = "stats",
    count: Count | None = None,
    hide: Iterable[str] = (),
    mask: bool = True,
    values: bool = True,
) -> Attached:
    """An error for a model. Never raises for any exception, and changes nothing.

    Blocks for as long as the values around the error take to be described, half a second each at most.

    Args:
        exception: What a cell raised, with its traceback; a SyntaxError needs none.
        source: The cell that was run, as it was typed.
        namespace: The notebook's names.
        cells: The numbers of cells by the file names of their code, as IPython's compiler keeps them.
        describe: Makes the cards of values.
        budget: Tokens that the text must keep to.
        level: How much of the values is told: `names` and `schema` tell none.
        count: The tokens of a text; by default a third of its bytes.
        hide: Columns and variables whose values must not be shown.
        mask: Whether obvious secrets in values, messages and code are masked.
        values: Whether values are told at all.

    Returns:
        Of the kind `error`; its notes say what was masked or left out.
    """
    notes: list[str] = []
    counter = _counter(count, notes)
    try:
        if isinstance(exception, SyntaxError):
            exception = syntax.better(exception, source)
        cuts = [tracebacks.cut(one, source, cells or {}) for one in tracebacks.chain(exception)]
        error = _Error(_folded(cuts), source, namespace, describe, level, counter, _names(hide), mask, values, notes)
        text, tokens = _fitted(error, budget)
    except Exception as problem:  # noqa: BLE001 - somebody's exception, with whatever in it: its name is told at least
        text = f"{class_name(type(exception))} (it could not be looked at: {class_name(type(problem))})"
        tokens = counter(text)
    return Attached(NAME, "error", text, tokens=tokens, notes=tuple(notes))


def _names(some: Iterable[str]) -> frozenset[str]:
    return frozenset([some] if isinstance(some, str) else some)


def _counter(count: Count | None, notes: list[str]) -> Count:
    """The tokenizer; where it fails, the estimate, and that is said."""

    def counted(text: str) -> int:
        if count is None or failed in notes:
            return estimate(text)
        try:
            return int(count(text))
        except Exception:  # noqa: BLE001 - a server that is gone costs exactness, not the error
            notes.append(failed)
            return estimate(text)

    failed = "tokens estimated: the tokenizer did not answer"
    return counted


def message_of(exception: BaseException) -> str:
    """What an exception says, or that it does not: its `__str__` may raise, or never return."""
    said: list[str] = []

    def ask() -> None:
        said.append(str.__str__(str(exception)))

    ended = patience.within(PATIENCE, ask)
    if said:
        return said[0]
    why = "takes too long" if ended is False else f"raises {class_name(type(ended))}"
    return f"(its message cannot be had: asking for it {why})"


def _folded(cuts: list[Cut]) -> list[Cut]:
    """Without causes that say the same as what they caused and were in no line of the person's."""
    kept = [
        one for one, after in itertools.pairwise(cuts) if one.places or type(one.exception) is not type(after.exception)
    ]
    return [*kept, cuts[-1]]


def _fitted(error: _Error, budget: int) -> tuple[str, int]:
    """The richest text that keeps the budget."""
    start = 0 if RICHNESS[error.level] >= RICHNESS["stats"] else 1
    for at, step in enumerate(STEPS):
        if at < start:
            continue
        text = "\n".join(_lines(error, step, with_versions=at < 4))
        if (tokens := error.count(text)) <= budget:
            if at > start:
                error.note("shortened: no room for all that is around the error")
            return text, tokens
    error.note("cut: the budget is smaller than the error")
    kept = text.splitlines()
    while len(kept) > 1 and error.count("\n".join(kept)) > budget:
        kept.pop()
    text = "\n".join(kept)
    while text and (tokens := error.count(text)) > budget:
        text = text[: len(text) // 2].rstrip()
    return text, error.count(text)


def _lines(error: _Error, step: Around, *, with_versions: bool) -> list[str]:
    last, lines = error.cuts[-1], list[str]()
    for one in error.cuts[:-1]:
        lines += [f"First: {_said(error, one)}", *_way(error, one.places[-1:], step, short=True)]
        lines += [f"  inside {one.library}"] if one.library and not one.places else []
    lines.append(("Then: " if lines else "") + _said(error, last))
    lines += _members(error, last.exception)
    place, shown = _innermost(error), _syntax(error)
    if shown is not None:
        lines += shown
    else:
        lines += _way(error, last.places, step)
        lines += [f"inside {line(last.library, 120)}: {class_name(type(last.exception))}"] if last.library else []
    said, scope = _mentioned(place), scope_of(_places(error), error.namespace)
    for one in error.cuts:
        lines += near_misses.near(one.exception, error.message(one.exception), said, scope)
    about_values = not isinstance(last.exception, (NameError, ImportError, SyntaxError))
    if error.values and about_values and step.budget:
        lines += _around(error, said, scope, step)
    return [*lines, *([_versions(error, said, scope)] if with_versions else [])]


def _said(error: _Error, one: Cut) -> str:
    exception = one.exception
    if isinstance(exception, SyntaxError):
        words = SyntaxError.__dict__["msg"].__get__(exception)
        message = words if type(words) is str else ""
    else:
        message = error.message(exception).replace("`", "'")
    return f"{class_name(type(exception))}: {error.clean(message)}".rstrip(": ")


def _places(error: _Error) -> list[Place]:
    """The way to where the values are: that of the last exception that has one."""
    return next((one.places for one in reversed(error.cuts) if one.places), [])


def _innermost(error: _Error) -> Place | None:
    return next(iter(_places(error)[-1:]), None)


def _mentioned(place: Place | None) -> Mentioned:
    return mentioned(place.lines[place.line - 1 : min(place.end, place.line + 9)]) if place else Mentioned()


# ---- the way


def _way(error: _Error, places: Sequence[Place], step: Around, *, short: bool = False) -> list[str]:
    """Where it went, the calls in a line each, and the code around the line that failed."""
    if not places:
        return []
    last = places[-1]
    calls = [one for one in places[:-1] if not _same(one, last)]
    lines = [_call(error, place) for place in _some(calls)]
    named = last.function and not last.function.startswith("<")  # a comprehension has no name
    head = f"{line(last.where, 80)}, line {last.line}" + (f", in {line(last.function, 60)}" if named else "")
    times = f" ({last.times:,} times)" if last.times > 1 else ""
    if short:
        return [f"  {head}{times}: {error.code(last.text)}"]
    return [*lines, f"{head}{times}:", *_excerpt(error, last, step.context)]


def _same(call: Place, last: Place) -> bool:
    """Whether a call says nothing: the line around a comprehension, the magic above a cell."""
    return call.where == last.where and (call.line == last.line or call.text.startswith("%%"))


def _some(places: Sequence[Place]) -> Sequence[Place]:
    return places if len(places) <= 3 else [*places[:1], *places[-2:]]


def _call(error: _Error, place: Place) -> str:
    where = f"{line(place.where, 80)}, line {place.line}"
    times = f" ({place.times:,} times)" if place.times > 1 else ""
    return f"{where}{times}: {error.code(place.text)}"


def _excerpt(error: _Error, place: Place, context: int) -> list[str]:
    """The code around a place, as it is indented, the line marked that failed."""
    first, last = place.line, min(place.end, place.line + 9, len(place.lines))
    whole = place.failing and len(place.lines) <= WHOLE and context >= 4
    begin, end = (1, len(place.lines)) if whole else (max(1, first - context), min(len(place.lines), last + context))
    while begin < first and not place.lines[begin - 1].strip():
        begin += 1
    lines = []
    for number in range(begin, end + 1):
        mark = f"  {MARK}" if number == first else ""
        lines.append(f"  {error.code(place.lines[number - 1])}{mark}".rstrip())
    over = sum(bool(one.strip()) for one in place.lines[: begin - 1])
    above = [f"  # {plural(over, 'line')} above"] if over else []
    below = [f"  # {plural(len(place.lines) - end, 'line')} below"] if end < len(place.lines) else []
    return [*above, *lines, *below]


def _syntax(error: _Error) -> list[str] | None:
    """Where a SyntaxError points; None for another one."""
    exception = error.cuts[-1].exception
    pointed = syntax.pointed(exception, error.source) if isinstance(exception, SyntaxError) else None
    if pointed is None:
        return None
    lines = [f"{pointed.where}, line {pointed.line}:"]
    lines += [f"  {error.code(one)}" for one in pointed.before]
    shown = f"  {error.code(pointed.text)}"
    lines.append(shown)
    if pointed.column:
        lines.append("  " + " " * (min(pointed.column, 150) - 1) + "^" * max(1, min(pointed.width, 40)))
    return lines


def _members(error: _Error, exception: BaseException) -> list[str]:
    """The exceptions of a group, some of them."""
    if not any(class_name(cls) == "BaseExceptionGroup" for cls in type.__dict__["__mro__"].__get__(type(exception))):
        return []
    leaves = list(_leaves(exception))
    lines = []
    for number, one in enumerate(leaves[:3], 1):
        way = tracebacks.cut(one, error.source, {}).places[-1:]
        where = f", {line(way[0].where, 80)} line {way[0].line}: {error.code(way[0].text, 120)}" if way else ""
        lines.append(f"  {number}. {_said(error, tracebacks.Cut(one, []))}{where}")
    if len(leaves) > 3:
        kinds = Counter(class_name(type(one)) for one in leaves[3:]).most_common(3)
        more = ", ".join(f"{count:,} {kind}" for kind, count in kinds)
        lines.append(f"  … {len(leaves) - 3:,} more: {more}")
    return lines


def _leaves(group: BaseException, depth: int = 0) -> list[BaseException]:
    inner = getattr(group, "exceptions", None)
    if type(inner) is not tuple or depth > 20:
        return [group]
    return [leaf for one in inner[:1_000] for leaf in _leaves(one, depth + 1)]


# ---- the values


def _around(error: _Error, said: Mentioned, scope: Scope, step: Around) -> list[str]:
    found = around(
        said,
        scope,
        step,
        describe=error.describe,
        level=error.level,
        hide=error.named,
        mask=error.mask,
        count=error.count,
        calls=isinstance(error.cuts[-1].exception, TypeError),
    )
    for note in found.notes:
        error.note(note)
    return ["Around it:", *found.lines] if found.lines else []


def _versions(error: _Error, said: Mentioned, scope: Scope) -> str:
    packages = [name for one in error.cuts for name in one.packages]
    kinds = [type(one) for one in objects_of(said, scope) if one is not MISSING]
    packages += [module_name(kind).partition(".")[0].lstrip("_") for kind in kinds]
    return versions(name for name in packages if name and name not in ("builtins", "IPython", "lmnb"))
