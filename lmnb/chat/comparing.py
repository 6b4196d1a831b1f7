"""Conversations on a page: one from top to bottom, or several lines side by side from where they part."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from lmnb.chat import transcript
from lmnb.chat.strangers import plain, prose, whole

if TYPE_CHECKING:
    from collections.abc import Sequence

    from lmnb.chat.turns import Turn


@dataclass(frozen=True)
class Page:
    """Something to be looked at, in a notebook or in a terminal."""

    html: str
    text: str

    def _repr_mimebundle_(self, **_: object) -> dict[str, Any]:
        return {"text/html": whole(self.html), "text/plain": whole(self.text)}

    def __repr__(self) -> str:
        """The text, as a terminal shows it."""
        return self.text


def page(turns: Sequence[Turn]) -> Page:
    """Turns from top to bottom: what was asked, in bold, and what was answered."""
    return Page(_html(turns), _text(turns))


def beside(lines: Sequence[tuple[str, Sequence[Turn]]]) -> Page:
    """Lines of one conversation side by side, without the turns with which all of them begin.

    Args:
        lines: Each with its title.
    """
    common = in_common([turns for _, turns in lines])
    first = "" if not common else f"<p><small>After {common} turn{'' if common == 1 else 's'} in common:</small></p>"
    columns = "\n".join(
        f'<div style="min-width:0"><p><b>{prose(title)}</b></p>{_html(turns[common:])}</div>' for title, turns in lines
    )
    text = "\n\n\n".join(f"{title}\n{'-' * len(title)}\n{_text(turns[common:])}" for title, turns in lines)
    return Page(f'{first}<div style="{transcript.COLUMNS}">\n{columns}\n</div>', text)


def in_common(lines: Sequence[Sequence[Turn]]) -> int:
    """With how many turns all of these lines begin."""
    count = 0
    for together in zip(*lines, strict=False):
        if len({turn.id for turn in together}) > 1:
            break
        count += 1
    return count


def _html(turns: Sequence[Turn]) -> str:
    if not turns:
        return "<p><small>Nothing more was said.</small></p>"
    return "\n".join(f"{_question(turn.prompt)}{transcript.html(turn, retold=True)}" for turn in turns)


def _question(prompt: str) -> str:
    lines = "<br>".join(prose(line) for line in prompt.strip().splitlines())
    return f"<p><b>{lines}</b></p>"


def _text(turns: Sequence[Turn]) -> str:
    if not turns:
        return "Nothing more was said."
    return "\n\n".join(f"{_quoted(turn.prompt)}\n\n{transcript.plain(turn)}" for turn in turns)


def _quoted(prompt: str) -> str:
    return "\n".join(f"> {line}" for line in plain(prompt.strip()).splitlines())
