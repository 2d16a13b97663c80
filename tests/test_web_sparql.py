"""The SPARQL endpoint over WSGI, with real workers."""

from __future__ import annotations

import io
import json
import zlib
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path
from urllib.parse import quote, urlencode

import pyoxigraph as ox
import pytest
import zstandard
from werkzeug.test import Client, EnvironBuilder
from werkzeug.wrappers import Response

from hub import formats
from hub.snapshots import Snapshot
from hub.web import coding
from hub.web.protocol import unquote_plus
from hub.web.sparql import SparqlApp, SparqlSettings
from hub.workers import WorkerPool

SELECT = "SELECT ?s ?o WHERE { ?s <http://e/p> ?o } ORDER BY ?s"
ASK = "ASK { <http://e/s1> ?p ?o }"
CONSTRUCT = "CONSTRUCT WHERE { ?s <http://e/p> ?o }"
LONG = "SELECT * { ?s <http://e/long> ?o }"
MEDIUM = "SELECT * { ?s <http://e/long> ?o } ORDER BY ?s LIMIT 50"
FORM, QUERY = "application/x-www-form-urlencoded", "application/sparql-query"
BASE = "https://hub.example.org/"


class Served:
    """What the application gets from its owner."""

    def __init__(self, pool: WorkerPool) -> None:
        self.version, self.sequence = "000007", 7
        self.pool, self.changed = pool, datetime(2026, 1, 2, 3, 4, 5, tzinfo=UTC)
        self.snapshot = Snapshot(Path("000007"), 7, "2026-01-02T03:04:05Z", BASE, 3006)


@pytest.fixture(scope="module")
def served(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Served]:
    folder = tmp_path_factory.mktemp("sparql")
    store = ox.Store(str(folder / "store"))
    node, p, long = ox.NamedNode, ox.NamedNode("http://e/p"), ox.NamedNode("http://e/long")
    store.extend(ox.Quad(node(f"http://e/s{i}"), p, ox.Literal(f'v"{i}\n,é')) for i in range(5))
    store.extend(ox.Quad(node(f"http://e/l{i}"), long, ox.Literal(f"{i} " + "x" * 1000)) for i in range(3000))
    store.add(ox.Quad(node("http://e/n"), p, ox.Literal("named"), node("http://e/g")))
    store.add(ox.Quad(node("http://e/m"), p, ox.Literal("other"), node("http://e/h")))
    store.flush()
    store.backup(str(folder / "snapshot"))
    pool = WorkerPool(folder / "snapshot", workers=2, spares=1, timeout_s=20, memory_bytes=256 * 1024**2)
    yield Served(pool)
    pool.close()


@pytest.fixture
def app(served: Served) -> SparqlApp:
    served.sequence, served.version = 7, "000007"
    return SparqlApp(lambda: served, SparqlSettings(BASE, max_body_bytes=100_000, cache_entry_bytes=200_000))


@pytest.fixture
def client(app: SparqlApp) -> Client:
    return Client(app, Response)


def ask(client: Client, query: str, **options: object) -> Response:
    return client.get("/?" + urlencode({"query": query}), **options)  # type: ignore[arg-type, return-value]


def queries(served: Served) -> int:
    return int(served.pool.stats()["queries"])


def is_problem(response: Response, status: int, word: str = "") -> bool:
    assert response.status_code == status, response.get_data(as_text=True)
    assert response.mimetype == "application/problem+json"
    document = json.loads(response.get_data())
    assert set(document) == {"type", "title", "status", "detail"}
    assert document["status"] == status
    assert response.headers["Access-Control-Allow-Origin"] == "*"
    assert response.headers["Cache-Control"] == "no-store"
    return word in document["detail"]


# ── ways to ask ──────────────────────────────────────────────────────────────────────────────────────────────────────


def test_the_three_ways_to_ask_agree(client: Client) -> None:
    got = ask(client, SELECT)
    form = client.post("/", data={"query": SELECT})
    direct = client.post("/", data=SELECT.encode(), content_type="application/sparql-query; charset=UTF-8")
    assert got.status_code == form.status_code == direct.status_code == 200
    assert got.get_data() == form.get_data() == direct.get_data()
    assert len(json.loads(got.get_data())["results"]["bindings"]) == 5


