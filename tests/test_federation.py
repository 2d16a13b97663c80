"""SERVICE: the right rows wherever it stands; only what is needed is asked; what cannot be right is refused."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pyoxigraph as ox
import pytest
from hypothesis import HealthCheck, given
from hypothesis import settings as examples
from hypothesis import strategies as st
from werkzeug.test import Client

from hub import service_rewriting
from hub.config import Service, load
from hub.errors import (
    ConfigError,
    QueryBusyError,
    QueryRefusedError,
    QuerySyntaxError,
    QueryTimeoutError,
    QueryTooComplexError,
    ResultTooLargeError,
    ServiceError,
)
from hub.federation import Federation, finder
from hub.places import Caller, CallerGoneError, serving
from hub.service_client import ServiceClient
from hub.service_rewriting import Limits
from hub.web.sparql import SparqlApp
from hub.workers import WorkerPool
from tests.loopback import RESULTS, Endpoint
from tests.stubborn_server import StubbornServer

PREFIX = "PREFIX : <http://e/>\n"
HUB = """@prefix : <http://e/> .
:d1 :protein :p1, :p2 . :d2 :protein :p3 . :d3 :name "three" ; :id "P1" . :d1 :size 7 . :d1 :by [ :name "no one" ] .
:x1 :other :y1 . :x2 :other :y2 .
:g { :d1 :protein :p1 } :h { :d9 :protein :p2 }"""
ONE = """@prefix : <http://e/> .
:p1 :taxon :t1 ; :len 5 . :p2 :taxon :t2 . :p9 :taxon :t1 . :P1 :taxon :t1 . :t1 :label "mouse"@en .
:p1 :seen "a", "b" . :q :size 7.0 . [] :part [] ."""
TWO = """@prefix : <http://e/> .
:t1 :rank "species" . :t2 :rank "genus" . :p1 :kin :p2 ."""
Rows = list[dict[str, str]]


def made(turtle: str, folder: Path) -> WorkerPool:
    store = ox.Store(str(folder / "store"))
    store.load(turtle, format=ox.RdfFormat.TRIG)
    store.flush()
    store.backup(str(folder / "graph"))
    return WorkerPool(folder / "graph", workers=2, spares=0, timeout_s=20, memory_bytes=256 * 1024**2)


@pytest.fixture(scope="module")
def pool(tmp_path_factory: pytest.TempPathFactory) -> Iterator[WorkerPool]:
    pool = made(HUB, tmp_path_factory.mktemp("federation"))
    yield pool
    pool.close()


class World:
    """A hub with two endpoints that it may ask; ``ONE:`` and ``TWO:`` in a query stand for their IRIs.

    Attributes:
        sent: the queries that workers ran.
    """

    def __init__(self, pool: WorkerPool, stack: ExitStack) -> None:
        self.one, self.two = (self._serve(stack, turtle) for turtle in (ONE, TWO))
        self.pool, self.sent = pool, list[str]()
        self.services = {
            "one": Service("one", self.one.url, is_private=True),
            "two": Service("two", self.two.url, is_private=True),
        }
        self.client = ServiceClient("me", cache_s=0)
        self.limits = Limits("https://hub.example.org/", timeout_s=20, service_timeout_s=20, rows=20_000)

    def _serve(self, stack: ExitStack, turtle: str) -> Endpoint:
        endpoint = Endpoint(turtle)
        stack.callback(endpoint.close)
        return endpoint

    def text(self, query: str) -> str:
        return PREFIX + query.replace("ONE:", f"<{self.one.url}>").replace("TWO:", f"<{self.two.url}>")

    def rows(self, query: str, **options: Any) -> Rows:
        """Return the rows of a query with the values of their variables, sorted."""
        hub = Federation(finder(self.services), self.client, None, self.limits)
        self.one.asked.clear()
        self.two.asked.clear()
        body = b"".join(hub.query(self, self.text(query), RESULTS, **options))  # type: ignore[arg-type]
        found = json.loads(body)
        if "boolean" in found:
            return [{"boolean": str(found["boolean"])}]
        return by_value(found["results"]["bindings"])

    def query(self, text: str, *arguments: Any, **options: Any) -> Any:
        """Stand in for the pool."""
        self.sent.append(text)
        return self.pool.query(text, *arguments, **options)

    @property
    def asked(self) -> list[str]:
        """What the first endpoint was asked, with single blanks."""
        return [" ".join(query.split()) for query in self.one.asked]


def by_value(bindings: list[dict[str, Any]]) -> Rows:
    rows = [{k: v["value"].removeprefix("http://e/") for k, v in row.items()} for row in bindings]
    return sorted(rows, key=lambda row: sorted(row.items()))


@pytest.fixture
def world(pool: WorkerPool) -> Iterator[World]:
    with ExitStack() as stack:
        yield World(pool, stack)


# --- the right rows in every position

POSITIONS = {
    "join": ("{ ?d :protein ?p . SERVICE ONE: { ?p :taxon ?t } }", "d1 p1 t1, d1 p2 t2"),
    "first": ("{ SERVICE ONE: { ?p :taxon ?t } ?d :protein ?p }", "d1 p1 t1, d1 p2 t2"),
    "alone": ("{ SERVICE ONE: { ?p :len ?n } }", "p1 5"),
    "two in a row": (
        "{ SERVICE ONE: { ?p :taxon ?t } SERVICE TWO: { ?t :rank ?r } ?d :protein ?p }",
        "d1 p1 species t1, d1 p2 genus t2",
    ),
    "optional": ("{ ?d :protein ?p OPTIONAL { SERVICE ONE: { ?p :taxon ?t } } }", "d1 p1 t1, d1 p2 t2, d2 p3"),
    "optional inside": (
        "{ ?d :protein ?p . SERVICE ONE: { ?p :taxon ?t OPTIONAL { ?p :len ?n } } }",
        "d1 5 p1 t1, d1 p2 t2",
    ),
    "optional with its own": (
        "{ ?d :protein ?p OPTIONAL { SERVICE ONE: { ?p :taxon ?t } SERVICE TWO: { ?t :rank 'genus' } } }",
        "d1 p1, d1 p2 t2, d2 p3",
    ),
    "minus": ("{ ?d :protein ?p MINUS { SERVICE ONE: { ?p :taxon ?t } } }", "d2 p3"),
    "minus with another variable": (
        "{ ?d :protein ?p MINUS { SERVICE ONE: { ?z :taxon ?t } } }",
        "d1 p1, d1 p2, d2 p3",
    ),
    "exists": ("{ ?d :protein ?p FILTER EXISTS { SERVICE ONE: { ?p :taxon ?t } } }", "d1 p1, d1 p2"),
    "not exists": ("{ ?d :protein ?p FILTER NOT EXISTS { SERVICE ONE: { ?p :taxon ?t } } }", "d2 p3"),
    "exists before": ("{ FILTER EXISTS { SERVICE ONE: { ?p :taxon :t2 } } ?d :protein ?p }", "d1 p2"),
    "exists in a bind": (
        "{ ?d :protein ?p BIND(EXISTS { SERVICE ONE: { ?p :taxon :t1 } } AS ?b) }",
        "true d1 p1, false d1 p2, false d2 p3",
    ),
    "union": ("{ { ?d :size ?p } UNION { SERVICE ONE: { ?p :len ?t } } }", "d1 7, p1 5"),
    "union of both": (
        "{ ?d :protein ?p { SERVICE ONE: { ?p :len ?t } } UNION { SERVICE TWO: { ?p :kin ?t } } }",
        "d1 p1 5, d1 p1 p2",
    ),
    "group": ("{ ?d :protein ?p { { SERVICE ONE: { ?p :len ?t } } } }", "d1 p1 5"),
    "graph": ("{ GRAPH :h { ?d :protein ?p . SERVICE ONE: { ?p :taxon ?t } } }", "d9 p2 t2"),
    "graph around a group": (
        "{ GRAPH :h { ?d :protein ?p OPTIONAL { { SERVICE ONE: { ?p :taxon ?t } } } } }",
        "d9 p2 t2",
    ),
    "sub-select around": ("{ ?d :protein ?p { SELECT ?p { SERVICE ONE: { ?p :taxon ?t } } } }", "d1 p1, d1 p2"),
    "sub-select inside": (
        "{ ?d :protein ?p . SERVICE ONE: { SELECT ?p (COUNT(*) AS ?n) { ?p :seen ?s } GROUP BY ?p } }",
        "d1 2 p1",
    ),
    "limit inside": (
        "{ ?d :protein ?p . SERVICE ONE: { SELECT ?p { ?p :taxon ?t } ORDER BY DESC(STR(?p)) LIMIT 3 } }",
        "d1 p1, d1 p2",
    ),
    "values inside": ("{ ?d :protein ?p . SERVICE ONE: { VALUES ?t { :t2 } ?p :taxon ?t } }", "d1 p2 t2"),
    "values beside": ("{ VALUES ?p { :p1 :p9 } SERVICE ONE: { ?p :taxon ?t } }", "p1 t1, p9 t1"),
    "values after": (
        "{ ?d :protein ?p OPTIONAL { SERVICE ONE: { ?p :taxon ?t } } } VALUES ?t { :t2 }",
        "d1 p2 t2, d2 p3 t2",
    ),
    "bind": ("{ ?d :id ?i BIND(IRI(CONCAT('http://e/', ?i)) AS ?p) SERVICE ONE: { ?p :taxon ?t } }", "d3 P1 P1 t1"),
    "bind after": ("{ ?d :size ?n . SERVICE ONE: { ?p :len ?l } BIND(?n + ?l AS ?sum) }", "d1 5 7 p1 12"),
    "filter": ("{ ?d :protein ?p . SERVICE ONE: { ?p :taxon ?t } FILTER(?t = :t1 && ?p != :p2) }", "d1 p1 t1"),
    "filter inside": ("{ ?d :protein ?p . SERVICE ONE: { ?p :seen ?s FILTER(STR(?s) < 'b') } }", "d1 p1 a"),
    "nothing beside": ("{ ?d :no ?p . SERVICE ONE: { ?p :taxon ?t } }", ""),
    "nothing there": ("{ ?d :protein ?p . SERVICE ONE: { ?p :no ?t } }", ""),
    "no variable": ("{ ?d :size ?n . SERVICE ONE: { :p1 :taxon :t1 } }", "d1 7"),
    "no variable, not so": ("{ ?d :size ?n . SERVICE ONE: { :p1 :taxon :t2 } }", ""),
    "empty": ("{ ?d :size ?n . SERVICE ONE: {} }", "d1 7"),
    "repeated rows": (
        "{ ?d :id ?i . SERVICE ONE: { SELECT ?t { ?p :taxon ?t FILTER(?p != :P1) } } }",
        "d3 P1 t1, d3 P1 t1, d3 P1 t2",
    ),
    "unbound there": (
        "{ ?d :protein ?p . SERVICE ONE: { ?q :len 5 OPTIONAL { ?q :no ?p } } }",
        "d1 p1 p1, d1 p2 p1, d2 p3 p1",
    ),
    "variable": ("{ VALUES ?e { ONE: TWO: } SERVICE ?e { :p1 ?v ?o FILTER(ISIRI(?o)) } } ", "ONE t1 taxon, TWO p2 kin"),
    "variable and a join": (
        "{ ?d :protein ?p VALUES (?e ?p) { (ONE: :p1) (TWO: :p2) (ONE: :p3) } SERVICE ?e { ?p :len ?n } }",
        "d1 ONE 5 p1",
    ),
}


@pytest.mark.parametrize("name", POSITIONS)
def test_position(world: World, name: str) -> None:
    pattern, expected = POSITIONS[name]
    found = world.rows(f"SELECT * {pattern}")
    short = {world.one.url: "ONE", world.two.url: "TWO"}
    values = [[short.get(row[k], row[k]) for k in sorted(row)] for row in found]
    assert sorted(map(sorted, values)) == sorted(sorted(row.split()) for row in expected.split(",") if row)


def test_forms(world: World) -> None:
    assert world.rows("ASK { SERVICE ONE: { :p1 :taxon :t1 } }") == [{"boolean": "True"}]
    assert world.rows("SELECT (COUNT(?t) AS ?n) { ?d :protein ?p . SERVICE ONE: { ?p :taxon ?t } }") == [{"n": "2"}]
    hub = Federation(finder(world.services), world.client, None, world.limits)
    for query in ("CONSTRUCT { ?d :of ?t } WHERE", "DESCRIBE ?d"):
        text = world.text(query + " { ?d :protein ?p . SERVICE ONE: { ?p :taxon ?t } }")
        assert b"<http://e/d1>" in b"".join(hub.query(world.pool, text, "application/n-triples"))


def test_query_without_service_is_run_as_it_is(world: World) -> None:
    query = "SELECT * { ?d :name 'SERVICE <http://no/> {' } # SERVICE"
    assert world.rows(query) == []
    assert world.sent == [PREFIX + query]


def test_dataset_of_the_query_and_of_the_request(world: World) -> None:
    pattern = "{ ?d :protein ?p . SERVICE ONE: { ?p :taxon ?t } }"
    expected = [{"d": "d9", "p": "p2", "t": "t2"}]
    assert world.rows(f"SELECT * FROM :h {pattern}") == expected
    assert world.rows(f"SELECT * {pattern}", default_graphs=["http://e/h"]) == expected
    named = "{ GRAPH ?g { ?d :protein ?p } SERVICE ONE: { ?p :taxon ?t } }"
    assert world.rows(f"SELECT ?d ?p ?t FROM NAMED :h {named}") == expected
    assert world.rows(f"SELECT ?d ?p ?t {named}", named_graphs=["http://e/h"]) == expected
    assert all("(<http://e/p2>)" in query for query in world.asked)


# --- only what is needed is asked


def values_of(query: str) -> set[str]:
    """Return the bindings that an endpoint was sent."""
    lead = query.partition("VALUES (")[2]
    return set(lead.partition(" { ")[2].partition(" } ")[0].replace("http://e/", "").strip("()").split(") (")) - {""}


ASKED = [
    ("{ ?d :protein ?p . SERVICE ONE: { ?p :taxon ?t } }", {"<p1>", "<p2>", "<p3>"}),
    ("{ SERVICE ONE: { ?p :taxon ?t } ?d :protein ?p }", {"<p1>", "<p2>", "<p3>"}),
    ("{ ?d :protein ?p FILTER(?p != :p3) SERVICE ONE: { ?p :taxon ?t } }", {"<p1>", "<p2>"}),
    ("{ ?d :protein ?p FILTER(?t != :t1) SERVICE ONE: { ?p :taxon ?t } }", {"<p1>", "<p2>", "<p3>"}),
    ("{ ?d :protein ?p . ?a :other ?b . SERVICE ONE: { ?p :taxon ?t } }", {"<p1>", "<p2>", "<p3>"}),
    ("{ ?d :protein ?p ; :size ?n . SERVICE ONE: { ?p :taxon ?t } }", {"<p1>", "<p2>"}),
    ("{ ?d :protein ?p OPTIONAL { ?d :no ?p2 } SERVICE ONE: { ?p :taxon ?t } }", {"<p1>", "<p2>", "<p3>"}),
    ("{ ?d :size ?n OPTIONAL { ?d :protein ?p } SERVICE ONE: { ?p :taxon ?t } }", set()),
    ("{ ?d :size 7 OPTIONAL { ?d :protein ?p . SERVICE ONE: { ?p :taxon ?t } } }", {"<p1>", "<p2>"}),
    ("{ ?d :size 7 OPTIONAL { SERVICE ONE: { ?p :taxon ?t } } ?d :protein ?p }", set()),
    ("{ ?d :id ?i BIND(IRI(CONCAT('http://e/', ?i)) AS ?p) SERVICE ONE: { ?p :taxon ?t } }", {"<P1>"}),
    ("{ ?d :id ?i BIND(IRI(CONCAT('http://e/', ?x)) AS ?p) SERVICE ONE: { ?p :taxon ?t } }", set()),
    ("{ ?d :id ?i BIND(COALESCE(?x, :p1) AS ?p) OPTIONAL { ?x :y ?z } SERVICE ONE: { ?p :taxon ?t } }", set()),
    ("{ { SELECT ?p { ?d :protein ?p } ORDER BY ?p LIMIT 2 } SERVICE ONE: { ?p :taxon ?t } }", {"<p1>", "<p2>"}),
    ("{ ?d :protein ?p { { ?d :size 7 } { SERVICE ONE: { ?p :taxon ?t } } } }", {"<p1>", "<p2>"}),
    ("{ ?d :protein ?p { SELECT ?p ?t { SERVICE ONE: { ?p :taxon ?t } } } }", set()),
    ("{ GRAPH :h { ?d :protein ?p OPTIONAL { SERVICE ONE: { ?p :taxon ?t } } } }", {"<p2>"}),
    ("{ ?d :size ?n . SERVICE ONE: { ?q :size ?n } }", {'"7"^^<http://www.w3.org/2001/XMLSchema#integer>'}),
    ("{ VALUES ?n { 7.0 } SERVICE ONE: { ?q :size ?n } }", set()),
    ("{ ?d :by ?p . SERVICE ONE: { OPTIONAL { ?p :taxon ?t } } }", set()),
]


@pytest.mark.parametrize(("pattern", "sent"), ASKED)
def test_bindings_that_are_sent(world: World, pattern: str, sent: set[str]) -> None:
    world.rows(f"SELECT * {pattern}")
    (asked,) = world.asked
    assert values_of(asked) == sent


def test_nothing_is_asked_where_nothing_can_join(world: World) -> None:
    assert world.rows("SELECT * { ?d :no ?p . SERVICE ONE: { ?p :taxon ?t } }") == []
    assert world.rows("SELECT * { ?d :by ?p . SERVICE ONE: { ?p :taxon ?t } }") == [], "blank nodes are one's own"
    assert world.asked == []


def test_query_that_is_sent(world: World) -> None:
    text = (
        "PREFIX x: <http://x/> SELECT * { ?d :protein ?p . SERVICE SILENT ONE: { ?p :taxon ?t # all }\n } } ORDER BY ?d"
    )
    world.rows(text)
    assert world.one.asked[0].splitlines() == [
        "PREFIX : <http://e/>",
        "SELECT ?p ?t WHERE {",
        "VALUES (?p) { (<http://e/p1>) (<http://e/p3>) (<http://e/p2>) }",
        " ?p :taxon ?t # all }",
        " ",
        "} LIMIT 20001",
    ]
    assert "x:" not in world.one.asked[0]
    start = "PREFIX x: <http://x/> SELECT * { ?d :protein ?p . { SELECT ?p ?t { VALUES (?p ?t) { (<http://e/p"
    assert world.sent[-1].startswith(PREFIX + start)


def test_pattern_stays_a_group_where_what_comes_first_would_change_it(world: World) -> None:
    pattern = "OPTIONAL { ?p :kin ?k } ?p :taxon ?t"
    found = world.rows("SELECT * { VALUES ?p { :p1 } SERVICE ONE: { " + pattern + " } }")
    assert found == [{"p": "p1", "t": "t1"}]
    assert f"{{ {pattern} }}" in world.asked[0]


def test_base_goes_along(world: World) -> None:
    found = world.rows("BASE <http://e/> SELECT * { SERVICE ONE: { <p1> <len> ?n } }")
    assert found == [{"n": "5"}]
    assert world.asked[0].startswith("BASE <http://e/> SELECT ?n")


def test_ten_thousand_bindings(world: World) -> None:
    world.one.store.extend(
        ox.Quad(ox.NamedNode(f"http://e/n{n}"), ox.NamedNode("http://e/double"), ox.Literal(2 * n))
        for n in range(0, 20_000, 2)
    )
    inline = " ".join(f":n{n}" for n in range(10_000))
    found = world.rows(
        f"SELECT (COUNT(*) AS ?n) (SUM(?m) AS ?sum) {{ VALUES ?x {{ {inline} }} SERVICE ONE: {{ ?x :double ?m }} }}"
    )
    assert found == [{"n": "5000", "sum": str(sum(2 * n for n in range(0, 10_000, 2)))}]
    assert len(world.asked) == 10_000 // service_rewriting.BATCH
    found = world.rows(
        f"SELECT (COUNT(*) AS ?n) {{ VALUES ?x {{ {inline} :n10000 }} SERVICE ONE: {{ ?x :double ?m }} }}"
    )
    assert found == [{"n": "5001"}]
    assert len(world.asked) == 1, "with more than 10,000 bindings all rows are asked for"


def test_limit_in_the_pattern_is_not_asked_for_in_parts(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(service_rewriting, "BATCH", 2)
    pattern = "{ ?d :protein ?p . SERVICE ONE: { SELECT ?p { ?p :taxon ?t } ORDER BY STR(?p) LIMIT 2 } }"
    assert world.rows(f"SELECT ?p {pattern}") == [{"p": "p1"}]
    assert len(world.asked) == 1


def test_parts_that_may_differ_are_evaluated_once(world: World) -> None:
    world.rows(
        "SELECT * { { SELECT ?p ?r { ?d :protein ?p BIND(RAND() AS ?r) } LIMIT 1 } SERVICE ONE: { ?p :taxon ?t } }"
    )
    (sent,) = values_of(world.asked[0])
    assert f"VALUES (?p ?r) {{ ({sent.replace('<', '<http://e/')} " in world.sent[-1]


def test_rest_of_the_group_that_takes_too_long_says_nothing(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    run = world.pool.query

    def query(text: str, *arguments: Any, **options: Any) -> Any:
        if "SELECT DISTINCT ?p" in text:
            raise QueryTimeoutError("stopped")
        return run(text, *arguments, **options)

    monkeypatch.setattr(world.pool, "query", query)
    found = world.rows("SELECT * { ?d :protein ?p . SERVICE ONE: { ?p :len ?n } }")
    assert found == [{"d": "d1", "n": "5", "p": "p1"}]
    assert "VALUES" not in world.asked[0]


def test_most_selective_part_is_sent(world: World) -> None:
    world.rows("SELECT * { ?d :protein ?p . VALUES ?t { :t1 } SERVICE ONE: { ?p :taxon ?t } }")
    assert values_of(world.asked[0]) == {"<t1>"}


# --- terms


AWKWARD = [
    'quote " and \' and """',
    "back\\slash \\u0022 \\\\u0041 \\U0001F52C \\",
    "line\nfeed\rtab\t\x08\x0c",
    "} SERVICE <http://no/> { ?s ?p ?o",
    "\u0000\u0001\u007f\u2028\ufeff\U0001f52c",
    "?x $y :z # comment",
    "",
]


