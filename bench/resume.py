"""What it costs to keep a conversation and to find it again: `python3 dev.py bench resume`.

`resume`: 200 turns, each with 4 kB of answer and 2 kB of thoughts, every tenth run again three times, in a notebook on
disk; `read_notebook` against `json.loads` of the same file, which nobody can do without. `journal`: what a fragment
costs its thread with the journal switched on, and the same row written into the same file by SQLite alone. `growth`:
how a saved notebook grows with its turns, when each turn also remembers which ones did not fit.
"""

from __future__ import annotations

import json
import sqlite3
import statistics
import sys
import tempfile
import time
from pathlib import Path

from bench._report import Check, checked, p95, table
from lmnb.chat import record, resume, transcript
from lmnb.chat.events import Finished, Fragment, ModelFacts, Stats
from lmnb.chat.turns import Part, Turn
from lmnb.chat.window import Window
from lmnb.journal import Journal, tables

TURNS = 200
FRAGMENTS = 5_000
WORDS = "The sales of 2024 fell, most of all in **North**: see `sales.groupby('region').sum()`.\n\n"


def conversation(count=TURNS):
    """The turns of a long notebook, as their cells hold them."""
    turns = []
    for number in range(count):
        answers = 4 if number % 10 == 0 else 1
        runs = [_turn(number, run, turns[-1] if turns else None) for run in range(answers)]
        runs[-1].earlier = tuple(reversed(runs[:-1]))
        turns.append(runs[-1])
    return turns


def _turn(number, run, before):
    turn = Turn(f"Question {number}?", cell=f"c{number}", id=f"t{number}.{run}", after=before and before.id)
    turn.started = 10.0 * number + run
    turn.parts = [Part("reasoning", WORDS * 22), Part("text", f"{run} " + WORDS * 44)]
    turn.apply(Finished(Stats("eosFound", 38.2, 0.4, 1_200, 400, 1_600), ModelFacts("qwen3-4b", "qwen3-4b")))
    return turn


def notebook(turns):
    """As JupyterLab saves it."""
    cells = [
        {
            "cell_type": "code",
            "id": turn.cell,
            "outputs": [{"output_type": "display_data", "metadata": {"lmnb": record.write(turn)}, "data": {}}],
        }
        for turn in turns
    ]
    return json.dumps({"cells": cells, "metadata": {}, "nbformat": 4, "nbformat_minor": 5})


def times(function, count=15):
    """Milliseconds of each call."""
    spent = []
    for _ in range(count):
        start = time.perf_counter()
        function()
        spent.append((time.perf_counter() - start) * 1e3)
    return spent


def measure_resume(folder):
    """Reading a notebook of 200 turns."""
    path = folder / "long.ipynb"
    turns = conversation()
    path.write_text(notebook(turns), encoding="utf-8")
    floor = times(lambda: json.loads(path.read_bytes()))
    saved = json.loads(path.read_bytes())
    read = times(lambda: resume.read_notebook(saved))
    whole = times(lambda: resume.load_file(path))
    (found,), said = resume.load_file(path)
    assert (len(found.line), said) == (TURNS, "")
    rows = [("json.loads", floor), ("read_notebook", read), ("load_file", whole)]
    print(f"\n{TURNS} turns, {path.stat().st_size / 1e6:.1f} MB, {len(found.branches)} branches\n")
    print(table(["ms", "median", "95 %"], [[name, f"{_mid(each):.1f}", f"{p95(each):.1f}"] for name, each in rows]))
    return [Check("resuming 200 turns", p95(whole), 200, "ms")]


def measure_growth():
    """Bytes of a saved notebook, static form and all, in which the oldest turns do not fit any more."""
    sizes = {count: sum(_saved(turns)) for count in (100, 200) if (turns := _left_out(conversation(count)))}
    print("\n" + ", ".join(f"{count} turns: {size / 1e6:.2f} MB" for count, size in sizes.items()))
    return [Check("a saved notebook of 200 turns / of 100", sizes[200] / sizes[100], 2.1, "×")]


def _left_out(turns):
    """Each turn with all but the ten before it left out, as each output remembers it."""
    for number, turn in enumerate(turns):
        gone = tuple(one.id for one in turns[: max(0, number - 10)])
        turn.window = Window(3_000, 4_096, 800, gone, 400 * len(gone))
    return turns


def _saved(turns):
    for turn in turns:
        yield len(json.dumps(transcript.bundle(turn)).encode())


def measure_journal(folder):
    """A fragment with the journal, and its row alone."""
    journal, turn = Journal(folder / "journal.sqlite"), Turn("Why?")
    journal.begin(turn)
    pieces = [Fragment("word ") for _ in range(FRAGMENTS)]
    spent = _each(lambda piece: journal.event(turn, piece), pieces)
    ended = times(lambda: journal.end(turn), 1)
    journal.close()
    file = tables.opened(folder / "alone.sqlite", days=30)
    alone = _each(lambda piece: file.execute(tables.PIECE, ("id", "text", 1, piece.content)), pieces)
    file.close()
    rows = [("SQLite alone", alone), ("journal", spent)]
    print(f"\n{FRAGMENTS:,} fragments (SQLite {sqlite3.sqlite_version}); the end of the turn {ended[0]:.1f} ms\n")
    print(
        table(
            ["µs per fragment", "mean", "median", "99 %", "worst"],
            [
                [name, *(f"{value * 1e6:.0f}" for value in (statistics.mean(each), _mid(each), _p99(each), max(each)))]
                for name, each in rows
            ],
        )
    )
    return [
        Check("a fragment with the journal, mean", statistics.mean(spent) * 1e3, 0.1, "ms"),
        Check("the same, as a ratio to SQLite alone", statistics.mean(spent) / statistics.mean(alone), 2, ""),
    ]


def _each(function, values):
    spent = []
    for value in values:
        start = time.perf_counter()
        function(value)
        spent.append(time.perf_counter() - start)
    return spent


def _mid(values):
    return statistics.median(values)


def _p99(values):
    return statistics.quantiles(values, n=100)[98]


def main():
    """Measure both and print them."""
    with tempfile.TemporaryDirectory() as name:
        checks = measure_resume(Path(name)) + measure_growth() + measure_journal(Path(name))
    print("\n" + checked(checks))
    return 0 if all(check.holds for check in checks) else 1


if __name__ == "__main__":
    sys.exit(main())
