"""Prediction parameters: checked by the SDK's own types, refused in words."""

from __future__ import annotations

import difflib
from collections.abc import Mapping
from typing import Any

from lmnb.chat.problems import ChatError, Choice, Problem

UNSENDABLE = {"raw"}
"""Declared by the SDK, but missing from its table of what goes to the server: it raises."""


def check(config: Any) -> dict[str, Any]:
    """The parameters in camelCase, ready for the SDK.

    Args:
        config: As the SDK spells them, in camelCase or snake_case.

    Raises:
        ChatError: For a key the SDK does not know, and for a value of the wrong type.
    """
    if not isinstance(config, Mapping):
        title = f"The config is a {type(config).__name__}, and must be a dict."
        raise ChatError(Problem("refused", title, ("For example `config={'temperature': 0.2, 'maxTokens': 300}`.",)))
    spelled = spellings()
    result: dict[str, Any] = {}
    for key, value in config.items():
        if key not in spelled:
            raise ChatError(_unknown(str(key), sorted(set(spelled.values()), key=str.casefold)))
        if value is not None:
            result[spelled[key]] = _value(spelled[key], value)
    return result


def spellings() -> dict[str, str]:
    """Every accepted spelling, and the SDK's camelCase one."""
    import lmstudio as lms  # noqa: PLC0415

    pairs = zip(
        lms.LlmPredictionConfig.__struct_fields__, lms.LlmPredictionConfig.__struct_encode_fields__, strict=True
    )
    return {name: camel for snake, camel in pairs if camel not in UNSENDABLE for name in (snake, camel)}


UNCHECKED = {
    "maxTokens": "Expected a whole number of tokens, or False for no limit",
    "topPSampling": "Expected a number from 0 to 1, or False",
    "minPSampling": "Expected a number from 0 to 1, or False",
    "repeatPenalty": "Expected a number, or False",
}
"""What the SDK declares as Any, and so lets through to the server: what it means."""


def _value(key: str, value: Any) -> Any:
    import lmstudio as lms  # noqa: PLC0415

    if key in UNCHECKED:
        number = isinstance(value, int if key == "maxTokens" else (int, float)) and not isinstance(value, bool)
        if value is not False and not (number and value >= 0):
            raise ChatError(_wrong(key, value, UNCHECKED[key]))
        return value
    try:
        lms.LlmPredictionConfig.from_dict({key: value})  # type: ignore[misc]  # the key was checked above
    except (lms.ValidationError, lms.LMStudioValueError) as error:
        expected = str(error).partition(" - at")[0].replace("`", "").replace(" | null", "")
        raise ChatError(_wrong(key, value, expected)) from None
    return value


def _wrong(key: str, value: Any, expected: str) -> Problem:
    lines = (f"{expected}.", f"For example `{key}={_EXAMPLES.get(key, '…')}`.")
    return Problem("refused", f"{key} cannot be {value!r}.", lines)


_EXAMPLES = {
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


def _unknown(key: str, known: list[str]) -> Problem:
    near = _near(key, known)
    choices: tuple[Choice, ...] = tuple({"name": name, "note": _EXAMPLES.get(name, "")} for name in near)
    lines: tuple[str, ...] = (f"All there are: {', '.join(known)}.",)
    if near:
        lines = ("Close to it:" if len(near) > 1 else "Perhaps this one:", *lines)
    return Problem("refused", f"No prediction parameter is called “{key}”.", lines, choices)


def _near(key: str, known: list[str]) -> list[str]:
    name = key.replace("_", "").replace("-", "").casefold()
    by_name = {one.casefold(): one for one in known}
    inside = [one for one in by_name if len(name) > 2 and (name in one or one in name)]
    close = difflib.get_close_matches(name, by_name, n=4, cutoff=0.55)
    return [by_name[one] for one in dict.fromkeys([*inside, *close])][:4]
