"""The real engine with the real SmolLM2, through the real SDK."""

from __future__ import annotations

import contextlib
import importlib.util
import os
import signal
import threading
from concurrent.futures import ThreadPoolExecutor
from itertools import pairwise
from pathlib import Path

import httpx
import lmstudio as lms
import psutil
import pytest

import lmnb
from lmnb.server.errors import ServerError
from lmnb.server.loader import Loader
from lmnb.server.models import LoadRequest
from tests.server.conftest import until
from tests.server.frames import Frames, asked
from tests.server.ggufs import make, with_template

pytestmark = pytest.mark.model

KEY = "smollm2-135m-instruct"
GREEDY = {"temperature": 0.0, "repeatPenalty": False}
COUNTING = "1, 2, 3, 4, 5, 6, 7,"
"""What a model goes on with is certain: 8, 9, 10, …"""


@pytest.fixture(scope="module")
def files(tmp_path_factory, smollm2):
    """Model files besides the real one: with a template that knows of tools, unloadable, cut short."""
    folder = tmp_path_factory.mktemp("models")
    template = (Path(__file__).parent / "hermes.jinja").read_text()
    short = folder / "short.gguf"
    with smollm2.open("rb") as whole:
        short.write_bytes(whole.read(20_000_000))
    return {
        "real": smollm2,
        "hermes": with_template(smollm2, folder / "hermes.gguf", template),
        "strange": make(folder / "strange.gguf", architecture="strange"),
        "short": short,
    }


@pytest.fixture(scope="module")
def server(files):
    with lmnb.start_server(models=files.values(), scripted=True) as server:
        yield server


@pytest.fixture(scope="module")
def client(server):
    with lms.Client(server.host) as client:
        client.llm.model("scripted").respond("warm up")
        client.llm.unload("scripted")
        yield client


@pytest.fixture
def model(client):
    """The real model, loaded."""
    return client.llm.model(KEY, ttl=None)


@pytest.fixture
def small(client):
    """The real model with room for 192 tokens."""
    model = client.llm.load_new_instance(KEY, "small", config={"contextLength": 192}, ttl=None)
    yield model
    model.unload()


@pytest.fixture
def raw(server, model):
    """A connection without the SDK."""
    frames = Frames(server.host)
    yield frames
    frames.close()


def engines(server):
    """The processes that hold models."""
    return [each for each in psutil.Process(server.pid).children() if each.status() != psutil.STATUS_ZOMBIE]


def text_of(packets):
    return "".join(packet["fragment"]["content"] for packet in packets if packet["type"] == "fragment")


def in_background(work):
    """Run in a thread. Returns a function that waits for the result."""
    pool = ThreadPoolExecutor(1)
    future = pool.submit(work)
    pool.shutdown(wait=False)
    return lambda: future.result(60)


# ---- what there is


def test_the_model_is_listed_by_what_its_file_says(client):
    found = {model.model_key: model for model in client.llm.list_downloaded()}
    info = found[KEY].info
    assert info.path.startswith("HuggingFaceTB/SmolLM2-135M-Instruct-GGUF/SmolLM2-135M-Instruct")
    assert (info.architecture, info.params_string, info.max_context_length) == ("llama", "135M", 8192)
    assert (info.display_name, info.vision, info.trained_for_tool_use) == ("SmolLM2 135M Instruct", False, False)
    assert found["hermes"].info.trained_for_tool_use
    assert "short" not in found  # it cannot be loaded


# ---- loading


def test_loading_tells_how_far_it_is(client):
    progress = []
    model = client.llm.load_new_instance(KEY, "again", on_load_progress=progress.append, config={"contextLength": 512})
    try:
        assert progress[0] == 0.0
        assert progress[-1] == 1.0
        assert len(progress) > 3
        assert all(a < b for a, b in pairwise(progress))
        assert model.get_context_length() == model.get_info().context_length == 512
    finally:
        model.unload()


def test_the_context_is_4096_tokens_unless_told_and_the_models_own_at_most(client, model):
    assert model.get_context_length() == 4096
    large = client.llm.load_new_instance(KEY, "large", config={"contextLength": 1_000_000, "seed": 3})
    try:
        assert large.get_context_length() == 8192
        assert large.get_load_config().context_length == 8192
        config = {"temperature": 1.5, "maxTokens": 8}
        assert large.respond("Hello", config=config).content == large.respond("Hello", config=config).content
    finally:
        large.unload()


def test_a_file_the_engine_cannot_load(client):
    with pytest.raises(lms.LMStudioServerError, match=r"(?s)“strange” could not be loaded.*unknown model architecture"):
        client.llm.model("strange")


