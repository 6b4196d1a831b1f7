"""What is said to a client whose request cannot be done, in the protocol's form."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Sequence


class ServerError(Exception):
    """A failure with words for the person at the other end.

    Args:
        title: What happened, one line.
        cause: Why, as far as it is known.
        suggestion: What to do next.
        display_data: A code and its facts, for clients that know the code.
    """

    def __init__(
        self,
        title: str,
        *,
        cause: str | None = None,
        suggestion: str | None = None,
        display_data: dict[str, Any] | None = None,
    ) -> None:
        super().__init__(title)
        self.title = title
        self.cause = cause
        self.suggestion = suggestion
        self.display_data = display_data

    def wire(self) -> dict[str, Any]:
        """The error object of the protocol. The SDK prints more than a line only where there is more than a title."""
        more = {"cause": self.cause, "suggestion": self.suggestion, "displayData": self.display_data}
        said = {key: value for key, value in more.items() if value is not None}
        return {"title": self.title, "rootTitle": self.title, **said}


class DropConnectionError(Exception):
    """The scripted model wants the connection to break off, as a cable does."""


def no_loaded_model(query: dict[str, Any], loaded: Sequence[str]) -> ServerError:
    """Nothing that is loaded fits the query."""
    return _no_match(f"No loaded model fits the query {json.dumps(query)}.", query, loaded)


def no_model_on_disk(key: str, known: Sequence[str]) -> ServerError:
    """No model file goes by that key. SDK 1.5 has a class of its own only for this one of the codes."""
    there = f"There are {', '.join(known)}." if known else "There is none on disk."
    return _no_match(f"No model is called “{key}”. {there}", {"path": key}, known)


def _no_match(title: str, query: dict[str, Any], there: Sequence[str]) -> ServerError:
    data = {
        "code": "generic.noModelMatchingQuery",
        "query": query,
        "loadedModelsSample": list(there[:10]),
        "totalLoadedModels": len(there),
    }
    return ServerError(title, display_data=data)


def unloaded() -> ServerError:
    """The instance that is referred to is gone."""
    return ServerError("This model has been unloaded.", display_data={"code": "generic.specificModelUnloaded"})


def wrong_kind(path: str, actual: str, expected: str) -> ServerError:
    """An embedding model where a language model is wanted, or the other way round."""
    data = {"code": "generic.domainMismatch", "path": path, "actualDomain": actual, "expectedDomain": expected}
    return ServerError(f"“{path}” is a model for {actual}, not for {expected}.", display_data=data)


def no_preset(name: str) -> ServerError:
    """Presets belong to LM Studio's app."""
    data = {
        "code": "generic.presetNotFound",
        "specifiedFuzzyPresetIdentifier": name,
        "availablePresetsSample": [],
        "totalAvailablePresets": 0,
    }
    return ServerError(f"There is no preset “{name}”: lmnb's own server has none.", display_data=data)
