"""Whether anything at all can satisfy a JSON schema: a model that is held to one that nothing can, writes for ever."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any
from urllib.parse import unquote

if TYPE_CHECKING:
    from collections.abc import Collection, Iterator

_PAIRS = (
    ("minimum", "maximum"),
    ("minLength", "maxLength"),
    ("minItems", "maxItems"),
    ("minProperties", "maxProperties"),
)

_SHAPES: dict[str, tuple[type, str]] = {
    **dict.fromkeys(("$ref",), (str, "text")),
    **dict.fromkeys(("properties", "patternProperties", "$defs", "definitions"), (dict, "object")),
    **dict.fromkeys(("required", "enum", "anyOf", "oneOf", "allOf"), (list, "list")),
}

VALUES = ("enum", "const", "default", "examples")
"""Keys of a schema that hold values and no schemas."""

NAMED = ("properties", "patternProperties", "$defs", "definitions", "dependentSchemas")
"""Keys that hold schemas by names, which may be any words."""


def objection(schema: dict[str, Any]) -> str | None:
    """Why nothing can satisfy a schema, as half a sentence; None where something may.

    Finds what can be told from the schema alone: references that lead nowhere or only to themselves, choices of
    nothing, bounds that exclude each other, fields that must be there and must not. What it finds is so; it may miss
    something.
    """
    references = {node["$ref"] for node in nodes(schema) if isinstance(node.get("$ref"), str)}
    for reference in sorted(references):
        if not reference.startswith("#"):
            return f"it refers to `{reference}`, and nothing outside of it is fetched"
        if target(schema, reference) is None:
            return f"it refers to `{reference}`, which is not in it"
    ended: set[str] = set()
    while more := {each for each in references - ended if _why_not(target(schema, each), _short(each), ended) is None}:
        ended |= more
    return _why_not(schema, "", ended)


def malformed(schema: dict[str, Any]) -> str | None:
    """What is wrong with the schema itself, as half a sentence, so far as `objection` relies on it; else None."""
    for node in nodes(schema):
        for key, (kind, called) in _SHAPES.items():
            if key in node and not isinstance(node[key], kind):
                return f"its `{key}` is no {called}"
        if not all(isinstance(name, str) for name in node.get("required", ())):
            return "its `required` is no list of names"
    return None


def nodes(schema: Any) -> Iterator[dict[str, Any]]:
    """All schemas within a schema, itself first."""
    if isinstance(schema, list):
        for each in schema:
            yield from nodes(each)
    if isinstance(schema, dict):
        yield schema
        for key, value in schema.items():
            if key in NAMED and isinstance(value, dict):
                yield from nodes(list(value.values()))
            elif key not in VALUES:
                yield from nodes(value)


def target(schema: Any, reference: str) -> Any:
    """What `#/a/b` leads to in a schema; None where there is nothing."""
    for step in unquote(reference.removeprefix("#")).split("/")[1:]:
        name = step.replace("~1", "/").replace("~0", "~")
        if isinstance(schema, list) and name.isdecimal() and int(name) < len(schema):
            schema = schema[int(name)]
        elif isinstance(schema, dict) and name in schema:
            schema = schema[name]
        else:
            return None
    return schema


def _short(reference: str) -> str:
    return reference.rpartition("/")[2] or "it"


def _why_not(node: Any, at: str, ended: Collection[str]) -> str | None:
    """Half a sentence on why nothing can be here, if a reference can be satisfied just where it is in `ended`."""
    where = f"`{at}`" if at else "it"
    if node is False:
        return f"{where} may be nothing at all"
    if not isinstance(node, dict):
        return None
    if "$ref" in node:
        name = _short(node["$ref"])
        return None if node["$ref"] in ended else f"every `{name}` needs another `{name}` in it"
    if node.get("enum") == []:
        return f"{where} is a choice of nothing"
    for low, high in _PAIRS:
        if _above(node.get(low), node.get(high)):
            return f"the {low} of {where} is above its {high}"
    return _of_choices(node, at, ended) or _of_object(node, at, ended) or _of_array(node, at, ended)


def _above(low: Any, high: Any) -> bool:
    return isinstance(low, (int, float)) and isinstance(high, (int, float)) and low > high


def _of_choices(node: dict[str, Any], at: str, ended: Collection[str]) -> str | None:
    for key in ("anyOf", "oneOf"):
        whys = [_why_not(each, at, ended) for each in node.get(key) or []]
        if whys and all(whys):
            return whys[0]
    return next((why for each in node.get("allOf") or [] if (why := _why_not(each, at, ended))), None)


def _of_object(node: dict[str, Any], at: str, ended: Collection[str]) -> str | None:
    if node.get("type") != "object":
        return None
    properties = node.get("properties") or {}
    for name in node.get("required") or []:
        inner = f"{at}.{name}".lstrip(".")
        closed = node.get("additionalProperties") is False and "patternProperties" not in node
        if name not in properties and closed:
            return f"`{inner}` must be there, and is no property"
        if why := _why_not(properties.get(name), inner, ended):
            return why
    return None


def _of_array(node: dict[str, Any], at: str, ended: Collection[str]) -> str | None:
    needs = node.get("minItems")
    if node.get("type") != "array" or not isinstance(needs, int) or needs < 1:
        return None
    return _why_not(node.get("items"), f"{at}[0]", ended)
