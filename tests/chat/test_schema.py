"""Schemas: whatever the person has is read, answers are checked, and errors say which field and how."""

from __future__ import annotations

import contextlib
import dataclasses
import datetime
import json
import subprocess
import sys
from typing import Any, Optional

import msgspec
import pydantic
import pytest
from hypothesis import given
from hypothesis import strategies as st
from typing_extensions import TypedDict

from lmnb.chat.possible import objection
from lmnb.chat.schema import Schema, SchemaError, read


class Person(pydantic.BaseModel):
    name: str
    score: float

    @pydantic.field_validator("name")
    @classmethod
    def _known(cls, name: str) -> str:
        return {"ghost": None}.get(name, name).strip()


class Node(pydantic.BaseModel):
    name: str
    child: Optional[Node] = None  # noqa: UP045 - pydantic reads it, and Python 3.10 as well


class Endless(pydantic.BaseModel):
    child: Endless


class People(pydantic.RootModel[list[Person]]):
    pass


@dataclasses.dataclass
class Visit:
    name: str
    day: datetime.date


class Row(TypedDict):
    name: str


class Point(msgspec.Struct):
    x: int


PLACE = {
    "type": "object",
    "properties": {"town": {"type": "string"}, "size": {"$ref": "#/$defs/size"}},
    "required": ["town"],
    "$defs": {"size": {"type": "integer", "minimum": 1}},
}
NAMESPACE: dict[str, Any] = {
    "Person": Person,
    "Node": Node,
    "People": People,
    "Visit": Visit,
    "Row": Row,
    "Point": Point,
    "place": PLACE,
    "short": "name:str, score:float",
    "somebody": Person(name="a", score=1),
    "number": 3,
    "models": sys.modules[__name__],
}


def test_a_class_by_its_name_gives_its_instance():
    schema = read("Person", NAMESPACE)
    assert (schema.name, schema.rows, schema.columns) == ("Person", False, ("name", "score"))
    assert schema.check('{"name": "Ada", "score": 1}') == Person(name="Ada", score=1.0)


@pytest.mark.parametrize(
    ("spec", "text", "value"),
    [
        (Person, '{"name": "Ada", "score": 1}', Person(name="Ada", score=1)),
        ("Visit", '{"name": "Ada", "day": "2024-02-03"}', Visit("Ada", datetime.date(2024, 2, 3))),
        ("Row", '{"name": "Ada"}', {"name": "Ada"}),
        ("Point", '{"x": 1}', Point(1)),
        ("models.Point", '{"x": 1}', Point(1)),
        ("place", '{"town": "Ulm", "size": 3}', {"town": "Ulm", "size": 3}),
        (PLACE, '{"town": "Ulm"}', {"town": "Ulm"}),
        (json.dumps(PLACE), '{"town": "Ulm"}', {"town": "Ulm"}),
        ("short", '{"name": "Ada", "score": 1}', {"name": "Ada", "score": 1.0}),
        ("name:str, score:float", '{"name": "Ada", "score": 1}', {"name": "Ada", "score": 1.0}),
    ],
)
def test_whatever_the_person_has(spec, text, value):
    schema = read(spec, NAMESPACE)
    assert schema.json["type"] == "object"
    assert (schema.rows, schema.check(text)) == (False, value)


@pytest.mark.parametrize(
    ("spec", "row", "value"),
    [
        ("[name:str, score:float]", {"name": "Ada", "score": 1}, {"name": "Ada", "score": 1.0}),
        ("[Person]", {"name": "Ada", "score": 1}, Person(name="Ada", score=1)),
        ("list[Person]", {"name": "Ada", "score": 1}, Person(name="Ada", score=1)),
        (list[Person], {"name": "Ada", "score": 1}, Person(name="Ada", score=1)),
        ("People", {"name": "Ada", "score": 1}, Person(name="Ada", score=1)),
        ("[Point]", {"x": 1}, Point(1)),
        ("[place]", {"town": "Ulm", "size": 3}, {"town": "Ulm", "size": 3}),
        ({"type": "array", "items": PLACE["properties"]["town"]}, "Ulm", "Ulm"),
    ],
)
def test_rows_travel_in_an_object(spec, row, value):
    schema = read(spec, NAMESPACE)
    assert schema.rows
    assert (schema.json["type"], list(schema.json["properties"])) == ("object", ["rows"])
    assert objection(schema.json) is None  # among others: every reference still leads somewhere
    assert schema.check(json.dumps({"rows": [row, row]})) == [value, value]
    assert schema.check(json.dumps([row])) == [value]


