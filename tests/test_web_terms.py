"""Pages of ontology terms over WSGI: broader and narrower, roles, datasets, mappings, every form and spelling."""

from __future__ import annotations

import json
import re
from itertools import islice

import pytest
import rdflib
from rdflib.compare import isomorphic
from werkzeug.test import Client

from hub.ontologies import Ontologies, bundled
from hub.term_pages import _path, named
from tests.entity_hub import client
from tests.support import get, told

__all__ = ["client"]
FLUORESCENCE = "http://purl.obolibrary.org/obo/FBbi_00000246"
CONFOCAL = "http://purl.obolibrary.org/obo/FBbi_00000251"


def test_a_term_counts_its_own_datasets_and_those_of_narrower_terms(client: Client) -> None:
    wide, narrow = told(client, "/term/FBbi:00000246"), told(client, "/term/FBbi:00000251")
    below = {one["id"]: one["datasets"] for one in wide["narrower"]}
    assert below[CONFOCAL] == narrow["counts"]["all"]
    assert wide["counts"]["all"] >= wide["counts"]["direct"] + max(
        0, narrow["counts"]["all"] - wide["counts"]["direct"]
    )
    assert {one["dataset"] for one in narrow["datasets"]} <= {one["dataset"] for one in wide["datasets"]}
    assert [one["name"] for one in wide["broader"]] == ["light microscopy"]
    assert wide["path"][0]["name"] == "imaging method"
    assert wide["roles"]["method"] == wide["total"]
    assert wide["organisms"]


def test_roles_follow_where_records_have_the_term(client: Client) -> None:
    found = told(client, "/term/FBbi:00000246")["roles"]
    assert set(found) == {"method", "technique"}
    assert found["technique"] <= found["method"]


@pytest.mark.parametrize("name", ["fbbi_00000251", "obo:FBbi_00000251", CONFOCAL, "confocal_microscopy"])
def test_other_spellings_lead_to_the_compact_identifier(client: Client, name: str) -> None:
    answer = get(client, f"/term/{name}.json")
    assert (answer.status_code, answer.headers["Location"]) == (301, "/term/FBbi:00000251.json")


def test_a_taxon_has_its_own_page(client: Client) -> None:
    assert get(client, "/term/NCBITaxon:9606").headers["Location"] == "/taxon/9606"


@pytest.mark.parametrize("name", ["nonsense", "FBbi:1", "GO:9999999", "x" * 600])
def test_what_is_no_term_is_not_found(client: Client, name: str) -> None:
    answer = get(client, f"/term/{name}", "application/json")
    assert answer.status_code == 404


def test_a_term_that_only_an_ontology_has_is_told_without_datasets(client: Client) -> None:
    known = Ontologies(bundled())
    terms = (iri for one in bundled() for iri in one.iris() if "/EFO_" in iri and known.label(iri))
    found = [told(client, f"/term/EFO:{iri.rpartition('_')[2]}") for iri in islice(terms, 40)]
    assert any(one["total"] == 0 and one["name"] != one["curie"] for one in found)


def test_every_form_says_the_same(client: Client) -> None:
    graphs = [
        rdflib.Graph().parse(data=get(client, f"/term/FBbi:00000246{suffix}").get_data(), format=name)
        for suffix, name in ((".ttl", "turtle"), (".nt", "nt"), (".rdf", "xml"), (".jsonld", "json-ld"))
    ]
    assert all(isomorphic(graphs[0], other) for other in graphs)
    schema = rdflib.Namespace("http://schema.org/")
    assert (rdflib.URIRef(FLUORESCENCE), rdflib.RDF.type, schema.DefinedTerm) in graphs[0]
    assert (rdflib.URIRef(CONFOCAL), rdflib.RDFS.subClassOf, rdflib.URIRef(FLUORESCENCE)) in graphs[0]


def test_the_page_has_its_links_and_its_schema(client: Client) -> None:
    answer = get(client, "/term/FBbi:00000246", "text/html")
    found = json.loads(re.findall(r'<script type="application/ld\+json">(.*?)</script>', answer.text)[0])
    assert (found["@type"], found["termCode"]) == ("DefinedTerm", "FBbi:00000246")
    assert 'href="/term/FBbi:00000251"' in answer.text
    assert '<http://schema.org/DefinedTerm>; rel="type"' in answer.headers["Link"]
    assert f'<{FLUORESCENCE}>; rel="cite-as"' in answer.headers["Link"]


def test_of_several_ways_up_the_shortest_is_shown() -> None:
    lines = [
        {"term": "x", "parent": "a"}, {"term": "x", "parent": "b"}, {"term": "a", "parent": "c"},
        {"term": "c", "parent": "root"}, {"term": "b", "parent": "root"}, {"term": "root"},
    ]  # fmt: skip
    assert _path(lines, "x") == ["root", "b"]
    assert _path([{"term": "x", "parent": "y"}, {"term": "y", "parent": "x"}], "x") == []


def test_a_name_means_what_is_nearest() -> None:
    assert named(Ontologies(bundled()), "confocal microscopy") == [(CONFOCAL, "confocal microscopy")]
