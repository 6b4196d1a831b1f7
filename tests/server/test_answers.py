"""The SDK's own client has answers written: fragments, callbacks, numbers, ends of every kind."""

from __future__ import annotations

import json
import threading

import lmstudio as lms
import pytest

from tests.server.conftest import script

ENDLESS = script({"text": "word ", "repeat": 100_000, "rate": 500})


@pytest.fixture
def model(sdk):
    return sdk.llm.load_new_instance("scripted")


# ---- the answer


def test_respond_to_a_text_a_chat_and_a_dict(model):
    chat = lms.Chat("Be brief.")
    chat.add_user_message("one")
    chat.add_assistant_response("two")
    chat.add_user_message("three")
    assert model.respond("hello").content == "You said: hello"
    assert model.respond(chat).content == "You said: three"
    assert model.respond({"messages": [{"role": "user", "content": "four"}]}).content == "You said: four"


def test_the_whole_history_arrives(model):
    chat = lms.Chat("System “prompt” {0} $x \\ ")
    chat.add_user_message("line\nbreak\ttab \x00 \u2028 🦙 é")
    chat.add_assistant_response("answer")
    chat.add_user_message(script({"history": True}))
    said = json.loads(model.respond(chat).content)
    assert [(message["role"], message["content"][0]["text"]) for message in said] == [
        ("system", "System “prompt” {0} $x \\ "),
        ("user", "line\nbreak\ttab \x00 \u2028 🦙 é"),
        ("assistant", "answer"),
        ("user", script({"history": True})),
    ]


def test_a_prompt_that_was_cut_in_the_middle_of_an_emoji(model):
    assert model.respond("a \ud83d b").content == "You said: a ? b"


def test_a_prompt_of_a_megabyte(model):
    result = model.respond(script({"text": "word " * 200_000, "by": 100_000}))
    assert result.content == "word " * 200_000
    assert result.stats.prompt_tokens_count < 4096


def test_a_streamed_answer(model):
    stream = model.respond_stream(script({"text": "one two three", "by": "word"}))
    fragments = list(stream)
    assert [fragment.content for fragment in fragments] == ["one ", "two ", "three"]
    assert {fragment.reasoning_type for fragment in fragments} == {"none"}
    assert [fragment.tokens_count for fragment in fragments] == [1, 1, 1]
    assert not any(fragment.contains_drafted for fragment in fragments)
    assert stream.result().content == "one two three"
    assert stream.stats.stop_reason == "eosFound"
    assert stream.model_info.model_key == "scripted"


def test_a_quick_answer_is_whole(model):
    stream = model.respond_stream(script({"text": "0123456789", "by": "char", "repeat": 300}))
    assert "".join(fragment.content for fragment in stream) == "0123456789" * 300


def test_completion(model):
    assert model.complete("Once upon").content == "You said: Once upon"
    stream = model.complete_stream(script({"text": "a b", "by": "word"}))
    assert [fragment.content for fragment in stream] == ["a ", "b"]
    assert stream.result().content == "a b"


def test_all_callbacks(model):
    heard = []
    result = model.respond(
        script({"progress": [0, 0.25, 0.5, 0.5, 0.75]}, {"text": "one two", "by": "word"}),
        on_message=lambda message: heard.append(("message", message.content[0].text)),
        on_first_token=lambda: heard.append(("first",)),
        on_prediction_fragment=lambda fragment: heard.append(("fragment", fragment.content)),
        on_prompt_processing_progress=lambda progress: heard.append(("progress", progress)),
    )
    assert heard == [
        *(("progress", share) for share in (0.0, 0.25, 0.5, 0.75, 1.0)),
        ("first",),
        ("fragment", "one "),
        ("fragment", "two"),
        ("message", "one two"),
    ]
    assert result.content == "one two"


def test_the_callbacks_of_a_completion(model):
    heard = []
    stream = model.complete_stream(
        script({"text": "one", "by": "word"}),
        on_message=lambda _: heard.append("message"),
        on_first_token=lambda: heard.append("first"),
        on_prediction_fragment=lambda _: heard.append("fragment"),
        on_prompt_processing_progress=lambda _: heard.append("progress"),
    )
    stream.wait_for_result()
    assert heard == ["progress", "progress", "first", "fragment", "message"]