def test_a_file_that_is_cut_short(client):
    with pytest.raises(lms.LMStudioServerError, match=r"(?s)“short” cannot be loaded.*It is incomplete"):
        client.llm.model("short")


async def test_without_an_engine_it_is_said_what_to_install(smollm2, monkeypatch):
    find = importlib.util.find_spec
    monkeypatch.setattr("importlib.util.find_spec", lambda name: None if name == "xllamacpp" else find(name))
    loader = Loader([smollm2], scripted=False)
    model = next(model for model in loader.known() if model.key == KEY)
    with pytest.raises(ServerError) as caught:
        await loader.load(model, LoadRequest(), None)
    assert caught.value.suggestion == "Install it with: pip install 'lmnb[local]'"


def test_a_load_that_is_called_off_leaves_no_process(server, raw):
    before = engines(server)
    channel = raw.open("loadModel", {"modelKey": KEY, "identifier": "off", "loadConfigStack": {"layers": []}})
    until(lambda: len(engines(server)) > len(before))
    raw.into(channel, {"type": "cancel"})
    assert raw.packets(channel)[-1]["type"] == "channelError"
    assert engines(server) == before
    assert "off" not in raw.loaded()


def test_two_models_load_at_once_and_the_server_goes_on(server, raw):
    others = [Frames(server.host) for _ in range(2)]
    try:
        channels = [
            frames.open("loadModel", {"modelKey": key, "loadConfigStack": {"layers": []}})
            for frames, key in zip(others, (KEY, "hermes"), strict=True)
        ]
        # Both are there while neither is loaded, and the server answers meanwhile.
        until(lambda: len(engines(server)) == 3 and raw.loaded() == [KEY])
        names = []
        for frames, channel in zip(others, channels, strict=True):
            names.append(frames.packets(channel)[-2]["info"]["identifier"])
        assert sorted(names) == ["hermes", f"{KEY}:2"]
        for name in names:
            raw.call("unloadModel", {"identifier": name})
    finally:
        for frames in others:
            frames.close()


# ---- writing


def test_an_answer_comes_token_by_token_with_its_numbers(model):
    fragments = []
    chat = lms.Chat.from_history("What is the capital of France")
    result = model.respond(chat, config=GREEDY | {"maxTokens": 100}, on_prediction_fragment=fragments.append)
    assert "Paris" in result.content
    assert "".join(fragment.content for fragment in fragments) == result.content
    assert {fragment.tokens_count for fragment in fragments} == {1}
    stats = result.stats
    assert stats.stop_reason == "eosFound"
    assert stats.prompt_tokens_count == model.count_tokens(model.apply_prompt_template(chat))
    assert stats.predicted_tokens_count == len(fragments) + 1  # the token that ends it
    assert stats.total_tokens_count == stats.prompt_tokens_count + stats.predicted_tokens_count
    assert stats.tokens_per_second > 0
    assert stats.time_to_first_token_sec > 0


def test_reading_is_told_and_what_is_known_is_not_read_again(raw):
    prompt = "The sea is blue. " * 40
    first = raw.predict(prompt, maxPredictedTokens={"checked": True, "value": 1})
    again = raw.predict(prompt + "Is it?", maxPredictedTokens={"checked": True, "value": 1})
    read, reread = ([each for each in heard if each["type"] == "promptProcessingProgress"] for heard in (first, again))
    shares = [each["progress"] for each in read]
    assert shares == sorted(shares)
    assert shares[0] == 0
    assert shares[-1] == 1
    assert len(set(shares)) > 3
    details = reread[-1]["details"]
    assert details["totalPromptTokenCount"] - details["cachedTokenCount"] < 40
    assert details["processedPromptTokenCount"] + details["cachedTokenCount"] == details["totalPromptTokenCount"]


def test_an_answer_that_has_reached_its_limit(model):
    result = model.respond("Tell me a story.", config={"maxTokens": 5})
    assert (result.stats.stop_reason, result.stats.predicted_tokens_count) == ("maxPredictedTokensReached", 5)


def test_a_stop_string_ends_it_and_is_not_said(model):
    fragments = []
    result = model.complete(
        COUNTING, config=GREEDY | {"stopStrings": ["0, 1", "x"]}, on_prediction_fragment=fragments.append
    )
    assert result.stats.stop_reason == "stopStringFound"
    assert result.content == " 8, 9, 1"
    assert "".join(fragment.content for fragment in fragments) == result.content


