"""Faults that are put into real columns: what people and programs do to data, each by a definition of its own.

A definition says in which columns a fault can be told at all (a 999 among 0 to 950 cannot), and does not ask lint.
"""

from __future__ import annotations

import uuid
from dataclasses import dataclass

import numpy as np
import pandas as pd

# Each is called with the table, a column of it, a rate and a source of chance, and needs some of them.
# ruff: noqa: ARG001
DATES = pd.api.types.is_datetime64_any_dtype
NUMBERS = pd.api.types.is_numeric_dtype
RATES = (0.005, 0.02, 0.1)
WORDS = ("N/A", "NA", "n/a", "null", "None", "-", "?", "unknown", "missing", "#N/A", "nan", "", ".", "TBD")


@dataclass
class Seeded:
    """A table with one fault, and where it may be reported."""

    frame: pd.DataFrame
    check: str
    columns: tuple
    what: str
    also: tuple = ()
    """What is true as well because of the fault: (check, column)."""


def text(s):
    return not NUMBERS(s) and not DATES(s) and s.map(type).eq(str).all()


def words_only(s):
    return text(s) and not s.str.contains(r"\d").mean() > 0.5


def number(s):
    return NUMBERS(s) and s.dtype != bool and s.notna().all() and np.isfinite(s.astype(float)).all()


def some(frame, rate, rng, least=1):
    """Which rows get the fault."""
    count = min(len(frame), max(least, round(rate * len(frame))))
    return np.sort(rng.choice(len(frame), count, replace=False))


def put(frame, column, rows, values, dtype=None):
    out = frame.copy()
    series = out[column].astype(dtype or object).copy()
    series.iloc[rows] = values
    out[column] = series if dtype else series.infer_objects()
    return out


def missing(frame, column, rate, rng):
    if frame[column].isna().any() or len(frame) < 5:
        return None
    out = frame.copy()
    mask = np.zeros(len(frame), bool)
    mask[some(frame, rate, rng)] = True
    out[column] = out[column].mask(mask)
    return Seeded(out, "missing", (column,), "left out", (("gaps", column),))


def constant(frame, column, rate, rng):
    s = frame[column]
    if len(frame) < 5 or s.isna().any() or s.nunique() < 2:
        return None
    out = frame.copy()
    out[column] = pd.Series([s.iloc[0]] * len(s), index=s.index, dtype=s.dtype)
    return Seeded(out, "constant", (column,), "one value")


def infinite(frame, column, rate, rng):
    if not number(frame[column]) or frame[column].dtype.kind != "f" or len(frame) < 5:
        return None
    rows = some(frame, rate, rng)
    return Seeded(put(frame, column, rows, rng.choice([np.inf, -np.inf]), "float64"), "infinite", (column,), "infinite")


def sentinel(frame, column, rate, rng):
    s = frame[column]
    if number(s):
        top = float(s.abs().max())
        # One more digit than any value has, or below zero where nothing is.
        can = [v for v in (99, 999, 9999, 99999) if top < 10 ** (len(str(v)) - 1) and v <= 1000 * max(top, 1)]
        can += [-v for v in can] + ([-999, -9999] if s.min() >= 0 else [])
        if not can or s.nunique() < 4 or len(s) < 20:
            return None
        value = can[rng.integers(len(can))]
        dtype = "float64" if s.dtype.kind == "f" else "int64"
        return Seeded(put(frame, column, some(frame, rate, rng, 2), value, dtype), "sentinel", (column,), f"{value}")
    if words_only(s) and s.nunique() >= 2 and len(s) >= 10:
        # A word of the same form as the others is a code: NA among countries.
        words = [
            w
            for w in WORDS
            if w not in set(s) and not (w.isalnum() and s.str.fullmatch(f"[A-Z0-9]{{{len(w)}}}").mean() > 0.9)
        ]
        word = words[rng.integers(len(words))]
        return Seeded(put(frame, column, some(frame, rate, rng), word), "sentinel", (column,), repr(word))
    return None


STYLES = {
    "plain": lambda v: f"{v}",
    "thousands": lambda v: f"{v:,}",
    "dollars": lambda v: f"${v:,.2f}" if v >= 0 else f"-${-v:,.2f}",
    "per cent": lambda v: f"{v}%",
    "decimal comma": lambda v: f"{v:.2f}".replace(".", ","),
    "padded": lambda v: f" {v}",
}


def text_number(frame, column, rate, rng):
    s = frame[column]
    if not number(s) or s.nunique() < 5 or len(s) < 10:
        return None
    style = list(STYLES)[rng.integers(len(STYLES))]
    # Eight digits beginning with a year are a date as well.
    if style in ("plain", "padded") and s.astype(str).str.fullmatch(r"(18|19|20)\d{6}").all():
        return None
    values = s.map(STYLES[style]).astype(object)
    if rate > 0.01:
        values.iloc[some(frame, min(rate, 0.1), rng)] = ("n/a", "unknown", "approx.", "see note")[rng.integers(4)]
    out = frame.copy()
    out[column] = values.astype("str")
    return Seeded(out, "text-number", (column,), style, (("sentinel", column),) if rate > 0.01 else ())


