"""A conversation as a file: it reads well, it can be read back, and nothing in it does what it should not."""

from __future__ import annotations

import ast
import json

import nbformat
import pytest
from hypothesis import given
from hypothesis import strategies as st

from lmnb.chat import exports, resume
from lmnb.chat.attached import Attached
from lmnb.chat.events import Stats
from lmnb.chat.problems import Problem
from lmnb.chat.turns import Part, Turn
from lmnb.notebook import options

NASTY = [
    "",
    '"""',
    'x\n"""',
    'x\n\\"""" \\',
    "\\",
    "'''\n'",
    "\x00",
    "\r",
    "a\u2028b",
    "# %% cell\n# %%",
    "%%bash\nrm",
    "\ud800",
    "coding: utf-7",
    "{x} {{y}}",
    "\n\n",
    "```\nopen",
]


def turn(prompt, answer="Because.", after=None, **fields):
    one = Turn(
        prompt, after=after and after.id, status="done", model="qwen3-4b", ended=2.0, **{"started": 1.0, **fields}
    )
    one.stats = Stats("eosFound", predicted_tokens_count=412)
    one.parts.append(Part("text", answer))
    return one


def conversation():
    """A line of two turns, and a branch that has one of its own."""
    a = turn("How did sales go?", "**Well.**", system="Be short.", asked="qwen3-4b", cell="c1")
    old = turn("And costs?", "Up.", after=a, cell="c2")
    b = turn("And *costs*?\nIn detail.", "Down.", after=a, cell="c2", started=2.0, config={"temperature": 0.2})
    b.attached = (Attached("sales", "card", "a table"),)
    return [a, b], [[a, old]]


def words(found):
    return [[(one.prompt, one.text) for one in line] for each in found for line in (each.line, *each.branches)]


def test_markdown_reads_as_a_page():
    assert exports.export("sales", *conversation(), "md") == (
        "# sales\n\n## How did sales go?\n\nSystem prompt: Be short.\n\n**Well.**\n\n— qwen3-4b · 412 tokens\n\n"
        "## And *costs*?\n\n> And *costs*?\n> In detail.\n\nWith it went `sales`.\n\nDown.\n\n"
        "— qwen3-4b · 412 tokens\n\n---\n\n# Branch 1\n\nIt goes on after “How did sales go?”.\n\n## And costs?\n\n"
        "Up.\n\n— qwen3-4b · 412 tokens\n"
    )


def test_an_open_fence_swallows_nothing():
    saved = exports.export("x", [turn("a", "~~~\n```\nx"), turn("b", "````py\n```\n````\n")], [], "md")
    assert "~~~\n```\nx\n~~~\n\n—" in saved
    assert saved.count("````") == 2


def test_what_failed_is_in_it():
    one = turn("a", "Half")
    one.status, one.problem = "failed", Problem("lostConnection", "The server went away.", ("Ask again.",))
    for kind in ("md", "py"):
        assert "The server went away." in exports.export("x", [one], [], kind)


@pytest.mark.parametrize("kind", ["json", ".ipynb"])
def test_it_can_be_read_back(tmp_path, kind):
    line, branches = conversation()
    path = tmp_path / "x"
    path.write_text(exports.export("sales", line, branches, kind), encoding="utf-8")
    found, said = resume.load_file(path)
    assert said == ""
    assert words(found) == [[(one.prompt, one.text) for one in each] for each in [line, *branches]]
    assert found[0].notes == []


def test_a_json_goes_on_where_the_line_ended_though_a_branch_is_newer(tmp_path):
    line, branches = conversation()
    path = tmp_path / "x.json"
    path.write_text(exports.export("sales", branches[0], [line], "json"), encoding="utf-8")
    assert words(resume.load_file(path)[0])[0] == [(one.prompt, one.text) for one in branches[0]]


