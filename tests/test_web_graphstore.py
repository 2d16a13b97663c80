"""The read-only graph store: one graph by its IRI, in every graph format."""

from __future__ import annotations

import json
from collections.abc import Iterator
from urllib.parse import urlencode

import pyoxigraph as ox
import pytest
from werkzeug.test import Client, TestResponse
from werkzeug.wrappers import Response

from hub import formats
from hub.web.answers import Answers
from hub.web.graphstore import GraphStoreApp
from tests.sparql_server import ScratchStore

GRAPH = "https://hub.example.org/graph/source/idr/idr0001"
NODE, NAME = ox.NamedNode("http://e/s"), ox.NamedNode("http://e/name")
TURTLE = {"Accept": "text/turtle"}


@pytest.fixture(scope="module")
def scratch(tmp_path_factory: pytest.TempPathFactory) -> Iterator[ScratchStore]:
    made = ScratchStore(tmp_path_factory.mktemp("graphs"))
    for text in ("one", "two", "dré"):
        made.store.add(ox.Quad(NODE, NAME, ox.Literal(text), ox.NamedNode(GRAPH)))
    made.store.add(ox.Quad(NODE, NAME, ox.Literal("default")))
    made.store.add_graph(ox.NamedNode("http://e/empty"))
    yield made
    made.close()


@pytest.fixture
def client(scratch: ScratchStore) -> Client:
    return Client(GraphStoreApp(scratch, Answers(1024**2, 1024**2)), Response)


def get(client: Client, graph: str = GRAPH, **headers: str) -> TestResponse:
    named = {name.replace("_", "-"): value for name, value in headers.items()}
    return client.get("/?" + urlencode({"graph": graph}), headers=named)


def texts(response: TestResponse, offer: formats.Format = formats.TURTLE) -> set[str]:
    assert response.status_code == 200, response.text
    return {quad.object.value for quad in ox.parse(response.get_data(), offer.rdf)}


@pytest.mark.parametrize("offer", formats.of_kind("graph"), ids=lambda offer: offer.name)
def test_a_graph_in_every_format(client: Client, offer: formats.Format) -> None:
    by_header = get(client, Accept=offer.media_type)
    by_name = client.get("/?" + urlencode({"graph": GRAPH, "format": offer.name}))
    assert by_header.mimetype == by_name.mimetype == offer.media_type
    assert by_header.get_data() == by_name.get_data()
    assert texts(by_header, offer) == {"one", "two", "dré"}


def test_the_default_graph(client: Client) -> None:
    for path in ("/?default", "/?default="):
        assert texts(client.get(path, headers=TURTLE)) == {"default"}


@pytest.mark.parametrize("graph", ["http://e/none", "http://e/empty", NODE.value])
def test_a_graph_that_is_not_there(client: Client, graph: str) -> None:
    response = get(client, graph)
    assert response.status_code == 404
    assert json.loads(response.get_data())["detail"] == f"there is no graph <{graph}> in this hub"
    assert client.head("/?" + urlencode({"graph": graph})).status_code == 404


@pytest.mark.parametrize(
    ("path", "word"),
    [
        ("/", "name one graph"),
        ("/?default&graph=" + GRAPH, "name one graph"),
        ("/?graph=http://e/a&graph=http://e/b", "name one graph"),
        ("/?graph=relative", "graph: 'relative' is not an absolute IRI"),
        ("/?graph=http://e/%3E%20%7D", "is not an absolute IRI"),
        ("/?graph=%FF", "UTF-8"),
    ],
)
def test_wrong_names(client: Client, path: str, word: str) -> None:
    response = client.get(path)
    assert response.status_code == 400
    assert word in json.loads(response.get_data())["detail"]


@pytest.mark.parametrize("method", ["PUT", "POST", "DELETE", "PATCH"])
def test_writing_is_not_offered(client: Client, method: str) -> None:
    response = client.open("/?" + urlencode({"graph": GRAPH}), method=method, data="<a:a> <a:b> <a:c> .")
    assert response.status_code == 405
    assert response.headers["Allow"] == "GET, HEAD, OPTIONS"
    assert "only reads" in json.loads(response.get_data())["detail"]
    assert client.open("/?default", method="TRACE").status_code == 405


def test_head_options_and_cors(client: Client) -> None:
    got, head = get(client), client.head("/?" + urlencode({"graph": GRAPH}))
    assert (head.status_code, head.get_data()) == (200, b"")
    assert dict(head.headers) == dict(got.headers)
    assert got.headers["Access-Control-Allow-Origin"] == "*"
    options = client.options("/")
    assert options.status_code == 204
    assert options.headers["Access-Control-Allow-Methods"] == options.headers["Allow"] == "GET, HEAD, OPTIONS"


def test_negotiation_validators_and_coding(scratch: ScratchStore, client: Client) -> None:
    first = get(client, Accept="text/turtle; charset=utf-8")
    assert first.headers["Content-Type"] == "text/turtle; charset=utf-8"
    assert first.headers["Vary"] == "Accept, Accept-Encoding"
    assert first.headers["X-Hub-Sequence"] == str(scratch().sequence)
    assert get(client, Accept="text/turtle", If_None_Match=first.headers["ETag"]).status_code == 304
    assert get(client, Accept="application/trig", If_None_Match=first.headers["ETag"]).status_code == 200
    assert get(client, Accept="image/png").status_code == 406


def test_a_new_snapshot_is_another_answer(scratch: ScratchStore, client: Client) -> None:
    graph = "http://e/late"
    assert get(client, graph).status_code == 404
    scratch.store.add(ox.Quad(NODE, NAME, ox.Literal("late"), ox.NamedNode(graph)))
    scratch.written()
    assert texts(get(client, graph)) == {"late"}
    scratch.store.remove_graph(ox.NamedNode(graph))
    scratch.written()
    assert get(client, graph).status_code == 404
