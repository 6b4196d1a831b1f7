"""API tokens, in LM Studio's form: `sk-lm-`, eight characters for who it is, a colon, twenty to prove it."""

from __future__ import annotations

import hmac
import os
import re
import secrets
import string
from dataclasses import dataclass, field

FORM = re.compile(r"sk-lm-([A-Za-z0-9]{8}):([A-Za-z0-9]{20})")

VARIABLE = "LMNB_SERVER_TOKEN"
"""How a server is told its token: what stands on a command line can be read by everybody on the computer."""


class TokenError(ValueError):
    """What was given is no API token; the text is sentences, and does not hold it."""


@dataclass(frozen=True)
class Token:
    """An API token.

    Attributes:
        identifier: As which client the owner comes.
        passkey: The secret.
    """

    identifier: str
    passkey: str = field(repr=False)

    def fits(self, identifier: str, passkey: str) -> bool:
        """Whether a client has it. Takes as long whatever is wrong."""
        return same(self.identifier, identifier) & same(self.passkey, passkey)


def same(one: str, other: str) -> bool:
    """Whether two texts are the same, without telling by the time it takes how far they are."""
    return hmac.compare_digest(one.encode("utf-8", "replace"), other.encode("utf-8", "replace"))


def new() -> str:
    """A token that nobody knows yet."""
    letters = string.ascii_letters + string.digits
    first, second = ("".join(secrets.choice(letters) for _ in range(length)) for length in (8, 20))
    return f"sk-lm-{first}:{second}"


def parse(text: str) -> Token:
    """The token that a text is.

    Raises:
        TokenError: If it is none.
    """
    found = FORM.fullmatch(text.strip())
    if found is None:
        raise TokenError(
            "This is no API token: one looks like sk-lm-xxxxxxxx:xxxxxxxxxxxxxxxxxxxx, of letters and digits.\n"
            "`lmnb serve --new-token` makes one."
        )
    return Token(found[1], found[2])


def given() -> Token | None:
    """The token that this process was started with. It is taken out of the environment, which engines inherit.

    Raises:
        TokenError: If it is none.
    """
    text = os.environ.pop(VARIABLE, "")
    return parse(text) if text else None
