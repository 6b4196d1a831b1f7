"""What happens while a prediction runs: a stream of small events, and a turn is what they add up to."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Literal

if TYPE_CHECKING:
    from collections.abc import Mapping

    from lmnb.chat.problems import Problem
    from lmnb.chat.window import Window

StopReason = Literal[
    "eosFound",
    "stopStringFound",
    "maxPredictedTokensReached",
    "contextLengthReached",
    "toolCalls",
    "userStopped",
    "modelUnloaded",
    "failed",
]
"""LM Studio's own words for why a prediction ended (`LlmPredictionStats.stop_reason`)."""

StoppedBy = Literal["person", "interrupt"]
"""Who stopped a prediction: Stop in the view, or the kernel's interrupt."""


@dataclass(frozen=True)
class Stats:
    """The numbers of a finished prediction, by the SDK's names; None where the server did not say."""

    stop_reason: str | None = None
    tokens_per_second: float | None = None
    time_to_first_token_sec: float | None = None
    prompt_tokens_count: int | None = None
    predicted_tokens_count: int | None = None
    total_tokens_count: int | None = None
    num_gpu_layers: int | None = None
    used_draft_model_key: str | None = None


@dataclass(frozen=True)
class ModelFacts:
    """Which model answered, as the server reported it; `tools`: whether it was trained to use them."""

    identifier: str
    key: str
    display_name: str | None = None
    context_length: int | None = None
    path: str | None = None
    size_bytes: int | None = None
    params: str | None = None
    architecture: str | None = None
    quantization: str | None = None
    vision: bool | None = None
    tools: bool | None = None


@dataclass(frozen=True)
class Queued:
    """Another answer of the same conversation is being written; this one is asked when that has ended."""


@dataclass(frozen=True)
class Connecting:
    """Looking for a server; `host` is what is being tried, as a person would write it."""

    host: str


@dataclass(frozen=True)
class Connected:
    """A server answered at `host`; `embedded` where it is our own. `versions` of the programs that take part."""

    host: str
    embedded: bool = False
    versions: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True)
class Fitted:
    """The prompt is what it will be: how it sits in the context, and a name for all that the model is given.

    `counts` are the tokens of what goes along, where nobody could count them before the model was loaded.
    """

    window: Window
    prompt_hash: str
    counts: tuple[int, ...] = ()


@dataclass(frozen=True)
class Loading:
    """The model is being loaded; `progress` from 0 to 1."""

    model: str
    progress: float


@dataclass(frozen=True)
class Reading:
    """The prompt is being processed; `progress` from 0 to 1."""

    model: str
    progress: float


@dataclass(frozen=True)
class Fragment:
    """A piece of the answer. `kind` says whether it is text or reasoning; the tags around reasoning are left out."""

    content: str
    kind: Literal["text", "reasoning"] = "text"
    tokens: int = 1


@dataclass(frozen=True)
class Noticed:
    """Something the person should know, in one sentence: what was chosen, loaded, left out."""

    text: str


@dataclass(frozen=True)
class Finished:
    """The prediction ended by itself, by a limit, or because it was told to."""

    stats: Stats
    model: ModelFacts
    parsed: Mapping[str, Any] | None = None
    load_config: Mapping[str, Any] = field(default_factory=dict)
    prediction_config: Mapping[str, Any] = field(default_factory=dict)


@dataclass(frozen=True)
class Stopped:
    """The prediction was stopped; what it has written is kept. `stats` where the server still answered."""

    by: StoppedBy
    stats: Stats | None = None
    model: ModelFacts | None = None


@dataclass(frozen=True)
class Failed:
    """The prediction failed; what it has written is kept."""

    problem: Problem


Event = Queued | Connecting | Connected | Fitted | Loading | Reading | Fragment | Noticed | Finished | Stopped | Failed
"""Every event; the last one of a prediction is Finished, Stopped or Failed, and nothing comes after it."""