def test_datasets(client: Client) -> None:
    query = "SELECT ?s { ?s ?p ?o }"
    url = "/?" + urlencode({"default-graph-uri": "http://e/g", "query": query})
    direct = "/?" + urlencode({"default-graph-uri": "http://e/g"})
    assert client.get(url + "&format=csv").get_data() == b"s\r\nhttp://e/n\r\n"
    response = client.post(direct + "&format=csv", data=query, content_type="application/sparql-query")
    assert response.get_data() == b"s\r\nhttp://e/n\r\n"
    body = {"query": "SELECT ?s { GRAPH ?g { ?s ?p ?o } }", "named-graph-uri": "http://e/none", "format": "csv"}
    assert client.post("/", data=body).get_data() == b"s\r\n"
    wrong = client.get("/?" + urlencode({"default-graph-uri": "a b", "query": query}))
    assert is_problem(wrong, 400, "default-graph-uri: 'a b' is not an absolute IRI")


@pytest.mark.parametrize(
    ("default", "named", "pattern", "found"),
    [
        ([], [], "{ ?s <http://e/p> 'named' }", 0),
        (["http://e/g"], [], "{ ?s <http://e/p> 'named' }", 1),
        (["http://e/g", "http://e/h"], [], "{ ?s <http://e/p> ?o }", 2),
        (["http://e/none"], [], "{ ?s ?p ?o }", 0),
        (["http://e/none", "http://e/h"], [], "{ ?s ?p ?o }", 1),
        (["http://e/g"], [], "{ GRAPH ?g { ?s ?p ?o } }", 0),
        ([], ["http://e/g"], "{ ?s ?p ?o }", 0),
        ([], ["http://e/g", "http://e/h"], "{ GRAPH ?g { ?s ?p ?o } }", 2),
        (["http://e/g"], ["http://e/h"], "{ ?s ?p ?o . GRAPH ?g { ?t ?q ?r } }", 1),
        ([], ["http://e/none"], "{ GRAPH <http://e/none> { ?s ?p ?o } }", 0),
    ],
)
def test_dataset_of_a_query(client: Client, default: list[str], named: list[str], pattern: str, found: int) -> None:
    query = f"SELECT (COUNT(*) AS ?n) {pattern}"
    fields = {"query": query, "format": "csv", "default-graph-uri": default, "named-graph-uri": named}
    assert client.get("/?" + urlencode(fields, doseq=True)).get_data() == f"n\r\n{found}\r\n".encode()
    assert client.post("/", data=fields).get_data() == f"n\r\n{found}\r\n".encode()


def test_relative_iris_are_relative_to_the_endpoint_of_the_base(client: Client) -> None:
    answer = ask(client, "CONSTRUCT { <dataset/x> a <> } {}", headers={"Accept": "application/n-triples"})
    assert f"<{BASE}dataset/x> " in answer.text
    assert f" <{BASE}sparql> ." in answer.text
    own = ask(client, "BASE <http://other/> SELECT (IRI('x') AS ?x) {}", headers={"Accept": "text/csv"})
    assert own.text.splitlines() == ["x", "http://other/x"]


@pytest.mark.parametrize(
    "text", ["é", "+ ", "%", "a%zz", "%u0041", "\\x41", "100%", "\U0001f52c", "a&b=c", "%41", "\\", ""]
)
def testunquote_plus(text: str) -> None:
    assert unquote_plus(quote(text, safe="")) == text
    assert unquote_plus(quote(text, safe="").replace("%20", "+")) == text


def test_broken_percent_signs_stand_for_themselves() -> None:
    assert unquote_plus("100%+%zz%4") == "100% %zz%4"


def test_not_utf8(client: Client) -> None:
    assert is_problem(client.get("/?query=ASK%7B%7D%23%FF"), 400, "UTF-8")
    assert is_problem(client.post("/", data=b"query=ASK%7B%7D%23%FF", content_type=FORM), 400, "UTF-8")
    assert is_problem(client.post("/", data=b"ASK{}#\xff", content_type="application/sparql-query"), 400, "UTF-8")


def test_no_query_and_two_queries(client: Client) -> None:
    assert is_problem(client.get("/", headers={"Accept": "text/csv"}), 400, "no query")
    assert is_problem(client.get("/?default-graph-uri=http://e/g"), 400, "no query")
    assert is_problem(client.post("/", data={}, content_type=FORM), 400, "no query")
    assert is_problem(client.post("/", data="", content_type="application/sparql-query"), 400)
    assert is_problem(client.get("/?query=ASK%7B%7D&query=ASK%7B%7D"), 400, "more than one")
    both = client.post("/?query=ASK%7B%7D", data="ASK{}", content_type="application/sparql-query")
    assert is_problem(both, 400, "more than one")
    assert is_problem(client.get("/?" + "a=b&" * 300), 400, "parameters")


