"""Exports: each is what the service that loads it takes, and says what the catalogue says."""

from __future__ import annotations

import csv
import io
import json
import warnings
from collections.abc import Callable
from pathlib import Path

import jsonschema
import pytest
from lxml import etree
from typer.testing import CliRunner

from hub.cli import app
from hub.config import Settings
from hub.errors import ConfigError
from hub.links import exports_rows
from hub.links.catalogue import Links
from hub.links.exports import EXPORTS
from hub.links.exports_papers import Provider, labslink_providers, linkout_provider
from hub.links.rules import asserted
from hub.log import Log
from hub.routes import Precedence
from linkml_schemas.generated.model import Dataset, DefinedTerm, Person, Publication
from tests.links_support import commit, row, update
from tests.support import BASE
from tests.test_links_feed import assert_by, dataset

with warnings.catch_warnings():
    warnings.simplefilter("ignore")  # it sets an option of pandas that pandas 3 does not need any more
    from sssom.parsers import parse_sssom_table

SCHEMAS = Path(__file__).parent / "schemas"
DOI, PUBMED, PMC = "https://doi.org/", "https://pubmed.ncbi.nlm.nih.gov/", "https://www.ncbi.nlm.nih.gov/pmc/articles/"
PROVIDER = Provider("1234", "Bioimage Hub", "curators@example.org", BASE)
NASTY = 'Cells & "tissue" <i>in vitro</i> ]]> 細胞'


def datasets() -> list[tuple[str, Dataset]]:
    paper = Publication(id=f"{DOI}10.7554/elife.26066", name=NASTY, same_as=[f"{PUBMED}29103970", f"{PMC}PMC5716667"])
    other = Publication(id=f"{PUBMED}29103970", name="By its PubMed number")
    preprint = Publication(id=f"{DOI}10.1101/000000", name="A preprint")
    first = dataset("S-BIAD1", publication=[paper, preprint], description=NASTY, date_published="2024-05-01")
    first.name, first.keyword = NASTY, ["a; b", "c"]
    first.author = [
        Person(id="https://orcid.org/0000-0002-1825-0097", name="J. Carberry"),
        Person(id=f"{BASE}record/bia/S-BIAD1#b", name="B"),
    ]
    first.about = [DefinedTerm(id="http://purl.obolibrary.org/obo/NCBITaxon_10090", name="mouse")]
    first.same_as = [f"{DOI}10.6019/s-biad1"]
    return [
        ("bia", first),
        ("bia", dataset("S-BIAD2", publication=[other], date_published="2019")),
        ("bia", dataset("S-BIAD3")),
    ]


@pytest.fixture
def catalogue(tmp_path):
    log = Log(f"sqlite:///{tmp_path}/data/catalogue.sqlite")
    yield log, assert_by(log, *datasets())
    log.close()


@pytest.fixture
def text(catalogue) -> Callable[[str], str]:
    log, links = catalogue
    settings = Settings(base_iri=BASE)
    return lambda name: "".join(EXPORTS[name].make(log, links, settings, PROVIDER))


def xml(text: str) -> etree._Element:
    return etree.fromstring(text.encode(), etree.XMLParser(load_dtd=False, no_network=True))


def valid(schema: str, text: str) -> etree._Element:
    document = xml(text)
    etree.XMLSchema(etree.parse(SCHEMAS / schema)).assertValid(document)
    return document


def test_labslink_links_by_pubmed_number_where_one_is_known_else_by_doi(text) -> None:
    links = valid("labslink.xsd", text("labslink"))
    said = {(link.findtext("resource/url"), link.findtext("record/id"), link.findtext("doi")) for link in links}
    own = f"{BASE}dataset/bia/S-BIAD"
    assert said == {
        (f"{own}1", "29103970", None),
        (f"{own}1", None, "10.1101/000000"),
        (f"{own}2", "29103970", None),
    }
    assert links[0].findtext("resource/title") == f"S-BIAD1 (BioImage Archive): {NASTY}"
    assert {link.get("providerId") for link in links} == {"1234"}
    providers = valid("labslink.xsd", labslink_providers(PROVIDER))
    assert providers.findtext("provider/email") == "curators@example.org"


