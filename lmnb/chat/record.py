"""A turn as data: what the metadata of an output keeps of it, and how it is read again."""

from __future__ import annotations

import dataclasses
import re
import time
from bisect import bisect_right
from typing import TYPE_CHECKING, Any, get_args

from lmnb.chat import superseded
from lmnb.chat.attached import Attached, AttachedKind
from lmnb.chat.events import ModelFacts, Stats
from lmnb.chat.fields import maybe, needed, one_of, plain, short, size, some, typed
from lmnb.chat.forms import Form
from lmnb.chat.problems import Problem, ProblemKind
from lmnb.chat.strangers import whole
from lmnb.chat.turns import Outcome, Part, PartKind, Stage, Turn
from lmnb.chat.window import Window

if TYPE_CHECKING:
    from collections.abc import Sequence

    from lmnb.chat.problems import Choice

VERSION = 1
"""Of the metadata. A newer one is not read; keys that an older reader does not know are no new version."""

LIMIT = 256_000
"""Bytes that one output may take in the metadata. What is longer is cut, first the thoughts, then what was attached,
then the answer, and `truncated` says so."""

PART = 40
"""Bytes of a part besides its text."""

ANSWER = 150_000
"""Bytes that are kept free of attachments while a turn runs: the page completes its record if the kernel dies."""

ATTACHED = 50
"""Attachments that are kept."""

LEFT_OUT = 32
"""Ids of turns that were left out of the context, the newest: all of them in every turn would make a notebook grow with
the square of its length."""

CUT = "Only the beginning of it was saved."
UNSEEN = "The picture itself was not saved."


class TranscriptError(ValueError):
    """Saved metadata that is not a turn: edited, foreign, or of a newer lmnb."""


def write(turn: Turn, beside: Sequence[Turn] = (), *, limit: int = LIMIT) -> dict[str, Any]:
    """What the metadata keeps of a turn: no token, no folder of the person's, no picture.

    Args:
        turn: The one that the conversation goes on with.
        beside: What other models answered to the same prompt.
        limit: Bytes that all may take together.
    """
    share = limit // (1 + len(beside))
    others = {"beside": [_record(one, share) for one in beside]} if beside else {}
    return {"v": VERSION, "turn": _record(turn, share), **others}


def dropped_earlier(turn: Turn) -> int:
    """How many of its cell's earlier turns the record of a turn has no room for. Ask when the turn has ended."""
    return superseded.write(turn)[1]


def _record(turn: Turn, limit: int) -> dict[str, Any]:
    earlier, dropped = superseded.write(turn)
    record: dict[str, Any] = {
        "id": turn.id,
        "cell": turn.cell,
        "talk": turn.talk,
        "alone": turn.alone,
        "pinned": turn.pinned,
        "asked": turn.asked,
        "form": None if turn.form == "markdown" else turn.form,
        "config": dict(turn.config),
        "status": turn.status,
        "host": turn.host and turn.host.rpartition("@")[2],
        "embedded": turn.embedded,
        "versions": dict(turn.versions),
        "model": turn.model,
        "facts": _facts(turn.facts),
        "stats": _said(turn.stats),
        "window": _window(turn.window),
        "prompt_hash": turn.prompt_hash,
        "thought": turn.thought_seconds,
        "tokens": turn.tokens,
        "notices": turn.notices,
        "problem": turn.problem.to_json() if turn.problem else None,
        "earlier": earlier,
        "dropped": dropped,
        "ended": turn.ended,
    }
    record = {key: value for key, value in plain(record).items() if value not in (None, [], {}, False)}
    # A turn at the beginning says so; one that says nothing is older than `after`.
    record |= {"after": turn.after and whole(turn.after), "started": turn.started}
    return {**record, **_texts(turn, limit - size(record) - 300)}


