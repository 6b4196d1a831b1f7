"""What streaming an answer into a notebook costs, against the physical floor and the other ways of doing it.

In a real JupyterLab and Chromium, in one run; nothing is compared with numbers of another day. All designs get the same
fragments from the same thread of the kernel at the same rate:

  floor   what arrives in 33 ms is added to one text node by a minimal widget: the physical floor
  ours    the live view of a `%%chat` cell, fed with the events of its prediction
  print   `print(fragment, end="", flush=True)`
  update  `display(Markdown(text))`, updated with each fragment
  trait   a widget's trait that holds the whole text, set with each fragment, shown in a text node
  chat    `%%chat` itself: the SDK, a websocket and a server with a scripted model stand in front of the view

Kernel CPU is what is above the source alone, and browser time (the main thread's tasks) what is above an idle page in
which the source runs.
"""

from __future__ import annotations

import argparse
import statistics
import sys
import time
from collections import defaultdict
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from bench._measure import Bench, Point, Sample, bench
from bench._report import Check, median, p95, print_checks, table, write

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

KINDS = ("mixed", "code", "list", "table")
OTHERS = ("print", "update", "trait")
CORE = Point("mixed", 2_000, 500)
LONG = Point("mixed", 8_000, 500)

HOPELESS = {("update", count, rate) for count, rate in ((8_000, 500), (2_000, 2_000), (8_000, 2_000))} | {
    ("trait", count, rate) for count, rate in ((8_000, 500), (8_000, 2_000))
}
"""They are not done in time, and cost minutes; `--all` runs them."""

SLOW = {(2_000, 50), (8_000, 50)}
"""40 and 160 s for each design, and nothing is learnt that 500 fragments at 50/s do not say; `--all` runs them."""


@dataclass
class Results:
    """All samples, by design and point."""

    samples: dict[tuple[str, Point], list[Sample]] = field(default_factory=lambda: defaultdict(list))
    flood: dict[str, float] = field(default_factory=dict)
    reload: dict[str, float] = field(default_factory=dict)

    def of(self, design: str, point: Point) -> list[Sample]:
        return self.samples.get((design, point), [])

    def median(self, design: str, point: Point, value: Callable[[Sample], float]) -> float:
        """The median of what the samples cost; NaN where there are none."""
        return statistics.median([value(sample) for sample in self.of(design, point)] or [float("nan")])

    def idle(self, point: Point, value: Callable[[Sample], float]) -> float:
        """The same of the source alone, in whatever kind of text."""
        return self.median("idle", Point("mixed", point.count, point.rate), value)

    def cpu(self, design: str, point: Point) -> float:
        """The kernel's microseconds per fragment above the source."""
        return self.median(design, point, lambda s: s.cpu) - self.idle(point, lambda s: s.cpu)

    def busy(self, design: str, point: Point, value: Callable[[Sample], float] = lambda s: s.busy) -> float:
        """The page's milliseconds above the idle page, which is busy a little as well, also after the source's end."""
        more = self.median(design, point, lambda s: s.wall) - self.idle(point, lambda s: s.wall)
        idle = self.idle(point, value)
        rate = idle / self.idle(point, lambda s: s.wall)
        return self.median(design, point, value) - idle - max(0.0, more) * rate

    def used(self, design: str, point: Point) -> float:
        """The same as time of a processor, which other work on the machine does not stretch."""
        return self.busy(design, point, lambda s: s.used)

    def kilobytes(self, design: str, point: Point) -> float:
        """What crossed the websocket because of the design."""
        return (self.median(design, point, lambda s: s.bytes) - self.idle(point, lambda s: s.bytes)) / 1_000

    def lags(self, design: str, point: Point) -> list[float]:
        return [float("inf") if sample.lag is None else sample.lag for sample in self.of(design, point)]


def core(rounds: int) -> Iterator[tuple[str, Point]]:
    """What has limits, interleaved, so that a busy minute of the machine hits all alike."""
    for _ in range(rounds):
        yield "idle", CORE
        for kind in KINDS:
            yield "floor", Point(kind, CORE.count, CORE.rate)
            yield "ours", Point(kind, CORE.count, CORE.rate)
        yield "ours", LONG
    yield "idle", LONG


