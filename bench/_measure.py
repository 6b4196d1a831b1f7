"""One measurement: a design streams a text into a page, and what that cost is counted on both sides."""

from __future__ import annotations

import json
import tempfile
import time
from bisect import bisect_left
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from playwright.sync_api import sync_playwright

from bench._texts import SIZE, bare, fragments, letters, text
from lmnb.server import launch
from tests.browser.harness import WIDGET, Notebook
from tests.browser.machinery import JupyterServer, Trap
from tests.browser.machinery import launch as launch_browser

if TYPE_CHECKING:
    from collections.abc import Iterator

    from playwright.sync_api import Browser, CDPSession

ROOT = Path(__file__).parent.parent
PROBE = Path(__file__).with_name("_probe.js")
STREAMING = frozenset({"comm_msg", "stream", "display_data", "update_display_data"})
"""Types of the messages that bring text; the others come with every cell."""

WINDOW = 2.0
"""Seconds over which the rate of messages is looked at."""

MOUNT = 0.3
"""Seconds between showing a widget and its first fragment."""

OUTPUT = ".jp-OutputArea"
PLACES = {"ours": ".lmnb-prose"}
"""Where in a cell the last words will stand."""

PLAIN = frozenset({"floor", "print", "trait"})
"""Designs that show the text as it is written."""


@dataclass(frozen=True)
class Point:
    """What is streamed: a kind of text, so many fragments, so many a second."""

    kind: str = "mixed"
    count: int = 2_000
    rate: int = 500

    @property
    def seconds(self) -> float:
        """How long the source takes."""
        return self.count / self.rate


@dataclass
class Sample:
    """What one run has cost; the source and the idle page are still in it.

    Attributes:
        bytes: All that arrived on the websocket.
        messages: Those that brought text.
        worst: Messages a second in the worst two seconds.
        cpu: The kernel's CPU time per fragment, microseconds.
        busy: The page's main thread, milliseconds that its tasks took.
        used: The same, milliseconds that it had a processor: on a machine that does other things, the steadier number.
        wall: From the beginning to the last words, seconds.
        longest: Of the long tasks, milliseconds.
        over50, over100: So many tasks were longer.
        lag: From handing over the last fragment to its painting, milliseconds; None: it was not painted in time.
        lost: Letters that were not on the page at the end.
        append: What a fragment costs the thread that hands it over, microseconds.
        settling: Bytes, milliseconds and the longest task of putting the saved form in place.
    """

    bytes: int
    messages: int
    worst: float
    cpu: float
    busy: float
    used: float
    wall: float
    longest: float
    over50: int
    over100: int
    lag: float | None
    lost: int
    append: float = 0.0
    settling: tuple[int, float, float] = (0, 0.0, 0.0)


def worst_rate(times: list[float], window: float = WINDOW) -> float:
    """Events a second in the worst window."""
    times = sorted(times)
    return max((bisect_left(times, at + window) - i for i, at in enumerate(times)), default=0) / window


