"""`%%chat` cells in a real kernel, with a page that hears and speaks as a browser's does."""

from __future__ import annotations

import json
import time

import pytest

from tests.kernel.page import WIDGET


def script(*steps):
    return json.dumps(list(steps))


def chat(*steps, line="-m scripted --new"):
    return f"%%chat {line}\n{script(*steps)}"


HELLO = chat({"text": "Hello **world**"})
ENDLESS = chat({"text": "word ", "repeat": 20_000, "rate": 50})


def test_a_cell_streams_and_settles(kernel):
    run = kernel.run(HELLO)
    assert run.status == "ok"
    assert run.turn["status"] == "done"
    assert "<strong>world</strong>" in run.html
    assert run.plain == "Hello **world**"
    assert [output["output_type"] for output in run.outputs] == ["display_data"]
    assert WIDGET not in run.chat["data"]


def test_the_reply_is_the_cells_value(kernel):
    run = kernel.run(HELLO)
    number = run.reply["content"]["execution_count"]
    assert kernel.value(f"(Out[{number}].text, type(Out[{number}]).__name__)") == ("Hello **world**", "Reply")
    kernel.run(HELLO)
    shown = kernel.run("_")
    assert "<strong>world</strong>" in shown.outputs[0]["data"]["text/html"]


def test_it_is_live_while_it_runs_and_the_kernel_hears_stop(kernel):
    subshells = kernel.subshells()
    run = kernel.start(ENDLESS)
    view = kernel.writes("word")
    pressed = time.monotonic()
    kernel.front.say(view, kind="stop")
    kernel.finish(run)
    assert run.ended - pressed < 5
    assert run.status == "ok"
    assert run.turn["status"] == "stopped"
    assert run.plain.startswith("word")
    assert isinstance(subshells, bool)


@pytest.mark.parametrize(
    ("before", "phase"),
    [
        ("-m scripted-slow --new", "loading"),
        ("-m scripted --new", "reading"),
        ("-m scripted --new", "writing"),
    ],
)
def test_an_interrupt_in_every_phase_is_one_line_and_keeps_the_partial(kernel, before, phase):
    steps = {
        "loading": [{"text": "never"}],
        "reading": [{"progress": [0, 0.1, 0.2] + [0.3] * 600, "each": 0.05}],
        "writing": [{"text": "word ", "repeat": 20_000, "rate": 50}],
    }[phase]
    run = kernel.start(chat(*steps, line=before))
    kernel.until(lambda: any(v.shown and v.status == phase for v in kernel.front.models.values()), 20, phase)
    after = kernel.start("print('next ran')")
    kernel.interrupt()
    kernel.finish(run)
    assert [error["traceback"] for error in run.errors] == [[run.errors[0]["evalue"]]]
    assert "interrupted" in run.errors[0]["evalue"]
    assert run.turn["status"] == "interrupted"
    kernel.until(lambda: after.over, 10, "the next cell")
    assert after.status == "aborted"
    assert kernel.run("print(1)").printed.strip() == "1"


def test_time_capture_and_others_that_run_cells(kernel):
    timed = kernel.run(f"%%time\n{HELLO}")
    assert "Wall time" in timed.printed
    assert "<strong>world</strong>" in timed.html
    captured = kernel.run(f"%%capture out\n{HELLO}")
    assert captured.outputs == []
    assert kernel.value("len(out.outputs) > 0")
    inner = kernel.run(f"result = get_ipython().run_cell({HELLO!r})")
    assert "<strong>world</strong>" in inner.html
    assert kernel.value("result.result.text") == "Hello **world**"
    by_name = kernel.run(
        f"reply = get_ipython().run_cell_magic('chat', '-m scripted --new', {HELLO.partition(chr(10))[2]!r})"
    )
    assert "<strong>world</strong>" in by_name.html
    assert kernel.value("reply.text") == "Hello **world**"


def test_without_autoawait_the_magic_blocks_and_works(kernel):
    kernel.run("%autoawait off")
    try:
        assert "<strong>world</strong>" in kernel.run(HELLO).html
    finally:
        kernel.run("%autoawait on")


def test_a_comment_above_and_the_prompt_on_the_line(kernel):
    assert kernel.run(f"\n# why\n\n{HELLO}").plain == "Hello **world**"
    assert kernel.run(f"%%chat -m scripted --new {script({'text': 'short'})}").plain == "short"


