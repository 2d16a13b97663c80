"""IDR harvester: records and traps of study files, listing and fetching, live and from folders, the real corpus."""

from __future__ import annotations

import hashlib
import io
import json
import os
import tarfile
import threading
from collections import Counter
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any, BinaryIO
from zipfile import ZipFile

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from harvesters import idr
from harvesters.contract import Context, Entry, Harvested, RecordError, Source, SourceError
from harvesters.http import Manners, PoliteSession
from hub import records
from ontology import text

DEMO = Path(__file__).parents[1] / "hub" / "demo" / "idr-studies"
GOLDEN = Path(__file__).parent / "archives" / "idr"
BASE = "https://hub.example/"
HUB = "https://w3id.org/bioimage-hub/vocab#"
ORCID = "https://orcid.org/"
ADA, BEN = "0000-0002-1825-0097", "0000-0001-5109-3700"


# --- studies made of lines


def lines(**cells: str | list[str]) -> str:
    """Return lines of a study file; ``Person_ORCID=["", "…"]`` becomes ``Study Person ORCID<tab><tab>…``."""
    rows = []
    for key, value in cells.items():
        values = [value] if isinstance(value, str) else value
        rows.append("\t".join([f"Study {key.replace('_', ' ')}", *values]))
    return "\n".join(rows) + "\n"


def harvest(
    study: str | bytes | None,
    tables: dict[str, str] | None = None,
    *,
    accession: str = "idr9001",
    **envelope: Any,
) -> Harvested:
    """Transform a study with these files, as `idr.fetch` would have kept them."""
    held: dict[str, bytes] = {path: body.encode() for path, body in (tables or {}).items()}
    if study is not None:
        held[f"{accession}-study.txt"] = study if isinstance(study, bytes) else study.encode()
    by_digest = {hashlib.sha256(body).hexdigest(): body for body in held.values()}

    def opened(digest: str) -> BinaryIO:
        return io.BytesIO(by_digest[digest])

    files = {path: {"sha256": hashlib.sha256(body).hexdigest(), "size": len(body)} for path, body in held.items()}
    payload = {"accession": accession, "directory": f"{accession}-roe-example", "containers": None, **envelope}
    raw = json.dumps({**payload, "files": files}).encode()
    return idr.transform(raw, Entry(accession), Context(BASE, Source("idr", "idr", "idr", "x"), opened))


def rules(harvested: Harvested) -> list[tuple[str, str]]:
    return [(f.field, f.rule) for f in harvested.findings]


def only_rules(harvested: Harvested) -> list[str]:
    return [f.rule for f in harvested.findings]


TITLE = "Comment[IDR Study Accession]\tidr9001\nStudy Title\tA title\n"
SCREEN = "Screen Number\t1\nComment[IDR Screen Name]\tidr9001-roe-example/screenA\n"


# --- trap 5: parallel lists


def test_papers_with_gaps() -> None:
    study = TITLE + lines(
        PubMed_ID=["1", "2", "", '""', "", "6"],
        Publication_Title=["a", "b", "c", "d", "e", "f"],
        PMC_ID=["", "PMC2", "PMC3"],
        DOI=["10.1234/a", "10.1234/b", "10.1234/c", "10.1234/d", "10.1234/e", "10.1234/f"],
    )
    harvested = harvest(study)
    pmids = [f"https://pubmed.ncbi.nlm.nih.gov/{n}" for n in (1, 2, 6)]
    pmcs = [f"https://www.ncbi.nlm.nih.gov/pmc/articles/PMC{n}" for n in (2, 3)]
    assert [(p.name, p.id.rpartition("/")[2], p.same_as) for p in harvested.record.publication] == [
        ("a", "a", [pmids[0]]),
        ("b", "b", [pmids[1], pmcs[0]]),
        ("c", "c", [pmcs[1]]),
        ("d", "d", None),
        ("e", "e", None),
        ("f", "f", [pmids[2]]),
    ]
    assert harvested.findings == ()


def test_cells_without_gaps_that_do_not_fit_are_papers_of_their_own() -> None:
    harvested = harvest(TITLE + lines(PubMed_ID=["1", "2"], PMC_ID=["PMC3"]))
    assert [p.id.rpartition("/")[2] for p in harvested.record.publication] == ["1", "2", "PMC3"]
    assert rules(harvested) == [("Study PMC ID", "cells-misaligned")]


PEOPLE = lines(
    Person_Last_Name=["Roe", "Poe", "Doe"], Person_First_Name=["Ada", "Ben", "Cy"], Person_Roles=["submitter"] * 3
)


def test_orcids_without_gaps_for_more_people_are_nobody_s() -> None:
    harvested = harvest(TITLE + PEOPLE + lines(Person_ORCID=[ADA, BEN]))
    assert not [p.id for p in harvested.record.contact if p.id.startswith(ORCID)]
    assert rules(harvested) == [("Study Person ORCID", "orcid-unassigned")]


@pytest.mark.parametrize(
    ("cells", "expected"),
    [
        ([ADA, BEN, "0000-0002-1694-233X"], [True, True, True]),
        (["", ADA], [False, True, False]),
        ([ADA, "", BEN], [True, False, True]),
        ([ADA, "NA", "NA"], [True, False, False]),
        (["", f"https://orcid.org/{ADA}", ""], [False, True, False]),
    ],
)
def test_orcids_in_their_places(cells: list[str], expected: list[bool]) -> None:
    harvested = harvest(TITLE + PEOPLE + lines(Person_ORCID=cells))
    assert [p.id.startswith(ORCID) for p in harvested.record.contact] == expected
    assert harvested.findings == ()


def test_more_orcids_than_people() -> None:
    harvested = harvest(TITLE + lines(Person_Last_Name="Roe", Person_First_Name="Ada", Person_ORCID=[ADA, BEN]))
    assert only_rules(harvested) == ["orcid-unassigned"]


# --- trap 6: ORCIDs


