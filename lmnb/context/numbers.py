"""Columns of numbers: their range and quartiles, or the shares of the few that there are."""

from __future__ import annotations

import math
from collections import Counter
from decimal import Decimal
from typing import TYPE_CHECKING, Any

from lmnb.context import masks
from lmnb.context.profiles import FEW, Exact, Looked, Profile, few, how_different, join, shares
from lmnb.context.values import number

if TYPE_CHECKING:
    from collections.abc import Sequence

    import narwhals as nw


def numbers(looked: Looked, present: nw.Series[Any], exact: Exact) -> Profile:
    """Range, quartiles, and how many different ones; few different ones by their shares."""
    ranked, odd = _ranked(present)
    if not len(ranked):
        return Profile([odd or "nothing finite"], [odd or "nothing finite"])
    return described_numbers(looked, ranked, odd, exact)


def described_numbers(looked: Looked, ranked: Any, odd: str, exact: Exact) -> Profile:
    """Numbers that are in order: their range, quartiles, and how many different ones there are.

    Args:
        looked: Where they come from.
        ranked: At least one, all finite.
        odd: A word on those that are not finite.
        exact: What is known of all.
    """
    least, most = _plain(ranked[0]), _plain(ranked[-1])
    secret = masks.secret_numbers(looked.name, [_plain(one) for one in ranked[:50]]) if looked.mask else ""
    distinct = _distinct(ranked)
    if secret:
        text = f"{looked.about}{distinct:,} distinct, ‹{secret}› masked"
        return Profile([text], [f"‹{secret}› masked"], masked=frozenset({secret}))
    span = (float(least), float(most))
    if exact.least is not None and exact.least == exact.most and not odd:
        text = f"always {number(exact.least)}"
        return Profile([text], [text], span=span)
    if distinct <= FEW:
        tally = Counter({number(v): n for v, n in _tally(ranked)})
        full, short = (shares(looked, tally, len(ranked), most) for most in (FEW, few(distinct)))
        return Profile([join(full, odd)], [join(short, odd)], span=span)
    known = exact.least is not None and exact.most is not None
    about = "" if known else looked.about
    ends = (exact.least, exact.most) if known else (least, most)
    reach = about + "..".join(number(end, 4 if about else 5) for end in ends)
    low, middle, high = _quartiles(ranked)
    quartiles = f"{looked.about}quartiles {low} {middle} {high}"
    different = how_different(looked, distinct, len(ranked))
    rough = about + "..".join(number(end, 4) for end in ends)
    return Profile([reach, quartiles, different, odd], [rough, f"median {looked.about}{middle}", odd], span=span)


def _ranked(present: nw.Series[Any]) -> tuple[Any, str]:
    """The finite numbers in order, and a word on those that are not."""
    try:
        import numpy  # noqa: F401 - Polars does without
    except ImportError:
        return ranked_list(present.to_list())
    return ranked_numbers(present.to_numpy())


def ranked_numbers(array: Any) -> tuple[Any, str]:
    """The finite numbers of a numpy array in order, and a word on those that are not."""
    import numpy as np

    if array.dtype.kind not in "iuf":
        return ranked_list(array.tolist())
    if array.dtype.kind == "f":
        finite = np.isfinite(array)
        if not finite.all():
            nan = int(np.isnan(array).sum())
            return np.sort(array[finite]), _odd(nan, len(array) - int(finite.sum()) - nan)
    return np.sort(array), ""


def ranked_list(numbers: Sequence[Any]) -> tuple[Any, str]:
    """The finite ones of Python's numbers in order, and a word on those that are not."""
    plain = [one for one in numbers if isinstance(one, (int, float, Decimal))]
    finite = sorted(one for one in plain if math.isfinite(one))
    nan = sum(1 for one in plain if one != one)  # noqa: PLR0124 - that is what NaN is
    return finite, _odd(nan, len(plain) - len(finite) - nan)


def _odd(nan: int, infinite: int) -> str:
    return join(f"{nan:,} NaN" if nan else "", f"{infinite:,} infinite" if infinite else "")


def _plain(one: Any) -> Any:
    return one.item() if hasattr(one, "item") else one


def _distinct(ranked: Any) -> int:
    if hasattr(ranked, "dtype"):
        return int((ranked[1:] != ranked[:-1]).sum()) + 1
    return len(set(ranked))


def _tally(ranked: Any) -> list[tuple[Any, int]]:
    if hasattr(ranked, "dtype"):
        import numpy as np

        values, counts = np.unique(ranked, return_counts=True)
        return list(zip(values.tolist(), counts.tolist(), strict=True))
    return list(Counter(ranked).items())


def _quartiles(ranked: Any) -> list[str]:
    """The quartiles, with as many digits as it takes to tell them apart."""
    exactly = [_quantile(ranked, q) for q in (0.25, 0.5, 0.75)]
    for digits in (4, 6, 9):
        told = [number(one, digits) for one in exactly]
        if len(set(told)) == len(set(exactly)):
            break
    return told


def _quantile(ranked: Any, q: float) -> float | Decimal:
    """Between the two nearest values, as pandas, numpy and Polars (`linear`) have it."""
    at = q * (len(ranked) - 1)
    low = int(at)
    first, second = _plain(ranked[low]), _plain(ranked[min(low + 1, len(ranked) - 1)])
    if first == second:
        return first  # type: ignore[no-any-return] # a number of whichever type the column has
    return float(first) + (float(second) - float(first)) * (at - low)
