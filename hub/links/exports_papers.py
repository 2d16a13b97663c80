"""Links between datasets and papers as others load them: Europe PMC's LabsLink, NCBI's LinkOut, Scholix, a plain table.

Source: https://europepmc.org/LabsLink · https://europepmc.org/docs/labslink.xsd (1.4) ·
https://www.ncbi.nlm.nih.gov/books/NBK3802/ · https://doi.org/10.5281/zenodo.6351557 (Scholix 4)
"""

from __future__ import annotations

import csv
import io
import json
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any, Final
from xml.etree import ElementTree as ET

from hub.links.exports_rows import DOI, PMC, PUBMED, Paper, Row, data_doi
from ontology import archives

XML_HEAD: Final = '<?xml version="1.0" encoding="UTF-8" standalone="yes"?>\n'
LINKOUT_HEAD: Final = (
    '<?xml version="1.0"?>\n<!DOCTYPE {} PUBLIC "-//NLM//DTD LinkOut 1.0//EN" '
    '"https://www.ncbi.nlm.nih.gov/projects/linkout/doc/LinkOut.dtd">\n'
)
LICENCE: Final = "https://creativecommons.org/publicdomain/zero/1.0/"
NAME: Final = "Bioimage Hub"
TITLE: Final = "Public datasets of bioimages that go with this paper, from all archives"
ACCESSIONS: Final = ("accession", "archive", "iri", "paper_doi", "paper_pmid", "paper_pmcid")
_LONGEST_TITLE: Final = 250


@dataclass(frozen=True, slots=True)
class Provider:
    """Who sends links: what Europe PMC or NCBI gave and asks for.

    Attributes:
        id: number that they gave.
        name: of the hub, as it is to be shown.
        email: where they reach its operator; needed for LabsLink's list of providers only.
        url: the hub's home page.
    """

    id: str = "0"
    name: str = NAME
    email: str = ""
    url: str = ""


# --- Europe PMC


def labslink_providers(provider: Provider) -> str:
    """Return LabsLink's list of providers, which is sent once."""
    root = ET.Element("providers")
    own = ET.SubElement(root, "provider")
    for name, text in (
        ("id", provider.id),
        ("resourceName", provider.name),
        ("description", TITLE),
        ("email", provider.email),
    ):
        ET.SubElement(own, name).text = text
    return f"{XML_HEAD}{_text(root)}\n"


def labslink(rows: Iterable[Row], provider: Provider) -> Iterator[str]:
    """Yield LabsLink's list of links: a dataset's page on a paper, by PubMed number where known, else DOI."""
    yield f"{XML_HEAD}<links>\n"
    for row, paper in _pairs(rows):
        if paper.pmid or paper.doi:
            yield _text(_labslink(row, paper, provider)) + "\n"
    yield "</links>\n"


def _labslink(row: Row, paper: Paper, provider: Provider) -> ET.Element:
    link = ET.Element("link", providerId=provider.id)
    resource = ET.SubElement(link, "resource")
    ET.SubElement(resource, "title").text = _title(row)
    ET.SubElement(resource, "url").text = row.iri
    if paper.pmid:
        record = ET.SubElement(link, "record")
        ET.SubElement(record, "source").text = "MED"
        ET.SubElement(record, "id").text = paper.pmid
    else:
        ET.SubElement(link, "doi").text = paper.doi
    return link


# --- NCBI


def linkout_provider(provider: Provider) -> str:
    """Return LinkOut's identity file, ``providerinfo.xml``."""
    root = ET.Element("Provider")
    for name, text in (
        ("ProviderId", provider.id),
        ("Name", provider.name),
        ("NameAbbr", "".join(c for c in provider.name if c.isalnum())),
        ("SubjectType", "molecular biology databases"),
        ("Url", provider.url),
        ("Brief", TITLE),
    ):
        ET.SubElement(root, name).text = text
    return f"{LINKOUT_HEAD.format('Provider')}{_text(root)}\n"


def linkout(rows: Iterable[Row], provider: Provider) -> Iterator[str]:
    """Yield LinkOut's resource file: a link from each paper with a PubMed number to each of its datasets' pages."""
    yield f"{LINKOUT_HEAD.format('LinkSet')}<LinkSet>\n"
    for row, paper in _pairs(rows):
        if paper.pmid:
            yield _text(_linkout(row, paper, provider)) + "\n"
    yield "</LinkSet>\n"


