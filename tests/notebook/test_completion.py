"""What Tab offers in a `%%chat` cell, through IPython's own completer."""

from __future__ import annotations

from types import SimpleNamespace

import pandas as pd
import polars as pl
import pyarrow as pa
import pytest
from IPython.core.completer import provisionalcompleter

from lmnb.notebook.completion import Completion
from lmnb.notebook.options import TABLE

MODELS = {"qwen/qwen3-4b": "2.5 GB · loaded", "gemma-3-1b": "0.8 GB", "qwen/qwen3-8b": "5.0 GB"}
VERBS = {"show": "a conversation", "shout": "louder", "export": "to a file", "lint": "check a table", "use": "a model"}
VERBS |= {"load": "load a model", "unload": "unload it", "get": "fetch one", "hide": "a column", "help": "this"}


class Hostile:
    """Nothing of it may run."""

    def __getattr__(self, name):
        raise AssertionError(name)

    def __dir__(self):
        raise AssertionError("dir")

    def __len__(self):
        raise AssertionError("len")

    def __repr__(self):
        raise AssertionError("repr")

    @property
    def costly(self):
        raise AssertionError("costly")

    def method(self):
        """Is no value."""


@pytest.fixture(scope="module")
def complete(the_shell, tmp_path_factory):
    """Completes at the `|` of a cell: texts by what is shown beside them, and what they would replace."""
    shell = the_shell
    shell.reset()
    shell.user_ns.update(
        sales=pd.DataFrame({"region": ["a"], "total sum": [1], "it's": [2]}),
        rows=pl.DataFrame({"day": [1]}),
        arrow=pa.table({"hour": [1]}),
        average=3.5,
        settings={"colour": "red", 'say "so"': 1, 7: "seven", None: 0},
        shop=SimpleNamespace(name="x", table=pd.DataFrame({"deep": [1]})),
        hostile=Hostile(),
        function=lambda: None,
        module=pytest,
        Answer=type("Answer", (), {}),
        _hidden=1,
    )
    folder = tmp_path_factory.mktemp("here")
    (folder / "data").mkdir()
    for name in ("my sales.csv", "notes.md", "talk.ipynb", ".secret", "data/more.csv"):
        (folder / name).write_text("x")
    talks = ["main", "the plan"]
    completion = Completion(
        shell, verbs=lambda: VERBS, models=lambda: MODELS, talks=lambda: talks, owned=lambda name: name == "chat"
    )
    completion.register()

    def at(cell):
        place = cell.index("|")
        text = cell.replace("|", "")
        with provisionalcompleter():
            found = list(shell.Completer.completions(text, place))
        return SimpleNamespace(
            texts=[one.text for one in found],
            kinds={one.text: one.type for one in found},
            replaced={text[one.start : place] for one in found},
        )

    with pytest.MonkeyPatch.context() as patch:
        patch.chdir(folder)
        yield at
    completion.unregister()
    assert not shell.Completer.custom_matchers


# ---- the line


def test_flags_with_what_they_do(complete):
    found = complete("%%chat --m|\nhi")
    assert found.texts == ["--model", "--max-tokens"]
    assert found.kinds["--max-tokens"] == "the answer has at most so many tokens"
    assert set(complete("%%chat |").texts) == {flag for option in TABLE for flag in option.flags}


def test_a_flag_is_offered_once_but_for_those_that_may_come_again(complete):
    texts = complete("%%chat -t 0.2 -m gemma-3-1b -|").texts
    assert "--temperature" not in texts
    assert "--model" in texts


@pytest.mark.parametrize("flag", ["-m ", "--model ", "--model=", "-t 0.2 -m "])
def test_models_after_their_flag(complete, flag):
    found = complete(f"%%chat {flag}qw|\n")
    assert found.texts == ["qwen/qwen3-4b", "qwen/qwen3-8b"]
    assert found.kinds["qwen/qwen3-4b"] == "2.5 GB · loaded"
    assert found.replaced == {"qw"}


def test_a_model_by_any_part_of_its_name(complete):
    assert complete("%%chat -m 3-1b|").texts == ["gemma-3-1b"]


@pytest.mark.parametrize(
    ("flag", "values"),
    [("--think ", ["off", "low", "high"]), ("--trim=", ["oldest", "middle", "off"]), ("-f ma", ["markdown"])],
)
def test_values_that_are_a_choice(complete, flag, values):
    assert complete(f"%%chat {flag}|").texts == values


def test_conversations_are_quoted_where_they_need_it(complete):
    assert complete("%%chat -i |").texts == ["main", '"the plan"']
    found = complete('%%chat -i "the p|')
    assert (found.texts, found.replaced) == (['"the plan"'], {'"the p'})


def test_what_goes_along_is_a_variable_or_a_file(complete):
    texts = complete("%%chat -a |").texts
    assert texts[0] == "fig"
    assert set(texts[1:4]) == {"arrow", "rows", "sales"}
    assert texts.index("sales") < texts.index("average") < texts.index("function")
    assert {'"my sales.csv"', "data/", "notes.md"} < set(texts)
    assert ".secret" not in texts
    assert "module" not in texts
    found = complete("%%chat -a sales,no|")
    assert (found.texts, found.replaced) == (["notes.md"], {"no"})
    assert complete("%%chat -a data/|").texts == ["data/more.csv"]
    assert complete("%%chat -a 'my|").texts == ["'my sales.csv'"]


def test_parameters_as_the_sdk_spells_them(complete):
    found = complete("%%chat -o topK|")
    assert found.texts == ["topKSampling"]
    assert found.kinds["topKSampling"] == "for example 40"
    assert complete("%%chat -o topKSampling |").texts == []


