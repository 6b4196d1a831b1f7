"""Which versions of libraries took part: what a model has to know where an API has changed."""

from __future__ import annotations

import platform
import sys
from typing import TYPE_CHECKING

from lmnb.context.near_misses import DISTRIBUTIONS
from lmnb.context.values import line

if TYPE_CHECKING:
    from collections.abc import Iterable

MOST = 4


def versions(packages: Iterable[str]) -> str:
    """Python's version and those of some packages, in a line: `Python 3.11.7, pandas 3.0.1`.

    Args:
        packages: By the names under which they are imported. Those of which nobody knows a version are left out.
    """
    told = [f"Python {platform.python_version()}"]
    for name in dict.fromkeys(packages):
        if name not in sys.stdlib_module_names and (found := version(name)) and len(told) <= MOST:
            told.append(f"{name} {found}")
    return ", ".join(told)


def version(package: str) -> str:
    """The version of a package that is installed; "" where nobody says it."""
    from importlib import metadata

    try:
        return line(metadata.version(DISTRIBUTIONS.get(package, package)), 30)
    except Exception:  # noqa: BLE001 - not installed under that name, or with a broken record
        found = getattr(sys.modules.get(package), "__dict__", {}).get("__version__")
        return line(found, 30) if type(found) is str else ""
