"""The journal: a kernel that is killed loses nothing it told, and nothing that happens to the file harms an answer."""

from __future__ import annotations

import json
import os
import signal
import sqlite3
import stat
import subprocess
import sys
import threading
from pathlib import Path

import pytest

from lmnb.chat.attached import Attached, Image
from lmnb.chat.events import Connected, Failed, Finished, Fragment, ModelFacts, Noticed, Reading, Stats, Stopped
from lmnb.chat.problems import Problem
from lmnb.chat.turns import Turn
from lmnb.journal import Journal, JournalError, processes

END = Finished(Stats("eosFound"), ModelFacts("m", "m"))


def tell(journal, turn, *events):
    for event in events:
        turn.apply(event)
        journal.event(turn, event)
    return turn


def answered(journal, prompt, answer="Because.", **fields):
    return tell(journal, Turn(prompt, **fields), Connected("127.0.0.1:1234"), Fragment(answer), END)


@pytest.fixture
def path(tmp_path):
    return tmp_path / "kept" / "journal.sqlite"


@pytest.fixture
def journal(path):
    journal = Journal(path, notebook="x.ipynb")
    yield journal
    journal.close()


KERNEL = """
import sys
from lmnb.chat.events import Connected, Fragment, Noticed, Reading
from lmnb.chat.turns import Turn
from lmnb.journal import Journal

journal, turn = Journal(sys.argv[1], notebook="x.ipynb"), Turn("Why?", id="left", cell="c1", talk="t")
begun = [Connected("127.0.0.1:1234"), Reading("qwen3", 0.5), Fragment("Hm. ", "reasoning")]
for event in [*begun, Fragment("half \\ud83d"), Fragment("\\ude00 "), Noticed("So."), Fragment("end")]:
    turn.apply(event)
    journal.event(turn, event)
print("told", flush=True)
sys.stdin.read()
"""


@pytest.fixture
def kernel(path):
    """A process that has told the journal of half an answer, and lives."""
    process = subprocess.Popen(
        [sys.executable, "-c", KERNEL, str(path)], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    )
    assert process.stdout.readline() == "told\n"
    yield process
    process.kill()
    process.communicate()


def kill(process):
    process.send_signal(signal.SIGKILL if os.name == "posix" else signal.SIGTERM)
    process.wait()


def test_a_killed_kernel_loses_nothing_that_it_told(path, kernel):
    assert Journal(path).unfinished() == []  # it may still go on
    kill(kernel)
    (turn,) = Journal(path).unfinished("x.ipynb")
    assert (turn.reasoning, turn.text) == ("Hm. ", "half \ud83d\ude00 end")
    assert (turn.id, turn.prompt, turn.cell, turn.talk, turn.model) == ("left", "Why?", "c1", "t", "qwen3")
    assert (turn.status, turn.running, turn.notices, turn.host) == ("kernelDied", False, ["So."], "127.0.0.1:1234")
    assert Journal(path).unfinished("y.ipynb") == []
    (found,) = Journal(path).conversations()
    assert [one.id for one in found.line] == ["left"]
    assert "The kernel died" in found.notes[0]


def test_several_kernels_share_the_file(path, journal, kernel):
    answered(journal, "Mine?")
    kill(kernel)
    answered(journal, "Mine again?")
    assert [turn.id for turn in journal.unfinished()] == ["left"]
    assert {one.name: len(one.line) for one in journal.conversations()} == {"t": 1, "": 1}


def test_many_threads_and_connections_write_at_once(path):
    def work(number):
        mine = Journal(path)
        for at in range(5):
            answered(mine, f"{number}.{at}", cell=None)
        mine.close()

    threads = [threading.Thread(target=work, args=(number,)) for number in range(4)]
    [thread.start() for thread in threads]
    [thread.join() for thread in threads]
    with sqlite3.connect(path) as file:
        assert file.execute("SELECT count(*) FROM turns").fetchone() == (20,)
        assert file.execute("SELECT count(*) FROM pieces").fetchone() == (0,)


