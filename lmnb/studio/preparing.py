"""From a request to what is sent: the messages that fit, their pictures, and a name for all of it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, get_args
from weakref import WeakKeyDictionary

from lmnb.chat.history import Message, prompt_hash
from lmnb.chat.problems import ChatError, Problem
from lmnb.studio import chats, pictures
from lmnb.studio import thinking as ways_to_think
from lmnb.studio.counting import CannotCountError, Counter
from lmnb.studio.fitting import Fit, fit

if TYPE_CHECKING:
    from collections.abc import Mapping

    import lmstudio as lms

    from lmnb.chat.window import Plan
    from lmnb.studio.choosing import Model
    from lmnb.studio.hosts import Place
    from lmnb.studio.requests import Request
    from lmnb.studio.thinking import Thinking

_said: WeakKeyDictionary[lms.AsyncClient, set[str]] = WeakKeyDictionary()
"""What was said once on a connection."""


@dataclass(frozen=True)
class Prepared:
    """What is sent.

    Attributes:
        chat: As the SDK takes it.
        fit: How it sits in the context; None for messages that are sent as they are.
        prompt_hash: A name for the messages and the settings.
        notices: What the person should know of it.
        counts: Tokens of what goes along with the question, where nobody has counted them yet.
    """

    chat: lms.Chat
    fit: Fit | None
    prompt_hash: str
    notices: tuple[str, ...] = ()
    counts: tuple[int, ...] = ()


async def thinking_of(request: Request, model: Model, client: lms.AsyncClient, place: Place) -> Thinking | None:
    """What there is to say how much this model thinks with; None where nobody asked for it.

    Raises:
        ChatError: If it has no such switch, or there is no such level.
    """
    if request.think is None:
        return None
    if request.think not in get_args(ways_to_think.Level):
        lines = ("There are `off`, `low` and `high`.",)
        raise ChatError(Problem("refused", f"Nobody can think “{request.think}”.", lines))
    return await ways_to_think.plan(request.think, model, client, place)


async def prepare(
    request: Request,
    model: Model,
    client: lms.AsyncClient,
    place: Place,
    config: Mapping[str, Any],
    thinking: Thinking | None = None,
) -> Prepared:
    """Make what is sent, count it, and give the server the pictures it names.

    Args:
        request: What was asked for.
        model: Loaded.
        client: Connected.
        place: To where.
        config: Prediction parameters, as the SDK spells them.
        thinking: How much the model is to think, where that was said.

    Raises:
        ChatError: If it does not fit into the context, or has a picture and the model cannot see.
        lms.LMStudioError: If the model or the connection is gone.
    """
    fitted, notices = None, []
    if thinking is not None:
        request = thinking.apply(request)
    if request.plan is None:
        messages = request.messages
        await pictures.refuse(messages, model, client, place)
    else:
        if not model.vision and (notice := await pictures.unseen(request.plan, model, client, place)):
            notices.append(notice)
        fitted = await fitting(request, request.plan, model, client, place, config, thinking)
        if fitted.problem is not None:
            raise ChatError(fitted.problem)
        messages = fitted.messages if model.vision else pictures.without(fitted.messages)
        said = _said.setdefault(client, set())
        notices += [*fitted.notices, *(text for text in fitted.once if text not in said)]
        said.update(fitted.once)
    chat = None if fitted is None else fitted.chat
    shown = pictures.all_of(messages)
    if chat is None or shown:
        files = await pictures.give(client, shown)
        chat = chats.to_chat(messages, base=request.chat, files=files)
    counter = Counter(client, place.host, model, config)
    counts = await _along(request.plan, counter) if request.plan is not None else ()
    return Prepared(chat, fitted, name(request, messages, config, thinking), tuple(notices), counts)


async def _along(plan: Plan, counter: Counter) -> tuple[int, ...]:
    """Tokens of each thing that goes along with the question; nothing where they are known, or nobody counts."""
    texts = [one.text for one in plan.turns[-1].attached]
    if all(one.tokens is not None or not one.text for one in plan.turns[-1].attached):
        return ()
    try:
        counted = await counter.count([text for text in texts if text])
    except CannotCountError:
        return ()
    return tuple(counted[text] if text else 0 for text in texts)


async def fitting(
    request: Request,
    plan: Plan,
    model: Model,
    client: lms.AsyncClient,
    place: Place,
    config: Mapping[str, Any],
    thinking: Thinking | None,
) -> Fit:
    """How the messages of a plan fit into a model that is loaded; `thinking` has been applied to the request."""
    counter = Counter(client, place.host, model, config, thinking.fields if thinking else None)
    thinks = thinking.level != "off" if thinking else ways_to_think.thinks(model)
    return await fit(plan, model, counter, config, request.chat, thinks=thinks)


def name(request: Request, messages: tuple[Message, ...], config: Mapping[str, Any], thinking: Thinking | None) -> str:
    """The hash of all that a prediction is given."""
    config = {**config, **(thinking.fields if thinking else {})}
    given = () if request.chat is None else [Message("user", text) for text in chats.texts(request.chat)]
    form = request.response_format
    schema = getattr(form, "model_json_schema", None)
    return prompt_hash([*given, *messages], {**config, "responseFormat": schema() if schema else form})
