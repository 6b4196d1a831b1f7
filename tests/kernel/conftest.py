"""Kernels for the tests: the newest ipykernel and the last 6.x, each with a scripted model to talk to."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from tests.kernel.harness import RealKernel, older_ipykernel

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    here = Path(__file__).parent
    for item in items:
        if here in item.path.parents:
            item.add_marker("kernel")


@pytest.fixture(scope="session")
def ipykernel_6(request: pytest.FixtureRequest) -> Path:
    return older_ipykernel(Path(request.config.cache.mkdir("ipykernel")))


@pytest.fixture
def start_kernel(tmp_path: Path) -> Iterator[Callable[..., RealKernel]]:
    """A maker of kernels that end with the test."""
    made: list[RealKernel] = []

    def start(**options: Any) -> RealKernel:
        made.append(RealKernel(tmp_path, **options))
        return made[-1]

    yield start
    for kernel in made:
        kernel.stop()


@pytest.fixture(scope="module")
def kernel(tmp_path_factory: pytest.TempPathFactory, scripted_server: str) -> Iterator[RealKernel]:
    """One kernel for a module's tests, lmnb loaded, its model scripted."""
    kernel = RealKernel(tmp_path_factory.mktemp("kernel"), LMSTUDIO_API_HOST=scripted_server)
    kernel.run("%load_ext lmnb")
    yield kernel
    kernel.stop()
