"""A turn: one prompt and what came of it. The only thing that changes; everything else is computed from it."""

from __future__ import annotations

import time
import uuid
from dataclasses import dataclass, field, replace
from io import StringIO
from typing import TYPE_CHECKING, Any, Literal, get_args

from typing_extensions import assert_never

from lmnb.chat.events import (
    Connected,
    Connecting,
    Event,
    Failed,
    Finished,
    Fitted,
    Fragment,
    Loading,
    ModelFacts,
    Noticed,
    Queued,
    Reading,
    Stats,
    Stopped,
)

if TYPE_CHECKING:
    from collections.abc import Mapping

    from lmnb.chat.attached import Attached
    from lmnb.chat.forms import Form
    from lmnb.chat.problems import Problem
    from lmnb.chat.window import Window

Stage = Literal["queued", "connecting", "loading", "reading", "thinking", "writing"]
"""What a running turn is doing."""

Outcome = Literal["done", "stopped", "interrupted", "failed", "kernelDied"]
"""How a turn ended. `kernelDied` is written by the view, when nobody else is left to write."""

Status = Stage | Outcome

PartKind = Literal["text", "reasoning"]


class Part:
    """A stretch of one kind of output. Appending costs the length of the piece, not of the whole."""

    def __init__(self, kind: PartKind, text: str = "") -> None:
        self.kind: PartKind = kind
        # One C call per append and per read: the I/O thread may append while another thread reads.
        self._written = StringIO()
        self._written.write(text)

    def append(self, piece: str) -> None:
        """Add a piece at the end."""
        self._written.write(piece)

    @property
    def text(self) -> str:
        """The whole stretch."""
        return self._written.getvalue()


