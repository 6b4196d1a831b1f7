"""The saved form of a turn: what stays in the notebook file, and how a turn is read from it again."""

from __future__ import annotations

import dataclasses
from typing import TYPE_CHECKING, Any, TypedDict, get_args

from lmnb.chat.events import ModelFacts, Stats
from lmnb.chat.markdown import to_html
from lmnb.chat.painting import facts, who
from lmnb.chat.problems import Problem
from lmnb.chat.strangers import visible, words
from lmnb.chat.turns import Outcome, Part, PartKind, Stage, Status, Turn

if TYPE_CHECKING:
    from collections.abc import Mapping

VERSION = 1
"""Of the metadata. A newer one is not read."""

LIMIT = 256_000
"""Characters of text one turn may keep in the metadata; a longer one is cut, and says so."""


class Bundle(TypedDict):
    """A display bundle: `data` by MIME type, and `metadata` with the turn under `lmnb`."""

    data: dict[str, str]
    metadata: dict[str, Any]


class TranscriptError(ValueError):
    """Saved metadata that is not a turn: edited, foreign, or of a newer lmnb."""


def bundle(turn: Turn) -> Bundle:
    """The static form of a turn. Pure; takes milliseconds for a long answer."""
    return {"data": {"text/html": html(turn), "text/plain": plain(turn)}, "metadata": {"lmnb": _record(turn)}}


def seed(turn: Turn) -> dict[str, Any]:
    """What is known of a turn at its start, as the metadata of its live view."""
    return _record(turn)


def plain(turn: Turn) -> str:
    """The answer's own Markdown; for a turn that failed, what went wrong as well."""
    pieces = [turn.text.strip("\n"), str(turn.problem) if turn.problem else ""]
    return "\n\n".join(piece for piece in pieces if piece) or " · ".join([who(turn), *facts(turn)])


def html(turn: Turn) -> str:
    """The answer as the live view shows it at the end: status row, notices, thoughts, answer, problem."""
    status = "".join(f" · <bdi>{visible(fact)}</bdi>" for fact in facts(turn))
    rows = [f'<div class="lmnb-saved"><small><b>{visible(who(turn))}</b>{status}</small></div>']
    rows += [f"<div><small>{words(notice)}</small></div>" for notice in turn.notices]
    if turn.reasoning.strip():
        rows.append(f"<details><summary><small>{_thought(turn)}</small></summary>{to_html(turn.reasoning)}</details>")
    if turn.text.strip():
        rows += ["<p></p>", to_html(turn.text)]
    if turn.problem is not None:
        rows += ["<p></p>", _problem(turn.problem)]
    return "\n".join(rows)


def _thought(turn: Turn) -> str:
    seconds = turn.thought_seconds
    return "Thoughts" if seconds is None else f"Thought for {max(1, round(seconds))} s"


def _problem(problem: Problem) -> str:
    lines = [f"<p><b>{words(problem.title)}</b></p>"]
    if problem.choices:
        items = "".join(f"<li><code>{visible(c['name'])}</code> {visible(c['note'])}</li>" for c in problem.choices)
        lines.append(f"<ul>{items}</ul>")
    return "".join([*lines, *(f"<p>{words(line)}</p>" for line in problem.lines)])


def _record(turn: Turn) -> dict[str, Any]:
    parts, truncated = _parts(turn)
    record = {
        "id": turn.id,
        "cell": turn.cell,
        "prompt": turn.prompt[:LIMIT],
        "system": turn.system,
        "asked": turn.asked,
        "config": dict(turn.config),
        "status": turn.status,
        "host": turn.host,
        "embedded": turn.embedded,
        "model": turn.model,
        "facts": _said(turn.facts),
        "stats": _said(turn.stats),
        "parts": parts,
        "thought": turn.thought_seconds,
        "tokens": turn.tokens,
        "notices": list(turn.notices),
        "problem": turn.problem.to_json() if turn.problem else None,
        "started": turn.started,
        "ended": turn.ended,
        "truncated": truncated or len(turn.prompt) > LIMIT,
    }
    return {"v": VERSION, "turn": {key: value for key, value in record.items() if value not in (None, [], {}, False)}}