@pytest.mark.parametrize("text", AWKWARD)
def test_texts_of_another_endpoint_come_as_they_are(world: World, text: str) -> None:
    world.one.says(["s", "o"], {"s": {"type": "uri", "value": "http://e/a"}, "o": {"type": "literal", "value": text}})
    assert world.rows("SELECT ?o { SERVICE ONE: { ?s :any ?o } }") == [{"o": text}]


@pytest.mark.parametrize("text", AWKWARD)
def test_texts_of_the_hub_are_sent_as_they_are(world: World, text: str) -> None:
    world.one.store.add(ox.Quad(ox.NamedNode("http://e/a"), ox.NamedNode("http://e/has"), ox.Literal(text)))
    literal = str(ox.Literal(text))
    found = world.rows(f"SELECT ?s ?o {{ VALUES ?o {{ {literal} }} SERVICE ONE: {{ ?s :has ?o }} }}")
    assert found == [{"s": "a", "o": text}]
    assert "VALUES (?o)" in world.asked[0]


@pytest.mark.parametrize(
    "cell",
    [
        {"type": "uri", "value": "http://e/> } SERVICE <http://no/> { ?s ?p ?o } #"},
        {"type": "uri", "value": "http://e/a b"},
        {"type": "uri", "value": "relative"},
        {"type": "uri", "value": "http://e/\\u003e"},
        {"type": "uri", "value": 5},
        {"type": "literal", "value": "x", "xml:lang": "en . } #"},
        {"type": "literal", "value": "x", "datatype": "no iri"},
        {"type": "literal", "value": None},
        {"type": "literal", "value": "x", "xml:lang": "ar", "its:dir": "rtl"},
        {"type": "triple", "value": {}},
        {"type": "UNDEF) } #", "value": "x"},
        {"type": "uri"},
        {},
        [],
        "x",
    ],
)
def test_terms_that_are_none(world: World, cell: Any) -> None:
    world.one.says(["s"], {"s": cell})
    with pytest.raises(ServiceError, match="cannot be used"):
        world.rows("SELECT * { SERVICE ONE: { ?s a ?t } }")


