"""``/search?peers=1`` and SERVICE over peers, between hubs that are served on loopback."""

from __future__ import annotations

import json
from collections.abc import Iterator
from contextlib import ExitStack
from dataclasses import replace
from pathlib import Path
from typing import Any
from urllib.parse import urlencode

import pytest
from jsonschema import Draft202012Validator
from lxml import html
from werkzeug.test import Client
from werkzeug.wrappers import Response

from hub.config import Peer
from hub.federation import peer_services
from hub.web.app import Hub
from tests.loopback import Endpoint
from tests.peers_support import hub_of
from tests.support import BASE, get, served, told

LISTED = "/search?peers=1&per_page=100"


class World:
    """Three hubs: ``us`` with IDR, and its peers ``eu`` (IDR too, and BIA) and ``jp``, which says what it is told to.

    Attributes:
        settings: those of ``us``.
        client: asks ``us``.
        eu: address of ``eu``.
        jp: the peer that misbehaves.
    """

    def __init__(self, folder: Path, stack: ExitStack) -> None:
        self.eu = stack.enter_context(served(hub_of(folder / "eu", "eu", ("bia", "idr"))))
        self.jp = Endpoint()
        stack.callback(self.jp.close)
        jp_url = self.jp.url.removesuffix("/sparql")
        peers = {
            "eu": Peer("eu", self.eu, is_private=True, has_sparql=True),
            "jp": Peer("jp", jp_url, is_private=True),
        }
        self.settings = hub_of(folder / "us", "us", ("idr",), peers=peers, peer_search_timeout_s=20.0)
        self.hub = Hub(self.settings)
        stack.callback(self.hub.close)
        self.client = Client(self.hub, Response)

    def fresh(self, **more: Any) -> Client:
        """Return a client of ``us`` that remembers no answer, with other settings."""
        hub = Hub(replace(self.settings, **more))
        self.stack.callback(hub.close)
        return Client(hub, Response)

    stack: ExitStack


@pytest.fixture(scope="module")
def world(tmp_path_factory: pytest.TempPathFactory) -> Iterator[World]:
    with ExitStack() as stack:
        made = World(tmp_path_factory.mktemp("peers"), stack)
        made.stack = stack
        yield made


@pytest.fixture(autouse=True)
def _quiet(world: World) -> None:
    world.jp.replies(503, b"")


def says(world: World, *titles: str) -> None:
    hits = [
        {
            "dataset": {"iri": f"{BASE}dataset/ssbd/{n}", "title": title, "authors": [], "organisms": []},
            "also_in": [],
            "excerpt": [{"text": title, "match": False}],
        }
        for n, title in enumerate(titles)
    ]
    world.jp.replies(200, json.dumps({"total": len(hits), "hits": hits}).encode(), "application/json")


def test_a_dataset_of_two_hubs_is_one_hit_and_says_where(world: World) -> None:
    own = told(world.client, "/search?per_page=100&format=json")
    found = told(world.client, f"{LISTED}&format=json")
    iris = [hit["dataset"]["iri"] for hit in found["hits"]]
    assert found["total"] == own["total"]
    assert iris[: len(own["hits"])] == [hit["dataset"]["iri"] for hit in own["hits"]]
    assert len(iris) == len(set(iris)) > len(own["hits"])
    first, last = found["hits"][0], found["hits"][-1]
    assert first["found_at"] == {"eu": first["dataset"]["iri"].replace(BASE, f"{world.eu}/")}
    assert last["dataset"]["archive"] != "idr"
    assert last["dataset"]["page"] == last["found_at"]["eu"]
    assert get(world.client, first["dataset"]["page"].removeprefix("http://localhost")).status_code == 200
    eu, jp = found["peers"]
    assert (eu["name"], eu["state"], eu["error"]) == ("eu", "ok", None)
    assert eu["total"] == len(iris)
    assert (jp["name"], jp["state"], jp["error"]) == ("jp", "failed", "it answers 503")


def test_the_page_shows_own_results_then_others_and_how_each_peer_did(world: World) -> None:
    page = html.document_fromstring(get(world.client, LISTED, "text/html").text)
    states = [
        " ".join(item.text_content().split())
        for item in page.xpath("//ul[@aria-label='Other hubs that were asked']/li")
    ]
    assert states[0].startswith("eu: ")
    assert states[1] == "jp: failed it answers 503"
    links = page.xpath("//h2[@id='peers']/following-sibling::ol//h3/a/@href")
    assert links
    assert all(link.startswith(f"{world.eu}/dataset/") and "/idr/" not in link for link in links)
    assert page.xpath("//p[contains(., 'Also found at')]/a/text()")
    assert page.xpath("//input[@name='peers']/@value") == ["1"]


def test_a_page_of_this_hub_alone_offers_the_others(world: World) -> None:
    page = html.document_fromstring(get(world.client, "/search?q=cells", "text/html").text)
    assert page.xpath("//a[.='Search other hubs too']/@href") == ["/search?q=cells&peers=1"]
    assert not page.xpath("//h2[@id='peers']")
    alone = world.fresh(peers={})
    assert "Search other hubs too" not in get(alone, "/search?q=cells", "text/html").text
    assert "No other hub is configured here" in get(alone, "/search?q=cells&peers=1", "text/html").text


