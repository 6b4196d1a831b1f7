"""The SDK's own client finds the server, its models, and has them loaded and unloaded."""

from __future__ import annotations

import time
from concurrent.futures import ThreadPoolExecutor

import httpx
import lmstudio as lms
import pytest

from tests.server.conftest import script, until
from tests.server.frames import asked

# ---- the greeting


def test_the_sdks_probe_finds_it(host):
    assert lms.Client.is_valid_api_host(host)


async def test_the_sdks_async_probe_finds_it(host):
    assert await lms.AsyncClient.is_valid_api_host(host)


def test_the_greeting_says_which_process_it_is(host):
    answer = httpx.get(f"http://{host}/lmstudio-greeting").json()
    assert answer["lmstudio"] is True
    assert answer["lmnb"]["pid"] > 0


@pytest.mark.parametrize("path", ["", "v1/models", "llm", "nothing"])
def test_anything_else_over_http_is_refused(host, path):
    assert httpx.get(f"http://{host}/{path}").status_code in {400, 404}


# ---- what is there


def test_downloaded_models(sdk):
    models = {model.model_key: model for model in sdk.llm.list_downloaded()}
    assert {"scripted", "scripted-slow", "scripted-broken"} <= set(models)
    info = models["scripted"].info
    assert (info.type, info.format, info.display_name) == ("llm", "gguf", "Scripted")
    assert (info.size_bytes, info.max_context_length) == (1_000_000, 4096)
    assert (info.trained_for_tool_use, info.vision) == (True, False)
    assert models["scripted"].path == "lmnb/scripted/scripted.gguf"


def test_downloaded_models_of_the_other_kind(sdk):
    others = sdk.list_downloaded_models("embedding")
    assert {model.type for model in others} <= {"embedding"}
    assert "scripted" not in {model.model_key for model in others}


def test_nothing_is_loaded_at_first(sdk):
    assert sdk.list_loaded_models() == []
    assert sdk.llm.list_loaded() == []
    assert sdk.embedding.list_loaded() == []


def test_loaded_models(sdk):
    sdk.llm.load_new_instance("scripted")
    sdk.llm.load_new_instance("scripted", "mine")
    assert [model.identifier for model in sdk.list_loaded_models()] == ["scripted", "mine"]
    assert sdk.list_loaded_models("embedding") == []


# ---- loading on first use


@pytest.mark.parametrize("ttl", [60, None])
def test_a_model_is_loaded_when_it_is_asked_for(sdk, ttl):
    model = sdk.llm.model("scripted", ttl=ttl)
    assert model.identifier == "scripted"
    assert model.respond("hello").content == "You said: hello"


@pytest.mark.parametrize("name", ["scripted", "SCRIPTED", "lmnb/scripted/scripted.gguf", "lmnb/scrip"])
def test_a_loaded_model_is_not_loaded_again(sdk, name):
    reference = sdk.llm.model("scripted").get_info().instance_reference
    assert sdk.llm.model(name).get_info().instance_reference == reference
    assert len(sdk.llm.list_loaded()) == 1


@pytest.mark.parametrize("name", ["lmnb/scripted/scripted.gguf", "Scripted", "lmnb/scripted", "lmnb/scrip"])
def test_a_path_or_its_beginning_names_a_model_on_disk(sdk, name):
    assert sdk.llm.model(name).identifier == "scripted"


def test_any_loaded_model(sdk):
    with pytest.raises(lms.LMStudioClientError, match="no models are currently loaded"):
        sdk.llm.model()
    sdk.llm.load_new_instance("scripted", "mine")
    assert sdk.llm.model().get_info().identifier == "mine"
    assert sdk.llm.get_model_info("scripted").identifier == "mine"


def test_the_progress_of_a_load_on_first_use(quick):
    told = []
    quick.llm.model("scripted-slow", on_load_progress=told.append)
    assert told[0] == 0.0
    assert told[-1] == 1.0
    assert len(told) > 10
    assert told == sorted(set(told))


def test_the_next_load_on_first_use_takes_the_place_of_the_last(quick):
    quick.llm.model("scripted")
    quick.llm.load_new_instance("scripted", "explicit", ttl=60)
    quick.llm.model("scripted-slow")
    assert [model.identifier for model in quick.llm.list_loaded()] == ["explicit", "scripted-slow"]


def test_models_without_a_time_to_live_keep_their_place(quick):
    quick.llm.model("scripted", ttl=None)
    quick.llm.model("scripted-slow")
    assert [model.identifier for model in quick.llm.list_loaded()] == ["scripted", "scripted-slow"]