def test_orcid_with_the_name_of_another_person() -> None:
    people = lines(Person_Last_Name=["Roe", "Poe"], Person_First_Name=["Ada", "Ben"])
    harvested = harvest(TITLE + people + lines(Person_ORCID=[ADA, f"{BEN} (Cy Doe)"]))
    assert [p.id.startswith(ORCID) for p in harvested.record.contact] == [True, False]
    assert rules(harvested) == [("Study Person ORCID", "orcid-unassigned")]
    harvested = harvest(TITLE + people + lines(Person_ORCID=[ADA, f"{BEN} (Ben Poe)"]))
    assert [p.id for p in harvested.record.contact] == [ORCID + ADA, ORCID + BEN]


def test_orcid_na_is_no_orcid() -> None:
    harvested = harvest(TITLE + lines(Person_Last_Name="Roe", Person_First_Name="Ada", Person_ORCID="NA"))
    assert harvested.record.contact[0].id == f"{BASE}record/idr/idr9001#contact-1"
    assert harvested.findings == ()


def test_orcid_of_two_people_stays_with_the_first() -> None:
    harvested = harvest(
        TITLE + lines(Person_Last_Name=["Roe", "Poe"], Person_First_Name=["Ada", "Ben"], Person_ORCID=[ADA, ADA])
    )
    assert [p.id for p in harvested.record.contact] == [ORCID + ADA, f"{BASE}record/idr/idr9001#contact-2"]
    assert only_rules(harvested) == ["orcid-conflict"]


def test_authors_have_the_orcid_of_the_one_contact_of_their_name() -> None:
    people = lines(Person_Last_Name="Roe", Person_First_Name="Ada Beth", Person_ORCID=ADA)
    harvested = harvest(TITLE + people + lines(Author_List="Poe C, Roe AB, Roe B"))
    assert [(a.name, a.id) for a in harvested.record.author] == [
        ("Poe C", f"{BASE}record/idr/idr9001#author-1"),
        ("Ada Beth Roe", ORCID + ADA),
        ("Roe B", f"{BASE}record/idr/idr9001#author-3"),
    ]
    harvested = harvest(TITLE + people + lines(Author_List="Roe A, Roe AC"))
    assert not [a.id for a in harvested.record.author if a.id.startswith(ORCID)]


def test_principal_investigators() -> None:
    people = lines(
        Person_Last_Name=["Roe", "Poe"],
        Person_First_Name=["Ada", "Ben"],
        Person_Roles=["submitter", "Principal Investigator"],
    )
    record = harvest(TITLE + people).record
    assert [p.name for p in record.accountable_person] == ["Ben Poe"]
    assert [p.name for p in record.contact] == ["Ada Roe", "Ben Poe"]


# --- trap 7: DOIs and PMC ids


def test_spellings_of_dois() -> None:
    study = lines(
        DOI="http://dx.doi.org/10.1091/mbc.E13-04-0221",
        PMC_ID="PMC4142622 ",
        Data_DOI="https://dx.doi.org/10.17867/10000104 ",
    )
    record = harvest(TITLE + study).record
    assert record.publication[0].id == "https://doi.org/10.1091/mbc.e13-04-0221"
    assert record.same_as == ["https://doi.org/10.17867/10000104"]


def test_preprint_by_doi_and_by_page() -> None:
    study = lines(Publication_Preprint=["https://doi.org/10.1101/233114", "https://www.biorxiv.org/content/early/x"])
    harvested = harvest(TITLE + study)
    assert [(p.id, p.same_as) for p in harvested.record.publication] == [
        ("https://doi.org/10.1101/233114", None),
        (f"{BASE}record/idr/idr9001#preprint-2", ["https://www.biorxiv.org/content/early/x"]),
    ]
    assert rules(harvested) == [("Study Publication Preprint", "doi-invalid")]


def test_component_dois_in_either_case() -> None:
    study = (
        TITLE + lines(Data_DOI="10.17867/10000104") + SCREEN + "Screen Data DOI\thttps://doi.org/10.17867/10000104A\n"
    )
    assert harvest(study).record.has_part[0].same_as == ["https://doi.org/10.17867/10000104a"]


def test_doi_of_something_else_is_not_the_data_s() -> None:
    harvested = harvest(TITLE + lines(Data_DOI="10.6019/S-BIAD1", DOI="10.17867/10000104"))
    assert not harvested.record.same_as
    assert not harvested.record.publication
    assert only_rules(harvested) == ["doi-of-another", "doi-of-another"]


# --- trap 8: taxa and methods


@pytest.mark.parametrize("accession", ["NCBITaxon_9606", "9606", "NCBITaxon:9606", ""])
def test_spellings_of_taxa(accession: str) -> None:
    record = harvest(TITLE + lines(Organism="Homo sapiens", Organism_Term_Accession=accession)).record
    assert [one.id for one in record.about] == ["http://purl.obolibrary.org/obo/NCBITaxon_9606"]


def test_organisms_of_a_component_are_the_study_s_too() -> None:
    study = (
        TITLE + SCREEN + "Screen Organism\tHomo sapiens\tMus musculus\nScreen Organism Term Accession\t9606\t10090\n"
    )
    record = harvest(study).record
    taxa = ["http://purl.obolibrary.org/obo/NCBITaxon_9606", "http://purl.obolibrary.org/obo/NCBITaxon_10090"]
    assert [one.id for one in record.has_part[0].about] == taxa
    assert [one.id for one in record.about] == taxa


def test_host_virus_and_unknown_organism() -> None:
    cells = lines(
        Organism=["Homo sapiens", "Severe acute respiratory syndrome coronavirus 2", "mixed plankton"],
        Organism_Term_Accession=["9606", "2697049"],
    )
    harvested = harvest(TITLE + cells)
    assert [one.name if hasattr(one, "name") else one.scientific_name for one in harvested.record.about] == [
        "Homo sapiens",
        "Severe acute respiratory syndrome coronavirus 2",
        "mixed plankton",
    ]
    assert rules(harvested) == [("Study Organism", "organism-unknown")]


