"""How a finding is put right, as one line in the words of the frame's own library."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Literal

if TYPE_CHECKING:
    from lmnb.context.lint.frames import Library

Form = Literal["column", "keep", "look"]
"""A new column in the old one's place; which rows are kept; which rows to look at."""

WORDS: dict[str, tuple[Form, str, str, str]] = {
    # what: form, pandas, Polars, SQL; {c} is the column, the rest are arguments
    "keep present": ("keep", "{c}.notna()", "{c}.is_not_null()", "{c} IS NOT NULL"),
    "keep numbers": (
        "keep",
        "{c}.notna()",
        "{c}.is_not_null() & {c}.is_not_nan()",
        "{c} IS NOT NULL AND NOT isnan({c})",
    ),
    "look missing": ("look", "{c}.isna()", "{c}.is_null()", "{c} IS NULL"),
    "fill middle": (
        "column",
        "{c}.fillna({c}.median())",
        "{c}.fill_null({c}.median())",
        "coalesce({c}, median({c}) OVER ())",
    ),
    "fill whole": (
        "column",
        "{c}.fillna(round({c}.median()))",
        "{c}.fill_null({c}.median().round().cast(pl.Int64))",
        "coalesce({c}, round(median({c}) OVER ()))",
    ),
    "blank": (
        "column",
        "{c}.mask({c}.isin({values}))",
        "pl.when({c}.is_in({values})).then(None).otherwise({c}).name.keep()",
        "CASE WHEN {c} IN {list} THEN NULL ELSE {c} END",
    ),
    "blank words": (
        "column",
        "{c}.mask({c}.str.strip().isin({values}))",
        "pl.when({c}.cast(pl.String).str.strip_chars().is_in({values})).then(None).otherwise({c}).name.keep()",
        "CASE WHEN trim({c}) IN {list} THEN NULL ELSE {c} END",
    ),
    "finite": (
        "column",
        "{c}.mask({c}.abs() == float('inf'))",
        "pl.when({c}.is_infinite()).then(None).otherwise({c}).name.keep()",
        "CASE WHEN isinf({c}) THEN NULL ELSE {c} END",
    ),
    "number": (
        "column",
        "pd.to_numeric({c}.astype('string').str.replace({marks}, '', regex=True), errors='coerce')",
        "{c}.cast(pl.String).str.replace_all({marks}, '').cast(pl.Float64, strict=False)",
        "TRY_CAST(regexp_replace({c}, {sqlmarks}, '', 'g') AS DOUBLE)",
    ),
    "comma number": (
        "column",
        (
            "pd.to_numeric({c}.astype('string').str.replace({marks}, '', regex=True).str.replace(',', '.'),"
            " errors='coerce')"
        ),
        "{c}.cast(pl.String).str.replace_all({marks}, '').str.replace(',', '.').cast(pl.Float64, strict=False)",
        "TRY_CAST(replace(regexp_replace({c}, {sqlmarks}, '', 'g'), ',', '.') AS DOUBLE)",
    ),
    "date": (
        "column",
        "pd.to_datetime({c}.astype('string'), format={format}, errors='coerce')",
        "{c}.cast(pl.String).str.to_datetime({strptime}, strict=False)",
        "try_strptime(CAST({c} AS VARCHAR), {sqlformat})",
    ),
    "date of any form": (
        "column",
        "pd.to_datetime({c}.astype('string'), format='mixed', errors='coerce')",
        "{c}.cast(pl.String).str.to_datetime(strict=False)",
        "TRY_CAST({c} AS TIMESTAMP)",
    ),
    "month": (
        "column",
        "pd.to_datetime({c}.astype('string'), format='%Y-%m', errors='coerce')",
        "({c}.cast(pl.String) + '-01').str.to_date('%Y-%m-%d', strict=False).name.keep()",
        "try_strptime({c}, '%Y-%m')",
    ),
    "look words": ("look", "{c}.isin({values})", "{c}.cast(pl.String).is_in({values})", "{c} IN {list}"),
    "text": ("column", "{c}.astype('string')", "{c}.map_elements(str, return_dtype=pl.String)", "CAST({c} AS VARCHAR)"),
    "only numbers": (
        "column",
        "pd.to_numeric({c}, errors='coerce')",
        "{c}.map_elements(str, return_dtype=pl.String).cast(pl.Float64, strict=False)",
        "TRY_CAST({c} AS DOUBLE)",
    ),
    "spaces": (
        "column",
        "{c}.astype('string').str.strip().str.replace(r'\\s+', ' ', regex=True)",
        "{c}.cast(pl.String).str.strip_chars().str.replace_all(r'\\s+', ' ')",
        "regexp_replace(regexp_replace({c}, '^\\s+|\\s+$', '', 'g'), '\\s+', ' ', 'g')",
    ),
    "spelling": (
        "column",
        "{c}.astype('string').str.normalize('NFKC').str.strip().str.replace(r'\\s+', ' ', regex=True).str.lower()",
        "{c}.cast(pl.String).str.normalize('NFKC').str.strip_chars().str.replace_all(r'\\s+', ' ').str.to_lowercase()",
        "lower(regexp_replace(regexp_replace({c}, '^\\s+|\\s+$', '', 'g'), '\\s+', ' ', 'g'))",
    ),
    "between": (
        "keep",
        "{c}.isna() | {c}.between({low}, {high})",
        "{c}.is_null() | {c}.is_between({low}, {high})",
        "{c} IS NULL OR {c} BETWEEN {low} AND {high}",
    ),
    "dates between": (
        "keep",
        "{c}.isna() | {c}.astype('string').between('{low}', '{high}~')",
        "{c}.is_null() | {c}.cast(pl.Date).cast(pl.String).is_between(pl.lit('{low}'), pl.lit('{high}'))",
        "{c} IS NULL OR CAST({c} AS DATE) BETWEEN DATE '{low}' AND DATE '{high}'",
    ),
}


