"""What a prompt brings along in a real kernel: what its cells printed, showed and ended with."""

from __future__ import annotations


def test_cells_with_their_outputs_and_the_last_error_reach_the_model(kernel):
    kernel.run("print('seven'); import sys; print('eight', file=sys.stderr)", watched=False)
    kernel.run("from IPython.display import display, Markdown\ndisplay(Markdown('*nine*'))\n'ten'", watched=False)
    kernel.run("eleven = {'a': 1}\neleven['A']", watched=False)
    kernel.run("%%chat -m scripted\nWhy @cells:-3: and @error, {eleven}?", cell="prompts")
    said = kernel.value("_.text")
    for word in ("seven\neight", "*nine*", "'ten'", "KeyError: 'A'", "eleven['A']"):
        assert word in said
    assert "and `the last error`, {'a': 1}?" in said