@pytest.mark.parametrize(
    "body",
    [
        b"",
        b"null",
        b"[]",
        b"{}",
        b'{"results":[]}',
        b'{"results":{"bindings":{"a":1}}}',
        b"[" * 100_000,
        b"\xff",
        b'{"boolean":true}',
    ],
)
def test_answers_that_are_none(world: World, body: bytes) -> None:
    world.one.replies(200, body, RESULTS)
    with pytest.raises(ServiceError, match="cannot be used"):
        world.rows("SELECT * { SERVICE ONE: { ?s a ?t } }")


def test_numbers_dates_and_languages(world: World) -> None:
    xsd = "http://www.w3.org/2001/XMLSchema#"
    world.one.says(
        ["s", "a", "b", "c"],
        {
            "s": {"type": "uri", "value": "http://e/é"},
            "a": {"type": "typed-literal", "value": "2026-11-20", "datatype": f"{xsd}date"},
            "b": {"type": "literal", "value": "mouse", "xml:lang": "en"},
            "c": {"type": "literal", "value": "x", "datatype": "http://e/type"},
        },
    )
    query = (
        "SELECT (YEAR(?a) AS ?y) (LANG(?b) AS ?l) (DATATYPE(?c) AS ?t) { SERVICE ONE: { ?s :a ?a ; :b ?b ; :c ?c } }"
    )
    assert world.rows(query) == [{"y": "2026", "l": "en", "t": "type"}]


