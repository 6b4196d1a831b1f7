"""The kernel's side of `bench.stream`: one source of fragments, and the ways to bring them to the page."""

from __future__ import annotations

import asyncio
import gc
import json
import threading
import time

import anywidget
import traitlets
from IPython import get_ipython
from IPython.display import Markdown, display, update_display

from bench._texts import fragments
from lmnb.chat import transcript
from lmnb.chat.events import Connected, Finished, Fragment, ModelFacts, Reading, Stats
from lmnb.chat.turns import Turn
from lmnb.widgets import CellView

INTERVAL = 0.033
GRACE = 0.2
"""Seconds after the last fragment in which the kernel's other threads finish what they were given."""


class Idle:
    """The source alone."""

    def __init__(self, loop):
        self.loop = loop
        self.pieces = []

    def open(self):
        """Show something to write into. Main thread."""

    def feed(self, piece):
        """Take a fragment. On the source's thread."""
        self.pieces.append(piece)

    def end(self):
        """The last fragment was fed. On the source's thread."""

    async def close(self):
        """Give back what was taken. Main thread."""


class TextNode(anywidget.AnyWidget):
    """As little as a widget can be: what arrives is added to one text node."""

    _esm = """export default { render({ model, el }) {
      el.style.whiteSpace = "pre-wrap";
      const text = document.createTextNode("");
      el.append(text);
      model.on("msg:custom", ({ append }) => text.appendData(append));
    } };"""


class Floor(Idle):
    """The physical floor: flushes every 33 ms, the first and the last at once, without anything around them."""

    def open(self):
        self.timer, self.sent_at = None, float("-inf")
        self.widget = TextNode()
        display(self.widget)

    def feed(self, piece):
        self.pieces.append(piece)
        if self.timer is None:
            self.timer = self.loop.call_later(max(0, self.sent_at + INTERVAL - self.loop.time()), self.flush)

    def flush(self):
        self.timer, self.sent_at = None, self.loop.time()
        if self.pieces:
            text = "".join(self.pieces)
            self.pieces.clear()
            self.widget.send({"append": text})

    def end(self):
        if self.timer is not None:
            self.timer.cancel()
        self.flush()

    async def close(self):
        self.widget.close()


class Ours(Idle):
    """The live view of a `%%chat` cell, fed with events as its prediction does."""

    def open(self):
        self.turn = Turn("How did sales go?")
        self.view = CellView(self.turn, loop=self.loop, on_stop=lambda: None, show=self.show, update=self.update)
        self.view.open()
        for event in (Connected("127.0.0.1:1234"), Reading("scripted", 1.0)):
            self.turn.apply(event)
            self.loop.call_soon_threadsafe(self.view.event, event)

    def show(self, data, metadata):
        display(data, metadata=metadata, raw=True, display_id="lmnb-bench")

    def update(self, data, metadata):
        update_display(data, metadata=metadata, raw=True, display_id="lmnb-bench")

    def feed(self, piece):
        event = Fragment(piece)
        self.turn.apply(event)
        self.view.event(event)

    def end(self):
        count = self.turn.tokens
        stats = Stats("eosFound", count / 4, 0.1, 20, count, count + 20)
        event = Finished(stats, ModelFacts("scripted", "scripted"))
        self.turn.apply(event)
        self.view.event(event)

    async def close(self):
        await self.view.settle(transcript.bundle(self.turn))


class Print(Idle):
    """`print` with a flush for each fragment."""

    def feed(self, piece):
        print(piece, end="", flush=True)


class Update(Idle):
    """`display(Markdown(…))`, updated with the whole text for each fragment."""

    def open(self):
        self.text = ""
        self.handle = display(Markdown(""), display_id=True)

    def feed(self, piece):
        self.text += piece
        self.handle.update(Markdown(self.text))


class Content(anywidget.AnyWidget):
    """The whole text as a synced trait, shown in one text node."""

    content = traitlets.Unicode().tag(sync=True)
    _esm = """export default { render({ model, el }) {
      el.style.whiteSpace = "pre-wrap";
      const text = document.createTextNode(model.get("content"));
      el.append(text);
      model.on("change:content", () => { text.data = model.get("content"); });
    } };"""


class Trait(Idle):
    """A trait that holds the whole text, set for each fragment."""

    def open(self):
        self.widget = Content()
        display(self.widget)

    def feed(self, piece):
        self.widget.content += piece

    async def close(self):
        self.widget.close()


DESIGNS = {"idle": Idle, "floor": Floor, "ours": Ours, "print": Print, "update": Update, "trait": Trait}

_loop = asyncio.new_event_loop()
threading.Thread(target=_loop.run_forever, daemon=True).start()
_last: list[Idle] = []
_result: dict[str, float] = {}


async def pour(pieces, rate, design):
    """Feed fragments at a rate; when the last one was handed over, and the seconds that a handing over took."""
    began, spent = time.perf_counter(), 0.0
    for number, piece in enumerate(pieces):
        # As on a socket: what has come since the last look is there at once.
        if (ahead := began + number / rate - time.perf_counter()) > 0:
            await asyncio.sleep(ahead)
        start = time.perf_counter()
        design.feed(piece)
        spent += time.perf_counter() - start
    last = time.time()
    design.end()
    return last, spent / len(pieces)


async def run(name, kind, count, rate):
    """One measurement: the body of a cell."""
    pieces = fragments(kind, count)
    design = DESIGNS[name](_loop)
    _last[:] = [design]
    _result.clear()
    design.open()
    await asyncio.sleep(0.3)  # the page mounts what was shown
    gc.collect()
    cpu = time.process_time()
    # The source's thread works in the context of this cell, so that what is printed there appears here.
    pouring = asyncio.run_coroutine_threadsafe(pour(pieces, rate, design), _loop)
    last, append = await asyncio.wrap_future(pouring)
    await asyncio.sleep(GRACE)
    _result.update(last=last, cpu=time.process_time() - cpu, append=append * 1e6)


def mark():
    """Begin to measure a cell that is not `run`."""
    gc.collect()
    _result.clear()
    _result["cpu"] = time.process_time()


def result(chat=False):
    """Print what the last run has measured, or what a `%%chat` cell did since `mark`."""
    if chat:
        cpu = time.process_time() - _result["cpu"]
        _result.update(last=get_ipython().user_ns["_"].turn.ended, cpu=cpu)
    print(json.dumps(_result))


async def close():
    """Let the last design tidy up; ours puts its saved form in place."""
    began = time.perf_counter()
    await _last[0].close()
    print(time.perf_counter() - began)


_flood = {"characters": 0}


def flood(seconds, rate=2_000_000):
    """Print so many characters a second from a thread of its own, for so long."""
    line = "x" * 99 + "\n"

    def work():
        began = time.perf_counter()
        while (passed := time.perf_counter() - began) < seconds:
            while _flood["characters"] < passed * rate:
                print(line * 20, end="")
                _flood["characters"] += 20 * len(line)
            time.sleep(0.005)

    _flood["characters"] = 0
    threading.Thread(target=work, daemon=True).start()
