"""Full-text search of datasets inside SPARQL: what is found by which words, and where the pattern may stand."""

from __future__ import annotations

import json
from collections.abc import Iterator
from datetime import datetime
from pathlib import Path

import pyoxigraph as ox
import pytest
from hypothesis import given
from hypothesis import strategies as st
from werkzeug.test import Client

from harvesters.contract import Source
from hub import ingest, snapshots, sparql_groups, text_service
from hub.config import Service, Settings
from hub.errors import QueryRefusedError, ResultTooLargeError, StoreError
from hub.federation import Federation
from hub.search.published import Searchers
from hub.search.searcher import Searcher
from hub.service_client import ServiceClient
from hub.service_rewriting import Limits
from hub.snapshots import Snapshot
from hub.text_service import TextService
from hub.web.sparql import SparqlApp
from hub.workers import WorkerPool
from tests.loopback import RESULTS, endpoints
from tests.search_indexes import published
from tests.support import BASE, demo_settings

PREFIX = "PREFIX hub: <https://w3id.org/bioimage-hub/vocab#> PREFIX schema: <http://schema.org/>\n"
DATA = """PREFIX : <http://e/> PREFIX schema: <http://schema.org/> PREFIX hub: <https://w3id.org/bioimage-hub/vocab#>
PREFIX dwciri: <http://rs.tdwg.org/dwc/iri/> PREFIX obo: <http://purl.obolibrary.org/obo/>
:title a schema:Dataset ; schema:name "Light-sheet imaging of zebrafish embryos" ; schema:identifier "S-BIAD1" .
:text a schema:Dataset ; schema:name "Something" ; schema:description "Light sheet of a zebrafish, and a mouse." ;
  schema:author <https://orcid.org/0000-0002-1825-0097> ; schema:citation <https://doi.org/10.1234/abc.5> .
<https://orcid.org/0000-0002-1825-0097> schema:name "José Müller" ; schema:affiliation :org .
:org schema:name "Institute of Sheets" .
<https://doi.org/10.1234/abc.5> schema:name "Paper of record" ; schema:creditText "Doe J, Roe R" .
:terms a schema:Dataset ; schema:name "Other" ; schema:identifier "EMPIAR-10310" ;
  schema:keywords "golgi", "gene expression" ;
  schema:about obo:NCBITaxon_10026 ; dwciri:measurementMethod :protocol ; hub:geneAnnotation :annotation ;
  schema:hasPart <http://e/record#part> .
:protocol schema:name "how" ; schema:measurementTechnique obo:FBbi_00000369 .
obo:FBbi_00000369 schema:name "SPIM" ; schema:termCode "FBbi:00000369" .
:annotation hub:gene <https://identifiers.org/ensembl:ENSG00000141510> .
<https://identifiers.org/ensembl:ENSG00000141510> schema:alternateName "TP53" .
<http://e/record#part> schema:name "screen A" ; schema:description "a part's own words" .
:no a schema:Thing ; schema:name "zebrafish" .
GRAPH :g { :elsewhere a schema:Dataset ; schema:name "zebrafish" }"""


@pytest.fixture(scope="module")
def snapshot(tmp_path_factory: pytest.TempPathFactory) -> Snapshot:
    return published(tmp_path_factory.mktemp("text"), DATA)


@pytest.fixture(scope="module")
def searcher(snapshot: Snapshot) -> Searcher:
    return Searcher(snapshot.search)


def found(searcher: Searcher, words: str, limit: int = 100) -> list[str]:
    return [iri.removeprefix("http://e/") for iri, _ in searcher.matches(words, limit)]


# --- what is found

SEARCHES = [
    ("zebrafish", ["title", "text"]),
    ("ZebraFish", ["title", "text"]),
    ("embryo", ["title"]),
    ("light sheet zebrafish", ["title", "text"]),
    ("sheet light", ["title", "text"]),
    ('"light sheet"', ["title", "text"]),
    ('"sheet light"', []),
    ("light-sheet", ["title", "text"]),
    ("zebra*", ["title", "text"]),
    ('"light she"*', ["title", "text"]),
    ("zebra", []),
    ("zebrafish mouse", ["text"]),
    ("jose muller", ["text"]),
    ("JOSÉ", ["text"]),
    ("0000-0002-1825-0097", ["text"]),
    ("10.1234/abc.5", ["text"]),
    ("paper record", ["text"]),
    ("doe", ["text"]),
    ("EMPIAR-10310", ["terms"]),
    ("empiar 10310", ["terms"]),
    ("gene-expression golgi", ["terms"]),
    ("hamster", ["terms"]),
    ("FBbi:00000369", ["terms"]),
    ("spim", ["terms"]),
    ("tp53", ["terms"]),
    ("ENSG00000141510", ["terms"]),
    ("screen", ["terms"]),
    ("institute sheets", ["text"]),
    ("part's own", ["terms"]),
    ("annotation", []),
    ("nothing", []),
    ("zebrafish -mouse", ["title"]),
    ("zebrafsih", []),
]