def test_blank_nodes_of_another_endpoint_get_an_iri(world: World) -> None:
    (row,) = world.rows("SELECT * { SERVICE ONE: { ?s :part ?o } }")
    assert all(v.startswith("https://hub.example.org/.well-known/genid/") for v in row.values())
    assert row["s"] != row["o"]
    world.one.says(["s"], {"s": {"type": "bnode", "value": "b0> } #"}}, {"s": {"type": "bnode", "value": "b0> } #"}})
    same = world.rows("SELECT ?s { SERVICE ONE: { ?s :part :o } }")
    assert same[0] == same[1] != {"s": row["s"]}


def test_blank_nodes_are_none_of_the_hub_nor_of_another_answer(world: World) -> None:
    (node,) = json.loads(b"".join(world.pool.query(world.text("SELECT ?n { :d1 :by ?n }"), RESULTS)))["results"][
        "bindings"
    ]
    label = {"type": "bnode", "value": node["n"]["value"]}
    for endpoint in (world.one, world.two):
        endpoint.says(["n", "x"], {"n": label, "x": {"type": "uri", "value": "http://e/x"}})
    assert world.rows("SELECT * { ?d :by ?n { SERVICE ONE: { ?n :seen ?x } } }") == []
    assert world.rows("SELECT * { SERVICE ONE: { ?n :seen ?x } OPTIONAL { ?d :by ?n } FILTER(BOUND(?d)) }") == []
    assert world.rows("SELECT * { SERVICE ONE: { ?n :seen ?x } { SERVICE TWO: { ?n :seen ?x } } }") == []
    (one,) = world.rows("SELECT ?n { SERVICE ONE: { ?n :seen ?x } }")
    assert world.rows("SELECT ?n { SERVICE ONE: { ?n :seen ?x } }") == [one], "the same answer"
    world.one.says(["n", "x"], {"n": label, "x": {"type": "uri", "value": "http://e/y"}})
    assert world.rows("SELECT ?n { SERVICE ONE: { ?n :seen ?x } }") != [one]


