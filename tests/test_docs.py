"""The page of settings is the settings: `python -m tests.test_docs` writes its table."""

from __future__ import annotations

import re
from pathlib import Path

from lmnb.notebook.settings import Lmnb

PAGE = Path(__file__).parent.parent / "docs" / "configuration.md"
ROW = re.compile(r"^\| `c\.Lmnb\..*\n", re.MULTILINE)


def rows() -> str:
    """A row for each setting: its name, its default, what it means."""
    traits = sorted(Lmnb.class_traits(config=True).items())
    shown = {name: trait.default() if name in ("options", "hide") else trait.default_value for name, trait in traits}
    return "".join(f"| `c.Lmnb.{name}` | `{shown[name]!r}` | {trait.help} |\n" for name, trait in traits)


def test_the_page_has_every_setting_with_its_default_and_what_it_means():
    assert "".join(ROW.findall(PAGE.read_text(encoding="utf-8"))) == rows()


if __name__ == "__main__":
    text = PAGE.read_text(encoding="utf-8")
    PAGE.write_text(ROW.sub("", text).replace("|---|---|---|\n", f"|---|---|---|\n{rows()}", 1), encoding="utf-8")
