"""What has left the kernel, and to whom: kept in memory, so that a person can ask, and nowhere else."""

from __future__ import annotations

import threading
import time
from collections import deque
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Literal

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

Kind = Literal[
    "knock", "question", "load", "unload", "count", "template", "picture", "prediction", "search", "download"
]
"""What was done: it was looked whether somebody answers (`knock`); which models there are, and the like (`question`);
texts to be counted, messages to be made a prompt (`template`)."""

KEPT = 1_000
"""Predictions that are listed one by one; of older ones the sums stay."""


@dataclass(frozen=True)
class Sent:
    """One prediction.

    Attributes:
        when: Seconds since the epoch.
        host: `"address:port"`.
        model: Its identifier.
        size: Bytes of all texts, those of earlier turns and of what went along included.
        tokens: Of the prompt; None where nobody counted.
        attached: What went along, by name.
        prompt_hash: As in the answer's provenance.
    """

    when: float
    host: str
    model: str
    size: int
    tokens: int | None = None
    attached: tuple[str, ...] = ()
    prompt_hash: str = ""


@dataclass
class Sum:
    """How often something was done, and the bytes of texts and pictures in it."""

    times: int = 0
    size: int = 0


@dataclass(frozen=True)
class Record:
    """What the ledger holds at a moment.

    Attributes:
        since: When it began, in seconds since the epoch: when lmnb first spoke of a server in this process.
        predictions: The last ones, in order.
        sums: By host, and by what was done.
    """

    since: float
    predictions: tuple[Sent, ...]
    sums: dict[str, dict[Kind, Sum]]

    @property
    def hosts(self) -> list[str]:
        """Everybody who was contacted, in the order of the first time."""
        return list(self.sums)


@dataclass
class Ledger:
    """Written by whoever sends something, at the moment before it is sent. From any thread; takes a microsecond."""

    since: float = field(default_factory=time.time)
    _lock: threading.Lock = field(default_factory=threading.Lock)
    _sums: dict[str, dict[Kind, Sum]] = field(default_factory=dict)
    _predictions: deque[Sent] = field(default_factory=lambda: deque(maxlen=KEPT))

    def note(self, kind: Kind, host: str, texts: Iterable[str] = (), size: int = 0) -> None:
        """Something is sent.

        Args:
            kind: What it is.
            host: To whom.
            texts: The person's, in it.
            size: Bytes of what is no text.
        """
        total = size + sum(map(bytes_of, texts))
        with self._lock:
            one = self._sums.setdefault(host, {}).setdefault(kind, Sum())
            one.times += 1
            one.size += total

    def predict(
        self,
        host: str,
        model: str,
        texts: Sequence[str],
        *,
        tokens: int | None,
        attached: Iterable[str],
        prompt_hash: str,
    ) -> None:
        """A prediction is sent. Arguments as the attributes of `Sent`, and what is written in its messages."""
        size = sum(map(bytes_of, texts))
        self.note("prediction", host, size=size)
        sent = Sent(time.time(), host, model, size, tokens, tuple(dict.fromkeys(attached)), prompt_hash)
        with self._lock:
            self._predictions.append(sent)

    def read(self) -> Record:
        """A copy of what there is. From any thread."""
        with self._lock:
            sums = {
                host: {kind: Sum(one.times, one.size) for kind, one in by.items()} for host, by in self._sums.items()
            }
            return Record(self.since, tuple(self._predictions), sums)


ledger = Ledger()
"""Of this process."""


def bytes_of(text: str) -> int:
    """A text's size on the wire, apart from the protocol's own signs."""
    return len(text) if text.isascii() else len(text.encode("utf-8", "surrogatepass"))
