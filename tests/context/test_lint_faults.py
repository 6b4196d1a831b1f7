"""Whatever a frame holds, a report comes back, and nothing of a stranger's is called or shown as markup."""

from __future__ import annotations

import datetime as dt
import decimal

import duckdb
import numpy as np
import pandas as pd
import polars as pl
import pyarrow as pa
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from lmnb.context import lint as package
from lmnb.context.lint import Report, lint


class Hostile:
    """Everything that can be asked of it raises."""

    def __getattribute__(self, name):
        raise RuntimeError(name)

    __repr__ = __str__ = __len__ = __hash__ = __eq__ = __bool__ = __iter__ = lambda self, *rest: 1 / 0


class Meta(type):
    """A class that pretends, and raises."""

    def __instancecheck__(cls, one):
        raise RuntimeError

    def __subclasscheck__(cls, one):
        raise RuntimeError


class Pretending(metaclass=Meta):
    __class__ = property(lambda self: 1 / 0)


def objects(*values):
    array = np.empty(len(values), dtype=object)
    for i, value in enumerate(values):
        array[i] = value
    return pd.Series(array, dtype=object)


def shown(report):
    assert isinstance(report, Report)
    text = repr(report) + report._repr_html_() + report.to_markdown() + report.facts(10_000)
    report.to_frame(pd.DataFrame())
    text.encode()
    return text


