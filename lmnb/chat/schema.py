"""What an answer must be like when it is to be data: read from what the person has, checked, and said again."""

from __future__ import annotations

import difflib
import json
import re
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, get_origin

from lmnb.chat import judges, shorthand
from lmnb.chat.found import json_in
from lmnb.chat.judges import SchemaError
from lmnb.chat.possible import NAMED, VALUES, malformed, nodes, objection, target

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

__all__ = ["Schema", "SchemaError", "read"]

SHOWN = 2_000
"""Characters of a schema that a reminder repeats; a longer one costs more tokens than it helps."""

_NAME = re.compile(r"[^\W\d]\w*(?:\.[^\W\d]\w*)*")
_ROWS = re.compile(rf"\[\s*({_NAME.pattern})\s*\]|list\s*\[\s*({_NAME.pattern})\s*\]")


@dataclass(frozen=True)
class Schema:
    """The form an answer must have.

    Attributes:
        name: As the person calls it.
        json: For the SDK's `response_format`. An object at the top, as LM Studio wants it: a list of rows travels as
            `{"rows": [...]}`.
        rows: The value is a list.
        columns: The fields of the value or of its rows, where they are known.
    """

    name: str
    json: dict[str, Any] = field(repr=False)
    rows: bool
    columns: tuple[str, ...]
    _value: Callable[[Any], Any] = field(repr=False, compare=False)

    def check(self, text: str) -> Any:
        """The value of an answer.

        An instance of the class; a dict for a TypedDict, a short or a JSON schema; a list of these for rows.

        Args:
            text: The answer. Data may stand in a block of code or in prose; rows may stand without their wrapping.

        Raises:
            SchemaError: A sentence: which field, and what is wrong.
        """
        try:
            data = json_in(text).value
        except ValueError as error:
            raise SchemaError(str(error)) from None
        if not self.rows:
            return self._value(data)
        rows = data.get("rows") if isinstance(data, dict) else data
        if not isinstance(rows, list):
            raise SchemaError('`rows`: must be a list: `{"rows": [...]}`.')
        made = self._value(rows)
        return getattr(made, "root", made)  # of a pydantic RootModel

    def reminder(self, error: Exception | str) -> str:
        """What the model is told when it is asked once more."""
        text = json.dumps(self.json, ensure_ascii=False)
        form = f" that fits this schema:\n{text}" if len(text) <= SHOWN else " of the form that was asked for."
        return f"That answer cannot be used: {str(error).rstrip('.')}. Answer again, with nothing but JSON{form}"


def read(spec: Any, namespace: Mapping[str, Any]) -> Schema:
    """A schema, of whatever the person has.

    Args:
        spec: A pydantic class, a dataclass, a TypedDict, a msgspec Struct (or `list[…]` of one), a JSON schema as a
            dict or as text; the name of one of these, `[Name]` for a list of rows; or a short one:
            `name:str, score:float?`, in brackets for a list of rows (`lmnb.chat.shorthand`).
        namespace: The person's variables. They are looked up by name; nothing is evaluated, and no file is read.

    Raises:
        SchemaError: Sentences: why it is no schema, or why nothing can satisfy it, and what to write instead.
    """
    if isinstance(spec, Schema):
        return spec
    name = spec.strip() if isinstance(spec, str) else _called(spec)
    why = "It is nested too deeply."
    try:
        return _read(spec, namespace, name, named=True)
    except RecursionError:
        pass
    except SchemaError as error:
        why = str(error)
    said = f"`{_cut(name)}`" if name else "An empty text"
    raise SchemaError(f"{said} cannot be a schema. {why}")


def _read(spec: Any, namespace: Mapping[str, Any], name: str, *, named: bool) -> Schema:
    if isinstance(spec, Schema):
        return spec
    if isinstance(spec, str):
        return _of_text(spec.strip(), namespace, named=named)
    if isinstance(spec, dict):
        return _of_json(spec, name)
    if judges.can_judge(spec):
        return _made(name, judges.of_class(spec))
    raise SchemaError(_what_it_is(spec))


