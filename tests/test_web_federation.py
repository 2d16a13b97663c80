"""SERVICE through the whole application: other endpoints, full-text search, and what a caller is told when it fails."""

from __future__ import annotations

import re
from collections.abc import Iterator
from contextlib import ExitStack
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from werkzeug.test import Client, TestResponse
from werkzeug.wrappers import Response

from hub import config, ingest
from hub.ask import ask
from hub.config import Service, Settings
from hub.errors import QueryRefusedError
from hub.web.app import Hub
from tests.loopback import RESULTS, Endpoint
from tests.support import BASE, ROOT, demo_settings

UNIPROT = "<https://sparql.uniprot.org/sparql>"
OTHER = """PREFIX : <http://purl.uniprot.org/taxonomy/> PREFIX up: <http://purl.uniprot.org/core/>
:9606 up:mnemonic "HUMAN" ; up:strain [ up:name "a" ], [ up:name "b" ] . :10090 up:mnemonic "MOUSE" .
:4932 up:mnemonic "YEAST" . :7 up:mnemonic "OTHER" ."""
PREFIXES = """PREFIX dwc: <http://rs.tdwg.org/dwc/terms/> PREFIX hub: <https://w3id.org/bioimage-hub/vocab#>
PREFIX schema: <http://schema.org/> PREFIX up: <http://purl.uniprot.org/core/> """
LOCAL = "?dataset schema:identifier ?accession ; schema:about ?taxon . ?taxon dwc:scientificName ?organism ."
SAME = 'BIND(IRI(CONCAT("http://purl.uniprot.org/taxonomy/", STRAFTER(STR(?taxon), "NCBITaxon_"))) AS ?same)'
EXAMPLES = re.findall(r"```sparql\n(.*?)```", (ROOT / "docs" / "api.md").read_text(encoding="utf-8"), re.S)
Rows = list[dict[str, str]]


class World:
    """A hub with demonstration data, and an endpoint that it may ask under UniProt's name.

    Attributes:
        settings: the hub's.
        hub: the application.
        endpoint: the other endpoint.
        inside: one that only its settings make private: nobody may ask it.
    """

    def __init__(self, folder: Path, stack: ExitStack) -> None:
        self.endpoint, self.inside = Endpoint(OTHER), Endpoint(OTHER)
        stack.callback(self.endpoint.close)
        stack.callback(self.inside.close)
        services = {
            "uniprot": Service("uniprot", self.endpoint.url, is_private=True),
            "inside": Service("inside", self.inside.url, is_private=False),
        }
        self.settings = demo_settings(folder, ("bia", "idr", "empiar"), services=services, service_timeout_s=5.0)
        ingest.harvest(self.settings, list(self.settings.sources))
        self.hub = self.served(self.settings, stack)

    def served(self, settings: Settings, stack: ExitStack) -> Hub:
        """Return a further application with these settings."""
        hub = Hub(settings)
        stack.callback(hub.publication.close)
        return hub

    def text(self, query: str) -> str:
        return PREFIXES + query.replace(UNIPROT, f"<{self.endpoint.url}>").replace("INSIDE", f"<{self.inside.url}>")

    def get(self, query: str, hub: Hub | None = None, **headers: str) -> TestResponse:
        return Client(hub or self.hub, Response).get(
            "/sparql", query_string={"query": self.text(query), "format": "json"}, headers=headers, buffered=True
        )

    def rows(self, query: str) -> Rows:
        answer = self.get(query)
        assert answer.status_code == 200, answer.text
        bindings = answer.json["results"]["bindings"]  # type: ignore[index]
        return [{name: cell["value"] for name, cell in row.items()} for row in bindings]


@pytest.fixture(scope="module")
def built(tmp_path_factory: pytest.TempPathFactory) -> Iterator[World]:
    with ExitStack() as stack:
        yield World(tmp_path_factory.mktemp("federated"), stack)


@pytest.fixture
def world(built: World) -> Iterator[World]:
    built.endpoint.asked.clear()
    built.inside.asked.clear()
    yield built
    built.endpoint.reply, built.endpoint.pause_s = lambda query: None, 0.0


