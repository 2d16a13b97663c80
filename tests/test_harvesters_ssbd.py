"""SSBD harvester: mistakes of the ontology's dumps, the service of quantitative data, hostile documents, real ones."""

from __future__ import annotations

import json
import os
import threading
from collections import Counter
from collections.abc import Callable, Iterator
from decimal import Decimal
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs
from zipfile import ZipFile

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from pyoxigraph import Store

from harvesters import ssbd
from harvesters.contract import Context, Entry, Harvested, RecordError, Source, SourceError
from harvesters.http import Manners, PoliteSession
from harvesters.ssbd_dump import Dump
from hub import records
from ontology import identifiers

PAYLOADS = Path(__file__).parent / "archives" / "ssbd"
DEMO = Path(__file__).parents[1] / "hub" / "demo" / "ssbd-rdf"
BASE = "https://hub.example/"
OBO = "http://purl.obolibrary.org/obo/"
SSBD = "http://ssbd.riken.jp/ontology/"
PREFIXES = (
    f"@prefix : <{SSBD}> . @prefix obo: <{OBO}> . @prefix rdfs: <http://www.w3.org/2000/01/rdf-schema#> .\n"
    "@prefix zarr: <http://www.semanticweb.org/u/ontologies/2025/4/untitled-ontology-126#> .\n"
)
# The question of the ontology's README: datasets of a strain, with the method by which they were imaged.
QUESTION = """
PREFIX schema: <http://schema.org/> PREFIX hub: <https://w3id.org/bioimage-hub/vocab#>
SELECT DISTINCT ?part ?method WHERE {
  ?dataset schema:hasPart ?part .
  ?part schema:about/hub:strain <https://www.jax.org/strain/000664> .
  ?part <http://rs.tdwg.org/dwc/iri/measurementMethod> ?method .
  ?method a schema:DefinedTerm
}"""


def source(url: str | Path, **options: Any) -> Source:
    return Source("ssbd", "ssbd", "ssbd", str(url), options)


CTX = Context(BASE, source("."))


@pytest.fixture
def http() -> Iterator[PoliteSession]:
    with PoliteSession(Manners(interval_s=0, retries=1), sleep=lambda _: None) as session:
        yield session


def listing(*documents: str) -> list[Entry]:
    """Entries of a dump whose files are these."""
    dump = Dump()
    for number, document in enumerate(documents):
        dump.read(Entry(f"{number}.ttl", url=f"https://example.com/{number}.ttl"), (PREFIXES + document).encode())
    return list(dump.entries())


def read(entry: Entry) -> Harvested:
    assert entry.payload is not None
    harvested = ssbd.transform(entry.payload, entry, CTX)
    check_round_trip(harvested)
    return harvested


def harvest(document: str, **project: str) -> Harvested:
    """The record of project 7, of which a document says more than that it has dataset x."""
    said = {"has_project_name": '"7-Doe-Example"', "has_dataset_title": '"T"', **project}
    fields = " ; ".join(f":{name} {value}" for name, value in said.items() if value)
    whole = f":ssbd-project-7 a :SSBD_Project ; :has_dataset_output :ssbd-dataset-7-x ; {fields} .\n"
    whole += ':ssbd-dataset-7-x a :SSBD_dataset ; :has_dataset_title "X" .\n' + document
    return read(next(entry for entry in listing(whole) if entry.key == "ssbd-project-7"))


def sample(fields: str, more: str = "") -> Harvested:
    """The record of project 7 whose dataset has a sample with these fields."""
    return harvest(
        f":ssbd-dataset-7-x :has_biosample_information :ssbd-biosample-7-x . "
        f":ssbd-biosample-7-x a :SSBD_biosample_information ; {fields} . {more}"
    )


def rules(harvested: Harvested) -> list[str]:
    return [finding.rule for finding in harvested.findings]


def check_round_trip(harvested: Harvested) -> None:
    record = records.canonical(harvested.record)
    assert records.from_quads(records.to_quads(record), record.id) == record


def every(name: str = "ssbd-project-90001") -> Harvested:
    return read(next(entry for entry in fixture_entries() if entry.key == name))


def fixture_entries() -> list[Entry]:
    dump = Dump()
    dump.read(Entry("instances.ttl"), (PAYLOADS / "instances.ttl").read_bytes())
    return list(dump.entries())


def rest(http: PoliteSession, folder: Path = PAYLOADS / "rest") -> dict[str, Entry]:
    return {entry.key: entry for entry in ssbd.entries(http, source(folder))}


# --- golden documents


def check_golden(name: str, harvested: Harvested) -> None:
    check_round_trip(harvested)
    lines = sorted(f"{quad} ." for quad in records.to_quads(records.canonical(harvested.record)))
    golden = PAYLOADS / f"{name}.nt"
    if "UPDATE_GOLDEN" in os.environ:
        golden.write_text("\n".join(lines) + "\n", encoding="utf-8")
    assert lines == golden.read_text(encoding="utf-8").splitlines()


def test_golden_quads_of_a_project() -> None:
    check_golden("90001-Example-EveryShape", every())


def test_golden_quads_of_quantities(http: PoliteSession) -> None:
    check_golden("90003-bdml", read(rest(http)["90003-bdml"]))


