"""Which models there are, and which runner each of them needs."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    from lmnb.server.models import LoadRequest, Model, Report, Runner


class Loader:
    """Knows the models of this computer and loads them.

    Args:
        files: GGUF files to offer besides those in the usual folders.
        scripted: Whether to offer the scripted models of the tests.
    """

    def __init__(self, files: Sequence[Path], *, scripted: bool) -> None:
        self._files = files
        self._scripted = scripted

    def known(self) -> list[Model]:
        """All models that can be loaded."""
        found: list[Model] = []
        if self._scripted:
            from lmnb.server import scripted  # noqa: PLC0415  only for tests

            found += scripted.MODELS
        return found

    async def load(self, model: Model, request: LoadRequest, report: Report) -> Runner:
        """Load one.

        Raises:
            ServerError: If that cannot be done, with the reason.
        """
        from lmnb.server import scripted  # noqa: PLC0415  only for tests

        return await scripted.load(model, request, report)