def others(everything: bool) -> Iterator[tuple[str, Point]]:
    """The sizes, rates and designs around it, once each."""
    yield "floor", LONG
    for kind in KINDS[1:]:
        yield "ours", Point(kind, LONG.count, LONG.rate)
    for rate in (50, 500, 2_000):
        for count in (500, 2_000, 8_000):
            point = Point("mixed", count, rate)
            if (count, rate) in SLOW and not everything:
                continue
            if point not in (CORE, LONG):
                yield from ((design, point) for design in ("idle", "floor", "ours"))
            yield from ((d, point) for d in OTHERS if everything or (d, count, rate) not in HOPELESS)


def measure(page: Bench, runs: list[tuple[str, Point]]) -> Results:
    """Run it all, with a line for each run."""
    results = Results()
    began = time.monotonic()
    for number, (design, point) in enumerate(runs, 1):
        sample = page.run(design, point)
        results.samples[design, point].append(sample)
        print(f"{time.monotonic() - began:5.0f} s  {number:>3}/{len(runs)}  {line(design, point, sample)}", flush=True)
    results.samples["chat", CORE].append(page.chat(CORE))
    results.flood = page.flood(Point("mixed", 3_000, 500))
    results.reload = page.reload(Point("mixed", 4_000, 500))
    print(f"{time.monotonic() - began:5.0f} s in all\n")
    return results


def line(design: str, point: Point, sample: Sample) -> str:
    """A run as it is told while the benchmark goes on."""
    lag = "not painted" if sample.lag is None else f"{sample.lag:.0f} ms"
    return (
        f"{design:6} {point.kind:5} {point.count:>5} at {point.rate:>4}/s  busy {sample.busy:6.0f} ms  "
        f"cpu {sample.cpu:4.0f} µs  lag {lag if design != 'idle' else '-'}"
    )


def rows(results: Results) -> Iterator[list[str]]:
    """The table: one row for each design and point."""
    order = ["floor", "ours", *OTHERS, "chat"]
    keys = [key for key in results.samples if key[0] != "idle"]
    for design, point in sorted(keys, key=lambda k: (KINDS.index(k[1].kind), k[1].rate, k[1].count, order.index(k[0]))):
        samples = results.of(design, point)
        cpu, busy, size = results.cpu(design, point), results.busy(design, point), results.kilobytes(design, point)
        lag, lost = p95(results.lags(design, point)), max(sample.lost for sample in samples)
        yield [
            design,
            point.kind,
            f"{point.count:,}",
            f"{point.rate:,}",
            f"{size:,.1f}",
            times(size, results.kilobytes("floor", point)),
            f"{results.median(design, point, lambda s: s.messages):,.0f}",
            f"{max(sample.worst for sample in samples):.1f}",
            f"{cpu:.0f}",
            times(cpu, results.cpu("floor", point)),
            f"{busy:,.0f}",
            times(busy, results.busy("floor", point)),
            times(results.used(design, point), results.used("floor", point)),
            f"{sum(s.over50 for s in samples)} / {sum(s.over100 for s in samples)}",
            f"{max(sample.longest for sample in samples):.0f}",
            "not painted" if lag == float("inf") else f"{lag:,.0f}",
            f"{lost:,}",
            str(len(samples)),
        ]


HEAD = [
    "design",
    "text",
    "fragments",
    "per s",
    "kB",
    "× floor",
    "messages",
    "per s in the worst 2 s",
    "kernel µs per fragment",
    "× floor",
    "browser ms",
    "× floor",
    "as CPU × floor",
    "tasks > 50 / > 100 ms",
    "longest ms",
    "last fragment to painted ms, p95",
    "letters lost",
    "runs",
]


def times(value: float, floor: float) -> str:
    """A ratio, as far as there is one."""
    return f"{value / floor:.2f}" if floor == floor and floor > 0 else "–"