def test_linkout_leads_from_pubmed_numbers_to_dataset_pages(text) -> None:
    dtd = etree.DTD(str(SCHEMAS / "linkout.dtd"))
    links = xml(text("linkout"))
    assert dtd.validate(links), dtd.error_log
    said = {(link.findtext(".//ObjId"), link.findtext(".//Base") + link.findtext(".//Rule")) for link in links}
    assert said == {("29103970", f"{BASE}dataset/bia/S-BIAD{n}") for n in (1, 2)}
    ids = [link.findtext("LinkId") for link in links]
    assert len(ids) == len(set(ids))
    identity = xml(linkout_provider(PROVIDER))
    assert dtd.validate(identity), dtd.error_log
    assert (identity.findtext("NameAbbr"), identity.findtext("Url")) == ("BioimageHub", BASE)


def test_ebi_search_has_every_dataset_with_its_cross_references(text) -> None:
    database = valid("ebi-search.xsd", text("ebi-search"))
    assert database.findtext("entry_count") == "3"
    entries = {entry.get("acc"): entry for entry in database.find("entries")}
    assert list(entries) == ["S-BIAD1", "S-BIAD2", "S-BIAD3"]
    references = {(ref.get("dbname"), ref.get("dbkey")) for ref in entries["S-BIAD1"].iter("ref")}
    assert references == {
        ("DOI", "10.7554/elife.26066"), ("PUBMED", "29103970"), ("PMC", "PMC5716667"), ("DOI", "10.1101/000000"),
        ("TAXONOMY", "10090"), ("ORCID", "0000-0002-1825-0097"), ("DOI", "10.6019/s-biad1"),
    }  # fmt: skip
    assert entries["S-BIAD1"].findtext("description") == NASTY
    assert entries["S-BIAD1"].findtext("authors") == "J. Carberry; B"
    assert [d.get("value") for d in entries["S-BIAD1"].iter("date")] == ["2024-05-01"]
    assert not list(entries["S-BIAD2"].iter("date"))  # a year is no date


def test_scholix_links_are_valid_and_name_every_spelling(text) -> None:
    schema = json.loads((SCHEMAS / "scholix-v4.json").read_text())
    links = [json.loads(line) for line in text("scholix").splitlines()]
    for link in links:
        jsonschema.Draft202012Validator(schema).validate(link)
    assert len(links) == 3
    (first,) = (n for n in links if n["Target"].get("Title") == NASTY and n["Source"]["Title"] == NASTY)
    assert [i["ID"] for i in first["Target"]["Identifier"]] == ["10.7554/elife.26066", "29103970", "PMC5716667"]
    assert [i["ID"] for i in first["Source"]["Identifier"]] == ["S-BIAD1", "10.6019/s-biad1"]
    assert first["Source"]["Creator"][0]["Identifier"][0]["IDScheme"] == "orcid"
    assert first["RelationshipType"]["Name"] == "IsSupplementTo"


def test_the_table_of_accessions_has_every_dataset(text) -> None:
    rows = list(csv.DictReader(io.StringIO(text("accessions")), delimiter="\t"))
    assert [(r["accession"], r["paper_doi"], r["paper_pmid"], r["paper_pmcid"]) for r in rows] == [
        ("S-BIAD1", "10.1101/000000", "", ""),
        ("S-BIAD1", "10.7554/elife.26066", "29103970", "PMC5716667"),
        ("S-BIAD2", "10.7554/elife.26066", "29103970", "PMC5716667"),
        ("S-BIAD3", "", "", ""),
    ]