def test_reasoning(model):
    stream = model.respond_stream(script({"reasoning": "hm well", "by": "word"}, {"text": "42"}))
    assert [(fragment.reasoning_type, fragment.content) for fragment in stream] == [
        ("reasoningStartTag", "<think>"),
        ("reasoning", "hm "),
        ("reasoning", "well"),
        ("reasoningEndTag", "</think>"),
        ("none", "42"),
    ]
    assert stream.result().content == "<think>hm well</think>42"


@pytest.mark.parametrize("asked", [{"enabled": False, "startString": "<a>", "endString": "</a>"}, {"enabled": False}])
def test_reasoning_that_nobody_wants_told_apart(frames, asked):
    frames.load()
    heard = frames.predict(script({"reasoning": "hm"}, {"text": "42"}), **{"reasoning.parsing": asked})
    fragments = [packet["fragment"] for packet in heard if packet["type"] == "fragment"]
    assert {fragment["reasoningType"] for fragment in fragments} == {"none"}
    assert "".join(fragment["content"] for fragment in fragments).endswith("42")


def test_reasoning_with_other_marks(model):
    config = {"reasoningParsing": {"enabled": True, "startString": "[[", "endString": "]]"}}
    assert model.respond(script({"reasoning": "hm"}), config=config).content == "[[hm]]"


# ---- the numbers


def test_the_numbers_of_an_answer(model):
    result = model.respond(script({"text": "word ", "repeat": 40, "rate": 400}))
    stats = result.stats
    assert stats.stop_reason == "eosFound"
    assert stats.predicted_tokens_count == 40
    assert stats.prompt_tokens_count > 0
    assert stats.total_tokens_count == stats.prompt_tokens_count + 40
    assert 0 <= stats.time_to_first_token_sec < 5
    assert 0 < stats.tokens_per_second <= 500
    assert stats.num_gpu_layers == 0
    assert stats.used_draft_model_key is None


def test_what_a_result_says_of_its_model(model):
    result = model.respond("hello", config={"temperature": 0.25})
    info = result.model_info
    assert (info.model_key, info.path) == ("scripted", "lmnb/scripted/scripted.gguf")
    assert result.load_config.context_length == 4096
    assert result.prediction_config.temperature == 0.25
    assert result.prediction_config.top_k_sampling == 40


# ---- the end


def test_the_end(model):
    result = model.respond("hello")
    assert result.stats.stop_reason == "eosFound"


@pytest.mark.parametrize("limit", [1, 3])
def test_a_limit_of_tokens(model, limit):
    result = model.respond(script({"text": "word ", "repeat": 10}), config={"maxTokens": limit})
    assert result.content == "word " * limit
    assert result.stats.stop_reason == "maxPredictedTokensReached"
    assert result.stats.predicted_tokens_count == limit


def test_no_limit(model):
    result = model.respond(script({"text": "word ", "repeat": 1200}), config={"maxTokens": False})
    assert result.stats.predicted_tokens_count == 1200


@pytest.mark.parametrize("by", ["char", "word"])
def test_a_stop_string(model, by):
    config = {"stopStrings": ["never", "END"]}
    result = model.respond(script({"text": "one two ENDING three", "by": by}), config=config)
    assert result.stats.stop_reason == "stopStringFound"
    assert "three" not in result.content
    assert result.content.startswith("one two ")


@pytest.mark.parametrize("reason", ["contextLengthReached", "failed", "modelUnloaded", "userStopped"])
def test_any_other_end(model, reason):
    result = model.respond(script({"text": "so far"}, {"stop": reason}))
    assert result.stats.stop_reason == reason
    assert result.content == "so far"


def test_cancel(model, watch):
    stream = model.respond_stream(ENDLESS)
    for number, _ in enumerate(stream):
        if number == 5:
            watch.wait_state("generating")
            stream.cancel()
            watch.wait_state("idle")
    result = stream.result()
    assert result.stats.stop_reason == "userStopped"
    assert result.stats.prompt_tokens_count > 0
    assert result.content.startswith("word ")


def test_cancel_while_it_reads(model, watch):
    stream = model.respond_stream(script({"progress": [0, 0.5], "each": 30}, {"text": "never"}))
    stream.start()
    watch.wait_state("processingPrompt")
    stream.cancel()
    watch.wait_state("idle")
    assert stream.wait_for_result().stats.stop_reason == "userStopped"


