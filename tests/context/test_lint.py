"""Each check finds its fault, says it in rows, and its remedy is code that works, in four libraries."""

from __future__ import annotations

import datetime as dt
import json

import duckdb
import numpy as np
import pandas as pd
import polars as pl
import pyarrow as pa
import pytest

from lmnb.context.lint import CHECKS, Finding, Report, lint

N = 200


HOURS = pd.date_range("2021-03-01", periods=N + 5, freq="h").delete(range(50, 55))


def clean():
    """A table of which there is nothing to say."""
    rng = np.random.default_rng(7)
    return pd.DataFrame({
        "size": rng.normal(50, 5, N).round(3),
        "count": rng.integers(0, 80, N),
        "city": rng.choice(["Rome", "Paris", "New York", "Oslo"], N),
        "day": pd.date_range("2021-03-01", periods=N),
        "good": rng.random(N) < 0.4,
    })  # fmt: skip


def at(column, rows, value):
    def fault(frame):
        series = frame[column].astype(object)
        series.iloc[rows] = value
        frame[column] = series.infer_objects()
        return frame

    return fault


def put(column, make):
    def fault(frame):
        frame[column] = make(frame)
        return frame

    return fault


FAULTS = {
    "missing": (at("size", [3, 4], None), "size", 2),
    "missing-many": (at("size", range(60), None), "size", 60),
    "missing-int": (put("count", lambda f: f["count"].astype("Int64").mask(f.index < 30)), "count", 30),
    "missing-text": (put("city", lambda f: f["city"].mask(f.index < 30)), "city", 30),
    "missing-most": (at("size", range(150), None), "size", 150),
    "constant": (put("count", lambda f: 7), "count", N),
    "infinite": (at("size", [5], float("inf")), "size", 1),
    "sentinel": (at("count", [1, 2, 3], -999), "count", 3),
    "sentinel-above": (at("size", [1, 2], 9999.0), "size", 2),
    "sentinel-word": (at("city", [1], " N/A"), "city", 1),
    "text-number": (put("size", lambda f: f["size"].map("${:,.2f}".format)), "size", N),
    "text-number-comma": (put("size", lambda f: f["size"].map("{:.2f}".format).str.replace(".", ",")), "size", N),
    "text-date": (put("day", lambda f: f["day"].dt.strftime("%Y-%m-%d")), "day", N),
    "text-date-american": (put("day", lambda f: f["day"].dt.strftime("%m/%d/%Y")), "day", N),
    "text-date-named": (put("day", lambda f: f["day"].dt.strftime("%d %b %Y")), "day", N),
    "text-date-month": (put("day", lambda f: f["day"].dt.strftime("%Y-%m")), "day", N),
    "text-date-number": (put("day", lambda f: f["day"].dt.strftime("%Y%m%d").astype(int)), "day", N),
    "variants": (at("city", range(9), "new york "), "city", 9),
    "variants-spaces": (at("city", [0, 1], "Rome "), "city", 2),
    "outliers": (at("size", [8], 5_000.0), "size", 1),
    "dates": (at("day", [9], pd.Timestamp("1900-01-01")), "day", 1),
    "dates-text": (put("day", lambda f: f["day"].dt.strftime("%Y-%m-%d").where(f.index != 4, "2021-02-30")), "day", 1),
    "id": (put("row", lambda f: range(1, N + 1)), "row", N),
    "copy": (put("width", lambda f: f["size"] * 2.54), "width", N),
    "imbalance": (put("good", lambda f: f.index > 2), "good", N - 3),
    "gaps": (lambda f: f.drop(index=range(100, 110)).reset_index(drop=True), "day", 10),
    "gaps-hours": (put("day", lambda f: HOURS), "day", 5),
    "duplicates": (lambda f: pd.concat([f, f.head(4)], ignore_index=True), None, 4),
}  # fmt: skip

LIBRARIES = {
    "pandas": lambda frame: frame,
    "polars": pl.from_pandas,
    "lazy": lambda frame: pl.from_pandas(frame).lazy(),
    "pyarrow": lambda frame: pa.Table.from_pandas(frame, preserve_index=False),
    "duckdb": lambda frame: duckdb.from_arrow(pa.Table.from_pandas(frame, preserve_index=False)),
}


@pytest.mark.parametrize("library", LIBRARIES)
def test_nothing_is_said_of_a_clean_table(library):
    report = lint(LIBRARIES[library](clean()))
    assert (report.findings, report.notes) == ((), ())
    assert (report.rows, report.columns) == (N, 5)
    assert repr(report) == "df: 200 rows × 5 columns; nothing was found."


