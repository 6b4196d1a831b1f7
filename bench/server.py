"""What the embedded server costs above its engine: llama.cpp's own HTTP is asked the same, in turns, in the same run.

The real SmolLM2, in the one engine that the server has started. To the first fragment and from one to the next; four
answers at once; a chat of four turns and what is read again of it; stopping, until the engine's slot is free; and
without a model how long the server takes to start, and how much memory. The last part keeps all cores busy with other
work: what one and two threads of an engine still write then.
"""

from __future__ import annotations

import argparse
import contextlib
import json
import logging
import multiprocessing
import os
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import TYPE_CHECKING, Any

import lmstudio as lms
import psutil

import lmnb
from bench._report import Check, median, p95, print_checks, table, write
from bench._sockets import Engine, Guest, Heard, listen
from lmnb.server import cores, launch, store
from tests.server.frames import Frames, asked

if TYPE_CHECKING:
    from collections.abc import Iterator

KEY = "smollm2-135m-instruct"
STORY = "Tell me a long story."
TOKENS = 64
"""Of an answer whose fragments are timed."""

AT_ONCE = 4
BUSY = 32
"""Tokens of an answer for which there is little processor."""

CHAT = ["Name three colours.", "And three animals, each with a sentence about it.", "Which is the largest?", "Thanks!"]

Found = dict[str, list[float]]


class Server:
    """The server in a process of its own, with the model loaded; it says which engine it asks what.

    Attributes:
        host: Where it listens.
        process: Its process.
    """

    def __init__(self, folder: Path, file: Path) -> None:
        self._notes = folder / "notes"
        command = [sys.executable, "-m", "bench._spied", str(self._notes), "--with-parent", "--model", str(file)]
        self._child = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
        assert self._child.stdout is not None
        self.host = f"127.0.0.1:{json.loads(self._child.stdout.readline())['port']}"
        self.process = psutil.Process(self._child.pid)
        self.frames = Frames(self.host)

    def notes(self) -> list[dict[str, Any]]:
        """What it has noted of its answers."""
        return [json.loads(line) for line in self._notes.read_text().splitlines()] if self._notes.exists() else []

    @property
    def engine(self) -> Engine:
        """The engine, asked what it was asked last."""
        return Engine(self.notes()[-1])

    @property
    def used(self) -> float:
        """Milliseconds of processor time it has taken."""
        times = self.process.cpu_times()
        return (times.user + times.system) * 1_000

    def stop(self) -> None:
        """End it."""
        self.frames.close()
        assert self._child.stdin is not None
        self._child.stdin.close()
        self._child.wait(10)


def story(tokens: int, prompt: str = STORY) -> dict[str, Any]:
    """The parameter of `predict`: an answer that is always the same."""
    return asked(prompt, maxPredictedTokens={"checked": True, "value": tokens}, temperature=0.0)


def note(found: Found, **values: float) -> None:
    """Remember numbers by name."""
    for name, value in values.items():
        found.setdefault(name, []).append(value)


def streams(server: Server, runs: int) -> Found:
    """One answer, in turns: through the server, from the engine, and through the SDK."""
    found: Found = {}
    guest = Guest(server.host)
    with lms.Client(server.host) as client:
        model = client.llm.model(KEY)
        listen([guest.open("predict", story(TOKENS))])
        engine = server.engine
        for _ in range(runs):
            before = server.used
            ours = guest.open("predict", story(TOKENS))
            listen([ours])
            cpu = (server.used - before) / len(ours.fragments)
            theirs = engine.ask()
            listen([theirs])
            theirs.connection.close()
            first, pace = through_the_sdk(model)
            note(found, first=ours.first - theirs.first, pace=ours.pace - theirs.pace, cpu=cpu)
            note(found, engine_first=theirs.first, engine_pace=theirs.pace, ours_first=ours.first, ours_pace=ours.pace)
            note(found, sdk_first=first, sdk_pace=pace)
    guest.close()
    return found


def through_the_sdk(model: lms.LLM) -> tuple[float, float]:
    """Milliseconds to the first fragment, and from one to the next."""
    came: list[float] = []
    began = time.perf_counter()
    config: Any = {"temperature": 0.0, "maxTokens": TOKENS}
    model.respond(STORY, config=config, on_prediction_fragment=lambda _: came.append(time.perf_counter()))
    return (came[0] - began) * 1_000, (came[-1] - came[0]) / (len(came) - 1) * 1_000


