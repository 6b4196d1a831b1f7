"""What is done to a stranger's words before they are shown: nothing hides in them, and links lead only to the open web.

The rules are those of the live view (`js/src/markdown/hidden.ts`, `links.ts`); `tests/wire/strangers.json` holds both.
"""

from __future__ import annotations

import re
from html import escape

_EVERYWHERE = (
    "\x00-\x08\x0b\x0c\x0e-\x1f\x7f-\x9f\xad\u115f\u1160\u180e\u200b\u202a-\u202e\u2060-\u206f\u3164\ufeff\uffa0"
    "\ufff9-\ufffb\U000e0000-\U000e0fff"
)
# Joiners and marks are part of words and of emoji; in code they are not, and next to Latin letters they only hide.
_JOINERS = "\u200c-\u200f\u061c"
_LATIN = "\x00-\x7f\u00aa\u00ba\u00c0-\u00d6\u00d8-\u00f6\u00f8-\u02b8\u1e00-\u1eff"

_HIDDEN = re.compile(f"[{_EVERYWHERE}]+")
_IN_CODE = re.compile(f"[{_EVERYWHERE}{_JOINERS}]+")
_IN_PROSE = re.compile(
    f"(?:[{_EVERYWHERE}]|(?:(?<=[{_LATIN}])|(?<![\\s\\S]))[{_JOINERS}]|[{_JOINERS}](?=[{_LATIN}]|\\Z))+"
)

_ADDRESS = re.compile(r"(?:https?://|mailto:)\S", re.IGNORECASE)
_IN_ADDRESS = re.compile("[\x00-\x20\x7f-\x9f\u200b-\u200f\u202a-\u202e\u2060-\u2069\ufeff]")

# What MathJax would take for its own: `$`, `\(`, `\[`, `\\`, an environment, a reference.
_TYPESET = re.compile(r"\$|\\(?=[\\(\[]|(?:begin|ref|eqref)\b)")

# What steers a terminal; a line end and a tab do not.
_CONTROL = re.compile("[\x00-\x08\x0b-\x1f\x7f-\x9f]")

HIDDEN = '<small dir="ltr">{}</small>'
"""How a hidden character is written out."""

MANY = 100
"""After so many in one text the rest are boxes: nobody reads them, and each is an element."""


def visible(text: str, *, code: bool = False) -> str:
    """A text as HTML in which every hidden character is written out, as `U+202E`.

    Args:
        text: Untrusted.
        code: In code, joiners and direction marks count as hidden as well.
    """
    pattern = _IN_CODE if code else _IN_PROSE
    pieces: list[str] = []
    at = 0
    for count, found in enumerate(pattern.finditer(text)):
        if count >= MANY:
            rest = pattern.sub("\u25a1", text[at:])
            return "".join([*pieces, escape(rest)])
        pieces += [escape(text[at : found.start()]), HIDDEN.format(_names(found[0]))]
        at = found.end()
    return "".join([*pieces, escape(text[at:])])


def prose(text: str) -> str:
    """A text as HTML like `visible`, of which the host's typesetter takes nothing for a formula."""
    # In an element of its own it opens no formula: MathJax looks for none across elements.
    return _TYPESET.sub(lambda found: f"<span>{found[0]}</span>", visible(text))


def plain(text: str) -> str:
    """A text for a terminal: line ends are line ends, and what would steer the terminal is shown as a sign (`␛`)."""
    return _CONTROL.sub(_sign, text.replace("\r\n", "\n").replace("\r", "\n"))


def _sign(found: re.Match[str]) -> str:
    code = ord(found[0])
    return chr(0x2400 + code) if code < 0x20 else "\u2421" if code == 0x7F else "\ufffd"


def bare(text: str) -> str:
    """A text without what shows as nothing: marks of direction, invisible letters, control characters."""
    return _HIDDEN.sub("", text)


def whole(text: str) -> str:
    """A text that every file can hold: halves of a character that came apart are joined; a lone one is replaced."""
    try:
        text.encode()
    except UnicodeEncodeError:
        return text.encode("utf-16", "surrogatepass").decode("utf-16", "replace")
    return text


def _names(run: str) -> str:
    names = [f"U+{ord(character):04X}" for character in run[:3]]
    return f"{names[0]} and {len(run) - 1} more" if len(run) > 3 else " ".join(names)


def address(href: str) -> str | None:
    """The address to link to, or None where the text must do: `http`, `https` and `mailto` only."""
    plain = _IN_ADDRESS.sub(lambda found: "%20" if found[0] == " " else "", href)
    return plain if _ADDRESS.match(plain) else None


def words(sentence: str) -> str:
    """A sentence of ours as HTML: `words in backticks` are commands or names."""
    pieces = re.split(r"`([^`]+)`", sentence)
    return "".join(f"<code>{visible(p, code=True)}</code>" if i % 2 else prose(p) for i, p in enumerate(pieces))
