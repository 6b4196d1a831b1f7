"""What Tab costs in a `%%chat` cell: `python3 dev.py bench completion`, beside IPython's own in the same run.

A namespace of 2,000 names, among them tables of 100 and of 10,000 columns; a cell of 200 lines, the cursor at its end.
`plain` is what the same shell needs for the same names in a Python cell of 200 lines, with jedi, as IPython is set up.
Both take turns. Any connection that is opened while ours runs is counted.
"""

from __future__ import annotations

import argparse
import gc
import os
import random
import sys
import tempfile
import time
from pathlib import Path

import pandas as pd
import polars as pl
from IPython.core.completer import provisionalcompleter
from IPython.core.interactiveshell import InteractiveShell
from traitlets.config import Config

from bench._report import Check, median, p95, print_checks, table, write
from lmnb import studio
from lmnb.notebook.completion import Completion
from lmnb.notebook.models import VERBS

NAMES = 2_000
LINES = 200
ROUNDS = 60
PROSE = "Sales fell in the north, see {average_7} and `sales.groupby('region')`; who is me@example.com?\n"
CODE = "total_{0} = [number_{0} + 1 for _ in range(3)]\n"

OURS = {
    "a flag": "%%chat -t 0.2 --m",
    "a model": "%%chat -m qw",
    "a file or a variable": "%%chat -a ",
    "a verb": "%chat s",
    "prose": "%%chat\n{prose}Is the north",
    "@": "%%chat\n{prose}What of @",
    "@name": "%%chat\n{prose}What of @numb",
    "{{": "%%chat\n{prose}What of {{",
    "{{frame.": "%%chat\n{prose}What of {{table_100.",
    "{{frame[": "%%chat\n{prose}What of {{table_10000['column 99",
    "{{object.": "%%chat\n{prose}What of {{thing.",
}
PLAIN = {
    "a name": "{code}numb",
    "frame.": "{code}table_100.",
    "frame[": "{code}table_10000['column 99",
}


def namespace(shell: InteractiveShell) -> None:
    """What a long session has."""
    rng = random.Random(0)
    kinds = [lambda n: n, lambda n: f"text {n}", lambda n: [n] * 50, lambda n: {"a": n}, lambda n: pd.Series([n])]
    names = ("number", "average", "result", "total", "values")
    shell.user_ns.update({f"{rng.choice(names)}_{n}": kinds[n % len(kinds)](n) for n in range(NAMES - 40)})
    shell.user_ns.update({f"table_{n}": pd.DataFrame({"region": [n], "total": [n]}) for n in range(18)})
    shell.user_ns.update({f"polars_{n}": pl.DataFrame({"region": [n], "total": [n]}) for n in range(19)})
    shell.user_ns["table_100"] = pd.DataFrame({f"column_{n}": [n] for n in range(100)})
    shell.user_ns["table_10000"] = pd.DataFrame([range(10_000)], columns=[f"column {n}" for n in range(10_000)])
    shell.user_ns["thing"] = shell


def timed(shell: InteractiveShell, text: str) -> tuple[float, int]:
    """Milliseconds of one completion at the end of a text, and how many there were."""
    start = time.perf_counter()
    with provisionalcompleter():
        count = len(list(shell.Completer.completions(text, len(text))))
    return (time.perf_counter() - start) * 1e3, count


def measure(shell: InteractiveShell, rounds: int) -> tuple[dict[str, list[float]], dict[str, list[float]], list[str]]:
    """All cases in turn, so many times: ours, IPython's, and what ours connected to."""
    filled = {"prose": PROSE * LINES, "code": "".join(CODE.format(n) for n in range(LINES))}
    ours: dict[str, list[float]] = {}
    plain: dict[str, list[float]] = {}
    reached: list[str] = []
    watching = [False]

    def hook(event: str, args: tuple[object, ...]) -> None:
        if watching[0] and event in {"socket.connect", "socket.getaddrinfo", "socket.bind"}:
            reached.append(f"{event} {args[-1]}")

    sys.addaudithook(hook)
    for _ in range(rounds):
        for name, text in OURS.items():
            watching[0] = True
            ours.setdefault(name.format(), []).append(timed(shell, text.format(**filled))[0])
            watching[0] = False
        for name, text in PLAIN.items():
            plain.setdefault(name, []).append(timed(shell, text.format(**filled))[0])
        gc.collect()
    return ours, plain, reached


def row(name: str, values: list[float]) -> list[str]:
    """Its first time apart: modules are imported then, and jedi reads them."""
    first, *rest = values
    return [name, *(f"{value:.1f}" for value in (median(rest), p95(rest), max(rest), first))]


def main() -> int:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rounds", type=int, default=ROUNDS)
    parser.add_argument("--write", action="store_true", help="put the results into docs/benchmarks.md")
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        os.environ["IPYTHONDIR"] = str(Path(folder) / "ipython")
        (Path(folder) / "data").mkdir()
        for number in range(500):
            (Path(folder) / "data" / f"part {number}.csv").touch()
        os.chdir(Path(folder) / "data")
        shell = InteractiveShell.instance(config=Config(HistoryManager={"hist_file": ":memory:"}))
        namespace(shell)
        Completion(
            shell,
            verbs=lambda: {verb.name: verb.help for verb in VERBS.values()},
            models=studio.known_models,
            talks=lambda: ["main"],
        ).register()
        ours, plain, reached = measure(shell, options.rounds)
        os.chdir("/")
    head = ["ms", "median", "95 %", "worst", "the first"]
    text = table(head, [row(f"%%chat: {name}", each) for name, each in ours.items()])
    text += "\n" + table(head, [row(f"IPython: {name}", each) for name, each in plain.items()])
    print(f"\n{NAMES:,} names, a cell of {LINES} lines, {options.rounds} times each\n\n{text}")
    everything = [value for values in ours.values() for value in values[1:]]
    firsts = [values[0] for values in ours.values()]
    mid = median([value for values in plain.values() for value in values[1:]])
    checks = [
        Check("Tab in a %%chat cell, p95 of all", p95(everything), 50, "ms"),
        Check("the slowest kind, p95", max(p95(values[1:]) for values in ours.values()), 50, "ms"),
        Check("the first one of each kind, the slowest", max(firsts), 200, "ms"),
        Check("median of ours / of IPython's own", median(everything) / mid, 1, "×"),
        Check("connections while completing", len(reached), 0, ""),
    ]
    if options.write:
        write("completion", text, [f"{NAMES:,} names, a cell of {LINES} lines, {options.rounds} times each."], checks)
    for one in sorted(set(reached)):
        print(one)
    return print_checks(checks)


if __name__ == "__main__":
    sys.exit(main())