def at_once(server: Server, runs: int) -> Found:
    """Four answers at once, in turns: fragments a second through the server and from the engine."""
    found: Found = {}
    guests = [Guest(server.host) for _ in range(AT_ONCE)]
    parameters = [story(TOKENS, f"{STORY} It is about the number {number}.") for number in range(AT_ONCE)]
    engines: list[Engine] = []
    for guest, parameter in zip(guests, parameters, strict=True):  # each prompt is read once
        listen([guest.open("predict", parameter)])
        engines.append(server.engine)
    for _ in range(runs):
        ours = [guest.open("predict", each) for guest, each in zip(guests, parameters, strict=True)]
        listen(ours)
        theirs = [engine.ask() for engine in engines]
        listen(theirs)
        for each in theirs:
            each.connection.close()
        note(found, ours=throughput(ours), engine=throughput(theirs), ratio=throughput(ours) / throughput(theirs))
    for guest in guests:
        guest.close()
    return found


def throughput(answers: list[Heard]) -> float:
    """Fragments a second, from the first question to the last fragment."""
    times = [each.fragments for each in answers]
    return sum(map(len, times)) / (max(each[-1] for each in times) - min(each.began for each in answers))


def chat(server: Server) -> list[tuple[int, int, int]]:
    """Four turns of a conversation: tokens of each prompt, new ones among them, and those that the engine has read."""
    before = len(server.notes())
    config = {"temperature": 0.0, "maxTokens": 60}
    conversation = lmnb.Conversation(model=KEY, host=server.host, config=config)
    for prompt in CHAT:
        conversation.respond(prompt)
    turns, known = [], 0
    for timings in (each["timings"] for each in server.notes()[before:]):
        prompt = timings["cache_n"] + timings["prompt_n"]
        turns.append((prompt, prompt - known, timings["prompt_n"]))
        known = prompt + timings["predicted_n"]
    return turns


def stops(server: Server, runs: int) -> Found:
    """Milliseconds from a client's cancel, and from its leaving, until it is told so and the engine has a free slot."""
    found: Found = {}
    engine = server.engine
    for number in range(runs):
        for phase in ("reading", "writing"):
            for way in ("cancel to end of channel", "cancel to free slot", "leaving to free slot"):
                note(found, **{f"{way}, {phase}": stopped(server, engine, phase, way, 0.02 * number)})
    return found


def stopped(server: Server, engine: Engine, phase: str, way: str, moment: float) -> float:
    """Ask, wait for the phase and some moment in it, stop, and wait for what is to come of that."""
    guest = Guest(server.host)
    prompt = f"{time.monotonic_ns()} " + "word " * 1_500 if phase == "reading" else STORY  # not one it has read
    answer = guest.open("predict", story(1_000, prompt))
    begun = b'"type":"fragment"' if phase == "writing" else b'"type":"promptProcessingProgress"'
    listen([answer], lambda heard: heard.content.count(begun) > 3)
    time.sleep(moment)
    began = time.perf_counter()
    if way.startswith("cancel"):
        guest.cancel()
    else:
        guest.close()
    if way.endswith("channel"):
        listen([answer])
    else:
        while engine.busy():
            time.sleep(0.001)
    took = (time.perf_counter() - began) * 1_000
    guest.close()
    server.frames.wait_state("idle", identifier=KEY)
    return took


def empty(runs: int) -> Found:
    """A server without a model: seconds until it listens, megabytes when it has nothing to do."""
    found: Found = {}
    for _ in range(runs):
        began = time.perf_counter()
        with launch.start_server() as server:
            note(found, start=time.perf_counter() - began)
            with contextlib.closing(Frames(server.host)) as frames:
                frames.call("listLoaded")
            time.sleep(1)
            memory = psutil.Process(server.pid).memory_full_info()
            note(found, rss=memory.rss / 1e6, pss=getattr(memory, "pss", memory.uss) / 1e6)
    return found


def contended(server: Server) -> Found:
    """Tokens a second that one and two threads of an engine write: alone, and while every core has other work."""
    found: Found = {}
    names = {threads: f"threads-{threads}" for threads in (1, 2)}
    for threads, name in names.items():
        field = {"key": "llm.load.llama.cpuThreadPoolSize", "value": threads}
        stack = {"layers": [{"layerName": "apiOverride", "config": {"fields": [field]}}]}
        server.frames.load(KEY, identifier=name, loadConfigStack=stack)
    guest = Guest(server.host)
    for others in (0, os.cpu_count() or 1):
        with work(others):
            for _ in range(3):
                for threads, name in names.items():
                    model = {"type": "query", "query": {"identifier": name}}
                    answer = guest.open("predict", {**story(BUSY), "modelSpecifier": model})
                    listen([answer])
                    note(found, **{f"{threads}, {'contended' if others else 'alone'}": 1_000 / answer.pace})
    guest.close()
    for name in names.values():
        server.frames.call("unloadModel", {"identifier": name})
    return found


