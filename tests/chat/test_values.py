"""Answers as values: what `-f`, `-x` and a list of rows become."""

from __future__ import annotations

import ast
import dataclasses
import types
from typing import Any

import pandas as pd
import polars as pl
import pyarrow as pa
import pydantic
import pytest
from hypothesis import given
from hypothesis import strategies as st

from lmnb.chat import frames
from lmnb.chat.events import Fragment
from lmnb.chat.frames import frame, in_use
from lmnb.chat.markdown import CodeBlock, to_text
from lmnb.chat.reply import Reply
from lmnb.chat.turns import Turn
from lmnb.chat.values import FORMS, code_of, extract, json_in

TWO_FENCES = "First\n```python\nprint(1)\n```\nand\n```python\nprint(2)\n```\n"


def reply_to(text: str) -> Reply:
    turn = Turn("Why?")
    turn.apply(Fragment(text))
    return Reply(turn)


# --- code


def test_two_fences_are_valid_python():
    """jupyter-ai's `-f code` puts the prose and the fences between them into the cell."""
    reply = reply_to(TWO_FENCES)
    assert reply.code == "print(1)\n\nprint(2)"
    ast.parse(reply.code)
    assert extract(reply, "code").notices == ()


@pytest.mark.parametrize(
    ("markdown", "code"),
    [
        ("1. So:\n\n   ```python\n   if x:\n       y()\n   ```\n", "if x:\n    y()"),
        ("```py\n    indented = 1\n```", "indented = 1"),
        ("```Python\na\n```\n```python3\nb\n```", "a\n\nb"),
        ("```{python}\na\n```", "a"),
        ("```\na = 1\n```\n\n```\nb = 2\n```", "a = 1\n\nb = 2"),
        ("```python\n>>> a = 1\n>>> for x in y:\n...     x\n1\n```", "a = 1\nfor x in y:\n    x"),
        ("```pycon\n>>> a\n1\n```", "a"),
        ("```python\n```", ""),
        ("no code, but `inline`", ""),
        ("```python\nunclosed = 1", "unclosed = 1"),
    ],
)
def test_code_is_taken_out_of_what_surrounds_it(markdown, code):
    assert reply_to(markdown).code == code


def test_what_is_left_out_is_said():
    blocks = [CodeBlock("bash", "pip install x\n"), CodeBlock("python", "import x\n"), CodeBlock("", "a table\n")]
    assert code_of(blocks).value == "import x"
    assert code_of(blocks).notices == ("Left out: 2 blocks of code (bash, no language); `_.blocks` has all.",)
    assert code_of([CodeBlock("sql", "select 1\n"), CodeBlock("r", "x\n")]).value == "select 1"


def test_no_code_is_said_and_the_reply_is_kept():
    reply = reply_to("Just do it.")
    with pytest.raises(ValueError, match="no block of code"):
        extract(reply, "code")
    assert reply.text == "Just do it."


# --- JSON


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ('{"a": 1}', {"a": 1}),
        (" [1, 2]\n", [1, 2]),
        ("42", 42),
        ('Here:\n\n```json\n{"a": 1}\n```\nDone {"b": 2}.', {"a": 1}),
        ('```python\nx = {"b": 2}\n```\n\n```json\n{"a": 1}\n```', {"a": 1}),
        ('```\n{"a": 1}\n```', {"a": 1}),
        ('It is {"a": [1, {"b": "}"}]}, I think.', {"a": [1, {"b": "}"}]}),
        ('As [1] says of df["x"] and {x}: {"a": 1}', {"a": 1}),
        ('The rows are [{"a": 1}, {"a": 2}].', [{"a": 1}, {"a": 2}]),
        ("The list is [1, 2].", [1, 2]),
        ("The set {1, 2, ..., n} has [2, 3] in it", [2, 3]),
    ],
)
def test_json_wherever_it_stands(text, value):
    assert json_in(text).value == value


def test_more_than_one_is_said():
    assert json_in('{"a": 1}\n{"a": 2}').notices == ("The answer holds 2 JSON values; this is the first.",)
    assert json_in('```json\n{"a": 1}\n```\n```json\n{"a": 2}\n```').notices
    assert json_in('As [1] says: {"a": 1}').notices == ()


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("I do not know.", "There is no JSON in the answer."),
        ("", "The answer is empty"),
        ('{"rows": [{"a": 1}, {"a":', "it ends in the middle"),
        ('Sure: {"rows": [{"a": 1}, {"a": "unfini', "it ends in the middle"),
        ('[{"a": 1}, {"a": 2}', "it ends in the middle"),
        ("{'a': {\"b\": 1}}", "cannot be read: expecting property name"),
        ('{a: {"b": 1}}', "cannot be read"),
        ('{"a": 1 "b": {"c": 1}}', "expecting ',' delimiter in line 1"),
        ('```json\n{"a": 1,}\n```\nor {"b": 1}', "cannot be read"),
        ("[" * 100_000, "nested too deeply"),
        ('{"a":' * 100_000, "nested too deeply"),
    ],
)
def test_broken_json_is_an_error_and_no_piece_of_it_is_the_answer(text, says):
    with pytest.raises(ValueError, match=r"(?s)^[A-Z].*\.$") as caught:
        json_in(text)
    assert says in str(caught.value)


@pytest.mark.parametrize("trap", ["[1," * 50_000, "[ " * 50_000, '["' * 50_000, "{x}" * 50_000, '[{"a":[' * 20_000])
@pytest.mark.timeout(20)
def test_traps_end(trap):
    with pytest.raises(ValueError):
        json_in("So: " + trap)


