"""What a view is told while fragments arrive, by a clock that a test can turn."""

from __future__ import annotations

import dataclasses
import heapq
import itertools
import json
import random

import pytest

from lmnb.chat.attached import Attached
from lmnb.chat.events import Connected, Finished, Fragment, Loading, ModelFacts, Noticed, Reading, Stats, Stopped
from lmnb.chat.painting import paint
from lmnb.chat.turns import Turn
from lmnb.widgets.stream import INTERVAL, SNAPSHOT_INTERVAL, Stream, matters

END = Finished(Stats("eosFound", 40.0, 0.1, 10, 100), ModelFacts("scripted", "scripted"))
WORDS = ["The ", "sales", " fell", "\n\n", " the", " the", "👩‍🔬", "é", "🙂", "`", "x = 1", ""]


class Timer:
    def __init__(self):
        self.cancelled = False

    def cancel(self):
        self.cancelled = True


class Loop:
    """An event loop whose time passes when a test says so."""

    def __init__(self):
        self.seconds, self.due, self.order = 1000.0, [], itertools.count()

    def time(self):
        return self.seconds

    def call_later(self, delay, callback):
        heapq.heappush(self.due, (self.seconds + delay, next(self.order), callback))
        return Timer()

    def call_soon(self, callback):
        return self.call_later(0.0, callback)

    def pass_time(self, seconds):
        end = self.seconds + seconds
        while self.due and self.due[0][0] <= end:
            self.seconds, _, callback = heapq.heappop(self.due)
            callback()
        self.seconds = end


class Page:
    """A front end that follows the messages by the rules of the wire."""

    def __init__(self, now):
        self.__dict__.update(now)
        self.asks = 0

    def hear(self, message):
        if message["kind"] == "snapshot":
            if message["seq"] >= self.seq:
                self.seq, self.text, self.reasoning = message["seq"], message["text"], message["reasoning"]
                self.state = message["state"]
        elif message["kind"] == "append" and message["seq"] == self.seq + 1:
            self.seq += 1
            self.text += message.get("text", "")
            self.reasoning += message.get("reasoning", "")
            self.state = message.get("state", self.state)
        elif message["kind"] == "append":
            self.asks += 1


class Telling:
    """A turn, its stream, and the messages with their times."""

    def __init__(self, loses=lambda _message: False):
        self.loop, self.turn, self.sent = Loop(), Turn("Hello"), []
        self.loses = loses
        self.stream = Stream(self.turn, self.loop, self.send)
        self.page = Page(self.stream.now())

    def send(self, message):
        self.sent.append((self.loop.time(), message))
        if not self.loses(message):
            self.page.hear(message)

    def happen(self, *events):
        for event in events:
            self.turn.apply(event)
            self.stream.feed(event)

    def write(self, fragments, rate):
        for fragment in fragments:
            self.happen(fragment)
            self.loop.pass_time(1 / rate if rate else 0)

    @property
    def messages(self):
        return [message for _, message in self.sent]

    def most_in(self, seconds):
        times = [time for time, _ in self.sent]
        return max(sum(start <= time <= start + seconds for time in times) for start in times)


