"""What only a process of its own shows: imports, crashes, forks and exits."""

from __future__ import annotations

import os
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor

import pytest

BACK_TO_BACK = """
import sys, time, json
from lmnb import studio
from lmnb.chat.history import Message
studio.begin_import()                       # as %load_ext does
host, pause, order = sys.argv[1], float(sys.argv[2]), sys.argv[3]
time.sleep(pause)
prompt = json.dumps([{"text": "a b c", "by": "word"}])
def own():                                  # the person's own cell, on the main thread
    import lmstudio as lms
    lms.configure_default_client(host)
    chat = lms.Chat("s")
    chat.add_user_message(prompt)
    assert lms.llm("scripted").respond(chat).content == "a b c"
def ours():
    events = []
    running = studio.start(studio.Request((Message("user", prompt),), "scripted", host), events.append)
    return running, events
if order == "own first":
    own()
    running, events = ours()
else:
    running, events = ours()
    own()
running.done.result(20)
print(getattr(events[-1], "problem", None) or type(events[-1]).__name__)
"""


def python(code, *arguments, **options):
    return subprocess.run(
        [sys.executable, "-c", code, *arguments], capture_output=True, text=True, timeout=60, check=False, **options
    )


@pytest.mark.server
def test_twenty_fresh_processes_with_the_persons_own_sdk_do_not_crash(scripted_server):
    cases = [(scripted_server, f"{i * 0.05:.2f}", ("own first", "ours first")[i % 2]) for i in range(20)]
    with ThreadPoolExecutor(2) as pool:
        ended = list(pool.map(lambda case: python(BACK_TO_BACK, *case), cases))
    assert [(run.returncode, run.stdout.strip(), run.stderr) for run in ended] == [(0, "Finished", "")] * 20


BROKEN = """
import sys
sys.modules["lmstudio"] = None
from lmnb import studio
from lmnb.chat.history import Message
studio.begin_import()
events = []
studio.start(studio.Request((Message("user", "x"),), "m", "localhost:1"), events.append).done.result(20)
print(events[-1].problem)
"""


def test_a_broken_sdk_is_a_sentence():
    run = python(BROKEN)
    assert (run.returncode, run.stderr) == (0, "")
    assert run.stdout.startswith("LM Studio's Python SDK cannot be imported")
    assert "pip install" in run.stdout


QUIET = """
import json, logging, sys
from lmnb import studio
from lmnb.chat.history import Message
def ask(*steps):
    request = studio.Request((Message("user", json.dumps(list(steps))),), "scripted", sys.argv[1])
    studio.start(request, lambda event: None).done.result(20)
ask({"text": "a"}, {"drop": True})
ask({"text": "a"})
logging.getLogger("AsyncWebsocketHandler").warning("the person's own")
"""


@pytest.mark.server
def test_what_the_sdk_says_on_our_thread_is_kept_out_of_cells_and_only_that(scripted_server):
    run = python(QUIET, scripted_server)
    assert (run.returncode, run.stdout, run.stderr) == (0, "", "the person's own\n")


def test_importing_the_studio_costs_nothing():
    code = """
import sys
before = set(sys.modules)
import lmnb.studio
new = set(sys.modules) - before
assert not any(name.partition('.')[0] in ('lmstudio', 'httpx', 'msgspec', 'asyncio', 'IPython') for name in new), new
print(len(new))
"""
    run = python(code)
    assert run.returncode == 0, run.stderr


COLD = """
import json, logging, sys
from lmnb import studio
from lmnb.chat.history import Message
from lmnb.studio import logs
complaints = []
class Handler(logging.Handler):
    def emit(self, record):
        complaints.append(record.getMessage())
logs.log.addHandler(Handler(logging.WARNING))
import lmstudio.history, lmstudio.json_api, lmstudio.schemas
seen = set()
def watch(module, name):
    real = getattr(module, name)
    def watched(thing, *rest, **options):
        if name == "convert":
            seen.add(("convert", rest[0]))
        else:
            seen.add(("to_builtins", type(thing)))
        return real(thing, *rest, **options)
    setattr(module, name, watched)
for module in (lmstudio.history, lmstudio.json_api, lmstudio.schemas):
    for name in ("convert", "to_builtins"):
        if hasattr(module, name):
            watch(module, name)
studio.warm_up()
assert not complaints, complaints
warm, seen = seen, set()
def ask(prompt, model):
    events = []
    studio.start(studio.Request((Message("user", prompt),), model, sys.argv[1]), events.append).done.result(20)
ask(json.dumps([{"progress": [0, 1]}, {"reasoning": "a"}, {"text": "b"}]), "scripted")
ask(json.dumps([{"error": "a"}]), "scripted")
ask("x", "nobody")
ask("x", "scripted-broken")
studio.models(host=sys.argv[1])
assert seen and len(seen) > 10, seen
print(sorted(f"{how} {kind.__name__}" for how, kind in seen - warm))
"""


@pytest.mark.server
def test_warm_up_leaves_no_type_cold(scripted_server):
    run = python(COLD, scripted_server)
    assert (run.returncode, run.stdout.strip()) == (0, "[]"), run.stderr


FORK = """
import os, sys, json
from lmnb import studio
from lmnb.chat.history import Message
host = sys.argv[1]
def ask():
    events = []
    prompt = json.dumps([{"text": "a"}])
    studio.start(studio.Request((Message("user", prompt),), "scripted", host), events.append).done.result(20)
    return type(events[-1]).__name__
print(ask(), flush=True)
child = os.fork()
if child == 0:
    print(ask(), flush=True)
    sys.exit(0)
_, status = os.waitpid(child, 0)
print(status, ask(), flush=True)
"""


@pytest.mark.server
@pytest.mark.skipif(not hasattr(os, "fork"), reason="no fork here")
def test_a_forked_child_has_a_thread_of_its_own_and_leaves_the_parents_alone(scripted_server):
    run = python(FORK, scripted_server)
    assert (run.returncode, run.stdout.split()) == (0, ["Finished", "Finished", "0", "Finished"]), run.stderr
    assert "Traceback" not in run.stderr


EXIT = """
import sys, json, threading
from lmnb import studio
from lmnb.chat.history import Message
host = sys.argv[1]
written = threading.Event()
prompt = json.dumps([{"text": "word " * 2000, "by": "word", "rate": 100}])
def listen(event):
    if type(event).__name__ == "Fragment":
        written.set()
studio.start(studio.Request((Message("user", prompt),), "scripted", host), listen)
assert written.wait(20)
"""


@pytest.mark.server
def test_a_process_that_ends_in_mid_answer_ends_quietly_and_frees_the_slot(scripted_server, peek):
    run = python(EXIT, scripted_server)
    assert (run.returncode, run.stdout, run.stderr) == (0, "", "")
    assert peek.wait(lambda: peek.status() == "idle", 1.0)
