"""A file that goes along with a prompt: a table as its card, a picture, a notebook's cells, or its text."""

from __future__ import annotations

import codecs
import csv
import json
from dataclasses import dataclass
from typing import TYPE_CHECKING

from lmnb.chat.problems import ChatError, Problem
from lmnb.context import cells, pictures
from lmnb.context.values import plural, size

if TYPE_CHECKING:
    from pathlib import Path

    from lmnb.chat.attached import Attached
    from lmnb.context.telling import Telling

READ = 100_000
"""Bytes of a text that are read."""

DATA = 8_000
"""Bytes of CSV or JSON that go along as they are; of more the card does."""

WHOLE = 20_000_000
"""Bytes of a picture, a notebook or JSON that is read whole."""

HEAD_LINES = 20
"""Lines of a table's file that no library can read."""

TABLES = {".csv": "csv", ".tsv": "csv", ".tab": "csv", ".parquet": "parquet"}

_MARKS = (
    (codecs.BOM_UTF8, "utf-8-sig"),
    (codecs.BOM_UTF32_LE, "utf-32"),
    (codecs.BOM_UTF32_BE, "utf-32"),
    (codecs.BOM_UTF16_LE, "utf-16"),
    (codecs.BOM_UTF16_BE, "utf-16"),
)
_INSTEAD = {
    ".xlsx": 'Read it into a table and attach that: `df = pd.read_excel("{name}")`, then `-a df`.',
    ".xls": 'Read it into a table and attach that: `df = pd.read_excel("{name}")`, then `-a df`.',
    ".feather": 'Read it into a table and attach that: `df = pd.read_feather("{name}")`, then `-a df`.',
    ".pdf": "Take its text out first, and attach that.",
    ".npy": 'Load it and attach that: `a = np.load("{name}")`, then `-a a`.',
}


@dataclass(frozen=True)
class Text:
    """A text as it was read from a file.

    Attributes:
        text: It, or its beginning.
        encoding: In which it was read.
        notes: What was guessed or cut.
    """

    text: str
    encoding: str
    notes: tuple[str, ...] = ()


def attach(path: Path, name: str, telling: Telling) -> Attached:
    """What goes along of a file. Reads at most some megabytes, and of a table what its library reads.

    Args:
        path: Where it is.
        name: As the person calls it.
        telling: How much is told.

    Raises:
        ChatError: If there is nothing to be read in it, or it cannot be read.
    """
    try:
        if not path.is_file():
            raise refused(f"`{name}` is no file that can be read.", "Attach a file, or a variable.")
        long = path.stat().st_size
        with path.open("rb") as file:
            data = file.read(READ)
        return _attach(path, name, telling, data, long)
    except OSError as error:
        raise refused(f"`{name}` cannot be read: {error.strerror or error}.", "Nothing was sent.") from None


def refused(title: str, *lines: str) -> ChatError:
    """An attachment that does not go along."""
    return ChatError(Problem("refused", title, lines))


def _attach(path: Path, name: str, telling: Telling, data: bytes, long: int) -> Attached:
    suffix = path.suffix.lower()
    if pictures.kind_of(data) is not None:
        return _picture(path, name, telling, long)
    table = TABLES.get(suffix)
    if table == "parquet" or (table and long > DATA):
        found = _table(path, name, telling, data, table)
        if found is not None:
            return found
    if (suffix in (".ipynb", ".json") and long > DATA) or suffix == ".ipynb":
        found = _json(path, name, telling, suffix, long)
        if found is not None:
            return found
    read = text_of(data, whole=long <= len(data))
    if read is None:
        raise _binary(name, suffix, long)
    if table and long > DATA:
        return _head(read.text, name, telling, read.notes)
    return _text(read, name, telling, long)


def _binary(name: str, suffix: str, long: int) -> ChatError:
    instead = _INSTEAD.get(suffix, "Attach what is in it as a variable, a text file or a picture.")
    return refused(
        f"`{name}` is no text and no picture that a model could read ({size(long)}).",
        "Nothing was sent.",
        instead.format(name=name),
    )


def _text(read: Text, name: str, telling: Telling, long: int) -> Attached:
    text, masked = telling.cleaned(read.text.rstrip("\n"))
    notes = [*read.notes, *masked]
    if long > READ:
        left = f"only the first {size(READ)} of {size(long)}"
        text, notes = f"{text}\n… {left}", [left, *notes]
    return telling.attached(name, "file", text or "(an empty file)", notes=notes)