@pytest.mark.parametrize(
    ("accession", "iri"),
    [
        ("FBbi_00000246", "http://purl.obolibrary.org/obo/FBbi_00000246"),
        ("FBbi:00000246", "http://purl.obolibrary.org/obo/FBbi_00000246"),
        ("Fbbi_00000246", "http://purl.obolibrary.org/obo/FBbi_00000246"),
        ("http://purl.obolibrary.org/obo/FBbi_00000246", "http://purl.obolibrary.org/obo/FBbi_00000246"),
        ("DCM_111631", "http://dicom.nema.org/resources/ontology/DCM/111631"),
        ("", "http://purl.obolibrary.org/obo/FBbi_00000246"),
    ],
)
def test_spellings_of_methods(accession: str, iri: str) -> None:
    method = f"Screen Imaging Method\tfluorescence microscopy\nScreen Imaging Method Term Accession\t{accession}\n"
    record = harvest(TITLE + SCREEN + method).record
    assert iri in [one.id for one in record.measurement_method]
    assert iri in [one.id for one in record.has_part[0].measurement_method]


def test_terms_of_other_ontologies() -> None:
    record = harvest(TITLE + lines(Type="protein localization", Type_Term_Accession="GO:0008104")).record
    assert [one.id for one in record.measurement_method] == ["http://purl.obolibrary.org/obo/GO_0008104"]


def test_method_that_is_no_term_keeps_its_wording() -> None:
    method = (
        "Screen Imaging Method\timaging mass cytometry\n"
        "Screen Imaging Method Term Accession\thttp://www.ebi.ac.uk/ols/ontologies/fbbi\n"
    )
    harvested = harvest(TITLE + SCREEN + method)
    assert [one.name for one in harvested.record.measurement_method] == ["imaging mass cytometry"]
    assert rules(harvested) == [("Screen Imaging Method", "term-invalid")]


def test_words_that_the_form_offers_are_no_mismatch() -> None:
    type_ = "Screen Technology Type\tRNAi screen\nScreen Technology Term Accession\tEFO_0007551\n"
    harvested = harvest(TITLE + SCREEN + type_)
    assert harvested.findings == ()
    wrong = harvest(TITLE + SCREEN + type_.replace("7551", "7552"))
    assert only_rules(wrong) == ["label-mismatch"]


# --- traps 9 to 11: dates, licences, authors


def test_dates() -> None:
    assert harvest(TITLE + lines(Public_Release_Date="2016-04-27")).record.date_published == "2016-04-27"
    harvested = harvest(TITLE + lines(Public_Release_Date="03/12/13"))
    assert harvested.record.date_published is None
    assert rules(harvested) == [("Study Public Release Date", "date-invalid")]


BY, BY_SA = "https://creativecommons.org/licenses/by/4.0/", "https://creativecommons.org/licenses/by-sa/3.0/"


@pytest.mark.parametrize(
    ("name", "url", "licence", "rule"),
    [
        ("CC-BY 4.0", BY, BY, []),
        ("CC BY 4.0", "", BY, []),
        ("", BY, BY, []),
        ("CC BY-SA 3.0", BY, BY, ["licence-disagrees"]),
        ("CC BY-SA 3.0", "https://v18.proteinatlas.org/about/licence", BY_SA, ["licence-unknown"]),
        ("", "", None, []),
    ],
)
def test_licence(name: str, url: str, licence: str | None, rule: list[str]) -> None:
    harvested = harvest(TITLE + lines(License=name, License_URL=url))
    assert harvested.record.license == licence
    assert only_rules(harvested) == rule


def test_licence_that_is_unknown_is_said_to_be_so() -> None:
    record = harvest(TITLE + lines(License="Unknown")).record
    assert (record.license, record.unknown) == (None, ["http://schema.org/license"])


@pytest.mark.parametrize(
    ("cell", "names"),
    [
        ("Roe A, Poe BC", ["Roe A", "Poe BC"]),
        ('"Roe A, Poe BC."', ["Roe A", "Poe BC"]),
        ("Ada Roe, Ben C. Poe and Cy Doe", ["Ada Roe", "Ben C. Poe", "Cy Doe"]),
        ("Ada Roe, and Cy Doe", ["Ada Roe", "Cy Doe"]),
        ("Roe A; Poe, B", ["Roe A", "Poe, B"]),
        ("Roe A, The Example Consortium", ["Roe A", "The Example Consortium"]),
        ("", []),
    ],
)
def test_author_lists(cell: str, names: list[str]) -> None:
    record = harvest(TITLE + lines(Author_List=cell, Publication_Title="A paper")).record
    assert [a.name for a in record.author] == names
    assert record.publication[0].author_text == (", ".join(names) or None)


def test_author_list_that_is_cut() -> None:
    harvested = harvest(TITLE + lines(Author_List="Roe A, et al."))
    assert [a.name for a in harvested.record.author] == ["Roe A"]
    assert "authors-cut" in only_rules(harvested)


# --- traps 12 to 15: accessions, counts, personal data


@pytest.mark.parametrize("cell", ["idr9001", "idr9001 ", "idr9001-roe-example", ""])
def test_accession_cell(cell: str) -> None:
    harvested = harvest(f"Comment[IDR Study Accession]\t{cell}\nStudy Title\tT\n")
    assert (harvested.record.accession, harvested.findings) == ("idr9001", ())


@pytest.mark.parametrize("cell", ["idr9002", "pending", "S-BIAD1"])
def test_accession_of_another_study_is_a_finding(cell: str) -> None:
    harvested = harvest(f"Comment[IDR Study Accession]\t{cell}\nStudy Title\tT\n")
    assert harvested.record.accession == "idr9001"
    assert rules(harvested) == [("Comment[IDR Study Accession]", "accession-mismatch")]


def test_thirty_experiments_of_which_one_is_there() -> None:
    study = TITLE + lines(Experiments_Number="30") + "Experiment Number\t1\n"
    parts = harvest(study).record.has_part
    assert [part.name for part in parts] == ["idr9001-roe-example/experimentA"]


