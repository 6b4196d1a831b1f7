"""What lmnb finds on this computer, and how to mend what is wrong."""

from __future__ import annotations

import importlib.util
import platform
import subprocess
import sys
import tempfile
from dataclasses import dataclass
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import TYPE_CHECKING, Literal

from lmnb._version import __version__
from lmnb.cli.common import add_json, command, print_json

if TYPE_CHECKING:
    import argparse
    from collections.abc import Callable, Iterator, Sequence

    from lmnb.cli.common import Commands
    from lmnb.studio import Status

MARKS = {"ok": "ok  ", "note": "--  ", "bad": "BAD "}

SERVER = "server"
"""The finding of a server that answers."""

ENGINE_TIME = 60.0
"""Seconds for the engine's first import: a virus scanner may look at all of it."""

BUILT = ("lmnb.js", "lmnb.css", "stub.js")
"""What a page gets."""

LABEXTENSIONS = {"anywidget": "anywidget", "jupyterlab_widgets": "@jupyter-widgets/jupyterlab-manager"}
"""What JupyterLab needs to show a widget, by the package that brings it."""


@dataclass(frozen=True)
class Finding:
    """One thing that was looked at.

    Attributes:
        name: What.
        state: `note`: it is not there, and need not be.
        said: What was found.
        way: How to mend it.
    """

    name: str
    state: Literal["ok", "note", "bad"]
    said: str
    way: str = ""


def add(commands: Commands) -> None:
    """Declare the command."""
    add_json(command(commands, doctor))


def doctor(options: argparse.Namespace) -> int:
    """Look at all that lmnb needs, and say how to mend what is wrong; starts no server.

    The exit code is 1 if something needs mending.
    """
    findings: list[Finding] = []

    def models() -> Iterator[Finding]:
        served = any(one.name == SERVER and one.state == "ok" for one in findings)
        return _models(needed=not served)

    for look in (_python, _packages, _servers, models, _page, _jupyter, _folders):
        for one in look():
            findings.append(one)
            if not options.json:
                _print(one)
    bad = [one for one in findings if one.state == "bad"]
    if options.json:
        print_json(findings)
    else:
        print(f"\n{_verdict(len(bad))}")
    return 1 if bad else 0


def _print(one: Finding) -> None:
    print(f"{MARKS[one.state]}{one.name:<16} {one.said}", flush=True)
    if one.way:
        print(f"{'':<20} → {one.way}", flush=True)


def _verdict(bad: int) -> str:
    if not bad:
        return "Nothing needs mending."
    return "1 thing needs mending." if bad == 1 else f"{bad} things need mending."


# ---- packages


def _python() -> Iterator[Finding]:
    yield Finding("Python", "ok", f"{platform.python_version()}, {platform.platform(terse=True)}, {sys.executable}")
    yield Finding("lmnb", "ok", f"{__version__}, {Path(__file__).parents[1]}")


def _packages() -> Iterator[Finding]:
    for name in ("lmstudio", "anywidget", "ipywidgets", "ipython"):
        found = _version(name)
        if found is None:
            yield Finding(name, "bad", "is not installed.", f"pip install {name}")
        else:
            yield Finding(name, "ok", found)


def _version(name: str) -> str | None:
    try:
        return version(name)
    except PackageNotFoundError:
        return None


# ---- who answers


def _servers() -> Iterator[Finding]:
    from lmnb import studio

    found = studio.running()
    engine = _engine(needed=found.host is None)
    yield engine
    if found.host is None:
        yield Finding("LM Studio", "note", "does not run here." + (_STARTS if engine.state == "ok" else ""))
    else:
        yield _server(found)


_STARTS = " lmnb's own server starts with the first question."


def _engine(*, needed: bool) -> Finding:
    """The engine of lmnb's own server: started, as one that is made for another processor is there and does not."""
    name, way = "engine", "pip install --force-reinstall 'lmnb[local]'"
    if importlib.util.find_spec("xllamacpp") is None:
        said = "lmnb's own server has none: the package xllamacpp is not installed."
        return Finding(name, "bad" if needed else "note", said, "start LM Studio, or pip install 'lmnb[local]'")
    try:
        command = [sys.executable, "-c", "import xllamacpp"]
        done = subprocess.run(  # noqa: S603  our own words
            command, capture_output=True, text=True, timeout=ENGINE_TIME, check=False, cwd=tempfile.gettempdir()
        )
    except subprocess.TimeoutExpired:
        return Finding(name, "bad", f"xllamacpp does not start within {ENGINE_TIME:.0f} s.", way)
    if done.returncode:
        why = (done.stderr.strip().splitlines() or [f"it ends with exit code {done.returncode}"])[-1]
        return Finding(name, "bad", f"xllamacpp {_version('xllamacpp')} does not start: {why}", way)
    return Finding(name, "ok", f"xllamacpp {_version('xllamacpp')} starts.")