def test_every_shape() -> None:
    record = every().record
    assert (record.id, record.accession) == (f"{BASE}dataset/ssbd/90001", "90001-Example-EveryShape")
    assert (record.date_submitted, record.date_published, record.date_modified) == (
        "2013-09-02",
        "2013-09-03",
        "2020-02-03",
    )
    assert record.license == "https://creativecommons.org/licenses/by-sa/4.0/"
    assert record.url == "https://ssbd.riken.jp/database/project/90001/"
    assert record.same_as == [
        f"{SSBD}ssbd-project-90001",
        "https://ssbd.riken.jp/database/project/90001-Example-EveryShape/",
        "https://doi.org/10.24631/ssbd.repos.2022.06.90001",
    ]
    assert [a.name for a in record.author] == ["Richard R Roe"]
    assert [(c.id, c.name) for c in record.contact] == [("https://orcid.org/0000-0002-1825-0097", "Jane Doe")]
    assert record.keyword == ["Image datasets and Quantitative datasets", "Time-Lapse Imaging"]
    worm, mouse = sorted(record.has_part, key=lambda part: part.name, reverse=True)
    assert [t.id for t in worm.about[0].strain] == ["https://cgc.umn.edu/strain/N2"]
    assert worm.about[0].name == "Caenorhabditis elegans, N2"
    assert {t.id.rpartition("/")[2] for t in worm.about[1:]} == {"NCBITaxon_6239", "GO_0009790", "CL_0000732"}
    (files,) = worm.distribution
    assert (files.image_width, files.image_height, files.plane_count) == (600, 500, 66)
    assert (files.channel_count, files.time_point_count, files.frames_per_image) == (1, 180, None)
    assert files.pixel_depth == Decimal("500")
    assert (files.pixel_width, files.pixel_height) == (Decimal("105"), Decimal("5.58"))
    assert (files.name, files.encoding_format, files.description) == ("worm", "tif", "Figure 1")
    unknown, zarr = mouse.distribution
    assert unknown.unknown == ["http://schema.org/encodingFormat"]
    assert zarr.content_url == "https://ssbd.riken.jp/000000-example/zarr/v0.4/mouse.zarr"
    assert (zarr.encoding_format, zarr.image_width, zarr.image_height) == ("OME-Zarr", 2048, 1538)
    assert (zarr.plane_count, zarr.channel_count, zarr.time_point_count) == (3, 2, 1)
    assert {t.id for t in record.about} == {
        f"{OBO}{t}" for t in ("NCBITaxon_6239", "NCBITaxon_10090", "GO_0009790", "CL_0000732")
    }


def test_findings_of_every_shape() -> None:
    assert Counter(rules(every())) == {
        "predicate-misspelt": 2, "iri-damaged": 2, "name-misspelt": 1, "name-swapped": 1, "citation-unread": 1,
        "placeholder": 2, "node-unreached": 1,
    }  # fmt: skip


# --- A, B, D: transport, dates, thumbnails, contact data


def test_b10_date_with_hyphens_that_do_not_break() -> None:
    assert harvest("", has_update_date='"2025‑05‑12"').record.date_modified == "2025-05-12"


@pytest.mark.parametrize("said", ["None", "nan", "03/12/13", "2025-02-30"])
def test_bad_date_is_a_finding(said: str) -> None:
    harvested = harvest("", has_release_date=f'"{said}"')
    assert harvested.record.date_published is None
    assert set(rules(harvested)) <= {"date-invalid", "placeholder"}
    assert len(rules(harvested)) == 1


def test_d3_thumbnail_that_is_a_page_becomes_the_page() -> None:
    mouse = next(part for part in every().record.has_part if part.name.startswith("Mice"))
    assert (mouse.url, mouse.thumbnail) == ("https://ssbd.riken.jp/omero/webclient/?show=image-1", None)


@pytest.mark.parametrize("key", ["ssbd-project-90001", "90003-bdml"])
def test_d10_contact_data_lands_nowhere(http: PoliteSession, key: str) -> None:
    entry = {**{entry.key: entry for entry in fixture_entries()}, **rest(http)}[key]
    harvested = read(entry)
    shown = harvested.record.model_dump_json() + repr(harvested.findings) + str(entry.payload)
    for secret in ("@example", "Nowhere", "+44", "E_mail", "has_address"):
        assert secret not in shown


def test_address_in_any_field_lands_nowhere() -> None:
    secret = "jane.doe@example.org"
    fields = ("has_dataset_title", "has_description", "has_license", "has_open_date", "has_doi", "has_project_type")
    more = f':ssbd-person-7-1 a :SSBD_person ; :has_first_name "{secret}" ; :has_organization "{secret}" .'
    document = f'{more} :ssbd-project-7 :has_unheard_of "{secret}" . :ssbd-dataset-7-x :has_folder_name "{secret}" .'
    said = dict.fromkeys(fields, f'"{secret}"') | {"has_project_participant": ":ssbd-person-7-1"}
    harvested = harvest(document, **said)
    assert "jane.doe" not in harvested.record.model_dump_json() + repr(harvested.findings)


def test_d6_one_orcid_with_two_people_keeps_both() -> None:
    people = " ".join(
        f':ssbd-person-7-{n} a :SSBD_person ; :has_first_name "{first}" ; :has_family_name "{last}" ; '
        ':has_orcid "0000-0002-1825-0097" .'
        for n, first, last in ((1, "Jane", "Doe"), (2, "Richard", "Roe"))
    )
    harvested = harvest(people, has_project_participant=":ssbd-person-7-1 , :ssbd-person-7-2")
    assert [person.name for person in records.canonical(harvested.record).contact] == ["Richard Roe", "Jane Doe"]
    assert rules(harvested) == ["orcid-conflict"]


# --- C: the dump


@pytest.mark.parametrize(
    "spelling",
    ["has_imaging_method_recorded_type", "has_imaging_mehod_recorded_type", "has_imaging_method_rcorded_type",
     "is_about_imaging_method"],
)  # fmt: skip
def test_c1_every_spelling_of_the_imaging_method(spelling: str) -> None:
    harvested = harvest(
        f":ssbd-dataset-7-x :has_imaging_method_total_info :ssbd-imaging-method-7-x . "
        f":ssbd-imaging-method-7-x a :SSBD_imaging_method_information ; :{spelling} obo:FBbi_00050000 ."
    )
    term, protocol = harvested.record.has_part[0].measurement_method
    assert (term.id, protocol.measurement_technique[0].id) == (f"{OBO}FBbi_00050000",) * 2
    assert [m.id for m in harvested.record.measurement_method] == [f"{OBO}FBbi_00050000"]
    is_misspelt = spelling not in ("has_imaging_method_recorded_type", "is_about_imaging_method")
    assert rules(harvested) == (["predicate-misspelt"] if is_misspelt else [])


def test_c1_a_wording_beside_the_term_is_no_second_method() -> None:
    mouse = next(part for part in every().record.has_part if part.name.startswith("Mice"))
    assert [m.id.rpartition("/")[2] for m in mouse.measurement_method][:1] == ["FBbi_00000246"]
    assert len(mouse.measurement_method) == 2


@pytest.mark.parametrize("field", ["is_about_organism", "http://purl.obolibrary.org/obo/IAO_0000136"])
def test_c1_organism_by_either_predicate(field: str) -> None:
    name = f"<{field}>" if field.startswith("http") else f":{field}"
    (taxon,) = sample(f"{name} obo:NCBITaxon_6239").record.about
    assert taxon.scientific_name == "Caenorhabditis elegans"


