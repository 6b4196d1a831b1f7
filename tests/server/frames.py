"""A client of the server without the SDK: says and hears frames."""

from __future__ import annotations

import base64
import contextlib
import json
import os
import socket
import time

import httpx
from httpx_ws import WebSocketDisconnect, WebSocketNetworkError, connect_ws

ANYBODY = {"authVersion": 1, "clientIdentifier": "guest", "clientPasskey": "guest"}
ANY_MODEL = {"type": "query", "query": {}}


def asked(text, *, model=ANY_MODEL, **config):
    """The parameter of `predict` with one user message."""
    fields = [{"key": f"llm.prediction.{key}", "value": value} for key, value in config.items()]
    return {
        "modelSpecifier": model,
        "history": {"messages": [{"role": "user", "content": [{"type": "text", "text": text}]}]},
        "predictionConfigStack": {"layers": [{"layerName": "apiOverride", "config": {"fields": fields}}]},
    }


class Frames:
    """One connection to one namespace.

    Args:
        host: `"127.0.0.1:PORT"`.
        namespace: Which.
        hello: What is said first; None: nothing.
        options: For `connect_ws`.
    """

    def __init__(self, host, namespace="llm", *, hello=ANYBODY, **options):
        self._stack = contextlib.ExitStack()
        client = self._stack.enter_context(httpx.Client(trust_env=False, verify=False))  # no TLS context: 40 ms each
        options.setdefault("max_message_size_bytes", 64 << 20)
        self.ws = self._stack.enter_context(connect_ws(f"http://{host}/{namespace}", client, **options))
        self._socket = self.ws.stream.get_extra_info("socket").dup()  # to be used when the other one is closed
        self._number = 0
        if hello is not None:
            self.ws.send_json(hello)
            assert self.hear() == {"success": True}

    def say(self, frame):
        """Send a frame, or a text that is meant to be one."""
        self.ws.send_text(frame if isinstance(frame, str) else json.dumps(frame))

    def hear(self, timeout=10.0):
        """The next frame."""
        return json.loads(self.ws.receive_text(timeout=timeout))

    def number(self):
        """An id that was not used yet."""
        self._number += 1
        return self._number

    def ask(self, endpoint, *parameter):
        """Call without waiting. Returns the id."""
        number = self.number()
        frame = {"type": "rpcCall", "endpoint": endpoint, "callId": number}
        self.say(frame | ({"parameter": parameter[0]} if parameter else {}))
        return number

    def answer(self, endpoint, *parameter):
        """Call and return the whole answering frame."""
        number = self.ask(endpoint, *parameter)
        answer = self.hear()
        assert answer["callId"] == number, answer
        return answer

    def call(self, endpoint, *parameter):
        """Call and return the result, None for void."""
        answer = self.answer(endpoint, *parameter)
        assert answer["type"] == "rpcResult", answer
        return answer.get("result")

    def open(self, endpoint, parameter=None):
        """Open a channel. Returns its id."""
        number = self.number()
        self.say({"type": "channelCreate", "endpoint": endpoint, "channelId": number, "creationParameter": parameter})
        return number

    def into(self, channel, message, **more):
        """Send a message into a channel."""
        self.say({"type": "channelSend", "channelId": channel, "message": message, **more})

    def packets(self, channel):
        """The packets of a channel until it ends; the last one is the frame that ended it."""
        heard = []
        while True:
            frame = self.hear()
            assert frame.get("channelId") == channel, frame
            if frame["type"] != "channelSend":
                return [*heard, frame]
            heard.append(frame["message"])

    def load(self, key="scripted", **more):
        """Have a model loaded. Returns its identifier."""
        heard = self.packets(self.open("loadModel", {"modelKey": key, "loadConfigStack": {"layers": []}} | more))
        assert heard[-2]["type"] == "success", heard
        return heard[-2]["info"]["identifier"]

    def predict(self, text, **config):
        """Have an answer written. Returns its packets."""
        return self.packets(self.open("predict", asked(text, **config)))

    def loaded(self):
        """The identifiers of the loaded models."""
        return [info["identifier"] for info in self.call("listLoaded")]

    def state(self, identifier="scripted"):
        """What an instance is doing, and how many wait."""
        specifier = {"type": "query", "query": {"identifier": identifier}}
        state = self.call("getInstanceProcessingState", {"specifier": specifier, "throwIfNotFound": False})
        return (state["status"], state["queued"]) if state else None

    def wait_state(self, status, queued=0, *, seconds=10.0, identifier="scripted"):
        """Wait until an instance is in this state."""
        until = time.monotonic() + seconds
        while (state := self.state(identifier)) != (status, queued):
            assert time.monotonic() < until, f"{state} instead of {(status, queued)}"
            time.sleep(0.005)

    def close(self):
        """Say goodbye."""
        with contextlib.suppress(WebSocketDisconnect, WebSocketNetworkError):
            self.ws.close()
        self.cut()  # its threads read on until the other end closes, and the process would wait for them
        self._stack.close()
        self._socket.close()

    def cut(self):
        """Be gone without a word."""
        with contextlib.suppress(OSError):  # it is gone already
            self._socket.shutdown(socket.SHUT_RDWR)


class Deaf:
    """A client that says much and never reads. Plain sockets: every library reads in the background."""

    def __init__(self, host):
        address, _, port = host.partition(":")
        self.socket = socket.socket()
        self.socket.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
        self.socket.connect((address, int(port)))
        key = base64.b64encode(os.urandom(16)).decode()
        self.socket.sendall(
            f"GET /llm HTTP/1.1\r\nHost: {host}\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
            f"Sec-WebSocket-Key: {key}\r\nSec-WebSocket-Version: 13\r\n\r\n".encode()
        )
        assert b" 101 " in self.socket.recv(4096)
        self.say(ANYBODY)
        self.socket.settimeout(0.2)

    def say(self, frame):
        data = json.dumps(frame).encode()
        head = bytes([0x81, 0xFE]) + len(data).to_bytes(2, "big") if len(data) > 125 else bytes([0x81, 128 | len(data)])
        self.socket.sendall(head + bytes(4) + data)  # masked with zeros

    def flood(self, frame, most):
        """Say it until the server does not listen any more. Returns how often that was."""
        for number in range(most):
            try:
                self.say(frame)
            except TimeoutError:
                return number
        return most


def kinds(packets):
    """The order of packets, repetitions left out."""
    names = [packet["type"] for packet in packets]
    return [name for i, name in enumerate(names) if i == 0 or names[i - 1] != name]