def _of_text(text: str, namespace: Mapping[str, Any], *, named: bool) -> Schema:
    if text.startswith("{"):
        return _of_json(_parsed(text), "JSON")
    if named and (found := _ROWS.fullmatch(text)):
        return _rows_of(_looked_up(found[1] or found[2], namespace), text)
    if named and _NAME.fullmatch(text) and (text.partition(".")[0] in namespace or not text.endswith(".json")):
        return _read(_looked_up(text, namespace), namespace, text, named=False)
    if text.endswith(".json") or (":" not in text and re.search(r"[/\\]", text)):
        raise SchemaError("No file is read: put its text into a variable and give the variable's name.")
    rows = text.startswith("[") and text.endswith("]")
    return _short(text, text[1:-1] if rows else text, rows=rows)


def _parsed(text: str) -> Any:
    try:
        return json.loads(text)
    except ValueError as error:
        raise SchemaError(f"It begins like JSON and cannot be read: {error}.") from None


def _looked_up(name: str, namespace: Mapping[str, Any]) -> Any:
    first, *rest = name.split(".")
    if first not in namespace:
        raise SchemaError(_not_there(first, namespace))
    found = namespace[first]
    for step in rest:
        inner = getattr(found, "__dict__", {})
        if step not in inner:
            raise SchemaError(f"There is no `{step}` in `{first}`.")
        found = inner[step]
    return found


def _not_there(name: str, namespace: Mapping[str, Any]) -> str:
    fitting = [other for other, value in namespace.items() if not other.startswith("_") and _may_be(value)]
    near = difflib.get_close_matches(name, fitting, 3, 0.5) or fitting[-5:]
    there = f"there is {', '.join(f'`{one}`' for one in near)}" if near else "nothing else there can be one"
    return f"There is no variable of that name; {there}. A short schema names its types: `{name}:str, score:float`."


def _may_be(value: Any) -> bool:
    return judges.can_judge(value) or isinstance(value, Schema) or (isinstance(value, dict) and "type" in value)


def _rows_of(spec: Any, name: str) -> Schema:
    if isinstance(spec, dict):
        defined = {key: spec[key] for key in ("$defs", "definitions") if key in spec}
        items = {key: value for key, value in spec.items() if key not in {"$schema", "$id", *defined}}
        return _of_json({"type": "array", "items": items, **defined}, name)
    if judges.can_judge(spec):
        return _made(name, judges.of_class(list[spec]))
    raise SchemaError(_what_it_is(spec))


def _short(name: str, fields: str, *, rows: bool) -> Schema:
    if ":" not in fields:
        raise SchemaError("Write fields and their types: `name:str, score:float`; `[name:str, score:float]` for rows.")
    try:
        row, names = shorthand.struct(fields)
    except ValueError as error:
        raise SchemaError(str(error)) from None
    judge = judges.of_struct(list[row] if rows else row)  # type: ignore[valid-type]

    def plain(one: Any) -> dict[str, Any]:
        return {field: getattr(one, f"f{n}") for n, field in enumerate(names)}

    def value(data: Any) -> Any:
        made = judge.value(data)
        return [plain(one) for one in made] if rows else plain(made)

    definition = judge.json["$defs"]["Row"]
    # A field that may be null must still be said, so that every row has every column.
    definition["required"] = names
    return _made(name, judges.Judge(judge.json, value))


