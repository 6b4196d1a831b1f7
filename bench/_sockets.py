"""Clients that do nothing but note when which bytes came: they cost the same with the engine and with the server."""

from __future__ import annotations

import base64
import json
import os
import re
import selectors
import socket
import time
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

PATIENCE = 120.0
"""Seconds in which an answer must come to its end."""

LARGEST = 1 << 16
"""Bytes taken at a time."""


@dataclass
class Heard:
    """An answer as it came.

    Attributes:
        fragment: What each fragment has in it.
        end: What only its last bytes have.
        began: When it was asked for.
        pieces: When which bytes came.
    """

    connection: socket.socket
    fragment: re.Pattern[bytes]
    end: bytes
    began: float
    pieces: list[tuple[float, bytes]] = field(default_factory=list)

    @property
    def content(self) -> bytes:
        """All that came."""
        return b"".join(piece for _, piece in self.pieces)

    @property
    def fragments(self) -> list[float]:
        """When each of its fragments was here."""
        ends, length = [], 0
        for at, piece in self.pieces:
            length += len(piece)
            ends.append((length, at))
        found, times = [match.end() for match in self.fragment.finditer(self.content)], []
        for end in found:
            while ends[0][0] < end:
                ends.pop(0)
            times.append(ends[0][1])
        return times

    @property
    def first(self) -> float:
        """Milliseconds from the question to the first fragment."""
        return (self.fragments[0] - self.began) * 1_000

    @property
    def pace(self) -> float:
        """Milliseconds from one fragment to the next, on average."""
        times = self.fragments
        return (times[-1] - times[0]) / (len(times) - 1) * 1_000


class Engine:
    """llama.cpp's own HTTP, asked what the server has asked it.

    Args:
        asked: As `bench._spied` has noted it.
    """

    def __init__(self, asked: dict[str, Any]) -> None:
        self._asked = asked

    def ask(self, **changes: Any) -> Heard:
        """Ask, over a connection of its own as the server does."""
        body = json.dumps({**self._asked["body"], **changes, "stream": True}).encode()
        began = time.perf_counter()
        connection = self._connect()
        connection.sendall(self._head(f"POST {self._asked['path']}", len(body)) + body)
        return Heard(connection, re.compile(rb'"content":"[^"]'), b"\r\n0\r\n", began)

    def busy(self) -> int:
        """How many of its slots are."""
        with self._connect() as connection:
            connection.sendall(self._head("GET /slots", 0))
            said = b""
            while piece := connection.recv(LARGEST):
                said += piece
        return said.count(b'"is_processing":true')

    def _connect(self) -> socket.socket:
        return socket.create_connection((self._asked["host"], self._asked["port"]))

    def _head(self, what: str, length: int) -> bytes:
        lines = [
            f"{what} HTTP/1.1",
            "Host: 127.0.0.1",
            f"Authorization: Bearer {self._asked['key']}",
            "Content-Type: application/json",
            f"Content-Length: {length}",
            "Connection: close",
        ]
        return ("\r\n".join(lines) + "\r\n\r\n").encode()


class Guest:
    """A client of the server: one websocket, greeted, and a channel at a time.

    Args:
        host: `"127.0.0.1:PORT"`.
    """

    def __init__(self, host: str) -> None:
        address, _, port = host.partition(":")
        self._number = 0
        self.socket = socket.create_connection((address, int(port)))
        self.socket.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        key = base64.b64encode(os.urandom(16)).decode()
        self.socket.sendall(
            f"GET /llm HTTP/1.1\r\nHost: {host}\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
            f"Sec-WebSocket-Key: {key}\r\nSec-WebSocket-Version: 13\r\n\r\n".encode()
        )
        self._wait(b"\r\n\r\n")
        self.say({"authVersion": 1, "clientIdentifier": "bench", "clientPasskey": "bench"})
        self._wait(b'{"success":true}')

    def _wait(self, end: bytes) -> None:
        said = b""
        while not said.endswith(end):
            said += self.socket.recv(LARGEST)

    def say(self, frame: dict[str, Any]) -> None:
        """Send a frame."""
        data = json.dumps(frame).encode()
        size = bytes([128 | len(data)]) if len(data) < 126 else b"\xfe" + len(data).to_bytes(2, "big")
        self.socket.sendall(b"\x81" + size + bytes(4) + data)  # masked with zeros

    def open(self, endpoint: str, parameter: dict[str, Any]) -> Heard:
        """Open a channel."""
        self._number += 1
        began = time.perf_counter()
        frame = {"type": "channelCreate", "endpoint": endpoint, "channelId": self._number}
        self.say(frame | {"creationParameter": parameter})
        end = b'{"type":"channelClose","channelId":%d}' % self._number
        return Heard(self.socket, re.compile(rb'"type":"fragment"'), end, began)

    def cancel(self) -> None:
        """Stop what is going on in the channel."""
        self.say({"type": "channelSend", "channelId": self._number, "message": {"type": "cancel"}})

    def close(self) -> None:
        """Be gone without a word."""
        self.socket.close()


def listen(answers: Sequence[Heard], enough: Callable[[Heard], bool] = lambda _: False) -> None:
    """Read all of them to their ends, or until there is enough of each.

    Raises:
        TimeoutError: If they take too long.
        ConnectionError: If one ends before its end.
    """
    with selectors.DefaultSelector() as selector:
        for each in answers:
            selector.register(each.connection, selectors.EVENT_READ, each)
        until = time.monotonic() + PATIENCE
        while selector.get_map():
            if not (ready := selector.select(until - time.monotonic())):
                raise TimeoutError("An answer has not come to its end.")
            for key, _ in ready:
                heard: Heard = key.data
                piece = heard.connection.recv(LARGEST)
                heard.pieces.append((time.perf_counter(), piece))
                if not piece or b'"type":"channelError"' in piece:
                    raise ConnectionError(f"An answer broke off: {heard.content[-300:]!r}")
                if heard.content[-200:].rstrip().endswith(heard.end.strip()) or enough(heard):
                    selector.unregister(heard.connection)