CHROMIUM = (
    "text/html,application/xhtml+xml,application/xml;q=0.9,image/avif,image/webp,image/apng,*/*;q=0.8,"
    "application/signed-exchange;v=b3;q=0.7"
)


@pytest.mark.parametrize("accept", [CHROMIUM, "text/html,application/xhtml+xml,*/*;q=0.8", "text/html;charset=utf-8"])
def test_people_are_led_to_the_editor(client: Client, accept: str) -> None:
    response = client.get("/", headers={"Accept": accept})
    assert response.status_code == 303
    assert response.headers["Location"] == "/sparql/editor"
    assert "Accept" in response.headers["Vary"]
    mounted = client.get("/", headers={"Accept": "text/html"}, environ_overrides={"SCRIPT_NAME": "/hub"})
    assert mounted.headers["Location"] == "/hub/sparql/editor"


def test_other_media_types_and_long_bodies(client: Client) -> None:
    assert is_problem(client.post("/", data="ASK{}", content_type="text/plain"), 415)
    assert is_problem(client.post("/", data="ASK{}", content_type="application/sparql-query; charset=latin-1"), 415)
    coded = client.post("/", data=b"ASK{}", content_type=QUERY, headers={"Content-Encoding": "gzip"})
    assert is_problem(coded, 415, "without a content coding")
    assert client.post("/", data=b"ASK{}", content_type="Application/SPARQL-Query; Charset=utf-8").status_code == 200
    body = b"ASK{}" + b" " * 100_000
    assert is_problem(client.post("/", data=body, content_type="application/sparql-query"), 413, "100000 bytes")


def test_no_more_than_the_limit_is_read(app: SparqlApp) -> None:
    stream = io.BytesIO(b" " * 1_000_000)
    builder = EnvironBuilder(method="POST", input_stream=stream, content_type="application/sparql-query")
    environ = builder.get_environ() | {"wsgi.input_terminated": True, "wsgi.input": stream}
    environ.pop("CONTENT_LENGTH", None)
    seen: list[str] = []
    b"".join(app(environ, lambda status, headers: seen.append(status)))
    assert seen[0].startswith("413")
    assert stream.tell() == 100_001


# ── ways to be answered ──────────────────────────────────────────────────────────────────────────────────────────────


@pytest.mark.parametrize("offer", formats.of_kind("results"), ids=lambda offer: offer.name)
def test_results_parse_back(client: Client, offer: formats.Format) -> None:
    by_header = ask(client, SELECT, headers={"Accept": offer.media_type})
    by_name = client.get("/?" + urlencode({"query": SELECT, "format": offer.name}))
    assert by_header.get_data() == by_name.get_data()
    assert by_header.mimetype == by_name.mimetype == offer.media_type
    if offer.name == "csv":  # has no parser in the engine
        assert by_name.get_data().decode().count("http://e/s") == 5
        return
    parsed = ox.parse_query_results(by_name.get_data(), ox.QueryResultsFormat.from_media_type(offer.media_type))
    assert isinstance(parsed, ox.QuerySolutions)
    assert [row["o"].value for row in parsed] == [f'v"{i}\n,é' for i in range(5)]
    assert b"true" in client.get("/?" + urlencode({"query": ASK, "format": offer.name})).get_data()


@pytest.mark.parametrize("offer", formats.of_kind("graph"), ids=lambda offer: offer.name)
def test_graphs_parse_back(client: Client, offer: formats.Format) -> None:
    by_header = ask(client, CONSTRUCT, headers={"Accept": offer.media_type})
    by_name = client.get("/?" + urlencode({"query": CONSTRUCT, "format": offer.name}))
    assert by_header.get_data() == by_name.get_data()
    assert by_header.mimetype == offer.media_type
    quads = set(ox.parse(by_name.get_data(), ox.RdfFormat.from_media_type(offer.media_type)))
    assert len(quads) == 5


