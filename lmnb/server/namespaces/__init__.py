"""The namespaces of the protocol, a websocket each."""

from __future__ import annotations

from typing import TYPE_CHECKING

from lmnb.server.namespaces import files, others, repository, system
from lmnb.server.namespaces.models import model_namespace

if TYPE_CHECKING:
    from lmnb.server.endpoints import Endpoints
    from lmnb.server.files import Files
    from lmnb.server.instances import Instances
    from lmnb.server.session import Guests

NAMES = ("llm", "embedding", "system", "files", "repository", "diagnostics", "plugins", "runtime")


def namespaces(instances: Instances, uploads: Files, guests: Guests) -> dict[str, Endpoints]:
    """What each namespace can do."""
    return {
        "llm": model_namespace(instances, uploads, "llm"),
        "embedding": model_namespace(instances, uploads, "embedding"),
        "system": system.namespace(instances),
        "files": files.namespace(uploads),
        "repository": repository.namespace(),
        "diagnostics": others.nothing(),
        "plugins": others.plugins(guests),
        "runtime": others.runtime(),
    }
