"""The magics in a shell without a kernel."""

from __future__ import annotations

import json
import sys

import pytest

from lmnb.chat.reply import Reply

pytestmark = pytest.mark.server

HELLO = json.dumps([{"text": "Hello **world**"}])
HISTORY = json.dumps([{"history": True}])


def run(shell, cell):
    result = shell.run_cell(cell, store_history=True)
    result.raise_error()
    return shell.user_ns["_"]


def test_a_chat_cell_prints_the_answer_and_leaves_the_reply(shell, capsys):
    reply = run(shell, f"%%chat -m scripted\n{HELLO}")
    out = capsys.readouterr().out
    assert "Hello **world**" in out
    assert out.count("Hello **world**") == 1
    assert "Out[" not in out
    assert isinstance(reply, Reply)
    assert reply.text == "Hello **world**"


def test_lm_is_a_second_name(shell):
    assert run(shell, f"%%lm -m scripted\n{HELLO}").text == "Hello **world**"


def test_a_comment_above_and_an_empty_body(shell):
    assert run(shell, f"# why\n%%chat -m scripted\n{HELLO}").text == "Hello **world**"
    assert run(shell, f"%%chat -m scripted {HELLO}").text == "Hello **world**"


@pytest.mark.parametrize(
    "prompt", ["{a} {{b}} {", "costs $5 and $HOME", "it's \"so\" 'odd' \\n", "why?", "🙂 ünï", "%time"]
)
def test_the_prompt_arrives_as_it_was_written(shell, prompt):
    run(shell, f"%%chat -m scripted\n{prompt}")
    sent = json.loads(run(shell, f"%%chat\n{HISTORY}").text)
    assert sent[0]["content"][0]["text"] == prompt


def test_a_prompt_of_a_megabyte_that_does_not_fit_says_so(shell, capsys):
    result = shell.run_cell("%%chat -m scripted -o contextOverflowPolicy stopAtLimit\n" + "word " * 200_000)
    assert result.error_in_exec is not None
    assert "context" in str(result.error_in_exec)


def test_turns_follow_one_another(shell):
    run(shell, f"%%chat -m scripted\n{HELLO}")
    sent = json.loads(run(shell, f"%%chat\n{HISTORY}").text)
    assert [m["role"] for m in sent] == ["user", "assistant", "user"]


def test_a_new_conversation_forgets_the_turns_before(shell):
    run(shell, f"%%chat -m scripted\n{HELLO}")
    sent = json.loads(run(shell, f"%%chat -m scripted --new\n{HISTORY}").text)
    assert [m["role"] for m in sent] == ["user"]


def test_a_host_that_does_not_answer_is_not_held_on_to(shell, scripted_server):
    assert shell.run_cell(f"%%chat -m scripted --host 127.0.0.1:1\n{HELLO}").error_in_exec is not None
    assert run(shell, f"%%chat\n{HELLO}").text == "Hello **world**"
    run(shell, f"%%chat --host {scripted_server}\n{HELLO}")
    shell.run_cell(f"%%chat --host 127.0.0.1:1\n{HELLO}")
    assert run(shell, f"%%chat\n{HELLO}").stats.predicted_tokens_count


def test_time_and_run_cell_magic(shell):
    assert shell.run_cell_magic("chat", "-m scripted", HELLO) is None
    assert shell.user_ns["_"].text == "Hello **world**"
    run(shell, f"%%time\n%%chat -m scripted\n{HELLO}")


def test_an_unknown_option_is_one_sentence(shell, capsys):
    shell.run_cell("%%chat --modle x\nhi")
    err = capsys.readouterr()
    assert "Did you mean --model" in err.out + err.err
    assert "Traceback" not in err.out + err.err


def test_a_failure_is_one_line_not_a_traceback(shell, capsys):
    shell.run_cell('%%chat -m scripted\n[{"error": "The engine broke."}]')
    captured = capsys.readouterr()
    assert "The engine broke." in captured.out + captured.err
    assert "Traceback" not in captured.out + captured.err


def test_help_is_printed(shell, capsys):
    shell.run_cell("%%chat --help")
    assert "--max-tokens" in capsys.readouterr().out
    shell.run_cell("%%chat?")
    assert "--max-tokens" in capsys.readouterr().out


def test_loading_twice_and_unloading_leave_the_shell_as_it_was(the_shell):
    def state():
        manager = the_shell.magics_manager
        return (
            dict(manager.magics["cell"]),
            dict(manager.magics["line"]),
            list(the_shell.input_transformers_cleanup),
            {name: list(found) for name, found in the_shell.events.callbacks.items()},
            set(manager.registry),
        )

    before = state()
    import lmnb

    lmnb.load_ipython_extension(the_shell)
    once = state()
    lmnb.load_ipython_extension(the_shell)
    assert state() == once != before
    lmnb.unload_ipython_extension(the_shell)
    assert state() == before


def test_a_magic_of_somebody_else_is_named_and_given_back(the_shell, capsys):
    import lmnb

    def theirs(line, cell):
        return "theirs"

    the_shell.register_magic_function(theirs, "cell", "chat")
    lmnb.load_ipython_extension(the_shell)
    assert "%%chat belonged to" in capsys.readouterr().out
    lmnb.unload_ipython_extension(the_shell)
    assert the_shell.find_cell_magic("chat") is theirs
    del the_shell.magics_manager.magics["cell"]["chat"]


def test_loading_imports_no_sdk_and_no_widgets():
    import subprocess

    code = (
        "import sys; from IPython.core.interactiveshell import InteractiveShell; s = InteractiveShell();"
        "import lmnb.studio; lmnb.studio.begin_import = lambda: None;"
        "s.run_line_magic('load_ext', 'lmnb');"
        "print([m for m in ('lmstudio', 'anywidget', 'ipywidgets', 'tornado', 'httpx') if m in sys.modules])"
    )
    out = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout
    assert out.strip() == "[]"
