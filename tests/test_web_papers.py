"""The page of a paper over WSGI: every identifier, every reason, candidates apart, and what is not there."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace

import pytest
import rdflib
from rdflib.compare import isomorphic
from werkzeug.test import Client
from werkzeug.wrappers import Response

from harvesters.http import Manners
from harvesters.references.contract import Reference
from hub import references
from hub.config import Settings
from hub.ingest import harvest
from hub.log import Log
from hub.web.app import Hub
from tests.paper_services import ELIFE, Services, doi_record
from tests.support import BASE, demo_settings, get, told
from tests.test_papers import BIOSTUDIES, DOI, IDS, PMC, PUBMED

EVIL = "<script>alert(1)</script>"
MANNERS = Manners(interval_s=0.0, timeout_s=5.0, retries=0)


@pytest.fixture(scope="module")
def settings(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Settings]:
    """The crates of the demonstration beside tables and services that know one of their papers."""
    folder = tmp_path_factory.mktemp("paper-pages")
    (folder / "ids.csv").write_text(IDS, encoding="utf-8")
    (folder / "mined.csv").write_text(BIOSTUDIES.replace("S-BIAD595", "S-BIAD824"), encoding="utf-8")
    made = demo_settings(folder)
    with Services() as services:
        services.dois = [doi_record("10.6019/s-biad709", ("IsCitedBy", ELIFE, "DOI"))]
        tables = {
            "ids": Reference("ids", "papers", "europepmc-ids", str(folder / "ids.csv")),
            "mined": Reference("mined", "papers", "text-mined", str(folder / "mined.csv")),
            "datacite": Reference("datacite", "papers", "datacite", f"{services.url}/dois?prefix=10.6019"),
            "europepmc": Reference("europepmc", "papers", "europepmc", services.url),
        }
        made = replace(made, references=tables)
        made.data_dir.mkdir(parents=True, exist_ok=True)
        assert {o.error for o in harvest(made, list(made.sources))} == {None}
        log = Log(made.database)
        assert {o.error for o in references.update(made, log, [], MANNERS)} == {None}
        log.close()
        harvest(made, list(made.sources))
        yield made


@pytest.fixture(scope="module")
def client(settings: Settings) -> Iterator[Client]:
    hub = Hub(settings)
    yield Client(hub, Response)
    hub.publication.close()


@pytest.mark.parametrize(
    "name",
    ["10.7554/eLife.26066", "10.7554/ELIFE.26066", "29087936", "PMC5663481", "doi:10.7554/elife.26066", PUBMED, PMC,
     "https://doi.org/10.7554/eLife.26066", "https://dx.doi.org/10.7554%2FeLife.26066"],
)  # fmt: skip
def test_every_identifier_leads_to_the_same_page(client: Client, name: str) -> None:
    found = told(client, f"/paper/{name}")
    assert (found["paper"], found["identifiers"]) == (DOI, [DOI, PUBMED, PMC])
    assert (found["journal"], found["published"], found["retracted"]) == ("eLife", "2017-10-31", False)
    assert found["authors"][0] == {"name": "Colin S", "orcid": "https://orcid.org/0000-0002-1825-0097"}


def test_datasets_come_with_who_says_so(client: Client) -> None:
    found = told(client, "/paper/29087936.json")
    datasets = {one["accession"]: one["reasons"] for one in found["datasets"]}
    assert "idr0015" in datasets
    assert datasets["idr0015"][0]["source"] == "idr"


def test_candidates_stand_apart_and_make_no_statement(client: Client) -> None:
    found = told(client, f"/paper/{ELIFE}")
    candidates = {one["accession"]: one["reasons"] for one in found["candidates"]}
    assert candidates
    assert not {one["accession"] for one in found["datasets"]} & candidates.keys()
    (reason,) = next(iter(candidates.values()))
    assert reason["confidence"] < 0.8
    assert reason["link"].startswith(f"{BASE}link/")
    graph = rdflib.Graph().parse(data=get(client, f"/paper/{ELIFE}.ttl").get_data(), format="turtle")
    cites = {str(s) for s in graph.subjects(rdflib.URIRef("http://schema.org/citation"), rdflib.URIRef(DOI))}
    assert cites == {one["dataset"] for one in found["datasets"]}


def test_the_page_shows_all_of_it(client: Client) -> None:
    answer = get(client, f"/paper/{ELIFE}", "text/html")
    page = answer.text
    assert answer.status_code == 200
    assert "<h1>Quantitative 3D-imaging for cell biology and ecology" in page
    for words in ("Datasets of this paper", "may be of this paper", "the record of idr", "eLife", "29087936"):
        assert words in page, words
    assert f'</paper/{ELIFE}>; rel="canonical"' in answer.headers["Link"]
    same = get(client, "/paper/PMC5663481", "text/html")
    assert same.get_data() == answer.get_data()
    again = client.get(f"/paper/{ELIFE}", headers={"Accept": "text/html", "If-None-Match": answer.headers["ETag"]})
    assert again.status_code == 304


def test_formats_say_the_same(client: Client) -> None:
    graphs = [
        rdflib.Graph().parse(data=get(client, f"/paper/{ELIFE}{suffix}").get_data(), format=form)
        for suffix, form in ((".ttl", "turtle"), (".jsonld", "json-ld"), (".nt", "nt"), (".rdf", "xml"))
    ]
    assert all(isomorphic(graphs[0], other) for other in graphs[1:])
    schema = rdflib.Namespace("http://schema.org/")
    assert (rdflib.URIRef(PUBMED), schema.sameAs, rdflib.URIRef(DOI)) in graphs[0]


@pytest.mark.parametrize("name", ["10.1000/unknown", "nothing", EVIL, "999", "10.6019/empiar-1"])
def test_what_is_not_there_says_so(client: Client, name: str) -> None:
    answer = get(client, f"/paper/{name}")
    assert answer.status_code == 404
    assert answer.mimetype == "application/problem+json"
    page = get(client, f"/paper/{name}", "text/html")
    assert page.status_code == 404
    assert EVIL not in page.text


def test_names_that_are_too_long_and_formats_that_are_not_there(client: Client) -> None:
    assert get(client, f"/paper/10.1000/{'a' * 600}").status_code == 404
    assert get(client, f"/paper/{ELIFE}?format=docx").status_code == 406


def test_every_paper_of_the_store_has_a_page(client: Client) -> None:
    query = (
        "PREFIX schema: <http://schema.org/> SELECT DISTINCT ?p WHERE { ?d a schema:Dataset ; schema:citation ?p "
        'FILTER (!CONTAINS(STR(?p), "/record/")) }'
    )
    answer = client.get("/sparql", query_string={"query": query}, headers={"Accept": "text/csv"})
    found = answer.text.split()[1:]
    assert len(found) > 5
    for paper in found:
        page = told(client, f"/paper/{paper}")
        assert page["datasets"], paper


def test_the_dataset_page_is_as_before(client: Client) -> None:
    answer = told(client, "/dataset/idr/idr0015.jsonld")
    papers = answer["citation"] if isinstance(answer["citation"], list) else [answer["citation"]]
    assert all(one.get("type") or one.get("@type") for one in papers)


def test_the_dataset_page_leads_to_its_papers(client: Client) -> None:
    page = get(client, "/dataset/idr/idr0015", "text/html").text
    assert f'<a href="/paper/{ELIFE}">All its datasets</a>' in page


def test_saved_questions_on_papers(client: Client) -> None:
    def rows(name: str) -> list[list[str]]:
        return [line.split(",") for line in get(client, f"/q/{name}.csv").text.splitlines()[1:]]

    assert {row[1] for row in rows("papers-suggested")} >= {"S-BIAD709", "S-BIAD824"}
    assert all(float(row[-2]) < 0.8 for row in rows("papers-suggested"))
    assert {row[0] for row in rows("identifiers-of-paper")} == {DOI, PUBMED, PMC}
    named = get(client, "/q/papers-naming-dataset.csv?accession=S-BIAD824").text
    assert DOI in named
    by_number = get(client, "/q/datasets-by-paper.csv?publication=PMC5663481").text
    assert "idr0015" in by_number
