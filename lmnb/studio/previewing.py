"""What would be sent, to the last character: the answer to `--show-context`."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from lmnb.chat import strangers
from lmnb.chat.problems import ChatError
from lmnb.chat.window import Window
from lmnb.studio import choosing, handles, names, pictures, settings
from lmnb.studio.asking import ask
from lmnb.studio.counting import CannotCountError, Counter
from lmnb.studio.fitting import Fit
from lmnb.studio.preparing import fitting, thinking_of
from lmnb.studio.preparing import name as hash_of

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    import lmstudio as lms

    from lmnb.chat.history import Message
    from lmnb.chat.problems import Problem
    from lmnb.chat.window import Plan
    from lmnb.studio.choosing import Model
    from lmnb.studio.hosts import Place
    from lmnb.studio.requests import Request
    from lmnb.studio.thinking import Thinking

PATIENCE = 30.0
"""Seconds to wait for the counts: they take longer where a prompt is long and the server is busy."""

RULER = "─" * 12


@dataclass(frozen=True)
class Preview:
    """What a prediction would send. `str()` of it is for reading.

    Attributes:
        host: Of the server.
        model: The key or identifier of the model; None where nothing is loaded and none was named.
        messages: In order, with what goes along with them.
        tokens: Of each message; None where they were not counted. The template around them is not in it.
        formatted: The prompt as the model reads it; None where the server could not say.
        window: How it would sit in the model's context.
        left_out: The turns that would be left out, as `Turns 1–4`; "" where none are.
        settings: Prediction parameters, by the SDK's names.
        prompt_hash: As it will stand in the answer's provenance.
        notices: What would be said of it, and why something is not counted.
        problem: Why it would not be sent.
    """

    host: str
    model: str | None
    messages: tuple[Message, ...]
    tokens: tuple[int | None, ...]
    window: Window
    prompt_hash: str
    formatted: str | None = None
    left_out: str = ""
    settings: Mapping[str, Any] = field(default_factory=dict)
    notices: tuple[str, ...] = ()
    problem: Problem | None = None

    def __str__(self) -> str:
        """All of it, for a terminal; what a stranger's text could do to one is shown as signs."""
        parts = ["\n".join(self._head()), "\n".join(self._table()), *self._prompt()]
        return strangers.plain("\n\n".join(parts))

    def _head(self) -> list[str]:
        to = f"{self.model or 'a model that is still to be chosen'} at {self.host}"
        lines = [f"This would be sent to {to}. Nothing was sent."]
        if self.problem is not None:
            lines = [f"This would not be sent to {to}.", *str(self.problem).splitlines()]
        lines += [f"Settings: {_listed(self.settings)}."] if self.settings else []
        return [*lines, *self._sits(), f"Prompt hash: {self.prompt_hash}.", *self.notices]

    def _sits(self) -> list[str]:
        window, said = self.window, []
        if window.prompt is not None:
            of = f" of {window.length:,}" if window.length else ""
            kept = f"; {window.room:,} are kept for the answer" if window.room else ""
            said.append(f"The prompt takes {window.prompt:,}{of} tokens{kept}.")
        elif window.length:
            said.append(f"The context has {window.length:,} tokens; {window.room:,} are kept for the answer.")
        if self.left_out and not any(notice.startswith(self.left_out) for notice in self.notices):
            said.append(f"Left out: {self.left_out.lower()} ({window.left_out_tokens:,} tokens).")
        return said

    def _table(self) -> list[str]:
        rows = []
        for number, (message, tokens) in enumerate(zip(self.messages, self.tokens, strict=True), 1):
            size = "not counted" if tokens is None else f"{tokens:,} tokens"
            shown = "".join(f"  + {image.name}, {choosing.size(len(image.data))}" for image in message.images)
            rows.append(f"{number:>4}  {message.role:<9}  {size:>12}{shown}")
        if self.window.prompt is not None and None not in self.tokens and not pictures.all_of(self.messages):
            template = self.window.prompt - sum(filter(None, self.tokens))
            rows.append(f"{'':>4}  {'template':<9}  {f'{template:,} tokens':>12}")
        return rows

    def _prompt(self) -> list[str]:
        if self.formatted is not None:
            return [f"{RULER} the prompt as the model reads it {RULER}", self.formatted]
        return [f"{RULER} {number} {m.role} {RULER}\n\n{m.content}" for number, m in enumerate(self.messages, 1)]


