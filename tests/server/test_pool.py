"""The memory that the predictions of a model share."""

from __future__ import annotations

import asyncio
import contextlib

from lmnb.server.pool import Pool


async def test_one_alone_may_take_all():
    async with Pool(100).place(99) as place:
        place.tokens += 1
        assert not Pool(100).must_end(place)


async def test_who_does_not_fit_beside_the_others_waits_its_turn():
    pool, order = Pool(1000), []

    async def take(name, tokens, until):
        async with pool.place(tokens):
            order.append(name)
            await until.wait()

    first, second = asyncio.Event(), asyncio.Event()
    tasks = [
        asyncio.create_task(take(name, size, until))
        for name, size, until in (
            ("a", 600, first),
            ("b", 300, second),
            ("c", 600, second),
            ("d", 10, second),
        )
    ]
    await asyncio.sleep(0)
    await asyncio.sleep(0)
    assert order == ["a", "b"]  # d would fit, but c came first
    first.set()
    await asyncio.wait_for(asyncio.gather(tasks[0]), 1)
    second.set()
    await asyncio.wait_for(asyncio.gather(*tasks), 1)
    assert order == ["a", "b", "c", "d"]


async def test_who_gives_up_waiting_is_in_nobodys_way():
    pool = Pool(1000)
    async with contextlib.AsyncExitStack() as held:
        await held.enter_async_context(pool.place(900))
        waiting = asyncio.create_task(held.enter_async_context(pool.place(900)))
        await asyncio.sleep(0)
        waiting.cancel()
        await asyncio.wait({waiting})
        await asyncio.wait_for(held.enter_async_context(pool.place(10)), 1)


async def test_the_largest_ends_when_there_is_no_room_left():
    pool = Pool(1000)
    async with pool.place(500) as large, pool.place(300) as small:
        assert not pool.must_end(large)
        small.tokens += 190
        assert (pool.must_end(large), pool.must_end(small)) == (True, False)
    assert not pool.must_end(large)