def test_two_models_wanted_at_once_on_first_use_leave_one(quick):
    with ThreadPoolExecutor(2) as pool:
        models = list(pool.map(quick.llm.model, ("scripted-slow", "scripted")))
    assert {model.identifier for model in models} == {"scripted", "scripted-slow"}
    assert len(quick.llm.list_loaded()) == 1


def test_a_model_that_two_want_at_once_is_loaded_once(quick):
    with ThreadPoolExecutor(2) as pool:
        models = list(pool.map(quick.llm.model, ("scripted-slow", "scripted-slow")))
    assert [model.identifier for model in models] == ["scripted-slow"] * 2
    assert len(quick.llm.list_loaded()) == 1


def test_a_load_that_waits_for_another_says_that_it_lives(own_loop, open_frames, monkeypatch):
    monkeypatch.setattr("lmnb.server.session.SIGN_OF_LIFE", 0.05)
    monkeypatch.setattr("lmnb.server.scripted.SLOW_LOAD", 1.0)
    one, two, three = (open_frames(host=own_loop.host) for _ in range(3))
    one.open("loadModel", {"modelKey": "scripted-slow", "loadConfigStack": {"layers": []}})
    until(own_loop.instances._locks["scripted-slow"].locked)
    waiting = two.open("loadModel", {"modelKey": "scripted-slow", "loadConfigStack": {"layers": []}})
    also = three.open("getOrLoad", {"identifier": "scripted-slow", "loadConfigStack": {"layers": []}})
    heard = two.packets(waiting)
    assert [packet["type"] for packet in heard].count("progress") > 5
    assert heard[-2]["type"] == "success"
    heard = three.packets(also)
    assert [packet["type"] for packet in heard].count("loadProgress") > 5
    assert heard[-2]["type"] == "alreadyLoaded"


def test_a_model_does_not_wait_for_another_one_to_be_loaded(own_loop, open_frames, monkeypatch):
    monkeypatch.setattr("lmnb.server.scripted.SLOW_LOAD", 30.0)
    one, two = (open_frames(host=own_loop.host) for _ in range(2))
    one.open("loadModel", {"modelKey": "scripted-slow", "loadConfigStack": {"layers": []}})
    until(own_loop.instances._locks["scripted-slow"].locked)
    assert two.packets(two.open("loadModel", {"modelKey": "scripted", "loadConfigStack": {"layers": []}}))
    assert own_loop.instances._locks["scripted-slow"].locked()


@pytest.mark.parametrize(
    ("endpoint", "name", "kind"), [("loadModel", "modelKey", "progress"), ("getOrLoad", "identifier", "loadProgress")]
)
def test_a_load_comes_to_its_end_before_it_succeeds(frames, endpoint, name, kind):
    """The Python SDK adds a missing end by itself; a bar in a program with the JavaScript SDK would stop half-way."""
    heard = frames.packets(frames.open(endpoint, {name: "scripted", "loadConfigStack": {"layers": []}}))
    assert [packet["progress"] for packet in heard if packet.get("type") == kind] == [0.0, 1.0]


# ---- loading on request


def test_load_with_an_identifier_and_a_context_length(sdk):
    told = []
    model = sdk.llm.load_new_instance(
        "scripted", "mine", ttl=60, config={"contextLength": 64, "seed": 7}, on_load_progress=told.append
    )
    assert told[0] == 0.0
    assert told[-1] == 1.0
    assert model.identifier == "mine"
    assert model.get_context_length() == 64
    info = model.get_info()
    assert (info.model_key, info.identifier, info.context_length) == ("scripted", "mine", 64)
    config = model.get_load_config()
    assert (config.context_length, config.seed) == (64, 7)


def test_a_handle_from_the_list_of_downloaded_models_loads(sdk):
    (downloaded,) = [model for model in sdk.llm.list_downloaded() if model.model_key == "scripted"]
    assert downloaded.load_new_instance().identifier == "scripted"
    assert downloaded.model().identifier == "scripted"
    assert len(sdk.llm.list_loaded()) == 1


def test_the_same_model_again_gets_a_number(sdk):
    names = [sdk.llm.load_new_instance("scripted").identifier for _ in range(3)]
    assert names == ["scripted", "scripted:2", "scripted:3"]


def test_an_identifier_that_is_taken(sdk):
    sdk.llm.load_new_instance("scripted", "mine")
    with pytest.raises(lms.LMStudioServerError, match='identifier "mine" already exists') as caught:
        sdk.llm.load_new_instance("scripted", "mine")
    assert "\n" not in str(caught.value)


def test_a_model_that_does_not_load_says_why(sdk, watch):
    for load in (sdk.llm.model, sdk.llm.load_new_instance):
        with pytest.raises(lms.LMStudioServerError, match="file is damaged"):
            load("scripted-broken")
    assert watch.loaded() == []


