"""The namespaces of the protocol, a websocket each."""

from __future__ import annotations

from typing import TYPE_CHECKING

from lmnb.server.namespaces import others, repository, system
from lmnb.server.namespaces.models import model_namespace

if TYPE_CHECKING:
    from lmnb.server.endpoints import Endpoints
    from lmnb.server.instances import Instances

NAMES = ("llm", "embedding", "system", "files", "repository", "diagnostics", "plugins", "runtime")


def namespaces(instances: Instances) -> dict[str, Endpoints]:
    """What each namespace can do."""
    return {
        "llm": model_namespace(instances, "llm"),
        "embedding": model_namespace(instances, "embedding"),
        "system": system.namespace(instances),
        "files": others.files(),
        "repository": repository.namespace(),
        "diagnostics": others.nothing(),
        "plugins": others.plugins(),
        "runtime": others.runtime(),
    }
