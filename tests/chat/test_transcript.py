"""The saved form: what a person reads, what a notebook keeps, and what a stranger cannot do."""

from __future__ import annotations

import json
from html.parser import HTMLParser
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from lmnb.chat import painting, transcript
from lmnb.chat.attached import Attached, Image
from lmnb.chat.events import Failed, Finished, Fitted, Fragment, ModelFacts, Noticed, Queued, Stats, Stopped
from lmnb.chat.markdown import code_blocks, to_html
from lmnb.chat.problems import Problem
from lmnb.chat.reply import Reply
from lmnb.chat.turns import Turn
from lmnb.chat.window import Window

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
    assert html.index("qwen3-4b") < html.index("412 tokens") < html.index("Loaded") < html.index("Thoughts")
    assert html.index("Thoughts") < html.index("Because")
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


def limited(reason, **more):
    return [Fragment("So far"), Finished(Stats(reason, predicted_tokens_count=512), FACTS, **more)]


CARD = Attached(
    "sales", "card", "sales: 5,214 rows\n<b>date</b>  $x$", tokens=212, notes=("2 `e-mail` addresses masked.",)
)


def test_what_went_along_opens_to_the_exact_text_and_its_notes():
    turn = turn_of(*DONE)
    turn.attached = (CARD, Attached("chart.png", "image", image=Image(b"\x89PNG", "chart.png")))
    html = transcript.html(turn)
    page = Tags(html)
    assert page.tags <= TAGS
    assert "<bdi>sales</bdi> · 212 tokens</small></summary>" in html
    assert "sales: 5,214 rows\n&lt;b&gt;date&lt;/b&gt;  $x$</pre>" in html
    assert "2 <code>e-mail</code> addresses masked." in html
    assert "chart.png" in html
    assert "not saved" in html
    assert html.count("<details") == 3
    assert html.index("sales") < html.index("chart.png") < html.index("Thoughts") < html.index("Because")
    assert transcript.html(transcript.read(transcript.bundle(turn)["metadata"])) == html


@given(st.text(), st.text(), st.text())
def test_no_tag_of_a_strangers_making_in_what_went_along(name, text, note):
    turn = turn_of(*DONE)
    turn.attached = (Attached(name, "card", text, notes=(note,)),)
    page = Tags(transcript.html(turn))
    assert page.tags <= TAGS
    assert {name for name, _ in page.attributes} <= ATTRIBUTES


@pytest.mark.parametrize(
    ("events", "said"),
    [
        (limited("maxPredictedTokensReached"), "The answer reached its limit of 512 tokens. `%chat continue` goes on."),
        (
            limited("contextLengthReached"),
            "The context is full: prompt and answer have 4,096 tokens together. `%chat continue` goes on.",
        ),
        ([Fragment("So far"), Stopped("person")], "`%chat continue` goes on from here."),
        ([Fragment("So far"), Stopped("interrupt")], "`%chat continue` goes on from here."),
        ([Fragment("Hm", "reasoning"), Stopped("person")], ""),
        (DONE, ""),
    ],
)
def test_an_answer_that_was_cut_says_so_below_it(events, said):
    turn = turn_of(*events)
    assert painting.tail(turn) == painting.paint(turn)["tail"] == said
    html = transcript.html(turn)
    assert html.endswith(f"<div><small>{transcript.words(said)}</small></div>") == bool(said)
    assert "continue" not in painting.tail(turn, leads=False)


def test_the_prompt_and_its_window_are_a_fact():
    turn = turn_of(Fitted(Window(prompt=1234, length=4096, room=512), "abc"), *DONE)
    assert painting.facts(turn)[-1] == "prompt 1,234 of 4,096 tokens"
    assert painting.paint(turn)["context"] == [1234, 4096]
    unknown = turn_of(Fitted(Window(prompt=1234), "abc"), *DONE)
    assert painting.facts(unknown)[-1] == "prompt 1,234 tokens"
    assert painting.facts(turn_of(Fitted(Window(length=4096), "abc"), *DONE)) == painting.facts(turn_of(*DONE))


def test_a_turn_that_waits_has_the_name_it_was_asked_by():
    turn = Turn("Why?", asked="qwen3")
    turn.apply(Queued())
    assert painting.who(turn) == "qwen3"
    assert painting.who(turn_of(Queued())) == "LM Studio"


@pytest.mark.parametrize(
    ("form", "text", "shown"),
    [
        ("text", "# not a <b>heading</b>\n```\nx", "# not a <b>heading</b>\n```\nx"),
        ("json", '{"a": "<b>"}', '{"a": "<b>"}'),
        ("json", '```json\n{"a": 1}\n```', '{"a": 1}'),
        ("code", "x = 1\n# why", "x = 1\n# why"),
        ("html", "<script>alert(1)</script>", "<script>alert(1)</script>"),
    ],
)
def test_an_answer_in_another_form_is_one_block_of_its_source(form, text, shown):
    turn = turn_of(Fragment(text), Finished(STATS, FACTS))
    turn.form = form
    page = Tags(transcript.html(turn))
    assert page.tags <= TAGS
    assert {"pre", "code"} <= page.tags
    assert page.text.strip().endswith(shown)
    assert transcript.plain(turn) == text
    assert transcript.read(transcript.bundle(turn)["metadata"]).form == form


def test_several_models_stand_side_by_side_in_one_output():
    first, second = turn_of(*limited("maxPredictedTokensReached")), turn_of(*limited("maxPredictedTokensReached"))
    second.model = "gemma"
    found = transcript.beside([first, second])
    html, text = found["data"]["text/html"], found["data"]["text/plain"]
    assert Tags(html).tags <= TAGS
    assert html.count("lmnb-saved") == 2
    assert html.count("%chat continue") == 1, "the conversation goes on with the first"
    assert html.count("The answer reached its limit") == 2
    assert text == "qwen3-4b:\n\nSo far\n\ngemma:\n\nSo far"
    lmnb = found["metadata"]["lmnb"]
    assert lmnb["turn"]["id"] == first.id
    assert [other["id"] for other in lmnb["beside"]] == [second.id]
    assert transcript.beside([first]) == transcript.bundle(first)
