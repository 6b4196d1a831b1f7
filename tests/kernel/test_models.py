"""The verbs of models in a kernel: a bar while a model loads, and ■ ends the load in the server."""

from __future__ import annotations


def printed_so_far(run):
    return "".join(output["text"] for output in run.outputs if output["output_type"] == "stream")


def test_a_load_shows_a_bar_and_an_interrupt_ends_it_in_the_server(kernel):
    run = kernel.start("%lm load script slow")
    kernel.until(lambda: "█" in printed_so_far(run))
    kernel.interrupt()
    kernel.finish(run)
    assert [error["traceback"] for error in run.errors] == [["Stopped: script slow is not loaded."]]
    # Loads of one model wait for one another: one that had gone on would be there first, and this one be `:2`.
    said = kernel.run("%lm load scripted-slow --again --context 512", watched=False).printed
    assert said.splitlines()[0] == "scripted-slow: loading …"
    assert said.splitlines()[-1] == "scripted-slow is loaded as scripted-slow, with a context of 512 tokens."
    columns = kernel.run("%lm status").printed.splitlines()
    assert columns[0].startswith("Answers come from")
    assert any(line.split()[:2] == ["scripted-slow", "scripted-slow"] for line in columns)
    assert kernel.run("%lm unload slow").printed == "scripted-slow is unloaded.\n"
