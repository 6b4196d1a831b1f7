"""lmstudio-python's own suites pass against the embedded server, but for what docs/conformance.md explains."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from tests.conformance.explained import SERVER, explanation
from tests.conformance.python_sdk import CannotRunError, Failure, conform, copied, read, summary, table

PAGE = Path(__file__).parents[2] / "docs" / "conformance.md"


@pytest.mark.model
@pytest.mark.timeout(1800)
def test_the_suites_of_a_checkout(smollm2, minilm):
    checkout = os.environ.get("LMNB_CONFORMANCE_PYTHON")
    if not checkout:
        pytest.skip("LMNB_CONFORMANCE_PYTHON does not name a checkout of lmstudio-python.")
    outcomes = conform(Path(checkout), ["offline", "server"], None, [])
    assert {suite: outcome.unexplained for suite, outcome in outcomes.items()} == {"offline": [], "server": []}
    assert outcomes["offline"].tests > 100
    assert outcomes["server"].tests > 100
    print(*(summary(suite, outcome) for suite, outcome in outcomes.items()), sep="\n")


REPORT = """<testsuites><testsuite name="pytest">
<testcase classname="tests.async.test_inference_async" name="test_respond_past_history_async">
<failure message="assert 'Hi' == 'Hello, world!'&#10;  more">…</failure></testcase>
<testcase classname="tests.async.test_inference_async" name="test_complete_nostream_async" />
<testcase classname="tests.test_inference" name="test_concurrent_predictions"><failure message="one" /></testcase>
<testcase classname="tests.test_inference" name="test_concurrent_predictions"><failure message="two" /></testcase>
<testcase classname="tests.test_x" name="test_y"><error message="it broke">…</error></testcase>
<testcase classname="tests.test_x" name="test_z"><skipped message="why">…</skipped></testcase>
</testsuite></testsuites>"""


@pytest.fixture
def outcome(tmp_path):
    report = tmp_path / "report.xml"
    report.write_text(REPORT)
    return read(report, 1)


def test_a_test_counts_once_whatever_its_subtests_did(outcome):
    assert (outcome.tests, outcome.passed, outcome.skipped, len(outcome.failures)) == (5, 1, 1, 3)


def test_what_is_not_explained_is_named(outcome):
    assert outcome.unexplained == [
        Failure("test_inference.py::test_concurrent_predictions", "two"),
        Failure("test_x.py::test_y", "it broke"),
    ]
    assert "UNEXPLAINED test_x.py::test_y" in table(outcome, full=False)
    assert summary("server", outcome).endswith("1 of 5 passed, 1 skipped, 1 failed as explained, 2 unexplained")


def test_an_explanation_nobody_needs_is_named(outcome):
    unneeded = "A phrase that is to be repeated: nothing failed"
    assert table(outcome, full=True).count(unneeded) == 1
    assert unneeded not in table(outcome, full=False)


REPEAT = "AssertionError: assert 'Hello!' == 'Hello, world!'"


@pytest.mark.parametrize(
    ("test", "said", "group"),
    [
        ("async/test_inference_async.py::test_respond_past_history_async", REPEAT, "A phrase that is to be repeated"),
        ("sync/test_inference_sync.py::test_respond_past_history_sync", REPEAT, "A phrase that is to be repeated"),
        ("sync/test_inference_sync.py::test_respond_past_history_sync", "TypeError", None),
        ("sync/test_llm_sync.py::test_tokenize_sync[x]", REPEAT, None),
    ],
)
def test_an_explanation_is_about_a_test_and_what_it_says(test, said, group):
    found = explanation(test, said)
    assert (found and found.group) == group


def test_the_page_explains_each_of_them():
    page = PAGE.read_text(encoding="utf-8")
    assert [each.group for each in SERVER if f"### {each.group}" not in page] == []


def test_what_is_no_checkout_is_said(tmp_path):
    with pytest.raises(CannotRunError, match="is no checkout"), copied(tmp_path):
        pass
