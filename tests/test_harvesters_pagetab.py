"""Page-tab: the tolerant tree, file lists, and every trap of a study's sections and values."""

from __future__ import annotations

import io
import json
import os
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from harvesters import biostudies, pagetab
from harvesters import biostudies_filelists as filelists
from harvesters.contract import Context, Entry, Finding, Harvested, RecordError, Source
from harvesters.pagetab import fold_name
from hub import records
from ontology import text

PAYLOADS = Path(__file__).parent / "archives" / "biostudies"
BASE = "https://hub.example/"
OBO = "http://purl.obolibrary.org/obo/"
LIVE = Source("biostudies", "biostudies", "bia", "https://www.ebi.ac.uk/biostudies/api/v1/")
CTX = Context(BASE, LIVE)
NAMES = ("S-BIAD10001", "S-JCBD10002")
Node = dict[str, Any]


def attributes(*pairs: Any, **named: Any) -> list[Node]:
    """Attributes in page-tab's form, of pairs, of whole objects and of names."""
    made = [pair if isinstance(pair, dict) else {"name": pair[0], "value": pair[1]} for pair in pairs]
    return [*made, *({"name": name.replace("_", " "), "value": value} for name, value in named.items())]


def section(kind: str, *pairs: Any, accno: str | None = None, below: list[Any] | None = None, **named: Any) -> Node:
    made: Node = {"type": kind, "attributes": attributes(*pairs, **named)}
    return made | ({"accno": accno} if accno else {}) | ({"subsections": below} if below else {})


def study(*subsections: Any, accno: str = "S-BIAD1", more: list[Node] | None = None, **root: Any) -> Node:
    kept = {name: root.pop(name) for name in ("links", "files") if name in root}
    submission = attributes(("Title", "A title"), ("ReleaseDate", "2024-01-02"), *(more or []))
    body = {"type": "Study", "attributes": attributes(**root), "subsections": list(subsections), **kept}
    return {"accno": accno, "type": "submission", "attributes": submission, "section": body}


def harvest(document: Node, source: Source = LIVE) -> Harvested:
    return biostudies.transform(json.dumps(document).encode(), Entry("x.json"), Context(BASE, source))


def rules(harvested: Harvested) -> list[tuple[str, str]]:
    return [(f.field, f.rule) for f in harvested.findings]


def only(harvested: Harvested) -> Finding:
    (finding,) = harvested.findings
    return finding


def check_round_trip(harvested: Harvested) -> None:
    record = records.canonical(harvested.record)
    assert records.from_quads(records.to_quads(record), record.id) == record


# --- golden documents


@pytest.mark.parametrize("name", NAMES)
def test_golden_quads(name: str) -> None:
    harvested = biostudies.transform((PAYLOADS / f"{name}.json").read_bytes(), Entry(f"{name}.json"), CTX)
    check_round_trip(harvested)
    lines = sorted(f"{quad} ." for quad in records.to_quads(records.canonical(harvested.record)))
    golden = PAYLOADS / f"{name}.nt"
    if "UPDATE_GOLDEN" in os.environ:
        golden.write_text("\n".join(lines) + "\n", encoding="utf-8")
    assert lines == golden.read_text(encoding="utf-8").splitlines()


@pytest.mark.parametrize("name", NAMES)
def test_golden_documents_have_no_findings(name: str) -> None:
    harvested = biostudies.transform((PAYLOADS / f"{name}.json").read_bytes(), Entry(name), CTX)
    assert harvested.findings == ()
    assert "example.org" not in harvested.record.model_dump_json()


def test_a_study_of_the_jcb_dataviewer_names_it_as_publisher() -> None:
    record = harvest(json.loads((PAYLOADS / "S-JCBD10002.json").read_bytes())).record
    assert (record.archive.name, record.publisher.name) == ("BioImage Archive", "JCB DataViewer")
    assert record.id == f"{BASE}dataset/bia/S-JCBD10002"


# --- the tree


@pytest.mark.parametrize(
    ("written", "folded"),
    [
        ("Image Acquisition", "image acquisition"), ("Image acquisition", "image acquisition"),
        ("organization", "organisation"), ("Organization", "organisation"), ("Annotations", "annotation"),
        ("E-mail", "e mail"), ("grant_id", "grant id"), ("Keywords", "keyword"), ("Pubmed ID", "pubmed id"),
        ("Sample Preparation Protocol", "sample preparation protocol"), ("TermId", "ontology term id"),
        ("ReleaseDate", "release date"), ("  File\u00a0List ", "file list"),
    ],
)  # fmt: skip
def test_case_and_spelling_variants_are_one_name(written: str, folded: str) -> None:
    assert fold_name(written) == folded
    assert fold_name(folded) == folded


