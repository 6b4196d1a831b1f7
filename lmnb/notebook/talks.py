"""The conversations of one notebook, by name, and which one a cell speaks in."""

from __future__ import annotations

from typing import TYPE_CHECKING

from IPython.core.error import UsageError

from lmnb.chat.lines import short

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from lmnb.chat.problems import Problem
    from lmnb.chat.tree import Resumed
    from lmnb.chat.turns import Turn
    from lmnb.conversation import Conversation

MAIN = "main"
"""What the conversation is called that nobody has named."""


class Talks:
    """Conversations by name.

    Args:
        make: Makes an empty conversation of that name.
    """

    def __init__(self, make: Callable[[str], Conversation]) -> None:
        self._make = make
        self._by_name: dict[str, Conversation] = {}
        self._begun: dict[str, str] = {}
        self._hosts: dict[str | None, str | None] = {}
        self.current = MAIN
        self.last: str | None = None

    def __iter__(self) -> Iterator[Conversation]:
        """All of them, in the order in which they were begun."""
        return iter(self._by_name.values())

    def names(self) -> list[str]:
        """Their names, in the order in which they were begun."""
        return list(self._by_name)

    def get(self, name: str | None = None) -> Conversation:
        """The conversation of that name, which is begun if there is none yet; without a name, the current one.

        A new one speaks to the model and the host that the current one speaks to.
        """
        name = name or self.current
        if name not in self._by_name:
            new, before = self._make(name), self._by_name.get(self.current)
            if before is not None:
                new.model, new.host = before.latest_model, before.host
                self._hosts[name] = self._hosts.get(before.name)
            self._by_name[name] = new
        return self._by_name[name]

    def known(self, name: str | None) -> Conversation:
        """The conversation of that name, or the current one.

        Raises:
            UsageError: If there is none of that name, with those that are there.
        """
        if name is None or name in self._by_name:
            return self.get(name)
        there = ", ".join(self._by_name) or "none yet"
        raise UsageError(f"There is no conversation called {name!r}; there is {there}.")

    def begin(self, name: str | None = None, *, cell: str | None = None) -> Conversation:
        """Begin a conversation, which is the current one from here on.

        The model and the host stay as they were chosen; the system prompt and the turns do not.

        Args:
            name: What it is called; None: a number. Where there is one of that name, it begins anew, and what was said
                in it stays as a branch.
            cell: The cell that begins it. Run again, the cell begins the same conversation again, and not another one.
        """
        known = self._begun.get(cell or "")
        if name is None and known in self._by_name:
            name = known
        name = name or self._free()
        if name in self._by_name and known != name:
            self._by_name[name].restart()
        before, new = self._by_name.get(self.current), self.get(name)
        if before is not None and before is not new:
            new.model, new.host = before.latest_model, before.host
            self._hosts[name] = self._hosts.get(before.name)
        if cell is not None:
            self._begun[cell] = name
        self.current = name
        return new

    def speak(self, conversation: Conversation, cell: str | None, run: str | None) -> tuple[Turn, ...]:
        """A cell is about to ask here: what it asked elsewhere in an earlier run is taken out there.

        Returns:
            In short, what was taken out: the cell's new output has to remember it.
        """
        self.last = conversation.name
        return self.withdraw(cell, run, but=conversation)

    def withdraw(self, cell: str | None, run: str | None, *, but: Conversation | None = None) -> tuple[Turn, ...]:
        """Take out what a cell asked in an earlier run, everywhere but in one conversation."""
        cut = [turn for other in self if other is not but for turn in other.withdraw(cell, run).cut]
        return tuple(short(turn) for turn in reversed(cut) if turn.cell == cell)

    def settle_host(self, conversation: Conversation, problem: Problem | None) -> None:
        """Hold on to a host that answered; one that did not is not asked again by cells that do not name it."""
        if problem is not None and problem.kind == "noServer":
            conversation.host = self._hosts.get(conversation.name)
        else:
            self._hosts[conversation.name] = conversation.host

    def add(self, found: Resumed) -> tuple[Conversation, int | None]:
        """Take in a conversation that was found in a notebook, and make it the current one.

        What was said meanwhile in one of that name stays there as a branch.

        Returns:
            The conversation, and the number of that branch.
        """
        conversation = self.get(found.name or MAIN)
        kept = conversation.take(found)
        self.current = self.last = conversation.name or MAIN
        return conversation, kept

    def rename(self, old: str | None, new: str) -> Conversation:
        """Call a conversation something else.

        Raises:
            UsageError: If there is no such conversation, or the name is taken.
        """
        conversation = self.known(old)
        if new in self._by_name:
            raise UsageError(f"There is a conversation called {new!r} already; `%chat delete {new}` takes it away.")
        was = conversation.name or MAIN
        self._by_name = {new if name == was else name: one for name, one in self._by_name.items()}
        self._begun = {cell: new if name == was else name for cell, name in self._begun.items()}
        conversation.rename(new)
        self.current = new if self.current == was else self.current
        self.last = new if self.last == was else self.last
        return conversation

    def keep(self, conversation: Conversation) -> None:
        """Add one that was made elsewhere, under its own name."""
        self._by_name[conversation.name or self._free()] = conversation

    def delete(self, name: str | None) -> Conversation:
        """Forget a conversation.

        Raises:
            UsageError: If there is none of that name.
        """
        conversation = self.known(name)
        conversation.clear()
        self._by_name.pop(conversation.name or MAIN, None)
        if self.current == conversation.name:
            self.current = next(iter(self._by_name), MAIN)
        if self.last == conversation.name:
            self.last = None
        return conversation

    def _free(self) -> str:
        number = len(self._by_name) + 1
        while f"chat {number}" in self._by_name:
            number += 1
        return f"chat {number}"
