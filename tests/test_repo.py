"""What is committed speaks of nobody's machine and of no particular package index."""

from __future__ import annotations

import re
import subprocess
from pathlib import Path

import pytest

ROOT = Path(__file__).parent.parent

# Written in two halves, so that this file does not find itself.
FOREIGN = re.compile(
    "|".join(
        [
            r"(?<![\w.])/" + r"(work|root|home)/\w",
            r"\.\./" + "shared",
            "registry" + r"\.npmjs",
            r"\bpypi" + r"\.org",
            "python" + r"hosted\.org",
            "deb" + r"\.debian",
        ]
    )
)


def tracked() -> list[Path]:
    listed = subprocess.run(["git", "ls-files", "-z"], cwd=ROOT, capture_output=True, text=True, check=False)
    if listed.returncode:
        pytest.skip("This is no git checkout.")
    return [path for name in listed.stdout.split("\0") if name and (path := ROOT / name).is_file()]


def test_no_file_names_a_machine_or_an_index():
    found = []
    for path in tracked():
        try:
            text = path.read_text(encoding="utf-8")
        except UnicodeDecodeError:
            continue  # a picture
        rows = text.splitlines()
        found += [f"{path.relative_to(ROOT)}:{i}: {row[:120]}" for i, row in enumerate(rows, 1) if FOREIGN.search(row)]
    assert found == []


@pytest.mark.parametrize("row", ["see /" + "root/x.py", "cd ../" + "shared", "https://registry" + ".npmjs.example"])
def test_such_a_line_is_seen(row):
    assert FOREIGN.search(row)


def test_links_between_pages_lead_somewhere():
    broken = []
    for page in (path for path in tracked() if path.suffix == ".md"):
        text = re.sub(r"```.*?```", "", page.read_text(encoding="utf-8"), flags=re.DOTALL)
        links = re.findall(r"\]\((?!https?:|#)([^)#\s]+)", text)
        broken += [f"{page.relative_to(ROOT)}: {link}" for link in links if not (page.parent / link).exists()]
    assert broken == []
