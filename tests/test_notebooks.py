"""The notebooks do what they promise, with the model that they are written for."""

from __future__ import annotations

from pathlib import Path

import nbformat
import pytest
from nbclient import NotebookClient

from lmnb.server import launch
from tests.kernel.harness import isolated

NOTEBOOKS = Path(__file__).parent.parent / "notebooks"


def read(name):
    return nbformat.read(NOTEBOOKS / name, as_version=4)


@pytest.mark.parametrize("path", sorted(NOTEBOOKS.glob("*.ipynb")), ids=lambda path: path.stem)
def test_it_is_kept_without_outputs(path):
    notebook = read(path)
    nbformat.validate(notebook)
    assert all(not cell.outputs and cell.execution_count is None for cell in notebook.cells if cell.cell_type == "code")


def test_the_first_is_short():
    assert len(read("01-hello.ipynb").cells) <= 10


@pytest.fixture(scope="module")
def run(smollm2, tmp_path_factory):
    """Runs a notebook from top to bottom; a cell that fails ends it. All are run by one server."""
    with launch.start_server(models=[smollm2]) as server:

        def run_it(name):
            folder = tmp_path_factory.mktemp("notebook")
            notebook = read(name)
            client = NotebookClient(notebook, timeout=100, resources={"metadata": {"path": str(folder)}})
            client.execute(env=isolated(folder, LMSTUDIO_API_HOST=server.host))
            return {cell.id: cell for cell in notebook.cells}

        yield run_it


def turns(cells):
    return [
        output.metadata["lmnb"]["turn"]
        for cell in cells.values()
        for output in cell.get("outputs", ())
        if "lmnb" in output.get("metadata", {})
    ]


def said(cell):
    """What a cell printed or showed, as text."""
    return "\n".join(output.get("text") or output.data["text/plain"] for output in cell.outputs)


@pytest.mark.model
def test_the_first_is_answered(run):
    cells = run("01-hello.ipynb")
    assert [turn["status"] for turn in turns(cells)] == ["done", "done"]
    assert "smollm2-135m-instruct" in said(cells["reply"])
    assert "tokens" in said(cells["reply"])


@pytest.mark.model
def test_the_second_shows_conversations(run):
    cells = run("02-conversations.ipynb")
    assert {turn["status"] for turn in turns(cells)} == {"done"}
    assert "* main: 2 turns" in said(cells["history"])
    assert "Nothing was sent." in said(cells["context"])
    assert "reached its limit of 12 tokens" in cells["cut"].outputs[0].data["text/html"]
    assert "fruit" in said(cells["table"])
    assert "Q4_1" in said(cells["cite"])
    assert "serendipity" in cells["filled"].outputs[0].metadata["lmnb"]["turn"]["sent"]


@pytest.mark.model
def test_the_third_explores_a_table(run):
    pytest.importorskip("palmerpenguins")
    cells = run("03-explore-a-table.ipynb")
    assert {turn["status"] for turn in turns(cells)} == {"done"}
    first, again, *_ = turns(cells)
    assert first["attached"][0]["name"] == "penguins"
    assert any("unchanged since turn 1" in note for note in again["attached"][0]["notes"])
    assert "body_mass_g" in said(cells["show-card"])
    assert {"duplicates", "sentinel", "mixed"} <= set(said(cells["spoil"]).split())
    assert "(hidden)" in said(cells["hidden"])
    assert "By lmnb no other host was contacted." in said(cells["privacy-list"])
