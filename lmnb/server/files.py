"""What clients have uploaded: each client's own, on the disk, until its last connection closes."""

from __future__ import annotations

import base64
import binascii
import codecs
import logging
import secrets
import tempfile
from collections import defaultdict
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path, PurePath
from typing import TYPE_CHECKING, Literal

from lmnb.server.errors import ServerError

if TYPE_CHECKING:
    from collections.abc import Iterator

FileType = Literal["image", "text/plain", "application/pdf", "application/word", "text/other", "unknown"]

log = logging.getLogger(__name__)

LARGEST = 64 << 20
"""Bytes of one file; as text it takes a third more, and that has to fit into a frame."""

MOST_OF_CLIENT, BYTES_OF_CLIENT = 1000, 512 << 20
"""How many files a client may have here at a time, and how many bytes of them."""

MOST_BYTES = 2 << 30
"""Of all clients."""

LONGEST_NAME = 255
"""Characters that are kept of a name."""

PIECE = 1 << 20
"""Letters of base64 that are read at a time: all at once would hold Python's lock for the whole of a large file."""

BEGINNINGS: tuple[tuple[int, bytes, FileType], ...] = (
    (0, b"\x89PNG\r\n\x1a\n", "image"),
    (0, b"\xff\xd8\xff", "image"),
    (0, b"GIF87a", "image"),
    (0, b"GIF89a", "image"),
    (0, b"BM", "image"),
    (8, b"WEBP", "image"),
    (0, b"%PDF-", "application/pdf"),
)
"""By which bytes at which place a file is known, whatever its name says."""

WORD = {".docx": b"PK\x03\x04", ".doc": b"\xd0\xcf\x11\xe0"}
PLAIN = {"", ".txt", ".text", ".md", ".log"}


@dataclass(frozen=True)
class Upload:
    """A file that is here.

    Attributes:
        identifier: By which its client refers to it.
        name: As the client calls it; no path is ever made of it.
    """

    identifier: str
    name: str
    type: FileType
    size_bytes: int
    _path: Path

    @property
    def is_image(self) -> bool:
        """Whether it is a picture."""
        return self.type == "image"

    @property
    def is_text(self) -> bool:
        """Whether it is text."""
        return self.type.startswith("text/")

    def read(self) -> bytes:
        """Its bytes. Blocks.

        Raises:
            ServerError: If it was dropped meanwhile.
        """
        try:
            return self._path.read_bytes()
        except OSError:
            raise not_here(self.name) from None

    def remove(self) -> None:
        """Take it off the disk."""
        with suppress(OSError):
            self._path.unlink(missing_ok=True)


class Files:
    """The files of all clients, in a folder that only this user can look into, and that ends with the process.

    For one thread.
    """

    def __init__(self) -> None:
        self._folder: tempfile.TemporaryDirectory[str] | None = None
        self._of: defaultdict[str, dict[str, Upload]] = defaultdict(dict)
        self._taken = 0

    def reserve(self, client: str, name: str, text: str) -> Upload:
        """A place for a file; `fill` brings its bytes.

        Args:
            client: Whose it is.
            name: What the client calls it.
            text: Its bytes in base64.

        Raises:
            ServerError: If there is no room for it, or the folder cannot be written.
        """
        size = _size(text)
        mine = self._of.get(client, {})
        if size > LARGEST:
            raise ServerError(f"“{name[:100]}” has {_megabytes(size)}; a file may have {_megabytes(LARGEST)}.")
        if len(mine) >= MOST_OF_CLIENT or size + sum(each.size_bytes for each in mine.values()) > BYTES_OF_CLIENT:
            raise ServerError(
                f"This client has {len(mine)} files here already; {MOST_OF_CLIENT} with {_megabytes(BYTES_OF_CLIENT)} "
                "are kept at a time.",
                suggestion="They go when the client disconnects.",
            )
        if self._taken + size > MOST_BYTES:
            raise ServerError(f"All clients together have {_megabytes(self._taken)} of files here: there is no room.")
        identifier = secrets.token_hex(16)
        upload = Upload(identifier, _clean(name), "unknown", size, self._home() / identifier)
        self._of[client][identifier] = upload
        self._taken += size
        return upload

    def find(self, client: str, identifier: str) -> Upload | None:
        """A client's file; nobody finds that of another one."""
        return self._of.get(client, {}).get(identifier)

    def settle(self, client: str, upload: Upload) -> None:
        """Its bytes are here and were looked at."""
        if self.find(client, upload.identifier):
            self._of[client][upload.identifier] = upload

    def drop(self, client: str, upload: Upload) -> None:
        """One file goes, whether its client is still there or not."""
        if self._of.get(client, {}).pop(upload.identifier, None):
            self._taken -= upload.size_bytes
        if not self._of.get(client):
            self._of.pop(client, None)
        upload.remove()

    def forget(self, client: str) -> None:
        """All files of a client go."""
        for upload in self._of.pop(client, {}).values():
            self._taken -= upload.size_bytes
            upload.remove()

    def _home(self) -> Path:
        if self._folder is None or not Path(self._folder.name).is_dir():  # a system may tidy /tmp up
            try:
                self._folder = tempfile.TemporaryDirectory(prefix="lmnb-files-", ignore_cleanup_errors=True)
            except OSError as error:
                raise _no_place(error) from None
        return Path(self._folder.name)