def text_of(data: bytes, *, whole: bool) -> Text | None:
    """Bytes as text; None where they are none.

    Args:
        data: The file, or its beginning.
        whole: Whether it is all of it: else a character may be cut at the end.
    """
    mark = next((name for mark, name in _MARKS if data.startswith(mark)), None)
    if mark is None and b"\0" in data:
        return None
    for encoding in (mark,) if mark else ("utf-8", "cp1252"):
        try:
            text = codecs.getincrementaldecoder(encoding)().decode(data, whole)
        except UnicodeDecodeError:
            continue
        if _odd(text) > 0.02 * len(text) + 2:
            return None
        guess = ("read as Windows-1252, as it is not UTF-8: a guess",) if encoding == "cp1252" else ()
        return Text(text.replace("\r\n", "\n"), encoding, guess)
    return None


def _odd(text: str) -> int:
    """Characters that stand in no text."""
    return sum(1 for one in text if (one < " " and one not in "\t\n\r\f\x1b") or "\x7f" <= one < "\xa0")


def _picture(path: Path, name: str, telling: Telling, long: int) -> Attached:
    if long > WHOLE * 5:
        raise refused(f"`{name}` is a picture of {size(long)}.", "Make it smaller, and attach that.")
    image, notes = pictures.shrunk(path.read_bytes(), path.name)
    return telling.attached(name, "image", "", image=image, notes=notes)


def _json(path: Path, name: str, telling: Telling, suffix: str, long: int) -> Attached | None:
    """A notebook's cells, or the card of what is in JSON; None where it is not what it is called."""
    if long > WHOLE:
        return None
    try:
        data = json.loads(path.read_bytes())
    except (ValueError, RecursionError):
        return None
    if suffix == ".json":
        card = telling.card(data, name)
        return telling.attached(name, "file", card.text, notes=card.notes, tokens=card.tokens)
    some = data.get("cells") if isinstance(data, dict) else None
    if not isinstance(some, list):
        return None
    said = cells.notebook([cell for cell in some if isinstance(cell, dict)])
    text, masked = telling.cleaned(said[:READ])
    notes = ["cells without their outputs", *masked]
    if len(said) > READ:
        text += f"\n… {len(said) - READ:,} letters"
        notes.append(f"only the first {READ:,} letters")
    return telling.attached(name, "file", text or "(a notebook without cells)", notes=notes)


def _table(path: Path, name: str, telling: Telling, data: bytes, kind: str) -> Attached | None:
    """The card of a table's file, by a library that is there; None where there is none."""
    from lmnb.context import table_files

    opened = table_files.opened(path, kind, data)
    if opened is None:
        if kind != "parquet":
            return None
        if there := table_files.there():
            raise refused(f"`{name}` cannot be read as a table (Parquet), by {', '.join(there)}.", "Nothing was sent.")
        raise refused(
            f"`{name}` is a table (Parquet), and nothing is installed that reads it.",
            "`%pip install pyarrow`, or polars, duckdb, pandas.",
        )
    card = telling.card(opened.frame, name)
    text = f"{card.text}\n{opened.about}" if opened.about else card.text
    notes = (*filter(None, [opened.about]), *card.notes, f"read by {opened.by}")
    return telling.attached(name, "file", text, notes=notes, tokens=None if opened.about else card.tokens)


def _head(text: str, name: str, telling: Telling, notes: tuple[str, ...]) -> Attached:
    """The first lines of a table that nothing here can read, and how many there are in what was read."""
    lines = text.splitlines()
    clean, masked = telling.cleaned("\n".join(line[:1_000] for line in lines[:HEAD_LINES]))
    more = f"only the first {plural(min(HEAD_LINES, len(lines)), 'line')}: no library here reads the table"
    return telling.attached(name, "file", f"{clean}\n… {more}", notes=(more, *masked, *notes))


def delimiter(sample: str) -> str:
    """What stands between the columns of a table."""
    try:
        return csv.Sniffer().sniff(sample[:10_000], ",;\t|").delimiter
    except csv.Error:
        return "\t" if "\t" in sample.partition("\n")[0] else ","
