"""What a model file says of itself. The file may be cut short or made up: reading is bounded, nothing is believed."""

from __future__ import annotations

import math
import re
import struct
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, BinaryIO

if TYPE_CHECKING:
    from pathlib import Path

LARGEST_HEADER = 256 << 20
"""Bytes. The largest vocabularies there are take about 20 MB."""

LONGEST_TEXT = 1 << 20
"""Bytes of a text that is kept: a chat template; the longest known has 30 kB."""

MOST_ENTRIES, MOST_TENSORS, MOST_ITEMS, DEEPEST = 1 << 16, 1 << 20, 1 << 23, 4

STRING, ARRAY = 8, 9
SCALARS = {0: "B", 1: "b", 2: "H", 3: "h", 4: "I", 5: "i", 6: "f", 7: "?", 10: "Q", 11: "q", 12: "d"}
SIZES = {kind: struct.calcsize("<" + code) for kind, code in SCALARS.items()}

QUANTIZATIONS = {
    0: "F32",
    1: "F16",
    2: "Q4_0",
    3: "Q4_1",
    7: "Q8_0",
    8: "Q5_0",
    9: "Q5_1",
    10: "Q2_K",
    11: "Q3_K_S",
    12: "Q3_K_M",
    13: "Q3_K_L",
    14: "Q4_K_S",
    15: "Q4_K_M",
    16: "Q5_K_S",
    17: "Q5_K_M",
    18: "Q6_K",
    19: "IQ2_XXS",
    20: "IQ2_XS",
    21: "Q2_K_S",
    22: "IQ3_XS",
    23: "IQ3_XXS",
    24: "IQ1_S",
    25: "IQ4_NL",
    26: "IQ3_S",
    27: "IQ3_M",
    28: "IQ2_S",
    29: "IQ2_M",
    30: "IQ4_XS",
    31: "IQ1_M",
    32: "BF16",
    36: "TQ1_0",
    37: "TQ2_0",
    38: "MXFP4",
}
"""Names of `general.file_type`."""

ENCODERS = {"bert", "nomic-bert", "nomic-bert-moe", "jina-bert-v2", "jina-bert-v3", "modern-bert", "neo-bert"} | {
    "eurobert",
    "gemma-embedding",
    "t5encoder",
}
"""Architectures that only embed."""


class DamagedError(Exception):
    """The file is no model that can be loaded; the text is a sentence that says why."""


@dataclass(frozen=True)
class Metadata:
    """What a file says.

    Attributes:
        kind: `model`, or what else it is: `mmproj`, `adapter`, `imatrix`, …
        name: As its maker calls it; empty if he does not.
        params: Its size in the maker's words, `135M`, or counted.
        context: Tokens it was trained for; 0 if it does not say.
        embedding: Whether it embeds instead of writing.
        pooled: Whether it says how an embedding is made of those of its tokens.
        template: Its chat template.
        layers: How many there are.
    """

    architecture: str
    kind: str = "model"
    name: str = ""
    params: str | None = None
    quantization: str | None = None
    context: int = 0
    embedding: bool = False
    template: str | None = None
    layers: int = 0
    pooled: bool = False

    @property
    def tools(self) -> bool:
        """Whether its template speaks of tools."""
        return bool(self.template and re.search(r"\btools\b", self.template))


def read(path: Path, *, whole: bool = True) -> Metadata:
    """Read a file's metadata. Blocks; about 50 ms, as every word of the vocabulary has to be passed over.

    Args:
        path: The file.
        whole: Whether all tensors should be in it, and not in further files.

    Raises:
        DamagedError: If it is not a GGUF file, or not all of one.
        OSError: If it cannot be read.
    """
    size = path.stat().st_size
    with path.open("rb") as file:
        reader = _Reader(file, size)
        try:
            tensors, entries = _head(reader)
            values = _values(reader, entries)
            parameters, last = _tensors(reader, tensors)
        except (struct.error, OverflowError, MemoryError):
            raise DamagedError("Its header makes no sense.") from None
    begin = _aligned(reader.position, values)
    if whole and last is not None and begin + last >= size:
        raise DamagedError(
            f"It is incomplete: it ends after {_megabytes(size)} of at least {_megabytes(begin + last)}."
        )
    return _metadata(values, parameters)


