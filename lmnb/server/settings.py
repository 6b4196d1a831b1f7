"""Settings as they cross the wire: stacks of layers of dotted keys, and "checkbox" values."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any, Literal

import msgspec

from lmnb.server.errors import ServerError

if TYPE_CHECKING:
    from lmnb.server.wire import ConfigStack

PREDICTION = "llm.prediction."

DEFAULTS: dict[str, Any] = {
    "llm.prediction.temperature": 0.8,
    "llm.prediction.topKSampling": 40,
    "llm.prediction.repeatPenalty": {"checked": True, "value": 1.1},
    "llm.prediction.minPSampling": {"checked": True, "value": 0.05},
    "llm.prediction.topPSampling": {"checked": True, "value": 0.95},
    "llm.prediction.maxPredictedTokens": {"checked": False, "value": 1000},
    "llm.prediction.stopStrings": [],
    "llm.prediction.contextOverflowPolicy": "truncateMiddle",
    "llm.prediction.structured": {"type": "none"},
    "llm.prediction.tools": {"type": "none"},
    "llm.prediction.reasoning.parsing": {"enabled": True, "startString": "<think>", "endString": "</think>"},
}
"""LM Studio's own defaults for a prediction."""


class Checkbox(msgspec.Struct):
    """A value that is ticked or not."""

    checked: bool = False
    value: float | bool | None = None


class Template(msgspec.Struct, rename="camel"):
    """What is looked at of a prompt template before it is rendered."""

    type: Literal["jinja", "manual"]
    stop_strings: list[str] = []


class Parsing(msgspec.Struct, rename="camel"):
    """How reasoning is told from the rest."""

    enabled: bool = False
    start_string: str = ""
    end_string: str = ""


FORMS: dict[str, Any] = {
    "temperature": float,
    "topKSampling": float | Checkbox,
    "repeatPenalty": float | bool | Checkbox,
    "minPSampling": float | bool | Checkbox,
    "topPSampling": float | bool | Checkbox,
    "maxPredictedTokens": float | bool | Checkbox,
    "seed": float | bool | Checkbox,
    "stopStrings": list[str],
    "toolCallStopStrings": list[str],
    "contextOverflowPolicy": Literal["stopAtLimit", "truncateMiddle", "rollingWindow"],
    "structured": dict[str, Any],
    "tools": dict[str, Any],
    "promptTemplate": Template,
    "reasoning.parsing": Parsing,
    "reasoning.enableThinking": bool,
    "reasoning.budgetTokens": float | bool | Checkbox,
}
"""What the settings of a prediction must look like, where somebody relies on it."""


def collapse(stack: ConfigStack) -> dict[str, Any]:
    """The settings of a stack by key; later layers win."""
    return {field.key: field.value for layer in stack.layers for field in layer.config.fields}


def fields(settings: dict[str, Any]) -> dict[str, Any]:
    """The wire form of settings."""
    return {"fields": [{"key": key, "value": value} for key, value in settings.items()]}


def checked(value: Any, otherwise: Any = None) -> Any:
    """What a checkbox value holds, or `otherwise` if it is not ticked; plain values stand for themselves.

    The Python SDK says an explicit `False` as `{"checked": true, "value": false}`: that is not ticked either.
    """
    if not isinstance(value, dict):
        return otherwise if value is None or value is False else value
    held = value.get("value") if value.get("checked") else None
    return otherwise if held is None or held is False else held


def _check(key: str, value: Any) -> None:
    form = FORMS.get(key.removeprefix(PREDICTION))
    if form is None:
        return
    try:
        msgspec.convert(value, form)
    except (msgspec.ValidationError, OverflowError) as error:
        raise ServerError(f"The setting {key} cannot be {json.dumps(value)[:100]}: {error}.") from None


class Prediction:
    """The settings of one prediction: what was asked for, on top of the defaults.

    Raises:
        ServerError: If one of them is not in the form it must have.
    """

    def __init__(self, stack: ConfigStack) -> None:
        said = {key: value for key, value in collapse(stack).items() if value is not None}
        for key, value in said.items():
            _check(key, value)
        self.all: dict[str, Any] = {**DEFAULTS, **said}

    def get(self, key: str) -> Any:
        """The value of `llm.prediction.<key>`, None if nobody said anything."""
        return self.all.get(PREDICTION + key)

    def ticked(self, key: str, otherwise: Any = None) -> Any:
        """The value of a checkbox, see `checked`."""
        return checked(self.get(key), otherwise)

    @property
    def tools(self) -> list[dict[str, Any]]:
        """The tools the model may call."""
        tools = self.get("tools") or {}
        return list(tools.get("tools") or []) if tools.get("type") == "toolArray" else []

    @property
    def structured(self) -> dict[str, Any]:
        """The form the answer must have: `{"type": "none" | "json" | "gbnf", …}`."""
        return dict(self.get("structured") or {"type": "none"})

    @property
    def stop_strings(self) -> list[str]:
        """Where to stop, a custom template's own strings included."""
        template = self.get("promptTemplate") or {}
        return [*(self.get("stopStrings") or []), *(template.get("stopStrings") or [])]

    @property
    def max_tokens(self) -> int | None:
        """The limit of the answer in tokens."""
        limit = self.ticked("maxPredictedTokens")
        return None if limit is None else int(limit)

    @property
    def thinking(self) -> bool | None:
        """Whether the model shall think first, where its template asks; None: as it does by itself."""
        said: bool | None = self.get("reasoning.enableThinking")
        return said

    @property
    def thinking_budget(self) -> int | None:
        """The limit of what it thinks, in tokens."""
        limit = self.ticked("reasoning.budgetTokens")
        return None if limit is None else int(limit)

    @property
    def overflow(self) -> str:
        """What to do with a prompt that does not fit: `stopAtLimit`, `truncateMiddle` or `rollingWindow`."""
        return str(self.get("contextOverflowPolicy"))
