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
        counts: Tokens of what is attached, one by one; null where nobody counted.
        context: Tokens of the prompt, and of the model's context (0 where nobody tells); empty before they are known.
        form: What the answer is taken for, "" for Markdown.
        tail: What is said below an answer that was cut, a sentence or two with the command that goes on, else "".
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
    counts: list[int | None]
    context: list[int]
    form: str
    tail: str
    problem: ProblemJSON | None


STOPPED = {
    "maxPredictedTokensReached": "cut at the token limit",
    "contextLengthReached": "cut, the context is full",
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
    return words + ending(turn) + gauge(turn)


def gauge(turn: Turn) -> list[str]:
    """How much of the context the prompt takes, as one fact, once it was counted: `prompt 1,234 of 4,096 tokens`."""
    window = turn.window
    if window is None or window.prompt is None:
        return []
    of = f" of {window.length:,}" if window.length else ""
    return [f"prompt {window.prompt:,}{of} tokens"]


def tail(turn: Turn, *, leads: bool = True) -> str:
    """What is said below an answer that was cut: why, and what to type to go on; "" for one that is whole.

    Args:
        turn: Of which the answer is.
        leads: Whether the conversation goes on with it; it does not with what other models said beside it.
    """
    if turn.running or not turn.text.strip():
        return ""
    if turn.status in {"stopped", "interrupted"}:
        return "`%chat continue` goes on from here." if leads else ""
    why = _cut(turn) if turn.status == "done" else ""
    return f"{why} `%chat continue` goes on." if why and leads else why


def _cut(turn: Turn) -> str:
    match turn.stats.stop_reason if turn.stats else None:
        case "maxPredictedTokensReached":
            limit = turn.config.get("maxTokens")
            count = limit if type(limit) is int else turn.stats and turn.stats.predicted_tokens_count
            return f"The answer reached its limit of {count:,} tokens." if count else "The answer reached its limit."
        case "contextLengthReached":
            length = (turn.window and turn.window.length) or (turn.facts and turn.facts.context_length)
            room = f": prompt and answer have {length:,} tokens together" if length else ""
            return f"The context is full{room}."
        case "modelUnloaded":
            return "The model was unloaded."
        case _:
            return ""


def ending(turn: Turn) -> list[str]:
    """How an answer ended, as one fact; nothing where it ended by itself."""
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
    """The name in front of the facts. One that waits for another, or was not found, is called as it was asked for."""
    asked = turn.asked if turn.status in {"queued", "failed"} else None
    return turn.model or asked or ("lmnb's server" if turn.embedded else "LM Studio")


def paint(turn: Turn, *, leads: bool = True) -> State:
    """The state of a turn now. Reads only; costs microseconds. `leads` is as for `tail`."""
    window = turn.window
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
        "counts": [one.tokens for one in turn.attached],
        "context": [window.prompt, window.length or 0] if window and window.prompt is not None else [],
        "form": "" if turn.form == "markdown" else turn.form,
        "tail": tail(turn, leads=leads),
        "problem": turn.problem.to_json() if turn.problem else None,
    }
