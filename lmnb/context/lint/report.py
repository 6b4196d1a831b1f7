"""What a look at a table found, as values: a table to read, a frame to work with, facts for a model."""

from __future__ import annotations

import sys
from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING, Any, Literal

from lmnb.chat.strangers import plain, visible

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

Severity = Literal["error", "warn", "info"]

ORDER: dict[str, int] = {"error": 0, "warn": 1, "info": 2}
HEAD = ("", "column", "check", "rows", "share", "what was found", "remedy")
MARKDOWN = str.maketrans({sign: "\\" + sign for sign in "\\`*_{}[]()<>#+-.!|~$&:@"})


@dataclass(frozen=True)
class Finding:
    """One thing that is odd about a table or a column of it.

    Attributes:
        check: Which of `lmnb.context.lint.CHECKS` found it.
        column: The column's name as text; None where it is about whole rows.
        rows: How many rows it concerns; of a sampled table an estimate. Of a gap in time: how many are not there.
        share: The same as a part of all rows, 0 to 1.
        message: One sentence for the person.
        remedy: One line of code in the frame's own library.
        examples: Some of the values, as text, shortened.
        severity: "error" is wrong whatever the table means, "warn" is likely wrong, "info" is good to know.
    """

    check: str
    column: str | None
    rows: int
    share: float
    message: str
    remedy: str
    examples: tuple[str, ...] = ()
    severity: Severity = "warn"


@dataclass(frozen=True)
class Report:
    """All findings about one table, the gravest first.

    Attributes:
        name: What the person calls the table.
        rows: How many rows were there to be read; of a lazy frame those that were read.
        columns: How many columns it has.
        findings: In the order of severity, then of the columns.
        notes: What was sampled, skipped or capped, in sentences.
    """

    name: str
    rows: int
    columns: int
    findings: tuple[Finding, ...]
    notes: tuple[str, ...] = ()

    def to_frame(self, like: Any = None) -> Any:
        """The findings as a table of the library that `like` belongs to.

        Args:
            like: A pandas or Polars frame or an Arrow table, or anything else: then a list of dicts comes back, with
                the examples as one text.
        """
        records = [{**asdict(one), "examples": " | ".join(one.examples)} for one in self.findings]
        library = type(like).__module__.partition(".")[0]
        module: Any = sys.modules.get(library)
        names = list(Finding.__dataclass_fields__)
        table = {name: [record[name] for record in records] for name in names}
        if library in ("pandas", "polars") and module is not None:
            return module.DataFrame(table)
        return module.table(table) if library == "pyarrow" and module is not None else records

    def facts(self, budget: int, count: Callable[[str], int] | None = None) -> str:
        """What a model should know, a line per finding, the gravest first, within a budget.

        Args:
            budget: In tokens, the closing line included; only "" is shorter than the first line.
            count: Tokens of a text, by the model's tokenizer; without it a token is taken for three characters.
        """
        measure = count or (lambda text: -(-len(text) // 3))
        lines = [self._summary(), *(_fact(one) for one in self.findings), *self.notes]
        kept = list(lines)
        while kept and measure("\n".join(kept)) > budget:
            left = len(kept) - 1 if kept[-1].startswith("… ") is False else len(kept) - 2
            more = f"… {len(lines) - left} more"
            kept = [*kept[:left], more] if left > 0 else []
        return "\n".join(kept)

    def _summary(self) -> str:
        size = f"{self.rows:,} rows × {self.columns:,} columns"
        found = f"{len(self.findings)} findings" if len(self.findings) != 1 else "1 finding"
        return f"{quoted(self.name)}: {size}; {found if self.findings else 'nothing was found'}."

    def _cells(self) -> Iterator[tuple[str, ...]]:
        for one in self.findings:
            column = "(rows)" if one.column is None else one.column
            share = percent(one.share) if one.rows else ""
            yield one.severity, column, one.check, f"{one.rows:,}", share, one.message, one.remedy

    def __repr__(self) -> str:
        cells = [[quoted(cell, 60) for cell in row[:5]] + [quoted(row[5], 300)] for row in self._cells()]
        widths = [max((len(row[i]) for row in cells), default=0) for i in range(6)]
        lines = ["  ".join(c.ljust(w) for c, w in zip(row, widths, strict=True)).rstrip() for row in cells]
        return "\n".join([self._summary(), *lines, *map(quoted, self.notes)])

    def _repr_html_(self) -> str:
        head = "".join(f'<th style="{LEFT}">{name}</th>' for name in HEAD)
        body = "".join(f"<tr>{_html_row(row)}</tr>" for row in self._cells())
        table = f"<table><thead><tr>{head}</tr></thead><tbody>{body}</tbody></table>" if body else ""
        notes = "".join(f"<p><small>{visible(note)}</small></p>" for note in self.notes)
        return f"<p>{visible(self._summary())}</p>{table}{notes}"

    # No `_repr_markdown_`: IPython would save it beside the HTML, and JupyterLab fetches the pictures that it names.
    def to_markdown(self) -> str:
        """The report as Markdown; a stranger's words in it are no marks."""
        rows = [HEAD, ("---",) * len(HEAD)]
        lines = ["| " + " | ".join(row) + " |" for row in rows]
        lines += ["| " + " | ".join(_markdown(cell) for cell in row) + " |" for row in self._cells()]
        return "\n\n".join([_markdown(self._summary()), *(["\n".join(lines)] if self.findings else []), *self._noted()])

    def _noted(self) -> list[str]:
        return [_markdown(note) for note in self.notes]


LEFT = "text-align:left"
"""The host sets tables to the right, as for numbers; these cells are words."""


def _html_row(row: tuple[str, ...]) -> str:
    wide = len(row) - 2  # what was found: a sentence
    texts = "".join(
        f'<td style="{f"{LEFT};min-width:16em" if at == wide else LEFT}">{visible(cell, code=True)}</td>'
        for at, cell in enumerate(row[:-1])
    )
    return f'{texts}<td style="{LEFT}"><code>{visible(row[-1], code=True)}</code></td>'


def _markdown(text: str) -> str:
    return quoted(text, 400).translate(MARKDOWN)


def _fact(one: Finding) -> str:
    where = "rows" if one.column is None else quoted(one.column, 60)
    return f"{where}: {one.check}: {quoted(one.message, 300)}"


def quoted(text: str, length: int = 200) -> str:
    """A stranger's text on one line, what steers a terminal made visible, and cut when it is long."""
    # A lone half of a character would break whatever writes it.
    line = plain(text[: length + 1].replace("\r", "␍").replace("\n", "␊").replace("\t", "␉").replace("\u2028", "␊"))
    line = line.encode("utf-8", "replace").decode()
    return line if len(line) <= length else line[: length - 1] + "…"


def percent(share: float) -> str:
    """A share for reading: never "0 %" where there is something, never "100 %" where something is left."""
    if share <= 0 or share >= 1:
        return "100 %" if share >= 1 else "0 %"
    if share < 0.001:
        return "<0.1 %"
    text = f"{share * 100:.1f}".removesuffix(".0")
    return ">99.9 %" if text == "100" else f"{text} %"
