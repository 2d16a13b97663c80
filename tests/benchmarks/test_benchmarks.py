"""The benchmarks' own parts that need no server."""

import io

import pytest
from pyoxigraph import RdfFormat, Store

from tests.benchmarks import run, scale, sparql, synthetic
from tests.benchmarks.measure import Result, in_turn, less_is_better, more_is_better
from tests.benchmarks.queries import HEAVY, LIGHT, Mixes


def said(triples: int) -> tuple[int, bytes]:
    out = io.BytesIO()
    return synthetic.write(out, triples), out.getvalue()


def test_the_same_statements_each_time():
    assert said(3_000) == said(3_000)


def test_as_many_statements_as_asked_for_and_none_twice():
    number, text = said(60_000)
    store = Store()
    store.load(text, RdfFormat.N_TRIPLES)
    assert 60_000 <= number == len(store)


def test_every_query_can_be_drawn_from_a_synthetic_snapshot(tmp_path):
    file = scale.make(tmp_path / "hub", 3_000)
    assert scale.make(tmp_path / "hub", 3_000) == file
    graph = file.parent / "data" / "snapshots" / "current" / "graph"
    mixes, store = Mixes(graph), Store.read_only(str(graph))
    for kind in (LIGHT, HEAVY):
        for name in kind:
            assert any(any(store.query(mixes.draw(kind, name))) for _ in range(20)), name


def test_texts_of_a_cold_mix_are_not_kept_and_heavy_ones_are(tmp_path):
    file = scale.make(tmp_path / "hub", 3_000)
    mixes = Mixes(file.parent / "data" / "snapshots" / "current" / "graph")
    assert not any(kept for _, kept in sparql.lines_of("light", mixes))
    assert sum(kept for _, kept in sparql.lines_of("mixed", mixes)) == sparql.QUERIES // 10


def test_a_ratio_above_one_is_better_and_its_spread_is_told():
    assert more_is_better("n", [4, 2, 6], [1, 2, 2], "requests/s") == Result("n", 4, 2, "requests/s", 2.0, (1.0, 4.0))
    assert less_is_better("n", [1, 2], [4, 2], "ms") == Result("n", 1.5, 3, "ms", 2.0, (1.0, 4.0))
    assert less_is_better("n", [1, 2, 3], [4], "s").spread == ()


def test_sides_change_places_from_round_to_round():
    calls = []
    in_turn(2, lambda: calls.append("a"), lambda: calls.append("b"), lambda: calls.append("c"))
    assert "".join(calls) == "abccba"


@pytest.mark.parametrize("name", run.AIMS)
def test_every_aim_is_of_something_measured(name):
    assert name in run.NAMES