def test_unknown_predicate_is_a_finding_once() -> None:
    harvested = sample(':has_wings "two" , "four" ; :is_about_anatomy obo:UBERON_0000955')
    assert [(f.rule, f.field) for f in harvested.findings] == [("predicate-unknown", "has_wings")]
    assert f"{OBO}UBERON_0000955" in [t.id for t in harvested.record.about]


@pytest.mark.parametrize("damaged", ["oboInOwl", "oboInOwlInOwl"])
def test_c2_iri_that_a_replacement_went_through(damaged: str) -> None:
    harvested = sample(f":is_about_organism <http://purl.{damaged}library.org/{damaged}/NCBITaxon_10090>")
    assert [t.id for t in harvested.record.about] == [f"{OBO}NCBITaxon_10090"]
    (finding,) = harvested.findings
    assert (finding.rule, finding.suggestion) == ("iri-damaged", f"{OBO}NCBITaxon_10090")


def test_c2_damage_to_the_ontology_itself_is_not_in_the_payload() -> None:
    assert all(b"inSubset" not in (entry.payload or b"") for entry in fixture_entries())


def test_c3_empty_cells_of_pandas_are_findings() -> None:
    harvested = every()
    found = [(f.field, f.value) for f in harvested.findings if f.rule == "placeholder"]
    assert found == [("ssbd-instrument-90001-worm.has_detector", "nan"), ("ssbd-reagent-90001-nan",) * 2]
    assert "nan" not in {reagent.name for a in harvested.record.reagent_annotation for reagent in a.reagent}


def test_c4_swapped_names_are_told_by_the_paper() -> None:
    harvested = every()
    (contact,) = harvested.record.contact
    assert (contact.given_name, contact.family_name) == ("Jane", "Doe")
    (finding,) = [f for f in harvested.findings if f.rule == "name-swapped"]
    assert (finding.value, finding.suggestion) == ("Doe Jane", "Jane Doe")


def test_c4_names_stay_without_a_paper_that_tells() -> None:
    person = ':ssbd-person-7-1 a :SSBD_person ; :has_first_name "Taki" ; :has_family_name "Masayasu" .'
    harvested = harvest(person, has_project_participant=":ssbd-person-7-1")
    assert ([c.name for c in harvested.record.contact], rules(harvested)) == (["Taki Masayasu"], [])


def test_c5_misspelt_organisation() -> None:
    (contact,) = every().record.contact
    assert [o.name for o in contact.affiliation] == ["University of Tokyo"]


def test_c6_identifiers_in_literals_become_iris() -> None:
    first, second = every().record.publication
    assert (first.id, first.journal, first.date_published) == (
        "https://doi.org/10.9999/example.1",
        "Journal (London, England)",
        "2019",
    )
    assert (first.name, first.author_text) == ("A paper, and its title", "Richard R Roe, Jane Doe")
    assert first.same_as == [
        "https://pubmed.ncbi.nlm.nih.gov/12345678",
        "https://www.ncbi.nlm.nih.gov/pmc/articles/PMC7025093",
        "https://example.com/paper",
    ]
    assert (second.id, second.name) == ("https://pubmed.ncbi.nlm.nih.gov/23456789", None)


@pytest.mark.parametrize("doi", ["https://doi.org/1038/s41467-023-43855-2", "https://doi.org/0.1039/d3lc00768e"])
def test_d4_bad_doi_is_a_finding_and_the_pubmed_id_stands(doi: str) -> None:
    paper = f':ssbd-paper-7-1 a :SSBD_paper_information ; :has_doi "{doi}" ; :has_PMID "1" .'
    harvested = harvest(paper, has_project_publications=":ssbd-paper-7-1")
    assert [p.id for p in harvested.record.publication] == ["https://pubmed.ncbi.nlm.nih.gov/1"]
    assert rules(harvested) == ["doi-invalid"]


def test_paper_of_which_nothing_can_be_read() -> None:
    paper = ':ssbd-paper-7-1 a :SSBD_paper_information ; :has_paper_information "Doe et al., in preparation" .'
    harvested = harvest(paper, has_project_publications=":ssbd-paper-7-1")
    assert (harvested.record.publication, rules(harvested)) == ([], ["citation-unread", "node-dropped"])


def test_c7_genes_are_case_sensitive_symbols_of_the_samples_taxon() -> None:
    genes = {a.gene.symbol: a for a in every().record.gene_annotation}
    assert sorted(genes) == ["CRY1", "Cry1", "par-2"]
    assert len({a.gene.id for a in genes.values()}) == 3
    assert [t.scientific_name for t in genes["par-2"].gene.taxon] == ["Caenorhabditis elegans"]
    assert [t.scientific_name for t in genes["Cry1"].gene.taxon] == ["Mus musculus"]
    assert (genes["par-2"].gene_role, genes["Cry1"].gene_role) == ("perturbed", None)


def test_proteins_and_tags() -> None:
    mouse = next(part for part in every().record.has_part if part.name.startswith("Mice"))
    (protein,) = [thing for thing in mouse.about if type(thing).__name__ == "Protein"]
    assert (protein.name, [t.scientific_name for t in protein.taxon]) == ("H2B", ["Mus musculus"])
    assert f"{OBO}FBbi_00000082" in [t.id for t in mouse.measurement_method[-1].measurement_technique]


def test_reagents_and_compounds() -> None:
    things = [thing for a in every().record.reagent_annotation for thing in a.reagent]
    assert sorted((type(t).__name__, t.name) for t in things) == [
        ("Compound", "zalcitabine"),
        ("Reagent", "rabbit anti-VIP"),
    ]
    assert [t.id for t in things if t.name == "zalcitabine"] == ["https://identifiers.org/CHEBI:10101"]
    assert [t.reagent_kind for t in things if t.name == "rabbit anti-VIP"] == ["antibody"]