class Bench:
    """A JupyterLab with a page and a kernel, made anew after a run that did not come to its end."""

    def __init__(self, browser: Browser, server: JupyterServer) -> None:
        self._browser, self._server = browser, server
        self._pages = 0
        self.notebook: Notebook | None = None

    def page(self) -> Notebook:
        """The page, its last cell ready to measure in."""
        if self.notebook is None:
            self._pages += 1
            self._server.write(name := f"bench-{self._pages}.ipynb", ["%load_ext lmnb\nfrom bench import _kernel", ""])
            self.notebook = Notebook(self._browser, self._server)
            self.notebook.context.add_init_script(path=PROBE)
            self.notebook.open(name)
            self._cdp: CDPSession = self.notebook.context.new_cdp_session(self.notebook.page)
            self._cdp.send("Performance.enable")
            self.notebook.run(0)
            for design in ("ours", "floor"):  # what is loaded once per page is not measured
                self.run(design, Point("mixed", 200, 500))
        return self.notebook

    def discard(self) -> None:
        """Close the page and end its kernel."""
        if self.notebook is not None:
            self.notebook.js("await panel.sessionContext.shutdown()")
            self.notebook.close()
            self.notebook = None

    def start(self, source: str) -> None:
        """Run a source in the last cell, and do not wait."""
        notebook = self.page()
        notebook.js("cells[1].model.sharedModel.setSource(args[0])", source)
        notebook.start(1)

    def run(self, design: str, point: Point, *, patience: float = 6.0) -> Sample:
        """Measure once. `patience`: seconds after the last fragment in which it must be painted."""
        source = f"await _kernel.run({design!r}, {point.kind!r}, {point.count}, {point.rate})"
        sample = self._measure(source, design, point, patience)
        if design != "idle" and sample.lag is None:
            self.discard()
        elif design != "chat":
            sample.settling = self._close()
        return sample

    def chat(self, point: Point, *, patience: float = 6.0) -> Sample:
        """Measure a `%%chat` cell: with the SDK, a websocket, a server whose model is scripted, and the settling."""
        self.page().python("_kernel.mark()")
        return self._measure(_cell(point), "chat", point, patience)

    def _measure(self, source: str, design: str, point: Point, patience: float) -> Sample:
        notebook = self.page()
        self._begin(max(0.0, point.seconds - 0.3), PLACES.get(design, OUTPUT))
        before, began = self._busy(), time.time()
        self.start(source)
        # No look into the page before the end can have come: each would be counted.
        notebook.page.wait_for_timeout((MOUNT + point.seconds) * 1_000)
        painted = self._painted(patience) if design != "idle" else None
        busy, used = (after - then for after, then in zip(self._busy(), before, strict=True))
        wall = time.time() - began
        kernel = json.loads(notebook.python(f"_kernel.result({design == 'chat'})"))
        found = notebook.page.evaluate("__probe.end()")
        shown = bare(notebook.page.evaluate("__probe.shown()"))
        return _sample(design, point, kernel, found, painted, busy=busy, used=used, wall=wall, shown=shown)

    def _begin(self, after: float, place: str) -> None:
        self._cdp.send("HeapProfiler.collectGarbage")
        self.page().page.evaluate("([after, place]) => __probe.begin(after, place)", [after * 1_000, place])

    def _busy(self) -> tuple[float, float]:
        """Milliseconds that the page's main thread was busy, and that it had a processor."""
        metrics = self._cdp.send("Performance.getMetrics")["metrics"]
        found = {metric["name"]: float(metric["value"]) * 1_000 for metric in metrics}
        return found["TaskDuration"], found["ThreadTime"]

    def _painted(self, patience: float) -> float | None:
        wait = "s => Promise.race([__probe.painted, new Promise(done => setTimeout(done, s * 1e3, null))])"
        painted: float | None = self.page().page.evaluate(wait, patience)
        return None if painted is None else painted / 1_000

    def _close(self) -> tuple[int, float, float]:
        notebook = self.page()
        self._begin(3_600, OUTPUT)
        seconds = float(notebook.python("await _kernel.close()"))
        notebook.page.wait_for_timeout(50)
        found = notebook.page.evaluate("__probe.end()")
        size = sum(size for _, size, kind, _ in found["frames"] if kind == "comm_msg")
        return size, seconds * 1_000, max(found["long"], default=0.0)

    # -- faults -----------------------------------------------------------------------------------------------------

    def flood(self, point: Point, more: float = 1.0) -> dict[str, Any]:
        """Run `%%chat` while another thread prints 2 MB/s, to `more` seconds after its end, and read the saved form."""
        notebook = self.page()
        notebook.python(f"_kernel.flood({point.seconds + more})")
        began = time.monotonic()
        self.start(_cell(point))
        notebook.page.wait_for_timeout(point.seconds * 1_000)
        wanted = text(point.kind, point.count)
        saved = ""
        while saved != wanted and time.monotonic() < began + point.seconds + more + 10:
            notebook.page.wait_for_timeout(100)
            saved = next((plain for plain in self._saved() if plain), "")
        seconds = time.monotonic() - began - point.seconds
        printed = int(notebook.python("print(_kernel._flood['characters'])").split()[0])
        drops = self._server.log.read_text(errors="replace").count("rate exceeded")
        self.discard()
        return {
            "printed": printed,
            "drops": drops,
            "seconds": seconds,
            "lost": 0 if saved == wanted else max(1, len(wanted) - len(saved)),
        }

    def _saved(self) -> list[str]:
        """The answers of the last cell that stand in their saved form, as the model wrote them."""
        outputs = self.page().outputs(1)
        static = [o for o in outputs if "lmnb" in o.get("metadata", {}) and WIDGET not in o.get("data", {})]
        return ["".join(part["text"] for part in o["metadata"]["lmnb"]["turn"]["parts"]) for o in static]

    def reload(self, point: Point) -> dict[str, Any]:
        """Reload the page in mid-stream: what is lost, and how long after the end it stands."""
        notebook = self.page()
        self.start(f"await _kernel.run('ours', {point.kind!r}, {point.count}, {point.rate})")
        notebook.page.wait_for_timeout(point.seconds * 300)
        notebook.saved()
        notebook.open(notebook.name, kernel=False)
        notebook.page.evaluate("place => __probe.begin(0, place)", PLACES["ours"])
        painted = self._painted(point.seconds + 10)
        shown, expected = bare(notebook.page.evaluate("__probe.shown()")), letters(text(point.kind, point.count))
        lost = 0 if shown == expected else max(1, len(expected) - len(shown))
        kernel = json.loads(notebook.python("_kernel.result()"))
        self.discard()
        return {"lost": lost, "lag": None if painted is None else (painted - kernel["last"]) * 1_000}


