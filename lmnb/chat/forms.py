"""How an answer is shown that is not Markdown: as one block of code, whatever it holds."""

from __future__ import annotations

from typing import Literal

Form = Literal["markdown", "text", "json", "code", "html"]
"""What a person takes an answer for. HTML too is shown as its source and never as a page."""

FENCE = "~" * 64
"""Longer than any that a model writes. One that does would only end the block; what follows is Markdown, no HTML."""

JSON = ("{", "[", '"', "-", *"0123456789")
"""How data begin; an answer that begins with words is not coloured as if it were some."""

LANGUAGES: dict[Form, str] = {"text": "", "json": "json", "code": "python", "html": "html"}


def as_markdown(text: str, form: Form) -> str:
    """An answer as the Markdown that shows it; `js/src/markdown/forms.ts` does the same.

    Args:
        text: As the model wrote it. One that comes in a fence of its own keeps it, but for plain text.
        form: What it is taken for.
    """
    if form == "markdown" or (form != "text" and text.lstrip().startswith(("```", "~~~"))):
        return text
    words = form == "json" and not text.lstrip().startswith(JSON)
    return f"{FENCE}{'' if words else LANGUAGES[form]}\n{text}"
