"""A reply: a turn that has ended, as a value."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from lmnb.chat import transcript
from lmnb.chat.markdown import CodeBlock, code_blocks
from lmnb.chat.painting import who

if TYPE_CHECKING:
    from collections.abc import Mapping

    from lmnb.chat.events import Stats
    from lmnb.chat.turns import Turn


class Reply:
    """What the model answered.

    Attributes:
        turn: The turn it came from.
        shown: The notebook has painted it already: the next time it is displayed, which is as the value of its own
            cell, nothing appears.
    """

    def __init__(self, turn: Turn, *, shown: bool = False) -> None:
        self.turn = turn
        self.shown = shown

    @property
    def text(self) -> str:
        """The answer as the model wrote it (Markdown), without reasoning."""
        return self.turn.text

    @property
    def reasoning(self) -> str:
        """What the model thought before it answered; "" where it did not."""
        return self.turn.reasoning

    @property
    def blocks(self) -> list[CodeBlock]:
        """The blocks of code, with their languages."""
        return code_blocks(self.turn.text)

    @property
    def code(self) -> str:
        """All blocks of code, one after the other; "" where there is none."""
        return "\n".join(block.source for block in self.blocks)

    @property
    def stats(self) -> Stats | None:
        """Tokens, speed, stop reason; None where the server never said."""
        return self.turn.stats

    @property
    def model(self) -> str:
        """The identifier of the model that answered; `turn.facts` has more."""
        return who(self.turn)

    @property
    def stop_reason(self) -> str | None:
        """Why the prediction ended, in LM Studio's words."""
        return self.turn.stats.stop_reason if self.turn.stats else None

    @property
    def parsed(self) -> Mapping[str, Any] | None:
        """The answer as data, where a schema was asked for."""
        return self.turn.parsed

    def __str__(self) -> str:
        """The answer."""
        return self.text

    def __repr__(self) -> str:
        """In one line: who said how it begins."""
        text = " ".join(self.text.split())
        return f"<lmnb.Reply from {self.model}: {text[:60]}{'…' if len(text) > 60 else ''}>"

    def _ipython_display_(self) -> None:
        if not self.shown:
            raise NotImplementedError  # IPython goes on to `_repr_mimebundle_`
        self.shown = False

    def _repr_mimebundle_(self, **_: object) -> tuple[dict[str, str], dict[str, Any]]:
        bundle = transcript.bundle(self.turn)
        return bundle["data"], bundle["metadata"]
