"""`%chat fix`, `explain`, `next`: what is asked, and what is made of the answer."""

from __future__ import annotations

from types import SimpleNamespace

import pandas as pd
import pytest

from lmnb.notebook import fixing
from lmnb.notebook.extension import _loaded
from lmnb.notebook.outcomes import NotAsked
from tests.context.made import titanic

pytestmark = pytest.mark.server

SETTINGS = SimpleNamespace(level="stats", budget=450, mask=True, hide=())
BROKEN = "top = 3\ndf['Fare'].head(top)\n"
FIXED = "top = 3\ndf['fare'].head(top)\n"


@pytest.fixture
def desk(shell):
    shell.user_ns["df"] = titanic()
    return _loaded[id(shell)].desk


def fail(shell, cell):
    result = shell.run_cell(cell, store_history=True)
    assert result.error_in_exec or result.error_before_exec
    return result


def test_fix_asks_for_the_cell_and_tells_the_error(shell, desk):
    fail(shell, BROKEN)
    asked = fixing.fix(shell, desk.recorder, "keep top", settings=SETTINGS)
    (error,) = asked.attached
    assert (error.kind, error.name) == ("error", "the last error")
    assert "`df` has no column 'Fare'; it has 'fare'." in error.text
    assert asked.prompt == "%chat fix keep top"
    assert "whole corrected cell" in asked.sent
    assert asked.sent.endswith("keep top")
    assert (asked.want, asked.source, asked.system) == ("code", (BROKEN,), None)


def test_of_a_long_cell_only_the_lines_are_asked_for(shell, desk):
    fail(shell, "".join(f"a{number} = {number}\n" for number in range(60)) + BROKEN)
    asked = fixing.fix(shell, desk.recorder, settings=SETTINGS)
    assert "only the corrected lines" in asked.sent
    made = fixing.corrected("```python\ndf['fare'].head(top)\n```", asked.source)
    assert made.code == asked.source[0].replace("Fare", "fare")


def test_an_error_in_a_function_of_another_cell_may_be_mended_there(shell, desk):
    shell.run_cell("def clean(frame):\n    wide = frame.dropna()\n    return wide['Fare']\n", store_history=True)
    fail(shell, "clean(df)\n")
    asked = fixing.fix(shell, desk.recorder, settings=SETTINGS)
    assert [one.splitlines()[0] for one in asked.source] == ["def clean(frame):", "clean(df)"]
    made = fixing.corrected("```python\n    return wide['fare']\n```", asked.source)
    assert made.code == asked.source[0].replace("Fare", "fare")


def test_a_syntax_error_and_one_below_a_magic(shell, desk):
    fail(shell, "x = (1,\n  2\n")
    asked = fixing.fix(shell, desk.recorder, settings=SETTINGS)
    assert "'(' was never closed" in asked.attached[0].text
    assert fixing.corrected("```python\nx = (1,\n  2)\n```", asked.source).code == "x = (1,\n  2)\n"
    fail(shell, "%%time\ny = 1\ndf['Fare'] + y\n")
    asked = fixing.fix(shell, desk.recorder, settings=SETTINGS)
    assert "it has 'fare'" in asked.attached[0].text
    made = fixing.corrected("```python\ny = 1\ndf['fare'] + y\n```", asked.source)
    assert made.code == "%%time\ny = 1\ndf['fare'] + y\n"


def test_explain_asks_for_words(shell, desk):
    fail(shell, BROKEN)
    asked = fixing.explain(shell, desk.recorder, settings=SETTINGS)
    assert asked.want == "words"
    assert "no code" in asked.sent


@pytest.mark.parametrize("ask", [fixing.fix, fixing.explain])
def test_without_an_error_a_sentence(shell, desk, ask):
    shell.run_cell("1 + 1", store_history=True)
    with pytest.raises(NotAsked, match="No cell has failed"):
        ask(shell, desk.recorder, settings=SETTINGS)


def test_a_cell_that_talks_to_a_model_is_no_error_to_mend(shell, desk):
    fail(shell, BROKEN)
    shell.run_cell("%chat nosuchverb --modle x", store_history=True)
    assert "Fare" in fixing.fix(shell, desk.recorder, settings=SETTINGS).attached[0].text


def test_next_is_grounded_in_card_and_lint(shell, desk):
    shell.user_ns["df"] = pd.DataFrame({"age": [1.0, None, -999.0] * 40, "name": ["a ", "a", "b"] * 40})
    asked = fixing.next_steps(shell, None, settings=SETTINGS)
    assert [(one.kind, one.name) for one in asked.attached] == [("card", "df"), ("lint", "lint:df")]
    assert "120 rows × 2 columns" in asked.attached[0].text
    assert "missing" in asked.attached[1].text
    assert "three next steps" in asked.sent
    assert asked.want == "words"


