"""What an example must not give away: keys, tokens, addresses, the numbers of cards, phones and accounts.

Only the obvious is found. It is masked by default in every value that a card shows, and the card's notes say where.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import Any

from lmnb.context.values import VALUE_LIMIT, value

Check = Callable[[str], bool]


def luhn(text: str) -> bool:
    """Whether the digits of a text are a card's number by its check digit."""
    digits = [int(d) for d in text if d.isdigit() and d.isascii()]
    if not 13 <= len(digits) <= 19 or digits[0] not in (2, 3, 4, 5, 6):
        return False
    twice = [2 * d - 9 * (d > 4) for d in digits[-2::-2]]
    return (sum(digits[-1::-2]) + sum(twice)) % 10 == 0


def iban(text: str) -> bool:
    """Whether a text is an account's number by its check digits."""
    plain = text.replace(" ", "").upper()
    turned = plain[4:] + plain[:4]
    return 15 <= len(plain) <= 34 and int("".join(str(int(c, 36)) for c in turned)) % 97 == 1


def random_looking(text: str) -> bool:
    """Whether a long word has capitals, small letters and digits all over it, as tokens have."""
    kinds = [sum(map(test, text)) for test in (str.isupper, str.islower, str.isdigit)]
    return text.count("/") <= 2 and all(count >= len(text) / 10 for count in kinds)


def always(_text: str) -> bool:
    """The pattern is enough."""
    return True


_KEYS = (
    r"(?<![\w-])(?:sk-[\w-]{16,}|pk-[\w-]{16,}|[rs]k_(?:live|test)_\w{10,}|gh[pousr]_\w{20,}|github_pat_\w{20,}|glpat-[\w-]{16,}"
    r"|(?:AKIA|ASIA)[0-9A-Z]{16}|AIza[\w-]{30,}|xox[abeprs]-[\w-]{10,}|hf_\w{20,}|npm_\w{30,}|pypi-[\w-]{30,}"
    r"|sk-lm-\w+(?::\w+)?)|-----BEGIN [A-Z ]*PRIVATE KEY"
)

# `password: x`, also as JSON or Python write it, and the names of an environment: `DB_PASSWORD=x`, `PGPASSWORD=x`.
_NAMED = (
    r"(?i)(?:(?:\b|(?<=_)|(?<=\bpg))(?:password|passwd|passphrase|pwd|secret(?:_?key)?|api[_-]?key|token)|(?<=_)pass)"
    r"""["']?\s*[=:]\s*(?:"[^"\n]{1,200}"|'[^'\n]{1,200}'|\S+)"""
)

_RULES: tuple[tuple[str, re.Pattern[str], Check], ...] = (
    ("key", re.compile(_KEYS), always),
    ("token", re.compile(r"\beyJ[\w-]{8,}\.[\w-]{8,}(?:\.[\w-]*)?"), always),
    ("token", re.compile(r"(?i)\bbearer\s+[\w.~+/-]{8,}=*"), always),
    ("password", re.compile(_NAMED), always),
    ("password", re.compile(r"(?<=://)[^\s/:@]+:[^\s/@]+(?=@)"), always),
    ("e-mail", re.compile(r"[\w.+%-]{1,64}@[\w-]{1,63}(?:\.[\w-]{1,63})+"), always),
    ("account number", re.compile(r"\b[A-Z]{2}\d{2}(?: ?[A-Za-z0-9]){11,30}\b"), iban),
    ("card number", re.compile(r"(?<![\d.])\d(?:[ -]?\d){12,18}(?![\d.])"), luhn),
    ("social security number", re.compile(r"(?<![\d-])\d{3}-\d{2}-\d{4}(?![\d-])"), always),
    ("phone number", re.compile(r"(?<![\w+])(?:\+|00)[1-9](?:[ ()./-]{0,2}\d){7,14}(?!\d)"), always),
    ("phone number", re.compile(r"(?<![\w.])(?:1[ .-])?(?:\(\d{3}\) ?|\d{3}[-. ])\d{3}[-. ]\d{4}(?![\w.])"), always),
    ("phone number", re.compile(r"(?<![\w.])\(?0\d{2,5}\)?[ /-]\d{3,4}[ -]?\d{2,5}(?![\w.])"), always),
    ("token", re.compile(r"(?<![\w/+-])[\w/+-]{32,}={0,2}(?![\w/+-])"), random_looking),
)