def test_sssom_is_read_by_its_own_reader(text, tmp_path) -> None:
    file = tmp_path / "sssom.tsv"
    file.write_text(text("sssom"), encoding="utf-8")
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        table = parse_sssom_table(file).df
    assert {(r["subject_id"], r["object_id"]) for r in table.to_dict("records")} >= {
        ("doi:10.7554/elife.26066", "pubmed:29103970")
    }


def test_a_withdrawn_dataset_is_in_no_export(catalogue, text) -> None:
    log, links = catalogue
    commit(log, row("S-BIAD1", "t", state="withdrawn"))
    update(log, links, {"asserted": asserted.RULE})
    for name in EXPORTS:
        assert "S-BIAD1" not in text(name), name


def test_more_datasets_than_one_batch_holds(tmp_path, monkeypatch) -> None:
    monkeypatch.setattr(exports_rows, "_BATCH", 2)
    log = Log(f"sqlite:///{tmp_path}/catalogue.sqlite")
    several = [("bia", dataset(f"S-BIAD{n}", publication=[Publication(id=f"{DOI}10.1/{n}")])) for n in range(5)]
    links = assert_by(log, *several)
    found = list(exports_rows.rows(links, Precedence(BASE, {})))
    assert [(row.accession, row.papers[0].doi) for row in found] == [(f"S-BIAD{n}", f"10.1/{n}") for n in range(5)]
    assert exports_rows.count(links) == 5
    log.close()


def test_the_archives_own_record_is_shown_of_several(tmp_path) -> None:
    log = Log(f"sqlite:///{tmp_path}/catalogue.sqlite")
    own, other = dataset("S-BIAD1"), dataset("S-BIAD1")
    own.name, other.name = "The archive's title", "Another's title"
    links = assert_by(log, ("another", other), ("bia", own))
    (row,) = exports_rows.rows(links, Precedence(BASE, {"bia": "bia", "another": "empiar"}))
    assert row.record.name == "The archive's title"
    log.close()


# --- the command


@pytest.fixture
def run(catalogue, tmp_path):
    (tmp_path / "hub.toml").write_text(f'base_iri = "{BASE}"\n', encoding="utf-8")
    return lambda *args: CliRunner().invoke(app, ["export", *args, "--config", str(tmp_path / "hub.toml")])


@pytest.mark.parametrize("name", EXPORTS)
def test_the_command_writes_what_the_library_makes(run, text, tmp_path, name) -> None:
    provider = ("--provider-id", "1234")
    printed = run(name, *provider)
    assert printed.exit_code == 0
    assert printed.stdout == text(name)
    done = run(name, *provider, "--output", str(tmp_path / "out"), "--email", "curators@example.org")
    assert done.exit_code == 0
    export = EXPORTS[name]
    if export.identity is None:
        assert (tmp_path / "out").read_text(encoding="utf-8") == text(name)
    else:
        assert {p.name for p in (tmp_path / "out").iterdir()} == {export.file, export.identity[0]}
        assert (tmp_path / "out" / export.file).read_text(encoding="utf-8") == text(name)


@pytest.mark.parametrize(
    ("args", "says"),
    [(("nothing",), "there is no such export"), (("labslink", "--provider-id", "a1"), "--provider-id a1"),
     (("labslink", "--output", "/nowhere"), "--email")],
)  # fmt: skip
def test_what_cannot_be_exported_is_told(run, args, says) -> None:
    failed = run(*args)
    assert isinstance(failed.exception, ConfigError)
    assert says in str(failed.exception)


def test_an_empty_hub_exports_nothing(tmp_path) -> None:
    log = Log(f"sqlite:///{tmp_path}/catalogue.sqlite")
    made = {n: "".join(e.make(log, Links(log), Settings(base_iri=BASE), PROVIDER)) for n, e in EXPORTS.items()}
    assert made["scholix"] == ""
    assert len(made["accessions"].splitlines()) == 1
    assert valid("ebi-search.xsd", made["ebi-search"]).findtext("entry_count") == "0"
    log.close()
