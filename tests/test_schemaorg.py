"""What pages say to search engines: Google's rules, Bioschemas, and that records stay as they are."""

from __future__ import annotations

import json

from pyoxigraph import Literal, RdfFormat, parse

from hub import records, schemaorg
from linkml_schemas.generated.model import Distribution, Phenotype
from tests.demo_records import demo, made, one

MINIMUM = {"@id", "@type", "name", "description", "identifier", "url"}


def embedded(record):
    """Return what is embedded, and its triples with the schema.org context stood in for."""
    node = schemaorg.embedded(record, "2026-01-02T03:04:05Z")
    local = {**node, "@context": [{"@vocab": schemaorg.SCHEMA}, node["@context"][1]]}
    return node, {q.triple for q in parse(json.dumps(local), format=RdfFormat.JSON_LD, base_iri=record.id)}


def test_every_record_keeps_google_s_rules_and_bioschemas():
    for record in demo():
        node, triples = embedded(record)
        said = {
            "license": record.license,
            "creator": record.author,
            "citation": record.publication,
            "datePublished": record.date_published,
            "isAccessibleForFree": record.is_accessible_for_free is not None,
            "sameAs": record.same_as,
            "distribution": record.distribution,
        }
        assert MINIMUM | {"includedInDataCatalog", "publisher", "version"} <= set(node)
        assert {term for term, value in said.items() if value} <= set(node)
        assert ("keywords" in node) == bool(record.keyword or schemaorg.subjects(record))
        assert node["@type"] == "Dataset"
        assert 50 <= len(node["description"]) <= 5000
        assert all("name" in author and author["@id"] for author in node.get("author", []))
        for item in node.get("distribution", []):
            assert item["@type"] == "DataDownload"
        assert (schemaorg.CONFORMS_TO in node) == bool(record.license)
        assert triples <= {q.triple for q in schemaorg.page_quads(record, "2026-01-02T03:04:05Z")}


def test_a_page_gives_the_record_back():
    for record in demo():
        assert records.from_quads(schemaorg.page_quads(record, "2026-01-02"), record.id) == record
        document = schemaorg.page_jsonld(record, "2026-01-02")
        assert records.from_jsonld(document, record.id) == record
        same = {q.triple for q in records.parse_jsonld(document, record.id)}
        assert same == {q.triple for q in schemaorg.page_quads(record, "2026-01-02")}


def test_descriptions():
    assert schemaorg.described(made(description="x" * 60)) == ("x" * 60, None)
    short, language = schemaorg.described(made(description="Cells of a mouse"))
    assert language == "en"
    assert short == "Cells of a mouse. Dataset S-BIAD1 of the BioImage Archive: Cells."
    long, language = schemaorg.described(made(description="word " * 2000))
    assert (language, long[-6:], len(long) <= 5000) == ("und", " word…", True)
    missing, language = schemaorg.described(one("EMPIAR-10988"))
    assert missing.startswith("Dataset EMPIAR-10988 of the Electron Microscopy Public Image Archive: Defocus")
    assert "Images: micrographs - multiframe, reconstructed volumes, tilt series." in missing


def test_what_the_hub_adds_is_marked_or_no_slot_of_a_record():
    slots = {s.predicate.value for s in records.tables()["Dataset"].slots}
    phenotypes = [Phenotype(id="https://e.org/p", name="round cells")]
    for quad in schemaorg.additions(made(phenotype=phenotypes, license="https://spdx.org/licenses/MIT"), "2026-01-02"):
        own = quad.predicate.value in slots
        assert not own or (isinstance(quad.object, Literal) and quad.object.language) or "publisher" in str(quad)


def test_versions_and_files():
    assert schemaorg.version_of(made(date_published="2020", date_modified="2021-02")) == "2021-02"
    assert schemaorg.version_of(made(), "2026-01-02T03:04:05Z") == "2026-01-02"
    assert schemaorg.version_of(made()) is None
    item = Distribution(id="https://e.org/r#1", access_url="https://e.org/folder/", size_bytes=9)
    node, _ = embedded(made(distribution=[item]))
    assert node["distribution"][0]["url"] == ["https://e.org/folder/"]
    assert node["distribution"][0]["contentSize"] == ["9 B"]
