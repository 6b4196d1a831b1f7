"""A model is named by its name, the beginning of it, or words of it; nobody guesses between two."""

from __future__ import annotations

import pytest

from lmnb import studio
from lmnb.chat.events import Finished, Noticed
from lmnb.chat.problems import ChatError
from lmnb.server import launch
from lmnb.studio import names
from lmnb.studio.choosing import Model, parse
from tests.studio.conftest import ask, script

HI = script({"text": "Hi"})

DISK = [
    Model("qwen/qwen3-4b", path="lmstudio-community/Qwen3-4B-GGUF/Qwen3-4B-Q4_K_M.gguf"),
    Model("qwen/qwen3-8b", path="lmstudio-community/Qwen3-8B-GGUF/Qwen3-8B-Q8_0.gguf"),
    *(Model(key) for key in ("qwen3-14b", "qwen3-1.7b", "gemma-3-1b-it", "gemma-3-12b-it", "phi-4-mini-reasoning")),
]


@pytest.mark.parametrize(
    ("wanted", "key"),
    [
        ("QWEN3-14B", "qwen3-14b"),
        ("lmstudio-community/qwen3-8b-gguf/qwen3-8b-q8_0.gguf", "qwen/qwen3-8b"),
        ("qwen3-4", "qwen/qwen3-4b"),
        ("qwen3 4b", "qwen/qwen3-4b"),
        ("qwen4b", "qwen/qwen3-4b"),
        ("qwen 1.7", "qwen3-1.7b"),
        ("qwen3 1", "qwen3-1.7b"),
        ("gemma 1b", "gemma-3-1b-it"),
        ("gemma3_12", "gemma-3-12b-it"),
        ("phi4mini", "phi-4-mini-reasoning"),
        ("qwen q8_0", "qwen/qwen3-8b"),
        ("qwen3 Q4", "qwen/qwen3-4b"),
    ],
)
def test_one_is_meant(wanted, key):
    meant = names.find(wanted, DISK)
    assert (meant.model.key, meant.name) == (key, key)
    in_full = wanted.casefold() in {meant.model.key, meant.model.path.casefold()}
    assert meant.notice == (None if in_full else f"“{wanted}” is short for {key} here.")


@pytest.mark.parametrize("wanted", ["qwen", "qwen3-1", "gemma", "lmstudio"])
def test_nobody_guesses(wanted):
    with pytest.raises(ChatError) as caught:
        names.find(wanted, DISK)
    assert len(caught.value.problem.choices) > 1
    assert caught.value.problem.lines[-1].startswith("Write more of the name")


@pytest.mark.parametrize("wanted", ["b-it", "qwen3-40b", "it gemma", "", " ", "phi 3", "gpt-4", "mistral 4", "llama 3"])
def test_what_is_like_none_is_none(wanted):
    """The number of another generation is no quantisation of this one."""
    others = [
        Model("gpt-oss-20b", path="lmstudio-community/gpt-oss-20b-GGUF/gpt-oss-20b-MXFP4.gguf"),
        Model("mistral-7b", path="p/Mistral-7B-GGUF/Mistral-7B-Q4_K_M.gguf"),
        Model("llama-2-13b-3bit", path="mlx-community/Llama-2-13B-3bit"),
    ]
    assert names.find(wanted, [*DISK, *others]) is None


def test_of_several_the_loaded_one_is_meant_and_the_others_are_said():
    here = Model("gemma-3-12b-it", "gemma-3-12b-it", loaded=True)
    meant = names.find("gemma", [here, *DISK])
    assert meant.model is here
    assert meant.notice.endswith(
        "is short for gemma-3-12b-it here; gemma-3-1b-it would fit as well, and is not loaded."
    )
    with pytest.raises(ChatError, match="more than one model"):
        names.find("gemma", [here, Model("gemma-3-1b-it", "g", loaded=True), *DISK])


def test_an_instance_goes_by_its_identifier_where_that_is_what_was_written():
    here = Model("qwen3-14b", "big-one", loaded=True)
    for wanted, name in {"big-one": "big-one", "big": "big-one", "qwen3-14b": "qwen3-14b", "14b": "qwen3-14b"}.items():
        meant = names.find(wanted, [here, *DISK])
        assert (meant.model, meant.name) == (here, name)


@pytest.mark.parametrize(
    ("key", "path", "said"),
    [
        ("qwen3-4b", "lmstudio-community/Qwen3-4B-GGUF/Qwen3-4B-Q4_K_M.gguf", "Q4_K_M"),
        ("x", "mlx-community/Qwen3-4B-MLX-8bit", "8bit"),
        ("qwen3-4b@q8_0", "", "Q8_0"),
        ("x", "unsloth/x/x-UD-Q4_K_XL-00001-of-00002.gguf", "UD-Q4_K_XL"),
        ("qwen/qwen3-8b", "qwen/qwen3-8b", None),
    ],
)
def test_the_quantisation_is_read_from_the_name_where_the_server_does_not_say_it(key, path, said):
    assert parse({"modelKey": key, "path": path}, loaded=False).quantization == said
    told = {"modelKey": key, "path": path, "quantization": {"name": "Q5_0", "bits": 5}}
    assert parse(told, loaded=False).quantization == "Q5_0"


@pytest.mark.server
def test_a_question_finds_its_model_by_words():
    with launch.start_server(scripted=True) as server:
        heard = ask(server.host, HI, model="script vision")
        assert isinstance(heard.last, Finished)
        assert heard.last.model.key == "scripted-vision"
        assert (heard.last.model.vision, heard.last.model.tools) == (True, True)
        assert heard.of(Noticed)[0].text == "“script vision” is short for scripted-vision here."
        heard = ask(server.host, HI, model="vision")
        assert heard.last.model.key == "scripted-vision"
        refused = ask(server.host, HI, model="scripted-embedding").problem
        assert refused.title == "“scripted-embedding” is an embedding model: it makes vectors and cannot answer."
        assert {model.key for model in studio.models(host=server.host) if model.loaded} == {"scripted-vision"}
