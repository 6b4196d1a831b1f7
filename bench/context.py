"""What a card costs: tokens by the tokenizer of a real small model, time, and memory.

`python3 dev.py bench context`; with `-- --write` the tables go into docs/cards.md, with `-- --quick` without the large
frames. Times are the best of five calls after a first one; memory is the peak of a first call above what the process
had before, by what numpy and Python allocate (tracemalloc) or by what the process holds, looked at every millisecond,
whichever is more. The large Parquet table is one file of a million rows that is listed a hundred times.
"""

from __future__ import annotations

import argparse
import os
import sys
import tempfile
import threading
import time
import tracemalloc
from collections import Counter
from pathlib import Path
from typing import TYPE_CHECKING

import duckdb
import lmstudio as lms
import numpy as np
import pandas as pd
import polars as pl
import pyarrow as pa

from bench import _datasets, _formats
from bench._report import Check, machine, print_checks, table
from lmnb.context import describe
from lmnb.server import launch, store
from tests.context import made

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from lmnb.context import Count

KEY = "smollm2-135m-instruct"
PAGE = Path(__file__).parent.parent / "docs" / "cards.md"
MARK = "<!-- What follows is written by bench/context.py. -->"


def timed(work: Callable[[], object], runs: int = 5) -> float:
    """The best of some runs, in milliseconds, after a first one that does not count: others may be busy meanwhile."""
    work()
    spent = []
    for _ in range(runs):
        began = time.perf_counter()
        work()
        spent.append(time.perf_counter() - began)
    return min(spent) * 1e3


def held() -> int:
    """Bytes that this process holds in memory; 0 where there is no Linux to ask."""
    try:
        return int(Path("/proc/self/statm").read_text().split()[1]) * os.sysconf("SC_PAGE_SIZE")
    except (OSError, AttributeError):
        return 0


def extra(work: Callable[[], object]) -> int:
    """Bytes that a first call takes at its peak; what it imports is there already."""
    over, most, before = threading.Event(), 0, held()

    def watch() -> None:
        nonlocal most
        while not over.wait(0.001):
            most = max(most, held() - before)

    watcher = threading.Thread(target=watch)
    watcher.start()
    tracemalloc.start()
    try:
        work()
        return max(tracemalloc.get_traced_memory()[1], most)
    finally:
        tracemalloc.stop()
        over.set()
        watcher.join()


# -- the limits --------------------------------------------------------------------------------------------------------


def tokens(count: Count) -> list[Check]:
    """The sizes of cards."""
    titanic, wide, strange = made.titanic(), made.wide(), made.strange_names(100)
    full = describe(titanic, budget=None, count=count)
    short = describe(titanic, budget=300, count=count)
    hundred = describe(wide, budget=600, count=count)
    named = describe(strange, budget=600, count=count)
    many = describe(made.strange_names(1_700), budget=400, count=count)
    assert full.step == 0
    return [
        Check("tokens of 15 columns, everything told", full.tokens, 450, ""),
        Check("the same one step down: every column with figures", short.tokens if short.step == 1 else 999, 300, ""),
        Check("100 columns, families and others", hundred.tokens, 600, ""),
        Check("100 columns with nothing in common", named.tokens, 600, ""),
        Check("1,700 columns in 400 tokens", many.tokens, 400, ""),
    ]


def numbers(rows: int, columns: int) -> pd.DataFrame:
    draw = np.random.default_rng(0)
    return pd.DataFrame({f"n_{chr(97 + i // 26)}{chr(97 + i % 26)}": draw.normal(size=rows) for i in range(columns)})


def mixed(rows: int) -> pd.DataFrame:
    """50 columns of all sorts."""
    draw = np.random.default_rng(0)
    letters = [chr(97 + i) for i in range(20)]
    columns: dict[str, object] = {f"x_{a}": draw.normal(size=rows) for a in letters}
    columns |= {f"i_{a}": draw.integers(0, 10**6, rows) for a in letters[:10]}
    columns |= {f"s_{a}": pd.array(draw.choice(["north", "south", "east"], rows), dtype="str") for a in letters[:8]}
    columns |= {f"b_{a}": draw.random(rows) < 0.5 for a in letters[:6]}
    columns |= {f"t_{a}": pd.date_range("2020-01-01", periods=rows, freq="s") for a in letters[:4]}
    columns |= {f"id_{a}": pd.array([f"key {i}" for i in range(rows)], dtype="str") for a in letters[:2]}
    return pd.DataFrame(columns)


def large() -> Iterator[Check]:
    """Time and memory of large frames."""
    for name, frame in (("of numbers", numbers(1_000_000, 50)), ("of all sorts", mixed(1_000_000))):
        limit = 300
        describe(frame.head(100))
        share = 100 * extra(lambda f=frame: describe(f)) / frame.memory_usage(deep=False).sum()
        yield Check(f"pandas, 1 M × 50 {name}", timed(lambda f=frame: describe(f)), limit, "ms")
        yield Check(f"its extra memory, {name}", share, 5, "%")
        other = pl.from_pandas(frame)
        yield Check(f"Polars, 1 M × 50 {name}", timed(lambda f=other: describe(f)), limit, "ms")
        del frame, other
    draw = np.random.default_rng(0)
    narrow = pd.DataFrame(draw.random((100, 10_000)), columns=[f"c{i}_{chr(97 + i % 26)}" for i in range(10_000)])
    yield Check("10,000 columns in families", timed(lambda: describe(narrow)), 500, "ms")
    strange = made.strange_names(10_000)
    yield Check("10,000 columns with nothing in common", timed(lambda: describe(strange)), 500, "ms")
    with tempfile.TemporaryDirectory() as folder:
        path = str(Path(folder) / "part.parquet")
        pl.from_pandas(mixed(1_000_000).iloc[:, ::2].iloc[:, :20]).write_parquet(path)
        scan = pl.scan_parquet([path] * 100)
        yield Check("Polars, 100 M × 20 from Parquet", timed(lambda: describe(scan)), 1_000, "ms")
        relation = duckdb.connect().read_parquet([path] * 100)
        yield Check("DuckDB, 100 M × 20 from Parquet", timed(lambda: describe(relation)), 1_000, "ms")
        for lazy in (scan, relation):
            card = describe(lazy, seconds=30)
            assert "100,000,000 rows × 20 columns" in card.text, card.text
            print("\n" + card.text + "\n")


