"""Which tests of LM Studio's suites fail here, and why each of them does: the data behind docs/conformance.md."""

from __future__ import annotations

import re
from dataclasses import dataclass
from fnmatch import fnmatchcase


@dataclass(frozen=True)
class Explanation:
    """Why some tests fail.

    Attributes:
        group: Its heading in docs/conformance.md.
        tests: Patterns of `file::name`; `sync/…_sync` stands for `async/…_async` as well.
        says: A pattern of what they say then; one that says something else fails for another reason.
        why: A sentence.
        chance: They fail in some runs only.
    """

    group: str
    tests: tuple[str, ...]
    says: str
    why: str
    chance: bool = False

    def covers(self, test: str, said: str) -> bool:
        """Whether this is why a test failed."""
        named = any(fnmatchcase(_plain(test), _literal(pattern)) for pattern in self.tests)
        return named and re.search(self.says, said) is not None


def _plain(test: str) -> str:
    """The name of a test without the difference between the two API styles."""
    return test.replace("async/", "sync/").replace("_async", "_sync")


def _literal(pattern: str) -> str:
    return pattern.replace("[", "[[]")  # only * means something else than itself


SERVER = (
    Explanation(
        "A phrase that is to be repeated",
        ("sync/test_inference_sync.py::test_respond_past_history_sync",),
        "== 'Hello, world!'",
        "SmolLM2 does not say again what it said before.",
    ),
    Explanation(
        "A phrase that is to be repeated",
        ("test_inference.py::test_concurrent_predictions",),
        "Fail due to failed subtest",
        "SmolLM2 does not repeat “I am a robot” to the letter.",
    ),
    Explanation(
        "Five seconds to start",
        ("test_plugin_examples.py::test_plugin_execution[*",),
        "Plugin subprocess failed to start",
        "The test gives a Python program five seconds to start, which a busy computer may need for its imports.",
        chance=True,
    ),
    Explanation(
        "No time at all",
        ("test_timeouts.py::test_timeout_rpc_sync",),
        "DID NOT RAISE",
        "With a timeout of 0 the test wants an answer to be late that may be there already.",
        chance=True,
    ),
)
"""Of the tests that need a server."""


def explanation(test: str, said: str) -> Explanation | None:
    """Why a test failed, or None: nobody knows."""
    return next((each for each in SERVER if each.covers(test, said)), None)
