"""Who is let in: with a token, without one, and from where."""

from __future__ import annotations

import os
import socket

import lmstudio as lms
import psutil
import pytest

import lmnb
from lmnb.chat.problems import ChatError
from lmnb.server import launch, tokens
from lmnb.studio import sdk
from tests.server.frames import ANYBODY, Frames

TOKEN = "sk-lm-aB3dE6gH:0123456789abcdefghij"
OWNER = {"authVersion": 1, "clientIdentifier": "aB3dE6gH", "clientPasskey": "0123456789abcdefghij"}


@pytest.fixture(scope="module")
def guarded(tmp_path_factory):
    """A server that asks for a token, and its log."""
    log = tmp_path_factory.mktemp("guarded") / "server.log"
    with launch.start_server(scripted=True, token=TOKEN, log=log) as server:
        yield server, log


def refusal(host, hello, namespace="llm"):
    """What a server says to somebody whom it does not let in."""
    frames = Frames(host, namespace, hello=None)
    frames.say(hello)
    answer = frames.hear()
    frames.close()
    assert answer["success"] is False
    return answer["error"]


# ---- tokens


def test_a_new_token_has_lm_studios_form_and_is_new():
    assert tokens.FORM.fullmatch(tokens.new())
    assert tokens.new() != tokens.new()


@pytest.mark.parametrize("text", ["sk-lm-", "sk-lm-short:short", f"{TOKEN}x", TOKEN.replace("3", "ä"), f"x{TOKEN}"])
def test_what_is_no_token_is_said_without_saying_it(text):
    with pytest.raises(tokens.TokenError, match="sk-lm-xxxxxxxx") as caught:
        tokens.parse(text)
    assert text not in str(caught.value).replace("sk-lm-xxx", "")


def test_a_token_does_not_show_its_secret():
    assert "0123456789" not in repr(tokens.parse(TOKEN))


# ---- a server with a token


@pytest.mark.parametrize(
    "hello",
    [
        ANYBODY,
        ANYBODY | {"clientIdentifier": "guest:5c4b3e1e-0000-4000-8000-000000000000"},
        OWNER | {"clientPasskey": "0123456789abcdefghiJ"},
        OWNER | {"clientPasskey": ""},
        OWNER | {"clientIdentifier": "aB3dE6gh"},
        {**OWNER, "clientIdentifier": OWNER["clientPasskey"], "clientPasskey": OWNER["clientIdentifier"]},
    ],
)
@pytest.mark.parametrize("namespace", ["llm", "system", "files"])
def test_nobody_is_let_in_without_it(guarded, hello, namespace):
    said = refusal(guarded[0].host, hello, namespace)
    assert said.startswith("An API token is required")
    assert OWNER["clientPasskey"] not in said


def test_who_has_it_is_let_in_as_often_as_they_like(guarded):
    both = [Frames(guarded[0].host, hello=OWNER) for _ in range(2)]
    for frames in both:
        assert isinstance(frames.call("listLoaded"), list)
        frames.close()


def test_a_stranger_changes_nothing_for_the_owner(guarded):
    refusal(guarded[0].host, OWNER | {"clientPasskey": "x" * 20})
    Frames(guarded[0].host, hello=OWNER).close()


def test_everybody_may_ask_whether_there_is_a_server(guarded):
    assert lms.Client.is_valid_api_host(guarded[0].host)


def test_a_plugin_that_announced_itself_is_let_in_while_it_is_there(guarded):
    host = guarded[0].host
    owner = Frames(host, "plugins", hello=OWNER)
    channel = owner.open("registerDevelopmentPlugin", {"manifest": {}})
    ready = owner.hear()["message"]
    passport = {"authVersion": 1, **{key: ready[key] for key in ("clientIdentifier", "clientPasskey")}}
    Frames(host, "plugins", hello=passport).close()
    assert refusal(host, passport | {"clientPasskey": ""})
    owner.into(channel, {"type": "end"})
    assert owner.packets(channel)[-1]["type"] == "channelClose"
    assert refusal(host, passport)
    owner.close()


def test_it_is_written_down_nowhere(guarded):
    server, log = guarded
    refusal(server.host, ANYBODY)
    Frames(server.host, hello=OWNER).close()
    assert OWNER["clientPasskey"] not in log.read_text()
    assert OWNER["clientPasskey"] not in repr(server)
    assert not any(OWNER["clientPasskey"] in word for word in psutil.Process(server.pid).cmdline())
    assert server.token == TOKEN


@pytest.mark.skipif(not sdk.takes_token(), reason=f"The SDK {lms.__version__} sends no tokens.")
def test_the_sdk_that_can_send_it_and_lmnb_with_it_are_let_in(guarded):
    host = guarded[0].host
    with lms.Client(host, api_token=TOKEN) as client:
        assert client.llm.model("scripted").respond('[{"text": "Hello"}]').content == "Hello"
    with pytest.raises(lms.LMStudioServerError, match="An API token is required"), lms.Client(host) as client:
        client.llm.list_loaded()
    conversation = lmnb.Conversation(model="scripted", host=host, api_token=TOKEN)
    assert conversation.respond('[{"text": "Hello"}]').text == "Hello"


