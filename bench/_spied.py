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
    """An engine whose questions and numbers are written down; in between nothing is added."""

    notes: Path

    async def stream(self, path: str, body: dict[str, Any]) -> AsyncGenerator[dict[str, Any], None]:
        """Write down what is asked, and what is said last."""
        where = self._address
        assert where is not None
        self._note({"host": where.host, "port": where.port, "key": where.key, "path": path, "body": body})
        event: dict[str, Any] = {}
        async with contextlib.aclosing(super().stream(path, body)) as events:
            async for event in events:
                yield event
        self._note({"timings": event.get("timings")})

    def _note(self, what: dict[str, Any]) -> None:
        with self.notes.open("a") as file:
            file.write(json.dumps(what) + "\n")


if __name__ == "__main__":
    import lmnb.server.engine

    Spied.notes = Path(sys.argv[1])
    lmnb.server.engine.Child = Spied  # type: ignore[misc]
    sys.exit(main(sys.argv[2:]))