def test_several_reagents_beside_one_term_are_not_paired() -> None:
    reagent = (
        ':ssbd-reagent-7-x a :SSBD_reagent_information ; :has_reagent_name "DAPI" , "MitoPB" ; '
        ':has_reagent_uri "http://purl.obolibrary.org/obo/FBbi_00000056" .'
    )
    harvested = sample(":has_reagent_information :ssbd-reagent-7-x", reagent)
    assert [t.same_as for a in harvested.record.reagent_annotation for t in a.reagent] == [[], []]
    assert rules(harvested) == ["pairing-unknown"]


def test_c8_dataset_without_a_project_is_rejected_by_name() -> None:
    (entry,) = [entry for entry in fixture_entries() if "test_instance" in entry.key]
    assert entry.key == "ssbd-dataset-test_instance-Fig1a"
    assert b"ssbd-biosample-test_instance-Fig1a" in (entry.payload or b"")
    with pytest.raises(RecordError, match=r"no project leads to ssbd-dataset-test_instance-Fig1a \(.*SSBD_dataset"):
        read(entry)


def test_strays_in_a_circle_are_listed() -> None:
    circle = (
        ":ssbd-dataset-a a :SSBD_dataset ; :x :ssbd-dataset-b . :ssbd-dataset-b a :SSBD_dataset ; :x :ssbd-dataset-a ."
    )
    keys = [entry.key for entry in listing(":ssbd-project-1 a :SSBD_Project . " + circle)]
    assert keys == ["ssbd-dataset-a", "ssbd-dataset-b", "ssbd-project-1"]


# --- accessions and addresses


@pytest.mark.parametrize(
    ("name", "page", "accession", "number"),
    [
        ("108-Sugita-RPEiPSCell", None, "108-Sugita-RPEiPSCell", "108"),
        (None, "https://ssbd.riken.jp/database/project/108-Sugita-RPEiPSCell/", "108-Sugita-RPEiPSCell", "108"),
        (None, "https://ssbd.riken.jp/database/237-Jin-CellDynamics/", "237-Jin-CellDynamics", "237"),
        (None, "https://ssbd.riken.jp/v2/project/177-Kinjo-cAMPsignalingDyn", "177-Kinjo-cAMPsignalingDyn", "177"),
        (None, "https://ssbd.riken.jp/database/project/141/", "141", "141"),
        (None, "https://ssbd.riken.jp/repository/536/", "ssbd-repos-000536", "536"),
        (None, "https://ssbd.riken.jp/repository/ssbd-repos-000011/", "ssbd-repos-000011", "11"),
        ("NA", None, "7", "7"),
    ],
)  # fmt: skip
def test_every_shape_of_an_accession(name: str | None, page: str | None, accession: str, number: str) -> None:
    said = {"has_project_name": f'"{name}"' if name else "", "has_project_url": f'"{page}"' if page else ""}
    harvested = harvest("", **said)
    assert (harvested.record.accession, harvested.record.id) == (accession, f"{BASE}dataset/ssbd/{number}")
    assert ("accession-conflict" in rules(harvested)) == (number != "7")  # the node says 7


def test_project_without_name_and_number() -> None:
    with pytest.raises(RecordError, match="has_project_name: ssbd-project-x"):
        read(listing(':ssbd-project-x a :SSBD_Project ; :has_dataset_title "T" .')[0])


def test_project_without_title_and_datasets() -> None:
    harvested = every("ssbd-project-90002")
    assert (harvested.record.name, harvested.record.accession) == ("90002", "90002")
    assert rules(harvested) == ["title-missing"]


def test_two_halves_of_a_deposit_are_one_dataset() -> None:
    name = "ssbd-repos-000007"
    halves = [harvest(""), harvest("", has_project_name=f'"{name}"')]
    assert {half.record.id for half in halves} == {f"{BASE}dataset/ssbd/7"}
    assert {half.record.accession for half in halves} == {"7-Doe-Example", name}


# --- values


def test_dangling_and_nameless_nodes_are_findings() -> None:
    harvested = harvest(
        ":ssbd-person-7-1 a :SSBD_person .", has_project_participant=":ssbd-person-7-1 , :ssbd-person-7-2"
    )
    assert rules(harvested) == ["person-without-name", "dangling-reference"]


@pytest.mark.parametrize("said", ["512", "0x512", "512x512x144", "many", "-1x2", "1x2x0x1x1"])
def test_bad_dimensions_are_findings(said: str) -> None:
    harvested = harvest(
        f":ssbd-dataset-7-x :has_dimension_information :ssbd-dimension-7-x . "
        f':ssbd-dimension-7-x a :SSBD_dimension_data ; :has_dimensions "{said}" ; '
        ':has_x_scale "0 micrometer" ; :has_y_scale "1 parsec" .'
    )
    assert harvested.record.has_part[0].distribution == []
    assert rules(harvested) == ["dimensions-invalid", "number-invalid", "number-invalid"]


def test_zarr_without_an_address() -> None:
    harvested = harvest(
        ":ssbd-dataset-7-x :has_ome_zarr_information :ssbd-ome-ngff-7-x . "
        ':ssbd-ome-ngff-7-x a :SSBD_OME-NGFF-ZARR_information ; :has_size_x "2048" ; :has_size_y "0" .'
    )
    (zarr,) = harvested.record.has_part[0].distribution
    assert (zarr.content_url, zarr.image_width, zarr.image_height) == (None, 2048, None)
    assert rules(harvested) == ["address-missing", "number-invalid"]


def test_iri_with_a_blank_costs_one_field_and_not_the_file() -> None:
    harvested = sample(":is_about_strain <https://www.jax.org/strain/000 664> ; :is_about_organism obo:NCBITaxon_10090")
    assert rules(harvested) == ["iri-invalid"]
    assert [t.scientific_name for t in harvested.record.about] == ["Mus musculus"]


def test_strain_and_organism_as_words() -> None:
    harvested = sample(':is_about_strain "C57BL/6N" ; :is_about_organism "D. rerio"')
    (found,) = [thing for thing in harvested.record.has_part[0].about if type(thing).__name__ == "BioSample"]
    assert [(s.name, s.id) for s in found.strain] == [("C57BL/6N", f"{BASE}record/ssbd/7-Doe-Example#strain-c57bl-6n")]
    assert [t.scientific_name for t in found.taxon] == ["Danio rerio"]
    assert rules(sample(':is_about_organism "a snark"')) == ["taxon-unknown"]