def _of_json(spec: Any, name: str) -> Schema:
    try:
        schema = json.loads(json.dumps(spec))
    except (TypeError, ValueError):
        raise SchemaError(
            'It holds Python\'s types; write a short one (`"name:str, score:float"`) or a JSON schema: '
            '`{"type": "object", "properties": {…}}`.'
        ) from None
    if not isinstance(schema, dict) or not schema.keys() & {"type", "properties", "$ref"}:
        raise SchemaError('A JSON schema says its type: `{"type": "object", "properties": {…}}`.')
    if wrong := malformed(schema):
        raise SchemaError(f"It is no JSON schema: {wrong}.")
    _refuse_impossible(schema)
    title = schema.get("title")
    return _made(title if name == "JSON" and isinstance(title, str) else name, judges.of_json(schema))


def _refuse_impossible(schema: dict[str, Any]) -> None:
    if why := objection(schema):
        raise SchemaError(f"No answer can satisfy it: {why}.")


def _made(name: str, judge: judges.Judge) -> Schema:
    _refuse_impossible(judge.json)
    top = _top(judge.json)
    if top.get("type") == "array":
        items = top.get("items")
        row = _top({**judge.json, **items}) if isinstance(items, dict) else {}
        return Schema(name, _wrapped(top), True, tuple(row.get("properties", ())), judge.value)
    if "properties" in top or top.get("type") == "object":
        return Schema(name, {**top, "type": "object"}, False, tuple(top.get("properties", ())), judge.value)
    raise SchemaError(f"It is neither an object nor a list, but {top.get('type', 'a choice')}; put it into a field.")


def _top(schema: dict[str, Any]) -> dict[str, Any]:
    """The schema with its own fields at the top, where it only refers to one of its definitions."""
    while isinstance(schema.get("$ref"), str):
        rest = {key: value for key, value in schema.items() if key != "$ref"}
        found = target(schema, schema["$ref"])
        schema = {**rest, **(found if isinstance(found, dict) else {})}
    used = {str(node["$ref"]).rpartition("/")[2] for node in nodes(schema) if "$ref" in node}
    for key in ("$defs", "definitions"):
        if key in schema:
            left = {name: each for name, each in schema[key].items() if name in used}
            schema = {
                **{other: value for other, value in schema.items() if other != key},
                **({key: left} if left else {}),
            }
    return schema


def _wrapped(schema: dict[str, Any]) -> dict[str, Any]:
    """A list as the only field of an object, its definitions at the top again."""
    defined: dict[str, Any] = {
        key: _moved(schema[key], by_name=True) for key in ("$defs", "definitions") if key in schema
    }
    rows = {key: value for key, value in schema.items() if key not in {"$schema", "$id", *defined}}
    return {
        "type": "object",
        "properties": {"rows": _moved(rows)},
        "required": ["rows"],
        "additionalProperties": False,
        **defined,
    }


def _moved(node: Any, *, by_name: bool = False) -> Any:
    """A schema in which references to its top lead to where that is now."""
    if isinstance(node, list):
        return [_moved(each) for each in node]
    if not isinstance(node, dict):
        return node
    moved = {}
    for key, value in node.items():
        if key == "$ref" and isinstance(value, str) and not value.startswith(("#/$defs/", "#/definitions/")):
            moved[key] = f"#/properties/rows{value[1:]}"
        else:
            moved[key] = value if key in VALUES and not by_name else _moved(value, by_name=key in NAMED and not by_name)
    return moved


def _called(spec: Any) -> str:
    if isinstance(spec, dict):
        title = spec.get("title")
        return title if isinstance(title, str) else "JSON"
    return repr(spec) if get_origin(spec) else str(getattr(spec, "__name__", type(spec).__name__))


def _what_it_is(value: Any) -> str:
    able = "a pydantic class, a dataclass, a TypedDict, a msgspec Struct, or a JSON schema"
    kind = type(value)
    if judges.can_judge(kind):
        return f"It is one `{kind.__name__}`, not the class; give `{kind.__name__}`."
    if isinstance(value, type):
        return f"It is a class, but not {able}."
    return f"It is of the type `{kind.__name__}`, and not {able}."


def _cut(name: str) -> str:
    return f"{name[:80]}…" if len(name) > 80 else name
