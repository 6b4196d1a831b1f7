"""Is this table all right? Checks of a frame that need no model: `lint(sales)`.

Each check is a rule that a person could follow by hand; the same table gives the same report. What is read is bounded
and said: of more than 100,000 rows an even part, of a lazy frame its first 100,000. Nothing is changed.
"""

from __future__ import annotations

import time
from functools import partial
from typing import TYPE_CHECKING, Any, TypeVar

from lmnb.context.lint import completeness, numbers, repeats, times, words
from lmnb.context.lint.columns import Column, column, label_text
from lmnb.context.lint.frames import NotATableError, read
from lmnb.context.lint.looking import Look
from lmnb.context.lint.remedies import Remedies
from lmnb.context.lint.report import ORDER, Finding, Report, quoted

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator

    from lmnb.context.lint.frames import Source
    from lmnb.context.lint.looking import ColumnCheck, TableCheck

_T = TypeVar("_T")

__all__ = ["CHECKS", "Finding", "Report", "lint"]

BY_COLUMN: dict[str, ColumnCheck] = {
    "missing": completeness.missing,
    "constant": completeness.constants,
    "infinite": completeness.infinite,
    "sentinel": completeness.sentinels,
    "text-number": words.numbers_as_text,
    "text-date": words.dates_as_text,
    "mixed": words.mixed,
    "variants": words.variants,
    "outliers": numbers.outliers,
    "id": repeats.ids,
    "dates": times.impossible,
    "imbalance": numbers.imbalance,
    "gaps": times.gaps,
}
BY_TABLE: dict[str, tuple[TableCheck, ...]] = {
    "duplicates": (repeats.rows,),
    "copy": (repeats.copies,),
    "gaps": (times.index_gaps,),
}
CHECKS: tuple[str, ...] = tuple(dict.fromkeys([*BY_COLUMN, *BY_TABLE]))
"""The names of all checks."""


def lint(
    frame: Any,
    *,
    name: str = "df",
    checks: Iterable[str] | None = None,
    target: str | None = None,
    seconds: float = 10.0,
) -> Report:
    """Look for what is wrong with a table, without a model and without changing it.

    Blocks while it reads and counts: some milliseconds for a small table, at most about `seconds`. May be called on any
    thread. Whatever the table holds, a report comes back; what could not be read or checked stands in its notes.

    Args:
        frame: A pandas, Polars (also lazy) or Modin frame, an Arrow table, a DuckDB relation, or what else narwhals
            knows.
        name: What the person calls it; the remedies use it.
        checks: Some of CHECKS; all without it.
        target: The name of the column that is to be predicted: it is looked at for rare classes, and the others for
            whether they give it away.
        seconds: After so long no further check is begun; what was left out stands in the notes.

    Raises:
        ValueError: There is no check of that name.
    """
    chosen = CHECKS if checks is None else tuple(checks)
    if unknown := [check for check in chosen if check not in CHECKS]:
        raise ValueError(f"There is no check {', '.join(map(repr, unknown))}; there are {', '.join(CHECKS)}.")
    until = time.monotonic() + seconds
    try:
        source = read(frame)
    except NotATableError as problem:
        return Report(quoted(name), 0, 0, (), (str(problem),))
    except BaseException as problem:  # any library's, Polars' panics among them
        if isinstance(problem, (KeyboardInterrupt, SystemExit)):
            raise
        return Report(quoted(name), 0, 0, (), (f"It could not be read: {_why(problem)}",))
    return _Run(source, name, chosen, until).report(target)


class _Run:
    """One run of the checks, with what there is to say about it."""

    def __init__(self, source: Source, name: str, chosen: tuple[str, ...], until: float) -> None:
        self.source, self.name, self.chosen, self.until = source, name, chosen, until
        self.remedies = Remedies(source.library, name if name.isidentifier() else "df", source.labels)
        self.notes = list(source.notes)
        self.failed: dict[str, list[str]] = {}
        self.left_out = 0

    def report(self, target: str | None) -> Report:
        columns = [one for at in range(len(self.source.labels)) for one in self._attempt("reading", at, self._read)]
        look = Look(self.source, columns, self.remedies, self._target(columns, target))
        found = [*self._by_column(look), *self._by_table(look)]
        found.sort(key=lambda pair: (ORDER[pair[1].severity], pair[0]))
        self._tell(columns)
        size = self.source.rows, len(self.source.labels)
        return Report(quoted(self.name), *size, tuple(one for _, one in found), tuple(self.notes))

    def _read(self, at: int) -> Iterator[Column]:
        some, whole = self.source.some, self.source.whole
        yield column(at, self.source.labels[at], some[some.columns[at]], whole[whole.columns[at]])

    def _target(self, columns: list[Column], target: str | None) -> Column | None:
        found = next((one for one in columns if target is not None and target in (one.label, one.name)), None)
        if target is not None and found is None:
            self.notes.append(f"There is no column {quoted(target)!r} to be predicted.")
        return found

    def _by_column(self, look: Look) -> Iterator[tuple[int, Finding]]:
        for one in look.columns:
            for check in self.chosen:
                if check in BY_COLUMN:
                    run = partial(_run, BY_COLUMN[check], one, look)
                    yield from ((one.at, found) for found in self._attempt(check, one.at, run))

    def _by_table(self, look: Look) -> Iterator[tuple[int, Finding]]:
        for check in self.chosen:
            for whole in BY_TABLE.get(check, ()):
                for found in self._attempt(check, -1, partial(_run_whole, whole, look)):
                    yield -1 if found.column is None else len(look.columns), found

    def _attempt(self, what: str, at: int, run: Callable[[int], Iterator[_T]]) -> list[_T]:
        """What a check of the column at a position yields; if it raises, a line in the notes."""
        if time.monotonic() > self.until:
            self.left_out += 1
            return []
        try:
            return list(run(at))
        except BaseException as problem:  # data can be anything, and a library may panic
            if isinstance(problem, (KeyboardInterrupt, SystemExit)):
                raise
            where = f" of {label_text(self.source.labels[at])}" if at >= 0 else ""
            self.failed.setdefault(_why(problem), []).append(f"{what}{where}")
            return []

    def _tell(self, columns: list[Column]) -> None:
        unread = [one for one in columns if one.kind == "other" and not one.objects]
        if closed := [one.name for one in unread if int(one.whole.null_count()) < one.rows]:
            more = f" and {len(closed) - 3:,} more" if len(closed) > 3 else ""
            self.notes.append(f"Only looked at for missing values, for their types: {', '.join(closed[:3])}{more}.")
        for why, places in self.failed.items():
            more = f" and {len(places) - 3} more" if len(places) > 3 else ""
            self.notes.append(f"Not done: {', '.join(places[:3])}{more}. {why}")
        if self.left_out:
            self.notes.append(f"Time was up; {self.left_out:,} checks were left out. `seconds=` gives it more.")


def _run(check: ColumnCheck, column: Column, look: Look, _at: int) -> Iterator[Finding]:
    return check(column, look)


def _run_whole(check: TableCheck, look: Look, _at: int) -> Iterator[Finding]:
    return check(look)


def _of_data(problem: BaseException) -> bool:
    """Whether data or their library are the reason; a panic in Polars is no Exception. An interrupt is not ours."""
    return isinstance(problem, Exception) or type(problem).__name__ == "PanicException"


def _why(problem: BaseException) -> str:
    """An exception in a line; its own words may be a stranger's."""
    try:
        said = str(problem)
    except Exception:  # noqa: BLE001 # a stranger's __str__
        said = ""
    return f"{type(problem).__name__}: {quoted(said, 200)}".rstrip(": ")