@pytest.mark.parametrize(
    ("query", "accept", "media_type"),
    [
        (SELECT, "", "application/sparql-results+json"),
        (SELECT, "*/*", "application/sparql-results+json"),
        (SELECT, "text/csv;q=0.5, application/sparql-results+xml;q=0.9", "application/sparql-results+xml"),
        (SELECT, "text/*", "text/csv"),
        (SELECT, "application/json", "application/sparql-results+json"),
        (SELECT, "text/html, */*;q=0.1", "application/sparql-results+json"),
        (CONSTRUCT, "", "text/turtle"),
        (CONSTRUCT, "application/n-triples, text/turtle;q=0.5", "application/n-triples"),
        (CONSTRUCT, "text/turtle; charset=utf-8", "text/turtle"),
        (CONSTRUCT, "application/trig, application/n-quads;q=0.3", "application/trig"),
        (CONSTRUCT, "text/turtle;q=0, */*", "application/n-triples"),
        (SELECT, "application/sparql-results+json;q=0, */*;q=0.1", "application/sparql-results+xml"),
        ("DESCRIBE <http://e/s1>", "application/json", "application/ld+json"),
    ],
)
def test_negotiation(client: Client, query: str, accept: str, media_type: str) -> None:
    response = ask(client, query, headers={"Accept": accept} if accept else {})
    assert response.mimetype == media_type
    assert response.headers["Vary"] == "Accept, Accept-Encoding"


def test_not_acceptable(client: Client) -> None:
    assert is_problem(ask(client, SELECT, headers={"Accept": "image/png"}), 406, "text/csv")
    assert is_problem(ask(client, SELECT, headers={"Accept": "text/turtle"}), 406)
    assert is_problem(client.get("/?" + urlencode({"query": SELECT, "format": "turtle"})), 406)
    annotated = "CONSTRUCT { << <a:a> <a:b> <a:c> >> <a:d> <a:e> } {}"
    assert is_problem(client.get("/?" + urlencode({"query": annotated, "format": "jsonld"})), 406, "JSON-LD")


def test_format_by_media_type(client: Client) -> None:
    assert client.get(f"/?query={quote(SELECT)}&format=application/sparql-results+xml").mimetype.endswith("xml")


def test_long_answer_has_its_length(client: Client) -> None:
    response = ask(client, LONG, headers={"Accept": "text/csv"})
    data = response.get_data()
    assert data.count(b"\r\n") == 3001
    assert response.headers["Content-Length"] == str(len(data))


def test_head(client: Client) -> None:
    url = "/?" + urlencode({"query": SELECT})
    head, got = client.head(url), client.get(url)
    assert head.status_code == 200
    assert head.get_data() == b""
    assert dict(head.headers) == dict(got.headers)
    assert head.headers["Content-Length"] == str(len(got.get_data()))
    assert client.head("/?query=nonsense").status_code == 400
    assert client.head("/?" + urlencode({"query": LONG})).get_data() == b""


def test_options_and_other_methods(client: Client) -> None:
    response = client.options("/")
    assert response.status_code == 204
    assert {"GET", "HEAD", "POST", "OPTIONS"} == set(response.headers["Allow"].split(", "))
    assert response.headers["Access-Control-Allow-Methods"] == response.headers["Allow"]
    assert response.headers["Access-Control-Allow-Origin"] == "*"
    for method in ("PUT", "DELETE", "PATCH"):
        refused = client.open("/", method=method)
        assert is_problem(refused, 405)
        assert refused.headers["Allow"] == response.headers["Allow"]


# ── what answers say of themselves ───────────────────────────────────────────────────────────────────────────────────


def test_results_name_their_snapshot(client: Client) -> None:
    link = f"{BASE}.well-known/void#snapshot-7"
    for query in (SELECT, ASK, "SELECT * {}"):
        found = json.loads(ask(client, query).get_data())
        assert found["head"]["link"] == [link]
        assert isinstance(ox.parse_query_results(ask(client, query).get_data(), ox.QueryResultsFormat.JSON), object)
        xml = ask(client, query, headers={"Accept": "application/sparql-results+xml"}).get_data()
        assert f'<link href="{link}"/></head>'.encode() in xml
        ox.parse_query_results(xml, ox.QueryResultsFormat.XML)
    head = json.loads(ask(client, SELECT).get_data())["head"]
    assert head["vars"] == ["s", "o"]
    assert link not in ask(client, SELECT, headers={"Accept": "text/csv"}).text


