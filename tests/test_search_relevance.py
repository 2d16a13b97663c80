"""Judged searches over the corpus: what is known is found first, and topics give what is about them."""

from __future__ import annotations

import json
import re
from pathlib import Path

import pytest

from tests.benchmarks.relevance import CORPUS, JUDGED, harvested, hub, judged, measure


def test_judgements_are_of_one_form() -> None:
    searches = judged()
    queries = [one["query"] for one in (*searches["known"], *searches["topics"])]
    assert len(queries) == len(set(queries)) == 60
    for topic in searches["topics"]:
        assert topic["set"] in ("tune", "held-out")
        assert list(topic["grades"]) == sorted(topic["grades"])
        assert set(topic["grades"].values()) <= {1, 2, 3}
    names = {name for topic in searches["topics"] for name in topic["grades"]}
    names |= {one["answer"] for one in searches["known"]}
    assert all(re.fullmatch(r"(bia|empiar|idr|ssbd)/[\w-]+", name) for name in names)
    assert json.loads(JUDGED.read_text(encoding="utf-8")) == searches


@pytest.mark.corpus
def test_relevance(corpus: Path, tmp_path: Path) -> None:
    assert corpus == CORPUS
    found = measure(hub(harvested(tmp_path)))
    assert found.mrr >= 0.9
    assert found.ndcg >= 0.8
