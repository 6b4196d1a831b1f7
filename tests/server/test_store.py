"""The first model is fetched whole, or not at all: against an index on this computer, with the real pip and uv."""

from __future__ import annotations

import contextlib
import dataclasses
import errno
import importlib.util
import json
import os
import shutil
import signal
import subprocess
import sys
import zipfile
from pathlib import Path

import pytest

from lmnb.server import download, packages, store
from lmnb.server.errors import ServerError
from lmnb.server.loader import Loader
from lmnb.server.models import LoadRequest, Model
from lmnb.server.packages import PackageError, Pip, Uv, Wheel
from tests.server import shelf as shelves
from tests.server.conftest import until

TINY = shelves.entry()
UV = next(filter(None, (shutil.which("uv"), shutil.which("uv", path=str(Path(sys.executable).parent)))), None)


class Client:
    """A client with an index of one wheel."""

    def __init__(self, url, brings=None):
        self.url, self.brings, self.asked, self.brought = url, brings, 0, 0

    def find(self, wheel):
        self.asked += 1
        if isinstance(self.url, Exception):
            raise self.url
        return self.url

    def bring(self, wheel, folder):
        self.brought += 1
        if not isinstance(self.brings, bytes):
            raise self.brings or PackageError("It has none.")
        (folder / "wheel.whl").write_bytes(self.brings)
        zipfile.ZipFile(folder / "wheel.whl").extractall(folder)


@pytest.fixture
def shelf():
    found = shelves.Shelf()
    yield found
    found.close()


@pytest.fixture(autouse=True)
def cache(tmp_path, monkeypatch):
    """An empty cache of this test's own."""
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    monkeypatch.setattr(download, "PAUSE", 0.0)
    return tmp_path / "cache" / "lmnb"


def get(client, entry=TINY, progress=None):
    return store.get("tiny", entries=[entry], client=client, progress=progress)


def left(folder):
    """The names of all files below a folder, without locks."""
    return sorted(path.name for path in folder.rglob("*") if path.is_file() and path.suffix != ".lock")


def test_the_first_call_fetches_and_the_second_only_looks(shelf, cache):
    client, steps = Client(shelf.url()), []
    path = get(client, progress=lambda *step: steps.append(step))
    assert path == cache / "models" / "lmnb" / "tiny-GGUF" / "tiny-Q4_1.gguf"
    assert path.read_bytes() == shelves.MODEL
    assert left(cache) == ["tiny-Q4_1.gguf", "tiny-Q4_1.gguf.checked"]
    assert list(dict.fromkeys(step[0] for step in steps)) == ["asking where it is", "fetching", "checking", "unpacking"]
    assert all(0 <= done <= total for _, done, total in steps)
    assert steps[-1] == ("unpacking", len(shelves.MODEL), len(shelves.MODEL))

    steps.clear()
    assert get(client, progress=lambda *step: steps.append(step)) == path
    assert (client.asked, len(shelf.asked), steps) == (1, 1, [])


def test_broken_connections_are_continued_in_the_same_call(shelf):
    shelf.faults.extend([700_000, 1, 900_000, "503", 100_000])
    assert get(Client(shelf.url())).read_bytes() == shelves.MODEL
    assert shelf.asked == ["", *[f"bytes={at}-" for at in (700_000, 700_001, 1_600_001, 1_600_001, 1_700_001)]]
    assert shelf.sent == TINY.wheel.size_bytes


def test_a_server_that_only_breaks_is_given_up_and_the_next_call_goes_on(shelf, cache):
    shelf.faults.extend([700_000, *[0] * download.TRIES])
    with pytest.raises(store.StoreError, match=r"Tiny cannot be fetched now\.(?s:.*)the same command goes on"):
        get(Client(shelf.url()))
    assert left(cache) == ["lmnb_test_model-1.0-py3-none-any.whl.part"]
    steps = []
    assert get(Client(shelf.url()), progress=lambda *step: steps.append(step)).read_bytes() == shelves.MODEL
    assert shelf.asked[-1] == "bytes=700000-"
    assert steps[1] == ("fetching", 700_000, TINY.wheel.size_bytes)


