"""Colours for the code of a saved answer, from the host's own palette."""

from __future__ import annotations

import re
from functools import cache
from typing import Any

from lmnb.chat.strangers import visible

LIMIT = 60_000
"""Longer code stays plain, as in the live view."""

STYLES = {
    "k": "color:var(--jp-mirror-editor-keyword-color,#008000);font-weight:600",
    "s": "color:var(--jp-mirror-editor-string-color,#ba2121)",
    "n": "color:var(--jp-mirror-editor-number-color,#088000)",
    "b": "color:var(--jp-mirror-editor-builtin-color,#008000)",
    "f": "color:var(--jp-mirror-editor-def-color,#0000ff)",
    "c": "color:var(--jp-mirror-editor-comment-color,#408080);font-style:italic",
}
"""The classes that the live view gives as well. The variables are JupyterLab's and nbconvert's, the rest is their
light theme."""

_ALIASES = {"ipython": "python", "ipython3": "python", "duckdb": "sql", "jsonc": "json"}


def coloured(source: str, language: str) -> str:
    """Source code as HTML spans; plain where the language is not known.

    Args:
        source: Untrusted; it is escaped.
        language: The word after the fence.
    """
    lexer = _lexer(_ALIASES.get(language.lower(), language.lower())) if len(source) <= LIMIT else None
    if lexer is None:
        return visible(source, code=True)
    return "".join(_span(_class(kind), visible(text, code=True)) for kind, text in lexer.get_tokens(source))


@cache
def _lexer(language: str) -> Any:
    from pygments.lexers import get_lexer_by_name  # noqa: PLC0415 - takes its time, and only an answer with code needs it
    from pygments.util import ClassNotFound  # noqa: PLC0415

    if not language:
        return None
    try:
        return get_lexer_by_name(language, stripnl=False, ensurenl=False)
    except ClassNotFound:
        return None


def _span(name: str, html: str) -> str:
    return f'<span class="lmnb-tok-{name}" style="{STYLES[name]}">{html}</span>' if name and html.strip() else html


@cache
def _class(kind: Any) -> str:
    text = re.sub(r"^Token\.?", "", str(kind))
    for prefix, name in _KINDS:
        if text.startswith(prefix):
            return name
    return ""


_KINDS = (
    ("Operator.Word", "k"),
    ("Keyword", "k"),
    ("Literal.String", "s"),
    ("Literal.Number", "n"),
    ("Name.Builtin", "b"),
    ("Name.Exception", "b"),
    ("Name.Decorator", "b"),
    ("Name.Function", "f"),
    ("Name.Class", "f"),
    ("Comment", "c"),
)