@dataclass
class Turn:
    """One prompt and all that came of it.

    A turn is changed by `apply` alone, on the thread on which its events arrive (the I/O thread); other threads read.

    Attributes:
        prompt: What the person said.
        cell: The id of the cell that owns the turn, where the front end tells it.
        run: The execution of that cell in which it was asked: one execution may ask several times.
        talk: The name of the conversation.
        alone: Asked outside of all conversations (`--no-history`); none is made of it when it is found again.
        after: The id of the turn before it; None at the beginning.
        earlier: What this cell had asked and was answered before it was run again, the newest first.
        pinned: Never left out when the context is full.
        trim: What is left out first for this prompt, where that differs from the conversation's rule.
        sent: The prompt as it was sent, where names in braces were filled in; `said` is what was sent in any case.
        attached: What went along with the prompt.
        form: What the person takes the answer for: Markdown, or something that is shown as it is written.
        thoughts_shown: Whether the person wants to see what the model thinks.
        window: How the prompt sits in the model's context, once that is known.
        prompt_hash: A name for all that the model was given.
        versions: Of the programs that had a hand in it: `lmnb`, `lmstudio`, `server`.
        asked: The model key the person asked for with this prompt, if any; `model` is the one that answered.
        system: The system prompt the person gave with this prompt, if any; it holds for the turns after it.
        status: What it is doing, or how it ended.
        host: The server, once one answered.
        model: The model's identifier as soon as one is chosen.
        facts: What the server said of the model that answered.
        progress: Of loading or reading, from 0 to 1.
        started, ended: Seconds since the epoch.
        stage_started, first_fragment, thought_until: Seconds since the epoch, for the view's clock.
    """

    prompt: str
    cell: str | None = None
    run: str | None = None
    talk: str | None = None
    alone: bool = False
    after: str | None = None
    earlier: tuple[Turn, ...] = ()
    pinned: bool = False
    trim: str | None = None
    sent: str | None = None
    attached: tuple[Attached, ...] = ()
    form: Form = "markdown"
    thoughts_shown: bool = True
    window: Window | None = None
    prompt_hash: str | None = None
    versions: Mapping[str, str] = field(default_factory=dict)
    id: str = field(default_factory=lambda: uuid.uuid4().hex[:12])
    asked: str | None = None
    system: str | None = None
    config: Mapping[str, Any] = field(default_factory=dict)
    status: Status = "connecting"
    host: str | None = None
    embedded: bool = False
    model: str | None = None
    facts: ModelFacts | None = None
    progress: float | None = None
    parts: list[Part] = field(default_factory=list)
    tokens: int = 0
    stats: Stats | None = None
    parsed: Mapping[str, Any] | None = None
    load_config: Mapping[str, Any] = field(default_factory=dict)
    prediction_config: Mapping[str, Any] = field(default_factory=dict)
    notices: list[str] = field(default_factory=list)
    problem: Problem | None = None
    started: float = field(default_factory=time.time)
    ended: float | None = None
    first_fragment: float | None = None
    thought_until: float | None = None

    @property
    def said(self) -> str:
        """The prompt as the model reads it, without what is attached."""
        return self.prompt if self.sent is None else self.sent

    @property
    def running(self) -> bool:
        """Whether more can come."""
        return self.status not in get_args(Outcome)

    @property
    def text(self) -> str:
        """The answer, without reasoning, as the model wrote it (Markdown)."""
        return "".join(part.text for part in self.parts if part.kind == "text")

    @property
    def reasoning(self) -> str:
        """What the model thought before and between, where it said so."""
        return "".join(part.text for part in self.parts if part.kind == "reasoning")

    @property
    def shown_reasoning(self) -> str:
        """What of it the person wants to see."""
        return self.reasoning if self.thoughts_shown else ""

    @property
    def thought_seconds(self) -> float | None:
        """How long the model has been thinking, or thought; None where it did not."""
        if self.first_fragment is None or not any(part.kind == "reasoning" for part in self.parts):
            return None
        return (self.thought_until or self.ended or time.time()) - self.first_fragment

    @property
    def rate(self) -> float | None:
        """Tokens per second so far, by our clock; None before it means anything."""
        if self.first_fragment is None or self.tokens < 2:
            return None
        seconds = (self.ended or time.time()) - self.first_fragment
        return self.tokens / seconds if seconds > 0.2 else None

    def apply(self, event: Event) -> None:
        """Let an event happen. Costs microseconds, does no I/O, never raises for a known event."""
        match event:
            case Fragment():
                self._write(event)
            case Queued():
                self.status = "queued"
            case Connecting(host):
                self.status, self.host = "connecting", host
            case Connected(host, embedded, versions):
                self.host, self.embedded, self.versions = host, embedded, versions
            case Fitted():
                self._fit(event)
            case Loading(model, progress):
                self.status, self.model, self.progress = "loading", model, progress
            case Reading(model, progress):
                self.status, self.model, self.progress = "reading", model, progress
            case Noticed(text):
                self.notices.append(text)
            case Finished():
                self.stats, self.facts, self.parsed = event.stats, event.model, event.parsed
                self.load_config, self.prediction_config = event.load_config, event.prediction_config
                self._end("done")
            case Stopped(by, stats, model):
                self.stats, self.facts = stats or self.stats, model or self.facts
                self._end("stopped" if by == "person" else "interrupted")
            case Failed(problem):
                self.problem = problem
                self._end("failed")
            case _:
                assert_never(event)

    def _fit(self, fitted: Fitted) -> None:
        self.window, self.prompt_hash = fitted.window, fitted.prompt_hash
        if len(fitted.counts) == len(self.attached):
            pairs = zip(self.attached, fitted.counts, strict=True)
            self.attached = tuple(one if one.tokens else replace(one, tokens=count or None) for one, count in pairs)

    def _write(self, fragment: Fragment) -> None:
        if self.first_fragment is None:
            self.first_fragment = time.time()
        if fragment.kind == "text" and self.status == "thinking":
            self.thought_until = time.time()
        if not self.parts or self.parts[-1].kind != fragment.kind:
            self.parts.append(Part(fragment.kind))
        self.parts[-1].append(fragment.content)
        self.tokens += fragment.tokens
        self.status = "writing" if fragment.kind == "text" else "thinking"
        self.progress = None

    def _end(self, outcome: Outcome) -> None:
        self.ended = time.time()
        if self.facts is not None:
            self.model = self.facts.identifier
        self.status, self.progress = outcome, None
