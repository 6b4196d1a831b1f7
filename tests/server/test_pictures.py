"""Pictures on their whole way, through llama.cpp: the projector's numbers are made up, so the answers mean nothing."""

from __future__ import annotations

import os
import shutil
import struct
import zlib
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import lmstudio as lms
import pytest

import lmnb
from lmnb.server.catalog import Catalog
from tests.server.ggufs import PATCH, PICTURE, make, projector, with_template

GREEDY = {"temperature": 0, "maxTokens": 4}
TOKENS = (PICTURE // PATCH) ** 2
"""What a picture takes of the prompt."""


def png(red, green, blue, side=PICTURE):
    """A picture of one colour."""

    def chunk(kind, data):
        return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))

    rows = (b"\0" + bytes((red, green, blue)) * side) * side
    head = struct.pack(">IIBBBBB", side, side, 8, 2, 0, 0, 0)
    body = chunk(b"IHDR", head) + chunk(b"IDAT", zlib.compress(rows)) + chunk(b"IEND", b"")
    return b"\x89PNG\r\n\x1a\n" + body


# ---- which models see


def keys(folder):
    return {model.key: model.projector and model.projector.name for model in Catalog(folders=[folder]).models()}


def test_a_model_sees_by_what_lies_beside_it(tmp_path):
    make(tmp_path / "me/seeing-GGUF/seeing-Q4_0.gguf")
    projector(tmp_path / "me/seeing-GGUF/mmproj-model-bf16.gguf")
    projector(tmp_path / "me/seeing-GGUF/mmproj-model-f16.gguf")
    make(tmp_path / "me/blind-GGUF/blind-Q4_0.gguf")
    make(tmp_path / "me/fooled-GGUF/fooled.gguf")
    make(tmp_path / "me/fooled-GGUF/mmproj-fooled.gguf")  # a model by its content
    assert keys(tmp_path) == {"seeing": "mmproj-model-f16.gguf", "blind": None, "fooled": None}
    seeing = next(model for model in Catalog(folders=[tmp_path]).models() if model.key == "seeing")
    assert seeing.info()["vision"]


def test_in_a_folder_of_many_models_a_projector_names_its_own(tmp_path):
    make(tmp_path / "tall-Q4_0.gguf")
    make(tmp_path / "small-Q4_0.gguf")
    projector(tmp_path / "tall-mmproj-f16.gguf")
    assert keys(tmp_path) == {"tall": "tall-mmproj-f16.gguf", "small": None}


# ---- what they are shown


@pytest.fixture(scope="module")
def files(tmp_path_factory, smollm2):
    """SmolLM2 with a projector, once more with a template that knows of tools."""
    folder = tmp_path_factory.mktemp("seeing")
    seeing, tooled = folder / "seeing.gguf", folder / "tooled.gguf"
    try:
        os.link(smollm2, seeing)
    except OSError:
        shutil.copy(smollm2, seeing)
    with_template(smollm2, tooled, (Path(__file__).parent / "hermes.jinja").read_text())
    for name in ("seeing", "tooled"):
        projector(folder / f"mmproj-{name}.gguf")
    return [seeing, tooled]


@pytest.fixture(scope="module")
def client(files):
    with lmnb.start_server(models=files, scripted=True) as server, lms.Client(server.host) as client:
        client.llm.model("scripted").respond("warm up")
        client.llm.unload("scripted")
        yield client


@pytest.fixture(params=["seeing", "tooled"])
def model(request, client):
    return client.llm.model(request.param, config={"contextLength": 512}, ttl=None)


def asked(client, *pictures, text="What is it?"):
    chat = lms.Chat()
    chat.add_user_message(text, images=[client.files.prepare_image(picture, "dot.png") for picture in pictures])
    return chat


@pytest.mark.model
def test_pictures_are_part_of_the_prompt(client, model):
    assert model.get_info().vision
    counts, read = [], []
    for pictures in ((), (png(255, 0, 0),), (png(255, 0, 0), png(0, 0, 255, side=100))):
        chat = asked(client, *pictures)
        result = model.respond(chat, config=GREEDY, on_prompt_processing_progress=read.append)
        assert result.content
        counts.append(result.stats.prompt_tokens_count)
    assert counts[1] - counts[0] >= TOKENS
    assert counts[2] - counts[1] >= TOKENS
    assert counts[2] - counts[0] < 4 * TOKENS
    assert read[-1] == 1


@pytest.mark.model
def test_several_who_show_pictures_take_turns(client, model):
    chats = [asked(client, png(60 * number, 0, 0)) for number in range(5)]
    with ThreadPoolExecutor(5) as pool:
        answers = list(pool.map(lambda chat: model.respond(chat, config=GREEDY).content, chats))
    assert all(answers)


@pytest.mark.model
def test_a_picture_that_is_none_is_refused_and_the_next_one_is_read(client, model):
    with pytest.raises(lms.LMStudioServerError, match="Failed to load image"):
        model.respond(asked(client, png(1, 2, 3)[:40]), config=GREEDY)
    assert model.respond(asked(client, png(1, 2, 3)), config=GREEDY).content


@pytest.mark.model
def test_a_model_that_sees_is_also_given_tools(client):
    model, rounds = client.llm.model("tooled", config={"contextLength": 512}, ttl=None), []

    def look(closer: bool) -> str:
        """Look again."""
        return f"{closer}"

    result = model.act(
        asked(client, png(1, 2, 3)),
        [look],
        config=GREEDY,
        max_prediction_rounds=1,
        on_prediction_completed=rounds.append,
    )
    assert result.rounds == 1
    assert rounds[0].stats.prompt_tokens_count > TOKENS


@pytest.mark.model
def test_words_that_look_like_a_marker_are_words(client, model):
    for text in ("<__media__>", "<__image__>", "<image>"):
        assert model.respond(asked(client, png(1, 2, 3), text=text), config=GREEDY).content


@pytest.mark.model
def test_the_text_around_pictures_must_fit(client, model):
    with pytest.raises(lms.LMStudioServerError, match="does not fit into the context length of 512"):
        model.respond(asked(client, png(1, 2, 3), text="word " * 600), config=GREEDY)
