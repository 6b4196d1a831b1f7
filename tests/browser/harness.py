"""A notebook open in JupyterLab or Notebook 7 that a test drives as a person would, and looks at."""

from __future__ import annotations

import os
import re
import signal
import time
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

import nbformat

if TYPE_CHECKING:
    from collections.abc import Callable

    from playwright.sync_api import Browser, ConsoleMessage, Locator, Page, Request

    from tests.browser.machinery import JupyterServer

UI = Literal["lab", "notebook"]
SHOTS = Path(__file__).parent / "shots"

HOSTS_OWN = re.compile(r"/static/notebook/\w+\.woff|reading 'schema'|'filebrowser:open-path' not registered")
"""What Notebook 7 complains of by itself: its fonts are forbidden to it, its start looks for things of JupyterLab's."""

WIDGET = "application/vnd.jupyter.widget-view+json"


class Notebook:
    """A notebook open in a page: its cells are run as a person would, its outputs asked of the document.

    Attributes:
        requests: Addresses other than the server's that the page asked for; a test expects none.
        complaints: Errors and uncaught exceptions of the page's console.
    """

    def __init__(self, browser: Browser, server: JupyterServer, ui: UI = "lab", **context: Any) -> None:
        self.server, self.ui = server, ui
        self.context = browser.new_context(viewport={"width": 1200, "height": 900}, **context)
        self.page: Page = self.context.new_page()
        self.page.set_default_timeout(10_000)
        self.name = ""
        self.requests: list[str] = []
        self.complaints: list[str] = []
        self.watch(self.page)

    def watch(self, page: Page) -> None:
        """Keep what a page asks for and complains of."""
        page.on("request", self._asked)
        page.on("websocket", lambda socket: self._note(socket.url))
        page.on("console", self._said)
        page.on("pageerror", lambda error: self._complained(str(error)))

    def _asked(self, request: Request) -> None:
        self._note(request.url)

    def _note(self, url: str) -> None:
        own = f"//127.0.0.1:{self.server.port}/"
        if not url.startswith(("data:", "blob:", "about:")) and own not in url[: len(own) + 6]:
            self.requests.append(url)

    def _said(self, message: ConsoleMessage) -> None:
        if message.type == "error":
            self._complained(f"{message.text} ({message.location.get('url', '')})")

    def _complained(self, text: str) -> None:
        if not HOSTS_OWN.search(text):
            self.complaints.append(text)

    # -- opening, running -------------------------------------------------------------------------------------------

    def open(self, name: str, *, kernel: bool = True) -> None:
        """Open a notebook, or open it again; `kernel`: wait until its kernel is idle."""
        self.name = name
        place = f"lab/tree/{name}?reset&" if self.ui == "lab" else f"notebooks/{name}?"
        self.page.goto(f"{self.server.base}/{place}token={self.server.token}")
        self.page.wait_for_selector(".jp-Notebook .jp-CodeCell", timeout=60_000)
        # JupyterLab makes cells whenever it has time.
        there = "return panel.context.isReady && cells.length === panel.content.model.cells.length"
        self.until(lambda: self.js(there), "all cells", timeout=60)
        if kernel:
            self.idle()

    def close(self) -> None:
        """Close the page."""
        self.context.close()

    def js(self, body: str, *arguments: Any) -> Any:
        """The value of a JavaScript function body with `panel` (the open notebook), `cells` and `args`."""
        lines = "const panel=window.jupyterapp.shell.currentWidget, cells=panel.content.widgets;"
        return self.page.evaluate(f"async(args)=>{{{lines}{body}}}", list(arguments))

    def until(self, condition: Callable[[], Any], what: str = "a condition", timeout: float = 20) -> Any:
        """Wait until a condition holds and return its value.

        Raises:
            TimeoutError: It did not.
        """
        end = time.monotonic() + timeout
        while not (value := condition()):
            if time.monotonic() > end:
                raise TimeoutError(f"Waited {timeout} s in vain for {what}. {self.complaints[-3:]}")
            self.page.wait_for_timeout(20)
        return value

    def idle(self, timeout: float = 60) -> None:
        """Wait until the kernel is connected and idle."""
        self.until(lambda: self.kernel_state() == ["idle", "connected"], "an idle kernel", timeout)

    def kernel_state(self) -> list[str]:
        """The kernel's status and its connection's, as the page knows them."""
        state: list[str] = self.js(
            "const k=panel?.sessionContext?.session?.kernel; return k?[k.status,k.connectionStatus]:[]"
        )
        return state

    def append(self, source: str) -> int:
        """Add a code cell at the end and return its index."""
        index: int = self.js(
            "const m=panel.content.model.sharedModel; m.insertCell(m.cells.length,{cell_type:'code',source:args[0]});"
            "return m.cells.length-1",
            source,
        )
        return index

    def start(self, index: int) -> None:
        """Run a cell and do not wait."""
        self.js(
            "panel.content.activeCellIndex=args[0]; void window.jupyterapp.commands.execute('notebook:run-cell')", index
        )

    def ended(self, index: int) -> bool:
        """Whether a cell has run to its end."""
        return bool(
            self.js("const m=cells[args[0]].model; return m.executionCount!==null&&m.executionState==='idle'", index)
        )

    def finish(self, index: int, timeout: float = 30) -> None:
        """Wait until a cell has run to its end."""
        self.until(lambda: self.ended(index), f"the end of cell {index}", timeout)

    def run(self, index: int, timeout: float = 30) -> None:
        """Run a cell and wait for its end."""
        self.start(index)
        self.finish(index, timeout)

    def ask(self, source: str) -> int:
        """Add a cell, start it, and return its index."""
        index = self.append(source)
        self.start(index)
        return index

    def command(self, name: str, **arguments: Any) -> None:
        """Run a command of the application."""
        self.js("await window.jupyterapp.commands.execute(args[0],args[1])", name, arguments)

    def interrupt(self) -> None:
        """Press ■."""
        self.js("await panel.sessionContext.session.kernel.interrupt()")

    def restart(self) -> None:
        """Restart the kernel."""
        self.js("await panel.sessionContext.session.kernel.restart()")

    def kill_kernel(self) -> None:
        """End the kernel's process as the system does when memory runs out."""
        kernel = self.js("return panel.sessionContext.session.kernel.id")
        os.kill(self.server.kernel_pid(kernel), signal.SIGKILL)

    def python(self, code: str) -> str:
        """What code prints in the kernel, run beside the notebook."""
        printed: str = self.js(
            "const k=panel.sessionContext.session.kernel; let out='';"
            "const f=k.requestExecute({code:args[0],silent:false,store_history:false});"
            "f.onIOPub=m=>{if(m.header.msg_type==='stream')out+=m.content.text;"
            "if(m.header.msg_type==='error')out+=m.content.traceback.join('\\n')};"
            "await f.done; return out",
            code,
        )
        return printed

    def quiet(self) -> None:
        """Interrupt what still runs. The kernel's status would not tell: it is idle after each message of a view."""
        running = "return cells.some(cell=>cell.model.executionState==='running')"
        if self.js(running):
            self.interrupt()
            self.until(lambda: not self.js(running), "an end of what runs")

    def clear(self) -> None:
        """Take all cells away but the first, which loads the extension."""
        self.js("const m=panel.content.model.sharedModel; m.deleteCellRange(1, m.cells.length)")

    # -- looking ----------------------------------------------------------------------------------------------------

    def outputs(self, index: int) -> list[dict[str, Any]]:
        """A cell's outputs as the document has them."""
        found: list[dict[str, Any]] = self.js("return cells[args[0]]?.model.outputs.toJSON()??[]", index)
        return found

    def settled(self, index: int) -> bool:
        """Whether an answer stands in its static form."""
        return any("lmnb" in o.get("metadata", {}) and WIDGET not in o.get("data", {}) for o in self.outputs(index))

    def shows(self, index: int, text: str, timeout: float = 20) -> None:
        """Wait until a cell's output shows some text."""
        self.until(lambda: text in self.text(index), f"{text!r} in cell {index}: {self.text(index)[:300]!r}", timeout)

    def cell(self, index: int) -> Locator:
        """A cell's element."""
        return self.page.locator(".jp-WindowedPanel-outer .jp-Cell").nth(index)

    def text(self, index: int) -> str:
        """What a cell's outputs read, without their prompts; "" while the cell is not there yet."""
        parts = "cells[args[0]]?.outputArea.node.querySelectorAll('.jp-OutputArea-output')??[]"
        return str(self.js(f"return [...({parts})].map(part=>part.innerText).join('\\n')", index))

    def box(self, index: int) -> dict[str, float]:
        """Where a cell's output area is and how big, in CSS pixels, and how far the notebook is scrolled."""
        rectangle: dict[str, float] = self.js(
            "const r=cells[args[0]].outputArea.node.getBoundingClientRect();"
            "return {top:r.top,height:r.height,scroll:(panel.content.outerNode??panel.content.node).scrollTop}",
            index,
        )
        return rectangle

    def saved(self) -> Any:
        """Save, and read the file."""
        self.js("await panel.context.save()")
        return nbformat.read(self.server.notebooks / self.name, as_version=4)

    def theme(self, theme: Literal["light", "dark"]) -> None:
        """Change the colours of the whole application."""
        self.command("apputils:change-theme", theme=f"JupyterLab {theme.title()}")
        light = "true" if theme == "light" else "false"
        self.page.wait_for_selector(f"body[data-jp-theme-light={light}]", state="attached")

    def shot(self, name: str, index: int | None = None) -> Path:
        """Take a picture of the page, or of one cell, into `shots/`."""
        SHOTS.mkdir(exist_ok=True)
        path = SHOTS / f"{self.ui}-{name}.png"
        if index is None:
            self.page.screenshot(path=path)
        else:
            self.js("cells[args[0]].node.scrollIntoView({block:'nearest'})", index)
            self.page.locator(".jp-Cell").nth(index).screenshot(path=path)
        return path
