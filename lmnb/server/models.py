"""What is known of a model on disk, and what a loaded one can do."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Literal, Protocol

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, Mapping
    from pathlib import Path

    from lmnb.server.files import Upload
    from lmnb.server.predictions import Job, Outcome
    from lmnb.server.settings import Prediction
    from lmnb.server.wire import History

    Report = Callable[[float], Awaitable[None]]  # told how far a load has come, 0 to 1

Domain = Literal["llm", "embedding"]

EMBEDDING = "text-embedding-"
"""With which LM Studio begins the keys of embedding models; who asks for one may leave it out."""


@dataclass(frozen=True)
class Model:
    """A model that can be loaded.

    Attributes:
        key: Its name.
        path: `publisher/repository/file`, as LM Studio says it.
        file: Where it is; None for a scripted one.
        max_context: Tokens it was trained for.
        damage: Why it cannot be loaded, a sentence; None: nothing is known against it.
        layers: How many it has.
        vision: Whether it can look at pictures.
        projector: The file that turns pictures into what it reads, for a model that has one.
    """

    key: str
    path: str
    title: str
    size_bytes: int
    max_context: int
    domain: Domain = "llm"
    file: Path | None = None
    architecture: str | None = None
    params: str | None = None
    quantization: str | None = None
    tool_use: bool = False
    damage: str | None = None
    layers: int = 0
    vision: bool = False
    projector: Path | None = None

    def info(self) -> dict[str, Any]:
        """Its description in the protocol; publisher and what follows it are for JavaScript clients."""
        said: dict[str, Any] = {
            "type": self.domain,
            "modelKey": self.key,
            "format": "gguf",
            "displayName": self.title,
            "path": self.path,
            "sizeBytes": self.size_bytes,
            "maxContextLength": self.max_context,
            "publisher": self.path.split("/", maxsplit=1)[0],
            "indexedModelIdentifier": self.path,
            "deviceIdentifier": None,
        }
        if self.params:
            said["paramsString"] = self.params
        if self.architecture:
            said["architecture"] = self.architecture
        if self.quantization:
            said["quantization"] = {"name": self.quantization, "bits": _bits(self.quantization)}
        if self.domain == "llm":
            said |= {"vision": self.vision, "trainedForToolUse": self.tool_use}
        return said


def _bits(quantization: str) -> int:
    digits = [letter for letter in quantization if letter.isdigit()]
    return int("".join(digits[:2])) if quantization.startswith(("F", "BF")) else int(digits[0]) if digits else 0


class Runner(Protocol):
    """A loaded model. Whatever it raises to be told is a `ServerError`."""

    context: int
    """Its context length in tokens."""

    async def predict(self, job: Job) -> Outcome:
        """Write an answer. Cancelling the task stops it and frees the slot."""

    async def tokenize(self, text: str, *, special: bool = False) -> list[int]:
        """The tokens of a text, with or without those that begin and end one."""

    async def embed(self, text: str) -> list[float]:
        """The embedding of a text. Cancelling the task gives it up."""

    async def format(
        self,
        history: History,
        settings: Prediction,
        tools: list[dict[str, Any]],
        *,
        files: Mapping[str, Upload],
        bos: bool,
        eos: bool,
    ) -> str:
        """The history as the text the model reads, with or without the tokens that begin and end texts."""

    async def close(self) -> None:
        """Give back what it took."""


@dataclass
class LoadRequest:
    """How a model is to be loaded."""

    settings: dict[str, Any] = field(default_factory=dict)

    def get(self, key: str, otherwise: Any = None) -> Any:
        """The value of a load setting by its last words: `llm.load.<key>`, `embedding.load.<key>` or `load.<key>`."""
        for prefix in ("llm.load.", "embedding.load.", "load."):
            if (value := self.settings.get(prefix + key)) is not None:
                return value
        return otherwise
