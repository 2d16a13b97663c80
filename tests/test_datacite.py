"""DataCite JSON and XML of datasets."""

from __future__ import annotations

from datacite import schema45
from lxml import etree

from hub import datacite
from linkml_schemas.generated.model import Grant, Organization, Person, Publication
from tests.demo_records import demo, made, one

NS = {"d": datacite.KERNEL}
REQUIRED = ("identifier", "creators", "titles", "publisher", "publicationYear", "resourceType")


def test_every_record_keeps_the_schema():
    for record in demo():
        assert [error.message for error in schema45.validator.iter_errors(datacite.of(record))] == []
        root = etree.fromstring(datacite.xml(record))
        assert root.tag == f"{{{datacite.KERNEL}}}resource"
        tags = [etree.QName(child).localname for child in root]
        assert set(REQUIRED) <= set(tags)
        assert len(tags) == len(set(tags))
        assert all(child.text and child.text.strip() for child in root.iter() if not len(child))


def test_a_doi_is_the_identifier():
    node = datacite.of(one("EMPIAR-10988"))
    assert node["doi"] == "10.6019/empiar-10988"
    identifier = etree.fromstring(datacite.xml(one("EMPIAR-10988"))).find("d:identifier", NS)
    assert (identifier.text, identifier.get("identifierType")) == ("10.6019/empiar-10988", "DOI")
    assert node["alternateIdentifiers"][0]["alternateIdentifier"] == "EMPIAR-10988"


def test_what_nobody_says_has_its_code():
    node = datacite.of(made())
    assert "doi" not in node
    assert (node["creators"], node["publicationYear"]) == ([{"name": ":unav"}], "0000")
    identifier = etree.fromstring(datacite.xml(made())).find("d:identifier", NS)
    assert (identifier.text, identifier.get("identifierType")) == ("https://archive.example.org/S-BIAD1", "URL")


def test_people_places_grants_and_papers():
    lab = Organization(id="https://ror.org/013meh722", name="Example University")
    person = Person(id="https://orcid.org/0000-0002-1825-0097", name="J. Carberry", family_name="Carberry")
    person.affiliation = [lab]
    grant = Grant(id="https://hub.example.org/g", name="Cells", grant_number="7", funder=[lab])
    papers = ["https://doi.org/10.1000/1", "https://pubmed.ncbi.nlm.nih.gov/12345678", "https://e.org/r#paper"]
    licence = "https://creativecommons.org/licenses/by/4.0/"
    said = {"author": [person, lab], "funding": [grant], "license": licence, "size_bytes": 12}
    node = datacite.of(made(publication=[Publication(id=iri) for iri in papers], **said))
    first, second = node["creators"]
    assert (first["name"], first["affiliation"][0]["affiliationIdentifier"]) == ("Carberry", lab.id)
    assert first["nameIdentifiers"][0]["nameIdentifier"] == person.id
    assert (second["nameType"], second["name"]) == ("Organizational", "Example University")
    assert [r["relatedIdentifier"] for r in node["relatedIdentifiers"]] == ["10.1000/1", "12345678"]
    assert node["fundingReferences"][0]["awardNumber"] == "7"
    assert node["rightsList"][0]["rightsIdentifier"] == "cc-by-4.0"
    assert node["sizes"] == ["12 bytes"]
    assert schema45.validate(node)
