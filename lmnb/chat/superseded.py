"""What a cell had asked and was answered before it was run again, as its own output keeps it: words only."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, get_args

from lmnb.chat.fields import maybe, needed, one_of, plain, short, size, typed
from lmnb.chat.turns import Outcome, Part, Turn

if TYPE_CHECKING:
    from collections.abc import Sequence

MOST = 5
"""Turns that are kept with their words."""

NAMED = 20
"""Turns that are kept at all; those that read like a newer one take a few bytes."""

ROOM = 64_000
"""Bytes that they may take together."""


def write(turn: Turn) -> tuple[list[dict[str, Any]], int]:
    """The earlier turns of a turn's cell as data, the newest first, and how many were dropped.

    One that reads like a newer one is kept by its id, so that the turns that followed it still find their place; it
    counts as dropped nowhere, as its words are there.
    """
    kept: list[dict[str, Any]] = []
    newer: list[Turn] = [turn]
    for old in turn.earlier:
        entry = plain(_entry(old, newer))
        kept.append(entry)
        worded = sum("same" not in one for one in kept)
        if worded > MOST or len(kept) > NAMED or size(kept) > ROOM:
            kept.pop()
            break
        newer.append(old)
    words = [_words(one) for one in newer]
    return kept, sum(_words(old) not in words for old in turn.earlier[len(kept) :])


def _entry(old: Turn, newer: Sequence[Turn]) -> dict[str, Any]:
    after = {"after": old.after}
    talk = {"talk": old.talk} if old.talk != newer[0].talk else {}
    like = next((one for one in newer if _words(one) == _words(old)), None)
    if like is not None:
        return {"id": old.id, "same": like.id, **talk, **(after if like.after != old.after else {})}
    status = old.status if old.status in get_args(Outcome) and old.status != "done" else None
    said = {"sent": old.sent, "system": old.system, "model": old.model, "status": status}
    kept = {key: value for key, value in said.items() if value is not None}
    return {"id": old.id, **talk, **after, **kept, "prompt": old.prompt, "answer": old.text, "started": old.started}


def _words(turn: Turn) -> tuple[str | None, ...]:
    return turn.prompt, turn.said, turn.system, turn.model, turn.text.strip()


def read(entries: list[Any], turn: Turn) -> tuple[Turn, ...]:
    """The earlier turns of a turn that was read.

    Args:
        entries: Untrusted.
        turn: The one that took their place.

    Raises:
        ValueError: If an entry is none, or there are too many.
        TypeError: If a field has another type.
    """
    if len(entries) > NAMED:
        raise ValueError("it has too many earlier turns")
    known = {turn.id: turn}
    found: list[Turn] = []
    for entry in entries:
        typed("an earlier turn", entry, dict)
        old = _turn(entry, turn, known)
        known.setdefault(old.id, old)
        found.append(old)
    return tuple(found)


def _turn(entry: dict[str, Any], turn: Turn, known: dict[str, Turn]) -> Turn:
    name = short(entry, "id")
    if not name:
        raise ValueError("an earlier turn has no id")
    like = None
    if (same := short(entry, "same")) is not None:
        if same not in known:
            raise ValueError("an earlier turn is like one that is not there")
        like = known[same]
    old = Turn(
        like.prompt if like else needed(entry, "prompt", str),
        id=name,
        cell=turn.cell,
        talk=short(entry, "talk") if "talk" in entry else turn.talk,
        after=short(entry, "after") if "after" in entry or like is None else like.after,
        sent=like.sent if like else maybe(entry, "sent", str),
        system=like.system if like else maybe(entry, "system", str),
        model=like.model if like else maybe(entry, "model", str),
        status=like.status if like else one_of({"status": "done", **entry}, "status", get_args(Outcome)),
        started=like.started if like else float(needed(entry, "started", float)),
    )
    old.ended = old.started
    if answer := like.text if like else needed(entry, "answer", str):
        old.parts.append(Part("text", answer))
    return old
