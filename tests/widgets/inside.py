"""What the tests of this folder run inside their kernel: chats with a model that is a list of fragments."""

from __future__ import annotations

import asyncio
import threading
import time
import uuid

from IPython.display import display, update_display
from ipywidgets.widgets.widget import _instances

from lmnb.chat import transcript
from lmnb.chat.events import Finished, Fragment, ModelFacts, Queued, Stats, Stopped
from lmnb.chat.turns import Turn
from lmnb.widgets import CellView, SideBySide

END = Finished(Stats("eosFound"), ModelFacts("scripted", "scripted"))

io = asyncio.new_event_loop()
threading.Thread(target=io.run_forever, daemon=True).start()


class Chat:
    """A turn whose fragments are known, with its view, in the cell that makes it."""

    def __init__(self, prompt="Hello", cell=None, *, background=False, **fields):
        self.turn, self.stopped = Turn(prompt, cell=cell, **fields), threading.Event()
        self.view = self.make(background=background, on_stop=self.stopped.set)
        self.view.open()

    def make(self, **doors):
        self.display_id = uuid.uuid4().hex
        return CellView(self.turn, loop=io, show=self.show, update=self.update, **doors)

    def show(self, data, metadata):
        display(data, metadata=metadata, raw=True, display_id=self.display_id)

    def update(self, data, metadata):
        update_display(data, metadata=metadata, raw=True, display_id=self.display_id)

    def happen(self, event):
        self.turn.apply(event)
        self.view.event(event)

    async def write(self, fragments, rate):
        for fragment in fragments:
            if self.stopped.is_set():
                return self.happen(Stopped("person"))
            self.happen(fragment)
            await asyncio.sleep(1 / rate)
        return self.happen(self.end)

    end = END

    def start(self, fragments, rate=200):
        self.running = asyncio.run_coroutine_threadsafe(self.write(fragments, rate), io)
        return self

    async def ended(self):
        future = asyncio.wrap_future(self.running)
        while not future.done():
            await asyncio.wait({future}, timeout=0.05)
        await self.view.settle(self.bundle())

    def bundle(self):
        return transcript.bundle(self.turn)

    def wait(self):
        while not self.running.done():
            time.sleep(0.05)
        self.view.settle_now(self.bundle())


class Beside(Chat):
    """Answers of two models, one after the other, side by side."""

    def make(self, **doors):
        self.turns = [self.turn, Turn(self.turn.prompt, asked="second")]
        self.display_id = uuid.uuid4().hex
        return SideBySide(self.turns, loop=io, show=self.show, update=self.update, **doors)

    def happen(self, event):
        self.turn.apply(event)
        self.view.event(self.turn, event)

    async def write(self, fragments, rate):
        first, second = self.turns
        second.apply(Queued())
        self.view.event(second, Queued())
        for self.turn in (first, second):
            self.stopped.clear()
            await super().write(fragments, rate)

    def bundle(self):
        return transcript.beside(self.turns)


def in_the_background(chat):
    """The cell ends at once; the view settles itself when the answer has ended."""
    tasks.add(task := asyncio.get_running_loop().create_task(chat.ended()))
    task.add_done_callback(tasks.discard)


tasks = set()


def words(count):
    return [Fragment(f"w{number} ") for number in range(count)]


async def chat(count=3, rate=200, prompt="Hello", cell=None):
    await Chat(prompt, cell).start(words(count), rate).ended()


def registered():
    """How many widgets the kernel holds."""
    return len(_instances)
