"""Live views in a real kernel, followed by a page that is not there."""

from __future__ import annotations

import random
import time
from pathlib import Path

import pytest

from lmnb.widgets.core import static
from tests.kernel.harness import older_ipykernel

pytestmark = pytest.mark.kernel


def said(count):
    return "".join(f"w{number} " for number in range(count))


def size(kernel, message):
    """The bytes of a message on a websocket."""
    return sum(
        len(kernel.client.session.pack(message[part])) for part in ("header", "parent_header", "metadata", "content")
    )


def streaming(kernel, what):
    """The view that is open, when it shows `what`."""
    found = []

    def look():
        found[:] = [
            view for view in kernel.front.models.values() if view.shown and not view.closed and what in view.text
        ]
        return found

    kernel.until(look, what=what)
    return found[-1]


@pytest.fixture
def messages(kernel, monkeypatch):
    """What the kernel publishes from now on."""
    heard, hear = [], kernel.front.hear
    monkeypatch.setattr(kernel.front, "hear", lambda message: (heard.append(message), hear(message)))
    return heard


def test_an_answer_streams_and_is_settled_by_the_page(kernel):
    run = kernel.run("await chat(200, rate=400)")
    view = kernel.front.view
    assert view.text == said(200)
    assert view.status == "done"
    assert run.turn["status"] == "done"
    assert "w199" in run.html
    kernel.until(lambda: view.closed)
    assert 4 < len(view.customs) < 40


def test_a_cell_costs_little_besides_its_text(kernel, messages):
    kernel.run("await chat()")
    del messages[:]
    kernel.run("await chat(prompt='', cell='6a1f2c3d-1111-2222-3333-444455556666')")
    sizes = {m["msg_type"]: size(kernel, m) for m in messages if m["msg_type"] in ("comm_open", "display_data")}
    opened = [m for m in messages if m["msg_type"] == "comm_open"]
    assert len(opened) == 1
    # 2,500 in all; on a websocket the frames of the two add some 140.
    assert sum(sizes.values()) <= 2350, sizes


def test_everything_is_sent_under_the_cell_that_asked_also_while_another_runs(kernel, messages):
    asking = kernel.run("a = Chat().start(words(60), 100)")
    other = kernel.run("pass")
    kernel.run("await a.ended()")
    sent = [m["parent_header"]["msg_id"] for m in messages if m["msg_type"] == "comm_msg"]
    assert len(sent) > 5
    assert other.id not in sent
    assert set(sent) == {asking.id}


def test_hello_is_answered_with_everything_so_far(kernel):
    kernel.front.greets = False
    run = kernel.start("await chat(100, rate=50)")
    view = streaming(kernel, "w20 ")
    assert "snapshot" not in view.kinds()
    kernel.front.say(view, kind="hello")
    kernel.until(lambda: "snapshot" in view.kinds())
    snapshot = next(content for _, content in view.customs if content["kind"] == "snapshot")
    assert snapshot["text"].startswith(said(20))
    kernel.finish(run)
    assert view.text == said(100)


def test_a_page_that_is_opened_again_goes_on_where_the_answer_is(kernel):
    run = kernel.start("await chat(100, rate=50)")
    view = streaming(kernel, "w30 ")
    view.state |= {"text": "", "seq": -1}
    kernel.front.loses = lambda _content: True
    kernel.send("comm_msg", {"comm_id": view.model_id, "data": {"method": "request_state"}})
    kernel.until(lambda: view.text)
    kernel.front.loses = lambda _content: False
    assert view.text.startswith(said(30))
    kernel.finish(run)
    assert view.text == said(100)
    assert run.turn["status"] == "done"


def test_lost_messages_are_repaired(kernel):
    chance = random.Random(7)
    lost = []
    kernel.front.loses = lambda content: (
        content["kind"] != "settle" and chance.random() < 0.3 and not lost.append(content)
    )
    run = kernel.start("await chat(300, rate=150)")
    view = streaming(kernel, "w250 ")
    assert len(lost) > 5
    kernel.finish(run)
    assert "w299" in run.html
    assert view.text.startswith(said(250))


def test_the_last_message_is_repeated_until_the_page_has_it(kernel):
    lost = []
    kernel.front.loses = lambda content: content["kind"] == "settle" and len(lost) < 2 and not lost.append(content)
    run = kernel.run("await chat()")
    assert len(lost) == 2
    assert run.turn["status"] == "done"
    assert 0.4 < run.seconds < 1.5


def test_two_cells_stream_side_by_side(kernel):
    code = "await asyncio.gather(Chat('one').start(words(60)).ended(), Chat('two').start(words(90)).ended())"
    run = kernel.run(code)
    one, two = [view for view in kernel.front.models.values() if view.shown][-2:]
    assert (one.text, two.text) == (said(60), said(90))
    assert all("text/html" in output["data"] for output in run.chats)
    kernel.until(lambda: one.closed and two.closed)


