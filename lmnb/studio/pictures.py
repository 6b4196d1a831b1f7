"""Pictures: given to the server once for each connection, and only for a model that sees."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Any
from weakref import WeakKeyDictionary

from lmnb.chat.problems import ChatError, Choice, Problem
from lmnb.studio import choosing
from lmnb.studio.ledger import ledger

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    import lmstudio as lms

    from lmnb.chat.attached import Image
    from lmnb.chat.history import Message
    from lmnb.chat.window import Plan
    from lmnb.studio.choosing import Model
    from lmnb.studio.hosts import Place

SHOWN = 8
"""Models listed where the chosen one cannot see."""

_given: WeakKeyDictionary[lms.AsyncClient, dict[str, dict[str, Any]]] = WeakKeyDictionary()
"""By client, and so by connection: a server may drop a client's files when its last socket closes."""


async def give(client: lms.AsyncClient, images: Iterable[Image]) -> dict[str, dict[str, Any]]:
    """What the server knows these pictures by: the parts of a message, by the hash of a picture.

    Those that it does not have yet are sent to it, in the bytes they have.
    """
    known = _given.setdefault(client, {})
    for image in images:
        if image.hash not in known:
            ledger.note("picture", client.api_host, size=len(image.data))
            handle = await client.prepare_image(image.data, image.name)
            known[image.hash] = {**handle.to_dict(), "type": "file"}
    return known


async def unseen(plan: Plan, model: Model, client: lms.AsyncClient, place: Place) -> str | None:
    """What is to be said of the pictures that this model, which cannot see, is not given; None where there are none.

    Raises:
        ChatError: If one goes along with the last prompt, and nothing that could be read in its place.
    """
    last = plan.turns[-1]
    mute = [one for one in last.attached if one.image is not None and not one.text]
    if mute:
        raise ChatError(await _blind(mute[0].name, model, client, place))
    name = model.identifier or model.key
    if told := [f"`{one.name}`" for one in last.attached if one.image is not None]:
        return f"{name} cannot see pictures: of {', '.join(told)} it is given what can be read."
    before = [turn for turn in plan.turns[:-1] if any(one.image is not None for one in turn.attached)]
    if before and plan.turns[-2].model not in {model.key, name}:  # said once, when another model goes on
        return f"{name} cannot see pictures: those that went along with earlier prompts are not sent."
    return None


def without(messages: Iterable[Message]) -> tuple[Message, ...]:
    """The messages without their pictures."""
    return tuple(replace(message, images=()) if message.images else message for message in messages)


def all_of(messages: Iterable[Message]) -> list[Image]:
    """The pictures of messages, in their order."""
    return [image for message in messages for image in message.images]


async def refuse(messages: Sequence[Message], model: Model, client: lms.AsyncClient, place: Place) -> None:
    """See that messages which are sent as they are have no picture for a model that cannot see.

    Raises:
        ChatError: If they have.
    """
    if (images := all_of(messages)) and not model.vision:
        raise ChatError(await _blind(images[0].name, model, client, place))


async def _blind(picture: str, model: Model, client: lms.AsyncClient, place: Place) -> Problem:
    seeing = [each for each in await choosing.listing(client, place) if each.vision and each.kind == "llm"]
    title = f"{model.identifier or model.key} cannot see pictures, and `{picture}` is one."
    if not seeing:
        where = "on this computer" if place.local else f"at {place.host}"
        return Problem(
            "refused",
            title,
            (
                f"No model {where} can see. Nothing was sent.",
                "Download one that is marked with an eye (vision) in LM Studio, or ask without the picture.",
            ),
        )
    choices: list[Choice] = [{"name": each.identifier or each.key, "note": each.note} for each in seeing]
    lines = ("These can see. Nothing was sent.", f"Choose one: `%%chat -m {choices[0]['name']}`.")
    return Problem("refused", title, lines, tuple(choices[:SHOWN]))
