"""What beginning costs: `%load_ext lmnb` in fresh processes, the front end's size, and the bytes of a cell's view.

Loading is compared with an extension that does nothing and with `import IPython`, in processes that take turns.
"""

from __future__ import annotations

import argparse
import gzip
import json
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import TYPE_CHECKING, Any

from bench._report import Check, median, p95, print_checks, table, write
from lmnb.server import launch
from tests.kernel.harness import RealKernel

if TYPE_CHECKING:
    from collections.abc import Iterator

ROOT = Path(__file__).parent.parent
STATIC = ROOT / "lmnb" / "static"

SHELL = """
import json, sys, time
before = time.perf_counter()
from IPython.core.interactiveshell import InteractiveShell
imported = time.perf_counter()
shell = InteractiveShell.instance()
ready = time.perf_counter()
shell.run_line_magic("load_ext", sys.argv[1])
print(json.dumps([imported - before, time.perf_counter() - ready]))
"""
KERNEL = """
import time
before = time.perf_counter()
get_ipython().run_line_magic("load_ext", "lmnb")
print(time.perf_counter() - before)
"""
PROMPT = "Hello"


def in_shell(extension: str) -> tuple[float, float]:
    """Milliseconds of `import IPython` and of loading an extension, in a new process."""
    said = subprocess.run(
        [sys.executable, "-c", SHELL, extension], cwd=ROOT, capture_output=True, check=True, text=True
    )
    imported, loaded = json.loads(said.stdout)
    return imported * 1_000, loaded * 1_000


def in_kernel(folder: Path, host: str) -> tuple[float, float, dict[str, int]]:
    """In a new kernel: milliseconds of loading, of the first answer's first words, and bytes of a later cell's view."""
    kernel = RealKernel(folder, LMSTUDIO_API_HOST=host)
    try:
        loaded = float(kernel.run(KERNEL, watched=False).printed) * 1_000
        began = time.perf_counter()
        run = kernel.start(f"%%chat -m scripted\n{PROMPT}", cell="first")
        kernel.writes("You said")
        first = (time.perf_counter() - began) * 1_000
        kernel.finish(run)
        return loaded, first, opening(kernel)
    finally:
        kernel.stop()


def opening(kernel: RealKernel) -> dict[str, int]:
    """Bytes on the websocket of what opens a cell's view, by message type; its own prompt is left out."""
    sizes: dict[str, int] = {}
    hear = kernel.front.hear

    def weigh(message: dict[str, Any]) -> None:
        kind = message["msg_type"]
        if kind in ("comm_open", "display_data") and kind not in sizes:
            sizes[kind] = 0
        if kind in ("comm_open", "display_data"):
            sizes[kind] += size(message)
        hear(message)

    kernel.front.hear = weigh  # type: ignore[method-assign]
    kernel.run(f"%%chat -m scripted\n{PROMPT}", cell="second")
    sizes["display_data"] -= len(PROMPT)
    return sizes


def size(message: dict[str, Any]) -> int:
    """Bytes of a message in Jupyter's websocket protocol: its parts as JSON, the channel's name, and nine offsets."""
    parts = ("header", "parent_header", "metadata", "content")
    whole = sum(len(json.dumps(message[part], ensure_ascii=False, default=str).encode()) for part in parts)
    return whole + len("iopub") + 8 * (len(parts) + 3)


def bundle() -> dict[str, tuple[int, int]]:
    """Bytes of the front end's files as they cross the wire, and gzipped, as some hosts send them."""
    files = {path.name: path.read_bytes() for path in sorted(STATIC.glob("*.[jc]s*"))}
    return {name: (len(content), len(gzip.compress(content))) for name, content in files.items()}


def measure(runs: int) -> dict[str, list[float]]:
    """Everything that takes time or differs from run to run."""
    found: dict[str, list[float]] = {}
    with launch.start_server(scripted=True) as server:
        for number in range(runs):
            imported, empty = in_shell("bench._empty")
            _, ours = in_shell("lmnb")
            with tempfile.TemporaryDirectory() as folder:
                loaded, first, sizes = in_kernel(Path(folder), server.host)
            values = {
                "import IPython, ms": imported,
                "%load_ext of nothing, in a shell, ms": empty,
                "%load_ext lmnb, in a shell, ms": ours,
                "%load_ext lmnb, in a kernel, ms": loaded,
                "first %%chat of a kernel, to the first words, ms": first,
                "comm_open of a later cell, bytes": sizes["comm_open"],
                "display_data of a later cell, bytes": sizes["display_data"],
            }
            for name, value in values.items():
                found.setdefault(name, []).append(value)
            print(f"round {number + 1} of {runs}", flush=True)
    return found


def rows(found: dict[str, list[float]]) -> Iterator[list[str]]:
    """A row for each number."""
    reference = median(found["import IPython, ms"])
    for name, values in found.items():
        ratio = f"{median(values) / reference:.2f}" if name.endswith("ms") else "–"
        yield [name, f"{median(values):,.1f}", f"{p95(values):,.1f}", f"{max(values):,.1f}", ratio, str(len(values))]


def checks(found: dict[str, list[float]], files: dict[str, tuple[int, int]]) -> Iterator[Check]:
    """What has a limit."""
    for where in ("shell", "kernel"):
        yield Check(
            f"%load_ext lmnb, in a {where}, median", median(found[f"%load_ext lmnb, in a {where}, ms"]), 300, "ms"
        )
    yield Check("front end without mathematics, minified", files["lmnb.js"][0] / 1_000, 120, "kB")
    opened = sum(max(values) for name, values in found.items() if name.endswith("bytes"))
    yield Check("comm_open and display_data of a cell, besides its text", opened, 2_500, "bytes")


def main() -> int:
    """Measure, print, and write where that is asked for."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--runs", type=int, default=10, help="fresh processes of each kind (10)")
    parser.add_argument("--write", action="store_true", help="write the result to docs/benchmarks.md")
    options = parser.parse_args()
    found, files = measure(options.runs), bundle()
    text = table(["what", "median", "p95", "max", "× import IPython", "runs"], list(rows(found)))
    said = [
        f"{name}: {whole / 1_000:.1f} kB, {zipped / 1_000:.1f} kB gzipped." for name, (whole, zipped) in files.items()
    ]
    print(text, *said, sep="\n")
    limits = list(checks(found, files))
    if options.write:
        write("start", text, said, limits)
    return print_checks(limits)


if __name__ == "__main__":
    sys.exit(main())