def _cell(point: Point) -> str:
    """A cell to which the scripted model answers with the text."""
    steps = [{"text": text(point.kind, point.count), "by": SIZE, "rate": point.rate}]
    return f"%%chat -m scripted\n{json.dumps(steps)}"


def _sample(
    design: str,
    point: Point,
    kernel: dict[str, float],
    found: dict[str, Any],
    painted: float | None,
    *,
    busy: float,
    used: float,
    wall: float,
    shown: str,
) -> Sample:
    until = max(painted or 0.0, kernel["last"]) + 0.15
    frames = [(sent / 1_000, size, kind) for at, size, kind, sent in found["frames"] if at / 1_000 < until]
    streamed = [sent for sent, _, kind in frames if kind in STREAMING]
    whole = text(point.kind, point.count)
    expected = bare(whole) if design in PLAIN else letters(whole)
    lost = 0 if design in ("idle", "chat") or shown == expected else max(1, len(expected) - len(shown))
    return Sample(
        bytes=sum(size for _, size, _ in frames),
        messages=len(streamed),
        worst=worst_rate(streamed),
        cpu=kernel["cpu"] / len(fragments(point.kind, point.count)) * 1e6,
        busy=busy,
        used=used,
        wall=wall,
        longest=max(found["long"], default=0.0),
        over50=len(found["long"]),
        over100=sum(task > 100 for task in found["long"]),
        lag=None if painted is None else (painted - kernel["last"]) * 1_000,
        lost=lost,
        append=kernel.get("append", 0.0),
    )


@contextmanager
def bench() -> Iterator[Bench]:
    """Everything that is needed, and its end."""
    with (
        tempfile.TemporaryDirectory() as folder,
        launch.start_server(scripted=True) as scripted,
        sync_playwright() as playwright,
    ):
        server = JupyterServer(Path(folder), LMSTUDIO_API_HOST=scripted.host, PYTHONPATH=str(ROOT))
        trap = Trap()
        try:
            browser = launch_browser(playwright, server, trap)
            yield Bench(browser, server)
            browser.close()
        finally:
            server.stop()
            trap.close()
