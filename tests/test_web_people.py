"""Pages of people and organisations over WSGI, after a harvest with link rules: every form, and what is not there."""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import replace
from typing import Any

import pytest
import rdflib
from rdflib.compare import isomorphic
from werkzeug.test import Client
from werkzeug.wrappers import Response

from harvesters.contract import Source
from harvesters.http import Manners
from harvesters.references import people
from harvesters.references.contract import Reference
from harvesters.references.papers_rows import Answer as Kept
from hub import config, references
from hub.cli import build_demo
from hub.config import Settings
from hub.ingest import harvest
from hub.log import Log
from hub.web.app import Hub
from tests.support import get
from tests.test_people import ADA, CAL, RECORDS

BERN, EMBL = "https://ror.org/02k7v4d05", "https://ror.org/03mstc592"
EVIL = "<script>alert(1)</script>"


def crate(accession: str, title: str, *authors: dict[str, Any]) -> dict[str, Any]:
    """A crate of a study in the shape of the corpus's."""
    places = [place for one in authors for place in one["affiliation"]]
    return {
        "@context": "https://w3id.org/ro/crate/1.1/context",
        "@graph": [
            {
                "@id": "ro-crate-metadata.json", "@type": "CreativeWork", "about": {"@id": "./"},
                "conformsTo": {"@id": "https://w3id.org/ro/crate/1.1"},
            },
            {
                "@id": "./", "@type": "Dataset", "name": title, "identifier": accession, "description": "Cells.",
                "datePublished": "2024-05-01", "license": "https://creativecommons.org/licenses/by/4.0/",
                "url": f"https://www.ebi.ac.uk/biostudies/bioimages/studies/{accession}",
                "author": [{"@id": one["@id"]} for one in authors],
            },
            *({**one, "affiliation": [{"@id": place["@id"]} for place in one["affiliation"]]} for one in authors),
            *places,
        ],
    }  # fmt: skip


def one(name: str, iri: str = "", *places: str) -> dict[str, Any]:
    listed = [{"@id": f"#{place}", "@type": "Organization", "name": place} for place in places]
    return {"@id": iri or f"#{name.replace(' ', '-')}", "@type": "Person", "name": name, "affiliation": listed}


CRATES: dict[str, tuple[Any, ...]] = {
    "S-BIAD9001": (
        "Cells of the eye",
        one("Ada Roe", ADA, "Institute of Cells, University of Bern, Switzerland"),
        one("Carl Dane"),
    ),
    "S-BIAD9002": ("Cells of the ear", one("Roe AB", "", "University of Bern"), one("Carl Dane"), one("Dora Egg")),
    "S-BIAD9003": ("Cells of the skin", one("Ada Roe", "", "University of Bern"), one("Carl Dane")),
    "S-BIAD9004": ("Cells of the nose", one("Ada Roe"), one(EVIL, CAL)),
}  # fmt: skip


@pytest.fixture(scope="module")
def settings(tmp_path_factory: pytest.TempPathFactory) -> Settings:
    """Four crates of people, beside what ORCID's records say of one of them."""
    folder = tmp_path_factory.mktemp("people-pages")
    found: Settings = config.load(str(build_demo(folder)), environ={})
    crates = folder / "people"
    crates.mkdir()
    for accession, (title, *authors) in CRATES.items():
        text = json.dumps(crate(accession, title, *authors), ensure_ascii=False)
        (crates / f"{accession}-ro-crate-metadata.json").write_text(text, encoding="utf-8")
    (folder / "orcid.jsonl").write_bytes(Kept(ADA, "2026-11-01", people.kept(RECORDS[ADA])).line())
    source = Source(name="people", harvester="crates", archive="bia", url=str(crates))
    register = Reference("orcid", "people", "orcid-api", str(folder / "orcid.jsonl"))
    made = replace(found, sources={"people": source}, references={"orcid": register}, query_workers=2)
    made.data_dir.mkdir(parents=True, exist_ok=True)
    log = Log(made.database)
    assert [o.state for o in references.update(made, log, [], Manners())] == ["new"]
    log.close()
    (outcome,) = harvest(made, ["people"])
    assert (outcome.report.new, outcome.error) == (len(CRATES), None)
    return made


@pytest.fixture(scope="module")
def client(settings: Settings) -> Iterator[Client]:
    hub = Hub(settings)
    yield Client(hub, Response)
    hub.publication.close()


def told(client: Client, path: str) -> Any:
    answer = get(client, path, "application/json")
    assert answer.status_code == 200, answer.text
    return json.loads(answer.text)


