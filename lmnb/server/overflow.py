"""What happens to a prompt that does not fit into the context."""

from __future__ import annotations

from typing import Any, TypeVar

from lmnb.server.errors import ServerError

T = TypeVar("T")


def fit(tokens: list[T], context: int, policy: str) -> list[T]:
    """The prompt's tokens, cut if they have to be, so that an eighth of the context is left for the answer.

    Args:
        tokens: The whole prompt.
        context: The context length in tokens.
        policy: `stopAtLimit`, `truncateMiddle` or `rollingWindow`.

    Raises:
        ServerError: If it does not fit and must not be cut.
    """
    if len(tokens) < context:
        return tokens
    if policy == "stopAtLimit":
        raise too_long(len(tokens), context)
    keep = context - max(1, context // 8)
    if policy == "rollingWindow":
        return tokens[-keep:]
    head = keep // 2
    return tokens[:head] + tokens[-(keep - head) :]


def shorter(messages: list[dict[str, Any]], policy: str, tokens: int, context: int) -> list[dict[str, Any]]:
    """Chat messages without one exchange, for a prompt that the engine makes itself and that cannot be cut by tokens.

    Args:
        messages: Some system messages, then exchanges, each of which begins with a user message.
        policy: `stopAtLimit`, `truncateMiddle` (the exchange in the middle goes) or `rollingWindow` (the oldest goes).
        tokens: What they take.
        context: The context length in tokens.

    Raises:
        ServerError: If they must not be cut, or there is only one exchange.
    """
    begins = [number for number, message in enumerate(messages) if message["role"] == "user"]
    if policy == "stopAtLimit" or len(begins) < 2:
        raise too_long(tokens, context)
    gone = 0 if policy == "rollingWindow" else (len(begins) - 1) // 2
    return messages[: begins[gone]] + messages[begins[gone + 1] :]


def no_place(tokens: int, context: int) -> ServerError:
    """A text is too long to be embedded. It is not cut: nobody would see that the rest does not count."""
    return ServerError(
        f"The text has {tokens} tokens and does not fit into the context length of {context}.",
        suggestion="Embed it in parts.",
    )


def too_long(tokens: int, context: int) -> ServerError:
    """The prompt does not fit, and is not cut."""
    return ServerError(f"The prompt has {tokens} tokens and does not fit into the context length of {context}.")
