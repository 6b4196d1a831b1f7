"""Whether a model thinks goes to its template, and where that does not ask for it, nowhere."""

from __future__ import annotations

import lmstudio as lms
import pytest

import lmnb
from lmnb.studio.thinking import BUDGET, ENABLE
from tests.server.frames import Frames, asked, kinds
from tests.server.ggufs import with_template

TEMPLATE = (
    "{% for message in messages %}{{ '<|im_start|>' + message['role'] + '\n' + message['content'] + '<|im_end|>\n' }}"
    "{% endfor %}{% if add_generation_prompt %}{{ '<|im_start|>assistant\n' }}"
    "{% if enable_thinking is defined and not enable_thinking %}{{ '<think>\n\n</think>\n\n' }}{% endif %}{% endif %}"
)
"""Does as Qwen3's does."""

SAID = {"role": "user", "content": [{"type": "text", "text": "Hello"}]}


def prompt(frames, key, **config):
    fields = [{"key": name, "value": value} for name, value in config.items()]
    parameter = {
        "specifier": {"type": "query", "query": {"identifier": key}},
        "history": {"messages": [SAID]},
        "predictionConfigStack": {"layers": [{"layerName": "apiOverride", "config": {"fields": fields}}]},
        "opts": {},
    }
    return frames.call("applyPromptTemplate", parameter)["formatted"]


@pytest.mark.parametrize(
    ("key", "value"),
    [("enableThinking", "yes"), ("enableThinking", 1), ("budgetTokens", "few"), ("budgetTokens", {"checked": 1})],
)
def test_what_makes_no_sense_is_refused(sdk, frames, key, value):
    sdk.llm.model("scripted-thinking")
    frames.open("predict", asked("Hello", **{f"reasoning.{key}": value}))
    said = frames.hear()
    assert said["type"] == "channelError"
    assert f"llm.prediction.reasoning.{key}" in said["error"]["title"]


def test_the_scripted_models_prompt_says_whether_it_may_think(sdk, frames):
    for key in ("scripted-thinking", "scripted"):
        sdk.llm.model(key, ttl=None)
    may, must_not = (prompt(frames, "scripted-thinking", **{ENABLE: value}) for value in (True, False))
    assert may == prompt(frames, "scripted-thinking")
    assert must_not == may + "<think>\n\n</think>\n\n"
    assert prompt(frames, "scripted", **{ENABLE: False}) == prompt(frames, "scripted", **{ENABLE: True})


@pytest.mark.model
def test_a_real_models_template_is_told(smollm2, tmp_path):
    listens = with_template(smollm2, tmp_path / "listens.gguf", TEMPLATE)
    with lmnb.start_server(models=[listens, smollm2]) as server, lms.Client(server.host) as client:
        client.llm.model("listens", ttl=None)
        client.llm.model("smollm2-135m-instruct", ttl=None)
        frames = Frames(server.host)
        may, must_not = (prompt(frames, "listens", **{ENABLE: value}) for value in (True, False))
        assert may.endswith("<|im_start|>assistant\n")
        assert must_not == may + "<think>\n\n</think>\n\n"
        deaf = [prompt(frames, "smollm2-135m-instruct", **{ENABLE: value}) for value in (True, False)]
        assert deaf[0] == deaf[1]
        model = {"type": "query", "query": {"identifier": "listens"}}
        off, limited = ENABLE.removeprefix("llm.prediction."), BUDGET.removeprefix("llm.prediction.")
        channel = frames.open("predict", asked("Hello", model=model, maxPredictedTokens=3, **{off: False}))
        assert kinds(frames.packets(channel))[-2:] == ["success", "channelClose"]
        channel = frames.open("predict", asked("Hello", model=model, **{limited: {"checked": True, "value": 5}}))
        refused = frames.packets(channel)[-1]
        assert refused["error"]["title"] == "lmnb's own server cannot limit how long a model thinks."
        frames.close()