@pytest.mark.parametrize("fault", ["whole", "middle"])
def test_a_server_that_sends_another_range_than_asked_for_spoils_nothing(shelf, fault):
    shelf.faults.extend([700_000, fault])
    assert get(Client(shelf.url())).read_bytes() == shelves.MODEL


@pytest.mark.parametrize("spoil", [lambda part: part[:-9] + b"!" + part[-8:], lambda part: part * 9])
def test_a_part_that_was_spoilt_meanwhile_is_fetched_anew(shelf, cache, spoil):
    part = cache / "downloads" / f"{TINY.wheel.file}.part"
    part.parent.mkdir(parents=True)
    part.write_bytes(spoil(shelves.wheel()[:1_000_000]))
    assert get(Client(shelf.url())).read_bytes() == shelves.MODEL


def test_a_whole_wheel_that_was_not_unpacked_is_not_fetched_again(shelf, cache):
    part = cache / "downloads" / f"{TINY.wheel.file}.part"
    part.parent.mkdir(parents=True)
    part.write_bytes(shelves.wheel())
    get(Client(shelf.url()))
    assert shelf.asked == []


@pytest.mark.parametrize("damage", [lambda file: file[:-1], lambda file: b"X" + file[1:], lambda _: b""])
def test_a_broken_file_is_seen_and_mended(shelf, damage):
    path = get(Client(shelf.url()))
    path.write_bytes(damage(shelves.MODEL))
    with pytest.raises(store.StoreError, match="`lmnb get tiny` fetches it anew"):
        store.check(path, entries=[TINY])
    assert get(Client(shelf.url())).read_bytes() == shelves.MODEL
    store.check(path, entries=[TINY])


def test_a_broken_file_is_not_offered_any_more_even_without_a_network(shelf):
    path = get(Client(shelf.url()))
    path.write_bytes(b"X" + shelves.MODEL[1:])
    with pytest.raises(store.StoreError, match="cannot be reached"):
        get(Client(PackageError("The index cannot be reached.")))
    assert not path.exists()


def test_a_file_that_came_another_way_is_checked_once_and_kept(cache):
    path = cache / "models" / TINY.path
    path.parent.mkdir(parents=True)
    path.write_bytes(shelves.MODEL)
    steps = []
    for _ in range(2):
        assert get(Client(None), progress=lambda *step: steps.append(step[0])) == path
    assert set(steps) == {"checking"}
    before = len(steps)
    os.utime(path)
    get(Client(None), progress=lambda *step: steps.append(step[0]))
    assert len(steps) == 2 * before, "it was touched, and has to be checked again"


async def test_the_server_does_not_load_a_file_whose_bytes_have_changed(shelf, monkeypatch):
    monkeypatch.setattr(store, "ENTRIES", (TINY,))
    path = get(Client(shelf.url()))
    path.write_bytes(shelves.MODEL[:1000] + b"X" + shelves.MODEL[1001:])
    model = Model("tiny", TINY.path, "Tiny", TINY.size_bytes, 512, file=path)
    with pytest.raises(ServerError) as caught:
        await Loader([], scripted=False).load(model, LoadRequest(), report=None)
    assert caught.value.title == "The file of Tiny is broken."
    assert caught.value.suggestion == "`lmnb get tiny` fetches it anew."


def test_somebody_elses_file_is_none_of_our_business(tmp_path):
    (tmp_path / "theirs.gguf").write_bytes(b"")
    store.check(tmp_path / "theirs.gguf", entries=[TINY])


@pytest.mark.parametrize("model", [shelves.MODEL[:-1] + b"X", shelves.MODEL[:1000], shelves.MODEL * 2])
def test_another_model_in_the_wheel_is_thrown_away(shelf, cache, model):
    content = shelves.wheel(model)
    shelf.files[TINY.wheel.file] = content
    wheel = dataclasses.replace(shelves.entry(content).wheel)
    with pytest.raises(store.StoreError, match="not the model that is known"):
        get(Client(shelf.url()), dataclasses.replace(TINY, wheel=wheel))
    assert not list((cache / "models").rglob("*.gguf*"))


