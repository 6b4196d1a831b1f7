"""The programs of LM Studio's page "Chat Completions" run against our server, in all three styles of the SDK."""

from __future__ import annotations

import contextlib
import json
import os
import re
import shutil
import signal
import subprocess
import sys
from pathlib import Path

import lmstudio as lms
import pytest

import lmnb
from tests.conformance.snippets import AS_PRINTED, PROGRAMS

ROOT = Path(__file__).parents[2]

pytestmark = [pytest.mark.model, pytest.mark.timeout(300)]


@pytest.fixture(scope="module")
def named(smollm2, tmp_path_factory):
    """SmolLM2's file under the name of the page's model."""
    named = tmp_path_factory.mktemp("models") / "qwen2.5-7b-instruct-Q4_1.gguf"
    try:
        os.link(smollm2, named)
    except OSError:  # on another disk
        shutil.copy(smollm2, named)
    return named


@pytest.fixture(scope="module", params=["own", pytest.param("standard", marks=pytest.mark.alone)])
def ended(named, request):
    """How each program ended, by its name: with a server of its own, and at `lmnb serve --standard-port`."""
    if request.param == "own":
        return programs(str(named))
    with standing(named):
        return programs()


def programs(*arguments):
    command = [sys.executable, "-m", "tests.conformance.snippets", *arguments]
    child = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, timeout=280, check=False)
    assert child.returncode == 0, child.stderr
    return {line.pop("name"): line for line in map(json.loads, child.stdout.splitlines())}


@contextlib.contextmanager
def standing(model):
    """A server where every SDK looks for LM Studio."""
    if lms.Client.find_default_local_api_host():
        pytest.skip("A LM Studio, or something in its place, runs here.")
    command = [sys.executable, "-m", "lmnb.cli", "serve", "--standard-port", "--model", str(model)]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as server:
        try:
            if "listens at" not in server.stdout.readline():
                pytest.skip("LM Studio's port is taken.")
            yield
        finally:
            server.send_signal(signal.SIGINT)


@pytest.mark.parametrize("name", [name for name in PROGRAMS if name != AS_PRINTED])
def test_a_program_runs_to_its_end(ended, name):
    assert ended[name]["error"] is None, ended[name]["error"]
    assert ended[name]["warned"] == ""
    assert ended[name]["printed"].strip()


def test_the_one_that_the_page_misprints_does_not_run(ended):
    """If this fails, the SDK has changed so that the page is right."""
    assert "got coroutine" in ended[AS_PRINTED]["error"]


@pytest.mark.parametrize("name", [name for name in PROGRAMS if name.startswith("step")])
def test_the_numbers_at_the_end(ended, name):
    numbers = re.search(
        r"Model used: qwen2\.5 7b instruct\n"
        r"Predicted tokens: (\d+)\n"
        r"Time to first token \(seconds\): [\d.e-]+\n"
        r"Stop reason: (eosFound|maxPredictedTokensReached|contextLengthReached)\n$",
        ended[name]["printed"],
    )
    assert numbers is not None, ended[name]["printed"]
    assert 0 < int(numbers[1]) <= 50


def test_the_chatbot_talks_until_input_ends(ended):
    printed = ended["chatbot"]["printed"]
    assert printed.count("You (leave blank to exit): ") == 3
    assert len(re.findall(r"Bot: \S", printed)) == 2


@pytest.mark.parametrize("name", [name for name in PROGRAMS if name.startswith("progress")])
def test_the_progress_of_reading(ended, name):
    shares = [float(line.removesuffix("% complete")) for line in ended[name]["printed"].splitlines()]
    assert shares[0] == 0.0
    assert shares[-1] == 100.0
    assert shares == sorted(set(shares))


def test_a_text_file_does_not_stop_a_template(smollm2):
    """LM Studio formats such histories: its SDK's own tests say so."""
    chat = lms.Chat()
    note = {"type": "file", "name": "note.txt", "identifier": "x", "sizeBytes": 3, "fileType": "text/plain"}
    chat.add_user_message(["Look at this.", note])
    with lmnb.start_server(models=[smollm2]) as server, lms.Client(server.host) as client:
        assert "Look at this." in client.llm.load_new_instance("smollm2-135m-instruct").apply_prompt_template(chat)
