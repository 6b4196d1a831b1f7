"""The blocking question which models there are."""

from __future__ import annotations

from typing import TYPE_CHECKING

from lmnb.studio import choosing
from lmnb.studio.asking import ask

if TYPE_CHECKING:
    from lmnb.studio.choosing import Model


def models(*, host: str | None = None, api_token: str | None = None, timeout: float = 10.0) -> list[Model]:
    """The models of the server that `%%chat` would talk to: the loaded ones first, then what is only on disk.

    Blocks the calling thread, not the I/O thread (from which it must not be called). A server is looked for, and
    lmnb's own is started, as for a prediction.

    Args:
        host: `"address:port"`, as for a prediction.
        api_token: For a server that asks for one.
        timeout: Seconds to wait at most.

    Raises:
        ChatError: If there is no server, or it does not answer in time.
    """
    return ask(choosing.listing, host=host, api_token=api_token, timeout=timeout)
