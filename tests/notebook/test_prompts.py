"""What a prompt brings along, in a real shell: `{name}`, `@name`, `-a`; and that nothing else is touched."""

from __future__ import annotations

import re
from pathlib import Path

import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from lmnb.chat.events import Fragment
from lmnb.chat.history import messages, told
from lmnb.chat.problems import ChatError
from lmnb.chat.turns import Turn
from lmnb.notebook import prompts
from lmnb.notebook.prompts import ContextSettings
from lmnb.notebook.recorder import Recorder

PEOPLE = pd.DataFrame({"fare": [7.25, 71.5], "email": ["ann@example.org", "bob@example.org"]})


class Trap:
    """An object that must not be asked anything."""

    def __getattr__(self, name):
        if name.startswith("_"):
            raise AttributeError(name)
        raise ZeroDivisionError(name)

    def __repr__(self):
        raise RuntimeError("no")


class Notebook:
    """A shell, what it remembers, and prompts in it."""

    def __init__(self, shell):
        self.shell, self.recorder = shell, Recorder(shell)

    def run(self, *cells):
        for cell in cells:
            self.shell.run_cell(cell, store_history=True)

    def compose(self, text, *attach, count=None, told=None, **how):
        how = ContextSettings(**how)
        return prompts.compose(self.shell, text, attach, settings=how, count=count, recorder=self.recorder, told=told)

    def sent(self, text, **how):
        made = self.compose(text, **how)
        return text if made.sent is None else made.sent

    def refused(self, *attach, **how):
        with pytest.raises(ChatError) as raised:
            self.compose("x", *attach, **how)
        problem = raised.value.problem
        return " ".join([problem.title, *problem.lines, *(choice["name"] for choice in problem.choices)])


@pytest.fixture
def notebook(the_shell, capsys):
    the_shell.reset()
    made = Notebook(the_shell)
    made.recorder.register()
    the_shell.user_ns.update(
        df=PEOPLE, x=5, name="Ada", d={"key": [10, 20, 30]}, trap=Trap(), path=Path("/tmp/a"), xs=[1, 2]
    )
    yield made
    made.recorder.unregister()


# ---- {name}


@pytest.mark.parametrize(
    ("typed", "read"),
    [
        ("{x}", "5"),
        ("Dear {name}, {x}!", "Dear Ada, 5!"),
        ("{path}", "/tmp/a"),
        ("{path.name}", "a"),
        ('{d["key"]}', "[10, 20, 30]"),
        ("{d['key'][1:]}", "[20, 30]"),
        ("{d['key'][-1]}", "30"),
        ("{df.shape}", "(2, 2)"),
        ("{xs}", "[1, 2]"),
    ],
)
def test_names_that_exist_are_filled_in(notebook, typed, read):
    made = notebook.compose(typed)
    assert made.prompt == typed
    assert made.sent == read
    assert not made.notices


@pytest.mark.parametrize(
    "text",
    [
        "print({'foo': 'bar'})",
        "{undefined}",
        "{{x}}",
        "{x!r} {x:.2f} {x + 1} {x()} {len(xs)} {xs[0",
        "${x}",
        "$x is 3? %x",
        "\\frac{x}{2} and x^{x} and e_{x}",
        "```python\nprint(f'{x}')\n```",
        "in code: `{x}` or f'{x}'",
        "$\\sum_{x}$ and $$\\alpha_{df}$$",
        '{"x": 1}',
        "{ x }",
        "{}",
        "{In[1]} {Out} {_}",
        "me@x.org, @undefined_thing_here",
        "@property\ndef x(self): ...",
        "@x\ndef f(): ...",
        "pip install x@y @x/y",
        "{get_ipython} {exit}",
    ],
)
def test_all_else_stays_as_it_was_typed(notebook, text):
    made = notebook.compose(text)
    assert made.sent is None
    assert not made.attached


def test_a_table_in_place_is_its_card_once(notebook):
    sent = notebook.sent("Look at {df} and again at {df}.")
    assert sent.startswith("Look at \n```\ndf: pandas DataFrame, 2 rows × 2 columns")
    assert sent.endswith("```\n and again at `df`.")
    assert "ann@" not in sent


def test_what_leads_nowhere_or_raises_stays_and_is_said(notebook):
    made = notebook.compose("{d['nokey']} {x.nothing} {trap.thing}")
    assert made.sent is None
    assert [one.partition(": ")[2] for one in made.notices] == [
        "KeyError: nokey.",
        "AttributeError: 'int' object has no attribute 'nothing'.",
        "ZeroDivisionError: thing.",
    ]


