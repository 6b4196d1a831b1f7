"""What servers have said of their models, as last heard: for lists that nobody may wait for. Reading it asks nobody."""

from __future__ import annotations

import asyncio
import threading
from typing import TYPE_CHECKING

from lmnb.studio import logs

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    import lmstudio as lms

    from lmnb.studio.choosing import Model
    from lmnb.studio.hosts import Place

WAIT = 0.15
"""Seconds for the first look at the models folders, which has to import what reads them: 0.05 to 0.1 while nothing else
is imported. Later ones wait for nothing; a file never seen before is in the list of the next."""

_loaded: dict[str, Sequence[Model]] = {}
_downloaded: dict[str, Sequence[Model]] = {}
_last: list[str] = []
_asked: set[str] = set()
_tasks: set[asyncio.Task[None]] = set()


def hear(place: Place, *, loaded: Sequence[Model] | None = None, downloaded: Sequence[Model] | None = None) -> None:
    """Remember what a server has answered to somebody who asked it.

    Args:
        place: The server.
        loaded: The language models that are loaded there.
        downloaded: The models that it has on disk.
    """
    if loaded is not None:
        _loaded[place.host] = loaded
    if downloaded is not None:
        _downloaded[place.host] = downloaded
    _last[:] = [place.host]


def ask_later(client: lms.AsyncClient, place: Place) -> None:
    """Ask a server that is connected what it has on disk, once in this process; nobody waits for it. I/O thread."""
    if place.host in _asked:
        return
    _asked.add(place.host)
    task = asyncio.get_running_loop().create_task(_ask(client, place))
    _tasks.add(task)
    task.add_done_callback(_tasks.discard)


async def _ask(client: lms.AsyncClient, place: Place) -> None:
    from lmnb.studio import choosing  # noqa: PLC0415 - which tells this module what it hears

    try:
        await choosing.downloaded(client, place)
    except Exception as error:  # noqa: BLE001  the list stays shorter, and whoever asks for a model is told why
        logs.log.info("The models of %s are not known: %r", place.host, error)


def known_models(host: str | None = None) -> Mapping[str, str]:
    """The names of language models as far as they are known, each with what is said beside it. Starts nothing.

    Until a server has said what it has, those in the models folders of this computer count. Blocks for `WAIT` at most,
    the first time; from any thread.

    Args:
        host: `"address:port"` of the server that is meant; None: the one that spoke last.
    """
    host = host or (_last[0] if _last else "")
    on_disk = {model.key: model.note for model in _downloaded.get(host, ()) if model.kind == "llm"}
    here = {model.identifier or model.key: model.note for model in _loaded.get(host, ())}
    found = {**(on_disk if host in _downloaded else _disk.names()), **here}
    return dict(sorted(found.items(), key=lambda one: "loaded" not in one[1]))


class _Disk:
    """The models folders, read on a thread of their own, at most once at a time."""

    def __init__(self) -> None:
        self._names: dict[str, str] = {}
        self._reading: threading.Thread | None = None

    def names(self) -> Mapping[str, str]:
        """What was found the last time; the folders are looked at once more for the next time."""
        first = self._reading is None
        if self._reading is None or not self._reading.is_alive():
            self._reading = threading.Thread(target=self._read, name="lmnb-models", daemon=True)
            self._reading.start()
        if first:
            self._reading.join(WAIT)
        return self._names

    def _read(self) -> None:
        from lmnb.server import store  # noqa: PLC0415  a program of its own; this is asked what is on disk
        from lmnb.studio.choosing import size  # noqa: PLC0415

        try:
            found = store.on_disk()
        except Exception as error:  # noqa: BLE001  nobody waits for it, and nobody would read a traceback
            logs.log.info("The models folders cannot be read: %r", error)
            return
        self._names = {model.key: size(model.size_bytes) for model in found if model.domain == "llm"}


_disk = _Disk()
