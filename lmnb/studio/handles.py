"""What a person's own SDK handle stands for: its identity and its host, read here and nowhere else."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from lmnb.chat.problems import ChatError, Problem


@dataclass(frozen=True)
class Wanted:
    """The model that was asked for.

    Attributes:
        key: A model key or an instance's identifier; None for any that is loaded.
        host: Where it lives, if the handle knew.
    """

    key: str | None = None
    host: str | None = None


def read(model: Any, *, host: str | None = None) -> Wanted:
    """What `model` stands for.

    Args:
        model: None, a model key or identifier, or an object of the SDK: a handle of either API style, a downloaded
            model, a model info.
        host: Where the person said it is; then the handle is not asked.

    Raises:
        ChatError: If it is no language model, or its host cannot be read.
    """
    if model is None:
        return Wanted(None, host)
    if isinstance(model, str):
        return Wanted(model.strip() or None, host)
    key = getattr(model, "identifier", None) or getattr(model, "model_key", None)
    if not isinstance(key, str) or not type(model).__module__.startswith("lmstudio"):
        raise ChatError(
            Problem(
                "refused",
                f"A {type(model).__name__} is no model.",
                ("Give a model key such as `'qwen3-4b'`, or a handle of the SDK such as `lms.llm()`.",),
            )
        )
    if "Embedding" in type(model).__name__ or getattr(model, "type", None) == "embedding":
        raise ChatError(
            Problem(
                "refused",
                f"“{key}” is an embedding model: it makes vectors and cannot answer.",
                ("Give a language model, for example `lms.llm()`.",),
            )
        )
    return Wanted(key, host or _host(model))


def _host(model: Any) -> str | None:
    if not hasattr(model, "_session") and "Info" in type(model).__name__:
        return None  # a model info says what a model is, not where
    try:
        # The session is private in the SDK (1.5, 1.6), its client and the client's host are not.
        host = model._session.client.api_host
    except Exception as error:  # noqa: BLE001  whatever another version of the SDK does here
        raise ChatError(
            Problem(
                "refused",
                f"This {type(model).__name__} does not say which server it belongs to.",
                (f"({error})", "Say it with `host=`, for example `host='localhost:1234'`."),
            )
        ) from None
    return str(host)
