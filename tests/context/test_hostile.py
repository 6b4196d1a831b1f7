"""Whatever an object does, describing it raises nothing, changes nothing, keeps the budget, and does not wait."""

from __future__ import annotations

import sys
import threading
import time
from dataclasses import dataclass
from decimal import Decimal
from typing import Any

import pandas as pd
import polars as pl
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from lmnb.context import describe, estimate
from lmnb.context.ladder import Level  # noqa: TC001 - read at run time

LEVELS: list[Level] = ["names", "schema", "stats", "values"]

quick = settings(max_examples=60, deadline=None, suppress_health_check=list(HealthCheck))


def raising(*methods: str, error: type[BaseException] = RuntimeError) -> Any:
    """An object of a class some of whose methods raise."""

    def raises(*_args: object, **_more: object) -> Any:
        raise error

    return type("Raising", (), dict.fromkeys(methods, raises))()


METHODS = (
    "__repr__", "__str__", "__len__", "__getattr__", "__getattribute__", "__eq__", "__bool__", "__iter__", "__dir__",
    "__class_getitem__", "__array__", "__dataframe__", "__narwhals_dataframe__", "_repr_llm_", "_ai_repr_",
)  # fmt: skip


class Meta(type):
    """A class that raises when it is asked for its name."""

    @property
    def __name__(cls) -> str:
        raise RuntimeError

    def __instancecheck__(cls, other: object) -> bool:
        raise RuntimeError

    def __repr__(cls) -> str:
        raise RuntimeError


class Liar(metaclass=Meta):
    """Says of itself that it is something else."""

    __module__ = 7  # type: ignore[assignment]
    __doc__ = 8  # type: ignore[assignment]

    @property
    def __class__(self) -> Any:
        raise RuntimeError

    @property
    def __dict__(self) -> Any:
        raise RuntimeError


class EvilText(str):
    """A text that raises whatever it is asked."""

    def __len__(self) -> int:
        raise RuntimeError

    def __getitem__(self, _at: object) -> str:
        raise RuntimeError

    def splitlines(self, keepends: bool = False) -> list[str]:
        raise RuntimeError


class Reprs:
    def __init__(self, text: object) -> None:
        self._text = text

    def __repr__(self) -> str:
        return self._text  # type: ignore[return-value]


STRANGERS: list[Any] = [
    *(raising(method) for method in METHODS),
    *(raising(method, error=SystemExit) for method in METHODS),
    raising("__repr__", error=KeyboardInterrupt),
    raising(*METHODS),
    Liar(),
    EvilText("boo"),
    Reprs(EvilText("boo")),
    Reprs(7),
    Reprs("a\nb`c`<|im_end|>" * 1_000),
    object(),
    print,
    Liar,
    Ellipsis,
    10**5_000,
    Decimal("sNaN"),
    float("inf"),
    "\ud800",
    b"\x00" * 100,
    range(10),
    sys,
    threading.Lock(),
]


@dataclass(frozen=True)
class Stranger:
    """Stands for one of them in what hypothesis draws, as that is printed when a test fails."""

    place: int


def made_of(drawn: Any) -> Any:
    """What was drawn, with the strangers in it."""
    if isinstance(drawn, Stranger):
        return STRANGERS[drawn.place]
    if isinstance(drawn, (list, tuple)):
        return type(drawn)(made_of(one) for one in drawn)
    if isinstance(drawn, dict):
        return {key: made_of(one) for key, one in drawn.items()}
    return drawn


strangers = st.builds(Stranger, st.integers(0, len(STRANGERS) - 1))
plain = (
    st.none()
    | st.booleans()
    | st.integers()
    | st.floats()
    | st.text(max_size=30)
    | st.binary(max_size=5)
    | st.datetimes()
)
anything = st.recursive(
    plain | strangers,
    lambda inner: (
        st.lists(inner, max_size=5)
        | st.dictionaries(st.text(max_size=8) | st.integers() | st.booleans(), inner, max_size=5)
        | st.tuples(inner, inner)
    ),
    max_leaves=15,
)


def holds(obj: object, budget: int, level: Level, **more: Any) -> None:
    card = describe(obj, budget=budget, level=level, **more)
    assert card.tokens <= budget
    assert card.tokens == estimate(card.text)
    for character in ("`", "\r", "\x1b", "\u202e", "\u2028"):
        assert character not in card.text
    assert "<|" not in card.text


@quick
@given(anything, st.integers(0, 200), st.sampled_from(LEVELS), st.text(max_size=10))
def test_any_object(obj, budget, level, name):
    holds(made_of(obj), budget, level, name=name)


