"""What others send of a frame, made again from what their sources and documentation say, to be counted and timed."""

from __future__ import annotations

import io
import json
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import pandas as pd


def info(df: pd.DataFrame) -> str:
    text = io.StringIO()
    df.info(buf=text)
    return text.getvalue()


def head(df: pd.DataFrame) -> str:
    """`head().to_markdown()`, without the package that pandas needs for it."""
    rows = [
        list(map(str, df.columns)),
        ["---"] * df.shape[1],
        *([str(one) for one in row] for row in df.head().to_numpy().tolist()),
    ]
    return "\n".join("| " + " | ".join(row) + " |" for row in rows)


def describe(df: pd.DataFrame) -> str:
    return df.describe(include="all").to_string()


def names(df: pd.DataFrame) -> str:
    """VS Code: a variable's name and type."""
    return f"Name: df, Type: {type(df).__name__}"


def csv_head(df: pd.DataFrame) -> str:
    """pandas-ai: a tag with the dimensions around the first rows as CSV."""
    size = f"{df.shape[0]}x{df.shape[1]}"
    return f'<table dialect="duckdb" table_name="df" dimensions="{size}">\n{df.head().to_csv(index=False)}</table>'


def querychat(df: pd.DataFrame) -> str:
    """querychat: a type per column, with its range, or its categories where there are at most 20."""
    lines = ["Table: df", "Columns:"]
    for name in df.columns:
        column = df[name]
        if column.dtype.kind in "iufM":
            lines += [f"- {name} ({column.dtype})", f"  Range: {column.min()} to {column.max()}"]
        else:
            different = column.dropna().astype(str).unique()
            lines.append(f"- {name} (TEXT)")
            if len(different) <= 20:
                lines.append("  Categorical values: " + ", ".join(f"'{one}'" for one in different))
    return "\n".join(lines)


def marimo(df: pd.DataFrame) -> str:
    """marimo: shape, and of each column its type and up to three values."""
    lines = [f"Variable: df, shape {df.shape}"]
    lines += [f"- {name} ({df[name].dtype}) - samples: {df[name].head(3).tolist()}" for name in df.columns]
    return "\n".join(lines)


def mito(df: pd.DataFrame) -> str:
    """Mito: JSON, of each column its type and five values."""
    columns = {
        str(name): {"dtype": str(df[name].dtype), "samples": [str(one)[:50] for one in df[name].head(5)]}
        for name in df.columns
    }
    return json.dumps({"variable_name": "df", "type": "pd.DataFrame", "value": columns})


FORMATS = {
    "info()": info,
    "head() md": head,
    "describe()": describe,
    "VS Code": names,
    "pandas-ai": csv_head,
    "querychat": querychat,
    "marimo": marimo,
    "Mito": mito,
}