def test_one_iri_for_two_kinds_of_thing() -> None:
    harvested = sample(":is_about_organism obo:NCBITaxon_10090 ; :is_about_cell_line obo:NCBITaxon_10090")
    assert rules(harvested) == ["iri-of-two-kinds"]


def test_one_sample_of_two_datasets_is_read_once() -> None:
    two = (
        ":ssbd-project-7 :has_dataset_output :ssbd-dataset-7-y . :ssbd-dataset-7-y a :SSBD_dataset ; "
        ':has_dataset_title "Y" ; :has_biosample_information :ssbd-biosample-7-x .'
    )
    harvested = sample(":is_about_organism obo:GO_1", two)
    assert rules(harvested) == ["taxon-invalid"]
    assert {part.about[0].id for part in harvested.record.has_part} == {
        f"{BASE}record/ssbd/7-Doe-Example#biosample-7-x"
    }


# --- payloads and files


def test_payload_is_the_projects_own_and_stable() -> None:
    first, second = (
        ':ssbd-project-1 a :SSBD_Project ; :has_dataset_title "One" .',
        ":ssbd-project-2 a :SSBD_Project .",
    )
    there, back = listing(first, second), listing(second, first)
    assert [(e.key, e.version, e.payload) for e in there] == [(e.key, e.version, e.payload) for e in back]
    changed = listing(first.replace("One", "Eins"), second)
    assert [a.version == b.version for a, b in zip(there, changed, strict=True)] == [False, True]
    assert there[0].url == "https://example.com/0.ttl"


def test_merged_file_is_read_alone(tmp_path: Path, http: PoliteSession) -> None:
    (tmp_path / "instance").mkdir()
    for name, title in (("SSBD_all_instances.ttl", "Merged"), ("SSBD_dataset.ttl", "Part")):
        document = f'{PREFIXES} :ssbd-project-7 a :SSBD_Project ; :has_dataset_title "{title}" .'
        (tmp_path / "instance" / name).write_text(document)
    (entry,) = ssbd.entries(http, source(tmp_path))
    assert (read(entry).record.name, rules(read(entry))) == ("Merged", [])


def test_same_statement_in_two_files_counts_once() -> None:
    (entry,) = listing(*[':ssbd-project-7 a :SSBD_Project ; :has_dataset_title "T" .'] * 2)
    assert (read(entry).record.name, rules(read(entry))) == ("T", [])


def test_every_serialisation(tmp_path: Path, http: PoliteSession) -> None:
    xml = (
        '<rdf:RDF xmlns:rdf="http://www.w3.org/1999/02/22-rdf-syntax-ns#" xmlns="http://ssbd.riken.jp/ontology/">'
        '<SSBD_Project rdf:about="http://ssbd.riken.jp/ontology/ssbd-project-7"/></rdf:RDF>'
    )
    title = f'<{SSBD}ssbd-project-7> <{SSBD}has_dataset_title> "T" .\n'
    for name, document in (("a.owl", xml), ("b.NT", title), ("notes.md", "# no RDF")):
        (tmp_path / name).write_text(document)
    with ZipFile(tmp_path / "dump.zip", "w") as packed:
        for path in tmp_path.glob("?.*"):
            packed.write(path, path.name)
    for url in (tmp_path, tmp_path / "dump.zip"):
        (entry,) = ssbd.entries(http, source(url))
        assert read(entry).record.name == "T"
        assert ssbd.fetch(http, source(url), Entry(entry.key)) == entry.payload
        with pytest.raises(SourceError, match="does not list ssbd-project-8"):
            ssbd.fetch(http, source(url), Entry("ssbd-project-8"))


@pytest.mark.parametrize(
    ("name", "document", "message"),
    [("a.ttl", "<html>", "a.ttl"), ("a.owl", "{}", "a.owl"), ("a.ttl", "", "no node of the class SSBD_Project")],
)
def test_bad_files_are_no_short_listing(
    tmp_path: Path, http: PoliteSession, name: str, document: str, message: str
) -> None:
    (tmp_path / name).write_text(document)
    with pytest.raises(SourceError, match=message):
        list(ssbd.entries(http, source(tmp_path)))


def test_routes(tmp_path: Path, http: PoliteSession) -> None:
    (tmp_path / "a.ttl").write_text(f"{PREFIXES} :ssbd-project-7 a :SSBD_Project .")
    (tmp_path / "a.json").write_bytes((PAYLOADS / "rest" / "data.json").read_bytes())
    assert [e.key for e in ssbd.entries(http, source(tmp_path))] == ["ssbd-project-7"]
    assert "90003-bdml" in [e.key for e in ssbd.entries(http, source(tmp_path, route="rest"))]
    with pytest.raises(SourceError, match="route: 'owl'"):
        list(ssbd.entries(http, source(tmp_path, route="owl")))


@pytest.mark.parametrize(
    "raw", [b"", b"{}", b"[]", b"null", b"<a> <b> <c> .", b"\xff", b'{"data": []}', b'{"data": [1]}', b"[" * 99_999]
)
def test_no_payload(raw: bytes) -> None:
    with pytest.raises(RecordError):
        ssbd.transform(raw, Entry("ssbd-project-7"), CTX)


def test_demo(http: PoliteSession) -> None:
    harvested = [read(entry) for entry in ssbd.entries(http, source(DEMO))]
    assert [h.record.id.rpartition("/")[2] for h in harvested] == ["141", "170", "199"]
    assert Counter(rule for h in harvested for rule in rules(h)) == {
        "predicate-misspelt": 2, "name-misspelt": 1, "iri-damaged": 1, "placeholder": 1,
    }  # fmt: skip
    assert len(parts_of_the_strain(harvested)) == 3


def parts_of_the_strain(harvested: list[Harvested]) -> Counter[str]:
    """Datasets of the strain C57BL/6J by method, as the hub's graph has them."""
    store = Store()
    for one in harvested:
        store.extend(records.to_quads(records.canonical(one.record)))
    return Counter({str(row["part"]): 1 for row in store.query(QUESTION)})


# --- live: GitHub


