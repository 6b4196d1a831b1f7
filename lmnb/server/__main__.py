"""`python -m lmnb.server`: serve until told to stop, until the parent is gone, or until nobody has come for a while."""

from __future__ import annotations

import argparse
import asyncio
import contextlib
import errno
import json
import logging
import os
import signal
import sys
import threading
from pathlib import Path
from typing import TYPE_CHECKING, Any

from lmnb.server import tokens
from lmnb.server.app import Visitors, listen
from lmnb.server.instances import Instances
from lmnb.server.launch import is_loopback, occupant, reachable
from lmnb.server.loader import Loader

if TYPE_CHECKING:
    from collections.abc import Sequence

    from tornado import httpserver

log = logging.getLogger("lmnb.server")

BEAT = 1.0
"""Seconds between looks at what has had its time."""


def _arguments(argv: Sequence[str] | None) -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m lmnb.server", description=__doc__)
    parser.add_argument("--port", type=int, default=0, help="0 takes any free one")
    parser.add_argument("--host", default="127.0.0.1", metavar="ADDRESS", help="of this computer; else only for itself")
    parser.add_argument("--no-token", action="store_true", help="let the network in without a token")
    parser.add_argument("--scripted", action="store_true", help="offer the scripted models of the tests")
    parser.add_argument("--model", action="append", default=[], metavar="FILE", help="a GGUF file to offer")
    parser.add_argument("--idle-timeout", type=float, metavar="SECONDS", help="exit after so long without a client")
    parser.add_argument("--with-parent", action="store_true", help="exit when standard input ends")
    parser.add_argument("--log", metavar="FILE", help="write a log there; otherwise to standard error")
    return parser.parse_args(argv)


def main(argv: Sequence[str] | None = None, loader: Loader | None = None) -> int:
    """Serve. Says `{"port": …, "pid": …}` in one line of standard output once it listens, or `{"error": …}`.

    Args:
        argv: The command line; None: the process's own.
        loader: The shelf of models; None: this computer's, as the command line says.
    """
    arguments = _arguments(argv)
    if loader is None:
        loader = Loader([Path(file) for file in arguments.model], scripted=arguments.scripted)
    try:
        _open_log(arguments.log)
        with contextlib.suppress(KeyboardInterrupt):
            asyncio.run(_serve(arguments, loader))
    except _NoStartError as error:
        _say({"error": str(error)})
        return 1
    return 0


class _NoStartError(Exception):
    """Why it cannot serve, in a sentence."""


def _say(what: dict[str, Any]) -> None:
    print(json.dumps(what, ensure_ascii=False), flush=True)  # noqa: T201  whoever started it waits for it


def _open_log(file: str | None) -> None:
    level = logging.INFO if file else logging.WARNING
    try:
        logging.basicConfig(filename=file, level=level, format="%(asctime)s %(levelname)s %(name)s: %(message)s")
    except OSError as error:
        raise _NoStartError(f"The log {file} cannot be written: {error.strerror}.") from None
    for library in ("httpcore", "httpx"):  # a line for each request to an engine helps nobody
        logging.getLogger(library).setLevel(logging.WARNING)


async def _serve(arguments: argparse.Namespace, loader: Loader) -> None:
    instances = Instances(loader.known, loader.load)
    visitors = Visitors()
    done = asyncio.Event()
    _listen_for_signals(done, interrupt=not arguments.with_parent)
    threading.Thread(target=loader.known, name="listing", daemon=True).start()  # the first look takes a while
    server, port = _listen(instances, visitors, arguments)
    _say({"port": port, "pid": os.getpid()})
    if arguments.with_parent:
        _follow_parent(done)
    beat = asyncio.create_task(_beat(instances, visitors, arguments.idle_timeout, done))
    await done.wait()
    beat.cancel()
    server.stop()
    await instances.close()
    await visitors.send_home()
    if others := asyncio.all_tasks() - {asyncio.current_task()}:  # asyncio and tornado log those that are cut short
        await asyncio.wait(others, timeout=1)


def _listen(
    instances: Instances, visitors: Visitors, arguments: argparse.Namespace
) -> tuple[httpserver.HTTPServer, int]:
    try:
        token = tokens.given()
    except tokens.TokenError as error:
        raise _NoStartError(str(error)) from None
    if token is None and not arguments.no_token and not is_loopback(arguments.host):
        raise _NoStartError(
            f"Whoever reaches {arguments.host} could use this server without a token.\n"
            "Make one with --new-token, or say that nobody else is there with --no-token."
        )
    try:
        return listen(instances, visitors, arguments.port, host=arguments.host, token=token)
    except OSError as error:
        raise _NoStartError(_taken(arguments.host, arguments.port, error)) from None


def _taken(host: str, port: int, error: OSError) -> str:
    if error.errno == errno.EADDRINUSE:
        return f"Port {port} cannot be used: {occupant(reachable(host, port))} has it."
    where = f"Port {port}" if is_loopback(host) else f"{host}, port {port},"
    return f"{where} cannot be used: {error.strerror}."


def _listen_for_signals(done: asyncio.Event, *, interrupt: bool) -> None:
    loop = asyncio.get_running_loop()
    with contextlib.suppress(NotImplementedError):  # Windows
        loop.add_signal_handler(signal.SIGTERM, done.set)
        if interrupt:
            loop.add_signal_handler(signal.SIGINT, done.set)
    if not interrupt:  # Jupyter's ■ reaches all processes of a kernel, and means what its cell does
        signal.signal(signal.SIGINT, signal.SIG_IGN)


def _follow_parent(done: asyncio.Event) -> None:
    """The parent holds the other end of standard input: when it goes, however it goes, that ends."""
    loop = asyncio.get_running_loop()

    def wait() -> None:
        # Not sys.stdin: the interpreter cannot end (it aborts) while a thread waits in there.
        with contextlib.suppress(OSError):
            while os.read(0, 4096):
                pass
        with contextlib.suppress(RuntimeError):  # the loop was closed first
            loop.call_soon_threadsafe(done.set)

    threading.Thread(target=wait, name="parent", daemon=True).start()


async def _beat(instances: Instances, visitors: Visitors, idle: float | None, done: asyncio.Event) -> None:
    while True:
        await asyncio.sleep(BEAT)
        try:
            await instances.expire()
        except Exception:  # one that cannot be unloaded must not keep the others for ever
            log.exception("Unloading failed")
        if idle is not None and visitors.alone_for > idle:
            log.info("Nobody has come for %s s.", idle)
            done.set()


if __name__ == "__main__":
    sys.exit(main())