def _linkout(row: Row, paper: Paper, provider: Provider) -> ET.Element:
    base, _, rule = row.iri.partition("/dataset/")
    link = ET.Element("Link")
    ET.SubElement(link, "LinkId").text = f"{row.archive}.{row.accession}.{paper.pmid}"
    ET.SubElement(link, "ProviderId").text = provider.id
    selector = ET.SubElement(link, "ObjectSelector")
    ET.SubElement(selector, "Database").text = "PubMed"
    ET.SubElement(ET.SubElement(selector, "ObjectList"), "ObjId").text = str(paper.pmid)
    url = ET.SubElement(link, "ObjectUrl")
    ET.SubElement(url, "Base").text = f"{base}/dataset/"
    ET.SubElement(url, "Rule").text = rule
    ET.SubElement(url, "UrlName").text = _title(row)
    return link


# --- Scholix


def scholix(rows: Iterable[Row]) -> Iterator[str]:
    """Yield Scholix 4 links, one JSON document in each line: the dataset supplements the paper."""
    for row, paper in _pairs(rows):
        yield json.dumps(scholix_link(row, paper), ensure_ascii=False, separators=(",", ":")) + "\n"


def scholix_link(row: Row, paper: Paper) -> dict[str, Any]:
    """Return the Scholix link of a dataset and a paper."""
    return {
        "LinkPublicationDate": paper.since[:10],
        "LinkProvider": [{"Name": NAME}],
        "RelationshipType": {
            "Name": "IsSupplementTo",
            "SubType": "IsSupplementTo",
            "SubTypeSchema": "https://datacite-metadata-schema.readthedocs.io/en/4.6/appendices/appendix-1/relationType/",
        },
        "LicenseURL": LICENCE,
        "Source": _dataset(row),
        "Target": _publication(paper),
    }


def _dataset(row: Row) -> dict[str, Any]:
    record = row.record
    doi = data_doi(record)
    named = [_identifier(row.accession, row.archive, row.iri), *([_identifier(doi, "doi", DOI + doi)] if doi else [])]
    known = archives.ARCHIVES.get(row.archive)
    people = [{"Name": p.name, **_orcid(p.id)} for p in record.author or []]
    return _without_nothing(
        {
            "Identifier": named,
            "Type": "dataset",
            "Title": record.name,
            "Creator": people,
            "PublicationDate": record.date_published,
            "Publisher": [{"Name": known.title if known else row.archive}],
        }
    )


def _orcid(iri: str) -> dict[str, Any]:
    start = "https://orcid.org/"
    return {"Identifier": [_identifier(iri.removeprefix(start), "orcid", iri)]} if iri.startswith(start) else {}


def _publication(paper: Paper) -> dict[str, Any]:
    forms = ((paper.doi, "doi", DOI), (paper.pmid, "pmid", PUBMED), (paper.pmcid, "pmcid", PMC))
    named = [_identifier(form, scheme, space + form) for form, scheme, space in forms if form]
    return _without_nothing({"Identifier": named, "Type": "publication", "Title": paper.title})


def _identifier(name: str, scheme: str, url: str) -> dict[str, str]:
    return {"ID": name, "IDScheme": scheme, "IDURL": url}


def _without_nothing(said: Mapping[str, Any]) -> dict[str, Any]:
    return {name: value for name, value in said.items() if value}


# --- a plain table


def accessions(rows: Iterable[Row]) -> Iterator[str]:
    """Yield a tab-separated table of every dataset and its papers, one a line; no paper leaves the cells empty."""
    yield _line(ACCESSIONS)
    for row in rows:
        own = (row.accession, row.archive, row.iri)
        for doi, pmid, pmcid in [(p.doi, p.pmid, p.pmcid) for p in row.papers] or [(None, None, None)]:
            yield _line((*own, doi or "", pmid or "", pmcid or ""))


def _line(cells: Iterable[str]) -> str:
    out = io.StringIO()
    csv.writer(out, delimiter="\t", lineterminator="\n").writerow(cells)
    return out.getvalue()


# --- of all


def _pairs(rows: Iterable[Row]) -> Iterator[tuple[Row, Paper]]:
    for row in rows:
        for paper in row.papers:
            yield row, paper


def _title(row: Row) -> str:
    known = archives.ARCHIVES.get(row.archive)
    whole = f"{row.accession} ({known.title if known else row.archive}): {row.record.name}"
    return whole if len(whole) <= _LONGEST_TITLE else whole[: _LONGEST_TITLE - 1] + "…"


def _text(element: ET.Element) -> str:
    return ET.tostring(element, encoding="unicode")
