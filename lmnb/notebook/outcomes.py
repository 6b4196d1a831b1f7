"""How a `%%chat` cell ends when it does not end well: one line below the answer, and Run All stops."""

from __future__ import annotations

from typing import TYPE_CHECKING

from lmnb.chat.problems import ChatError

if TYPE_CHECKING:
    from lmnb.chat.reply import Reply


class ChatInterrupted(KeyboardInterrupt):
    """The kernel was interrupted while the model answered. `.reply` has what there was."""

    def __init__(self, reply: Reply) -> None:
        kept = "What was written is kept above." if reply.text or reply.reasoning else "Nothing was written yet."
        super().__init__(f"The answer was interrupted. {kept}")
        self.reply = reply

    def _render_traceback_(self) -> list[str]:
        return [str(self)]


class ChatFailed(ChatError):  # noqa: N818 - reads as what happened
    """The turn failed; the view above says why. One line instead of a traceback."""

    def _render_traceback_(self) -> list[str]:
        return [f"No answer: {self.problem.title}" if not (self.reply and self.reply.text) else self.problem.title]


class NotAsked(ChatError):  # noqa: N818 - reads as what happened
    """Nothing was sent; the sentences that say why stand in the place of a traceback."""

    def _render_traceback_(self) -> list[str]:
        return str(self).splitlines()


class NotDone(Exception):  # noqa: N818 - reads as what happened
    """A verb that could not do what it was told; one sentence in the place of a traceback."""

    def _render_traceback_(self) -> list[str]:
        return str(self).splitlines()
