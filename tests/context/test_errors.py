"""An error as a model reads it: the person's lines, the values around, what was near; whatever the exception does."""

from __future__ import annotations

import linecache
import sys
import textwrap
import time

import numpy as np
import pandas as pd
import polars as pl
import pytest

from lmnb.context.diffs import NotMergedError, merged, small
from lmnb.context.errors import MARK, describe_error
from tests.context.made import titanic


class Notebook:
    """Runs cells as IPython does: their code has a file name, and their source can be had by it."""

    def __init__(self):
        self.names = {"pd": pd, "np": np, "pl": pl, "df": titanic()}
        self.cells = {}

    def run(self, source):
        """Run a cell that fails, and give its exception."""
        number = len(self.cells) + 1
        name = f"/tmp/ipykernel_7/{number}.py"
        self.cells[name] = number
        code = textwrap.dedent(source).strip("\n")
        linecache.cache[name] = (len(code), None, code.splitlines(keepends=True), name)
        try:
            exec(compile(code, name, "exec"), self.names)
        except Exception as error:  # noqa: BLE001 - whatever the cell raises
            return error.with_traceback(error.__traceback__.tb_next)
        return None

    def told(self, source, **options):
        """What a model is told of a cell that fails."""
        source = textwrap.dedent(source).strip("\n")
        error = self.run(source)
        assert error is not None
        return describe_error(error, source, namespace=self.names, cells=self.cells, **options)


@pytest.fixture
def notebook():
    return Notebook()


def test_a_column_that_is_not_there(notebook):
    told = notebook.told("top = 3\n\ndf['Fare'].head(top)")
    lines = told.text.splitlines()
    assert lines[0] == "KeyError: 'Fare'"
    assert "In[1], line 3:" in lines
    assert f"  df['Fare'].head(top)  {MARK}" in lines
    assert "`df` has no column 'Fare'; it has 'fare'." in lines
    assert [one for one in lines if "site-packages" in one] == []
    assert sum(one.startswith("inside pandas/core/") for one in lines) == 1
    assert "df: pandas DataFrame, 891 rows × 15 columns" in told.text
    assert "top = 3 (int)" in lines
    assert f"pandas {pd.__version__}" in lines[-1]
    assert (told.name, told.kind) == ("the last error", "error")
    assert told.tokens <= 500


NEAR = {
    "df[['Age', 'fare']]": "`df` has no column 'Age'; it has 'age'.",
    "df.groupby('sex')['Fare'].mean()": "`df` has no column 'Fare'; it has 'fare'.",
    "df.merge(df, on='Fare')": "`df` has no column 'Fare'; it has 'fare'.",
    "pl.DataFrame({'fare': [1]}).select('Fare')": None,
    "f = pl.DataFrame({'fare': [1]})\nf.select('Fare')": "`f` has no column 'Fare'; it has 'fare'.",
    "f = pl.LazyFrame({'fare': [1]})\nf.select('Fare').collect()": "`f` has no column 'Fare'; it has 'fare'.",
    "d = {'alpha': 1}\nd['Alpha']": "`d` has no key 'Alpha'; it has 'alpha'.",
    "df.agee": "`df` has no `agee`; it has a column age.",
    "df.descrbe()": "`df` has no `descrbe`; it has describe.",
    "df.sort_values(bye='fare')": "`sort_values` has no argument `bye`; it has by.",
    "pritn(1)": "There is no `pritn`; there is print.",
    "total = 1\ntotl": "There is no `totl`; there is total.",
    "plt.plot([1])": "`plt` is not there: `import matplotlib.pyplot as plt` has not been run.",
    "import pandsa": "`pandsa` is not installed; there is pandas.",
    "import xyzzy_plugh": "`xyzzy_plugh` is not installed. `%pip install xyzzy_plugh` would install it.",
    "import json\njson.dump_s(1)": "`json` has no `dump_s`; it has dumps.",
    "from json import dumpz": "`json` has no `dumpz`; it has dump or dumps.",
    "open('/proc/cpuinf')": "There is no file `cpuinf` there; there is cpuinfo.",
}


@pytest.mark.parametrize("source", NEAR)
def test_what_was_near(notebook, source):
    told = notebook.told(source).text
    if NEAR[source] is not None:
        assert NEAR[source] in told.splitlines()


def test_duckdb_names_the_column_that_was_meant(notebook):
    import duckdb

    notebook.names["sales"] = duckdb.sql("select 1 as fare")
    told = notebook.told("sales.project('\"fair\"').fetchall()").text
    assert "`sales` has no column 'fair'; it has 'fare'." in told


