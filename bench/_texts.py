"""What is streamed: four kinds of Markdown, cut into fragments of four characters, as long as a token mostly is."""

from __future__ import annotations

import re

SIZE = 4
"""Characters in a fragment."""

END = "§END§"
"""The last words of every text: when they are on the page, all is."""

UNIT = """## Sales, part {n}

The **net sales** of 2024 fell by 3 % against the year before, *mostly* in the north. Look at `sales.groupby` first:
it keeps the order of the groups, and missing regions are dropped unless `dropna=False` is given.

- the north fell by 12 %
- the south rose by 4 %, after `returns` were taken off
- the rest stayed

```python
import pandas as pd

def net(sales: pd.DataFrame, year: int = 2024) -> pd.Series:
    # Returns are booked in the month of the sale.
    chosen = sales[sales["year"] == year]
    return chosen.groupby("region")["amount"].sum() - chosen["returns"].sum()
```

A second look: the *median* order is unchanged, so fewer people bought; what each of them paid stayed the same.

"""
"""Prose and code, as a model answers a question about data."""


def _mixed(n: int) -> str:
    return UNIT.format(n=n + 1)


def _code(n: int) -> str:
    return f'    total_{n} = sum(row["amount"] for row in rows if row["region"] == "north")  # part {n}\n'


def _list(n: int) -> str:
    return f"- item {n} with **bold words**, some `code_{n}` and a few more words\n"


def _table(n: int) -> str:
    return f"| row {n} | north | `{n * 7 % 1000}` | **{n * 13 % 100} %** | unchanged |\n"


KINDS = {
    "mixed": ("", _mixed, ""),
    "code": ("```python\ndef totals(rows):\n", _code, "```\n\n"),
    "list": ("", _list, "\n"),
    "table": ("| Part | Region | Sales | Change | Note |\n|---|---|---:|:---:|---|\n", _table, "\n"),
}
"""Beginning, repeated unit, end."""


def text(kind: str, count: int) -> str:
    """A text of so many fragments or one more; its list, table or block of code ends just before the last words."""
    head, unit, tail = KINDS[kind]
    size = count * SIZE - len(tail + END) - 3
    parts, length, n = [head], len(head), 0
    while length < size:
        parts.append(unit(n))
        length += len(parts[-1])
        n += 1
    cut = "".join(parts)[:size]
    fence = "\n```" if kind == "mixed" and cut.count("\n```") % 2 else ""
    return f"{cut}{fence}\n{tail}\n{END}"


def fragments(kind: str, count: int) -> list[str]:
    """The text in fragments."""
    whole = text(kind, count)
    return [whole[at : at + SIZE] for at in range(0, len(whole), SIZE)]


def letters(markdown: str) -> str:
    """The letters and digits that a reader sees of a text: what is left when all form is taken away."""
    return bare(re.sub(r"^```\w*$", "", markdown, flags=re.MULTILINE))


def bare(shown: str) -> str:
    """The letters and digits of what is shown."""
    return "".join(filter(str.isalnum, shown))
