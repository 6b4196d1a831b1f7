"""A reply: a turn as a value. That of a turn which is still being written has what is there."""

from __future__ import annotations

import dataclasses
from typing import TYPE_CHECKING, Any

from lmnb.chat import provenance, transcript
from lmnb.chat.markdown import CodeBlock, code_blocks
from lmnb.chat.painting import who
from lmnb.chat.strangers import visible

if TYPE_CHECKING:
    from lmnb.chat.events import Stats
    from lmnb.chat.provenance import Provenance
    from lmnb.chat.turns import Turn

LIMITS = {"maxPredictedTokensReached", "contextLengthReached"}
"""The stop reasons of an answer that would have gone on."""

_UNSET: Any = object()


class Reply:
    """What the model answered.

    Attributes:
        turn: The turn it came from.
        shown: The notebook has painted it already: the next time it is displayed, which is as the value of its own
            cell, nothing appears.
    """

    def __init__(self, turn: Turn, *, shown: bool = False, value: Any = _UNSET, parsed: Any = _UNSET) -> None:
        self.turn = turn
        self.shown = shown
        self._value, self._parsed = value, parsed

    @property
    def text(self) -> str:
        """The answer as the model wrote it (Markdown), without reasoning; so far, where it is still writing."""
        return self.turn.text

    @property
    def reasoning(self) -> str:
        """What the model thought before it answered; "" where it did not."""
        return self.turn.reasoning

    @property
    def done(self) -> bool:
        """Whether all of it is there."""
        return not self.turn.running

    @property
    def truncated(self) -> bool:
        """Whether a limit cut it off: that of its tokens, or the model's context."""
        return self.stop_reason in LIMITS

    @property
    def blocks(self) -> list[CodeBlock]:
        """The blocks of code, with their languages."""
        return code_blocks(self.turn.text)

    @property
    def code(self) -> str:
        """The code as one source: all blocks of Python; where none is Python, those of the first language; else ""."""
        from lmnb.chat.values import code_of  # noqa: PLC0415 - it names the reply

        source: str = code_of(self.blocks).value
        return source

    @property
    def value(self) -> Any:
        """What a variable gets: whatever was asked for (`-f`, `--schema`); where nothing was, the reply itself."""
        return self if self._value is _UNSET else self._value

    @value.setter
    def value(self, value: Any) -> None:
        self._value = value

    @property
    def parsed(self) -> Any:
        """The answer as data, where a schema was asked for: checked, or as the server sent it; else None."""
        return self.turn.parsed if self._parsed is _UNSET else self._parsed

    @parsed.setter
    def parsed(self, data: Any) -> None:
        self._parsed = data

    @property
    def stats(self) -> Stats | None:
        """Tokens, speed, stop reason; None where the server never said."""
        return self.turn.stats

    @property
    def model(self) -> str:
        """The identifier of the model that answered; `provenance` has more."""
        return who(self.turn)

    @property
    def stop_reason(self) -> str | None:
        """Why the prediction ended, in LM Studio's words."""
        return self.turn.stats.stop_reason if self.turn.stats else None

    @property
    def provenance(self) -> Provenance:
        """Model, settings, versions, and a hash of all that was sent; `print` it."""
        return provenance.of(self.turn)

    def to_json(self) -> dict[str, Any]:
        """All of it as plain data, which JSON can hold, always with the same keys."""
        from lmnb.chat.plain import plain  # noqa: PLC0415 - seldom

        return {
            "model": self.model,
            "prompt": self.turn.prompt,
            "text": self.text,
            "reasoning": self.reasoning,
            "blocks": [dataclasses.asdict(block) for block in self.blocks],
            "parsed": plain(self.parsed),
            "done": self.done,
            "truncated": self.truncated,
            "stats": dataclasses.asdict(self.stats) if self.stats else None,
            "provenance": self.provenance.as_dict(),
        }

    def __str__(self) -> str:
        """The answer."""
        return self.text

    def __format__(self, spec: str) -> str:
        """The answer, formatted as any text."""
        return format(self.text, spec)

    def __repr__(self) -> str:
        """In one line: who said how it begins."""
        text = " ".join(self.text.split())
        writing = "" if self.done else ", which is still writing"
        return f"<lmnb.Reply from {self.model}{writing}: {text[:60]}{'…' if len(text) > 60 else ''}>"

    def _ipython_display_(self) -> None:
        if not self.shown:
            raise NotImplementedError  # IPython goes on to `_repr_mimebundle_`
        self.shown = False

    # No `_repr_markdown_`: IPython would save it beside the HTML, and JupyterLab fetches the pictures that it names.
    def _repr_mimebundle_(self, **_: object) -> tuple[dict[str, str], dict[str, Any]]:
        bundle = transcript.bundle(self.turn)
        if self.done:
            return bundle["data"], bundle["metadata"]
        # Without the turn: this output is not the one that keeps it.
        so_far = f"{self.model} is still writing …"
        data = bundle["data"]
        return {
            "text/html": f"{data['text/html']}\n<div><small>{visible(so_far)}</small></div>",
            "text/plain": f"{self.text}\n\n{so_far}".lstrip("\n"),
        }, {}
