"""`%lm get` in a kernel: a bar for those who watch, lines for those who do not, and ■ is one sentence."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from tests.server import shelf as shelves

TINY = "from lmnb.server import store; from tests.server.shelf import entry; store.ENTRIES = (entry(),)"
NEXT = "Tiny is here; its key is tiny.\nAsk something: a cell that begins with %%chat, and has the question below it.\n"


@pytest.fixture
def shelf():
    found = shelves.Shelf()
    yield found
    found.close()


@pytest.fixture
def kernel(start_kernel, shelf, tmp_path):
    """A kernel whose catalogue has a made-up model, on an index of this computer."""
    root = str(Path(__file__).parent.parent.parent)
    index = {"PIP_CONFIG_FILE": os.devnull, "PIP_INDEX_URL": f"{shelf.address}/simple/"}
    kernel = start_kernel(XDG_CACHE_HOME=str(tmp_path / "cache"), PYTHONPATH=root, **index)
    kernel.run("%load_ext lmnb")
    kernel.run(TINY)
    return kernel


def printed_so_far(run):
    return "".join(output["text"] for output in run.outputs if output["output_type"] == "stream")


def test_who_watches_sees_a_line_that_rewrites_itself_and_is_gone_at_the_end(kernel, shelf):
    shelf.faults.append("slow")
    said = kernel.run("%lm get tiny").printed
    assert "\rtiny: fetching █" in said
    assert " of 3 MB · " in said
    assert "\n" not in said[: -len(NEXT)]
    assert said.endswith("\r" + NEXT)


def test_who_does_not_watch_gets_whole_lines(kernel):
    said = kernel.run("%lm get tiny", watched=False).printed
    assert "\r" not in said
    assert said.startswith("tiny: asking where it is …\n")
    assert said.endswith(NEXT)


def test_an_interrupt_is_one_sentence_and_the_next_call_goes_on(kernel, shelf):
    shelf.faults.append("slow")
    run = kernel.start("%lm get tiny")
    kernel.until(lambda: "█" in printed_so_far(run))
    kernel.interrupt()
    kernel.finish(run)
    assert run.status == "error"
    assert [error["traceback"] for error in run.errors] == [["Stopped. `%lm get tiny` goes on from here."]]
    assert kernel.run("%lm get tiny").printed.endswith(NEXT)
    assert shelf.asked[0] == ""
    assert shelf.asked[1].startswith("bytes=")


def test_a_failure_is_one_short_message(kernel):
    run = kernel.run("%lm get gpt")
    assert [error["traceback"] for error in run.errors] == [["There is no “gpt” to fetch here; there is tiny."]]