def test_what_a_peer_writes_is_text(world: World) -> None:
    says(world, "<script>alert(1)</script>")
    answer = get(world.fresh(), LISTED, "text/html")
    assert "<script>alert" not in answer.text
    assert "&lt;script&gt;alert(1)" in answer.text
    assert "script-src 'self'" in answer.headers["Content-Security-Policy"]


def test_what_nobody_has_here_is_found_elsewhere(world: World) -> None:
    says(world, "Zebrafish")
    found = told(world.fresh(), "/search?q=qqqqqq&peers=1&format=json")
    assert found["total"] == 0
    assert [hit["dataset"]["title"] for hit in found["hits"]] == ["Zebrafish"]
    assert "Zebrafish" in get(world.fresh(), "/search?q=qqqqqq&peers=1", "text/html").text


def test_own_results_come_though_no_peer_answers_in_time(world: World) -> None:
    client = world.fresh(peer_search_timeout_s=0.001)
    found = told(client, f"{LISTED}&format=json")
    assert {one["state"] for one in found["peers"]} == {"slow"}
    assert len(found["hits"]) == found["total"] > 0
    assert all(hit["found_at"] == {} for hit in found["hits"])
    assert get(client, f"{LISTED}&format=json").headers["Cache-Control"] == "public, max-age=0"


def test_a_hub_that_is_asked_by_a_hub_asks_no_other(world: World) -> None:
    before = len(world.jp.asked)
    found = told(world.fresh(), "/search?q=cells&peers=1&hops=1&format=json")
    assert "peers" not in found
    assert len(world.jp.asked) == before


def test_the_next_page_asks_the_peers_for_theirs(world: World) -> None:
    first = told(world.client, "/search?peers=1&per_page=2&format=json")
    second = told(world.client, "/search?peers=1&per_page=2&page=2&format=json")
    ids = [[hit["dataset"]["iri"] for hit in one["hits"]] for one in (first, second)]
    assert not set(ids[0][:2]) & set(ids[1])
    assert "peers=1" in get(world.client, "/search?peers=1&per_page=2", "text/html").text


def test_pages_go_on_as_long_as_any_hub_has_something(world: World) -> None:
    found, address, own = [], "/search?peers=1&per_page=5&format=json", 0
    while address:
        answer = told(world.client, address)
        found += [hit["dataset"]["iri"] for hit in answer["hits"]]
        own, address = answer["total"], answer["links"].get("next", "").removeprefix("http://localhost")
    assert set(found) == {hit["dataset"]["iri"] for hit in told(world.client, f"{LISTED}&format=json")["hits"]}
    assert len(found) > own
    last = -(-own // 5) + 1
    page = get(world.client, f"/search?peers=1&per_page=5&page={last}", "text/html").text
    assert "From other hubs" in page
    assert "There is no page" not in page


@pytest.mark.parametrize(
    ("path", "said"),
    [
        ("/search?peers=all&format=json", "peers: 'all' is neither 0 nor 1"),
        ("/search?peers=1&format=csv", "peers: only the page and JSON"),
        ("/search?peers=1&asOf=999999&format=json", "peers: other hubs answer of now only"),
    ],
)
def test_what_cannot_be_had_from_peers_is_refused(world: World, path: str, said: str) -> None:
    assert told(world.client, path, 400)["detail"].startswith(said)


def test_the_answer_is_as_openapi_describes_it(world: World) -> None:
    says(world, "Zebrafish")
    document = told(world.client, "/openapi.json")
    schema = document["paths"]["/search"]["get"]["responses"]["200"]["content"]["application/json"]["schema"]
    found = told(world.fresh(), f"{LISTED}&format=json")
    assert {one["state"] for one in found["peers"]} == {"ok"}
    Draft202012Validator({**schema, "components": document["components"]}).validate(found)


# --- SPARQL


def test_a_query_asks_a_peer_that_the_settings_allow(world: World) -> None:
    query = f"""PREFIX schema: <http://schema.org/> SELECT ?dataset ?name {{
      SERVICE <{world.eu}/sparql> {{ ?dataset a schema:Dataset ; schema:name ?name }}
      FILTER NOT EXISTS {{ ?dataset schema:name ?own }} }}"""
    answer = world.client.get(f"/sparql?{urlencode({'query': query, 'format': 'json'})}")
    assert answer.status_code == 200, answer.text
    rows = json.loads(answer.text)["results"]["bindings"]
    assert rows
    assert not [row for row in rows if row["dataset"]["value"].startswith(f"{BASE}dataset/idr/")]


def test_a_peer_without_sparql_is_not_asked(world: World) -> None:
    assert list(peer_services(world.settings)) == ["eu"]
    query = f"SELECT * {{ SERVICE <{world.jp.url}> {{ ?s ?p ?o }} }}"
    assert world.client.get(f"/sparql?{urlencode({'query': query})}").status_code == 400