@given(st.text(alphabet='{}[]":,a1 \n`', max_size=60))
def test_any_text_has_json_or_a_sentence(text):
    try:
        json_in(text)
    except ValueError as error:
        assert str(error).endswith(".")  # noqa: PT017


# --- text and HTML


def test_text_has_the_words_without_the_marks():
    markdown = (
        "# Hi *you*\n\n3. a\n   - b **c**\n4. [x](http://y) ![alt](p.png) <http://z>\n\n> quote\n\n"
        "| a | b |\n|---|---|\n| 1 | `2` |\n\n```python\nx = 1\n```\n---\n$a_1$ \\* <br> &amp;\n"
    )
    assert to_text(markdown) == (
        "Hi you\n\n3. a\n   - b c\n4. x (http://y) alt (p.png) http://z\n\nquote\n\n"
        "a\tb\n1\t2\n\nx = 1\n\n$a_1$ * <br> &"
    )


@given(
    st.lists(
        st.sampled_from(["*", "_", "# ", "- ", "> ", "1. ", "\n", "\n\n", "[", "](x)", "|", "`", "w"]), max_size=30
    )
)
def test_no_word_is_lost(pieces):
    markdown = "".join(piece + "w" if piece.strip() else piece for piece in pieces)
    assert to_text(markdown).count("w") >= markdown.count("w")


def test_html_is_source_and_stays_source():
    assert extract(reply_to("Here:\n```html\n<b onclick='x()'>hi</b>\n```"), "html").value == "<b onclick='x()'>hi</b>"
    assert extract(reply_to("<p>hi</p>"), "html").value == "<p>hi</p>"
    made = extract(reply_to("**hi** <script>x</script>"), "html")
    assert "<strong>hi</strong>" in made.value
    assert "<script>" not in made.value
    assert made.notices == ("The model wrote no HTML; this is its Markdown as HTML.",)
    assert not hasattr(made.value, "_repr_html_")


def test_every_form_and_no_other():
    reply = reply_to(TWO_FENCES)
    assert extract(reply, "markdown").value == reply.text
    assert extract(reply, "text").value.startswith("First\n\nprint(1)")
    assert all(extract(reply_to('```json\n{"a": 1}\n```'), form) for form in FORMS)
    with pytest.raises(ValueError, match="There is no form 'yaml'; there are markdown, text, json"):
        extract(reply, "yaml")  # type: ignore[arg-type]


# --- tables

ROWS = [{"name": "Ada", "score": 1.0}, {"name": "Bob", "score": None}]


class Person(pydantic.BaseModel):
    name: str
    score: float | None


@dataclasses.dataclass
class Pair:
    name: str
    score: float | None


@pytest.mark.parametrize(
    ("namespace", "kind"),
    [
        ({"df": pd.DataFrame()}, pd.DataFrame),
        ({"df": pl.DataFrame()}, pl.DataFrame),
        ({"df": pl.LazyFrame()}, pl.DataFrame),
        ({"df": pa.table({})}, pa.Table),
        ({"a": pd.DataFrame(), "b": pl.DataFrame(), "c": pl.DataFrame()}, pl.DataFrame),
        ({"a": pl.DataFrame(), "b": pd.DataFrame()}, pd.DataFrame),
        ({"pd": pd, "b": pl.DataFrame(), "_": pd.DataFrame(), "_3": pd.DataFrame()}, pl.DataFrame),
        ({"pl": pl}, pl.DataFrame),
        ({}, pd.DataFrame),  # it is imported
    ],
)
def test_rows_become_a_table_of_the_library_in_use(namespace, kind):
    made = frame(ROWS, namespace)
    assert isinstance(made.value, kind)
    names = made.value.column_names if kind is pa.Table else list(made.value.columns)
    assert (len(made.value), names, made.notices) == (2, ["name", "score"], ())


def test_without_a_library_rows_stay_a_list_and_it_is_said(monkeypatch):
    monkeypatch.setattr(frames, "sys", types.SimpleNamespace(modules={}))
    made = frame(ROWS, {"x": 1})
    assert made.value == ROWS
    assert "this is a list" in made.notices[0]


@pytest.mark.parametrize("make", [Person, Pair])
@pytest.mark.parametrize("library", [pd, pl, pa])
def test_instances_become_rows(make, library):
    made = frame([make(**row) for row in ROWS], {"library": library})
    assert made.notices == ()
    assert made.value.shape == (2, 2)


@pytest.mark.parametrize("library", [pd, pl, pa])
def test_no_rows_still_have_columns(library):
    made = frame([], {"library": library}, columns=["name", "score"]).value
    assert made.shape == (0, 2)


@pytest.mark.parametrize("library", [pd, pl, pa])
def test_rows_with_different_fields_keep_them_all(library):
    made = frame([{"a": None}] * 200 + [{"a": 1, "b": "x"}], {"library": library})
    assert (made.value.shape, made.notices) == ((201, 2), ())


def test_what_no_table_can_hold_stays_a_list():
    mixed: list[Any] = [{"a": 1}, {"a": "x"}, {"a": [1]}]
    made = frame(mixed, {"t": pa.table({})})
    assert made.value == mixed
    assert "pyarrow cannot make a table" in made.notices[0]
    assert frame(["a", "b"], {}).notices == ("These rows have no columns, so this is a list.",)


def test_variables_are_looked_at_and_not_touched():
    class Touchy:
        def __getattr__(self, name: str) -> Any:
            raise AssertionError(name)

        def __bool__(self) -> bool:
            raise AssertionError

    assert in_use({"x": Touchy(), "df": pl.DataFrame()}) == "polars"
