"""How results are said: a table, a list of limits, and the page in docs/ that keeps both."""

from __future__ import annotations

import math
import os
import platform
import re
import statistics
import time
from dataclasses import dataclass
from importlib.metadata import version
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Sequence

PAGE = Path(__file__).parent.parent / "docs" / "benchmarks.md"

INTRODUCTION = """# What it costs

Written by the programs in `bench/` (`python3 dev.py bench NAME -- --write`). Each compares within one run
on one machine, so that its ratios hold on others. What the words mean stands at the top of each program.
"""


@dataclass(frozen=True)
class Check:
    """A number with a limit."""

    name: str
    value: float
    limit: float
    unit: str
    goal: float | None = None
    least: bool = False
    """Whether the limit is what it must be at least."""

    @property
    def measured(self) -> bool:
        """Whether there was anything to measure; a part of a benchmark leaves numbers out."""
        return not math.isnan(self.value)

    @property
    def holds(self) -> bool:
        """Whether it keeps its limit."""
        return self.value >= self.limit if self.least else self.value <= self.limit

    def cells(self) -> list[str]:
        """What, how much, how much it may be, and whether it is."""
        limit = ("≥ " if self.least else "") + f"{self.limit:,g}" + (f" (goal {self.goal:g})" if self.goal else "")
        value = f"{self.value:,.{0 if self.value >= 1_000 else 1 if self.value >= 10 else 2}f}"
        return [self.name, f"{value} {self.unit}".strip(), f"{limit} {self.unit}".strip(), "✓" if self.holds else "✗"]


def table(head: Sequence[str], rows: Sequence[Sequence[str]]) -> str:
    """A Markdown table that can also be read as it is."""
    widths = [max(len(row[i]) for row in [head, *rows]) for i in range(len(head))]
    lines = [[cell.ljust(width) for cell, width in zip(row, widths, strict=True)] for row in [head, *rows]]
    lines.insert(1, ["-" * width for width in widths])
    return "\n".join("| " + " | ".join(line) + " |" for line in lines) + "\n"


def median(values: Sequence[float]) -> float:
    """The middle; NaN where there is nothing."""
    return statistics.median(values or [math.nan])


def p95(values: list[float]) -> float:
    """The 95th percentile; of five values the largest."""
    ranked = sorted(values)
    return ranked[max(0, -(-len(ranked) * 95 // 100) - 1)] if ranked else float("nan")


def checked(checks: Sequence[Check]) -> str:
    """The limits as a table."""
    return table(["number", "measured", "limit", ""], [check.cells() for check in checks])


def print_checks(checks: Sequence[Check]) -> int:
    """Print the limits; 1 where one is missed."""
    print("\n" + checked(checks))
    missed = [check.name for check in checks if not check.holds]
    print(f"Missed: {'; '.join(missed)}." if missed else "Every limit is kept.")
    return 1 if missed else 0


def machine() -> str:
    """Where and with what it was measured, in a line."""
    packages = ", ".join(f"{name} {version(name)}" for name in ("jupyterlab", "ipykernel", "anywidget", "lmstudio"))
    day = time.strftime("%Y-%m-%d")
    load = os.getloadavg()[1] if hasattr(os, "getloadavg") else math.nan
    return (
        f"{day}, Python {platform.python_version()}, {os.cpu_count()} cores ({load:.1f} busy or wanted during the last "
        f"five minutes, this benchmark included), {platform.machine()}; {packages}."
    )


def write(name: str, text: str, notes: Sequence[str], checks: Sequence[Check]) -> None:
    """Put a benchmark's section into the page in place of its last one."""
    section = "\n".join(
        [f"## {name}", "", machine(), "", checked(checks), *[f"- {note}" for note in notes], "", text.rstrip(), ""]
    )
    page = PAGE.read_text(encoding="utf-8") if PAGE.exists() else INTRODUCTION
    old = re.compile(rf"^## {name}\n.*?(?=^## |\Z)", re.MULTILINE | re.DOTALL)
    page = old.sub(lambda _: section + "\n", page) if old.search(page) else f"{page.rstrip()}\n\n{section}"
    PAGE.write_text(page.rstrip() + "\n", encoding="utf-8")
    print(f"Written to {PAGE.relative_to(PAGE.parent.parent)}.")
