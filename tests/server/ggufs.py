"""Model files for tests: small ones made up, and a real one with another chat template."""

from __future__ import annotations

import struct
from typing import TYPE_CHECKING, Any

from lmnb.server import gguf

if TYPE_CHECKING:
    from pathlib import Path

LLAMA = {
    "general.architecture": "llama",
    "general.name": "Tiny Llama",
    "general.size_label": "1K",
    "general.file_type": 2,
    "llama.context_length": 2048,
    "llama.block_count": 3,
    "tokenizer.ggml.tokens": ["a", "b"],
    "tokenizer.chat_template": "{% for message in messages %}{{ message.content }}{% endfor %}",
}


def text(value: str) -> bytes:
    data = value.encode()
    return struct.pack("<Q", len(data)) + data


def value(of: Any) -> bytes:
    match of:
        case bool():
            return struct.pack("<I?", 7, of)
        case int():
            return struct.pack("<II", 4, of)
        case float():
            return struct.pack("<If", 6, of)
        case str():
            return struct.pack("<I", 8) + text(of)
        case list():
            inner = [value(each) for each in of] or [value(0)]
            return (
                struct.pack("<I", 9)
                + inner[0][:4]
                + struct.pack("<Q", len(of))
                + b"".join(i[4:] for i in inner[: len(of)])
            )
    raise TypeError(of)


def make(path: Path, values: dict[str, Any] | None = None, *, size: int = 288, **changes: Any) -> Path:
    """A file with two tensors of so many bytes; `changes` are values by the last words of their keys, None removes."""
    said = dict(LLAMA if values is None else values)
    for name, change in changes.items():
        key = next((key for key in said if key.endswith("." + name)), f"general.{name}")
        said[key] = change
    said = {key: each for key, each in said.items() if each is not None}
    head = b"GGUF" + struct.pack("<IQQ", 3, 2, len(said))
    head += b"".join(text(key) + value(each) for key, each in said.items())
    for number, name in enumerate(("one", "two")):
        head += text(name) + struct.pack("<IQQIQ", 2, 32, 16, 2, number * size)
    head += b"\0" * (-len(head) % 32)
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(head + b"\0" * (2 * size))
    return path


def with_template(source: Path, target: Path, template: str) -> Path:
    """A copy of a model with another chat template."""
    with source.open("rb") as file:
        reader = gguf._Reader(file, source.stat().st_size)
        tensors, entries = gguf._head(reader)
        values = gguf._values(reader, entries)
        gguf._tensors(reader, tensors)
        end = reader.position
        data = gguf._aligned(end, values)
        file.seek(0)
        head = file.read(end)
        old = value(values["tokenizer.chat_template"])
        assert head.count(old) == 1
        head = head.replace(old, value(template))
        file.seek(data)
        with target.open("wb") as copy:
            copy.write(head + b"\0" * (-len(head) % 32))
            while piece := file.read(1 << 20):
                copy.write(piece)
    return target
