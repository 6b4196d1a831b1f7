"""What a fragment costs the thread that produces it: `python bench/append.py`, in a real kernel.

`event` is what the producer calls per fragment (`turn.apply` and `view.event`); `all` is all that its thread does for
lmnb, the throttled messages included: CPU time of a run above that of the same paced source feeding a plain list.
At 50/s the caches are cold for all of them: compare with the list.
"""

from __future__ import annotations

import asyncio
import statistics
import sys
import threading
import time
from pathlib import Path

from IPython.display import display, update_display
from jupyter_client.manager import start_new_kernel

from lmnb.chat.events import Fragment
from lmnb.chat.turns import Turn
from lmnb.widgets import CellView

RATES = (50, 500, 2_000, None)


def fragments(count):
    return [Fragment(word) for word in ("The ", "sales ", "of ", "2024 ", "fell.", "\n\n") * (count // 6)]


async def produce(pieces, rate, consume):
    """Hand fragments over at a rate; returns the seconds of each call and the CPU seconds of the thread."""
    spent, began, cpu = [], time.perf_counter(), time.thread_time()
    for number, piece in enumerate(pieces):
        if rate:
            # As on a socket: what has come since the last look is there at once.
            if (ahead := began + number / rate - time.perf_counter()) > 0:
                await asyncio.sleep(ahead)
        elif number % 10 == 0:
            await asyncio.sleep(0)
        start = time.perf_counter()
        consume(piece)
        spent.append(time.perf_counter() - start)
    await asyncio.sleep(0.1)
    return spent, time.thread_time() - cpu


def measure():
    """Inside the kernel: one line per rate."""
    loop = asyncio.new_event_loop()
    threading.Thread(target=loop.run_forever, daemon=True).start()

    def run(pieces, rate, consume):
        return asyncio.run_coroutine_threadsafe(produce(pieces, rate, consume), loop).result()

    def view_of(turn):
        sent = []
        view = CellView(turn, loop=loop, on_stop=lambda: None, show=display_raw, update=update_display)
        view.open()
        send, view._stream._send = view._stream._send, lambda message: (sent.append(message), send(message))
        return view, sent

    def display_raw(data, metadata):
        display(data, metadata=metadata, raw=True)

    print("  rate/s      n  messages  list µs  event µs  ratio  p99 µs  all µs")
    for rate in RATES:
        pieces = fragments(300 if rate == 50 else 3_000)
        plain, idle = run(pieces, rate, [].append)
        turn = Turn("How did sales go?")
        view, sent = view_of(turn)

        def consume(piece, turn=turn, view=view):
            turn.apply(piece)
            view.event(piece)

        spent, busy = run(pieces, rate, consume)
        view._stream.finish()
        assert turn.text == sent[-1]["text"] == "".join(piece.content for piece in pieces)
        floor, mean = statistics.mean(plain) * 1e6, statistics.mean(spent) * 1e6
        p99 = statistics.quantiles(spent, n=100)[98] * 1e6
        every = (busy - idle) / len(pieces) * 1e6
        name = str(rate or "max")
        print(
            f"{name:>8} {len(pieces):>6} {len(sent):>9} {floor:>8.2f} {mean:>9.2f} {mean / floor:>6.1f} "
            f"{p99:>7.1f} {every:>7.1f}"
        )


def main():
    """Start a kernel, measure in it, print what it prints."""
    manager, client = start_new_kernel(kernel_name="python3")
    try:
        here = str(Path(__file__).parent)
        code = f"import sys; sys.path.insert(0, {here!r}); import append; append.measure()"
        reply = client.execute_interactive(code, timeout=120, output_hook=show)
        return 0 if reply["content"]["status"] == "ok" else 1
    finally:
        client.stop_channels()
        manager.shutdown_kernel(now=True)


def show(message):
    """What the kernel prints; the widget messages go nowhere."""
    if message["msg_type"] == "stream":
        print(message["content"]["text"], end="", flush=True)
    elif message["msg_type"] == "error":
        print("\n".join(message["content"]["traceback"]), file=sys.stderr)


if __name__ == "__main__":
    sys.exit(main())