def test_an_object_that_raises_costs_a_line(notebook):
    made = notebook.compose("{trap}")
    assert made.sent == "<Trap>" or "Trap" in made.sent
    assert "its __repr__ raised RuntimeError" in made.notices[0]


def test_properties_that_hang_are_given_up(notebook):
    notebook.run("import time\nclass Slow:\n    @property\n    def it(self):\n        time.sleep(3)\nslow = Slow()")
    made = notebook.compose("{slow.it}")
    assert made.sent is None
    assert "took longer than 1 s" in made.notices[0]


def test_raw_means_nothing_special(notebook):
    made = notebook.compose("{x} and @df", "x", raw=True)
    assert made.sent is None
    assert [one.name for one in made.attached] == ["x"]


# ---- cells


def test_cells_in_place(notebook):
    notebook.run("y = 1", "print('hello')", "y + 1", "1/0", "%%chat\n{y}")
    assert notebook.sent("{In[1]}") == "```\ny = 1\n```"
    assert notebook.sent("{Out[2]}") == "hello"
    assert notebook.sent("{Out[3]}") == "2"
    assert "ZeroDivisionError: division by zero" in notebook.sent("{Err[4]}")
    assert notebook.sent("{In[-1]}") == "```\n1/0\n```", "cells that talk to a model do not count"


def test_cells_that_are_not_there(notebook):
    notebook.run("'before the reset'")
    notebook.shell.reset()
    notebook.run("y = 1")
    made = notebook.compose("{In[7]} {Out[1]} {Err[1]} {In[-2]}")
    assert made.sent is None
    assert made.notices == (
        "There is no In[7]: no cell of that number has been run.",
        "`{Out[1]}` stays as it is typed: the cell has no output.",
        "`{Err[1]}` stays as it is typed: the cell had no error.",
        "There is no In[-2]: no cell of that number has been run.",
    )


def test_magics_stand_as_they_were_typed(notebook):
    notebook.run("%time z = 1")
    assert "%time z = 1" in notebook.sent("{In[1]}")


def test_cells_go_along(notebook):
    notebook.run("y = 1", "print('hello')", "1/0", "%%chat\nwhat?")
    made = notebook.compose("Why did @cell:-1 fail after @cell:2?")
    assert made.sent == "Why did `In[3]` fail after `In[2]`?"
    assert [one.name for one in made.attached] == ["In[3]", "In[2]"]
    assert "division by zero" in made.attached[0].text
    assert made.attached[1].text == "print('hello')\n\n[printed]\nhello"
    made = notebook.compose("Sum up @cells:-2:.")
    assert made.sent == "Sum up `In[2]` to `In[3]`."
    assert [one.name for one in notebook.compose("x", "cells:1:3").attached] == ["In[1]", "In[2]"]
    assert "cell:-1" in notebook.refused("cell:99")
    assert notebook.compose("@cell:99").notices == ("There is no cell for `@cell:99`.",)


# ---- @name


def test_a_name_with_an_at_attaches(notebook):
    made = notebook.compose("What is odd in @df, and in @df.fare?", count=len)
    assert made.sent == "What is odd in `df`, and in `df.fare`?"
    (card,) = made.attached
    assert (card.name, card.kind, card.tokens) == ("df", "card", len(card.text))


def test_a_near_miss_is_said(notebook):
    assert notebook.compose("@dff").notices == ("There is no `dff`; did you mean @df?",)
    assert notebook.compose("@lint:DF").notices == ("There is no `DF`; did you mean @lint:df?",)
    assert not notebook.compose("ask @somebody").notices


def test_lint_goes_along(notebook):
    notebook.shell.user_ns["bad"] = pd.DataFrame({"a": [1.5] * 100, "email": ["x", None] * 50})
    (facts,) = notebook.compose("@lint:bad").attached
    assert (facts.name, facts.kind) == ("lint:bad", "lint")
    assert "constant" in facts.text
    (facts,) = notebook.compose("@lint:bad", hide=("email",)).attached
    assert "email" not in facts.text
    assert "hidden columns left out" in facts.notes[0]


def test_the_last_error_goes_along(notebook):
    assert notebook.compose("@error").notices == ("There is no error to attach: no cell has failed.",)
    assert "No cell has ended" in notebook.refused("error")
    notebook.run("df['Fare']")
    made = notebook.compose("@error why?")
    assert made.sent == "`the last error` why?"
    assert "it has 'fare'" in made.attached[0].text
    assert notebook.compose("x", "error").attached == made.attached


