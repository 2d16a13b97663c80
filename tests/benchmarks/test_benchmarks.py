"""The benchmarks' own parts that need no server."""

import io
import json
import re
from email.message import Message
from urllib.error import HTTPError

import pytest
from pyoxigraph import RdfFormat, Store

from tests.benchmarks import answers, report, run, sparql, synthetic
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
    file = sparql.make(tmp_path / "hub", 3_000)
    assert sparql.make(tmp_path / "hub", 3_000) == file
    graph = file.parent / "data" / "snapshots" / "current" / "graph"
    mixes, store = Mixes(graph), Store.read_only(str(graph))
    for kind in (LIGHT, HEAVY):
        for name in kind:
            assert any(any(store.query(mixes.draw(kind, name))) for _ in range(20)), name


def test_texts_of_a_cold_mix_are_not_kept_and_heavy_ones_are(tmp_path):
    file = sparql.make(tmp_path / "hub", 3_000)
    mixes = Mixes(file.parent / "data" / "snapshots" / "current" / "graph")
    assert not any(kept for mix in ("light", "cold") for _, kept in sparql.lines_of(mix, mixes))
    assert sum(kept for _, kept in sparql.lines_of("mixed", mixes)) == sparql.QUERIES // 10


def test_a_ratio_above_one_is_better_and_its_spread_is_told():
    assert more_is_better("n", [4, 2, 6], [1, 2, 2], "requests/s") == Result("n", 4, 2, "requests/s", 2.0, (1.0, 4.0))
    assert less_is_better("n", [1, 2], [4, 2], "ms") == Result("n", 1.5, 3, "ms", 2.0, (1.0, 4.0))
    assert less_is_better("n", [1, 2, 3], [4], "s").spread == ()


def test_sides_change_places_from_round_to_round():
    calls = []
    in_turn(2, lambda: calls.append("a"), lambda: calls.append("b"), lambda: calls.append("c"))
    assert "".join(calls) == "abccba"


@pytest.mark.parametrize("name", report.AIMS)
def test_every_aim_is_of_something_measured(name):
    assert name in run.NAMES


XSD = "http://www.w3.org/2001/XMLSchema#"


class Answering:
    """A server that gives answers in the order of their texts."""

    def __init__(self, *rows):
        self.rows = iter(rows)

    def ask(self, query):
        bindings = [{"n": term} for term in next(self.rows)]
        return json.dumps({"head": {"vars": ["n"]}, "results": {"bindings": bindings}}).encode()


def number(value, kind="integer"):
    return {"type": "literal", "value": value, "datatype": XSD + kind}


def test_answers_in_another_order_are_the_same():
    mine, theirs = (answers.digest(Answering(rows), "SELECT") for rows in ([number("1"), number("2")],) * 2)
    assert answers.compare(mine, theirs) == "terms"
    turned = answers.digest(Answering([number("2"), number("1")]), "SELECT")
    assert answers.compare(mine, turned) == "terms"


def test_a_number_of_another_datatype_has_the_same_value():
    mine = answers.digest(Answering([number("7")]), "SELECT")
    assert answers.compare(mine, answers.digest(Answering([number("7.0", "decimal")]), "SELECT")) == "values"
    assert answers.compare(mine, answers.digest(Answering([number("8")]), "SELECT")) == ""
    assert answers.compare(mine, answers.digest(Answering([number("7"), number("7")]), "SELECT")) == ""


def test_a_cut_answer_is_compared_whole_and_by_its_order():
    query = "SELECT ?n WHERE { } ORDER BY DESC(?n) LIMIT 1"
    whole = [number("1"), number("2")]
    mine = answers.digest(Answering([number("2")], whole), query)
    assert answers.compare(mine, answers.digest(Answering([number("2")], whole), query)) == "terms"
    assert answers.compare(mine, answers.digest(Answering([number("1")], whole), query)) == ""


def test_an_answer_that_is_refused_counts_as_unanswered():
    class Refusing:
        def ask(self, query):
            raise HTTPError("http://e.org/", 503, "", Message(), None)

    mine = answers.digest(Answering([number("1")]), "SELECT")
    assert answers.compare(mine, answers.digest(Refusing(), "SELECT")) == "unanswered"


def test_triples_are_the_same_as_n_triples_and_as_virtuosos_json():
    rows = [
        {
            "s": {"type": "uri", "value": "u:s"},
            "p": {"type": "uri", "value": "u:p"},
            "o": {"type": "bnode", "value": "b1"},
        }
    ]
    said = json.dumps({"head": {"vars": ["s", "p", "o"]}, "results": {"bindings": rows}}).encode()
    assert answers.read(said) == answers.read(b"<u:s> <u:p> _:x .")


def test_a_parameter_that_stands_twice_has_one_value(tmp_path):
    file = sparql.make(tmp_path / "hub", 3_000)
    mixes = Mixes(file.parent / "data" / "snapshots" / "current" / "graph")
    for _ in range(20):
        assert len(set(re.findall(r"<[^>]*/dataset/[^>]*>", mixes.draw(LIGHT, "q10")))) == 1


def test_servers_that_differ_are_told_with_the_query():
    found = [
        {"query": "q01", "text": "SELECT 1", "rows": 1, "digest": "", "alike": {"virtuoso": "", "sparql": "terms"}}
    ]
    with pytest.raises(RuntimeError, match="1 answers differ from the hub's, such as that of virtuoso: SELECT 1"):
        sparql.refuse(found)
    with pytest.raises(RuntimeError, match="find nothing: q01"):
        sparql.refuse([found[0] | {"rows": 0, "alike": {"virtuoso": "values"}}])