# -- real data ---------------------------------------------------------------------------------------------------------


def real(count: Count) -> tuple[str, list[str], list[Check]]:
    """Tokens and milliseconds of every real table, beside other formats; what did not hold."""
    rows, faults, alike = [], [], Counter[str]()
    for name, frame in _datasets.tables():
        card = describe(frame, count=count)
        ours = timed(lambda f=frame: describe(f), 3)
        cells = [name, f"{frame.shape[0]:,} × {frame.shape[1]}", f"{card.tokens:,} / {ours:.0f}", str(card.step)]
        rows.append(cells + [beside(frame, make, count) for make in _formats.FORMATS.values()])
        faults += judged(name, frame, card.tokens)
        alike += likeness(frame)
    head = ["table", "size", "card", "step", *_formats.FORMATS]
    others = ", ".join(f"{count:,} for {library}" for library, count in alike.items() if library != "pandas")
    told = [f"{len(rows)} tables with {alike['pandas']:,} lines for columns or families; the same text: {others}."]
    checks = [
        Check("real tables described", len(rows), 40, "", least=True),
        Check("failures and cards over budget", len(faults), 0, ""),
    ]
    return table(head, rows), told + faults, checks


def beside(frame: pd.DataFrame, make: Callable[[pd.DataFrame], str], count: Count) -> str:
    try:
        text = make(frame)
    except Exception as error:  # noqa: BLE001 - theirs, not ours
        return type(error).__name__
    return f"{count(text):,} / {timed(lambda: make(frame), 1):.0f}"


def judged(name: str, frame: pd.DataFrame, used: int) -> list[str]:
    """What is wrong with the cards of a table, in any library and at any level."""
    faults = [f"{name}: {used} tokens"] if used > 450 else []
    for library, other in libraries(frame):
        for level in ("names", "schema", "stats", "values"):
            for budget in (30, 200, 450):
                card = describe(other, level=level, budget=budget)
                if card.tokens > budget or "not readable" in card.text or "raised" in card.text:
                    faults.append(f"{name}, {library}, {level}, {budget}: {card.tokens} tokens, {card.text[:200]}")
    return faults


def libraries(frame: pd.DataFrame) -> Iterator[tuple[str, object]]:
    yield "pandas", frame
    plain = frame.rename(columns=str)
    arrow = pa.Table.from_pandas(plain, preserve_index=False)
    yield "pyarrow", arrow
    yield "polars", pl.from_arrow(arrow)
    yield "polars lazy", pl.from_arrow(arrow).lazy()
    yield "duckdb", duckdb.connect().from_arrow(arrow)


def likeness(frame: pd.DataFrame) -> Counter[str]:
    """How many lines of columns there are for pandas, and how many of them are the same for others."""
    told = {library: lines(other) for library, other in libraries(frame)}
    return Counter(
        {name: sum(a == b for a, b in zip(told["pandas"], other, strict=False)) for name, other in told.items()}
    )


def lines(frame: object) -> list[str]:
    return [line for line in describe(frame, budget=None).text.splitlines() if line.startswith("- ")]


# -- the page ----------------------------------------------------------------------------------------------------------


def write(checks: list[Check], compared: str, told: list[str]) -> None:
    """Put what was measured into the page, after what is written by hand."""
    page = PAGE.read_text(encoding="utf-8").partition(MARK)[0]
    limits = table(["number", "measured", "limit", ""], [check.cells() for check in checks if check.measured])
    notes = "\n".join(f"- {line}" for line in told)
    PAGE.write_text(
        f"{page}{MARK}\n\n{machine()}\n\n{limits}\n## Beside other formats\n\nTokens by SmolLM2's tokenizer / "
        f"milliseconds, on tables that come with packages. `step` is how far down the ladder the card went for its "
        f"450 tokens. The other formats were made again from what their sources and documentation say.\n\n"
        f"{notes}\n\n{compared}",
        encoding="utf-8",
    )
    print(f"Written to {PAGE.relative_to(PAGE.parent.parent)}.")


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--write", action="store_true", help="put the tables into docs/cards.md")
    parser.add_argument("--quick", action="store_true", help="leave the large frames out")
    options = parser.parse_args()
    with launch.start_server(models=[store.get("smollm2")]) as server, lms.Client(server.host) as client:
        count = client.llm.model(KEY).count_tokens
        checks = tokens(count)
        compared, told, more = real(count)
    checks += more
    checks += [] if options.quick else list(large())
    print(compared)
    print("\n".join(told))
    if options.write:
        write(checks, compared, told)
    return print_checks(checks)


if __name__ == "__main__":
    os.environ.setdefault("POLARS_VERBOSE", "0")
    sys.exit(main())
