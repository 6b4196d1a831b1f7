"""How much is told of what goes along with a prompt: the level and budget, what is hidden and masked, who counts."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from lmnb.chat.attached import Attached
from lmnb.chat.strangers import plain, whole
from lmnb.context.cards import Card, describe
from lmnb.context.covering import covered

if TYPE_CHECKING:
    from collections.abc import Iterable

    from lmnb.chat.attached import AttachedKind, Image
    from lmnb.context.ladder import Count, Level


@dataclass(frozen=True)
class Telling:
    """What the person wants told of things.

    Attributes:
        level: How much a card tells: `names`, `schema`, `stats`, `values`.
        budget: Tokens of a card.
        mask: Whether obvious secrets and personal data are masked in values and texts.
        hide: Columns whose values are not told, as `email` or `df.email`.
        named: Words of the prompt, among which columns are: these get their lines first.
        count: Tokens of a text by the model's tokenizer; None where nobody counts.
    """

    level: Level = "stats"
    budget: int = 450
    mask: bool = True
    hide: tuple[str, ...] = ()
    named: frozenset[str] = frozenset()
    count: Count | None = None

    def card(self, obj: object, name: str) -> Card:
        """The card of an object. Never raises."""
        return describe(
            obj,
            name=name,
            budget=self.budget,
            level=self.level,
            count=self.count,
            named=self.named,
            hide=self.hide,
            mask=self.mask,
        )

    def anywhere(self) -> Telling:
        """The same for a thing without a name of its own: what is hidden in one table is hidden in any."""
        bare = {entry.rpartition(".")[2] for entry in self.hide}
        return replace(self, hide=tuple(sorted(bare.union(self.hide))))

    def cleaned(self, text: str, *, code: bool = False) -> tuple[str, tuple[str, ...]]:
        """A text without what steers a terminal and without obvious secrets, and what was masked, in words.

        Args:
            text: A stranger's.
            code: Whether it is code, in which fewer things are secrets.
        """
        text = whole(plain(text))
        if not self.mask:
            return text, ()
        text, kinds = covered(text, code=code)
        return text, tuple(f"{kind} masked" for kind in kinds)

    def attached(
        self,
        name: str,
        kind: AttachedKind,
        text: str,
        *,
        image: Image | None = None,
        notes: Iterable[str] = (),
        tokens: int | None = None,
    ) -> Attached:
        """One thing that goes along, counted where somebody counts."""
        if tokens is None or self.count is None:
            tokens = self._tokens(text)
        if not getattr(self.count, "exact", True):  # it has begun to guess, and a guess is no count
            tokens = None
        return Attached(name, kind, text, image, tokens, tuple(dict.fromkeys(notes)))

    def _tokens(self, text: str) -> int | None:
        if self.count is None or not text:
            return None
        try:
            return int(self.count(text))
        except Exception:  # noqa: BLE001 - a server that is gone costs the count, not the question
            return None