def test_the_way_through_earlier_cells_and_the_values_there(notebook):
    notebook.run("def clean(frame, n):\n    wide = frame.dropna()\n    return wide[['Age']].head(n)")
    told = notebook.told("clean(df, 3)").text.splitlines()
    assert "In[2], line 1: clean(df, 3)" in told
    assert "In[1], line 3, in clean:" in told
    assert "n = 3 (int)" in told
    assert any(one.startswith("wide: pandas DataFrame") for one in told)


def test_a_file_of_the_person_is_their_code(notebook, tmp_path, monkeypatch):
    (tmp_path / "helpers_of_mine.py").write_text("def half(x):\n    return x / 0\n")
    monkeypatch.syspath_prepend(tmp_path)
    told = notebook.told("from helpers_of_mine import half\nhalf(7)").text.splitlines()
    assert "helpers_of_mine.py, line 2, in half:" in told
    assert "x = 7 (int)" in told


def test_what_caused_it_comes_first(notebook):
    told = notebook.told("d = {}\ntry:\n    d['q']\nexcept KeyError as e:\n    raise ValueError('no q') from e").text
    lines = told.splitlines()
    assert lines[:3] == ["First: KeyError: 'q'", "  In[1], line 3: d['q']", "Then: ValueError: no q"]


def test_a_recursion_is_a_few_lines(notebook):
    notebook.run("def f(n):\n    return f(n + 1)")
    told = notebook.told("f(1)").text.splitlines()
    assert told[0].startswith("RecursionError")
    assert [one for one in told if "times" in one]
    assert len(told) < 10


@pytest.mark.skipif(sys.version_info < (3, 11), reason="groups are of Python 3.11")
def test_a_group_tells_some_of_its_members(notebook):
    told = notebook.told("raise ExceptionGroup('many', [ValueError(i) for i in range(1000)])").text.splitlines()
    assert "  1. ValueError: 0" in told
    assert "  … 997 more: 997 ValueError" in told


@pytest.mark.parametrize(
    ("source", "line", "message"),
    [
        ("x = (1,\n  2", "x = (1,", "SyntaxError: '(' was never closed"),
        ("%%time\nx = (\n", "x = (", "SyntaxError: '(' was never closed"),
        ("\n\nfor i in x:\nprint(i)", "print(i)", "IndentationError: expected an indented block"),
        ("x = 'abc", "x = 'abc", "SyntaxError: unterminated string literal"),
        ("a b", "a b", "SyntaxError: invalid syntax"),
    ],
)
def test_a_syntax_error_points(source, line, message):
    from IPython.core.compilerop import CachingCompiler
    from IPython.core.inputtransformer2 import TransformerManager

    body = source.partition("\n")[2] if source.startswith("%%") else TransformerManager().transform_cell(source)
    with pytest.raises(SyntaxError) as raised:
        CachingCompiler().ast_parse(body, "<unknown>")
    told = describe_error(raised.value, source, namespace={}).text.splitlines()
    assert told[0].startswith(message)
    assert told[told.index(f"  {line}") + 1].strip().strip("^") == ""


def test_values_keep_to_the_level_and_to_what_is_hidden(notebook):
    source = "password = 'hunter2'\nage = 41\ndf['Fare'] + age + password"
    told = notebook.told(source)
    assert "hunter2" not in told.text
    assert "password = ‹password› (str)" in told.text.splitlines()
    assert any("password masked" in note for note in told.notes)
    assert "41" not in notebook.told("age = 40 + 1\ndf['Fare'] + age", level="schema").text.replace("In[2]", "")
    assert "age: int (hidden)" in notebook.told("age = 40 + 1\ndf['Fare'] + age", hide=["age"]).text
    assert "0.8" not in notebook.told("df['Fare']", hide=["df.fare"], level="schema").text


def test_a_secret_in_the_message_and_in_the_code_is_masked(notebook):
    told = notebook.told("x = 'sk-abcdefghijklmnopqrstuv'\nraise ValueError(x)")
    assert "sk-abc" not in told.text


def hostile(**methods):
    return type("Hostile", (Exception,), methods)()


def raises(*_args, **_more):
    raise RuntimeError("no")


def hangs(*_args, **_more):
    while True:
        time.sleep(0.01)


@pytest.mark.parametrize(
    "method", ["__str__", "__repr__", "__getattribute__", "__getattr__", "__eq__", "__hash__", "__bool__"]
)
def test_hostile_exceptions(method):
    with pytest.raises(Exception) as raised:
        exec("raise error", {"error": hostile(**{method: raises})})
    told = describe_error(raised.value, "boom()", namespace={})
    assert told.text.startswith("Hostile")


