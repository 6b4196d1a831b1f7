"""The blocking question which models there are."""

from __future__ import annotations

import asyncio
import concurrent.futures
from typing import TYPE_CHECKING

from lmnb.chat.problems import ChatError
from lmnb.studio import choosing, failures, handles, places, sdk
from lmnb.studio.thread import io_loop, on_io_thread

if TYPE_CHECKING:
    from lmnb.studio.choosing import Model
    from lmnb.studio.hosts import Place


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
    if on_io_thread():
        raise RuntimeError("models() blocks, and would wait for its own thread.")
    sdk.warm_up()
    asking = asyncio.run_coroutine_threadsafe(_models(host, api_token), io_loop())
    try:
        return asking.result(timeout)
    except (concurrent.futures.TimeoutError, TimeoutError):
        asking.cancel()
        raise ChatError(failures.silent_for(timeout)) from None
    except KeyboardInterrupt:
        asking.cancel()
        raise


async def _models(host: str | None, token: str | None) -> list[Model]:
    import lmstudio as lms  # noqa: PLC0415

    place: Place | None = None
    for last in (False, True):
        here = places.here()
        place = here.known(handles.read(None, host=host).host, token) or await here.find(token)
        client = await here.client(place)
        try:
            return await choosing.listing(client, place)
        except lms.LMStudioError as error:
            here.lost(place, client)
            if last or not isinstance(error, lms.LMStudioWebsocketError):
                raise ChatError(failures.problem_of(error, place)) from None
    raise AssertionError  # the loop returns or raises