def test_a_context_that_is_full(small):
    result = small.complete(COUNTING, config=GREEDY | {"maxTokens": 1000})
    assert result.stats.stop_reason == "contextLengthReached"
    assert result.stats.total_tokens_count >= 190


@pytest.mark.parametrize("policy", ["truncateMiddle", "rollingWindow"])
def test_a_prompt_that_is_too_long_is_cut(small, policy):
    config = GREEDY | {"contextOverflowPolicy": policy, "maxTokens": 4}
    result = small.complete(f"9, 9, {'x ' * 300} {COUNTING}", config=config)
    assert result.stats.prompt_tokens_count == 168  # an eighth is left for the answer
    assert result.content.startswith(" 8,")


def test_a_prompt_that_is_too_long_is_refused(small):
    with pytest.raises(lms.LMStudioServerError, match=r"The prompt has 6\d\d tokens .* context length of 192"):
        small.complete("x " * 600, config={"contextOverflowPolicy": "stopAtLimit"})


def test_a_fragment_never_ends_within_a_character(model):
    fragments, text = [], "🎉 日本 żółć 🤷‍♀️\u2028🎉"
    form = {"type": "gbnf", "gbnfGrammar": f'root ::= "{text}"'}
    result = model.respond("Hi", response_format=form, on_prediction_fragment=fragments.append)
    assert result.content == text
    assert all("\ufffd" not in fragment.content for fragment in fragments)
    assert max(fragment.tokens_count for fragment in fragments) > 1  # a 🎉 takes three


def test_reasoning_is_told_from_the_answer(model):
    parsing = {"enabled": True, "startString": "9, 1", "endString": "2, 13"}
    fragments = list(model.complete_stream(COUNTING, config=GREEDY | {"maxTokens": 30, "reasoningParsing": parsing}))
    by_kind = {}
    for fragment in fragments:
        by_kind[fragment.reasoning_type] = by_kind.get(fragment.reasoning_type, "") + fragment.content
    assert by_kind["reasoningStartTag"] == "9, 1"
    assert by_kind["reasoning"] == "0, 11, 1"
    assert by_kind["reasoningEndTag"] == "2, 13"
    assert by_kind["none"].startswith(" 8, ")
    assert sum(fragment.tokens_count for fragment in fragments) == 30


def test_four_at_once(model):
    with ThreadPoolExecutor(4) as pool:
        config = GREEDY | {"maxTokens": 6}
        answers = list(
            pool.map(lambda n: model.complete(f"{n}, {n + 1}, {n + 2},", config=config).content, range(1, 5))
        )
    assert answers == [f" {n + 3}, {n + 4}," for n in range(1, 5)]


def test_too_much_at_once_fails_for_none(small):
    def count(start):
        numbers = ", ".join(str(number) for number in range(start, start + 12))
        return small.complete(numbers + ",", config=GREEDY).stats

    with ThreadPoolExecutor(4) as pool:
        stats = list(pool.map(count, range(10, 50, 10)))
    assert {each.stop_reason for each in stats} == {"contextLengthReached"}
    assert all(each.predicted_tokens_count > 5 for each in stats)


@pytest.mark.parametrize("phase", ["reading", "writing"])
def test_stop(raw, phase):
    prompt = asked(f"{phase} " * 900 if phase == "reading" else "Tell me a long story.", model=named(KEY))
    channel = raw.open("predict", prompt)
    wanted = "fragment" if phase == "writing" else "promptProcessingProgress"
    while (frame := raw.hear())["message"]["type"] != wanted or frame["message"].get("progress") == 0:
        pass
    raw.into(channel, {"type": "cancel"})
    success = raw.packets(channel)[-2]
    assert success["stats"]["stopReason"] == "userStopped"
    assert success["stats"]["promptTokensCount"] > 30
    assert raw.state(KEY) == ("idle", 0)


def named(identifier):
    return {"type": "query", "query": {"identifier": identifier}}


# ---- the form of an answer


class Person(lms.BaseModel):
    name: str
    age: int


def test_a_schema_is_kept(model):
    result = model.respond("Bob is 30 years old.", response_format=Person, config={"temperature": 0.0})
    assert set(result.parsed) == {"name", "age"}
    assert isinstance(result.parsed["age"], int)
    assert result.content.startswith('{"name":"')


def test_objects_in_a_schema_are_closed(model):
    schema = {
        "type": "object",
        "properties": {"a": {"type": "array", "items": {"type": "object", "properties": {}}, "maxItems": 1}},
    }
    for _ in range(3):
        parsed = model.respond("Some JSON with many keys", response_format=schema, config={"maxTokens": 100}).parsed
        assert parsed in ({}, {"a": []}, {"a": [{}]})