def test_a_persons_datasets_are_those_of_the_id_and_of_the_nodes_that_are_surely_theirs(client: Client) -> None:
    found = told(client, f"/person/{ADA[18:]}")
    assert (found["person"], found["name"]) == (ADA, "A. B. Roe")
    assert [work["accession"] for work in found["datasets"]] == ["S-BIAD9001", "S-BIAD9003"]
    assert found["counts"] == {"author": 2}
    assert found["names"] == [{"name": "Ada Roe", "sources": ["people"]}]
    assert [(other["name"], other["datasets"]) for other in found["coauthors"]] == [("Carl Dane", 2)]
    assert [(place["id"], place["datasets"]) for place in found["organisations"]] == [(BERN, 2)]
    assert found["orcid_record"]["employers"][0] == {"name": "University of Bern", "ror": BERN}


def test_candidates_stand_apart_with_their_reasons(client: Client) -> None:
    found = told(client, f"/person/{ADA[18:]}")["candidates"]
    assert [(maybe["accession"], maybe["confidence"]) for maybe in found] == [
        ("S-BIAD9002", 0.75),
        ("S-BIAD9004", 0.45),
    ]
    assert any(BERN in why for why in found[0]["why"])
    page = get(client, f"/person/{ADA[18:]}").text
    assert "Perhaps the same person" in page
    assert page.index("S-BIAD9002") > page.index("Perhaps the same person")


def test_an_organisations_page_has_datasets_and_people(client: Client) -> None:
    found = told(client, f"/organisation/{BERN[16:]}")
    assert (found["name"], found["registered"]["country"]) == ("University of Bern", "CH")
    assert {work["accession"] for work in found["datasets"]} == {"S-BIAD9001", "S-BIAD9002", "S-BIAD9003"}
    assert found["counts"] == {"affiliation": 3}
    assert found["people"][0] == {"id": ADA, "name": "Ada Roe", "datasets": 2}
    assert "Institute of Cells, University of Bern, Switzerland" in found["names"]


def test_an_organisation_without_datasets_has_a_page_too(client: Client) -> None:
    found = told(client, f"/organisation/{EMBL[16:]}")
    assert (found["name"], found["datasets"]) == ("European Molecular Biology Laboratory", [])
    assert "No dataset here" in get(client, f"/organisation/{EMBL[16:]}").text


@pytest.mark.parametrize("path", [f"/person/{ADA[18:]}", f"/organisation/{BERN[16:]}"])
def test_every_form_says_the_same(client: Client, path: str) -> None:
    forms = {".ttl": "turtle", ".nt": "nt", ".rdf": "xml", ".jsonld": "json-ld"}
    graphs = []
    for suffix, form in forms.items():
        answer = get(client, path + suffix)
        assert answer.status_code == 200
        graphs.append(rdflib.Graph().parse(data=answer.data, format=form))
    assert len(graphs[0]) > 5
    assert all(isomorphic(graphs[0], graph) for graph in graphs[1:])
    assert get(client, path, "text/turtle").data == get(client, path + ".ttl").data
    page = get(client, path)
    assert page.content_type.startswith("text/html")
    assert f'<{path}>; rel="canonical"' in page.headers["Link"]
    assert page.headers["ETag"]
    assert client.get(path, headers={"If-None-Match": page.headers["ETag"]}).status_code == 304


@pytest.mark.parametrize(
    ("asked", "leads_to"),
    [
        (f"/person/https://orcid.org/{ADA[18:]}", f"/person/{ADA[18:]}"),
        (f"/person/{ADA[18:].replace('-', '')}.json", f"/person/{ADA[18:]}.json"),
        (f"/person/{CAL[18:].lower()}", f"/person/{CAL[18:]}"),
        (f"/organisation/ror.org/{BERN[16:]}", f"/organisation/{BERN[16:]}"),
    ],
)
def test_another_spelling_is_sent_to_the_pages_address(client: Client, asked: str, leads_to: str) -> None:
    answer = get(client, asked)
    assert (answer.status_code, answer.headers["Location"]) == (301, leads_to)


@pytest.mark.parametrize(
    "path",
    ["/person/0000-0002-1825-0098", "/person/0000-0001-5000-0007", "/person/nobody", f"/person/{'9' * 3000}",
     "/organisation/02mhbdp94", "/organisation/02mhbdp95", "/organisation/%00"],
)  # fmt: skip
def test_what_is_not_there_is_told(client: Client, path: str) -> None:
    answer = get(client, path, "application/json")
    assert answer.status_code == 404, answer.text
    assert answer.content_type.startswith("application/problem+json")


def test_names_are_text_and_never_markup(client: Client) -> None:
    page = get(client, f"/person/{CAL[18:]}").text
    assert EVIL not in page
    assert "&lt;script&gt;" in page


def test_a_dataset_leads_to_its_people(client: Client) -> None:
    assert f'<a href="/person/{ADA[18:]}">Ada Roe</a>' in get(client, "/dataset/bia/S-BIAD9001").text


def test_the_page_under_a_prefix_leads_to_pages_under_it(client: Client) -> None:
    page = client.get(f"/person/{ADA[18:]}", environ_overrides={"SCRIPT_NAME": "/hub"}).text
    assert f'href="/hub/organisation/{BERN[16:]}"' in page