def test_tables_and_single_objects_are_flattened() -> None:
    found: list[Any] = []
    node = {"section": {"type": "Study", "subsections": [[{"type": "a"}, {"type": "b"}], {"type": "c"}],
                        "links": {"url": "https://x.org"}, "files": [[{"path": "p"}], {"path": "q"}]}}  # fmt: skip
    document = pagetab.read(node, lambda *said: found.append(said))
    assert [(s.kind, s.place) for s in document.root.sections] == [
        ("a", "section.subsections[0][0]"),
        ("b", "section.subsections[0][1]"),
        ("c", "section.subsections[1]"),
    ]
    assert [link.url for link in document.root.links] == ["https://x.org"]
    assert [file.path for file in document.root.files] == ["p", "q"]
    assert found == []


def test_section_without_attributes_and_attributes_without_value_say_nothing() -> None:
    empty = {"type": "Image analysis", "accno": "Image analysis-5"}
    nothing = section("author", ("Name", "Ann Example"), {"name": "ORCID"}, ("Role", None), ("Email", ""))
    harvested = harvest(study(empty, nothing, {"type": "Funding", "attributes": [{}]}, {}))
    assert harvested.findings == ()
    assert not harvested.record.measurement_method
    assert not harvested.record.funding


def test_attribute_named_with_a_sentence_is_a_finding() -> None:
    named = {"name": "Image data: file format: TIFF, Bit depth: 16 bit", "value": None}
    finding = only(harvest(study(section("Image acquisition", ("Title", "A"), named))))
    assert (finding.field, finding.rule) == ("section.subsections[0].attributes[1]", "attribute-name")
    assert finding.value == named["name"]


@pytest.mark.parametrize("value", [["a"], {"a": 1}, True])
def test_misshapen_value_is_a_finding_that_shows_its_kind_only(value: Any) -> None:
    finding = only(harvest(study(Description=value)))
    assert (finding.field, finding.rule) == ("section.Description", "shape-invalid")
    assert finding.value == type(value).__name__


def test_sections_nested_too_deeply() -> None:
    deep: Node = section("author", Name="Ann")
    for _ in range(40):
        deep = section("Group", below=[deep])
    assert only(harvest(study(deep))).rule == "too-deep"


# --- title, text, dates, licence


def test_title_on_submission_on_section_or_nowhere() -> None:
    bare: Node = {"accno": "S-BIAD1", "section": {"type": "Study", "attributes": attributes(Title="On the section")}}
    assert harvest(bare).record.name == "On the section"
    nowhere = harvest({"accno": "S-BIAD1", "section": {}})
    assert (nowhere.record.name, rules(nowhere)) == ("S-BIAD1", [("Title", "title-missing")])
    both = harvest(study(Title="Another title"))
    assert both.record.name == "A title"
    assert (only(both).rule, only(both).suggestion) == ("title-conflict", "A title")
    assert harvest(study(Title=" a Title ")).findings == ()


def test_abstract_and_description() -> None:
    assert harvest(study(Abstract="One.")).record.description == "One."
    assert harvest(study(Description="Two.", Abstract="One.")).record.description == "Two.\n\nOne."


def test_placeholder_description_is_unknown() -> None:
    record = harvest(study(Description="TBD")).record
    assert (record.description, record.unknown) == (None, ["http://schema.org/description"])


def test_release_dates_that_differ() -> None:
    harvested = harvest(study(ReleaseDate="2024-01-03"))
    assert harvested.record.date_published == "2024-01-02"
    assert only(harvested).rule == "date-conflict"


URL = "https://creativecommons.org/licenses/by/4.0/"


def licence(value: str, url: str | None = None) -> Node:
    return {"name": "License", "value": value, **({"valqual": [{"name": "URL", "value": url}]} if url else {})}


@pytest.mark.parametrize(
    ("stated", "taken", "rule"),
    [
        (licence("CC BY 4.0", URL + "legalcode"), URL, None),
        (licence("CC-BY 4.0"), URL, None),
        (licence("some licence", URL), URL, "licence-unknown"),
        (licence("CC0", URL), None, "licence-conflict"),
        (licence("CC BY-SA"), None, "licence-unknown"),
    ],
)
def test_licence_in_words_and_in_its_qualifier(stated: Node, taken: str | None, rule: str | None) -> None:
    document = study()
    document["section"]["attributes"].append(stated)
    harvested = harvest(document)
    assert harvested.record.license == taken
    assert [f.rule for f in harvested.findings] == ([rule] if rule else [])


