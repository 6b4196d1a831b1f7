"""A model's Markdown as HTML that can stay in a notebook: semantic tags, nothing that runs, nothing that is fetched."""

from __future__ import annotations

import re
from dataclasses import dataclass
from functools import cache, lru_cache
from html import escape
from typing import TYPE_CHECKING, Any

from lmnb.chat.colours import coloured
from lmnb.chat.strangers import address, prose, visible

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from markdown_it import MarkdownIt
    from markdown_it.rules_block import StateBlock
    from markdown_it.rules_core import StateCore
    from markdown_it.rules_inline import StateInline
    from markdown_it.token import Token

# Pandoc's rule: no space inside, no digit after, so "$5 and $10" stays money.
_DOLLAR = re.compile(
    r"\$(?![\s$])((?:\\[^\n]|[^$\\\n]|\n(?!\s*\n))*?[^\s$\\]|(?:\\[^\n]|[^$\\\n]|\n(?!\s*\n))*?\\[^\n])\$(?!\d)"
)
_DISPLAY = re.compile(r"\$\$(?!\s*\$\$)((?:[^$\\\n]|\\[^\n]|\\\n|\$(?!\$)|\n(?!\s*\n))+?)\$\$")
_PAREN = re.compile(r"\\\(((?:[^\n\\]|\\[^\n()]|\\\n|\n(?!\s*\n))+?)\\\)")
_BRACKET = re.compile(r"\\\[((?:[^\n\\]|\\[^\n\[\]]|\\\n|\n(?!\s*\n))+?)\\\]")
_MATHS = (("$$", _DISPLAY), ("$", _DOLLAR), (r"\(", _PAREN), (r"\[", _BRACKET))

LONG_LINE = 20_000
"""Formulas are not looked for beyond so many characters of one paragraph: the search is quadratic in unclosed ones."""

MANY_BRACKETS = 2_000
"""Links are not looked for in a paragraph with more of them: the search is quadratic in unclosed ones."""

DEPTH = 16
"""Deeper quotes and lists are shown as text, as in the live view. The parser's own limit drops all that follows."""

_TASK = re.compile(r"\[([ xX])\]\s+")


@dataclass(frozen=True)
class CodeBlock:
    """A block of code in an answer: the word after its fence, and its source without the fence."""

    language: str
    source: str


def code_blocks(markdown: str) -> list[CodeBlock]:
    """The fenced blocks of code, also inside lists and quotes; one that was not closed counts."""
    tokens = _parser().parse(markdown)
    return [CodeBlock(_language(token.info), token.content) for token in tokens if token.type == "fence"]


def to_html(markdown: str) -> str:
    """HTML made of semantic tags, `class` and inline `style`.

    Raw HTML is shown as text, links lead to `http`, `https` and `mailto` only, images are never shown but linked.
    Formulas stay as they are written, for the host's own typesetter; a dollar that is money is kept from it.

    Args:
        markdown: Untrusted.
    """
    html: str = _parser().render(markdown)
    return html


def to_text(markdown: str) -> str:
    """The words without Markdown's marks. Lists keep their bullets, links their addresses, code is as it is."""
    from lmnb.chat.words import written  # noqa: PLC0415 - it imports the parser's tree

    return written(_parser().parse(markdown))


@cache
def _parser() -> MarkdownIt:
    from markdown_it import MarkdownIt  # noqa: PLC0415 - not at `import lmnb`
    from markdown_it.rules_block import blockquote, list_block  # noqa: PLC0415
    from markdown_it.rules_inline import image, link  # noqa: PLC0415

    parser = MarkdownIt("commonmark", {"html": False, "maxNesting": 3 * DEPTH}).enable(["table", "strikethrough"])
    parser.block.ruler.before("table", "maths", _maths_block, {"alt": ["paragraph", "reference", "blockquote", "list"]})
    parser.block.ruler.at("blockquote", _floored(blockquote), {"alt": ["paragraph", "reference", "blockquote", "list"]})
    parser.block.ruler.at("list", _floored(list_block), {"alt": ["paragraph", "reference", "blockquote"]})
    parser.inline.ruler.before("escape", "maths", _maths)
    parser.inline.ruler.at("link", _unless_crowded(link))
    parser.inline.ruler.at("image", _unless_crowded(image))
    # Every address is a link to the parser, and `address` decides: one rule, the live view's.
    parser.validateLink = lambda url: True  # type: ignore[method-assign]  # noqa: ARG005
    parser.normalizeLink = lambda url: url  # type: ignore[method-assign]
    parser.core.ruler.push("tasks", _tasks)
    for name, rule in _RULES.items():
        parser.add_render_rule(name, rule)
    return parser


def _maths(state: StateInline, silent: bool) -> bool:
    if state.src[state.pos] not in "$\\" or len(state.src) > LONG_LINE:
        return False
    for opening, pattern in _MATHS:
        if state.src.startswith(opening, state.pos):
            found = pattern.match(state.src, state.pos)
            if found and not silent:
                state.push("maths", "", 0).content = found[0]
            if found:
                state.pos = found.end()
            return found is not None
    return False


