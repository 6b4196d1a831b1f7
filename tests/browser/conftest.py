"""One Jupyter server, one Chromium, one page and kernel for each of JupyterLab and Notebook 7."""

from __future__ import annotations

import signal
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
from playwright.sync_api import sync_playwright

from tests.browser.harness import Notebook
from tests.browser.machinery import JupyterServer, Trap, launch
from tests.studio.conftest import Peek

if TYPE_CHECKING:
    from collections.abc import Iterator

    from playwright.sync_api import Browser

HERE = Path(__file__).parent


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    for item in items:
        if HERE in item.path.parents:
            item.add_marker("browser")


def _stop(_signal: int, _frame: object) -> None:
    raise KeyboardInterrupt


@pytest.fixture(scope="package", autouse=True)
def terminated_is_stopped() -> Iterator[None]:
    """A run that is terminated ends its server and its browser, as one that is stopped with Ctrl-C does."""
    before = signal.signal(signal.SIGTERM, _stop)
    yield
    signal.signal(signal.SIGTERM, before)


@pytest.fixture(scope="package")
def jupyter(tmp_path_factory: pytest.TempPathFactory, scripted_server: str) -> Iterator[JupyterServer]:
    server = JupyterServer(tmp_path_factory.mktemp("jupyter"), LMSTUDIO_API_HOST=scripted_server)
    yield server
    server.stop()


@pytest.fixture(scope="package")
def trap() -> Iterator[Trap]:
    trap = Trap()
    yield trap
    trap.close()


# Not for the session: while Playwright's own loop runs on this thread, no other test can run a loop on it.
@pytest.fixture(scope="package")
def browser(jupyter: JupyterServer, trap: Trap) -> Iterator[Browser]:
    with sync_playwright() as playwright:
        browser = launch(playwright, jupyter, trap)
        yield browser
        browser.close()


@pytest.fixture(scope="package", params=["lab", "notebook"])
def kept(request: pytest.FixtureRequest, browser: Browser, jupyter: JupyterServer) -> Iterator[Notebook]:
    """A notebook with lmnb loaded, kept for all tests of one application."""
    notebook = Notebook(browser, jupyter, request.param)
    jupyter.write(name := f"{request.param}.ipynb", ["%load_ext lmnb"])
    notebook.open(name)
    notebook.run(0)
    yield notebook
    notebook.close()


@pytest.fixture
def notebook(kept: Notebook, trap: Trap) -> Iterator[Notebook]:
    """The kept notebook without the cells of other tests; whatever a test did, the page asked nothing of anybody."""
    kept.clear()
    kept.complaints.clear()
    caught = len(trap.caught())
    yield kept
    kept.quiet()
    assert (kept.requests, trap.caught()[caught:]) == ([], [])
    assert kept.complaints == []


@pytest.fixture
def peek(scripted_server: str) -> Iterator[Peek]:
    """A look into the server."""
    peek = Peek(scripted_server)
    yield peek
    peek.close()