def test_dataset_doi_is_the_same_thing_only_when_it_is_its_own() -> None:
    own = harvest(study(more=attributes(DOI="10.6019/S-BIAD1")))
    assert own.record.same_as == ["https://doi.org/10.6019/s-biad1"]
    other = harvest(study(more=attributes(DOI="10.6019/S-BIAD2")))
    assert not other.record.same_as
    assert (only(other).rule, only(other).suggestion) == ("doi-of-another", "https://doi.org/10.6019/s-biad1")
    assert only(harvest(study(more=attributes(DOI="10.1101/2023.12.07.570699")))).suggestion is None


def test_an_entry_of_empiar_is_empiars_dataset() -> None:
    document = study(accno="EMPIAR-10310", links=[{"url": "https://doi.org/10.6019/EMPIAR-10310"}])
    harvested = harvest(document)
    record = harvested.record
    assert (record.id, record.archive.id) == (f"{BASE}dataset/empiar/EMPIAR-10310", f"{BASE}archive/empiar")
    assert record.url == "https://www.ebi.ac.uk/empiar/EMPIAR-10310/"
    assert record.same_as == [
        "https://www.ebi.ac.uk/biostudies/bioimages/studies/EMPIAR-10310",
        "https://doi.org/10.6019/empiar-10310",
    ]
    assert (record.license, record.related, harvested.findings) == (None, [], ())
    document["section"]["attributes"].append(licence("CC BY 4.0"))
    harvested = harvest(document)
    assert harvested.record.license is None
    assert (only(harvested).rule, only(harvested).suggestion) == (
        "licence-conflict",
        "https://creativecommons.org/publicdomain/zero/1.0/",
    )


def test_keywords_repeat_and_hold_lists() -> None:
    document = study()
    document["section"]["attributes"] += attributes(
        ("Keywords", "Talin, Focal Adhesion"), ("Keyword", "a; b"), ("Keywords", "2,4-D"), ("Keyword", "N/A")
    )
    record = harvest(document).record
    assert record.keyword == ["Talin", "Focal Adhesion", "a", "b", "2,4-D"]
    assert record.not_applicable == ["http://schema.org/keywords"]


# --- people


def author(*more: Node, name: Any = "Ann Example", **named: Any) -> Node:
    return section("author", ("Name", name), *more, **named)


ORGANISATION = section("organisation", accno="o1", Name="Example University")


@pytest.mark.parametrize(
    "orcid", ["0000-0002-1825-0097", "https://orcid.org/0000-0002-1825-0097", "http://orcid.org/0000-0002-1825-0097"]
)
def test_every_spelling_of_an_orcid(orcid: str) -> None:
    assert harvest(study(author(ORCID=orcid))).record.author[0].id == "https://orcid.org/0000-0002-1825-0097"


def test_author_without_a_name_is_a_finding_without_the_address() -> None:
    harvested = harvest(study(author(("E-mail", "lab@example.org"), name=None)))
    assert not harvested.record.author
    assert (only(harvested).field, only(harvested).rule) == ("section.subsections[0]", "person-without-name")
    assert "example.org" not in repr(harvested.findings)


@pytest.mark.parametrize(
    "mail", ["Ann <ann@example.org>", "ann@example.org@gmail.example", "ann@example..org.u.se", "\u202bann@example.org"]
)
def test_addresses_are_never_read(mail: str) -> None:
    harvested = harvest(study(author(("E-mail", mail), ("Email", mail), name=f"Ann Example <{mail}>")))
    assert harvested.record.author[0].name == "Ann Example" or "Ann" in harvested.record.author[0].name
    assert not text.has_email(harvested.record.model_dump_json() + repr(harvested.findings))
    assert "ann@" not in harvested.record.model_dump_json() + repr(harvested.findings)


def test_one_orcid_with_two_people_keeps_both() -> None:
    orcid = "0000-0003-2651-2584"
    harvested = harvest(study(author(name="Ann Example", ORCID=orcid), author(name="Bo Other", ORCID=orcid)))
    assert [a.name for a in records.canonical(harvested.record).author] == ["Ann Example", "Bo Other"]
    assert only(harvested).rule == "orcid-conflict"


def test_affiliation_without_the_mark_of_a_reference() -> None:
    harvested = harvest(study(author(affiliation="o1"), ORGANISATION))
    assert harvested.record.author[0].affiliation[0].name == "Example University"
    assert (only(harvested).rule, only(harvested).suggestion) == ("reference-unmarked", "reference: true")


def test_affiliation_that_refers_to_nothing_names_the_organisation_without_accno() -> None:
    nameless = section("organisation", Name="Example University")
    harvested = harvest(study(author({"name": "affiliation", "value": "o1", "reference": True}), nameless))
    assert not harvested.record.author[0].affiliation
    assert (only(harvested).rule, only(harvested).suggestion) == ("reference-missing", "Example University")


