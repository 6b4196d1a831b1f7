"""Frame by frame, without the SDK: what the protocol says of greetings, mistakes, floods and goodbyes."""

from __future__ import annotations

import asyncio
import contextlib
import time

import httpx
import pytest
from httpx_ws import WebSocketDisconnect, WebSocketNetworkError, WebSocketUpgradeError, connect_ws
from wsproto.utilities import LocalProtocolError

from lmnb.server import session
from lmnb.server.namespaces import NAMES
from tests.server.conftest import script, until
from tests.server.frames import ANY_MODEL, ANYBODY, Deaf, Frames, asked, kinds

ENDLESS = script({"text": "word ", "repeat": 100_000, "rate": 500})
HI = script({"text": "hi"})

# ---- who is there


@pytest.mark.parametrize("namespace", NAMES)
def test_every_namespace_lets_a_client_in(open_frames, namespace):
    frames = open_frames(namespace)
    frames.say({"type": "keepAlive"})
    assert frames.hear() == {"type": "keepAliveAck"}


@pytest.mark.parametrize(
    "hello",
    [
        "no json",
        "[]",
        "null",
        "{}",
        "[" * 50_000,
        {"authVersion": 2, "clientIdentifier": "a", "clientPasskey": "b"},
        {"authVersion": 1, "clientIdentifier": "", "clientPasskey": "b"},
        {"authVersion": 1, "clientIdentifier": "a" * 257, "clientPasskey": "b"},
        {"authVersion": 1, "clientIdentifier": "a", "clientPasskey": "b" * 257},
        {"authVersion": 1, "clientIdentifier": "a"},
        {"type": "rpcCall", "endpoint": "listLoaded", "callId": 1},
    ],
)
def test_a_wrong_greeting_is_refused_with_a_reason(open_frames, hello):
    frames = open_frames(hello=None)
    frames.say(hello)
    with contextlib.suppress(WebSocketDisconnect, WebSocketNetworkError, LocalProtocolError):
        frames.say(ANYBODY)  # too late
    answer = frames.hear()
    assert answer["success"] is False
    assert "no authentication" in answer["error"]
    with pytest.raises(WebSocketDisconnect):
        frames.hear()


def test_no_greeting_is_waited_for_only_so_long(own_loop, open_frames, monkeypatch):
    monkeypatch.setattr("lmnb.server.app.GREETING_TIME", 0.1)
    frames = open_frames(host=own_loop.host, hello=None)
    with pytest.raises(WebSocketDisconnect) as caught:
        frames.hear()
    assert (caught.value.code, caught.value.reason) == (4401, "no authentication")


def test_who_has_greeted_may_be_silent(own_loop, open_frames, monkeypatch):
    monkeypatch.setattr("lmnb.server.app.GREETING_TIME", 0.1)
    frames = open_frames(host=own_loop.host)
    time.sleep(0.2)
    assert frames.call("listLoaded") == []


def test_the_first_connection_of_a_client_fixes_its_passkey(open_frames):
    first, other = ({"authVersion": 1, "clientIdentifier": "me", "clientPasskey": key} for key in ("mine", "yours"))
    one, two = open_frames(hello=first), open_frames("system", hello=first)
    stranger = open_frames(hello=None)
    stranger.say(other)
    assert stranger.hear() == {"success": False, "error": 'Invalid client passkey for client "me".'}
    one.close()
    two.close()

    def forgotten():
        frames = open_frames(hello=None)
        frames.say(other)
        return frames.hear()["success"]

    until(forgotten)


@pytest.mark.parametrize("origin", ["https://example.com", "http://localhost:8888", "null"])
def test_a_page_gets_no_connection(host, origin):
    with (
        httpx.Client(trust_env=False, headers={"Origin": origin}) as client,
        pytest.raises(WebSocketUpgradeError) as caught,
        connect_ws(f"http://{host}/llm", client),
    ):
        pass
    assert caught.value.response.status_code == 403


def test_a_namespace_that_is_not_there(host):
    with pytest.raises(WebSocketUpgradeError) as caught:
        Frames(host, "nothing")
    assert caught.value.response.status_code == 404


# ---- calls and channels as they should be