FRAMES = {
    "empty": pd.DataFrame,
    "no columns": lambda: pd.DataFrame(index=range(5)),
    "no rows": lambda: pd.DataFrame({"a": pd.Series([], dtype="int64"), "b": pd.Series([], dtype="datetime64[ns]")}),
    "twice the same name": lambda: pd.DataFrame(np.ones((9, 3)), columns=["a", "a", "a"]),
    "multi-index": lambda: pd.DataFrame(
        np.ones((9, 2)),
        index=pd.MultiIndex.from_product([range(3), list("abc")]),
        columns=pd.MultiIndex.from_tuples([("a", 1), ("a", 2)]),
    ),
    "anything": lambda: pd.DataFrame(
        {
            "o": objects(
                1,
                "a",
                None,
                [1],
                {"a": {1}},
                {1},
                b"x",
                1.5,
                np.nan,
                pd.NaT,
                pd.NA,
                int,
                Hostile(),
                Pretending(),
                10**400,
            )
        }
    ),
    "hostile": lambda: pd.DataFrame({"o": objects(*[Hostile() for _ in range(9)]), "x": range(9)}),
    "arrays": lambda: pd.DataFrame({"o": objects(*[np.arange(3) for _ in range(9)])}),
    "all missing": lambda: pd.DataFrame(
        {"a": [None] * 9, "b": [np.nan] * 9, "c": [pd.NaT] * 9, "d": pd.array([None] * 9, "Int64")}
    ),
    "infinite": lambda: pd.DataFrame({"a": [np.inf, -np.inf] * 20, "b": [1.0, np.inf] * 20}),
    "decimal": lambda: pd.DataFrame(
        {"a": [decimal.Decimal("1.10"), decimal.Decimal("NaN"), decimal.Decimal("1e999")] * 9}
    ),
    "categories": lambda: pd.DataFrame({"a": pd.Categorical([f"c{i}" for i in range(100_000)])}),
    "categories of numbers": lambda: pd.DataFrame({"a": pd.Categorical([1, 2, 3] * 9), "b": pd.cut(range(27), 3)}),
    "other types": lambda: pd.DataFrame(
        {
            "period": pd.period_range("2020", periods=9, freq="M"),
            "delta": pd.to_timedelta(range(9), unit="h"),
            "complex": [1j] * 9,
            "interval": pd.interval_range(0, 9),
            "sparse": pd.arrays.SparseArray([0] * 8 + [1]),
            "zone": pd.date_range("2020-10-24", periods=9, freq="h", tz="Europe/Rome"),
            "bytes": [b"\xff"] * 9,
            "date": [dt.date(1, 1, 1)] + [dt.date(2020, 1, i) for i in range(1, 9)],
            "clock": [dt.time(1)] * 9,
        }
    ),
    "far dates": lambda: pd.DataFrame(
        {"a": np.array(["9999-12-31", "-9999-01-01", "0001-01-01"] * 9, dtype="datetime64[s]")}
    ),
    "long texts": lambda: pd.DataFrame({"a": ["x" * 1_000_000, "y" * 1_000_000] * 5}),
    "half a character": lambda: pd.DataFrame(
        objects("\ud800", "a\udfff").to_frame().set_axis(pd.Index(["\ud800"], dtype=object), axis=1)
    ),
    "names": lambda: pd.DataFrame(
        [[1, 1, 1, 1]] * 9, columns=["a\n`b`", "<script>alert(1)</script>", "\x1b[31m\u202e", None]
    ),
    "series": lambda: pd.Series([1, 1, 1, 1, 1], name="s"),
    "polars nested": lambda: pl.DataFrame(
        {"a": [[1], [2], None], "b": [{"x": 1}] * 3, "c": [dt.timedelta(1)] * 3, "d": [b"x"] * 3}
    ),
    "polars object": lambda: pl.DataFrame(
        {"a": pl.Series([object(), Hostile(), None], dtype=pl.Object), "b": [1, 2, 3]}
    ),
    "polars types": lambda: pl.DataFrame(
        {
            "e": pl.Series(["a", "b"] * 9, dtype=pl.Enum(["a", "b"])),
            "n": pl.Series([None] * 18),
            "t": [dt.time(1)] * 18,
            "d": pl.Series([decimal.Decimal("1.1")] * 18),
            "u": pl.Series([2**64 - 1] * 18, dtype=pl.UInt64),
            "z": pl.Series([dt.datetime(2020, 1, 1)] * 18).dt.replace_time_zone("Asia/Tokyo"),
            "f": [float("nan")] * 18,
        }
    ),
    "polars empty": pl.DataFrame,
    "lazy that fails": lambda: pl.LazyFrame({"a": [1]}).select(pl.col("b")),
    "arrow": lambda: pa.table(
        [pa.array([1, None, 3]), pa.array([1, 2, 3]), pa.array([[1], [], None]), pa.nulls(3)],
        names=["a", "a", "b", "c"],
    ),
    "arrow types": lambda: pa.table(
        {
            "dictionary": pa.array(["a", "b", "a"]).dictionary_encode(),
            "map": pa.array([[("k", 1)]] * 3, pa.map_(pa.string(), pa.int8())),
            "duration": pa.array([1, 2, 3], pa.duration("s")),
            "date64": pa.array([1, 2, 3], pa.date64()),
            "large": pa.array(["x"] * 3, pa.large_string()),
            "decimal": pa.array([decimal.Decimal(1)] * 3),
            "half": pa.array([np.float16(1)] * 3),
            "view": pa.array(["a"] * 3, pa.string_view()),
        }
    ),
    "arrow batch": lambda: pa.record_batch({"a": [1, 1, 1, 1, 1]}),
    "arrow empty": lambda: pa.table({}),
    "duckdb types": lambda: duckdb.sql(
        "select 1 a, 2 a, [1] l, {'x': 1} s, interval 1 day i, 'x'::blob b, 1::hugeint h, uuid() u, null n"
    ),
    "duckdb empty": lambda: duckdb.sql("select 1 a where false"),
}


@pytest.mark.parametrize("name", FRAMES)
@pytest.mark.filterwarnings("ignore")
def test_a_report_comes_back(name):
    text = shown(lint(FRAMES[name](), target="a"))
    assert "<script>" not in text.replace("\\<script\\>", "").replace(repr("<script>"), "") or "names" in name
    assert "<script" not in lint(FRAMES[name]())._repr_html_()


THINGS = {
    "none": lambda: None,
    "number": lambda: 1,
    "text": lambda: "df",
    "list": lambda: [1],
    "dict": lambda: {"a": [1]},
    "hostile": Hostile,
    "pretending": Pretending,
    "array": lambda: np.ones((3, 3)),
    "function": lambda: lint,
}


