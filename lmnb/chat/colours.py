"""Colours for the code of a saved answer, from the host's own palette."""

from __future__ import annotations

import re
from functools import cache
from typing import Any

from lmnb.chat.strangers import visible

LIMIT = 20_000
"""Longer code stays plain, as in the live view: its colours are ten times its own length in the file."""

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

_CLASSES = {"k": "k", "s": "s", "n": "m", "b": "nb", "f": "nf", "c": "c"}
"""Pygments' own names: of an untrusted notebook the host keeps no inline colour, but its style sheet knows these."""

_LANGUAGES = {
    "bash": "bash console sh shell zsh",
    "json": "json jsonc",
    "python": "gyp ipython ipython3 py pycon python python3",
    "r": "r",
    "sql": "duckdb mysql postgresql sql sqlite",
    "yaml": "yaml yml",
}
"""The languages of the live view, with their other names. More lexers are more ways to hang in a stranger's code."""

_LEXERS = {name: lexer for lexer, names in _LANGUAGES.items() for name in names.split()}


def coloured(source: str, language: str) -> str:
    """Source code as HTML spans; plain where the language is not known.

    Args:
        source: Untrusted; it is escaped.
        language: The word after the fence.
    """
    name = _LEXERS.get(language.lower())
    if name is None or len(source) > LIMIT:
        return visible(source, code=True)
    lexer = _lexer(name)
    return "".join(_span(_class(kind), visible(text, code=True)) for kind, text in lexer.get_tokens(source))


@cache
def _lexer(name: str) -> Any:
    from pygments.lexers import get_lexer_by_name  # noqa: PLC0415 - takes its time, and only an answer with code needs it

    return get_lexer_by_name(name, stripnl=False, ensurenl=False)


def _span(name: str, html: str) -> str:
    return f'<span class="{_CLASSES[name]}" style="{STYLES[name]}">{html}</span>' if name and html.strip() else html


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
    ("Name.Tag", "f"),
    ("Comment", "c"),
)
