"""`lmnb.attach`: what goes along of a thing in Python, and what is refused."""

from __future__ import annotations

import io
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from PIL import Image

import lmnb
from lmnb.chat.attached import Attached
from lmnb.chat.problems import ChatError
from lmnb.context.attaching import attached

PEOPLE = pd.DataFrame({"fare": [7.25, 71.5], "email": ["ann@example.org", "bob@example.org"]})


def test_a_table_is_its_card():
    one = lmnb.attach(PEOPLE, "people")
    assert (one.name, one.kind, one.tokens) == ("people", "card", None)
    assert one.text.startswith("people: pandas DataFrame, 2 rows")
    assert "ann@" not in one.text
    assert "ann@" in lmnb.attach(PEOPLE, mask=False, level="values").text
    assert "email str (hidden)" in lmnb.attach(PEOPLE, hide=["people.email"], mask=False).text


def test_names_where_none_is_given():
    png = io.BytesIO()
    picture = Image.new("RGB", (3, 3))
    picture.save(png, "PNG")
    some = attached([PEOPLE, PEOPLE, np.arange(3), "a text", picture, png.getvalue(), 5])
    names = [one.name for one in some]
    assert names == ["DataFrame", "DataFrame-2", "ndarray", "text", "picture", "picture-2", "int"]
    assert [one.kind for one in some] == ["card", "card", "card", "value", "image", "image", "value"]
    assert [one.name for one in attached({"a": 5, "b": PEOPLE})] == ["a", "b"]


def test_one_thing_where_several_are_expected(tmp_path):
    (tmp_path / "a.txt").write_text("hello")
    for one in (PEOPLE, "a text", tmp_path / "a.txt", Attached("a", "value", "x")):
        assert len(attached(one)) == 1
    assert attached(one for one in ()) == ()


def test_a_path_is_the_file_and_a_text_is_a_text(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    Path("notes.txt").write_text("hello")
    assert lmnb.attach(Path("notes.txt")).text == "hello"
    assert lmnb.attach(Path("notes.txt"), "notes").name == "notes"
    with pytest.raises(ChatError) as raised:
        lmnb.attach("notes.txt")
    assert raised.value.problem.lines[0] == "The file: `Path('notes.txt')`."
    assert lmnb.attach("notes.txt", "a name").text == "notes.txt"
    assert lmnb.attach("https://example.org").text == "https://example.org"
    with pytest.raises(ChatError, match="no file that can be read"):
        lmnb.attach(Path("not there"))


def test_what_is_attached_already_stays_so():
    one = Attached("a", "value", "x", tokens=3)
    assert lmnb.attach(one) is one
    assert lmnb.attach(one, "b").name == "b"
    assert attached([one, one]) == (one,)