def test_next_says_which_tables_there_are(shell, desk):
    shell.user_ns["other"] = titanic()
    with pytest.raises(NotAsked, match="more than one table"):
        fixing.next_steps(shell, None, settings=SETTINGS)
    with pytest.raises(NotAsked, match="Did you mean other"):
        fixing.next_steps(shell, "othr", settings=SETTINGS)
    del shell.user_ns["other"], shell.user_ns["df"]
    with pytest.raises(NotAsked, match="no table yet"):
        fixing.next_steps(shell, None, settings=SETTINGS)


# ---- the answer


@pytest.mark.parametrize(
    "answer",
    [
        f"Use the column's name.\n\n```python\n{FIXED}```\nIt was spelt wrong.",
        f"The failing line is\n```python\n{BROKEN}```\nand it should be\n```python\n{FIXED}```",
        "```\ndf['fare'].head(top)\n```",
        "```diff\n-df['Fare'].head(top)\n+df['fare'].head(top)\n```",
        FIXED,
    ],
)
def test_the_corrected_cell_and_its_diff(answer):
    made = fixing.corrected(answer, BROKEN)
    assert made
    assert made.code == FIXED
    assert made.diff == " top = 3\n-df['Fare'].head(top)\n+df['fare'].head(top)"


@pytest.mark.parametrize(
    ("answer", "reason"),
    [
        ("The column is called fare.", "There is no code in the answer"),
        ("", "There is no code in the answer"),
        (f"```python\n{BROKEN}```", "leaves the cell as it was"),
        ("```python\ntop = 3\ndf['fare'.head(top)\n```", "could not be read by Python"),
        ("```python\nimport antigravity\n```", "no line in common"),
    ],
)
def test_an_answer_without_a_corrected_cell_says_why(answer, reason):
    made = fixing.corrected(answer, BROKEN)
    assert not made
    assert made.code is None
    assert reason in made.reason


@pytest.mark.parametrize(
    "code", ["!ls\nx = %timeit -o 1", "await f()", "%%bash\nif then fi (", "%%time\nx = 1", "df?", "x = !ls"]
)
def test_what_ipython_can_read_is_readable(code):
    assert fixing.unreadable(code) is None


@pytest.mark.parametrize("code", ["x = (", "%%time\nx = (", "\x00", "def f(:\n  pass"])
def test_what_it_cannot_read_is_not(code):
    assert fixing.unreadable(code)


def test_the_whole_way_offers_the_cell_and_runs_nothing(shell, desk, monkeypatch, capsys):
    """The scripted model says the prompt back, and here the corrected cell stands in it."""
    monkeypatch.setattr(fixing, "FIX", "{cell} failed.\n```python\ndf['fare'].head(3).boom\n```")
    shell.run_cell('%%chat -m scripted\n[{"text": "hello"}]', store_history=True)
    fail(shell, "df['Fare'].head(3).boom")
    offered = []
    monkeypatch.setattr(shell, "set_next_input", lambda text, **_: offered.append(text))
    ran = []
    shell.events.register("pre_run_cell", count := lambda info: ran.append(info.raw_cell))
    shell.run_cell("%chat fix", store_history=True).raise_error()
    shell.events.unregister("pre_run_cell", count)
    assert offered == ["df['fare'].head(3).boom"]
    assert ran == ["%chat fix"]
    turn = desk.talks.get().turns[-1]
    assert turn.prompt == "%chat fix"
    assert turn.attached[0].name == "the last error"
    assert "the last error" in turn.text


def test_without_an_error_nothing_is_sent(shell, desk, capsys):
    shell.run_cell("%chat fix", store_history=True)
    said = capsys.readouterr()
    assert "No cell has failed" in said.out + said.err
    assert "Traceback" not in said.out + said.err
    assert not desk.talks.get().turns


@pytest.mark.model
def test_a_real_model_is_asked_within_its_window(the_shell, smollm2, monkeypatch):
    """No claim on what it answers: it is asked, it answers, and what comes of it is a cell or a reason."""
    from lmnb.server import launch

    with launch.start_server(models=[smollm2]) as server:
        monkeypatch.setenv("LMSTUDIO_API_HOST", server.host)
        the_shell.reset()
        the_shell.run_line_magic("load_ext", "lmnb")
        try:
            desk = _loaded[id(the_shell)].desk
            the_shell.user_ns["df"] = titanic()
            fail(the_shell, BROKEN)
            the_shell.run_cell('%config Lmnb.options = {"temperature": 0, "maxTokens": 120}')
            the_shell.run_cell("%chat fix", store_history=True).raise_error()
            turn = desk.talks.get().turns[-1]
            assert turn.text.strip()
            assert turn.stats.prompt_tokens_count < 900
            made = fixing.corrected(turn.text, BROKEN)
            assert made.code or made.reason
        finally:
            the_shell.run_cell("%config Lmnb.options = {}")
            the_shell.run_line_magic("unload_ext", "lmnb")
            the_shell.extension_manager.loaded.clear()
