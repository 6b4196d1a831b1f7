"""Tab in a `%%chat` cell: flags, models, conversations and verbs on its line; after `@` and `{`, what can be named.

It goes through IPython's own completer, and so works in every front end. Nobody is asked: what is offered is known.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import TYPE_CHECKING, Any, overload

from IPython.core.completer import SimpleCompletion, context_matcher

from lmnb.notebook.await_rule import HEAD

if TYPE_CHECKING:
    from IPython.core.completer import CompletionContext
    from IPython.core.interactiveshell import InteractiveShell

    from lmnb.notebook.line_offers import Line
    from lmnb.notebook.offers import Offers

Names = Callable[[], Mapping[str, str] | Iterable[str]]

LINE = re.compile(r"\s*(?:[\w\s,.*]+=\s*)?%(chat|lm)[ \t](.*)")
"""A line magic, also one whose value goes into a variable."""

MOST = 500
"""As many as IPython passes on."""

SHORT = 60
"""Characters of the word beside a completion."""


class _Nothing(Sequence[SimpleCompletion]):
    """No completions, but not empty: IPython lets a matcher silence the others only if it has something itself."""

    def __len__(self) -> int:
        return 1

    @overload
    def __getitem__(self, at: int) -> SimpleCompletion: ...
    @overload
    def __getitem__(self, at: slice) -> Sequence[SimpleCompletion]: ...
    def __getitem__(self, at: int | slice) -> SimpleCompletion | Sequence[SimpleCompletion]:
        raise IndexError(at)


class Completion:
    """A matcher for one shell's completer.

    Args:
        shell: The shell.
        verbs: What may follow `%chat`: names, with a line of help each.
        models: Names of models as far as they are known; with a remark each, if it is a mapping.
        talks: Names of conversations, likewise.
        owned: Tells whether `%%NAME` is ours now.
        owned_line: The same of `%NAME`.

    All of them are called on the shell's thread, at each completion that needs them, and must not wait for anything.
    """

    def __init__(
        self,
        shell: InteractiveShell,
        *,
        verbs: Callable[[], Mapping[str, str]],
        models: Names,
        talks: Names,
        owned: Callable[[str], bool] = lambda _name: True,
        owned_line: Callable[[str], bool] = lambda _name: True,
    ) -> None:
        self._shell = shell
        self._owned, self._owned_line = owned, owned_line
        self._names = verbs, models, talks
        self._known_line: Line | None = None

        def matcher(context: CompletionContext) -> dict[str, Any]:
            return self._complete(context)

        self._matcher: Any = context_matcher(priority=100, identifier="lmnb")(matcher)

    def register(self) -> None:
        """Add it to the shell's completer; a second call does nothing."""
        if self._matcher not in self._shell.Completer.custom_matchers:
            self._shell.Completer.custom_matchers.append(self._matcher)

    def unregister(self) -> None:
        """Take it out again."""
        if self._matcher in self._shell.Completer.custom_matchers:
            self._shell.Completer.custom_matchers.remove(self._matcher)

    def _complete(self, context: CompletionContext) -> dict[str, Any]:
        found = self.offers(context.full_text, context.cursor_line, context.cursor_position)
        if found is None:
            return {"completions": []}
        chosen = [SimpleCompletion(text, type=_short(said)) for text, said in found.items[:MOST]]
        return {
            "completions": chosen or _Nothing(),
            "matched_fragment": found.begun,
            "suppress": True,
            "ordered": True,
        }

    def offers(self, cell: str, line: int, column: int) -> Offers | None:
        """What is offered at a place of a cell; None where it is none of ours, and others may offer something.

        Args:
            cell: Its text.
            line: Of the cursor, from 0.
            column: Of the cursor, from 0.
        """
        lines = cell.split("\n")
        before, behind = lines[line][:column], lines[line][column:]
        at = next((i for i, text in enumerate(lines) if text.strip() and not text.lstrip().startswith("#")), line)
        head = HEAD.match(lines[at])
        if head is not None and self._owned(head[1]):
            if line > at:
                from lmnb.notebook.prompt_offers import in_prompt  # noqa: PLC0415 - see `_line`

                return in_prompt(self._shell, "\n".join([*lines[at + 1 : line], before]), behind)
            head = HEAD.match(before) if line == at else None
            # Directly behind `%%chat` it may still become another name.
            return self._line.cell(head[2], behind) if head is not None and head[2] else None
        magic = LINE.match(before)
        return self._line.magic(magic[2], behind) if magic is not None and self._owned_line(magic[1]) else None

    @property
    def _line(self) -> Line:
        if self._known_line is None:
            from lmnb.notebook.line_offers import Line  # noqa: PLC0415 - at the first Tab, not at %load_ext

            self._known_line = Line(self._shell, *self._names)
        return self._known_line


def _short(said: str) -> str:
    return said if len(said) <= SHORT else said[: SHORT - 1] + "…"
