"""Starting the embedded server: one of one's own, or the one that all kernels of a user share."""

from __future__ import annotations

import http.client
import ipaddress
import json
import os
import signal
import subprocess
import sys
import threading
import time
from contextlib import closing, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import IO, TYPE_CHECKING, Any

from lmnb.server import tokens
from lmnb.server.places import locked, log_file, note_file

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable
    from types import TracebackType

START_TIME = 30.0
"""Seconds a server may take to listen; it takes less than one."""

STANDARD_PORTS = (41343, 52993, 16141, 39414, 22931)
"""Where SDKs look for LM Studio, in this order. A server of lmnb's is there only where a person wants it to be."""

IDLE_TIMEOUT = 30 * 60.0
"""Seconds without a client after which a shared server exits."""


HOME = Path(__file__).parents[2]
"""The folder that holds lmnb, where a server works: a json.py beside a notebook would otherwise be imported."""


MOST_SAID = 1 << 16
"""Bytes that are read of a greeting."""

_NONSENSE = (KeyError, OverflowError, RecursionError, TypeError, ValueError)
"""What comes of reading a note or a greeting that is something else."""


class LaunchError(RuntimeError):
    """The server did not start; the text says why."""


class Server:
    """A server process of one's own. It ends with this process, at the latest, however this one ends.

    Attributes:
        host: `"127.0.0.1:PORT"`, or another address where one was asked for.
        pid: Its process id.
        token: The API token that it asks for, if any.
    """

    def __init__(
        self, process: subprocess.Popen[str], port: int, *, host: str = "127.0.0.1", token: str | None = None
    ) -> None:
        self._process = process
        self.host = reachable(host, port)
        self.token = token
        self.pid = process.pid
        self._farewells: list[Callable[[], None]] = []
        _running.add(self)

    def at_stop(self, farewell: Callable[[], None]) -> None:
        """Call this when the server is stopped, while it still listens. It must not raise."""
        self._farewells.append(farewell)

    def stop(self) -> None:
        """End it and its models. Blocks until it is gone, at most 5 s; a second time does nothing."""
        _running.discard(self)
        while self._farewells:
            self._farewells.pop()()
        if self._process.stdin:
            with suppress(OSError):
                self._process.stdin.close()  # it exits when its standard input ends
        try:
            self._process.wait(5)
        except subprocess.TimeoutExpired:
            self._process.kill()
            self._process.wait()

    def wait(self) -> int:
        """Block until it has ended by itself, and return its exit code."""
        return self._process.wait()

    def __enter__(self) -> Server:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        self.stop()

    def __repr__(self) -> str:
        state = "running" if self._process.poll() is None else "stopped"
        return f"<lmnb server at {self.host}, {state}>"


_running: set[Server] = set()
"""Those that were not stopped: one that nobody keeps would otherwise end when Python tidies up."""


@dataclass(frozen=True)
class SharedServer:
    """The server that the kernels of a user share.

    Attributes:
        host: `"127.0.0.1:PORT"`.
        pid: Its process id.
    """

    host: str
    pid: int


def start_server(
    *,
    models: Iterable[str | os.PathLike[str]] = (),
    scripted: bool = False,
    port: int = 0,
    host: str = "127.0.0.1",
    token: str | None = None,
    no_token: bool = False,
    idle_timeout: float | None = None,
    log: str | os.PathLike[str] | None = None,
) -> Server:
    """Start a server of one's own. Blocks until it listens, 0.5 to 1.5 s.

    Args:
        models: GGUF files to offer besides those in the usual folders.
        scripted: Offer the scripted models of the tests.
        port: 0 takes any free one.
        host: The address of this computer at which it listens: `"0.0.0.0"` for all of them. Beyond this computer a
            token is needed, or `no_token`.
        token: The API token without which nobody is let in, in LM Studio's form (`lmnb.server.tokens.new()` makes
            one); SDKs for Python send one since 1.6.
        no_token: Let the network in without a token.
        idle_timeout: Seconds without a client after which it exits; None: never.
        log: A file for its log; None: warnings go to standard error.

    Raises:
        LaunchError: If it does not start, with what it said.
    """
    options = [*_options(models, scripted, port, idle_timeout, log), "--with-parent", "--host", host]
    if no_token:
        options.append("--no-token")
    process = _popen(options, token, stdin=subprocess.PIPE)
    return Server(process, _ready(process, log)["port"], host=host, token=token)


def shared_server(*, idle_timeout: float = IDLE_TIMEOUT) -> SharedServer:
    """The server that this user's kernels share, started if it is not there. Blocks until it listens.

    Args:
        idle_timeout: Seconds without a client after which one that is started now exits.

    Raises:
        LaunchError: If it does not start, with what it said.
    """
    with locked():
        if (running := _find()) is not None:
            return running
        options = _options((), False, 0, idle_timeout, log_file())
        with log_file().open("ab") as log:  # also for what it says before it has opened its log itself
            process = _popen(options, stdin=subprocess.DEVNULL, stderr=log)
        said = _ready(process, log_file())
        shared = SharedServer(f"127.0.0.1:{said['port']}", said["pid"])
        process.returncode = 0  # it outlives this process: no ResourceWarning when the handle goes
        _write_note(shared)
        return shared


def find_shared_server() -> str | None:
    """The host of the shared server if it runs and answers. Blocks 1 s at most."""
    found = _find()
    return found.host if found else None