@pytest.mark.parametrize("parallel", [0, -3, "many", {"checked": True, "value": 2}, {}])
def test_a_senseless_number_of_parallel_predictions_breaks_nothing(frames, parallel):
    config = {"fields": [{"key": "llm.load.numParallelSessions", "value": parallel}]}
    frames.load(loadConfigStack={"layers": [{"layerName": "apiOverride", "config": config}]})
    assert frames.predict("hello")[-1]["type"] == "channelClose"


# ---- unloading


def test_unload(sdk):
    model = sdk.llm.load_new_instance("scripted")
    sdk.llm.load_new_instance("scripted", "other")
    model.unload()
    sdk.llm.unload("other")
    assert sdk.list_loaded_models() == []
    with pytest.raises(lms.LMStudioModelNotFoundError):
        model.respond("hello")


def test_unload_what_is_not_loaded(sdk):
    with pytest.raises(lms.LMStudioModelNotFoundError, match="no-such"):
        sdk.llm.unload("no-such")


def test_unload_in_mid_answer(sdk):
    model = sdk.llm.load_new_instance("scripted")
    stream = model.respond_stream(script({"text": "word ", "repeat": 100_000, "rate": 200}))
    for number, _ in enumerate(stream):
        if number == 3:
            model.unload()
    assert stream.result().stats.stop_reason == "modelUnloaded"
    assert stream.result().content.startswith("word ")


def test_time_to_live(sdk, watch):
    sdk.llm.load_new_instance("scripted", "brief", ttl=1)
    sdk.llm.load_new_instance("scripted", "lasting", ttl=None)
    assert set(watch.loaded()) == {"brief", "lasting"}
    until(lambda: watch.loaded() == ["lasting"])


def test_a_model_at_work_outlives_its_time(own_loop, open_frames):
    frames, other = open_frames(host=own_loop.host), open_frames(host=own_loop.host)
    frames.load(ttlMs=50)
    channel = frames.open("predict", asked(script({"sleep": 0.2}, {"text": "done"})))
    other.wait_state("processingPrompt")
    time.sleep(0.1)
    own_loop.run(own_loop.instances.expire())
    assert frames.packets(channel)[-2]["stats"]["stopReason"] == "eosFound"
    until(lambda: own_loop.run(own_loop.instances.expire()) or not other.loaded())


# ---- what does not exist


@pytest.mark.parametrize("load", ["model", "load_new_instance"])
def test_an_unknown_model_to_load(sdk, load):
    with pytest.raises(lms.LMStudioModelNotFoundError, match="no-such-model") as caught:
        getattr(sdk.llm, load)("no-such-model")
    assert "scripted" in str(caught.value)


def test_an_unknown_model_to_ask(sdk):
    sdk.llm.load_new_instance("scripted")
    ghost = lms.sync_api.LLM("no-such-model", sdk.llm)
    for ask in (ghost.get_info, ghost.get_load_config, ghost.get_context_length, lambda: ghost.respond("x")):
        with pytest.raises(lms.LMStudioModelNotFoundError, match="no-such-model"):
            ask()
    for ask in (ghost.count_tokens, ghost.tokenize, ghost.apply_prompt_template):
        with pytest.raises(lms.LMStudioModelNotFoundError, match="no-such-model"):
            ask("x")


def test_an_embedding_by_no_model_is_refused_at_once(sdk):
    """A client that asks for what the server does not know would wait for ever."""
    with pytest.raises(lms.LMStudioModelNotFoundError, match="no-such-model"):
        sdk.embedding._create_handle("no-such-model").embed("x")


def test_a_language_model_is_no_embedding_model(sdk):
    for load in (sdk.embedding.model, sdk.embedding.load_new_instance):
        with pytest.raises(lms.LMStudioServerError, match="model for llm, not for embedding"):
            load("scripted")


def test_a_search_of_the_repository_finds_nothing(sdk):
    assert list(sdk.repository.search_models("qwen")) == []


# ---- tokens and templates


def test_tokens(sdk):
    model = sdk.llm.load_new_instance("scripted")
    tokens = model.tokenize("one two three")
    assert len(tokens) == model.count_tokens("one two three") == 3
    assert model.tokenize(["one", "one two"]) == [tokens[:1], tokens[:2]]
    assert model.tokenize("") == []


def test_the_prompt_as_the_model_reads_it(sdk):
    model = sdk.llm.load_new_instance("scripted")
    chat = lms.Chat("Be brief.")
    chat.add_user_message("Hi")
    assert model.apply_prompt_template(chat) == "<system>Be brief.</system>\n<user>Hi</user>\n"
    chat.add_assistant_response("Hello")
    options = {"omitBosToken": True, "toolDefinitions": []}
    assert model.apply_prompt_template(chat, options).endswith("<assistant>Hello</assistant>\n")