def _server(found: Status) -> Finding:
    from lmnb import studio
    from lmnb.chat.problems import ChatError
    from lmnb.cli.common import in_shell

    try:
        models = studio.models(host=found.host)
    except ChatError as error:
        problem = in_shell(error.problem)
        return Finding(SERVER, "bad", f"{found.title} {problem.title}", " ".join(problem.lines))
    number = len({model.key for model in models})  # one that is loaded twice is one
    return Finding(SERVER, "ok" if models else "note", f"{found.title} It has {_count(number, 'model')}.")


def _count(number: int, what: str) -> str:
    return f"{number} {what}" if number == 1 else f"{number or 'no'} {what}s"


# ---- models


def _models(*, needed: bool) -> Iterator[Finding]:
    from lmnb.server import store
    from lmnb.server.loader import Loader
    from lmnb.server.places import models_folder

    known = Loader([], scripted=False).known()
    whole = [model for model in known if not model.damage]
    for model in whole:
        said = f"{model.key}: {model.size_bytes / 1e6:.0f} MB"
        try:
            if model.file is not None:
                store.check(model.file)
        except (store.StoreError, OSError) as error:
            title, *more = str(error).splitlines()
            yield Finding("model", "bad", f"{model.key}: {title}", " ".join(more))
        else:
            yield Finding("model", "ok", said)
    for model in known:
        if model.damage:
            way = f"remove {model.file}, or fetch it anew"
            yield Finding("model", "bad", f"{model.key} cannot be loaded. {model.damage}", way)
    if not whole:
        yield Finding(
            "model", "bad" if needed else "note", f"There is none below {models_folder()}.", "lmnb get smollm2"
        )


# ---- the page


def _page() -> Iterator[Finding]:
    folder = Path(__file__).parents[1] / "static"
    missing = [name for name in BUILT if not (folder / name).is_file()]
    if missing:
        way = "install lmnb again; in a checkout, python3 dev.py build"
        yield Finding("front end", "bad", f"{', '.join(missing)} is missing in {folder}.", way)
    else:
        size = sum(file.stat().st_size for file in folder.iterdir() if file.is_file())
        yield Finding("front end", "ok", f"is built: {size / 1e3:.0f} kB in {folder}")


def _jupyter() -> Iterator[Finding]:
    for name in ("ipykernel", "jupyterlab", "notebook"):
        found = _version(name)
        yield Finding(name, "ok" if found else "note", found or "is not in this environment; it may be in another one.")
    if _version("jupyterlab") and importlib.util.find_spec("jupyter_core"):
        yield from _labextensions()


def _labextensions() -> Iterator[Finding]:
    from jupyter_core.paths import jupyter_path

    for package, name in LABEXTENSIONS.items():
        found = next((path for path in map(Path, jupyter_path("labextensions")) if (path / name).is_dir()), None)
        if found:
            yield Finding("labextension", "ok", f"{name}, in {found}")
        else:
            way = f"pip install --force-reinstall {package}, then reload the page"
            yield Finding("labextension", "bad", f"JupyterLab does not have {name}: no widget is shown.", way)


# ---- folders


def _folders() -> Iterator[Finding]:
    from lmnb.server import places

    folders: Sequence[tuple[str, Callable[[], Path]]] = (
        ("cache folder", lambda: places.models_folder().parent),
        ("log folder", lambda: places.log_file().parent),
        ("runtime folder", lambda: places.note_file().parent),
    )
    for name, place in folders:
        yield _writable(name, place)


def _writable(name: str, place: Callable[[], Path]) -> Finding:
    try:
        folder = place()
        folder.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryFile(dir=folder):
            return Finding(name, "ok", str(folder))
    except OSError as error:
        where = f" {error.filename}:" if error.filename else ""
        way = "make it writable, or name another one with XDG_CACHE_HOME, XDG_STATE_HOME or XDG_RUNTIME_DIR"
        return Finding(name, "bad", f"cannot be written:{where} {error.strerror or error}", way)
