"""Pages of taxa over WSGI: names, lineage, datasets of a taxon and of those below it, every form and spelling."""

from __future__ import annotations

import json
import re

import pytest
import rdflib
from rdflib.compare import isomorphic
from werkzeug.test import Client

from hub import entities
from tests.entity_hub import client
from tests.support import get, told

__all__ = ["client"]
HUMAN = "http://purl.obolibrary.org/obo/NCBITaxon_9606"
VERTEBRATES = "http://purl.obolibrary.org/obo/NCBITaxon_7742"


def test_datasets_of_a_taxon_and_of_those_below_are_counted_apart(client: Client) -> None:
    human, above = told(client, "/taxon/9606"), told(client, "/taxon/7742")
    assert human["taxon"] == HUMAN
    assert human["counts"]["all"] == human["counts"]["direct"] == human["total"] == len(human["datasets"])
    assert above["counts"]["direct"] == 0
    assert above["counts"]["only_narrower"] == above["total"] >= human["total"]
    below = {one["id"]: one["datasets"] for one in above["subtaxa"]}
    assert below[HUMAN] == human["total"]
    assert sum(human["by_archive"].values()) == human["total"]


def test_names_lineage_methods_and_years_are_told(client: Client) -> None:
    found = told(client, "/taxon/9606")
    assert (found["scientific_name"], found["number"]) == ("Homo sapiens", 9606)
    assert "human" in found["common_names"]
    path = [one["name"] for one in found["path"]]
    assert path.index("Mammalia") < path.index("Primates") < path.index("Homo")
    assert [one["name"] for one in found["broader"]] == ["Homo"]
    assert found["methods"][0]["datasets"] >= found["methods"][-1]["datasets"] > 0
    assert all(re.fullmatch(r"\d{4}", year) for year in found["by_year"])
    assert {source for name in found["names"] for source in name["records"]} >= {"idr", "ssbd"}


@pytest.mark.parametrize(
    "name", ["human", "Homo_sapiens", "Homo%20sapiens", "NCBITaxon:9606", "NCBI:txid9606", HUMAN, "09606"]
)
@pytest.mark.parametrize("suffix", ["", ".ttl"])
def test_other_spellings_lead_to_the_number(client: Client, name: str, suffix: str) -> None:
    answer = get(client, f"/taxon/{name}{suffix}?sort=oldest")
    assert (answer.status_code, answer.headers["Location"]) == (301, f"/taxon/9606{suffix}?sort=oldest")


@pytest.mark.parametrize("name", ["unicorn", "999999999", "0", "x" * 600, "NCBITaxon:x"])
def test_what_is_no_taxon_is_not_found_with_a_hint(client: Client, name: str) -> None:
    answer = get(client, f"/taxon/{name}", "application/json")
    assert answer.status_code == 404
    assert answer.json is not None
    assert answer.json["detail"]


def test_every_form_says_the_same(client: Client) -> None:
    graphs = {}
    for suffix, name in ((".ttl", "turtle"), (".nt", "nt"), (".rdf", "xml"), (".jsonld", "json-ld")):
        answer = get(client, f"/taxon/9606{suffix}")
        assert answer.status_code == 200
        graphs[suffix] = rdflib.Graph().parse(data=answer.get_data(), format=name)
    assert all(isomorphic(graphs[".ttl"], other) for other in graphs.values())
    human, schema = rdflib.URIRef(HUMAN), rdflib.Namespace("http://schema.org/")
    assert (human, rdflib.RDF.type, schema.Taxon) in graphs[".ttl"]
    assert len(set(graphs[".ttl"].subjects(schema.about, human))) == told(client, "/taxon/9606")["total"]


def test_the_page_has_its_links_and_its_schema(client: Client) -> None:
    answer = get(client, "/taxon/7742", "text/html")
    found = json.loads(re.findall(r'<script type="application/ld\+json">(.*?)</script>', answer.text)[0])
    assert (found["@type"], found["@id"], found["name"]) == ("Taxon", VERTEBRATES, "Vertebrata")
    assert 'href="/taxon/9606"' in answer.text
    assert f'href="{VERTEBRATES}"' in answer.text
    assert f'<{VERTEBRATES}>; rel="cite-as"' in answer.headers["Link"]
    assert '</taxon/7742.ttl>; rel="describedby"; type="text/turtle"' in answer.headers["Link"]
    assert '<http://schema.org/Taxon>; rel="type"' in answer.headers["Link"]
    for href in set(re.findall(r'href="(/taxon/\d+)"', answer.text)):
        assert get(client, href, "text/html").status_code == 200


def test_pages_of_the_list_hold_each_dataset_once(client: Client, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(entities, "PER_PAGE", 4)
    whole = told(client, "/taxon/33208?sort=oldest")
    dates = []
    listed: list[str] = []
    for number in range(1, whole["last_page"] + 1):
        page = told(client, f"/taxon/33208?sort=oldest&page={number}")
        listed += [one["dataset"] for one in page["datasets"]]
        dates += [one["published"] or "9999" for one in page["datasets"]]
    assert len(listed) == len(set(listed)) == whole["total"] > 4
    assert dates == sorted(dates)
    for wrong, status in (("page=0", 404), ("page=9999", 404), ("page=x", 400), ("sort=title", 400)):
        assert get(client, f"/taxon/33208?{wrong}").status_code == status


@pytest.mark.parametrize(
    ("name", "path"),
    [("NCBITaxon:9606", "/taxon/9606"), ("FBbi_00000246", "/term/FBbi:00000246")],
)
def test_an_identifier_resolves_to_its_page(client: Client, name: str, path: str) -> None:
    answer = get(client, f"/resolve?id={name}", "text/html")
    assert (answer.status_code, answer.headers["Location"]) == (303, path)
    assert told(client, f"/resolve?id=https://hub.example.org{path}")["page"] == path
