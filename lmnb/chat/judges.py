"""Who says whether data fits a schema: pydantic for its own classes, msgspec for others, fastjsonschema for JSON."""

from __future__ import annotations

import dataclasses
import json
import re
from typing import TYPE_CHECKING, Any, NamedTuple, NoReturn, get_args, get_origin

from typing_extensions import is_typeddict

from lmnb.chat.possible import nodes

if TYPE_CHECKING:
    from collections.abc import Callable

UNCHECKED = {
    "prefixItems",
    "unevaluatedProperties",
    "unevaluatedItems",
    "dependentRequired",
    "dependentSchemas",
    "minContains",
    "maxContains",
    "$dynamicRef",
    "$recursiveRef",
}
"""Words of newer JSON schemas that fastjsonschema passes over: better refused than only half checked."""


class SchemaError(ValueError):
    """A sentence for a person and a model: what cannot be a schema, or which field of an answer is wrong and how."""


class Judge(NamedTuple):
    """A schema as JSON, and what makes a value of data that fits it, or raises a SchemaError."""

    json: dict[str, Any]
    value: Callable[[Any], Any]


def can_judge(kind: Any) -> bool:
    """Whether this is a class that can be a schema, or a list of one."""
    if get_origin(kind) is list:
        return any(map(can_judge, get_args(kind)))
    return isinstance(kind, type) and (
        _is_pydantic(kind) or dataclasses.is_dataclass(kind) or is_typeddict(kind) or hasattr(kind, "__struct_fields__")
    )


def of_class(kind: Any) -> Judge:
    """Of a class that `can_judge`; its values are instances of it, of a TypedDict dicts."""
    inner = kind
    while get_origin(inner) is list:
        (inner,) = get_args(inner)
    return _by_pydantic(kind) if _is_pydantic(inner) else of_struct(kind)


def _is_pydantic(kind: Any) -> bool:
    return hasattr(kind, "__pydantic_core_schema__")


def of_struct(kind: Any) -> Judge:
    """By msgspec: of a Struct, a dataclass, a TypedDict, or a list of one."""
    import msgspec  # noqa: PLC0415 - not at `import lmnb`

    def value(data: Any) -> Any:
        try:
            return msgspec.convert(data, kind)
        except msgspec.ValidationError as error:
            _not_so(*_said_by_msgspec(str(error)))

    try:
        return Judge(msgspec.json.schema(kind), value)
    except (TypeError, NameError) as error:
        raise SchemaError(f"It cannot be written as a JSON schema: {_first_line(error)}") from None


def _said_by_msgspec(error: str) -> tuple[str, str]:
    found = re.fullmatch(r"(.*?)(?: - at `(?:key in )?\$\.?(.*)`)?", error, re.DOTALL)
    assert found is not None
    return found[2] or "", found[1][:1].lower() + found[1][1:]


def _by_pydantic(kind: Any) -> Judge:
    import pydantic  # noqa: PLC0415 - the person has imported it: the class is theirs

    def value(data: Any) -> Any:
        try:
            return adapter.validate_json(json.dumps(data))
        except pydantic.ValidationError as error:
            errors = error.errors(include_url=False, include_context=False)
            more = f" (and {len(errors) - 1} more)" if len(errors) > 1 else ""
            what = errors[0]["msg"]
            got = f", not {_shown(errors[0]['input'])}" if errors[0]["type"] != "missing" else ""
            _not_so(_path(errors[0]["loc"]), f"{what[:1].lower()}{what[1:]}{got}{more}")
        except Exception as error:  # a validator of the person's own; the answer must not be lost by it
            raise SchemaError(f"The class's own check failed: {type(error).__name__}: {_first_line(error)}") from error

    try:
        adapter: Any = pydantic.TypeAdapter(kind)
        return Judge(adapter.json_schema(), value)
    except pydantic.errors.PydanticUserError as error:
        raise SchemaError(f"It cannot be written as a JSON schema: {_first_line(error)}") from None


def of_json(schema: dict[str, Any]) -> Judge:
    """By fastjsonschema; the value is the data itself."""
    import fastjsonschema  # noqa: PLC0415 - seldom

    unknown = sorted(UNCHECKED & {key for node in nodes(schema) for key in node})
    if unknown:
        raise SchemaError(f"It uses `{unknown[0]}`, which cannot be checked here; a pydantic class can say the same.")
    try:
        check = fastjsonschema.compile(_local(schema), handlers=_Nowhere(), use_default=False)
    except (fastjsonschema.JsonSchemaException, re.error, ValueError, TypeError, KeyError, AttributeError) as error:
        raise SchemaError(f"It is no JSON schema: {_first_line(error)}") from None
    except RecursionError:
        raise SchemaError("It is nested too deeply.") from None

    def value(data: Any) -> Any:
        try:
            check(data)
        except fastjsonschema.JsonSchemaValueException as error:
            name = (error.name or "data").removeprefix("data").lstrip(".")
            what = error.message.removeprefix(error.name or "").strip()
            got = "" if error.rule in {"required", "additionalProperties"} else f", not {_shown(error.value)}"
            _not_so(name, what + got)
        except RecursionError:
            raise SchemaError("The answer: it is nested so deeply that it cannot be checked.") from None
        return data

    return Judge(schema, value)


def _local(schema: Any) -> Any:
    """Without addresses: with one, a reference within the schema would be looked for on the network."""
    copied = json.loads(json.dumps(schema))
    for node in nodes(copied):
        for key in ("$id", "id", "$schema"):
            if isinstance(node.get(key), str):
                del node[key]
    return copied


class _Nowhere(dict[str, Any]):
    """Handlers for every kind of address, none of which is fetched."""

    def __contains__(self, scheme: object) -> bool:
        return True

    def __getitem__(self, scheme: str) -> Any:
        raise ValueError("It refers to something outside of it, and nothing is fetched.")


def _not_so(path: str, what: str) -> NoReturn:
    name = f"rows{path}" if path.startswith("[") else path
    where = f"`{name}`" if name else "The answer"
    raise SchemaError(f"{where}: {what.rstrip('.')}.")


def _path(steps: tuple[int | str, ...]) -> str:
    path = "".join(f"[{step}]" if isinstance(step, int) else f".{step}" for step in steps)
    return path.removeprefix(".")


def _shown(value: Any) -> str:
    text = json.dumps(value, ensure_ascii=False, default=repr)
    return f"`{text[:60]}…`" if len(text) > 60 else f"`{text}`"


def _first_line(error: Exception) -> str:
    lines = str(error).strip().splitlines()
    return (lines[0] if lines else type(error).__name__).rstrip(".") + "."
