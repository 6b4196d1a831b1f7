"""A turn as data: what the metadata of an output keeps of it, and how it is read again."""

from __future__ import annotations

import dataclasses
import json
import math
import re
from bisect import bisect_right
from typing import TYPE_CHECKING, Any, get_args

from lmnb.chat.events import ModelFacts, Stats
from lmnb.chat.problems import Problem, ProblemKind
from lmnb.chat.strangers import whole
from lmnb.chat.turns import Outcome, Part, PartKind, Stage, Turn

if TYPE_CHECKING:
    from lmnb.chat.problems import Choice

VERSION = 1
"""Of the metadata. A newer one is not read."""

LIMIT = 256_000
"""Bytes that one turn may take in the metadata. What is longer is cut, thoughts first, and `truncated` says so."""

PART = 40
"""Bytes of a part besides its text."""


class TranscriptError(ValueError):
    """Saved metadata that is not a turn: edited, foreign, or of a newer lmnb."""


def write(turn: Turn) -> dict[str, Any]:
    """What the metadata keeps of a turn: at most `LIMIT` bytes, no token, no folder of the person's."""
    record: dict[str, Any] = {
        "id": turn.id,
        "cell": turn.cell,
        "asked": turn.asked,
        "config": _data(turn.config),
        "status": turn.status,
        "host": turn.host and turn.host.rpartition("@")[2],
        "embedded": turn.embedded,
        "model": turn.model,
        "facts": _facts(turn.facts),
        "stats": _said(turn.stats),
        "thought": turn.thought_seconds,
        "tokens": turn.tokens,
        "notices": [whole(notice) for notice in turn.notices],
        "problem": _data(turn.problem.to_json()) if turn.problem else None,
        "ended": turn.ended,
    }
    record = {key: value for key, value in record.items() if value not in (None, [], {}, False)}
    return {"v": VERSION, "turn": {**record, "started": turn.started, **_texts(turn, LIMIT - _size(record) - 300)}}


