"""Conversations in a shell without a kernel: the flags, the verbs, the replies as values."""

from __future__ import annotations

import json
import sys

import pytest
from IPython.core.error import UsageError

from lmnb.chat import record, resume
from lmnb.chat.reply import Reply
from lmnb.notebook import verbs
from lmnb.notebook.outcomes import NotAsked, NotDone

pytestmark = pytest.mark.server


def script(*steps):
    return json.dumps(list(steps))


HELLO = script({"text": "Hello **world**"})
HISTORY = script({"history": True})


def run(shell, cell):
    result = shell.run_cell(cell, store_history=True)
    result.raise_error()
    return shell.user_ns.get("_")


def say(text, line="-m scripted", **more):
    return f"%%chat {line}\n{script({'text': text, **more})}"


def asked(shell, line=""):
    """What the server is sent with the next question: the texts of the messages."""
    sent = json.loads(run(shell, f"%%chat -m scripted {line}\n{HISTORY}").text)
    return [message["content"][0]["text"] for message in sent]


def talks(shell):
    return shell.magics_manager.registry["ChatMagics"].desk.talks


@pytest.fixture
def as_cell(shell, monkeypatch):
    """Runs code as a front end does that says which cell it is."""
    count = iter(range(10_000))

    def run_as(cell, code):
        with monkeypatch.context() as patched:
            patched.setattr("lmnb.notebook.cells.cell_id", lambda _: cell)
            number = f"run {next(count)}"
            patched.setattr("lmnb.notebook.cells.run_id", lambda _: number)
            return run(shell, code)

    return run_as


# ---- which conversation


def test_a_named_conversation_is_another_one(shell):
    run(shell, say("main"))
    run(shell, say("side", "-m scripted -i side"))
    assert asked(shell, "-i side")[1] == "side"
    assert asked(shell)[1] == "main"
    assert talks(shell).names() == ["main", "side"]


def test_continue_is_the_last_one_that_was_spoken_in(shell):
    run(shell, say("main"))
    run(shell, say("side", "-m scripted -i side"))
    assert asked(shell, "-c")[1] == "side"


def test_without_history_it_is_asked_alone_and_not_kept(shell):
    run(shell, say("main"))
    assert len(asked(shell, "--no-history")) == 1
    assert len(talks(shell).get()) == 1


def test_what_was_asked_alone_is_no_conversation_when_it_is_found_again(shell):
    run(shell, say("main"))
    alone = run(shell, say("alone", "-m scripted --no-history"))
    kept = talks(shell).get().turns[0]
    cells = [{"id": turn.id, "outputs": [{"metadata": {"lmnb": record.write(turn)}}]} for turn in (kept, alone.turn)]
    found = resume.read_notebook({"cells": cells})
    assert [(one.name, [turn.text for turn in one.line], one.branches) for one in found] == [("main", ["main"], [])]


def test_a_rule_for_what_is_left_out_holds_for_one_question(shell):
    run(shell, say("one", "-m scripted --trim off"))
    assert talks(shell).get().turns[-1].trim == "off"
    run(shell, say("two"))
    assert (talks(shell).get().turns[-1].trim, talks(shell).get().trim) == (None, "oldest")


def test_a_conversation_that_is_named_first_speaks_to_the_same_model_and_host(shell, scripted_server):
    run(shell, say("main", f"-m scripted-slow --host {scripted_server}"))
    run(shell, "%%chat -i side\n[]")
    side = talks(shell).get("side")
    assert (side.turns[0].model, side.host) == ("scripted-slow", scripted_server)


def test_switch_goes_to_another_conversation(shell, capsys):
    run(shell, say("main"))
    run(shell, say("two", "-m scripted --new"))
    run(shell, "%chat switch main")
    assert "The cells below speak in main, 1 turn." in capsys.readouterr().out
    assert asked(shell)[1] == "main"
    run(shell, "%chat new main")
    assert "A new conversation begins: main. What was said in it is kept as branch 1:" in capsys.readouterr().out
    with pytest.raises(UsageError, match="no conversation called 'nosuch'"):
        shell.run_line_magic("chat", "switch nosuch")


def test_turns_stand_under_their_own_conversation(shell, capsys):
    run(shell, say("one"))
    run(shell, say("two", "-m scripted -i side"))
    capsys.readouterr()
    run(shell, "%chat history")
    first, turn, second = capsys.readouterr().out.splitlines()
    assert first.startswith("* main: 1 turn")
    assert "one" in turn
    assert second.startswith("  side: 1 turn")
    run(shell, "%chat history side")
    assert "two" in capsys.readouterr().out.splitlines()[-1]