def _maths_block(state: StateBlock, first: int, end: int, silent: bool) -> bool:
    """A formula that is a paragraph of its own: its lines are no list and no heading."""
    at = state.bMarks[first] + state.tShift[first]
    if not state.src.startswith(("$$", "\\["), at) or state.is_code_block(first):
        return False
    pattern = _DISPLAY if state.src[at] == "$" else _BRACKET
    # Once over the raw source, which costs little where nothing closes it; then without the marks of quotes and lists.
    found = pattern.match(state.src, at, at + LONG_LINE)
    if not found:
        return False
    last = first
    while state.eMarks[last] < found.end() and last + 1 < end and state.sCount[last + 1] >= state.blkIndent:
        last += 1
    lines = state.getLines(first, last + 1, state.blkIndent, False).strip()
    if not (found := pattern.fullmatch(lines)):
        return False
    if not silent:
        state.push("paragraph_open", "p", 1).map = [first, last + 1]
        inline = state.push("inline", "", 0)
        inline.content, inline.map, inline.children = lines, [first, last + 1], []
        state.push("paragraph_close", "p", -1)
        state.line = last + 1
    return True


def _floored(rule: Callable[[StateBlock, int, int, bool], bool]) -> Callable[[StateBlock, int, int, bool], bool]:
    def nested(state: StateBlock, first: int, end: int, silent: bool) -> bool:
        depth = state.env.get("depth", 0)
        if depth >= DEPTH:
            return False
        state.env["depth"] = depth + 1
        try:
            return rule(state, first, end, silent)
        finally:
            state.env["depth"] = depth

    return nested


def _unless_crowded(rule: Callable[[StateInline, bool], bool]) -> Callable[[StateInline, bool], bool]:
    return lambda state, silent: not _crowded(state.src) and rule(state, silent)


@lru_cache(maxsize=1)
def _crowded(paragraph: str) -> bool:
    return paragraph.count("[") > MANY_BRACKETS


def _tasks(state: StateCore) -> None:
    """`- [x] done` gets a box instead of its brackets."""
    for item, _paragraph, inline in zip(state.tokens, state.tokens[1:], state.tokens[2:], strict=False):
        if item.type != "list_item_open" or inline.type != "inline" or not inline.children:
            continue
        if found := _TASK.match(inline.children[0].content):
            box = "\u2610 " if found[1] == " " else "\u2611 "
            inline.children[0].content = box + inline.children[0].content[found.end() :]


def _language(info: str) -> str:
    found = re.match(r"\{?\.?([\w+#-]+)", info.strip())
    return found[1].lower() if found else ""


def _rule_text(_self: Any, tokens: Sequence[Token], at: int, *_: Any) -> str:
    return prose(tokens[at].content)


def _rule_maths(_self: Any, tokens: Sequence[Token], at: int, *_: Any) -> str:
    return f"<span>{visible(tokens[at].content)}</span>"


def _rule_code(_self: Any, tokens: Sequence[Token], at: int, *_: Any) -> str:
    return f"<code>{visible(tokens[at].content, code=True)}</code>"


def _rule_block(_self: Any, tokens: Sequence[Token], at: int, *_: Any) -> str:
    source = tokens[at].content.removesuffix("\n")
    return (
        '<div class="highlight" style="margin:1em 0;padding:.5em 2em;'
        'background:var(--jp-cell-editor-background,rgba(127,127,127,.12))">'
        '<pre dir="ltr" style="margin:0;background:none"><code style="background:none">'
        f"{coloured(source, _language(tokens[at].info))}</code></pre></div>\n"
    )


def _rule_image(_self: Any, tokens: Sequence[Token], at: int, *_: Any) -> str:
    words = prose(f"[image: {_plain(tokens[at].children or []) or 'no description'}]")
    href = address(str(tokens[at].attrGet("src") or ""))
    return f"{_anchor(href)}{words}</a>" if href else f"<span>{words}</span>"


def _rule_link_open(_self: Any, tokens: Sequence[Token], at: int, *_: Any) -> str:
    href = address(str(tokens[at].attrGet("href") or ""))
    return _anchor(href) if href else "<span>"


def _rule_link_close(_self: Any, tokens: Sequence[Token], at: int, *_: Any) -> str:
    depth, opening = 1, at
    while depth:
        opening -= 1
        depth += {"link_close": 1, "link_open": -1}.get(tokens[opening].type, 0)
    return "</a>" if address(str(tokens[opening].attrGet("href") or "")) else "</span>"


def _rule_cell_open(_self: Any, tokens: Sequence[Token], at: int, *_: Any) -> str:
    style = tokens[at].attrGet("style")
    return f'<{tokens[at].tag} style="{style}">' if style else f'<{tokens[at].tag} style="text-align:start">'


def _rule_inline_html(_self: Any, tokens: Sequence[Token], at: int, *_: Any) -> str:
    return prose(tokens[at].content)


_RULES: dict[str, Any] = {
    "text": _rule_text,
    "text_special": _rule_text,
    "maths": _rule_maths,
    "code_inline": _rule_code,
    "fence": _rule_block,
    "code_block": _rule_block,
    "image": _rule_image,
    "link_open": _rule_link_open,
    "link_close": _rule_link_close,
    "th_open": _rule_cell_open,
    "td_open": _rule_cell_open,
    "html_inline": _rule_inline_html,
    "html_block": _rule_inline_html,
}


def _anchor(href: str) -> str:
    return f'<a href="{escape(href)}" rel="noopener noreferrer nofollow" target="_blank">'


def _plain(tokens: Sequence[Token]) -> str:
    return "".join(_plain(token.children) if token.children else token.content for token in tokens)