def test_several_affiliations_in_one_value() -> None:
    other = section("Organization", accno="o2", Name="Other", RORID="https://ror.org/02catss52")
    harvested = harvest(
        study(author({"name": "Affiliation", "value": "o1, o2", "reference": True}), ORGANISATION, other)
    )
    assert [o.id for o in harvested.record.author[0].affiliation] == [
        f"{BASE}record/biostudies/S-BIAD1#organisation-example-university",
        "https://ror.org/02catss52",
    ]
    assert harvested.findings == ()


def test_affiliation_that_is_a_name() -> None:
    harvested = harvest(study(author(affiliation="Institute of Examples, Main Street 7, 12345 Town, Country")))
    assert [o.name for o in harvested.record.author[0].affiliation] == ["Institute of Examples, Country"]


def test_bad_ror_leaves_the_organisation() -> None:
    harvested = harvest(
        study(
            section("organisation", accno="o1", Name="X", RORID="https://ror.org/0"),
            author({"name": "affiliation", "value": "o1", "reference": True}),
        )
    )
    assert harvested.record.author[0].affiliation[0].name == "X"
    assert only(harvested).rule == "ror-invalid"


# --- papers and links


@pytest.mark.parametrize(
    ("written", "iri", "rule", "suggestion"),
    [
        ("https://doi.org/DOI: 10.26508/lsa.202403067", "10.26508/lsa.202403067", None, None),
        ("DOI: https://doi.org/10.7554/eLife.93764.", "10.7554/elife.93764", None, None),
        ("https:// dx.doi.org/10.17504/protocols.io.rm7vz7", "10.17504/protocols.io.rm7vz7", None, None),
        ("arXiv:2504.18737v1 ", "10.48550/arxiv.2504.18737", None, None),
        ("doi: 10.3389/fcell.2024.1430728", "10.3389/fcell.2024.1430728", None, None),
        ("0.1101/2025.03.24.645013", None, "doi-invalid", "10.1101/2025.03.24.645013"),
        ("2024.09.23.614351", None, "doi-invalid", "10.1101/2024.09.23.614351"),
        ("https://doi.org/10.1101/2025.04.08.647723 Funding", None, "doi-invalid", "10.1101/2025.04.08.647723"),
        ("https://www.nature.com/articles/s41598-024-66600-1#Abs1", None, "doi-invalid", "10.1038/s41598-024-66600-1"),
        ("https://doi.org/1038/s41467-023-43855-2", None, "doi-invalid", "10.1038/s41467-023-43855-2"),
        ("TBD", None, "placeholder", None),
        ("10.6019/S-BIAD7", None, "doi-of-another", None),
    ],
)  # fmt: skip
def test_doi_of_a_paper(written: str, iri: str | None, rule: str | None, suggestion: str | None) -> None:
    harvested = harvest(study(section("Publication", Title="A paper", DOI=written)))
    (paper,) = harvested.record.publication
    assert paper.id == (f"https://doi.org/{iri}" if iri else f"{BASE}record/biostudies/S-BIAD1#publication-1")
    said = [(f.rule, f.suggestion) for f in harvested.findings]
    assert said == ([(rule, suggestion and f"https://doi.org/{suggestion}")] if rule else [])


@pytest.mark.parametrize(
    ("written", "rule"),
    [
        ("pending", "placeholder"),
        ("in revision", "placeholder"),
        ("BIO ", "pmid-invalid"),
        ("A whole title", "pmid-invalid"),
    ],
)
def test_pubmed_id_that_is_none_makes_no_paper(written: str, rule: str) -> None:
    harvested = harvest(study(section("Publication", Pubmed_ID=written)))
    assert not harvested.record.publication
    assert rules(harvested) == [("section.subsections[0].Pubmed ID", rule)]


def test_paper_told_twice_and_paper_known_by_its_link() -> None:
    twice = (
        section("Publication", Title="A paper", DOI="10.1/x", PMC_ID="PMC7274788"),
        section("Publication", Title="a paper"),
    )
    harvested = harvest(study(*twice))
    assert [p.id for p in harvested.record.publication] == ["https://www.ncbi.nlm.nih.gov/pmc/articles/PMC7274788"]
    linked = section("Publication", Title="A paper") | {"links": [{"url": "doi: https://doi.org/10.1101/543231"}]}
    harvested = harvest(study(linked))
    assert [p.id for p in harvested.record.publication] == ["https://doi.org/10.1101/543231"]
    assert not harvested.record.related


