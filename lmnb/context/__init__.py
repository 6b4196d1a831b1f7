"""What the model is told about the notebook: cards of its objects, within a budget.

Importing this module costs nothing; pandas, Polars and the like are imported by whoever uses them, never by us.
"""

from __future__ import annotations

import importlib
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from lmnb.context.attaching import attach
    from lmnb.context.cards import Card, describe
    from lmnb.context.kinds import register
    from lmnb.context.ladder import Count, Level, estimate
    from lmnb.context.masks import masked

__all__ = ["Card", "Count", "Level", "attach", "describe", "estimate", "masked", "register"]

_WHERE = {
    "Card": "cards",
    "Count": "ladder",
    "Level": "ladder",
    "attach": "attaching",
    "describe": "cards",
    "estimate": "ladder",
    "masked": "masks",
    "register": "kinds",
}


def __getattr__(name: str) -> Any:
    if name not in _WHERE:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")

    value = getattr(importlib.import_module(f"{__name__}.{_WHERE[name]}"), name)
    globals()[name] = value
    return value
