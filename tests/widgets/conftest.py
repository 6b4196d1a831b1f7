"""A kernel whose cells chat with a list of fragments: no server, no model, and a page that is not there."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from tests.kernel.harness import RealKernel

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

ROOT = Path(__file__).parents[2]


@pytest.fixture(scope="module")
def kernel_with_page(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Callable[..., RealKernel]]:
    made: list[RealKernel] = []

    def start(python_path: Path | None = None) -> RealKernel:
        kernel = RealKernel(tmp_path_factory.mktemp("kernel"), python_path=python_path)
        made.append(kernel)
        kernel.run(f"import sys; sys.path.insert(0, {str(ROOT)!r}); from tests.widgets.inside import *")
        kernel.subshells()
        return kernel

    yield start
    for kernel in made:
        kernel.stop()


@pytest.fixture(scope="module")
def shared_kernel(kernel_with_page: Callable[..., RealKernel]) -> RealKernel:
    return kernel_with_page()


@pytest.fixture
def kernel(shared_kernel: RealKernel) -> Iterator[RealKernel]:
    """The module's kernel, with a page that greets, settles and misses nothing."""
    front, replace = shared_kernel.front, shared_kernel.replace
    yield shared_kernel
    front.settles = front.greets = True
    front.loses, shared_kernel.replace = lambda _content: False, replace
