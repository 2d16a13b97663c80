from __future__ import annotations

import io
import json
import re
import time
import zipfile
from datetime import datetime
from pathlib import Path
from typing import Any

import openpyxl
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from harvesters import submissions, templates
from harvesters.contract import Context, Entry, Harvested, RecordError, Source
from hub import records
from linkml_schemas.generated.model import Dataset
from ontology import archives

ROOT = Path(__file__).resolve().parents[1]
DEMO = ROOT / "hub" / "demo" / "submissions"
SOURCE = Source("submissions", "submissions", "hub", str(DEMO))
CTX = Context("https://w3id.org/bioimage-hub/", SOURCE)
TAXON = "http://schema.org/taxonomicRange"
METHOD = "http://rs.tdwg.org/dwc/iri/measurementMethod"

MINIMAL: dict[str, list[str]] = {
    "Title": ["Example: a dataset"],
    "Description": ["An invented dataset, made for a test"],
    "License": ["CC BY 4.0"],
    "Release date": ["2025-03-12"],
    "Author name": ["Ada Example"],
    "Organism": ["Homo sapiens"],
    "Imaging method": ["confocal microscopy"],
}


def sheet(changes: dict[str, list[str]] | None = None, **more: list[str]) -> bytes:
    fields = {**MINIMAL, **(changes or {}), **more}
    return "\n".join("\t".join([name, *values]) for name, values in fields.items()).encode()


def model_json(**changes: Any) -> bytes:
    document = {
        "name": "Example: a dataset",
        "description": "An invented dataset, made for a test",
        "license": "CC BY 4.0",
        "date_published": "2025-03-12",
        "author": [{"name": "Ada Example"}],
        "about": [{"type": "Taxon", "scientific_name": "Homo sapiens"}],
        "measurement_method": [{"name": "confocal microscopy"}],
        **changes,
    }
    return json.dumps({k: v for k, v in document.items() if v is not None}).encode()


def check(raw: bytes, name: str = "x.tsv") -> Harvested:
    return submissions.check(raw, name, CTX)


def record(raw: bytes, name: str = "x.tsv") -> Dataset:
    made = records.canonical(check(raw, name).record)
    assert records.from_quads(records.to_quads(made), made.id) == made
    return made


def reasons(raw: bytes, name: str = "x.tsv") -> tuple[str, ...]:
    with pytest.raises(RecordError) as caught:
        check(raw, name)
    return caught.value.reasons


def reason(raw: bytes, name: str = "x.tsv") -> str:
    found = reasons(raw, name)
    assert len(found) == 1, found
    return found[0]


def workbook(rows: list[list[Any]]) -> bytes:
    book = openpyxl.Workbook()
    for row in rows:
        book.active.append(row)
    stream = io.BytesIO()
    book.save(stream)
    return stream.getvalue()


def workbook_of(raw: bytes) -> bytes:
    return workbook([line.split("\t") for line in raw.decode().split("\n")])


# --- templates -----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("suffix", ["tsv", "xlsx"])
def test_written_template_is_read_as_empty(tmp_path: Path, suffix: str) -> None:
    path = tmp_path / f"new.{suffix}"
    getattr(templates, f"write_{suffix}")(path)
    draft = templates.draft(path.read_bytes(), path.name)
    assert draft.data == {}
    assert draft.problems == []
    told = reasons(path.read_bytes(), path.name)
    required = [known.name for known in templates.FIELDS if known.required]
    assert sorted(r.partition(" (row")[0] for r in told) == sorted(required)


@pytest.mark.parametrize("suffix", ["tsv", "xlsx"])
def test_template_filled_with_its_examples_is_published(tmp_path: Path, suffix: str) -> None:
    plain = "\n".join(f"{f.name}\t{f.example}" for f in templates.FIELDS).encode()
    path = tmp_path / f"new.{suffix}"
    getattr(templates, f"write_{suffix}")(path)
    if suffix == "tsv":
        lines = path.read_text(encoding="utf-8").splitlines()
        examples = ["Value", *(f.example for f in templates.FIELDS)]
        raw = "\n".join(
            "\t".join([*line.split("\t")[:4], example]) for line, example in zip(lines, examples, strict=True)
        ).encode()
    else:
        book = openpyxl.load_workbook(path)
        for row, known in enumerate(templates.FIELDS, start=2):
            book.active.cell(row, 5).value = known.example
        book.save(path)
        raw = path.read_bytes()
    assert record(raw, f"x.{suffix}") == record(plain)
    assert check(raw, f"x.{suffix}").findings == ()


def test_every_slot_of_a_field_is_in_the_model() -> None:
    classes = records.tables()
    for known in templates.FIELDS:
        holders = ["Dataset"]
        for step in known.slot.replace("[]", "").split("."):
            if step == "id":
                assert holders != ["Dataset"]
                break
            slots = [s for h in holders for s in classes[h].slots if s.name == step]
            assert slots, known
            holders = [c for s in slots for c in s.classes]
        assert known.stated is None or submissions.property_iri(known.stated)


def test_names_of_fields_are_unique() -> None:
    names = [known.name.casefold() for known in templates.FIELDS]
    assert len(set(names)) == len(names)


def test_docs_document_every_field() -> None:
    docs = (ROOT / "docs" / "submissions.md").read_text(encoding="utf-8")
    table = docs.partition("| field | required |")[2].partition("\n\n")[0].splitlines()[2:]
    assert table == [
        f"| {f.name} | {'yes' if f.required else 'no'} | {'yes' if f.repeatable else 'no'} | `{f.slot}` | "
        f"{f.help} | {f.example} |"
        for f in templates.FIELDS
    ]


# --- the folder ----------------------------------------------------------------------------------------------------