def test_a_call_without_a_result_has_no_such_key(open_frames):
    frames = open_frames("system")
    assert frames.answer("notify", {"title": "x"}) == {"type": "rpcResult", "callId": 1}


def test_nothing_found_is_void_where_that_was_asked_for(frames):
    parameter = {"specifier": {"type": "query", "query": {"identifier": "x"}}, "throwIfNotFound": False}
    assert frames.answer("getModelInfo", parameter) == {"type": "rpcResult", "callId": 1}
    error = frames.answer("getModelInfo", parameter | {"throwIfNotFound": True})
    assert error["type"] == "rpcError"
    assert error["error"]["displayData"]["code"] == "generic.noModelMatchingQuery"


def test_a_model_by_reference(frames):
    frames.load()
    (info,) = frames.call("listLoaded")
    specifier = {"type": "instanceReference", "instanceReference": info["instanceReference"]}
    assert frames.call("getModelInfo", {"specifier": specifier})["identifier"] == "scripted"
    frames.call("unloadModel", {"identifier": "scripted"})
    error = frames.answer("getModelInfo", {"specifier": specifier})["error"]
    assert error["displayData"] == {"code": "generic.specificModelUnloaded"}


def test_what_javascript_wants_to_know_of_a_model(frames):
    frames.load(ttlMs=60_000)
    (info,) = frames.call("listLoaded")
    assert (info["publisher"], info["indexedModelIdentifier"]) == ("lmnb", "lmnb/scripted/scripted.gguf")
    assert (info["deviceIdentifier"], info["ttlMs"]) == (None, 60_000)
    assert abs(info["lastUsedTime"] / 1000 - time.time()) < 60
    assert frames.call("getBasePredictionConfig", {"specifier": ANY_MODEL})["fields"]
    assert frames.call("estimateModelUsage", {"modelKey": "scripted"})["memory"]["totalBytes"] == 1_000_000


@pytest.mark.parametrize(
    ("endpoint", "kind"),
    [("version", dict), ("info", dict), ("listDownloadedModels", list), ("getExperimentFlags", list)],
)
def test_what_the_system_says_of_itself(open_frames, endpoint, kind):
    assert isinstance(open_frames("system").call(endpoint), kind)


def test_the_packets_of_an_answer(frames):
    frames.load()
    heard = frames.predict(script({"reasoning": "hm"}, {"text": "one two", "by": "word"}))
    assert kinds(heard) == ["promptProcessingProgress", "fragment", "success", "channelClose"]
    details = heard[1]["details"]
    assert details["totalPromptTokenCount"] == details["processedPromptTokenCount"] + details["cachedTokenCount"]
    assert details["unprocessedPromptTokenCount"] == 0
    fragment = heard[-3]["fragment"]
    assert fragment == {
        "content": "two",
        "tokensCount": 1,
        "containsDrafted": False,
        "reasoningType": "none",
        "isStructural": False,
    }
    success = heard[-2]
    assert set(success) == {"type", "stats", "modelInfo", "loadModelConfig", "predictionConfig"}
    assert success["modelInfo"]["identifier"] == "scripted"
    assert success["stats"]["totalTimeSec"] >= 0


def test_the_packets_of_a_tool_call(frames):
    frames.load()
    heard = frames.predict(script({"tool": {"name": "add", "arguments": {"a": 1}}}))
    assert kinds(heard)[1:] == [
        "toolCallGenerationStart",
        "toolCallGenerationNameReceived",
        "toolCallGenerationArgumentFragmentGenerated",
        "toolCallGenerationEnd",
        "success",
        "channelClose",
    ]
    assert heard[-3]["toolCallRequest"]["arguments"] == {"a": 1}
    assert heard[-2]["stats"]["stopReason"] == "toolCalls"


def test_raw_text_is_completed(frames):
    frames.load()
    parameter = {"modelSpecifier": ANY_MODEL, "rawPrompt": HI, "predictionConfigStack": {"layers": []}}
    heard = frames.packets(frames.open("completeRawText", parameter))
    assert [packet["fragment"]["content"] for packet in heard if packet["type"] == "fragment"] == ["hi"]


