"""The saved form: what a person reads, what a notebook keeps, and what a stranger cannot do."""

from __future__ import annotations

import json
from html.parser import HTMLParser
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from lmnb.chat import transcript
from lmnb.chat.events import Failed, Finished, Fragment, ModelFacts, Noticed, Stats, Stopped
from lmnb.chat.markdown import code_blocks, to_html
from lmnb.chat.problems import Problem
from lmnb.chat.reply import Reply
from lmnb.chat.turns import Turn

STRANGERS = json.loads((Path(__file__).parents[1] / "wire" / "strangers.json").read_text())
FACTS = ModelFacts("qwen3-4b", "qwen3-4b", context_length=4096)
STATS = Stats("eosFound", tokens_per_second=38.2, time_to_first_token_sec=0.41, predicted_tokens_count=412)
TAGS = {
    "a",
    "b",
    "bdi",
    "blockquote",
    "br",
    "code",
    "details",
    "div",
    "em",
    "h1",
    "h2",
    "h3",
    "h4",
    "h5",
    "h6",
    "hr",
} | {
    *(
        "li",
        "ol",
        "p",
        "pre",
        "s",
        "small",
        "span",
        "strong",
        "summary",
        "table",
        "tbody",
        "td",
        "th",
        "thead",
        "tr",
        "ul",
    )
}
ATTRIBUTES = {"class", "style", "dir", "href", "rel", "target", "start"}


class Tags(HTMLParser):
    """Collects what a browser would make of some HTML."""

    def __init__(self, html):
        super().__init__()
        self.tags, self.attributes, self.text = set(), [], ""
        self.feed(html)

    def handle_starttag(self, tag, attrs):
        self.tags.add(tag)
        self.attributes += attrs

    def handle_data(self, data):
        self.text += data


def turn_of(*events):
    turn = Turn("Why?", cell="c1")
    for event in events:
        turn.apply(event)
    return turn


DONE = [Fragment("Hm, *well*.", "reasoning"), Fragment("Because **it** is.\n"), Finished(STATS, FACTS)]


def test_the_saved_form_has_status_thoughts_and_answer():
    html = transcript.html(turn_of(Noticed("Loaded `x`."), *DONE))
    page = Tags(html)
    assert html.index("qwen3-4b") < html.index("412 tokens") < html.index("Loaded") < html.index("Thought for")
    assert html.index("Thought for") < html.index("Because")
    assert "<strong>it</strong>" in html
    assert {"details", "summary", "small"} <= page.tags


def test_plain_text_is_the_markdown_itself():
    assert transcript.bundle(turn_of(*DONE))["data"]["text/plain"] == "Because **it** is."


def test_a_problem_is_read_with_its_choices_and_next_step():
    problem = Problem(
        "noModel", "No <b>such</b> model.", ("Type `%lm get smollm2`.",), ({"name": "q", "note": "2 GB"},)
    )
    found = transcript.bundle(turn_of(Fragment("So far"), Failed(problem)))["data"]
    assert "No &lt;b&gt;such&lt;/b&gt; model." in found["text/html"]
    assert "<code>%lm get smollm2</code>" in found["text/html"]
    assert "So far" in found["text/html"]
    assert found["text/plain"].startswith("So far")
    assert "%lm get smollm2" in found["text/plain"]


def test_the_choices_stand_between_what_leads_to_them_and_the_next_step():
    problem = Problem("noModel", "Not here.", ("There are these.", "Choose one."), ({"name": "qwen", "note": "2 GB"},))
    for text in (str(problem), transcript.bundle(turn_of(Failed(problem)))["data"]["text/html"]):
        places = [text.index(piece) for piece in ("Not here.", "There are these.", "qwen", "Choose one.")]
        assert places == sorted(places), text


@pytest.mark.parametrize(
    "last", [Finished(STATS, FACTS), Stopped("person"), Failed(Problem("internal", "No.", ("a",)))]
)
def test_a_turn_is_read_back_from_its_metadata(last):
    turn = turn_of(*DONE[:2], last)
    metadata = json.loads(json.dumps(transcript.bundle(turn)["metadata"]))
    back = transcript.read(metadata)
    assert (back.prompt, back.text, back.reasoning, back.status) == (
        turn.prompt,
        turn.text,
        turn.reasoning,
        turn.status,
    )
    assert (back.stats, back.facts, back.problem, back.id, back.cell) == (
        turn.stats,
        turn.facts,
        turn.problem,
        turn.id,
        turn.cell,
    )
    assert transcript.html(back) == transcript.html(turn)


@given(st.text(), st.text())
def test_any_text_is_read_back(prompt, text):
    turn = Turn(prompt)
    turn.apply(Fragment(text))
    turn.apply(Finished(STATS, FACTS))
    back = transcript.read(json.loads(json.dumps(transcript.bundle(turn)["metadata"])))
    assert (back.prompt, back.text) == (prompt, text)


