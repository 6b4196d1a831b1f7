"""Settings are heard, and their page says which values and variables there are (its table: `tests/test_docs.py`)."""

from __future__ import annotations

from pathlib import Path

import pytest
from traitlets import TraitError
from traitlets.config import Config

from lmnb.notebook.settings import Lmnb
from lmnb.server.download import CERTIFICATES
from lmnb.studio.hosts import HOST_VARIABLES, TOKEN_VARIABLES

PAGE = Path(__file__).parents[2] / "docs" / "configuration.md"


def rows(heading):
    """The cells of a section's table, without its two lines at the top."""
    section = PAGE.read_text(encoding="utf-8").partition(f"\n## {heading}\n")[2].partition("\n## ")[0]
    lines = [line for line in section.splitlines() if line.startswith("|")][2:]
    return [[cell.strip() for cell in line.strip("|").split("|")] for line in lines]


def test_what_may_be_chosen_is_on_the_page():
    text = " ".join(PAGE.read_text(encoding="utf-8").split())
    for name, trait in Lmnb.class_traits(config=True).items():
        if values := getattr(trait, "values", None):
            listed = ", ".join(f'`"{value}"`' for value in values)
            assert f"`{name}` takes {listed}" in text


def test_the_environment_is_the_one_that_is_read():
    named = {name for names, _ in rows("The environment") for name in names.replace("`", "").split(", ")}
    assert named == {*HOST_VARIABLES, *TOKEN_VARIABLES, *CERTIFICATES, "IPYTHONDIR", "NO_PROXY"}


def test_a_configuration_file_is_heard():
    settings = Lmnb(config=Config({"Lmnb": {"model": "qwen3-4b", "options": {"temperature": 0.2}, "hide": ["email"]}}))
    assert (settings.model, settings.options, settings.hide) == ("qwen3-4b", {"temperature": 0.2}, ["email"])
    with pytest.raises(TraitError, match="schema"):
        settings.level = "full"
    assert settings.level == "stats"


def test_config_lists_and_sets_them(shell, capsys):
    shell.run_line_magic("config", "Lmnb")
    listed = capsys.readouterr().out
    assert all(f"Lmnb.{name}=" in listed for name in Lmnb.class_traits(config=True))
    shell.run_line_magic("config", "Lmnb.level = 'schema'")
    shell.run_line_magic("chat", "settings")
    assert "'schema'" in capsys.readouterr().out
