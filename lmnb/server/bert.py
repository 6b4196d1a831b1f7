"""From the files of a BERT model as its maker has them to the one GGUF file that llama.cpp reads.

Nothing is computed: the numbers are copied as they are, so that the same files always become the same bytes, whose
checksum is known. Only what small English sentence models need is done here: safetensors of 32 bits, WordPiece, mean.
"""

from __future__ import annotations

import json
import math
import re
import struct
from typing import IO, TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    Open = Callable[[str], IO[bytes]]

LARGEST_HEADER = 1 << 20
ALIGNMENT = 32
PIECE = 1 << 20
"""Bytes that are copied at a time."""

UINT32, FLOAT32, BOOL, STRING, ARRAY, INT32 = 4, 6, 7, 8, 9, 5
NORMAL, CONTROL = 1, 3
"""Kinds of tokens."""

MEAN = 1
"""llama.cpp's number for the pooling of sentence-transformers."""

NAMES = {
    "embeddings.word_embeddings": "token_embd",
    "embeddings.token_type_embeddings": "token_types",
    "embeddings.position_embeddings": "position_embd",
    "embeddings.LayerNorm": "token_embd_norm",
    "attention.self.query": "attn_q",
    "attention.self.key": "attn_k",
    "attention.self.value": "attn_v",
    "attention.output.dense": "attn_output",
    "attention.output.LayerNorm": "attn_output_norm",
    "intermediate.dense": "ffn_up",
    "output.dense": "ffn_down",
    "output.LayerNorm": "layer_output_norm",
}
"""What llama.cpp calls the parts of a model."""

LAYER = re.compile(r"encoder\.layer\.(\d+)\.(.+)")
LEFT_OUT = re.compile(r"embeddings\.position_ids|pooler\..*")
"""What is not needed to embed: the numbers from 0 to 511, and the head of another task."""


class Tensor:
    """A table of numbers in the source.

    Attributes:
        name: What llama.cpp calls it.
        shape: Its lengths, the outer one first.
        begin, end: Where it lies among the data.
    """

    def __init__(self, name: str, said: dict[str, Any]) -> None:
        if said["dtype"] != "F32":
            raise ValueError(f"{name} is in {said['dtype']}")
        self.name = name
        self.shape: list[int] = said["shape"]
        self.begin, self.end = said["data_offsets"]
        if self.end - self.begin != 4 * math.prod(self.shape):
            raise ValueError(f"{name} has the wrong size")


def gguf(title: str, licence: str, source: Open) -> Iterator[bytes]:
    """The GGUF file, piece by piece.

    Args:
        title: The model's name in it.
        licence: The model's, by its SPDX name.
        source: Opens one of the model's files: `config.json`, `vocab.txt`, `model.safetensors`.

    Raises:
        ValueError: If it is no such model.
        KeyError: If one of the files, or something in them, is missing.
    """
    with source("config.json") as file:
        config = json.load(file)
    with source("vocab.txt") as file:
        words = file.read().decode().splitlines()
    with source("model.safetensors") as file:
        size = struct.unpack("<Q", file.read(8))[0]
        if size > LARGEST_HEADER:
            raise ValueError("the header is too long")
        tensors = _tensors(json.loads(file.read(size)))
        yield _head(_values(title, licence, config, words), tensors)
        yield from _data(file, tensors)


# ---- what is said of the model


