"""Which models lie on this computer, under which keys; what their files say is remembered, so that looking is quick."""

from __future__ import annotations

import contextlib
import logging
import os
import re
import threading
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import msgspec

from lmnb.server import gguf, places
from lmnb.server.models import EMBEDDING, Model

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

log = logging.getLogger(__name__)

DEEPEST = 4
"""Folders below a models folder that are looked into: links may lead in circles."""

SHARD = re.compile(r"(?i)-(\d{5})-of-(\d{5})$")
QUANTIZATION = re.compile(r"(?i)[-._]((?:UD-)?(?:I?Q\d\w*|T?Q\d_\d|MXFP4\w*|B?F16|F32))$")
PROJECTOR = re.compile(r"(?i)(?!\.).*mmproj.*\.gguf$")
UNKNOWN_CONTEXT = 4096
"""Tokens assumed of a model that does not say how many it was trained for."""


def roots() -> list[Path]:
    """The folders in which models are looked for: our own, then LM Studio's."""
    return [places.models_folder(), Path.home() / ".lmstudio" / "models"]


class Note(msgspec.Struct, array_like=True):
    """What was found out about a file, valid while its size and its time stay the same."""

    size: int
    modified: int
    architecture: str = ""
    kind: str = ""
    params: str | None = None
    quantization: str | None = None
    context: int = 0
    embedding: bool = False
    tools: bool = False
    layers: int = 0
    damage: str | None = None


@dataclass(frozen=True)
class _Found:
    publisher: str
    repository: str
    file: Path
    note: Note
    size: int
    projector: Path | None = None

    @property
    def path(self) -> str:
        return f"{self.publisher}/{self.repository}/{self.file.name}"

    @property
    def key(self) -> str:
        name = re.sub(r"(?i)-gguf$", "", self.repository).lower()
        return f"{EMBEDDING}{name.removeprefix(EMBEDDING)}" if self.note.embedding else name

    @property
    def stem(self) -> str:
        return SHARD.sub("", self.file.stem).lower()


class Catalog:
    """The models on disk. From any thread.

    Args:
        files: GGUF files to list besides those in the folders.
        folders: Where to look; None: `roots()`.
    """

    def __init__(self, files: Sequence[Path] = (), folders: Sequence[Path] | None = None) -> None:
        self._files = [file.expanduser().resolve() for file in files]
        self._folders = folders
        self._notes: dict[str, Note] | None = None
        self._lock = threading.Lock()

    def models(self) -> list[Model]:
        """All of them, those that cannot be loaded with their `damage`.

        Blocks: some milliseconds, and for each file that was never seen before as long as `gguf.read`.
        """
        with self._lock:
            if self._notes is None:
                self._notes = _remembered()
            before = dict(self._notes)
            found = list(self._found())
            if self._notes != before:
                _remember(self._notes)
        return [_model(key, one) for key, one in _keyed(found)]

    def _found(self) -> Iterator[_Found]:
        seen: set[Path] = set()
        for folder in roots() if self._folders is None else self._folders:
            for file in _files(folder):
                if (real := file.resolve()) not in seen:
                    seen.add(real)
                    yield from self._look(file, *_names(file.relative_to(folder)))
        for file in self._files:
            if file not in seen:
                seen.add(file)
                yield from self._look(file, "local", QUANTIZATION.sub("", SHARD.sub("", file.stem)))

    def _look(self, file: Path, publisher: str, repository: str) -> Iterator[_Found]:
        shards = _shards(file)
        if shards[:1] != [file]:  # a further shard belongs to the first
            return
        try:
            stat = file.stat()
            there = [shard for shard in shards if shard.exists()]
            size = sum(shard.stat().st_size for shard in there)
        except OSError as error:
            log.info("%s cannot be listed: %s", file, error)
            return
        note = self._note(file, stat, whole=len(shards) == 1)
        if not note.damage and len(there) < len(shards):
            missing = next(shard.name for shard in shards if shard not in there)
            note = msgspec.structs.replace(note, damage=f"{missing} is missing beside it.")
        if note.kind == "model" or note.damage:
            yield _Found(publisher, repository, file, note, size, self._projector(file, repository))

    def _projector(self, file: Path, repository: str) -> Path | None:
        """The file beside a model with which it sees: one that names the model, else one of the model's own folder."""
        beside = _projectors(file.parent)
        named = [other for other in beside if _bare(file) in other.stem.lower()]
        own = beside if file.parent.name == repository else []
        for other in [*named, *own]:
            with contextlib.suppress(OSError):
                note = self._note(other, other.stat(), whole=True)
                if note.kind == "mmproj" and not note.damage:
                    return other
        return None

    def _note(self, file: Path, stat: os.stat_result, *, whole: bool) -> Note:
        assert self._notes is not None
        note = self._notes.get(str(file))
        if note is None or (note.size, note.modified) != (stat.st_size, stat.st_mtime_ns):
            note = self._notes[str(file)] = _read(file, stat, whole=whole)
        return note