def fragments(count, seed=1):
    chance = random.Random(seed)
    kinds = ["reasoning"] * (count // 4) + ["text"] * (count - count // 4)
    return [Fragment(chance.choice(WORDS), kind) for kind in kinds]


@pytest.fixture
def telling():
    return Telling()


@pytest.mark.parametrize("rate", [50, 500, 2000, None])
def test_every_fragment_arrives_at_every_rate(telling, rate):
    said = fragments(1000)
    telling.write(said, rate)
    telling.happen(END)
    assert telling.page.text == "".join(f.content for f in said if f.kind == "text") == telling.turn.text
    assert telling.page.reasoning == telling.turn.reasoning
    assert telling.page.state["status"] == "done"
    assert telling.page.asks == 0


@pytest.mark.parametrize("rate", [50, 500, 2000, None])
def test_no_two_seconds_hold_more_than_62_messages(telling, rate):
    for number, fragment in enumerate(fragments(3000)):
        telling.happen(fragment)
        if number % 7 == 0:
            telling.happen(Noticed(f"notice {number}"))
        if number % 11 == 0:
            telling.stream.resync()
        telling.loop.pass_time(1 / rate if rate else 0)
    telling.happen(END)
    telling.send({"kind": "settle"})
    assert telling.most_in(2.0) <= 62


def test_the_first_fragment_leaves_at_once_and_the_next_ones_together(telling):
    telling.happen(Fragment("a"))
    telling.loop.pass_time(0)
    assert [m["text"] for m in telling.messages] == ["a"]
    telling.happen(Fragment("b"), Fragment("c"))
    telling.loop.pass_time(INTERVAL - 0.001)
    assert len(telling.messages) == 1
    telling.loop.pass_time(0.002)
    assert telling.messages[1]["text"] == "bc"


def test_the_last_event_sends_what_is_left_at_once(telling):
    telling.write([Fragment("a")], 500)
    telling.happen(Fragment("b"), END)
    assert telling.messages[-1]["kind"] == "snapshot"
    assert telling.messages[-1]["text"] == "ab"
    assert telling.messages[-1]["state"]["status"] == "done"
    before = len(telling.messages)
    telling.stream.finish()
    telling.loop.pass_time(10)
    assert len(telling.messages) == before


def test_feeding_a_fragment_sends_nothing_itself(telling):
    telling.happen(*fragments(100))
    assert telling.messages == []


def test_equal_fragments_are_all_kept(telling):
    telling.write([Fragment("\n\n")] * 50, 20)
    assert telling.page.text == "\n\n" * 50


def test_a_quiet_stream_says_nothing(telling):
    telling.write([Fragment("a")], 500)
    telling.loop.pass_time(5)
    said = len(telling.messages)
    telling.loop.pass_time(60)
    assert len(telling.messages) == said


def test_snapshots_come_when_the_text_has_grown_enough_and_not_more_often_than_every_2_s(telling):
    telling.write([Fragment("word ")] * 60 * 100, 100)
    snapshots = [(time, m) for time, m in telling.sent if m["kind"] == "snapshot"]
    assert len(snapshots) > 3
    for (earlier, one), (later, other) in itertools.pairwise(snapshots):
        assert later - earlier >= SNAPSHOT_INTERVAL
        assert len(other["text"]) > 2.5 * len(one["text"])
    assert sum(len(m["text"]) for _, m in snapshots) <= 3 * len(telling.turn.text)


def test_a_snapshot_takes_the_place_of_the_message_of_its_tick(telling):
    telling.write([Fragment("a"), Fragment("b")], 500)
    telling.stream.resync()
    telling.loop.pass_time(INTERVAL)
    assert [m["kind"] for m in telling.messages] == ["append", "snapshot"]
    assert telling.page.text == "ab"
    telling.write([Fragment("c")], 500)
    telling.loop.pass_time(INTERVAL)
    assert telling.page.text == "abc"
    assert telling.page.asks == 0


def test_many_requests_get_one_snapshot(telling):
    telling.write([Fragment("a")], 1)
    for _ in range(100):
        telling.stream.resync()
    telling.loop.pass_time(1)
    assert [m["kind"] for m in telling.messages] == ["append", "snapshot"]


@pytest.mark.parametrize("seed", range(5))
def test_a_view_that_misses_messages_is_repaired(seed):
    chance = random.Random(seed)
    telling = Telling(loses=lambda message: message.get("state", {}).get("status") != "done" and chance.random() < 0.3)
    for fragment in fragments(500, seed):
        telling.happen(fragment)
        telling.loop.pass_time(0.01)
        if telling.page.asks:
            telling.page.asks = 0
            telling.stream.resync()
    telling.happen(END)
    assert telling.page.text == telling.turn.text
    assert telling.page.reasoning == telling.turn.reasoning


def test_the_state_of_a_model_is_never_ahead_of_its_number(telling):
    """A page that is opened now takes `now()` and goes on with the messages that follow."""
    for number, fragment in enumerate(fragments(200)):
        telling.happen(fragment)
        telling.loop.pass_time(0.01)
        if number == 77:
            second, told = Page(telling.stream.now()), len(telling.messages)
    for message in telling.messages[told:]:
        second.hear(message)
    telling.loop.pass_time(1)
    second.hear(telling.messages[-1])
    assert (second.text, second.asks) == (telling.page.text, 0)


def test_what_was_applied_and_not_yet_fed_is_not_told_twice(telling):
    telling.write([Fragment("a")], 500)
    telling.turn.apply(Fragment("b"))
    assert telling.stream.now()["text"] == "a"
    telling.stream.feed(Fragment("b"))
    telling.loop.pass_time(1)
    assert telling.page.text == telling.stream.now()["text"] == "ab"


def test_stages_are_told_at_once_and_progress_in_steps_of_one_percent(telling):
    telling.happen(Connected("localhost:1234"))
    telling.loop.pass_time(1)
    for step in range(1001):
        telling.happen(Loading("qwen3-4b", step / 1000))
        telling.loop.pass_time(0.1)
    progress = [m["state"]["progress"] for m in telling.messages if m["state"]["status"] == "loading"]
    assert progress == pytest.approx([step / 100 for step in range(101)])
    telling.happen(Reading("qwen3-4b", 0.0))
    telling.loop.pass_time(INTERVAL)
    assert telling.page.state["status"] == "reading"


def test_numbers_are_told_at_most_twice_a_second(telling):
    telling.write([Fragment("a ")] * 1000, 100)
    told = [time for time, m in telling.sent if "state" in m]
    assert len(told) <= 22
    assert telling.page.state["tokens"] > 900


def test_what_makes_a_state_worth_telling():
    state = paint(Turn("Hello"))
    assert not matters(state, {**state, "elapsed": 99.0}, quiet=99)
    assert not matters(state, {**state, "tokens": 5}, quiet=0.4)
    assert matters(state, {**state, "tokens": 5}, quiet=0.5)
    for key, value in {"who": "qwen", "host": "a:1", "notices": ["x"], "facts": ["1 token"], "progress": 0.0}.items():
        assert matters(state, {**state, key: value}, quiet=0), key
    assert matters({**state, "progress": 0.28}, {**state, "progress": 0.29}, quiet=0)
    assert not matters({**state, "progress": 0.28}, {**state, "progress": 0.284}, quiet=0)
    assert matters({**state, "progress": 0.995}, {**state, "progress": 1.0}, quiet=0)


def test_a_stopped_turn_is_told_at_once(telling):
    telling.write([Fragment("half an")], 500)
    telling.happen(Stopped("person"))
    assert telling.page.state["status"] == "stopped"
    assert telling.page.text == "half an"


def test_what_is_empty_goes_without_saying_but_not_a_progress_of_0(telling):
    telling.happen(Loading("qwen3-4b", 0.0))
    telling.loop.pass_time(1)
    state = telling.messages[-1]["state"]
    assert state == {"status": "loading", "who": "qwen3-4b", "progress": 0.0}


CARD = Attached("sales", "card", "sales: 5,214 rows" * 100)


def test_what_went_along_is_in_the_traits_and_in_no_message(telling):
    telling.turn.attached = (CARD,)
    stream = Stream(telling.turn, telling.loop, (sent := []).append)
    for event in [*fragments(200), END]:
        telling.turn.apply(event)
        stream.feed(event)
        telling.loop.pass_time(0.1)
    stream.resync()
    telling.loop.pass_time(1)
    assert stream.now()["attached"] == [{"name": "sales", "text": CARD.text}]
    assert "snapshot" in {message["kind"] for message in sent}
    assert not any("attached" in message for message in sent)


def test_counts_that_come_later_are_told_with_the_state_and_other_texts_with_a_snapshot(telling):
    telling.turn.attached = (CARD,)
    stream = Stream(telling.turn, telling.loop, (sent := []).append)

    def told(*attached):
        telling.turn.attached = attached
        telling.turn.apply(event := Loading("m", 0.5))
        stream.feed(event)
        telling.loop.pass_time(0.2)
        return sent[-1]

    counted = told(dataclasses.replace(CARD, tokens=212))
    assert (counted["kind"], counted["state"]["counts"]) == ("append", [212])
    other = told(dataclasses.replace(CARD, text="shorter"))
    assert (other["kind"], other["attached"][0]["text"]) == ("snapshot", "shorter")
    assert len(json.dumps(counted)) < 300
