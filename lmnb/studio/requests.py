"""What is asked for: everything a prediction needs, and no SDK types."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Mapping

    import lmstudio as lms

    from lmnb.chat.history import Message
    from lmnb.chat.window import Plan
    from lmnb.studio.thinking import Level


@dataclass(frozen=True)
class Request:
    """One prediction to be made.

    Attributes:
        messages: What was said, ending with what is to be answered. It is sent as it is.
        think: How much the model thinks first: `"off"`, `"low"`, `"high"`; None: as it does by itself.
        plan: In the place of messages: what may be sent, trimmed to what fits into the model's context.
        model: A model key or identifier, an SDK handle of either API style, or None for the one that is loaded.
        host: `"address:port"` (URL forms are understood). None: that of the handle, the environment's, a LM Studio that
            is found, lmnb's own server.
        api_token: For a server that asks for one; None: the environment's.
        config: Prediction parameters as the SDK spells them, in camelCase or snake_case.
        response_format: A schema, as the SDK takes it.
        chat: An SDK `Chat` that goes before the messages.
    """

    messages: tuple[Message, ...] = ()
    model: Any = None
    host: str | None = None
    api_token: str | None = None
    config: Mapping[str, Any] = field(default_factory=dict)
    response_format: Any = None
    chat: lms.Chat | None = None
    plan: Plan | None = None
    think: Level | None = None
