"""The prompt is counted as the engine counts it, with a real model, its tokenizer and its template."""

from __future__ import annotations

import pytest

from lmnb.server import launch
from tests.server.frames import Frames

from .test_fitting import Talk

pytestmark = pytest.mark.model

KEY = "smollm2-135m-instruct"


@pytest.fixture(scope="module")
def short(smollm2):
    """The address of a server with the model in a context of 300 tokens."""
    with launch.start_server(models=[smollm2]) as server:
        frames = Frames(server.host)
        field = {"key": "llm.load.contextLength", "value": 300}
        frames.load(KEY, loadConfigStack={"layers": [{"layerName": "x", "config": {"fields": [field]}}]})
        frames.close()
        yield server.host


def test_it_is_counted_as_the_engine_counts(short):
    talk = Talk(short, KEY, system="Be brief.", room=40)
    for number in range(5):
        heard = talk.say(f"{number}: name the colours of “{'größe ' * 8}”.", config={"maxTokens": 12, "temperature": 0})
        assert heard.last.stats.prompt_tokens_count == talk.window().prompt
        assert talk.window().prompt + 40 <= 300
    assert talk.numbers(talk.window().left_out)[0] == 1