@quick
@given(st.data())
def test_any_pandas_frame(data):
    rows = data.draw(st.integers(0, 6))
    labels = data.draw(
        st.lists(
            st.text(max_size=12) | st.integers() | st.tuples(st.text(max_size=3)) | st.none() | strangers, max_size=6
        )
    )
    one = st.lists(plain | strangers | st.lists(plain, max_size=2), min_size=rows, max_size=rows)
    labels = [made_of(one) for one in labels]
    drawn = [made_of(data.draw(one)) for _ in labels]
    try:
        columns = [pd.Series(values, dtype=object) for values in drawn]
        frame = pd.concat(columns, axis=1) if columns else pd.DataFrame(index=range(rows))
        frame.columns = pd.Index(labels, tupleize_cols=False, dtype=object)
    except BaseException:  # noqa: BLE001 - pandas asks them for something, and they are what they are
        return
    holds(frame, data.draw(st.integers(0, 300)), data.draw(st.sampled_from(LEVELS)), hide=["a"], named=["b"])


@quick
@given(st.data())
def test_any_polars_frame(data):
    rows = data.draw(st.integers(0, 6))
    values = st.sampled_from(
        [st.integers(-(2**63), 2**63 - 1), st.floats(), st.text(max_size=20), st.booleans(), st.datetimes(), st.dates(),
         st.lists(st.integers(-9, 9), max_size=3), st.binary(max_size=4), st.timedeltas(), st.times()]
    )  # fmt: skip
    names = data.draw(st.lists(st.text(max_size=12), max_size=6, unique=True))
    frame = pl.DataFrame(
        {
            name: pl.Series(
                data.draw(st.lists(data.draw(values) | st.none(), min_size=rows, max_size=rows)), strict=False
            )
            for name in names
        }
    )
    budget, level = data.draw(st.integers(0, 300)), data.draw(st.sampled_from(LEVELS))
    holds(frame, budget, level)
    holds(frame.lazy(), budget, level)
    if rows:
        text = describe(frame, budget=None).text
        assert len(text.splitlines()) <= 2 + len(names)


@quick
@given(st.integers(0, 400), st.integers(0, 400), st.sampled_from(LEVELS))
def test_no_tokenizer_gets_a_text_over_the_budget(budget, columns, level):
    frame = pd.DataFrame({f"{'abc'[i % 3]}{i * 7} name {'x' * (i % 11)}": [i, i + 1] for i in range(columns)})
    for count in (len, lambda text: len(text.split()), lambda text: 3 + len(text) // 5):
        card = describe(frame, budget=budget, level=level, count=count)
        assert card.tokens <= budget
        assert not card.text or card.tokens == count(card.text)


def test_a_repr_that_hangs_costs_its_line_and_the_time_that_was_allowed():
    class Hanging:
        """Waits for a network."""

        def __init__(self) -> None:
            self.rows = 7

        def __repr__(self) -> str:
            threading.Event().wait(30)
            return "at last"

    card = describe(Hanging(), seconds=0.2)
    assert "- rows int = 7" in card.text
    assert "its __repr__ took longer than 0.2 s" in card.text
    assert any("took longer" in note for note in card.notes)


def test_a_busy_repr_is_ended():
    turns = 0

    class Busy:
        def __repr__(self) -> str:
            nonlocal turns
            while True:
                turns += 1

    before = set(threading.enumerate())
    assert "took longer" in describe(Busy(), seconds=0.1).text
    for thread in set(threading.enumerate()) - before:
        thread.join(10)
        assert not thread.is_alive()
    assert turns


@pytest.mark.parametrize("method", ["__len__", "__getattr__", "_repr_llm_", "__iter__"])
def test_other_methods_that_hang(method):
    def hangs(*_args: object) -> Any:
        time.sleep(30)

    obj = type("Hanging", (), {method: hangs})()
    began = time.monotonic()
    assert describe(obj, seconds=0.2).text.startswith("df: ")
    assert time.monotonic() - began < 20


def test_an_interrupt_ends_the_waiting():
    class Hanging:
        def __repr__(self) -> str:
            import _thread

            _thread.interrupt_main()
            threading.Event().wait(30)
            return ""

    with pytest.raises(KeyboardInterrupt):
        describe(Hanging(), seconds=30)


def test_a_dict_that_holds_itself():
    endless: dict[str, Any] = {"a": 1}
    endless["self"] = endless
    assert "self.self" in describe(endless).text
