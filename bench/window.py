"""What it costs to fit a conversation into its context, and what an engine reads again of it.

Preparing a prompt of 25 to 400 turns, against the scripted model over a real websocket: the time besides what the
tokenizer's answers take, and how many questions it is asked, once all earlier turns were counted. Then a chat with the
real SmolLM2, a system prompt, a card and its history: the tokens of each prompt that the engine has read, by its own
count; once where all fits, and once in a context so short that turns are left out.
"""

from __future__ import annotations

import argparse
import asyncio
import logging
import sys
import tempfile
import time
from pathlib import Path
from typing import TYPE_CHECKING, Any

from bench._report import Check, median, p95, print_checks, table, write
from bench.server import KEY, Server
from lmnb import studio
from lmnb.chat.attached import Attached
from lmnb.chat.turns import Part, Turn
from lmnb.chat.window import Plan
from lmnb.server import launch, store
from lmnb.studio import counting, places, preparing
from lmnb.studio.choosing import loaded
from tests.server.frames import Frames

if TYPE_CHECKING:
    from lmnb.chat.events import Event
    from lmnb.chat.window import Window

SIZES = (25, 50, 100, 200, 400)
WIDE, NARROW = 1_000_000, 4_096
TEXT = "What is the mean of the fares by class, and how many were there? " * 8

SYSTEM = "You help with a notebook. Be brief."
CARD = "sales: 1,200 rows\n" + "\n".join(f"column_{n}: float, {n} to {n * 7}, mean {n * 3}.5" for n in range(8))
CHAT = ["Name three colours.", "And three animals.", "Which is the largest?", "Say it in other words.", "Thanks!"]


class Clock:
    """The time that is spent waiting for the tokenizer, and how often it was asked."""

    def __init__(self) -> None:
        self.waited = 0.0
        self.calls = 0
        answer = counting.Counter._answer

        async def timed(counter: counting.Counter, asked: Any) -> Any:
            began, before = time.perf_counter(), counter.calls
            try:
                return await answer(counter, asked)
            finally:
                self.waited += time.perf_counter() - began
                self.calls += counter.calls - before

        counting.Counter._answer = timed  # type: ignore[method-assign]


def turns(count: int) -> list[Turn]:
    """A conversation of so many turns, some 200 words each, and one that is to be answered."""
    said = [Turn(f"{n} {TEXT}", id=f"{n}", status="done", parts=[Part("text", f"{n} {TEXT}")]) for n in range(count)]
    return [*said, Turn("And now?")]


async def prepared(host: str, model: str, plan: Plan, clock: Clock) -> tuple[float, float, int, Window]:
    """Milliseconds besides the tokenizer's, those with it, questions, and the window of one prompt."""
    here = places.here()
    place = here.known(host, None)
    assert place is not None
    client = await here.client(place)
    chosen = next(each for each in await loaded(client, place) if each.identifier == model)
    clock.waited, clock.calls = 0.0, 0
    began = time.perf_counter()
    request = studio.Request(plan=plan, host=host, model=model)
    made = await preparing.prepare(request, chosen, client, place, {"contextOverflowPolicy": "stopAtLimit"})
    took = time.perf_counter() - began
    assert made.fit is not None
    return (took - clock.waited) * 1_000, took * 1_000, clock.calls, made.fit.window


def preparing_costs(runs: int) -> dict[str, list[float]]:
    """By kind of context and number of turns: milliseconds besides the tokenizer's, and questions."""
    found: dict[str, list[float]] = {}
    clock = Clock()
    with launch.start_server(scripted=True) as server:
        frames = Frames(server.host)
        for name, context in (("all sent", WIDE), ("4,096 tokens", NARROW)):
            layer = {"layerName": "x", "config": {"fields": [{"key": "llm.load.contextLength", "value": context}]}}
            frames.load("scripted", identifier=name, loadConfigStack={"layers": [layer]})
            for size in SIZES:
                window: Window | None = None
                for run in range(runs + 2):
                    said = turns(size)
                    if window is not None:  # as it was left the last time; the first run counts all turns
                        said[-2].window, said[-2].model = window, name
                    asking = prepared(server.host, name, Plan(tuple(said), SYSTEM), clock)
                    besides, whole, calls, window = on_the_io_thread(asking)
                    if run > 1:
                        for what, value in (("besides", besides), ("whole", whole), ("calls", calls)):
                            found.setdefault(f"{name}, {size} turns, {what}", []).append(value)
        frames.close()
    return found


def on_the_io_thread(asking: Any) -> Any:
    """Wait for something on lmnb's own loop."""
    return asyncio.run_coroutine_threadsafe(asking, studio.io_loop()).result(60)