def test_a_grammar_is_kept(model):
    form = {"type": "gbnf", "gbnfGrammar": 'root ::= "yes" | "no, " [a-c]+ "."'}
    assert model.respond("Well?", response_format=form).content.startswith(("yes", "no, "))


@pytest.mark.parametrize(
    ("form", "reason"),
    [
        ({"type": "json", "jsonSchema": {"type": "strong"}}, "Invalid type: strong"),
        ({"type": "json", "jsonSchema": {"type": "string", "pattern": "(["}}, "unclosed character class"),
        ({"type": "gbnf", "gbnfGrammar": "root ::= ("}, "failed to parse grammar"),
        ({"type": "gbnf", "gbnfGrammar": ""}, "The grammar is empty"),
    ],
)
def test_a_form_that_cannot_be_kept_is_refused(model, form, reason):
    with pytest.raises(lms.LMStudioServerError, match=f"(?s)cannot be kept by this engine.*{reason}"):
        model.respond("Well?", response_format=form)


# ---- tools


def add(a: int, b: int) -> int:
    """Add two numbers."""
    return a + b


def test_a_model_without_tools_calls_them_in_lm_studios_format(model):
    heard = []
    call = r'"[TOOL_REQUEST]\n{\"name\": \"add\", \"arguments\": {\"a\": 1, \"b\": 2}}\n[END_TOOL_REQUEST]"'
    form = {"type": "gbnf", "gbnfGrammar": f"root ::= {call}"}
    model.act("Add 1 and 2.", [add], max_prediction_rounds=2, config={"structured": form}, on_message=heard.append)
    request, result = heard[0].content[-1].tool_call_request, heard[1].content[0]
    assert (request.name, request.arguments) == ("add", {"a": 1, "b": 2})
    assert result.content == "3"
    assert result.tool_call_id == request.id
    assert "[TOOL_REQUEST]" not in str(heard[0].content[0])


def test_a_model_with_tools_calls_them_in_its_own(client):
    model = client.llm.model("hermes", ttl=None)
    try:
        heard, rounds = [], []
        model.act(
            "Add 3 and 4.",
            [add],
            config=GREEDY | {"maxTokens": 60},
            max_prediction_rounds=2,
            on_message=heard.append,
            on_prediction_completed=rounds.append,
        )
        request = heard[0].content[-1].tool_call_request
        assert (request.name, request.arguments) == ("add", {"a": 3, "b": 4})
        assert heard[1].content[0].content == "7"
        assert rounds[0].stats.stop_reason == "toolCalls"
        assert heard[2].content[0].text
        formatted = model.apply_prompt_template(
            lms.Chat.from_history("Hi"),
            {
                "toolDefinitions": [
                    {
                        "type": "function",
                        "function": {"name": "add", "parameters": {"type": "object", "properties": {}}},
                    }
                ]
            },
        )
        assert '<tools>\n{"type": "function", "function": {"name": "add"' in formatted
    finally:
        model.unload()


# ---- tokens and templates


def test_tokens(model):
    tokens = model.tokenize("Hello world")
    assert tokens == [19556, 905]
    assert model.count_tokens("Hello world") == 2
    assert model.tokenize("") == []


def test_the_prompt_as_the_model_reads_it(model):
    chat = lms.Chat("Be brief.")
    chat.add_user_message("Hi")
    formatted = "<|im_start|>system\nBe brief.<|im_end|>\n<|im_start|>user\nHi<|im_end|>\n<|im_start|>assistant\n"
    assert model.apply_prompt_template(chat) == formatted
    # This model's tokenizer adds nothing by itself: what its template begins with stays.
    assert model.apply_prompt_template(chat, {"omitBosToken": True, "omitEosToken": True}) == formatted


# ---- ends


def test_an_unloaded_model_ends_its_answers_and_its_process(server, client):
    model = client.llm.load_new_instance(KEY, "leaving", ttl=None)
    engine = engines(server)[-1]
    begun = threading.Event()
    answer = in_background(
        lambda: model.respond("Tell me a long story.", on_prediction_fragment=lambda _: begun.set()).stats.stop_reason
    )
    assert begun.wait(30)
    model.unload()
    assert answer() == "modelUnloaded"
    assert not engine.is_running() or engine.status() == psutil.STATUS_ZOMBIE
    with pytest.raises(lms.LMStudioModelNotFoundError):
        model.respond("Hello")


