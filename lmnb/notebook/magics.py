"""The magics: `%%chat`, `%%lm`, `%chat` and `%lm`."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Any

from IPython.core.error import UsageError
from IPython.core.magic import Magics, magics_class, no_var_expand

from lmnb.chat.reply import Reply
from lmnb.notebook import verbs
from lmnb.notebook.asking import Ask, note_dropped
from lmnb.notebook.options import parse, usage
from lmnb.notebook.outcomes import ChatInterrupted

if TYPE_CHECKING:
    from collections.abc import Callable

    from lmnb.answer import Answer
    from lmnb.conversation import Conversation
    from lmnb.notebook.asking import Step
    from lmnb.notebook.desk import Desk
    from lmnb.notebook.options import Options

INTERRUPT_DRAIN = 0.1
"""Seconds an interrupted prediction may take for its last words: the error line is there within 200 ms."""


@magics_class
class ChatMagics(Magics):
    """The notebook's conversations, cell by cell.

    Args:
        desk: What the magics of one shell work with.
    """

    def __init__(self, desk: Desk) -> None:
        super().__init__(desk.shell)
        self.desk = desk

    @property
    def conversation(self) -> Conversation:
        """The conversation that a cell without options speaks in."""
        return self.desk.talks.get()

    def chat(self, line: str, cell: str = "") -> Any:
        """Ask, and block until the answer has ended: for cells that are run by other cells, and for the terminal."""
        return self._block(self._read(line, cell))

    async def respond(self, line: str, cell: str = "") -> Any:
        """Ask, and await the answer: what a `%%chat` cell is rewritten to in a kernel."""
        return await self._await(self._read(line, cell))

    def line(self, line: str) -> Any:
        """`%chat …`: a verb, or a question on one line. Blocks."""
        found = self._verb(line)
        return self._block(found) if isinstance(found, Ask) else found

    async def respond_line(self, line: str) -> Any:
        """`%chat …`, awaited: what a cell that is only that line is rewritten to in a kernel."""
        found = self._verb(line)
        return await self._await(found) if isinstance(found, Ask) else found

    def _read(self, line: str, cell: str) -> Ask | None:
        options = parse(line)
        if options.help:
            print(usage())
            return None
        prompt = _prompt(options, cell)
        if not prompt and options.new:
            begun = self.desk.talks.begin(options.talk)
            print(f"A new conversation begins: {begun.name}.")
            return None
        if not prompt and options.last:
            return self.desk.go_on(options)
        if not prompt:
            raise UsageError("%%chat: there is no prompt. Write it in the lines below %%chat, or after it on the line.")
        return self.desk.compose(options, prompt)

    def _verb(self, line: str) -> Any:
        """What a line means: the value of a verb, or what is to be asked."""
        found = verbs.find(line)
        return self._read(line, "") if found is None else found.verb.run(self.desk, found.args)

    def _block(self, ask: Ask | None) -> Any:
        if ask is None:
            return None
        steps = self.desk.asker.steps(ask)
        try:
            while True:
                self._wait(next(steps))
        except StopIteration as end:
            return end.value

    def _wait(self, step: Step) -> None:
        step.surface.open()
        for answer in step.answers:
            try:
                answer.wait(tick=step.surface.tick)
            except KeyboardInterrupt:
                raise self._interrupted(step, answer) from None
        note_dropped(step.answers)
        step.surface.close_now()

    async def _await(self, ask: Ask | None) -> Any:
        if ask is None:
            return None
        steps = self.desk.asker.steps(ask)
        try:
            while True:
                await self._finish(next(steps))
        except StopIteration as end:
            return end.value

    async def _finish(self, step: Step) -> None:
        step.surface.open()
        for answer in step.answers:
            try:
                await answer.ended(drain=INTERRUPT_DRAIN)
            except asyncio.CancelledError:
                raise self._interrupted(step, answer) from None
        note_dropped(step.answers)
        try:
            await step.surface.close()
        except asyncio.CancelledError:
            raise ChatInterrupted(Reply(step.answers[0].turn)) from None

    def _interrupted(self, step: Step, answer: Answer) -> ChatInterrupted:
        step.surface.close_now()
        return ChatInterrupted(Reply(answer.turn))


def _prompt(options: Options, cell: str) -> str:
    """The body; where there is none, what follows the options on the line; where both are there, both."""
    return "\n\n".join(part for part in (options.rest, cell.strip("\n")) if part.strip())


def document(function: Callable[..., Any], name: str, text: str) -> Any:
    """Give a magic its name and the text that `%%chat?` shows."""

    def magic(*args: Any) -> Any:
        return function(*args)

    magic.__name__ = name
    magic.__doc__ = text
    return no_var_expand(magic)