def test_a_json_holds_a_long_answer_whole(tmp_path):
    path = tmp_path / "x.json"
    path.write_text(exports.export("x", [turn("a", "é" * 400_000)], [], "json"), encoding="utf-8")
    found = resume.load_file(path)[0][0]
    assert len(found.line[0].text) == 400_000
    assert found.notes == []


def test_a_notebook_is_valid_and_its_cells_ask_the_same():
    line, branches = conversation()
    line[1].talk = "main"  # the conversation was forked from that one
    found = nbformat.reads(exports.export("my talk", line, branches, "ipynb"), as_version=4)
    nbformat.validate(found)
    sources = [cell.source for cell in found.cells]
    assert sources[0] == "# my talk"
    assert sources[2] == "%%chat -i 'my talk' -m qwen3-4b -s 'Be short.'\nHow did sales go?"
    asked = options.parse(sources[3].partition("\n")[0].removeprefix("%%chat"))
    assert (asked.talk, asked.config) == ("my talk", {"temperature": 0.2})
    assert sources[4].startswith("# Branch 1\n")
    asked = options.parse(sources[5].partition("\n")[0].removeprefix("%%chat"))
    assert asked.talk == "my talk branch 1", "Run All adds nothing to the conversation"
    assert [cell.id for cell in found.cells[2:4]] == ["c1", "c2"]


@pytest.mark.parametrize("cell", ["c1", None, "no id", "x" * 100])
def test_ids_of_cells_are_valid_and_unique(cell):
    saved = exports.export("x", [turn("a", cell=cell), turn("b", cell=cell), turn("c", cell="cell-4")], [], "ipynb")
    found = nbformat.reads(saved, as_version=4)
    nbformat.validate(found)
    assert len({cell.id for cell in found.cells}) == len(found.cells)


def test_a_script_asks_the_same():
    line, branches = conversation()
    line[1].sent = "And the costs?\nIn detail."
    saved = exports.export("sales", line, branches, "py")
    assert 'conversation = lmnb.Conversation(system="Be short.")' in saved
    assert 'conversation.ask("How did sales go?", model="qwen3-4b")\n#> **Well.**' in saved
    assert 'conversation.ask("""And the costs?\nIn detail.""", config={\'temperature\': 0.2})' in saved
    assert "1 branch is left out" in saved


@pytest.mark.parametrize("kind", exports.KINDS)
@pytest.mark.parametrize("text", NASTY)
def test_any_text_can_be_exported(kind, text):
    one = turn(text, text, sent=text, system=text, asked=text, talk=text, cell=text, config={text: text})
    one.attached = (Attached(text, "file", text),)
    saved = exports.export(text, [one, turn(text, text)], [[one]], kind).encode()
    if kind == "py":
        asked_again(saved, text)
    elif kind == "ipynb":
        nbformat.validate(nbformat.reads(saved.decode(), as_version=4))


@given(st.text(st.characters() | st.sampled_from('"\\\n\r#% '), max_size=40))
def test_any_script_compiles_and_asks_what_was_asked(text):
    asked_again(exports.export(text, [turn(text, text)], [], "py").encode(), text)


def asked_again(saved, text):
    compile(saved, "script.py", "exec")
    calls = [node for node in ast.walk(ast.parse(saved)) if isinstance(node, ast.Call)]
    asked = [call.args[0].value for call in calls if call.func.attr == "ask"]
    assert set(asked) == {text}
    rows = saved.decode().splitlines()
    assert sum(row.startswith("# %%") for row in rows) == 1 + len(asked)


@pytest.mark.parametrize("kind", ["html", "", "../x"])
def test_another_kind_is_refused_in_a_sentence(kind):
    with pytest.raises(ValueError, match=r"as \.md, \.json, \.ipynb or \.py"):
        exports.export("x", [], [], kind)


def test_a_conversation_without_turns():
    for kind in exports.KINDS:
        exports.export("x", [], [], kind)
    assert json.loads(exports.export("x", [], [], "json"))["lmnb"]["turns"] == []
