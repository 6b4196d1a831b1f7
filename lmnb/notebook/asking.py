"""From a `%%chat` line to an answer and what is made of it: the steps of one cell, whoever waits for them."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Any, cast

from IPython.core.error import UsageError
from IPython.display import display

from lmnb.chat import record
from lmnb.chat.problems import ChatError, Problem
from lmnb.chat.reply import Reply
from lmnb.notebook import cells, surfaces
from lmnb.notebook.outcomes import ChatFailed
from lmnb.notebook.pending import PendingReply

if TYPE_CHECKING:
    from collections.abc import Callable, Generator, Sequence

    from IPython.core.interactiveshell import InteractiveShell

    from lmnb import studio
    from lmnb.answer import Answer
    from lmnb.chat.attached import Attached
    from lmnb.chat.forms import Form
    from lmnb.chat.schema import Schema
    from lmnb.conversation import Conversation
    from lmnb.notebook.options import Options
    from lmnb.notebook.settings import Lmnb
    from lmnb.notebook.surfaces import Surface
    from lmnb.notebook.talks import Talks


@dataclass
class Ask:
    """What one cell asks.

    Attributes:
        options: What its line said.
        prompt: What the person wrote.
        sent: What the model is to read in its place.
        attached: What goes along.
        notices: What the person should know before the answer.
        system: The system prompt for this turn, where a verb brings its own.
        after: What a verb makes of the reply, once it has been shown.
    """

    options: Options
    prompt: str
    sent: str | None = None
    attached: tuple[Attached, ...] = ()
    notices: tuple[str, ...] = ()
    system: str | None = None
    after: Callable[[Reply], None] | None = None


@dataclass
class Step:
    """Answers that are shown together, one model after the other, and where."""

    answers: Sequence[Answer]
    surface: Surface


@dataclass
class Asker:
    """Asks for the cells of one shell.

    Attributes:
        shell: Runs the cells.
        talks: The conversations.
        settings: What holds where a line says nothing.
        resume: Takes up the conversations of the saved notebook.
    """

    shell: InteractiveShell
    talks: Talks
    settings: Lmnb
    resume: Callable[[], None]
    _told: set[str] = field(default_factory=set)
    _running: set[Any] = field(default_factory=set)

    def steps(self, ask: Ask) -> Generator[Step, None, Reply | None]:
        """The steps of an ask. Each is opened, waited for and closed by the caller before the next is taken.

        Returns:
            The cell's value.

        Raises:
            ChatFailed: If it got no answer, or one that is not what was asked for.
            UsageError: If what is asked for cannot be.
        """
        options, conversation = ask.options, self._conversation(ask)
        schema = _schema(options.schema, self.shell.user_ns)
        if options.show_context:
            print(self._preview(conversation, ask, schema))
            return None
        answers = self._answers(conversation, ask, schema)
        if options.background:
            return self._in_background(ask, answers)
        yield self._step(answers)
        try:
            reply = self._reply(conversation, answers[0])
        except ChatFailed as failed:
            if schema is None or not options.retry or failed.problem.kind != "notAsAsked":
                raise
            again = self._again(conversation, ask, schema, str(failed.problem.title))
            yield self._step([again])
            reply = self._reply(conversation, again)
        return self._value(ask, reply, schema)

    # ---- whom and what

    def _conversation(self, ask: Ask) -> Conversation:
        """The conversation in which the cell speaks."""
        options, cell, run = ask.options, cells.cell_id(self.shell), cells.run_id(self.shell)
        if not options.history:
            current = self.talks.get(options.talk)
            alone = current.branch(0)
            alone.model, alone.system = current.latest_model, current.latest_system
            self.talks.withdraw(cell, run)
            return alone
        if options.new:
            return self.talks.begin(options.talk, cell=cell)
        if options.last and self.talks.last is None:
            self.resume()
        return self.talks.get(options.talk or (self.talks.last if options.last else None))

    def _answers(self, conversation: Conversation, ask: Ask, schema: Schema | None) -> list[Answer]:
        options, cell, run = ask.options, cells.cell_id(self.shell), cells.run_id(self.shell)
        if options.host is not None:
            conversation.host = options.host
        first = conversation.stream(ask.prompt, **self._options(ask, schema), cell=cell, run=run)
        first.turn.notices += ask.notices
        first.turn.alone = not options.history
        if options.history:
            first.turn.earlier = self.talks.speak(conversation, cell, run)
        if (notice := self._without_cells(conversation, cell)) is not None:
            first.turn.notices.append(notice)
        first.turn.thoughts_shown = self._thoughts_shown(options)
        others = [conversation.beside(first, model) for model in options.models[1:]]
        for other in others:
            other.turn.thoughts_shown = first.turn.thoughts_shown
        return [first, *others]

    def _options(self, ask: Ask, schema: Schema | None) -> dict[str, Any]:
        options = ask.options
        form: Form = cast("Form", options.form or ("json" if schema else "markdown"))
        return {
            "model": options.model,
            "system": options.system or ask.system,
            "config": options.config,
            "attach": ask.attached,
            "schema": schema,
            "think": options.think,
            "trim": options.trim,
            "sent": ask.sent,
            "append": options.append,
            "form": form,
        }

    def _preview(self, conversation: Conversation, ask: Ask, schema: Schema | None) -> studio.Preview:
        known = {key: value for key, value in self._options(ask, schema).items() if key != "form"}
        return conversation.preview(ask.prompt, **known, cell=cells.cell_id(self.shell), run=cells.run_id(self.shell))

    def _again(self, conversation: Conversation, ask: Ask, schema: Schema, error: str) -> Answer:
        """Ask once more, and say what was wrong."""
        said = replace(ask, sent=None, attached=(), notices=("Asked once more, as the answer had another shape.",))
        again = conversation.stream(
            schema.reminder(error),
            **self._options(said, schema),
            cell=cells.cell_id(self.shell),
            run=cells.run_id(self.shell),
        )
        again.turn.notices += said.notices
        return again

    def _thoughts_shown(self, options: Options) -> bool:
        return self.settings.reasoning if options.reasoning is None else options.reasoning

    def _without_cells(self, conversation: Conversation, cell: str | None) -> str | None:
        """Said once where running a cell again cannot replace its turn, as nobody tells which cell it is."""
        watched = cells.in_kernel(self.shell) and cells.somebody_watches(self.shell)
        if cell is not None or not watched or not conversation.turns or "cells" in self._told:
            return None
        self._told.add("cells")
        return (
            "This front end does not say which cell asks: a cell that is run again adds a turn. "
            "`%chat undo` takes the last one out."
        )

    # ---- what comes of it

    def _step(self, answers: Sequence[Answer], *, background: bool = False) -> Step:
        return Step(answers, surfaces.choose(self.shell, answers, background=background))

    def _reply(self, conversation: Conversation, answer: Answer) -> Reply:
        """The reply, once the turn has ended.

        Raises:
            ChatFailed: If it failed.
        """
        self.talks.settle_host(conversation, answer.turn.problem)
        try:
            return answer.reply()
        except ChatError as error:
            raise ChatFailed(error.problem, error.reply or Reply(answer.turn)) from None

    def _value(self, ask: Ask, reply: Reply, schema: Schema | None) -> Reply | None:
        """Make of the reply what the line asked for, and return it as the cell's value."""
        self._make(ask, reply, schema)
        if ask.after is not None:
            ask.after(reply)
        if not cells.in_kernel(self.shell):
            # The answer stands above already. As the cell's value it would get an empty `Out[n]:` below it.
            self.shell.displayhook.update_user_ns(reply)  # type: ignore[no-untyped-call]
            return None
        reply.shown = True
        return reply

    def _make(self, ask: Ask, reply: Reply, schema: Schema | None) -> None:
        options, notices = ask.options, list[str]()
        if schema is not None and schema.rows:
            from lmnb.chat.frames import frame  # noqa: PLC0415 - seldom

            made = frame(reply.parsed, self.shell.user_ns, columns=schema.columns)
            reply.value = made.value
            notices += made.notices
            if not isinstance(made.value, list):
                display(made.value)  # type: ignore[no-untyped-call]
        elif schema is None and (options.form or options.extract):
            form = "code" if options.extract else cast("Form", options.form)
            notices += self._extract(reply, form)
        if options.code:
            notices += self._offer(reply)
        if options.to is not None:
            self.shell.user_ns[options.to] = reply.value
        for notice in notices:
            print(notice)

    def _extract(self, reply: Reply, form: Form) -> Sequence[str]:
        from lmnb.chat.values import extract  # noqa: PLC0415 - seldom

        try:
            made = extract(reply, form)
        except ValueError as error:
            raise ChatFailed(Problem("notAsAsked", str(error)), reply) from None
        if form != "markdown":
            reply.value = made.value
        return made.notices

    def _offer(self, reply: Reply) -> Sequence[str]:
        """Put the code into the next cell, where the person can read it, and run it or not."""
        from lmnb.chat.values import code_of  # noqa: PLC0415 - seldom

        made = code_of(reply.blocks)
        if not made.value:
            return ["There is no code in the answer, so no cell was added."]
        self.shell.set_next_input(made.value)
        return made.notices

    # ---- in the background

    def _in_background(self, ask: Ask, answers: Sequence[Answer]) -> Reply:
        import asyncio  # noqa: PLC0415

        if not cells.in_kernel(self.shell) or not cells.somebody_watches(self.shell):
            raise UsageError(
                "--bg needs a notebook that somebody looks at: here nothing could show the answer once the cell has "
                "ended. Leave --bg out."
            )
        step = self._step(answers, background=True)
        step.surface.open()
        reply = PendingReply(answers[0])
        reply.settling = asyncio.get_running_loop().create_task(self._settle(ask, step, reply))
        self._running.add(reply.settling)
        reply.settling.add_done_callback(self._running.discard)
        if ask.options.to is not None:
            self.shell.user_ns[ask.options.to] = reply
        reply.shown = True
        return reply

    async def _settle(self, ask: Ask, step: Step, reply: PendingReply) -> None:
        for answer in step.answers:
            await answer.ended()
        note_dropped(step.answers)
        await step.surface.close()
        first = step.answers[0]
        schema = _schema(ask.options.schema, self.shell.user_ns)
        reply.take(self._reply(self.talks.get(first.turn.talk), first))
        form = cast("Form", ask.options.form or ("code" if ask.options.extract else "markdown"))
        if schema is None and form != "markdown":
            self._extract(reply, form)
        if ask.options.to is not None and self.shell.user_ns.get(ask.options.to) is reply:
            self.shell.user_ns[ask.options.to] = reply.value


def note_dropped(answers: Sequence[Answer]) -> None:
    """Say what the notebook's file does not keep of what a cell asked before."""
    for answer in answers:
        if dropped := record.dropped_earlier(answer.turn):
            what = "1 earlier answer" if dropped == 1 else f"{dropped} earlier answers"
            answer.turn.notices.append(f"{what} of this cell will not be in the saved notebook: it keeps five.")


def _schema(spec: str | None, namespace: dict[str, Any]) -> Schema | None:
    if spec is None:
        return None
    from lmnb.chat.schema import SchemaError, read  # noqa: PLC0415 - seldom

    try:
        return read(spec, namespace)
    except SchemaError as error:
        raise UsageError(f"--schema: {error}") from None