def test_fifty_answers_leave_nothing_behind(kernel):
    kernel.run("await chat()")
    kernel.until(lambda: kernel.front.view.closed)
    kernel.run("import gc, weakref; gone = weakref.WeakSet()")
    before = kernel.value("registered()")
    kernel.run("for number in range(50): a = Chat().start(words(2), 2000); gone.add(a.view); await a.ended()")
    kernel.until(lambda: kernel.value("registered()") == before)
    kernel.run("del a")
    # The last timers of the I/O loop hold the last views for a moment.
    kernel.until(lambda: kernel.value("(gc.collect(), len(gone))[1]") == 0)


def test_a_page_without_a_notebook_gets_the_answer_as_an_update(kernel):
    kernel.replace = lambda _model, _bundle: 0
    run = kernel.run("await chat()")
    assert run.turn["status"] == "done"
    assert kernel.front.view.closed


def test_without_a_page_the_cell_does_not_wait(kernel):
    kernel.front.greets = kernel.front.settles = False
    kernel.run("import lmnb.widgets.view; lmnb.widgets.view.LINGER = 0.3")
    run = kernel.run("await chat()")
    assert run.seconds < 1
    assert run.turn["status"] == "done"
    assert not kernel.front.view.closed
    kernel.until(lambda: kernel.front.view.closed)
    kernel.run("lmnb.widgets.view.LINGER = 30.0")


def test_a_page_that_went_away_is_settled_when_it_comes_back(kernel):
    kernel.front.settles = False
    run = kernel.run("await chat()")
    view = kernel.front.view
    assert 1.8 < run.seconds < 3
    assert run.turn["status"] == "done"
    assert not view.closed
    kernel.front.settles = True
    settled = view.kinds().count("settle")
    kernel.front.say(view, kind="hello")
    kernel.until(lambda: view.closed)
    assert view.kinds().count("settle") == settled + 1


def test_an_interrupt_while_settling_keeps_the_answer(kernel):
    kernel.front.settles = False
    run = kernel.start("await chat()")
    kernel.until(
        lambda: any(
            view.shown and "settle" in view.kinds() and not view.closed for view in kernel.front.models.values()
        )
    )
    pressed = time.monotonic()
    kernel.interrupt()
    kernel.finish(run)
    assert time.monotonic() - pressed < 1
    assert run.status == "error"
    assert run.turn["status"] == "done"
    view = kernel.front.view
    kernel.front.say(view, kind="settled", count=1)
    kernel.until(lambda: view.closed)


@pytest.mark.parametrize("over", ["a subshell", "the main shell"])
def test_stop_is_heard_by_an_awaited_cell(kernel, over, monkeypatch):
    if over == "the main shell":
        monkeypatch.setattr(kernel.front, "subshell", None)
    run = kernel.start("await chat(2000, rate=100)")
    view = streaming(kernel, "w5 ")
    kernel.front.say(view, kind="stop")
    kernel.finish(run, timeout=5)
    assert run.turn["status"] == "stopped"
    assert view.status == "stopped"


def test_stop_is_heard_over_a_subshell_while_the_cell_blocks(kernel):
    if kernel.front.subshell is None:
        pytest.skip("this ipykernel has no subshells")
    run = kernel.start("Chat().start(words(2000), rate=100).wait()")
    view = streaming(kernel, "w5 ")
    kernel.front.say(view, kind="stop")
    kernel.finish(run, timeout=5)
    assert view.status == "stopped"
    assert run.turn["status"] == "stopped"
    kernel.until(lambda: view.closed)


def test_answers_side_by_side_are_one_output_and_stop_ends_the_one_that_runs(kernel):
    run = kernel.start("b = Beside().start(words(100), 100); await b.ended()")
    view = streaming(kernel, "w20 ")
    assert view.state["others"][0]["state"]["status"] in {"connecting", "queued"}
    kernel.front.say(view, kind="stop")
    kernel.finish(run)
    assert "w99" not in view.text
    others = [content["message"] for _, content in view.customs if content["kind"] == "other"]
    assert {content["at"] for _, content in view.customs if content["kind"] == "other"} == {1}
    assert "".join(message.get("text", "") for message in others if message["kind"] == "append").startswith(said(50))
    assert others[-1]["text"] == said(100)
    lmnb = run.chat["metadata"]["lmnb"]
    assert (lmnb["turn"]["status"], [turn["status"] for turn in lmnb["beside"]]) == ("stopped", ["done"])
    assert run.html.count("lmnb-saved") == 2


