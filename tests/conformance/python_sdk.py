"""Run lmstudio-python's own test suites against the embedded server.

    python -m tests.conformance.python_sdk --checkout DIR [--suite offline|server] [--only WORDS] [--model KEY=FILE]

It fetches no sources: DIR is a checkout of github.com/lmstudio-ai/lmstudio-python, at the tag one wants to know about.
The suites run in a copy of it, with the pytest they were written for, in an environment of their own below the user's
cache. One thing is changed in the copy: the ports at which the SDK looks for LM Studio, so that a real LM Studio on
this computer is neither asked nor disturbed.

The exit code is 0 if nothing failed but what docs/conformance.md explains, 1 if something else did, 2 if they cannot
be run.
"""

from __future__ import annotations

import argparse
import hashlib
import os
import shutil
import subprocess
import sys
import tempfile
import textwrap
from collections import Counter
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING
from xml.etree import ElementTree

import platformdirs

from tests.conformance.explained import SERVER, explanation
from tests.conformance.server import CannotRunError, serving

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from tests.conformance.explained import Explanation

RUNNERS = ("pytest<9", "pytest-asyncio<1.3", "pytest-subtests<0.15", "pytest-timeout", "pydantic>=2.12")
"""What the suites need: with newer ones they do not even start."""

PORTS = Path("src", "lmstudio", "_api_server_ports.py")
"""Where the SDK keeps the ports at which it looks."""

MARKERS = {"offline": "not lmstudio", "server": "lmstudio"}

PATIENCE = 120
"""Seconds for one test. The slowest takes 10; an asynchronous one that waits in vain would wait for ever."""


@dataclass(frozen=True)
class Failure:
    """A test that failed.

    Attributes:
        test: `file::name`, from the suite's folder.
        said: The first line of what it said.
    """

    test: str
    said: str

    @property
    def why(self) -> Explanation | None:
        """Its explanation, or None."""
        return explanation(self.test, self.said)


@dataclass(frozen=True)
class Outcome:
    """How a suite ended."""

    tests: int
    skipped: int
    failures: tuple[Failure, ...]
    code: int

    @property
    def passed(self) -> int:
        """How many passed."""
        return self.tests - self.skipped - len(self.failures)

    @property
    def unexplained(self) -> list[Failure]:
        """What failed without anybody knowing why."""
        return [failure for failure in self.failures if failure.why is None]


# ---- the checkout and its environment


@contextmanager
def copied(checkout: Path) -> Iterator[Path]:
    """A copy of the checkout that may be changed."""
    if not (checkout / PORTS).is_file() or not (checkout / "tests" / "load_models.py").is_file():
        raise CannotRunError(f"{checkout} is no checkout of lmstudio-python with its tests.")
    passed_over = shutil.ignore_patterns(".git", ".venv", "__pycache__", ".pytest_cache", ".tox", "build", "dist")
    with tempfile.TemporaryDirectory(prefix="lmnb-conformance-") as folder:
        copy = Path(folder, "lmstudio-python")
        shutil.copytree(checkout, copy, ignore=passed_over)
        yield copy


def environment(copy: Path) -> Path:
    """The Python of an environment in which the suites run, made on first use. The SDK in it is the copy's version.

    Raises:
        CannotRunError: If it cannot be made, with the installer's words above.
    """
    wanted = "\n".join([sys.version, *RUNNERS, (copy / "pyproject.toml").read_text()])
    name = hashlib.sha256(wanted.encode()).hexdigest()[:12]
    folder = platformdirs.user_cache_path("lmnb") / "conformance" / name
    python = folder / ("Scripts/python.exe" if os.name == "nt" else "bin/python")
    if not (folder / "complete").exists():
        print(f"Making an environment for the suites: {folder}", flush=True)
        uv = shutil.which("uv", path=f"{Path(sys.executable).parent}{os.pathsep}{os.environ.get('PATH', '')}")
        make = [uv, "venv", "-q", "--clear", "--python", sys.executable] if uv else [sys.executable, "-m", "venv"]
        pip = (
            [uv, "pip", "install", "-q", "--python", str(python)] if uv else [str(python), "-m", "pip", "install", "-q"]
        )
        for command in ([*make, str(folder)], [*pip, str(copy), *RUNNERS]):
            if subprocess.call(command):
                raise CannotRunError(f"The environment {folder} could not be made.")
        (folder / "complete").touch()
    return python


# ---- the suites


def run(copy: Path, python: Path, suite: str, only: str | None) -> Outcome:
    """Run one of the two suites; pytest's own lines go to the terminal."""
    report = copy / f"{suite}.xml"
    options = ["-q", "--tb=no", f"--timeout={PATIENCE}", f"--junitxml={report}"]
    expression = ["-k", only] if only else []
    command = [str(python), "-m", "pytest", "-m", MARKERS[suite], *options, *expression, "tests"]
    code = subprocess.call(command, cwd=copy, env=_environ(copy))
    if not report.exists():
        raise CannotRunError(f"pytest ended with exit code {code} and without a report.")
    return read(report, code)


