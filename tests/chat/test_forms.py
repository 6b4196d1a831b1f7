"""What an answer is shown as, where it is no Markdown."""

from __future__ import annotations

import pytest

from lmnb.chat.forms import FENCE, as_markdown


@pytest.mark.parametrize(
    ("text", "form", "language"),
    [
        ('{"a": 1}', "json", "json"),
        ("\n[1, 2]", "json", "json"),
        ("not json at all", "json", ""),
        ("x = 1", "code", "python"),
        ("# no heading", "text", ""),
        ("<b>", "html", "html"),
    ],
)
def test_it_is_one_block_of_its_source(text, form, language):
    assert as_markdown(text, form) == f"{FENCE}{language}\n{text}"


def test_a_fence_of_its_own_is_kept_and_markdown_is_as_it_is():
    assert as_markdown("```json\n{}\n```", "json") == "```json\n{}\n```"
    assert as_markdown("# heading", "markdown") == "# heading"