def test_personal_data_lands_nowhere() -> None:
    study = TITLE + lines(
        Person_Last_Name="Roe",
        Person_First_Name="Ada",
        Person_Email="ada.roe@example.org",
        Description="Write to ada.roe@example.org",
        External_URL="ada.roe@example.org",
        Copyright="Roe <ada.roe@example.org>",
        Person_ORCID="ada.roe@example.org",
        Organism="ada.roe@example.org",
        License="ada.roe@example.org",
        Person_Address='An institute, "1 Nowhere Lane',
    )
    harvested = harvest(
        study + "Second Street, Nowhere Town\n",
        {"screenA/a-annotation.csv": "Plate,Well,Gene Symbol\np,A1,ada.roe@example.org\n"},
    )
    shown = records.to_json(harvested.record) + repr(harvested.findings)
    assert "ada.roe" not in shown.casefold()
    assert "Nowhere" not in shown
    assert not text.has_email(shown)


# --- what the tables say


CONFIG = (
    "columns:\n- {name: Gene Identifier, clientname: Gene Identifier URL, "
    'clientvalue: "http://www.ensembl.org/id/{{ value }}"}\n'
)
TABLE = (
    "Plate,Well,Characteristics [Organism],Term Source 1 REF,Term Source 1 Accession,Characteristics [Cell Line],"
    "Term Source 2 REF,Term Source 2 Accession,siRNA Identifier,Gene Identifier,Gene Symbol,Phenotype 1\n"
    "p,A1,Homo sapiens,NCBITaxon,9606,HeLa,EFO,EFO_0001185,s1,ENSG00000117399,CDC20,round\n"
    "p,A2,Homo sapiens,NCBITaxon,9606,HeLa,EFO,EFO_0001185,s2,ENSG00000117399,CDC20,\n"
)
PHENOTYPES = (
    "Phenotype Name\tround\tbinucleate\twobbly\nPhenotype Term Name\tround cell phenotype\nPhenotype Term Accession\t"
    "CMPO_0000118\tCMPO_0000213\nPhenotype Term Source REF\tCMPO\nPhenotype Term Accession\tCMPO_0000140\n"
)


def test_genes_reagents_phenotypes_and_samples() -> None:
    tables = {"screenA/idr9001-screenA-annotation.csv": TABLE, "screenA/idr9001-screenA-bulkmap-config.yml": CONFIG}
    record = harvest(TITLE + SCREEN + PHENOTYPES, tables).record
    (gene,) = record.gene_annotation
    assert gene.gene.id == "https://identifiers.org/ensembl:ENSG00000117399"
    assert (gene.gene.symbol, gene.gene_role, gene.well_count, gene.image_count) == ("CDC20", "perturbed", 2, None)
    assert [t.id for t in gene.gene.taxon] == ["http://purl.obolibrary.org/obo/NCBITaxon_9606"]
    assert [r.name for r in gene.reagent] == ["s1", "s2"]
    cmpo = "http://www.ebi.ac.uk/cmpo/CMPO_"
    assert {p.id for p in gene.phenotype} == {f"{cmpo}0000118", f"{cmpo}0000140"}
    assert {p.id for p in record.phenotype} == {
        f"{cmpo}0000118",
        f"{cmpo}0000140",
        f"{cmpo}0000213",
        f"{BASE}record/idr/idr9001#phenotype-wobbly",
    }
    assert [(a.reagent[0].name, a.well_count, len(a.phenotype)) for a in record.reagent_annotation] == [
        ("s1", 1, 2),
        ("s2", 1, 0),
    ]
    (sample,) = [one for one in record.about if one.type.endswith("BioSample")]
    assert (sample.name, sample.cell_line[0].id) == ("HeLa (Homo sapiens)", "http://www.ebi.ac.uk/efo/EFO_0001185")
    assert (record.well_count, record.has_part[0].well_count) == (2, 2)


def test_only_tables() -> None:
    harvested = harvest(None, {"screenA/idr9001-screenA-annotation.csv": TABLE, "screenA/x-bulkmap-config.yml": CONFIG})
    assert (harvested.record.name, len(harvested.record.gene_annotation)) == ("idr9001", 1)
    assert [part.name for part in harvested.record.has_part] == ["idr9001-roe-example/screenA"]
    assert rules(harvested) == [("study file", "study-missing"), ("Study Title", "title-missing")]


def test_broken_configuration_is_one_finding_and_genes_stay_wording() -> None:
    tables = {"screenA/a-annotation.csv": TABLE, "screenA/a-bulkmap-config.yml": "columns:\n\t- name: x\n"}
    harvested = harvest(TITLE, tables)
    assert [g.gene.id for g in harvested.record.gene_annotation] == [
        f"{BASE}record/idr/idr9001#gene-ensg00000117399-46de1b-homo-sapiens"
    ]
    assert only_rules(harvested) == ["config-broken", "gene-namespace-unknown"]


def test_configuration_by_name_before_others_of_the_folder() -> None:
    tables = {
        "screenA/idr9001-screenA-annotation.csv": TABLE,
        "screenA/idr9001-bulkmap-config.yml": CONFIG.replace("www.ensembl.org/id", "www.ncbi.nlm.nih.gov/gene"),
        "screenA/idr9001-screenA-bulkmap-config.yml": CONFIG,
        "screenB/idr9001-screenB-bulkmap-config.yml": "broken: [",
    }
    harvested = harvest(TITLE, tables)
    assert harvested.record.gene_annotation[0].gene.id == "https://identifiers.org/ensembl:ENSG00000117399"
    assert harvested.findings == ()


def test_compressed_copy_of_a_table_is_not_counted_twice() -> None:
    tables = {
        "screenA/a-annotation.csv": TABLE,
        "screenA/a-annotation.csv.gz": TABLE,
        "screenA/a-bulkmap-config.yml": CONFIG,
    }
    assert harvest(TITLE, tables).record.well_count == 2