def test_entries_are_the_documents_only(tmp_path: Path) -> None:
    for name in ("b.tsv", "a.json", "c.XLSX", "README.tsv", "template.xlsx", "~$c.xlsx", ".hidden.json", "notes.txt"):
        (tmp_path / name).write_bytes(b"x")
    for folder in ("sub", ".git"):
        (tmp_path / folder).mkdir()
        (tmp_path / folder / "d.tsv").write_bytes(b"y")
    source = Source("submissions", "submissions", "hub", str(tmp_path))
    found = list(submissions.entries(None, source))  # type: ignore[arg-type]
    assert [e.key for e in found] == ["a.json", "b.tsv", "c.XLSX", "sub/d.tsv"]
    assert submissions.fetch(None, source, found[-1]) == b"y"  # type: ignore[arg-type]


def test_oversized_document_is_read_in_part_and_refused(tmp_path: Path) -> None:
    with (tmp_path / "big.json").open("wb") as stream:
        stream.truncate(50_000_000)
    source = Source("submissions", "submissions", "hub", str(tmp_path))
    raw = submissions.fetch(None, source, Entry("big.json"))  # type: ignore[arg-type]
    assert len(raw) == templates.MAX_FILE_BYTES + 1
    assert "over 20000000 bytes" in reason(raw, "big.json")


@pytest.mark.parametrize("key", sorted(p.name for p in DEMO.iterdir() if p.name != "README.md"))
def test_demo_is_published_without_findings(key: str) -> None:
    raw = (DEMO / key).read_bytes()
    made = record(raw, key)
    assert made.name.startswith("Example:")
    assert "invented" in (made.description or "")
    assert check(raw, key).findings == ()


def test_demo_has_one_document_of_each_form() -> None:
    keys = [e.key for e in submissions.entries(None, SOURCE)]  # type: ignore[arg-type]
    assert keys == ["lamin-fibroblasts.json", "p53-hela.tsv", "yeast-mitochondria-ro-crate-metadata.json"]


# --- accession -----------------------------------------------------------------------------------------------------


def test_accession_depends_on_source_and_path_without_suffix_only() -> None:
    made = submissions.accession("submissions", "a/x.tsv")
    assert submissions.ACCESSION.fullmatch(made)
    assert archives.archive_of(made) == "hub"
    for same in ("a/x.json", "a/x.XLSX", "a/x-ro-crate-metadata.json", "a/x.ro-crate-metadata.json"):
        assert submissions.accession("submissions", same) == made
    for other in ("x.tsv", "b/x.tsv", "a/X.tsv"):
        assert submissions.accession("submissions", other) != made
    assert submissions.accession("others", "a/x.tsv") != made


def test_changed_content_keeps_the_accession() -> None:
    first, second = record(sheet()), record(sheet({"Title": ["Example: renamed"]}))
    assert first.id == second.id == f"https://w3id.org/bioimage-hub/dataset/hub/{first.accession}"
    assert first != second


@pytest.mark.parametrize(
    ("raw", "name"),
    [(sheet(Accession=["hub-examp1e0"]), "x.tsv"), (model_json(accession="HUB-EXAMP1E0"), "x.json")],
)
def test_stated_accession_wins(raw: bytes, name: str) -> None:
    assert record(raw, name).accession == "HUB-EXAMP1E0"


def test_stated_accession_must_be_the_hubs() -> None:
    assert "'S-BIAD824' is not one of the hub's" in reason(model_json(accession="S-BIAD824"), "x.json")
    assert reason(sheet(Accession=["HUB-1"])).startswith("Accession (row 8, column B)")


def test_archive_is_the_hub() -> None:
    made = record(sheet()).archive
    assert (made.id, made.url) == ("https://w3id.org/bioimage-hub/archive/hub", CTX.base_iri)


# --- the three forms -----------------------------------------------------------------------------------------------

SAME_TSV = sheet(
    {
        "Release date": ["12 March 2025"],
        "Landing page": ["https://example.org/same"],
        "Keywords": ["p53; live imaging", "example"],
        "Author name": ["Josiah Carberry", "", "Example, Ada"],
        "Author ORCID": ["0000-0002-1825-0097"],
        "Author affiliation": ["Example Institute, Town", "", "Example Institute, Town"],
        "Funder": ["Example Council"],
        "Grant number": ["7"],
        "Publication DOI": ["doi:10.5555/12345678"],
        "Publication title": ["Silly String Theory"],
        "Organism": ["human", ""],
        "Organism taxon ID": ["", "NCBITaxon:4932"],
        "Sample name": ["HeLa", "yeast"],
        "Imaging method": ["", "confocal microscopy"],
        "Imaging method ID": ["FBbi:00000369", ""],
        "Instrument": ["", "scope"],
        "Protocol description": ["", "A stack"],
        "Thumbnail URL": ["https://example.org/same.png"],
        "Dataset size": ["1.5 kB"],
        "File count": ["3"],
    }
)
SAME_JSON = model_json(
    url="https://example.org/same",
    keyword=["example", "live imaging", "p53"],
    author=[
        {"id": "0000-0002-1825-0097", "name": "Josiah Carberry", "affiliation": [{"name": "Example Institute, Town"}]},
        {"type": "Person", "name": "Example, Ada", "affiliation": [{"name": "Example Institute, Town"}]},
    ],
    funding=[{"name": "Example Council", "grant_number": "7"}],
    publication=[{"id": "https://doi.org/10.5555/12345678", "name": "Silly String Theory"}],
    about=[
        {"type": "BioSample", "name": "HeLa", "taxon": [{"id": "9606"}]},
        {"type": "schema:BioSample", "name": "yeast", "taxon": [{"id": "taxid:4932"}]},
    ],
    measurement_method=[
        {"id": "FBbi:00000369"},
        {
            "type": "ImagingProtocol",
            "description": "A stack",
            "lab_equipment": "scope",
            "measurement_technique": [{"name": "confocal microscopy"}],
        },
    ],
    thumbnail=["https://example.org/same.png"],
    size_bytes=1500,
    file_count="3",
)


