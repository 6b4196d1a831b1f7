"""The settings of a prediction in the engine's words."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from lmnb.server.errors import ServerError
from lmnb.server.settings import checked

if TYPE_CHECKING:
    from lmnb.server.settings import Prediction

SWITCHES = {
    "repeatPenalty": ("repeat_penalty", 1.0),
    "minPSampling": ("min_p", 0.0),
    "topPSampling": ("top_p", 1.0),
    "llama.frequencyPenalty": ("frequency_penalty", 0.0),
    "llama.presencePenalty": ("presence_penalty", 0.0),
    "llama.xtcProbability": ("xtc_probability", 0.0),
    "llama.xtcThreshold": ("xtc_threshold", 0.1),
    "llama.locallyTypicalSampling": ("typical_p", 1.0),
}
"""What can be switched off: the engine's name for it, and the value that does nothing."""


def body(settings: Prediction, seed: Any = None) -> dict[str, Any]:
    """What the engine is told about how to choose, at which words to stop, and which form to keep.

    Args:
        settings: As they came.
        seed: The one the model was loaded with.

    Raises:
        ServerError: If something is asked for that the engine cannot do.
    """
    if draft := settings.get("speculativeDecoding.draftModel"):
        raise ServerError(
            f"lmnb's own server cannot let “{draft}” draft the answer.", suggestion="Leave `draftModel` out."
        )
    if settings.thinking_budget is not None:
        raise ServerError(
            "lmnb's own server cannot limit how long a model thinks.", suggestion="Let it think, or switch it off."
        )
    told: dict[str, Any] = {
        "temperature": settings.get("temperature"),
        "top_k": checked(settings.get("topKSampling"), 0),
    }
    for key, (name, off) in SWITCHES.items():
        told[name] = settings.ticked(key, off)
    mirostat = settings.get("llama.mirostatSampling") or {}
    if mirostat.get("version"):
        told["mirostat"] = mirostat["version"]
        told["mirostat_eta"] = mirostat.get("learningRate", 0.1)
        told["mirostat_tau"] = mirostat.get("targetEntropy", 5)
    if bias := settings.get("llama.logitBias"):
        told["logit_bias"] = bias
    chosen = settings.ticked("seed", checked(seed))
    if chosen is not None and chosen != -1:
        told["seed"] = chosen
    return told | {"stop": stops(settings)} | form(settings)


def stops(settings: Prediction) -> list[str]:
    """All strings at which to stop."""
    asked = [*settings.stop_strings, *(settings.get("toolCallStopStrings") or [])]
    return [stop for stop in dict.fromkeys(asked) if stop]


def form(settings: Prediction) -> dict[str, Any]:
    """The form the answer must have."""
    structured = settings.structured
    match structured.get("type"):
        case "json":
            schema = structured.get("jsonSchema")
            return {"json_schema": strict(schema if isinstance(schema, dict) else {"type": "object"})}
        case "gbnf":
            return {"grammar": structured.get("gbnfGrammar") or ""}
        case _:
            return {}


def strict(schema: dict[str, Any]) -> dict[str, Any]:
    """A JSON schema as LM Studio takes it.

    Objects have the properties that are named and no others: else a small model invents some. There is no white space
    to choose: else it may go on for ever. What the engine does not know (`format: password`) is passed over.
    """
    closed: dict[str, Any] = _closed(schema)
    return {**closed, "x-guidance": {"whitespace_flexible": False, "lenient": True}}


VALUES = {"enum", "const", "default", "examples"}
"""Keys of a schema that hold values and no schemas."""

NAMED = {"properties", "patternProperties", "$defs", "definitions", "dependentSchemas"}
"""Keys that hold schemas by names, which may be any words."""


def _closed(schema: Any) -> Any:
    if isinstance(schema, list):
        return [_closed(each) for each in schema]
    if not isinstance(schema, dict):
        return schema
    made = {
        key: value
        if key in VALUES
        else {name: _closed(each) for name, each in value.items()}
        if key in NAMED and isinstance(value, dict)
        else _closed(value)
        for key, value in schema.items()
    }
    if isinstance(schema.get("properties"), dict) and schema.get("type", "object") == "object":
        made.setdefault("additionalProperties", False)
        made["properties"] = _in_order(made["properties"], schema.get("required"))
    return made


def _in_order(properties: dict[str, Any], required: Any) -> dict[str, Any]:
    """In the order of `required`: the SDK sends them in that of their names, and thinking comes before an answer."""
    first = [name for name in required if isinstance(name, str)] if isinstance(required, list) else []
    return {name: properties[name] for name in dict.fromkeys([*first, *properties]) if name in properties}
