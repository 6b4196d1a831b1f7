"""The first notebook does what it promises, with the model that it is written for."""

from __future__ import annotations

from pathlib import Path

import nbformat
import pytest
from nbclient import NotebookClient

from lmnb.server import launch
from tests.kernel.harness import isolated

HELLO = Path(__file__).parent.parent / "notebooks" / "01-hello.ipynb"


def cells():
    return nbformat.read(HELLO, as_version=4)


def test_it_is_kept_without_outputs_and_is_short():
    notebook = cells()
    nbformat.validate(notebook)
    assert all(not cell.outputs and cell.execution_count is None for cell in notebook.cells if cell.cell_type == "code")
    assert len(notebook.cells) <= 10


@pytest.mark.model
def test_it_runs_from_top_to_bottom_and_is_answered(smollm2, tmp_path):
    notebook = cells()
    with launch.start_server(models=[smollm2]) as server:
        client = NotebookClient(notebook, timeout=100, resources={"metadata": {"path": str(tmp_path)}})
        client.execute(env=isolated(tmp_path, LMSTUDIO_API_HOST=server.host))
    turns = [
        output.metadata["lmnb"]["turn"]
        for cell in notebook.cells
        for output in cell.get("outputs", ())
        if "metadata" in output
    ]
    assert [turn["status"] for turn in turns] == ["done", "done"]
    last = notebook.cells[-2].outputs[-1].text
    assert "smollm2-135m-instruct" in last
    assert "tokens" in last