@pytest.fixture
def serve() -> Iterator[Callable[[Callable[[str], tuple[int, bytes]]], tuple[str, list[str]]]]:
    """Serve on loopback what a function of the path returns; give the address and the paths that were asked for."""
    running: list[tuple[ThreadingHTTPServer, threading.Thread]] = []

    def start(answer: Callable[[str], tuple[int, bytes]]) -> tuple[str, list[str]]:
        asked: list[str] = []

        class Handler(BaseHTTPRequestHandler):
            def do_GET(self) -> None:
                asked.append(self.path)
                status, body = answer(self.path)
                self.send_response(status)
                self.send_header("Content-Length", str(len(body)))
                self.end_headers()
                self.wfile.write(body)

            def log_message(self, format: str, *args: Any) -> None:
                pass

        server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        thread = threading.Thread(target=server.serve_forever)
        thread.start()
        running.append((server, thread))
        return f"http://127.0.0.1:{server.server_port}", asked

    yield start
    for server, thread in running:
        server.shutdown()
        server.server_close()
        thread.join()


def test_live_repository_costs_two_requests(serve: Any, http: PoliteSession) -> None:
    paths = ("README.md", "instance/SSBD_all_instances.ttl", "instance/SSBD_zarr.ttl", "ontology/ssbd_core.owl")
    tree = {"tree": [{"path": path, "type": "blob", "sha": "0"} for path in paths], "truncated": False}

    def answer(path: str) -> tuple[int, bytes]:
        return 200, json.dumps(tree).encode() if "/git/trees/" in path else (PAYLOADS / "instances.ttl").read_bytes()

    url, asked = serve(answer)
    live = source("https://github.com/openssbd/ssbd-ontology", github_api=url, github_raw=url)
    found = list(ssbd.entries(http, live))
    assert [e.key for e in found] == ["ssbd-dataset-test_instance-Fig1a", "ssbd-project-90001", "ssbd-project-90002"]
    assert len(asked) == 2
    assert [ssbd.fetch(http, live, entry) for entry in found] == [entry.payload for entry in found]
    assert len(asked) == 2


# --- REST


class Api:
    """A loopback service: its objects, by kind, in pages of two."""

    def __init__(self) -> None:
        self.objects = {
            "data": json.loads((PAYLOADS / "rest" / "data.json").read_bytes())["objects"],
            "contact": json.loads((PAYLOADS / "rest" / "contact.json").read_bytes())["objects"],
        }
        self.spoil: Callable[[str, dict[str, Any]], Any] = lambda _kind, page: page

    def answer(self, path: str) -> tuple[int, bytes]:
        kind, _, query = path.removeprefix("/SSBD/api/v3/").partition("/?")
        if kind not in self.objects:
            return 404, b"{}"
        asked = parse_qs(query.replace(";", "&"))
        offset = int(asked.get("offset", ["0"])[0])
        held = self.objects[kind]
        following = f"/SSBD/api/v3/{kind}/?format=json&limit=2&offset={offset + 2}" if offset + 2 < len(held) else None
        meta = {"limit": 2, "next": following, "offset": offset, "previous": None, "total_count": len(held)}
        page = self.spoil(kind, {"meta": meta, "objects": held[offset : offset + 2]})
        return 200, page if isinstance(page, bytes) else json.dumps(page).encode()


@pytest.fixture
def api() -> Api:
    return Api()


def test_a4_next_page_without_host_and_with_another_separator(api: Api, serve: Any, http: PoliteSession) -> None:
    url, asked = serve(api.answer)
    live = source(f"{url}/SSBD/api/v3/", page_size=2)
    found = {entry.key: entry for entry in ssbd.entries(http, live)}
    assert asked == [
        "/SSBD/api/v3/data/?format=json;limit=2", "/SSBD/api/v3/data/?format=json&limit=2&offset=2",
        "/SSBD/api/v3/contact/?format=json;limit=2", "/SSBD/api/v3/contributor/?format=json;limit=2",
    ]  # fmt: skip
    saved = rest(http)
    for key in ("90003-bdml", "90004-bdml", "bdml-00000000-0000-4000-8000-000000000003"):
        assert (found[key].payload, found[key].version) == (saved[key].payload, saved[key].version)
    assert list(found) == sorted(found)


@pytest.mark.parametrize("end", ["/SSBD/api/v3/data/?format=json;limit=5", "/SSBD/api/v3/data", "/SSBD/api/v3"])
def test_every_shape_of_the_services_address(api: Api, serve: Any, http: PoliteSession, end: str) -> None:
    url, _ = serve(api.answer)
    assert len(list(ssbd.entries(http, source(url + end)))) == 3


def following(address: str) -> Callable[[str, dict[str, Any]], Any]:
    return lambda _kind, page: {**page, "meta": {**page["meta"], "next": address}}


@pytest.mark.parametrize(
    ("spoil", "message"),
    [
        (following("/SSBD/api/v3/data/?format=json;limit=100"), "next page"),
        (following("http://elsewhere.example/x"), "next page"),
        (lambda _kind, page: {**page, "objects": page["objects"][:1]}, "2 objects came of 4"),
        (lambda _kind, _page: b"<html>down</html>", "not JSON"),
        (lambda _kind, _page: {"objects": []}, "no `meta`"),
        (lambda _kind, page: {**page, "objects": None}, "no list of `objects`"),
        (lambda _kind, page: {**page, "objects": ["x", "y"]}, "no list of `objects`"),
    ],
)
def test_a_strange_page_is_never_a_short_listing(
    api: Api, serve: Any, http: PoliteSession, spoil: Any, message: str
) -> None:
    api.spoil = spoil
    url, _ = serve(api.answer)
    with pytest.raises(SourceError, match=message):
        list(ssbd.entries(http, source(f"{url}/SSBD/api/v3/")))


def test_outage_of_the_people_is_an_error_and_absence_is_not(api: Api, serve: Any, http: PoliteSession) -> None:
    url, _ = serve(lambda path: (500, b"") if "/contact/" in path else api.answer(path))
    with pytest.raises(SourceError) as failed:
        list(ssbd.entries(http, source(f"{url}/SSBD/api/v3/")))
    assert failed.value.status == 500


@pytest.mark.parametrize(
    ("url", "options", "message"),
    [
        ("http://x.example/SSBD/api/v3/data/?format=json;organism__icontains=rerio;", {}, "organism__icontains"),
        ("http://x.example/SSBD/api/v3/", {"page_size": 0}, "page_size"),
        ("http://x.example/SSBD/api/v3/contact/", {}, "is not"),
    ],
)
def test_bad_configuration(http: PoliteSession, url: str, options: dict[str, Any], message: str) -> None:
    with pytest.raises(SourceError, match=message):
        list(ssbd.entries(http, source(url, **options)))