@pytest.mark.parametrize("library", LIBRARIES)
@pytest.mark.parametrize("fault", FAULTS)
def test_a_fault_is_found_and_its_remedy_works(fault, library):
    make, column, rows = FAULTS[fault]
    check = "-".join(fault.split("-")[: 2 if fault.startswith("text") else 1])
    frame = LIBRARIES[library](make(clean()))
    found = [one for one in lint(frame, name="sales").findings if one.check == check]
    assert [(one.column, one.rows) for one in found] == [(column, rows)]
    names = {"sales": frame, "pd": pd, "pl": pl, "duckdb": duckdb, "pa": pa}
    if found[0].remedy.startswith(("sales =", "sales[")) and " = " in found[0].remedy:
        exec(found[0].remedy, names)
        assert check not in {one.check for one in lint(names["sales"]).findings}, found[0].remedy
    else:
        shown = eval(found[0].remedy, names)
        shown = shown.collect() if isinstance(shown, pl.LazyFrame) else shown
        assert len(shown) > 0, found[0].remedy


def test_values_of_several_types_are_found():
    frame = clean().astype({"count": object})
    frame.loc[:2, "count"] = "see note"
    (found,) = lint(frame).findings
    assert (found.check, found.column, found.rows, found.severity) == ("mixed", "count", 3, "error")
    names = {"df": frame, "pd": pd}
    exec(found.remedy, names)
    assert {one.check for one in lint(names["df"]).findings} == {"missing"}


def test_gaps_in_the_index_are_found():
    frame = (
        clean().drop(columns="day").set_index(pd.date_range("2021-01-01", periods=N)).drop(pd.Timestamp("2021-02-03"))
    )
    (found,) = lint(frame).findings
    assert (found.check, found.column, found.rows) == ("gaps", "index", 1)
    assert list(eval(found.remedy, {"df": frame, "pd": pd})) == [pd.Timestamp("2021-02-03")]


def test_weekends_holidays_and_the_hour_of_summer_time_are_no_gaps():
    trading = pd.bdate_range("2022-01-03", periods=N).delete([40, 41, 90])
    hours = pd.date_range("2022-03-01", periods=N * 4, freq="h").delete(12 * 24 + 2)
    nights = pd.DatetimeIndex([t for t in hours if 8 <= t.hour < 18])
    for times in (trading, hours, nights):
        assert lint(pd.DataFrame({"t": times}), checks=["gaps"]).findings == ()


def test_codes_are_no_numbers_and_na_among_countries_is_a_country():
    frame = pd.DataFrame({
        "postcode": [f"{i:05}" for i in range(900, 960)],
        "phone": [str(4_000_000_000 + 7919 * i) for i in range(60)],
        "country": ["NA", "DE", "FR", "IT", "US", "ZA"] * 10,
        "sign": ["+", "-", "*", "+", "+", "-"] * 10,
    })  # fmt: skip
    assert lint(frame, checks=["text-number", "sentinel"]).findings == ()


def test_a_long_tail_is_no_outlier():
    rng = np.random.default_rng(3)
    frame = pd.DataFrame({"a": rng.lognormal(0, 1.5, 2000), "b": rng.pareto(2, 2000), "c": rng.exponential(1, 2000)})
    assert lint(frame, checks=["outliers"]).findings == ()


def test_what_is_twice_as_far_as_the_next_is_no_outlier_yet():
    near = [50.0] * 300 + [0.0, 1.0, 99.0, 100.0] * 50
    for value, far in ((150.0, False), (200.0, True)):
        found = lint(pd.DataFrame({"a": [*near, value]}), checks=["outliers"]).findings
        assert bool(found) is far


def test_numbers_near_the_end_of_what_a_float_holds():
    frame = pd.DataFrame({"a": [1e200 * i for i in range(40)], "b": [-1e308 * (i % 20) / 20 for i in range(40)]})
    assert lint(frame.assign(c=frame["a"] / 3)).notes == ()


def test_years_are_no_running_number():
    frame = pd.DataFrame({"year": range(1950, 2020), "n": range(1, 71)})
    assert [(one.check, one.column) for one in lint(frame, checks=["id"]).findings] == [("id", "n")]


def test_the_target_tells_leaks_and_rare_classes():
    frame = clean()
    frame["result"] = np.where(frame["good"], "yes", "no")
    frame.loc[0, "result"] = "no"
    found = lint(frame, target="good", checks=["copy", "imbalance"]).findings
    assert [(one.check, one.column, one.severity) for one in found] == [("copy", "result", "error")]
    assert "read the answer" in found[0].message
    assert lint(frame, target="goods").notes == ("There is no column 'goods' to be predicted.",)