def crate(root: dict[str, Any] | None = None, *more: dict[str, Any], drop: tuple[str, ...] = ()) -> bytes:
    dataset = {
        "@id": "https://example.org/same",
        "@type": "Dataset",
        "name": "Example: a dataset",
        "description": "An invented dataset, made for a test",
        "license": "https://creativecommons.org/licenses/by/4.0/",
        "datePublished": "2025-03-12",
        "identifier": "whatever 1",
        "keywords": ["p53", "live imaging", "example"],
        "author": [{"@id": "https://orcid.org/0000-0002-1825-0097"}, {"@id": "#author-2"}],
        "funder": {"@id": "#grant-1"},
        "seeAlso": [{"@id": "https://doi.org/10.5555/12345678"}],
        "about": [{"@id": "#sample-1"}, {"@id": "#sample-2"}],
        "measurementMethod": [{"@id": "http://purl.obolibrary.org/obo/FBbi_00000369"}, {"@id": "#protocol-1"}],
        "thumbnailUrl": "https://example.org/same.png",
        "size": [{"@id": "#size"}, {"@id": "#count"}],
        **(root or {}),
    }
    institute = {"@id": "#organization-example-institute-town"}
    human, yeast = (f"http://purl.obolibrary.org/obo/NCBITaxon_{n}" for n in (9606, 4932))
    confocal = "http://purl.obolibrary.org/obo/FBbi_00000251"
    unit = "http://purl.obolibrary.org/obo/UO_0000"
    graph = [
        {"@id": "x.json", "@type": "CreativeWork", "conformsTo": {"@id": "https://w3id.org/ro/crate/1.2"},
         "about": {"@id": dataset["@id"]}},
        {k: v for k, v in dataset.items() if k not in drop},
        {"@id": "https://orcid.org/0000-0002-1825-0097", "@type": "Person", "name": "Josiah Carberry",
         "affiliation": institute},
        {"@id": "#author-2", "@type": "Person", "name": "Example, Ada", "affiliation": institute},
        {"@id": institute["@id"], "@type": "Organization", "name": "Example Institute, Town"},
        {"@id": "#grant-1", "@type": "Grant", "name": "Example Council", "identifier": "7"},
        {"@id": "https://doi.org/10.5555/12345678", "@type": "ScholarlyArticle", "name": "Silly String Theory"},
        {"@id": "#sample-1", "@type": "BioSample", "name": "HeLa", "taxonomicRange": {"@id": human}},
        {"@id": "#sample-2", "@type": "BioSample", "name": "yeast", "taxonomicRange": {"@id": yeast}},
        {"@id": human, "@type": "Taxon", "scientificName": "Homo sapiens"},
        {"@id": yeast, "@type": "Taxon", "scientificName": "Saccharomyces cerevisiae"},
        {"@id": "http://purl.obolibrary.org/obo/FBbi_00000369", "@type": "DefinedTerm", "name": "SPIM"},
        {"@id": "#protocol-1", "@type": "LabProtocol", "name": "confocal microscopy", "description": "A stack",
         "labEquipment": "scope", "measurementTechnique": {"@id": confocal}},
        {"@id": confocal, "@type": "DefinedTerm", "name": "confocal microscopy"},
        {"@id": "#size", "@type": "QuantitativeValue", "value": 1500, "unitCode": f"{unit}233"},
        {"@id": "#count", "@type": "QuantitativeValue", "value": 3, "unitCode": f"{unit}189"},
        *more,
    ]  # fmt: skip
    return json.dumps({"@context": "https://w3id.org/ro/crate/1.2/context", "@graph": graph}).encode()


def test_three_forms_of_one_dataset_give_one_record() -> None:
    from_tsv = record(SAME_TSV, "same.tsv")
    from_xlsx = record(workbook_of(SAME_TSV), "same.xlsx")
    from_json = record(SAME_JSON, "same.json")
    from_crate = record(crate(), "same-ro-crate-metadata.json")
    assert records.to_json(from_tsv) == records.to_json(from_json)
    assert from_tsv == from_xlsx == from_json == from_crate
    assert [a.name for a in from_tsv.author or []] == ["Josiah Carberry", "Example, Ada"]


@pytest.mark.parametrize("key", sorted(p.name for p in DEMO.iterdir() if p.name != "README.md"))
def test_a_published_record_submitted_again_stays_the_same(key: str) -> None:
    made = record((DEMO / key).read_bytes(), key)
    assert record(records.to_json(made).encode(), "other.json") == made


@pytest.mark.parametrize(
    ("raw", "name"),
    [(SAME_TSV, "x.tsv"), (SAME_JSON, "x.json"), (crate(), "x.json"), (workbook_of(SAME_TSV), "x.xlsx")],
)
def test_transform_is_pure(raw: bytes, name: str) -> None:
    first = submissions.transform(raw, Entry(name), CTX)
    second = submissions.transform(raw, Entry(name, version="2", url="https://example.org/"), CTX)
    assert first == second


# --- sheets: layout ------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "encode",
    [
        lambda t: t.encode("utf-8-sig"),
        lambda t: t.encode("utf-16"),
        lambda t: t.replace("\n", "\r\n").encode(),
        lambda t: t.replace("\n", "\r").encode(),
        lambda t: ("\n# a comment\n\n" + t + "\n\n").encode(),
        lambda t: ("Field\tRequired\tHelp\tExample\tValue 1\tValue 2\n" + t.replace("\t", "\t\t\t\t")).encode(),
        lambda t: t.replace("Title", " title * ").encode(),
    ],
    ids=["bom", "utf-16", "crlf", "cr", "comments", "heading", "field-name"],
)
def test_layouts_mean_the_same(encode: Any) -> None:
    assert record(encode(sheet().decode())) == record(sheet())