def _read(file: Path, stat: os.stat_result, *, whole: bool) -> Note:
    note = Note(stat.st_size, stat.st_mtime_ns)
    try:
        found = gguf.read(file, whole=whole)
    except (gguf.DamagedError, OSError) as error:
        log.info("%s cannot be loaded: %s", file, error)
        return msgspec.structs.replace(note, damage=str(error))
    said = {name: value for name, value in asdict(found).items() if name not in {"name", "template", "pooled"}}
    return msgspec.structs.replace(note, **said, tools=found.tools)


# ---- files


def _files(folder: Path) -> Iterator[Path]:
    """The GGUF files in a folder; what begins with a dot, and what is not complete yet, has another ending."""
    for place, folders, names in os.walk(folder, followlinks=True):
        depth = len(Path(place).relative_to(folder).parts)
        folders[:] = sorted(name for name in folders if not name.startswith(".")) if depth < DEEPEST else []
        for name in sorted(names):
            if name.lower().endswith(".gguf") and not name.startswith(".") and "mmproj" not in name.lower():
                yield Path(place) / name


def _projectors(folder: Path) -> list[Path]:
    """What may belong to the models of a folder; f16 comes first: it is what most are made for."""
    with contextlib.suppress(OSError):
        found = sorted(file for file in folder.iterdir() if PROJECTOR.match(file.name))
        return sorted(found, key=lambda file: not re.search(r"(?i)(?<!b)f16", file.name))
    return []


def _bare(file: Path) -> str:
    return QUANTIZATION.sub("", SHARD.sub("", file.stem)).lower()


def _names(path: Path) -> tuple[str, str]:
    """Publisher and repository of a file by where it lies below a models folder."""
    match path.parts:
        case [publisher, repository, *_, _]:
            return publisher, repository
        case [repository, _]:
            return "local", repository
        case _:
            return "local", QUANTIZATION.sub("", SHARD.sub("", path.stem))


def _shards(file: Path) -> list[Path]:
    """The files of a model that is split, in order; most have one."""
    found = SHARD.search(file.stem)
    if found is None:
        return [file]
    base, count = file.stem[: found.start()], min(int(found[2]), 999)
    return [file.with_name(f"{base}-{number:05}-of-{found[2]}{file.suffix}") for number in range(1, count + 1)]


# ---- keys


def _keyed(found: Sequence[_Found]) -> Iterator[tuple[str, _Found]]:
    """Each with its model key: the repository's name, longer where that would be the name of two."""
    taken: set[str] = set()
    for one in found:
        named_alike = [other for other in found if other.key == one.key]
        beside = [other for other in named_alike if other.publisher == one.publisher]
        key = one.key if named_alike[0].publisher == one.publisher else f"{one.publisher.lower()}/{one.key}"
        if len(beside) > 1:
            kinds = [(other.note.quantization or "").lower() for other in beside]
            mine = (one.note.quantization or "").lower()
            key += f"@{mine}" if mine and kinds.count(mine) == 1 else f"@{one.stem}"
        while key in taken:  # the same file name in two subfolders of a repository
            key += "'"
        taken.add(key)
        yield key, one


def _model(key: str, one: _Found) -> Model:
    named = QUANTIZATION.search(SHARD.sub("", one.file.stem))
    return Model(
        key=key,
        path=one.path,
        title=re.sub(r"(?i)-gguf$", "", one.repository).replace("-", " "),
        size_bytes=one.size,
        max_context=one.note.context or UNKNOWN_CONTEXT,
        domain="embedding" if one.note.embedding else "llm",
        file=one.file,
        architecture=one.note.architecture or None,
        params=one.note.params,
        quantization=one.note.quantization or (named[1].upper() if named else None),
        tool_use=one.note.tools,
        damage=one.note.damage,
        layers=one.note.layers,
        vision=one.projector is not None and not one.note.embedding,
        projector=one.projector,
    )


# ---- memory


def _remembered() -> dict[str, Note]:
    try:
        return msgspec.json.decode(places.listing_file().read_bytes(), type=dict[str, Note])
    except (OSError, msgspec.MsgspecError, UnicodeDecodeError):
        return {}  # it is only there to be quicker


def _remember(notes: dict[str, Note]) -> None:
    there = {path: note for path, note in notes.items() if Path(path).exists()}
    file = places.listing_file()
    fresh = file.with_suffix(f".{os.getpid()}")
    with contextlib.suppress(OSError):
        file.parent.mkdir(parents=True, exist_ok=True)
        fresh.write_bytes(msgspec.json.encode(there))
        fresh.replace(file)
