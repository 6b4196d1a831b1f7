"""The picture of the rooms is true: imports point one way, and each library has one door."""

from __future__ import annotations

import ast
from pathlib import Path
from typing import NamedTuple

import pytest

PACKAGE = Path(__file__).parent.parent / "lmnb"

FLOORS = {
    "chat": 0,
    "studio": 1,
    "context": 1,
    "journal": 1,
    "answer": 2,
    "conversation": 3,
    "widgets": 4,
    "tools": 4,
    "notebook": 5,
}
"""A room imports from the floors below its own, and never from beside or above."""

SERVER_FOR_STUDIO = {"lmnb.server.launch", "lmnb.server.store"}
"""The embedded server is a program of its own; this is how it is started and asked what is on disk."""

DOORS = {
    "lmstudio": {"lmnb.studio"},
    "anywidget": {"lmnb.widgets"},
    "ipywidgets": {"lmnb.widgets"},
    "xllamacpp": {"lmnb.server.engine_child"},
    "tornado": {"lmnb.server"},
    "markdown_it": {"lmnb.chat"},
    "pygments": {"lmnb.chat"},
    "IPython": {"lmnb.notebook"},
}


class Import(NamedTuple):
    """One import of a module by another; `typing`: only for the type checker."""

    by: str
    of: str
    typing: bool


def imports(source: str, by: str) -> list[Import]:
    """All imports of a module, wherever they stand."""
    tree = ast.parse(source)
    guarded = {
        id(node)
        for block in ast.walk(tree)
        if isinstance(block, ast.If) and ast.unparse(block.test) == "TYPE_CHECKING"
        for statement in block.body
        for node in ast.walk(statement)
    }
    found = []
    for node in ast.walk(tree):
        names = []
        if isinstance(node, ast.Import):
            names = [alias.name for alias in node.names]
        elif isinstance(node, ast.ImportFrom):
            assert node.level == 0, f"{by} imports relatively"
            names = [f"{node.module}.{alias.name}" for alias in node.names]
        found += [Import(by, name, id(node) in guarded) for name in names]
    return found


def is_in(module: str, place: str) -> bool:
    return module == place or module.startswith(place + ".")


def room(module: str) -> str:
    """The room of a module of ours: the first name below `lmnb`."""
    return module.split(".")[1] if "." in module else ""


def wrong_way(one: Import) -> bool:
    """Whether an import points where it must not."""
    by, of = room(one.by), room(one.of)
    if not is_in(one.of, "lmnb") or by == of:
        return False
    if by == "server":
        return of not in ("_version", "__version__")
    if by == "studio" and of == "server":
        return not any(is_in(one.of, place) for place in SERVER_FOR_STUDIO)
    if by in FLOORS:
        return FLOORS.get(of, -1 if of == "_version" else 99) >= FLOORS[by]
    return False


def wrong_door(one: Import) -> bool:
    """Whether an import of a library stands outside its one room."""
    doors = DOORS.get(one.of.split(".")[0])
    return doors is not None and not one.typing and not any(is_in(one.by, door) for door in doors)


def everything() -> list[Import]:
    found = []
    for path in sorted(PACKAGE.rglob("*.py")):
        name = ".".join(path.relative_to(PACKAGE.parent).with_suffix("").parts).removesuffix(".__init__")
        found += imports(path.read_text(encoding="utf-8"), name)
    return found


def test_imports_point_one_way():
    assert [one for one in everything() if wrong_way(one)] == []


def test_a_library_has_one_door():
    assert [one for one in everything() if wrong_door(one)] == []


@pytest.mark.parametrize(
    ("by", "source"),
    [
        ("lmnb.chat.turns", "from lmnb.studio import start"),
        ("lmnb.chat.turns", "def f():\n    import lmnb.notebook"),
        ("lmnb.studio.models", "from lmnb import conversation"),
        ("lmnb.studio.models", "from lmnb.server.engine import Engine"),
        ("lmnb.widgets.view", "from lmnb.notebook.cells import cell_id"),
        ("lmnb.server.rooms", "from lmnb.chat.events import Event"),
    ],
)
def test_a_wrong_turn_is_seen(by, source):
    assert any(wrong_way(one) for one in imports(source, by))


@pytest.mark.parametrize(
    ("by", "source"),
    [
        ("lmnb.notebook.magics", "def f():\n    import lmstudio"),
        ("lmnb.chat.turns", "from IPython.display import display"),
        ("lmnb.server.models", "import xllamacpp"),
    ],
)
def test_a_wrong_door_is_seen(by, source):
    assert any(wrong_door(one) for one in imports(source, by))


def test_a_type_may_be_named_anywhere():
    source = "if TYPE_CHECKING:\n    import lmstudio as lms"
    assert not any(wrong_door(one) for one in imports(source, "lmnb.conversation"))