def test_quotation_marks_are_quoting_or_plain() -> None:
    assert record(sheet({"Title": ['"A ""good"" title"']})).name == 'A "good" title'
    assert record(sheet({"Title": ['"Good" titles']})).name == '"Good" titles'
    assert record(sheet({"Description": ['"Two\nlines"']})).description == "Two\nlines"


def test_values_are_not_split_at_commas_and_keywords_at_semicolons() -> None:
    made = record(sheet(Keywords=["a, b; c", "d"], **{"Sample name": ["cells, fixed; washed"]}))
    assert made.keyword == ["a, b", "c", "d"]
    assert "cells, fixed; washed" in [getattr(t, "name", None) for t in made.about or []]


def test_columns_with_holes_stay_positional() -> None:
    made = record(
        sheet(
            {
                "Author name": ["Ada Example", "", "Josiah Carberry"],
                "Author ORCID": ["", "", "0000-0002-1825-0097"],
                "Author affiliation": ["", "", "Example Institute"],
                "Organism": ["", "Mus musculus"],
                "Sample name": ["buffer", "mouse"],
            }
        )
    )
    ada, josiah = made.author or []
    assert "#author-1" in ada.id
    assert josiah.id == "https://orcid.org/0000-0002-1825-0097"
    assert (getattr(ada, "affiliation", None), josiah.affiliation[0].name) == (None, "Example Institute")
    taxa = {t.name: getattr(t, "taxon", None) for t in made.about or [] if hasattr(t, "name")}
    assert taxa["buffer"] is None
    assert taxa["mouse"][0].scientific_name == "Mus musculus"


def test_unknown_and_na_are_statements_and_empty_is_none() -> None:
    fields = {"Organism": ["Unknown"], "Imaging method": ["unknown"], "Funder": ["NA"], "Keywords": [""]}
    made = record(sheet(fields))
    assert made.unknown == [METHOD, TAXON]
    assert made.not_applicable == ["http://schema.org/funding"]
    assert made.about is None


def test_statements_about_a_sample_or_set_of_files_stand_there() -> None:
    fields = {
        "Organism": ["Homo sapiens", "N/A"],
        "Sample name": ["cells", "beads"],
        "Cell line": ["Unknown", "Not applicable"],
        "Download URL": ["https://example.org/a"],
        "Pixel width nm": ["Unknown"],
    }
    made = record(sheet(fields))
    samples = {t.name: t for t in made.about or [] if hasattr(t, "cell_line")}
    line = submissions.property_iri("cell_line")
    assert samples["cells"].unknown == [line]
    assert samples["beads"].not_applicable == sorted([line, TAXON])
    assert (made.distribution or [])[0].unknown == [submissions.property_iri("pixel_width")]
    assert made.unknown is None


def test_a_statement_never_contradicts_a_value() -> None:
    made = record(sheet({"Imaging method": ["confocal microscopy", "Unknown"], "Publication PMID": ["NA"],
                         "Publication DOI": ["10.5555/12345678"]}))  # fmt: skip
    assert made.unknown is None
    assert made.not_applicable is None


def test_doi_and_pubmed_id_of_a_column_are_one_paper() -> None:
    fields = {"Publication DOI": ["10.5555/12345678", ""], "Publication PMID": ["12345678", "23456789"]}
    first, second = record(sheet(fields)).publication or []
    assert (first.id, first.same_as) == (
        "https://doi.org/10.5555/12345678",
        ["https://pubmed.ncbi.nlm.nih.gov/12345678"],
    )
    assert (second.id, second.same_as) == ("https://pubmed.ncbi.nlm.nih.gov/23456789", None)


def test_genes_with_and_without_identifier() -> None:
    fields = {
        "Gene symbol": ["TP53", "Foo1"],
        "Gene ID": ["ENSG00000141510"],
        "Gene ID namespace": ["Ensembl"],
        "Gene role": ["Tagged", "observed"],
    }
    made = {a.gene.symbol: a for a in record(sheet(fields)).gene_annotation or []}
    assert (made["TP53"].gene.id, made["TP53"].gene_role) == (
        "https://identifiers.org/ensembl:ENSG00000141510",
        "tagged",
    )
    assert made["Foo1"].gene.id.endswith("#gene-foo1")


def test_wordings_with_the_same_slug_stay_apart() -> None:
    made = record(sheet(Phenotype=["CD4+", "CD4-", "CMPO:0000118"])).phenotype or []
    assert {p.name for p in made} >= {"CD4+", "CD4-"}
    assert len({p.id for p in made}) == 3


def test_taxon_number_makes_an_unlisted_name_good() -> None:
    made = record(sheet({"Organism": ["Examplea inventa"], "Organism taxon ID": ["123456789"]}))
    assert [t.scientific_name for t in made.about or []] == ["Examplea inventa"]


def test_unknown_method_wording_is_a_finding() -> None:
    found = check(sheet({"Imaging method": ["crystal gazing"]}))
    assert [(f.rule, f.field) for f in found.findings] == [("method-unmatched", "Imaging method (row 7, column B)")]


def test_control_characters_are_cleaned() -> None:
    made = record(sheet({"Title": ["A\x07 ti\u200btle\x00"]}))
    assert made.name == "A title"


# --- sheets: faults ------------------------------------------------------------------------------------------------

