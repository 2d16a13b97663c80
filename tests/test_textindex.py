"""Full-text search of datasets: what is found by which words, and as a SERVICE inside SPARQL."""

from __future__ import annotations

import json
import sqlite3
import subprocess
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from datetime import datetime
from pathlib import Path
from typing import Any

import pyoxigraph as ox
import pytest
from hypothesis import given
from hypothesis import strategies as st
from werkzeug.test import Client

from harvesters.contract import Source
from hub import ingest, records, snapshots, sparql_groups, text_service, textindex
from hub.config import Service, Settings
from hub.errors import QueryBusyError, QueryError, QueryRefusedError, QueryTimeoutError, ResultTooLargeError
from hub.federation import Federation
from hub.service_client import ServiceClient
from hub.service_rewriting import Limits
from hub.snapshots import Snapshot
from hub.text_service import TextService
from hub.textindex import TextIndexes
from hub.web.sparql import SparqlApp
from hub.workers import WorkerPool
from tests.loopback import RESULTS, endpoints
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


def published(folder: Path, text: str = DATA) -> Snapshot:
    """Return a snapshot of some data in TriG."""
    store = ox.Store(str(folder / "store"))
    store.load(text, format=ox.RdfFormat.TRIG)
    store.flush()
    path = folder / "000001"
    path.mkdir()
    store.backup(str(path / "graph"))
    return Snapshot(path, 1, "2026-11-20T12:00:00+00:00", "http://e/", len(store))


@pytest.fixture(scope="module")
def snapshot(tmp_path_factory: pytest.TempPathFactory) -> Snapshot:
    return published(tmp_path_factory.mktemp("text"))


@pytest.fixture(scope="module")
def index(snapshot: Snapshot) -> Path:
    return textindex.build(snapshot.path)


def found(index: Path, words: str, limit: int = 100) -> list[str]:
    return [iri.removeprefix("http://e/") for iri, _ in textindex.search(index, words, limit, 20)]


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
]


@pytest.mark.parametrize(("words", "datasets"), SEARCHES)
def test_search(index: Path, words: str, datasets: list[str]) -> None:
    assert found(index, words) == datasets


def test_title_counts_more_than_description_and_scores_are_above_zero(index: Path) -> None:
    (first, high), (second, low) = textindex.search(index, "zebrafish", 10, 20)
    assert (first, second) == ("http://e/title", "http://e/text")
    assert high > low > 0
    assert found(index, "zebrafish", 1) == ["title"]


@pytest.mark.parametrize("words", ["", "   ", "*", '"', '""', "- & |", "«»"])
def test_nothing_to_look_for(index: Path, words: str) -> None:
    with pytest.raises(QueryRefusedError, match="needs a word"):
        textindex.search(index, words, 10, 20)


def test_too_many_words(index: Path) -> None:
    with pytest.raises(QueryRefusedError, match="at most 64 words"):
        textindex.search(index, "a " * 65, 10, 20)


@given(words=st.text(max_size=30) | st.text("a\"*^:(){}+-'\\ ANDORNOTE", max_size=30))
def test_no_sign_is_an_error(index: Path, words: str) -> None:
    if any(character.isalnum() for character in words):
        textindex.search(index, words, 10, 20)


@pytest.mark.parametrize(
    "words", ["title : zebrafish", "zebrafish AND NOT mouse", "NEAR(zebrafish mouse)", "{title} : zebrafish", "^light"]
)
def test_language_of_the_index_is_not_spoken(index: Path, words: str) -> None:
    assert found(index, words) in ([], ["title", "text"])


