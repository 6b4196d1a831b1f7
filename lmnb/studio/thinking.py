"""How much a model thinks before it answers: what there is to say it with, and a clear no where there is nothing.

There are three ways. A chat template may ask for `enable_thinking`; LM Studio's protocol has a field for that, and one
for a limit, which its SDK for Python has no names for (1.5, 1.6): they are added to the request that the SDK has made.
The makers of some models have words for it, which go into the system prompt. What a template does is not guessed from a
name: the server is asked for the prompt with and without, and where both are the same there is no such switch.
"""

from __future__ import annotations

import dataclasses
import re
from dataclasses import dataclass, field
from types import SimpleNamespace
from typing import TYPE_CHECKING, Any, Literal, cast

from lmnb.chat.history import Message
from lmnb.chat.problems import ChatError, Problem
from lmnb.studio import choosing, failures, sdk

if TYPE_CHECKING:
    from collections.abc import Mapping

    import lmstudio as lms

    from lmnb.studio.choosing import Model
    from lmnb.studio.hosts import Place
    from lmnb.studio.requests import Request

Level = Literal["off", "low", "high"]

LOW = 512
"""Tokens that a model may think at `low`, where the limit is ours to set: half a minute at 20 tokens a second."""

ENABLE, BUDGET = "llm.prediction.reasoning.enableThinking", "llm.prediction.reasoning.budgetTokens"
"""LM Studio's fields, as its SDK for JavaScript sends them."""

EFFORT = re.compile(r"(?i)\bgpt[-_]oss\b")
"""Models that take `Reasoning: low` in the system prompt, as OpenAI's model card says; they cannot do without."""

SOFT = re.compile(r"(?i)\bqwen3-(?:\d|think)(?!.*(?:2507|embed|rerank))|\bsmollm3\b")
"""Models that take `/think` and `/no_think` in the system prompt, as the model cards of Qwen3 and SmolLM3 say. What
came after Qwen3 (2507, Next, 3.5) has lost that."""

ALWAYS = re.compile(r"(?i)\b(?:gpt[-_]oss|deepseek-r1|qwq|magistral)\b|[-_](?:thinking|reasoning)\b")
"""Models that are known to think whatever they are told."""


@dataclass(frozen=True)
class Thinking:
    """What goes along with a request.

    Attributes:
        level: What was asked for.
        model: Whom, as a person calls it.
        fields: To be added to the prediction config, by the protocol's keys.
        system: Words for the end of the system prompt.
    """

    level: Level
    model: str
    fields: Mapping[str, Any] = field(default_factory=dict)
    system: str | None = None

    def apply(self, request: Request) -> Request:
        """The request with the words in its system prompt; the same words in the same place for every turn.

        Raises:
            ChatError: If the SDK's chat that goes before has a system prompt of its own, which is not ours to change.
        """
        if self.system is None:
            return request
        if request.chat is not None and _has_system(request.chat):
            lines = (f"Write “{self.system}” at the end of it.",)
            raise ChatError(Problem("refused", "The chat that was given has a system prompt of its own.", lines))
        if request.plan is not None:
            plan = dataclasses.replace(request.plan, system=_joined(request.plan.system, self.system))
            return dataclasses.replace(request, plan=plan)
        first, *others = request.messages or (Message("system", ""),)
        if first.role == "system":
            said = dataclasses.replace(first, content=_joined(first.content, self.system))
            return dataclasses.replace(request, messages=(said, *others))
        return dataclasses.replace(request, messages=(Message("system", self.system), *request.messages))

    def add(self, stream: Any) -> None:
        """Add the fields to a request that the SDK has made and not sent.

        Args:
            stream: As `respond_stream` gives it, before `start`.

        Raises:
            ChatError: If this version of the SDK has no place for them; nothing was sent.
        """
        if self.fields and not _add(stream, self.fields):
            title = f"LM Studio's SDK {sdk.version()} for Python cannot say how much a model thinks."
            raise ChatError(Problem("refused", title, ("Install lmstudio 1.5 or 1.6, or ask without it.",)))

    def remark(self, tokens: int) -> str | None:
        """What to say where the server has not kept to it; None where it has.

        Args:
            tokens: That the model has thought.
        """
        if self.level == "off" and tokens:
            return f"{self.model} thought all the same, for {tokens} tokens."
        limit = self.fields.get(BUDGET, {}).get("value") if self.level == "low" else None
        if limit and tokens > limit * 1.25:
            return f"{self.model} thought for {tokens} tokens; its server does not keep to the limit of {limit}."
        return None