FORMATS = (
    "%Y-%m-%d",
    "%d/%m/%Y",
    "%m/%d/%Y",
    "%d.%m.%Y",
    "%b %d, %Y",
    "%d %B %Y",
    "%Y-%m-%d %H:%M:%S",
    "%Y-%m-%dT%H:%M:%SZ",
)


def text_date(frame, column, rate, rng):
    s = frame[column]
    if not DATES(s) or s.isna().any() or s.nunique() < 5:
        return None
    form = FORMATS[rng.integers(len(FORMATS))]
    values = s.dt.strftime(form).astype(object)
    if rate > 0.05:
        values.iloc[some(frame, 0.05, rng)] = ("n/a", "not yet", "tbd")[rng.integers(3)]
    out = frame.copy()
    out[column] = values.astype("str")
    return Seeded(out, "text-date", (column,), form, (("sentinel", column),) if rate > 0.05 else ())


def mixed(frame, column, rate, rng):
    s = frame[column]
    if len(s) < 10 or s.isna().any():
        return None
    if number(s):
        value = ("see note", "12 kg", "<5", "N/A", "about 7")[rng.integers(5)]
    elif words_only(s):
        value = (0, 7.5, True)[rng.integers(3)]
    else:
        return None
    return Seeded(
        put(frame, column, some(frame, rate, rng), value, object),
        "mixed",
        (column,),
        repr(value),
        (("sentinel", column),) if value == "N/A" else (),
    )


def variants(frame, column, rate, rng):
    s = frame[column]
    if not words_only(s) or s.nunique() > 0.5 * len(s) or s.nunique() < 2 or len(s) < 20:
        return None
    ways = {
        "upper": str.upper, "lower": str.lower, "title": str.title, "space after": lambda v: v + " ",
        "space before": lambda v: " " + v, "two spaces": lambda v: v.replace(" ", "  "), "tab": lambda v: v + "\t",
    }  # fmt: skip
    way = list(ways)[rng.integers(len(ways))]
    usual = s.value_counts()
    rows = [i for i in rng.permutation(len(s)) if ways[way](s.iloc[i]) != s.iloc[i] and usual[s.iloc[i]] >= 5]
    rows = rows[: max(1, round(rate * len(s)))]
    if (
        not rows
        or max(pd.Series([s.iloc[i] for i in rows]).value_counts() / usual.reindex(s.iloc[rows].unique())) > 0.45
    ):
        return None
    out = put(frame, column, rows, [ways[way](s.iloc[i]) for i in rows])
    return Seeded(out, "variants", (column,), way)


def outliers(frame, column, rate, rng):
    s = frame[column]
    if not number(s) or s.nunique() < 10 or len(s) < 30:
        return None
    middle, reach = float(s.median()), float((s - s.median()).abs().max())
    rows = some(frame, min(rate, 0.02), rng)
    if rng.integers(2):
        what = "10 to 100 times as far from the middle as any"
        values = middle + rng.choice([-1, 1]) * reach * rng.uniform(10, 100, len(rows))
    else:
        factor = int(rng.choice([100, 1000]))
        what = f"times {factor}"
        rows = np.array([i for i in rows if float(s.iloc[i]) >= middle > 0])
        values = s.iloc[rows].astype(float).to_numpy() * factor if len(rows) else np.array([])
        # What lies within reach of the others cannot be told.
        if not len(rows) or (values - middle).min() < 5 * reach:
            return None
    dtype = "int64" if s.dtype.kind in "iu" else "float64"
    return Seeded(put(frame, column, rows, values.astype(dtype), dtype), "outliers", (column,), what)


def ids(frame, column, rate, rng):
    n = len(frame)
    if n < 20:
        return None
    ways = {
        "running number": np.arange(1, n + 1),
        "shuffled": rng.permutation(n) + 1000,
        "random key": rng.choice(9 * 10**7, n, replace=False) + 10**7,
        "UUID": [str(uuid.UUID(bytes=rng.bytes(16))) for _ in range(n)],
        "code": [f"{'ABCDEFG'[i % 7]}{v:06d}" for i, v in enumerate(rng.choice(10**6, n, replace=False))],
    }
    way = list(ways)[rng.integers(len(ways))]
    if way == "random key" and n < 100:
        return None
    out = frame.copy()
    out.insert(int(rng.integers(out.shape[1] + 1)), "extra", ways[way])
    return Seeded(out, "id", ("extra",), way)


