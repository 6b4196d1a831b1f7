"""What a model file says of itself, and what is said of files that are none."""

from __future__ import annotations

import contextlib
import struct

import pytest
from hypothesis import given
from hypothesis import strategies as st

from lmnb.server import gguf
from tests.server.ggufs import LLAMA, make


def test_it_says_what_it_is(tmp_path):
    found = gguf.read(make(tmp_path / "tiny.gguf"))
    assert found == gguf.Metadata(
        architecture="llama",
        name="Tiny Llama",
        params="1K",
        quantization="Q4_0",
        context=2048,
        template=LLAMA["tokenizer.chat_template"],
        layers=3,
    )
    assert not found.tools


def test_a_size_that_is_not_said_is_counted(tmp_path):
    assert gguf.read(make(tmp_path / "tiny.gguf", size_label=None)).params == "1K"  # 2 x 16 x 32
    assert [gguf._counted(count) for count in (999, 134_515_008, 1_235_814_400, 70_600_000_000)] == [
        None,
        "135M",
        "1.2B",
        "71B",
    ]


def test_a_template_that_speaks_of_tools(tmp_path):
    assert gguf.read(make(tmp_path / "tiny.gguf", chat_template="{% if tools %}…{% endif %}")).tools


@pytest.mark.parametrize(
    ("architecture", "pooling", "embedding"),
    [("llama", None, False), ("nomic-bert", 1, True), ("bert", None, True), ("qwen3", 3, True), ("qwen3", 0, False)],
)
def test_a_model_that_embeds(tmp_path, architecture, pooling, embedding):
    values = LLAMA | {"general.architecture": architecture, f"{architecture}.pooling_type": pooling}
    assert gguf.read(make(tmp_path / "tiny.gguf", values)).embedding is embedding


@pytest.mark.parametrize(("changes", "kind"), [({"architecture": "clip"}, "mmproj"), ({"type": "adapter"}, "adapter")])
def test_what_is_no_model(tmp_path, changes, kind):
    assert gguf.read(make(tmp_path / "tiny.gguf", **changes)).kind == kind


def test_words_of_its_maker_are_one_short_line(tmp_path):
    found = gguf.read(make(tmp_path / "tiny.gguf", name="Tiny\n\x1b[31mLlama\u202e " + "x" * 500))
    assert found.name.startswith("Tiny [31mLlama x")
    assert len(found.name) < 200


@pytest.mark.parametrize("value", ["many", -1, 1.5, [1, 2], True, None])
def test_a_context_length_that_is_no_number_is_unknown(tmp_path, value):
    values = {**LLAMA, "llama.context_length": value if value != -1 else 2**32 - 1}
    assert gguf.read(make(tmp_path / "tiny.gguf", values)).context == 0


@pytest.mark.parametrize("length", [0, 3, 4, 20, 100, -577, -500, -289])
def test_a_file_that_is_cut_short(tmp_path, length):
    file = make(tmp_path / "tiny.gguf")
    file.write_bytes(file.read_bytes()[:length])
    with pytest.raises(gguf.DamagedError, match=r"^It is (incomplete: it ends .+|not a GGUF file)\.$"):
        gguf.read(file)


def test_the_first_of_several_files_may_end_early(tmp_path):
    file = make(tmp_path / "tiny.gguf")
    file.write_bytes(file.read_bytes()[:-300])
    assert gguf.read(file, whole=False).architecture == "llama"


@pytest.mark.parametrize(
    ("head", "said"),
    [
        (b"GGML" + bytes(100), "not a GGUF file"),
        (b"GGUF" + struct.pack("<IQQ", 1, 0, 0), "version 1"),
        (b"GGUF" + struct.pack(">IQQ", 3, 0, 0), "version 50331648"),
        (b"GGUF" + struct.pack("<IQQ", 3, 0, 2**60), "makes no sense"),
        (b"GGUF" + struct.pack("<IQQQ", 3, 0, 1, 2**62), "too long"),
        (b"GGUF" + struct.pack("<IQQQ2sI", 3, 0, 1, 2, b"ab", 77), "makes no sense"),
        (b"GGUF" + struct.pack("<IQQQ2sIIQ", 3, 0, 1, 2, b"ab", 9, 8, 2**50), "too long"),
        (b"GGUF" + struct.pack("<IQQQ2sIIQ", 3, 0, 1, 2, b"ab", 9, 0, 2**22), "incomplete"),
        (b"GGUF" + struct.pack("<IQQQ2sI", 3, 0, 1, 2, b"ab", 9) + struct.pack("<IQ", 9, 1) * 9, "makes no sense"),
        (b"GGUF" + struct.pack("<IQQ", 3, 0, 0), "which architecture"),
    ],
)
def test_a_header_that_was_made_up(tmp_path, head, said):
    file = tmp_path / "bad.gguf"
    file.write_bytes(head)
    with pytest.raises(gguf.DamagedError, match=said):
        gguf.read(file)


@given(st.data())
def test_whatever_is_in_it_it_is_read_or_refused(tmp_path_factory, data):
    folder = tmp_path_factory.getbasetemp()
    content = bytearray(make(folder / "tiny.gguf").read_bytes())
    for _ in range(data.draw(st.integers(1, 4))):
        content[data.draw(st.integers(4, 400))] = data.draw(st.integers(0, 255))
    file = folder / "changed.gguf"
    file.write_bytes(content)
    with contextlib.suppress(gguf.DamagedError):  # nothing else may come out of it
        assert gguf.read(file).architecture