def fill(upload: Upload, text: str) -> Upload:
    """Write the bytes of a file, and see what it is. Blocks, but lets other threads run.

    Args:
        upload: From `Files.reserve`.
        text: The bytes in base64.

    Raises:
        ServerError: If that is no base64, or the disk is full.
    """
    beginning = b""
    try:
        with upload._path.open("xb") as file:
            for piece in _decoded(text):
                beginning = beginning or piece[: 1 << 16]
                file.write(piece)
    except (binascii.Error, ValueError):
        raise ServerError(f"The content of “{upload.name}” is no base64.") from None
    except OSError as error:
        raise _no_place(error) from None
    whole = len(beginning) == upload.size_bytes
    return Upload(upload.identifier, upload.name, kind(upload.name, beginning, whole), upload.size_bytes, upload._path)


def kind(name: str, beginning: bytes, whole: bool) -> FileType:
    """What a file is: by its first bytes, and, where they do not tell, by its name.

    Args:
        name: As its owner calls it.
        beginning: Its first bytes.
        whole: Whether these are all.
    """
    for place, mark, found in BEGINNINGS:
        if beginning[place : place + len(mark)] == mark:
            return found
    ending = PurePath(name).suffix.lower()
    if ending in WORD and beginning.startswith(WORD[ending]):
        return "application/word"
    if not _is_text(beginning, whole):
        return "unknown"
    return "text/plain" if ending in PLAIN else "text/other"


def not_here(name: str) -> ServerError:
    """A history names a file that this client has not uploaded, or not in this connection."""
    return ServerError(
        f"The file “{name[:100]}” is not here.",
        suggestion="A file is kept while its client is connected: upload it again.",
    )


def _size(text: str) -> int:
    return len(text) // 4 * 3 - (text.endswith("=") + text.endswith("=="))


def _decoded(text: str) -> Iterator[bytes]:
    for start in range(0, len(text), PIECE):
        piece = text[start : start + PIECE]
        found = base64.b64decode(piece, validate=True)
        if start + PIECE < len(text) and len(found) != PIECE // 4 * 3:  # an end in the middle
            raise ValueError
        yield found


def _is_text(beginning: bytes, whole: bool) -> bool:
    try:
        return "\0" not in codecs.getincrementaldecoder("utf-8")().decode(beginning, final=whole)
    except UnicodeDecodeError:
        return False


def _clean(name: str) -> str:
    return "".join(letter if letter.isprintable() else " " for letter in name[:LONGEST_NAME])


def _megabytes(size: int) -> str:
    return f"{size / (1 << 20):,.0f} MB"


def _no_place(error: OSError) -> ServerError:
    log.warning("An upload could not be kept: %s", error)
    return ServerError("The file cannot be kept on this computer's disk.", cause=error.strerror or str(error))
