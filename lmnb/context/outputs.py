"""What a cell printed and showed, reduced to what a model can use: no pictures in letters, no HTML, no thousand lines.

All of it is a stranger's text: what steers a terminal goes, and so does what shows as nothing but is read by a model.
"""

from __future__ import annotations

import json
import re
from typing import TYPE_CHECKING, Any

from lmnb.chat.strangers import bare
from lmnb.context.values import plural, size

if TYPE_CHECKING:
    from collections.abc import Mapping

LINES = 24
"""Lines of an output that are kept: so many from its beginning and, less a third, from its end."""

WIDTH = 240
"""Characters of a line that are kept."""

READ = 400_000
"""Characters of an output that are looked at: half from its beginning, half from its end."""

_ANSI = re.compile(r"\x1b(?:\[[0-?]*[ -/]*[@-~]|\][^\x07\x1b]{0,2000}(?:\x07|\x1b\\)?|[@-Z\\-_])")
_BASE64 = re.compile(r"(?:data:[\w.+/-]{3,80};base64,)?[A-Za-z0-9+/]{160,}={0,2}")
_ERASED = re.compile(r"[^\n\x08]\x08")
# What chat templates are made of. A tokenizer may read it as what it stands for, wherever it stands.
_MARK = re.compile(r"<\|(?=[A-Za-z_]\w{0,40}\|>)")


def harmless(text: str) -> str:
    """A stranger's text without colours, control characters, invisible letters, and the marks of chat templates."""
    text = _ANSI.sub("", text.replace("\r\n", "\n"))
    return _MARK.sub(r"\\x3c|", bare(text))


def printed(text: str, *, lines: int = LINES) -> str:
    """What a cell printed, as it stood on the screen at last, without its middle where it was long.

    Args:
        text: As it was written to the stream.
        lines: How many lines of it are kept.
    """
    text = text.replace("\r\n", "\n").rstrip()
    first = last = _rows(text[:READ])
    if len(text) <= READ and len(first) <= lines + 1:
        return "\n".join(_row(row) for row in first)
    if len(text) > READ:
        first, last = _rows(text[: READ // 2]), _rows(text[-READ // 2 :])
    head, tail = lines - lines // 3, lines // 3
    kept = [*first[:head], *last[len(last) - tail :]]
    left = text.count("\n") + 1 - len(kept)
    rows = [_row(row) for row in kept]
    rows.insert(min(head, len(first)), f"… {plural(left, 'line')} …" if left > 0 else "…")
    return "\n".join(rows)


def _rows(text: str) -> list[str]:
    """Lines as they stood at last: a progress bar goes back to the beginning of its line, or by letters."""
    return [_last(row) for row in _ANSI.sub("", text).split("\n")]


def _last(row: str) -> str:
    if "\r" in row:
        row = next((part for part in reversed(row.split("\r")) if part.strip()), "")
    for _ in range(50):
        shorter = _ERASED.sub("", row)
        if shorter == row:
            break
        row = shorter
    return row


def _row(row: str) -> str:
    row = _BASE64.sub(lambda found: f"(base64, {size(len(found[0]) * 3 // 4)})", row)
    row = harmless(row)
    return row if len(row) <= WIDTH + 20 else f"{row[:WIDTH]}… (+{len(row) - WIDTH:,} characters)"


def shown(bundle: Mapping[str, Any], *, lines: int = LINES) -> str:
    """What a cell showed, by the richest of its forms that can be read; of a picture or a widget, that it is one.

    Args:
        bundle: Its forms by MIME type.
        lines: How many lines of it are kept.
    """
    kinds = [str(kind) for kind in bundle]
    if named := next((word for kind in kinds for part, word in _NAMED.items() if kind.startswith(part)), ""):
        said = text_of(bundle.get("text/plain"))
        return f"[{named}]" if not said or said.startswith(("<", "Figure(", "alt.")) else printed(said, lines=lines)
    for kind in ("text/markdown", "text/plain", "text/latex"):
        if said := text_of(bundle.get(kind)):
            return printed(said, lines=lines)
    if "application/json" in bundle:
        return printed(_json(bundle["application/json"]), lines=lines)
    if html := text_of(bundle.get("text/html")):
        return f"[HTML, {size(len(html))}]"
    return f"[{', '.join(sorted(kinds)[:3])}]" if kinds else ""


_NAMED = {
    "application/vnd.jupyter.widget": "a widget",
    "application/vnd.plotly": "a plotly figure",
    "application/vnd.vega": "an altair chart",
    "image/": "a picture",
    "video/": "a video",
    "audio/": "a sound",
}


def text_of(value: Any) -> str:
    """A text as a notebook's file has it, where it may be a list of lines; "" for anything else."""
    if isinstance(value, list):
        return "".join(part for part in value if isinstance(part, str))
    return value if isinstance(value, str) else ""


def _json(value: Any) -> str:
    try:
        return json.dumps(value, ensure_ascii=False)[:READ]
    except (TypeError, ValueError, RecursionError):
        return "[JSON]"
