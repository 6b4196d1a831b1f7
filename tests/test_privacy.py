"""Nothing leaves the kernel but to the host that was chosen: every socket of every process is watched."""

from __future__ import annotations

import ipaddress
import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

from lmnb.notebook import privacy
from lmnb.studio.ledger import Ledger

pytestmark = pytest.mark.server

HERE = Path(__file__).parent
SURFACE = HERE / "guarded" / "surface.py"


class Watched:
    """What a run of the surface did, and whom its processes contacted."""

    def __init__(self, folder, host, *foreign):
        log = folder / "watched.jsonl"
        env = {key: value for key, value in os.environ.items() if not key.startswith(("LMSTUDIO_", "LM_API"))}
        env |= {"LMNB_WATCHED": str(log), "IPYTHONDIR": str(folder / "ipython"), "HOME": str(folder)}
        env["PYTHONPATH"] = os.pathsep.join([str(SURFACE.parent), str(HERE.parent)])
        command = [sys.executable, str(SURFACE), host, *foreign]
        done = subprocess.run(command, check=False, cwd=folder, env=env, capture_output=True, text=True, timeout=110)
        assert done.returncode == 0, done.stderr
        self.told = json.loads(done.stdout.splitlines()[-1])
        lines = [json.loads(line) for line in log.read_text().splitlines()]
        self.main = lines[0][0]
        self.processes = {line[0] for line in lines if line[1] == "begin"}
        self.contacts = {(line[2], line[3], line[0] == self.main) for line in lines if line[1] == "contact"}
        self.programs = [line[2] for line in lines if line[1] == "program"]

    def others(self):
        """Whom the shell's process contacted besides the host it was told."""
        name, _, port = self.told["host"].rpartition(":")
        return {(to, at) for to, at, mine in self.contacts if mine and (to != name or at not in (None, int(port)))}


@pytest.fixture(scope="module")
def told_where(scripted_server, tmp_path_factory):
    return Watched(tmp_path_factory.mktemp("told"), scripted_server)


def test_the_surface_was_really_there(told_where):
    failed = {cell: error for cell, error in told_where.told["ended"].items() if error}
    assert list(failed) == ["df['Fare'].mean()"], failed
    with_it = {name for names in told_where.told["attached"] for name in names}
    assert {"df", "lint:df", "notes.txt", "the last error", "dot.png"} <= with_it
    assert "Since " in told_where.told["said"]


def test_only_the_chosen_host_is_contacted(told_where, scripted_server):
    assert told_where.others() == set()
    name, _, port = scripted_server.rpartition(":")
    assert (name, int(port), True) in told_where.contacts


def test_no_program_is_started(told_where):
    assert told_where.processes == {told_where.main}
    assert told_where.programs == []


def test_the_ledger_tells_of_everybody_who_was_contacted(told_where, scripted_server):
    sums = told_where.told["sums"]
    assert list(sums) == [scripted_server]
    kinds = set(sums[scripted_server])
    assert kinds >= {"knock", "question", "load", "unload", "count", "template", "picture", "prediction"}
    assert sums[scripted_server]["prediction"][0] == len(told_where.told["attached"]) > 8


def test_a_contact_with_somebody_else_is_seen(scripted_server, tmp_path):
    """The tests above would fail if lmnb did it."""
    assert ("192.0.2.9", 9) in Watched(tmp_path, scripted_server, "192.0.2.9").others()


def test_the_servers_process_contacts_nobody(tmp_path):
    seen = Watched(tmp_path, "own")
    assert len(seen.processes) > 1
    assert seen.others() == set()
    theirs = {to for to, _, mine in seen.contacts if not mine}
    assert all(ipaddress.ip_address(to).is_loopback for to in theirs), theirs
    ours = [one for one in seen.programs if "lmnb.server" not in one]
    assert ours == []


# ---- the report


def test_nothing_has_left_is_a_sentence():
    assert privacy.told(Ledger().read()).startswith("Nothing has left this kernel")


def test_the_report_names_host_model_sizes_and_what_went_along():
    book = Ledger()
    book.note("knock", "127.0.0.1:1234")
    book.note("count", "127.0.0.1:1234", ["äé", "abc"])
    book.note("download", "example.org", ["smollm2"])
    book.predict(
        "192.168.0.7:1234", "qwen3-4b", ["hello"] * 300, tokens=1412, attached=["df", "df"], prompt_hash="1a2b"
    )
    text = privacy.told(book.read())
    assert "127.0.0.1:1234 (this computer)\n  1 text to be counted, 7 bytes of text\n  1 look" in text
    assert "192.168.0.7:1234 (another computer)\n  1 prediction, 1.5 kB of messages" in text
    assert "example.org (where models come from)\n  1 model to be fetched" in text
    assert "192.168.0.7:1234  qwen3-4b  1.5 kB, 1,412 tokens, with df  (1a2b)" in text
    assert "äé" not in text


def test_many_predictions_are_summed_and_the_last_ones_listed():
    book = Ledger()
    for number in range(1_200):
        book.predict("localhost:1", f"m{number}", ["x"], tokens=None, attached=(), prompt_hash="h")
    record = book.read()
    assert len(record.predictions) == 1_000
    text = privacy.told(record)
    assert "1,200 predictions" in text
    assert "Predictions (1,180 before these):" in text
    assert text.count("  m1") == 20
