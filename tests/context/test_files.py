"""Files that go along: what is read of each kind, what is refused, and with which words."""

from __future__ import annotations

import io
import json
import subprocess
import sys
import textwrap

import pandas as pd
import pytest
from PIL import Image

from lmnb.chat.problems import ChatError
from lmnb.context import files, pictures, table_files
from lmnb.context.telling import Telling
from tests.context.made import titanic

LATIN = "Straße;Größe\nKönigsallee;3\n"


def picture(width, height, form="PNG", mode="RGB"):
    out = io.BytesIO()
    Image.new(mode, (width, height)).save(out, form)
    return out.getvalue()


@pytest.fixture
def attach(tmp_path):
    def attach(name, content, telling=None):
        path = tmp_path / name
        path.write_bytes(content if isinstance(content, bytes) else content.encode())
        return files.attach(path, name, telling or Telling())

    return attach


def refused(attach, name, content=b""):
    with pytest.raises(ChatError) as raised:
        attach(name, content)
    problem = raised.value.problem
    return " ".join([problem.title, *problem.lines])


def test_a_text_is_its_text(attach):
    one = attach("notes.txt", "one\r\ntwo\n")
    assert (one.name, one.kind, one.text, one.notes) == ("notes.txt", "file", "one\ntwo", ())
    assert attach("empty.py", "").text == "(an empty file)"


def test_a_long_text_is_cut_and_says_so(attach):
    one = attach("long.log", "ä" * files.READ)
    assert len(one.text) < files.READ
    assert one.text.endswith("… only the first 100 kB of 200 kB")
    assert one.notes == ("only the first 100 kB of 200 kB",)


@pytest.mark.parametrize(
    ("encoding", "guessed"), [("cp1252", True), ("utf-16", False), ("utf-8-sig", False), ("utf-32", False)]
)
def test_other_encodings(attach, encoding, guessed):
    one = attach("streets.txt", LATIN.encode(encoding))
    assert one.text == LATIN.rstrip()
    assert any("a guess" in note for note in one.notes) == guessed


def test_secrets_in_files_are_masked_and_counted(attach):
    one = attach(".env", "TOKEN=sk-proj-abcdefghijklmnopqrstuvwx0123456789ABCD\n", Telling(count=len))
    assert "sk-proj" not in one.text
    assert one.notes[0].endswith("masked")
    assert one.tokens == len(one.text)


def test_a_small_csv_is_its_text_and_a_larger_one_its_card(attach, monkeypatch):
    monkeypatch.delitem(sys.modules, "polars", raising=False)  # another test may use it: pandas is what is in use here
    monkeypatch.delitem(sys.modules, "duckdb", raising=False)
    assert attach("small.csv", "a,b\n1,2\n").text == "a,b\n1,2"
    frame = pd.concat([titanic()] * 3)
    one = attach("large.csv", frame.to_csv(index=False))
    assert one.text.startswith("large.csv: ") or one.text.startswith("'large.csv': ")
    assert f"{len(frame):,} rows" in one.text
    assert "read by pandas" in one.notes


@pytest.mark.parametrize("by", ["polars", "duckdb", "pandas", "pyarrow"])
@pytest.mark.parametrize("kind", ["csv", "parquet"])
@pytest.mark.parametrize("large", [False, True])
def test_each_library_reads_tables(attach, monkeypatch, by, kind, large):
    if large:
        monkeypatch.setattr(table_files, "LARGE", 10)
        monkeypatch.setattr(table_files, "ROWS", 100)
        if (by, kind) == ("pyarrow", "csv"):
            pytest.skip("it would read all of it")
    monkeypatch.setattr(table_files, "there", lambda **_: [by])
    frame = pd.DataFrame({"id": range(2_000), "word": ["ä;b"] * 2_000})
    out = io.BytesIO()
    frame.to_parquet(out) if kind == "parquet" else frame.to_csv(out, index=False, sep=";")
    one = attach(f"t.{kind}", out.getvalue())
    assert f"read by {by}" in one.notes
    cut = large and (by, kind) == ("pandas", "csv")
    assert ("100 rows" if cut else "2,000 rows") in one.text
    assert any("only the first 100 rows" in note for note in one.notes) == cut


