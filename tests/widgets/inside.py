"""What the tests of this folder run inside their kernel: chats with a model that is a list of fragments."""

from __future__ import annotations

import asyncio
import threading
import time
import uuid

from IPython.display import display, update_display
from ipywidgets.widgets.widget import _instances

from lmnb.chat import transcript
from lmnb.chat.events import Finished, Fragment, ModelFacts, Stats, Stopped
from lmnb.chat.turns import Turn
from lmnb.widgets import CellView

END = Finished(Stats("eosFound"), ModelFacts("scripted", "scripted"))

io = asyncio.new_event_loop()
threading.Thread(target=io.run_forever, daemon=True).start()


class Chat:
    """A turn whose fragments are known, with its view, in the cell that makes it."""

    def __init__(self, prompt="Hello", cell=None):
        self.turn, self.stopped, self.display_id = Turn(prompt, cell=cell), threading.Event(), uuid.uuid4().hex
        self.view = CellView(self.turn, loop=io, on_stop=self.stopped.set, show=self.show, update=self.update)
        self.view.open()

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
        return self.happen(END)

    def start(self, fragments, rate=200):
        self.running = asyncio.run_coroutine_threadsafe(self.write(fragments, rate), io)
        return self

    async def ended(self):
        future = asyncio.wrap_future(self.running)
        while not future.done():
            await asyncio.wait({future}, timeout=0.05)
        await self.view.settle(transcript.bundle(self.turn))

    def wait(self):
        while not self.running.done():
            time.sleep(0.05)
        self.view.settle_now(transcript.bundle(self.turn))


def words(count):
    return [Fragment(f"w{number} ") for number in range(count)]


async def chat(count=3, rate=200, prompt="Hello", cell=None):
    await Chat(prompt, cell).start(words(count), rate).ended()


def registered():
    """How many widgets the kernel holds."""
    return len(_instances)
