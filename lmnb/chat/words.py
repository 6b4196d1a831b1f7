"""Markdown's words without its marks."""

from __future__ import annotations

import textwrap
from typing import TYPE_CHECKING

from markdown_it.tree import SyntaxTreeNode

if TYPE_CHECKING:
    from collections.abc import Sequence

    from markdown_it.token import Token


def written(tokens: Sequence[Token]) -> str:
    """The text of parsed Markdown: bullets and numbers stay, cells are parted by tabs, links have their addresses."""
    return _block(SyntaxTreeNode(tokens))


def _block(node: SyntaxTreeNode) -> str:  # noqa: PLR0911 - one line per kind
    match node.type:
        case "root" | "blockquote":
            return "\n\n".join(filter(None, map(_block, node.children)))
        case "bullet_list":
            return "\n".join(_item("- ", item) for item in node.children)
        case "ordered_list":
            first = int(node.attrs.get("start", 1))
            return "\n".join(_item(f"{first + n}. ", item) for n, item in enumerate(node.children))
        case "list_item" | "table" | "thead" | "tbody":
            return "\n".join(map(_block, node.children))
        case "tr":
            return "\t".join(map(_block, node.children))
        case "fence" | "code_block":
            return node.content.rstrip("\n")
        case "hr":
            return ""
        case _:
            return "".join(map(_inline, node.children))


def _item(mark: str, item: SyntaxTreeNode) -> str:
    return mark + textwrap.indent(_block(item), " " * len(mark)).lstrip(" ")


def _inline(node: SyntaxTreeNode) -> str:
    inner = "".join(map(_inline, node.children))
    match node.type:
        case "softbreak" | "hardbreak":
            return "\n"
        case "link" | "image":
            address = str(node.attrs.get("href", node.attrs.get("src", "")))
            return inner if not address or address.removeprefix("mailto:") == inner else f"{inner} ({address})".lstrip()
        case _:
            return inner or node.content