# What a column's name says about what is in it, where the values alone do not show it.
_BY_NAME = (
    ("password", re.compile(r"(?i)(?:^|[_ .-])(?:password|passwd|pwd|passphrase|secret|pin_?code|cvv)s?(?:$|[_ .-])")),
    (
        "key",
        re.compile(r"(?i)(?:^|[_ .-])(?:api|access|private|secret)[_ .-]?(?:key|token)s?(?:$|[_ .-])|^auth_token$"),
    ),
    ("e-mail", re.compile(r"(?i)(?:^|[_ .-])e[_-]?mail(?:[_ .-]?addr(?:ess)?)?s?(?:$|[_ .-])")),
    (
        "phone number",
        re.compile(r"(?i)(?:^|[_ .-])(?:tele)?phone(?:[_ .-]?(?:no|nr|number))?s?$|^(?:fax|mobile)(?:_no)?$"),
    ),
    ("account number", re.compile(r"(?i)(?:^|[_ .-])iban(?:$|[_ .-])")),
    ("card number", re.compile(r"(?i)(?:credit|debit)[_ .-]?card|(?:^|_)card[_ .-]?(?:no|nr|num|number)s?$")),
    ("social security number", re.compile(r"(?i)(?:^|[_ .-])(?:ssn|social[_ .-]?security(?:[_ .-]\w+)?)$")),
)


def masked(text: str) -> tuple[str, frozenset[str]]:
    """A text in which the obvious secrets are replaced by what they were, and the names of what was found."""
    found: set[str] = set()
    # A secret is found in what is looked at; an example is cut to much less than that.
    text = text if len(text) <= 2_000 else text[:2_000]
    for name, pattern, check in _RULES:

        def replace(hit: re.Match[str], name: str = name, check: Check = check) -> str:
            if not check(hit[0]):
                return hit[0]
            found.add(name)
            return f"‹{name}›"

        text = pattern.sub(replace, text)
    return text, frozenset(found)


def by_name(name: object) -> str:
    """What the values of a column are by its name: `e-mail`, `password`; empty where it does not say."""
    if not isinstance(name, str):
        return ""
    return next((what for what, pattern in _BY_NAME if pattern.search(name)), "")


def shown(one: Any, name: object, limit: int = VALUE_LIMIT) -> tuple[str, frozenset[str]]:
    """A value as it may be shown, and what was masked in it.

    Args:
        one: The value.
        name: The name of its column.
        limit: Characters that are shown.
    """
    said = by_name(name) if type(one) in (str, int, float, bytes) else ""
    if said and one == one:  # noqa: PLR0124 NaN
        return f"‹{said}›", frozenset({said})
    if type(one) is int and one > 10**12:
        text, kinds = masked(value(one))
        return text, kinds
    if not isinstance(one, str):
        return value(one, limit), frozenset()
    text, kinds = masked(str.__str__(one))
    return (text if text in {f"‹{kind}›" for kind in kinds} else value(text, limit)), kinds


def secret_numbers(name: object, numbers: list[Any]) -> str:
    """What a column of whole numbers is where they must not be shown, by its name or by their check digits."""
    whole = [str(int(one)) for one in numbers[:50] if one == one and abs(one) < 1e19]  # noqa: PLR0124 NaN
    said = by_name(name)
    if said and any(len(one) >= (3 if said == "password" else 7) for one in whole):
        return said
    cards = sum(map(luhn, whole))
    return "card number" if len(whole) >= 3 and cards >= 0.8 * len(whole) else ""