@pytest.mark.parametrize(
    "metadata",
    [
        {},
        {"lmnb": 1},
        {"lmnb": {"v": 2, "turn": {}}},
        {"lmnb": {"v": 1, "turn": {}}},
        {"lmnb": {"v": 1, "turn": {"id": "a", "prompt": "p", "status": "flying", "started": 1}}},
        {
            "lmnb": {
                "v": 1,
                "turn": {"id": "a", "prompt": "p", "status": "done", "started": 1, "parts": [{"kind": "x"}]},
            }
        },
        {"lmnb": {"v": 1, "turn": {"id": "a", "prompt": 5, "status": "done", "started": 1}}},
    ],
)
def test_what_is_not_a_turn_is_refused(metadata):
    with pytest.raises(transcript.TranscriptError):
        transcript.read(metadata)


def test_a_very_long_answer_is_cut_in_the_metadata_and_says_so():
    turn = turn_of(Fragment("word " * 100_000), Finished(STATS, FACTS))
    bundle = transcript.bundle(turn)
    assert len(json.dumps(bundle["metadata"])) < 300_000
    assert bundle["metadata"]["lmnb"]["turn"]["truncated"] is True
    assert bundle["data"]["text/plain"] == turn.text


@pytest.mark.parametrize("case", STRANGERS, ids=[case["name"] for case in STRANGERS])
def test_strangers_words_do_nothing(case):
    html = to_html(case["markdown"])
    page = Tags(html)
    assert page.tags <= TAGS
    for never in case["mustNotContain"]:
        assert never not in html
    for words in case["text"]:
        assert words in page.text


BAIT = [
    "<",
    ">",
    "script",
    "](",
    "[",
    "!",
    "javascript:",
    "`",
    "\n",
    "$",
    "|",
    "-",
    '"',
    "&",
    " ",
    "*",
    "x",
    "http://a",
]


@given(st.lists(st.sampled_from([*BAIT, "\\", "(", ")"]), max_size=60).map("".join))
def test_no_tag_and_no_attribute_of_a_strangers_making(markdown):
    page = Tags(to_html(markdown))
    assert page.tags <= TAGS
    assert {name for name, _ in page.attributes} <= ATTRIBUTES
    assert all(
        value.startswith(("http://", "https://", "mailto:")) for name, value in page.attributes if name == "href"
    )


def test_money_is_not_maths_and_maths_stays_as_it_is_written():
    html = to_html(r"$5 and $10, $x_1*y*z_2$, \(a_b\) and $$\int_0^1 x\,dx$$")
    assert "<span>$</span>5 and <span>$</span>10" in html
    assert "$x_1*y*z_2$" in html
    assert r"\(a_b\)" in html
    assert r"$$\int_0^1 x\,dx$$" in html


def test_a_formula_of_several_lines_is_no_list_and_no_heading():
    html = to_html("$$\na\n+ b\n= c\n$$\n\n> \\[\n> - x\n> \\]\n\nafter")
    assert "<li>" not in html
    assert "<h1>" not in html
    assert "$$\na\n+ b\n= c\n$$" in html
    assert "\\[\n- x\n\\]" in html


def test_the_typesetter_finds_no_formula_that_is_none():
    html = to_html("\\\\(x\\\\) \\\\begin{x} $5")
    assert "<span>\\</span>(x" in html
    assert "<span>\\</span>begin" in html
    assert "<span>$</span>5" in html


def test_code_is_coloured_with_the_hosts_colours():
    html = to_html("```python\nx = 'a'  # why\n```")
    assert "--jp-mirror-editor-string-color" in html
    assert "--jp-mirror-editor-comment-color" in html
    assert Tags(html).text.strip() == "x = 'a'  # why"


def test_code_of_an_unknown_language_is_plain():
    assert Tags(to_html("```klingon\nqapla'!\n```")).text.strip() == "qapla'!"


def test_blocks_of_code_wherever_they_stand():
    markdown = "1. a\n\n   ```python\n   x = 1\n   ```\n\n> ```sql\n> select 1\n> ```\n\n```\nopen"
    assert [(block.language, block.source.strip()) for block in code_blocks(markdown)] == [
        ("python", "x = 1"),
        ("sql", "select 1"),
        ("", "open"),
    ]


@pytest.mark.parametrize(
    "trap", ["[" * 20_000, "> " * 5_000, "*a " * 20_000, "$" * 50_000, "a" * 100_000, "`" * 20_000]
)
@pytest.mark.timeout(20)
def test_traps_for_parsers_end(trap):
    assert to_html(trap)


@pytest.mark.parametrize(
    "deep",
    [
        "\n".join("  " * depth + f"- w{depth}" for depth in range(80)),
        "\n".join("> " * depth + f"w{depth}" for depth in range(1, 80)),
        "\n".join("> " * depth + f"- w{depth}" for depth in range(1, 80)),
    ],
    ids=["lists", "quotes", "both"],
)
def test_however_deep_it_goes_no_word_is_lost(deep):
    html = to_html(f"{deep}\n\nThe end.")
    assert all(f"w{depth}" in html for depth in range(1, 80))
    assert "The end." in html


def test_a_reply_is_its_turn_as_a_value():
    reply = Reply(turn_of(*DONE))
    assert str(reply) == reply.text == "Because **it** is.\n"
    assert (reply.model, reply.stop_reason, reply.stats) == ("qwen3-4b", "eosFound", STATS)
    assert "Because" in repr(reply)
    assert len(repr(reply).splitlines()) == 1
