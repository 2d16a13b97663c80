"""The hub's datasets as a dump for EBI Search: names, dates, people, and cross references to every linked database.

Source: https://www.ebi.ac.uk/ebisearch/documentation/data-formats · https://www.ebi.ac.uk/ebisearch/XML4dbDumps.xsd
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import Final
from xml.etree import ElementTree as ET

from hub.links.exports_papers import XML_HEAD
from hub.links.exports_rows import Row
from hub.links.statements import curie
from ontology import archives, terms

DATABASE: Final = "bioimage-hub"
# Names of databases in EBI Search where they are not the prefix in capitals.
_NAMES: Final = {"ncbitaxon": "TAXONOMY", "ena.embl": "ENA", "ncbigene": "NCBIGENE"}
_DATES: Final = (("publication", "date_published"), ("last_modification", "date_modified"))


def dump(rows: Iterable[Row], count: int, base: str, *, release: str, date: str) -> Iterator[str]:
    """Yield the dump, entry by entry.

    Args:
        rows: datasets with all their links.
        count: how many they are.
        base: base IRI of the hub, ending in ``/``.
        release: what names the state of the hub, such as the number of its last change.
        date: ISO 8601 date of that.
    """
    yield f"{XML_HEAD}<database>\n"
    for name, text in (
        ("name", DATABASE),
        ("description", "Public datasets of bioimages, from all archives"),
        ("release", release),
        ("release_date", date),
        ("entry_count", str(count)),
    ):
        yield _text(_element(name, text)) + "\n"
    yield "<entries>\n"
    for row in rows:
        yield _text(_entry(row, base)) + "\n"
    yield "</entries>\n</database>\n"


def _entry(row: Row, base: str) -> ET.Element:
    record = row.record
    entry = ET.Element("entry", id=f"{row.archive}:{row.accession}", acc=row.accession)
    entry.append(_element("name", record.name))
    if record.description:
        entry.append(_element("description", record.description))
    if record.author:
        entry.append(_element("authors", "; ".join(person.name for person in record.author)))
    if record.keyword:
        entry.append(_element("keywords", "; ".join(record.keyword)))
    dates = ET.SubElement(entry, "dates")
    for kind, slot in _DATES:
        value = getattr(record, slot)
        if value and len(value) == len("2026-11-20"):
            ET.SubElement(dates, "date", type=kind, value=value)
    references = ET.SubElement(entry, "cross_references")
    for database, key in sorted(_references(row, base)):
        ET.SubElement(references, "ref", dbname=database, dbkey=key)
    fields = ET.SubElement(entry, "additional_fields")
    for name, text in _fields(row):
        ET.SubElement(fields, "field", name=name).text = text
    return entry


def _references(row: Row, base: str) -> set[tuple[str, str]]:
    """Return database and key of everything that a dataset is linked with, and of every spelling of its papers."""
    found = {_reference(curie(base, link.object)) for link in row.links}
    for paper in row.papers:
        found |= {("DOI", paper.doi or ""), ("PUBMED", paper.pmid or ""), ("PMC", paper.pmcid or "")}
    return {(database, key) for database, key in found if database and key}


def _reference(short: str) -> tuple[str, str]:
    prefix, _, local = short.partition(":")
    if local.startswith("//") or not local:
        return "", ""
    return _NAMES.get(prefix.lower(), prefix.upper()), local


def _fields(row: Row) -> Iterator[tuple[str, str]]:
    record = row.record
    known = archives.ARCHIVES.get(row.archive)
    yield "archive", known.title if known else row.archive
    yield "url", row.iri
    yield "landing_page", record.url or row.iri
    if record.license:
        yield "licence", record.license
    for thing in sorted({label for link in row.links if (label := terms.label(link.object))}):
        yield "term", thing


def _element(name: str, text: str) -> ET.Element:
    element = ET.Element(name)
    element.text = text
    return element


def _text(element: ET.Element) -> str:
    return ET.tostring(element, encoding="unicode")
