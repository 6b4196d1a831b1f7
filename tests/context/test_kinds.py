"""What is said of what is no frame: arrays, nested data, estimators, connections, and plain objects."""

from __future__ import annotations

import sqlite3
import sys
import types
from dataclasses import dataclass

import duckdb
import numpy as np
import pandas as pd
import polars as pl
import pyarrow as pa
import pytest

from lmnb.context import describe


def test_numpy():
    text = describe(np.arange(12.0).reshape(3, 4), name="a").text
    assert (
        text
        == "a: numpy ndarray, 3 × 4, float64, 96 bytes\n- values float64 0..11, quartiles 2.75 5.5 8.25, all different"
    )
    assert "1 NaN, 1 infinite" in describe(np.array([1.0, np.nan, np.inf] + [2.0] * 9)).text
    assert "x int32, y float64" in describe(np.zeros(2, dtype=[("x", "i4"), ("y", "f8")])).text
    assert "2024-01-01..2024-01-03" in describe(np.array(["2024-01-03", "NaT", "2024-01-01"], dtype="M8[D]")).text
    large = describe(np.arange(1_000_000).reshape(1_000, 1_000).T)
    assert "0..999999, ~quartiles" in large.text
    for odd in (np.array([]), np.array(1), np.array([None, {1}]), np.array(["a", "b"]), np.zeros((0, 3))):
        assert "raised" not in describe(odd).text


@pytest.mark.parametrize(
    "series", [pd.Series([1, 2, 2], name="n"), pl.Series("n", [1, 2, 2]), pa.chunked_array([[1, 2, 2]])]
)
def test_series(series):
    text = describe(series, name="n").text
    assert ", 3 values" in text
    assert "- n int 2 67%, 1 33%" in text


def test_sparse_and_labelled_arrays():
    import scipy.sparse
    import xarray

    text = describe(scipy.sparse.eye(100, format="csr")).text
    assert "100 × 100, float64, csr, 100 stored (1%)" in text
    temperature = (("lat", "lon"), np.arange(6.0).reshape(2, 3), {"units": "K"})
    data = xarray.Dataset({"t": temperature}, coords={"lat": [10, 20]})
    text = describe(data).text
    assert "lat 2, lon 3" in text
    assert "- t float64 (lat, lon) 0, 1, 2, 3, 4, 5, in K" in text
    assert "coordinate (lat)" in text
    assert "(hidden)" in describe(data["t"], hide=["t"]).text


def test_a_tensor_is_known_without_its_library():
    class Tensor:
        shape, dtype, device, requires_grad = (2, 2), "torch.float32", "cpu", False

        def detach(self) -> Tensor:
            return self

        def numpy(self) -> np.ndarray:
            return np.ones((2, 2), dtype=np.float32)

    Tensor.__module__ = "torch"
    assert "2 × 2, float32, on cpu\n- values float32 always 1" in describe(Tensor()).text
    Tensor.device = "cuda:0"
    assert "values not looked at: they are on cuda:0" in describe(Tensor()).notes
    assert "torch" not in sys.modules


def test_nested_data():
    data = {
        "id": 7,
        "user": {"name": "Ada", "tags": ["a", "b"]},
        "rows": [{"x": 1, "y": "u"}, {"x": 2}],
    }
    text = describe(data).text
    assert "- id int 7" in text
    assert "- user.name str Ada" in text
    assert "- user.tags list 2 long" in text
    assert "- rows.x int 1, 2" in text
    assert "- rows.y str u, not in 50%" in text
    records = describe([{"id": i, "kind": "ab"[i % 2]} for i in range(3_000)])
    assert "3,000 elements, records" in records.text
    assert "kind str a ~50%, b ~50%" in records.text
    assert "first 1,000 of 3,000" in records.notes[0]
    hidden = describe(data, hide=["user"])
    assert "Ada" not in hidden.text
    assert "user: values hidden" in hidden.notes


def test_texts_and_scalars():
    assert (
        describe("one `line`\nand another", name="s").text
        == "s: str, 22 characters\n'one \\x60line\\x60\\nand another'"
    )
    assert describe(3.5, name="x").text == "x: float, 3.5"
    assert describe(None, name="x").text == "x: NoneType, None"


def test_estimators():
    from sklearn.linear_model import LogisticRegression
    from sklearn.pipeline import make_pipeline
    from sklearn.preprocessing import StandardScaler

    model = LogisticRegression(C=2.0)
    assert "not fitted" in describe(model).text
    model.fit([[1, 2], [3, 4], [5, 5]], [0, 1, 1])
    text = describe(model).text
    assert "sklearn LogisticRegression, fitted" in text
    assert "- C = 2" in text
    assert "- classes_ int64 (2,): 0 1" in text
    assert "max_iter 100" in text
    assert "steps: standardscaler sklearn StandardScaler" in describe(make_pipeline(StandardScaler(), model)).text


def test_sqlite_is_asked_where_it_was_opened_and_keeps_its_cursor():
    connection = sqlite3.connect(":memory:")
    connection.executescript(
        'create table people(id integer primary key, "full name" text);'
        "create table orders(id int, who int references people(id))"
    )
    connection.row_factory = sqlite3.Row
    connection.text_factory = bytes
    text = describe(connection).text
    assert "- people table (id integer key, 'full name' text)" in text
    assert "who int → people.id" in text
    assert not connection.in_transaction
    connection.close()
    assert "raised ProgrammingError" in describe(connection).text


def test_duckdb_connections_keep_what_they_hold():
    connection = duckdb.connect()
    connection.execute("create table t as select range as i, 'x' as word from range(10)")
    connection.execute("select i from t order by i")
    assert "- t table ~10 rows (i bigint, word varchar)" in describe(connection).text
    assert connection.fetchone() == (0,)


def test_plain_objects_show_what_is_stored_in_them():
    @dataclass
    class Point:
        x: int
        label: str = "here"

    text = describe(Point(3), name="p").text
    assert "- x int = 3" in text
    assert "- label str = here" in text
    assert "repr: " in text
    assert "not in" not in text


def test_functions_classes_and_modules():
    def area(width: float, height: float = 1.0) -> float:
        """Width times height."""
        return width * height

    text = describe(area, name="area").text
    assert "height: 'float' = 1.0" in text
    assert "doc: Width times height." in text
    module = types.ModuleType("mine", "About mine.")
    module.__version__ = "1.2"
    assert describe(module, name="m").text == "m: module mine, version 1.2\ndoc: About mine."
    assert describe(dict, name="d").text.startswith("d: class dict")