def _texts(turn: Turn, room: int) -> dict[str, Any]:
    """The long texts, as far as there is room: first the prompt, then the answer, then the thoughts."""
    record: dict[str, Any] = {"prompt": _cut(turn.prompt, room // 3)}
    if turn.system is not None:
        record["system"] = _cut(turn.system, room // 3)
    room -= _size(record)
    kept: dict[int, str] = {}
    for kind in ("text", "reasoning"):
        for at, part in enumerate(turn.parts):
            if part.kind == kind and (text := _cut(part.text, room - PART)):
                kept[at] = text
                room -= _size(text) + PART
    record["parts"] = [{"kind": part.kind, "text": kept[at]} for at, part in enumerate(turn.parts) if at in kept]
    pairs = [(turn.prompt, record["prompt"]), (turn.system, record.get("system"))]
    pairs += [(part.text, kept.get(at, "")) for at, part in enumerate(turn.parts)]
    if any(text is not None and len(whole(text)) > len(left or "") for text, left in pairs):
        record["truncated"] = True
    return {key: value for key, value in record.items() if value != []}


def _cut(text: str, room: int) -> str:
    """As much of the beginning of a text as fits into some bytes of JSON."""
    if room <= 0:
        return ""
    text = whole(text[:room])
    return (
        text if _size(text) <= room else text[: bisect_right(range(len(text)), room, key=lambda n: _size(text[:n])) - 1]
    )


def _size(value: Any) -> int:
    return len(json.dumps(value, ensure_ascii=False).encode())


def _data(value: Any) -> Any:
    """A value as JSON has it; what JSON has no form for, by its name."""
    return json.loads(whole(json.dumps(value, default=repr, skipkeys=True, ensure_ascii=False)))


def _facts(facts: ModelFacts | None) -> dict[str, Any] | None:
    said = _said(facts)
    # A path within a models folder names a model; a whole one would tell every reader of the notebook whose home it is.
    if said and re.match(r"[/~\\]|[A-Za-z]:", said.get("path", "")):
        said["path"] = re.split(r"[/\\]", said["path"])[-1]
    return said


def _said(value: Stats | ModelFacts | None) -> dict[str, Any] | None:
    if value is None:
        return None
    return {key: said for key, said in dataclasses.asdict(value).items() if said is not None}


def read(metadata: Any) -> Turn:
    """The turn that an output's metadata holds.

    Args:
        metadata: Of a saved output, with the key `lmnb`. Untrusted: it is checked, and nothing of it is executed.

    Raises:
        TranscriptError: If it is not a turn of this version.
    """
    found = metadata.get("lmnb") if isinstance(metadata, dict) else None
    if not isinstance(found, dict) or not isinstance(found.get("turn"), dict):
        raise TranscriptError("This output holds no answer of lmnb's.")
    if found.get("v") != VERSION:
        raise TranscriptError(f"This answer was saved by another version of lmnb (format {str(found.get('v'))[:20]}).")
    try:
        return _turn(found["turn"])
    except (TypeError, KeyError, ValueError, OverflowError) as error:
        raise TranscriptError(f"This answer was changed after it was saved: {error}.") from None


def _turn(record: dict[str, Any]) -> Turn:
    turn = Turn(
        prompt=_needed(record, "prompt", str),
        cell=_maybe(record, "cell", str),
        id=_needed(record, "id", str),
        system=_maybe(record, "system", str),
        asked=_maybe(record, "asked", str),
        config=_maybe(record, "config", dict) or {},
        status=_one_of(record, "status", get_args(Stage) + get_args(Outcome)),
        host=_maybe(record, "host", str),
        embedded=record.get("embedded") is True,
        model=_maybe(record, "model", str),
        facts=_object(ModelFacts, _maybe(record, "facts", dict)),
        stats=_object(Stats, _maybe(record, "stats", dict)),
        tokens=_maybe(record, "tokens", int) or 0,
        notices=[_typed("a notice", notice, str) for notice in _maybe(record, "notices", list) or []],
        started=float(_needed(record, "started", float)),
        ended=_maybe(record, "ended", float),
    )
    for part in _maybe(record, "parts", list) or []:
        _typed("a part", part, dict)
        turn.parts.append(Part(_one_of(part, "kind", get_args(PartKind)), _needed(part, "text", str)))
    thought = _maybe(record, "thought", float)
    if thought is not None:
        turn.first_fragment, turn.thought_until = turn.started, turn.started + thought
    turn.problem = _problem_of(_maybe(record, "problem", dict))
    return turn


def _problem_of(record: dict[str, Any] | None) -> Problem | None:
    if record is None:
        return None
    choices: list[Choice] = []
    for choice in _needed(record, "choices", list):
        _typed("a choice", choice, dict)
        choices.append({"name": _needed(choice, "name", str), "note": _needed(choice, "note", str)})
    return Problem(
        _one_of(record, "kind", get_args(ProblemKind)),
        _needed(record, "title", str),
        tuple(_typed("a line", line, str) for line in _needed(record, "lines", list)),
        tuple(choices),
    )


def _object(kind: Any, record: dict[str, Any] | None) -> Any:
    """The facts or the stats; what a later version has added is left out."""
    if record is None:
        return None
    values: dict[str, Any] = {}
    for field in dataclasses.fields(kind):
        type_, _, optional = str(field.type).partition(" | ")
        values[field.name] = (_maybe if optional else _needed)(record, field.name, _TYPES[type_])
    return kind(**values)


_TYPES: dict[str, type] = {"str": str, "int": int, "float": float}


def _one_of(record: dict[str, Any], name: str, choices: tuple[Any, ...]) -> Any:
    value = _needed(record, name, str)
    if value not in choices:
        raise ValueError(f"nothing has the {name} {value[:40]!r}")
    return value


def _needed(record: dict[str, Any], name: str, kind: type) -> Any:
    if name not in record:
        raise ValueError(f"its {name} is missing")
    return _typed(name, record[name], kind)


def _maybe(record: dict[str, Any], name: str, kind: type) -> Any:
    return None if record.get(name) is None else _typed(name, record[name], kind)


def _typed(name: str, value: Any, kind: type) -> Any:
    numeric = kind in {int, float} and isinstance(value, (int, kind)) and not isinstance(value, bool)
    # A clock and a counter stay far below; what is not a number (NaN) is not below anything.
    if numeric and not (math.isfinite(value) and abs(value) < 1e15):
        raise ValueError(f"{name} is no number")
    if not numeric and not isinstance(value, kind):
        raise TypeError(f"{name} is a {type(value).__name__}")
    return value