def checks(results: Results) -> Iterator[Check]:
    """Each number of ours that has a limit."""
    ours = [(point, sample) for (name, point), found in results.samples.items() if name == "ours" for sample in found]
    for rate in (500, 2_000):
        short, long = (results.kilobytes("ours", Point("mixed", count, rate)) for count in (2_000, 8_000))
        yield Check(f"bytes of 8,000 fragments / of 2,000, at {rate:,}/s", long / short, 4.4, "×")
    share = results.kilobytes("ours", CORE) / results.kilobytes("print", CORE)
    yield Check("bytes / those of print, 2,000 at 500/s", share * 100, 12, "%")
    yield Check("messages a second in the worst 2 s, at any rate", max(s.worst for _, s in ours), 31, "/s")
    yield Check("handing over a fragment, at 500/s", results.median("ours", CORE, lambda s: s.append), 20, "µs")
    # The kernel does not read what it passes on: the four kinds of text are one sample, four times as large.
    source = results.idle(CORE, lambda s: s.cpu)
    used, floor = (
        median([s.cpu for kind in KINDS for s in results.of(name, Point(kind, CORE.count, CORE.rate))]) - source
        for name in ("ours", "floor")
    )
    yield Check("kernel CPU / floor, 2,000 at 500/s", used / floor, 1.5, "×")
    for kind in KINDS:
        point = Point(kind, CORE.count, CORE.rate)
        ratio = results.busy("ours", point) / results.busy("floor", point)
        limit = 1.5 if kind in ("mixed", "code") else 1.9
        yield Check(f"browser busy / floor, {kind}", ratio, limit, "×", goal=1.3)
        ratio = results.used("ours", point) / results.used("floor", point)
        yield Check(f"the same as processor time, {kind}", ratio, limit, "×", goal=1.3)
    yield Check("longest task of the page", max(s.longest for _, s in ours), 100, "ms")
    for name, cost in (
        ("load per second at 8,000 / at 2,000", results.busy),
        ("the same as processor time", results.used),
    ):
        load = (cost("ours", LONG) / LONG.seconds) / (cost("ours", CORE) / CORE.seconds)
        yield Check(f"{name}, at 500/s", load, 1.3, "×")
    yield Check("last fragment to painted, 8,000 at 500/s, p95", p95(results.lags("ours", LONG)), 100, "ms")
    yield Check("letters lost in all runs of ours", max(s.lost for _, s in ours), 0, "")
    yield Check("characters lost while another thread prints 2 MB/s", results.flood["lost"], 0, "")
    yield Check("letters missing after a reload in mid-stream", results.reload["lost"], 0, "")


def settling(kind: str, samples: list[Sample]) -> str:
    """What the saved form of a long answer costs, after its last words are on the page."""
    sizes, seconds, tasks = zip(*(sample.settling for sample in samples), strict=True)
    size, took = statistics.median(sizes) / 1_000, statistics.median(seconds)
    return f"Settling 8,000 fragments of {kind}: {size:.0f} kB, {took:.0f} ms, longest task {max(tasks):.0f} ms."


def notes(results: Results) -> list[str]:
    """What belongs to the numbers and stands in no column."""
    flood = results.flood
    dropped = (
        f"{flood['printed'] / 1e6:.1f} MB printed by another thread, until one second after the answer's end: in "
        f"{flood['drops']} stretches all messages were dropped; the saved form stood after {flood['seconds']:.1f} s."
    )
    return [
        *[settling(kind, found) for kind in KINDS if (found := results.of("ours", Point(kind, LONG.count, LONG.rate)))],
        dropped,
        "`chat` is the whole path: its kernel CPU contains the SDK, its bytes contain the settling.",
        "`floor` has one text node, which a browser lays out again as a whole: of long texts it is no floor.",
    ]


def main() -> int:
    """Measure, print, and write where that is asked for."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--all", action="store_true", help="also what only wastes minutes: see HOPELESS and SLOW")
    parser.add_argument("--rounds", type=int, default=5, help="interleaved runs of what has limits (5)")
    parser.add_argument("--core", action="store_true", help="only what has limits")
    parser.add_argument("--write", action="store_true", help="write the result to docs/benchmarks.md")
    options = parser.parse_args()
    runs = [*core(options.rounds), *([] if options.core else others(options.all))]
    with bench() as page:
        results = measure(page, runs)
    found, said = [check for check in checks(results) if check.measured], notes(results)
    text = table(HEAD, list(rows(results)))
    print(text, *said, sep="\n")
    if options.write:
        write("stream", text, said, found)
    return print_checks(found)


if __name__ == "__main__":
    sys.exit(main())
