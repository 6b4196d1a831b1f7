"""Requests to an engine, here to one that does what a test wants: answers that come in pieces, and that do not come."""

from __future__ import annotations

import asyncio
import contextlib

import pytest

from lmnb.server.asking import Address, BrokenOffError

CHUNKED = b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n"


@contextlib.asynccontextmanager
async def engine(*says):
    """An engine that hears one request, says these pieces and hangs up. Gives its address and what it heard."""
    heard = asyncio.Queue()

    async def answer(reader, writer):
        heard.put_nowait(await reader.readuntil(b"\r\n\r\n"))
        for piece in says:
            writer.write(piece)
            await writer.drain()
            await asyncio.sleep(0.01)
        if says and says[-1] is CHUNKED:
            heard.put_nowait(await reader.read())
        writer.close()

    server = await asyncio.start_server(answer, "127.0.0.1", 0)
    try:
        yield Address("127.0.0.1", server.sockets[0].getsockname()[1], "secret"), heard
    finally:
        server.close()


async def test_an_answer_in_pieces():
    pieces = [CHUNKED, b"3\r\nabc\r\n4\r", b"\ndefg\r\n0\r\n\r\n"]
    async with engine(*pieces) as (address, heard), address.request("POST", "/x", b"{}") as reply:
        assert reply.status == 200
        assert [piece async for piece in reply] == [b"abc", b"defg"]
    said = (await heard.get()).split(b"\r\n")
    assert said[0] == b"POST /x HTTP/1.1"
    assert b"Authorization: Bearer secret" in said
    assert b"Content-Length: 2" in said


@pytest.mark.parametrize(
    "says",
    [
        [],
        [b"HTTP/1.1 100 Continue\r\n\r\n"],
        [b"something else\r\n\r\n"],
        [CHUNKED, b"3\r\nab"],
        [b"HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\n", b"abc"],
    ],
)
async def test_an_answer_that_does_not_come_to_its_end(says):
    with pytest.raises(BrokenOffError):
        async with engine(*says) as (address, _), address.request("GET", "/x") as reply:
            await reply.whole()


async def test_nobody_is_there():
    async with engine() as (address, _):
        pass
    with pytest.raises(BrokenOffError):
        async with address.request("GET", "/x"):
            pass


async def test_who_leaves_hangs_up_at_once():
    async with engine(CHUNKED) as (address, heard):
        async with address.request("GET", "/x"):
            await heard.get()
        with contextlib.suppress(ConnectionResetError):
            assert await asyncio.wait_for(heard.get(), 5) == b""
