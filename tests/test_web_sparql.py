"""The SPARQL endpoint over WSGI, with real workers."""

from __future__ import annotations

import io
import json
from collections.abc import Iterator
from datetime import UTC, datetime
from urllib.parse import quote, urlencode

import pyoxigraph as ox
import pytest
from werkzeug.test import Client, EnvironBuilder
from werkzeug.wrappers import Response

from hub import formats
from hub.web.sparql import SparqlApp, SparqlSettings, _unquote
from hub.workers import WorkerPool

SELECT = "SELECT ?s ?o WHERE { ?s <http://e/p> ?o } ORDER BY ?s"
ASK = "ASK { <http://e/s1> ?p ?o }"
CONSTRUCT = "CONSTRUCT WHERE { ?s <http://e/p> ?o }"
LONG = "SELECT * { ?s <http://e/long> ?o }"
FORM = "application/x-www-form-urlencoded"


class Served:
    """What the application gets from its owner."""

    def __init__(self, pool: WorkerPool) -> None:
        self.version, self.sequence = "000007", 7
        self.pool, self.changed = pool, datetime(2026, 1, 2, 3, 4, 5, tzinfo=UTC)


@pytest.fixture(scope="module")
def served(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Served]:
    folder = tmp_path_factory.mktemp("sparql")
    store = ox.Store(str(folder / "store"))
    node, p, long = ox.NamedNode, ox.NamedNode("http://e/p"), ox.NamedNode("http://e/long")
    store.extend(ox.Quad(node(f"http://e/s{i}"), p, ox.Literal(f'v"{i}\n,é')) for i in range(5))
    store.extend(ox.Quad(node(f"http://e/l{i}"), long, ox.Literal(f"{i} " + "x" * 1000)) for i in range(3000))
    store.add(ox.Quad(node("http://e/n"), p, ox.Literal("named"), node("http://e/g")))
    store.flush()
    store.backup(str(folder / "snapshot"))
    pool = WorkerPool(folder / "snapshot", workers=2, spares=1, timeout_s=20, memory_bytes=256 * 1024**2)
    yield Served(pool)
    pool.close()


@pytest.fixture
def app(served: Served) -> SparqlApp:
    served.sequence, served.version = 7, "000007"
    return SparqlApp(lambda: served, SparqlSettings(max_body_bytes=100_000, cache_entry_bytes=200_000))


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
    assert is_problem(client.get("/?" + urlencode({"default-graph-uri": "a b", "query": query})), 400)


@pytest.mark.parametrize(
    "text", ["é", "+ ", "%", "a%zz", "%u0041", "\\x41", "100%", "\U0001f52c", "a&b=c", "%41", "\\", ""]
)
def test_unquote(text: str) -> None:
    assert _unquote(quote(text, safe="")) == text
    assert _unquote(quote(text, safe="").replace("%20", "+")) == text


def test_broken_percent_signs_stand_for_themselves() -> None:
    assert _unquote("100%+%zz%4") == "100% %zz%4"


def test_not_utf8(client: Client) -> None:
    assert is_problem(client.get("/?query=ASK%7B%7D%23%FF"), 400, "UTF-8")
    assert is_problem(client.post("/", data=b"query=ASK%7B%7D%23%FF", content_type=FORM), 400, "UTF-8")
    assert is_problem(client.post("/", data=b"ASK{}#\xff", content_type="application/sparql-query"), 400, "UTF-8")


def test_no_query_and_two_queries(client: Client) -> None:
    assert is_problem(client.get("/"), 400, "no query")
    assert is_problem(client.post("/", data={}, content_type=FORM), 400, "no query")
    assert is_problem(client.get("/?query=ASK%7B%7D&query=ASK%7B%7D"), 400, "more than one")
    both = client.post("/?query=ASK%7B%7D", data="ASK{}", content_type="application/sparql-query")
    assert is_problem(both, 400, "more than one")
    assert is_problem(client.get("/?" + "a=b&" * 300), 400, "parameters")


def test_form_for_people(client: Client) -> None:
    response = client.get("/", headers={"Accept": "text/html,application/xhtml+xml,*/*;q=0.8"})
    assert response.status_code == 200
    assert response.mimetype == "text/html"
    assert b"<textarea" in response.get_data()
    assert b"<script" not in response.get_data()


def test_other_media_types_and_long_bodies(client: Client) -> None:
    assert is_problem(client.post("/", data="ASK{}", content_type="text/plain"), 415)
    assert is_problem(client.post("/", data="ASK{}", content_type="application/sparql-query; charset=latin-1"), 415)
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
        ("DESCRIBE <http://e/s1>", "application/json", "application/ld+json"),
    ],
)
def test_negotiation(client: Client, query: str, accept: str, media_type: str) -> None:
    response = ask(client, query, headers={"Accept": accept} if accept else {})
    assert response.mimetype == media_type
    assert response.headers["Vary"] == "Accept"


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
    assert app._cache._bytes <= 20_000
    assert 0 < len(app._cache._answers) < 20
    assert len(app._cache._raw) < 100


# ── refusals and failures ────────────────────────────────────────────────────────────────────────────────────────────


def test_updates_are_refused(client: Client) -> None:
    update = "INSERT DATA { <a:a> <a:b> <a:c> }"
    assert is_problem(client.post("/", data={"update": update}), 400, "updates are refused")
    assert is_problem(client.post("/", data=update, content_type="application/sparql-update"), 400, "refused")
    assert is_problem(ask(client, update), 400, "updates are refused")
    assert is_problem(client.get("/?" + urlencode({"update": update})), 400, "updates are refused")


def test_query_errors(client: Client, served: Served, monkeypatch: pytest.MonkeyPatch) -> None:
    assert is_problem(ask(client, "SELECT * { ?s ?p }"), 400, "1:")
    assert is_problem(ask(client, "SELECT * { SERVICE <http://127.0.0.1/> {} }"), 400, "SERVICE")
    assert is_problem(ask(client, "SELECT * " + "{" * 2000), 400, "nested")
    monkeypatch.setattr(served.pool, "_timeout_s", 0.5)
    slow = ask(client, "SELECT (COUNT(*) AS ?n) { ?a ?b ?c . ?d ?e ?f . ?g ?h ?i }")
    assert is_problem(slow, 503, "longer than")
    assert int(slow.headers["Retry-After"]) > 0
    monkeypatch.undo()
    assert ask(client, ASK).status_code == 200


def test_late_failure_is_no_short_table(client: Client, served: Served, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(served.pool, "_timeout_s", 1.0)
    response = ask(client, "SELECT * { ?a ?b ?c . ?d ?e ?f . ?g ?h ?i }", headers={"Accept": "text/csv"})
    assert response.status_code in (413, 503)
    assert response.mimetype == "application/problem+json"