def copy(frame, column, rate, rng):
    s, n = frame[column], len(frame)
    if n < 20 or s.nunique() < 2 or s.value_counts().iloc[0] > n - 5:
        return None
    ways = {"same": s}
    if number(s) and s.nunique() >= 10 and s.quantile(0.75) > s.quantile(0.25):
        ways["another unit"] = (s.astype(float) * 2.54 + 3).round(6)
    if s.nunique() <= 0.5 * s.count() and not DATES(s):
        names = {value: f"c{i}" for i, value in enumerate(rng.permutation(s.dropna().unique()))}
        ways["other names"] = s.map(names)
    if n >= 200 and s.nunique() >= 3 and s.value_counts().iloc[0] < 0.8 * n:
        other = s.copy()
        rows = some(frame, 0.01, rng)
        other.iloc[rows] = s.iloc[rng.permutation(n)[: len(rows)]].to_numpy()
        ways["nearly the same"] = other
    way = list(ways)[rng.integers(len(ways))]
    out = frame.copy()
    out.insert(int(rng.integers(out.shape[1] + 1)), "extra", ways[way])
    return Seeded(out, "copy", ("extra", column), way, (("gaps", "extra"),) if way == "nearly the same" else ())


def dates(frame, column, rate, rng):
    s = frame[column]
    if not DATES(s) or s.isna().any() or len(s) < 20 or s.nunique() < 5:
        return None
    s = s.dt.tz_localize(None).astype("datetime64[us]")
    low, high = s.min(), s.max()
    rows = some(frame, min(rate, 0.02), rng)
    out = frame.copy()
    if rng.integers(3) == 0:
        values = s.dt.strftime("%Y-%m-%d").astype(object)
        values.iloc[rows] = ("2020-02-30", "2021-13-01", "2019-04-31", "0000-00-00", "2022-00-10")[rng.integers(5)]
        out[column] = values.astype("str")
        return Seeded(out, "dates", (column,), "no such day, as text", (("text-date", column),))
    marks = [pd.Timestamp(day) for day in ("1900-01-01", "1970-01-01", "2099-12-31", "9999-12-31")]
    far = [
        mark
        for mark in marks
        if min(abs((mark - low).days), abs((mark - high).days)) > 5 * 365 and not low < mark < high
    ]
    way = rng.integers(2)
    if way and far:
        values, what = far[rng.integers(len(far))], "placeholder"
    else:
        what = "another century"
        values = (s.iloc[rows] + pd.DateOffset(years=int(rng.choice([-100, 100, 300])))).to_numpy()
        if (high - low).days > 40 * 365:
            return None
    s = s.copy()
    s.iloc[rows] = values
    out[column] = s
    return Seeded(out, "dates", (column,), what, (("gaps", column),))


def imbalance(frame, column, rate, rng):
    s = frame[column]
    if len(s) < 100 or s.isna().any() or not 2 <= s.nunique() <= 10 or s.dtype.kind == "f" or DATES(s):
        return None
    usual = s.value_counts().index[0]
    keep = some(frame, rng.uniform(0.005, 0.03), rng, 2)
    others = s[s != usual]
    out = frame.copy()
    new = pd.Series([usual] * len(s), index=s.index, dtype=s.dtype)
    new.iloc[keep] = others.iloc[rng.integers(len(others), size=len(keep))].to_numpy()
    out[column] = new
    return Seeded(out, "imbalance", (column,), "a rare class")


def gaps(frame, column, rate, rng):
    s = frame[column]
    if not DATES(s) or s.isna().any():
        return None
    times = pd.DatetimeIndex(s.unique()).sort_values()
    freq = pd.infer_freq(times) if len(times) >= 30 else None
    if freq is None:
        return None
    if rng.integers(2) or freq == "B":
        long = int(rng.integers(5, max(6, len(times) // 20)))
        start = int(rng.integers(5, len(times) - long - 5))
        gone, what = times[start : start + long], "one stretch"
    else:
        gone = times[2:-2][rng.choice(len(times) - 4, max(1, int(0.02 * len(times))), replace=False)]
        what = "single steps"
    return Seeded(frame[~s.isin(gone)].reset_index(drop=True), "gaps", (column,), what)


def duplicates(frame, column, rate, rng):
    if frame.duplicated().any() or len(frame) < 10:
        return None
    again = frame.iloc[some(frame, rate, rng)]
    out = pd.concat([frame, again]).iloc[rng.permutation(len(frame) + len(again))].reset_index(drop=True)
    return Seeded(out, "duplicates", (None,), "rows again")


KINDS = (
    missing, duplicates, constant, infinite, sentinel, text_number, text_date, mixed, variants, outliers, ids, copy,
    dates, imbalance, gaps,
)  # fmt: skip
