"""What all tests share: a server with scripted models, and the real small model."""

from __future__ import annotations

import pytest

from lmnb.server import launch


@pytest.fixture(scope="session")
def scripted_server():
    """The address of a server with scripted models."""
    with launch.start_server(scripted=True) as server:
        yield server.host


@pytest.fixture(scope="session")
def smollm2():
    """The file of the real SmolLM2, fetched on first use."""
    from lmnb.server import store

    try:
        return store.get("smollm2")
    except store.StoreError as error:
        pytest.skip(str(error))


@pytest.fixture(scope="session")
def minilm():
    """The file of the real MiniLM, fetched and made on first use."""
    from lmnb.server import store

    try:
        return store.get("minilm")
    except store.StoreError as error:
        pytest.skip(str(error))