def test_branches_say_where_they_part_and_who_answered(shell, as_cell, capsys):
    as_cell("a", say("common"))
    as_cell("b", say("left"))
    as_cell("b", say("right", "-m scripted-slow"))
    capsys.readouterr()
    run(shell, "%chat branches")
    listed = capsys.readouterr().out
    assert "1: 2 turns · from turn 2: " in listed
    assert ", answered by scripted" in listed
    page = verbs.find("branches 1").verb.run(shell.magics_manager.registry["ChatMagics"].desk, ["1"])
    assert "Replaces turn" not in page.html, "that was said of the conversation as it was then"
    assert "left" in page.text
    assert "right" in page.text


def test_a_whole_answer_is_not_gone_on_with(shell):
    run(shell, say("all"))
    with pytest.raises(NotAsked, match="The last answer is complete"):
        run(shell, "%chat continue")
    assert len(talks(shell).get()) == 1


def test_a_cell_that_begins_a_conversation_begins_the_same_again(shell, as_cell):
    as_cell("a", say("one"))
    as_cell("b", say("two", "-m scripted --new"))
    as_cell("b", say("two again", "-m scripted --new"))
    assert talks(shell).names() == ["main", "chat 2"]
    assert [turn.text for turn in talks(shell).get("chat 2").turns] == ["two again"]


def test_a_new_conversation_keeps_the_model_and_not_the_system_prompt(shell):
    run(shell, say("one", '-m scripted -s "Be brief."'))
    reply = run(shell, f"%%chat --new\n{HISTORY}")
    assert [message["role"] for message in json.loads(reply.text)] == ["user"]
    assert reply.model == "scripted"


def test_a_cell_that_asks_elsewhere_is_taken_out_where_it_asked_before(shell, as_cell):
    as_cell("a", say("here"))
    as_cell("a", say("there", "-m scripted -i side"))
    assert [len(talk) for talk in talks(shell)] == [0, 1]
    assert [turn.text for turn in talks(shell).get("side").turns[0].earlier] == ["here"]


def test_running_a_cell_again_and_its_line_in_the_answer(shell, as_cell, capsys):
    for cell in "abc":
        as_cell(cell, say(cell))
    as_cell("a", say("A"))
    assert "Replaces turn 1; 2 later turns are kept as branch 1. `%chat switch 1` goes back." in capsys.readouterr().out
    run(shell, "%chat branches")
    assert "1: 3 turns" in capsys.readouterr().out
    run(shell, "%chat switch 1")
    assert "goes on from branch 1, 3 turns" in capsys.readouterr().out
    assert [turn.text for turn in talks(shell).get().turns] == ["a", "b", "c"]


def test_append_adds_a_turn(shell, as_cell):
    as_cell("a", say("a"))
    as_cell("a", say("a again", "-m scripted --append"))
    assert [turn.text for turn in talks(shell).get().turns] == ["a", "a again"]


def test_branches_side_by_side_begin_where_they_part(shell, as_cell):
    as_cell("a", say("common"))
    as_cell("b", say("left"))
    as_cell("b", say("right"))
    page = verbs.find("branches 1 2").verb.run(shell.magics_manager.registry["ChatMagics"].desk, ["1", "2"])
    assert "<p>common</p>" not in page.html
    assert "After 1 turn in common" in page.html
    assert page.text.index("left") < page.text.index("right")


# ---- verbs


def test_a_verb_with_more_words_than_it_takes_is_a_question(shell):
    assert verbs.find("show 1").verb.name == "show"
    for question in ("show me the median", "models are what?", "-- models", "next steps for this table", "why?"):
        assert verbs.find(question) is None


def test_history_lists_turns_and_conversations(shell, capsys):
    run(shell, say("one"))
    run(shell, say("two", "-m scripted -i side"))
    run(shell, "%chat history")
    printed = capsys.readouterr().out
    assert "* main: 1 turn · scripted" in printed
    assert "  side: 1 turn" in printed
    assert '1. [{"text": "one"}]' in printed