def test_another_wheel_than_the_known_one_is_never_unpacked(shelf, cache):
    shelf.files[TINY.wheel.file] = b"X" * TINY.wheel.size_bytes
    client = Client(shelf.url())
    with pytest.raises(store.StoreError, match="It has none"):
        get(client)
    assert client.brought == 1, "the person's own client may have another source"
    assert left(cache) == []


def test_a_wheel_without_the_model_says_so(shelf):
    with pytest.raises(store.StoreError, match="does not hold the model"):
        get(Client(shelf.url()), dataclasses.replace(TINY, member="elsewhere.gguf"))


@pytest.mark.parametrize("fault", ["401", "403", "407", "404"])
def test_where_we_are_refused_the_client_brings_it(shelf, cache, fault):
    shelf.faults.append(fault)
    client = Client(shelf.url(), brings=shelves.wheel())
    assert get(client).read_bytes() == shelves.MODEL
    assert client.brought == 1
    assert left(cache) == ["tiny-Q4_1.gguf", "tiny-Q4_1.gguf.checked"]


def test_what_a_client_brings_is_checked_as_well(cache):
    with pytest.raises(store.StoreError, match="not the model that is known"):
        get(Client(None, brings=shelves.wheel(b"something else")))
    assert left(cache) == []


def test_a_disk_that_is_too_small_is_seen_before_anything_is_fetched(shelf):
    with pytest.raises(store.StoreError, match=r"too little room.*0000000003 MB are needed(?s:.*)Make room"):
        get(Client(shelf.url()), dataclasses.replace(TINY, size_bytes=10**18))
    assert shelf.asked == []


@pytest.fixture
def small_disk(cache, monkeypatch):
    """The cache on a disk of 16 MB."""
    cache.mkdir(parents=True)
    mounted = subprocess.run(
        ["mount", "-t", "tmpfs", "-o", "size=16m", "tmpfs", cache], capture_output=True, check=False
    )
    if mounted.returncode:
        pytest.skip("Only root can make a small disk here.")
    monkeypatch.setattr(store, "SPARE", 0)
    yield cache
    subprocess.run(["umount", cache], check=True)


@pytest.mark.skipif(sys.platform != "linux", reason="Small disks are made of Linux's tmpfs.")
def test_a_disk_that_fills_up_in_mid_fetch_is_a_sentence_and_the_next_one_goes_on(small_disk, shelf):
    def fill(_doing, done, _total):
        if done:
            with contextlib.suppress(OSError), (small_disk / "filler").open("ab", buffering=0) as filler:
                while filler.write(bytes(1 << 16)):
                    pass

    with pytest.raises(store.StoreError, match="disk is full"):
        get(Client(shelf.url()), progress=fill)
    (small_disk / "filler").unlink()
    assert get(Client(shelf.url())).read_bytes() == shelves.MODEL


@pytest.mark.parametrize(
    ("error", "said"),
    [
        (OSError(errno.ENOSPC, "No space"), "disk is full"),
        (PermissionError(errno.EACCES, "Denied", "/x"), "/x: Denied"),
    ],
)
def test_what_the_system_refuses_is_a_sentence(error, said):
    with pytest.raises(store.StoreError, match=said):
        get(Client(None, brings=error))


def test_a_file_where_the_folder_should_be_is_a_sentence(cache):
    cache.parent.mkdir()
    cache.write_text("")
    with pytest.raises(store.StoreError, match="Put that right"):
        get(Client(None))


def test_an_unknown_name_says_what_there_is():
    with pytest.raises(store.StoreError, match=r"no “gpt” to fetch here; there is smollm2, minilm\."):
        store.get("gpt")


# -- a file at an address ----------------------------------------------------------------------------------------------


