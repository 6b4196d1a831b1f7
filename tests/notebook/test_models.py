"""`%lm` in a shell without a kernel."""

from __future__ import annotations

import os

import pytest

from lmnb.server import store
from tests.server import shelf as shelves


@pytest.fixture
def tiny(tmp_path, monkeypatch):
    """The catalogue has a made-up model on an index of this computer, and nothing is here yet."""
    shelf = shelves.Shelf()
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    monkeypatch.setenv("PIP_CONFIG_FILE", os.devnull)
    monkeypatch.setenv("PIP_INDEX_URL", f"{shelf.address}/simple/")
    monkeypatch.setattr(store, "ENTRIES", (shelves.entry(),))
    yield shelf
    shelf.close()


def output(shell, capsys, cell):
    result = shell.run_cell(cell)
    captured = capsys.readouterr()
    return result, captured.out + captured.err


def test_without_a_verb_and_with_help_it_says_what_there_is(shell, capsys):
    for cell in ("%lm", "%lm help", "%lm -h"):
        assert "%lm get smollm2   fetch" in output(shell, capsys, cell)[1]


def test_an_unknown_verb_is_a_short_message(shell, capsys):
    result, said = output(shell, capsys, "%lm fetch smollm2")
    assert result.error_in_exec is not None
    assert "%lm has no verb 'fetch'" in said
    assert "%lm get smollm2" in said
    assert "Traceback" not in said


@pytest.mark.server
def test_the_models_are_listed(shell, capsys):
    result, said = output(shell, capsys, "%lm models")
    result.raise_error()
    assert any(line.split()[0] == "scripted" for line in said.splitlines())


def test_what_can_be_fetched_is_listed(shell, capsys):
    lines = output(shell, capsys, "%lm get")[1].splitlines()
    assert lines[0].split()[:4] == ["smollm2", "98", "MB", "Apache-2.0"]
    assert lines[-1] == "Fetch one: %lm get smollm2"


def test_a_model_is_fetched_and_it_says_what_to_do_next(shell, capsys, tiny):
    result, said = output(shell, capsys, "%lm get tiny")
    result.raise_error()
    assert said.splitlines()[-2:] == [
        "Tiny is here; its key is tiny.",
        "Ask something: a cell that begins with %%chat, and has the question below it.",
    ]


@pytest.mark.parametrize(
    ("name", "said", "next_step"),
    [
        ("gpt", "There is no “gpt” to fetch here; there is tiny.", "there is tiny."),
        ("tiny", "Tiny cannot be fetched now. pip does not find lmnb-test-model 1.0", ""),
    ],
)
def test_what_goes_wrong_is_one_short_message(shell, capsys, tiny, name, said, next_step):
    tiny.files.clear()
    result, out = output(shell, capsys, f"%lm get {name}")
    assert result.error_in_exec is not None
    assert said in out
    assert next_step in out
    assert "Traceback" not in out
    assert len(out.splitlines()) <= 4


@pytest.mark.server
def test_a_server_that_does_not_answer_is_one_short_message(shell, capsys, monkeypatch):
    monkeypatch.setenv("LMSTUDIO_API_HOST", "127.0.0.1:9")
    _, said = output(shell, capsys, "%lm models")
    assert said.startswith("Nothing answers at 127.0.0.1:9.")
    assert "question" not in said
    assert "Traceback" not in said
