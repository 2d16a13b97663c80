"""``/resolve``: every spelling leads to the thing, and what is unknown or ambiguous is said so."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any
from urllib.parse import quote

import pytest
from werkzeug.test import Client
from werkzeug.wrappers import Response

from hub.config import Settings
from hub.ingest import harvest
from hub.links.rules import asserted
from hub.log import Log
from hub.resolve import Resolver
from hub.routes import Precedence
from hub.web.app import Hub
from linkml_schemas.generated.model import Gene, GeneAnnotation, Publication, Taxon
from tests.support import BASE, demo_settings
from tests.test_links_feed import GENE, MOUSE, PAPER, PERSON, PLACE, PROTEIN, PUBMED, assert_by, dataset, whole


@pytest.fixture(scope="module")
def settings(tmp_path_factory: pytest.TempPathFactory) -> Settings:
    made = demo_settings(tmp_path_factory.mktemp("resolve"), ("bia", "idr", "ssbd", "empiar"))
    harvest(made, list(made.sources))
    (Path(made.sources["idr"].url) / "idr0004-ro-crate-metadata.json").unlink()
    harvest(made, ["idr"], confirm=True)
    return made


@pytest.fixture(scope="module")
def client(settings: Settings) -> Iterator[Client]:
    hub = Hub(settings)
    yield Client(hub, Response)
    hub.publication.close()


def told(client: Client, asked: str, status: int = 200) -> Any:
    answer = client.get(f"/resolve?id={quote(asked)}", headers={"Accept": "application/json"})
    assert answer.status_code == status, answer.text
    return json.loads(answer.text)


@pytest.mark.parametrize(
    ("asked", "iri"),
    [
        *((name, "dataset/empiar/EMPIAR-10310") for name in (
            "EMPIAR-10310", "empiar-10310", " EMPIAR-10310 ", "empiar:10310", "empiar:EMPIAR-10310",
            "10.6019/EMPIAR-10310", "https://doi.org/10.6019/empiar-10310", "https://www.ebi.ac.uk/empiar/EMPIAR-10310/",
            f"{BASE}dataset/empiar/EMPIAR-10310",
        )),
        *((name, "dataset/idr/idr0015") for name in ("idr0015", "IDR0015", "https://idr.openmicroscopy.org/study/idr0015/")),
        *((name, "dataset/bia/S-BIAD595") for name in (
            "S-BIAD595", "s-biad595", "bia:S-BIAD595", "https://www.ebi.ac.uk/biostudies/bioimages/studies/S-BIAD595",
        )),
        *((name, "dataset/ssbd/11") for name in (
            "ssbd-repos-000011", "ssbd:ssbd-repos-000011", f"{BASE}dataset/ssbd/ssbd-repos-000011",
        )),
        *((name, "https://doi.org/10.7554/elife.26066") for name in (
            "10.7554/eLife.26066", "doi:10.7554/ELIFE.26066", "https://dx.doi.org/10.7554/eLife.26066",
        )),
    ],
)  # fmt: skip
def test_every_spelling_leads_to_one_thing(client, asked, iri) -> None:
    wanted = iri if "://" in iri else BASE + iri
    assert told(client, asked)["iri"] == wanted


def test_a_dataset_with_its_twin_and_title(client) -> None:
    found = told(client, "idr0015")
    assert (found["kind"], found["state"], found["curie"]) == ("dataset", "active", "idr:idr0015")
    assert f"{BASE}dataset/bia/S-BIAD595" in found["equivalents"]
    assert found["title"]
    assert found["page"] == "/dataset/idr/idr0015"


def test_a_withdrawn_dataset_is_still_known(client) -> None:
    assert told(client, "idr0004")["state"] == "withdrawn"


def test_a_paper_tells_in_which_datasets_it_is(client) -> None:
    found = told(client, "10.7554/eLife.26066")
    assert found["kind"] == "paper"
    assert {place["accession"] for place in found["first"]} == {"idr0015", "S-BIAD595"}
    assert found["datasets"] == 2


@pytest.mark.parametrize(
    "asked", ["EMPIAR-10310", "10.7554/eLife.26066", "NCBITaxon:9606", "https://doi.org/10.6019/S-BIAD824"]
)
def test_people_are_led_to_a_page_that_is_there(client, asked) -> None:
    answer = client.get(f"/resolve?id={quote(asked)}", headers={"Accept": "text/html"})
    assert answer.status_code == 303
    page = client.get(answer.headers["Location"], headers={"Accept": "text/html"})
    assert page.status_code == 200


@pytest.mark.parametrize(
    "asked",
    ["S-BIAD5", "S-BIAD0595", "10.9999/nothing", "P04637", "<script>alert(1)</script>", "x" * 9000, "1", "\x00"],
)
def test_what_is_unknown_is_said_so(client, asked) -> None:
    found = told(client, asked, 404)
    assert all(not one["known"] for one in found["meanings"])
    page = client.get(f"/resolve?id={quote(asked)}", headers={"Accept": "text/html"})
    assert page.status_code == 404
    assert "<script>alert" not in page.text


def test_near_misses_are_told(client) -> None:
    assert "S-BIAD595" in told(client, "S-BIAD5955", 404)["near"]
    assert "did you mean" in told(client, "S-BIAD5955", 404)["detail"]
    assert (
        "https://doi.org/10.7554/elife.26066"
        in told(client, "https://elifesciences.org/x?doi=10.7554/eLife.26066", 404)["near"]
    )


@pytest.mark.parametrize("path", ["record/idr/idr0015", "run/1", "rule/asserted", "archive/idr", "dataset/idr/idr0015"])
def test_the_hubs_own_addresses_lead_to_their_pages(client, path) -> None:
    answer = client.get(f"/resolve?id={BASE}{path}", headers={"Accept": "text/html"})
    assert (answer.status_code, answer.headers["Location"]) == (303, f"/{path}")


@pytest.mark.parametrize(
    "path", ["/evil.example", "record/idr/nothing", "run/99", "rule/nothing", "link/0", "gene/", "x"]
)
def test_an_address_of_the_hub_where_nothing_is_leads_nowhere(client, path) -> None:
    assert client.get(f"/resolve?id={BASE}{path}", headers={"Accept": "text/html"}).status_code == 404


def test_nothing_asked_is_refused(client) -> None:
    assert "id: write an identifier" in told(client, "", 400)["detail"]


def test_many_at_once(client) -> None:
    answer = client.post("/resolve", json=["idr0015", "S-NOTHING", "idr0015", "10.7554/eLife.26066"])
    assert [one["status"] for one in answer.json] == ["known", "unknown", "known", "known"]
    assert [one["asked"] for one in answer.json][2] == "idr0015"
    assert answer.json[0]["meanings"][0]["iri"] == f"{BASE}dataset/idr/idr0015"
    assert len(client.post("/resolve", json=[f"S-BIAD{n}" for n in range(1000)]).json) == 1000


@pytest.mark.parametrize(("body", "status"), [({"a": 1}, 400), ([1], 400), ("x", 400), (["a"] * 1001, 413)])
def test_what_is_no_list_of_identifiers_is_refused(client, body, status) -> None:
    assert client.post("/resolve", json=body).status_code == status


# --- on a catalogue of its own


@pytest.fixture
def resolver(tmp_path) -> Iterator[Resolver]:
    log = Log(f"sqlite:///{tmp_path}/catalogue.sqlite")
    links = assert_by(log, ("bia", whole()))
    yield Resolver(links, Precedence(BASE, {"bia": "bia"}))
    log.close()


@pytest.mark.parametrize(
    ("asked", "kind", "iri"),
    [
        ("29103970", "paper", PAPER),
        ("PMID: 29103970", "paper", PAPER),
        (PUBMED, "paper", PAPER),
        ("7157", "gene", GENE),
        ("ncbigene:7157", "gene", GENE),
        ("https://www.ncbi.nlm.nih.gov/gene/7157", "gene", GENE),
        ("P04637", "protein", PROTEIN),
        ("uniprot:P04637", "protein", PROTEIN),
        ("10090", "taxon", MOUSE),
        ("NCBITaxon:10090", "taxon", MOUSE),
        ("0000-0002-1825-0097", "person", PERSON),
        ("https://orcid.org/0000-0002-1825-0097", "person", PERSON),
        ("ror.org/02mhbdp94", "organisation", PLACE),
        ("CL:0000540", "term", "http://purl.obolibrary.org/obo/CL_0000540"),
        ("EMD-1234", "entry", "https://www.ebi.ac.uk/emdb/EMD-1234"),
        ("1ABC", "entry", "https://identifiers.org/pdb:1abc"),
        (f"{BASE}gene/ncbigene:7157", "gene", GENE),
        (f"{BASE}paper/10.7554%2FeLife.26066", "paper", PAPER),
        ("https://example.org/c", "thing", "https://example.org/c"),
    ],
)
def test_identifiers_of_other_things(resolver, asked, kind, iri) -> None:
    (found,) = resolver.resolve(asked).meanings
    assert (found.kind, found.iri) == (kind, iri)


def test_where_a_thing_occurs(resolver) -> None:
    for asked in ("29103970", "7157", "P04637", "10090", "0000-0002-1825-0097", "02mhbdp94", "EMD-1234"):
        (found,) = resolver.resolve(asked).meanings
        assert [place.iri for place in found.first] == [f"{BASE}dataset/bia/P"], asked
        assert found.datasets == 1


def test_a_number_that_is_several_things_gives_a_choice(tmp_path) -> None:
    log = Log(f"sqlite:///{tmp_path}/catalogue.sqlite")
    gene = GeneAnnotation(id=f"{BASE}record/bia/P#g", gene=Gene(id="https://identifiers.org/ncbigene:9606"))
    human = Taxon(id="http://purl.obolibrary.org/obo/NCBITaxon_9606", scientific_name="Homo sapiens")
    paper = Publication(id="https://pubmed.ncbi.nlm.nih.gov/9606")
    links = assert_by(log, ("bia", dataset(gene_annotation=[gene], about=[human], publication=[paper])))
    found = Resolver(links, Precedence(BASE, {})).resolve("9606")
    assert {one.kind for one in found.meanings} == {"gene", "taxon", "paper"}
    log.close()


def test_several_meanings_are_offered_as_a_choice(client, monkeypatch) -> None:
    def both(self: Resolver, text: str) -> dict[str, list[str]]:
        return {"dataset": [f"{BASE}dataset/idr/idr0015"], "paper": ["https://doi.org/10.7554/elife.26066"]}

    monkeypatch.setattr(Resolver, "readings", both)
    assert [one["kind"] for one in told(client, "that", 300)["choices"]] == ["dataset", "paper"]
    page = client.get("/resolve?id=that", headers={"Accept": "text/html"})
    assert page.status_code == 300
    assert 'href="/dataset/idr/idr0015"' in page.text


def test_an_accession_of_any_shape_is_found_by_its_record(tmp_path) -> None:
    log = Log(f"sqlite:///{tmp_path}/catalogue.sqlite")
    other = dataset("BBBC005")
    other.id = f"{BASE}dataset/bbbc/BBBC005"
    links = assert_by(log, ("bbbc", other))
    assert asserted.RULE.name == "asserted"
    (found,) = Resolver(links, Precedence(BASE, {})).resolve("BBBC005").meanings
    assert (found.iri, found.kind) == (other.id, "dataset")
    assert Resolver(links, Precedence(BASE, {})).resolve("bbbc:BBBC005").meanings
    log.close()