def test_references_to_the_top_of_a_list_lead_to_the_rows():
    tree = {"type": "array", "items": {"type": "object", "properties": {"in": {"$ref": "#"}, "enum": {"enum": [1]}}}}
    schema = read(tree, {})
    assert schema.json["properties"]["rows"]["items"]["properties"]["in"] == {"$ref": "#/properties/rows"}
    assert schema.check('{"rows": [{"in": [{"in": []}]}]}') == [{"in": [{"in": []}]}]
    with pytest.raises(SchemaError, match=r"in"):
        schema.check('{"rows": [{"in": [3]}]}')


def test_a_class_that_refers_to_itself_has_its_fields_at_the_top():
    schema = read("Node", NAMESPACE)
    assert schema.json["type"] == "object"
    assert "$ref" not in schema.json
    assert schema.check('{"name": "a", "child": {"name": "b"}}').child == Node(name="b")


def test_the_types_of_a_short_schema():
    spec = "[net price:float, mood:good|bad|so so, stars:1|2|3, day:date?, at:datetime, tags:list[a|b], ok:bool|None]"
    schema = read(spec, {})
    row = {
        "net price": 2,
        "mood": "so so",
        "stars": 3,
        "day": "2024-02-03",
        "at": "2024-02-03T04:05:06Z",
        "tags": ["a"],
        "ok": None,
    }
    (value,) = schema.check(json.dumps([row]))
    noon = datetime.datetime(2024, 2, 3, 4, 5, 6, tzinfo=datetime.timezone.utc)
    assert value == {**row, "net price": 2.0, "day": datetime.date(2024, 2, 3), "at": noon}
    fields = schema.json["$defs"]["Row"]
    assert fields["required"] == list(row) == list(schema.columns)
    assert fields["properties"]["at"]["format"] == "date-time"
    assert fields["properties"]["stars"] == {"enum": [1, 2, 3]}
    del row["day"]
    assert list(schema.check(json.dumps([row]))[0]) == list(schema.columns)


@pytest.mark.parametrize(
    ("spec", "text", "says"),
    [
        ("Person", '{"name": "Ada"}', "`score`: field required."),
        ("Person", '{"name": "Ada", "score": "high"}', "`score`: input should be a valid number"),
        ("[Person]", '{"rows": [{"name": "Ada", "score": 1}, {"name": 1}]}', "`rows[1].name`: input should be"),
        ("Person", '{"name": "ghost", "score": 1}', "The class's own check failed: AttributeError"),
        ("Visit", '{"name": "Ada", "day": "soon"}', "`day`: invalid RFC3339 encoded date."),
        ("[name:str, net price:int]", '[{"name": "a", "net price": "x"}]', "`rows[0].net price`: expected `int`"),
        ("name:str", '{"name": "a", "age": 3}', "The answer: object contains unknown field `age`."),
        ("mood:good|bad", '{"mood": "fine"}', "`mood`: invalid enum value 'fine'."),
        ("place", '{"town": "Ulm", "size": 0}', "`size`: must be bigger than or equal to 1, not `0`."),
        ("place", '{"size": 1}', "The answer: must contain ['town'] properties."),
        ("[place]", '[{"town": 3}]', "`rows[0].town`: must be string, not `3`."),
        ("[name:str]", '{"names": []}', "`rows`: must be a list"),
        ("name:str", "I would rather not.", "There is no JSON in the answer."),
        ("name:str", "", "The answer is empty"),
        ("[name:str]", '{"rows": [{"name": "a"}, {"na', "it ends in the middle."),
    ],
)
def test_an_answer_that_does_not_fit_is_told_which_field(spec, text, says):
    with pytest.raises(SchemaError) as caught:
        read(spec, NAMESPACE).check(text)
    assert says in str(caught.value)
    assert len(str(caught.value).splitlines()) == 1