def test_fork_rename_delete_reset(shell, capsys):
    run(shell, say("one"))
    run(shell, say("two"))
    run(shell, "%chat fork other 1")
    assert asked(shell)[1:2] == ["one"]
    assert len(talks(shell).get("main")) == 2
    run(shell, "%chat rename third")
    assert talks(shell).names() == ["main", "third"]
    run(shell, "%chat reset")
    assert len(asked(shell)) == 1
    run(shell, "%chat delete third")
    assert talks(shell).current == "main"
    with pytest.raises(UsageError, match="no conversation called 'third'"):
        shell.run_line_magic("chat", "delete third")
    with pytest.raises(NotDone, match="There is no branch 9"):
        shell.run_line_magic("chat", "switch 9")


def test_drop_undo_pin(shell, capsys):
    for word in ("one", "two", "three"):
        run(shell, say(word))
    run(shell, "%chat drop 2")
    run(shell, "%chat pin 1")
    assert "pinned" not in capsys.readouterr().out.split("stays in")[0]
    assert talks(shell).get().turns[0].pinned
    run(shell, "%chat undo")
    assert [turn.text for turn in talks(shell).get().turns] == ["one"]


def test_a_question_on_one_line_may_end_in_a_question_mark(shell, capsys):
    shell.run_cell("%chat -m scripted -- what is this?").raise_error()
    assert talks(shell).get().turns[0].prompt == "what is this?"


def test_go_on(shell, capsys):
    with pytest.raises(Exception, match="no answer to go on with"):
        shell.run_line_magic("chat", "continue")
    run(shell, say("a b c d e f", "-m scripted --max-tokens 3"))
    assert "reached its limit of 3 tokens. `%chat continue` goes on." in capsys.readouterr().out
    run(shell, "%chat continue")
    assert talks(shell).get().turns[-1].prompt.startswith("Go on")


def test_show_cite_and_settings(shell, capsys):
    run(shell, say("Hello **world**"))
    shell.run_cell("%chat show")
    assert "Hello **world**" in capsys.readouterr().out
    run(shell, "%chat cite")
    printed = capsys.readouterr().out
    assert "scripted" in printed
    assert "lmstudio" in printed
    run(shell, "%chat settings")
    assert "c.Lmnb.trim" in capsys.readouterr().out
    run(shell, "%chat help")
    assert "%chat switch N" in capsys.readouterr().out


def test_use_holds_whatever_was_asked_before(shell):
    run(shell, say("one", "-m scripted"))
    run(shell, "%chat use letters")
    assert run(shell, f"%%chat\n{HELLO}").model == "scripted-letters"


def test_export_and_resume(shell, tmp_path, capsys, monkeypatch):
    monkeypatch.chdir(tmp_path)
    run(shell, say("one"))
    run(shell, say("two"))
    for kind in ("md", "json", "ipynb", "py"):
        run(shell, f"%chat export talk.{kind}")
        assert (tmp_path / f"talk.{kind}").stat().st_size > 50
    with pytest.raises(NotDone, match="is there already"):
        shell.run_line_magic("chat", "export talk.md")
    run(shell, "%chat export talk.md --overwrite")
    run(shell, "%chat delete main")
    capsys.readouterr()
    run(shell, "%chat resume talk.ipynb")
    assert "Resumed main: 2 turns, from talk.ipynb" in capsys.readouterr().out
    assert asked(shell)[1] == "one"
    with pytest.raises(NotDone, match="nosuch"):
        shell.run_line_magic("chat", "resume nosuch.ipynb")
    with pytest.raises(NotDone, match="does not say which notebook"):
        shell.run_line_magic("chat", "resume")


# ---- replies as values


def test_to_and_extract(shell):
    code = "Do this:\n\n```python\nx = 1\n```\n\nand\n\n```python\ny = 2\n```\n"
    run(shell, say(code, "-m scripted --to answer", by="char"))
    assert isinstance(shell.user_ns["answer"], Reply)
    run(shell, say(code, "-m scripted -x --to source", by="char"))
    compile(shell.user_ns["source"], "source", "exec")
    assert "x = 1" in shell.user_ns["source"]
    assert isinstance(shell.user_ns["_"], Reply)


def test_code_comes_into_the_next_cell_and_is_not_run(shell, capsys):
    run(shell, say("```python\nboom = 1\n```", "-m scripted --code", by="char"))
    assert shell.rl_next_input.strip() == "boom = 1"
    assert "boom" not in shell.user_ns
    run(shell, say("no code", "-m scripted --code"))
    assert "There is no code in the answer" in capsys.readouterr().out


