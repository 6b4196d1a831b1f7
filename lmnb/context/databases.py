"""Connections to databases as cards: their tables, columns and keys. No table is read.

sqlite3, DuckDB and SQLAlchemy are asked on a cursor of our own, so that what the person's cursor holds stays there.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from lmnb.context.ladder import Item
from lmnb.context.values import label, line, plural

if TYPE_CHECKING:
    from collections.abc import Sequence

    from lmnb.context.ladder import Draft
    from lmnb.context.tables import Wish

TABLES = 300
"""More tables than that are only counted."""


def sqlite(draft: Draft, native: Any, wish: Wish) -> None:
    """A sqlite3 connection; asked on the thread that opened it."""
    cursor = native.cursor()
    cursor.row_factory = None
    found = cursor.execute(
        "SELECT name, type FROM sqlite_master WHERE type IN ('table', 'view') AND name NOT LIKE 'sqlite_%' "
        "ORDER BY rowid"
    ).fetchall()
    _head(draft, len(found))
    for raw, kind in found[:TABLES]:
        name = _text(raw)
        quoted = '"' + name.replace('"', '""') + '"'
        rows = cursor.execute(f"PRAGMA table_info({quoted})").fetchall()
        keys = cursor.execute(f"PRAGMA foreign_key_list({quoted})").fetchall()
        to = {_text(key[3]): f"{label(_text(key[2]))}.{label(_text(key[4] or 'rowid'))}" for key in keys}
        columns = [(_text(row[1]), _text(row[2]).lower() + " key" * bool(row[5])) for row in rows]
        draft.items.append(_table(name, _text(kind), columns, to, draft, wish))


def duckdb(draft: Draft, native: Any, wish: Wish) -> None:
    """A DuckDB connection."""
    cursor = native.cursor()
    try:
        found = cursor.execute(
            "SELECT schema_name, table_name, column_name, data_type FROM duckdb_columns() WHERE NOT internal "
            "ORDER BY database_oid, schema_oid, table_oid, column_index"
        ).fetchall()
        sizes = dict(
            cursor.execute("SELECT table_name, estimated_size FROM duckdb_tables() WHERE NOT internal").fetchall()
        )
    finally:
        cursor.close()
    tables: dict[tuple[str, str], list[tuple[str, str]]] = {}
    for schema, table, column, kind in found:
        tables.setdefault((schema, table), []).append((column, str(kind).lower()))
    _head(draft, len(tables))
    for (schema, table), columns in list(tables.items())[:TABLES]:
        name = table if schema == "main" else f"{schema}.{table}"
        kind = "table" if table in sizes else "view"
        rows = f" ~{plural(int(sizes[table]), 'row')}" if sizes.get(table) is not None else ""
        draft.items.append(_table(name, kind + rows, columns, {}, draft, wish))


def sqlalchemy(draft: Draft, native: Any, wish: Wish) -> None:
    """A SQLAlchemy engine or connection."""
    from sqlalchemy import inspect  # type: ignore[import-not-found, unused-ignore] # there where such an object is

    asked = inspect(native)
    names = asked.get_table_names()
    _head(draft, len(names))
    draft.head += f", {line(str(native.dialect.name), 30)}"
    for name in names[:TABLES]:
        columns = [(str(one["name"]), line(str(one["type"]), 40).lower()) for one in asked.get_columns(name)]
        keys = asked.get_foreign_keys(name)
        to = {key["constrained_columns"][0]: label(key["referred_table"]) for key in keys if key["constrained_columns"]}
        draft.items.append(_table(name, "table", columns, to, draft, wish))


def _head(draft: Draft, tables: int) -> None:
    draft.head, draft.noun = f", {plural(tables, 'table')}", "table"


def _text(raw: object) -> str:
    """A name as text: `text_factory` may have made bytes of it."""
    return raw.decode("utf-8", "replace") if isinstance(raw, bytes) else str(raw)


def _table(
    name: str, kind: str, columns: Sequence[tuple[str, str]], to: dict[str, str], draft: Draft, wish: Wish
) -> Item:
    """A table as a line: its columns with types and where they lead, in short its columns' names."""
    shown = label(name)
    if wish.level == "names":
        return Item(shown, kind)
    told = [f"{label(one)} {line(of, 40)}".rstrip() + (f" → {to[one]}" if one in to else "") for one, of in columns]
    names = [label(one) for one, _ in columns]
    first = wish.meant(name, wish.named, draft.name)
    full, short = f"({', '.join(told)})", f"({', '.join(names)})"
    return (
        Item(shown, kind, full, short, first=first)
        if wish.level != "schema"
        else Item(f"{shown} {full}", "", first=first)
    )
