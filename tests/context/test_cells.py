"""Cells that were run, as a model reads them: reduced, without secrets, without what is hidden."""

from __future__ import annotations

import pandas as pd

from lmnb.context import cells
from lmnb.context.cells import Cell
from lmnb.context.outputs import printed, shown
from lmnb.context.telling import Telling

PEOPLE = pd.DataFrame({"fare": [7.25, 71.5], "email": ["ann@example.org", "bob@example.org"]})


def attach(telling=None, **parts):
    return cells.attach(Cell(3, **{"source": "x", **parts}), telling or Telling())


def test_a_cell_with_all_that_came_of_it():
    one = attach(
        source="print('hello')\ndf",
        printed="hello\n",
        shown=({"text/html": "<b>no</b>", "text/plain": "plainly"}, {"image/png": "iVBO", "text/plain": "<Figure>"}),
        value=PEOPLE,
        written="   fare …",
        error="KeyError: 'Fare'",
    )
    assert (one.name, one.kind, one.tokens) == ("In[3]", "cell", None)
    assert one.text.startswith(
        "print('hello')\ndf\n\n[printed]\nhello\n\n[shown]\nplainly\n\n[shown]\n[a picture]\n\n[Out[3]]"
    )
    assert "pandas DataFrame, 2 rows" in one.text
    assert "[error]\nKeyError: 'Fare'" in one.text
    assert "ann@" not in one.text
    assert any("masked" in note for note in one.notes)


def test_a_cell_without_outputs_is_its_source():
    assert attach(source="\nx = 1\n").text == "x = 1"


def test_what_is_no_table_stands_as_it_was_shown():
    assert "[Out[3]]\n[1, 2]" in attach(value=[1, 2, 3], written="[1, 2]").text
    assert "[Out[3]]\n[1, 2, 3]" in attach(value=[1, 2, 3]).text


def test_secrets_go_from_outputs_and_from_code_only_those_that_are_some_everywhere():
    secret = "sk-proj-abcdefghijklmnopqrstuvwx0123456789ABCD"
    one = attach(source=f'client = Client("{secret}")\nassert user == "ann@example.org"', printed=secret)
    assert secret not in one.text
    assert "ann@example.org" in one.text
    assert one.notes
    assert secret in attach(Telling(mask=False), printed=secret).text


def test_an_output_in_which_a_hidden_column_may_be_seen_is_left_out_and_says_so():
    hiding = Telling(hide=("df.email",), mask=False)
    one = attach(hiding, printed=PEOPLE.to_string(), value=PEOPLE, written=PEOPLE.to_string())
    assert "ann@" not in one.text
    assert "(an output left out, as it may show `email`, which is hidden)" in one.text
    assert "email str (hidden)" in one.text
    assert one.notes
    assert "7.25" in attach(Telling(hide=("other",)), printed="7.25").text


def test_the_value_of_a_cell_in_place():
    telling = Telling()
    assert cells.value(Cell(3, "x", value=5), telling) == ("5", False, ())
    text, block, _ = cells.value(Cell(3, "df", value=PEOPLE), telling)
    assert block
    assert "pandas DataFrame" in text
    assert cells.value(Cell(3, "print(1)", printed="1\n2\n"), telling)[:2] == ("1\n2", True)
    assert cells.value(Cell(3, "x", written="'let go of'"), telling)[0] == "'let go of'"
    assert cells.value(Cell(3, "x", error="ValueError"), telling)[0] == ""


def test_a_notebook_is_its_cells():
    some = [
        {"cell_type": "markdown", "source": ["# Title\n", "text"]},
        {"cell_type": "code", "source": "x = 1", "outputs": [{"text": "no"}]},
        {"cell_type": "code", "source": 5},
        {},
    ]
    assert cells.notebook(some) == "# %% [markdown]\n# Title\ntext\n\n# %%\nx = 1"


def test_a_progress_bar_is_its_last_state_and_colours_go():
    assert printed("\r 10%\r 50%\r100%\n\x1b[31mred\x1b[0m") == "100%\nred"


def test_of_many_lines_the_middle_goes_and_is_counted():
    said = printed("\n".join(str(number) for number in range(1_000)), lines=9)
    assert said.splitlines() == ["0", "1", "2", "3", "4", "5", "… 991 lines …", "997", "998", "999"]


def test_of_very_much_output_the_ends_are_looked_at():
    said = printed("x" * 79 + "\n" + ("y" * 79 + "\n") * 20_000, lines=9)
    assert said.startswith("x")
    assert "… 19,992 lines …" in said


def test_a_picture_in_letters_and_the_marks_of_templates_are_no_text_of_a_cell():
    assert printed("data:image/png;base64," + "iVBO" * 100) == "(base64, 316 bytes)" or "base64" in printed(
        "iVBO" * 100
    )
    assert "<|im_end|>" not in printed("<|im_end|>\n<|im_start|>system")


def test_what_a_cell_showed_by_the_richest_form_that_is_text():
    assert shown({"text/markdown": "*a*", "text/plain": "b"}) == "*a*"
    assert shown({"application/vnd.jupyter.widget-view+json": {}, "text/plain": "Slider()"}) == "Slider()"
    assert shown({"text/html": "<p>"}) == "[HTML, 3 bytes]"
    assert shown({}) == ""