def problem(answer: TestResponse, status: int, name: str) -> str:
    """Return what a problem document says, which must be of this kind."""
    assert (answer.status_code, answer.mimetype) == (status, "application/problem+json"), answer.text
    assert answer.headers["Cache-Control"] == "no-store"
    said: dict[str, Any] = answer.json  # type: ignore[assignment]
    assert (said["status"], said["type"].rpartition("#")[2]) == (status, name)
    return str(said["detail"])


# --- other endpoints


def test_endpoint_is_asked_for_what_joins(world: World) -> None:
    rows = world.rows(f"SELECT ?organism ?m {{ {LOCAL} {SAME} SERVICE {UNIPROT} {{ ?same up:mnemonic ?m }} }}")
    assert {(row["organism"], row["m"]) for row in rows} == {
        ("Homo sapiens", "HUMAN"),
        ("Mus musculus", "MOUSE"),
        ("Saccharomyces cerevisiae", "YEAST"),
    }
    (asked,) = world.endpoint.asked
    assert "VALUES (?same) { (<http://purl.uniprot.org/taxonomy/" in asked
    assert "<http://purl.uniprot.org/taxonomy/7>" not in asked


def test_answers_of_an_endpoint_are_kept_but_not_those_made_of_them(world: World) -> None:
    query = f"SELECT * {{ SERVICE {UNIPROT} {{ ?kept up:mnemonic ?m }} }}"
    first, second = world.get(query), world.get(query)
    assert first.get_data() == second.get_data()
    assert len(world.endpoint.asked) == 1
    assert first.headers["Cache-Control"] == "no-store"
    assert "ETag" not in first.headers


def test_endpoint_that_is_not_allowed(world: World) -> None:
    for word in ("", "SILENT"):
        answer = world.get(f"SELECT * {{ SERVICE {word} <https://elsewhere.example.org/sparql> {{ ?s ?p ?o }} }}")
        said = problem(answer, 400, "query-refused")
        assert "<https://elsewhere.example.org/sparql> is not allowed here" in said
        assert "[services]" in said


def test_hub_without_services_allows_none(world: World) -> None:
    with ExitStack() as stack:
        hub = world.served(replace(world.settings, services={}), stack)
        query = f"SELECT * {{ SERVICE {UNIPROT} {{ ?s ?p ?o }} }}"
        assert "not allowed here" in problem(world.get(query, hub), 400, "query-refused")
        assert world.get("ASK { SERVICE hub:text { ?d hub:matches 'cell' } }", hub).json["boolean"] is True  # type: ignore[index]
    assert not world.endpoint.asked


def test_private_address_that_the_settings_do_not_allow(world: World) -> None:
    query = "SELECT * {{ SERVICE {} INSIDE {{ ?s up:mnemonic ?m }} }}"
    assert "inside" in problem(world.get(query.format("")), 502, "service-failed")
    assert world.rows(query.format("SILENT")) == [{}]
    assert not world.inside.asked


def test_redirect_leads_to_no_private_address(world: World) -> None:
    world.endpoint.replies(307, b"", Location=world.inside.url)
    problem(world.get(f"SELECT * {{ SERVICE {UNIPROT} {{ ?redirected up:mnemonic ?m }} }}"), 502, "service-failed")
    assert world.endpoint.asked
    assert not world.inside.asked


def test_endpoint_that_takes_too_long(world: World) -> None:
    world.endpoint.pause_s = 60
    query = f"SELECT * {{{{ SERVICE {{}} {UNIPROT} {{{{ ?slow up:mnemonic ?m }}}} }}}}"
    with ExitStack() as stack:
        hub = world.served(replace(world.settings, service_timeout_s=0.2), stack)
        answer = world.get(query.format(""), hub)
        assert "SERVICE uniprot: " in problem(answer, 504, "service-timeout")
        assert answer.headers["Retry-After"] == "30"
        silent = world.get(query.format("SILENT"), hub).json
        assert silent["results"]["bindings"] == [{}]  # type: ignore[index]