@pytest.mark.parametrize(("words", "datasets"), SEARCHES)
def test_search(searcher: Searcher, words: str, datasets: list[str]) -> None:
    assert found(searcher, words) == datasets


def test_title_counts_more_than_description_and_scores_are_above_zero(searcher: Searcher) -> None:
    (first, high), (second, low) = searcher.matches("zebrafish", 10)
    assert (first, second) == ("http://e/title", "http://e/text")
    assert high > low > 0
    assert found(searcher, "zebrafish", 1) == ["title"]


@pytest.mark.parametrize("words", ["", "   ", "*", '"', '""', "- & |", "«»"])
def test_nothing_to_look_for(searcher: Searcher, words: str) -> None:
    with pytest.raises(QueryRefusedError, match="needs a word"):
        searcher.matches(words, 10)


def test_too_many_words(searcher: Searcher) -> None:
    with pytest.raises(QueryRefusedError, match="at most 64 words"):
        searcher.matches("a " * 65, 10)


@given(words=st.text(max_size=30) | st.text("a\"*^:(){}+-'\\ ANDORNOTE", max_size=30))
def test_no_sign_is_an_error(searcher: Searcher, words: str) -> None:
    try:
        searcher.matches(words, 10)
    except QueryRefusedError:
        assert "*" in words or "-" in words or not any(character.isalnum() for character in words)


@pytest.mark.parametrize(
    "words", ["title : zebrafish", "zebrafish AND NOT mouse", "NEAR(zebrafish mouse)", "{title} : zebrafish", "^light"]
)
def test_language_of_the_index_is_not_spoken(searcher: Searcher, words: str) -> None:
    assert found(searcher, words) in ([], ["title", "text"])


def test_the_datasets_of_a_study_are_found_together(tmp_path: Path) -> None:
    data = (
        DATA
        + " <http://e/dataset/a> a schema:Dataset ; schema:name 'Kinesin' . <http://e/dataset/b> a schema:Dataset ;"
    )
    snapshot = published(tmp_path, data + " schema:name 'Dynein' ; hub:sameStudyAs <http://e/dataset/a> .")
    assert found(Searcher(snapshot.search), "dynein") == ["dataset/a", "dataset/b"]
    assert len(Searcher(snapshot.search).matches("kinesin", 1)) == 1


def test_snapshot_without_an_index(tmp_path: Path) -> None:
    (tmp_path / "graph").mkdir()
    with pytest.raises(StoreError, match="run `hub rebuild`"):
        Searchers().of(Snapshot(tmp_path, 1, "2026-11-20T12:00:00+00:00", "http://e/", 0))


def test_next_snapshot_has_an_index_of_its_own(tmp_path: Path) -> None:
    (tmp_path / "a").mkdir()
    (tmp_path / "b").mkdir()
    one, two = published(tmp_path / "a", DATA), published(tmp_path / "b", DATA.replace("zebrafish", "medaka"))
    searchers = Searchers()
    assert len(searchers.of(one).matches("zebrafish", 10)) == 2
    assert searchers.of(two).matches("zebrafish", 10) == []
    assert len(searchers.of(two).matches("medaka", 10)) == 2
    assert searchers.of(one) is searchers.of(one)


# --- inside SPARQL


class Now:
    """What is served."""

    def __init__(self, snapshot: Snapshot, pool: WorkerPool) -> None:
        self.snapshot, self.pool, self.sequence, self.version = snapshot, pool, 1, "000001"
        self.changed = datetime.fromisoformat(snapshot.created)


@pytest.fixture(scope="module")
def now(snapshot: Snapshot) -> Iterator[Now]:
    pool = WorkerPool(snapshot.graph, workers=1, spares=0, timeout_s=20)
    yield Now(snapshot, pool)
    pool.close()


def rows(now: Now, query: str, most: int = 1000) -> list[dict[str, str]]:
    hub = Federation(lambda iri: None, ServiceClient("me"), TextService(), Limits(rows=most))
    body = b"".join(hub.query(now.pool, PREFIX + query, RESULTS, snapshot=now.snapshot))
    return [
        {k: v["value"].removeprefix("http://e/") for k, v in row.items()}
        for row in json.loads(body)["results"]["bindings"]
    ]


def test_text_joined_with_triples(now: Now) -> None:
    query = """SELECT ?d ?name WHERE {
        SERVICE hub:text { ?d hub:matches "zebrafish" ; hub:score ?score ; hub:limit 10 }
        ?d schema:name ?name FILTER(?score > 0) } ORDER BY DESC(?score)"""
    assert [row["d"] for row in rows(now, query)] == ["title", "text"]