@pytest.fixture
def bare(shelf):
    """A model that no package carries."""
    shelf.files["tiny.gguf"] = shelves.MODEL
    return dataclasses.replace(TINY, wheel=None, member="", url=shelf.url("tiny.gguf"))


def test_a_file_at_an_address_is_fetched_checked_and_continued(shelf, cache, bare):
    shelf.faults.extend([700_000, *[0] * download.TRIES])
    with pytest.raises(store.StoreError, match=r"the same command goes on from there"):
        get(None, bare)
    assert left(cache) == [f"{bare.part}.part"]
    steps = []
    path = get(None, bare, progress=lambda *step: steps.append(step))
    assert path.read_bytes() == shelves.MODEL
    assert shelf.asked[-1] == "bytes=700000-"
    assert list(dict.fromkeys(step[0] for step in steps)) == ["fetching", "checking"]
    assert left(cache) == ["tiny-Q4_1.gguf", "tiny-Q4_1.gguf.checked"]
    assert get(None, bare) == path


def test_other_bytes_at_an_address_are_thrown_away(shelf, cache, bare):
    shelf.files["tiny.gguf"] = b"X" * len(shelves.MODEL)
    with pytest.raises(store.StoreError, match="not the model that is known"):
        get(None, bare)
    assert left(cache) == []


def test_an_address_that_nobody_answers_is_said_at_once(cache, bare, monkeypatch):
    monkeypatch.setattr(download, "PAUSE", 3600.0)
    nowhere = dataclasses.replace(bare, url="http://127.0.0.1:9/tiny.gguf")
    with pytest.raises(store.StoreError, match=r"127\.0\.0\.1 cannot be reached(?s:.*)offline"):
        get(None, nowhere)


def test_an_entry_has_one_source():
    for change in ({"url": "http://x/y"}, {"wheel": None}):
        with pytest.raises(ValueError, match="either a wheel or an address"):
            dataclasses.replace(TINY, **change)


def test_what_progress_raises_ends_the_call_and_keeps_what_has_come(shelf, cache):
    class EnoughError(Exception):
        pass

    def tell(doing, done, total):
        if doing == "fetching" and done > 700_000:
            raise EnoughError

    with pytest.raises(EnoughError):
        get(Client(shelf.url()), progress=tell)
    assert (cache / "downloads" / f"{TINY.wheel.file}.part").stat().st_size > 700_000
    assert get(Client(shelf.url())).read_bytes() == shelves.MODEL
    assert shelf.asked[-1].startswith("bytes=")


# -- processes ---------------------------------------------------------------------------------------------------------

GET = """
import json, sys
from lmnb.server.packages import Wheel
from lmnb.server.store import Entry, get
known = json.loads(sys.argv[1])
class Client:
    def find(self, wheel): return sys.argv[2]
known["wheel"] = Wheel(**known["wheel"])
tell = lambda doing, done, total: print(doing, done, flush=True)
print(get("tiny", entries=[Entry(**known)], client=Client(), progress=tell).stat().st_size)
"""


@pytest.fixture
def process(shelf):
    """Starts a process that fetches; what is still running is ended."""
    running = []

    def start():
        command = [sys.executable, "-c", GET, json.dumps(dataclasses.asdict(TINY)), shelf.url()]
        running.append(subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True))
        return running[-1]

    yield start
    for one in running:
        one.kill()
        one.communicate()


def test_two_processes_at_once_fetch_it_once(shelf, process):
    shelf.faults.append("slow")
    first = process()
    until(lambda: shelf.asked)
    second = process()
    said = [one.communicate(timeout=60) for one in (first, second)]
    assert [out.split()[-1] for out, _ in said] == [str(len(shelves.MODEL))] * 2, said
    assert "it is being fetched already" in said[1][0]
    assert shelf.sent == TINY.wheel.size_bytes


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGKILL])
def test_what_is_interrupted_goes_on_with_the_next_call(shelf, process, cache, number):
    shelf.faults.append("slow")
    first = process()
    part = cache / "downloads" / f"{TINY.wheel.file}.part"
    until(lambda: part.exists() and part.stat().st_size > 300_000)
    first.send_signal(number)
    first.communicate(timeout=60)
    assert first.returncode == -number
    have = part.stat().st_size
    assert get(Client(shelf.url())).read_bytes() == shelves.MODEL
    assert shelf.asked == ["", f"bytes={have}-"]