@dataclass(frozen=True)
class Remedies:
    """The words for one frame.

    Attributes:
        library: The frame's.
        frame: What the person calls it.
        labels: Its columns' names, in order.
    """

    library: Library
    frame: str
    labels: list[Any]

    def say(self, what: str, at: int, **arguments: Any) -> str:
        """One of WORDS for the column at a position."""
        form, pandas, polars, sql = WORDS[what]
        if self.library == "pandas":
            return self._pandas(form, at, pandas.format(c=self._cell(at), **arguments))
        if self.library == "polars":
            return self._polars(form, polars.format(c=self._cell(at), **arguments))
        return self._sql(form, at, sql.format(c=self._cell(at), **arguments))

    def drop(self, at: int) -> str:
        """Without a column."""
        frame = self.frame
        if self.library == "pandas":
            if self._plain(at):
                return f"{frame} = {frame}.drop(columns=[{self.labels[at]!r}])"
            return f"{frame} = {frame}.iloc[:, [i for i in range({frame}.shape[1]) if i != {at}]]"
        if self.library == "polars":
            return f"{frame} = {frame}.drop({self._cell(at) if self._patterned(at) else repr(self.labels[at])})"
        if self.library == "pyarrow":
            return f"{frame} = {frame}.remove_column({at})"
        return self._project(f"* EXCLUDE ({self._cell(at)})")

    def distinct(self) -> str:
        """Each row once."""
        if self.library == "pandas":
            return f"{self.frame} = {self.frame}.drop_duplicates()"
        if self.library == "polars":
            return f"{self.frame} = {self.frame}.unique(maintain_order=True)"
        return self._relation("distinct()")

    def counts(self, at: int) -> str:
        """How often each value is there."""
        cell, frame = self._cell(at), self.frame
        if self.library == "pandas":
            return f"{cell}.value_counts(normalize=True)"
        if self.library == "polars":
            return f"{frame}.group_by({cell}).len().sort('len')"
        return f"{self._from()}.aggregate({f'{cell}, count(*)'!r})"

    def steps(self, at: int, pandas: str, polars: str, sql: str, *, days: bool) -> str:
        """The times that should be there and are not.

        Args:
            at: The position of the column; -1 for the index.
            pandas: The step, as pandas says it.
            polars: As Polars says it.
            sql: As SQL says it.
            days: Whether the column has days without a time of day.
        """
        cell, frame = self._cell(at), self.frame
        if self.library == "pandas":
            have = f"{frame}.index" if at < 0 else cell
            return f"pd.date_range({have}.min(), {have}.max(), freq={pandas!r}).difference(pd.DatetimeIndex({have}))"
        if self.library == "polars":
            ranges = "pl.date_range" if days else "pl.datetime_range"
            span = f"{ranges}({cell}.min(), {cell}.max(), {polars!r})"
            return f"{frame}.select({span}.alias('t')).join({frame}.select({cell}.alias('t')), on='t', how='anti')"
        span = f"generate_series(min({cell}), max({cell}), INTERVAL '{sql}') AS t"
        have = f"{self._from()}.project({f'{cell}::TIMESTAMP AS t'!r})"
        return f"{self._from()}.aggregate({span!r}).project('unnest(t)::TIMESTAMP AS t').except_({have})"

    def _pandas(self, form: Form, at: int, code: str) -> str:
        if form == "look":
            return f"{self.frame}[{code}]"
        if form == "keep":
            return f"{self.frame} = {self.frame}[{code}]"
        return f"{self._cell(at)} = {code}" if self._plain(at) else f"{self.frame}.isetitem({at}, {code})"

    def _polars(self, form: Form, code: str) -> str:
        if form == "look":
            return f"{self.frame}.filter({code})"
        return f"{self.frame} = {self.frame}.{'filter' if form == 'keep' else 'with_columns'}({code})"

    def _sql(self, form: Form, at: int, code: str) -> str:
        if form == "column":
            return self._project(f"* REPLACE ({code} AS {self._cell(at)})")
        if form == "look":
            return f"{self._from()}.filter({code!r})"
        return self._relation(f"filter({code!r})")

    def _project(self, code: str) -> str:
        return self._relation(f"project({code!r})")

    def _from(self) -> str:
        return f"duckdb.from_arrow({self.frame})" if self.library == "pyarrow" else self.frame

    def _relation(self, call: str) -> str:
        back = ".to_arrow_table()" if self.library == "pyarrow" else ""
        return f"{self.frame} = {self._from()}.{call}{back}"

    def _cell(self, at: int) -> str:
        """The column in the library's words."""
        if self.library == "pandas":
            return f"{self.frame}[{self.labels[at]!r}]" if self._plain(at) else f"{self.frame}.iloc[:, {at}]"
        if self.library == "polars":
            return f"pl.nth({at})" if self._patterned(at) else f"pl.col({self.labels[at]!r})"
        return '"' + str(self.labels[at]).replace('"', '""') + '"'

    def _plain(self, at: int) -> bool:
        """Whether a label can be written down and means one column."""
        label = self.labels[at]
        parts = label if type(label) is tuple else (label,)
        written = all(type(part) in (str, int, float, bool, type(None)) for part in parts)
        return written and self.library == "pandas" and self._once[label] == 1

    @property
    def _once(self) -> Counter[Any]:
        return Counter(label for label in self.labels if type(label) in (str, int, float, bool, tuple, type(None)))

    def _patterned(self, at: int) -> bool:
        """Whether Polars would take the name for a pattern."""
        label = str(self.labels[at])
        return label == "*" or (label.startswith("^") and label.endswith("$"))


def texts(values: list[Any]) -> dict[str, str]:
    """Values as a Python list and as an SQL list."""
    quoted = ["'" + v.replace("'", "''") + "'" if isinstance(v, str) else repr(v) for v in values]
    return {"values": repr(values), "list": "(" + ", ".join(quoted) + ")"}
