"""Where a wheel is, asked of the client that this environment installs packages with: its indexes are the person's."""

from __future__ import annotations

import importlib.util
import os
import re
import shutil
import subprocess
import sys
import tempfile
from dataclasses import dataclass
from typing import TYPE_CHECKING, Protocol

if TYPE_CHECKING:
    from pathlib import Path

PATIENCE = 60.0
"""Seconds a client may take to say where a wheel is; it takes one."""

UNREACHED = re.compile(
    r"could not fetch url(?!.* 404 )|failed to fetch|connection (error|refused)|dns error|name resolution|timed out",
    re.IGNORECASE,
)
"""How the clients say that they did not get to their index."""


class PackageError(Exception):
    """A client did not find the wheel, or did not bring it; the text is sentences."""


@dataclass(frozen=True)
class Wheel:
    """A wheel, of one version.

    Attributes:
        project: The name that clients know.
        version: The one whose contents are known.
        sha256: Of the wheel.
        size_bytes: Of the wheel.
    """

    project: str
    version: str
    sha256: str
    size_bytes: int

    @property
    def file(self) -> str:
        """Its file name."""
        return f"{self.project.replace('-', '_')}-{self.version}-py3-none-any.whl"


class Client(Protocol):
    """Something that installs packages."""

    def find(self, wheel: Wheel) -> str | None:
        """The address of a wheel; None where it does not say. Blocks about a second.

        Raises:
            PackageError: If its index cannot be reached or does not have it.
        """

    def bring(self, wheel: Wheel, folder: Path) -> None:
        """Unpack a wheel into a folder, without the packages it depends on. Blocks, without a word in between.

        Raises:
            PackageError: If that does not work.
        """


class Pip:
    """pip, of this environment or of another one: for a wheel without compiled code it does not matter whose.

    Args:
        command: How it is called.
    """

    def __init__(self, *command: str) -> None:
        self._command = command

    def find(self, wheel: Wheel) -> str | None:
        """The address, from the log of a request that no version fulfils.

        pip's `--dry-run --report` is meant for this, but is not there before pip 22.2, and downloads the whole wheel
        where the pip is older than 23.2 or the index serves no metadata. This names the wheel in any pip since 20.
        """
        impossible = f"{wheel.project}=={wheel.version},!={wheel.version}"
        command = ("download", "-vv", "--no-deps", *_hurry(), "--dest", tempfile.gettempdir(), impossible)
        code, said = _run(*self._command, *command)
        found = re.search(rf"Found link (\S+/{re.escape(wheel.file)})", said)
        if found is None:
            raise PackageError(_why("pip", wheel, code, said))
        return None if "****" in found[1] else found[1]  # it has a password, which pip keeps to itself

    def bring(self, wheel: Wheel, folder: Path) -> None:
        """As `pip install --target`."""
        command = ("install", "--no-deps", "--no-compile", "--target", str(folder), f"{wheel.project}=={wheel.version}")
        code, said = _run(*self._command, *command, patience=None)
        if code:
            raise PackageError(_why("pip", wheel, code, said))


class Uv:
    """uv.

    Args:
        command: Its path.
    """

    def __init__(self, command: str) -> None:
        self._command = command

    def find(self, wheel: Wheel) -> str | None:
        """The address, from a lock file of this one package; uv writes such files since 0.6.15."""
        command = ("pip", "compile", "--no-deps", "--no-header", "--format", "pylock.toml", "-")
        code, said = _run(self._command, *command, given=f"{wheel.project}=={wheel.version}")
        found = re.search(rf'"([^"]+/{re.escape(wheel.file)})"', said)  # Python 3.10 reads no TOML
        if found is None and code and "unexpected argument" not in said and "pylock" not in said:
            raise PackageError(_why("uv", wheel, code, said))
        return found[1] if found else None

    def bring(self, wheel: Wheel, folder: Path) -> None:
        """As `uv pip install --target`."""
        command = ("pip", "install", "--no-deps", "--python", sys.executable, "--target", str(folder))
        code, said = _run(self._command, *command, f"{wheel.project}=={wheel.version}", patience=None)
        if code:
            raise PackageError(_why("uv", wheel, code, said))


def client() -> Client:
    """This environment's client: its pip, else uv, else a pip that is found somewhere else.

    Raises:
        PackageError: If there is none, with what to install.
    """
    if importlib.util.find_spec("pip"):
        return Pip(sys.executable, "-m", "pip")
    if found := os.environ.get("UV") or shutil.which("uv"):
        return Uv(found)
    if found := shutil.which("pip") or shutil.which("pip3"):
        return Pip(found)
    raise PackageError(
        "Neither pip nor uv is here, and one of them has to say where the file is.\n"
        "`python -m ensurepip` brings pip into this environment; on Debian and Ubuntu, `apt install python3-pip`."
    )


def _hurry() -> tuple[str, ...]:
    # By itself pip tries five times, and longer each time: without a network that is nine seconds of silence.
    return ("--retries", "1", "--timeout", "15")


def _run(*command: str, given: str = "", patience: float | None = PATIENCE) -> tuple[int, str]:
    """Run a client; its exit code and all it said."""
    # Away from here: `python -m pip` would import a `json.py` that lies beside a notebook.
    quiet = {"UV_HTTP_RETRIES": "1", "UV_NO_PROGRESS": "1", "PIP_NO_INPUT": "1", "NO_COLOR": "1"}
    try:
        done = subprocess.run(  # noqa: S603  our words only
            command,
            input=given,
            cwd=tempfile.gettempdir() if command[1:2] == ("-m",) else None,
            env={**os.environ, **quiet},
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            timeout=patience,
            check=False,
            encoding="utf-8",
            errors="replace",
        )
    except subprocess.TimeoutExpired:
        return 1, "timed out"
    except OSError as error:
        return 1, f"ERROR: {command[0]}: {error.strerror}"
    return done.returncode, done.stdout


def _why(name: str, wheel: Wheel, code: int, said: str) -> str:
    if UNREACHED.search(said):
        return (
            f"{name}'s package index cannot be reached: this computer seems to be offline, or behind a proxy.\n"
            "Run the same command again when it can."
        )
    errors = re.findall(r"^(?:ERROR|error): (.+)", said, re.MULTILINE) or [f"{name} ended with exit code {code}."]
    return f"{name} does not find {wheel.project} {wheel.version}: {errors[0]}"
