"""The notebook as a prompt sees it: its names, its cells, its last error and figure, and how much is told of them."""

from __future__ import annotations

import difflib
import types
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from lmnb.context import kinds
from lmnb.notebook import ran
from lmnb.notebook.named import columns

if TYPE_CHECKING:
    from collections.abc import Mapping

    from IPython.core.interactiveshell import InteractiveShell

    from lmnb.context.cells import Cell
    from lmnb.context.telling import Telling
    from lmnb.notebook.paths import Path
    from lmnb.notebook.recorder import Recorder

LOOKED = 2_000
"""Names among which a near one is looked for."""


@dataclass
class Around:
    """What a prompt can name, and how it is told.

    Attributes:
        shell: Runs the cells.
        telling: How much is told.
        recorder: Knows the errors and the last figure; None where nobody remembered them.
        notices: What the person should know, in sentences; added to.
    """

    shell: InteractiveShell
    telling: Telling
    recorder: Recorder | None = None
    notices: list[str] = field(default_factory=list)

    @property
    def names(self) -> Mapping[str, Any]:
        """The notebook's names."""
        found: Mapping[str, Any] = self.shell.user_ns
        return found

    def known(self, name: str) -> bool:
        """Whether a name is the person's: what IPython puts there does not count."""
        if name not in self.names:
            return False
        hidden = self.shell.user_ns_hidden
        return name not in hidden or hidden[name] is not self.names[name]

    def variables(self) -> list[str]:
        """The names a person would think of."""
        return [
            name
            for name, value in list(self.names.items())
            if not name.startswith("_") and self.known(name) and type(value) is not types.ModuleType
        ]

    def near(self, name: str) -> list[str]:
        """Names that are like one which is not there."""
        there = self.variables()[:LOOKED]
        alike = [one for one in there if one.casefold() == name.casefold()]
        return alike or difflib.get_close_matches(name, there, n=3, cutoff=0.75)

    def cell(self, number: int) -> Cell | None:
        """A cell that has ended; a negative number counts back over those that talk to no model."""
        if number < 0:
            some = ran.recent(self.shell, -number)
            if len(some) < -number:
                return None
            number = some[0]
        return ran.cell(self.shell, number, self.recorder)

    def notice(self, text: str) -> None:
        """Say something once."""
        if text not in self.notices:
            self.notices.append(text)

    def hidden(self, root: str, words: list[str]) -> str | None:
        """The first of some words that is a hidden column of a name; None where none is."""
        hide = self.telling.hide
        return next((word for word in words if word in hide or f"{root}.{word}" in hide), None)

    def keeps_something(self, root: str) -> bool:
        """Whether a name is a table some of whose columns are hidden."""
        if not self.telling.hide or not kinds.is_table(self.names[root]):
            return False
        return any("." not in entry or entry.startswith(f"{root}.") for entry in self.telling.hide)

    def harmless(self, path: Path, value: Any) -> bool:
        """Whether what a path leads to in a table has nothing of its hidden columns: one column, a size."""
        if type(value) in (int, bool) or (type(value) is tuple and all(type(one) is int for one in value)):
            return True
        first = path.words[:1]
        return bool(first) and path.steps[0] in (first[0], (first[0],)) and first[0] in columns(self.names[path.root])