def test_quantities_of_a_project(http: PoliteSession) -> None:
    harvested = read(rest(http)["90003-bdml"])
    record = harvested.record
    assert (record.id, record.accession) == (f"{BASE}dataset/ssbd/90003", "90003-bdml")
    assert (record.name, record.date_published, record.url) == (
        "nuclear positions", "2017-10-03", "https://ssbd.riken.jp/database/project/90003/",
    )  # fmt: skip
    assert [(a.id, a.name) for a in record.author] == [
        ("https://orcid.org/0000-0002-1825-0097", "Jane Q. Doe"),
        (f"{BASE}record/ssbd/90003-bdml#person-richard-roe", "Richard Roe"),
    ]
    assert [c.id for c in record.contact] == ["https://orcid.org/0000-0002-1825-0097"]
    assert [o.name for o in record.author[0].affiliation] == ["Institute of Examples"]
    assert [p.id for p in record.publication] == ["https://pubmed.ncbi.nlm.nih.gov/12345678"]
    assert record.related == ["http://example.com/fish.html"]
    assert [t.scientific_name for t in record.about] == ["Danio rerio"]
    assert sorted(a.gene.symbol for a in record.gene_annotation) == ["par-2", "par-3"]
    fish, simulated = record.has_part
    assert (fish.description, fish.distribution[0].name) == ("positions of nuclei in a fish", "fish_1.mat")
    assert simulated.description == "positions of nuclei in a simulation\nNuclei were placed at random."
    assert (simulated.not_applicable, simulated.about) == (["http://schema.org/about"], [])


def test_licence_without_a_version_is_kept_in_words(http: PoliteSession) -> None:
    harvested = read(rest(http)["90003-bdml"])
    assert (harvested.record.license, harvested.record.copyright_notice) == (None, "CC BY-SA")
    assert sorted(rules(harvested)) == ["licence-unknown", "placeholder", "title-missing"]


def test_file_without_a_project_is_a_record_of_its_own(http: PoliteSession) -> None:
    record = read(rest(http)["bdml-00000000-0000-4000-8000-000000000003"]).record
    assert record.id == f"{BASE}dataset/ssbd/bdml-00000000-0000-4000-8000-000000000003"
    assert [a.gene.symbol for a in record.gene_annotation] == ["F58B6.3"]
    assert (record.name, record.url) == ("A file alone", None)


def test_bad_values_are_findings_and_a_title_of_rank_is_no_author(http: PoliteSession) -> None:
    harvested = read(rest(http)["90004-bdml"])
    assert [a.name for a in harvested.record.author] == ["Jane Doe, Jr."]
    assert Counter(rules(harvested)) == {
        "title-missing": 2, "taxon-unknown": 1, "date-invalid": 1, "placeholder": 1, "list-split": 1,
    }  # fmt: skip


def test_page_without_metadata_is_rejected_by_name(http: PoliteSession) -> None:
    entry = rest(http)["bd5coords.json"]
    with pytest.raises(RecordError, match=r"bd5coords\.json holds no object of `data`"):
        ssbd.transform(entry.payload or b"", entry, CTX)


def test_file_described_twice_and_otherwise(tmp_path: Path, http: PoliteSession) -> None:
    item = {"SID": 1, "bdmlID": "00000000-0000-4000-8000-000000000001", "title": "A"}
    for name, title in (("a", "A"), ("b", "B"), ("c", "B")):
        page = {"meta": {}, "objects": [{**item, "title": title}]}
        (tmp_path / f"{name}.json").write_text(json.dumps(page))
    harvested = read(rest(http, tmp_path)["1-bdml"])
    assert ([part.name for part in harvested.record.has_part], rules(harvested)) == (["A"], ["duplicate-id"])


def test_object_without_identifiers_is_rejected(tmp_path: Path, http: PoliteSession) -> None:
    (tmp_path / "a.json").write_text(json.dumps({"meta": {}, "objects": [{"SID": "x", "bdmlID": None}]}))
    (tmp_path / "b.json").write_text("<html>")
    found = rest(http, tmp_path)
    assert list(found) == ["b.json", "bdml-none"]
    for entry in found.values():
        with pytest.raises(RecordError):
            ssbd.transform(entry.payload or b"", entry, CTX)


# --- hostile documents

JUNK = st.none() | st.booleans() | st.integers() | st.text(max_size=20) | st.sampled_from(
    ["", "N/A", "nan", "10.1/x", "2020-13-01", "jane@b.org", "\ud800", 10**400, [], {}, [{}], {"a": "jane@b.org"}]
)  # fmt: skip
IRIS = [
    "",
    "x",
    "http://[",
    "https://a b",
    f"{OBO}GO_0",
    f"{OBO}NCBITaxon_9606",
    f"{SSBD}ssbd-dataset-90001-worm",
    "http://x/a@b.org",
]


@settings(max_examples=150, suppress_health_check=[HealthCheck.too_slow])
@given(st.data())
def test_any_statement_may_be_anything(data: st.DataObject) -> None:
    entry = next(entry for entry in fixture_entries() if entry.key == "ssbd-project-90001")
    lines = (entry.payload or b"").decode().splitlines()
    for _ in range(data.draw(st.integers(1, 4))):
        place = data.draw(st.integers(0, len(lines) - 1))
        subject, predicate, _ = lines[place].split(" ", 2)
        words = json.dumps(
            data.draw(st.text(max_size=20) | st.sampled_from(["jane@b.org", "nan", "NA", "0x0", "1e999"]))
        )
        value = words if data.draw(st.booleans()) else f"<{data.draw(st.sampled_from(IRIS))}>"
        other = data.draw(st.sampled_from([line.split(" ")[1] for line in lines]) | st.just(predicate))
        lines[place] = f"{subject} {other} {value} ."
    try:
        harvested = ssbd.transform("\n".join(lines).encode("utf-8", "replace"), entry, CTX)
    except RecordError:
        return
    check_round_trip(harvested)
    assert "jane@" not in harvested.record.model_dump_json() + repr(harvested.findings)