def test_a_crash_ends_an_answer_and_not_the_server(server, client):
    model = client.llm.load_new_instance(KEY, "fragile", ttl=None)
    begun = threading.Event()
    answer = in_background(lambda: model.respond("Tell me a long story.", on_prediction_fragment=lambda _: begun.set()))
    assert begun.wait(30)
    engines(server)[-1].send_signal(signal.SIGSEGV)
    with pytest.raises(
        lms.LMStudioServerError, match=r"(?s)The engine of “.+” has crashed: its process was ended by signal 11"
    ):
        answer()
    assert model.respond("Hello", config={"maxTokens": 3}).stats.predicted_tokens_count == 3  # it is loaded again
    model.unload()


def test_a_crash_while_it_loads_ends_the_load_and_not_the_server(server, raw):
    before = engines(server)
    channel = raw.open("loadModel", {"modelKey": KEY, "identifier": "stillborn", "loadConfigStack": {"layers": []}})
    until(lambda: len(engines(server)) > len(before))
    (engine,) = set(engines(server)) - set(before)
    engine.kill()
    error = raw.packets(channel)[-1]["error"]
    assert error["title"] == f"“{KEY}” could not be loaded."
    assert error["cause"] == "Its process was ended by signal 9, perhaps for want of memory."
    assert raw.load(KEY, identifier="stillborn") == "stillborn"
    raw.call("unloadModel", {"identifier": "stillborn"})


@pytest.mark.parametrize("phase", ["reading", "writing"])
def test_clients_that_go_leave_their_slots_in_the_engine(server, raw, phase):
    raw.call("unloadModel", {"identifier": KEY})  # this one has all slots free
    raw.load(KEY)
    prompt = f"{phase} " * 900 if phase == "reading" else "Tell me a long story."
    clients = [Frames(server.host) for _ in range(4)]
    for client in clients:
        client.open("predict", asked(prompt, model=named(KEY)))
    wanted = "fragment" if phase == "writing" else "promptProcessingProgress"
    for client in clients if phase == "writing" else clients[:1]:  # prompts are read one after the other
        while (packet := client.hear(60)["message"])["type"] != wanted or packet.get("progress") == 0:
            pass
    for client in clients:
        client.cut()
    raw.wait_state("idle", identifier=KEY)
    heard = raw.predict("Hello", model=named(KEY), maxPredictedTokens={"checked": True, "value": 3})
    assert heard[-2]["stats"]["predictedTokensCount"] == 3  # it would wait too long while others are read or written
    for client in clients:
        client.close()


def test_nobody_else_gets_at_the_engine(server, model):
    for engine in engines(server):
        (listening,) = [each for each in engine.net_connections() if each.status == psutil.CONN_LISTEN]
        assert listening.laddr.ip == "127.0.0.1"
        url = f"http://127.0.0.1:{listening.laddr.port}"
        with httpx.Client(base_url=url, trust_env=False) as stranger:
            assert stranger.get("/props").status_code == 401
            assert stranger.post("/completion", json={"prompt": "x"}).status_code == 401
            assert stranger.get("/slots", headers={"Authorization": "Bearer x"}).status_code == 401
        assert not any("Bearer" in word or len(word) == 32 for word in engine.cmdline())


@pytest.mark.parametrize("when", ["loaded", "loading"])
@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGKILL])
def test_an_engine_dies_with_its_server_however_that_dies(smollm2, when, number):
    with lmnb.start_server(models=[smollm2]) as server:
        frames = Frames(server.host)
        channel = frames.open("loadModel", {"modelKey": KEY, "loadConfigStack": {"layers": []}})
        if when == "loaded":
            assert frames.packets(channel)[-2]["type"] == "success"
        (engine,) = until(lambda: engines(server))
        os.kill(server.pid, number)
        until(lambda: not engine.is_running() or engine.status() == psutil.STATUS_ZOMBIE)
        with contextlib.suppress(OSError):
            frames.cut()


# ---- the log


def test_the_log_holds_neither_words_nor_requests(smollm2, tmp_path):
    log = tmp_path / "server.log"
    with lmnb.start_server(models=[smollm2], log=log) as server, lms.Client(server.host) as client:
        model = client.llm.model(KEY)
        model.respond("Repeat: xylophone", config=GREEDY | {"maxTokens": 5}, response_format=Person)
        model.complete(COUNTING, config=GREEDY | {"maxTokens": 5})
        model.tokenize("xylophone")
        with pytest.raises(lms.LMStudioServerError):
            model.respond("xylophone", response_format={"type": "gbnf", "gbnfGrammar": "root ::= xylophone"})
        client.llm.unload(KEY)
    assert log.read_text() == ""
