"""Tab in a real kernel: what a `complete_request` brings."""

from __future__ import annotations

import json

import pytest


@pytest.fixture
def complete(kernel):
    kernel.run("import pandas as pd; sales = pd.DataFrame({'region': ['north']})")

    def at(cell):
        place = cell.index("|")
        kernel.client.complete(cell.replace("|", ""), place)
        while (reply := kernel.client.get_shell_msg(timeout=20))["msg_type"] != "complete_reply":
            pass
        content = reply["content"]
        kinds = {one["text"]: one["type"] for one in content["metadata"]["_jupyter_types_experimental"]}
        return content["matches"], (content["cursor_start"], content["cursor_end"]), kinds

    return at


def test_tab_in_a_kernel(complete, kernel):
    texts, place, kinds = complete("%%chat --ma|\nhi")
    assert (texts, place) == (["--max-tokens"], (7, 11))
    assert kinds == {"--max-tokens": "the answer has at most so many tokens"}
    assert complete("%%chat\n🙂 What of @sa| there")[:2] == (["sales"], (18, 20))
    assert complete("%%chat\nimport o|")[0] == []
    assert complete("x = 1\n%chat hist|")[0] == ["history"]
    assert complete("%%chat -i |\nhi")[0] == complete("%lm show |")[0]
    assert "sales" in complete("sal|")[0]


def test_models_are_offered_once_a_server_has_spoken(complete, kernel):
    kernel.run("from lmnb.studio import known; known._disk._names = {}; known._disk.names = dict")
    assert complete("%%chat -m scr|\n")[0] == []
    assert kernel.run(f"%%chat -m scripted\n{json.dumps([{'text': 'Hello'}])}").status == "ok"
    texts, _, kinds = complete("%%chat -m scr|\n")
    assert texts[0] == "scripted"
    assert "loaded" in kinds["scripted"]
    kernel.until(lambda: "scripted-slow" in complete("%%chat -m scr|\n")[0], what="what the server has on disk")
