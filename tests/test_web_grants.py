"""Pages of grants and funders: one address whatever records write, datasets, people, every form."""

from __future__ import annotations

import json
import re

import pytest
import rdflib
from rdflib.compare import isomorphic
from werkzeug.test import Client

from hub.grant_pages import Code, codes, key, slug
from tests.entity_hub import ADA, client
from tests.support import get, told

__all__ = ["client"]


@pytest.mark.parametrize(
    ("node", "found"),
    [
        (("Wellcome Trust 220526/Z/20/Z", "220526/Z/20/Z", "Wellcome Trust"), ["wellcome-trust/220526-Z-20-Z"]),
        (("JSPS 21H03542, 23K21717; JST PMJSP2138",), ["jsps/21H03542", "jsps/23K21717", "jst/PMJSP2138"]),
        (("Example Research Council", "EX-2025-001"), ["example-research-council/EX-2025-001"]),
        (("Example Trust EX/1 2", "EX/1 2"), ["example-trust/EX-1-2"]),
        (("Deep imaging", "A1, B2", "Trust"), ["trust/A1", "trust/B2"]),
        (("The Royal Society, UK", "", "The Royal Society, UK"), ["the-royal-society-uk"]),
        (("Somebody",), ["somebody"]),
        (("Jubiläumsstiftung 7",), ["jubiläumsstiftung/7"]),
    ],
)
def test_a_node_names_grants(node: tuple[str, ...], found: list[str]) -> None:
    assert [code.name.lower() for code in codes(*node)] == [name.lower() for name in found]


def test_letters_and_digits_tell_numbers_apart() -> None:
    assert key("EP/V034154/2") == key("ep v034154-2") != key("EP/V034154/3")
    assert slug(" The  Trust (UK) ") == "the-trust-uk"
    assert Code("", "7").name == "-/7"


def test_spellings_of_one_number_are_one_grant(client: Client) -> None:
    found = told(client, "/grant/example-trust/EX-1-2")
    assert [one["accession"] for one in found["datasets"]] == ["S-BIAD9001", "S-BIAD9002"]
    assert (found["funder"], found["spellings"]) == ("Example Trust", ["EX/1 2", "ex-1-2"])
    assert [(one["id"], one["datasets"]) for one in found["people"]] == [(ADA, 2)]


@pytest.mark.parametrize("name", ["Example-Trust/ex-1-2", "example-trust/EX%2F1%202", "example_trust/EX/1/2"])
def test_other_spellings_lead_to_it(client: Client, name: str) -> None:
    answer = get(client, f"/grant/{name}.json?sort=oldest")
    assert (answer.status_code, answer.headers["Location"]) == (301, "/grant/example-trust/EX-1-2.json?sort=oldest")


def test_a_funder_has_its_grants(client: Client) -> None:
    found = told(client, "/grant/example-trust")
    assert {one["grant"] for one in found["others"]} == {"example-trust/EX-1-2", "example-trust/EX-3"}
    assert found["total"] == 3


def test_a_node_of_several_numbers_belongs_to_each(client: Client) -> None:
    both = [told(client, f"/grant/{name}") for name in ("jsps-kakenhi/JP22H02756", "jst-crest/JPMJCR23B7")]
    assert both[0]["datasets"] == both[1]["datasets"] != []


@pytest.mark.parametrize(
    ("name", "hint"), [("x/EX-1-2", "/grant/example-trust/EX-1-2"), ("nobody", "write"), ("-", "write")]
)
def test_what_no_record_names_is_not_found_with_a_hint(client: Client, name: str, hint: str) -> None:
    answer = get(client, f"/grant/{name}", "application/json")
    assert answer.status_code == 404
    assert answer.json is not None
    assert hint in answer.json["detail"]


def test_every_form_says_the_same(client: Client) -> None:
    graphs = [
        rdflib.Graph().parse(data=get(client, f"/grant/example-trust/EX-1-2{suffix}").get_data(), format=name)
        for suffix, name in ((".ttl", "turtle"), (".nt", "nt"), (".rdf", "xml"), (".jsonld", "json-ld"))
    ]
    assert all(isomorphic(graphs[0], other) for other in graphs)
    iri = rdflib.URIRef("https://hub.example.org/grant/example-trust/EX-1-2")
    assert (iri, rdflib.RDF.type, rdflib.URIRef("http://schema.org/Grant")) in graphs[0]


def test_a_dataset_leads_to_its_grant(client: Client) -> None:
    page = get(client, "/dataset/bia/S-BIAD9001", "text/html").text
    assert 'href="/grant/example-trust/EX-1-2"' in page
    answer = get(client, "/grant/example-trust/EX-1-2", "text/html")
    found = json.loads(re.findall(r'<script type="application/ld\+json">(.*?)</script>', answer.text)[0])
    assert (found["@type"], found["funder"]["name"]) == ("Grant", "Example Trust")
    assert '<http://schema.org/Grant>; rel="type"' in answer.headers["Link"]
