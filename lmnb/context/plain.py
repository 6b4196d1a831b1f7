"""Any other object as a card: what it is, its attributes by type, and, last, how it shows itself."""

from __future__ import annotations

import dataclasses
from typing import TYPE_CHECKING, Any

from lmnb.context import masks
from lmnb.context.ladder import Item
from lmnb.context.values import class_name, kind_name, label, line, value

if TYPE_CHECKING:
    from lmnb.context.ladder import Draft
    from lmnb.context.tables import Wish

ATTRIBUTES = 100
"""More attributes than that are only counted by a note."""

SHOWN = 300
"""Characters of an object's own representation."""


def scalar(draft: Draft, native: Any, wish: Wish) -> None:
    """One value: a number, a date."""
    if wish.level in ("stats", "values"):
        draft.head = f", {value(native)}"


def thing(draft: Draft, native: Any, wish: Wish) -> None:
    """An object of whatever class. Its attributes come from where they are stored: none of its code runs for them."""
    if not dataclasses.is_dataclass(type(native)):
        _doc(draft, type.__dict__["__dict__"].__get__(type(native)).get("__doc__"), wish)
    draft.noun = "attribute"
    stored = _stored(native)
    for name, one in list(stored.items())[:ATTRIBUTES]:
        draft.items.append(_attribute(name, one, draft, wish))
    if len(stored) > ATTRIBUTES:
        draft.note(f"only {ATTRIBUTES} of {len(stored):,} attributes looked at")
    if wish.level in ("stats", "values") and not wish.hide:
        _own_words(draft, native, wish)


def _stored(native: Any) -> dict[str, Any]:
    """The attributes of an object, without asking it for them."""
    try:
        found = object.__getattribute__(native, "__dict__")
    except Exception:  # noqa: BLE001 - a `__dict__` may be a property as well
        return {}
    if type(found) is not dict:
        return {}
    return {name: one for name, one in found.items() if type(name) is str and not name.startswith("_")}


def _attribute(name: str, one: Any, draft: Draft, wish: Wish) -> Item:
    shown, first = label(name), wish.meant(name, wish.named, draft.name)
    kind = kind_name(one)
    if wish.meant(name, wish.hide, draft.name):
        draft.note(f"{shown}: value hidden")
        return Item(shown, kind + " (hidden)", " ", " ", first=first)
    if wish.level in ("names", "schema"):
        return Item(shown, kind, first=first)
    text, kinds = masks.masked(one) if wish.mask and type(one) is str else (one, frozenset[str]())
    said = masks.by_name(name) if wish.mask and type(one) in (str, int, bytes) else ""
    for secret in sorted(kinds | ({said} if said else frozenset())):
        draft.note(f"{shown}: {secret} masked")
    told = f"‹{said}›" if said else value(text)
    return Item(shown, kind, f"= {told}" if told != kind else " ", " ", first=first)


def _own_words(draft: Draft, native: Any, wish: Wish) -> None:
    """What its `__repr__` says, where it has one that says more than its address."""
    if not any("__repr__" in vars(cls) for cls in type(native).__mro__[:-1]):
        return
    draft.doing = "its __repr__"
    try:
        said = repr(native)
    except Exception as error:  # noqa: BLE001 - costs a line
        draft.remarks.append(f"(its __repr__ raised {label(class_name(type(error)))})")
        return
    plain = str.__str__(said)[: SHOWN * 4]
    text = _clean(draft, plain, wish)
    if text.strip():
        draft.remarks.append("repr: " + line(text, SHOWN))


def _clean(draft: Draft, text: str, wish: Wish) -> str:
    """A text that an object gives of itself, without what is to be masked."""
    text, kinds = masks.masked(text) if wish.mask else (text, frozenset[str]())
    for secret in sorted(kinds):
        draft.note(f"{secret} masked")
    return text


def _doc(draft: Draft, words: object, wish: Wish) -> None:
    """The first line of what is said of it."""
    if type(words) is str and words.strip():
        draft.remarks.append("doc: " + line(_clean(draft, words.strip().splitlines()[0], wish), 160))


def function(draft: Draft, native: Any, wish: Wish) -> None:
    """A function or class: its signature and the first line of what is said of it."""
    import inspect

    if isinstance(native, type):
        draft.kind = f"class {label(class_name(native))}"
    try:
        draft.head = f" {line(_clean(draft, str(inspect.signature(native)), wish), 200)}"
    except (ValueError, TypeError):
        draft.head = ""
    _doc(draft, inspect.getdoc(native), wish)


def module(draft: Draft, native: Any, wish: Wish) -> None:
    """A module: its version and the first line of what is said of it."""
    stored = vars(native)
    version, words = stored.get("__version__"), stored.get("__doc__")
    draft.head = f" {label(str(stored.get('__name__', '')))}" + (
        f", version {line(version, 30)}" if type(version) is str else ""
    )
    _doc(draft, words, wish)
