"""A real kernel without a browser: cells are sent to it, and what it says is sorted by the cell it belongs to."""

from __future__ import annotations

import os
import queue
import subprocess
import sys
import time
from contextlib import suppress
from typing import TYPE_CHECKING, Any

from jupyter_client.manager import KernelManager

from tests.kernel.page import WIDGET, FrontEnd, Message, Run, View

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path


def isolated(folder: Path, **more: str) -> dict[str, str]:
    """This process's environment with Jupyter's and IPython's folders under `folder` and no server to be found."""
    own = {name: value for name, value in os.environ.items() if not name.startswith(("LMSTUDIO_", "JUPYTER", "JPY"))}
    places = {
        "IPYTHONDIR": "ipython",
        "JUPYTER_CONFIG_DIR": "jupyter/config",
        "JUPYTER_DATA_DIR": "jupyter/data",
        "JUPYTER_RUNTIME_DIR": "jupyter/runtime",
        "JUPYTERLAB_SETTINGS_DIR": "lab/settings",
        "JUPYTERLAB_WORKSPACES_DIR": "lab/workspaces",
    }
    for place in places.values():
        (folder / place).mkdir(parents=True, exist_ok=True)
    return {**own, **{name: str(folder / place) for name, place in places.items()}, **more}


class RealKernel:
    """A kernel in a process of its own, and all that it says, sorted by the request it belongs to."""

    def __init__(self, folder: Path, *, python_path: Path | None = None, python: str = sys.executable, **env: str):
        whole = isolated(folder, **env)
        if python_path is not None:
            whole["PYTHONPATH"] = str(python_path)
        self.manager = KernelManager(kernel_name="python3")
        self.manager.kernel_spec.argv[0] = python
        self.manager.start_kernel(env=whole, cwd=str(folder))
        self.client = self.manager.client()
        self.client.start_channels()
        self.runs: dict[str, Run] = {}
        self.front = FrontEnd(self)
        try:
            self.client.wait_for_ready(timeout=60)
        except BaseException:
            self.stop()
            raise

    def stop(self) -> None:
        """End the kernel; nothing of it stays."""
        self.client.stop_channels()
        self.manager.shutdown_kernel(now=True)

    def subshells(self) -> bool:
        """Open a subshell for comm messages, as JupyterLab does; False where the kernel knows none."""
        reply = self._ask(self.client.kernel_info, self.client.get_shell_msg)
        if "kernel subshells" not in reply.get("supported_features", ()):
            return False
        message = self.client.session.msg("create_subshell_request", {})
        made = self._ask(lambda: self.client.control_channel.send(message), self.client.get_control_msg)
        self.front.subshell = made["subshell_id"]
        return True

    def _ask(self, send: Callable[[], object], get: Callable[..., Message]) -> dict[str, Any]:
        send()
        content: dict[str, Any] = get(timeout=20)["content"]
        return content

    def send(self, kind: str, content: dict[str, Any], *, subshell: str | None = None, **metadata: Any) -> str:
        """Send a message on the shell channel and return its id."""
        message = self.client.session.msg(kind, content, metadata=metadata)
        if subshell is not None:
            message["header"]["subshell_id"] = subshell
        self.client.shell_channel.send(message)
        return str(message["header"]["msg_id"])

    def start(self, code: str, *, cell: str | None = None, watched: bool = True) -> Run:
        """Send a cell and do not wait for it. `watched`: somebody could answer `input()`, as in a browser."""
        content = {
            "code": code,
            "silent": False,
            "store_history": True,
            "user_expressions": {},
            "allow_stdin": watched,
            "stop_on_error": True,
        }
        run = Run(self.send("execute_request", content, **({"cellId": cell} if cell else {})), code)
        self.runs[run.id] = run
        return run

    def finish(self, run: Run, timeout: float = 30) -> Run:
        """Wait until a cell has ended and its view is quiet."""
        self.until(lambda: run.over, timeout, f"the end of {run.code!r}; so far {run.outputs}")
        return run

    def run(self, code: str, *, cell: str | None = None, watched: bool = True, timeout: float = 30) -> Run:
        """Run a cell and wait for its end."""
        return self.finish(self.start(code, cell=cell, watched=watched), timeout)

    def value(self, expression: str) -> Any:
        """The value of an expression in the kernel: something `repr` can carry."""
        import ast

        run = self.run(f"print(repr({expression}))", watched=False)
        assert run.status == "ok", run.errors
        return ast.literal_eval(run.printed)

    def writes(self, what: str, timeout: float = 20) -> View:
        """Wait until a view that is shown has `what` in its text, and return it."""
        self.until(lambda: any(v.shown and what in v.text for v in self.front.models.values()), timeout, repr(what))
        return next(v for v in reversed(self.front.models.values()) if v.shown and what in v.text)

    def until(self, condition: Callable[[], Any], timeout: float = 20, what: str = "a condition") -> None:
        """Take messages until a condition holds.

        Raises:
            TimeoutError: It did not in `timeout` seconds.
        """
        end = time.monotonic() + timeout
        while not condition():
            if time.monotonic() > end:
                raise TimeoutError(f"Waited {timeout} s in vain for {what}.")
            self._take()

    def _take(self) -> None:
        with suppress(queue.Empty):
            self._sort(self.client.get_iopub_msg(timeout=0.02))
        with suppress(queue.Empty):
            message = self.client.get_shell_msg(timeout=0)
            run = self.runs.get(message["parent_header"].get("msg_id"))
            if run is not None and message["msg_type"] == "execute_reply":
                run.reply = message

    def _sort(self, message: Message) -> None:
        run = self.runs.get(message["parent_header"].get("msg_id"))
        kind, content = message["msg_type"], message["content"]
        if kind == "update_display_data":
            self._update(content)
        elif run is not None and kind in ("stream", "display_data", "execute_result", "error"):
            run.outputs.append({"output_type": kind, **content})
        elif run is not None and kind == "status" and content["execution_state"] == "idle":
            run.idle, run.ended = True, time.monotonic()
        self.front.hear(message)

    def _update(self, content: dict[str, Any]) -> None:
        wanted = content["transient"]["display_id"]
        for run in self.runs.values():
            for output in run.outputs:
                if output.get("transient", {}).get("display_id") == wanted:
                    output |= {"data": content["data"], "metadata": content["metadata"]}

    def replace(self, model_id: str, bundle: dict[str, Any]) -> int:
        """Put a bundle in the place of every output that shows a model, and say how many there were."""
        found = [
            output
            for run in self.runs.values()
            for output in run.outputs
            if output.get("data", {}).get(WIDGET, {}).get("model_id") == model_id
        ]
        for output in found:
            output |= {"data": bundle["data"], "metadata": bundle["metadata"]}
        return len(found)

    def interrupt(self) -> None:
        """Press ■."""
        self.manager.interrupt_kernel()


def older_ipykernel(folder: Path, version: str = "6.31.0") -> Path:
    """Another ipykernel, to stand before this environment's own on PYTHONPATH; fetched once into `folder`."""
    place = folder / f"ipykernel-{version}"
    if not (place / "ipykernel").exists():
        packages = [f"ipykernel=={version}", "nest-asyncio"]
        tools = ([sys.executable, "-m", "pip", "install", "-q"], ["uv", "pip", "install", "-q"])
        wanted = ["--no-deps", "--target", str(place), *packages]
        codes = [_installed([*tool, *wanted]) for tool in tools if not (place / "ipykernel").exists()]
        assert 0 in codes, f"ipykernel {version} could not be fetched into {place}."
    return place


def _installed(command: list[str]) -> int:
    try:
        return subprocess.call(command)
    except FileNotFoundError:
        return 127
