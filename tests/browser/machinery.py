"""What the browser tests start: Jupyter's server, Chromium, and a trap for what wants to leave the machine."""

from __future__ import annotations

import ctypes
import os
import secrets
import signal
import socket
import subprocess
import sys
import threading
import time
import urllib.request
from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING, Any

import nbformat
from nbformat.v4 import new_code_cell, new_notebook

from tests.kernel.harness import isolated

if TYPE_CHECKING:
    from collections.abc import Iterable

    from playwright.sync_api import Browser

CHROMIUM = (
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-domain-reliability",
    "--disable-sync",
)


class Trap:
    """A proxy that lets nothing through and remembers what wanted to leave.

    Chromium is told to use it for every address but the Jupyter server's, loopback included; what a page's own
    request events do not show (prefetches, pings, WebSockets to elsewhere) ends here as well.
    """

    OWN = ("googleapis.com", "google.com", "gvt1.com")
    """Whom Chromium calls by itself, whatever it shows; nothing of ours or of a test's names them."""

    def __init__(self) -> None:
        self._requests: list[str] = []
        self._listener = socket.create_server(("127.0.0.1", 0))
        self.port: int = self._listener.getsockname()[1]
        threading.Thread(target=self._listen, daemon=True).start()

    def _listen(self) -> None:
        with suppress(OSError):  # closed
            while True:
                connection, _ = self._listener.accept()
                with connection, suppress(OSError):
                    connection.settimeout(2)
                    self._requests.append(connection.recv(300).split(b"\r\n")[0].decode("latin-1"))

    def caught(self) -> list[str]:
        """First lines of what wanted to leave, Chromium's own calls left out."""
        return [line for line in self._requests if not any(host in line for host in self.OWN)]

    def close(self) -> None:
        """Stop listening."""
        self._listener.close()


class JupyterServer:
    """`jupyter lab` with Notebook 7 beside it, its folders under `folder`, gone with this process whatever happens."""

    def __init__(self, folder: Path, **env: str) -> None:
        self.notebooks = folder / "notebooks"
        self.notebooks.mkdir()
        self.log = folder / "server.log"
        self.token = secrets.token_hex(8)
        with socket.create_server(("127.0.0.1", 0)) as free:
            self.port: int = free.getsockname()[1]
        self.base = f"http://127.0.0.1:{self.port}"
        env = isolated(folder, **env)
        self.data = Path(env["JUPYTER_DATA_DIR"])
        settings = Path(env["JUPYTERLAB_SETTINGS_DIR"]) / "@jupyterlab" / "apputils-extension"
        settings.mkdir(parents=True)
        # Else it asks whether it may fetch news, in a box that lies over the cells.
        (settings / "notification.jupyterlab-settings").write_text('{"fetchNews": "false"}')
        options = {
            "ServerApp.port": self.port,
            "ServerApp.port_retries": 0,
            "ServerApp.open_browser": False,
            "ServerApp.allow_root": True,
            "ServerApp.root_dir": self.notebooks,
            "IdentityProvider.token": self.token,
            "LabApp.expose_app_in_browser": True,
            "JupyterNotebookApp.expose_app_in_browser": True,
            "LabApp.news_url": "",
            "LabApp.check_for_updates_class": "jupyterlab.NeverCheckForUpdate",
        }
        with self.log.open("wb") as log:
            self.process = subprocess.Popen(
                [sys.executable, "-m", "jupyterlab", *(f"--{name}={value}" for name, value in options.items())],
                env=env,
                cwd=folder,
                stdout=log,
                stderr=log,
                preexec_fn=_end_with_parent if sys.platform == "linux" else None,  # noqa: PLW1509 - calls C only
            )
        self._wait()

    def _wait(self) -> None:
        end = time.monotonic() + 60
        while time.monotonic() < end and self.process.poll() is None:
            with suppress(OSError), urllib.request.urlopen(f"{self.base}/api/status?token={self.token}", timeout=2):
                return
            time.sleep(0.1)
        self.stop()
        raise RuntimeError(f"Jupyter did not start; its log ends with:\n{self.log.read_text()[-2000:]}")

    def stop(self) -> None:
        """End the server and, through it, its kernels."""
        self.process.terminate()
        try:
            self.process.wait(10)
        except subprocess.TimeoutExpired:
            self.process.kill()
            self.process.wait()

    def write(self, name: str, cells: Iterable[Any], **metadata: Any) -> Path:
        """Write a notebook of code cells (or ready-made ones) where the server finds it."""
        made = [new_code_cell(cell) if isinstance(cell, str) else cell for cell in cells]
        kernel = {"name": "python3", "display_name": "Python 3", "language": "python"}
        nbformat.write(
            new_notebook(cells=made, metadata={"kernelspec": kernel, **metadata}), path := self.notebooks / name
        )
        return path

    def kernel_pid(self, kernel_id: str) -> int:
        """The process of a kernel."""
        import psutil

        children = psutil.Process(self.process.pid).children(recursive=True)
        return next(child.pid for child in children if any(kernel_id in word for word in child.cmdline()))


def _end_with_parent() -> None:
    # PR_SET_PDEATHSIG: a test run that is killed leaves no server behind.
    ctypes.CDLL(None).prctl(1, signal.SIGTERM)


def launch(playwright: Any, server: JupyterServer, trap: Trap) -> Browser:
    """Start Chromium; what does not go to the server goes into the trap."""
    routes = (f"--proxy-server=127.0.0.1:{trap.port}", f"--proxy-bypass-list=<-loopback>;127.0.0.1:{server.port}")
    browser: Browser = playwright.chromium.launch(
        executable_path=os.environ.get("LMNB_CHROMIUM", "/usr/bin/chromium"), args=[*CHROMIUM, *routes]
    )
    return browser
