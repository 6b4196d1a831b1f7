"""Notebooks that are executed with nobody there to see them: the whole answer is saved, and no widget."""

from __future__ import annotations

import json
import subprocess
import sys

import nbformat
import pytest
from nbformat.v4 import new_code_cell, new_notebook

from tests.kernel.harness import isolated
from tests.kernel.page import WIDGET

ANSWER = "Because **it** is. " * 40
CELLS = [
    "%load_ext lmnb",
    "%%chat -m scripted\n" + json.dumps([{"text": ANSWER, "by": "word", "rate": 400}]),
    "print(_.text)",
]


@pytest.fixture
def place(tmp_path, scripted_server):
    """A folder with a notebook, and the environment to execute it in."""
    nbformat.write(new_notebook(cells=[new_code_cell(cell) for cell in CELLS]), tmp_path / "in.ipynb")
    return tmp_path, isolated(tmp_path, LMSTUDIO_API_HOST=scripted_server)


SAID = {"capture_output": True, "text": True}
COMMANDS = {
    "nbclient": ["-c", "from nbclient.cli import main; main()", "--output=out.ipynb", "in.ipynb"],
    "nbconvert": ["-m", "nbconvert", "--to", "notebook", "--execute", "--output", "out.ipynb", "in.ipynb"],
    "papermill": ["-m", "papermill", "--no-progress-bar", "-k", "python3", "in.ipynb", "out.ipynb"],
}


@pytest.mark.parametrize("how", COMMANDS)
def test_the_whole_answer_is_saved_and_no_widget(place, how):
    folder, env = place
    done = subprocess.run([sys.executable, *COMMANDS[how]], cwd=folder, env=env, check=False, **SAID)
    assert done.returncode == 0, done.stderr
    saved = nbformat.read(folder / "out.ipynb", as_version=4)
    *_, chat, printed = saved.cells
    (output,) = chat.outputs
    assert output.metadata["lmnb"]["turn"]["status"] == "done"
    assert output.data["text/html"].count("<strong>it</strong>") == 40
    assert ANSWER.strip() in "".join(o.get("text", "") for o in printed.outputs)
    assert WIDGET not in json.dumps(saved)
    assert "widgets" not in saved.metadata


def test_a_failed_turn_fails_the_run(place):
    folder, env = place
    nbformat.write(
        new_notebook(cells=[new_code_cell(CELLS[0]), new_code_cell('%%chat -m scripted\n[{"error": "It broke."}]')]),
        folder / "in.ipynb",
    )
    done = subprocess.run([sys.executable, *COMMANDS["nbconvert"]], cwd=folder, env=env, check=False, **SAID)
    assert done.returncode != 0
    assert "It broke." in done.stderr
