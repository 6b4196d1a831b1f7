"""Model files for tests: small ones made up, and a real one with another chat template."""

from __future__ import annotations

import math
import random
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


PICTURE, PATCH, WIDTH, HIDDEN, WIDE = 28, 14, 32, 64, 576
"""Pixels of a picture's side and of a patch's; numbers of the made-up eye; of SmolLM2's tokens."""

EYE = {
    "general.architecture": "clip",
    "general.type": "mmproj",
    "general.file_type": 0,
    "clip.has_vision_encoder": True,
    "clip.projector_type": "mlp",
    "clip.use_gelu": True,
    "clip.vision.image_size": PICTURE,
    "clip.vision.patch_size": PATCH,
    "clip.vision.embedding_length": WIDTH,
    "clip.vision.feed_forward_length": HIDDEN,
    "clip.vision.projection_dim": WIDE,
    "clip.vision.block_count": 1,
    "clip.vision.attention.head_count": 2,
    "clip.vision.attention.layer_norm_epsilon": 1e-5,
    "clip.vision.image_mean": [0.5, 0.5, 0.5],
    "clip.vision.image_std": [0.5, 0.5, 0.5],
}


def projector(path: Path) -> Path:
    """A projector for SmolLM2 with made-up numbers: it is loaded and run like a real one, and sees nothing."""
    patches = (PICTURE // PATCH) ** 2
    shapes = {
        "v.class_embd": [WIDTH],
        "v.patch_embd.weight": [PATCH, PATCH, 3, WIDTH],
        "v.position_embd.weight": [WIDTH, patches + 1],
        "mm.0.weight": [WIDTH, WIDE],
        "mm.0.bias": [WIDE],
        "mm.2.weight": [WIDE, WIDE],
        "mm.2.bias": [WIDE],
    }
    for name in ("attn_q", "attn_k", "attn_v", "attn_out"):
        shapes |= {f"v.blk.0.{name}.weight": [WIDTH, WIDTH], f"v.blk.0.{name}.bias": [WIDTH]}
    shapes |= {"v.blk.0.ffn_up.weight": [WIDTH, HIDDEN], "v.blk.0.ffn_up.bias": [HIDDEN]}
    shapes |= {"v.blk.0.ffn_down.weight": [HIDDEN, WIDTH], "v.blk.0.ffn_down.bias": [WIDTH]}
    for name in ("v.pre_ln", "v.blk.0.ln1", "v.blk.0.ln2"):
        shapes |= {f"{name}.weight": [WIDTH], f"{name}.bias": [WIDTH]}
    numbers = random.Random(1)
    head, data = b"", b""
    for name, shape in shapes.items():
        head += text(name) + struct.pack(f"<I{len(shape)}QIQ", len(shape), *shape, 0, len(data))
        count = math.prod(shape)
        data += struct.pack(f"<{count}f", *(numbers.gauss(0, 0.1) for _ in range(count)))
        data += b"\0" * (-len(data) % 32)
    said = b"".join(text(key) + value(each) for key, each in EYE.items())
    whole = b"GGUF" + struct.pack("<IQQ", 3, len(shapes), len(EYE)) + said + head
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(whole + b"\0" * (-len(whole) % 32) + data)
    return path