def _texts(turn: Turn, room: int) -> dict[str, Any]:
    """The long texts, as far as there is room: the prompt, the answer, what was attached, the thoughts."""
    said = {"prompt": turn.prompt, "sent": turn.sent, "system": turn.system}
    record: dict[str, Any] = {key: _cut(text, room // 4) for key, text in said.items() if text is not None}
    enclosed = [_attached(one) for one in turn.attached[:ATTACHED]]
    room -= size(record) + size(enclosed)
    kept: dict[int, str] = {}
    for kind in ("text", "attached", "reasoning"):
        if kind == "attached":
            room -= _enclose(enclosed, turn, room - ANSWER if turn.running else room)
        for at, part in enumerate(turn.parts):
            if part.kind == kind and (text := _cut(part.text, room - PART)):
                kept[at] = text
                room -= size(text) + PART
    record["attached"] = enclosed
    record["parts"] = [{"kind": part.kind, "text": kept[at]} for at, part in enumerate(turn.parts) if at in kept]
    pairs = [(text, record.get(key)) for key, text in said.items()]
    pairs += [(part.text, kept.get(at, "")) for at, part in enumerate(turn.parts)]
    cut = any(text is not None and len(whole(text)) > len(left or "") for text, left in pairs)
    if cut or len(turn.attached) > ATTACHED or any("cut" in one for one in enclosed):
        record["truncated"] = True
    return {key: value for key, value in record.items() if value != []}


def _attached(one: Attached) -> dict[str, Any]:
    """An attachment without its text: a picture by its name and hash only."""
    record: dict[str, Any] = {"name": whole(one.name[:200]), "kind": one.kind, "hash": one.hash}
    if one.tokens is not None:
        record["tokens"] = one.tokens
    if notes := [whole(note[:1_000]) for note in one.notes[:10] if note not in (CUT, UNSEEN)]:
        record["notes"] = notes
    if one.image is not None:
        record["image"] = {"name": whole(one.image.name[:200]), "hash": one.image.hash}
    elif UNSEEN in one.notes:
        record["image"] = {}
    if CUT in one.notes:
        record["cut"] = True
    return record


def _enclose(records: list[dict[str, Any]], turn: Turn, room: int) -> int:
    """Put the texts of the attachments into their records, as far as there is room; returns the bytes they take."""
    taken = 0
    for record, one in zip(records, turn.attached, strict=False):
        if not one.text:
            continue
        text = _cut(one.text, room - taken - PART)
        if text:
            record["text"] = text
            taken += size(text) + PART
        if len(text) < len(whole(one.text)):
            record["cut"] = True
    return taken


def _cut(text: str, room: int) -> str:
    """As much of the beginning of a text as fits into some bytes of JSON."""
    if room <= 0:
        return ""
    text = whole(text[:room])
    return (
        text if size(text) <= room else text[: bisect_right(range(len(text)), room, key=lambda n: size(text[:n])) - 1]
    )


def _facts(facts: ModelFacts | None) -> dict[str, Any] | None:
    said = _said(facts)
    # A path within a models folder names a model; a whole one would tell every reader of the notebook whose home it is.
    if said and re.match(r"[/~\\]|[A-Za-z]:", said.get("path", "")):
        said["path"] = re.split(r"[/\\]", said["path"])[-1]
    return said


def _said(value: Stats | ModelFacts | Window | None) -> dict[str, Any] | None:
    if value is None:
        return None
    return {key: said for key, said in dataclasses.asdict(value).items() if said is not None}


def _window(window: Window | None) -> dict[str, Any] | None:
    said = _said(window)
    if said and window:
        said["left_out"] = list(window.left_out[-LEFT_OUT:])
    return {key: value for key, value in said.items() if value} if said else None


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
        prompt=needed(record, "prompt", str),
        cell=short(record, "cell"),
        talk=short(record, "talk"),
        after=short(record, "after"),
        alone=record.get("alone") is True,
        pinned=record.get("pinned") is True,
        id=short(record, "id") or needed({}, "id", str),
        sent=maybe(record, "sent", str),
        system=maybe(record, "system", str),
        asked=maybe(record, "asked", str),
        form=one_of(record, "form", get_args(Form)) if "form" in record else "markdown",
        config=maybe(record, "config", dict) or {},
        status=one_of(record, "status", get_args(Stage) + get_args(Outcome)),
        host=maybe(record, "host", str),
        embedded=record.get("embedded") is True,
        versions=_versions(maybe(record, "versions", dict) or {}),
        model=maybe(record, "model", str),
        facts=_object(ModelFacts, maybe(record, "facts", dict)),
        stats=_object(Stats, maybe(record, "stats", dict)),
        window=_object(Window, maybe(record, "window", dict)),
        prompt_hash=short(record, "prompt_hash"),
        tokens=maybe(record, "tokens", int) or 0,
        notices=[typed("a notice", notice, str) for notice in maybe(record, "notices", list) or []],
        started=min(float(needed(record, "started", float)), time.time()),  # a turn of the future would never grow old
        ended=maybe(record, "ended", float),
    )
    turn.attached = tuple(_attachment(one) for one in some(record, "attached", dict, 1_000))
    for part in some(record, "parts", dict, 100_000):
        turn.parts.append(Part(one_of(part, "kind", get_args(PartKind)), needed(part, "text", str)))
    thought = maybe(record, "thought", float)
    if thought is not None:
        turn.first_fragment, turn.thought_until = turn.started, turn.started + thought
    turn.problem = _problem_of(maybe(record, "problem", dict))
    turn.earlier = superseded.read(maybe(record, "earlier", list) or [], turn)
    return turn


def _attachment(record: dict[str, Any]) -> Attached:
    notes = some(record, "notes", str, 100)
    notes += [UNSEEN] if maybe(record, "image", dict) is not None else []
    notes += [CUT] if record.get("cut") is True else []
    return Attached(
        name=needed(record, "name", str),
        kind=one_of(record, "kind", get_args(AttachedKind)),
        text=maybe(record, "text", str) or "",
        tokens=maybe(record, "tokens", int),
        notes=tuple(notes),
    )


def _versions(record: dict[str, Any]) -> dict[str, str]:
    if len(record) > 20:
        raise ValueError("it has more than 20 versions")
    return {typed("a name", name, str): short(record, name) or "" for name in record}


def _problem_of(record: dict[str, Any] | None) -> Problem | None:
    if record is None:
        return None
    choices: list[Choice] = []
    for choice in needed(record, "choices", list):
        typed("a choice", choice, dict)
        choices.append({"name": needed(choice, "name", str), "note": needed(choice, "note", str)})
    return Problem(
        one_of(record, "kind", get_args(ProblemKind)),
        needed(record, "title", str),
        tuple(typed("a line", line, str) for line in needed(record, "lines", list)),
        tuple(choices),
    )


def _object(kind: Any, record: dict[str, Any] | None) -> Any:
    """The facts, the stats, the window; what a later version has added is left out."""
    if record is None:
        return None
    values: dict[str, Any] = {}
    for field in dataclasses.fields(kind):
        type_, _, optional = str(field.type).partition(" | ")
        if type_ == "tuple[str, ...]":
            values[field.name] = tuple(some(record, field.name, str, 1_000))
        elif optional or field.name in record or field.default is dataclasses.MISSING:
            values[field.name] = (maybe if optional else needed)(record, field.name, _TYPES[type_])
    return kind(**values)


_TYPES: dict[str, type] = {"str": str, "int": int, "float": float, "bool": bool}