def _parts(turn: Turn) -> tuple[list[dict[str, str]], bool]:
    left, parts = LIMIT, []
    for part in turn.parts:
        parts.append({"kind": part.kind, "text": part.text[:left]})
        left -= len(parts[-1]["text"])
    return parts, sum(len(part.text) for part in turn.parts) > LIMIT


def _said(value: Stats | ModelFacts | None) -> dict[str, Any] | None:
    if value is None:
        return None
    return {key: said for key, said in dataclasses.asdict(value).items() if said is not None}


def read(metadata: Mapping[str, Any]) -> Turn:
    """The turn that an output's metadata holds.

    Args:
        metadata: Of a saved output, with the key `lmnb`. Untrusted: it is checked, and nothing of it is executed.

    Raises:
        TranscriptError: If it is not a turn of this version.
    """
    found = metadata.get("lmnb")
    if not isinstance(found, dict) or not isinstance(found.get("turn"), dict):
        raise TranscriptError("This output holds no answer of lmnb's.")
    if found.get("v") != VERSION:
        raise TranscriptError(f"This answer was saved by another version of lmnb (format {found.get('v')!r}).")
    try:
        return _turn(found["turn"])
    except (TypeError, KeyError, ValueError) as error:
        raise TranscriptError(f"This answer was changed after it was saved: {error}") from None


def _turn(record: dict[str, Any]) -> Turn:
    turn = Turn(
        prompt=_typed(record["prompt"], str),
        cell=_maybe(record, "cell", str),
        id=_typed(record["id"], str),
        system=_maybe(record, "system", str),
        asked=_maybe(record, "asked", str),
        config=_maybe(record, "config", dict) or {},
        status=_status(record["status"]),
        host=_maybe(record, "host", str),
        embedded=record.get("embedded") is True,
        model=_maybe(record, "model", str),
        facts=_object(ModelFacts, _maybe(record, "facts", dict)),
        stats=_object(Stats, _maybe(record, "stats", dict)),
        tokens=_maybe(record, "tokens", int) or 0,
        notices=[_typed(notice, str) for notice in _maybe(record, "notices", list) or []],
        started=float(_typed(record["started"], (int, float))),
        ended=_maybe(record, "ended", (int, float)),
    )
    for part in _maybe(record, "parts", list) or []:
        if part["kind"] not in get_args(PartKind):
            raise ValueError(f"a part of kind {part['kind']!r}")
        turn.parts.append(Part(part["kind"], _typed(part["text"], str)))
    thought = _maybe(record, "thought", (int, float))
    if thought is not None:
        turn.first_fragment, turn.thought_until = turn.started, turn.started + thought
    turn.problem = _problem_of(_maybe(record, "problem", dict))
    return turn


def _problem_of(record: dict[str, Any] | None) -> Problem | None:
    if record is None:
        return None
    lines = tuple(_typed(line, str) for line in record["lines"])
    choices = tuple({"name": _typed(c["name"], str), "note": _typed(c["note"], str)} for c in record["choices"])
    return Problem(_typed(record["kind"], str), _typed(record["title"], str), lines, choices)  # type: ignore[arg-type]


def _status(value: Any) -> Status:
    if value not in (*get_args(Stage), *get_args(Outcome)):
        raise ValueError(f"a status {value!r}")
    status: Status = value
    return status


def _typed(value: Any, kind: type | tuple[type, ...]) -> Any:
    if not isinstance(value, kind):
        raise TypeError(f"{value!r} where {kind} belongs")
    return value


def _maybe(record: dict[str, Any], key: str, kind: type | tuple[type, ...]) -> Any:
    return None if record.get(key) is None else _typed(record[key], kind)


def _object(kind: Any, record: dict[str, Any] | None) -> Any:
    if record is None:
        return None
    return kind(**{field.name: record[field.name] for field in dataclasses.fields(kind) if field.name in record})