def test_a_variable_comes_before_the_words(notebook):
    notebook.shell.user_ns["error"] = 5
    assert notebook.compose("@error").attached[0].text.endswith("5")


# ---- figures


def test_the_current_figure(notebook):
    pytest.importorskip("lmnb.context.figures")
    assert notebook.compose("@fig").notices == ("There is no figure to attach.",)
    assert "no figure" in notebook.refused("fig")
    notebook.run(
        "import matplotlib; matplotlib.use('agg'); from matplotlib import pyplot as plt",
        "figure, axes = plt.subplots(); axes.plot([1, 2, 3]); axes.set_title('Fares')",
        "plt.close('all')",
    )
    made = notebook.compose("What does @fig show?", count=len)
    assert made.sent == "What does `fig` show?"
    (one,) = made.attached
    assert one.kind == "figure"
    assert one.image, one.notes
    assert one.image.data.startswith(b"\x89PNG")
    assert "Fares" in one.text
    assert notebook.compose("x", "figure").attached[0].image == one.image


# ---- -a


def test_files_and_variables_go_along_once(notebook, tmp_path):
    (tmp_path / "notes.txt").write_text("hello")
    made = notebook.compose("Compare with @df", "df", str(tmp_path / "notes.txt"), "d")
    names = ["df", str(tmp_path / "notes.txt"), "d"]
    assert [(one.name, one.kind) for one in made.attached] == list(zip(names, ["card", "file", "value"], strict=True))
    assert made.attached[1].text == "hello"


