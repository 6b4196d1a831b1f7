"""Tokens of texts by the tokenizer of the model that would answer, for those who have a budget to keep."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from lmnb.studio import choosing, handles, names
from lmnb.studio.asking import ask
from lmnb.studio.counting import CannotCountError, Counter

if TYPE_CHECKING:
    from collections.abc import Iterable

    import lmstudio as lms

    from lmnb.studio.hosts import Place


def count(
    texts: Iterable[str],
    *,
    model: Any = None,
    host: str | None = None,
    api_token: str | None = None,
    timeout: float = 10.0,
) -> list[int] | None:
    """How many tokens each text has, without those that a template puts around messages.

    Blocks the calling thread, a few milliseconds for texts that were not counted before. Loads nothing.

    Args:
        texts: Asked for together, each once for one tokenizer.
        model: As for a prediction.
        host: As for a prediction.
        api_token: For a server that asks for one.
        timeout: Seconds to wait at most.

    Returns:
        None where the model is not loaded, or its server does not count: then nobody knows.

    Raises:
        ChatError: If there is no server, or it does not answer in time.
    """
    wanted, asked = handles.read(model, host=host), list(texts)

    async def question(client: lms.AsyncClient, place: Place) -> list[int] | None:
        here = await choosing.loaded(client, place)
        meant = names.find(wanted.key, here) if wanted.key else None
        chosen = meant.model if meant else here[0] if here and not wanted.key else None
        if chosen is None:
            return None
        try:
            counts = await Counter(client, place.host, chosen, {}).count(asked)
        except CannotCountError:
            return None
        return [counts[text] for text in asked]

    return ask(question, host=wanted.host, api_token=api_token, timeout=timeout)
