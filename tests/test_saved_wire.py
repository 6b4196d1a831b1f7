"""What the page writes when the kernel is gone is what the kernel would have written: both sides hold one fixture."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from lmnb.chat import transcript
from lmnb.chat.attached import Attached, Image
from lmnb.chat.enclosures import told
from lmnb.chat.turns import Part, Turn
from lmnb.chat.window import Window

CASES: list[dict[str, Any]] = json.loads((Path(__file__).parent / "wire" / "saved.json").read_text(encoding="utf-8"))


@pytest.mark.parametrize("case", CASES, ids=lambda case: str(case["name"]))
def test_the_kernel_writes_what_the_fixture_holds(case: dict[str, Any]) -> None:
    turn = Turn(
        "Why?", model="qwen3-4b", status="kernelDied", started=0.0, ended=20.0, form=case.get("form", "markdown")
    )
    turn.attached = tuple(
        Attached(
            one["name"],
            "card",
            one.get("text", ""),
            image=Image(b"\x89PNG\r\n\x1a\n", one["image"]["name"]) if "image" in one else None,
            tokens=tokens,
            notes=tuple(one.get("notes", [])),
        )
        for one, tokens in zip(case.get("attached", []), case.get("counts", []), strict=True)
    )
    assert told(turn.attached) == case.get("attached", [])
    if context := case.get("context"):
        turn.window = Window(prompt=context[0], length=context[1])
    if case["reasoning"]:
        turn.parts.append(Part("reasoning", case["reasoning"]))
        turn.first_fragment, turn.thought_until = 1.0, 13.0
    turn.parts.append(Part("text", case["text"]))
    assert transcript.html(turn) == case["html"]