def test_parts_of_one_table_add_up() -> None:
    head, first, second = TABLE.splitlines(keepends=True)
    tables = {"screenA/r1/a-annotation.csv": head + first, "screenA/r2/a-annotation.csv": head + second}
    assert harvest(TITLE, {**tables, "screenA/a-bulkmap-config.yml": CONFIG}).record.gene_annotation[0].well_count == 2


def test_role_by_the_words_of_the_study_file() -> None:
    tables = {"screenA/a-annotation.csv": "Plate,Well,Gene Symbol\np,A1,CDC20\n"}
    roles = {
        "RNAi screen": "perturbed",
        "gene deletion screen": "perturbed",
        "protein screen": "tagged",
        "antibody screen": "stained",
        "compound screen": "observed",
    }
    for words, role in roles.items():
        record = harvest(TITLE + SCREEN + f"Screen Technology Type\t{words}\n", tables).record
        assert [g.gene_role for g in record.gene_annotation] == [role], words


def test_lists_of_the_web_site() -> None:
    containers = [
        {"Study": "idr9001-roe-example", "Container": "screenA", "Internal ID": "7", "Wells": "10", "5D Images": "20",
         "Size": "300", "# of Files": "4", "Avg. Image Dim (XYZCT)": "1344 x 1024 x 1.13 x 2 x 330"},
        {"Study": "idr9001-roe-example", "Container": "experimentB", "Internal ID": "8", "Wells": "0",
         "5D Images": "1", "Size": "x", "# of Files": "2"},
    ]  # fmt: skip
    downloads = [
        {"idrid": "idr9001", "image_id": "99", "download_url": "https://ftp.example/idr9001-roe-example",
         "bia_url": "https://www.ebi.ac.uk/biostudies/studies/S-BIAD867.html", "bia_ngff_id": "S-BIAD867"},
        {"idrid": "idr9001", "bia_url": "https://livingobjects.ebi.ac.uk/pages/S-BSMS6.html"},
    ]  # fmt: skip
    harvested = harvest(TITLE, containers=containers, downloads=downloads)
    record = harvested.record
    assert [(p.name.partition("/")[2], p.url, p.image_count, p.well_count) for p in record.has_part] == [
        ("experimentB", "https://idr.openmicroscopy.org/webclient/?show=project-8", 1, None),
        ("screenA", "https://idr.openmicroscopy.org/webclient/?show=screen-7", 20, 10),
    ]
    _, screen = record.has_part
    assert (screen.plane_count, screen.channel_count, screen.time_point_count) == (None, 2, 330)
    assert (record.size_bytes, record.file_count, record.image_count, record.well_count) == (300, 6, 21, 10)
    assert record.related == [f"{BASE}dataset/bia/S-BIAD867", f"{BASE}dataset/bia/S-BSMS6"]
    assert record.thumbnail == ["https://idr.openmicroscopy.org/webgateway/render_thumbnail/99/"]
    assert [d.access_url for d in record.distribution] == ["https://ftp.example/idr9001-roe-example"]
    assert set(only_rules(harvested)) == {"number-invalid"}


def test_accessions_elsewhere_and_pages() -> None:
    study = lines(
        BioStudies_Accession="S-BSMS6",
        BioImage_Archive_Accession="S-BIAD29",
        EMPIAR_Accession="EMPIAR-10310",
        External_URL=["https://www.ebi.ac.uk/biostudies/studies/S-BSMS5/", "https://www.hipsci.org/", "www.sysgro.org"],
    )
    harvested = harvest(TITLE + study)
    assert harvested.record.related == [
        f"{BASE}dataset/bia/S-BSMS6",
        f"{BASE}dataset/bia/S-BIAD29",
        f"{BASE}dataset/empiar/EMPIAR-10310",
        f"{BASE}dataset/bia/S-BSMS5",
        "https://www.hipsci.org/",
    ]
    assert rules(harvested) == [("Study External URL", "iri-invalid")]


# --- what is no study


@pytest.mark.parametrize(
    "raw",
    [b"", b"[]", b"{}", b'{"accession": "idr1"}', b'{"accession": "idr9001"}', b'{"accession": "idr9001", "files": {}}',
     b'{"accession": "idr9001", "files": {"a": {"sha256": "x"}}}', b'{"accession": "EMPIAR-10001", "files": {}}',
     b'{"accession": "idr9001", "files": {}, "downloads": 7}',
     b'{"accession": "idr9001", "files": {}, "containers": [7]}'],
)  # fmt: skip
def test_no_envelope(raw: bytes) -> None:
    with pytest.raises(RecordError):
        idr.transform(raw, Entry("idr9001"), Context(BASE, Source("idr", "idr", "idr", "x")))


def test_study_that_is_not_published() -> None:
    with pytest.raises(RecordError, match="not among the studies that IDR has published"):
        harvest(TITLE, containers=[])


def test_file_that_is_not_kept() -> None:
    files = {"idr9001-study.txt": {"sha256": "0" * 64}}
    raw = json.dumps({"accession": "idr9001", "containers": None, "files": files}).encode()
    with pytest.raises(RecordError, match="--full"):
        idr.transform(raw, Entry("idr9001"), Context(BASE, Source("idr", "idr", "idr", "x")))


