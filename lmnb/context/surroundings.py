"""The values around an error: tables as cards, everything else in a few words."""

from __future__ import annotations

import types
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from lmnb.context import masks
from lmnb.context.near_misses import columns_of
from lmnb.context.scopes import MISSING
from lmnb.context.values import class_name, kind_name, line

if TYPE_CHECKING:
    from collections.abc import Callable

    from lmnb.context.cards import Card
    from lmnb.context.ladder import Count, Level
    from lmnb.context.scopes import Mentioned, Scope

MOST = 6
"""Values that are told."""

SECONDS = 0.5
"""That describing one of them may take."""

_PLAIN = (str, int, float, bool, type(None), bytes, complex)


@dataclass(frozen=True)
class Around:
    """How much is told.

    Attributes:
        context: Lines of code above and below.
        budget: Tokens of a table's card; other objects get a third.
        level: What a card tells at most.
    """

    context: int
    budget: int
    level: Level


@dataclass
class Found:
    """What there is to tell, and what the person should know of it."""

    lines: list[str] = field(default_factory=list)
    notes: list[str] = field(default_factory=list)


def objects_of(said: Mentioned, scope: Scope) -> list[Any]:
    """What the names of some code stand for."""
    return [scope.get(name) for name in said.names]


def around(
    said: Mentioned,
    scope: Scope,
    step: Around,
    *,
    describe: Callable[..., Card],
    level: Level,
    hide: frozenset[str],
    mask: bool,
    count: Count,
    calls: bool,
) -> Found:
    """The values of names.

    Args:
        said: What stands in the code.
        scope: What its names stand for.
        step: How much may be told.
        describe: Makes cards.
        level: What the person allows to be told: of `names` and `schema`, no values.
        hide: Names whose values must not be shown.
        mask: Whether secrets are masked.
        count: The tokens of a text.
        calls: Whether functions are told as well, by their signatures.
    """
    found, seen = Found(), set[int]()
    told = level if level in ("names", "schema") and step.level != "names" else step.level
    for name in said.names:
        one = scope.get(name)
        if one is MISSING or id(one) in seen or len(seen) >= MOST or _silent(one, calls=calls):
            continue
        if isinstance(scope.get(name.partition(".")[0]), types.ModuleType) and not columns_of_quietly(one):
            continue  # `pl.col`, `plt.plot`: a library's own
        seen.add(id(one))
        if name in hide:
            found.lines.append(f"{name}: {kind_name(one)} (hidden)")
            found.notes.append(f"{name}: value hidden")
        elif type(one) in _PLAIN:
            _plain(found, name, one, mask=mask, values=level in ("stats", "values"))
        else:
            table = bool(columns_of_quietly(one))
            budget = step.budget if table else max(20, step.budget // 3)
            card = describe(
                one, name=name, budget=budget, level=told, count=count, named=said.strings, hide=hide, mask=mask,
                seconds=SECONDS,
            )  # fmt: skip
            found.lines += card.text.splitlines()
            found.notes += [f"{name}: {note}" for note in card.notes if "masked" in note or "hidden" in note]
    return found


def columns_of_quietly(one: Any) -> list[Any]:
    """As `columns_of`; nothing where asking raises."""
    try:
        return columns_of(one)
    except Exception:  # noqa: BLE001 - a connection that was closed, a frame that is half changed
        return []


def _silent(one: Any, *, calls: bool) -> bool:
    """Whether an object says nothing about an error: modules, and functions that work."""
    if isinstance(one, (types.ModuleType, types.BuiltinFunctionType)):
        return True
    return isinstance(one, (types.FunctionType, types.MethodType, type)) and not calls


def _plain(found: Found, name: str, one: Any, *, mask: bool, values: bool) -> None:
    kind = class_name(type(one))
    if not values and one is not None:
        found.lines.append(f"{name}: {kind}")
        return
    text, kinds = masks.shown(one, name, 60) if mask else (line(repr(one), 60), frozenset[str]())
    found.notes += [f"{name}: {secret} masked" for secret in sorted(kinds)]
    found.lines.append(f"{name} = {text}" + ("" if one is None else f" ({kind})"))
