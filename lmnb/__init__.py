"""The notebook chat for local models."""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

from lmnb._version import __version__

if TYPE_CHECKING:
    from IPython.core.interactiveshell import InteractiveShell

    from lmnb.answer import Answer
    from lmnb.chat.problems import ChatError
    from lmnb.chat.reply import Reply
    from lmnb.context import attach, describe
    from lmnb.conversation import Conversation, load
    from lmnb.studio import models, start_server

__all__ = [
    "Answer",
    "ChatError",
    "Conversation",
    "Reply",
    "__version__",
    "attach",
    "describe",
    "load",
    "load_ipython_extension",
    "models",
    "start_server",
    "unload_ipython_extension",
]

_HOMES = {
    "Answer": "lmnb.answer",
    "ChatError": "lmnb.chat.problems",
    "Conversation": "lmnb.conversation",
    "Reply": "lmnb.chat.reply",
    "attach": "lmnb.context",
    "describe": "lmnb.context",
    "load": "lmnb.conversation",
    "models": "lmnb.studio",
    "start_server": "lmnb.studio",
}


if not TYPE_CHECKING:  # a checker would take every misspelt name for one of ours

    def __getattr__(name: str) -> Any:
        """Import a public name when it is first asked for: `import lmnb` stays quick."""
        if name not in _HOMES:
            raise AttributeError(f"module 'lmnb' has no attribute {name!r}")
        return getattr(import_module(_HOMES[name]), name)


def __dir__() -> list[str]:
    """The public names."""
    return __all__


def load_ipython_extension(shell: InteractiveShell) -> None:
    """Add `%%chat`, `%%lm` and `%lm` to a shell: `%load_ext lmnb`. Silent, no network."""
    from lmnb.notebook.extension import load  # noqa: PLC0415

    load(shell)


def unload_ipython_extension(shell: InteractiveShell) -> None:
    """Take them out again: `%unload_ext lmnb`."""
    from lmnb.notebook.extension import unload  # noqa: PLC0415

    unload(shell)