class _Reader:
    """Reads on, never beyond the end."""

    def __init__(self, file: BinaryIO, size: int) -> None:
        self._file = file
        self._end = min(size, LARGEST_HEADER)
        self.position = 0

    def take(self, count: int) -> bytes:
        data = self._file.read(self._bounded(count))
        if len(data) != count:
            raise DamagedError("It is incomplete: it ends within its header.")
        return data

    def skip(self, count: int) -> None:
        self._file.seek(self._bounded(count), 1)

    def number(self, code: str) -> Any:
        return struct.unpack("<" + code, self.take(struct.calcsize("<" + code)))[0]

    def text(self) -> str:
        length = self.number("Q")
        if length > LONGEST_TEXT:
            raise DamagedError("A text in its header is too long.")
        return self.take(length).decode(errors="replace")

    def _bounded(self, count: int) -> int:
        self.position += count
        if self.position > self._end:
            raise DamagedError("It is incomplete: it ends within its header.")
        return count


def _head(reader: _Reader) -> tuple[int, int]:
    """How many tensors and how many values follow."""
    if reader.take(4) != b"GGUF":
        raise DamagedError("It is not a GGUF file.")
    version = reader.number("I")
    if version not in {2, 3}:
        raise DamagedError(f"It is written in version {version} of GGUF; versions 2 and 3 can be read.")
    tensors, entries = reader.number("Q"), reader.number("Q")
    if tensors > MOST_TENSORS or entries > MOST_ENTRIES:
        raise DamagedError("Its header makes no sense.")
    return tensors, entries


def _values(reader: _Reader, entries: int) -> dict[str, Any]:
    """The single values by key; lists are passed over."""
    values: dict[str, Any] = {}
    for _ in range(entries):
        key, kind = reader.text(), reader.number("I")
        if kind in SCALARS:
            values[key] = reader.number(SCALARS[kind])
        elif kind == STRING:
            values[key] = reader.text()
        else:
            _pass_over(reader, kind)
    return values


def _pass_over(reader: _Reader, kind: int, depth: int = 0) -> None:
    if kind in SIZES:
        reader.skip(SIZES[kind])
    elif kind == STRING:
        reader.skip(reader.number("Q"))
    elif kind == ARRAY and depth < DEEPEST:
        inner, count = reader.number("I"), reader.number("Q")
        if count > MOST_ITEMS:
            raise DamagedError("A list in its header is too long.")
        if inner in SIZES:
            reader.skip(SIZES[inner] * count)
        else:
            for _ in range(count):
                _pass_over(reader, inner, depth + 1)
    else:
        raise DamagedError("Its header makes no sense.")


def _tensors(reader: _Reader, count: int) -> tuple[int, int | None]:
    """The number of parameters, and where the last tensor begins among the data."""
    parameters, last = 0, None
    for _ in range(count):
        reader.skip(reader.number("Q"))
        dimensions = reader.number("I")
        if dimensions > 8:
            raise DamagedError("Its header makes no sense.")
        parameters += math.prod(struct.unpack(f"<{dimensions}Q", reader.take(8 * dimensions)))
        _, offset = struct.unpack("<IQ", reader.take(12))
        last = max(last or 0, offset)
    return parameters, last


def _aligned(position: int, values: dict[str, Any]) -> int:
    alignment = values.get("general.alignment")
    step = alignment if isinstance(alignment, int) and 0 < alignment <= 1 << 20 else 32
    return -(-position // step) * step


def _metadata(values: dict[str, Any], parameters: int) -> Metadata:
    architecture = _line(values.get("general.architecture"))
    if not architecture:
        raise DamagedError("It does not say which architecture it has.")
    template = values.get("tokenizer.chat_template")
    file_type = values.get("general.file_type")
    pooled = _count(values.get(f"{architecture}.pooling_type")) > 0
    return Metadata(
        architecture=architecture,
        kind="mmproj" if architecture == "clip" else _line(values.get("general.type")) or "model",
        name=_line(values.get("general.name")),
        params=_line(values.get("general.size_label")) or _counted(parameters),
        quantization=QUANTIZATIONS.get(file_type) if isinstance(file_type, int) else None,
        context=_count(values.get(f"{architecture}.context_length")),
        embedding=architecture in ENCODERS or pooled,
        template=template if isinstance(template, str) else None,
        layers=_count(values.get(f"{architecture}.block_count")),
        pooled=pooled,
    )


def _line(value: Any) -> str:
    """A short text on one line, whatever was there."""
    text = value if isinstance(value, str) else ""
    return " ".join("".join(letter if letter.isprintable() else " " for letter in text[:200]).split())


def _count(value: Any) -> int:
    return value if isinstance(value, int) and not isinstance(value, bool) and 0 <= value < 1 << 31 else 0


def _counted(parameters: int) -> str | None:
    for letter, unit in (("B", 10**9), ("M", 10**6), ("K", 10**3)):
        if parameters >= unit:
            digits = 1 if parameters < 10 * unit else 0
            return f"{parameters / unit:.{digits}f}".removesuffix(".0") + letter
    return None


def _megabytes(size: int) -> str:
    return f"{size / 1e6:,.0f} MB"
