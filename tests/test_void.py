"""What the hub says of itself: right numbers, the same in every format, and what clients look for."""

from __future__ import annotations

import dataclasses
import json
import threading
from collections import Counter as Tally
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pyoxigraph as ox
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from werkzeug.test import Client, TestResponse, create_environ
from werkzeug.wrappers import Response

from hub import formats, snapshots, void
from hub.config import Settings
from hub.errors import QueryTimeoutError
from hub.ingest import harvest
from hub.queries import RESULTS
from hub.snapshots import Snapshot
from hub.void import RDF, SD, SH, VOID, VOID_EXT, Counter
from hub.web import protocol
from hub.web.app import Hub
from hub.web.problems import HttpError
from tests.sparql_server import BASE as SCRATCH_BASE
from tests.sparql_server import ScratchStore
from tests.support import BASE, demo_settings

TYPE = ox.NamedNode(f"{RDF}type")
DEFAULT = ox.NamedNode(f"{BASE}.well-known/void#default-graph")
DATASET = ox.NamedNode(f"{BASE}.well-known/void#dataset")
SPARQL = "http://localhost/sparql"
WAIT_S = 60.0

# ── numbers ──────────────────────────────────────────────────────────────────────────────────────────────────────────

IRIS = st.sampled_from([ox.NamedNode(f"http://e/{name}") for name in "abc"])
CLASSES = st.sampled_from([ox.NamedNode(f"http://e/Class{n}") for n in range(2)])
LITERALS = st.sampled_from([ox.Literal("text"), ox.Literal("texte", language="fr"), ox.Literal(5), ox.Literal(True)])
PROPERTIES = st.sampled_from([ox.NamedNode(f"http://e/p{n}") for n in range(3)])
STATEMENTS = st.builds(ox.Triple, IRIS, st.just(TYPE), CLASSES) | st.builds(
    ox.Triple, IRIS, PROPERTIES, IRIS | LITERALS
)


@pytest.fixture(scope="module")
def scratch(tmp_path_factory: pytest.TempPathFactory) -> Iterator[ScratchStore]:
    made = ScratchStore(tmp_path_factory.mktemp("void"))
    yield made
    made.close()