def preview(request: Request) -> Preview:
    """What `start` would send, counted. No prediction is sent, no model is loaded, no picture is given to the server.

    Blocks the calling thread, up to half a minute. A server is looked for, and lmnb's own is started, as for a
    prediction.

    Args:
        request: As for `start`.

    Returns:
        Where the model is not loaded nothing is counted or left out, and a notice says so.

    Raises:
        ChatError: If there is no server, or no such model, or the settings are wrong.
    """
    wanted = handles.read(request.model, host=request.host)

    async def question(client: lms.AsyncClient, place: Place) -> Preview:
        return await _Looking(request, client, place).look(wanted.key)

    return ask(question, host=wanted.host, api_token=request.api_token, timeout=PATIENCE)


class _Looking:
    """One look, on the I/O thread."""

    def __init__(self, request: Request, client: lms.AsyncClient, place: Place) -> None:
        self._request, self._client, self._place = request, client, place
        self._config = settings.check(request.config)
        self._thinking: Thinking | None = None
        self._config.setdefault("contextOverflowPolicy", "stopAtLimit")

    async def look(self, wanted: str | None) -> Preview:
        model = await self._model(wanted)
        if model is not None and model.loaded:
            self._thinking = await thinking_of(self._request, model, self._client, self._place)
            self._request = self._thinking.apply(self._request) if self._thinking else self._request
        plan = self._request.plan
        fitted, notices = await self._fit(plan, model)
        try:
            if plan is not None and model is not None and not model.vision:
                notices += filter(None, [await pictures.unseen(plan, model, self._client, self._place)])
            problem = fitted.problem
        except ChatError as error:
            problem = error.problem
        messages = fitted.messages
        if model is not None and not model.vision:
            messages = pictures.without(messages)
        return Preview(
            host=self._place.host,
            model=(model.identifier or model.key) if model else wanted,
            messages=messages,
            tokens=await self._tokens(messages, model),
            formatted=fitted.formatted,
            window=fitted.window,
            left_out=plan.numbers(fitted.window.left_out) if plan and fitted.window.left_out else "",
            settings={**self._config, **({"think": self._request.think} if self._request.think else {})},
            prompt_hash=hash_of(self._request, messages, self._config, self._thinking),
            notices=tuple(notices),
            problem=problem,
        )

    async def _model(self, wanted: str | None) -> Model | None:
        """The model that would answer, loaded or not."""
        here = await choosing.loaded(self._client, self._place)
        if wanted is None and here:
            return here[0]
        disk = [each for each in await choosing.downloaded(self._client, self._place) if each.kind == "llm"]
        if wanted is None:
            return disk[0] if len(disk) == 1 else None
        meant = names.exact(wanted, here) or names.find(wanted, [*here, *disk])
        if meant is None:
            raise ChatError(choosing.unknown(wanted, [*here, *disk], self._place))
        return meant.model

    async def _fit(self, plan: Plan | None, model: Model | None) -> tuple[Fit, list[str]]:
        messages = self._request.messages if plan is None else tuple(plan.messages())
        if model is None:
            return Fit(messages, Window()), ["No model is loaded: nothing is counted, and nothing left out so far."]
        if not model.loaded:
            said = (
                f"{model.key} is not loaded: nothing is counted, and nothing left out so far. "
                f"`%chat load {model.key}` loads it."
            )
            return Fit(messages, Window()), [said]
        if plan is None:
            return Fit(messages, Window(length=model.context)), []
        fitted = await fitting(self._request, plan, model, self._client, self._place, self._config, self._thinking)
        return fitted, [*fitted.notices, *fitted.once]

    async def _tokens(self, messages: Sequence[Message], model: Model | None) -> tuple[int | None, ...]:
        if model is None or not model.loaded:
            return (None,) * len(messages)
        try:
            counter = Counter(self._client, self._place.host, model, self._config)
            counts = await counter.count(message.content for message in messages)
        except CannotCountError:
            return (None,) * len(messages)
        return tuple(counts[message.content] for message in messages)


def _listed(config: Mapping[str, Any]) -> str:
    return ", ".join(f"{name} {value}" for name, value in sorted(config.items()))