def test_time_of_the_query_holds_for_the_endpoint_too(world: World) -> None:
    world.endpoint.pause_s = 60
    query = f"SELECT * {{ SERVICE SILENT {UNIPROT} {{ ?slower up:mnemonic ?m }} }}"
    with ExitStack() as stack:
        hub = world.served(replace(world.settings, query_timeout_s=0.5), stack)
        problem(world.get(query, hub), 503, "query-timeout")


FAULTS = {"500": (500, b"", "text/plain"), "HTML": (200, b"<html>", "text/html"), "no results": (200, b"{", RESULTS)}


@pytest.mark.parametrize("fault", FAULTS)
def test_endpoint_that_fails(world: World, fault: str) -> None:
    world.endpoint.replies(*FAULTS[fault])
    pattern = f"{UNIPROT} {{ ?failing up:mnemonic ?m }}"
    assert "SERVICE uniprot" in problem(world.get(f"SELECT * {{ SERVICE {pattern} }}"), 502, "service-failed")
    rows = world.rows(f"SELECT * {{ VALUES ?a {{ 1 2 }} SERVICE SILENT {pattern} }}")
    assert rows == [{"a": "1"}, {"a": "2"}], "one solution without values"


def test_too_many_rows_are_no_part_of_them(world: World) -> None:
    with ExitStack() as stack:
        hub = world.served(replace(world.settings, max_service_rows=2), stack)
        for word in ("", "SILENT"):
            query = f"SELECT * {{ SERVICE {word} {UNIPROT} {{ ?s up:mnemonic ?m }} }}"
            assert "more than 2 rows" in problem(world.get(query, hub), 413, "result-too-large")


def test_blank_nodes_of_an_endpoint_are_nobody_elses(world: World) -> None:
    found = {row["t"] for row in world.rows(f"SELECT ?t {{ SERVICE {UNIPROT} {{ ?s up:strain ?t }} }}")}
    assert len(found) == 2
    assert all(iri.startswith(f"{BASE}.well-known/genid/") for iri in found)
    assert world.rows(f"SELECT ?t {{ SERVICE {UNIPROT} {{ ?s up:strain ?t }} ?t ?p ?o }}") == []


def test_example_of_the_documentation(world: World) -> None:
    (query,) = (text for text in EXAMPLES if UNIPROT in text)
    rows = world.rows(query)
    assert {"accession": "S-BIAD709", "organism": "Saccharomyces cerevisiae", "mnemonic": "YEAST"} in rows
    assert world.endpoint.asked[-1].count("VALUES") == 1


def test_settings_of_the_documentation(tmp_path: Path) -> None:
    operator = (ROOT / "docs" / "operator.md").read_text(encoding="utf-8")
    (table,) = (text for text in re.findall(r"```toml\n(.*?)```", operator, re.S) if "[services]" in text)
    (tmp_path / "hub.toml").write_text(table, encoding="utf-8")
    services = config.load(str(tmp_path / "hub.toml"), environ={}).services
    assert list(services) == ["uniprot", "peer", "wikidata"]
    assert f"<{services['uniprot'].url}>" == UNIPROT
    assert not any(service.is_private for service in services.values())
    assert all(f"| `{key}` |" in operator for key in config.SERVICE_KEYS)


def test_description_says_so(world: World) -> None:
    said = Client(world.hub, Response).get("/sparql", headers={"Accept": "text/turtle"})
    assert "sd:feature sd:BasicFederatedQuery" in said.text


# --- full-text search


def test_example_of_text_search_in_the_documentation(world: World) -> None:
    (query,) = (text for text in EXAMPLES if "hub:text" in text)
    rows = world.rows(query)
    assert {"idr0077", "idr0118"} <= {row["accession"] for row in rows}
    scores = [float(row["score"]) for row in rows]
    assert scores == sorted(scores, reverse=True)
    assert min(scores) > 0


