"""Who says so, over WSGI: records of two routes, links with their curators, ontologies, and what nobody says."""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import replace

import pytest
import rdflib
from werkzeug.test import Client
from werkzeug.wrappers import Response

from hub import config
from hub.cli import build_demo
from hub.config import Settings
from hub.ingest import harvest
from hub.links import verdicts
from hub.links.catalogue import Links
from hub.log import Log
from hub.web.app import Hub

SAME = "https://w3id.org/bioimage-hub/vocab#sameStudyAs"
NAME, SIZE = "http://schema.org/name", "https://w3id.org/bioimage-hub/vocab#sizeBytes"
CURATOR = "https://orcid.org/0000-0002-1825-0097"


@pytest.fixture(scope="module")
def settings(tmp_path_factory: pytest.TempPathFactory) -> Settings:
    """The bundled demonstration: idr0094 comes by two routes; a curator accepted that S-BIAD29 is the same study."""
    found: Settings = config.load(str(build_demo(tmp_path_factory.mktemp("explain"))), environ={})
    names = ("bia", "idr", "idr-studies", "emdb", "empiar")
    made = replace(found, sources={name: found.sources[name] for name in names}, query_workers=1)
    harvest(made, list(made.sources))
    log = Log(made.database)
    links = Links(log)
    (same,) = (row for row in links.all_links() if row.rule == "sameness" and row.subject.endswith("/S-BIAD29"))
    verdicts.judge(links, same.id, "accept", CURATOR, "read both papers")
    log.close()
    return made


@pytest.fixture(scope="module")
def client(settings: Settings) -> Iterator[Client]:
    hub = Hub(settings)
    yield Client(hub, Response)
    hub.close()


def ask(client, accept="application/json", status=200, **asked):
    answer = client.get("/explain", query_string=asked, headers={"Accept": accept})
    assert answer.status_code == status, answer.text[:500]
    return answer


def told(client, **asked):
    return json.loads(ask(client, **asked).text)


@pytest.fixture(scope="module")
def idr0094(settings: Settings) -> str:
    return f"{settings.base_iri}dataset/idr/idr0094"


def test_a_statement_names_archive_record_payload_harvester_and_field(client, idr0094):
    (name,) = told(client, s=idr0094, p=NAME)["properties"]
    voices = {voice["name"]: voice for value in name["values"] for voice in value["said_by"]}
    assert voices.keys() == {"idr", "idr-studies"}
    study, crate = voices["idr-studies"], voices["idr"]
    assert (study["fields"], crate["fields"]) == (["Study Title"], ["`name`"])
    assert study["record"]["harvester"].startswith("idr/")
    assert len(study["record"]["payload_sha256"]) == 64
    assert study["record"]["date_changed"]
    assert study["accession"] == "idr0094"


def test_values_that_conflict_stand_side_by_side_with_the_reason(client, idr0094):
    properties = told(client, s=idr0094)["properties"]
    disputed = [one for one in properties if one["disputed"]]
    assert disputed == properties[: len(disputed)]
    assert disputed
    for one in disputed:
        assert {value["shown"] for value in one["values"]} == {True, False}
    assert any("nearer route (1)" in one["why"] for one in disputed)


def test_a_link_names_rule_evidence_and_curator(client, idr0094, settings):
    asked = {"s": idr0094, "p": SAME, "o": f"{settings.base_iri}dataset/bia/S-BIAD29"}
    (one,) = told(client, **asked)["properties"]
    (value,) = one["values"]
    (link,) = next(voice for voice in value["said_by"] if voice["name"] == "sameness")["links"]
    assert link["status"] == "fact"
    assert link["evidence"][0]["field"]
    assert [(v["attributed_to"], v["note"]) for v in link["verdicts"]] == [(CURATOR, "read both papers")]
    assert "displaces none" in one["why"]
    page = ask(client, "text/html", **asked).text
    for text in ("read both papers", f"/link/{link['id']}", "link rule", "accept by"):
        assert text in page


def test_a_term_names_the_release_of_its_ontology(client):
    method = "http://purl.obolibrary.org/obo/FBbi_00000246"
    (label,) = told(client, s=method, p="http://www.w3.org/2000/01/rdf-schema#label")["properties"]
    voices = [voice for value in label["values"] for voice in value["said_by"] if voice["kind"] == "ontology"]
    assert {voice["release"] for voice in voices} == {"2020-11-06"}
    assert voices[0]["licence"].startswith("https://creativecommons.org/")


def test_a_candidate_is_explained_though_nothing_says_it(client, settings):
    log = Log(settings.database)
    candidates = [row for row in Links(log).all_links() if row.status == "candidate"]
    log.close()
    row = next(r for r in candidates if "#" not in r.subject)
    (link,) = told(client, s=row.subject, p=row.predicate, o=row.object)["links"]
    assert (link["status"], link["rule"]) == ("candidate", row.rule)
    assert "Links that say this" in ask(client, "text/html", s=row.subject, p=row.predicate, o=row.object).text


def test_trig_holds_the_statements_and_what_is_known_of_their_records(client, idr0094, settings):
    data = rdflib.Dataset()
    data.parse(data=ask(client, "application/trig", s=idr0094, p=NAME).text, format="trig")
    graphs = {str(graph.identifier) for graph in data.graphs() if len(graph)}
    assert f"{settings.base_iri}graph/source/idr/idr0094" in graphs
    assert f"{settings.base_iri}graph/record/idr/idr0094" in graphs


def test_the_page_is_whole_and_harmless(client, idr0094):
    page = ask(client, "text/html", s=idr0094).text
    for text in ("Sources disagree on", "Payload SHA-256", "field Study Title", "(not shown)"):
        assert text in page
    assert "style=" not in page
    assert ask(client, "text/html", s="http://purl.obolibrary.org/obo/NCBITaxon_9606")


@pytest.mark.parametrize(
    ("asked", "status"),
    [
        ({}, 400),
        ({"s": "idr0094"}, 400),
        ({"s": "https://e.org/a b"}, 400),
        ({"s": "https://e.org/> . } DELETE"}, 400),
        ({"s": "https://e.org/nothing"}, 404),
        ({"s": "https://e.org/nothing", "p": "name"}, 400),
        ({"s": "https://e.org/nothing", "p": NAME, "o": "x"}, 404),
    ],
)
def test_what_cannot_be_explained_is_told(client, asked, status):
    answer = ask(client, "application/json", status, **asked)
    assert answer.content_type == "application/problem+json"
