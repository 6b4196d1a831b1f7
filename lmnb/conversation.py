"""A conversation: turns with a model, in Python. Knows the chat and the studio, and no notebook."""

from __future__ import annotations

import threading
import time
from typing import TYPE_CHECKING, Any, cast

from lmnb import studio
from lmnb.answer import Answer
from lmnb.chat.events import Noticed
from lmnb.chat.history import messages
from lmnb.chat.lines import Branch, Lines, Placed
from lmnb.chat.problems import ChatError, Problem
from lmnb.chat.reply import Reply
from lmnb.chat.turns import Turn
from lmnb.chat.window import Plan, Rule

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping, Sequence
    from pathlib import Path

    import lmstudio as lms

    from lmnb.chat.attached import Attached
    from lmnb.chat.events import Event
    from lmnb.chat.forms import Form
    from lmnb.chat.schema import Schema
    from lmnb.chat.tree import Resumed
    from lmnb.journal import Journal
    from lmnb.studio.thinking import Level as Think

GO_ON = "Go on exactly where you stopped, without repeating anything."
"""What `go_on` says. A prompt of its own: the protocol has no way to let a model continue its last message."""


class Conversation:
    """Turns with one model, or with any that is loaded.

    Args:
        model: A model key or identifier, an SDK handle (`lms.llm()`, `client.llm.model()`), or None: the loaded one.
        system: The system prompt.
        host: `"address:port"` of the server. None: the environment's, a LM Studio that is found, lmnb's own server.
        api_token: For a server that asks for one.
        config: Prediction parameters as the SDK spells them: `{"temperature": 0.2, "maxTokens": 300}`.
        chat: An SDK `Chat` to go on from.
        name: What the conversation is called.
        trim: What is left out first when the turns do not fit into the model's context: the `"oldest"`, the ones in the
            `"middle"` (after the first), or none (`"off"`: the question is refused).
        room: Tokens of the context to keep for an answer; None: `maxTokens` where it is set, else a share.
        think: `"off"`, `"low"`, `"high"`: how much the model thinks first; None: as it does by itself.
        journal: Told of every turn before anybody sees it.

    Every prediction runs on lmnb's own I/O thread; the methods here may be called from any thread. One turn at a time:
    an answer that is asked for while another is being written waits for it.

    Example::

        talk = lmnb.Conversation(system="You answer in one sentence.")
        print(talk.ask("Why is a median more robust than a mean?"))
        for fragment in talk.stream("And a mode?"):
            print(fragment.content, end="")
        reply = await talk.aask("Sum up.")
        print(talk.to_markdown())
    """

    def __init__(
        self,
        *,
        model: Any = None,
        system: str | None = None,
        host: str | None = None,
        api_token: str | None = None,
        config: Mapping[str, Any] | None = None,
        chat: lms.Chat | None = None,
        name: str | None = None,
        trim: Rule = "oldest",
        room: int | None = None,
        think: Think | None = None,
        journal: Journal | None = None,
    ) -> None:
        self.model, self.system, self.host, self.name = model, system, host, name
        self.config = dict(config or {})
        self.trim, self.room, self.think, self.journal = trim, room, think, journal
        self._api_token = api_token
        self._lock = threading.RLock()
        self._answers: list[Answer] = []
        self.notes: tuple[str, ...] = ()
        self._used_at = 0.0
        self.lines = Lines()
        if chat is not None:
            given, turns = studio.from_chat(chat)
            self.lines = Lines(turns)
            self.system = system if system is not None else given

    def __repr__(self) -> str:
        """In one line: how much was said, and with whom."""
        name = f" {self.name!r}" if self.name else ""
        count = len(self.turns)
        return f"<lmnb.Conversation{name}: {count} turn{'' if count == 1 else 's'}>"

    def __len__(self) -> int:
        """How many turns the current line has."""
        return len(self.turns)

    def __bool__(self) -> bool:
        """Always true, also before anything was said."""
        return True

    @property
    def turns(self) -> list[Turn]:
        """The turns of the current line, in order."""
        return self.lines.turns

    @property
    def branches(self) -> Sequence[Branch]:
        """What was said and is not in the current line: the oldest first."""
        return tuple(self.lines.branches)

    @property
    def latest_model(self) -> Any:
        """The model that would answer now: the one that was asked for last, else that of the conversation."""
        return self._asked(self.turns) or self.model

    @property
    def latest_system(self) -> str | None:
        """The system prompt that holds now."""
        return _latest(self.turns, "system") or self.system

    @property
    def running(self) -> bool:
        """Whether an answer is being written."""
        return any(not answer.done for answer in self._answers)

    # ---- asking

    def ask(self, prompt: str, **options: Any) -> Reply:
        """Ask, wait, and return the whole reply. Blocks; an interrupt stops the prediction.

        Args:
            prompt: What to say.
            options: As for `stream`.

        Raises:
            ChatError: If the turn failed; `.problem` says how, `.reply` has what came before.
        """
        return self.stream(prompt, **options).result()

    async def aask(self, prompt: str, **options: Any) -> Reply:
        """As `ask`, awaited: the loop stays free. A task that is cancelled stops the prediction."""
        return await self.stream(prompt, **options)

    def stream(
        self,
        prompt: str,
        *,
        model: str | None = None,
        system: str | None = None,
        config: Mapping[str, Any] | None = None,
        attach: Iterable[object] = (),
        schema: Any = None,
        response_format: Any = None,
        think: Think | None = None,
        trim: Rule | None = None,
        sent: str | None = None,
        cell: str | None = None,
        run: str | None = None,
        append: bool = False,
        form: Form = "markdown",
    ) -> Answer:
        """Ask, and return an answer that can be iterated (`for`, `async for`) or awaited.

        Nothing is sent before the first of these, as with the SDK's own streams. What is attached is described at once.

        Args:
            prompt: What to say.
            model: The model key for this turn and the ones after it.
            system: The system prompt for this turn and the ones after it.
            config: Prediction parameters for this turn, over those of the conversation.
            attach: What goes along: tables, files as `Path`, figures, texts, or what `lmnb.attach` made of them; a
                mapping gives them names.
            schema: What the answer must be like: a pydantic class, a JSON schema, a short `"name:str, score:float"`.
                The reply's `.value` is the data.
            response_format: A schema as the SDK takes it, which is not checked here.
            think: For this turn, over that of the conversation.
            trim: For this turn, over the rule of the conversation.
            sent: The prompt as the model is to read it, where that differs from what the person wrote.
            cell: The id of the cell that asks; what this cell asked before is replaced, and what followed becomes a
                branch.
            run: The execution of the cell: what it asks twice in one execution are two turns.
            append: Add the turn at the end, whatever the cell asked before.
            form: What the answer is shown as.

        Raises:
            ChatError: If the schema is none, or something cannot go along.
            TypeError: If the prompt is no text.
        """
        if not isinstance(prompt, str):
            raise TypeError(f"The prompt is {type(prompt).__name__}, and must be str.")
        shape = _shape(schema)
        turn = self._turn(prompt, model, system, config, sent, cell, run)
        turn.attached, turn.form, turn.trim = _attached(attach), form, trim

        def place() -> tuple[Sequence[Turn], str | None]:
            placed = self.lines.place(turn, append=append)
            self._stop_cut(placed)
            return self.turns[:-1], placed.notice

        asked = shape.json if shape is not None else response_format
        return self._answer(turn, place, asked, shape, think)

    respond, respond_stream = ask, stream

    def beside(self, answer: Answer, model: str) -> Answer:
        """Ask another model what `answer` was asked, at the same place; it is kept as a branch.

        Args:
            answer: One that was started.
            model: The key of the other model, for this turn only.
        """
        first = answer.turn
        turn = self._turn(first.prompt, model, first.system, first.config, first.sent, first.cell, first.run)
        turn.attached, turn.after, turn.form, turn.trim = first.attached, first.after, first.form, first.trim

        def place() -> tuple[Sequence[Turn], str | None]:
            before = self.turns[: self.turns.index(first)] if first in self.turns else []
            self.lines.keep((*before, turn))
            return before, None

        return self._answer(turn, place, None, None, None)

    def go_on(self, **options: Any) -> Answer:
        """Let the model go on with an answer that was cut off. Options as for `stream`.

        Raises:
            ChatError: If there is no answer to go on with.
        """
        if not any(turn.text.strip() for turn in self.turns):
            raise ChatError(Problem("refused", "There is no answer to go on with.", ("Ask something first.",)))
        return self.stream(GO_ON, **options)

    def preview(self, prompt: str, *, attach: Iterable[object] = (), **options: Any) -> studio.Preview:
        """What `ask` would send, word for word and counted. Sends no prompt, loads no model, adds no turn. Blocks.

        Raises:
            ChatError: If there is no server or no model to ask.
        """
        known = {key: options.get(key) for key in ("model", "system", "config", "sent", "cell", "run")}
        turn = self._turn(prompt, **known)
        turn.attached, turn.trim = _attached(attach), options.get("trim")
        at = None if options.get("append") else self.lines.position_of(turn.cell, turn.run)
        before = tuple(self.turns if at is None else self.turns[:at])
        shape = _shape(options.get("schema"))
        asked = shape.json if shape is not None else options.get("response_format")
        return studio.preview(self._request(turn, before, asked, options.get("think")))

    # ---- the line and its branches

    def switch(self, number: int) -> None:
        """Make a branch the current line.

        Raises:
            KeyError: If there is no branch of that number.
        """
        with self._lock:
            self.lines.switch(number)

    def branch(self, upto: int | None = None, *, name: str | None = None) -> Conversation:
        """A new conversation that goes on from this one; this one stays as it is.

        Args:
            upto: How many of its turns it takes along; None: all.
            name: What it is called.
        """
        other = Conversation(
            model=self.model, system=self.system, host=self.host, api_token=self._api_token, config=self.config,
            name=name, trim=self.trim, room=self.room, think=self.think, journal=self.journal,
        )  # fmt: skip
        other.lines = Lines(self.turns[:upto], cap=self.lines.cap)
        return other

    def pin(self, position: int, *, pinned: bool = True) -> Turn:
        """Keep a turn in the model's context whatever happens, or not any more.

        Args:
            position: From 1.
            pinned: False takes the pin out.

        Raises:
            IndexError: If there is no such turn.
        """
        turn = self._at(position)
        turn.pinned = pinned
        return turn

    def drop(self, position: int) -> Placed:
        """Take a turn out of the conversation; the line as it was is kept as a branch.

        Args:
            position: From 1.

        Raises:
            IndexError: If there is no such turn.
        """
        with self._lock:
            self._at(position)
            placed = self.lines.drop(position)
            self._stop_cut(placed)
            return placed

    def withdraw(self, cell: str | None, run: str | None) -> Placed:
        """Take out what a cell asked in an earlier run: it asks somewhere else now."""
        with self._lock:
            placed = self.lines.withdraw(cell, run)
            self._stop_cut(placed)
            return placed

    def stop(self) -> None:
        """Stop what is being written, and what waits for it; what there is stays. Returns at once."""
        with self._lock:
            for answer in self._answers:
                answer.stop()

    def clear(self) -> None:
        """Forget everything that was said, branches and all. What is being written is stopped."""
        with self._lock:
            self.stop()
            self.lines = Lines(cap=self.lines.cap)

    def restart(self) -> Placed:
        """Begin anew: nothing that was said is told to the model any more, and all of it stays as a branch."""
        with self._lock:
            placed = self.lines.restart()
            self._stop_cut(placed)
            return placed

    def use(self, model: Any) -> None:
        """Let another model answer from here on, whatever was asked for before.

        Args:
            model: As for the conversation.
        """
        self.model, self._used_at = model, time.time()

    def rename(self, name: str) -> None:
        """Call it something else: what is asked from here on says so."""
        self.name = name
        for line in (self.turns, *(branch.turns for branch in self.branches)):
            for turn in line:
                turn.talk = name

    def take(self, found: Resumed) -> int | None:
        """Go on from a conversation that was found again; what was said here stays as a branch.

        Returns:
            The number of that branch; None where none was kept.
        """
        with self._lock:
            said = list(self.turns)
            self.lines = Lines(found.line, cap=self.lines.cap)
            for turns in found.branches:
                self.lines.keep(turns)
            kept = self.lines.keep(said) if said else None
            self.lines.settle()
            self.notes = tuple(found.notes)
            there = {branch.number for branch in self.lines.branches}
            return kept.number if kept is not None and kept.number in there else None

    # ---- other forms

    def to_chat(self) -> lms.Chat:
        """The conversation as an SDK `Chat`: a copy."""
        return studio.to_chat(messages(self.turns, system=self.latest_system), last=self.turns[-1:])

    def to_markdown(self) -> str:
        """The conversation as Markdown: questions, answers, who answered."""
        return self.export("md")

    def export(self, kind: str) -> str:
        """The conversation as the text of a file.

        Args:
            kind: `md`, `json`, `ipynb` or `py`.

        Raises:
            ValueError: For another one.
        """
        from lmnb.chat import exports  # noqa: PLC0415 - seldom

        branches = [list(branch.turns) for branch in self.branches]
        return exports.export(self.name or "conversation", self.turns, branches, kind)

    # ---- inside

    def _turn(
        self,
        prompt: str,
        model: str | None,
        system: str | None,
        config: Mapping[str, Any] | None,
        sent: str | None,
        cell: str | None,
        run: str | None,
    ) -> Turn:
        own = {**self.config, **(config or {})}
        return Turn(prompt, cell=cell, run=run, talk=self.name, asked=model, system=system, config=own, sent=sent)

    def _answer(
        self,
        turn: Turn,
        place: Callable[[], tuple[Sequence[Turn], str | None]],
        asked: Any,
        shape: Schema | None,
        think: Think | None,
    ) -> Answer:
        before: list[Turn] = []

        def enter(answer: Answer) -> Answer | None:
            with self._lock:
                turns, notice = place()
                before.extend(turns)
                if notice:
                    answer.tell(Noticed(notice))
                running = [one for one in self._answers if not one.done]
                self._answers = [*running, answer]
                return running[-1] if running else None

        answer = Answer(
            turn,
            lambda: self._request(turn, before, asked, think),
            enter=enter,
            finish=lambda ended: _reply(ended, shape),
        )
        answer.listen(lambda event: self._hear(turn, event))
        return answer

    def _hear(self, turn: Turn, event: Event) -> None:
        """On the I/O thread, before anybody sees the event."""
        if self.journal is not None:
            self.journal.event(turn, event)
        if not turn.running:
            with self._lock:
                self.lines.settle()

    def _stop_cut(self, placed: Placed) -> None:
        """What is being written for a turn that is not in the line any more ends: nobody waits for it."""
        for answer in self._answers:
            if any(answer.turn is turn for turn in placed.cut):
                answer.stop()

    def _request(self, turn: Turn, before: Sequence[Turn], asked: Any, think: Think | None) -> studio.Request:
        said, rule = [*before, turn], cast("Rule", turn.trim or self.trim)
        return studio.Request(
            plan=Plan(tuple(said), _latest(said, "system") or self.system, rule, self.room),
            model=self._asked(said) or self.model,
            host=self.host,
            api_token=self._api_token,
            config=turn.config,
            response_format=asked,
            think=think or self.think,
        )

    def _asked(self, turns: Sequence[Turn]) -> str | None:
        """The model that was asked for last; what was asked for before `use` does not hold any more."""
        return _latest([turn for turn in turns if turn.started >= self._used_at], "asked")

    def _at(self, position: int) -> Turn:
        if not 0 < position <= len(self.turns):
            raise IndexError(position)
        return self.turns[position - 1]


