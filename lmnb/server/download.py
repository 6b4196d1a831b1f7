"""One file over HTTP, continued where it broke off."""

from __future__ import annotations

import os
import re
import shutil
import time
from pathlib import Path
from typing import TYPE_CHECKING
from urllib.parse import urlsplit
from urllib.request import url2pathname

import httpx

if TYPE_CHECKING:
    import ssl
    from collections.abc import Callable

    Progress = Callable[[int], None]

TRIES = 4
"""Attempts that bring nothing, one after another, until we give up."""

PAUSE = 0.5
"""Seconds: after the first attempt that brings nothing twice that, then twice as long each time."""

TEMPORARY = {408, 425, 429, 500, 502, 503, 504}
"""Answers of a server that may be better in a moment."""

CERTIFICATES = ("PIP_CERT", "REQUESTS_CA_BUNDLE", "CURL_CA_BUNDLE", "SSL_CERT_FILE")
"""Where the person may have said whom to trust, besides the system's list."""


class DownloadError(Exception):
    """The file did not come; the text is a sentence. What has come is kept."""


class UnreachedError(DownloadError):
    """Nothing answers there: no network, no such name."""


class RefusedError(DownloadError):
    """The server does not speak with us: no certificate we know, no password. Another client may be luckier."""


def download(url: str, part: Path, size: int, progress: Progress) -> None:
    """Make `part` as long as the file is, from what is there already. Blocks; Ctrl-C leaves what has come.

    Whether it is the right file is for the caller to check. What is there is continued whatever the server says of its
    age: the file at an address of a package index never changes, and the checksum would tell.

    Args:
        url: http, https or file.
        part: Where to; its folder exists.
        size: Of the whole file, in bytes.
        progress: Called with the bytes that are there.

    Raises:
        DownloadError: If it cannot be had now.
        UnreachedError: At once, if nothing answers; one that broke off in between is tried again.
        RefusedError: If it cannot be had by us.
        OSError: If it cannot be written.
    """
    if urlsplit(url).scheme == "file":
        shutil.copyfile(url2pathname(urlsplit(url).path), part)
        return
    with httpx.Client(follow_redirects=True, verify=_trusted(), timeout=httpx.Timeout(30, connect=15)) as client:
        barren, begun = 0, False
        while (before := _length(part)) != size:
            try:
                problem = _attempt(client, url, part, size, progress)
            except UnreachedError as error:
                if not begun:  # offline: trying again would only be silence
                    raise
                problem = str(error)
            if problem is None:
                return
            begun = True
            barren = barren + 1 if _length(part) <= before else 0
            if barren == TRIES:
                raise DownloadError(problem)
            time.sleep(PAUSE * 2**barren if barren else 0)


def _attempt(client: httpx.Client, url: str, part: Path, size: int, progress: Progress) -> str | None:
    """Fetch what is missing; None if all is there, else what stopped it."""
    have = _length(part)
    headers = {"Accept-Encoding": "identity"} | ({"Range": f"bytes={have}-"} if 0 < have < size else {})
    try:
        with client.stream("GET", url, headers=headers) as response:
            if response.status_code in TEMPORARY:
                return f"The server answers with {response.status_code} {response.reason_phrase}."
            _append(response, part, size, progress)
    except httpx.ConnectError as error:
        if "certificate" in str(error).lower():
            raise RefusedError(f"The server's certificate is not trusted: {error}.") from None
        raise _unreached(url, error) from None
    except httpx.ConnectTimeout as error:
        raise _unreached(url, error) from None
    except httpx.ProxyError as error:
        raise RefusedError(f"The proxy refuses: {error}.") from None
    except httpx.HTTPError as error:
        return f"The connection to {urlsplit(url).hostname} broke: {str(error) or type(error).__name__}."
    return None if _length(part) == size else "The connection ended too early."


def _unreached(url: str, error: Exception) -> UnreachedError:
    why = str(error) or "it does not answer"
    return UnreachedError(
        f"{urlsplit(url).hostname} cannot be reached: {why}.\n"
        "This computer seems to be offline, or behind a proxy; run the same command again when it can."
    )


def _append(response: httpx.Response, part: Path, size: int, progress: Progress) -> None:
    """Write an answer behind what is there, or over it where the server begins at the beginning."""
    if response.status_code not in {200, 206}:
        raise RefusedError(f"The server answers with {response.status_code} {response.reason_phrase}.")
    have = _start(response) if response.status_code == 206 else 0
    with part.open("r+b" if part.exists() else "w+b") as file:
        file.truncate(min(have, _length(part)))
        file.seek(0, os.SEEK_END)
        if file.tell() != have:
            return  # a piece from the middle that nobody asked for: the next attempt takes it from here
        progress(have)
        for piece in response.iter_raw():
            file.write(piece[: size - have])
            have += len(piece)
            if have > size:
                raise RefusedError("The server's file is longer than the one that is known.")
            progress(have)


def _start(response: httpx.Response) -> int:
    found = re.match(r"bytes (\d+)-", response.headers.get("Content-Range", ""))
    return int(found[1]) if found else 0


def _length(file: Path) -> int:
    return file.stat().st_size if file.exists() else 0


def _trusted() -> ssl.SSLContext:
    """Whom the system trusts, whom httpx trusts, and whom the person's settings for pip name."""
    context = httpx.create_ssl_context()
    context.load_default_certs()
    for name in CERTIFICATES:
        file = Path(os.environ.get(name) or os.devnull)
        if file.is_file():
            context.load_verify_locations(file)
    return context
