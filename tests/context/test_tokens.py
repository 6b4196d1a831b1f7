"""The budgets hold by the tokenizer of a real small model, which splits numbers into digits."""

from __future__ import annotations

import pytest

from lmnb.context import describe
from lmnb.server import launch
from tests.context import made

pytestmark = pytest.mark.model


def test_cards_keep_their_budgets_by_a_real_tokenizer(smollm2):
    import lmstudio as lms

    with launch.start_server(models=[smollm2]) as server, lms.Client(server.host) as client:
        count = client.llm.model("smollm2-135m-instruct").count_tokens
        full = describe(made.titanic(), budget=450, count=count)
        assert full.step == 0
        assert full.tokens == count(full.text) <= 450
        short = describe(made.titanic(), budget=300, count=count)
        assert short.step == 1
        assert short.tokens <= 300
        assert describe(made.wide(), budget=600, count=count).step == 0
        for columns, budget in ((100, 600), (1_700, 400)):
            card = describe(made.strange_names(columns), budget=budget, count=count)
            assert budget * 0.9 < card.tokens == count(card.text) <= budget
