"""Which address is meant, and where it comes from."""

from __future__ import annotations

import pytest

from lmnb.chat.problems import ChatError
from lmnb.studio import hosts


@pytest.mark.parametrize(
    ("typed", "meant"),
    [
        ("localhost:1234", "localhost:1234"),
        (" 127.0.0.1:41343 ", "127.0.0.1:41343"),
        ("localhost", "localhost:1234"),
        ("http://localhost:1234/v1", "localhost:1234"),
        ("http://localhost:1234/v1/", "localhost:1234"),
        ("ws://Studio.local:80", "studio.local:80"),
        ("http://studio.local/v1", "studio.local:80"),
        ("http://me:secret@localhost:1234", "localhost:1234"),
        ("[::1]:1234", "[::1]:1234"),
        ("http://[::1]:1234/", "[::1]:1234"),
    ],
)
def test_an_address_in_any_usual_form(typed, meant):
    assert hosts.address(typed) == meant


@pytest.mark.parametrize("typed", ["https://studio.local/v1", "wss://studio.local"])
def test_encryption_is_refused_with_a_way_out(typed):
    with pytest.raises(ChatError) as caught:
        hosts.address(typed, "LMSTUDIO_BASE_URL")
    problem = caught.value.problem
    assert problem.kind == "refused"
    assert "LMSTUDIO_BASE_URL" in problem.title
    assert "unencrypted" in problem.title
    assert "ssh -L" in problem.lines[0]


@pytest.mark.parametrize("typed", ["", "   ", "http://", "localhost:port", "localhost:99999", "a b:1", "ftp://x:1"])
def test_what_is_no_address_is_refused(typed):
    with pytest.raises(ChatError, match="no address"):
        hosts.address(typed)


def test_nobody_named_a_host():
    assert hosts.given(None, None) is None


@pytest.mark.parametrize("variable", hosts.HOST_VARIABLES)
def test_both_variables_name_a_host_and_it_is_said(variable, monkeypatch):
    monkeypatch.setenv(variable, "http://localhost:1234/v1")
    place = hosts.given(None, None)
    assert place.host == "localhost:1234"
    assert place.notice == f"Answers come from localhost:1234, as `{variable}` says."
    assert place.local


def test_the_explicit_host_goes_before_the_environment(monkeypatch):
    monkeypatch.setenv("LMSTUDIO_API_HOST", "elsewhere:1")
    place = hosts.given("10.0.0.7:1234", None)
    assert place.host == "10.0.0.7:1234"
    assert place.notice is None
    assert not place.local


@pytest.mark.parametrize("variable", hosts.TOKEN_VARIABLES)
def test_a_token_from_the_environment(variable, monkeypatch):
    monkeypatch.setenv(variable, "sk-lm-abcdefgh:abcdefghijabcdefghij")
    assert hosts.given("localhost", None).token == "sk-lm-abcdefgh:abcdefghijabcdefghij"
    assert hosts.given("localhost", "mine").token == "mine"
