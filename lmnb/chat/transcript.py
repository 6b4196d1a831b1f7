"""The saved form of a turn: what stays in the notebook file, and how a turn is read from it again."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Any, TypedDict

from lmnb.chat import painting, record
from lmnb.chat.enclosures import fold
from lmnb.chat.forms import as_markdown
from lmnb.chat.markdown import to_html
from lmnb.chat.painting import facts, paint, tail, who
from lmnb.chat.record import TranscriptError, read
from lmnb.chat.strangers import plain as for_terminals
from lmnb.chat.strangers import prose, visible, whole, words

if TYPE_CHECKING:
    from collections.abc import Sequence

    from lmnb.chat.problems import Problem
    from lmnb.chat.turns import Turn

__all__ = ["Bundle", "TranscriptError", "beside", "bundle", "html", "plain", "read", "seed"]

# Columns where there is room for them. Where styles are not kept, one answer stands below the other.
COLUMNS = "display:grid;grid-template-columns:repeat(auto-fit,minmax(min(22em,100%),1fr));gap:2em"

ONE_LINE = "height:1.6em;line-height:1.6;overflow:hidden"
FACT = "display:inline-block;white-space:pre"

# Folds in one row; one that is open is as wide as the output, and the others stand below it.
WIDE = "width:200em;max-width:100%"
IN_A_ROW = "display:inline-block;vertical-align:top;max-width:100%;margin-right:12px"


class Bundle(TypedDict):
    """A display bundle: `data` by MIME type, and `metadata` with the turn under `lmnb`."""

    data: dict[str, str]
    metadata: dict[str, Any]


def bundle(turn: Turn) -> Bundle:
    """The static form of a turn. Pure; takes milliseconds for a long answer."""
    data = {"text/html": whole(html(turn)), "text/plain": whole(plain(turn))}
    return {"data": data, "metadata": {"lmnb": record.write(turn)}}


def beside(turns: Sequence[Turn]) -> Bundle:
    """The static form of what several models answered to one prompt, side by side.

    Args:
        turns: One of each model, in the order they were asked; the conversation goes on with the first.
    """
    if len(turns) == 1:
        return bundle(turns[0])
    columns = "\n".join(_column(turn, leads=turn is turns[0]) for turn in turns)
    data = {
        "text/html": whole(f'<div style="{COLUMNS}">\n{columns}\n</div>'),
        "text/plain": whole("\n\n".join(f"{for_terminals(who(turn))}:\n\n{plain(turn)}" for turn in turns)),
    }
    return {"data": data, "metadata": {"lmnb": seed(*turns)}}


def seed(turn: Turn, *others: Turn) -> dict[str, Any]:
    """What is known of a turn at its start, and of those beside it, as the metadata of its live view."""
    return record.write(turn, others)


def plain(turn: Turn) -> str:
    """The answer's own Markdown; for a turn that failed, what went wrong as well."""
    pieces = [turn.text.strip("\n"), str(turn.problem) if turn.problem else ""]
    return "\n\n".join(for_terminals(piece) for piece in pieces if piece) or " · ".join([who(turn), *facts(turn)])


def html(turn: Turn, *, retold: bool = False) -> str:
    """The answer as the live view shows it at the end: status row, notices, what went along, thoughts, answer, problem.

    Args:
        turn: One that has ended.
        retold: Whether it is shown again in another place: what was said of the conversation as it was then, and what
            could be typed then, is left out.
    """
    status = "".join(f" · <bdi>{visible(fact)}</bdi>" for fact in facts(turn))
    return _page(
        f'<div class="lmnb-saved"><small><b>{visible(who(turn))}</b>{status}</small></div>', turn, retold=retold
    )


def _column(turn: Turn, *, leads: bool) -> str:
    """An answer beside others: its status row stays one line, with its ending first; what does not fit goes."""
    ending, said = painting.ending(turn), facts(turn)
    status = "".join(
        f'<span style="{FACT}"> · <bdi>{visible(fact)}</bdi></span>'
        for fact in [*ending, *(fact for fact in said if fact not in ending)]
    )
    row = f'<div class="lmnb-saved" style="{ONE_LINE}"><small><b>{visible(who(turn))}</b>{status}</small></div>'
    return f'<div style="min-width:0">{_page(row, turn, leads=leads)}</div>'


def _page(status: str, turn: Turn, *, leads: bool = True, retold: bool = False) -> str:
    rows = [status]
    rows += [_small(notice) for notice in turn.notices if not retold]
    if folds := _folds(turn):
        rows.append(folds)
    if turn.text.strip():
        rows += ["<p></p>", to_html(as_markdown(turn.text, turn.form))]
    if said := tail(turn, leads=leads and not retold):
        rows.append(_small(said))
    if turn.problem is not None:
        rows += ["<p></p>", _problem(turn.problem)]
    return "\n".join(rows)


def _small(sentence: str) -> str:
    return f"<div><small>{words(sentence)}</small></div>"


def _folds(turn: Turn) -> str:
    """What went along and what was thought: a fold for each, in one row."""
    folds = [fold(one) for one in turn.attached]
    if turn.shown_reasoning.strip():
        folds.append((_thought(turn), to_html(turn.shown_reasoning)))
    if len(folds) == 1:
        return _details("", *folds[0])
    row = "".join(
        _details(f' style="{IN_A_ROW}"', title, f'<div style="{WIDE}">{inside}</div>') for title, inside in folds
    )
    return f"<div>{row}</div>" if row else ""


def _details(style: str, title: str, inside: str) -> str:
    return f"<details{style}><summary><small>{title}</small></summary>{inside}</details>"


def _thought(turn: Turn) -> str:
    seconds = paint(turn)["thought"]
    # Halves go up, as in the live view: the words must not change when the answer settles.
    return "Thoughts" if not seconds else f"Thought for {max(1, math.floor(seconds + 0.5))} s"


def _problem(problem: Problem) -> str:
    lines = [f"<p>{words(line)}</p>" for line in problem.lines]
    if problem.choices:
        items = (f"<li><code>{visible(c['name'], code=True)}</code> {prose(c['note'])}</li>" for c in problem.choices)
        lines.insert(max(0, len(lines) - 1), f"<ul>{''.join(items)}</ul>")
    return "".join([f"<p><b>{words(problem.title)}</b></p>", *lines])
