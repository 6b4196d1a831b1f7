"""What a `%%chat` line says."""

from __future__ import annotations

import pytest
from IPython.core.error import UsageError

from lmnb.notebook.magics import _prompt
from lmnb.notebook.options import TABLE, parse, usage


def test_all_options_at_once():
    options = parse('-m qwen3-4b -t 0.2 --max-tokens 300 -s "You are terse." -o topKSampling 20 --host localhost:1234')
    assert options.model == "qwen3-4b"
    assert options.system == "You are terse."
    assert options.host == "localhost:1234"
    assert options.config == {"temperature": 0.2, "maxTokens": 300, "topKSampling": 20}
    assert options.rest == ""


def test_equals_sign_and_quotes():
    options = parse("""--model=qwen --system='be brief' --temperature=0""")
    assert (options.model, options.system, options.config) == ("qwen", "be brief", {"temperature": 0.0})


@pytest.mark.parametrize(
    ("word", "value"),
    [("0.5", 0.5), ("true", True), ("False", False), ("None", None), ("rollingWindow", "rollingWindow")],
)
def test_a_setting_is_json_where_it_can_be(word, value):
    assert parse(f"-o key {word}").config == {"key": value}


def test_a_setting_may_be_a_list():
    assert parse("""-o stopStrings '["a b", "\\n"]'""").config == {"stopStrings": ["a b", "\n"]}


@pytest.mark.parametrize(
    "prompt",
    [
        "don't you think so?",
        "what is {x} in ${y}?",
        'say "hi"  twice',
        "-5 + 3",
        "a -m b",
        "50% of $5 and `code`",
        "was bedeutet „x“? 🙂",
    ],
)
def test_what_follows_the_options_is_left_alone(prompt):
    assert parse(prompt).rest == prompt
    assert parse(f"-t 1 {prompt}").rest == prompt


def test_two_dashes_end_the_options():
    assert parse("-t 1 -- -m is a flag").rest == "-m is a flag"


def test_an_unknown_flag_names_the_near_ones():
    with pytest.raises(UsageError, match=r"no option --modell\. Did you mean --model"):
        parse("--modell x")
    with pytest.raises(UsageError, match=r"no option --temp\. Did you mean --temperature\?"):
        parse("--temp 0.3")
    with pytest.raises(UsageError, match=r"There are -m, --model"):
        parse("-z")


@pytest.mark.parametrize("line", ["-m", "-o key", "-t warm", "-t -1", "--max-tokens 0", "--max-tokens many"])
def test_a_wrong_value_is_a_sentence(line):
    with pytest.raises(UsageError, match=r"needs|takes"):
        parse(line)


def test_the_help_has_every_flag():
    assert all(flag in usage() for option in TABLE for flag in option.flags)


@pytest.mark.parametrize(
    ("line", "body", "prompt"),
    [("", "hi\n", "hi"), ("hi", "", "hi"), ("hi", "\n", "hi"), ("sum this up:", "a\nb\n", "sum this up:\n\na\nb")],
)
def test_the_prompt_is_the_body_or_the_line_or_both(line, body, prompt):
    assert _prompt(parse(line), body) == prompt


def test_an_empty_prompt_says_where_to_write_it(shell):
    with pytest.raises(UsageError, match="there is no prompt"):
        shell.run_cell_magic("chat", "-t 1", "\n\n")