def test_a_view_in_the_background_settles_in_the_output_of_its_own_cell(kernel):
    asking = kernel.run("a = Chat(background=True).start(words(60), 100); in_the_background(a)")
    view = kernel.front.view
    assert view.state["background"] is True
    assert view.status != "done"
    other = kernel.run("print('mine'); await asyncio.sleep(1.2); print('still')")
    kernel.until(lambda: view.closed)
    assert asking.turn["status"] == "done"
    assert "w59" in asking.html
    assert other.printed == "mine\nstill\n"
    assert not other.chats


def test_a_view_in_the_background_is_stopped_while_another_cell_runs(kernel):
    asking = kernel.run("a = Chat(background=True).start(words(2000), 100); in_the_background(a)")
    other = kernel.start("time.sleep(1.5)")
    view = streaming(kernel, "w5 ")
    kernel.front.say(view, kind="stop")
    kernel.until(lambda: view.status == "stopped")
    assert not other.over, "the page heard it although the main shell was blocked"
    kernel.finish(other)
    kernel.until(lambda: view.closed)
    assert asking.turn["status"] == "stopped"
    assert other.status == "ok"


def test_a_view_in_the_background_that_nobody_hears_is_brought_to_its_own_cell(kernel):
    kernel.front.settles = False
    asking = kernel.run("a = Chat(background=True).start(words(20), 100); in_the_background(a)")
    view, other = kernel.front.view, kernel.run("pass")
    kernel.until(lambda: "text/html" in asking.chat["data"])
    assert not other.chats
    kernel.front.settles = True
    kernel.front.say(view, kind="hello")
    kernel.until(lambda: view.closed)


def test_nonsense_from_a_page_changes_nothing(kernel):
    run = kernel.start("await chat(60, rate=100)")
    view = streaming(kernel, "w5 ")
    for content in ({"kind": "dance"}, {"kind": "settled"}, {"kind": "settled", "count": "1"}, {}):
        kernel.front.say(view, **content)
    kernel.send(
        "comm_msg", {"comm_id": view.model_id, "data": {"method": "update", "state": {"text": "mine", "seq": 9}}}
    )
    kernel.finish(run)
    assert view.text == said(60)
    assert not run.errors


def test_the_core_is_opened_once_and_again_after_close_all(kernel):
    kernel.run("await chat()")
    cores = [view for view in kernel.front.models.values() if "_css" in view.state]
    kernel.run("await chat()")
    assert [view for view in kernel.front.models.values() if "_css" in view.state] == cores
    kernel.run("import ipywidgets; ipywidgets.Widget.close_all(); await chat()")
    *_, core = [view for view in kernel.front.models.values() if "_css" in view.state]
    assert core not in cores
    assert kernel.front.view.state["core"] == f"anywidget:{core.model_id}"


def test_an_answer_whose_view_somebody_closed_is_kept(kernel):
    run = kernel.run("a = Chat().start(words(50)); ipywidgets.Widget.close_all(); await a.ended()")
    assert run.turn["status"] == "done"


def test_the_core_hands_out_what_most_pages_never_need(kernel):
    kernel.run("await chat()")
    *_, core = [view for view in kernel.front.models.values() if "_css" in view.state]
    assert core.state["_esm"] == static("lmnb.js")
    kernel.front.say(core, kind="want", asset="../core.py")
    kernel.front.say(core, kind="want", asset="maths")
    kernel.until(lambda: core.customs)
    assert [content for _, content in core.customs] == [
        {"kind": "asset", "name": "maths", "source": static("maths.js")}
    ]


def test_a_kernel_that_shuts_down_settles_what_runs(kernel_with_page):
    kernel = kernel_with_page()
    kernel.start("await chat(2000, rate=50)")
    view = streaming(kernel, "w5 ")
    kernel.client.shutdown()
    kernel.until(lambda: "settle" in view.kinds())
    bundle = next(content["bundle"] for _, content in view.customs if content["kind"] == "settle")
    assert bundle["metadata"]["lmnb"]["turn"]["status"] == "kernelDied"
    assert "w5 " in bundle["data"]["text/plain"]


def test_a_kernel_that_hears_only_between_cells_loses_nothing(kernel_with_page, request):
    """ipykernel 6: the page's hello and settled are queued behind the cell."""
    kernel = kernel_with_page(older_ipykernel(Path(request.config.cache.mkdir("ipykernel"))))
    run = kernel.run("await chat(100, rate=200)")
    assert kernel.front.subshell is None
    assert run.seconds < 1.5
    assert run.turn["status"] == "done"
    view = kernel.front.view
    assert view.text == said(100)
    kernel.until(lambda: view.closed)
