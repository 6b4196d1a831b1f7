"""Which models there are, and which runner each of them needs."""

from __future__ import annotations

import asyncio
import importlib.util
from typing import TYPE_CHECKING

from lmnb.server import store
from lmnb.server.catalog import Catalog
from lmnb.server.errors import ServerError

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
        self._catalog = Catalog(files)
        self._scripted = scripted

    def known(self) -> list[Model]:
        """All models that can be loaded. Quick, but for a file that was never seen before: 0.1 s."""
        found: list[Model] = []
        if self._scripted:
            from lmnb.server import scripted  # noqa: PLC0415  only for tests

            found += scripted.MODELS
        return found + self._catalog.models()

    async def load(self, model: Model, request: LoadRequest, report: Report) -> Runner:
        """Load one. Cancelling the task ends the load.

        Raises:
            ServerError: If that cannot be done, with the reason.
        """
        if model.file is None:
            from lmnb.server import scripted  # noqa: PLC0415  only for tests

            return await scripted.load(model, request, report)
        if model.damage:
            raise ServerError(f"“{model.key}” cannot be loaded: its file {model.file} is no good.", cause=model.damage)
        try:
            await asyncio.to_thread(store.check, model.file)  # bytes that changed in the middle show only in its sum
        except (store.StoreError, OSError) as error:
            title, *more = str(error).splitlines()
            raise ServerError(title, suggestion=" ".join(more) or None) from None
        if importlib.util.find_spec("xllamacpp") is None:
            raise ServerError(
                "lmnb's own server has no engine to load models with.",
                cause="The package xllamacpp is not installed.",
                suggestion="Install it with: pip install 'lmnb[local]'",
            )
        from lmnb.server import engine  # noqa: PLC0415  not needed to list

        return await engine.load(model, request, report)