@given(said=st.sets(STATEMENTS, max_size=25))
@settings(max_examples=25, suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_numbers_are_right(scratch: ScratchStore, said: set[ox.Triple]) -> None:
    scratch.store.clear()
    scratch.store.extend(ox.Quad(t.subject, t.predicate, t.object) for t in said)
    scratch.written()
    found = void.count(scratch().pool)
    assert found["totals"] == [
        {"triples": len(said), "subjects": len({t.subject for t in said}), "objects": len({t.object for t in said})}
    ]
    types = {(t.subject, t.object) for t in said if t.predicate == TYPE}
    assert pairs(found["classes"], "entities") == tally((c,) for _, c in types)
    assert pairs(found["properties"], "triples") == tally((t.predicate,) for t in said)
    uses = [(c, t.predicate, t.object) for t in said for s, c in types if s == t.subject]
    assert pairs(found["uses"], "triples") == tally((c, p) for c, p, _ in uses)
    assert pairs(found["links"], "triples") == tally((c, p, d) for c, p, o in uses for s, d in types if s == o)
    literals = [(c, p, o.datatype) for c, p, o in uses if isinstance(o, ox.Literal)]
    assert pairs(found["datatypes"], "triples") == tally(literals)
    for name in ("properties", "uses"):
        assert all(0 < r["subjects"] <= r["triples"] and 0 < r["objects"] <= r["triples"] for r in found[name])


# The numbers as anybody would ask for them, which takes the engine several times as long on millions of statements.
PLAIN = {
    "uses": """SELECT ?class ?property (COUNT(*) AS ?triples) (COUNT(DISTINCT ?s) AS ?subjects)
        (COUNT(DISTINCT ?o) AS ?objects) { ?s a ?class ; ?property ?o } GROUP BY ?class ?property
        ORDER BY DESC(?triples) ?class ?property""",
    "links": """SELECT ?class ?property ?target (COUNT(*) AS ?triples) { ?s a ?class ; ?property ?o . ?o a ?target }
        GROUP BY ?class ?property ?target ORDER BY DESC(?triples) ?class ?property ?target""",
    "datatypes": """SELECT ?class ?property ?datatype (COUNT(*) AS ?triples)
        { ?s a ?class ; ?property ?o FILTER(isLiteral(?o)) BIND(DATATYPE(?o) AS ?datatype) }
        GROUP BY ?class ?property ?datatype ORDER BY DESC(?triples) ?class ?property ?datatype""",
}


@pytest.mark.parametrize("name", PLAIN)
def test_numbers_are_those_of_plain_queries(hub: Hub, name: str) -> None:
    now = hub.publication()
    found = void.read(now.snapshot)
    solutions = ox.parse_query_results(b"".join(now.pool.query(PLAIN[name], RESULTS)), ox.QueryResultsFormat.JSON)
    assert isinstance(solutions, ox.QuerySolutions)
    names = [variable.value for variable in solutions.variables]
    assert found is not None
    assert found[name] == [{n: void._plain(row[n]) for n in names} for row in solutions]
    assert len(found[name]) > 20


def pairs(rows: list[void.Row], number: str) -> dict[tuple[str, ...], int]:
    return {tuple(str(v) for v in row.values() if isinstance(v, str)): int(row[number]) for row in rows}


def tally(keys: Any) -> dict[tuple[str, ...], int]:
    return dict(Tally(tuple(term.value for term in key) for key in keys))


def test_graphs_are_told_by_kind(scratch: ScratchStore) -> None:
    scratch.store.clear()
    graphs = ("graph/source/idr/a", "graph/source/bia/b", "graph/record/idr/a", "graph/runs")
    for n, graph in enumerate(graphs, 1):
        name = ox.NamedNode(SCRATCH_BASE + graph)
        scratch.store.extend(ox.Quad(name, TYPE, ox.Literal(i), name) for i in range(n))
    scratch.store.add(ox.Quad(TYPE, TYPE, TYPE, ox.NamedNode("urn:x-hub:meta")))
    scratch.written()
    said = void.describe(scratch().snapshot, void.count(scratch().pool), SPARQL)
    sizes = {
        t.subject.value.rpartition("#")[2]: int(t.object.value) for t in said if t.predicate.value == f"{VOID}triples"
    }
    assert {k: v for k, v in sizes.items() if k.startswith("graphs-")} == {
        "graphs-source": 3,
        "graphs-record": 3,
        "graphs-runs": 4,
    }
    documents = {
        t.subject.value.rpartition("#")[2]: int(t.object.value) for t in said if "documents" in t.predicate.value
    }
    assert documents == {"graphs-source": 2, "graphs-record": 1, "graphs-runs": 1}


# ── counted once, in the background ──────────────────────────────────────────────────────────────────────────────────


@pytest.fixture
def counted(scratch: ScratchStore, tmp_path: Path) -> tuple[Settings, Snapshot]:
    now = scratch().snapshot
    (tmp_path / "000042").mkdir()
    (tmp_path / "000042" / "graph").symlink_to(now.graph)
    return Settings(data_dir=tmp_path), Snapshot(tmp_path / "000042", 42, now.created, now.base_iri, now.quads)


def test_what_was_counted_is_left_for_others(
    counted: tuple[Settings, Snapshot], monkeypatch: pytest.MonkeyPatch
) -> None:
    config, snapshot = counted
    first = Counter(config).get(snapshot, WAIT_S)
    assert first is not None
    assert void.read(snapshot) == first
    monkeypatch.setattr(void, "count", lambda pool: pytest.fail("counted again"))
    assert Counter(config).get(snapshot, WAIT_S) == first


def test_two_processes_count_once(counted: tuple[Settings, Snapshot], monkeypatch: pytest.MonkeyPatch) -> None:
    config, snapshot = counted
    started: list[object] = []
    count = void.count
    monkeypatch.setattr(void, "count", lambda pool: started.append(pool) or count(pool))
    found: list[void.Statistics | None] = []
    threads = [threading.Thread(target=lambda: found.append(Counter(config).get(snapshot, WAIT_S))) for _ in range(3)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(started) == 1
    assert found[0] == found[1] == found[2] is not None


def test_nobody_waits_longer_than_they_want(
    counted: tuple[Settings, Snapshot], monkeypatch: pytest.MonkeyPatch
) -> None:
    config, snapshot = counted
    go = threading.Event()
    monkeypatch.setattr(void, "count", lambda pool: go.wait(WAIT_S) and {name: [] for name in void.QUESTIONS})
    counter = Counter(config)
    assert counter.get(snapshot) is None
    later = Snapshot(snapshot.path.with_name("000043"), 43, snapshot.created, snapshot.base_iri, 0)
    assert counter.get(later) is None  # one at a time: the new one is begun when the old one is done
    go.set()
    assert counter.get(snapshot, WAIT_S) is not None


def test_what_cannot_be_counted_is_left_out(
    counted: tuple[Settings, Snapshot], monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    config, snapshot = counted
    tries: list[object] = []

    def fail(pool: object) -> void.Statistics:
        tries.append(pool)
        raise QueryTimeoutError("too slow")

    monkeypatch.setattr(void, "count", fail)
    counter = Counter(config)
    assert counter.get(snapshot, WAIT_S) is None
    assert counter.get(snapshot, WAIT_S) is None
    assert len(tries) == 1
    assert "000042: its statistics could not be counted" in caplog.text
    assert void.read(snapshot) is None


def test_a_damaged_file_is_counted_anew(counted: tuple[Settings, Snapshot]) -> None:
    config, snapshot = counted
    for text in ("{", "{}", '{"totals": []}'):
        (snapshot.path / void.FILE).write_text(text)
        assert void.read(snapshot) is None
    assert Counter(config).get(snapshot, WAIT_S) == void.read(snapshot)


# ── over HTTP ────────────────────────────────────────────────────────────────────────────────────────────────────────


@pytest.fixture(scope="module")
def hub(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Hub]:
    config = demo_settings(tmp_path_factory.mktemp("described"))
    harvest(config, list(config.sources))
    assert Counter(config).get(snapshots.current(config.snapshots_dir), WAIT_S) is not None
    made = Hub(config)
    yield made
    made.publication.close()


@pytest.fixture
def client(hub: Hub) -> Client:
    return Client(hub, Response)


def graph(response: TestResponse) -> set[ox.Triple]:
    assert response.status_code == 200, response.text
    kind = ox.RdfFormat.from_media_type(response.mimetype)
    return {quad.triple for quad in ox.parse(response.get_data(), kind)}


def objects(said: set[ox.Triple], subject: ox.NamedNode, predicate: str) -> set[str]:
    return {t.object.value for t in said if t.subject == subject and t.predicate.value == predicate}


@pytest.mark.parametrize("path", ["/sparql", "/.well-known/void"])
def test_every_format_says_the_same(client: Client, path: str) -> None:
    said = [graph(client.get(path, headers={"Accept": o.media_type})) for o in formats.of_kind("graph")]
    said += [graph(client.get(path, query_string={"format": o.name})) for o in formats.of_kind("graph")]
    assert len(said[0]) > 500
    assert all(other == said[0] for other in said)


def test_service_description(client: Client) -> None:
    said = graph(client.get("/sparql"))
    service = ox.NamedNode(SPARQL)
    assert {t.subject for t in said if t.object.value == f"{SD}Service"} == {service}
    assert objects(said, service, f"{SD}endpoint") == {SPARQL}
    assert objects(said, service, f"{SD}supportedLanguage") == {f"{SD}SPARQL10Query", f"{SD}SPARQL11Query"}
    assert objects(said, service, f"{SD}defaultDataset") == {DATASET.value}
    assert objects(said, DATASET, f"{SD}defaultGraph") == {DEFAULT.value}
    results = objects(said, service, f"{SD}resultFormat")
    assert len(results) == len(formats.of_kind("results")) + len(formats.of_kind("graph"))
    assert objects(said, service, f"{SD}feature") == {f"{SD}BasicFederatedQuery"}
    data = graph(client.get("/.well-known/void"))
    assert {t for t in said if t.subject != service} == data


def test_description_of_the_data(client: Client, hub: Hub) -> None:
    said, snapshot = graph(client.get("/.well-known/void")), hub.publication().snapshot
    assert objects(said, DATASET, f"{VOID}sparqlEndpoint") == {SPARQL}
    assert objects(said, DATASET, f"{VOID}triples") == {str(snapshot.quads)}
    assert objects(said, DATASET, f"{void.DCTERMS}modified") == {snapshot.created}
    assert objects(said, DATASET, f"{void.DCAT}version") == {str(snapshot.sequence)}
    edition = ox.NamedNode(f"{BASE}.well-known/void#snapshot-{snapshot.sequence}")
    assert objects(said, edition, f"{void.DCAT}version") == {str(snapshot.sequence)}
    counted = client.get("/sparql?format=csv&query=SELECT (COUNT(*) AS ?n) {?s ?p ?o}").text.split()[1]
    assert objects(said, DEFAULT, f"{VOID}triples") == {counted}
    terms = {term.value for t in said for term in t if isinstance(term, ox.NamedNode)}
    assert all(term.startswith(("http://", "https://", "urn:")) for term in terms)


def test_vocabularies_are_all_there(client: Client) -> None:
    """A client may take a property of no listed vocabulary for one that is not used."""
    said = graph(client.get("/.well-known/void"))
    vocabularies = tuple(objects(said, DEFAULT, f"{VOID}vocabulary"))
    used = client.get("/sparql?format=csv&query=SELECT DISTINCT ?p {?s ?p ?o}").text.split()[1:]
    listed = {
        o
        for part in objects(said, DEFAULT, f"{VOID}propertyPartition")
        for o in objects(said, ox.NamedNode(part), f"{VOID}property")
    }
    assert set(used) == listed
    assert all(p.startswith(vocabularies) for p in used)


# What an editor asks the service description. Source: https://github.com/sib-swiss/sparql-guidelines
EDITOR = f"""PREFIX void: <{VOID}> PREFIX void-ext: <{VOID_EXT}>
SELECT DISTINCT ?subjectsCount ?subjectClass ?prop ?objectClass ?objectsCount ?objectDatatype {{
  ?cp void:class ?subjectClass ; void:entities ?subjectsCount ; void:propertyPartition ?pp .
  ?pp void:property ?prop
  OPTIONAL {{
    {{ ?pp void:classPartition [ void:class ?objectClass ; void:triples ?objectsCount ] }}
    UNION {{ ?pp void-ext:datatypePartition [ void-ext:datatype ?objectDatatype ] }}
  }}
}}"""


def test_editors_find_what_they_look_for(client: Client) -> None:
    store = ox.Store()
    store.extend(ox.Quad(t.subject, t.predicate, t.object) for t in graph(client.get("/sparql")))
    schema = "http://schema.org/"
    rows = [
        {v.value: row[v].value for v in found.variables if row[v] is not None}
        for found in [store.query(EDITOR)]
        for row in found
    ]
    seen = {(r["subjectClass"], r["prop"], r.get("objectClass") or r.get("objectDatatype")) for r in rows}
    assert (schema + "Dataset", schema + "author", schema + "Person") in seen
    assert (schema + "Dataset", schema + "name", void.XSD + "string") in seen
    assert {r["subjectsCount"] for r in rows if r["subjectClass"] == schema + "Dataset"} == {"28"}
    prefixes = {
        r["p"].value: r["n"].value for r in store.query(f"SELECT * {{ [] <{SH}prefix> ?p ; <{SH}namespace> ?n }}")
    }
    assert prefixes["schema"] == schema
    assert prefixes["obo"] == "http://purl.obolibrary.org/obo/"
    examples = store.query(f"SELECT * {{ ?q a <{SH}SPARQLExecutable> ; <{void.RDFS}comment> ?c ; <{SH}select> ?text }}")
    assert len(list(examples)) > 0


def test_addresses_are_those_that_were_asked(client: Client) -> None:
    def endpoints(**headers: str) -> set[str]:
        said = graph(client.get("/sparql", headers=headers))
        return {t.object.value for t in said if t.predicate.value == f"{SD}endpoint"}

    assert endpoints(Host="hub.example.com:8443") == {"http://hub.example.com:8443/sparql"}
    assert endpoints(Host="[::1]:80") == {"http://[::1]:80/sparql"}
    assert endpoints(Forwarded="host=evil.example") == {SPARQL}
    for host in ("evil.example/x#", "a b", 'x"><script>', ""):
        response = client.get("/.well-known/void", headers={"Host": host} if host else {"Host": "@"})
        assert response.status_code == 400
        assert response.mimetype == "application/problem+json"


FORWARDED = {"Host": "10.0.0.5:8080", "X-Forwarded-Host": "hub.example.com", "X-Forwarded-Proto": "https"}


@pytest.mark.parametrize(
    ("headers", "wanted"),
    [
        (FORWARDED, "https://hub.example.com/"),
        (FORWARDED | {"X-Forwarded-Host": "evil.example, hub.example.com:8443"}, "https://hub.example.com:8443/"),
        ({"Host": "hub.example.com", "X-Forwarded-Proto": "https"}, "https://hub.example.com/"),
        ({"Host": "hub.example.com"}, "http://hub.example.com/"),
    ],
)
@pytest.mark.parametrize("address", ["127.0.0.1", "::ffff:127.0.0.1", "192.0.2.1", "nonsense"])
def test_addresses_behind_a_proxy(hub: Hub, address: str, headers: dict[str, str], wanted: str) -> None:
    """What a trusted proxy says of host and scheme counts; from others it means that the base IRI is safer."""
    environ = create_environ("/sparql", headers=headers) | {"REMOTE_ADDR": address}
    is_trusted = address.endswith("127.0.0.1")
    told = "X-Forwarded-Proto" in headers
    root = protocol.root(environ, "127.0.0.0/8, 10.0.0.0/8", BASE)
    assert f"{root}/" == (wanted if is_trusted or not told else BASE)
    assert f"{protocol.root(environ, '', BASE)}/" == (BASE if told else wanted)


@pytest.mark.parametrize("forged", [{"X-Forwarded-Host": "a b"}, {"X-Forwarded-Proto": "javascript"}])
def test_a_proxy_cannot_make_an_address_of_anything(forged: dict[str, str]) -> None:
    environ = create_environ("/sparql", headers=forged) | {"REMOTE_ADDR": "127.0.0.1"}
    with pytest.raises(HttpError):
        protocol.root(environ, "127.0.0.1", BASE)


def test_the_description_tells_what_the_proxy_tells(hub: Hub) -> None:
    said = graph(Client(hub, Response).get("/sparql", headers=FORWARDED, environ_overrides={"REMOTE_ADDR": "10.1.1.1"}))
    assert objects(said, DATASET, f"{VOID}sparqlEndpoint") == {f"{BASE}sparql"}
    behind = Hub(dataclasses.replace(hub.flask.config["HUB_SETTINGS"], trusted_proxies="10.0.0.0/8"))
    try:
        client = Client(behind, Response)
        for path in ("/sparql", "/.well-known/void"):
            said = graph(client.get(path, headers=FORWARDED, environ_overrides={"REMOTE_ADDR": "10.1.1.1"}))
            assert objects(said, DATASET, f"{VOID}sparqlEndpoint") == {"https://hub.example.com/sparql"}
    finally:
        behind.close()


def test_validators_and_errors(client: Client) -> None:
    for path in ("/sparql", "/.well-known/void"):
        first = client.get(path, headers={"Accept": "text/turtle"})
        assert first.headers["Access-Control-Allow-Origin"] == "*"
        assert first.headers["X-Hub-Sequence"]
        etag = first.headers["ETag"]
        assert client.get(path, headers={"Accept": "text/turtle", "If-None-Match": etag}).status_code == 304
        assert client.get(path, headers={"Accept": "text/turtle"}).get_data() == first.get_data()
        coded = client.get(path, headers={"Accept": "text/turtle", "Accept-Encoding": "zstd"})
        assert coded.headers["Content-Encoding"] == "zstd"
        assert client.head(path).status_code == 200
        assert client.get(path, query_string={"format": "png"}).status_code in (400, 406)
        assert client.delete(path).status_code == 405
    assert client.get("/.well-known/void", headers={"Accept": "image/png"}).status_code == 406
    browser = {"Accept": "text/html,application/xhtml+xml,application/xml;q=0.9,*/*;q=0.8"}
    assert client.get("/sparql", headers=browser).headers["Location"] == "/sparql/editor"
    assert client.get("/.well-known/void", headers=browser).mimetype == "text/turtle"


def test_without_numbers_nothing_is_said_that_could_mislead(
    hub: Hub, client: Client, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(Counter, "get", lambda *args: None)
    hub.sparql.answers.cache.restart("")
    response = client.get("/sparql")
    said = graph(response)
    hub.sparql.answers.cache.restart("")
    assert response.headers["Cache-Control"] == "no-store"
    assert "ETag" not in response.headers
    assert objects(said, ox.NamedNode(SPARQL), f"{SD}endpoint") == {SPARQL}
    assert not [t for t in said if t.predicate.value in (f"{VOID}vocabulary", f"{VOID}propertyPartition")]


def test_graphs_at_their_own_address_and_by_name(client: Client) -> None:
    direct = client.get("/graph/source/bia/S-BIAD824", headers={"Accept": "application/n-triples"})
    named = client.get("/sparql/graph", query_string={"graph": f"{BASE}graph/source/bia/S-BIAD824", "format": "nt"})
    assert graph(direct) == graph(named) != set()
    assert json.loads(client.get("/sparql/graph").get_data())["status"] == 400
    assert client.put("/sparql/graph?default").status_code == 405
