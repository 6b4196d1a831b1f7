"""Frames that the tests and the benchmark describe: made here, the same ones each time."""

from __future__ import annotations

import numpy as np
import pandas as pd


def titanic(rows: int = 891) -> pd.DataFrame:
    """A frame like the well-known one: 15 columns, the same names, types and shares."""
    draw = np.random.default_rng(1912)
    pclass = draw.choice([3, 1, 2], rows, p=[0.55, 0.24, 0.21])
    sex = draw.choice(["male", "female"], rows, p=[0.65, 0.35])
    age = np.round(draw.gamma(4.5, 6.6, rows).clip(0.42, 80), 1)
    age[draw.random(rows) < 0.2] = np.nan
    survived = (draw.random(rows) < np.where(sex == "female", 0.74, 0.19)).astype(int)
    who = np.where(age < 16, "child", np.where(sex == "male", "man", "woman"))
    embarked = draw.choice(["S", "C", "Q"], rows, p=[0.72, 0.19, 0.09]).astype(object)
    embarked[[61, 829]] = None
    town = pd.Series(embarked).map({"S": "Southampton", "C": "Cherbourg", "Q": "Queenstown"})
    deck = draw.choice(list("CBDEAFG"), rows, p=[0.29, 0.23, 0.16, 0.16, 0.08, 0.06, 0.02]).astype(object)
    deck[draw.random(rows) < 0.77] = None
    sibsp, parch = (
        draw.choice(6, rows, p=[0.68, 0.23, 0.03, 0.02, 0.02, 0.02]),
        draw.choice(7, rows, p=[0.76, 0.13, 0.09, 0.005, 0.005, 0.005, 0.005]),
    )
    return pd.DataFrame(
        {
            "survived": survived,
            "pclass": pclass,
            "sex": sex,
            "age": age,
            "sibsp": sibsp,
            "parch": parch,
            "fare": np.round(draw.lognormal(2.9, 1, rows).clip(0, 512.3292), 4),
            "embarked": embarked,
            "class": pd.Categorical(pd.Series(pclass).map({1: "First", 2: "Second", 3: "Third"})),
            "who": who,
            "adult_male": (who == "man"),
            "deck": pd.Categorical(deck),
            "embark_town": town,
            "alive": np.where(survived == 1, "yes", "no"),
            "alone": (sibsp + parch) == 0,
        }
    )


def wide(rows: int = 2_000) -> pd.DataFrame:
    """100 columns as an export from a machine has them: sensors, flags, categories, a time, a text."""
    draw = np.random.default_rng(7)
    columns: dict[str, object] = {f"sensor_{i:03}_temperature_c": draw.normal(20 + i / 10, 5, rows) for i in range(58)}
    columns |= {f"flag_{i:02}": draw.random(rows) < 0.3 for i in range(20)}
    columns |= {f"category_{i:02}": draw.choice(list("ABCDE"), rows) for i in range(20)}
    columns["event_time"] = pd.date_range("2024-01-01", periods=rows, freq="3min")
    columns["comment"] = [f"free text comment number {i}" for i in draw.permutation(rows)]
    return pd.DataFrame(columns)


def strange_names(columns: int, rows: int = 50) -> pd.DataFrame:
    """Columns whose names have nothing in common, so that none are folded."""
    draw = np.random.default_rng(3)
    words = ["".join(draw.choice(list("abcdefghijklmnop"), 8)) for _ in range(columns)]
    return pd.DataFrame(draw.random((rows, columns)), columns=words)
