"""The `files` namespace: a client gives us a file and gets a name by which its messages can refer to it."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Any, NoReturn

from lmnb.server import files as uploads
from lmnb.server import wire
from lmnb.server.endpoints import Endpoints
from lmnb.server.errors import ServerError

if TYPE_CHECKING:
    from lmnb.server.files import Files, Upload
    from lmnb.server.session import Channel

AT_A_TIME = 2
"""Files that are written at a time: each takes a thread and some memory."""


class ToUpload(wire.Camel):
    """A file."""

    name: str
    content_base64: str


def namespace(files: Files) -> Endpoints:
    """Its endpoints."""
    room = Endpoints()
    writing = asyncio.Semaphore(AT_A_TIME)

    async def upload(client: str, asked: ToUpload) -> dict[str, Any]:
        reserved = files.reserve(client, asked.name, asked.content_base64)
        async with writing:
            kept = await _filled(files, client, reserved, asked.content_base64)
        files.settle(client, kept)
        return {"identifier": kept.identifier, "fileType": kept.type, "sizeBytes": kept.size_bytes}

    room.personal("uploadFileBase64", ToUpload, upload)
    room.rpc("getLocalFileAbsolutePath", object, _no_paths)
    room.rpc("getDocumentParsingLibrary", object, _no_library)
    for name in ("retrieve", "parseDocument"):
        room.channel(name, object, _no_documents)
    return room


async def _filled(files: Files, client: str, upload: Upload, text: str) -> Upload:
    """The upload with its bytes, or without a trace."""
    writing = asyncio.ensure_future(asyncio.to_thread(uploads.fill, upload, text))
    try:
        return await asyncio.shield(writing)
    except BaseException:  # cancelled too: the thread goes on for a moment
        writing.add_done_callback(lambda _: files.drop(client, upload))
        raise


async def _no_paths(_: Any) -> NoReturn:
    raise ServerError("lmnb's own server does not tell where files lie on this computer.")


async def _no_library(_: Any) -> NoReturn:
    raise _no_parser()


async def _no_documents(_: Channel, _asked: Any) -> NoReturn:
    raise _no_parser()


def _no_parser() -> ServerError:
    return ServerError("lmnb's own server does not read or search documents: use LM Studio for them.")