def test_the_same_cell_again_replaces_its_turn(start_kernel, scripted_server):
    kernel = start_kernel(LMSTUDIO_API_HOST=scripted_server)
    kernel.run("%load_ext lmnb")
    first, history = chat({"text": "One."}, line="-m scripted"), chat({"history": True}, line="")
    kernel.run(first, cell="a")
    kernel.run(history, cell="b")
    kernel.run(first, cell="a")
    again = kernel.run(history, cell="b")
    assert [m["role"] for m in json.loads(again.plain)] == ["user", "assistant", "user"]
    assert again.turn["cell"] == "b"


@pytest.mark.parametrize("prompt", ["{a} {{b}} $x 'q' \"d\" \\n e?", "🙂 <b>&amp;", "!ls", "%time", "a" * 3_000])
def test_a_prompt_arrives_as_it_was_written(start_kernel, kernel, prompt):
    kernel.run(f"%%chat -m scripted --new\n{prompt}")
    sent = json.loads(kernel.run(chat({"history": True}, line="")).plain)
    assert prompt in [message["content"][0]["text"] for message in sent]


def test_a_failure_is_shown_in_place_and_stops_run_all(kernel):
    run = kernel.start(chat({"text": "So far. "}, {"error": "The engine broke."}))
    after = kernel.start("print('next ran')")
    kernel.finish(run)
    assert "The engine broke." in run.html
    assert "So far." in run.html
    assert run.turn["status"] == "failed"
    assert len(run.errors[0]["traceback"]) == 1
    kernel.until(lambda: after.over, 10, "the next cell")
    assert after.status == "aborted"


@pytest.mark.parametrize(
    ("cell", "words"),
    [
        ("%%chat --modle x\nhi", "Did you mean --model"),
        ("%%chat\n", "no prompt"),
        ("%%chat -t warm\nhi", "takes a number"),
    ],
)
def test_a_wrong_line_is_a_sentence(kernel, cell, words):
    run = kernel.run(cell)
    assert words in run.printed + str(run.errors)
    assert not run.chats


def test_an_unknown_model_names_what_is_there(kernel):
    run = kernel.run("%%chat -m scriptet\nhi")
    assert "scripted" in run.html
    assert run.turn["problem"]["kind"] == "noModel"
    kernel.run(HELLO)  # the model of later turns is the one that works again


def test_two_cells_at_once_wait_for_one_another(kernel):
    one, two = kernel.start(chat({"text": "one"})), kernel.start(chat({"text": "two"}))
    kernel.finish(one)
    kernel.finish(two)
    assert (one.plain, two.plain) == ("one", "two")


def test_nobody_watches_no_widget_and_the_whole_answer(kernel):
    opened = len(kernel.front.models)
    run = kernel.run(HELLO, watched=False)
    assert "<strong>world</strong>" in run.html
    assert len(kernel.front.models) == opened


def test_nothing_is_lost_when_messages_are(kernel):
    text = "".join(f"w{i} " for i in range(600))
    seen = [0]

    def loses(content):
        seen[0] += 1
        return content.get("kind") in ("append", "snapshot") and seen[0] % 3 == 0

    kernel.front.loses = loses
    try:
        run = kernel.run(chat({"text": text, "by": "word", "rate": 500}))
    finally:
        kernel.front.loses = lambda _content: False
    assert run.plain == text.strip("\n")


def test_a_page_that_does_not_answer_gets_the_answer_all_the_same(kernel):
    kernel.front.settles = kernel.front.greets = False
    try:
        run = kernel.run(HELLO)
        assert "<strong>world</strong>" in run.html
    finally:
        kernel.front.settles = kernel.front.greets = True


def test_on_ipykernel_6_an_answer_streams_and_an_interrupt_is_heard(start_kernel, ipykernel_6, scripted_server):
    kernel = start_kernel(python_path=ipykernel_6, LMSTUDIO_API_HOST=scripted_server)
    kernel.run("%load_ext lmnb")
    assert kernel.value("__import__('ipykernel').__version__").startswith("6.")
    assert "<strong>world</strong>" in kernel.run(HELLO).html
    run = kernel.start(ENDLESS)
    kernel.writes("word")
    kernel.interrupt()
    kernel.finish(run)
    assert run.turn["status"] == "interrupted"
    assert run.plain.startswith("word")