def test_funding_without_agency_or_number() -> None:
    harvested = harvest(study(section("Funding", Agency="Trust"), section("Funding", grant_id="7"), section("Funding")))
    assert [(g.name, g.grant_number) for g in harvested.record.funding] == [("Trust", None), ("7", "7")]


@pytest.mark.parametrize(
    ("url", "kind", "iri"),
    [
        ("10.3389/fcell.2024.1430728", None, "https://doi.org/10.3389/fcell.2024.1430728"),
        ("doi.org/10.17632/8gcncg6zkt.3", None, "https://doi.org/10.17632/8gcncg6zkt.3"),
        ("https://idr.openmicroscopy.org/webclient/?show=project-1105", "Image Data Resource", "https://idr.openmicroscopy.org/webclient/?show=project-1105"),
        ("idr0079", None, f"{BASE}dataset/idr/idr0079"),
        ("https://www.ebi.ac.uk/empiar/EMPIAR-10310/", None, f"{BASE}dataset/empiar/EMPIAR-10310"),
        ("S-BIAD634", None, f"{BASE}dataset/bia/S-BIAD634"),
        ("ERP116793", None, "https://www.ebi.ac.uk/ena/browser/view/ERP116793"),
        ("1ABC", "PDB", "https://identifiers.org/pdb:1abc"),
        ("EMD-1234", None, "https://www.ebi.ac.uk/emdb/EMD-1234"),
        ("GSE12345", "GEO", "https://identifiers.org/geo:GSE12345"),
        ("E-MTAB-6153", None, "https://www.ebi.ac.uk/biostudies/arrayexpress/studies/E-MTAB-6153"),
        ("S-EPMC123", "BioStudies", "https://www.ebi.ac.uk/biostudies/studies/S-EPMC123"),
        ("PMC7274788", None, "https://www.ncbi.nlm.nih.gov/pmc/articles/PMC7274788"),
        ("https://zenodo.org/record/7147818", None, "https://zenodo.org/record/7147818"),
    ],
)  # fmt: skip
def test_link(url: str, kind: str | None, iri: str) -> None:
    link = {"url": url, "attributes": attributes(*([("Type", kind)] if kind else []))}
    harvested = harvest(study(links=[link]))
    assert harvested.record.related == [iri]
    assert harvested.findings == ()


@pytest.mark.parametrize(
    ("url", "suggestion"),
    [
        ("LC3 and p62 ", None), ("1ABC", None), ("12345", None), ("ERR632210-ERR632217", None),
        ("www.example.org/x", "https://www.example.org/x"), ("ftp://ftp.ebi.ac.uk/pub/x", "https://ftp.ebi.ac.uk/pub/x"),
        ("ann@example.org", None), ("mailto:ann@example.org", None),
    ],
)  # fmt: skip
def test_link_that_leads_nowhere(url: str, suggestion: str | None) -> None:
    harvested = harvest(study(links=[[{"url": url}]]))
    assert not harvested.record.related
    assert (only(harvested).field, only(harvested).rule) == ("section.links[0][0].url", "link-unresolved")
    assert only(harvested).suggestion == suggestion
    assert "ann@" not in repr(harvested.findings)


def test_a_link_to_the_hub_itself_is_not_the_archives_to_give() -> None:
    harvested = harvest(study(links=[{"url": f"{BASE}dataset/bia/S-BIAD2"}, {"url": f"{BASE}run/1"}]))
    assert not any(iri.startswith(f"{BASE}run") for iri in harvested.record.related)
    assert "iri-of-the-hub" in {f.rule for f in harvested.findings}


# --- organisms, methods


def sample(*pairs: Any, **named: Any) -> Harvested:
    return harvest(study(section("Biosample", ("Title", "S"), *pairs, **named)))


def organism(**named: Any) -> Harvested:
    return harvest(study(section("Biosample", Title="S", below=[section("Organism", **named)])))


def taxa(harvested: Harvested) -> list[str]:
    return [t.id.removeprefix(OBO) for t in harvested.record.about[0].taxon]


@pytest.mark.parametrize(
    ("words", "taxon"),
    [
        ("Mus musculus (mouse)", "NCBITaxon_10090"),
        ("Human (Homo sapiens)", "NCBITaxon_9606"),
        ("ambystoma mexicanum", "NCBITaxon_8296"),
    ],
)
def test_organism_in_words(words: str, taxon: str) -> None:
    assert taxa(sample(Organism=words)) == [taxon]


