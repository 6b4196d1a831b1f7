"""Parameters of a prediction and of a load: checked by the SDK's own types, refused in words."""

from __future__ import annotations

import difflib
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from lmnb.chat.problems import ChatError, Choice, Problem

UNSENDABLE = {"raw"}
"""Declared by the SDK, but missing from its table of what goes to the server: it raises."""


UNCHECKED = {
    "maxTokens": "Expected a whole number of tokens, or False for no limit",
    "topPSampling": "Expected a number from 0 to 1, or False",
    "minPSampling": "Expected a number from 0 to 1, or False",
    "repeatPenalty": "Expected a number, or False",
}
"""What the SDK declares as Any, and so lets through to the server: what it means."""

EXAMPLES = {
    "temperature": "0.2",
    "maxTokens": "300",
    "stopStrings": "['END']",
    "toolCallStopStrings": "['END']",
    "topKSampling": "40",
    "topPSampling": "0.9",
    "minPSampling": "0.05",
    "repeatPenalty": "1.1",
    "cpuThreads": "4",
    "contextOverflowPolicy": "'rollingWindow'",
    "draftModel": "'qwen3-0.6b'",
    "structured": "{'type': 'json', 'jsonSchema': {…}}",
    "reasoningParsing": "{'enabled': True, 'startString': '<think>', 'endString': '</think>'}",
}

LOAD_EXAMPLES = {
    "contextLength": "8192",
    "gpu": "{'ratio': 0.5}",
    "flashAttention": "True",
    "keepModelInMemory": "False",
    "seed": "7",
    "evalBatchSize": "512",
    "ropeFrequencyBase": "1000000.0",
    "llamaKCacheQuantizationType": "'q8_0'",
    "llamaVCacheQuantizationType": "'q8_0'",
}


@dataclass(frozen=True)
class Kind:
    """What is configured.

    Attributes:
        what: As a person calls one of its parameters.
        type: The SDK's type.
        examples: What to write, by parameter.
        unchecked: What the SDK's type lets through.
    """

    what: str
    type: str
    examples: Mapping[str, str]
    unchecked: Mapping[str, str] = field(default_factory=dict)


PREDICTION = Kind("prediction parameter", "LlmPredictionConfig", EXAMPLES, UNCHECKED)
LOAD_LLM = Kind("load parameter", "LlmLoadModelConfig", LOAD_EXAMPLES)
LOAD_EMBEDDING = Kind("load parameter of embedding models", "EmbeddingLoadModelConfig", LOAD_EXAMPLES)


def check(config: Any, kind: Kind = PREDICTION) -> dict[str, Any]:
    """The parameters in camelCase, ready for the SDK.

    Args:
        config: As the SDK spells them, in camelCase or snake_case.
        kind: What they are for.

    Raises:
        ChatError: For a key the SDK does not know, and for a value of the wrong type.
    """
    if not isinstance(config, Mapping):
        title = f"The config is a {type(config).__name__}, and must be a dict."
        raise ChatError(Problem("refused", title, (f"For example `config={{{_example(kind)}}}`.",)))
    spelled = spellings(kind)
    result: dict[str, Any] = {}
    for key, value in config.items():
        if key not in spelled:
            raise ChatError(_unknown(str(key), sorted(set(spelled.values()), key=str.casefold), kind))
        if value is not None:
            result[spelled[key]] = _value(spelled[key], value, kind)
    return result


def _example(kind: Kind) -> str:
    return "'temperature': 0.2, 'maxTokens': 300" if kind is PREDICTION else "'contextLength': 8192"


def spellings(kind: Kind = PREDICTION) -> dict[str, str]:
    """Every accepted spelling, and the SDK's camelCase one."""
    type_ = _type(kind)
    pairs = zip(type_.__struct_fields__, type_.__struct_encode_fields__, strict=True)
    return {name: camel for snake, camel in pairs if camel not in UNSENDABLE for name in (snake, camel)}


def _type(kind: Kind) -> Any:
    import lmstudio as lms  # noqa: PLC0415

    return getattr(lms, kind.type)


def _value(key: str, value: Any, kind: Kind) -> Any:
    import lmstudio as lms  # noqa: PLC0415

    if key == "gpu":
        _check_gpu(value)
    if key in kind.unchecked:
        number = isinstance(value, int if key == "maxTokens" else (int, float)) and not isinstance(value, bool)
        if value is not False and not (number and value >= 0):
            raise ChatError(_wrong(key, value, kind.unchecked[key], kind))
        return value
    try:
        _type(kind).from_dict({key: value})
    except (lms.ValidationError, lms.LMStudioValueError) as error:
        expected = str(error).partition(" - at")[0].replace("`", "").replace(" | null", "")
        raise ChatError(_wrong(key, value, expected, kind)) from None
    return value


GPU = {"ratio": "ratio", "main_gpu": "mainGpu", "split_strategy": "splitStrategy", "disabled_gpus": "disabledGpus"}
"""What `gpu` has, in both spellings."""


def _check_gpu(value: Any) -> None:
    """The SDK passes over what it does not know in there, without a word."""
    for key in value if isinstance(value, Mapping) else ():
        if key not in GPU and key not in GPU.values():
            raise ChatError(Problem("refused", f"gpu has no “{key}”.", (f"It has {', '.join(GPU.values())}.",)))


def _wrong(key: str, value: Any, expected: str, kind: Kind) -> Problem:
    lines = (f"{expected}.", f"For example `{key}={kind.examples.get(key, '…')}`.")
    return Problem("refused", f"{key} cannot be {value!r}.", lines)


def _unknown(key: str, known: list[str], kind: Kind) -> Problem:
    near = _near(key, known)
    choices: tuple[Choice, ...] = tuple({"name": name, "note": kind.examples.get(name, "")} for name in near)
    lines: tuple[str, ...] = (f"All there are: {', '.join(known)}.",)
    if near:
        lines = ("Close to it:" if len(near) > 1 else "Perhaps this one:", *lines)
    return Problem("refused", f"No {kind.what} is called “{key}”.", lines, choices)


def _near(key: str, known: list[str]) -> list[str]:
    name = key.replace("_", "").replace("-", "").casefold()
    by_name = {one.casefold(): one for one in known}
    inside = [one for one in by_name if len(name) > 2 and (name in one or one in name)]
    close = difflib.get_close_matches(name, by_name, n=4, cutoff=0.55)
    return [by_name[one] for one in dict.fromkeys([*inside, *close])][:4]