def _environ(copy: Path) -> dict[str, str]:
    """Ours, with the copy's SDK before the installed one; tokens of the person's are no business of the suites."""
    kept = {key: value for key, value in os.environ.items() if not key.startswith(("LMSTUDIO_", "LM_API", "PYTEST_"))}
    return {"COLUMNS": "180", **kept, "PYTHONPATH": str(copy / "src")}


def load_models(copy: Path, python: Path) -> None:
    """What the suites' README asks for: the models are loaded, by the suites' own script."""
    if subprocess.call([str(python), "-m", "tests.load_models"], cwd=copy, env=_environ(copy)):
        raise CannotRunError("The suites' models could not be loaded.")


def read(report: Path, code: int) -> Outcome:
    """What a report of pytest says. A test counts once, whatever its subtests did."""
    tests: dict[str, str | None] = {}
    skipped = 0
    for case in ElementTree.parse(report).iter("testcase"):
        name = _name(case)
        broken = [*case.findall("failure"), *case.findall("error")]
        said = (broken[-1].get("message") or broken[-1].text or "?").strip() if broken else None
        skipped += case.find("skipped") is not None
        tests[name] = said or tests.get(name)
    failures = tuple(Failure(name, said.splitlines()[0]) for name, said in tests.items() if said)
    return Outcome(len(tests), skipped, failures, code)


def _name(case: ElementTree.Element) -> str:
    modules = (case.get("classname") or "").removeprefix("tests.")
    return f"{modules.replace('.', '/')}.py::{case.get('name')}"


# ---- what is said in the end


def table(outcome: Outcome, *, full: bool) -> str:
    """The failures by explanation, those without one last.

    Args:
        outcome: Of the server-bound suite.
        full: Whether all of it was run: then an explanation that nothing needed is named as well.
    """
    counted = Counter(failure.why for failure in outcome.failures)
    lines = [f"{counted[each]:>4}  {each.group}: {each.why}" for each in SERVER if counted[each]]
    lines += [
        f"   0  {each.group}: nothing failed for this reason."
        for each in SERVER
        if full and not (counted[each] or each.chance)
    ]
    for failure in outcome.unexplained:
        lines += [f"   1  UNEXPLAINED {failure.test}", "      " + textwrap.shorten(failure.said, 160)]
    return "\n".join(lines)


def summary(suite: str, outcome: Outcome) -> str:
    """One line."""
    kinds = {"offline": "without a server", "server": "server-bound"}
    skipped = f", {outcome.skipped} skipped" if outcome.skipped else ""
    explained = len(outcome.failures) - len(outcome.unexplained)
    return (
        f"{kinds[suite]}: {outcome.passed} of {outcome.tests} passed{skipped}, "
        f"{explained} failed as explained, {len(outcome.unexplained)} unexplained"
    )


def conform(checkout: Path, suites: Sequence[str], only: str | None, models: Sequence[str]) -> dict[str, Outcome]:
    """Run the suites.

    Raises:
        CannotRunError: If something is missing.
    """
    with copied(checkout) as copy:
        python = environment(copy)
        outcomes = {suite: run(copy, python, suite, only) for suite in suites if suite == "offline"}
        if "server" in suites:
            with serving(models) as server:
                port = server.host.rpartition(":")[2]
                (copy / PORTS).write_text(f'"""Where the SDK looks."""\n\ndefault_api_ports = ({port},)\n')
                load_models(copy, python)
                outcomes["server"] = run(copy, python, "server", only)
    return outcomes


def main(argv: Sequence[str] | None = None) -> int:
    """Run them and say how it went."""
    said, _, more = (__doc__ or "").partition("\n\n")
    parser = argparse.ArgumentParser(
        prog="python -m tests.conformance.python_sdk", description=said, epilog=more.split("\n\n")[-1]
    )
    parser.add_argument("--checkout", type=Path, required=True, metavar="DIR", help="of lmstudio-python")
    parser.add_argument("--suite", action="append", choices=list(MARKERS), help="one of the two; both without it")
    parser.add_argument("--only", metavar="EXPRESSION", help="as for pytest's -k")
    parser.add_argument("--model", action="append", default=[], metavar="KEY=FILE", help="a real file for a model key")
    options = parser.parse_args(argv)
    try:
        outcomes = conform(options.checkout.resolve(), options.suite or list(MARKERS), options.only, options.model)
    except CannotRunError as problem:
        print(problem, file=sys.stderr)
        return 2
    print()
    for suite, outcome in outcomes.items():
        print(table(outcome, full=suite == "server" and options.only is None))
    for suite, outcome in outcomes.items():
        print(summary(suite, outcome))
    return 1 if any(outcome.unexplained or not outcome.tests for outcome in outcomes.values()) else 0


if __name__ == "__main__":
    sys.exit(main())
