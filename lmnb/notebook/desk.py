"""What the magics of one shell work with: its settings, its conversations, and what goes along with a prompt."""

from __future__ import annotations

import difflib
from functools import cached_property
from typing import TYPE_CHECKING, Any, cast

from lmnb import studio
from lmnb.chat.history import told
from lmnb.chat.painting import tail
from lmnb.chat.problems import ChatError, Problem
from lmnb.context.ladder import estimate
from lmnb.notebook import cells
from lmnb.notebook.asking import Ask, Asker
from lmnb.notebook.outcomes import NotAsked, NotDone
from lmnb.notebook.recorder import Recorder
from lmnb.notebook.settings import Lmnb
from lmnb.notebook.talks import Talks

if TYPE_CHECKING:
    from collections.abc import Sequence

    from IPython.core.interactiveshell import InteractiveShell

    from lmnb.chat.turns import Turn
    from lmnb.context.ladder import Level
    from lmnb.conversation import Conversation
    from lmnb.journal import Journal
    from lmnb.notebook.options import Options
    from lmnb.notebook.prompts import ContextSettings


class Desk:
    """Everything that the magics of one shell share.

    Args:
        shell: Runs the cells.
    """

    def __init__(self, shell: InteractiveShell) -> None:
        self.shell = shell
        self.settings = Lmnb(parent=shell)
        self.talks = Talks(self._make)
        self.asker = Asker(shell, self.talks, self.settings, self._resume)
        self.recorder = Recorder(shell)

    @cached_property
    def journal(self) -> Journal:
        """The journal on disk; opened when it is first asked for."""
        from lmnb.journal import Journal, default_path  # noqa: PLC0415 - off unless a person wants it

        notebook = self.notebook
        return Journal(default_path(), notebook=str(notebook) if notebook else None)

    @property
    def notebook(self) -> Any:
        """The path of this notebook, where the front end tells it; else None."""
        import os  # noqa: PLC0415

        from lmnb.chat.resume import notebook_path  # noqa: PLC0415 - seldom

        return notebook_path(os.environ, self.shell.user_ns)

    @property
    def host(self) -> str | None:
        """The server of the current conversation, where one was named."""
        return self.talks.get().host

    def compose(self, options: Options, prompt: str) -> Ask:
        """What a cell asks, with what goes along.

        Raises:
            NotAsked: If something that is to go along cannot.
        """
        from lmnb.notebook.prompts import compose  # noqa: PLC0415 - with the first question

        conversation = self.talks.get(options.talk or (self.talks.last if options.last else None))
        count = Tokenizer(options.model or conversation.latest_model, options.host or conversation.host)
        try:
            made = compose(
                self.shell,
                prompt,
                options.attach,
                settings=self.context(options),
                count=count,
                recorder=self.recorder,
                told=told(self._before(options, conversation)),
            )
        except ChatError as error:
            raise NotAsked(error.problem) from None
        return Ask(options, made.prompt, made.sent, made.attached, made.notices)

    def _before(self, options: Options, conversation: Conversation) -> Sequence[Turn]:
        """The turns that the model hears before what a cell asks now."""
        if options.new or not options.history:
            return ()
        cell, run = cells.cell_id(self.shell), cells.run_id(self.shell)
        at = None if options.append else conversation.lines.position_of(cell, run)
        return conversation.turns if at is None else conversation.turns[:at]

    def context(self, options: Options | None = None) -> ContextSettings:
        """How much is told of what goes along: what the line says, else what is set."""
        from lmnb.notebook.prompts import ContextSettings  # noqa: PLC0415 - with the first question

        settings = self.settings
        auto = settings.auto_context if options is None or options.auto is None else options.auto
        return ContextSettings(
            level=cast("Level", (options and options.level) or settings.level),
            budget=settings.budget,
            mask=settings.mask,
            hide=tuple(settings.hide),
            auto=auto,
            raw=bool(options and options.raw),
        )

    def value(self, name: str) -> Any:
        """A variable of the person's.

        Raises:
            NotDone: If there is none of that name, with those that are like it.
        """
        names = self.shell.user_ns
        if name in names:
            return names[name]
        near = difflib.get_close_matches(name, [one for one in names if not one.startswith("_")], n=3)
        raise NotDone(f"There is no variable {name}.{f' Did you mean {chr(32).join(near)}?' if near else ''}")

    def go_on(self, options: Options) -> Ask:
        """Let the model go on with its last answer: in the last conversation, if need be one from the notebook's file.

        Raises:
            NotAsked: If there is no answer.
        """
        from lmnb.conversation import GO_ON  # noqa: PLC0415

        if self.talks.last is None:
            self._resume()
        conversation = self.talks.get(options.talk or self.talks.last)
        answered = next((turn for turn in reversed(conversation.turns) if turn.text.strip()), None)
        if answered is None:
            problem = Problem("refused", "There is no answer to go on with.", ("Ask something first.",))
            raise NotAsked(problem)
        if not tail(answered):
            raise NotAsked(Problem("refused", "The last answer is complete: nothing of it was cut off.", ()))
        options.talk = conversation.name
        return Ask(options, GO_ON)

    def _resume(self) -> None:
        from lmnb.notebook import talking  # noqa: PLC0415 - which imports us

        if self.notebook is not None:
            talking.resume(self, [])

    def _make(self, name: str) -> Conversation:
        from lmnb.conversation import Conversation  # noqa: PLC0415 - at the first cell, not at %load_ext

        studio.warm_up()
        settings = self.settings
        conversation = Conversation(
            model=settings.model or None,
            system=settings.system or None,
            host=settings.host or None,
            config=settings.options,
            name=name,
            trim=cast("Any", settings.trim),
            room=settings.room or None,
            think=cast("Any", settings.think or None),
            journal=self.journal if settings.journal else None,
        )
        conversation.lines.cap = settings.branches
        return conversation


class Tokenizer:
    """Counts by the tokenizer of the model that would answer; where nobody counts, by length.

    Args:
        model: As for a prediction.
        host: As for a prediction.
    """

    PATIENCE = 2.0
    """Seconds a server may take for a count before it is not asked again."""

    def __init__(self, model: Any, host: str | None) -> None:
        self._model, self._host = model, host
        self._counts: dict[str, int] = {}
        self.exact = True

    def __call__(self, text: str) -> int:
        """Tokens of a text. Blocks for the first of each, some milliseconds where a model is loaded."""
        if text not in self._counts:
            self._counts[text] = self._ask(text)
        return self._counts[text]

    def _ask(self, text: str) -> int:
        if self.exact:
            try:
                counted = studio.count([text], model=self._model, host=self._host, timeout=self.PATIENCE)
            except ChatError:  # the prediction will say what is wrong with the server
                counted = None
            if counted is not None:
                return counted[0]
            self.exact = False
        return estimate(text)