def test_patterns(notebook, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    for number in range(3):
        (tmp_path / f"{number}.csv").write_text("a\n1\n")
    assert [one.name for one in notebook.compose("x", "*.csv").attached] == ["0.csv", "1.csv", "2.csv"]
    assert "`0.csv`" in notebook.refused("*.csb")
    for number in range(20):
        (tmp_path / f"{number}.csv").write_text("a\n1\n")
    assert "matches 20 files, and 10 go along at most" in notebook.refused("*.csv")


def test_what_cannot_go_along_says_what_there_is(notebook, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "sales.csv").write_text("a\n1\n")
    assert "sales.csv" in notebook.refused("sale.csv")
    assert "df" in notebook.refused("dff")
    assert "is a folder" in notebook.refused(str(tmp_path))
    assert "nothing is fetched" in notebook.refused("https://example.org/a.csv")
    assert "Nothing was sent" in notebook.refused("nothing_like_it")
    assert "leads nowhere" in notebook.refused("d['nokey']")
    assert notebook.compose("x", "d['key']").attached[0].name == "d['key']"


# ---- hidden


@pytest.mark.parametrize("text", ["{df.email}", "{df['email']}", "{df.iloc[0]}", "{df.loc[0, 'email']}", "{df.values}"])
def test_what_is_hidden_is_not_told(notebook, text):
    made = notebook.compose(text, hide=("df.email",), mask=False)
    assert made.sent is None
    assert "hidden" in made.notices[0]
    assert "hidden" in notebook.refused(text.strip("{}"), hide=("df.email",), mask=False)


def test_beside_what_is_hidden_the_rest_is_told(notebook):
    hide = {"hide": ("df.email",), "mask": False}
    assert "7.25" in notebook.sent("{df.fare}", **hide)
    assert notebook.sent("{df.shape}", **hide) == "(2, 2)"
    notebook.run("df.head(1)", "print(df)")
    for text in ("{df}", "{Out[1]}", "{Out[2]}", "{In[1]}"):
        assert "ann@" not in notebook.sent(text, **hide)
    for one in notebook.compose("@df @cells:-2: @lint:df", **hide).attached:
        assert "ann@" not in one.text


# ---- auto, told


def test_nothing_goes_along_unasked_unless_asked_once(notebook):
    notebook.run("y = 1", "print('hello')")
    assert notebook.compose("Is df good?").attached == ()
    made = notebook.compose("Is df good?", auto=True)
    assert [one.name for one in made.attached] == ["df", "In[1]", "In[2]"]
    assert all(one.notes[0] == prompts.UNASKED for one in made.attached)
    made = notebook.compose("Is @df good?", auto=True)
    assert prompts.UNASKED not in made.attached[0].notes


def turn(prompt, *attached):
    made = Turn(prompt)
    made.attached = tuple(attached)
    made.apply(Fragment("yes"))
    return made


def test_what_is_not_sent_again_says_so(notebook):
    card = notebook.compose("@df").attached[0]
    turns = [turn("hello"), turn("look", card), turn("again", card)]
    made = notebook.compose("and @df?", told=told(turns))
    assert made.attached[0].notes[0] == "unchanged since turn 2: sent as a reference, while turn 2 is in the context"
    unheard = Turn("look")
    unheard.attached = (card,)
    assert not told([unheard]), "a turn without an answer is not sent"
    last = Turn("and?")
    last.attached = made.attached
    assert "`df` is unchanged; it stands above." in messages([*turns, last])[-1].content
    notebook.shell.user_ns["df"] = PEOPLE.assign(**{letter * 3: [1, 2] for letter in "abcdefghijkl"})
    wide = notebook.compose("@df").attached[0]
    notebook.shell.user_ns["df"]["lll"] = [3, 4]
    made = notebook.compose("@df", told=told([turn("look", wide)]))
    assert made.attached[0].notes[0].startswith("changed since turn 1: only the difference is sent")
    notebook.shell.user_ns["df"] = pd.DataFrame({"z": [1.5]})
    assert not notebook.compose("@df", told=told([turn("look", wide)])).attached[0].notes


def test_counting_that_fails_costs_the_count_only(notebook):
    def count(text):
        raise ConnectionError

    made = notebook.compose("@x", count=count)
    assert made.attached[0].text
    assert "tokens estimated" in made.attached[0].notes[0]


def test_a_guess_is_no_count(notebook):
    class Guess:
        exact = False

        def __call__(self, text):
            return 7

    assert notebook.compose("@df @x", count=Guess()).attached[0].tokens is None


# ---- any text


WORDS = "{x} {df {d['key'] {trap} {In[1]} {Out[-1]} {Err[9]} @df @cell: @cells:-5: @lint:df @error @fig:"
PIECES = st.sampled_from([*WORDS.split(" "), *"{}[]@`$\\'\".:\n \x00\ud800é", "{{", "}}", "```"])
TEXTS = st.lists(PIECES | st.text(max_size=8), max_size=12).map("".join)


@pytest.fixture
def quiet(notebook, monkeypatch):
    """The same without figures, which are slow to import, and with one cell."""
    monkeypatch.setattr("lmnb.notebook.enclosing.current_figure", lambda _: None)
    notebook.run("print('hello')")
    return notebook


def test_no_text_raises(quiet):
    @settings(max_examples=300, deadline=None)
    @given(TEXTS)
    def no_text_raises(text):
        made = quiet.compose(text)
        assert made.prompt == text
        assert made.sent != text

    no_text_raises()


def test_a_text_without_known_names_comes_back_as_it_was(quiet):
    names = re.compile(r"\b(?:In|Out|Err|x|df|d|xs|name|path|trap|cells?|error|fig(?:ure)?|lint)\b")

    @settings(max_examples=300, deadline=None)
    @given(TEXTS.filter(lambda text: not names.search(text)))
    def it_comes_back(text):
        made = quiet.compose(text)
        assert made.sent is None
        assert not made.attached

    it_comes_back()


def test_what_is_named_often_is_asked_once(notebook):
    asked = []

    class Talker:
        def _repr_llm_(self):
            asked.append(1)
            return "words"

    notebook.shell.user_ns["talker"] = Talker()
    made = notebook.compose("@talker {talker} " * 1_000)
    assert len(made.attached) == 1
    assert len(asked) == 2


# ---- from a cell to the model


@pytest.mark.server
def test_what_goes_along_reaches_the_model_once(shell):
    """The scripted model says what it was told."""
    shell.user_ns["frame"] = PEOPLE
    shell.run_cell("%%chat -m scripted -a frame\nWhat is it?", store_history=True)
    assert "frame: pandas DataFrame" in shell.user_ns["_"].text
    shell.run_cell("%%chat\nAnd what is in @frame?", store_history=True)
    assert shell.user_ns["_"].text.endswith("`frame` is unchanged; it stands above.\n\nAnd what is in `frame`?")
    turn = shell.magics_manager.registry["ChatMagics"].desk.talks.get().turns[-1]
    assert turn.attached[0].notes[0].startswith("unchanged since turn 1")
    assert (turn.prompt, turn.sent) == ("And what is in @frame?", "And what is in `frame`?")
