"""What a check is given, and how it says what it found."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from lmnb.context.lint.report import Finding, Severity, percent, quoted

if TYPE_CHECKING:
    from collections.abc import Iterable

    from lmnb.context.lint.columns import Column
    from lmnb.context.lint.frames import Source
    from lmnb.context.lint.remedies import Remedies


@dataclass(frozen=True)
class Look:
    """One look at a table.

    Attributes:
        source: The table.
        columns: Those that could be read.
        remedies: How to say what to do.
        target: The column that is to be predicted, if the person named one.
    """

    source: Source
    columns: list[Column]
    remedies: Remedies
    target: Column | None = None

    def finding(
        self,
        check: str,
        column: Column,
        seen: int,
        message: str,
        remedy: str,
        *,
        examples: Iterable[Any] = (),
        severity: Severity = "warn",
    ) -> Finding:
        """A finding about a column in `seen` of the rows that were read.

        Args:
            check: Its name.
            column: What it is about.
            seen: In so many of the rows that were read.
            message: A sentence; `{rows}` in it becomes "12 of 891 rows (1.3 %)".
            remedy: A line of code.
            examples: Values.
            severity: How grave it is.
        """
        rows = column.estimate(seen)
        share = seen / len(column.values) if column.values else rows / max(1, column.rows)
        about = "about " if rows != seen else ""
        counted = f"{about}{rows:,} of {column.rows:,} rows ({percent(share)})"
        shown = tuple(quoted(value if isinstance(value, str) else repr(value), 40) for value in examples)
        return Finding(check, column.name, rows, share, message.replace("{rows}", counted), remedy, shown[:3], severity)


ColumnCheck = Callable[["Column", Look], Iterator[Finding]]
TableCheck = Callable[[Look], Iterator[Finding]]


def some(values: Iterable[Any], most: int = 3) -> str:
    """A few values in a sentence."""
    shown = [_shown(value) for value in values]
    return ", ".join(shown[:most]) + (f" and {len(shown) - most} more" if len(shown) > most else "")


def _shown(value: Any) -> str:
    if isinstance(value, str):
        return repr(quoted(value, 40))
    return f"{value:,.6g}" if isinstance(value, float) else quoted(str(value), 40)
