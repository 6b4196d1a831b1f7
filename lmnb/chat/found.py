"""The JSON in an answer, wherever the model put it: the whole answer, a block of code, or somewhere in the prose."""

from __future__ import annotations

import json
import re
from dataclasses import dataclass
from typing import Any

from lmnb.chat.markdown import CodeBlock, code_blocks

# What begins like this was meant as data; what cannot be read of it is an error, and no piece of it is the answer.
_MEANT = re.compile(r"(?:\[\s*)?\{\s*(?:\"[^\"\n]*\"|'[^'\n]*'|[A-Za-z_]\w*)\s*:")

_BROKEN = (ValueError, RecursionError)

TRIES = 1_000
"""Brackets at which a value may begin in prose; a text with more of them is a trap."""


@dataclass(frozen=True)
class Value:
    """What was asked for, and what the person should know about it, in sentences."""

    value: Any
    notices: tuple[str, ...] = ()


def json_in(text: str) -> Value:
    """The JSON of an answer.

    Args:
        text: Markdown. If it is JSON as a whole, that is the value; else the first block of code that is; else the
            first object, or list of objects, in the prose; else the first list. `[1]` in a sentence is a footnote more
            often than an answer.

    Raises:
        ValueError: A sentence: there is none, it is broken, or the answer ends in the middle of it.
    """
    try:
        return Value(json.loads(text))
    except _BROKEN as error:
        whole = error
    blocks = code_blocks(text) if "```" in text or "~~~" in text else []
    return _in_blocks(blocks) or _in_prose(text) or _nowhere(text, whole)


def _in_blocks(blocks: list[CodeBlock]) -> Value | None:
    named = [block for block in blocks if "json" in block.language]
    found: list[Any] = []
    broken: Exception | None = None
    for block in named or blocks:
        try:
            found.append(json.loads(block.source))
        except _BROKEN as error:
            broken = broken or error
    if found:
        return Value(found[0], _others(len(found)))
    if named and broken is not None:
        raise ValueError(f"The JSON in the answer cannot be read: {_why(broken)}.")
    return None


def _in_prose(text: str) -> Value | None:
    values, at = [], 0
    read = json.JSONDecoder().raw_decode
    for _ in range(TRIES):
        start = re.compile(r"[{\[]").search(text, at)
        if start is None:
            break
        try:
            value, at = read(text, start.start())
            values.append(value)
        except _BROKEN as error:
            if _ends_inside(error, text) or _MEANT.match(text, start.start()):
                if any(map(_is_data, values)):
                    break
                raise ValueError(f"The JSON in the answer cannot be read: {_why(error, text)}.") from None
            at = start.end()
    if not values:
        return None
    data = [value for value in values if _is_data(value)]
    return Value((data or values)[0], _others(len(data or values)))


def _is_data(value: Any) -> bool:
    return isinstance(value, dict) or (isinstance(value, list) and any(isinstance(item, dict) for item in value))


def _ends_inside(error: Exception, text: str) -> bool:
    return isinstance(error, json.JSONDecodeError) and (
        error.msg.startswith("Unterminated") or error.pos >= len(text.rstrip())
    )


def _why(error: Exception, text: str | None = None) -> str:
    if text is not None and _ends_inside(error, text):
        return "it ends in the middle"
    if isinstance(error, RecursionError):
        return "its brackets are nested too deeply"
    if isinstance(error, json.JSONDecodeError):
        return f"{error.msg[:1].lower()}{error.msg[1:]} in line {error.lineno}, column {error.colno}"
    return str(error).rstrip(".") or type(error).__name__


def _others(count: int) -> tuple[str, ...]:
    return (f"The answer holds {count} JSON values; this is the first.",) if count > 1 else ()


def _nowhere(text: str, whole: Exception) -> Value:
    if not text.strip():
        raise ValueError("The answer is empty, so there is no JSON in it.")
    said = isinstance(whole, json.JSONDecodeError)
    raise ValueError("There is no JSON in the answer." if said else f"The JSON in it cannot be read: {_why(whole)}.")