def test_a_message_that_never_comes_is_waited_for_once():
    begun = time.monotonic()
    told = describe_error(hostile(__str__=hangs), "boom()", namespace={})
    assert "takes too long" in told.text
    assert time.monotonic() - begun < 5


def test_hostile_values_on_the_line(notebook):
    notebook.names["bad"] = type("Bad", (), {"__repr__": raises, "__getattr__": raises, "__len__": raises})()
    told = notebook.told("bad + df['Fare']").text
    assert "bad: tests Bad" in told
    assert "it has 'fare'" in told


def test_a_cause_that_goes_in_circles():
    one, other = ValueError(1), KeyError("b")
    one.__cause__, other.__cause__ = other, one
    assert describe_error(one, "", namespace={}).text


@pytest.mark.parametrize("budget", [500, 200, 100, 60, 20, 5, 1])
def test_the_budget_is_kept(notebook, budget):
    source = "x = 1\n" * 300 + "df['Fare'].map(lambda v: v)\n" + "y = 2\n" * 300
    told = notebook.told(source, budget=budget)
    assert told.tokens <= budget
    if budget >= 60:
        assert told.text.startswith("KeyError: 'Fare'")
    if budget >= 100:
        assert MARK in told.text
        assert "it has 'fare'" in told.text


def test_a_tokenizer_that_fails_costs_exactness(notebook):
    told = notebook.told("df['Fare']", count=raises)
    assert told.text.startswith("KeyError")
    assert "tokens estimated: the tokenizer did not answer" in told.notes


def test_nothing_is_changed(notebook):
    before = notebook.names["df"].copy()
    notebook.told("df['Fare']")
    pd.testing.assert_frame_equal(before, notebook.names["df"])


# ---- what is made of the answer

CELL = "import pandas as pd\n\ntop = 3\nbest = df['Fare'].head(top)\nprint(best)\n"
FIXED = CELL.replace("Fare", "fare")


@pytest.mark.parametrize(
    "block",
    [
        FIXED,
        FIXED.replace("['fare'].head(top)", f"['fare'].head(top)  {MARK}"),
        "best = df['fare'].head(top)",
        "    best = df['fare'].head(top)\n    print(best)",
        ">>> best = df['fare'].head(top)",
        "# ...\nbest = df['fare'].head(top)\n# ... the rest stays",
        "-best = df['Fare'].head(top)\n+best = df['fare'].head(top)",
        "@@ -4 +4 @@\n top = 3\n-best = df['Fare'].head(top)\n+best = df['fare'].head(top)",
    ],
)
def test_an_answer_becomes_the_corrected_cell(block):
    assert merged(block, CELL) == FIXED


def test_lines_keep_the_indentation_of_where_they_go():
    source = "for name in names:\n    if name:\n        total += df[name].sum()\n    other(name)\n"
    assert merged("total += df[name.lower()].sum()", source) == source.replace("df[name]", "df[name.lower()]")


def test_a_line_more_is_put_in():
    assert merged("top = 3\nbest = df['fare'].head(top).copy()\nbest.sort_values()", CELL) == CELL.replace(
        "best = df['Fare'].head(top)", "best = df['fare'].head(top).copy()\nbest.sort_values()"
    )


def test_the_magic_above_the_cell_stays():
    assert merged("x = df['fare']\nx.sum()", "%%time\nx = df['Fare']\nx.sum()") == "%%time\nx = df['fare']\nx.sum()"


@pytest.mark.parametrize(
    ("block", "source"),
    [
        ("ax.plot(3)", "ax.plot(1)\nother()\nax.plot(2)\nmore()\nax.show()\n"),
        ("completely = different\nthings(here)", CELL),
        ("", CELL),
        ("-nothing like it\n+nothing", CELL),
    ],
)
def test_an_answer_that_fits_nowhere_or_twice_is_refused(block, source):
    with pytest.raises(NotMergedError):
        merged(block, source)


def test_a_masked_secret_is_put_back_and_never_offered_masked():
    source = "key = 'sk-abcdefghijklmnopqrstuv'\nprint(keyy)\n"
    assert merged("key = '‹key›'\nprint(key)", source) == "key = 'sk-abcdefghijklmnopqrstuv'\nprint(key)\n"
    with pytest.raises(NotMergedError, match="masked"):
        merged("connect('‹key›')\nprint(key)", source)


def test_the_diff_is_small():
    assert small(CELL, FIXED) == " top = 3\n-best = df['Fare'].head(top)\n+best = df['fare'].head(top)\n print(best)"