def test_conversations_come_back_with_what_cells_had_said_before(journal):
    a = answered(journal, "a", cell="c1")
    b = answered(journal, "b", cell="c2", after=a.id)
    answered(journal, "a2", cell="c1", earlier=(a,))
    (found,) = journal.conversations("x.ipynb")
    assert [turn.prompt for turn in found.line] == ["a2"]
    assert [[turn.id for turn in line] for line in found.branches] == [[a.id, b.id]]
    assert found.line[0].text == "Because."


def test_cells_that_were_run_again_with_the_same_outcome_are_one_line(journal):
    for run in ("1", "2"):
        a = answered(journal, "a", id=f"a{run}", cell="c1")
        answered(journal, "b", id=f"b{run}", cell="c2", after=a.id)
    (found,) = journal.conversations()
    assert ([turn.id for turn in found.line], found.branches) == (["a2", "b2"], [])


@pytest.mark.parametrize(
    "last", [END, Stopped("person"), Failed(Problem("lostConnection", "Lost."))], ids=lambda one: type(one).__name__
)
def test_a_turn_that_has_ended_is_not_unfinished(path, journal, last):
    turn = tell(journal, Turn("Why?"), Fragment("B."), last)
    with sqlite3.connect(path) as file:
        assert file.execute("SELECT count(*) FROM pieces").fetchone() == (0,)
    (found,) = journal.conversations()
    assert (found.line[0].status, found.line[0].text) == (turn.status, "B.")


def test_what_came_before_the_journal_was_switched_on_is_there(path, kernel):
    turn = Turn("Why?")
    turn.apply(Fragment("Early. "))
    journal = Journal(path)
    tell(journal, turn, Fragment("Late."))
    with sqlite3.connect(path) as file:
        pieces = file.execute("SELECT text FROM pieces WHERE turn = ?", (turn.id,)).fetchall()
    assert b"".join(text for (text,) in pieces) == b"Early. Late."
    journal.close()


def test_it_is_for_its_owner_only_and_holds_no_picture_and_no_password(path, journal):
    turn = Turn("Why?", attached=(Attached("plot", "figure", image=Image(b"PIXELS" * 10)),))
    tell(journal, turn, Connected("ada:secret@example.org:1234"), Fragment("B."))
    files = list(path.parent.iterdir())
    assert len(files) == 3
    if os.name == "posix":
        assert {stat.S_IMODE(file.stat().st_mode) for file in files} == {0o600}
    held = b"".join(file.read_bytes() for file in files)
    assert b"PIXELS" not in held
    assert b"secret" not in held
    assert b"example.org" in held


def test_a_locked_file_costs_a_line_in_the_log_and_is_written_later(path, journal, caplog, monkeypatch):
    answered(journal, "First?")
    other = sqlite3.connect(path, isolation_level=None)
    other.execute("BEGIN EXCLUSIVE")
    turn = tell(journal, Turn("Why?"), *[Fragment(f"{n} ") for n in range(500)])
    assert len(caplog.records) == 1
    assert "is tried again" in caplog.text
    other.execute("COMMIT")
    other.close()
    monkeypatch.setattr("lmnb.journal.writing.AGAIN", 0.0)
    journal._not_before = 0.0
    tell(journal, turn, Fragment("end"), END)
    assert journal.conversations()[0].line[-1].text == turn.text


def test_a_full_disk_costs_a_line_in_the_log_and_is_written_later(journal, caplog):
    answered(journal, "First?")
    pages = journal._file.execute("PRAGMA page_count").fetchone()[0]
    journal._file.execute(f"PRAGMA max_page_count = {pages}")
    turn = tell(journal, Turn("Why?"), *[Fragment("x" * 1_000) for _ in range(100)])
    assert turn.text == "x" * 100_000
    assert "is tried again" in caplog.text
    assert "full" in caplog.text
    journal._file.execute("PRAGMA max_page_count = 100000")
    journal._not_before = 0.0
    tell(journal, turn, END)
    assert {one.line[-1].text for one in journal.conversations()} == {turn.text}


