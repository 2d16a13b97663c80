"""Queries that the engine would answer wrongly are told from those that it answers rightly."""

from __future__ import annotations

import contextlib

import pyoxigraph as ox
import pytest
from hypothesis import given
from hypothesis import strategies as st

from hub import sparql_scope
from hub.errors import QueryRefusedError

COUNT = "SELECT (COUNT(*) AS ?n) { ?s ?p ?o }"
WRONG = {
    "count of each graph": "SELECT ?g ?n { GRAPH ?g { " + COUNT + " } }",
    "even where the graph is not asked for": "SELECT ?n { GRAPH ?g { " + COUNT + " } }",
    "other spelling": "select $g ?n{graph$g{select(sum(?o)as ?n){?s ?p ?o}}}",
    "escaped": "SELECT * { GRAPH ?g { \\u0053ELECT (MAX(?o) AS ?n) { ?s ?p ?o } } }",
    "grouped without the graph": "SELECT * { GRAPH ?g { SELECT ?p (COUNT(*) AS ?n) { ?s ?p ?o } GROUP BY ?p } }",
    "deeper": "SELECT * { GRAPH ?g { ?s ?p ?o OPTIONAL { { " + COUNT + " } } } }",
    "the graph is lost": "SELECT * { GRAPH ?g { SELECT ?s { ?s ?p ?o } } }",
    "all but the graph": "SELECT * { GRAPH ?g { SELECT * { ?s ?p ?o } } }",
    "joined by the graph": "ASK { GRAPH ?g { { SELECT ?s { ?s ?p ?o } } } ?g a ?type }",
    "a graph within a graph": "SELECT * { GRAPH <http://e/g> { GRAPH ?g { " + COUNT + " } } }",
    "a bracket in an expression": "SELECT * { GRAPH ?g { SELECT (EXISTS { ?g ?p ?o } AS ?b) { ?s ?p ?o } } }",
}
RIGHT = {
    "graph inside": "SELECT * { { SELECT ?g (COUNT(*) AS ?n) { GRAPH ?g { ?s ?p ?o } } GROUP BY ?g } }",
    "graph handed on": "SELECT * { GRAPH ?g { SELECT ?g (COUNT(*) AS ?n) { ?s ?p ?o } GROUP BY ?g } }",
    "graph made": "SELECT * { GRAPH ?g { SELECT (?o AS ?g) { ?s ?p ?o } } }",
    "graph among all": "SELECT * { GRAPH ?g { SELECT * { ?s ?p ?g } } }",
    "one graph": "SELECT * { GRAPH <http://e/g> { " + COUNT + " } }",
    "one graph by a name": "PREFIX graph: <http://e/> SELECT * { GRAPH graph:g { " + COUNT + " } }",
    "nobody sees the graph": "SELECT ?s { GRAPH ?g { { SELECT ?s { ?s ?p ?o } } } }",
    "another variable of the name": "SELECT ?s { GRAPH ?g { { SELECT ?s { ?s ?p ?g } } } }",
    "beside it": "SELECT * { GRAPH ?g { ?s ?p ?o } { " + COUNT + " } }",
    "a graph in the middle": "SELECT * { GRAPH ?g { GRAPH <http://e/g> { " + COUNT + " } } }",
    "in a comment": "SELECT * { ?s ?p ?o } # GRAPH ?g { " + COUNT + " }",
    "in a text": 'SELECT (\'GRAPH ?g { SELECT (COUNT(*) AS ?n)\' AS ?x) { ?s ?p """GRAPH ?g { SELECT ?s {""" }',
    "in an IRI": "SELECT * { GRAPH ?g { ?s <http://e/SELECT> ?o } }",
    "no sub-SELECT": "SELECT ?g (COUNT(*) AS ?n) { GRAPH ?g { ?s ?p ?o } } GROUP BY ?g",
    "no query at all": "graph select } } { {",
}


@pytest.mark.parametrize("query", WRONG.values(), ids=WRONG)
def test_refused(query: str) -> None:
    with pytest.raises(QueryRefusedError, match=r"write GRAPH \?g"):
        sparql_scope.check(query)


@pytest.mark.parametrize("query", RIGHT.values(), ids=RIGHT)
def test_let_through(query: str) -> None:
    sparql_scope.check(query)


def test_the_engine_still_needs_it() -> None:
    """When this fails, the engine has learned to evaluate sub-SELECTs graph by graph, and the module can go."""
    store = ox.Store()
    node = ox.NamedNode("http://e/s")
    for graph, size in (("http://e/g", 1), ("http://e/h", 2)):
        store.extend(ox.Quad(node, node, ox.Literal(n), ox.NamedNode(graph)) for n in range(size))
    rows = list(store.query(WRONG["count of each graph"]))
    assert [int(row["n"].value) for row in rows] == [3]
    right = {row["g"].value: int(row["n"].value) for row in store.query(RIGHT["graph handed on"])}
    assert right == {"http://e/g": 1, "http://e/h": 2}


@given(st.lists(st.sampled_from("SELECT GRAPH ?g ?s { } ( ) * AS COUNT a: a.b <a> ' \" # WHERE".split()), max_size=60))
def test_any_text_is_looked_at(words: list[str]) -> None:
    with contextlib.suppress(QueryRefusedError):
        sparql_scope.check("SELECT GRAPH " + " ".join(words))


@pytest.mark.parametrize("word", ["a.", "a-", "{SELECT ?s {", "GRAPH ?g {", "?g ", "(", "<a", "'''", "\\\\"])
def test_the_work_grows_with_the_length_only(word: str) -> None:
    text = "SELECT ?s { GRAPH ?g { " + word * (200_000 // len(word))
    tokens = sparql_scope._tokens(text)
    assert len(tokens) <= len(text)
    sparql_scope.check(text)