def test_words_and_graph_patterns_together(world: World) -> None:
    words = "SERVICE hub:text { ?dataset hub:matches 'zebrafish' }"
    everything = {row["accession"] for row in world.rows(f"SELECT ?accession {{ {words} {LOCAL} }}")}
    some = world.rows(f"SELECT ?accession {{ {words} {LOCAL} FILTER(STRSTARTS(?accession, 'S-BIAD')) }}")
    assert {row["accession"] for row in some} == {name for name in everything if name.startswith("S-BIAD")}
    assert some
    others = world.rows(
        f"SELECT ?accession {{ {LOCAL} ?dataset schema:about <http://purl.obolibrary.org/obo/NCBITaxon_7955> "
        f"MINUS {{ {words} }} }}"
    )
    assert not everything & {row["accession"] for row in others}


def test_words_then_another_endpoint(world: World) -> None:
    words = "SERVICE hub:text { ?dataset hub:matches 'mitochond* yeast' }"
    rows = world.rows(f"SELECT ?m {{ {words} {LOCAL} {SAME} SERVICE {UNIPROT} {{ ?same up:mnemonic ?m }} }}")
    assert rows == [{"m": "YEAST"}]
    assert world.endpoint.asked[-1].count("taxonomy/") == 1, "of the datasets that were found only"


@pytest.mark.parametrize("words", ["mitochond* yeast", '"cell growth" MITOCHONDRIAL', "S-BIAD709"])
def test_saved_question_searches(world: World, words: str) -> None:
    query = {"words": words}
    answer = Client(world.hub, Response).get("/q/datasets-by-words.csv", query_string=query, buffered=True)
    assert answer.text.splitlines()[1].startswith(f"{BASE}dataset/bia/S-BIAD709,S-BIAD709,"), answer.text


def test_saved_question_without_a_word(world: World) -> None:
    answer = Client(world.hub, Response).get(
        "/q/datasets-by-words", query_string={"words": '"} UNION {'}, buffered=True
    )
    assert "UNION" not in answer.text
    none = Client(world.hub, Response).get("/q/datasets-by-words", query_string={"words": '"}; .'}, buffered=True)
    assert "needs a word" in problem(none, 400, "query-refused")


def test_search_is_kept_as_long_as_its_snapshot(world: World) -> None:
    query = "SELECT ?d { SERVICE hub:text { ?d hub:matches 'embryo' } }"
    answer = world.get(query)
    assert world.get(query, If_None_Match=answer.headers["ETag"]).status_code == 304


def test_wrong_pattern_is_told_the_right_one(world: World) -> None:
    said = problem(world.get("SELECT * { SERVICE hub:text { ?d hub:match 'x' } }"), 400, "query-refused")
    assert 'SERVICE hub:text takes ?dataset hub:matches "words"' in said


def test_next_snapshot_is_searched_by_its_own_words(tmp_path: Path) -> None:
    settings = demo_settings(tmp_path, ("bia", "empiar"))
    ingest.harvest(settings, ["bia"])
    hub = Hub(settings)
    try:
        client = Client(hub, Response)
        query = f"{PREFIXES} ASK {{ SERVICE hub:text {{ ?d hub:matches 'EMPIAR-10310' ; hub:score ?s }} ?d a ?type }}"
        asked = {"query": query.replace("EMPIAR-10310", "EMPIAR-11759"), "format": "json"}
        assert client.get("/sparql", query_string=asked).json["boolean"] is False  # type: ignore[index]
        ingest.harvest(settings, ["empiar"])
        assert client.get("/sparql", query_string=asked).json["boolean"] is True  # type: ignore[index]
    finally:
        hub.publication.close()


# --- from the command line


def test_command_line_asks_as_the_web_does(world: World) -> None:
    query = f"SELECT ?m {{ {LOCAL} {SAME} SERVICE {UNIPROT} {{ ?same up:mnemonic ?m }} }} ORDER BY ?m LIMIT 1"
    assert b"".join(ask(world.settings, world.text(query), "csv")) == b"m\r\nHUMAN\r\n"
    words = "SELECT ?a { SERVICE hub:text { ?d hub:matches 'mitochond* yeast' } ?d schema:identifier ?a }"
    assert b"".join(ask(world.settings, world.text(words), "csv")) == b"a\r\nS-BIAD709\r\n"
    with pytest.raises(QueryRefusedError, match="is not allowed here"):
        list(ask(world.settings, "SELECT * { SERVICE <http://127.0.0.1:1/> { ?s ?p ?o } }", "csv"))
