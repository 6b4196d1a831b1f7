"""What happens to a prompt that does not fit into the context."""

from __future__ import annotations

from typing import TypeVar

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
        raise ServerError(f"The prompt has {len(tokens)} tokens and does not fit into the context length of {context}.")
    keep = context - max(1, context // 8)
    if policy == "rollingWindow":
        return tokens[-keep:]
    head = keep // 2
    return tokens[:head] + tokens[-(keep - head) :]
