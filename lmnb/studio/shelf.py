"""The blocking questions which models there are, and which of them is meant."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from lmnb.chat.problems import ChatError
from lmnb.studio import choosing, failures, names
from lmnb.studio.asking import ask

if TYPE_CHECKING:
    import lmstudio as lms

    from lmnb.studio.choosing import Model
    from lmnb.studio.hosts import Place
    from lmnb.studio.names import Meant


def models(*, host: str | None = None, api_token: str | None = None, timeout: float = 10.0) -> list[Model]:
    """The models of the server that `%%chat` would talk to: the loaded ones first, then what is only on disk.

    Blocks the calling thread, not the I/O thread (from which it must not be called). A server is looked for, and
    lmnb's own is started, as for a prediction.

    Args:
        host: `"address:port"`, as for a prediction.
        api_token: For a server that asks for one.
        timeout: Seconds to wait at most.

    Raises:
        ChatError: If there is no server, or it does not answer in time.
    """
    return ask(choosing.listing, host=host, api_token=api_token, timeout=timeout)


def meant(name: str, *, host: str | None = None, api_token: str | None = None, timeout: float = 10.0) -> Meant[Model]:
    """The model that would answer if it were named so. Blocks, as `models`; loads nothing.

    Args:
        name: As `names.find` takes it.
        host: `"address:port"`, as for a prediction.
        api_token: For a server that asks for one.
        timeout: Seconds to wait at most.

    Raises:
        ChatError: If there is none, or more than one, with those there are; or there is no server.
    """

    async def question(client: lms.AsyncClient, place: Place) -> Meant[Model]:
        return _meant(name, await choosing.listing(client, place), place)

    return ask(question, host=host, api_token=api_token, timeout=timeout)


def _meant(name: str, there: list[Model], place: Place) -> Meant[Model]:
    same = names.exact(name, there)
    if same is not None and same.model.kind == "embedding":
        raise ChatError(failures.only_embeds(same.model.key))
    models = [model for model in there if model.kind == "llm"]
    found = same or names.find(name, models)
    if found is not None:
        return found
    # LM Studio does not list the variants of a model, `qwen3-4b@q8_0`; whether there is this one it will say itself.
    base = names.exact(name.partition("@")[0], models) if "@" in name else None
    if base is None:
        raise ChatError(choosing.unknown(name, there, place))
    return names.Meant(replace(base.model, loaded=False), name.strip())
