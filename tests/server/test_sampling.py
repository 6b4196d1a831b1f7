"""The settings of a prediction in the engine's words."""

from __future__ import annotations

import pytest

from lmnb.server import sampling
from lmnb.server.errors import ServerError
from lmnb.server.settings import Prediction
from lmnb.server.wire import ConfigStack, Field, KVConfig, Layer


def settings(**values):
    fields = [Field(key=f"llm.prediction.{key.replace('__', '.')}", value=value) for key, value in values.items()]
    return Prediction(ConfigStack(layers=[Layer(layer_name="apiOverride", config=KVConfig(fields=fields))]))


def test_lm_studios_own_values():
    body = sampling.body(settings())
    assert body == {
        "temperature": 0.8,
        "top_k": 40,
        "repeat_penalty": 1.1,
        "min_p": 0.05,
        "top_p": 0.95,
        "frequency_penalty": 0.0,
        "presence_penalty": 0.0,
        "xtc_probability": 0.0,
        "xtc_threshold": 0.1,
        "typical_p": 1.0,
        "stop": [],
    }


def test_each_setting_has_its_name():
    def ticked(value):
        return {"checked": True, "value": value}

    body = sampling.body(
        settings(
            temperature=0.1,
            topKSampling=3,
            repeatPenalty=ticked(1.5),
            minPSampling=ticked(False),
            topPSampling={"checked": False, "value": 0.2},
            seed=ticked(11),
            stopStrings=["a", "", "b"],
            toolCallStopStrings=["b", "c"],
            llama__frequencyPenalty=ticked(0.3),
            llama__presencePenalty=ticked(0.4),
            llama__xtcProbability=ticked(0.5),
            llama__xtcThreshold=ticked(0.6),
            llama__locallyTypicalSampling=ticked(0.7),
            llama__mirostatSampling={"version": 2, "learningRate": 0.2, "targetEntropy": 4},
            llama__logitBias=[[5, -1.0], ["x", 2.0]],
        )
    )
    assert body == {
        "temperature": 0.1,
        "top_k": 3,
        "repeat_penalty": 1.5,
        "min_p": 0.0,
        "top_p": 1.0,
        "seed": 11,
        "stop": ["a", "b", "c"],
        "frequency_penalty": 0.3,
        "presence_penalty": 0.4,
        "xtc_probability": 0.5,
        "xtc_threshold": 0.6,
        "typical_p": 0.7,
        "mirostat": 2,
        "mirostat_eta": 0.2,
        "mirostat_tau": 4,
        "logit_bias": [[5, -1.0], ["x", 2.0]],
    }


@pytest.mark.parametrize(("load", "asked", "seed"), [(3, None, 3), (3, 4, 4), (-1, None, None), (None, -1, None)])
def test_the_seed_of_the_load_is_the_default(load, asked, seed):
    ticked = {"checked": asked is not None, "value": asked}
    assert sampling.body(settings(seed=ticked), {"checked": True, "value": load}).get("seed") == seed


def test_a_draft_model_is_refused():
    with pytest.raises(ServerError, match="“tiny” draft"):
        sampling.body(settings(speculativeDecoding__draftModel="tiny"))


def test_objects_are_closed_wherever_they_are():
    inner = {"type": "object", "properties": {"properties": {"type": "object", "properties": {}}}}
    schema = {
        "type": "object",
        "properties": {"a": inner, "enum": {"enum": [{"properties": {}}]}},
        "required": ["enum", "a"],
        "$defs": {"b": inner, "open": {"type": "object", "properties": {}, "additionalProperties": True}},
        "anyOf": [inner, {"type": "object"}],
    }
    made = sampling.strict(schema)
    closed = {
        "type": "object",
        "properties": {"properties": {"type": "object", "properties": {}, "additionalProperties": False}},
        "additionalProperties": False,
    }
    assert made == {
        "type": "object",
        "properties": {"a": closed, "enum": {"enum": [{"properties": {}}]}},
        "required": ["enum", "a"],
        "additionalProperties": False,
        "$defs": {"b": closed, "open": schema["$defs"]["open"]},
        "anyOf": [closed, {"type": "object"}],
        "x-guidance": {"whitespace_flexible": False, "lenient": True},
    }
    assert list(made["properties"]) == ["enum", "a"]


def test_forms():
    assert sampling.form(settings(structured={"type": "gbnf", "gbnfGrammar": "root ::= x"})) == {
        "grammar": "root ::= x"
    }
    assert sampling.form(settings(structured={"type": "json"}))["json_schema"]["type"] == "object"
    assert sampling.form(settings(structured={"type": "none"})) == {}
