"""Pictures: uploaded once for each connection, seen by models that see, and refused in words by the others."""

from __future__ import annotations

import asyncio
import hashlib
import json

import pytest

from lmnb import studio
from lmnb.chat.attached import Attached, Image
from lmnb.chat.events import Finished, Noticed
from lmnb.chat.history import Message
from lmnb.studio import places

from .conftest import Heard, script
from .test_fitting import Talk

pytestmark = pytest.mark.server

PNG = b"\x89PNG\r\n\x1a\n"
CAT, DOG = Image(PNG + b"cat", "cat.png"), Image(PNG + b"dog", "dog.png")
FILES = script({"files": True})


def picture(image):
    return Attached(image.name, "image", image=image)


@pytest.fixture
def uploads(monkeypatch):
    """The names under which pictures were given to the server."""
    import lmstudio as lms

    names, prepare = [], lms.AsyncClient.prepare_image

    async def prepare_image(self, src, name=None):
        names.append(name)
        return await prepare(self, src, name)

    monkeypatch.setattr(lms.AsyncClient, "prepare_image", prepare_image)
    return names


def test_a_model_that_sees_is_given_the_bytes(scripted_server):
    heard = Talk(scripted_server, "scripted-vision").say(FILES, attached=(picture(CAT), picture(DOG)))
    assert json.loads(heard.text) == [
        {"name": image.name, "type": "image", "sha256": hashlib.sha256(image.data).hexdigest()} for image in (CAT, DOG)
    ]


def test_a_picture_is_uploaded_once_and_again_after_the_connection_was_lost(scripted_server, uploads):
    talk = Talk(scripted_server, "scripted-vision")
    image = Image(PNG + b"once", "once.png")
    talk.say("Look.", attached=(picture(image),))
    assert "once.png" in talk.say(FILES).text, "it stands in an earlier turn"
    assert uploads == ["once.png"]

    async def lose():
        here = places.here()
        place = here.known(scripted_server, None)
        here.lost(place, await here.client(place))

    asyncio.run_coroutine_threadsafe(lose(), studio.io_loop()).result(5)
    assert "once.png" in talk.say(FILES).text
    assert uploads == ["once.png", "once.png"]


def test_a_model_that_cannot_see_refuses_and_names_one_that_does(scripted_server, uploads):
    heard = Talk(scripted_server).say("Look.", attached=(picture(CAT),))
    problem = heard.problem
    assert problem.kind == "refused"
    assert problem.title == "scripted cannot see pictures, and `cat.png` is one."
    assert [choice["name"] for choice in problem.choices] == ["scripted-vision"]
    assert "-m scripted-vision" in problem.lines[-1]
    assert uploads == []


def test_where_none_can_see_that_is_said(scripted_server, monkeypatch):
    from lmnb.studio import choosing

    listing = choosing.listing

    async def blind(*args):
        return [model for model in await listing(*args) if not model.vision]

    monkeypatch.setattr(choosing, "listing", blind)
    problem = Talk(scripted_server).say("Look.", attached=(picture(CAT),)).problem
    assert problem.lines[0] == "No model on this computer can see. Nothing was sent."


def test_a_figure_is_given_as_text_to_a_model_that_reads(scripted_server):
    figure = Attached("fig", "figure", "One line from 1 to 3.", CAT)
    heard = Talk(scripted_server).say("Describe it.", attached=(figure,))
    assert isinstance(heard.last, Finished)
    assert "One line from 1 to 3." in heard.text
    assert "given the" not in heard.text
    assert heard.of(Noticed) == [Noticed("scripted cannot see pictures: of `fig` it is given what can be read.")]


def test_a_conversation_with_pictures_goes_on_with_a_model_that_reads(scripted_server):
    talk = Talk(scripted_server, "scripted-vision")
    talk.say("Look.", attached=(picture(CAT),))
    first, second = talk.say("And?", model="scripted"), talk.say("And?", model="scripted")
    said = "scripted cannot see pictures: those that went along with earlier prompts are not sent."
    assert first.of(Noticed) == [Noticed(said)]
    assert second.of(Noticed) == []
    assert isinstance(second.last, Finished)


def test_room_is_kept_for_pictures(scripted_server):
    talk = Talk(scripted_server, "scripted-vision")
    talk.say("Look.", attached=(picture(CAT),))
    assert talk.window().prompt > 1000


def test_messages_that_are_sent_as_they_are(scripted_server):
    for model, ends in (("scripted", "Failed"), ("scripted-vision", "Finished")):
        heard = Heard()
        request = studio.Request((Message("user", FILES, (CAT,)),), model, scripted_server)
        studio.start(request, heard).done.result(10)
        assert type(heard.last).__name__ == ends
