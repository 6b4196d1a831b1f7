"""Who describes what: the object's own word first, then the person's, then ours, by what the object is."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from lmnb.context.ladder import Draft
    from lmnb.context.tables import Wish


def at_home(obj: object) -> bool:
    """Whether an object has to be asked on the thread on which it was made."""
    sqlite3 = sys.modules.get("sqlite3")
    return sqlite3 is not None and issubclass(type(obj), sqlite3.Connection)


def fill(draft: Draft, obj: Any, wish: Wish) -> None:
    """Put into a draft what there is to say of an object."""
    from lmnb.context import frames, tables

    table = frames.in_memory(obj)
    if table is not None:
        tables.fill(draft, table, wish)