def test_answers_are_whole(client: Client) -> None:
    for query in (SELECT, CONSTRUCT, LONG):
        assert ask(client, query).headers["X-Hub-Truncated"] == "false"
    assert "X-Hub-Truncated" not in ask(client, "SELECT * {").headers


# ── content coding ───────────────────────────────────────────────────────────────────────────────────────────────────

DECODERS = {"gzip": lambda data: zlib.decompress(data, wbits=31), "zstd": lambda data: decompress(data)}


def decompress(data: bytes) -> bytes:
    return zstandard.ZstdDecompressor().decompressobj().decompress(data)


@pytest.mark.parametrize(
    ("accept", "coding_name"),
    [
        ("", ""),
        ("gzip", "gzip"),
        ("zstd", "zstd"),
        ("gzip, deflate, br, zstd", "zstd"),
        ("gzip;q=1.0, zstd;q=0.5", "gzip"),
        ("gzip, zstd;q=0", "gzip"),
        ("*", "zstd"),
        ("*;q=0", ""),
        ("identity", ""),
        ("identity, gzip;q=0.5", ""),
        ("identity;q=0.1, gzip;q=0.5", "gzip"),
        ("br", ""),
        ("nonsense;q=x", ""),
    ],
)
def test_choice_of_coding(accept: str, coding_name: str) -> None:
    assert coding.choose(accept) == coding_name


@pytest.mark.parametrize("name", coding.OFFERED)
@pytest.mark.parametrize("query", [MEDIUM, LONG], ids=["in memory", "in a file"])
def test_coded_answers_are_the_same_answers(client: Client, query: str, name: str) -> None:
    plain = ask(client, query)
    coded = ask(client, query, headers={"Accept-Encoding": name})
    assert coded.headers["Content-Encoding"] == name
    assert "Content-Encoding" not in plain.headers
    assert int(coded.headers["Content-Length"]) == len(coded.get_data()) < len(plain.get_data()) // 2
    assert DECODERS[name](coded.get_data()) == plain.get_data()
    head = client.head("/?" + urlencode({"query": query}), headers={"Accept-Encoding": name})
    assert dict(head.headers) == dict(coded.headers)


def test_short_answers_are_not_coded(client: Client) -> None:
    response = ask(client, ASK, headers={"Accept-Encoding": "gzip"})
    assert "Content-Encoding" not in response.headers
    assert json.loads(response.get_data())["boolean"] is True


def test_each_coding_has_a_validator_of_its_own(client: Client, served: Served) -> None:
    before = queries(served)
    tags = {
        name: ask(client, MEDIUM, headers={"Accept-Encoding": name}).headers["ETag"] for name in ("", "gzip", "zstd")
    }
    assert len(set(tags.values())) == 3
    assert queries(served) == before + 1
    for name, tag in tags.items():
        same = ask(client, MEDIUM, headers={"Accept-Encoding": name, "If-None-Match": tag})
        other = ask(client, MEDIUM, headers={"Accept-Encoding": "" if name else "gzip", "If-None-Match": tag})
        assert (same.status_code, other.status_code) == (304, 200)


def test_coded_answers_are_kept(client: Client, served: Served) -> None:
    before = queries(served)
    bodies = {ask(client, MEDIUM, headers={"Accept-Encoding": "gzip"}).get_data() for _ in range(3)}
    assert len(bodies) == 1
    assert queries(served) == before + 1


# ── caching ──────────────────────────────────────────────────────────────────────────────────────────────────────────


def test_validators(client: Client, served: Served) -> None:
    first = ask(client, SELECT)
    assert first.headers["X-Hub-Sequence"] == "7"
    assert first.headers["Last-Modified"] == "Fri, 02 Jan 2026 03:04:05 GMT"
    etag = first.headers["ETag"]
    again = ask(client, SELECT, headers={"If-None-Match": f'"other", W/{etag}'})
    assert again.status_code == 304
    assert again.get_data() == b""
    assert again.headers["ETag"] == etag
    assert "Content-Type" not in again.headers
    assert ask(client, SELECT, headers={"Accept": "text/csv"}).headers["ETag"] != etag
    served.sequence, served.version = 8, "000008"
    changed = ask(client, SELECT, headers={"If-None-Match": etag})
    assert changed.status_code == 200
    assert changed.headers["ETag"] != etag


