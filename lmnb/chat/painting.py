"""What a view needs to know of a turn besides its text."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING, TypedDict

if TYPE_CHECKING:
    from lmnb.chat.problems import ProblemJSON
    from lmnb.chat.turns import Turn


class State(TypedDict):
    """The state of a turn as it crosses the wire; `js/src/protocol.ts` mirrors it.

    Keys:
        status: A stage or an outcome (`lmnb.chat.turns.Status`).
        who: The model, or "LM Studio" before one is known.
        host: The server, "" before one is known.
        progress: Of loading or reading, 0 to 1, else null.
        elapsed: Seconds since the turn began, when this state was painted; the view's clock goes on from there.
        tokens: Predicted so far.
        rate: Tokens per second, or null.
        thought: Seconds of thinking, or null.
        facts: Of a turn that has ended, in order of need: "412 tokens", "38.2 tok/s", …, "stopped by you".
        notices: Sentences.
        problem: Of a turn that failed.
    """

    status: str
    who: str
    host: str
    progress: float | None
    elapsed: float
    tokens: int
    rate: float | None
    thought: float | None
    facts: list[str]
    notices: list[str]
    problem: ProblemJSON | None


STOPPED = {
    "maxPredictedTokensReached": "stopped by length",
    "contextLengthReached": "stopped by context length",
    "stopStringFound": "stopped by a stop string",
    "modelUnloaded": "model unloaded",
}
"""Words for stop reasons that a reader should see; the others are how an answer normally ends."""


def facts(turn: Turn) -> list[str]:
    """What is said of a turn that has ended, in order of need: `412 tokens`, `38.2 tok/s`, `first token 0.4 s`."""
    if turn.running:
        return []
    stats, words = turn.stats, []
    tokens = stats.predicted_tokens_count if stats and stats.predicted_tokens_count is not None else turn.tokens
    if tokens:
        words.append(f"{tokens:,} token{'' if tokens == 1 else 's'}")
    rate = stats.tokens_per_second if stats and stats.tokens_per_second else turn.rate
    if rate and tokens:
        words.append(f"{rate:.1f} tok/s")
    first = stats.time_to_first_token_sec if stats else None
    if first is not None and first >= 0:
        words.append(f"first token {first:.1f} s")
    return words + _ending(turn)


def _ending(turn: Turn) -> list[str]:
    match turn.status:
        case "stopped":
            return ["stopped by you"]
        case "interrupted":
            return ["interrupted"]
        case "failed":
            return ["failed"]
        case "kernelDied":
            return ["the kernel ended"]
        case _:
            reason = turn.stats.stop_reason if turn.stats else None
            return [STOPPED[reason]] if reason in STOPPED else []


def who(turn: Turn) -> str:
    """The name in front of the facts."""
    return turn.model or "LM Studio"


def paint(turn: Turn) -> State:
    """The state of a turn now. Reads only; costs microseconds."""
    return {
        "status": turn.status,
        "who": who(turn),
        "host": turn.host or "",
        "progress": None if turn.progress is None else round(turn.progress, 3),
        "elapsed": round((turn.ended or time.time()) - turn.started, 2),
        "tokens": turn.tokens,
        "rate": None if turn.rate is None else round(turn.rate, 1),
        "thought": None if turn.thought_seconds is None else round(turn.thought_seconds, 1),
        "facts": facts(turn),
        "notices": list(turn.notices),
        "problem": turn.problem.to_json() if turn.problem else None,
    }