def test_a_table_that_nothing_here_reads(attach, monkeypatch):
    monkeypatch.setattr(table_files, "there", lambda **_: [])
    one = attach("t.csv", "a,b\n" + "1,2\n" * 4_000)
    assert one.text.endswith("… only the first 20 lines: no library here reads the table")
    assert "%pip install pyarrow" in refused(attach, "t.parquet", b"PAR1")


def test_a_broken_parquet_file_is_refused(attach):
    assert "cannot be read as a table" in refused(attach, "t.parquet", b"PAR1" + b"\0" * 500)


def test_a_notebook_is_its_cells_and_json_its_outline(attach):
    book = {"cells": [{"cell_type": "code", "source": "x = 1", "outputs": [{"text": "9" * 99}]}], "nbformat": 4}
    one = attach("a.ipynb", json.dumps(book))
    assert one.text == "# %%\nx = 1"
    assert one.notes == ("cells without their outputs",)
    assert attach("small.json", '{"a": 1}').text == '{"a": 1}'
    big = attach("big.json", json.dumps({"rows": [{"a": 1, "b": "x"}] * 1_000}))
    assert len(big.text) < 2_000
    assert "rows" in big.text


def test_json_that_is_none_is_text(attach):
    assert attach("a.json", "{" * 9_000).text.startswith("{{{")
    assert attach("a.ipynb", "nonsense").text == "nonsense"


def test_pictures_go_along_and_large_ones_smaller(attach):
    one = attach("a.png", picture(30, 20))
    assert (one.kind, one.text, one.image.data, one.notes) == ("image", "", picture(30, 20), ())
    for form, mode in [("PNG", "RGBA"), ("JPEG", "CMYK"), ("GIF", "P"), ("WEBP", "RGB")]:
        large = attach("photo.any", picture(2_100, 700, form, mode))
        assert large.notes == ("made smaller: 2,100 × 700 to 1,024 × 341",)
        assert pictures.kind_of(large.image.data) in ("PNG", "JPEG")
        with Image.open(io.BytesIO(large.image.data)) as opened:
            assert opened.size == (1_024, 341)


def test_a_broken_picture_is_refused(attach):
    assert "cannot be read as a picture" in refused(attach, "a.png", picture(3_000, 3_000)[:500])


def test_without_pillow_small_pictures_go_as_they_are(attach, monkeypatch):
    monkeypatch.setattr(pictures, "_pillow", lambda: None)
    assert attach("a.png", picture(30, 20)).image.data == picture(30, 20)
    monkeypatch.setattr(pictures, "UNSHRUNK", 10)
    assert "%pip install pillow" in refused(attach, "a.png", picture(30, 20))


def test_what_is_no_text_says_what_to_do_instead(attach):
    assert 'pd.read_excel("book.xlsx")' in refused(attach, "book.xlsx", b"PK\3\4" + b"\0" * 50)
    assert "no text" in refused(attach, "a.bin", bytes(range(256)) * 4)


def test_a_file_that_cannot_be_read(tmp_path):
    for path in (tmp_path, tmp_path / "not there"):
        with pytest.raises(ChatError, match="no file that can be read"):
            files.attach(path, "it", Telling())


def test_reading_a_text_imports_no_library_of_tables(tmp_path):
    (tmp_path / "a.txt").write_text("text")
    code = """
        import sys
        from pathlib import Path
        from lmnb.context.attaching import attach
        attach(Path(sys.argv[1]))
        print([name for name in ("pandas", "polars", "pyarrow", "PIL", "IPython", "lmstudio") if name in sys.modules])
    """
    ran = [sys.executable, "-c", textwrap.dedent(code), str(tmp_path / "a.txt")]
    assert subprocess.run(ran, capture_output=True, text=True, check=True).stdout.strip() == "[]"