def test_same_organism_as_attribute_with_qualifier_and_as_section() -> None:
    stated = {"name": "Organism", "value": "human", "valqual": [{"name": "TermId", "value": "NCBITaxon_9606"}]}
    found = [
        sample(stated),
        organism(Scientific_name="homo sapiens", Common_name="human", NCBI_taxon_ID="NCBI:txid9606"),
    ]
    assert [taxa(h) for h in found] == [["NCBITaxon_9606"]] * 2
    assert [h.findings for h in found] == [(), ()]


def test_organism_that_is_none() -> None:
    harvested = sample(Organism="Beads")
    assert not harvested.record.about[0].taxon
    assert (only(harvested).rule, only(harvested).suggestion) == ("organism-unknown", None)
    finding = only(sample(Organism="Homo sapiens (Human bone osteosarcoma cell line (U-2 OS cells))."))
    assert (finding.rule, finding.suggestion) == ("organism-unknown", "Homo sapiens")


def test_taxon_number_of_another_organism_is_neither() -> None:
    harvested = organism(Scientific_name="Homo sapiens", NCBI_taxon_ID="NCBI:txid10090")
    assert not harvested.record.about[0].taxon
    assert (only(harvested).rule, only(harvested).suggestion) == ("taxon-conflict", "NCBITaxon:9606")


def test_variable_cut_at_its_commas_loses_no_piece() -> None:
    pieces = [("Experimental variable", piece) for piece in ("IgG", "IgA", "IgM; binding to spike")]
    lines = [f"Experimental variable: {piece}" for _, piece in pieces]
    assert sample(*pieces).record.about[0].description == "\n".join(lines)


@pytest.mark.parametrize(("words", "slot"), [("unknown", "unknown"), ("Not applicable", "not_applicable")])
def test_organism_that_the_archive_says_is_not_known(words: str, slot: str) -> None:
    harvested = sample(Organism=words)
    assert getattr(harvested.record.about[0], slot) == ["http://schema.org/taxonomicRange"]
    assert harvested.findings == ()


def acquisition(*pairs: Any, below: list[Any] | None = None) -> Harvested:
    return harvest(study(section("Image Acquisition", ("Title", "A"), *pairs, below=below)))


def methods(harvested: Harvested) -> list[str]:
    return [m.name for m in harvested.record.measurement_method[0].measurement_technique]


def test_imaging_method_repeats_as_attribute() -> None:
    harvested = acquisition(
        ("Imaging method", "SPIM"), ("Imaging Method", "confocal microscopy, TIRF"), ("Imaging method", "PARS")
    )
    assert methods(harvested) == ["SPIM", "confocal microscopy", "evanescent wave microscopy", "PARS"]
    assert harvested.findings == ()


@pytest.mark.parametrize(
    "identifier", ["FBbi:00000251", "http://purl.obolibrary.org/obo/FBbi_00000251", "00000251", "Fbbi_00000251"]
)
def test_imaging_method_by_identifier_first(identifier: str) -> None:
    below = section(
        "Imaging Method", Ontology_Value="Confocal microscopy", Ontology_Name="FBbi", Ontology_Term_ID=identifier
    )
    harvested = acquisition(below=[below])
    assert methods(harvested) == ["confocal microscopy"]
    assert harvested.findings == ()


def test_imaging_method_with_the_words_of_another() -> None:
    stated = {"name": "Imaging method", "value": "SPIM", "valqual": [{"name": "TermId", "value": "FBbi:00000251"}]}
    harvested = acquisition(stated)
    assert methods(harvested) == ["confocal microscopy"]
    assert only(harvested).rule == "label-mismatch"


def test_imaging_method_with_a_broken_identifier_falls_back_to_its_words() -> None:
    stated = {"name": "Imaging method", "value": "SPIM", "valqual": [{"name": "TermId", "value": "FBbi:369"}]}
    harvested = acquisition(stated)
    assert methods(harvested) == ["SPIM"]
    assert only(harvested).rule == "term-invalid"


def test_taxon_where_a_method_belongs_breaks_nothing() -> None:
    stated = {"name": "Imaging method", "value": "SPIM", "valqual": [{"name": "TermId", "value": "NCBITaxon:9606"}]}
    harvested = harvest(study(section("Biosample", Organism="human"), section("Image acquisition", stated)))
    check_round_trip(harvested)
    assert only(harvested).rule == "term-invalid"


# --- components


def component(*associations: tuple[str, str], kinds: Any = (("Specimen", "One"), ("Specimen", "Two"))) -> Harvested:
    others = [
        section(kind, ("Title", title), ("Sample preparation protocol", "p"), accno=f"{kind}-7")
        for kind, title in kinds
    ]
    joined = [section("Associations", pair) for pair in associations]
    return harvest(study(*others, section("Study Component", Name="C", below=joined)))


