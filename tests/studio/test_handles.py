"""A person's own SDK handle, of either API style, as the model."""

from __future__ import annotations

import asyncio

import lmstudio as lms
import pytest

from lmnb.chat.events import Finished
from lmnb.chat.problems import ChatError
from lmnb.studio import handles

from .conftest import ask, script

pytestmark = pytest.mark.server

HELLO = script({"text": "hello"})


@pytest.fixture
def client(scripted_server):
    with lms.Client(scripted_server) as client:
        yield client


def test_a_scoped_handle(client):
    heard = ask(None, HELLO, model=client.llm.model("scripted"))
    assert isinstance(heard.last, Finished)
    assert heard.last.model.identifier == "scripted"


def test_a_handle_of_the_default_client(scripted_server):
    lms.sync_api._reset_default_client()
    lms.configure_default_client(scripted_server)
    try:
        assert isinstance(ask(None, HELLO, model=lms.llm("scripted")).last, Finished)
    finally:
        lms.sync_api._reset_default_client()


def test_an_async_handle(scripted_server):
    async def handle():
        async with lms.AsyncClient(scripted_server) as client:
            return await client.llm.model("scripted")

    assert isinstance(ask(None, HELLO, model=asyncio.run(handle())).last, Finished)


def test_a_downloaded_model(client):
    (model,) = [one for one in client.llm.list_downloaded() if one.model_key == "scripted"]
    assert isinstance(ask(None, HELLO, model=model).last, Finished)


def test_a_model_info_says_which_model_and_not_where(client):
    info = client.llm.model("scripted").get_info()
    assert handles.read(info) == handles.Wanted("scripted", None)


def test_an_instance_with_a_name_of_its_own(client, scripted_server):
    handle = client.llm.load_new_instance("scripted", "mine")
    try:
        assert ask(None, HELLO, model=handle).last.model.identifier == "mine"
        assert ask(scripted_server, HELLO, model="mine").last.model.identifier == "mine"
    finally:
        handle.unload()


def test_the_host_goes_before_the_handles_own(client):
    assert handles.read(client.llm.model("scripted"), host="elsewhere:1").host == "elsewhere:1"


def test_an_embedding_handle_is_refused(client):
    handle = lms.EmbeddingModel("vectors", client.embedding)
    problem = ask(None, HELLO, model=handle).problem
    assert problem.kind == "refused"
    assert "embedding model" in problem.title


def test_a_handle_whose_host_cannot_be_read():
    handle = lms.AsyncLLM("scripted", None)
    with pytest.raises(ChatError, match="host="):
        handles.read(handle)
    assert handles.read(handle, host="localhost:1234") == handles.Wanted("scripted", "localhost:1234")


@pytest.mark.parametrize("thing", [3, object(), lms.Chat()])
def test_what_is_no_model(thing):
    with pytest.raises(ChatError, match="is no model"):
        handles.read(thing)


def test_names(scripted_server):
    assert handles.read(None) == handles.Wanted()
    assert handles.read(" scripted ", host="h:1") == handles.Wanted("scripted", "h:1")
    assert isinstance(ask(scripted_server, HELLO, model="SCRIPTED").last, Finished)