def stop_shared_server() -> bool:
    """End the shared server. Blocks until it is gone, at most 5 s; False if there was none."""
    with locked():
        running = _find()
        if running is None:
            return False
        os.kill(running.pid, signal.SIGTERM)
        until = time.monotonic() + 5
        while _greeting(running.host) is not None and time.monotonic() < until:
            time.sleep(0.02)
        note_file().unlink(missing_ok=True)
        return True


def is_loopback(host: str) -> bool:
    """Whether only this computer can reach the address."""
    try:
        return ipaddress.ip_address(host.strip("[]")).is_loopback
    except ValueError:
        return host == "localhost"


def reachable(host: str, port: int) -> str:
    """`"address:port"` at which a server that listens there can be reached from this computer."""
    name = {"0.0.0.0": "127.0.0.1", "::": "[::1]", "": "127.0.0.1"}.get(host, host)  # noqa: S104  the other way round
    return f"[{name}]:{port}" if ":" in name.strip("[]") and not name.startswith("[") else f"{name}:{port}"


def greets(host: str) -> bool:
    """Whether what listens there speaks LM Studio's protocol. Blocks 1 s at most."""
    return _greeting_of(host) is not None


def occupant(host: str) -> str:
    """What listens at an address, as far as it says: a subject for a sentence. Blocks 1 s at most."""
    greeting = _greeting_of(host)
    if greeting is None:
        return "another program"
    pid = _pid(greeting)
    return "LM Studio" if pid is None else f"another server of lmnb's (process {pid})"


def own_process(host: str) -> int | None:
    """The process id of lmnb's server at this address; None where something else answers, or nothing. Blocks 1 s."""
    return _greeting(host)


def _options(
    models: Iterable[str | os.PathLike[str]],
    scripted: bool,
    port: int,
    idle_timeout: float | None,
    log: str | os.PathLike[str] | None,
) -> list[str]:
    options = ["--port", str(port)]
    for model in models:
        file = Path(model).expanduser().resolve()
        if not file.is_file():
            raise LaunchError(f"There is no model file {file}.")
        options += ["--model", str(file)]
    if scripted:
        options.append("--scripted")
    if idle_timeout is not None:
        options += ["--idle-timeout", str(idle_timeout)]
    if log is not None:
        options += ["--log", str(Path(log).expanduser().resolve())]
    return options


def _popen(options: list[str], token: str | None = None, **how: Any) -> subprocess.Popen[str]:
    # In a group of its own: Jupyter interrupts a kernel with its whole group, and a terminal does the same.
    apart: dict[str, Any] = {"start_new_session": True}
    if sys.platform == "win32":
        apart = {"creationflags": subprocess.CREATE_NO_WINDOW | subprocess.CREATE_NEW_PROCESS_GROUP}
    command = [sys.executable, "-m", "lmnb.server", *options]
    env = {name: value for name, value in os.environ.items() if name != tokens.VARIABLE}
    if token is not None:
        env[tokens.VARIABLE] = token
    return subprocess.Popen(  # noqa: S603  our own
        command, cwd=HOME, env=env, stdout=subprocess.PIPE, text=True, encoding="utf-8", **apart, **how
    )


def _ready(process: subprocess.Popen[str], log: str | os.PathLike[str] | None) -> dict[str, int]:
    """What a server says when it listens."""
    assert process.stdout is not None
    with process.stdout as stream:
        line = _first_line(stream, process)
    try:
        said: dict[str, Any] = json.loads(line)
        if "port" in said:
            return said
        error = str(said["error"])
    except _NONSENSE:
        where = f"; see {log}" if log is not None else ""  # otherwise it said it where this process's errors go
        error = f"lmnb's own server did not start (exit code {_end(process)}){where}."
    _end(process)
    raise LaunchError(error)


def _end(process: subprocess.Popen[str]) -> int:
    """The exit code of a process that has ended or is about to; it is killed where that was a mistake."""
    if process.stdin:
        process.stdin.close()
    try:
        return process.wait(5)
    except subprocess.TimeoutExpired:
        process.kill()
        return process.wait()


def _first_line(stream: IO[str], process: subprocess.Popen[str]) -> str:
    watchdog = threading.Timer(START_TIME, process.kill)  # a pipe cannot be read with a timeout on Windows
    watchdog.start()
    try:
        return stream.readline()
    finally:
        watchdog.cancel()


def _find() -> SharedServer | None:
    try:
        noted = json.loads(note_file().read_text())
        shared = SharedServer(str(noted["host"]), int(noted["pid"]))
    except (OSError, *_NONSENSE):
        return None
    # Another program may have got its port since: only the process that is meant says its number.
    return shared if _greeting(shared.host) == shared.pid else None


def _greeting(host: str) -> int | None:
    """The process id of lmnb's server at this address."""
    greeting = _greeting_of(host)
    return None if greeting is None else _pid(greeting)


def _greeting_of(host: str) -> dict[str, Any] | None:
    """What a server says that speaks LM Studio's protocol; None where there is none."""
    try:
        with closing(http.client.HTTPConnection(host, timeout=1.0)) as connection:
            connection.request("GET", "/lmstudio-greeting")
            said = json.loads(connection.getresponse().read(MOST_SAID))
    except (OSError, http.client.HTTPException, *_NONSENSE):
        return None
    return said if isinstance(said, dict) and said.get("lmstudio") is True else None


def _pid(greeting: dict[str, Any]) -> int | None:
    try:
        return int(greeting["lmnb"]["pid"])
    except _NONSENSE:
        return None


def _write_note(shared: SharedServer) -> None:
    fresh = note_file().with_suffix(".new")
    fresh.write_text(json.dumps({"host": shared.host, "pid": shared.pid}))
    fresh.replace(note_file())