def test_a_schema_is_a_class_or_a_dict(complete):
    assert complete("%%chat --schema |").texts == ["settings", "Answer"]


def test_the_prompt_on_the_line(complete):
    assert complete("%%chat -t 0.2 why is sal|").texts == []
    assert complete("%%chat why is @sal|").texts == ["sales"]
    assert complete("%%chat -- -m |").texts == []
    assert complete("%%chat -m gemma-3-1b don't ask {sal|").texts == ["sales"]


# ---- verbs


def test_verbs_are_the_first_word(complete):
    found = complete("x = 1\n%chat sh|")
    assert found.texts == ["show", "shout"]
    assert found.kinds["show"] == "a conversation"
    assert "--model" in complete("%chat |").texts
    assert complete("answer = %chat sho|").texts == ["show", "shout"]
    assert complete("%chat why show|").texts == []


@pytest.mark.parametrize(
    ("typed", "texts"),
    [
        ("show |", ["main", '"the plan"']),
        ("help sho|", ["show", "shout"]),
        ("use gem|", ["gemma-3-1b"]),
        ("load --gp|", ["--gpu"]),
        ("load qwen --gpu |", ["max", "off"]),
        ("get smol|", ["smollm2"]),
        ("export n|", ["notes.md"]),
        ("export notes.md |", ["main", '"the plan"']),
        ("lint |", ["arrow", "rows", "sales"]),
        ("lint sales re|", ["region"]),
        ("hide sales.r|", ["sales.region"]),
        ("hide sales.region ro|", ["rows"]),
    ],
)
def test_what_follows_a_verb(complete, typed, texts):
    assert complete(f"%chat {typed}").texts == texts


# ---- the prompt


@pytest.mark.parametrize("prompt", ["import|", "sales.he|", "%mat|", "x = sales[|", "me@sal|", "{{sal|", "", "\\alp|"])
def test_prose_is_left_alone(complete, prompt):
    assert complete(f"%%chat\nWhat is\n{prompt or '|'}").texts == []


def test_in_code_and_formulas_nothing_is_special(complete):
    assert complete("%%chat\n```python\n@sal|\n```").texts == []
    assert complete("%%chat\nsee `{sal|ary}` there").texts == ["sales"]
    assert complete("%%chat\n```python\nx\n```\n@sal|").texts == ["sales"]


def test_tables_come_first_after_an_at_sign(complete):
    texts = complete("%%chat\nWhat of @|").texts
    assert texts[:3] == ["arrow", "rows", "sales"]
    assert "_hidden" not in texts
    assert complete("%%chat\nWhy (@err|").texts == ["error"]
    assert complete("%%chat\n@ce|").texts == ["cell:-1", "cells:-5:"]
    assert complete("%%chat\n@cell:-|").texts[0] == "-1"
    assert complete("%%chat\n@lint:|").texts == ["arrow", "rows", "sales"]


def test_inside_braces(complete):
    assert complete("%%chat\nIs {ave|rage} high?").texts == ["average"]
    assert complete("%%chat\n{sales.r|").texts[0] == "region"
    assert complete("%%chat\n{sales.|").kinds["region"] == "column"
    assert complete("%%chat\n{arrow.|").kinds["hour"] == "column"
    assert complete("%%chat\n{rows.sh|").kinds == {"shape": "property"}
    assert complete("%%chat\n{shop.ta|").texts == ["table"]
    assert complete("%%chat\n{shop.table.|").texts[0] == "deep"
    assert complete("%%chat\n{Ou|").texts == ["Out["]


def test_keys(complete):
    assert complete("%%chat\n{sales[|").texts == ["'region']", "'total sum']", '"it\'s"]']
    assert complete("%%chat\n{sales['t|").texts == ["'total sum']"]
    assert complete('%%chat\n{sales["t|"]}').texts == ['"total sum']
    assert complete("%%chat\n{sales[|]}").texts[0] == "'region'"
    assert complete("%%chat\n{settings[|").texts == ["'colour']", "'say \"so\"']", "7]"]
    assert complete("%%chat\n{settings['say|").texts == ["'say \"so\"']"]
    assert complete("%%chat\n{shop.table['d|").texts == ["'deep']"]


def test_nothing_of_an_object_runs(complete):
    assert "hostile" in complete("%%chat\n{|").texts
    assert complete("%%chat\n{hostile.|").kinds == {"costly": "property"}
    assert complete("%%chat\n{hostile[|").texts == []
    assert complete("%%chat\n{hostile.costly.|").texts == []


# ---- others


def test_other_cells_are_none_of_ours(complete):
    assert "sales" in complete("sal|").texts
    assert "sales" in complete("%%lm\nsal|").texts
    assert "%%chat" not in complete("%%chat|").texts
    assert "%%time" in complete("%%ti|").texts
    assert complete("# why\n%%chat\nsal|").texts == []


def test_models_are_known_without_asking(monkeypatch):
    from lmnb.studio import choosing, known
    from lmnb.studio.hosts import Place

    monkeypatch.setattr(known, "_last", [])
    monkeypatch.setattr(known._disk, "names", lambda: {"on-disk": "1 MB"})
    assert dict(known.known_models()) == {"on-disk": "1 MB"}
    loaded = choosing.Model("a", "a:2", loaded=True, size_bytes=10**9)
    known.hear(Place("nowhere:1"), loaded=[loaded])
    assert list(known.known_models()) == ["a:2", "on-disk"]
    known.hear(Place("nowhere:1"), downloaded=[choosing.Model("a"), choosing.Model("e", kind="embedding")])
    assert list(known.known_models()) == ["a:2", "a"]
    assert list(known.known_models("elsewhere:1")) == ["on-disk"]