@pytest.mark.parametrize("name", THINGS)
def test_what_is_no_table_is_said_to_be_none(name):
    report = lint(THINGS[name]())
    assert report.findings == ()
    assert report.notes[0].endswith("is not a table that can be checked.")


def test_a_closed_connection_is_said():
    connection = duckdb.connect()
    relation = connection.sql("select 1 as a")
    connection.close()
    assert lint(relation).notes[0].startswith("It could not be read: ")


def test_nothing_of_hostile_objects_is_called():
    report = lint(FRAMES["hostile"]())
    assert report.notes == ()
    assert report.columns == 2


def test_long_texts_are_cut():
    report = lint(pd.DataFrame({"a": ["  " + "x" * 1_000_000] * 9}))
    assert len(repr(report)) < 2_000


def test_a_failing_check_costs_a_line(monkeypatch):
    def failing(column, look):
        raise ZeroDivisionError("no\nsuch thing")

    monkeypatch.setitem(package.BY_COLUMN, "variants", failing)
    report = lint(pd.DataFrame({"a": [1] * 9, "b": [1] * 9}))
    assert [one.check for one in report.findings].count("constant") == 2
    assert report.notes == ("Not done: variants of a, variants of b. ZeroDivisionError: no␊such thing",)


def test_an_interrupt_is_not_swallowed(monkeypatch):
    def interrupted(column, look):
        raise KeyboardInterrupt

    monkeypatch.setitem(package.BY_COLUMN, "variants", interrupted)
    with pytest.raises(KeyboardInterrupt):
        lint(pd.DataFrame({"a": [1]}))


ANY = st.one_of(
    st.none(),
    st.booleans(),
    st.integers(),
    st.floats(),
    st.text(max_size=8),
    st.dates(),
    st.datetimes(),
    st.binary(max_size=4),
    st.decimals(),
    st.sampled_from(["-999", "N/A", "2020-02-30", "1,5", " a ", "A", "9" * 30, "0001-01-01", "Jan 1 2020"]),
    st.sampled_from([-999, 9999, 99, 0, 1, 1.5]),
    st.lists(st.integers(), max_size=2),
)
ALIKE = st.sampled_from(
    [
        st.integers(-(2**63), 2**63 - 1),
        st.floats(),
        st.text(max_size=6),
        st.booleans(),
        st.dates(),
        st.datetimes(),
        st.sampled_from(["-999", "N/A", "2020-02-30", "31/12/2020", "1,5", " a ", "A", "a"]),
        st.sampled_from([-999, 5, 7, 99]),
    ]
)


@st.composite
def columns(draw):
    rows = draw(st.integers(0, 60))
    pool = draw(st.lists(draw(ALIKE), min_size=1, max_size=30))
    take = st.lists(st.one_of(st.sampled_from(pool), st.none()), min_size=rows, max_size=rows)
    return {name: draw(take) for name in draw(st.lists(st.text(max_size=3), min_size=1, max_size=3, unique=True))}


QUIET = settings(max_examples=60, deadline=None, suppress_health_check=list(HealthCheck))


@QUIET
@given(
    st.lists(st.lists(ANY, min_size=3, max_size=3), max_size=40), st.lists(st.text(max_size=4), min_size=3, max_size=3)
)
def test_a_frame_of_anything_never_breaks_it(rows, names):
    frame = pd.DataFrame(rows, columns=names, dtype=object) if rows else pd.DataFrame(columns=names)
    report = lint(frame)
    shown(report)
    assert not any("Error" in note for note in report.notes if "Overflow" not in note), report.notes


@QUIET
@given(columns())
def test_frames_of_three_libraries_never_break_it(data):
    for make in (pd.DataFrame, lambda d: pl.DataFrame(d, strict=False), pa.table):
        report = lint(make(data))
        shown(report)
        assert report.notes == ()
        assert all(0 <= one.rows <= max(report.rows, one.rows if one.check == "gaps" else 0) for one in report.findings)
        assert all(0 < one.share <= 1 for one in report.findings)