FORMS = [
    ("?d hub:matches 'embryos'", ["title"]),
    ("?d hub:matches '''embryos''' .", ["title"]),
    ('?d hub:matches "embryos"@en ; hub:score ?score', ["title"]),
    ("?d hub:limit 1 . ?d hub:matches 'zebrafish' .", ["title"]),
    ("?d <https://w3id.org/bioimage-hub/vocab#matches> 'embryos' # comment } \n", ["title"]),
    ("<http://e/text> hub:matches 'zebrafish' . BIND(1 AS ?no)", None),
    ("?d hub:matches '\"light sheet\" mouse'", ["text"]),
    ("?d hub:matches 'nothing'", []),
]


@pytest.mark.parametrize(("pattern", "datasets"), FORMS)
def test_forms_of_the_pattern(now: Now, pattern: str, datasets: list[str] | None) -> None:
    query = f"SELECT ?d {{ SERVICE hub:text {{ {pattern} }} }}"
    if datasets is None:
        with pytest.raises(QueryRefusedError, match="takes"):
            rows(now, query)
    else:
        assert [row["d"] for row in rows(now, query)] == datasets


def test_iri_without_a_prefix(now: Now) -> None:
    iri = "https://w3id.org/bioimage-hub/vocab#"
    query = f"SELECT ?d {{ SERVICE <{iri}text> {{ ?d <{iri}matches> 'embryos' }} }}"
    assert rows(now, query) == [{"d": "title"}]


def test_one_dataset_by_its_iri(now: Now) -> None:
    query = "SELECT * {{ SERVICE hub:text {{ <http://e/{}> hub:matches 'zebrafish' ; hub:score ?s }} }}"
    assert len(rows(now, query.format("text"))) == 1
    assert rows(now, query.format("terms")) == []
    query = "SELECT (1 AS ?n) { SERVICE hub:text { <http://e/text> hub:matches 'mouse' } }"
    assert rows(now, query) == [{"n": "1"}]


POSITIONS = [
    (
        "{ ?d a schema:Dataset OPTIONAL { SERVICE hub:text { ?d hub:matches 'mouse' ; hub:score ?s } } "
        "FILTER(!BOUND(?s)) }",
        ["terms", "title"],
    ),
    ("{ ?d a schema:Dataset MINUS { SERVICE hub:text { ?d hub:matches 'zebrafish' } } }", ["terms"]),
    ("{ ?d a schema:Dataset FILTER NOT EXISTS { SERVICE hub:text { ?d hub:matches 'zebrafish' } } }", ["terms"]),
    (
        "{ { SERVICE hub:text { ?d hub:matches 'mouse' } } UNION { SERVICE hub:text { ?d hub:matches 'hamster' } } }",
        ["terms", "text"],
    ),
    ("{ SERVICE hub:text { ?d hub:matches 'zebrafish' } SERVICE hub:text { ?d hub:matches 'mouse' } }", ["text"]),
    (
        "{ { SELECT ?d { SERVICE hub:text { ?d hub:matches 'zebrafish' ; hub:score ?s } } ORDER BY ?s LIMIT 1 } }",
        ["text"],
    ),
]


@pytest.mark.parametrize(("pattern", "datasets"), POSITIONS)
def test_positions(now: Now, pattern: str, datasets: list[str]) -> None:
    assert sorted(row["d"] for row in rows(now, f"SELECT ?d {pattern}")) == datasets


WRONG = [
    "?d hub:matches ?word",
    "?d hub:matches <http://e/>",
    "?d hub:score ?s",
    "?d hub:matches 'a' , 'b'",
    "?d hub:matches 'a' ; hub:other 'b'",
    "?d hub:matches 'a' . ?e hub:score ?s",
    "?d hub:matches 'a' ; hub:score ?d",
    "?d hub:matches 'a' ; hub:score 1",
    "?d hub:matches 'a' ; hub:limit 0",
    "?d hub:matches 'a' ; hub:limit -1",
    "?d hub:matches 'a' ; hub:limit 1.5",
    "?d hub:matches 'a' ; hub:limit ?n",
    "?d hub:matches 'a' ; hub:limit 1 , 2",
    "[] hub:matches 'a'",
    "?d hub:matches 'a' FILTER(?d != ?e)",
    "?d hub:matches 'a' OPTIONAL { ?d ?p ?o }",
    "?d ^hub:matches 'a'",
    "?d ?p 'a'",
    "",
    "SELECT ?d { ?d hub:matches 'a' }",
]


