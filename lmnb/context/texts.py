"""Columns of texts, of categories, and of anything: the commonest where they repeat, an example where they do not."""

from __future__ import annotations

import datetime as dt
from collections import Counter
from decimal import Decimal
from typing import TYPE_CHECKING, Any

from lmnb.context import masks
from lmnb.context.numbers import described_numbers, ranked_list
from lmnb.context.profiles import FEW, Exact, Looked, Profile, few, how_different, join, shares
from lmnb.context.values import kind_name, share, value

if TYPE_CHECKING:
    import narwhals as nw

LONG = 300
"""Characters from which a text is looked at only in its beginning: a column of them may be larger than memory."""

SAFE = (str, int, float, bool, Decimal, dt.date, dt.datetime, dt.timedelta, dt.time, bytes, type(None))
"""Types that may be compared and shown: they are Python's own, and run nobody's code."""


def texts(looked: Looked, present: nw.Series[Any]) -> Profile:
    """A column of texts; of long ones the lengths and the beginning of one."""
    longest = present.str.len_chars().max() if _all_texts(present) else 0
    if longest is not None and longest > LONG:
        return _long_texts(looked, present, int(longest))
    return anything(looked, present.to_list())


def _all_texts(present: nw.Series[Any]) -> bool:
    """Whether it is safe to ask for the lengths: a pandas object column may hold anything."""
    return str(getattr(present.to_native(), "dtype", "")) != "object"


def _long_texts(looked: Looked, present: nw.Series[Any], longest: int) -> Profile:
    distinct = int(present.n_unique())
    shortest = int(present.str.len_chars().min())
    example, kinds = _example(looked, present.str.slice(0, LONG)[:1].to_list()[0])
    different = how_different(looked, distinct, len(present))
    length = f"{shortest:,}..{longest:,} characters"
    return Profile([different, length, f"e.g. {example}"], [different, length], masked=kinds)


def _example(looked: Looked, one: Any) -> tuple[str, frozenset[str]]:
    """A value as it may be shown, and what was masked in it."""
    return masks.shown(one, looked.name) if looked.mask else (value(one), frozenset())


def anything(looked: Looked, values: list[Any]) -> Profile:
    """Texts, categories, objects: the commonest where they repeat, an example where they do not.

    A value of somebody's class is only counted by its type: asking it anything would run their code.
    """
    types = Counter(map(type, values))
    safe = values if types.keys() <= set(SAFE) else [one for one in values if type(one) in SAFE]
    strangers = len(values) - len(safe)
    mixed = ""
    if len(types) > 1 or strangers:
        named = Counter({kind_name(next(v for v in values if type(v) is cls)): n for cls, n in types.most_common(4)})
        mixed = "mixed: " if len(types) > 1 else ""
        mixed += ", ".join(f"{name} {looked.about}{share(n, len(values))}" for name, n in named.items())
    if not safe:
        return Profile([mixed], [mixed])
    if types.keys() <= {int, float, Decimal} and len(types) == 1:
        ranked, odd = ranked_list(safe)
        return described_numbers(looked, ranked, odd, Exact()) if ranked else Profile([odd], [odd])
    found = _repeated(looked, safe)
    found.full, found.short = [mixed, *found.full], [mixed, *found.short]
    return found


def _repeated(looked: Looked, safe: list[Any]) -> Profile:
    tally = Counter(safe)
    distinct, total = len(tally), len(safe)
    common = tally.most_common(1)[0][1]
    if distinct > 20 and (common < max(3, total / 50) or distinct > total / 2):
        return _mostly_different(looked, safe, distinct)
    top = sorted(tally.items(), key=lambda pair: (-pair[1], str(pair[0])))
    shown: Counter[str] = Counter()
    kinds: frozenset[str] = frozenset()
    for one, count in top[:12]:
        text, masked = _example(looked, one)
        shown[text] += count
        kinds |= masked
    many = f"{looked.about and '≥'}{distinct:,} distinct" if distinct > FEW else ""
    more = distinct - len(top[:12])
    full = shares(looked, shown, total, FEW) + (", …" if more and len(shown) <= FEW else "")
    short = shares(looked, shown, total, few(distinct))
    values = frozenset(shown) if distinct <= 12 else None
    return Profile([join(many, full)], [short], masked=kinds, values=values)


def _mostly_different(looked: Looked, safe: list[Any], distinct: int) -> Profile:
    example, kinds = _example(looked, safe[0])
    different = how_different(looked, distinct, len(safe))
    short = [different] if not kinds else [different, example]
    return Profile([different, f"e.g. {example}"], short, masked=kinds)