FAULTS: dict[str, tuple[dict[str, list[str]], str]] = {
    "orcid": ({"Author ORCID": ["0000-0002-1825-0098"]}, r"Author ORCID \(row 8, column B\): .*check digit 7"),
    "ror": (
        {"Author affiliation": ["X"], "Author affiliation ROR": ["02mhbdp95"]},
        r"ROR \(row 9, column B\): .*check",
    ),
    "doi": (
        {"Publication DOI": ["", "https://doi.org/1038/s41467"]},
        r"Publication DOI \(row 8, column C\): .*not a DOI",
    ),
    "pmid": ({"Publication PMID": ["pending 1"]}, r"Publication PMID \(row 8, column B\): .*PubMed"),
    "licence": ({"License": ["CC BY-SA"]}, r"License \(row 3, column B\): 'CC BY-SA' is not a known licence"),
    "taxon": ({"Organism": ["Foo bar"]}, r"Organism \(row 6, column B\): .*no organism 'Foo bar'"),
    "taxon-id": ({"Organism taxon ID": ["human"]}, r"Organism taxon ID \(row 8, column B\): .*NCBI taxon"),
    "taxon-mismatch": ({"Organism taxon ID": ["9601"]}, r"Organism taxon ID .*is not 'Homo sapiens'.*9606"),
    "taxon-unnamed": ({"Organism": [""], "Organism taxon ID": ["123456789"]}, r"Organism taxon ID .*name too"),
    "method-id": ({"Imaging method ID": ["FBbi:1"]}, r"Imaging method ID \(row 8, column B\): .*FBbi"),
    "method-mismatch": ({"Imaging method ID": ["FBbi:00000257"]}, r"Imaging method ID .*is not 'confocal microscopy'"),
    "date": ({"Release date": ["03/12/2025"]}, r"Release date \(row 4, column B\): '03/12/2025' is not a date"),
    "gene": (
        {"Gene ID": ["ENSG00000141510"], "Gene ID namespace": ["hgnc"]},
        r"Gene ID \(row 8, column B\): .*not an identifier of hgnc",
    ),
    "gene-namespace": ({"Gene ID": ["7157"]}, r"Gene ID \(row 8, column B\): .*needs its Gene ID namespace"),
    "gene-role": (
        {"Gene symbol": ["TP53"], "Gene role": ["taged"]},
        r"Gene role \(row 9, column B\): .*did you mean 'tagged'",
    ),
    "unknown-field": (
        {"Authorname": ["x"]},
        r"row 8, column A: 'Authorname' is not a field; did you mean 'Author name'\?",
    ),
    "email-field": ({"Author e-mail": ["x"]}, r"row 8, column A: .*stores no e-mail"),
    "two-values": ({"Title": ["a", "b"]}, r"Title \(row 1, column B\): takes one value; remove those in column C"),
    "placeholder": ({"Funder": ["TBD"]}, r"Funder \(row 8, column B\): 'TBD' stands for no value"),
    "required-unknown": (
        {"License": ["Unknown"]},
        r"License \(row 3, column B\): is required, so it cannot be 'Unknown'",
    ),
    "lonely-orcid": (
        {"Author ORCID": ["", "0000-0002-1825-0097"]},
        r"Author name \(row 5, column C\): is missing: a Person needs name",
    ),
    "lonely-grant": ({"Grant number": ["7"]}, r"Funder \(column B\): is missing"),
    "lonely-cell-line": ({"Cell line": ["HeLa"]}, r"Sample name \(column B\): is missing"),
    "same-orcid": (
        {"Author name": ["A B", "C D"], "Author ORCID": ["0000-0002-1825-0097"] * 2},
        r"Author name \(row 5, column C\): https://orcid\.org/.* 'A B' elsewhere and 'C D' here",
    ),
    "url": ({"Landing page": ["example.org"]}, r"Landing page \(row 8, column B\): .*absolute http"),
    "url-email": ({"Landing page": ["https://x.org/?to=ada%40example.org"]}, r"Landing page .*e-mail"),
    "count": ({"Image count": ["1,200"]}, r"Image count \(row 8, column B\): .*whole number"),
    "pixel": ({"Pixel width nm": ["-1"]}, r"Pixel width nm \(row 8, column B\): .*above zero"),
    "size": ({"Dataset size": ["2 Gb"]}, r"Dataset size \(row 8, column B\): .*unit"),
    "no-field": ({"": ["x"]}, r"row 8, column B: the row has values but no field name"),
    "excel-error": ({"Funder": ["#REF!"]}, r"Funder \(row 8, column B\): #REF! is an error"),
}


@pytest.mark.parametrize("case", FAULTS)
def test_each_fault_names_its_cell_and_the_fix(case: str) -> None:
    changes, expected = FAULTS[case]
    assert re.search(expected, reason(sheet(changes)))


def test_field_given_twice() -> None:
    assert reason(sheet() + b"\nTitle\tagain") == (
        "row 8: 'Title' stands in row 1 already: put more values into its columns"
    )


@pytest.mark.parametrize("name", [known.name for known in templates.FIELDS if known.required])
def test_each_required_field_is_required(name: str) -> None:
    raw = "\n".join(f"{k}\t{v[0]}" for k, v in MINIMAL.items() if k != name).encode()
    assert reason(raw).startswith(f"{name}: is missing")


def test_all_faults_are_told_at_once() -> None:
    compatible = (
        "orcid",
        "doi",
        "licence",
        "taxon",
        "date",
        "gene",
        "unknown-field",
        "email-field",
        "url",
        "count",
        "pixel",
        "size",
    )
    changes: dict[str, list[str]] = {"Imaging method": [""]}
    for case in compatible:
        changes |= FAULTS[case][0]
    found = reasons(sheet(changes))
    assert len(found) == len(compatible) + 1
    assert any(r.startswith("Imaging method (row 7): is missing") for r in found)