def joined(harvested: Harvested) -> list[str]:
    return [m.name for m in harvested.record.has_part[0].measurement_method or ()]


@pytest.mark.parametrize("written", ["One", " one ", "ONE"])
def test_association_by_title(written: str) -> None:
    harvested = component(("Specimen", written))
    assert (joined(harvested), harvested.findings) == (["One"], ())


LONG = "All specimens. See manuscript for details."
PROCESSED = "Denoise.AI online processing enabled (100x magnification, 488nm)"


@pytest.mark.parametrize(
    ("written", "titles", "suggestion"),
    [
        ("All specimens", [LONG, "Other"], LONG),
        ("100x, 488nm - Denoise.AI online processing enabled", [PROCESSED], PROCESSED),
        ("Confocal imging", ["Confocal imaging", "Electron microscopy"], "Confocal imaging"),
        ("Image analysis 1", ["Something else", "Another thing"], None),
        ("Fixed", [], None),
    ],
)  # fmt: skip
def test_association_near_miss_is_a_finding_with_the_title(
    written: str, titles: list[str], suggestion: str | None
) -> None:
    harvested = component(("Specimen", written), kinds=[("Specimen", title) for title in titles])
    assert joined(harvested) == []
    assert (only(harvested).rule, only(harvested).suggestion) == ("association-unresolved", suggestion)
    assert only(harvested).field.endswith(".subsections[0].Specimen")


def test_association_does_not_cross_types_and_may_be_ambiguous() -> None:
    kinds = [("Biosample", "MDCK epithelium"), ("Specimen", "MDCK Epithelium")]
    assert joined(component(("Specimen", "MDCK epithelium"), kinds=kinds)) == ["MDCK Epithelium"]
    finding = only(component(("Specimen", "one"), kinds=[("Specimen", "One"), ("Specimen", "ONE")]))
    assert finding.rule == "association-ambiguous"


def test_sections_within_a_component_need_no_association() -> None:
    below = [
        section("Biosample", Biological_entity="polyps", below=[section("Organism", NCBI_taxon_ID="45351")]),
        section("Specimen", Sample_Preparation_Protocol="mounted"),
        section("Image Acquisition", Imaging_Instrument="a microscope"),
    ]
    harvested = harvest(study(section("Study Component", Name="C", below=below)))
    part = harvested.record.has_part[0]
    assert {type(thing).__name__ for thing in part.about} == {"BioSample", "Taxon"}
    assert len(part.measurement_method) == 2
    check_round_trip(harvested)


def test_accno_that_repeats_makes_no_node_twice() -> None:
    twice = [section("Biosample", accno="Biosample-13", Title=title) for title in ("One", "Two")]
    assert [s.name for s in harvest(study(*twice)).record.about] == ["One", "Two"]


# --- file lists


def listed(raw: bytes) -> filelists.Tally:
    return filelists.Counter().listed(io.BytesIO(raw))


def test_file_list_with_empty_attributes_and_tables() -> None:
    rows = [
        [{"path": "a/1.ome.tiff", "size": 3, "type": "file", "attributes": [{}, {"name": "x", "value": "null"}]}],
        {"path": "2.OME.TIFF", "size": "4", "attributes": [{"value": "null"}]},
        {"path": None, "size": 7},
        {"size": 7},
    ]
    tally = listed(json.dumps(rows).encode())
    assert (tally.file_count, tally.total_bytes, tally.format) == (2, 7, "ome.tiff")


def test_file_list_with_folders_and_unknown_sizes() -> None:
    tally = listed(b'[{"path": "a", "size": 5, "type": "directory"}, {"path": "b.tif", "size": -1}]')
    assert (tally.entries, tally.file_count, tally.total_bytes, tally.format) == (2, None, None, None)


@pytest.mark.parametrize(
    "raw", [b"", b"  ", b"{}", b'{"path": "a"}', b"<html>", b'[{"path": "a"}', b'[{"path": "a"', b"[1]", b'["a"]',
            b"null", b"\xff\xfe", b"[" * 9, b'[{"a":' * 3000 + b"1", b'[{"size": ' + b"9" * 9000 + b"}]", b"[]]"],
)  # fmt: skip
def test_what_is_no_file_list(raw: bytes) -> None:
    with pytest.raises(ValueError, match=r"file list|utf|Exceeds"):
        listed(raw)


def test_empty_file_list() -> None:
    assert listed(b"\xef\xbb\xbf[]").entries == 0


