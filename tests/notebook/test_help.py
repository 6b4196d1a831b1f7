"""What the help says, and that a terminal has room for it."""

from __future__ import annotations

import pytest

from lmnb.notebook import options, verbs


@pytest.mark.parametrize("text", [options.usage(), verbs.usage()], ids=["options", "verbs"])
def test_it_fits_a_terminal(text):
    assert max(map(len, text.splitlines())) <= 80


def test_all_flags_and_verbs_are_in_it():
    assert all(flag in options.usage() for option in options.TABLE for flag in option.flags)
    assert all(f"%chat {verb.name}" in verbs.usage() for verb in verbs.table().values() if not verb.hidden)


@pytest.mark.parametrize("line", ["", "help", "-h", "--help"])
def test_the_line_asks_for_the_verbs(line):
    found = verbs.find(line)
    assert found is not None
    assert found.verb.name == "help"
