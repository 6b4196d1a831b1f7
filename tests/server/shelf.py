"""A package index on this computer that can be told to misbehave, and a made-up model in a wheel on it."""

from __future__ import annotations

import functools
import hashlib
import io
import random
import re
import threading
import time
import zipfile
from collections import deque
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

from lmnb.server.packages import Wheel
from lmnb.server.store import Entry

MODEL = random.Random(1).randbytes(3_000_000)
"""The bytes of the made-up model; as random as a real one, so that the wheel is as big."""

MEMBER = "lmnb_test_model/tiny.gguf"


@functools.cache
def wheel(model=MODEL, version="1.0"):
    """The bytes of a wheel that pip and uv install, with a model in it and a dependency that nobody has."""
    info = f"lmnb_test_model-{version}.dist-info"
    name = "Name: lmnb-test-model\nVersion: " + version
    files = {
        MEMBER: model,
        "lmnb_test_model/__init__.py": b"",
        f"{info}/METADATA": f"Metadata-Version: 2.1\n{name}\nRequires-Dist: lmnb-there-is-no-such\n".encode(),
        f"{info}/WHEEL": b"Wheel-Version: 1.0\nGenerator: lmnb\nRoot-Is-Purelib: true\nTag: py3-none-any\n",
    }
    files[f"{info}/RECORD"] = "".join(f"{file},,\n" for file in [*files, f"{info}/RECORD"]).encode()
    whole = io.BytesIO()
    with zipfile.ZipFile(whole, "w", zipfile.ZIP_DEFLATED) as archive:
        for file, content in files.items():
            archive.writestr(zipfile.ZipInfo(file, (2025, 1, 1, 0, 0, 0)), content)
    return whole.getvalue()


def entry(content=None, model=MODEL, **changes):
    """The catalogue's entry for the made-up model."""
    content = wheel() if content is None else content
    described = {
        "name": "tiny",
        "title": "Tiny",
        "licence": "MIT",
        "key": "tiny",
        "path": "lmnb/tiny-GGUF/tiny-Q4_1.gguf",
        "size_bytes": len(model),
        "sha256": hashlib.sha256(model).hexdigest(),
        "wheel": Wheel("lmnb-test-model", "1.0", hashlib.sha256(content).hexdigest(), len(content)),
        "member": MEMBER,
    }
    return Entry(**{**described, **changes})


class Shelf:
    """The index. Faults are used up one per request of a file, in their order.

    Attributes:
        files: What it has, by name.
        faults: What goes wrong next: a number (the connection breaks after so many bytes), "slow" (1 MB/s),
            "whole" (it knows no ranges), "middle" (another range than asked for), "401" or another status, "" (none).
        asked: The Range header of each request of a file, "" where there was none.
        sent: Bytes of files sent in all.
    """

    def __init__(self):
        self.files = {"lmnb_test_model-1.0-py3-none-any.whl": wheel()}
        self.faults = deque()
        self.asked = []
        self.sent = 0
        self._server = ThreadingHTTPServer(("127.0.0.1", 0), _handler(self))
        self._thread = threading.Thread(target=self._server.serve_forever, args=(0.01,), daemon=True)
        self._thread.start()

    @property
    def address(self):
        """Where it is."""
        return f"http://127.0.0.1:{self._server.server_port}"

    def url(self, name="lmnb_test_model-1.0-py3-none-any.whl"):
        """Where a file is."""
        return f"{self.address}/files/{name}"

    def close(self):
        """No more."""
        self._server.shutdown()
        self._server.server_close()
        self._thread.join()


def _handler(shelf):
    class Handler(BaseHTTPRequestHandler):
        def do_GET(self):
            folder, _, name = self.path.strip("/").partition("/")
            if folder == "simple":
                self._page("".join(f'<a href="/files/{file}">{file}</a>\n' for file in shelf.files))
            elif folder == "files" and name in shelf.files:
                self._file(shelf.files[name])
            else:
                self.send_error(404)

        do_HEAD = do_GET  # noqa: N815

        def _page(self, links):
            body = f"<!DOCTYPE html><html><body>{links}</body></html>".encode()
            self.send_response(200)
            self.send_header("Content-Type", "text/html")
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        def _file(self, content):
            wanted = self.headers.get("Range", "")
            shelf.asked.append(wanted)
            fault = shelf.faults.popleft() if shelf.faults else ""
            if isinstance(fault, str) and fault.isdigit():
                self.send_error(int(fault))
                return
            begin = int(re.match(r"bytes=(\d+)-", wanted)[1]) if wanted and fault != "whole" else 0
            begin += 1000 if fault == "middle" else 0
            self.send_response(206 if wanted and fault != "whole" else 200)
            if wanted and fault != "whole":
                self.send_header("Content-Range", f"bytes {begin}-{len(content) - 1}/{len(content)}")
            self.send_header("Content-Length", str(len(content) - begin))
            self.end_headers()
            self._send(content[begin:], fault)

        def _send(self, body, fault):
            body = body[:fault] if isinstance(fault, int) else body
            for start in range(0, len(body), 50_000):
                piece = body[start : start + 50_000]
                try:
                    self.wfile.write(piece)
                except OSError:
                    return
                shelf.sent += len(piece)
                if fault == "slow":
                    time.sleep(0.05)
            if isinstance(fault, int):
                self.close_connection = True

        def log_message(self, *_):
            pass

    return Handler
