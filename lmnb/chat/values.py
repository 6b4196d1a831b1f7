"""What `-f` and `-x` make of an answer: its Markdown, its plain words, its data, its code, its HTML."""

from __future__ import annotations

import textwrap
from typing import TYPE_CHECKING, Literal, get_args

from lmnb.chat.found import Value, json_in
from lmnb.chat.markdown import CodeBlock, to_html, to_text

if TYPE_CHECKING:
    from collections.abc import Sequence

    from lmnb.chat.reply import Reply

__all__ = ["FORMS", "Form", "Value", "code_of", "extract", "json_in"]

Form = Literal["markdown", "text", "json", "code", "html"]

FORMS: tuple[Form, ...] = get_args(Form)
"""What `-f` takes."""

PYTHON = {"python", "py", "python3", "py3", "ipython", "ipython3", "pycon", "python-repl"}
"""What models write after a fence of Python."""

HTML = {"html", "html5", "xhtml", "htm"}


def extract(reply: Reply, form: Form) -> Value:
    """An answer in the form that was asked for.

    - `markdown`: as the model wrote it.
    - `text`: the same words without Markdown's marks; lists keep theirs, links their addresses.
    - `json`: the data in it (`json_in`).
    - `code`: its blocks of code as one source (`code_of`); nothing is run.
    - `html`: the source of the HTML that the model wrote; where it wrote none, its Markdown as the notebook shows it.
      A `str`: nobody renders it.

    Args:
        reply: Stays as it is, whatever comes of this.
        form: One of `FORMS`.

    Returns:
        The value, and in sentences what was left out.

    Raises:
        ValueError: A sentence, where the answer has no such form.
    """
    match form:
        case "markdown":
            return Value(reply.text)
        case "text":
            return Value(to_text(reply.text))
        case "json":
            return json_in(reply.text)
        case "code":
            return _code(reply)
        case "html":
            return _html(reply)
        case _:
            raise ValueError(f"There is no form {form!r}; there are {', '.join(FORMS)}.")


def code_of(blocks: Sequence[CodeBlock]) -> Value:
    """Blocks of code as one source: all that are Python; where none is, all of the first block's language.

    A block without a language counts as Python only where no block has one: beside others it is mostly an output.
    Each is taken out of its indentation, and they stand apart, so that blocks of valid Python make valid Python.
    """
    languages = [_family(block.language) for block in blocks]
    chosen = "python" if "python" in languages else next((word for word in languages if word), "")
    taken = [_source(block) for block, family in zip(blocks, languages, strict=True) if family == chosen]
    left = [family for family in languages if family != chosen]
    return Value("\n\n".join(source for source in taken if source.strip()), _left_out(left))


def _family(language: str) -> str:
    return "python" if language in PYTHON else language


def _source(block: CodeBlock) -> str:
    source = textwrap.dedent(block.source).strip("\n")
    if _family(block.language) in {"python", ""} and source.startswith(">>> "):
        return _typed_in(source) or source
    return source


def _typed_in(session: str) -> str:
    """What somebody typed at Python's prompt, without the prompts and what was printed."""
    from doctest import DocTestParser  # noqa: PLC0415 - seldom, and it brings pdb along

    try:
        return "".join(example.source for example in DocTestParser().get_examples(session)).strip("\n")
    except ValueError:
        return ""


def _left_out(languages: list[str]) -> tuple[str, ...]:
    if not languages:
        return ()
    names = ", ".join(dict.fromkeys(language or "no language" for language in languages))
    blocks = "one block" if len(languages) == 1 else f"{len(languages)} blocks"
    return (f"Left out: {blocks} of code ({names}); `_.blocks` has all.",)


def _code(reply: Reply) -> Value:
    code = code_of(reply.blocks)
    if not code.value:
        raise ValueError("There is no block of code in the answer; `_.text` has what it says.")
    return code


def _html(reply: Reply) -> Value:
    sources = [block.source.strip("\n") for block in reply.blocks if block.language in HTML]
    if sources:
        return Value("\n".join(sources))
    if reply.text.lstrip().startswith("<"):
        return Value(reply.text.strip())
    return Value(to_html(reply.text), ("The model wrote no HTML; this is its Markdown as HTML.",))