async def plan(level: str, model: Model, client: lms.AsyncClient, place: Place) -> Thinking:
    """What there is to say it with. Asks the server at most twice for a prompt, and loads nothing.

    Args:
        level: A `Level`.
        model: Loaded.
        client: Connected.
        place: Where to.

    Raises:
        ChatError: If this model has no such switch, or the level is none, in sentences.
        lms.LMStudioError: If the model or the connection is gone.
    """
    if level not in {"off", "low", "high"}:
        raise ChatError(Problem("refused", f"How much it thinks can be off, low or high, and not “{level}”."))
    level = cast("Level", level)
    names = _names(model)
    name = model.identifier or model.key
    if EFFORT.search(names):
        if level == "off":
            raise ChatError(_always(name, "`low` is the least."))
        return Thinking(level, name, system=f"Reasoning: {level}")
    if await _listens(model, client, place):
        return Thinking(level, name, _fields(level))
    if SOFT.search(names):
        if level == "low":
            title = f"{name} thinks or does not: there is no “low” for it here."
            raise ChatError(Problem("refused", title, ("Say `high` or `off`.",)))
        return Thinking(level, name, system="/no_think" if level == "off" else "/think")
    if level == "off" and ALWAYS.search(names):
        raise ChatError(_always(name, "Choose another model, or hide what it thinks with `-R`."))
    raise ChatError(_no_switch(name))


def thinks(model: Model) -> bool:
    """Whether a model is known to think; of many that do, nobody says so."""
    return model.kind == "llm" and any(known.search(_names(model)) for known in (SOFT, ALWAYS))


def _names(model: Model) -> str:
    return f"{model.key} {model.architecture or ''} {model.path}"


def _fields(level: Level) -> dict[str, Any]:
    if level == "off":
        return {ENABLE: False}
    return {ENABLE: True, BUDGET: {"checked": level == "low", "value": LOW}}


def _always(name: str, way: str) -> Problem:
    return Problem("refused", f"{name} always thinks; that cannot be switched off.", (way,))


def _no_switch(name: str) -> Problem:
    return Problem(
        "refused",
        f"{name} has no switch for its thinking, if it thinks at all.",
        (
            "What it is given to read is the same with and without, and its maker has no words for it that are known.",
            "Ask without it; Qwen3, SmolLM3 and gpt-oss, for example, have such a switch.",
        ),
    )


def _joined(system: str | None, words: str) -> str:
    return f"{system}\n\n{words}" if system else words


def _has_system(chat: lms.Chat) -> bool:
    messages = chat._get_history()["messages"]
    return bool(messages) and messages[0]["role"] == "system"


# ---- the template


async def _listens(model: Model, client: lms.AsyncClient, place: Place) -> bool:
    """Whether the model's template does something else when it is told not to think."""
    prompts = [await _prompt(model, client, place, thinking=on) for on in (True, False)]
    return prompts[0] is not None and prompts[0] != prompts[1]


async def _prompt(model: Model, client: lms.AsyncClient, place: Place, *, thinking: bool) -> str | None:
    import lmstudio as lms  # noqa: PLC0415

    said = {"role": "user", "content": [{"type": "text", "text": "Hello"}]}
    config = {"fields": [{"key": ENABLE, "value": thinking}]}
    asked = {
        "specifier": {"type": "query", "query": {"identifier": model.identifier or model.key}},
        "history": {"messages": [said]},
        "predictionConfigStack": {"layers": [{"layerName": "apiOverride", "config": config}]},
        "opts": {},
    }
    # As the SDK's own `apply_prompt_template`, which cannot be told of a config.
    parameter: Any = SimpleNamespace(to_dict=lambda: asked)
    try:
        answer = await choosing.answered(client.llm.remote_call("applyPromptTemplate", parameter), place)
    except lms.LMStudioServerError as error:
        if failures.is_not_found(error):  # unloaded meanwhile
            raise
        return None
    return str(answer["formatted"])


# ---- the request


def _add(stream: Any, fields: Mapping[str, Any]) -> bool:
    """Whether the fields are in the request now. Its parts are private in the SDK: looked at, not relied upon."""
    try:
        layer = _layer(stream)
        layer["config"]["fields"] = [
            *(each for each in layer["config"]["fields"] if each["key"] not in fields),
            *({"key": key, "value": value} for key, value in fields.items()),
        ]
        there = {each["key"]: each.get("value") for each in _layer(stream)["config"]["fields"]}
    except (AttributeError, IndexError, KeyError, TypeError):
        return False
    return all(there.get(key) == value for key, value in fields.items())


def _layer(stream: Any) -> Any:
    layers = stream._endpoint.creation_params["predictionConfigStack"]["layers"]
    return [each for each in layers if each["layerName"] == "apiOverride"][0]  # noqa: RUF015  IndexError, not StopIteration
