"""A table that is a file, opened by whatever library is there: a lazy one first where it is large."""

from __future__ import annotations

import importlib
import importlib.util
import sys
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

LARGE = 30_000_000
"""Bytes of a file that is not read whole."""

ROWS = 20_000
"""Rows that are read of such a one where the library reads and does not scan."""


@dataclass(frozen=True)
class Opened:
    """A frame of a file.

    Attributes:
        frame: Of the library's own kind.
        by: The library.
        about: What is to be said of it, where it is not all of the file.
    """

    frame: Any
    by: str
    about: str = ""


def opened(path: Path, kind: str, head: bytes) -> Opened | None:
    """The table in a file; None where no library is there that reads it.

    Args:
        path: Where it is.
        kind: `csv` or `parquet`.
        head: How the file begins.
    """
    for library in there(large=path.stat().st_size > LARGE):
        try:
            found = _BY[library](path, kind, head)
        except Exception:  # noqa: BLE001, S112 - the next library may read it, and the text is there at last
            continue
        if found is not None:
            return found
    return None


def there(*, large: bool = False) -> list[str]:
    """The libraries that are installed: those that only look, for a large file; else first those that are in use."""
    names = ["polars", "duckdb", "pandas", "pyarrow"]
    if not large:
        names.sort(key=lambda name: name not in sys.modules)
    return [name for name in names if importlib.util.find_spec(name) is not None]


def _encoding(head: bytes) -> str:
    from lmnb.context.files import text_of

    read = text_of(head, whole=False)
    return read.encoding if read is not None else "utf-8"


def _delimiter(head: bytes) -> str:
    from lmnb.context.files import delimiter, text_of

    read = text_of(head, whole=False)
    return delimiter(read.text) if read is not None else ","


def _polars(path: Path, kind: str, head: bytes) -> Opened | None:
    pl: Any = importlib.import_module("polars")
    if kind == "parquet":
        frame = pl.scan_parquet(path, glob=False)
        frame.collect_schema()  # reads the footer, so that a broken file is known here
        return Opened(frame, "polars")
    if not _encoding(head).startswith("utf-8"):
        return None
    if path.stat().st_size > LARGE:
        return Opened(pl.scan_csv(path, separator=_delimiter(head), try_parse_dates=True, glob=False), "polars")
    return Opened(pl.read_csv(path, separator=_delimiter(head), try_parse_dates=True, glob=False), "polars")


def _duckdb(path: Path, kind: str, head: bytes) -> Opened | None:
    duckdb: Any = importlib.import_module("duckdb")
    connection = duckdb.connect()
    if kind == "parquet":
        return Opened(connection.read_parquet(_unglobbed(path)), "duckdb")
    if not _encoding(head).startswith("utf-8"):
        return None
    return Opened(connection.read_csv(_unglobbed(path)), "duckdb")


def _unglobbed(path: Path) -> str:
    """A path in which DuckDB finds no pattern."""
    text = str(path)
    if any(sign in text for sign in "*?["):
        raise ValueError(text)
    return text


def _pandas(path: Path, kind: str, head: bytes) -> Opened | None:
    pd: Any = importlib.import_module("pandas")
    if kind == "parquet":
        return Opened(pd.read_parquet(path), "pandas")
    rows = ROWS if path.stat().st_size > LARGE else None
    frame = pd.read_csv(path, sep=_delimiter(head), encoding=_encoding(head), nrows=rows)
    about = f"(of the file only the first {len(frame):,} rows were read)" if rows and len(frame) == rows else ""
    return Opened(frame, "pandas", about)


def _pyarrow(path: Path, kind: str, head: bytes) -> Opened | None:
    if kind == "parquet":
        return Opened(importlib.import_module("pyarrow.parquet").read_table(path), "pyarrow")
    if path.stat().st_size > LARGE:
        return None
    made: Any = importlib.import_module("pyarrow.csv")
    return Opened(
        made.read_csv(
            path,
            read_options=made.ReadOptions(encoding=_encoding(head)),
            parse_options=made.ParseOptions(delimiter=_delimiter(head)),
        ),
        "pyarrow",
    )


_BY: dict[str, Callable[[Path, str, bytes], Opened | None]] = {
    "polars": _polars,
    "duckdb": _duckdb,
    "pandas": _pandas,
    "pyarrow": _pyarrow,
}
