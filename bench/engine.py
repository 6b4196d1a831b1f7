"""What the embedded engine costs above llama.cpp itself: `python bench/engine.py`, with the real SmolLM2.

Loading: until the child has the model, and until a client of the server may use it. Stopping: from the cancel to the
engine's free slot, while it reads a prompt and while it writes; it hears between two batches of a prompt. Writing:
tokens per second as llama.cpp counts them, and as they arrive at the SDK.
"""

from __future__ import annotations

import asyncio
import logging
import statistics
import time

import lmstudio as lms

import lmnb
from lmnb.server import store
from lmnb.server.catalog import Catalog
from lmnb.server.engine import EngineRunner
from lmnb.server.models import LoadRequest

RUNS = 5


async def nobody(_):
    pass


def show(what, values, unit, scale=1.0):
    ordered = sorted(value * scale for value in values)
    print(f"{what:<58}{statistics.median(ordered):9.1f} {unit:<6}({ordered[0]:.1f} to {ordered[-1]:.1f})")
    return statistics.median(ordered)


async def load_time(model):
    """Seconds to load, without server and client."""
    runner = EngineRunner(model, LoadRequest())
    began = time.perf_counter()
    await runner.start(nobody)
    took = time.perf_counter() - began
    await runner.close()
    return took


async def busy(child):
    return any(slot["is_processing"] for slot in await child.ask("/slots"))


async def stop_times(model, kind):
    """Seconds from hanging up to a free slot."""
    runner, times = EngineRunner(model, LoadRequest()), []
    child = await runner.start(nobody)
    for number in range(RUNS):
        prompt = f"{number} " + ("word " * 1500 if kind == "prompt_progress" else "Once upon a time")
        body = {"prompt": prompt, "n_predict": 500, "ignore_eos": True, "return_progress": True, "cache_prompt": False}
        begun = asyncio.Event()

        async def read(body=body, begun=begun):
            count = 0
            async for event in child.stream("/completion", body):
                count += kind in event
                if count == 3:
                    begun.set()

        reading = asyncio.create_task(read())
        await begun.wait()
        await asyncio.sleep(0.03 * number)  # anywhere within a batch
        began = time.perf_counter()
        reading.cancel()
        while await busy(child):  # noqa: ASYNC110  it tells nobody
            await asyncio.sleep(0.001)
        times.append(time.perf_counter() - began)
    await runner.close()
    return times


def through_the_sdk(model):
    """Seconds to load, alone and for a client; tokens per second as the engine counts and as the client sees them."""
    alone, loads, theirs, ours = [], [], [], []
    with lmnb.start_server(models=[model.file]) as server, lms.Client(server.host) as client:
        client.llm.list_loaded()  # connected
        for _ in range(RUNS):
            alone.append(asyncio.run(load_time(model)))
            began = time.perf_counter()
            loaded = client.llm.load_new_instance(model.key)
            loads.append(time.perf_counter() - began)
            arrived = []
            config = {"temperature": 1.0, "maxTokens": 120}
            result = loaded.respond(
                "Tell me a long story.",
                config=config,
                on_prediction_fragment=lambda _, arrived=arrived: arrived.append(time.perf_counter()),
            )
            theirs.append(result.stats.tokens_per_second)
            ours.append((len(arrived) - 1) / (arrived[-1] - arrived[0]))
            loaded.unload()
    return alone, loads, theirs, ours


def main():
    logging.disable(logging.ERROR)
    file = store.get("smollm2")
    model = next(each for each in Catalog([file]).models() if each.file == file)
    for kind, name in (("prompt_progress", "reads"), ("content", "writes")):
        show(f"stop while it {name}: the slot is free", asyncio.run(stop_times(model, kind)), "ms", 1000)
    alone, loads, theirs, ours = through_the_sdk(model)
    child = show("load: the engine has the model", alone, "ms", 1000)
    total = show("load: a client of the server may use it", loads, "ms", 1000)
    print(f"{'  of the engine alone':<58}{total / child:9.2f} x")
    engine = show("write: as llama.cpp counts", theirs, "tok/s")
    seen = show("write: as the SDK sees it", ours, "tok/s")
    print(f"{'  of llama.cpp':<58}{seen / engine:9.2f} x")


if __name__ == "__main__":
    main()