def test_later_layers_win(frames):
    frames.load()
    parameter = asked(script({"config": True}), temperature=0.5)
    later = {"layerName": "x", "config": {"fields": [{"key": "llm.prediction.temperature", "value": 0.25}]}}
    parameter["predictionConfigStack"]["layers"].append(later)
    heard = frames.packets(frames.open("predict", parameter))
    assert '"llm.prediction.temperature": 0.25' in next(p["fragment"]["content"] for p in heard if "fragment" in p)


def test_a_message_that_wants_to_be_confirmed_is(frames):
    frames.load()
    channel = frames.open("predict", asked(script({"sleep": 60})))
    frames.into(channel, {"type": "cancel"}, ackId=7)
    heard = [frames.hear()]
    while heard[-1]["type"] != "channelClose":
        heard.append(frames.hear())
    assert {"type": "channelAck", "channelId": channel, "ackId": 7} in heard
    assert heard[-2]["message"]["stats"]["stopReason"] == "userStopped"
    frames.into(channel, {"type": "cancel"}, ackId=8)  # after the end
    assert frames.hear() == {"type": "channelAck", "channelId": channel, "ackId": 8}
    frames.say({"type": "channelAck", "channelId": channel, "ackId": 1})  # of what was never asked
    assert frames.call("listLoaded")


def test_other_messages_into_a_channel_change_nothing(frames):
    frames.load()
    channel = frames.open("predict", asked(script({"sleep": 0.1}, {"text": "hi"})))
    for message in (None, 1, "cancel", [], {}, {"type": None}, {"type": ["cancel"]}, {"type": "dance"}):
        frames.into(channel, message)
    assert frames.packets(channel)[-2]["stats"]["stopReason"] == "eosFound"


def test_while_it_waits_it_says_that_it_lives(own_loop, open_frames, monkeypatch):
    monkeypatch.setattr("lmnb.server.session.SIGN_OF_LIFE", 0.05)
    busy, waiting = open_frames(host=own_loop.host), open_frames(host=own_loop.host)
    busy.load()
    channels = [busy.open("predict", asked(script({"sleep": 60}))) for _ in range(5)]
    waiting.wait_state("processingPrompt", queued=1)
    channel = waiting.open("predict", asked(HI))
    for _ in range(5):
        packet = waiting.hear()["message"]
        assert (packet["type"], packet["progress"]) == ("promptProcessingProgress", 0.0)
    for number in channels:
        busy.into(number, {"type": "cancel"})
    assert waiting.packets(channel)[-2]["stats"]["stopReason"] == "eosFound"


# ---- mistakes


@pytest.mark.parametrize(
    ("frame", "warning", "kind"),
    [
        (
            {"type": "rpcCall", "endpoint": "dance", "callId": 1},
            "Received rpcCall for unknown endpoint, endpoint = dance",
            "rpcEndpointUnknown",
        ),
        (
            {"type": "channelCreate", "endpoint": "dance", "channelId": 1, "creationParameter": {}},
            "Received channelCreate for unknown endpoint, endpoint = dance",
            "channelEndpointUnknown",
        ),
        (
            {"type": "signalSubscribe", "endpoint": "dance", "subscribeId": 1},
            "Received signalSubscribe for unknown endpoint, endpoint = dance",
            "signalEndpointUnknown",
        ),
        (
            {"type": "writableSignalSubscribe", "endpoint": "dance", "subscribeId": 1},
            "Received writableSignalSubscribe for unknown endpoint, endpoint = dance",
            "writableSignalEndpointUnknown",
        ),
        ("no json", "not understood", "unknown"),
        ("", "not understood", "unknown"),
        ("[]", "not understood", "unknown"),
        ("17", "not understood", "unknown"),
        ("{}", "not understood", "unknown"),
        ({"type": "dance"}, "not understood", "unknown"),
        ({"type": ["rpcCall"]}, "not understood", "unknown"),
        ({"type": "rpcCall", "endpoint": "listLoaded"}, "not understood", "unknown"),
        ({"type": "rpcCall", "endpoint": "listLoaded", "callId": "1"}, "not understood", "unknown"),
        ({"type": "rpcCall", "endpoint": "listLoaded", "callId": 1.5}, "not understood", "unknown"),
        ({"type": "rpcCall", "endpoint": "listLoaded", "callId": 10**30}, "not understood", "unknown"),
        ({"type": "channelSend", "channelId": -(10**30), "message": {}}, "not understood", "unknown"),
        ("[" * 200_000, "not understood", "unknown"),
        ('{"a":' * 200_000, "not understood", "unknown"),
        ('{"type":"rpcCall","endpoint":"listLoaded","callId":' + "9" * 10_000 + "}", "not understood", "unknown"),
    ],
)
def test_a_mistake_is_answered_with_a_warning_and_the_connection_lives(frames, frame, warning, kind):
    frames.say(frame)
    heard = frames.hear()
    assert heard["type"] == "communicationWarning"
    assert warning in heard["warning"]
    assert heard["kind"] == kind
    assert frames.call("listLoaded") == []