class Counted(io.RawIOBase):
    """A long file list that is made while it is read; it knows how much was asked for at once."""

    def __init__(self, rows: int) -> None:
        self.rows = iter(
            [b"[", *(b'{"path": "f%d.tif", "size": 2, "attributes": []},' % n for n in range(rows)), b"{}]"]
        )
        self.largest = 0

    def read(self, size: int = -1) -> bytes:
        assert size > 0
        made: list[bytes] = []
        while sum(map(len, made)) < 5000 and (row := next(self.rows, None)) is not None:
            made.append(row)
        self.largest = max(self.largest, size)
        return b"".join(made)


def test_long_file_list_is_read_in_pieces() -> None:
    stream = Counted(20_000)
    tally = filelists.Counter().listed(stream)  # type: ignore[arg-type]
    assert (tally.file_count, tally.total_bytes) == (20_000, 40_000)
    assert stream.largest <= filelists.CHUNK_BYTES


@given(st.lists(st.tuples(st.text(min_size=1, max_size=6), st.integers(0, 10**6)), max_size=20), st.integers(1, 40))
def test_file_list_is_the_same_however_it_is_cut(rows: list[tuple[str, int]], width: int) -> None:
    raw = json.dumps([{"path": path, "size": size} for path, size in rows], ensure_ascii=False).encode(
        "utf-8", "replace"
    )

    class Slow(io.BytesIO):
        def read(self, size: int | None = -1, /) -> bytes:
            return super().read(width)

    assert filelists.Counter().listed(Slow(raw)).size_bytes == sum(size for _, size in rows)


def test_file_of_two_lists_counts_once(monkeypatch: pytest.MonkeyPatch) -> None:
    counter = filelists.Counter()
    for raw in (b'[{"path": "a", "size": 1}, {"path": "b", "size": 2}]', b'[{"path": "b", "size": 2}]'):
        counter.listed(io.BytesIO(raw))
    assert (counter.total.entries, counter.total.size_bytes, counter.is_complete) == (2, 3, True)
    monkeypatch.setattr(filelists, "MAX_PATHS", 1)
    counter = filelists.Counter()
    counter.listed(io.BytesIO(b'[{"path": "a", "size": 1}, {"path": "b", "size": 2}]'))
    assert not counter.is_complete


@pytest.mark.parametrize(
    ("path", "found"),
    [
        ("a/im.TIF", "tif"),
        ("x.ome.zarr", "ome.zarr"),
        ("a.tar.gz", "tar.gz"),
        ("no", ""),
        ("v1.2 raw", ""),
        ("x.7z", "7z"),
        ("a.d/b", ""),
    ],
)
def test_extension(path: str, found: str) -> None:
    assert filelists.extension(path) == found


def test_many_attached_files_are_told_together() -> None:
    files = [{"path": f"{n}.tif", "size": 2, "type": "file"} for n in range(60)]
    record = harvest(study(files=files)).record
    (told,) = record.distribution
    assert (told.name, told.size_bytes, told.encoding_format) == ("60 files", 120, "tif")
    assert (record.size_bytes, record.file_count) == (120, 60)


# --- anything at all

JUNK = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=20)
    | st.sampled_from(["", "N/A", "10.1/x", "EMPIAR-10051", "2020-13-01", "a@b.org", "o1", "\ud800"])
    | st.sampled_from(["NCBITaxon:9606", "FBbi:00000251", "HeLa", 10**400]),
    lambda inner: st.lists(inner, max_size=3)
    | st.dictionaries(st.sampled_from(["name", "value", "type", "attributes"]), inner, max_size=3),
    max_leaves=5,
)  # fmt: skip


def places(value: Any, path: tuple[Any, ...] = ()) -> Iterator[tuple[Any, ...]]:
    items = value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ()
    for key, inner in items:
        yield (*path, key)
        yield from places(inner, (*path, key))


@settings(max_examples=250, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(data=st.data(), name=st.sampled_from(NAMES))
def test_any_mutation_is_published_or_rejected(data: st.DataObject, name: str) -> None:
    document = json.loads((PAYLOADS / f"{name}.json").read_bytes())
    known = list(places(document))
    for _ in range(data.draw(st.integers(1, 4))):
        path = data.draw(st.sampled_from(known))
        holder: Any = document
        for key in path[:-1]:
            try:
                holder = holder[key]
            except (KeyError, IndexError, TypeError):
                break
        else:
            if isinstance(holder, dict) or (isinstance(holder, list) and path[-1] in range(len(holder))):
                holder[path[-1]] = data.draw(JUNK)
    try:
        harvested = biostudies.transform(json.dumps(document).encode(), Entry(f"{name}.json"), CTX)
    except RecordError:
        return
    check_round_trip(harvested)
    assert "b.org" not in harvested.record.model_dump_json() + repr(harvested.findings)
    for finding in harvested.findings:
        f"{finding.field}{finding.value}{finding.message}".encode()
