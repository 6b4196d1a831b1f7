"""Prediction parameters: what the SDK takes, and what is said of the rest."""

from __future__ import annotations

import lmstudio as lms
import pytest

from lmnb.chat.problems import ChatError
from lmnb.studio import settings


def problem(config):
    with pytest.raises(ChatError) as caught:
        settings.check(config)
    assert caught.value.problem.kind == "refused"
    return caught.value.problem


def test_both_spellings_become_the_sdks_own():
    given = {"max_tokens": 5, "topPSampling": 0.5, "top_k_sampling": 3, "repeat_penalty": False, "temperature": 1}
    assert settings.check(given) == {
        "maxTokens": 5,
        "topPSampling": 0.5,
        "topKSampling": 3,
        "repeatPenalty": False,
        "temperature": 1,
    }


def test_the_sdk_takes_every_key_that_is_accepted():
    from lmstudio._kv_config import TO_SERVER_PREDICTION

    assert set(settings.spellings().values()) == set(TO_SERVER_PREDICTION)


def test_none_means_not_said():
    assert settings.check({"temperature": None}) == {}


@pytest.mark.parametrize(
    ("typed", "meant"),
    [
        ("temperatur", "temperature"),
        ("top_p", "topPSampling"),
        ("topK", "topKSampling"),
        ("stop", "stopStrings"),
        ("max-tokens", "maxTokens"),
        ("repetition_penalty", "repeatPenalty"),
    ],
)
def test_an_unknown_key_names_the_near_ones_and_lists_all(typed, meant):
    said = problem({typed: 1})
    assert f"“{typed}”" in said.title
    assert meant in [choice["name"] for choice in said.choices]
    assert "speculativeDecodingNumDraftTokensExact" in said.lines[-1]


def test_a_key_that_is_near_to_nothing_gets_the_list():
    said = problem({"zzz": 1})
    assert said.choices == ()
    assert "temperature" in said.lines[-1]


@pytest.mark.parametrize(
    "config",
    [
        {"temperature": "hot"},
        {"temperature": -1},
        {"temperature": True},
        {"stopStrings": "END"},
        {"maxTokens": "5"},
        {"maxTokens": 2.5},
        {"topPSampling": True},
    ],
)
def test_a_wrong_value_is_refused_with_what_was_expected(config):
    ((key, value),) = config.items()
    said = problem(config)
    assert said.title == f"{key} cannot be {value!r}."
    assert said.lines[0].startswith("Expected ")
    assert "`" in said.lines[1]


def test_raw_is_declared_by_the_sdk_and_cannot_be_sent():
    assert "raw" in lms.LlmPredictionConfig.__struct_fields__
    assert "“raw”" in problem({"raw": {}}).title


def test_a_config_must_be_a_dict():
    assert "must be a dict" in problem(["temperature"]).title


def test_what_the_sdk_can_say_of_a_load_and_no_more():
    from lmstudio import _sdk_models
    from lmstudio._kv_config import TO_SERVER_LOAD_EMBEDDING, TO_SERVER_LOAD_LLM

    assert set(settings.spellings(settings.LOAD_LLM).values()) == set(TO_SERVER_LOAD_LLM)
    assert set(settings.spellings(settings.LOAD_EMBEDDING).values()) == set(TO_SERVER_LOAD_EMBEDDING)
    gpu = zip(_sdk_models.GpuSetting.__struct_fields__, _sdk_models.GpuSetting.__struct_encode_fields__, strict=True)
    assert dict(gpu) == settings.GPU


@pytest.mark.parametrize(
    ("config", "words"),
    [
        ({"contextLength": 0}, "contextLength cannot be 0"),
        ({"gpu": "max"}, "Expected object, got str"),
        ({"gpu": {"rato": 1}}, "gpu has no “rato”"),
        ({"gpu": {"ratio": 2}}, "Expected float <= 1.0"),
        ({"llamaKCacheQuantizationType": "q9"}, "q9"),
        ({"temperature": 1}, "No load parameter is called “temperature”"),
        ({"flashAttn": True}, "flashAttention"),
    ],
)
def test_a_load_is_refused_in_words(config, words):
    with pytest.raises(ChatError) as caught:
        settings.check(config, settings.LOAD_LLM)
    assert words in str(caught.value)


def test_a_load_goes_to_the_server_as_the_sdk_spells_it():
    given = {"context_length": 8192, "gpu": {"ratio": "max"}, "seed": None}
    assert settings.check(given, settings.LOAD_LLM) == {"contextLength": 8192, "gpu": {"ratio": "max"}}
    with pytest.raises(ChatError, match="load parameter of embedding models"):
        settings.check({"flashAttention": True}, settings.LOAD_EMBEDDING)