def test_cancel_at_any_moment(model, watch):
    for pieces in range(30):
        stream = model.respond_stream(script({"text": "word ", "repeat": 100_000, "rate": 5000}))
        for number, _ in enumerate(stream):
            if number == pieces:
                stream.cancel()
        assert stream.result().stats.stop_reason == "userStopped"
        assert watch.state() == ("idle", 0)


def test_cancel_before_there_is_room(model, watch):
    running = [model.respond_stream(ENDLESS) for _ in range(4)]
    for stream in running:
        stream.start()
    waiting = model.respond_stream(script({"text": "never"}))
    waiting.start()
    watch.wait_state("generating", queued=1)
    waiting.cancel()
    watch.wait_state("generating", queued=0)
    assert waiting.wait_for_result().content == ""
    for stream in running:
        stream.cancel()
    watch.wait_state("idle")


# ---- settings


CONFIG = {
    "maxTokens": 100,
    "temperature": 0.125,
    "stopStrings": ["stop"],
    "toolCallStopStrings": ["call"],
    "contextOverflowPolicy": "rollingWindow",
    "structured": {"type": "json", "jsonSchema": {"type": "object"}},
    "topKSampling": 11,
    "repeatPenalty": 1.25,
    "minPSampling": 0.5,
    "topPSampling": 0.75,
    "cpuThreads": 3,
    "draftModel": "tiny",
    "speculativeDecodingNumDraftTokensExact": 2,
    "speculativeDecodingMinDraftLengthToConsider": 3,
    "speculativeDecodingMinContinueDraftingProbability": 0.5,
    "reasoningParsing": {"enabled": True, "startString": "<a>", "endString": "</a>"},
    "promptTemplate": {
        "type": "jinja",
        "stopStrings": ["eos"],
        "jinjaPromptTemplate": {
            "template": "{{ messages }}",
            "bosToken": "b",
            "eosToken": "e",
            "inputConfig": {"messagesConfig": {"contentConfig": {"type": "string"}}, "useTools": False},
        },
    },
    "rawTools": {"type": "none"},
}

ARRIVED = {
    "maxPredictedTokens": {"checked": True, "value": 100},
    "temperature": 0.125,
    "stopStrings": ["stop"],
    "toolCallStopStrings": ["call"],
    "contextOverflowPolicy": "rollingWindow",
    "structured": {"type": "json", "jsonSchema": {"type": "object"}},
    "topKSampling": 11,
    "repeatPenalty": {"checked": True, "value": 1.25},
    "minPSampling": {"checked": True, "value": 0.5},
    "topPSampling": {"checked": True, "value": 0.75},
    "llama.cpuThreads": 3,
    "speculativeDecoding.draftModel": "tiny",
    "speculativeDecoding.numDraftTokensExact": 2,
    "speculativeDecoding.minDraftLengthToConsider": 3,
    "speculativeDecoding.minContinueDraftingProbability": 0.5,
    "reasoning.parsing": {"enabled": True, "startString": "<a>", "endString": "</a>"},
    "tools": {"type": "none"},
}


def test_every_setting_arrives(model):
    result = model.respond(script({"config": True}), config=CONFIG)
    settings = {key.removeprefix("llm.prediction."): value for key, value in json.loads(result.content).items()}
    template = settings.pop("promptTemplate")
    assert settings == ARRIVED
    assert template["jinjaPromptTemplate"]["template"] == "{{ messages }}"
    assert template["stopStrings"] == ["eos"]


def test_what_the_sdk_reads_back_is_what_it_said(model):
    said = {key: value for key, value in CONFIG.items() if key not in {"structured", "promptTemplate", "rawTools"}}
    heard = model.respond("hello", config=said).prediction_config
    assert {key: heard.to_dict()[key] for key in said} == said


@pytest.mark.parametrize("key", ["repeatPenalty", "minPSampling", "topPSampling", "maxTokens"])
def test_a_setting_that_is_switched_off(model, key):
    assert model.respond("hello", config={key: False}).content == "You said: hello"


def test_an_answer_in_a_form(model):
    class Book(lms.BaseModel):
        title: str
        year: int

    book = {"title": "Emma", "year": 1815}
    result = model.respond(script({"text": json.dumps(book)}), response_format=Book)
    assert result.structured
    assert result.parsed == book
    asked = json.loads(model.respond(script({"config": True}), response_format=Book).content)
    asked = asked["llm.prediction.structured"]
    assert asked["type"] == "json"
    assert set(asked["jsonSchema"]["properties"]) == {"title", "year"}


