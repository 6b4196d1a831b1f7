"""The short way to write a schema: `name:str, score:float`; a list of such rows stands in brackets.

Types are `str`, `int`, `float`, `bool`, `date`, `datetime`, `list[…]` of one of these, or a choice: `good|bad`,
`1|2|3`.
A question mark behind a type lets the field be null: `age:int?`.
"""

from __future__ import annotations

import datetime
import difflib
import re
from typing import Annotated, Any, Literal

TYPES: dict[str, Any] = {
    "str": str,
    "int": int,
    "float": float,
    "bool": bool,
    "date": datetime.date,
    "datetime": datetime.datetime,
}

_LIST = re.compile(r"list\s*\[(.*)\]", re.DOTALL)


def struct(spec: str) -> tuple[type[Any], list[str]]:
    """A msgspec Struct for a short spec without its brackets, and the names of its fields.

    The Struct's own attributes are `f0`, `f1`, …: the names may be any words.

    Raises:
        ValueError: A sentence on what cannot be read.
    """
    import msgspec  # noqa: PLC0415 - not at `import lmnb`

    fields = [_field(part) for part in _parts(spec)]
    names = [name for name, _ in fields]
    if twice := next((name for name in names if names.count(name) > 1), None):
        raise ValueError(f"`{twice}` stands in it twice.")
    made = [
        (f"f{n}", kind, msgspec.field(name=name, default=None if _nullable(kind) else msgspec.NODEFAULT))
        for n, (name, kind) in enumerate(fields)
    ]
    return msgspec.defstruct("Row", made, forbid_unknown_fields=True, kw_only=True), names


def _parts(spec: str) -> list[str]:
    """What stands between the commas, brackets closed."""
    parts = [part.strip() for part in re.split(r",(?![^\[]*\])", spec)]
    if not parts[-1]:
        parts.pop()
    if not parts:
        raise ValueError("There is nothing in it; write for example `name:str, score:float`.")
    return parts


def _field(part: str) -> tuple[str, Any]:
    name, colon, kind = (piece.strip() for piece in part.partition(":"))
    if not name:
        raise ValueError(f"There is a field without a name: `{part}`.")
    if not colon or not kind:
        raise ValueError(f"`{name}` has no type; write for example `{name}:str`.")
    return name, _type(name, kind)


def _type(name: str, kind: str) -> Any:
    if kind.endswith("?"):
        return _type(name, kind[:-1].rstrip()) | None
    if found := _LIST.fullmatch(kind):
        return list[_type(name, found[1].strip())]  # type: ignore[misc]  # made while it runs
    choices = [choice.strip() for choice in kind.split("|")]
    if len(choices) > 1:
        return _choice(name, choices)
    if kind == "datetime":
        import msgspec  # noqa: PLC0415

        # msgspec says no format of a time that may lack its zone, and a model writes what it likes.
        return Annotated[datetime.datetime, msgspec.Meta(extra_json_schema={"format": "date-time"})]
    if kind not in TYPES:
        near = difflib.get_close_matches(kind.lower(), [*TYPES, "string", "number", "integer"], 1)
        meant = {"string": "str", "number": "float", "integer": "int"}.get(*near, *near) if near else None
        known = f"`{name}:{meant}`?" if meant else f"There are {', '.join(TYPES)}, `list[str]`, and choices: `a|b`."
        raise ValueError(f"`{name}` has the unknown type `{kind}`. {known}")
    return TYPES[kind]


def _choice(name: str, choices: list[str]) -> Any:
    nothing = {"None", "none", "null"}
    left = [choice for choice in choices if choice not in nothing]
    if len(left) < len(choices):
        return _type(name, "|".join(left)) | None
    if not all(choices) or any(choice in TYPES for choice in choices):
        raise ValueError(
            f"`{name}` is to be `{'|'.join(choices)}`: one type, or a choice of words. `str?` is one that may be null."
        )
    numbers = all(re.fullmatch(r"-?\d{1,15}", choice) for choice in choices)
    return Literal[tuple(int(choice) if numbers else choice for choice in choices)]


def _nullable(kind: Any) -> bool:
    return type(None) in getattr(kind, "__args__", ())