# -- the real clients --------------------------------------------------------------------------------------------------


@pytest.fixture(params=["pip", "uv"])
def real(request, shelf, monkeypatch):
    """A real client whose index is the shelf."""
    for name in [name for name in os.environ if name.startswith(("PIP_", "UV_"))]:
        monkeypatch.delenv(name)
    monkeypatch.setenv("PIP_CONFIG_FILE", os.devnull)
    monkeypatch.setenv("UV_NO_CONFIG", "1")
    for name in ("PIP_INDEX_URL", "UV_DEFAULT_INDEX"):
        monkeypatch.setenv(name, f"{shelf.address}/simple/")
    if request.param == "pip":
        return Pip(sys.executable, "-m", "pip")
    if UV is None:
        pytest.skip("There is no uv.")
    return Uv(UV)


def test_a_real_client_says_where_the_wheel_is_and_fetches_nothing(shelf, real):
    assert real.find(TINY.wheel) == shelf.url()
    assert len(shelf.asked) <= 1 or shelf.sent < TINY.wheel.size_bytes / 2  # uv looks at the wheel's end


def test_a_real_client_brings_the_model_without_what_its_wheel_depends_on(real, tmp_path):
    real.bring(TINY.wheel, tmp_path)
    assert (tmp_path / TINY.member).read_bytes() == shelves.MODEL


def test_from_a_real_client_to_the_file(real):
    assert get(real).read_bytes() == shelves.MODEL


def test_a_real_client_does_not_import_what_lies_beside_the_notebook(real, tmp_path, monkeypatch):
    (tmp_path / "json.py").write_text("raise SystemExit('taken')")
    monkeypatch.chdir(tmp_path)
    assert real.find(TINY.wheel)


def test_a_real_client_takes_a_wheel_from_a_folder(real, tmp_path, monkeypatch):
    (tmp_path / TINY.wheel.file).write_bytes(shelves.wheel())
    for name in ("PIP_FIND_LINKS", "UV_FIND_LINKS"):
        monkeypatch.setenv(name, str(tmp_path))
    for name in ("PIP_NO_INDEX", "UV_NO_INDEX"):
        monkeypatch.setenv(name, "1")
    assert get(real).read_bytes() == shelves.MODEL


def test_an_index_without_it_and_one_that_does_not_answer_are_told_apart(real, monkeypatch):
    with pytest.raises(PackageError, match=r"does not find lmnb-test-model 2\.0: "):
        real.find(Wheel("lmnb-test-model", "2.0", "", 0))
    for name in ("PIP_INDEX_URL", "UV_DEFAULT_INDEX"):
        monkeypatch.setenv(name, "http://127.0.0.1:9/simple/")
    with pytest.raises(PackageError, match=r"index cannot be reached(?s:.*)Run the same command again"):
        real.find(TINY.wheel)


@pytest.mark.skipif(importlib.util.find_spec("pip") is None, reason="There is no pip here.")
def test_the_environments_own_pip_comes_first():
    assert isinstance(packages.client(), Pip)


def test_without_pip_uv_is_asked_and_without_both_it_says_what_to_install(tmp_path, monkeypatch):
    monkeypatch.setattr(importlib.util, "find_spec", lambda name: None)
    monkeypatch.delenv("UV", raising=False)
    monkeypatch.setenv("PATH", str(tmp_path))
    with pytest.raises(PackageError, match=r"Neither pip nor uv is here(?s:.*)`python -m ensurepip`"):
        packages.client()
    for name, kind in (("pip3", Pip), ("uv", Uv)):
        (tmp_path / name).touch(0o755)
        assert isinstance(packages.client(), kind)