def test_data_in_a_fence_is_data():
    assert read("name:str", {}).check('Sure!\n```json\n{"name": "Ada"}\n```\nAnything else?') == {"name": "Ada"}


def test_a_reminder_says_the_error_and_the_form():
    schema = read("name:str", {})
    reminder = schema.reminder(SchemaError("`name`: is missing."))
    assert "`name`: is missing." in reminder
    assert json.dumps(schema.json) in reminder
    wide = read(", ".join(f"column_{n}:str" for n in range(200)), {})
    assert len(wide.reminder("too long")) < 200


@pytest.mark.parametrize(
    ("spec", "says"),
    [
        ("Persn", "there is `Person`"),
        ("zzz", "`zzz:str"),
        ("somebody", "not the class; give `Person`"),
        ("number", "of the type `int`"),
        (int, "It is a class, but not"),
        (list, "cannot be a schema"),
        ("models.Nobody", "There is no `Nobody` in `models`."),
        ("name", "A short schema names its types"),
        ("name:", "`name` has no type"),
        ("name:str, age", "`age` has no type; write for example `age:str`."),
        (":str", "without a name"),
        ("name:string", "`name:str`?"),
        ("name:klingon", "There are str, int"),
        ("a:str, a:int", "`a` stands in it twice"),
        ("a:int|str", "one type, or a choice"),
        ("a:b||c", "one type, or a choice"),
        ("/srv/ada/person.json", "No file is read"),
        ("person.json", "No file is read"),
        ("", "An empty text cannot be a schema."),
        ("[]", "Write fields and their types"),
        ('{"type": "object"', "cannot be read"),
        ({}, "says its type"),
        ({"name": str}, "Python's types"),
        ({"type": "string"}, "neither an object nor a list"),
        ({"type": "fish"}, "It is no JSON schema"),
        ({"type": "object", "properties": {"a": {"pattern": "("}}}, "It is no JSON schema"),
        ({"type": "object", "properties": {"a": {"prefixItems": []}}}, "`prefixItems`, which cannot be checked"),
    ],
)
def test_what_cannot_be_a_schema_is_refused_in_a_sentence(spec, says):
    with pytest.raises(SchemaError) as caught:
        read(spec, NAMESPACE)
    assert says in str(caught.value)


OBJECT = {"type": "object", "required": ["a"]}


@pytest.mark.parametrize(
    ("spec", "says"),
    [
        (Endless, "every `Endless` needs another `Endless`"),
        ({"$ref": "#"}, "needs another"),
        ({"$ref": "#/$defs/a", "$defs": {"a": {"$ref": "#/$defs/b"}, "b": {"$ref": "#/$defs/a"}}}, "needs another"),
        ({**OBJECT, "properties": {"a": {"enum": []}}}, "`a` is a choice of nothing"),
        ({**OBJECT, "properties": {"a": {"minimum": 3, "maximum": 2}}}, "the minimum of `a` is above its maximum"),
        ({**OBJECT, "properties": {}, "additionalProperties": False}, "`a` must be there, and is no property"),
        ({**OBJECT, "properties": {"a": False}}, "`a` may be nothing at all"),
        ({**OBJECT, "properties": {"a": {"anyOf": [{"enum": []}, False]}}}, "`a` is a choice of nothing"),
        (
            {**OBJECT, "properties": {"a": {"type": "array", "minItems": 1, "items": {"enum": []}}}},
            "`a[0]` is a choice of nothing",
        ),
        ({**OBJECT, "properties": {"a": {"$ref": "#/$defs/b"}}}, "refers to `#/$defs/b`, which is not in it"),
        ({**OBJECT, "properties": {"a": {"$ref": "http://127.0.0.1:1/x"}}}, "nothing outside of it is fetched"),
        ({**OBJECT, "properties": {"a": {"$ref": "file:///etc/passwd"}}}, "nothing outside of it is fetched"),
    ],
)
def test_what_no_answer_can_satisfy_is_refused_before_anything_is_sent(spec, says):
    with pytest.raises(SchemaError, match="No answer can satisfy it") as caught:
        read(spec, {})
    assert says in str(caught.value)