def load(path: str | Path, name: str | None = None, **options: Any) -> Conversation:
    """A conversation that a notebook or an export (`.ipynb`, `.json`) holds, to be gone on with.

    Nothing of the file is executed; what in it is no answer of lmnb's, or was changed, is left out and said in
    `.notes`.

    Args:
        path: Of the file.
        name: Which of its conversations; None: the one that was spoken in last.
        options: As for `Conversation`.

    Raises:
        ChatError: If the file cannot be read, or has no such conversation.
    """
    from lmnb.chat.resume import load_file  # noqa: PLC0415 - seldom

    found, problem = load_file(path)
    spoken = [one for one in found if one.line and (name is None or one.name == name)]
    if not spoken:
        names = ", ".join(one.name or "one without a name" for one in found if one.line)
        there = f"There is {names}." if names else "Answers of lmnb's are kept in the outputs of the cells that asked."
        title = problem or (found and found[0].notes and found[0].notes[0]) or f"No conversation in {path}."
        raise ChatError(Problem("refused", title, (there,)))
    conversation = Conversation(name=spoken[0].name or None, **options)
    conversation.take(spoken[0])
    return conversation


def _attached(some: Iterable[object]) -> tuple[Attached, ...]:
    """What goes along, of whatever was handed in."""
    if isinstance(some, (tuple, list)) and not some:
        return ()
    from lmnb.context import attaching  # noqa: PLC0415 - where something goes along

    return attaching.attached(some)