def test_after_five_warnings_there_is_silence(frames):
    for _ in range(20):
        frames.say({"type": "dance"})
    for _ in range(5):
        assert frames.hear()["type"] == "communicationWarning"
    assert frames.call("listLoaded") == []


def test_a_warning_of_the_client_is_not_answered(frames):
    frames.say({"type": "communicationWarning", "warning": "I do not understand"})
    assert frames.call("listLoaded") == []


@pytest.mark.parametrize("parameter", ["{}", "null", "[1]", '"x"', '{"specifier": 1}', "NaN", "1e999"])
def test_a_wrong_parameter_is_told_to_who_waits_for_the_answer(frames, parameter):
    frames.say('{"type":"rpcCall","endpoint":"getModelInfo","callId":3,"parameter":' + parameter + "}")
    heard = frames.hear()
    assert (heard["type"], heard["callId"]) == ("rpcError", 3)
    assert heard["error"]["title"] == "The request is not in the form the protocol wants."
    frames.say('{"type":"channelCreate","endpoint":"predict","channelId":4,"creationParameter":' + parameter + "}")
    heard = frames.hear()
    assert (heard["type"], heard["channelId"]) == ("channelError", 4)
    assert heard["error"]["title"] == "The request is not in the form the protocol wants."
    assert frames.call("listLoaded") == []


@pytest.mark.parametrize(
    "config",
    [
        {"maxPredictedTokens": "many"},
        {"maxPredictedTokens": {"checked": True, "value": "many"}},
        {"maxPredictedTokens": {"checked": True, "value": -1}},
        {"maxPredictedTokens": []},
        {"stopStrings": "end"},
        {"stopStrings": 7},
        {"stopStrings": [7, None]},
        {"promptTemplate": "x"},
        {"promptTemplate": {"stopStrings": 7}},
        {"structured": "json"},
        {"tools": [1]},
        {"reasoning.parsing": "on"},
        {"contextOverflowPolicy": 7},
        {"temperature": 10**400},
        {"temperature": None},
    ],
)
def test_senseless_settings_end_in_an_answer_or_an_error(frames, config):
    frames.load()
    last = frames.predict(script({"reasoning": "hm"}, {"text": "one"}), **config)[-1]
    if last["type"] == "channelError":
        (key,) = config
        assert key in last["error"]["title"]
    assert frames.predict(HI)[-1]["type"] == "channelClose"


def test_a_channel_that_is_open_already(frames):
    frames.load()
    channel = frames.open("predict", asked(script({"sleep": 0.2}, {"text": "hi"})))
    frames.say({"type": "channelCreate", "endpoint": "predict", "channelId": channel, "creationParameter": asked(HI)})
    heard = [frames.hear()]
    while heard[-1]["type"] != "channelClose":
        heard.append(frames.hear())
    assert [frame["kind"] for frame in heard if frame["type"] == "communicationWarning"] == ["channelAlreadyOpen"]
    assert heard[-2]["message"]["stats"]["stopReason"] == "eosFound"


def test_an_id_may_be_used_again_after_the_end(frames):
    frames.load()
    for _ in range(3):
        parameter = asked(HI)
        frames.say({"type": "channelCreate", "endpoint": "predict", "channelId": 5, "creationParameter": parameter})
        assert frames.packets(5)[-1]["type"] == "channelClose"