def test_rows_that_were_not_asked_for_change_nothing(world: World) -> None:
    iri = {"type": "uri", "value": "http://e/p8"}
    world.one.says(["p", "t", "d"], {"p": iri, "t": iri, "d": iri}, {"p": iri | {"value": "http://e/p3"}, "t": iri})
    assert world.rows("SELECT * { ?d :protein ?p . SERVICE ONE: { ?p :taxon ?t } }") == [
        {"d": "d2", "p": "p3", "t": "p8"}
    ]


def test_rows_without_a_value_that_a_triple_has(world: World) -> None:
    world.one.says(["p", "t"], {"p": {"type": "uri", "value": "http://e/p1"}})
    with pytest.raises(ServiceError, match="without value"):
        world.rows("SELECT * { ?d :protein ?p . SERVICE ONE: { ?p :taxon ?t } }")


# --- failures, loud and SILENT


def failing(world: World, how: str, stack: ExitStack) -> None:
    """Let the first endpoint fail."""
    if how == "huge":
        world.client = ServiceClient("me", max_bytes=5)
    elif how == "gone":
        world.services["one"] = Service("one", "http://127.0.0.1:1/sparql", is_private=True)
        world.text = lambda query: PREFIX + query.replace("ONE:", "<http://127.0.0.1:1/sparql>")  # type: ignore[method-assign]
    elif how == "slow":
        world.one.pause_s, world.limits = 60, Limits(service_timeout_s=0.1)
    elif how == "redirect":
        canary = stack.enter_context(StubbornServer())
        world.one.replies(307, b"", Location=f"{canary.url}/sparql")
    else:
        world.one.replies(
            *{"html": (200, b"<html>", "text/html"), "broken": (200, b"{", RESULTS), "500": (500, b"")}[how]
        )


@pytest.mark.parametrize("how", ["huge", "gone", "slow", "redirect", "html", "broken", "500"])
def test_failure(world: World, how: str) -> None:
    with ExitStack() as stack:
        failing(world, how, stack)
        with pytest.raises(ServiceError, match="SERVICE one"):
            world.rows("SELECT * { ?d :size ?n . SERVICE ONE: { ?p :taxon ?t } }")
        silent = world.rows("SELECT * { ?d :size ?n . SERVICE SILENT ONE: { ?p :taxon ?t } }")
        assert silent == [{"d": "d1", "n": "7"}], "one empty solution"


def test_silent_in_an_optional_leaves_what_stands(world: World) -> None:
    world.one.replies(500, b"")
    found = world.rows("SELECT * { ?d :protein ?p OPTIONAL { SERVICE SILENT ONE: { ?p :taxon ?t } } }")
    assert found == [{"d": "d1", "p": "p1"}, {"d": "d1", "p": "p2"}, {"d": "d2", "p": "p3"}]


def test_silent_of_one_endpoint_among_several(world: World) -> None:
    world.one.replies(500, b"")
    found = world.rows("SELECT ?e ?k { VALUES ?e { ONE: TWO: } SERVICE SILENT ?e { :p1 :kin ?k } }")
    assert sorted(found, key=len) == [{"e": world.one.url}, {"e": world.two.url, "k": "p2"}]


