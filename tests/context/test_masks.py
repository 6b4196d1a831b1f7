"""Obvious secrets and personal data are masked in values; what only looks a little like them is not."""

from __future__ import annotations

import pandas as pd
import pytest

from lmnb.context import describe, masked
from lmnb.context.masks import by_name, luhn
from lmnb.context.telling import Telling


@pytest.mark.parametrize(
    ("text", "kind"),
    [
        ("write to ada.lovelace+x@example.co.uk, please", "e-mail"),
        ("sk-proj-abcdefghijklmnop1234567890", "key"),
        ("sk_live_4eC39HqLyjWDarjtT1zdp7dc", "key"),
        ("ghp_16C7e42F292c6912E7710c838347Ae178B4a", "key"),
        ("AKIAIOSFODNN7EXAMPLE", "key"),
        ("AIzaSyA1234567890abcdefghijklmnopqrstuv", "key"),
        ("hf_abcdefghijklmnopqrstuvwxyz", "key"),
        ("xoxb-123456789012-abcdef", "key"),
        ("-----BEGIN RSA PRIVATE KEY-----", "key"),
        ("eyJhbGciOiJIUzI1NiJ9.eyJzdWIiOiIxMjM0In0.dBjftJeZ4CVP", "token"),
        ("Authorization: Bearer abcdef123456", "token"),
        ("wJalrXUtnFEMI/K7MDENGbPxRfiCYEXAMPLEKEY12ab34CD", "token"),
        ("password=hunter2", "password"),
        ("postgres://ada:secret@db.example/x", "password"),
        ("4111 1111 1111 1111", "card number"),
        ("5500-0000-0000-0004", "card number"),
        ("DE89 3704 0044 0532 0130 00", "account number"),
        ("GB29NWBK60161331926819", "account number"),
        ("+49 171 1234567", "phone number"),
        ("(212) 555-0199", "phone number"),
        ("212-555-0199", "phone number"),
        ("0171 1234567", "phone number"),
        ("078-05-1120", "social security number"),
    ],
)
def test_what_is_masked(text, kind):
    shown, kinds = masked(text)
    assert kind in kinds, shown
    assert f"‹{kind}›" in shown


@pytest.mark.parametrize(
    "text",
    [
        "2024-01-01",
        "2024-01-01 12:30:00",
        "192.168.100.200",
        "4111 1111 1111 1112",
        "1712345678901",
        "3.141592653589793",
        "550e8400-e29b-41d4-a716-446655440000",
        "d41d8cd98f00b204e9800998ecf8427e",
        "DE00370400440532013000",
        "Braund, Mr. Owen Harris",
        "A/5 21171",
        "STON/O2. 3101282",
        "12,345.67",
        "1-800",
        "10.1000/182",
        "@username",
        "ask-questions-and-find-answers-here",
        "978-3-16-148410-0",
        "Donaudampfschifffahrtsgesellschaftskapitaen",
    ],
)
def test_what_is_not(text):
    assert masked(text) == (text, frozenset())


@pytest.mark.parametrize(
    "name", ["email", "user_email", "e-mail", "Phone", "phone_number", "password", "api_key", "IBAN", "ssn"]
)
def test_names_that_say_what_is_in_them(name):
    assert by_name(name)


@pytest.mark.parametrize(
    "name", ["token", "headphones", "phone_brand", "emailed", "key", "pin", "cards", "passenger", "secretary"]
)
def test_names_that_do_not(name):
    assert not by_name(name)


def test_card_numbers_are_known_by_their_check_digit():
    assert luhn("4111111111111111")
    assert not luhn("4111111111111112")


def test_a_card_masks_and_says_so():
    frame = pd.DataFrame(
        {
            "contact": ["ada@example.com", "alan@example.com"],
            "paid_with": [4111111111111111, 5500000000000004],
            "phone": [2125550199, 2125550198],
            "password": ["hunter2", "swordfish"],
            "note": ["call me at +1 212 555 0199", "nothing"],
        }
    )
    frame = pd.concat([frame, frame.assign(paid_with=4012888888881881)])
    for level in ("stats", "values"):
        card = describe(frame, level=level, budget=None)
        for secret in ("ada@", "41111", "40128", "2125550199", "hunter2", "swordfish", "555 0199"):
            assert secret not in card.text
        assert "contact: e-mail masked" in card.notes
        assert "paid_with: card number masked" in card.notes
        assert "note: phone number masked" in card.notes
    assert "ada@example.com" in describe(frame, mask=False).text


def test_secrets_are_masked_wherever_values_are_shown():
    class Client:
        def __init__(self) -> None:
            self.api_key = "abc"
            self.url = "https://ada:secret@example.com"

        def __repr__(self) -> str:
            return "Client(sk-abcdefghijklmnop1234)"

    def connect(key: str = "sk-abcdefghijklmnop1234") -> None:
        """Ask ada@example.com for one."""

    for obj in (
        Client(),
        {"sk-abcdefghijklmnop1234": {"user": "ada@example.com"}},
        ["ada@example.com"],
        "my key is sk-abcdefghijklmnop1234",
        pd.DataFrame({"a": [1]}, index=["ada@example.com"]),
        pd.Series(["ada@example.com"] * 3),
        connect,
    ):
        card = describe(obj, level="values")
        assert "ada" not in card.text, card.text
        assert "sk-" not in card.text, card.text
        assert any("masked" in note for note in card.notes)


@pytest.mark.parametrize(
    "text",
    [
        "DB_PASSWORD=hunter22",
        "export DB_PASS=hunter22",
        "PGPASSWORD=hunter22",
        "SECRET_KEY=hunter22",
        "{'password': 'hunter22', 'user': 'ada'}",
        '{"password": "hunter22", "api_key": "hunter22"}',
        "userPassword is not one; password = hunter22",
    ],
)
def test_a_password_under_its_name_is_masked_however_it_is_written(text):
    assert "hunter22" not in Telling().cleaned(text)[0]
    assert Telling().cleaned("pass: 12, fail: 3")[0] == "pass: 12, fail: 3"