def test_emails_are_never_stored_nor_told() -> None:
    found = check(
        sheet({"Description": ["Write to ada@example.org for more"], "Author name": ["Ada <ada@example.org>"]})
    )
    assert {f.rule for f in found.findings} == {"email-removed"}
    assert "ada@" not in records.to_json(found.record) + str(found.findings)
    assert "ada@" not in reason(sheet({"Author ORCID": ["ada@example.org"]}))
    assert "ada@" not in reason(model_json(**{"ada@example.org": 1}), "x.json")


def test_number_of_faults_told_is_limited() -> None:
    rows = b"".join(b"\nNo such field %d\tx" % n for n in range(9000))
    found = reasons(sheet() + rows)
    assert len(found) == submissions.MAX_REASONS + 1
    assert found[-1].startswith("and more")


@pytest.mark.parametrize(
    ("raw", "expected"),
    [
        (b"Title\t\xff\xfe\xfa", "is not UTF-8 text"),
        (b"\n" * 10_001, "over 10000 rows"),
        (b"\t" * 1_000_001, "1000000 cells"),
        (b"Title" + b"\tx" * 1001, "over 1000 columns"),
        (workbook([["Title", "x"]]), "is not UTF-8 text"),
        (b"", "Title: is missing"),
    ],
)
def test_what_is_no_sheet_is_refused(raw: bytes, expected: str) -> None:
    assert expected in reasons(raw)[0]


# --- workbooks -----------------------------------------------------------------------------------------------------


def test_numbers_and_dates_of_a_workbook() -> None:
    rows: list[list[Any]] = [[k, *v] for k, v in MINIMAL.items() if k != "Release date"]
    rows += [["Release date", datetime(2025, 3, 12)], ["Organism taxon ID", 9606], ["Pixel width nm", 108.5]]
    rows += [["File count", 3.0]]
    made = record(workbook(rows), "x.xlsx")
    assert (made.date_published, made.file_count) == ("2025-03-12", 3)
    assert str((made.distribution or [])[0].pixel_width) == "108.5"


def test_gene_that_became_a_date_is_refused() -> None:
    rows: list[list[Any]] = [[k, *v] for k, v in MINIMAL.items()]
    rows.append(["Gene symbol", datetime(2025, 9, 6)])
    assert "Gene symbol (row 8, column B): the cell holds the date 2025-09-06" in reason(workbook(rows), "x.xlsx")


def test_formulas_are_not_evaluated() -> None:
    rows: list[list[Any]] = [[k, *v] for k, v in MINIMAL.items() if k != "Title"] + [["Title", '=1+1&"x"']]
    assert reason(workbook(rows), "x.xlsx") == "Title (row 7): is missing, but required"


def packed(parts: dict[str, bytes]) -> bytes:
    stream = io.BytesIO()
    with zipfile.ZipFile(stream, "w", zipfile.ZIP_DEFLATED) as book:
        for name, data in parts.items():
            book.writestr(name, data)
    return stream.getvalue()


def unpacked(raw: bytes) -> dict[str, bytes]:
    with zipfile.ZipFile(io.BytesIO(raw)) as book:
        return {info.filename: book.read(info) for info in book.infolist()}


def test_zip_bomb_is_refused() -> None:
    parts = unpacked(workbook_of(sheet()))
    assert "unpacks to over" in reason(packed(parts | {"xl/bomb.xml": b" " * 21_000_000}), "x.xlsx")
    assert "unpacks to over" in reason(packed(parts | {f"xl/{n}.xml": b"" for n in range(1001)}), "x.xlsx")


def test_zip_that_lies_about_its_size_is_refused() -> None:
    honest = packed(unpacked(workbook_of(sheet())) | {"xl/bomb.xml": b" " * 19_000_000})
    lying = honest.replace((19_000_000).to_bytes(4, "little"), (19).to_bytes(4, "little"))
    assert lying != honest
    assert "is not a whole .xlsx workbook" in reason(lying, "x.xlsx")


@pytest.mark.parametrize("encoding", ["utf-8", "utf-16"])
def test_entity_bomb_is_refused(encoding: str) -> None:
    parts = unpacked(workbook_of(sheet()))
    bomb = '<?xml version="1.0"?><!DOCTYPE a [<!ENTITY b "bbbb">]><a>&b;</a>'.encode(encoding)
    assert "declares XML entities" in reason(packed(parts | {"xl/sharedStrings.xml": bomb}), "x.xlsx")


def test_unusual_compression_is_refused() -> None:
    stream = io.BytesIO()
    with zipfile.ZipFile(stream, "w", zipfile.ZIP_LZMA) as book:
        book.writestr("xl/workbook.xml", b"x")
    assert "packed in an unusual way" in reason(stream.getvalue(), "x.xlsx")


def test_far_away_cells_are_refused() -> None:
    parts = unpacked(workbook_of(sheet()))
    name = next(p for p in parts if p.startswith("xl/worksheets/"))
    far_row = parts[name].replace(b"</sheetData>", b'<row r="1000000"><c r="B1000000"><v>1</v></c></row></sheetData>')
    far_column = parts[name].replace(b"</sheetData>", b'<row r="90"><c r="XFD90"><v>1</v></c></row></sheetData>')
    assert "over 10000 rows" in reason(packed(parts | {name: far_row}), "x.xlsx")
    assert "1000 columns" in reason(packed(parts | {name: far_column}), "x.xlsx")


@pytest.mark.parametrize(
    "raw", [b"", b"PK", b"PK\x03\x04rest", b"Title\tx", packed({}), packed({"xl/workbook.xml": b"<a/>"})]
)
def test_what_is_no_workbook_is_refused(raw: bytes) -> None:
    assert reasons(raw, "x.xlsx")