def test_the_sdks_default_client_gets_no_token():
    with pytest.raises(ChatError, match=r"lms\.Client\(server\.host, api_token=server\.token\)"):
        lmnb.start_server(default=True, token=TOKEN)


def test_without_it_lmnb_says_what_to_do(guarded):
    with pytest.raises(ChatError) as caught:
        lmnb.Conversation(model="scripted", host=guarded[0].host).respond("Hello")
    problem = caught.value.problem
    assert problem.kind == "refused"
    assert "asks for an API token" in problem.title


def test_what_is_no_token_does_not_start_a_server():
    with pytest.raises(launch.LaunchError, match=r"This is no API token(?s:.*)--new-token") as caught:
        launch.start_server(scripted=True, token="sk-lm-oh:no")
    assert "oh:no" not in str(caught.value)


def test_a_token_in_the_environment_is_meant_for_one_server_only(monkeypatch):
    monkeypatch.setenv(tokens.VARIABLE, TOKEN)
    with launch.start_server(scripted=True) as server:
        Frames(server.host).close()


# ---- without a token


def test_the_first_connection_of_a_guest_fixes_its_passkey(host):
    mine = ANYBODY | {"clientIdentifier": "somebody", "clientPasskey": "mine"}
    first = Frames(host, hello=mine)
    assert "somebody" in refusal(host, mine | {"clientPasskey": "theirs"})
    Frames(host, hello=mine).close()
    first.close()


# ---- from where


def addresses():
    """Addresses of this computer that others can reach."""
    found = {
        each.address for all_of in psutil.net_if_addrs().values() for each in all_of if each.family == socket.AF_INET
    }
    return sorted(address for address in found if not launch.is_loopback(address))


@pytest.mark.parametrize(
    ("address", "loopback"),
    [
        ("127.0.0.1", True),
        ("127.3.2.1", True),
        ("::1", True),
        ("[::1]", True),
        ("localhost", True),
        ("0.0.0.0", False),
        ("::", False),
        ("192.168.0.7", False),
        ("example.org", False),
        ("", False),
    ],
)
def test_what_only_this_computer_can_reach(address, loopback):
    assert launch.is_loopback(address) is loopback


@pytest.mark.parametrize(
    ("address", "place"),
    [
        ("127.0.0.1", "127.0.0.1:5"),
        ("0.0.0.0", "127.0.0.1:5"),
        ("::", "[::1]:5"),
        ("::1", "[::1]:5"),
        ("localhost", "localhost:5"),
    ],
)
def test_where_a_server_can_be_reached(address, place):
    assert launch.reachable(address, 5) == place


def test_the_network_is_let_in_only_with_a_token_or_with_a_word():
    for address in ("0.0.0.0", "::", *addresses()[:1]):
        with pytest.raises(launch.LaunchError, match="--new-token"):
            launch.start_server(scripted=True, host=address)
    with launch.start_server(scripted=True, host="0.0.0.0", token=TOKEN) as server:
        for address in ("127.0.0.1", *addresses()[:1]):
            Frames(f"{address}:{server.host.rpartition(':')[2]}", hello=OWNER).close()
    with launch.start_server(scripted=True, host="0.0.0.0", no_token=True) as server:
        Frames(server.host).close()


@pytest.mark.skipif(not addresses(), reason="This computer has no address but its own.")
def test_by_itself_it_is_there_for_this_computer_only(host):
    with pytest.raises(OSError):  # refused, or nothing answers
        socket.create_connection((addresses()[0], int(host.rpartition(":")[2])), timeout=2)


def test_an_address_of_another_computer_is_refused_with_the_reason():
    with pytest.raises(launch.LaunchError, match=r"^203\.0\.113\.7, port 0, cannot be used: .+\.$"):
        launch.start_server(scripted=True, host="203.0.113.7", no_token=True)


def test_who_has_a_port_is_said(host):
    port = int(host.rpartition(":")[2])
    with pytest.raises(launch.LaunchError, match=rf"Port {port} cannot be used: another server of lmnb's \(process"):
        launch.start_server(scripted=True, port=port)
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        with pytest.raises(launch.LaunchError, match=f"Port {port} cannot be used: another program has it"):
            launch.start_server(scripted=True, port=port)


def test_what_a_server_starts_does_not_inherit_the_token(monkeypatch):
    monkeypatch.setenv(tokens.VARIABLE, TOKEN)
    assert tokens.given() == tokens.parse(TOKEN)
    assert tokens.VARIABLE not in os.environ
    assert tokens.given() is None
