"""The whole way with a real model: a cell in a real kernel, the SDK, the websocket, llama.cpp, and into the file."""

from __future__ import annotations

import re

import pytest

from lmnb.server import launch
from tests.studio.conftest import Peek

pytestmark = pytest.mark.model

KEY = "smollm2-135m-instruct"


@pytest.fixture(scope="module")
def real_server(smollm2):
    with launch.start_server(models=[smollm2]) as server:
        yield server.host


@pytest.fixture
def real_kernel(start_kernel, real_server):
    kernel = start_kernel(LMSTUDIO_API_HOST=real_server)
    kernel.run("%load_ext lmnb")
    kernel.subshells()
    return kernel


def test_the_one_model_there_is_answers_and_is_remembered_in_the_file(real_kernel):
    run = real_kernel.run("%%chat -t 0 --max-tokens 40\nWhat is a median?", timeout=60)
    assert run.status == "ok", run.errors
    assert run.turn["model"] == KEY
    assert run.turn["stats"]["predicted_tokens_count"] <= 40
    assert run.turn["stats"]["stop_reason"] in ("eosFound", "maxPredictedTokensReached")
    assert len(run.plain.split()) > 5
    assert re.search(r"tok/s.*first token", run.html)
    again = real_kernel.run("%%chat -t 0 --max-tokens 40\nAnd a mean?", timeout=60)
    assert again.turn["stats"]["prompt_tokens_count"] > run.turn["stats"]["total_tokens_count"]
    number = again.reply["content"]["execution_count"]
    assert real_kernel.value(f"Out[{number}].text.strip()") == again.plain.strip()


def test_run_all_twice_is_the_same_turns_in_the_same_order(real_kernel):
    cells = {"a": "What is a median?", "b": "And a mean?", "c": "And a mode?"}
    lines = "[(t.cell, t.prompt) for t in get_ipython().magics_manager.registry['ChatMagics'].conversation.turns]"
    for _ in range(2):
        for cell, prompt in cells.items():
            assert real_kernel.run(f"%%chat --max-tokens 12\n{prompt}", cell=cell, timeout=60).status == "ok"
        assert [tuple(one) for one in real_kernel.value(lines)] == list(cells.items())


def test_it_streams_and_stop_frees_the_engine(real_kernel, real_server):
    run = real_kernel.start("%%chat -t 0 --max-tokens 3000\nTell me a very long story about a very long river.")
    view = real_kernel.writes(" ", timeout=60)
    assert not run.over
    real_kernel.front.say(view, kind="stop")
    real_kernel.finish(run)
    assert run.turn["status"] == "stopped"
    assert run.plain.strip()
    peek = Peek(real_server)
    assert peek.wait(lambda: peek.status(KEY) == "idle", 5)
    peek.close()


def test_the_same_in_python_with_a_schema(real_server):
    import lmnb

    conversation = lmnb.Conversation(host=real_server, model=KEY, config={"temperature": 0, "maxTokens": 200})
    schema = {"type": "object", "properties": {"name": {"type": "string", "maxLength": 20}}, "required": ["name"]}
    reply = conversation.respond("Name a colour.", response_format=schema)
    assert list(reply.parsed) == ["name"]
