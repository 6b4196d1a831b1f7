"""How long it takes to stop: Stop in the view, and the interrupt of the toolbar, in every phase of an answer.

A real kernel, a server with a scripted model, the SDK between them, and a page that is not there: between the press and
what is waited for nothing else is sent to the kernel, as a message would wake a sleeping loop. Each press comes at a
random moment of its phase. In the same run, for comparison: interrupting a cell that blocks in `time.sleep`, the floor,
and one that awaits `asyncio.sleep`, which ipykernel cancels but does not wake.
"""

from __future__ import annotations

import argparse
import json
import random
import sys
import tempfile
import time
from pathlib import Path
from typing import TYPE_CHECKING, Any

from bench._report import Check, median, p95, print_checks, table, write
from lmnb.server import launch
from tests.kernel.harness import RealKernel
from tests.studio.conftest import Peek

if TYPE_CHECKING:
    from collections.abc import Iterator

    from tests.kernel.page import Run

WORDS = "word " * 2_000
PHASES: dict[str, tuple[str, list[dict[str, Any]]]] = {
    "loading": ("scripted-slow", [{"text": "Loaded."}]),
    "reading": ("scripted", [{"progress": [step / 100 for step in range(100)], "each": 0.1}, {"text": "Read."}]),
    "thinking": ("scripted", [{"reasoning": WORDS, "rate": 200}]),
    "writing": ("scripted", [{"text": WORDS, "rate": 200}]),
    "finishing": ("scripted", [{"sleep": 0.3}, {"text": "Done."}]),
}
"""The model and the script with which a cell stays in a phase for some seconds."""

LIMIT = 200


class Bench:
    """A kernel with lmnb loaded, and a look into its server."""

    def __init__(self, kernel: RealKernel, peek: Peek) -> None:
        self._kernel, self._peek = kernel, peek
        kernel.run("%load_ext lmnb\nimport asyncio, time")

    def enter(self, phase: str) -> Run:
        """Start a cell and wait until it is somewhere in a phase."""
        model, steps = PHASES[phase]
        # A page that does not say that it has settled keeps the cell in its last phase.
        self._kernel.front.settles = phase != "finishing"
        before = len(self._kernel.front.models)
        run = self._kernel.start(f"%%chat -m {model}\n{json.dumps(steps)}", cell="bench")

        def there() -> bool:
            views = [view for view in list(self._kernel.front.models.values())[before:] if view.shown]
            return any("settle" in v.kinds() if phase == "finishing" else v.status == phase for v in views)

        self._kernel.until(there, 20, phase)
        self.wait(random.uniform(0.05, 0.25))
        return run

    def wait(self, seconds: float) -> None:
        """Listen for a while and send nothing."""
        end = time.monotonic() + seconds
        self._kernel.until(lambda: time.monotonic() > end, seconds + 1)

    def interrupt(self, run: Run, patience: float = 20) -> float:
        """Milliseconds from the interrupt to the cell's error line."""
        began = time.perf_counter()
        self._kernel.interrupt()
        self._kernel.until(lambda: run.errors, patience, f"the error line of {run.code[:40]!r}")
        took = time.perf_counter() - began
        self._kernel.front.settles = True
        self._kernel.finish(run)
        return took * 1_000

    def interrupted(self, phase: str) -> tuple[float, float]:
        """Milliseconds from the interrupt to the error line, and until nobody works for the cell any more."""
        run = self.enter(phase)
        began = time.perf_counter()
        line = self.interrupt(run)
        self._until_idle()
        return line, (time.perf_counter() - began) * 1_000

    def stopped(self, phase: str) -> float:
        """Milliseconds from the message of the Stop button to the moment in which the server's slot is free."""
        run = self.enter(phase)
        assert self._peek.status() != "idle"
        began = time.perf_counter()
        self._kernel.front.say(self._kernel.front.view, kind="stop")
        self._until_idle()
        took = time.perf_counter() - began
        self._kernel.finish(run)
        assert run.status == "ok", run.errors
        return took * 1_000

    def answered(self) -> float:
        """Milliseconds from the message of the Stop button to the view's being told that the answer is stopped."""
        run = self.enter("writing")
        view = self._kernel.front.view
        began = time.perf_counter()
        self._kernel.front.say(view, kind="stop")
        self._kernel.until(lambda: view.status == "stopped", 10, "the state `stopped`")
        took = time.perf_counter() - began
        self._kernel.finish(run)
        return took * 1_000

    def plain(self, code: str) -> float:
        """Milliseconds from the interrupt of any other cell to its error line."""
        run = self._kernel.start(code)
        self.wait(random.uniform(0.15, 0.35))
        return self.interrupt(run)

    def look(self) -> float:
        """Milliseconds of a look into the server, which are in every number that needs one."""
        began = time.perf_counter()
        self._peek.status()
        return (time.perf_counter() - began) * 1_000

    def _until_idle(self) -> None:
        assert self._peek.wait(lambda: self._peek.status() in ("idle", None), 10), self._peek.status()