def test_a_schema_gives_data_and_rows_a_table(shell):
    pandas = pytest.importorskip("pandas")
    run(shell, say('{"name": "a", "score": 1.5}', '-m scripted --schema "name:str, score:float" --to one'))
    assert shell.user_ns["one"] == {"name": "a", "score": 1.5}
    shell.user_ns["df"] = pandas.DataFrame({"x": [1]})
    rows = '{"rows": [{"name": "a", "score": 1.5}, {"name": "b", "score": 2}]}'
    run(shell, say(rows, '-m scripted --schema "[name:str, score:float]" --to many'))
    assert list(shell.user_ns["many"].columns) == ["name", "score"]
    assert len(shell.user_ns["many"]) == 2


def test_an_answer_of_another_shape_is_kept_shown_and_asked_again_once(shell, capsys):
    result = shell.run_cell(say('{"name": 3}', '-m scripted --schema "name:str" --to one'))
    assert "not what was asked for" in str(result.error_in_exec)
    assert result.error_in_exec.reply.text == '{"name": 3}'
    assert "one" not in shell.user_ns
    shell.run_cell(say('{"name": 3}', '-m scripted --schema "name:str" --retry'))
    assert len(talks(shell).get().turns) == 3
    assert "Asked once more" in capsys.readouterr().out


def test_formats(shell):
    run(shell, say('Here: {"a": 1}', "-m scripted -f json --to data"))
    assert shell.user_ns["data"] == {"a": 1}
    result = shell.run_cell(say("no json", "-m scripted -f json"))
    assert result.error_in_exec.reply.text == "no json"


def test_two_models_on_one_prompt(shell, capsys):
    reply = run(shell, say("both", "-m scripted -m scripted-letters"))
    assert reply.model == "scripted"
    assert capsys.readouterr().out.count("both") == 2
    assert len(talks(shell).get()) == 1


def test_the_context_is_shown_and_nothing_is_sent(shell, capsys):
    run(shell, say("one"))
    run(shell, f"%%chat --show-context\n{HELLO}")
    printed = capsys.readouterr().out
    assert "Hello" in printed
    assert "tokens" in printed
    assert len(talks(shell).get()) == 1


def test_nothing_that_fits_is_left_out_by_a_guess(shell):
    run(shell, "%chat load scripted --context 60 --identifier tiny")
    try:
        for number in (1, 2):
            run(shell, f"%%chat -m tiny\nturn {number} a b c d")
        sat = talks(shell).get().turns[-1].window
        assert (sat.left_out, sat.prompt > 12) == ((), True)
    finally:
        run(shell, "%chat unload tiny")


def test_hidden_thoughts_stay_hidden(shell, capsys):
    reply = run(shell, f"%%chat -m scripted -R\n{script({'reasoning': 'secret'}, {'text': 'Answer.'})}")
    assert "secret" not in capsys.readouterr().out
    assert reply.reasoning == "secret"


def test_background_needs_somebody_who_looks(shell):
    with pytest.raises(UsageError, match="--bg needs a notebook"):
        shell.run_cell(say("x", "-m scripted --bg")).raise_error()


def test_settings_hold_and_a_flag_goes_before_them(shell):
    shell.run_line_magic("config", "Lmnb.system = 'From settings.'")
    shell.run_line_magic("config", "Lmnb.options = {'temperature': 0.25}")
    run(shell, "%chat new")
    assert asked(shell)[0] == "From settings."
    sent = json.loads(run(shell, f"%%chat -m scripted\n{script({'config': True})}").text)
    assert sent["llm.prediction.temperature"] == 0.25
    assert asked(shell, '-s "From the line."')[0] == "From the line."


def test_the_python_names(scripted_server, tmp_path):
    import lmnb

    talk = lmnb.Conversation(model="scripted", host=scripted_server, name="t")
    talk.ask(HELLO)
    (tmp_path / "t.json").write_text(talk.export("json"))
    again = lmnb.load(tmp_path / "t.json", host=scripted_server, model="scripted")
    assert [turn.text for turn in again.turns] == ["Hello **world**"]
    assert "Hello **world**" in again.to_markdown()
    with pytest.raises(lmnb.ChatError, match="nosuch"):
        lmnb.load(tmp_path / "nosuch.ipynb")
    assert sys.modules["lmnb.conversation"].load is lmnb.load
