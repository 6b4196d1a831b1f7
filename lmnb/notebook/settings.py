"""What a person can set for all their notebooks: `c.Lmnb.… = …` in ipython_config.py, or `%config Lmnb.… = …`."""

from __future__ import annotations

from traitlets import Bool, Dict, Enum, Int, List, Unicode
from traitlets.config import Configurable


class Lmnb(Configurable):
    """The settings of lmnb. A flag on a `%%chat` line goes before them."""

    model = Unicode("", help="The model key. Empty: the model that is loaded.").tag(config=True)
    host = Unicode("", help="\"address:port\" of the server. Empty: the environment's, LM Studio, lmnb's own.").tag(
        config=True
    )
    system = Unicode("", help="The system prompt of every new conversation.").tag(config=True)
    options = Dict(help='Prediction parameters as the SDK spells them: {"temperature": 0.2}.').tag(config=True)
    think = Enum(["", "off", "low", "high"], "", help="How much a model that thinks does so first.").tag(config=True)
    reasoning = Bool(True, help="Whether the thoughts of a model are shown, folded.").tag(config=True)
    trim = Enum(
        ["oldest", "middle", "off"],
        "oldest",
        help="What is left out first when the turns do not fit the context: the oldest, those after the first, or "
        "nothing (then the question is refused).",
    ).tag(config=True)
    room = Int(0, min=0, help="Tokens kept for an answer. 0: `maxTokens` where it is set, else a share.").tag(
        config=True
    )
    branches = Int(20, min=0, help="Branches kept in a conversation; older ones are let go.").tag(config=True)
    level = Enum(
        ["names", "schema", "stats", "values"],
        "stats",
        help="How much of a table's content goes into its card: names; types; statistics; some rows.",
    ).tag(config=True)
    budget = Int(450, min=20, help="Tokens that one card may take.").tag(config=True)
    mask = Bool(True, help="Whether secrets and personal data are masked in the values of a card.").tag(config=True)
    hide = List(Unicode(), help='Columns whose values are never told: ["df.email", "password"].').tag(config=True)
    auto_context = Bool(
        False, help="Whether tables that the prompt names, and the cells before, go along without `@`."
    ).tag(config=True)
    journal = Bool(False, help="Whether every answer is also written to a file on disk while it streams.").tag(
        config=True
    )

    def rows(self) -> list[tuple[str, str, str]]:
        """Every setting: its name, what it is now, what it means."""
        traits = sorted(self.class_traits(config=True).items())
        return [(name, repr(getattr(self, name)), str(trait.help)) for name, trait in traits]
