"""Which cells are awaited."""

from __future__ import annotations

from types import SimpleNamespace

import pytest

from lmnb.notebook.await_rule import AwaitRule


def rule(*, kernel=True, autoawait=True, owned=True):
    shell = SimpleNamespace(autoawait=autoawait, **({"kernel": object()} if kernel else {}))
    return AwaitRule(shell, lambda _name: owned)


def lines(cell):
    return cell.splitlines(keepends=True)


AWAITED = "await get_ipython().magics_manager.registry['ChatMagics'].respond({!r}, {!r})\n"


@pytest.mark.parametrize(
    ("cell", "line", "body"),
    [
        ("%%chat\nhi\n", "", "hi\n"),
        ("%%chat -m x\nhi {a} $b 'c' \"d\" e?\n", "-m x", "hi {a} $b 'c' \"d\" e?\n"),
        ("%%lm\nhi\n", "", "hi\n"),
        ("\n# why\n\n%%chat\nhi\n", "", "hi\n"),
        ("%%chat hello\n", "hello", ""),
        ("%%chat what is this?\n", "what is this?", ""),
    ],
)
def test_a_chat_cell_in_a_kernel_is_awaited(cell, line, body):
    assert rule()(lines(cell)) == [AWAITED.format(line, body)]


@pytest.mark.parametrize("cell", ["x = 1\n", "%%chat?\n", "%%chatty\nhi\n", "%%time\n%%chat\nhi\n", "", "# only\n"])
def test_other_cells_are_left_alone(cell):
    assert rule()(lines(cell)) == lines(cell)


@pytest.mark.parametrize("how", [{"kernel": False}, {"autoawait": False}])
def test_elsewhere_the_magic_blocks(how):
    assert rule(**how)(lines("# why\n%%chat\nhi\n")) == ["%%chat\n", "hi\n"]
    assert rule(**how)(lines("%%chat hi\n")) == ["%%chat hi\n", "\n"]


def test_inside_another_cell_the_magic_blocks():
    await_rule = rule()
    await_rule.enter()
    assert await_rule(lines("%%chat\nhi\n")) == ["%%chat\n", "hi\n"]
    await_rule.leave()
    assert await_rule(lines("%%chat\nhi\n"))[0].startswith("await ")


def test_the_cell_that_loads_us_was_not_seen_to_begin():
    await_rule = rule()
    await_rule.leave()
    await_rule.enter()
    assert await_rule(lines("%%chat\nhi\n")) == ["%%chat\n", "hi\n"]


def test_a_line_that_asks_is_awaited_and_a_verb_that_blocks_is_not():
    from lmnb.notebook import verbs

    def read(line, **how):
        shell_rule = rule(**how)
        return AwaitRule(shell_rule._shell, lambda _: True, lambda _: True, verbs.asks)([f"{line}\n"])

    assert read("%chat why?") == ["await get_ipython().magics_manager.registry['ChatMagics'].respond_line('why?')\n"]
    assert read("%chat continue")[0].startswith("await ")
    for line in ("%chat load smollm2", "%chat get smollm2", "%chat modles", "x = 1"):
        assert read(line) == [f"{line}\n"]
    assert read("%chat why?", kernel=False) == ["get_ipython().run_line_magic('chat', 'why?')\n"]


def test_a_magic_of_somebody_else_is_left_alone():
    assert rule(owned=False)(lines("%%chat\nhi\n")) == ["%%chat\n", "hi\n"]


def test_a_prompt_can_be_typed_line_by_line(the_shell):
    import lmnb

    lmnb.load_ipython_extension(the_shell)
    try:
        assert the_shell.check_complete("%%chat\n")[0] == "incomplete"
        assert the_shell.check_complete("%%chat\nhi\n")[0] == "incomplete"
        assert the_shell.check_complete("%%chat\nhi\n\n")[0] == "complete"
    finally:
        lmnb.unload_ipython_extension(the_shell)