# --- JSON ----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("changes", "expected"),
    [
        ({"titel": "x", "name": None}, "'titel' is not a field of Dataset"),
        ({"licence": "CC0"}, "'licence' is not a field of Dataset; did you mean 'license'?"),
        (
            {"author": [{"name": "A", "email": "x"}]},
            "author[0]: 'email' is not a field of Person: the hub stores no e-mail",
        ),
        ({"author": [{"name": "A", "id": "0000-0002-1825-0098"}]}, "author[0].id: "),
        ({"author": ["Ada"]}, 'author[0]: "Ada" is not valid here: expected an object'),
        ({"author": {"name": "A"}}, "author: takes a list"),
        ({"author": [{"type": "Taxon", "name": "A"}]}, "author[0].type: 'Taxon' cannot stand here"),
        ({"about": [{"name": "x"}]}, "about[0].type: is missing"),
        ({"funding": [{"grant_number": 7, "name": "x"}]}, "funding[0].grant_number: 7 is not valid here"),
        ({"file_count": -1}, "file_count: -1 is not valid here"),
        ({"file_count": True}, "file_count: true is not valid here"),
        ({"is_accessible_for_free": "yes"}, "is_accessible_for_free: "),
        ({"unknown": ["taxa"]}, "unknown[0]: 'taxa' is not a slot of the model or its IRI; did you mean 'taxon'?"),
        ({"archive": {"id": "https://w3id.org/bioimage-hub/archive/idr"}}, "archive: the hub is the archive"),
        ({"gene_annotation": [{"gene": {"id": "ensembl:XYZ"}}]}, "gene_annotation[0].gene.id: 'XYZ'"),
        ({"gene_annotation": [{"gene_role": "tagged"}]}, "gene_annotation[0].gene: is missing"),
        ({"distribution": [{"pixel_width": 1e300}]}, "distribution[0].pixel_width: "),
        (
            {"funding": [{"name": "x", "id": "https://w3id.org/bioimage-hub/dataset/idr/idr0001"}]},
            "thing of another record",
        ),
        (
            {"funding": [{"name": "x", "id": "#author-1"}, {"name": "y", "id": "#author-1"}]},
            "'x' elsewhere and 'y' here",
        ),
        (
            {
                "phenotype": [{"id": "GO:0005635", "name": "x"}],
                "about": [{"type": "DefinedTerm", "id": "GO:0005635", "name": "x"}, {"type": "Taxon", "id": "9606"}],
            },
            "is a DefinedTerm elsewhere and a Phenotype here",
        ),
        ({"author": [{"name": "A", "id": "#ada@example.org"}]}, "holds an e-mail address"),
    ],
)
def test_faults_of_json_name_the_path(changes: dict[str, Any], expected: str) -> None:
    assert any(expected in r for r in reasons(model_json(**changes), "x.json"))


@pytest.mark.parametrize(
    ("raw", "expected"),
    [
        (b"{", "is not JSON"),
        (b"[]", "is not a JSON object"),
        (b'{"name": NaN}', "NaN is not a number"),
        (b'{"name": "a", "name": "b"}', "the key 'name' stands twice"),
        (b'{"a":' * 150 + b"1" + b"}" * 150, "deeper than 100"),
        (b"[" * 500_000, "is not JSON"),
        (b'{"size_bytes": ' + b"9" * 5000 + b"}", "is not JSON"),
    ],
)
def test_what_is_no_document_is_refused(raw: bytes, expected: str) -> None:
    assert expected in reason(raw, "x.json")


def test_name_must_tell_the_form() -> None:
    assert "name the document .json, .tsv or .xlsx" in reason(sheet(), "x.doc")


def test_unknown_organism_may_stand_at_the_sample() -> None:
    about = [{"type": "BioSample", "name": "mud", "unknown": [TAXON]}]
    made = record(model_json(about=about, measurement_method=None, not_applicable=["measurement_method"]), "x.json")
    assert (made.about or [])[0].unknown == [TAXON]


def test_minted_names_pass_over_given_ones() -> None:
    made = record(model_json(author=[{"name": "A"}, {"name": "B", "id": "#author-1"}]), "x.json")
    assert [a.id.partition("#")[2] for a in made.author or []] == ["author-2", "author-1"]


@pytest.mark.parametrize(
    ("changes", "expected"),
    [
        ({"author": [{"name": "A"}] * 10_001}, "author: has over 10000 values"),
        ({"author": [{"name": "A", "affiliation": [{"name": "B"}] * 300}] * 300}, "over 20000 things"),
        ({"author": [{"name": "A", "affiliation": [{"url": "x"}] * 300}] * 3000}, "and more: only the first 1000"),
        ({"description": "a@" * 9_000_000}, "description: has 18000000 characters"),
        ({"author": [{"name": "A", "id": "#" + "a@" * 9_000}]}, "has over 500 characters"),
    ],
)
def test_excess_is_refused_in_time(changes: dict[str, Any], expected: str) -> None:
    started = time.monotonic()
    assert any(expected in r for r in reasons(model_json(**changes), "x.json"))
    assert time.monotonic() - started < 10


# --- crates --------------------------------------------------------------------------------------------------------


def test_root_of_a_crate_need_not_be_an_address() -> None:
    assert record(crate({"@id": "./"}), "x.json").url is None


def test_crate_may_state_its_accession() -> None:
    assert record(crate({"identifier": ["x", "HUB-EXAMP1E0"]}), "x.json").accession == "HUB-EXAMP1E0"


