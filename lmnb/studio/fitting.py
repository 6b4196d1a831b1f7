"""What is sent of a conversation: as much as fits into the model's context, by the person's rule, and counted."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

from lmnb.chat import window
from lmnb.chat.problems import Problem
from lmnb.chat.window import Window
from lmnb.studio import chats
from lmnb.studio.counting import CannotCountError, at_most

if TYPE_CHECKING:
    from collections.abc import Collection, Mapping, Sequence

    import lmstudio as lms

    from lmnb.chat.history import Message
    from lmnb.chat.window import Plan, Said
    from lmnb.studio.choosing import Model
    from lmnb.studio.counting import Counter

TEMPLATE = 16
"""Tokens that a template adds to a message at most, for the question whether a prompt fits in any case; a prompt of
which that is not true is found too long when it is counted."""

PICTURE = 1024
"""Tokens that are kept for a picture: how many it takes, no server says beforehand."""

BEFORE, PINNED = "the turns before", "pinned turns"
"""What a prompt that does not fit may be full of."""

CUTTING = {"truncateMiddle", "rollingWindow"}
"""Policies by which the server itself cuts what does not fit; only where the person asked for one."""


@dataclass(frozen=True)
class Fit:
    """What is to be sent.

    Attributes:
        messages: Without those of the turns that are left out.
        window: How they sit in the context.
        formatted: The prompt as the model reads it; None where the server could not say.
        notices: What the person should know of it.
        once: The same, but once is enough.
        problem: Why it cannot be sent.
        chat: The messages as the SDK takes them, without their pictures; None where nobody made it so far.
    """

    messages: tuple[Message, ...]
    window: Window
    formatted: str | None = None
    notices: tuple[str, ...] = ()
    once: tuple[str, ...] = ()
    problem: Problem | None = None
    chat: lms.Chat | None = None


async def fit(
    plan: Plan,
    model: Model,
    counter: Counter,
    config: Mapping[str, Any],
    base: lms.Chat | None,
    *,
    thinks: bool = False,
) -> Fit:
    """Leave out what does not fit, and count what is left.

    Args:
        plan: What may be sent.
        model: Loaded.
        counter: Of its tokenizer.
        config: Prediction parameters; nothing in them is changed.
        base: What goes before the messages, and is never left out.
        thinks: Whether the model thinks before it answers.

    Returns:
        With a `problem` where it does not fit whatever is left out. Where the server does not say how long the context
        is, or does not count, everything goes, and a notice says so.

    Raises:
        lms.LMStudioError: If the model or the connection is gone.
    """
    if not model.context:
        return await _unmeasured(plan, model, counter, base)
    room = window.room_for_answer(plan, model.context, config.get("maxTokens"), thinks=thinks)
    cuts = config.get("contextOverflowPolicy") in CUTTING
    fitting = _Fitting(plan, model, counter, base, room, cuts=cuts)
    try:
        return await fitting.run()
    except CannotCountError as error:
        # Without numbers nobody can say what has to go; what was out last time did not fit then.
        out = plan.already_out(model.context, fitting.names)
        sat = Window(None, model.context, fitting.room, out)
        why = str(error) or "it does not answer when it is asked to"
        said = f"The tokens of the prompt could not be counted ({why.rstrip('.')}); nothing more was left out."
        return Fit(tuple(plan.messages(out)), sat, once=(said,))


async def _unmeasured(plan: Plan, model: Model, counter: Counter, base: lms.Chat | None) -> Fit:
    messages = tuple(plan.messages())
    said = (
        f"The server does not say how long the context of {model.identifier or model.key} is: all turns were sent; "
        "what does not fit is refused there."
    )
    try:
        formatted, tokens = await counter.prompt(chats.to_chat(messages, base=base))
    except CannotCountError:
        return Fit(messages, Window(), once=(said,))
    return Fit(messages, Window(tokens), formatted, once=(said,))


class _Fitting:
    """One prompt on its way into one context."""

    def __init__(
        self, plan: Plan, model: Model, counter: Counter, base: lms.Chat | None, room: int, *, cuts: bool
    ) -> None:
        assert model.context
        self._plan, self._model, self._counter, self._base = plan, model, counter, base
        self._length = model.context
        self.room, self._cuts = room, cuts
        self.names = {model.key, model.identifier or model.key}
        self._out: list[str] = list(plan.already_out(self._length, self.names))
        self._chat: lms.Chat | None = None
        self._counts: list[int] = []  # of the messages, where they had to be counted
        self._picture = PICTURE if model.vision else 0
        self._base_texts = [] if base is None else chats.texts(base)

    async def run(self) -> Fit:
        """Leave out turns until the rest fits."""
        while True:
            said, self._counts = self._plan.said(self._out), []
            # By a guess of what the template adds, turns would go that fit: then the whole is counted before.
            if not self._surely(said) and self._counter.learned and await self._leave_out(said):
                continue
            messages = tuple(message for each in said for message in each.messages)
            self._chat = chats.to_chat(messages, base=self._base)
            formatted, tokens = await self._counter.prompt(self._chat)
            if self._counts:
                self._counter.learn(self._counts, tokens)
            tokens += self._pictures(messages)
            if tokens <= self._length - self.room or not await self._leave_out(said, tokens):
                return await self._made(messages, formatted, tokens)

    def _surely(self, said: Sequence[Said]) -> bool:
        """Whether it fits without being counted."""
        texts = self._texts(said)
        most = sum(map(at_most, texts)) + TEMPLATE * (len(texts) + 1) + self._pictures(_messages(said))
        return most <= self._length - self.room

    async def _leave_out(self, said: Sequence[Said], counted: int | None = None) -> bool:
        """Leave out what has to go, going by counts of single messages, or by that of the whole where there is one.

        Returns:
            Whether something went. What is left has to be rendered and counted anew.
        """
        texts = self._texts(said)
        counts = await self._counter.count(texts)
        self._counts = [counts[text] for text in texts]
        if counted is not None:
            self._counter.learn(self._counts, counted - self._pictures(_messages(said)))
        each = self._counter.each

        def size(one: Said) -> int:
            return sum(counts[message.content] + each + self._picture * len(message.images) for message in one.messages)

        total = counted
        if total is None:
            total = self._counter.sum(self._counts) + self._pictures(_messages(said))
        may = self._plan.removable(said)
        sizes = [size(one) for one in may]
        gone = may[: window.choose(sizes, total, self._length - self.room)]
        self._out += [one.turn.id for one in gone if one.turn]
        return bool(gone)

    async def _left_out_tokens(self, out: Sequence[str], before: Window | None) -> int:
        """What these turns would have taken."""
        if not out:
            return 0
        if before is not None and set(out) == set(before.left_out):
            return before.left_out_tokens
        gone, last = frozenset(out), self._plan.turns[-1]
        others = [turn.id for turn in self._plan.turns if turn.id not in gone and turn is not last]
        missed = _messages([one for one in self._plan.said(others) if one.turn and one.turn is not last])
        counts = await self._counter.count(message.content for message in missed)
        return sum(counts[message.content] + self._counter.each for message in missed) + self._pictures(missed)

    def _texts(self, said: Sequence[Said]) -> list[str]:
        return [*self._base_texts, *(message.content for message in _messages(said))]

    async def _made(self, messages: tuple[Message, ...], formatted: str, tokens: int) -> Fit:
        plan, length = self._plan, self._length
        out = frozenset(self._out)
        order = [turn.id for turn in plan.turns if turn.id in out]
        before = plan.before(length, self.names)
        sat = Window(tokens, length, self.room, tuple(order), await self._left_out_tokens(order, before))
        notices = [window.left_out_notice(plan, sat, before or plan.before())]
        if tokens > length - self.room:
            left = length - tokens
            if plan.room is None and left >= min(self.room, window.LEAST_ROOM):
                sat = replace(sat, room=left)
                notices.append(f"The prompt takes {tokens:,} of {length:,} tokens; {left:,} are left for the answer.")
            elif not self._cuts:
                return Fit(messages, sat, formatted, problem=await self._too_long(messages, tokens))
        return Fit(messages, sat, formatted, tuple(filter(None, notices)), chat=self._chat)

    async def _too_long(self, messages: Sequence[Message], tokens: int) -> Problem:
        """Why it cannot be sent, with what takes how much."""
        plan, last = self._plan, self._plan.turns[-1]
        texts = [message.content for message in messages]
        attached = {one.name: one.text for one in last.attached if one.text}
        counts = await self._counter.count([*texts, *self._base_texts, *attached.values(), last.said])
        named = {f"`{name}`": counts[text] for name, text in attached.items()}
        system = sum(counts[message.content] for message in messages if message.role == "system")
        others = messages[:-1][1 if system else 0 :]
        parts = {
            "the system prompt": system,
            "the chat that was given": sum(counts[text] for text in self._base_texts),
            (BEFORE if plan.rule == "off" else PINNED): sum(counts[message.content] for message in others),
            **named,
            "pictures": self._pictures(messages),
            "the question": counts[last.said],
        }
        parts["the template"] = tokens - sum(parts.values())
        taken = {name: count for name, count in parts.items() if count > 0}
        without = f" without {plan.numbers(self._out).lower()}" if self._out else ""
        listed = ", ".join(f"{name} {count:,}" for name, count in taken.items())
        return Problem(
            "tooLong",
            f"The prompt does not fit into the model's context of {self._length:,} tokens.",
            (
                f"It takes {tokens:,}{without}: {listed}; and {self.room:,} are kept for the answer. Nothing was sent.",
                f"{_way_out(plan, taken, named)}; or load {self._model.key} with a longer context.",
            ),
        )

    def _pictures(self, messages: Sequence[Message]) -> int:
        return self._picture * sum(len(message.images) for message in messages)


def _way_out(plan: Plan, parts: Mapping[str, int], attached: Collection[str]) -> str:
    """What to do about the largest of the parts."""
    largest = max(parts, key=lambda name: parts[name])
    if largest in attached:
        return f"Send less of {largest}, or ask without it"
    if largest == PINNED:
        pinned = next(number for number, turn in enumerate(plan.turns, 1) if turn.pinned)
        return f"Let a pinned turn go (`%chat unpin {pinned}`)"
    if largest == BEFORE:
        return "Let the oldest turns be left out (`--trim oldest`), or begin a new conversation (`%%chat --new`)"
    if largest == "the template":
        return "Ask another model"
    return f"Shorten {largest}"


def _messages(said: Sequence[Said]) -> list[Message]:
    return [message for each in said for message in each.messages]
