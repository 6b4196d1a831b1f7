"""A picture as a model that sees gets it: a kind that LM Studio reads, and no larger than it looks at."""

from __future__ import annotations

import io
from typing import TYPE_CHECKING, Any

from lmnb.chat.attached import Image
from lmnb.chat.problems import ChatError, Problem
from lmnb.context.values import size

if TYPE_CHECKING:
    from types import ModuleType

PIXELS = 1_024
"""Of the longer side: more costs a model time and shows it nothing."""

UNSHRUNK = 4_000_000
"""Bytes of a picture that is sent as it is where Pillow is not installed."""

_BEGINNINGS = {b"\x89PNG\r\n\x1a\n": "PNG", b"\xff\xd8\xff": "JPEG", b"GIF8": "GIF"}


def kind_of(data: bytes) -> str | None:
    """PNG, JPEG, GIF or WEBP by how a file begins; else None."""
    if data[:4] == b"RIFF" and data[8:12] == b"WEBP":
        return "WEBP"
    return next((kind for beginning, kind in _BEGINNINGS.items() if data.startswith(beginning)), None)


def shrunk(data: bytes, name: str, pixels: int = PIXELS) -> tuple[Image, tuple[str, ...]]:
    """A picture that is small enough, and what was done to it.

    Args:
        data: The bytes of its file.
        name: Of the file.
        pixels: Of the longer side, at most.

    Raises:
        ChatError: If it cannot be read, or is large and there is no Pillow to make it smaller.
    """
    pillow = _pillow()
    if pillow is None:
        if len(data) <= UNSHRUNK:
            return Image(data, name), ()
        raise ChatError(
            Problem(
                "refused",
                f"`{name}` is a picture of {size(len(data))}, too large to be sent as it is.",
                ("Nothing was sent.", "`%pip install pillow`, and it is made smaller on the way."),
            )
        )
    try:
        return _made_smaller(pillow, data, name, pixels)
    except Exception as error:  # noqa: BLE001 - a broken picture makes Pillow raise whatever it likes
        raise ChatError(
            Problem(
                "refused",
                f"`{name}` cannot be read as a picture ({type(error).__name__}).",
                ("Nothing was sent.", "Save it anew as PNG or JPEG, and attach that."),
            )
        ) from None


def _pillow() -> ModuleType | None:
    try:
        import PIL.Image
    except ImportError:
        return None
    return PIL.Image


def _made_smaller(pillow: Any, data: bytes, name: str, pixels: int) -> tuple[Image, tuple[str, ...]]:
    from PIL import ImageOps

    with pillow.open(io.BytesIO(data)) as opened:
        kind, before = opened.format, opened.size
        # LM Studio reads JPEG, PNG and WebP; what turns in a GIF is its first picture to a model.
        if max(before) <= pixels and len(data) <= UNSHRUNK and kind in ("PNG", "JPEG", "WEBP"):
            opened.verify()
            return Image(data, name), ()
        opened.draft("RGB", (pixels, pixels))  # a JPEG is decoded at a fraction of its size
        picture: Any = ImageOps.exif_transpose(opened)
        if picture.mode not in ("RGB", "RGBA", "L", "LA"):
            picture = picture.convert("RGBA" if "transparency" in picture.info else "RGB")
        picture.thumbnail((pixels, pixels))
        out, form = io.BytesIO(), "JPEG" if kind == "JPEG" else "PNG"
        picture.save(out, form, **({"quality": 88} if form == "JPEG" else {"optimize": True}))
    stem, _, _ = name.rpartition(".")
    note = f"made smaller: {before[0]:,} × {before[1]:,} to {picture.width:,} × {picture.height:,}"
    return Image(out.getvalue(), f"{stem or name}.{'jpg' if form == 'JPEG' else 'png'}"), (
        (note,) if max(before) > pixels else ()
    )