@contextlib.contextmanager
def work(processes: int) -> Iterator[None]:
    """So many processes that only calculate."""
    context = multiprocessing.get_context("spawn")
    busy = [context.Process(target=spin, args=(os.getpid(),), daemon=True) for _ in range(processes)]
    for each in busy:
        each.start()
    try:
        if busy:
            time.sleep(1)  # until they are there
        yield
    finally:
        for each in busy:
            each.kill()
            each.join()


def spin(parent: int) -> None:
    """Calculate, for two minutes at most and not without the one who wants it."""
    until = time.monotonic() + 120
    while time.monotonic() < until and os.getppid() == parent:
        sum(range(100_000))


UNITS = {"first": "ms", "pace": "ms", "cpu": "ms", "ratio": "×", "start": "s", "rss": "MB", "pss": "MB"}


def rows(found: dict[str, Found]) -> Iterator[list[str]]:
    """A row for each thing that was measured."""
    for part, numbers in found.items():
        for name, values in numbers.items():
            unit = UNITS.get(name.rpartition("_")[2]) or ("ms" if part == "stop" else "tokens/s")
            shown = [f"{each:,.2f}" for each in (median(values), min(values), p95(values), max(values))]
            yield [f"{part}: {name.replace('_', ', ')}", unit, *shown, str(len(values))]


def checks(found: dict[str, Found], turns: list[tuple[int, int, int]]) -> Iterator[Check]:
    """What has a limit."""
    one, four, stop, alone, busy = (found[part] for part in ("one", "four", "stop", "empty", "busy"))
    yield Check("above llama.cpp's own stream, a fragment, median", median(one["pace"]), 0.2, "ms")
    yield Check("above llama.cpp's own stream, the first fragment, median", median(one["first"]), 5, "ms")
    yield Check("four at once, of the engine's own tokens a second, median", median(four["ratio"]), 0.9, "", least=True)
    again = max(read - new for _, new, read in turns[1:])
    yield Check("tokens of a later turn's prompt that are read besides the new ones, most", again, 32, "tokens")
    yield Check("start to ready, without a model, median", median(alone["start"]), 1.5, "s")
    yield Check("idle memory, without a model (RSS), most", max(alone["rss"]), 80, "MB")
    for name, values in stop.items():
        if name.startswith("cancel to end"):
            yield Check(f"{name}, median", median(values), 20, "ms")
        else:
            yield Check(f"{name}, slowest", max(values), 200, "ms")
    default = min(cores.threads(), 2)
    fair = median(busy[f"{default}, contended"]) / median(busy[f"{default}, alone"])
    yield Check("a machine with other work on each core: of the tokens a second without it", fair, 0.3, "", least=True)


def main() -> int:
    """Measure, print, and write where that is asked for."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--runs", type=int, default=15, help="answers of each kind (15)")
    parser.add_argument("--write", action="store_true", help="write the result to docs/benchmarks.md")
    options = parser.parse_args()
    logging.getLogger("httpx").setLevel(logging.WARNING)
    few = max(2, options.runs // 3)
    found: dict[str, Found] = {"empty": empty(few)}
    with tempfile.TemporaryDirectory() as folder:
        server = Server(Path(folder), store.get("smollm2"))
        try:
            server.frames.load(KEY)
            found["one"] = streams(server, options.runs)
            found["four"] = at_once(server, few)
            turns = chat(server)
            found["stop"] = stops(server, few)
            found["busy"] = contended(server)
        finally:
            server.stop()
    text = table(["what", "unit", "median", "min", "p95", "max", "runs"], list(rows(found)))
    said = [f"An engine has {cores.threads()} of {cores.physical()} cores unless it is told otherwise."]
    said += [
        f"Turn {number}: {prompt} tokens of prompt, {new} new, {read} read."
        for number, (prompt, new, read) in enumerate(turns, 1)
    ]
    print(text, *said, sep="\n")
    limits = list(checks(found, turns))
    if options.write:
        write("server", text, said, limits)
    return print_checks(limits)


if __name__ == "__main__":
    sys.exit(main())