@pytest.mark.parametrize(
    ("raw", "expected"),
    [
        (crate(drop=("name",)), "name: the dataset has no title"),
        (crate(drop=("description",)), "description: is missing"),
        (crate(drop=("license",)), "license: is missing"),
        (crate(drop=("author",)), "author: is missing"),
        (crate(drop=("datePublished",)), "datePublished: is missing"),
        (crate(drop=("about",)), "about: is missing"),
        (crate(drop=("measurementMethod",)), "measurementMethod: is missing"),
        (crate({"license": "CC BY"}), "license: 'CC BY' is not a known licence"),
        (crate({"datePublished": "03/12/2025"}), "datePublished: "),
        (crate({"author": [{"@id": "#nobody"}]}), "author[0]: #nobody is named but not described"),
        (crate({"author": [{"@id": "#p"}]}, {"@id": "#p", "@type": "Person"}), "author[0] has no name"),
        (
            crate({"about": [{"@id": "#t"}]}, {"@id": "#t", "@type": "Taxon", "scientificName": "Homo sapiens"}),
            "NCBI taxon",
        ),
        (
            crate(
                {"funder": {"@id": "https://w3id.org/bioimage-hub/dataset/idr/idr0001"}},
                {"@id": "https://w3id.org/bioimage-hub/dataset/idr/idr0001", "@type": "Grant", "name": "x"},
            ),
            "only the hub itself gives IRIs",
        ),
        (b'{"@graph": []}', "one must be the dataset"),
        (b'{"@graph": [{"@id": 1, "conformsTo": 2, "about": 3}]}', "JSON-LD"),
        (b'{"@context": "https://evil.example/", "@graph": [{"a": {"b": []}}]}', "not JSON-LD"),
    ],
)
def test_faults_of_crates(raw: bytes, expected: str) -> None:
    assert any(expected in r for r in reasons(raw, "x.json"))


def test_email_of_a_crate_is_left_out_with_a_finding() -> None:
    found = check(
        crate({"author": [{"@id": "#p"}]}, {"@id": "#p", "@type": "Person", "name": "A", "email": "a@b.org"}), "x.json"
    )
    assert "email-removed" in [f.rule for f in found.findings]
    assert "a@b.org" not in records.to_json(found.record) + str(found.findings)


# --- fuzz ----------------------------------------------------------------------------------------------------------

QUIET = settings(max_examples=150, deadline=None, suppress_health_check=[HealthCheck.too_slow])
WORDS = st.sampled_from(
    ["Unknown", "NA", "-", "9606", "Homo sapiens", "10.1/x", "0000-0002-1825-0097", "ensembl", "#x", "a@b.org", "1e400"]
) | st.text(max_size=30)
VALUES = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | WORDS,
    lambda inner: (
        st.lists(inner, max_size=3)
        | st.dictionaries(
            st.sampled_from(["id", "type", "name", "taxon", "gene", "@id", "affiliation", "unknown", "x"]),
            inner,
            max_size=4,
        )
    ),
    max_leaves=8,
)


WORKBOOK = workbook_of(sheet())  # made once, as it holds the time


def survives(raw: bytes, name: str) -> None:
    try:
        found = check(raw, name)
    except RecordError as err:
        told = err.reasons
    else:
        made = records.canonical(found.record)
        assert records.from_quads(records.to_quads(made), made.id) == made
        told = tuple(str(f) for f in found.findings) or ("published",)
    assert told
    assert all(reason.encode() for reason in told)


@QUIET
@given(st.dictionaries(st.sampled_from([f.name for f in templates.FIELDS]) | WORDS, st.lists(WORDS, max_size=3)))
def test_any_cells_are_published_or_refused(fields: dict[str, list[str]]) -> None:
    survives(sheet(fields).decode("utf-8", "replace").encode(), "x.tsv")


@QUIET
@given(st.binary(max_size=300))
def test_any_bytes_are_published_or_refused(raw: bytes) -> None:
    for name in ("x.tsv", "x.json", "x.xlsx"):
        survives(raw, name)


@QUIET
@given(st.dictionaries(st.sampled_from([s.name for s in records.tables()["Dataset"].slots]), VALUES, max_size=4))
def test_any_json_is_published_or_refused(changes: dict[str, Any]) -> None:
    survives(model_json(**changes), "x.json")


@QUIET
@given(st.dictionaries(st.sampled_from(list(json.loads(crate())["@graph"][1])), VALUES, max_size=3))
def test_any_crate_is_published_or_refused(root: dict[str, Any]) -> None:
    survives(crate(root), "x.json")


@settings(max_examples=60, deadline=None)
@given(st.data())
def test_damaged_workbook_is_published_or_refused(data: st.DataObject) -> None:
    raw = bytearray(WORKBOOK)
    for _ in range(data.draw(st.integers(1, 5))):
        position = data.draw(st.integers(0, 2**20)) % len(raw)  # the length differs from run to run
        raw[position] = data.draw(st.integers(0, 255))
    survives(bytes(raw), "x.xlsx")


@pytest.mark.parametrize(
    ("changes", "place"),
    [
        ({"has_part": [{}]}, "has_part[0].name"),
        ({"reconstruction": [{"name": "A map", "resolution": "three"}]}, "reconstruction[0].resolution"),
        ({"reagent_annotation": [{}]}, "reagent_annotation[0].reagent"),
        (
            {"reagent_annotation": [{"reagent": [{"type": "hub:Reagent", "name": "s1", "reagent_kind": "siRNAs"}]}]},
            "reagent_annotation[0].reagent[0].reagent_kind",
        ),
    ],
)
def test_parts_reagents_and_maps_are_checked(changes: dict[str, Any], place: str) -> None:
    with pytest.raises(RecordError) as refused:
        check(model_json(**changes), "x.json")
    assert any(place in reason for reason in refused.value.reasons), refused.value.reasons
