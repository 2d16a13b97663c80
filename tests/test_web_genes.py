"""The gene pivot over WSGI: every way to name a gene, every reason, and what is not there."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from dataclasses import replace

import pytest
import rdflib
from rdflib.compare import isomorphic
from werkzeug.test import Client
from werkzeug.wrappers import Response

from harvesters.contract import Source
from harvesters.http import Manners
from harvesters.references.contract import Reference
from hub import config, records, references
from hub.cli import build_demo
from hub.config import Settings
from hub.ingest import harvest
from hub.log import Log
from hub.web.app import Hub
from tests.support import DEMO, get, told
from tests.test_genes import CUSTOM, HISTORY, INFO, iri

EVIL = "<script>alert(1)</script>"


@pytest.fixture(scope="module")
def settings(tmp_path_factory: pytest.TempPathFactory) -> Settings:
    """The bundled demonstration beside gene tables of two species."""
    folder = tmp_path_factory.mktemp("gene-pages")
    found: Settings = config.load(str(build_demo(folder)), environ={})
    for name, text in (("hgnc", CUSTOM), ("info", INFO), ("history", HISTORY)):
        (folder / f"{name}.tsv").write_text(text, encoding="utf-8")
    forms = {"hgnc": "hgnc", "info": "ncbi-gene-info", "history": "ncbi-gene-history"}
    tables = {name: Reference(name, "genes", form, str(folder / f"{name}.tsv")) for name, form in forms.items()}
    names = ("idr-studies", "emdb", "empiar", "submissions")
    made = replace(found, sources={name: found.sources[name] for name in names}, references=tables, query_workers=2)
    made.data_dir.mkdir(parents=True, exist_ok=True)
    log = Log(made.database)
    assert {o.state for o in references.update(made, log, [], Manners())} == {"new"}
    log.close()
    harvest(made, list(made.sources))
    return made


@pytest.fixture(scope="module")
def client(settings: Settings) -> Iterator[Client]:
    hub = Hub(settings)
    yield Client(hub, Response)
    hub.publication.close()


@pytest.mark.parametrize(
    "name",
    ["TP53", "ncbigene:7157", "7157", "HGNC:11998", "hgnc:11998", "ENSG00000141510", "ENSG00000141510.17",
     "uniprot:P04637", "LFS1", "https://identifiers.org/ensembl:ENSG00000141510", "https://www.ncbi.nlm.nih.gov/gene/7157"],
)  # fmt: skip
def test_every_name_of_a_gene_leads_to_its_page(client: Client, name: str) -> None:
    found = told(client, f"/gene/{name}")
    assert (found["gene"], found["symbol"], found["organism"]) == (iri("ncbigene:7157"), "TP53", "Homo sapiens")
    assert found["counts"] == {"tagged": 1}
    assert [(one["accession"], one["as_written"]) for one in found["evidence"]] == [
        ("HUB-S2BS9Q9E", iri("ensembl:ENSG00000141510"))
    ]
    assert iri("hgnc:11998") in found["identifiers"]
    assert [one["symbol"] for one in found["orthologs"]] == ["Trp53"]


def test_why_a_dataset_has_to_do_with_a_gene(client: Client) -> None:
    (found,) = told(client, "/gene/MYC.json")["evidence"]
    assert found["kind"] == "perturbed"
    assert re.fullmatch(r"knock-down in 1 well, showing increased duration .* \(CMPO:0000328\)", found["why"])
    assert (found["source"], found["wells"], found["reagents"]) == ("idr-studies", 1, ["sirna"])


def test_a_protein_of_emdb_leads_to_its_gene(client: Client) -> None:
    found = told(client, "/gene/POLK")
    assert found["counts"] == {"protein": 1}
    assert found["evidence"][0]["why"] == "DNA polymerase kappa (uniprot:Q9UBT6) is in the sample, by emdb"


def test_orthologs_stand_beside_with_their_datasets(client: Client) -> None:
    (found,) = told(client, "/gene/ncbigene:4000")["orthologs"]
    assert (found["symbol"], found["organism"], found["datasets"]) == ("Lmna", "Mus musculus", 1)


def test_a_name_of_several_species_gives_a_choice(client: Client) -> None:
    found = told(client, "/gene/LMNA", 300)
    assert {(one["symbol"], one["organism"]) for one in found["choices"]} == {
        ("LMNA", "Homo sapiens"),
        ("Lmna", "Mus musculus"),
    }
    page = get(client, "/gene/LMNA", "text/html")
    assert page.status_code == 300
    assert 'href="/gene/ncbigene:4000"' in page.text
    for taxon, gene in (("9606", "ncbigene:4000"), ("mouse", "ncbigene:16905"), ("NCBITaxon:10090", "ncbigene:16905")):
        assert told(client, f"/gene/LMNA?taxon={taxon}")["gene"] == iri(gene)


def test_the_gene_that_is_written_just_so_and_has_datasets_comes_with_the_others(client: Client) -> None:
    page = get(client, "/gene/Lmna", "text/html")
    assert page.status_code == 200
    assert "Other genes of this name" in page.text


def test_an_ambiguous_alias_gives_a_choice(client: Client) -> None:
    assert len(told(client, "/gene/p21", 300)["choices"]) == 2


@pytest.mark.parametrize(
    ("old", "new"), [("hgnc:6", "ncbigene:7317"), ("ncbigene:999001", "ncbigene:4625"), ("OLDER", "ncbigene:4625")]
)
def test_retired_names_lead_to_their_successor(client: Client, old: str, new: str) -> None:
    answer = get(client, f"/gene/{old}")
    assert (answer.status_code, answer.headers["Location"]) == (301, f"/gene/{new}")
    assert get(client, f"/gene/{old}.ttl").headers["Location"] == f"/gene/{new}.ttl"


@pytest.mark.parametrize(
    ("name", "said"),
    [
        ("TP35", "TP53"),
        ("KATE6A", "KAT6A"),
        ("ncbigene:544580", "without a successor"),
        ("ncbigene:999002", "without a successor"),
        ("ncbigene:123456789", "no gene"),
        ("nothing-like-it", "no gene"),
        (EVIL, "no gene"),
    ],
)
def test_what_is_not_there_says_so_with_what_is_near(client: Client, name: str, said: str) -> None:
    answer = get(client, f"/gene/{name}")
    assert answer.status_code == 404
    assert answer.mimetype == "application/problem+json"
    assert said in json.loads(answer.text)["detail"]
    page = get(client, f"/gene/{name}", "text/html")
    assert page.status_code == 404
    assert EVIL not in page.text


def test_a_species_that_is_none_is_refused(client: Client) -> None:
    answer = get(client, "/gene/TP53?taxon=unicorn")
    assert answer.status_code == 400
    assert "taxon" in answer.text
    assert get(client, "/gene/" + "A" * 300).status_code == 404
    assert get(client, "/gene/TP53?format=docx").status_code == 406


def test_formats_say_the_same(client: Client) -> None:
    graphs = [
        rdflib.Graph().parse(data=get(client, f"/gene/MYC{suffix}").get_data(), format=form)
        for suffix, form in ((".ttl", "turtle"), (".jsonld", "json-ld"), (".nt", "nt"), (".rdf", "xml"))
    ]
    assert all(isomorphic(graphs[0], other) for other in graphs[1:])
    gene, schema = rdflib.URIRef(iri("ncbigene:4609")), rdflib.Namespace("http://schema.org/")
    assert (gene, rdflib.RDF.type, schema.Gene) in graphs[0]
    assert (rdflib.URIRef(iri("ensembl:ENSG00000136997")), rdflib.SKOS.exactMatch, gene) in graphs[0]
    known = {value for value in records.context().values() if isinstance(value, str)} | {str(rdflib.SKOS)}
    assert all(any(str(p).startswith(prefix) for prefix in known) for p in graphs[0].predicates())


def test_one_page_has_one_address_and_is_cached(client: Client) -> None:
    answers = [get(client, path, "text/html") for path in ("/gene/HGNC:11998", "/gene/ENSG00000141510")]
    assert answers[0].get_data() == answers[1].get_data()
    assert '</gene/ncbigene:7157>; rel="canonical"' in answers[0].headers["Link"]
    again = client.get("/gene/HGNC:11998", headers={"Accept": "text/html", "If-None-Match": answers[0].headers["ETag"]})
    assert again.status_code == 304


def test_every_gene_of_the_store_has_a_page_without_any_table(client: Client, settings: Settings) -> None:
    query = "SELECT DISTINCT ?g WHERE { ?n <https://w3id.org/bioimage-hub/vocab#gene> ?g }"
    answer = client.get("/sparql", query_string={"query": query}, headers={"Accept": "text/csv"})
    found = answer.text.split()[1:]
    assert len(found) > 20
    for gene in found:
        page = told(client, f"/gene/{gene}")
        assert page["datasets"] >= 1, gene
        assert gene in page["identifiers"], gene


def test_the_page_shows_reasons_identifiers_and_formats(client: Client) -> None:
    page = get(client, "/gene/PCNA", "text/html").text
    assert "<h1>PCNA: proliferating cell nuclear antigen</h1>" in page
    assert "The protein is in the sample" in page
    assert 'href="https://identifiers.org/hgnc:8729"' in page
    assert 'href="/gene/ncbigene:5111.ttl"' in page
    assert re.search(r'href="/dataset/empiar/EMPIAR-10934"', page)


# ── genes that no table knows ────────────────────────────────────────────────────────────────────────────────────────


@pytest.fixture(scope="module")
def bare(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Client]:
    folder = tmp_path_factory.mktemp("bare-genes")
    (folder / "source").mkdir()
    document = json.loads((DEMO / "submissions" / "lamin-fibroblasts.json").read_text(encoding="utf-8"))
    document["gene_annotation"] = [{"gene": {"id": "pombase:SPAC212.11", "symbol": "tlh1"}, "gene_role": "tagged"}]
    document["description"] = "An invented example. Cells have GFP-tagged Lmna. Nothing else."
    (folder / "source" / "one.json").write_text(json.dumps(document), encoding="utf-8")
    source = Source(name="submissions", harvester="submissions", archive="hub", url=str(folder / "source"))
    settings = Settings(data_dir=folder / "data", sources={"submissions": source}, query_workers=2)
    (outcome,) = harvest(settings, ["submissions"])
    assert outcome.report.new == 1, outcome
    hub = Hub(settings)
    yield Client(hub, Response)
    hub.publication.close()


@pytest.mark.parametrize("name", ["tlh1", "TLH1", "pombase:SPAC212.11", "https://identifiers.org/pombase:SPAC212.11"])
def test_page_under_the_identifier_of_the_archive(bare: Client, name: str) -> None:
    found = told(bare, f"/gene/{name}")
    assert (found["gene"], found["symbol"], found["datasets"]) == (iri("pombase:SPAC212.11"), "tlh1", 1)


def test_near_names_of_archives(bare: Client) -> None:
    assert "tlh1" in get(bare, "/gene/tlh2").text


def test_a_text_that_names_a_gene_with_its_sentence(bare: Client) -> None:
    found = told(bare, "/gene/ncbigene:16905")
    assert found["counts"] == {"text": 1}
    (use,) = found["evidence"]
    assert (use["why"], use["quote"], use["confidence"]) == (
        "Lmna in the description",
        "Cells have GFP-tagged Lmna.",
        0.9,
    )
    page = get(bare, "/gene/ncbigene:16905", "text/html").text
    assert "<q>Cells have GFP-tagged Lmna.</q>" in page
    assert "schema:mentions" in get(bare, "/gene/ncbigene:16905.ttl").text