def measure(bench: Bench, runs: int) -> dict[str, list[float]]:
    """Everything, in rounds, so that a busy moment of the machine hits all alike."""
    found: dict[str, list[float]] = {}

    def note(name: str, value: float) -> None:
        found.setdefault(name, []).append(value)

    for number in range(runs):
        note("a look into the server", bench.look())
        note("interrupt, a cell in time.sleep", bench.plain("time.sleep(30)"))
        if number < 3:
            note("interrupt, a cell awaiting asyncio.sleep(4)", bench.plain("await asyncio.sleep(4)"))
        for phase in ("reading", "thinking", "writing"):
            note(f"Stop to free slot, {phase}", bench.stopped(phase))
        note("Stop to the view's being told, writing", bench.answered())
        for phase in PHASES:
            line, free = bench.interrupted(phase)
            note(f"interrupt to error line, {phase}", line)
            note(f"interrupt to nobody working, {phase}", free)
        print(f"round {number + 1} of {runs}", flush=True)
    return found


def rows(found: dict[str, list[float]]) -> Iterator[list[str]]:
    """A row for each thing that was timed."""
    floor = median(found["interrupt, a cell in time.sleep"])
    for name, times in sorted(found.items()):
        ratio = f"{median(times) / floor:.1f}" if name.startswith("interrupt") else "–"
        yield [name, f"{median(times):.1f}", f"{p95(times):.1f}", f"{max(times):.1f}", ratio, str(len(times))]


def checks(found: dict[str, list[float]]) -> Iterator[Check]:
    """What has a limit: the slowest of all."""
    for name, times in found.items():
        if name.startswith(("Stop to free slot", "interrupt to error line")):
            yield Check(f"{name}, slowest", max(times), LIMIT, "ms")
    yield Check(
        "Stop to the view's being told, slowest", max(found["Stop to the view's being told, writing"]), 100, "ms"
    )


def main() -> int:
    """Measure, print, and write where that is asked for."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--runs", type=int, default=20, help="presses in each phase (20)")
    parser.add_argument("--write", action="store_true", help="write the result to docs/benchmarks.md")
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder, launch.start_server(scripted=True) as server:
        kernel, peek = RealKernel(Path(folder), LMSTUDIO_API_HOST=server.host), Peek(server.host)
        try:
            kernel.subshells()
            found = measure(Bench(kernel, peek), options.runs)
        finally:
            peek.close()
            kernel.stop()
    text = table(["what", "median ms", "p95", "max", "× the floor", "runs"], list(rows(found)))
    print(text)
    said = ["The floor is the interrupt of a cell that blocks in `time.sleep`."]
    limits = list(checks(found))
    if options.write:
        write("stop", text, said, limits)
    return print_checks(limits)


if __name__ == "__main__":
    sys.exit(main())
