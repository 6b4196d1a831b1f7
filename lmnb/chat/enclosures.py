"""What goes along with a prompt, as it is shown: a chip that opens to the exact text that was sent."""

from __future__ import annotations

import base64
from typing import TYPE_CHECKING, TypedDict

from lmnb.chat.record import UNSEEN
from lmnb.chat.strangers import visible, words

if TYPE_CHECKING:
    from collections.abc import Iterable

    from lmnb.chat.attached import Attached, Image

PICTURE = 2_000_000
"""Bytes of a picture that is shown; of a larger one the name and the size are."""

# Kinds that a browser only paints, by how their files begin. An SVG could do more.
_PAINTED = {b"\x89PNG\r\n\x1a\n": "image/png", b"\xff\xd8\xff": "image/jpeg", b"GIF8": "image/gif"}

PEEK = (
    "margin:4px 0 8px;padding:8px 12px;max-height:16.5em;overflow:auto;white-space:pre-wrap;font-size:.86em;"
    "line-height:1.5;background:var(--jp-cell-editor-background,rgba(127,127,127,.12))"
)


class PictureJSON(TypedDict, total=False):
    """A picture as it crosses the wire; `type` and `data` (base64) where it can be shown."""

    name: str
    size: int
    type: str
    data: str


class EnclosureJSON(TypedDict, total=False):
    """One thing that goes along with a prompt, as it crosses the wire."""

    name: str
    text: str
    notes: list[str]
    image: PictureJSON


def told(attached: Iterable[Attached]) -> list[EnclosureJSON]:
    """What a view is told of them, once: the counts of tokens come with its state, as they may come later."""
    return [_told(one) for one in attached]


def _told(one: Attached) -> EnclosureJSON:
    said: EnclosureJSON = {"name": one.name}
    if one.text:
        said["text"] = one.text
    if one.notes:
        said["notes"] = list(one.notes)
    if one.image is not None:
        said["image"] = _picture(one.image)
    return said


def _picture(image: Image) -> PictureJSON:
    said: PictureJSON = {"name": image.name, "size": len(image.data)}
    kind = next((kind for beginning, kind in _PAINTED.items() if image.data.startswith(beginning)), None)
    if image.data[:4] == b"RIFF" and image.data[8:12] == b"WEBP":
        kind = "image/webp"
    if kind and len(image.data) <= PICTURE:
        said["type"], said["data"] = kind, base64.b64encode(image.data).decode()
    return said


def fold(one: Attached) -> tuple[str, str]:
    """What the saved form says of one: the words on its fold, and what is inside, as HTML."""
    tokens = "" if one.tokens is None else f" · {one.tokens:,} token{'' if one.tokens == 1 else 's'}"
    notes = [*one.notes, *([UNSEEN] if one.image is not None and UNSEEN not in one.notes else [])]
    inside = [f"<div><small>{words(note)}</small></div>" for note in notes]
    if one.text:
        inside.append(f'<pre dir="ltr" style="{PEEK}">{visible(one.text, code=True)}</pre>')
    return f"<bdi>{visible(one.name)}</bdi>{tokens}", "".join(inside)
