"""The embedded server, telling a file what it asks which engine, and what that counts: `-m bench._spied FILE …`."""

from __future__ import annotations

import contextlib
import json
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any

from lmnb.server.__main__ import main
from lmnb.server.child import Child

if TYPE_CHECKING:
    from collections.abc import AsyncGenerator


class Spied(Child):
    """An engine whose questions and numbers are written down when it has answered, which costs an answer nothing."""

    notes: Path

    async def stream(self, path: str, body: dict[str, Any]) -> AsyncGenerator[dict[str, Any], None]:
        """As ever; then write down what was asked, and what was said last."""
        where = self._address
        assert where is not None
        event: dict[str, Any] = {}
        try:
            async with contextlib.aclosing(super().stream(path, body)) as events:
                async for event in events:
                    yield event
        finally:
            asked = {"host": where.host, "port": where.port, "key": where.key, "path": path, "body": body}
            self._note(asked | {"timings": event.get("timings")})

    def _note(self, what: dict[str, Any]) -> None:
        with self.notes.open("a") as file:
            file.write(json.dumps(what) + "\n")


if __name__ == "__main__":
    import lmnb.server.engine

    Spied.notes = Path(sys.argv[1])
    lmnb.server.engine.Child = Spied  # type: ignore[misc]
    sys.exit(main(sys.argv[2:]))