def test_what_may_be_left_out_need_not_be_possible():
    never = {"enum": []}
    assert objection({"type": "object", "properties": {"a": never}}) is None
    assert objection({"type": ["object", "null"], "required": ["a"], "properties": {"a": never}}) is None
    assert objection({"type": "array", "items": never}) is None
    assert objection({"anyOf": [never, {"type": "null"}]}) is None


def test_a_schema_with_an_address_stays_on_this_machine():
    spec = {
        "$id": "http://127.0.0.1:1/schema.json",
        "$schema": "http://127.0.0.1:1/draft",
        "type": "object",
        "properties": {"a": {"$id": "http://127.0.0.1:1/a.json", "items": {"$ref": "#/definitions/word"}}},
        "definitions": {"word": {"type": "string"}},
    }
    assert read(spec, {}).check('{"a": ["x"]}') == {"a": ["x"]}


def test_a_schema_that_goes_round_ends_in_a_sentence():
    spec = {
        "type": "object",
        "properties": {"a": {"$ref": "#/$defs/a"}},
        "$defs": {"a": {"anyOf": [{"$ref": "#/$defs/a"}, {"type": "null"}]}},
    }
    with pytest.raises(SchemaError, match="nested so deeply"):
        read(spec, {}).check('{"a": 3}')


@pytest.mark.parametrize("deep", [400, 5_000])
def test_depth_ends_in_a_sentence(deep):
    spec: dict[str, Any] = {"type": "string"}
    for _ in range(deep):
        spec = {"type": "object", "properties": {"a": spec}}
    with pytest.raises(SchemaError):
        read(spec, {})
    with pytest.raises(SchemaError):
        read({"type": "object"}, {}).check('{"a":' * 100_000)


@pytest.mark.parametrize(
    "name", ['"', "\\", "'", "{0}", "{data}", "%s", "\n", '"); raise SystemExit(3) #', '\\"); raise SystemExit(3) #']
)
def test_names_in_a_schema_are_names(name):
    """fastjsonschema writes a program; nothing of a schema may become part of it."""
    spec = {
        "type": "object",
        "title": name,
        "properties": {name: {"enum": [name], "description": name, "format": name}},
        "required": [name],
        "additionalProperties": {"pattern": "x", "$comment": name},
    }
    schema = read(spec, {})
    assert schema.check(json.dumps({name: name})) == {name: name}
    for wrong in ({}, {name: 1}, {name: name, "y": "y"}):
        with pytest.raises(SchemaError):
            schema.check(json.dumps(wrong))


KEYS = ["type", "$ref", "properties", "items", "enum", "required", "anyOf", "$defs", "minimum", "additionalProperties"]
WORDS = st.sampled_from(["object", "array", "#", "#/$defs/a", "a", "[", "a:str", ""]) | st.text(max_size=5)
DATA = st.recursive(
    st.none() | st.booleans() | st.integers() | WORDS,
    lambda inner: st.lists(inner) | st.dictionaries(st.sampled_from([*KEYS, "a"]), inner),
)


@given(DATA | st.dictionaries(st.sampled_from(KEYS), DATA) | st.text(max_size=60))
def test_whatever_is_given_there_is_a_schema_or_a_sentence(spec):
    try:
        schema = read(spec, NAMESPACE)
    except SchemaError:
        return
    assert isinstance(schema, Schema)
    with contextlib.suppress(SchemaError):
        schema.check('{"a": 1}')


def test_a_schema_imports_little():
    code = (
        "import sys, lmnb.chat.schema; print(sorted({'pydantic', 'fastjsonschema', 'jsonschema'} & set(sys.modules)))"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"