def _values(title: str, licence: str, config: dict[str, Any], words: list[str]) -> dict[str, tuple[int, Any]]:
    if config["model_type"] != "bert" or config["hidden_act"] != "gelu" or len(words) != config["vocab_size"]:
        raise ValueError("this is another kind of model")
    special = {
        word: number for number, word in enumerate(words) if word in {"[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]"}
    }
    return {
        "general.architecture": (STRING, "bert"),
        "general.type": (STRING, "model"),
        "general.name": (STRING, title),
        "general.license": (STRING, licence.lower()),
        "general.file_type": (UINT32, 0),
        "bert.block_count": (UINT32, config["num_hidden_layers"]),
        "bert.context_length": (UINT32, config["max_position_embeddings"]),
        "bert.embedding_length": (UINT32, config["hidden_size"]),
        "bert.feed_forward_length": (UINT32, config["intermediate_size"]),
        "bert.attention.head_count": (UINT32, config["num_attention_heads"]),
        "bert.attention.layer_norm_epsilon": (FLOAT32, config["layer_norm_eps"]),
        "bert.attention.causal": (BOOL, False),
        "bert.pooling_type": (UINT32, MEAN),
        "tokenizer.ggml.model": (STRING, "bert"),
        "tokenizer.ggml.token_type_count": (UINT32, config["type_vocab_size"]),
        "tokenizer.ggml.tokens": (STRING, [_word(word) for word in words]),
        "tokenizer.ggml.token_type": (INT32, [CONTROL if word in special else NORMAL for word in words]),
        "tokenizer.ggml.bos_token_id": (UINT32, special["[CLS]"]),
        "tokenizer.ggml.eos_token_id": (UINT32, special["[SEP]"]),
        "tokenizer.ggml.unknown_token_id": (UINT32, special["[UNK]"]),
        "tokenizer.ggml.seperator_token_id": (UINT32, special["[SEP]"]),  # llama.cpp spells it so
        "tokenizer.ggml.padding_token_id": (UINT32, special["[PAD]"]),
        "tokenizer.ggml.cls_token_id": (UINT32, special["[CLS]"]),
        "tokenizer.ggml.mask_token_id": (UINT32, special["[MASK]"]),
    }


def _word(word: str) -> str:
    """WordPiece marks the pieces that go on within a word, llama.cpp those that begin one."""
    if word.startswith("[") and word.endswith("]"):
        return word
    return word.removeprefix("##") if word.startswith("##") else f"▁{word}"


def _tensors(said: dict[str, Any]) -> list[Tensor]:
    """In the order in which they lie in the source, so that it is read from the beginning to the end."""
    kept = {name: each for name, each in said.items() if name != "__metadata__" and not LEFT_OUT.fullmatch(name)}
    return sorted((Tensor(_name(name), each) for name, each in kept.items()), key=lambda tensor: tensor.begin)


def _name(name: str) -> str:
    part, _, kind = name.rpartition(".")
    if layer := LAYER.fullmatch(part):
        return f"blk.{layer[1]}.{NAMES[layer[2]]}.{kind}"
    return f"{NAMES[part]}.{kind}"


# ---- how it is written


def _head(values: dict[str, tuple[int, Any]], tensors: list[Tensor]) -> bytes:
    head = b"GGUF" + struct.pack("<IQQ", 3, len(tensors), len(values))
    head += b"".join(_text(key) + _value(kind, value) for key, (kind, value) in values.items())
    place = 0
    for tensor in tensors:
        shape = tensor.shape[::-1]
        head += _text(tensor.name) + struct.pack(f"<I{len(shape)}Q", len(shape), *shape) + struct.pack("<IQ", 0, place)
        place += _padded(tensor.end - tensor.begin)
    return head + bytes(_padded(len(head)) - len(head))


def _value(kind: int, value: Any) -> bytes:
    if isinstance(value, list):
        return struct.pack("<IIQ", ARRAY, kind, len(value)) + b"".join(_one(kind, each) for each in value)
    return struct.pack("<I", kind) + _one(kind, value)


def _one(kind: int, value: Any) -> bytes:
    if kind == STRING:
        return _text(value)
    return struct.pack({UINT32: "<I", INT32: "<i", FLOAT32: "<f", BOOL: "<?"}[kind], value)


def _text(text: str) -> bytes:
    data = text.encode()
    return struct.pack("<Q", len(data)) + data


def _data(file: IO[bytes], tensors: list[Tensor]) -> Iterator[bytes]:
    """The tables one after the other; `file` stands at the beginning of the source's."""
    place = 0
    for tensor in tensors:
        for _ in _pieces(file, tensor.begin - place):  # what is left out; a member of a wheel has no other way forward
            pass
        yield from _pieces(file, tensor.end - tensor.begin)
        yield bytes(_padded(tensor.end - tensor.begin) - (tensor.end - tensor.begin))
        place = tensor.end


def _pieces(file: IO[bytes], count: int) -> Iterator[bytes]:
    while count > 0:
        piece = file.read(min(count, PIECE))
        if not piece:
            raise ValueError("the numbers end too early")
        count -= len(piece)
        yield piece


def _padded(size: int) -> int:
    return -(-size // ALIGNMENT) * ALIGNMENT