def test_what_failed_silently_is_certain_of_nothing(world: World) -> None:
    world.one.replies(500, b"")
    found = world.rows("SELECT * { SERVICE SILENT ONE: { ?p :taxon ?t } SERVICE TWO: { ?t :rank ?r } }")
    assert sorted(row["r"] for row in found) == ["genus", "species"]
    assert "VALUES" not in world.two.asked[0]


# --- limits


def test_too_many_rows(world: World) -> None:
    world.limits = Limits(rows=2)
    for word in ("", "SILENT"):
        with pytest.raises(ResultTooLargeError, match="SERVICE one has more than 2 rows"):
            world.rows(f"SELECT * {{ SERVICE {word} ONE: {{ ?p :taxon ?t }} }}")
    assert len(world.rows("SELECT * { SERVICE ONE: { ?p :taxon ?t FILTER(?p != :p9 && ?p != :P1) } }")) == 2


def test_too_many_requests(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(service_rewriting, "BATCH", 1)
    monkeypatch.setattr(service_rewriting, "MAX_REQUESTS", 2)
    with pytest.raises(ResultTooLargeError, match="more than 2 requests"):
        world.rows("SELECT * { ?d :protein ?p . SERVICE ONE: { ?p :taxon ?t } }")


def test_too_long_together(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(service_rewriting, "MAX_TEXT_BYTES", 150)
    with pytest.raises(ResultTooLargeError, match="too long together"):
        world.rows("SELECT * { SERVICE ONE: { ?p :taxon ?t } }")


def test_time_of_the_whole_query(world: World) -> None:
    world.limits = Limits(timeout_s=0.2)
    world.one.pause_s = 60
    with pytest.raises(ServiceError, match="took longer"):
        world.rows("SELECT * { SERVICE ONE: { ?p :taxon ?t } }")
    with pytest.raises(QueryTimeoutError):
        world.rows("SELECT * { SERVICE SILENT ONE: { ?p :taxon ?t } }")


def test_queries_that_ask_others_at_the_same_time(world: World) -> None:
    hub = Federation(finder(world.services), world.client, None, world.limits)
    text = world.text("ASK { SERVICE ONE: { :p1 :taxon :t1 } }")
    with ExitStack() as stack:
        for client in "aab":
            with serving(Caller(client)):
                stack.enter_context(hub._place())
        with serving(Caller("a")), pytest.raises(QueryBusyError, match="ask other endpoints"):
            hub.query(world.pool, text)
        with serving(Caller("c")):
            assert hub.query(world.pool, text).body, "never all places by one client"
            stack.enter_context(hub._place())
        with serving(Caller("d")), pytest.raises(QueryBusyError, match="ask other endpoints"):
            hub.query(world.pool, text)
    assert hub.query(world.pool, text).body


def test_nobody_is_asked_for_who_has_left(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(service_rewriting, "BATCH", 1)
    leaves = Caller("a", is_gone=lambda: bool(world.one.asked))
    with serving(leaves), pytest.raises(CallerGoneError):
        world.rows("SELECT * { ?d :protein ?p . SERVICE SILENT ONE: { ?p :taxon ?t } }")
    assert len(world.asked) == 1, "of three"


def test_too_many_patterns(world: World) -> None:
    with pytest.raises(QueryTooComplexError, match="more than 10 SERVICE"):
        world.rows("SELECT * { " + "SERVICE ONE: {} " * 11 + "}")
    assert world.rows("SELECT * { " + "SERVICE ONE: {} " * 10 + "}") == [{}]


def test_same_answer_is_asked_for_once(world: World) -> None:
    world.client = ServiceClient("me")
    query = "SELECT * { ?d :protein ?p . SERVICE ONE: { ?p :taxon ?t } }"
    first = world.rows(query)
    assert len(world.asked) == 1
    assert world.rows(query) == first
    assert world.asked == []


# --- what is refused

REFUSED = [
    ("SELECT * { SERVICE <http://127.0.0.1:1/> {} }", "is not allowed here"),
    ("SELECT * { SERVICE SILENT <http://127.0.0.1:1/> {} }", "is not allowed here"),
    ("SELECT * { SERVICE <file:///etc/passwd> {} }", "is not allowed here"),
    ("SELECT * { SERVICE <http://2130706433/> {} }", "is not allowed here"),
    ("SELECT * { SERVICE <http://user@{host}/sparql> {} }", "is not allowed here"),
    ("SELECT * { SERVICE <http://{host}/sparql?x=1> {} }", "is not allowed here"),
    ("SELECT * { SERVICE <http://{host}/other> {} }", "is not allowed here"),
    ("SELECT * { SERVICE <http://[> {} }", "not|error"),
    ("SELECT * { SERVICE no:thing {} }", "declare the prefix"),
    ("SELECT * { GRAPH ?g { SERVICE ONE: { ?s ?p ?o } } }", "move it out"),
    ("SELECT * { GRAPH ?g { OPTIONAL { { SERVICE ONE: { ?s ?p ?o } } } } }", "move it out"),
    ("SELECT * { ?d :protein ?p LATERAL { SERVICE ONE: { ?p :taxon ?t } } }", "LATERAL"),
    ("SELECT * { SERVICE ?e { ?s ?p ?o } }", "nothing beside it says"),
    ("SELECT * { ?d :no ?x OPTIONAL { ?d :at ?e } SERVICE ?e { ?s ?p ?o } }", "nothing beside it says"),
    ("SELECT * { VALUES ?e { <http://127.0.0.1:1/> } SERVICE ?e { ?s ?p ?o } }", "is not allowed here"),
    ("SELECT * { VALUES ?e { ONE: } SERVICE ?e { ?s ?p ?e } }", "inside its braces"),
    ("SELECT * { SERVICE ONE: { SERVICE <http://127.0.0.1:1/> { ?s ?p ?o } } }", "inside of another one"),
    ("SELECT * { SERVICE ONE: { SERVICE ?e { ?s ?p ?o } } }", "inside of another one"),
    ("SELECT * { SERVICE ONE: { ?s ?p 'a\\u0022' } }", "codepoint escape"),
    ("SELECT * { ?d ?x ?p FILTER EXISTS { SERVICE ONE: { ?p ?t ?o OPTIONAL { ?o ?t ?x } } } }", "with .x from outside"),
    (
        "SELECT * { ?d ?x ?p FILTER NOT EXISTS { { SERVICE ONE: { ?p ?t ?o FILTER(?o = ?x) } } } }",
        "with .x from outside",
    ),
    ("SELECT (EXISTS { SERVICE ONE: { FILTER(BOUND(?d)) } } AS ?e) { ?d ?x ?p }", "with .d from outside"),
    ("SELECT * { ?d ?x ?p BIND(EXISTS { SERVICE ONE: { OPTIONAL { ?d ?t ?o } } } AS ?e) }", "with .d from outside"),
    ("PREFIX SERVICEx: <http://e/> SELECT * { SERVICEx:y { ?s ?p ?o } SERVICE ONE: { } }", "SERVICE|error"),
    ("SELECT * { ?s ?p trueSERVICE ONE: {} }", "SERVICE|error"),
    (
        "PREFIX h: <https://w3id.org/bioimage-hub/vocab#> SELECT * { SERVICE h:text { ?d h:matches 'x' } }",
        "no full-text",
    ),
]


@pytest.mark.parametrize(("query", "reason"), REFUSED)
def test_refused(world: World, query: str, reason: str) -> None:
    with pytest.raises((QueryRefusedError, QuerySyntaxError), match=reason):
        world.rows(query.replace("{host}", f"127.0.0.1:{world.one.port}"))
    assert world.asked == []


def test_service_inside_of_another_one_is_sent_as_it_is(world: World) -> None:
    inner = "SERVICE <http://wikiba.se/ontology#label> { :service :language 'en' }"
    world.services["one"] = Service("one", world.one.url, ("http://wikiba.se/ontology#label",), is_private=True)
    world.one.says(["p"], {"p": {"type": "uri", "value": "http://e/p1"}})
    for part in (inner, "SERVICE TWO: { ?p :kin ?k }"):
        query = f"SELECT ?p {{ ?d :protein ?p . SERVICE ONE: {{ ?p :taxon ?t OPTIONAL {{ {part} }} }} }}"
        world.one.says(
            ["p"], {"p": {"type": "uri", "value": "http://e/p1"}, "t": {"type": "uri", "value": "http://e/t"}}
        )
        assert world.rows(query) == [{"p": "p1"}]
        assert world.text(part).removeprefix(PREFIX) in world.asked[0]
        assert world.two.asked == []


@pytest.mark.parametrize("form", ["HTTP://{h}/sparql", "http://{h}/sparql/", "https://{h}/sparql"])
def test_spellings_of_an_endpoint_that_mean_the_same(world: World, form: str) -> None:
    iri = form.format(h=f"127.0.0.1:{world.one.port}")
    if iri.startswith("HTTP"):
        iri = iri.lower()
    assert world.rows(f"SELECT * {{ SERVICE <{iri}> {{ ?p :len ?n }} }}") == [{"n": "5", "p": "p1"}]


@pytest.mark.parametrize("form", ["service {}", "Service\n#}}\n\t{}", "SERVICE{}"])
def test_spellings_of_the_keyword(world: World, form: str) -> None:
    assert world.rows(f"SELECT * {{ {form.format('ONE:')}{{?p :len ?n}} }}") == [{"n": "5", "p": "p1"}]


def test_place_of_a_syntax_error_is_that_of_the_query(world: World) -> None:
    for query in ("{\n SERVICE ONE: { ?p :taxon ?t }\n  ! }", "{\n SERVICE ONE: {\n ?p FILTER ?t }\n}"):
        with pytest.raises(QuerySyntaxError) as plain:
            world.pool.query(world.text(f"SELECT * {query}"))
        with pytest.raises(QuerySyntaxError) as found:
            world.rows(f"SELECT * {query}")
        assert str(found.value).split(": ")[0] == str(plain.value).split(": ")[0]
    assert world.asked == []


# --- as a whole


class Served:
    """What the endpoint of the hub gets from its owner."""

    version, sequence, snapshot, changed = "000001", 1, None, datetime(2026, 11, 20, tzinfo=UTC)

    def __init__(self, pool: WorkerPool) -> None:
        self.pool = pool


def test_over_http(world: World) -> None:
    hub = Federation(finder(world.services), world.client, None, world.limits)
    client = Client(SparqlApp(lambda: Served(world.pool), federation=hub))  # type: ignore[arg-type,return-value]
    query = world.text("SELECT ?d { ?d :protein ?p . SERVICE ONE: { ?p :taxon :t1 } }")
    good = client.get("/", query_string={"query": query, "format": "csv"})
    assert (good.status_code, good.get_data()) == (200, b"d\r\nhttp://e/d1\r\n")
    assert good.headers["Cache-Control"] == "no-store"
    assert "ETag" not in good.headers
    world.one.replies(500, b"")
    bad = client.get("/", query_string={"query": query})
    assert (bad.status_code, bad.json["type"].rpartition("#")[2]) == (502, "service-failed")  # type: ignore[index]
    refused = client.get("/", query_string={"query": "SELECT * { SERVICE <http://no/> {} }"})
    assert (refused.status_code, refused.json["type"].rpartition("#")[2]) == (400, "query-refused")  # type: ignore[index]


def test_answers_that_last() -> None:
    hub = Federation(lambda iri: None, ServiceClient("me"), None, Limits())
    text = "PREFIX h: <https://w3id.org/bioimage-hub/vocab#> SELECT * { SERVICE h:text { ?d h:matches 'x' } "
    assert hub.is_lasting("SELECT * { ?s ?p 'service' }")
    assert hub.is_lasting(text + "}")
    assert not hub.is_lasting(text + "SERVICE <http://e/> {} }")
    assert not hub.is_lasting("SELECT * { SERVICE ?x {} }")
    assert not hub.is_lasting("SELECT * { SERVICE no:x {} }")


# --- settings


def settings_of(folder: Path, text: str) -> dict[str, Service]:
    (folder / "hub.toml").write_text(text, encoding="utf-8")
    return dict(load(str(folder / "hub.toml"), environ={}).services)


def test_settings(tmp_path: Path) -> None:
    text = """[services]
        uniprot = "https://sparql.uniprot.org/sparql"
        here = "http://localhost:7878/query"
        [services.wikidata]
        url = "https://query.wikidata.org/sparql"
        inner = ["http://wikiba.se/ontology#label"]
        [services.neighbour]
        url = "http://hub.intern/sparql"
        private = true"""
    services = settings_of(tmp_path, text)
    assert services["uniprot"] == Service("uniprot", "https://sparql.uniprot.org/sparql")
    assert services["wikidata"].inner == ("http://wikiba.se/ontology#label",)
    assert {name: s.is_private for name, s in services.items()} == {
        "uniprot": False,
        "wikidata": False,
        "here": True,
        "neighbour": True,
    }
    find = finder(services)
    assert find("http://sparql.uniprot.org/sparql/") == services["uniprot"]
    assert find("https://sparql.uniprot.org/other") is None
    assert find("http://[") is None


@pytest.mark.parametrize(
    "text",
    [
        'services = "x"',
        "[services]\na = 5",
        '[services]\na = "ftp://e/"',
        '[services]\na = "file:///x"',
        '[services]\na = "http://"',
        '[services]\na = "http://e/x y"',
        '[services]\na = "http://e/x#y"',
        '[services]\na = "http://[x"',
        "[services.a]",
        '[services.a]\nurl = "http://e/"\nother = 1',
        '[services.a]\nurl = "http://e/"\nprivate = "yes"',
        '[services.a]\nurl = "http://e/"\ninner = "x"',
    ],
)
def test_wrong_settings(tmp_path: Path, text: str) -> None:
    with pytest.raises(ConfigError, match="services"):
        settings_of(tmp_path, text)


# --- random queries against another way to the same rows

LOCAL = """@prefix : <http://e/> . :n0 :p :n1 . :n1 :p :n2 , :n3 . :n2 :q :n0 . :n3 :q :n3 , :n1 . :n4 :p :n4 .
:g { :n1 :q :n2 . :n3 :p :n0 }"""
FAR = "@prefix : <http://e/> . :n0 :r :n2 . :n1 :r :n1 , :n3 . :n2 :s :n2 , :n0 . :n3 :s :n1 . :n5 :r :n0 ."
variable = st.sampled_from(["?a", "?b", "?c", "?d"])
node = st.integers(0, 5).map(":n{}".format)


@st.composite
def triple(draw: st.DrawFn, predicates: Sequence[str]) -> str:
    return f"{draw(variable)} {draw(st.sampled_from(predicates))} {draw(st.one_of(variable, variable, node))} . "


@st.composite
def condition(draw: st.DrawFn) -> str:
    one, two = draw(variable), draw(variable)
    return draw(
        st.sampled_from(
            [f"{one} = {draw(node)}", f"{one} != {two}", f"BOUND({one})", f"!BOUND({one}) || {one} = {two}"]
        )
    )


@st.composite
def group(draw: st.DrawFn, depth: int, *, far: bool = False, inside: str = "") -> str:
    """Patterns; MINUS and BIND not in OPTIONAL and EXISTS, where the engine's plans differ in what is in scope."""
    return "".join(draw(st.lists(element(depth, far, inside), min_size=1, max_size=3)))


@st.composite
def element(draw: st.DrawFn, depth: int, far: bool, inside: str) -> str:
    if depth == 0:
        return draw(triple([":r", ":s"] if far else [":p", ":q"]))
    inner: Callable[..., Any] = lambda where=inside: draw(group(depth - 1, far=far, inside=where))  # noqa: E731
    kinds = ["triple", "triple", "optional", "union", "filter", "exists", "values", "select"]
    kinds += [] if inside else ["minus"]
    kinds += [] if far else ["service", "service", "graph"]
    match draw(st.sampled_from(kinds)):
        case "optional":
            return f"OPTIONAL {{ {inner('left')}}} "
        case "exists":
            return f"FILTER {draw(st.sampled_from(['', 'NOT ']))}EXISTS {{ {inner('left')}}} "
        case "minus":
            return f"MINUS {{ {inner('left')}}} "
        case "union":
            return f"{{ {inner()}}} UNION {{ {inner()}}} "
        case "filter":
            return f"FILTER({draw(condition())}) "
        case "values":
            return f"VALUES {draw(variable)} {{ {draw(node)} {draw(node)} {draw(node)} }} "
        case "select":
            return f"{{ SELECT {draw(st.sampled_from(['*', '?a ?b', 'DISTINCT ?b ?c']))} {{ {inner()}}} }} "
        case "service":
            return (
                f"SERVICE FAR: {{ {draw(group(draw(st.sampled_from([0, 0, depth - 1])), far=True, inside=inside))}}} "
            )
        case "graph":
            return f"GRAPH :g {{ {inner()}}} "
    return draw(triple([":r", ":s"] if far else [":p", ":q"]))


@pytest.fixture(scope="module")
def far(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[WorkerPool, Endpoint, ox.Store]]:
    both = ox.Store()
    both.load(LOCAL, format=ox.RdfFormat.TRIG)
    both.load(FAR, format=ox.RdfFormat.TURTLE, to_graph=ox.NamedNode("urn:far"))
    pool, endpoint = made(LOCAL, tmp_path_factory.mktemp("far")), Endpoint(FAR)
    yield pool, endpoint, both
    endpoint.close()
    pool.close()


@given(pattern=group(3).filter(lambda text: "FAR:" in text), batch=st.integers(1, 4))
@examples(
    max_examples=150,
    suppress_health_check=[HealthCheck.filter_too_much, HealthCheck.too_slow, HealthCheck.function_scoped_fixture],
)
def test_random_queries_have_the_rows_of_a_graph_in_place_of_the_endpoint(
    far: tuple[WorkerPool, Endpoint, ox.Store], monkeypatch: pytest.MonkeyPatch, pattern: str, batch: int
) -> None:
    pool, endpoint, both = far
    monkeypatch.setattr(service_rewriting, "BATCH", batch)
    text = f"{PREFIX}SELECT * {{ {pattern}}}"
    expected = both.query(text.replace("SERVICE FAR:", "GRAPH <urn:far>")).serialize(format=ox.QueryResultsFormat.JSON)
    hub = Federation(lambda iri: Service("far", iri, is_private=True), ServiceClient("me", cache_s=0), None, Limits())
    try:
        found = b"".join(hub.query(pool, text.replace("FAR:", f"<{endpoint.url}>"), RESULTS))
    except QueryRefusedError as err:
        assert "inside EXISTS" in str(err)  # noqa: PT017
        return
    assert by_value(json.loads(found)["results"]["bindings"]) == by_value(json.loads(expected)["results"]["bindings"])