@settings(max_examples=150, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(st.data())
def test_any_study_file_is_published(data: st.DataObject) -> None:
    whole = (DEMO / "studies" / "idr0097-reicher-proteintag" / "idr0097-study.txt").read_bytes()
    raw = bytearray(whole)
    for _ in range(data.draw(st.integers(1, 6))):
        place = data.draw(st.integers(0, len(raw) - 1))
        raw[place : place + data.draw(st.integers(0, 40))] = data.draw(st.binary(max_size=12))
    harvested = harvest(bytes(raw), accession="idr0097")
    record = records.canonical(harvested.record)
    assert records.from_quads(records.to_quads(record), record.id) == record
    assert not text.has_email(records.to_json(record) + "".join(f.value + f.message for f in harvested.findings))


# --- folders


@pytest.fixture
def http() -> Iterator[PoliteSession]:
    with PoliteSession(Manners(interval_s=0, retries=1), sleep=lambda _: None) as session:
        yield session


def source(url: str | Path, **options: Any) -> Source:
    return Source("idr", "idr", "idr", str(url), options)


def published(http: PoliteSession, asked: Source) -> dict[str, Harvested]:
    found = {}
    for entry in idr.entries(http, asked):
        raw = idr.fetch(http, asked, entry)
        assert set(idr.attachments(raw)) == {f["sha256"] for f in json.loads(raw)["files"].values()}
        found[entry.key] = idr.transform(raw, entry, Context(BASE, asked, http.open))
    return found


@pytest.mark.parametrize("name", ["idr0002", "idr0094", "idr0097"])
def test_golden_quads(name: str, http: PoliteSession) -> None:
    record = records.canonical(published(http, source(DEMO))[name].record)
    quads = sorted(f"{quad} ." for quad in records.to_quads(record))
    golden = GOLDEN / f"{name}.nt"
    if "UPDATE_GOLDEN" in os.environ:
        golden.write_text("\n".join(quads) + "\n", encoding="utf-8")
    assert quads == golden.read_text(encoding="utf-8").splitlines()


def test_demo(http: PoliteSession) -> None:
    found = published(http, source(DEMO))
    assert {key: only_rules(one) for key, one in found.items()} == {
        "idr0002": [],
        "idr0094": ["label-mismatch"],
        "idr0097": ["encoding-mac-roman", "template-hint", "line-continued", "label-mismatch"],
    }
    tagged = found["idr0097"].record
    assert {g.gene_role for g in tagged.gene_annotation} == {"tagged"}
    assert [a.id for a in tagged.author][2] == "https://orcid.org/0000-0003-0855-8343"
    assert "the cell’s own proteins – each" in tagged.description


def write(path: Path, body: str) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(body)


def test_layout_of_the_repositories_and_zip(tmp_path: Path, http: PoliteSession) -> None:
    folder = tmp_path / "studies"
    write(folder / "idr9001-roe-example" / "idr9001-study.txt", TITLE)
    write(folder / "idr9001-roe-example" / "screenA" / "idr9001-screenA-annotation.csv", TABLE)
    write(folder / "idr9001-roe-example" / "screenA" / "idr9001-screenA-bulkmap-config.yml", CONFIG)
    write(folder / "idr9001-roe-example" / "unpublished" / "screenB" / "idr9001-screenB-annotation.csv", TABLE)
    write(folder / "idr9001-roe-example" / "notes" / "other-annotation.csv", TABLE)
    write(folder / "README.md", "no study")
    with ZipFile(tmp_path / "studies.zip", "w") as packed:
        for path in folder.rglob("*.*"):
            packed.write(path, path.relative_to(folder).as_posix())
    payloads = []
    for asked in (source(folder), source(tmp_path / "studies.zip")):
        (entry,) = idr.entries(http, asked)
        assert entry.key == "idr9001"
        payloads.append(idr.fetch(http, asked, entry))
        harvested = idr.transform(payloads[-1], entry, Context(BASE, asked, http.open))
        assert harvested.record.gene_annotation[0].well_count == 2
    assert payloads[0] == payloads[1]
    assert sorted(json.loads(payloads[0])["files"]) == [
        "idr9001-study.txt",
        "screenA/idr9001-screenA-annotation.csv",
        "screenA/idr9001-screenA-bulkmap-config.yml",
    ]


STUDIES = "Study\tContainer\tInternal ID\n"


def test_two_folders_of_one_study(tmp_path: Path, http: PoliteSession) -> None:
    write(tmp_path / "idr9001-UNKNOWN-example" / "idr9001-study.txt", TITLE.replace("A title", "A draft"))
    write(tmp_path / "idr9001-roe-example" / "idr9001-study.txt", TITLE)
    (found,) = published(http, source(tmp_path)).values()
    assert found.record.name == "A title"
    assert [(f.rule, f.value) for f in found.findings] == [("directory-ambiguous", "idr9001-UNKNOWN-example")]
    write(tmp_path / "website" / "studies.tsv", STUDIES + "idr9001-UNKNOWN-example\tscreenA\t1\n")
    with PoliteSession() as another:
        (found,) = published(another, source(tmp_path)).values()
    assert (found.record.name, found.findings) == ("A draft", ())


def test_version_follows_files_and_lists(tmp_path: Path, http: PoliteSession) -> None:
    with ZipFile(tmp_path / "a.zip", "w") as packed:
        packed.writestr("idr9001-x/idr9001-study.txt", TITLE)
    versions = []
    for extra in (None, TITLE, TITLE):
        with PoliteSession() as session:
            versions.append(next(iter(idr.entries(session, source(tmp_path / "a.zip")))).version)
        if extra and len(versions) == 2:
            with ZipFile(tmp_path / "a.zip", "a") as packed:
                packed.writestr("website/studies.tsv", STUDIES + "idr9001-x\tscreenA\t1\n")
    assert versions[0] == versions[1] != versions[2]


def test_folder_without_studies(tmp_path: Path, http: PoliteSession) -> None:
    (tmp_path / "readme.txt").write_text("nothing")
    with pytest.raises(SourceError, match="lists no study"):
        list(idr.entries(http, source(tmp_path)))
    with pytest.raises(SourceError, match="no folder or file"):
        list(idr.entries(http, source(tmp_path / "absent")))


def test_list_that_is_no_list(tmp_path: Path, http: PoliteSession) -> None:
    write(tmp_path / "idr9001-x" / "idr9001-study.txt", TITLE)
    write(tmp_path / "website" / "studies.tsv", "<html>\n")
    with pytest.raises(SourceError, match="no column 'Study'"):
        list(idr.entries(http, source(tmp_path)))


# --- live


def tarball(top: str, files: dict[str, str]) -> bytes:
    out = io.BytesIO()
    with tarfile.open(fileobj=out, mode="w:gz") as tar:
        for path, body in files.items():
            info = tarfile.TarInfo(f"{top}/{path}")
            info.size = len(body)
            tar.addfile(info, io.BytesIO(body.encode()))
        link = tarfile.TarInfo(f"{top}/idr9001-alias")
        link.type, link.linkname = tarfile.SYMTYPE, "idr9001-roe-example"
        tar.addfile(link)
    return out.getvalue()


class GitHub:
    """A loopback GitHub: what it holds by path, and what it was asked."""

    def __init__(self) -> None:
        raw = "/raw/IDR/idr.openmicroscopy.org/HEAD/_data"
        repositories = [{"name": f"tool-{n}", "pushed_at": "2020-01-01T00:00:00Z"} for n in range(99)]
        repositories += [{"name": "idr9001-roe-example", "pushed_at": "2021-01-01T00:00:00Z"}]
        more = [{"name": "idr9003-doe-old", "pushed_at": "2021-01-01T00:00:00Z"}, {"name": "idr-metadata"}]
        tree = [
            {"path": "idr9002-poe-inline", "type": "tree", "sha": "aaa"},
            {"path": "idr9001-roe-example", "type": "commit", "sha": "bbb"},
            {"path": "idr9002-alias", "type": "blob", "mode": "120000", "sha": "ccc"},
            {"path": "README.md", "type": "blob", "sha": "ddd"},
        ]
        study = {"idr9001-study.txt": TITLE, "screenA/a-annotation.csv": TABLE, "screenA/a-bulkmap-config.yml": CONFIG}
        inline = {"idr9002-poe-inline/idr9002-study.txt": TITLE.replace("9001", "9002"), "big.bin": "x" * 10_000}
        self.answers: dict[str, bytes] = {
            f"{raw}/studies.tsv": (
                STUDIES + "idr9001-roe-example\tscreenA\t7\nidr9002-poe-inline\tscreenA\t8\nidr9004-gone\tscreenA\t9\n"
            ).encode(),
            f"{raw}/download_urls.tsv": b"idrid\timage_id\tbia_url\nidr9001\t5\t\n",
            "/api/orgs/IDR/repos?per_page=100&page=1": json.dumps(repositories).encode(),
            "/api/orgs/IDR/repos?per_page=100&page=2": json.dumps(more).encode(),
            "/api/repos/IDR/idr-metadata/git/trees/HEAD": json.dumps({"tree": tree, "truncated": False}).encode(),
            "/tar/IDR/idr9001-roe-example/tar.gz/HEAD": tarball("idr9001-roe-example-HEAD", study),
            "/tar/IDR/idr-metadata/tar.gz/HEAD": tarball("idr-metadata-HEAD", inline),
        }
        self.asked: list[str] = []
        self.url = ""

    def source(self) -> Source:
        options = {
            "github_raw": f"{self.url}/raw",
            "github_api": f"{self.url}/api",
            "github_tarball": f"{self.url}/tar",
        }
        return source("https://github.com/IDR", **options)


@pytest.fixture
def github() -> Iterator[GitHub]:
    served = GitHub()

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            served.asked.append(self.path)
            body = served.answers.get(self.path)
            self.send_response(200 if body is not None else 404)
            self.send_header("Content-Length", str(len(body or b"")))
            self.end_headers()
            self.wfile.write(body or b"")

        def log_message(self, format: str, *args: Any) -> None:
            pass

    with ThreadingHTTPServer(("127.0.0.1", 0), Handler) as server:
        served.url = f"http://127.0.0.1:{server.server_port}"
        thread = threading.Thread(target=server.serve_forever)
        thread.start()
        yield served
        server.shutdown()
        thread.join()


def test_live_listing_costs_five_requests(github: GitHub, http: PoliteSession) -> None:
    listed = list(idr.entries(http, github.source()))
    assert [(e.key, e.url, e.version is None) for e in listed] == [
        ("idr9001", "https://github.com/IDR/idr9001-roe-example", False),
        ("idr9002", "https://github.com/IDR/idr-metadata/tree/HEAD/idr9002-poe-inline", False),
        ("idr9004", None, True),
    ]
    pages = [path for path in github.asked if "robots" not in path]
    assert len(pages) == 5


def test_live_studies(github: GitHub, http: PoliteSession) -> None:
    asked = github.source()
    one, two, gone = idr.entries(http, asked)
    raw = idr.fetch(http, asked, one)
    files = json.loads(raw)["files"]
    page = "https://github.com/IDR/idr9001-roe-example/blob/HEAD"
    assert {path: file["url"] for path, file in files.items()} == {
        path: f"{page}/{path}"
        for path in ("idr9001-study.txt", "screenA/a-annotation.csv", "screenA/a-bulkmap-config.yml")
    }
    record = idr.transform(raw, one, Context(BASE, asked, http.open)).record
    assert (record.name, record.gene_annotation[0].well_count) == ("A title", 2)
    assert record.has_part[0].url == "https://idr.openmicroscopy.org/webclient/?show=screen-7"
    inline = idr.fetch(http, asked, two)
    assert list(json.loads(inline)["files"]) == ["idr9002-study.txt"]
    assert idr.transform(inline, two, Context(BASE, asked, http.open)).record.accession == "idr9002"
    with pytest.raises(SourceError, match=r"idr9004: .* has no repository"):
        idr.fetch(http, asked, gone)


def test_live_version_follows_the_push_and_the_lists(github: GitHub) -> None:
    def versions() -> list[str | None]:
        with PoliteSession(Manners(interval_s=0)) as session:
            return [e.version for e in idr.entries(session, github.source())]

    def changed(path: str, old: bytes, new: bytes) -> list[bool]:
        before = versions()
        github.answers[path] = github.answers[path].replace(old, new)
        return [a != b for a, b in zip(before, versions(), strict=True)]

    assert versions() == versions()
    raw = "/raw/IDR/idr.openmicroscopy.org/HEAD/_data"
    assert changed("/api/orgs/IDR/repos?per_page=100&page=1", b"2021-01-01", b"2021-01-02") == [True, False, False]
    assert changed("/api/repos/IDR/idr-metadata/git/trees/HEAD", b"aaa", b"eee") == [False, True, False]
    assert changed(f"{raw}/studies.tsv", b"screenA\t8", b"screenB\t8") == [False, True, False]
    assert changed(f"{raw}/download_urls.tsv", b"idr9001\t5", b"idr9001\t6") == [True, False, False]


def test_live_without_download_urls(github: GitHub, http: PoliteSession) -> None:
    del github.answers["/raw/IDR/idr.openmicroscopy.org/HEAD/_data/download_urls.tsv"]
    assert len(list(idr.entries(http, github.source()))) == 3


@pytest.mark.parametrize(
    ("path", "answer"),
    [
        ("/raw/IDR/idr.openmicroscopy.org/HEAD/_data/studies.tsv", None),
        ("/raw/IDR/idr.openmicroscopy.org/HEAD/_data/studies.tsv", b"<html>"),
        ("/raw/IDR/idr.openmicroscopy.org/HEAD/_data/studies.tsv", STUDIES.encode()),
        ("/api/orgs/IDR/repos?per_page=100&page=2", None),
        ("/api/orgs/IDR/repos?per_page=100&page=1", b'{"message": "API rate limit exceeded"}'),
        ("/api/repos/IDR/idr-metadata/git/trees/HEAD", b'{"tree": [], "truncated": true}'),
        ("/api/repos/IDR/idr-metadata/git/trees/HEAD", b"[]"),
    ],
)
def test_a_listing_that_is_not_whole_is_an_error(
    github: GitHub, http: PoliteSession, path: str, answer: bytes | None
) -> None:
    if answer is None:
        del github.answers[path]
    else:
        github.answers[path] = answer
    with pytest.raises(SourceError):
        list(idr.entries(http, github.source()))


@pytest.mark.parametrize("damage", [lambda raw: raw[:-20], lambda raw: b"<html>", lambda raw: raw[:200]])
def test_a_tarball_in_pieces_is_an_error(github: GitHub, http: PoliteSession, damage: Any) -> None:
    path = "/tar/IDR/idr9001-roe-example/tar.gz/HEAD"
    github.answers[path] = damage(github.answers[path])
    with pytest.raises(SourceError, match="complete tarball"):
        idr.fetch(http, github.source(), Entry("idr9001"))


# --- the real corpus


@pytest.fixture(scope="module")
def real(corpus: Path) -> dict[str, Harvested | RecordError]:
    asked = source(corpus / "idr")
    found: dict[str, Harvested | RecordError] = {}
    with PoliteSession() as session:
        for entry in idr.entries(session, asked):
            raw = idr.fetch(session, asked, entry)
            try:
                found[entry.key] = idr.transform(raw, entry, Context(BASE, asked, session.open))
            except RecordError as err:
                found[entry.key] = err
    return found


@pytest.mark.corpus
def test_every_study_of_the_corpus_is_published(real: dict[str, Harvested | RecordError]) -> None:
    assert [key for key, one in real.items() if isinstance(one, RecordError)] == ["idr0039"]
    assert len(real) == 36
    for one in real.values():
        if isinstance(one, Harvested):
            record = records.canonical(one.record)
            assert records.from_quads(records.to_quads(record), record.id) == record


@pytest.mark.corpus
def test_no_email_of_the_corpus_is_in_a_record(real: dict[str, Harvested | RecordError]) -> None:
    for key, one in real.items():
        if isinstance(one, Harvested):
            said = records.to_json(one.record) + "".join(f.value + f.message for f in one.findings)
            assert not text.has_email(said), key


# Genes of each study by the name space that its configurations state: with an IRI of it, and as wording.
GENES = {
    "idr0002": ({"ensembl"}, 102, 0),
    "idr0005": ({"flybase"}, 803, 0),
    "idr0006": ({"ncbigene"}, 12743, 129),
    "idr0007": ({"sgd"}, 377, 0),
    "idr0008": ({"refseq"}, 552, 12),
    "idr0011": ({"sgd"}, 5208, 0),
    "idr0018": ({"ensembl"}, 10, 0),
    "idr0020": ({"ncbigene"}, 241, 0),
    "idr0021": ({"ensembl"}, 9, 0),
    "idr0023": ({"ensembl"}, 7, 0),
    "idr0025": ({"ensembl"}, 72, 0),
    "idr0032": ({"ensembl.plant"}, 115, 0),
    "idr0040": ({"ensembl", "sgd"}, 26, 1),
    "idr0043": ({"ensembl"}, 9, 0),
    "idr0097": ({"ensembl"}, 294, 0),
}


def namespace(iri: str) -> str | None:
    if iri.startswith(BASE):
        return None
    return "flybase" if "flybase.org" in iri else iri.removeprefix("https://identifiers.org/").partition(":")[0]


@pytest.mark.corpus
def test_genes_of_the_corpus_are_in_the_name_space_of_their_configuration(
    real: dict[str, Harvested | RecordError],
) -> None:
    counted = {}
    for key, one in real.items():
        genes = [g.gene.id for g in one.record.gene_annotation or ()] if isinstance(one, Harvested) else []
        spaces = Counter(map(namespace, genes))
        if genes:
            unresolved = spaces.pop(None, 0)
            counted[key] = (set(spaces), spaces.total(), unresolved)
    assert counted == GENES


@pytest.mark.corpus
def test_damaged_tables_of_the_corpus(corpus: Path) -> None:
    found = {}
    for path in sorted((corpus / "idr" / "traps").glob("*.csv")):
        name = f"screenA/{path.stem}-annotation.csv"
        harvested = harvest(None, {name: path.read_text(encoding="utf-8")})
        found[path.name[:7]] = {f.rule for f in harvested.findings} - {
            "study-missing",
            "title-missing",
            "label-mismatch",
        }
    assert found == {
        "idr0004": {"gene-namespace-unknown"},
        "idr0006": {"excel-date"},
        "idr0012": {"excel-number", "gene-namespace-unknown"},
    }


def test_declaration() -> None:
    assert (idr.HARVESTER.name, idr.HARVESTER.route, idr.HARVESTER.listing) == ("idr", 1, "full")