def test_an_answer_in_a_grammar(model):
    grammar = {"type": "gbnf", "gbnfGrammar": 'root ::= "yes"'}
    asked = json.loads(model.complete(script({"config": True}), response_format=grammar).content)
    assert asked["llm.prediction.structured"] == grammar


# ---- what goes wrong


def test_a_preset(model):
    with pytest.raises(lms.LMStudioPresetNotFoundError, match="no-such-preset"):
        model.respond("x", preset="no-such-preset")
    with pytest.raises(lms.LMStudioPresetNotFoundError, match="no-such-preset"):
        list(model.respond_stream("x", preset="no-such-preset"))


def test_an_error_in_mid_answer(model, watch):
    stream = model.respond_stream(script({"text": "so far"}, {"error": "The GPU is on fire."}))
    with pytest.raises(lms.LMStudioServerError, match="The GPU is on fire"):
        list(stream)
    assert watch.state() == ("idle", 0)
    assert model.respond("still there?").content == "You said: still there?"


def test_a_script_that_is_nonsense_is_an_error_and_no_more(model):
    for step in ({"dance": 1}, {"text": "x", "by": "week"}, {"text": "x", "repeat": "often"}, {"progress": ["x"]}):
        with pytest.raises(lms.LMStudioServerError, match="script"):
            model.respond(script(step))


def test_the_connection_breaks_in_mid_answer(host, watch, sdk):
    sdk.llm.load_new_instance("scripted")
    with lms.Client(host) as client:
        stream = client.llm.model("scripted").respond_stream(script({"text": "so far"}, {"drop": True}))
        with pytest.raises(lms.LMStudioWebsocketError):
            list(stream)
    watch.wait_state("idle")


def test_a_prompt_that_does_not_fit(sdk):
    model = sdk.llm.load_new_instance("scripted", config={"contextLength": 32})
    with pytest.raises(lms.LMStudioServerError, match=r"100 tokens.*context length of 32"):
        model.respond("word " * 100, config={"contextOverflowPolicy": "stopAtLimit"})
    for policy in ("truncateMiddle", "rollingWindow"):
        result = model.respond("word " * 100, config={"contextOverflowPolicy": policy})
        assert result.stats.prompt_tokens_count < 32


def test_a_client_that_leaves_frees_its_slot(host, watch, sdk):
    sdk.llm.load_new_instance("scripted")
    client = lms.Client(host)
    with client:
        next(iter(client.llm.model("scripted").respond_stream(ENDLESS)))
        watch.wait_state("generating")
    watch.wait_state("idle")


# ---- several at once


def test_four_at_once_and_the_fifth_waits(model, watch):
    streams = [model.respond_stream(ENDLESS) for _ in range(4)]
    for stream in streams:
        stream.start()
    watch.wait_state("generating", queued=0)
    told = []
    fifth = model.respond_stream(script({"text": "at last"}), on_prompt_processing_progress=told.append)
    fifth.start()
    watch.wait_state("generating", queued=1)
    streams[0].cancel()
    assert fifth.wait_for_result().content == "at last"
    assert told == [0.0, 1.0]
    for stream in streams[1:]:
        stream.cancel()
    for stream in streams:
        assert stream.wait_for_result().stats.stop_reason == "userStopped"


def test_answers_at_once_do_not_mix(model):
    answers = {}

    def ask(letter):
        answers[letter] = model.respond(script({"text": f"{letter} ", "repeat": 100})).content

    threads = [threading.Thread(target=ask, args=(letter,)) for letter in "abcdefgh"]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(20)
    assert answers == {letter: f"{letter} " * 100 for letter in "abcdefgh"}


def test_two_clients_share_what_is_loaded(host, model):
    with lms.Client(host) as other:
        (theirs,) = other.llm.list_loaded()
        assert theirs.identifier == model.identifier
        stream = model.respond_stream(ENDLESS)
        next(iter(stream))
        assert theirs.respond("me too").content == "You said: me too"
        theirs.unload()
    with pytest.raises(lms.LMStudioModelNotFoundError):
        model.respond("gone")