# ---- large and many


def test_a_frame_of_20_megabytes(frames):
    frames.load()
    text = "x" * 20_000_000
    assert frames.call("countTokens", {"specifier": ANY_MODEL, "inputString": text}) == {"tokenCount": 1}


def test_a_binary_frame_is_read_as_text(frames):
    frames.ws.send_bytes(b'{"type":"rpcCall","endpoint":"listLoaded","callId":1}')
    assert frames.hear() == {"type": "rpcResult", "callId": 1, "result": []}
    frames.ws.send_bytes(b"\xff\xfe")
    assert frames.hear()["type"] == "communicationWarning"
    assert frames.call("listLoaded") == []


def test_a_hundred_clients(open_frames, watch):
    crowd = [open_frames("system") for _ in range(100)]
    assert watch.call("listLoaded") == []
    assert {one.call("version")["build"] for one in crowd} == {0}


def test_too_many_channels(open_frames, monkeypatch, own_loop):
    monkeypatch.setattr(session, "MOST_CHANNELS", 10)
    frames = open_frames("system", host=own_loop.host)
    for _ in range(12):
        frames.open("alive")
    errors = [frames.hear() for _ in range(2)]
    assert [error["channelId"] for error in errors] == [11, 12]
    frames.into(1, {"type": "end"})
    assert frames.hear() == {"type": "channelClose", "channelId": 1}
    frames.open("alive")
    assert frames.call("version")


def test_a_stranger_sends_no_large_frame(host):
    stranger = Frames(host, hello=None)
    stranger.say("x" * 100_000)
    with pytest.raises(WebSocketDisconnect):
        stranger.hear()
    stranger.cut()


def test_large_requests_of_all_clients_together_have_a_limit(open_frames, monkeypatch, own_loop):
    monkeypatch.setattr(session, "LARGE", 1_000)
    monkeypatch.setattr(session, "MOST_HELD", 5_000)
    one, other = open_frames("system", host=own_loop.host), open_frames("system", host=own_loop.host)
    large = {"padding": "x" * 3_000}
    one.open("alive", large)
    assert one.call("version")
    refused = other.open("alive", large)
    assert "busy with other large requests" in other.packets(refused)[-1]["error"]["title"]
    assert "busy" in other.answer("version", large)["error"]["title"]
    assert other.call("version"), "small ones are answered"
    one.close()
    until(lambda: "error" not in other.answer("version", large))  # room again when the one who took it is gone


def test_many_calls_at_once_are_all_answered(frames):
    frames.load()
    parameter = {"specifier": ANY_MODEL, "inputString": "a b c"}
    for _ in range(session.MOST_CALLS + 200):
        frames.ask("countTokens", parameter)
    heard = {frames.hear()["callId"] for _ in range(session.MOST_CALLS + 200)}
    assert len(heard) == session.MOST_CALLS + 200


@pytest.fixture
def deaf(host, watch):
    watch.load()
    deaf = Deaf(host)
    yield deaf
    deaf.socket.close()


def test_who_does_not_read_is_not_read_from_and_nobody_else_notices(own_loop, open_frames):
    watch = open_frames(host=own_loop.host)
    watch.load()
    deaf = Deaf(own_loop.host)
    deaf.flood({"type": "rpcCall", "endpoint": "listLoaded", "callId": 1}, 200_000)
    assert watch.predict(HI)[-1]["type"] == "channelClose"
    assert len(asyncio.all_tasks(own_loop.loop)) < 3 * session.MOST_CALLS, "answers that nobody takes"
    deaf.socket.close()


def test_an_answer_that_nobody_reads_can_be_stopped(deaf, watch):
    text = script({"text": "word " * 10_000, "by": 50_000, "repeat": 10_000})
    deaf.say({"type": "channelCreate", "endpoint": "predict", "channelId": 1, "creationParameter": asked(text)})
    watch.wait_state("generating")
    time.sleep(0.2)  # until nothing more fits into the sockets
    deaf.say({"type": "channelSend", "channelId": 1, "message": {"type": "cancel"}})
    watch.wait_state("idle")


