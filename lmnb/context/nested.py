"""Nested dicts and lists as cards: the shape of the data, key by key, records as one."""

from __future__ import annotations

from collections import Counter
from itertools import islice
from typing import TYPE_CHECKING, Any

from lmnb.context import masks
from lmnb.context.ladder import Item
from lmnb.context.profiles import Looked
from lmnb.context.texts import SAFE, anything
from lmnb.context.values import class_name, kind_name, label, plural, quoted, share

if TYPE_CHECKING:
    from lmnb.context.ladder import Draft
    from lmnb.context.tables import Wish

DEPTH = 4
"""How deep the keys are told."""

ELEMENTS = 1_000
"""Elements of a list, and keys of a dict, that are looked at."""

LINES = 200
"""More lines than that are not made: no budget has room for them."""

EXCERPT = 300
"""Characters of a text that are shown."""


def mapping(draft: Draft, native: Any, wish: Wish) -> None:
    """A dict."""
    draft.head, draft.noun = f", {plural(len(native), 'key')}", "key"
    _keys(draft, [native], "", wish, DEPTH)


def sequence(draft: Draft, native: Any, wish: Wish) -> None:
    """A list, tuple or set."""
    draft.head = f", {plural(len(native), 'element')}"
    some = list(islice(native, ELEMENTS))
    if len(some) < len(native):
        draft.note(f"looked at: the first {len(some):,} of {plural(len(native), 'element')}")
        draft.remarks = [f"~: from the first {len(some):,}"]
    if some and all(type(one) is dict for one in some):
        draft.noun = "key"
        draft.head += ", records"
        _keys(draft, some, "", wish, DEPTH, whole=len(some) == len(native))
    elif some:
        draft.items = [_line("elements", some, draft, wish, whole=len(some) == len(native))]


def text(draft: Draft, native: str, wish: Wish) -> None:
    """A text: how long, and its beginning."""
    plain = str.__str__(native)
    draft.head = f", {plural(len(plain), 'character')}"
    if wish.level in ("names", "schema"):
        return
    shown, kinds = masks.masked(plain[: EXCERPT * 2]) if wish.mask else (plain, frozenset())
    for kind in sorted(kinds):
        draft.note(f"{kind} masked")
    draft.remarks = [quoted(shown, EXCERPT)]


def _keys(
    draft: Draft, dicts: list[dict[Any, Any]], before: str, wish: Wish, depth: int, *, whole: bool = True
) -> None:
    """The keys of dicts that belong together, each with what its values are; nested ones as `address.city`."""
    seen: Counter[Any] = Counter()
    values: dict[Any, list[Any]] = {}
    for one in dicts:
        for key, value_of in islice(one.items(), ELEMENTS):
            if type(key) not in SAFE:
                key = kind_name(key)  # noqa: PLW2901 - somebody's class as a key is told by its name
            seen[key] += 1
            values.setdefault(key, []).append(value_of)
    for key, found in values.items():
        if len(draft.items) >= LINES:
            draft.note(f"only the first {LINES} keys looked at")
            return
        shown, kinds = masks.masked(key) if wish.mask and type(key) is str else (key, frozenset[str]())
        name = before + (label(shown) if not kinds else quoted(str(shown)))
        for kind in sorted(kinds):
            draft.note(f"a key: {kind} masked")
        item = _line(name, found, draft, wish, whole=whole, key=key)
        absent = len(dicts) - seen[key]
        if absent:
            gone = f", not in {share(absent, len(dicts))}"
            item = Item(item.name, item.type, item.full + gone, item.short + gone, first=item.first)
        draft.items.append(item)
        inner = [one for one in found if type(one) is dict]
        inner += [each for one in found if type(one) is list for each in one[:20] if type(each) is dict]
        if inner and depth > 1 and not _hidden(name, key, draft, wish):
            _keys(draft, inner[:ELEMENTS], f"{name}.", wish, depth - 1, whole=whole)


def _hidden(name: str, key: Any, draft: Draft, wish: Wish) -> bool:
    return wish.meant(key, wish.hide, draft.name) or wish.meant(name, wish.hide, draft.name)


def _line(name: str, found: list[Any], draft: Draft, wish: Wish, *, whole: bool, key: object = None) -> Item:
    """What values are together: their types, their range or the commonest."""
    types = Counter(class_name(type(one)) for one in found)
    kind = "/".join(label(one) for one, _ in types.most_common(3))
    first = wish.meant(key, wish.named, draft.name) or wish.meant(name, wish.named, draft.name)
    if _hidden(name, key, draft, wish):
        draft.note(f"{name}: values hidden")
        return Item(name, kind + " (hidden)", " ", " ", first=first)
    if wish.level in ("names", "schema"):
        return Item(name, kind, first=first)
    safe = [one for one in found if type(one) in SAFE and one is not None]
    lengths = [len(one) for one in found if type(one) in (list, tuple, dict, set)]
    pieces, short = [], []
    if lengths:
        long = f"{min(lengths):,}..{max(lengths):,} long" if min(lengths) < max(lengths) else f"{lengths[0]:,} long"
        pieces, short = [long], [long]
    if safe:
        about = anything(Looked(None, key, whole, wish.mask, len(found)), safe)
        for secret in sorted(about.masked):
            draft.note(f"{name}: {secret} masked")
        pieces.append(about.text(full=True))
        short.append(about.text(full=False))
    return Item(name, kind, ", ".join(filter(None, pieces)) or " ", ", ".join(filter(None, short)) or " ", first=first)