def test_only_the_checks_that_are_asked_for():
    frame = clean().assign(a=1)
    assert {one.check for one in lint(frame, checks=["constant"]).findings} == {"constant"}
    with pytest.raises(ValueError, match="There is no check 'constants'; there are missing, constant"):
        lint(frame, checks=["constants"])
    assert "duplicates" in CHECKS


def test_the_same_table_gives_the_same_report_and_is_not_changed():
    frame = FAULTS["sentinel"][0](clean())
    before = frame.copy(deep=True)
    assert lint(frame) == lint(frame)
    pd.testing.assert_frame_equal(frame, before)


def test_the_libraries_say_the_same():
    frame = FAULTS["variants"][0](FAULTS["outliers"][0](FAULTS["missing"][0](clean())))
    said = {
        name: [(f.check, f.column, f.rows, f.message) for f in lint(to(frame)).findings]
        for name, to in LIBRARIES.items()
    }
    assert all(one == said["pandas"] for one in said.values())


def test_many_rows_are_sampled_and_it_is_said():
    frame = pd.DataFrame({"a": np.arange(1_000_000) % 1000, "b": np.nan})
    frame.loc[:499_999, "b"] = np.arange(500_000) * 0.5
    report = lint(frame, checks=["missing", "sentinel", "duplicates"])
    assert [(one.check, one.rows) for one in report.findings if one.check == "missing"] == [("missing", 500_000)]
    assert [one.rows for one in report.findings if one.check == "duplicates"] == [499_000]
    assert report.notes[0].startswith("Looked at 100,000 of 1,000,000 rows, one in 10")


def test_a_lazy_frame_is_read_from_its_beginning_only():
    report = lint(pl.LazyFrame({"a": range(300_000)}))
    assert (report.rows, report.notes) == (100_000, ("Only the first 100,000 rows were read: the frame is lazy.",))


def test_no_time_is_said():
    report = lint(clean(), seconds=0)
    assert report.findings == ()
    assert "Time was up" in report.notes[0]


REPORT = Report("df", 10, 2, (
    Finding("missing", "<b>`x`|\n", 3, 0.3, "No value in 3 of 10 rows (30 %).", "df[df['<b>'].isna()]", ("<script>",)),
    Finding("duplicates", None, 1, 0.0001, "1 of 10 rows.", "df = df.drop_duplicates()", (), "info"),
), ("![a](http://evil) <img src=x>",))  # fmt: skip


def test_a_strangers_text_stays_text():
    html, markdown = REPORT._repr_html_(), REPORT.to_markdown()
    assert "<b>" not in html
    assert "<img" not in html
    assert "<style" not in html
    assert "&lt;b&gt;`x`|" in html
    assert r"\<b\>\`x\`\|␊" in markdown
    assert r"\!\[a\]\(http" in markdown
    assert "\n" not in repr(REPORT).splitlines()[1]
    assert "<0.1 %" in repr(REPORT)


def test_the_report_as_a_frame_of_the_same_library():
    for like, kind in ((pd.DataFrame(), pd.DataFrame), (pl.DataFrame(), pl.DataFrame), (pa.table({}), pa.Table)):
        table = REPORT.to_frame(like)
        assert isinstance(table, kind)
        assert table.shape == (2, 8)
    assert json.loads(json.dumps(REPORT.to_frame()))[0]["examples"] == "<script>"


def test_facts_keep_within_their_budget():
    whole = REPORT.facts(1_000)
    assert whole.splitlines()[0] == "df: 10 rows × 2 columns; 2 findings."
    assert "<b>`x`|␊: missing: No value in 3 of 10 rows (30 %)." in whole
    for budget in range(120):
        assert len(REPORT.facts(budget, len)) <= budget
    assert REPORT.facts(110, len).endswith("more")


def test_remedies_for_names_that_are_hard_to_write():
    frame = pd.DataFrame([[1, 2, 3, 4]] * 9, columns=["a", "a", ("x", "y"), dt.date(2020, 1, 1)])
    report = lint(frame, checks=["constant"], name="not a name")
    for one in report.findings:
        names = {"df": frame}
        exec(one.remedy, names)
        assert names["df"].shape == (9, 3)
    tricky = pl.DataFrame({'"': [1] * 9, "^a.*$": [1] * 9, "*": [1] * 9, "a": [1] * 9})
    for table in (tricky, tricky.to_arrow(), duckdb.from_arrow(tricky.to_arrow())):
        for one in lint(table, checks=["constant"]).findings:
            names = {"df": table, "pl": pl, "duckdb": duckdb}
            exec(one.remedy, names)
            assert len(names["df"].columns if not isinstance(table, pa.Table) else names["df"].column_names) == 3