def test_search_that_takes_too_long(index: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    with sqlite3.connect(":memory:") as slow:
        loop = "WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n) SELECT i, ? + ? FROM n WHERE i < 0"

        class Slow:
            def execute(self, _: str, parameters: tuple[str, int]) -> Any:
                return slow.execute(loop, parameters)

            def set_progress_handler(self, handler: Any, n: int) -> None:
                slow.set_progress_handler(handler, n)

            def close(self) -> None:
                pass

        monkeypatch.setattr(textindex, "_open", lambda path: Slow())
        with pytest.raises(QueryTimeoutError, match="stopped"):
            textindex.search(index, "x", 10, 0.05)


# --- building


def test_built_once_whole_or_not_at_all(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    snapshot = published(tmp_path)
    with monkeypatch.context() as patch:
        patch.setattr(textindex, "documents", lambda store: iter([("http://e/a", ["too few"])]))
        with pytest.raises(sqlite3.Error):
            textindex.build(snapshot.path)
        assert not (snapshot.path / textindex.FILE).exists()
    with ThreadPoolExecutor(3) as threads:
        built = list(threads.map(textindex.build, [snapshot.path] * 3))
    assert len({(path, path.stat().st_ino) for path in built}) == 1
    before = built[0].stat().st_mtime_ns
    assert textindex.build(snapshot.path).stat().st_mtime_ns == before
    assert {p.name for p in snapshot.path.iterdir()} - {".text-lock"} == {"graph", textindex.FILE}


@pytest.mark.parametrize("damage", [b"", b"not a database" * 100])
def test_damaged_or_old_index_is_built_anew(tmp_path: Path, damage: bytes) -> None:
    snapshot = published(tmp_path)
    index = textindex.build(snapshot.path)
    index.write_bytes(damage)
    assert not textindex.is_built(snapshot.path)
    assert found(textindex.build(snapshot.path), "zebrafish") == ["title", "text"]


def test_damage_that_shows_later(tmp_path: Path) -> None:
    index = textindex.build(published(tmp_path).path)
    data = bytearray(index.read_bytes())
    data[4096:] = b"\xff" * (len(data) - 4096)
    index.write_bytes(data)
    with pytest.raises(QueryError, match="index"):
        textindex.search(index, "zebrafish", 10, 20)


def test_things_that_are_kept_in_memory_are_bounded(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(textindex, "MAX_KEPT", 1)
    assert found(textindex.build(published(tmp_path).path), "spim") == ["terms"]


def test_by_itself_as_a_program(tmp_path: Path) -> None:
    indexes, snapshot = TextIndexes(), published(tmp_path)
    assert [iri for iri, _ in indexes.search(snapshot, "embryos", 10, 120)] == ["http://e/title"]
    assert textindex.is_built(snapshot.path)
    assert TextIndexes().prepare(snapshot).ended.is_set()


def test_index_that_was_removed_is_built_again(tmp_path: Path) -> None:
    indexes, snapshot = TextIndexes(), published(tmp_path)
    indexes.search(snapshot, "embryos", 10, 120)
    (snapshot.path / textindex.FILE).unlink()
    assert len(indexes.search(snapshot, "embryos", 10, 120)) == 1


def test_index_that_is_still_being_built(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(textindex, "_build_apart", lambda folder, work: None)
    with pytest.raises(QueryBusyError, match="being built"):
        TextIndexes().search(published(tmp_path), "x", 10, 0.01)


def test_index_that_cannot_be_built(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def fail(*arguments: Any, **options: Any) -> None:
        raise subprocess.CalledProcessError(1, "python")

    monkeypatch.setattr(subprocess, "run", fail)
    indexes, snapshot = TextIndexes(), published(tmp_path)
    for _ in range(2):
        with pytest.raises(QueryError, match="could not be built"):
            indexes.search(snapshot, "x", 10, 20)


def test_next_snapshot_has_an_index_of_its_own(tmp_path: Path) -> None:
    (tmp_path / "a").mkdir()
    (tmp_path / "b").mkdir()
    one, two = published(tmp_path / "a"), published(tmp_path / "b", DATA.replace("zebrafish", "medaka"))
    for snapshot in (one, two):
        textindex.build(snapshot.path)
    indexes = TextIndexes()
    assert len(indexes.search(one, "zebrafish", 10, 20)) == 2
    assert indexes.search(two, "zebrafish", 10, 20) == []
    assert len(indexes.search(two, "medaka", 10, 20)) == 2


# --- inside SPARQL


class Now:
    """What is served."""

    def __init__(self, snapshot: Snapshot, pool: WorkerPool) -> None:
        self.snapshot, self.pool, self.sequence, self.version = snapshot, pool, 1, "000001"
        self.changed = datetime.fromisoformat(snapshot.created)


@pytest.fixture(scope="module")
def now(snapshot: Snapshot, index: Path) -> Iterator[Now]:
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
    client = Client(SparqlApp(lambda: now, federation=hub))  # type: ignore[arg-type,return-value]
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


def test_every_path_of_the_index_is_in_the_model() -> None:
    known = {slot.name for table in records.tables().values() for slot in table.slots}
    used = {slot for field in textindex.FIELDS for path in field.paths for slot in path.split(".")}
    assert used | set(textindex.NAMES) <= known


def test_usage_is_an_example_that_works(now: Now) -> None:
    assert text_service.__doc__
    example = text_service.__doc__.partition("::\n")[2].partition("``hub:matches``")[0]
    assert [row["dataset"] for row in rows(now, example)] == ["title", "text"]
    assert sparql_groups.read(example).services()


# --- a hub


def test_words_of_the_demo(tmp_path: Path) -> None:
    settings = demo_settings(tmp_path, ("bia", "idr", "empiar"))
    ingest.harvest(settings, list(settings.sources))
    index = textindex.build(snapshots.current(settings.snapshots_dir).path)
    (accession, _), *others = textindex.search(index, "EMPIAR-10310", 10, 20)
    assert accession == f"{BASE}dataset/empiar/EMPIAR-10310"
    assert others == []
    names = ox.Store.read_only(str(snapshots.current(settings.snapshots_dir).graph))
    for quad in names.quads_for_pattern(None, ox.NamedNode("http://schema.org/name"), None, ox.DefaultGraph()):
        if "/dataset/" in quad.subject.value:
            words = " ".join(
                f'"{word}"' for word in quad.object.value.replace('"', " ").split() if any(map(str.isalnum, word))
            )
            assert quad.subject.value in dict(textindex.search(index, words, 50, 20)), quad.object.value


@pytest.mark.corpus
def test_corpus(corpus: Path, tmp_path: Path) -> None:
    source = Source(name="idr", harvester="crates", archive="idr", url=str(corpus / "crates" / "idr"))
    settings = Settings(data_dir=tmp_path, base_iri=BASE, sources={"idr": source})
    ingest.harvest(settings, ["idr"])
    index = textindex.build(snapshots.current(settings.snapshots_dir).path)
    assert found(index, "ellinger sars-cov-2") == [f"{BASE}dataset/idr/idr0094"]
    assert len(found(index, "human")) > 20, "vernacular names of taxa are words of the dataset"
