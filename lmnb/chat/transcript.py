"""The saved form of a turn: what stays in the notebook file, and how a turn is read from it again."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Any, TypedDict

from lmnb.chat import record
from lmnb.chat.markdown import to_html
from lmnb.chat.painting import facts, paint, who
from lmnb.chat.record import TranscriptError, read
from lmnb.chat.strangers import plain as for_terminals
from lmnb.chat.strangers import prose, visible, whole, words

if TYPE_CHECKING:
    from lmnb.chat.problems import Problem
    from lmnb.chat.turns import Turn

__all__ = ["Bundle", "TranscriptError", "bundle", "html", "plain", "read", "seed"]


class Bundle(TypedDict):
    """A display bundle: `data` by MIME type, and `metadata` with the turn under `lmnb`."""

    data: dict[str, str]
    metadata: dict[str, Any]


def bundle(turn: Turn) -> Bundle:
    """The static form of a turn. Pure; takes milliseconds for a long answer."""
    data = {"text/html": whole(html(turn)), "text/plain": whole(plain(turn))}
    return {"data": data, "metadata": {"lmnb": record.write(turn)}}


def seed(turn: Turn) -> dict[str, Any]:
    """What is known of a turn at its start, as the metadata of its live view."""
    return record.write(turn)


def plain(turn: Turn) -> str:
    """The answer's own Markdown; for a turn that failed, what went wrong as well."""
    pieces = [turn.text.strip("\n"), str(turn.problem) if turn.problem else ""]
    return "\n\n".join(for_terminals(piece) for piece in pieces if piece) or " · ".join([who(turn), *facts(turn)])


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
    seconds = paint(turn)["thought"]
    # Halves go up, as in the live view: the words must not change when the answer settles.
    return "Thoughts" if seconds is None else f"Thought for {max(1, math.floor(seconds + 0.5))} s"


def _problem(problem: Problem) -> str:
    lines = [f"<p>{words(line)}</p>" for line in problem.lines]
    if problem.choices:
        items = (f"<li><code>{visible(c['name'], code=True)}</code> {prose(c['note'])}</li>" for c in problem.choices)
        lines.insert(max(0, len(lines) - 1), f"<ul>{''.join(items)}</ul>")
    return "".join([f"<p><b>{words(problem.title)}</b></p>", *lines])