def test_a_file_that_stays_locked_does_not_fill_the_memory(path, journal, caplog, monkeypatch):
    monkeypatch.setattr("lmnb.journal.writing.MOST", 10)
    answered(journal, "First?")
    other = sqlite3.connect(path, isolation_level=None)
    other.execute("BEGIN EXCLUSIVE")
    tell(journal, Turn("Why?"), *[Fragment("x")] * 50)
    other.close()
    assert "not written any more" in caplog.text
    assert journal._waiting == []


@pytest.mark.parametrize("kind", ["text", "folder", "newer", "other"])
def test_what_is_no_journal_is_left_alone(path, caplog, kind):
    path.parent.mkdir()
    if kind == "folder":
        path.mkdir()
    elif kind == "text":
        path.write_text("My notes, not a database at all. " * 100)
    else:
        with sqlite3.connect(path) as file:
            file.execute("PRAGMA user_version = 2" if kind == "newer" else "CREATE TABLE turns (mine TEXT)")
        file.close()
    before = None if kind == "folder" else path.read_bytes()
    journal = Journal(path)
    turn = answered(journal, "Why?", "B." * 100)
    assert turn.text == "B." * 100
    assert len([one for one in caplog.records if "journal" in one.message]) == 1
    assert kind == "folder" or path.read_bytes() == before
    if kind in ("text", "folder"):
        with pytest.raises(JournalError, match="cannot be read"):
            journal.unfinished()
    journal.close()


def test_a_record_that_was_edited_is_passed_over(path, journal, caplog):
    answered(journal, "Why?")
    answered(journal, "And?")
    with sqlite3.connect(path) as file:
        file.execute("UPDATE turns SET record = ? WHERE number = 1", (json.dumps({"v": 1, "turn": {"id": 3}}),))
    assert [turn.prompt for turn in journal.conversations()[0].line] == ["And?"]
    assert "cannot be read" in caplog.text


def test_a_file_that_was_taken_away_is_made_anew(path, journal):
    answered(journal, "Why?")
    for file in path.parent.iterdir():
        file.unlink()
    assert journal.conversations() == []
    answered(journal, "And?")
    assert [turn.prompt for turn in journal.conversations()[0].line] == ["And?"]


def test_it_stays_small(path):
    journal = Journal(path, megabytes=0.5)
    for number in range(30):
        answered(journal, f"{number}", "x" * 100_000)
    journal.close()
    assert path.stat().st_size < 800_000
    kept = [turn.prompt for one in journal.conversations() for turn in one.line]
    assert "29" in kept
    assert "0" not in kept


def test_what_is_old_is_dropped(path):
    journal = Journal(path, days=30)
    answered(journal, "old", started=1.0)
    answered(journal, "new")
    journal.close()
    journal = Journal(path, days=30)
    answered(journal, "newer", after=None)
    assert {turn.prompt for one in journal.conversations() for line in (one.line, *one.branches) for turn in line} == {
        "new",
        "newer",
    }
    journal.close()


@pytest.mark.parametrize("name", [None, "", "me", "-1", "999999999999999999999999", "4194304 1.0", b"x"])
def test_what_is_no_process_does_not_live(name):
    assert not processes.alive(name)


def test_a_process_is_not_taken_for_one_before_it_with_its_number():
    own = processes.name_of(os.getpid())
    assert processes.alive(own)
    assert not processes.alive(f"{os.getpid()} 1000000000.0")


def test_without_psutil_a_process_is_known_by_its_number(monkeypatch):
    monkeypatch.setitem(sys.modules, "psutil", None)
    assert processes.alive(str(os.getpid()))
    assert not processes.alive("4194304")


def test_reading_needs_no_file(tmp_path):
    journal = Journal(tmp_path / "none.sqlite")
    assert journal.unfinished() == journal.conversations() == []
    assert not Path(tmp_path / "none.sqlite").exists()


def test_progress_is_no_row(path, journal):
    turn = Turn("Why?")
    tell(journal, turn, *[Reading("m", n / 100) for n in range(100)], Noticed("So."))
    with sqlite3.connect(path) as file:
        assert file.execute("SELECT count(*) FROM turns").fetchone() == (1,)
        assert file.execute("SELECT count(*) FROM pieces").fetchone() == (0,)
