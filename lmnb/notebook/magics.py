"""The magics: `%%chat`, `%%lm` and `%lm`."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Any

from IPython.core.error import UsageError
from IPython.core.magic import Magics, magics_class, no_var_expand

from lmnb.chat.reply import Reply
from lmnb.notebook import cells, surfaces
from lmnb.notebook.options import Options, parse, usage
from lmnb.notebook.outcomes import ChatFailed, ChatInterrupted

if TYPE_CHECKING:
    from collections.abc import Callable

    from IPython.core.interactiveshell import InteractiveShell

    from lmnb.answer import Answer
    from lmnb.chat.problems import Problem
    from lmnb.conversation import Conversation

INTERRUPT_DRAIN = 0.1
"""Seconds an interrupted prediction may take for its last words: the error line is there within 200 ms."""


@magics_class
class ChatMagics(Magics):
    """The notebook's conversation, cell by cell.

    Args:
        shell: The shell that runs the cells.
        conversation: Makes the conversation when the first cell asks, so that loading the extension stays quick.
    """

    def __init__(self, shell: InteractiveShell, conversation: Callable[[], Conversation]) -> None:
        super().__init__(shell)
        self._shell = shell
        self._make = conversation
        self._conversation: Conversation | None = None
        self._host: str | None = None

    @property
    def conversation(self) -> Conversation:
        """The conversation of this notebook."""
        if self._conversation is None:
            self._conversation = self._make()
        return self._conversation

    def chat(self, line: str, cell: str = "") -> Reply | None:
        """Ask, and block until the answer has ended: for cells that are run by other cells, and for the terminal."""
        answer = self._ask(line, cell)
        if answer is None:
            return None
        surface = surfaces.choose(self._shell, answer)
        surface.open()
        try:
            answer.wait(tick=surface.tick)
        except KeyboardInterrupt:
            surface.close_now()
            raise ChatInterrupted(Reply(answer.turn)) from None
        surface.close_now()
        return self._value(answer)

    async def respond(self, line: str, cell: str) -> Reply | None:
        """Ask, and await the answer: what a `%%chat` cell is rewritten to in a kernel."""
        answer = self._ask(line, cell)
        if answer is None:
            return None
        surface = surfaces.choose(self._shell, answer)
        surface.open()
        try:
            await answer.ended(drain=INTERRUPT_DRAIN)
        except asyncio.CancelledError:
            surface.close_now()
            raise ChatInterrupted(Reply(answer.turn)) from None
        try:
            await surface.close()
        except asyncio.CancelledError:
            raise ChatInterrupted(Reply(answer.turn)) from None
        return self._value(answer)

    def _ask(self, line: str, cell: str) -> Answer | None:
        options = parse(line)
        if options.help:
            print(usage())  # noqa: T201 - the person asked for it
            return None
        prompt = _prompt(options, cell)
        if options.new:
            self._conversation, self._host = None, None
        conversation = self.conversation
        if options.host is not None:
            conversation.host = options.host
        return conversation.respond_stream(
            prompt,
            model=options.model,
            system=options.system,
            config=options.config,
            cell=cells.cell_id(self._shell),
        )

    def _value(self, answer: Answer) -> Reply | None:
        reply = Reply(answer.turn)
        self._settle_host(answer.turn.problem)
        if answer.turn.problem is not None:
            raise ChatFailed(answer.turn.problem, reply)
        if not cells.in_kernel(self._shell):
            # The answer stands above already. As the cell's value it would get an empty `Out[n]:` below it.
            self._shell.displayhook.update_user_ns(reply)  # type: ignore[no-untyped-call]
            return None
        reply.shown = True
        return reply

    def _settle_host(self, problem: Problem | None) -> None:
        """Hold on to a host that answered; one that did not is not asked again by cells that do not name it."""
        if problem is not None and problem.kind == "noServer":
            self.conversation.host = self._host
        else:
            self._host = self.conversation.host


def _prompt(options: Options, cell: str) -> str:
    """The body; where there is none, what follows the options on the line; where both are there, both."""
    prompt = "\n\n".join(part for part in (options.rest, cell.strip("\n")) if part.strip())
    if not prompt:
        raise UsageError("%%chat: there is no prompt. Write it in the lines below %%chat, or after it on the line.")
    return prompt


def document(function: Any, name: str) -> Any:
    """Give a magic the text that `%%chat?` shows."""

    def magic(line: str, cell: str = "") -> Any:
        return function(line, cell)

    magic.__name__ = name
    magic.__doc__ = "Ask a local model; the cell is the prompt, its output is the answer.\n\n" + usage()
    return no_var_expand(magic)