def _shape(schema: Any) -> Schema | None:
    if schema is None:
        return None
    from lmnb.chat.schema import Schema, SchemaError, read  # noqa: PLC0415 - seldom

    try:
        return schema if isinstance(schema, Schema) else read(schema, {})
    except SchemaError as error:
        raise ChatError(Problem("refused", str(error))) from None


def _reply(turn: Turn, shape: Schema | None) -> Reply:
    """The reply to a turn; where a shape was asked for, with the data in it.

    Raises:
        ChatError: If the answer does not have that shape; it carries the reply.
    """
    reply = Reply(turn)
    if shape is not None:
        from lmnb.chat.schema import SchemaError  # noqa: PLC0415 - seldom

        try:
            reply.parsed = reply.value = shape.check(turn.text)
        except SchemaError as error:
            raise ChatError(Problem("notAsAsked", f"The answer is not what was asked for: {error}"), reply) from None
    return reply


def _latest(turns: Sequence[Turn], name: str) -> str | None:
    """What the person last asked for: `-m` and `-s` hold until they are said again; a missing model does not."""
    heard = (turn for turn in reversed(turns) if name != "asked" or not _misses_its_model(turn))
    return next((value for turn in heard if (value := getattr(turn, name)) is not None), None)


def _misses_its_model(turn: Turn) -> bool:
    return turn.problem is not None and turn.problem.kind == "noModel"
