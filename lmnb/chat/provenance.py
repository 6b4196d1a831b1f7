"""Where an answer comes from: all that somebody needs to ask for it once more, and nothing about the person."""

from __future__ import annotations

import dataclasses
import datetime
import json
import re
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from lmnb.chat.turns import Turn
    from lmnb.chat.window import Window

# A whole path would tell every reader whose home it is; its last name says which file.
_PATH = re.compile(r"(?:[/~]|[A-Za-z]:[/\\]|\\\\)(?:[^\n]*[/\\])?([^/\\\n]*)")
_USER = re.compile(r"^(?:\w+://)?(?:[^/@]*@)?([^/?#]*)")

LONG = 100
"""Characters of one setting in the lines for a person; `as_dict` has all of it."""


@dataclass(frozen=True)
class Provenance:
    """What an answer was made with.

    Attributes:
        model: The key of the model on disk, as far as it is known.
        identifier: The name under which it was loaded.
        quantization: As LM Studio writes it: `Q4_K_M`.
        context_length: In tokens.
        settings: Of the prediction, all that were in force, as the SDK spells them.
        load_settings: With which the model was loaded.
        prompt_hash: A name for everything that the model was given: the same for the same messages and settings.
        window: How the prompt sat in the context, and what was left out of it.
        versions: Of `lmnb`, `lmstudio` (the SDK) and `server`.
        host: The server, without a user's name or a token; `embedded` where it is lmnb's own.
        when: When it was asked, in UTC, to the second.
        stop_reason: Why the prediction ended, in LM Studio's words.
    """

    model: str | None = None
    identifier: str | None = None
    quantization: str | None = None
    context_length: int | None = None
    settings: Mapping[str, Any] = field(default_factory=dict)
    load_settings: Mapping[str, Any] = field(default_factory=dict)
    prompt_hash: str | None = None
    window: Window | None = None
    versions: Mapping[str, str] = field(default_factory=dict)
    host: str | None = None
    embedded: bool = False
    when: str = ""
    stop_reason: str | None = None

    def as_dict(self) -> dict[str, Any]:
        """As plain data, which JSON can hold; what is not known is None."""
        plain: dict[str, Any] = json.loads(json.dumps(dataclasses.asdict(self), default=repr))
        return plain

    def __str__(self) -> str:
        """As lines: a name, and what is known."""
        rows = list(self._rows())
        width = max(len(name) for name, _ in rows)
        return "\n".join(f"{name:{width}}  {value}" for name, value in rows)

    def _rows(self) -> Iterator[tuple[str, str]]:
        loaded_as = f" (loaded as {self.identifier})" if self.identifier not in {None, self.model} else ""
        yield "model", f"{self.model or 'unknown'}{loaded_as}"
        yield from _known("quantization", self.quantization)
        if self.context_length is not None:
            yield "context length", f"{self.context_length:,} tokens"
        for name, value in self.settings.items():
            if value not in ({"type": "none"}, []):  # LM Studio's words for a setting that is not made
                yield name, _line(value)
        for name, value in self.load_settings.items():
            yield f"load.{name}", _line(value)
        yield from _known("prompt hash", self.prompt_hash)
        if self.window is not None:
            yield "prompt", _sat(self.window)
        for name, version in self.versions.items():
            yield f"{name} version", version
        yield from _known("host", self.host and f"{self.host}{' (lmnb’s own)' if self.embedded else ''}")
        yield from _known("stop reason", self.stop_reason)
        yield "when", self.when or "unknown"


def of(turn: Turn) -> Provenance:
    """Of a turn, running or ended; what is not known yet is None."""
    facts = turn.facts
    return Provenance(
        model=facts.key if facts else turn.model,
        identifier=facts.identifier if facts else turn.model,
        quantization=facts.quantization if facts else None,
        context_length=facts.context_length if facts else None,
        settings=_clean(turn.prediction_config or turn.config),
        load_settings=_clean(turn.load_config),
        prompt_hash=turn.prompt_hash,
        window=turn.window,
        versions=dict(turn.versions),
        host=_host(turn.host),
        embedded=turn.embedded,
        when=datetime.datetime.fromtimestamp(turn.started, datetime.timezone.utc).isoformat(timespec="seconds"),
        stop_reason=turn.stats.stop_reason if turn.stats else None,
    )


def _host(host: str | None) -> str | None:
    found = _USER.match(host) if host else None
    return found[1] if found else None


def _clean(value: Any) -> Any:
    if isinstance(value, dict):
        return {key: _clean(each) for key, each in value.items()}
    if isinstance(value, (list, tuple)):
        return [_clean(each) for each in value]
    found = _PATH.fullmatch(value) if isinstance(value, str) else None
    return found[1] or value if found else value


def _known(name: str, value: str | None) -> Iterator[tuple[str, str]]:
    if value:
        yield name, value


def _line(value: Any) -> str:
    text = value if isinstance(value, str) else json.dumps(value, ensure_ascii=False, default=repr)
    text = " ".join(text.split())
    return f"{text[:LONG]}…" if len(text) > LONG else text


def _sat(window: Window) -> str:
    tokens = "not counted" if window.prompt is None else f"{window.prompt:,} tokens"
    count = len(window.left_out)
    return tokens + (f", {count} earlier turn{'' if count == 1 else 's'} left out" if count else "")