@settings(max_examples=150, suppress_health_check=[HealthCheck.too_slow])
@given(st.data())
def test_any_field_may_be_anything(data: st.DataObject) -> None:
    item = json.loads((PAYLOADS / "rest" / "data.json").read_bytes())["objects"][0]
    person = {
        "first_name": "Jane",
        "middle_name": None,
        "last_name": "Doe",
        "ORCID": None,
        "organization": "O",
        "role": "contact",
    }
    for holder in (item, person):
        for name in data.draw(st.sets(st.sampled_from(sorted(holder)), max_size=5)):
            holder[name] = data.draw(JUNK)
    payload = {"data": [item, {**item, "bdmlID": "x"}], "people": [person, data.draw(JUNK)]}
    try:
        harvested = ssbd.transform(json.dumps(payload).encode(), Entry("90003-bdml"), CTX)
    except RecordError:
        return
    check_round_trip(harvested)
    assert "jane@" not in harvested.record.model_dump_json() + repr(harvested.findings)
    for finding in harvested.findings:
        f"{finding.field}{finding.value}{finding.message}".encode()


# --- the real dump and the real answers


@pytest.mark.corpus
def test_corpus_dump(corpus: Path, http: PoliteSession) -> None:
    listed = list(ssbd.entries(http, source(corpus / "ssbd" / "ontology")))
    strays = [entry for entry in listed if "test_instance" in entry.key]
    assert len(strays) == 2
    for entry in strays:
        with pytest.raises(RecordError, match="no project leads to"):
            read(entry)
    harvested = [read(entry) for entry in listed if entry not in strays]
    assert [(h.record.accession, len(h.record.has_part)) for h in harvested] == [
        ("141-Sato-CellMorphology", 17), ("163-Wang-MitochondrialDyn", 10), ("170-Tsutsui-HookBM", 1),
        ("199-Ichimura-MulticellularDyn", 7), ("2-Kyoda-WormEmbryoRNAi", 3), ("48-Susaki-MouseBrainCUBIC", 27),
        ("98-Morita-ToothEpiCellDyn", 1),
    ]  # fmt: skip
    assert Counter(rule for h in harvested for rule in rules(h)) == {
        "address-missing": 9, "predicate-misspelt": 5, "placeholder": 3, "citation-unread": 2, "name-misspelt": 1,
        "name-swapped": 1, "node-unreached": 1, "channels-conflict": 1,
    }  # fmt: skip
    assert {a.gene.symbol for h in harvested for a in h.record.gene_annotation} == {
        "Arc", "Cry1", "Cry2", "Thy1", "par-2", "rpl-23",
    }  # fmt: skip
    parts = [part for h in harvested for part in h.record.has_part]
    assert all(part.about and part.measurement_method and part.distribution for part in parts)


@pytest.mark.corpus
def test_corpus_question_of_the_ontologys_readme_finds_18_of_18(corpus: Path, http: PoliteSession) -> None:
    harvested = []
    for entry in ssbd.entries(http, source(corpus / "ssbd" / "ontology" / "instance")):
        if entry.key.startswith("ssbd-project-"):
            harvested.append(read(entry))
    found = parts_of_the_strain(harvested)
    assert len(found) == 18
    assert sum("/141-" in part for part in found) == 17
    assert sum("/199-" in part for part in found) == 1


@pytest.mark.corpus
def test_corpus_parts_and_integrated_file(corpus: Path, tmp_path: Path, http: PoliteSession) -> None:
    (tmp_path / "parts").mkdir()
    for path in (corpus / "ssbd" / "ontology" / "instance").glob("*.ttl"):
        if "all_instances" not in path.name:
            (tmp_path / "parts" / path.name).symlink_to(path)
    (tmp_path / "one").mkdir()
    (tmp_path / "one" / "ssbd_v20250512.ttl").symlink_to(corpus / "ssbd" / "ontology" / "ssbd_v20250512.ttl")
    for folder, parts, unread in (("parts", 4, 404), ("one", 66, 1)):
        listed = [entry for entry in ssbd.entries(http, source(tmp_path / folder)) if "-project-" in entry.key]
        harvested = [read(entry) for entry in listed]
        assert len(harvested) == 7
        assert sum(len(h.record.has_part) for h in harvested) == parts
        assert sum(rule == "node-unreached" for h in harvested for rule in rules(h)) == unread


@pytest.mark.corpus
def test_corpus_recorded_answers(corpus: Path, http: PoliteSession) -> None:
    found = rest(http, corpus / "ssbd" / "rest-api" / "v3-recorded")
    rejected = [key for key in found if key.endswith(".json")]
    assert len(rejected) == 4
    for key in rejected:
        with pytest.raises(RecordError, match="holds no object of `data`"):
            read(found[key])
    harvested = {key: read(entry) for key, entry in found.items() if key not in rejected}
    assert {key: len(h.record.has_part) for key, h in harvested.items()} == {
        "1-bdml": 2, "13-bdml": 4, "2-bdml": 20, "4-bdml": 4, "41-bdml": 20, "44-bdml": 2, "5-bdml": 14, "6-bdml": 1,
        "73-bdml": 13,
    }  # fmt: skip
    assert Counter(rule for h in harvested.values() for rule in rules(h)) == {
        "licence-unknown": 9, "placeholder": 9, "title-missing": 7,
    }  # fmt: skip


@pytest.mark.corpus
def test_corpus_number_of_a_file_is_its_projects(corpus: Path, http: PoliteSession) -> None:
    """The crate of a project and the quantitative data of the same number have the same paper."""
    crates = corpus / "crates" / "ssbd-2026-03-10" / "database"
    papers = {"2": "10.1093/nar/gks1107", "5": "10.1126/science.1162493", "73": "10.1016/j.bpj.2016.12.043"}
    pmids = {"2": "23172286", "5": "18845710", "73": "28256240"}
    found = rest(http, corpus / "ssbd" / "rest-api" / "v3-recorded")
    for number, doi in papers.items():
        (path,) = crates.glob(f"{number}-*.json")
        assert identifiers.doi(doi) in path.read_text(encoding="utf-8")
        assert [p.id for p in read(found[f"{number}-bdml"]).record.publication] == [identifiers.pmid(pmids[number])]


def test_declaration() -> None:
    assert (ssbd.HARVESTER.name, ssbd.HARVESTER.listing, ssbd.HARVESTER.route) == ("ssbd", "full", 1)