def chat(server: Server, model: str, prompts: list[str]) -> list[tuple[int, int, int, int]]:
    """Of each prompt: its tokens, the new ones among them, those that were read, and how many turns were left out."""
    before = len(server.notes())
    said: list[Turn] = []
    card = Attached("sales", "card", CARD)
    for number, prompt in enumerate(prompts):
        turn = Turn(prompt, attached=(card,) if number == 0 else ())
        said.append(turn)
        config = {"temperature": 0.0, "maxTokens": 24}
        request = studio.Request(plan=Plan(tuple(said), SYSTEM), host=server.host, model=model, config=config)
        studio.start(request, applied(turn)).done.result(120)
        assert turn.status == "done", turn.problem
    rows, known = [], 0
    for turn, timings in zip(said, (note["timings"] for note in server.notes()[before:]), strict=True):
        prompt_tokens = timings["cache_n"] + timings["prompt_n"]
        assert turn.window is not None
        assert turn.window.prompt == prompt_tokens, "it was counted as the engine counts"
        rows.append((prompt_tokens, prompt_tokens - known, timings["prompt_n"], len(turn.window.left_out)))
        known = prompt_tokens + timings["predicted_n"]
    return rows


def applied(turn: Turn) -> Any:
    """Lets events happen to a turn."""

    def on_event(event: Event) -> None:
        turn.apply(event)

    return on_event


def reading() -> tuple[list[tuple[int, int, int, int]], list[tuple[int, int, int, int]]]:
    """The chat in a context that has room, and a longer one in a context that has not."""
    with tempfile.TemporaryDirectory() as folder:
        server = Server(Path(folder), store.get("smollm2"))
        try:
            field = {"key": "llm.load.contextLength", "value": 640}
            stack = {"layers": [{"layerName": "x", "config": {"fields": [field]}}]}
            server.frames.load(KEY)
            server.frames.load(KEY, identifier="short", loadConfigStack=stack)
            return chat(server, KEY, CHAT), chat(
                server, "short", [f"{prompt} {n}" for n in range(3) for prompt in CHAT]
            )
        finally:
            server.stop()


def main() -> int:
    """Measure, print, and write where that is asked for."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--runs", type=int, default=20, help="prompts of each kind (20)")
    parser.add_argument("--write", action="store_true", help="write the result to docs/benchmarks.md")
    options = parser.parse_args()
    logging.getLogger("httpx").setLevel(logging.WARNING)
    found = preparing_costs(options.runs)
    rows = [
        [name, "" if name.endswith("calls") else "ms"]
        + [f"{each:,.2f}" for each in (median(values), min(values), p95(values), max(values))]
        for name, values in found.items()
    ]
    wide, short = reading()
    said = [
        f"{name}, turn {number}: {prompt} tokens of prompt, {new} new, {read} read, {out} turns left out."
        for name, turns_of_it in (("All fits", wide), ("640 tokens", short))
        for number, (prompt, new, read, out) in enumerate(turns_of_it, 1)
    ]
    text = table(["preparing a prompt", "unit", "median", "min", "p95", "max"], rows)
    print(text, *said, sep="\n")
    limits = list(checks(found, wide, short))
    if options.write:
        write("window", text, said, limits)
    return print_checks(limits)


def checks(found: dict[str, list[float]], wide: list[Any], short: list[Any]) -> list[Check]:
    """What has a limit."""
    besides = {size: found[f"all sent, {size} turns, besides"] for size in SIZES}
    trimmed = {size: found[f"4,096 tokens, {size} turns, besides"] for size in SIZES}
    calls = max(max(values) for name, values in found.items() if name.endswith("calls"))
    same = [read - new for (_, new, read, out), (_, _, _, was) in zip(short[1:], short, strict=False) if out == was]
    return [
        Check("preparing a turn of 200, all sent, besides the tokenizer, median", median(besides[200]), 20, "ms"),
        Check("preparing a turn of 200, most left out, besides the tokenizer, median", median(trimmed[200]), 20, "ms"),
        Check("each further turn that was counted already, all sent", slope(besides), 0.05, "ms"),
        Check("each further turn that was left out already", slope(trimmed), 0.02, "ms"),
        Check("questions to the tokenizer for a turn, most", calls, 5, ""),
        Check(
            "all fits: tokens read besides the new ones, most", max(read - new for _, new, read, _ in wide[1:]), 32, ""
        ),
        Check("640 tokens, turns between two trims: tokens read besides the new ones, most", max(same), 32, ""),
    ]


def slope(times: dict[int, list[float]]) -> float:
    """Milliseconds more for each turn more."""
    return (median(times[SIZES[-1]]) - median(times[SIZES[0]])) / (SIZES[-1] - SIZES[0])


if __name__ == "__main__":
    sys.exit(main())
