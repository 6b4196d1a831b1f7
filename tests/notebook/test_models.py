"""`%lm` in a shell without a kernel."""

from __future__ import annotations

import os

import pytest
from IPython.core.error import UsageError

from lmnb.notebook import models
from lmnb.server import launch, store
from tests.server import shelf as shelves


@pytest.fixture
def tiny(tmp_path, monkeypatch):
    """The catalogue has a made-up model on an index of this computer, and nothing is here yet."""
    shelf = shelves.Shelf()
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    monkeypatch.setenv("PIP_CONFIG_FILE", os.devnull)
    monkeypatch.setenv("PIP_INDEX_URL", f"{shelf.address}/simple/")
    monkeypatch.setattr(store, "ENTRIES", (shelves.entry(),))
    yield shelf
    shelf.close()


def output(shell, capsys, cell):
    result = shell.run_cell(cell)
    captured = capsys.readouterr()
    return result, captured.out + captured.err


def test_without_a_verb_and_with_help_it_says_what_there_is(shell, capsys):
    for cell in ("%lm", "%lm help", "%chat"):
        said = output(shell, capsys, cell)[1]
        assert "%chat load NAME [--context N]" in said
        assert "%chat download [NAME[@QUANT]]" in said
        assert "bring a model here" in said
        assert "%chat get smollm2" in said


def test_a_verb_that_is_misspelt_is_not_asked(shell, capsys):
    _, said = output(shell, capsys, "%lm modles")
    assert "Did you mean `%chat models`" in said


def test_what_can_be_fetched_is_listed(shell, capsys):
    lines = output(shell, capsys, "%lm get")[1].splitlines()
    assert lines[0].split()[:4] == ["smollm2", "98", "MB", "Apache-2.0"]
    assert lines[-1] == "Fetch one: %lm get smollm2"


def test_a_model_is_fetched_and_it_says_what_to_do_next(shell, capsys, tiny):
    result, said = output(shell, capsys, "%lm get tiny")
    result.raise_error()
    assert said.splitlines()[-2:] == [
        "Tiny is here; its key is tiny.",
        "Ask something: a cell that begins with %%chat, and has the question below it.",
    ]


@pytest.mark.parametrize(
    ("name", "said", "next_step"),
    [
        ("gpt", "There is no “gpt” to fetch here; there is tiny.", "there is tiny."),
        ("tiny", "Tiny cannot be fetched now. pip does not find lmnb-test-model 1.0", ""),
    ],
)
def test_what_goes_wrong_is_one_short_message(shell, capsys, tiny, name, said, next_step):
    tiny.files.clear()
    result, out = output(shell, capsys, f"%lm get {name}")
    assert result.error_in_exec is not None
    assert said in out
    assert next_step in out
    assert "Traceback" not in out
    assert len(out.splitlines()) <= 4


@pytest.mark.server
def test_a_server_that_does_not_answer_is_one_short_message(shell, capsys, monkeypatch):
    monkeypatch.setenv("LMSTUDIO_API_HOST", "127.0.0.1:9")
    _, said = output(shell, capsys, "%lm models")
    assert said.startswith("Nothing answers at 127.0.0.1:9.")
    assert "question" not in said
    assert "Traceback" not in said


# ---- the verbs, as `%chat VERB …` calls them


@pytest.fixture(scope="module")
def own():
    """A server of these tests' own: they load what they like."""
    with launch.start_server(scripted=True) as server:
        yield server.host


@pytest.fixture
def do(the_shell, capsys, own):
    """Does a verb, and gives what it printed; nothing is loaded before."""

    def do(line, host=own):
        verb, *args = line.split()
        do.result = models.VERBS[verb].run(the_shell, args, host=host)
        return capsys.readouterr().out.strip()

    do("unload --all")
    return do


@pytest.mark.server
def test_load_use_status_unload(do, own):
    said = do("load script vis --context 512 --ttl 600 --identifier mine --gpu off -o seed 7")
    assert said.splitlines()[-2:] == [
        "“script vis” is short for scripted-vision here.",
        "scripted-vision is loaded as mine, with a context of 512 tokens.",
    ]
    assert do("use vis") == "“vis” is short for scripted-vision here.\nscripted-vision answers from here on."
    assert do.result == "scripted-vision"
    assert do("use mine") == "mine answers from here on."
    head, columns, row = do("status").splitlines()
    assert own in head
    assert columns.split()[:2] == ["IDENTIFIER", "MODEL"]
    assert row.split() == ["mine", "scripted-vision", "1", "MB", "512", "idle", "in", "10", "min"]
    assert "scripted-vision (mine)" in do("models")
    assert do("unload") == "mine is unloaded."
    assert do("unload") == "Nothing is loaded."
    assert do("status").splitlines()[1:] == ["Nothing is loaded; the next question loads a model."]


@pytest.mark.server
def test_what_is_loaded_is_left_as_it_is(do):
    do("load scripted --context 512")
    assert do("load scripted --context 1024").splitlines() == [
        "scripted is loaded already as scripted, with a context of 512 tokens.",
        "`--again` loads it one more time; `%chat unload` makes room for other settings.",
    ]
    assert do("load scripted --again --context 1024").endswith(
        "is loaded as scripted:2, with a context of 1024 tokens."
    )
    with pytest.raises(models.ModelsFailed, match=r"More than one model is loaded(?s:.*)%chat unload scripted"):
        do("unload")
    assert do("unload scripted:2") == "scripted:2 is unloaded."
    assert do("use slow").endswith("it is loaded with the next question, or now with `%chat load`.")


@pytest.mark.server
@pytest.mark.parametrize(
    ("line", "words"),
    [
        ("load scriptet", "No model on this computer is called “scriptet”.\nClose to it are these."),
        ("load scripted-", "short for more than one model"),
        ("load scripted -o flashAttn true", "No load parameter is called “flashAttn”"),
        ("load scripted-broken", "it ends after 12 of 30 tensors"),
        ("use scripted-embedding", "is an embedding model"),
        ("use scriptet", "Name one of them: `scripted`."),
    ],
)
def test_what_does_not_work_is_said_in_sentences(do, line, words):
    with pytest.raises(models.ModelsFailed) as caught:
        do(line)
    assert words in str(caught.value)
    assert "%%chat" not in str(caught.value)


@pytest.mark.parametrize(
    ("line", "words"),
    [
        ("load", "required: NAME"),
        ("load x --context 0", "a whole number from 1 on is wanted, not '0'"),
        ("load x --gpu some", "max, off, or a share"),
        ("load x --gpus 1", "--gpus"),
        ("load x -o seed", "expected 2 arguments"),
        ("models all", "all"),
        ("use", "required: NAME"),
    ],
)
def test_what_makes_no_sense_is_a_matter_of_usage(the_shell, line, words):
    verb, *args = line.split()
    with pytest.raises(UsageError, match=f"It is typed like this: %chat {verb}") as caught:
        models.VERBS[verb].run(the_shell, args)
    assert words in str(caught.value)


def test_an_interrupted_load_is_one_sentence(the_shell, monkeypatch):
    def interrupted(*_, **__):
        raise KeyboardInterrupt

    monkeypatch.setattr("lmnb.studio.load", interrupted, raising=False)
    with pytest.raises(models.VerbStopped, match="Stopped: qwen3 4b is not loaded"):
        models.VERBS["load"].run(the_shell, ["qwen3", "4b"])
