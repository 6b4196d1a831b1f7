"""Which models are found on disk, under which keys."""

from __future__ import annotations

import os

import pytest

from lmnb.server import gguf, places
from lmnb.server.catalog import Catalog
from tests.server.ggufs import LLAMA, make


@pytest.fixture(autouse=True)
def _memory(tmp_path, monkeypatch):
    monkeypatch.setattr(places, "listing_file", lambda: tmp_path / "cache" / "listing.json")


@pytest.fixture
def folder(tmp_path):
    return tmp_path / "models"


def keys(*folders, files=()):
    return [model.key for model in Catalog(files, folders).models()]


def test_a_repository_with_one_file(folder):
    file = make(folder / "Somebody" / "Tiny-Llama-GGUF" / "Tiny-Llama.Q4_0.gguf")
    (model,) = Catalog((), [folder]).models()
    assert (model.key, model.path) == ("tiny-llama", "Somebody/Tiny-Llama-GGUF/Tiny-Llama.Q4_0.gguf")
    assert (model.title, model.params, model.quantization) == ("Tiny Llama", "1K", "Q4_0")
    assert (model.max_context, model.architecture, model.domain) == (2048, "llama", "llm")
    assert (model.size_bytes, model.file, model.damage) == (file.stat().st_size, file, None)
    assert model.info()["publisher"] == "Somebody"


def test_quantisations_of_a_repository(folder):
    for number, name in ((2, "Q4_0"), (7, "Q8_0"), (15, "Q4_K_M"), (15, "UD-Q4_K_XL")):
        make(folder / "somebody" / "Tiny-GGUF" / f"Tiny-{name}.gguf", file_type=number)
    assert keys(folder) == ["tiny@q4_0", "tiny@tiny-q4_k_m", "tiny@q8_0", "tiny@tiny-ud-q4_k_xl"]


def test_repositories_of_the_same_name(folder):
    make(folder / "a" / "Tiny-GGUF" / "tiny.gguf")
    make(folder / "b" / "tiny" / "tiny.gguf")
    assert keys(folder) == ["tiny", "b/tiny"]


def test_what_is_not_offered(folder):
    place = folder / "a" / "Tiny-GGUF"
    make(place / "tiny.gguf")
    make(place / "mmproj-tiny-f16.gguf")
    make(place / "sight.gguf", architecture="clip")
    make(place / "lora.gguf", type="adapter")
    make(place / ".hidden.gguf")
    make(place / "next.gguf.part")
    (place / "README.md").write_text("…")
    assert keys(folder) == ["tiny"]


def test_a_model_in_several_files(folder):
    place = folder / "a" / "Big-GGUF"
    for number in (1, 2, 3):
        make(place / f"Big-Q4_0-{number:05}-of-00003.gguf")
    (model,) = Catalog((), [folder]).models()
    assert (model.key, model.path) == ("big", "a/Big-GGUF/Big-Q4_0-00001-of-00003.gguf")
    assert model.size_bytes == 3 * model.file.stat().st_size
    (place / "Big-Q4_0-00002-of-00003.gguf").unlink()
    (model,) = Catalog((), [folder]).models()
    assert model.damage == "Big-Q4_0-00002-of-00003.gguf is missing beside it."


def test_files_that_lie_elsewhere(folder, tmp_path):
    lonely = make(folder / "Lonely.Q4_0.gguf")
    half = make(folder / "Tiny-GGUF" / "tiny.gguf")
    named = make(tmp_path / "downloads" / "My-Model-Q4_0.gguf")
    found = Catalog([named, lonely, named], [folder]).models()
    assert [(model.key, model.path) for model in found] == [
        ("lonely", "local/Lonely/Lonely.Q4_0.gguf"),
        ("tiny", "local/Tiny-GGUF/tiny.gguf"),
        ("my-model", "local/My-Model/My-Model-Q4_0.gguf"),
    ]
    assert half.exists()


def test_a_damaged_file_is_known_with_its_reason(folder):
    file = make(folder / "a" / "Tiny-GGUF" / "tiny.gguf")
    file.write_bytes(file.read_bytes()[:-300])
    (model,) = Catalog((), [folder]).models()
    assert model.key == "tiny"
    assert model.damage.startswith("It is incomplete")


def test_a_file_is_read_once(folder, monkeypatch):
    file = make(folder / "a" / "Tiny-GGUF" / "tiny.gguf")
    read, seen = gguf.read, []
    monkeypatch.setattr(gguf, "read", lambda path, **how: (seen.append(path), read(path, **how))[1])
    catalog = Catalog((), [folder])
    assert catalog.models() == catalog.models() == Catalog((), [folder]).models()
    assert seen == [file]
    make(file, LLAMA | {"general.size_label": "2K"})
    os.utime(file, (1, 1))
    assert [model.params for model in catalog.models()] == ["2K"]
    assert seen == [file, file]


@pytest.mark.parametrize("content", [b"", b"{", b'{"a": 3}', b"\xff\xfe", b'{"x": [1, 2, 3]}'])
def test_a_memory_that_is_damaged_is_forgotten(folder, content):
    make(folder / "a" / "Tiny-GGUF" / "tiny.gguf")
    places.listing_file().parent.mkdir()
    places.listing_file().write_bytes(content)
    assert keys(folder) == ["tiny"]
    assert b"tiny" in places.listing_file().read_bytes()


def test_links_that_lead_in_a_circle(folder):
    make(folder / "a" / "Tiny-GGUF" / "tiny.gguf")
    (folder / "a" / "again").symlink_to(folder, target_is_directory=True)
    assert keys(folder) == ["tiny"]


def test_a_folder_that_is_not_there(tmp_path):
    assert keys(tmp_path / "nowhere") == []