def test_an_answer_that_nobody_reads_ends_with_its_client(deaf, watch):
    text = script({"text": "word " * 10_000, "by": 50_000, "repeat": 10_000})
    deaf.say({"type": "channelCreate", "endpoint": "predict", "channelId": 1, "creationParameter": asked(text)})
    watch.wait_state("generating")
    assert watch.predict(HI)[-1]["type"] == "channelClose"
    deaf.socket.close()
    watch.wait_state("idle")


def test_who_does_not_read_for_long_is_given_up(own_loop, open_frames, monkeypatch):
    monkeypatch.setattr("lmnb.server.app.STALLED", 0.2)
    frames = open_frames(host=own_loop.host)
    frames.load()
    deaf = Deaf(own_loop.host)
    text = script({"text": "word " * 10_000, "by": 50_000, "repeat": 10_000})
    deaf.say({"type": "channelCreate", "endpoint": "predict", "channelId": 1, "creationParameter": asked(text)})
    frames.wait_state("generating")
    frames.wait_state("idle")
    deaf.socket.close()


def test_a_flood_of_frames_lets_others_live(frames, watch):
    watch.load()
    for _ in range(5000):
        frames.say({"type": "keepAlive"})
    assert watch.predict(HI)[-1]["type"] == "channelClose"
    for _ in range(5000):
        assert frames.hear() == {"type": "keepAliveAck"}


def test_a_flood_of_nonsense_lets_others_live(frames, watch):
    for _ in range(5000):
        frames.say("{" * 50)
    assert watch.call("listLoaded") == []


# ---- goodbyes


@pytest.mark.parametrize("goodbye", ["close", "cut"])
def test_a_client_that_goes_in_mid_answer_frees_its_slot(open_frames, watch, goodbye):
    watch.load()
    frames = open_frames()
    frames.open("predict", asked(ENDLESS))
    watch.wait_state("generating")
    getattr(frames, goodbye)()
    watch.wait_state("idle")


def test_clients_that_go_while_they_wait_free_their_place(open_frames, watch):
    watch.load()
    clients = [open_frames() for _ in range(6)]
    for client in clients:
        client.open("predict", asked(script({"sleep": 60})))
    watch.wait_state("processingPrompt", queued=2)
    for client in clients:
        client.cut()
    watch.wait_state("idle")


def test_a_load_that_nobody_waits_for_is_given_up(own_loop, open_frames, monkeypatch):
    monkeypatch.setattr("lmnb.server.scripted.SLOW_LOAD", 60.0)
    watch, frames = open_frames(host=own_loop.host), open_frames(host=own_loop.host)
    channel = frames.open("loadModel", {"modelKey": "scripted-slow", "loadConfigStack": {"layers": []}})
    assert frames.hear()["channelId"] == channel
    frames.cut()
    monkeypatch.setattr("lmnb.server.scripted.SLOW_LOAD", 0.0)
    watch.load("scripted-slow")
    assert watch.loaded() == ["scripted-slow"]


@pytest.mark.parametrize(
    ("endpoint", "parameter"),
    [("loadModel", {"modelKey": "scripted-slow"}), ("getOrLoad", {"identifier": "scripted-slow"})],
)
def test_a_load_can_be_called_off(own_loop, open_frames, monkeypatch, endpoint, parameter):
    monkeypatch.setattr("lmnb.server.scripted.SLOW_LOAD", 60.0)
    frames = open_frames(host=own_loop.host)
    channel = frames.open(endpoint, parameter | {"loadConfigStack": {"layers": []}})
    frames.hear()
    frames.into(channel, {"type": "cancel"})
    last = frames.packets(channel)[-1]
    assert (last["type"], last["error"]["title"]) == ("channelError", "Loading was cancelled.")
    assert frames.loaded() == []


def test_a_plugin_announces_itself(open_frames):
    frames = open_frames("plugins")
    channel = frames.open("registerDevelopmentPlugin", {"manifest": {}})
    ready = frames.hear()["message"]
    assert ready["type"] == "ready"
    assert ready["clientIdentifier"]
    assert ready["clientPasskey"]
    frames.into(channel, {"type": "end"})
    assert frames.hear() == {"type": "channelClose", "channelId": channel}