def test_answers_are_kept_until_the_snapshot_changes(client: Client, served: Served) -> None:
    before = queries(served)
    bodies = {ask(client, SELECT).get_data() for _ in range(3)} | {client.post("/", data={"query": SELECT}).get_data()}
    assert len(bodies) == 1
    assert queries(served) == before + 1
    served.sequence, served.version = 9, "000009"
    ask(client, SELECT)
    assert queries(served) == before + 2


def test_what_is_not_kept(client: Client, served: Served) -> None:
    before = queries(served)
    for _ in range(2):
        volatile = ask(client, "SELECT (NOW() AS ?x) {}")
        assert volatile.headers["Cache-Control"] == "no-store"
        assert "ETag" not in volatile.headers
        assert ask(client, "SELECT * { ?x }").status_code == 400
        ask(client, LONG).get_data()
    assert queries(served) == before + 6


def test_the_cache_is_bounded(served: Served) -> None:
    app = SparqlApp(lambda: served, SparqlSettings(cache_bytes=20_000))
    client = Client(app, Response)
    for i in range(100):
        assert ask(client, SELECT + f" # {i}").status_code == 200
    held = app.answers.cache
    assert held._bytes <= 20_000
    assert 0 < len(held._answers) < 20
    assert len(held._raw) < 100


# ── refusals and failures ────────────────────────────────────────────────────────────────────────────────────────────


def test_updates_are_refused(client: Client) -> None:
    update = "INSERT DATA { <a:a> <a:b> <a:c> }"
    assert is_problem(client.post("/", data={"update": update}), 400, "updates are refused")
    assert is_problem(client.post("/", data=update, content_type="application/sparql-update"), 400, "refused")
    assert is_problem(ask(client, update), 400, "updates are refused")
    assert is_problem(client.get("/?" + urlencode({"update": update})), 400, "updates are refused")


def test_query_errors(client: Client, served: Served, monkeypatch: pytest.MonkeyPatch) -> None:
    assert is_problem(ask(client, "SELECT * { ?s ?p }"), 400, "line 1, column 19: ")
    assert is_problem(ask(client, "SELECT * { SERVICE <http://127.0.0.1/> {} }"), 400, "SERVICE")
    assert is_problem(ask(client, "SELECT * " + "{" * 2000), 400, "nested")
    monkeypatch.setattr(served.pool, "_timeout_s", 0.5)
    slow = ask(client, "SELECT (COUNT(*) AS ?n) { ?a ?b ?c . ?d ?e ?f . ?g ?h ?i }")
    assert is_problem(slow, 503, "longer than")
    assert int(slow.headers["Retry-After"]) > 0
    monkeypatch.undo()
    assert ask(client, ASK).status_code == 200


@pytest.mark.parametrize(
    ("query", "place"),
    [
        ("SELECT * { ?s ?p }", "line 1, column 19: "),
        ("SELECT *\n{ ?s\n?p }", "line 3, column 5: "),
        ("SELEC * { ?s ?p ?o }", "line 1, column "),
        ("# a comment\nPREFIX a: <a:a>\nFIND ?x", "line 3, column 8: "),
        ("", "line 1, column 1: "),
        ("ASK { ?s nope:p ?o }", "line 1, column "),
    ],
)
def test_a_syntax_error_says_where(client: Client, query: str, place: str) -> None:
    assert is_problem(ask(client, query), 400, place)


def test_a_sub_select_that_mixes_graphs_is_refused(client: Client) -> None:
    wrong = "SELECT ?g ?n { GRAPH ?g { SELECT (COUNT(*) AS ?n) { ?s ?p ?o } } }"
    assert is_problem(ask(client, wrong), 400, "a sub-SELECT inside GRAPH ?g would mix all graphs")
    right = "SELECT ?g ?n { { SELECT ?g (COUNT(*) AS ?n) { GRAPH ?g { ?s ?p ?o } } GROUP BY ?g } } ORDER BY ?g"
    assert ask(client, right, headers={"Accept": "text/csv"}).text.split() == ["g,n", "http://e/g,1", "http://e/h,1"]


def test_late_failure_is_no_short_table(client: Client, served: Served, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(served.pool, "_timeout_s", 1.0)
    response = ask(client, "SELECT * { ?a ?b ?c . ?d ?e ?f . ?g ?h ?i }", headers={"Accept": "text/csv"})
    assert response.status_code in (413, 503)
    assert response.mimetype == "application/problem+json"