@pytest.mark.parametrize("pattern", WRONG)
def test_patterns_that_are_none(now: Now, pattern: str) -> None:
    with pytest.raises(QueryRefusedError, match="hub:text takes"):
        rows(now, f"SELECT * {{ SERVICE hub:text {{ {pattern} }} }}")


def test_too_many_datasets(now: Now) -> None:
    query = "SELECT ?d {{ SERVICE hub:text {{ ?d hub:matches 'zebrafish' {} }} }}"
    with pytest.raises(ResultTooLargeError, match="add hub:limit"):
        rows(now, query.format(""), most=1)
    with pytest.raises(ResultTooLargeError, match="add hub:limit"):
        rows(now, query.format("; hub:limit 5"), most=1)
    assert len(rows(now, query.format("; hub:limit 1"), most=1)) == 1
    assert len(rows(now, query.format(""), most=2)) == 2


def test_scores_are_decimals(now: Now) -> None:
    query = "SELECT (DATATYPE(?s) AS ?t) { SERVICE hub:text { ?d hub:matches 'embryos' ; hub:score ?s } }"
    assert rows(now, query) == [{"t": "http://www.w3.org/2001/XMLSchema#decimal"}]


def test_search_is_kept_with_the_snapshot_over_http(now: Now) -> None:
    hub = Federation(lambda iri: None, ServiceClient("me"), TextService(), Limits())
    client = Client(SparqlApp(lambda: now, federation=hub))  # type: ignore[arg-type]
    query = PREFIX + "SELECT ?d { SERVICE hub:text { ?d hub:matches 'embryos' } }"
    answer = client.get("/", query_string={"query": query, "format": "csv"})
    assert answer.get_data() == b"d\r\nhttp://e/title\r\n"
    assert "ETag" in answer.headers
    wrong = client.get("/", query_string={"query": query.replace("hub:matches", "hub:match")})
    assert (wrong.status_code, "hub:text takes" in wrong.json["detail"]) == (400, True)  # type: ignore[index]


def test_text_then_another_endpoint(now: Now) -> None:
    with endpoints("<http://e/title> <http://e/seen> 7 . <http://e/terms> <http://e/seen> 8 .") as (endpoint,):
        service = Service("one", endpoint.url, is_private=True)
        hub = Federation({endpoint.url: service}.get, ServiceClient("me"), TextService(), Limits())
        query = f"""{PREFIX} SELECT ?d ?n {{ SERVICE <{endpoint.url}> {{ ?d <http://e/seen> ?n }}
            SERVICE hub:text {{ ?d hub:matches 'zebrafish' }} }}"""
        body = b"".join(hub.query(now.pool, query, "text/csv", snapshot=now.snapshot))
        assert body == b"d,n\r\nhttp://e/title,7\r\n"
        (asked,) = endpoint.asked
        assert "VALUES (?d) { (<http://e/title>) (<http://e/text>) }" in asked


def test_usage_is_an_example_that_works(now: Now) -> None:
    assert text_service.__doc__
    example = text_service.__doc__.partition("::\n")[2].partition("``hub:matches``")[0]
    assert [row["dataset"] for row in rows(now, example)] == ["title", "text"]
    assert sparql_groups.read(example).services()


# --- a hub


def test_words_of_the_demo(tmp_path: Path) -> None:
    settings = demo_settings(tmp_path, ("bia", "idr", "empiar"))
    ingest.harvest(settings, list(settings.sources))
    snapshot = snapshots.current(settings.snapshots_dir)
    searcher = Searcher(snapshot.search)
    (accession, _), *others = searcher.matches("EMPIAR-10310", 10)
    assert accession == f"{BASE}dataset/empiar/EMPIAR-10310"
    assert others == []
    names = ox.Store.read_only(str(snapshot.graph))
    for quad in names.quads_for_pattern(None, ox.NamedNode("http://schema.org/name"), None, ox.DefaultGraph()):
        if "/dataset/" in quad.subject.value:
            words = " ".join(
                f'"{word}"' for word in quad.object.value.replace('"', " ").split() if any(map(str.isalnum, word))
            )
            assert quad.subject.value in dict(searcher.matches(words, 50)), quad.object.value


@pytest.mark.corpus
def test_corpus(corpus: Path, tmp_path: Path) -> None:
    source = Source(name="idr", harvester="crates", archive="idr", url=str(corpus / "crates" / "idr"))
    settings = Settings(data_dir=tmp_path, base_iri=BASE, sources={"idr": source})
    ingest.harvest(settings, ["idr"])
    searcher = Searcher(snapshots.current(settings.snapshots_dir).search)
    assert found(searcher, "ellinger sars-cov-2") == [f"{BASE}dataset/idr/idr0094"]
    assert len(found(searcher, "human")) > 20, "vernacular names of taxa are words of the dataset"
