"""A dataset as DataCite 4.5 metadata: JSON in the shape of the DataCite REST API's attributes, and kernel-4 XML.

DataCite requires things that some archives do not say. Then its own code for "unavailable" stands there (``:unav``),
and for a year ``0000``; nothing is invented.

Source: https://datacite-metadata-schema.readthedocs.io/en/4.5/ ·
https://datacite-metadata-schema.readthedocs.io/en/4.5/appendices/appendix-3/
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from typing import Any

from datacite import schema45
from lxml import etree

from hub import citations, schemaorg
from linkml_schemas.generated.model import Dataset, Grant, Organization, Person

KERNEL = "http://datacite.org/schema/kernel-4"
UNAVAILABLE, UNKNOWN_YEAR = ":unav", "0000"
ORCID, ROR, PUBMED = "https://orcid.org/", "https://ror.org/", "https://pubmed.ncbi.nlm.nih.gov/"
_DOI = re.compile(r"10\.[0-9]{4,9}/\S+")
# Source: https://spdx.org/licenses/ (identifiers of Creative Commons' licences, by the path of their address)
_CC = re.compile(r"https://creativecommons\.org/(?:licenses|publicdomain)/([a-z-]+)/([0-9.]+)/")


def of(record: Dataset) -> dict[str, Any]:
    """Return a record as DataCite 4.5 JSON; without ``doi`` where the dataset has none."""
    cited = citations.address(record)
    doi = cited.removeprefix(citations.DOI)
    date = record.date_published or record.date_submitted
    node: dict[str, Any] = {
        "doi": doi if _DOI.fullmatch(doi) else None,
        "url": record.url or record.id,
        "types": {"resourceTypeGeneral": "Dataset", "resourceType": "Bioimaging dataset"},
        "creators": _unique(_agent(author) for author in record.author or []) or [{"name": UNAVAILABLE}],
        "titles": [{"title": record.name}],
        "publisher": {"name": record.archive.name},
        "publicationYear": date[:4] if date else UNKNOWN_YEAR,
        "subjects": list(_subjects(record)),
        "contributors": _unique(
            {**_agent(person), "contributorType": "ContactPerson"} for person in record.contact or []
        ),
        "dates": list(_dates(record)),
        "alternateIdentifiers": list(_identifiers(record, doi)),
        "relatedIdentifiers": list(_related(record)),
        "sizes": list(_sizes(record)),
        "formats": list(dict.fromkeys(d.encoding_format for d in record.distribution or [] if d.encoding_format)),
        "version": schemaorg.version_of(record),
        "rightsList": [_rights(record.license)] if record.license else [],
        "descriptions": [{"description": schemaorg.described(record)[0], "descriptionType": "Abstract"}],
        "fundingReferences": _unique(item for grant in record.funding or [] for item in _funding(grant)),
        "schemaVersion": KERNEL,
    }
    return {key: value for key, value in node.items() if value not in (None, [])}


def xml(record: Dataset) -> bytes:
    """Return a record as kernel-4 XML; its identifier is the DOI, else the archive's page."""
    node = of(record)
    tree = schema45.dump_etree(node)
    if "doi" not in node:
        identifier = etree.Element(f"{{{KERNEL}}}identifier", identifierType="URL")
        identifier.text = citations.address(record)
        tree.insert(0, identifier)
    written: bytes = etree.tostring(tree, pretty_print=True, xml_declaration=True, encoding="utf-8")
    return written


def _unique(items: Iterable[dict[str, Any]]) -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = []
    for item in items:
        if item not in found:
            found.append(item)
    return found


def _agent(agent: Person | Organization) -> dict[str, Any]:
    if isinstance(agent, Organization):
        return {"name": agent.name, "nameType": "Organizational", **_identified(agent.id, ROR, "ROR")}
    named = {"familyName": agent.family_name, "givenName": agent.given_name}
    whole = ", ".join(part for part in (agent.family_name, agent.given_name) if part)
    node = {"name": whole if agent.family_name else agent.name, "nameType": "Personal"}
    node |= {key: value for key, value in named.items() if value and agent.family_name}
    places = [_affiliation(place) for place in agent.affiliation or []]
    return {**node, **_identified(agent.id, ORCID, "ORCID"), **({"affiliation": _unique(places)} if places else {})}


def _identified(iri: str, start: str, scheme: str) -> dict[str, Any]:
    if not iri.startswith(start):
        return {}
    return {"nameIdentifiers": [{"nameIdentifier": iri, "nameIdentifierScheme": scheme, "schemeUri": start}]}


def _affiliation(place: Organization) -> dict[str, str]:
    if not place.id.startswith(ROR):
        return {"name": place.name}
    return {
        "name": place.name,
        "affiliationIdentifier": place.id,
        "affiliationIdentifierScheme": "ROR",
        "schemeUri": ROR,
    }


def _subjects(record: Dataset) -> Iterator[dict[str, str]]:
    words = dict.fromkeys(record.keyword or [])
    yield from ({"subject": word} for word in words)
    for thing in [*(record.about or []), *schemaorg.techniques(record)]:
        name = schemaorg.name_of(thing)
        if name and name not in words and "#" not in thing.id:
            words[name] = None
            yield {"subject": name, "valueUri": thing.id}


def _dates(record: Dataset) -> Iterator[dict[str, str]]:
    known = (("Issued", record.date_published), ("Updated", record.date_modified), ("Submitted", record.date_submitted))
    return ({"date": value, "dateType": kind} for kind, value in known if value)


def _identifiers(record: Dataset, doi: str) -> Iterator[dict[str, str]]:
    yield {"alternateIdentifier": record.accession, "alternateIdentifierType": record.archive.name}
    for iri in dict.fromkeys([record.id, *(record.same_as or [])]):
        if iri != citations.DOI + doi:
            yield {"alternateIdentifier": iri, "alternateIdentifierType": "URL"}


def _related(record: Dataset) -> Iterator[dict[str, str]]:
    for paper in record.publication or []:
        kind, value = _kind(paper.id)
        if kind:
            yield {"relatedIdentifier": value, "relatedIdentifierType": kind, "relationType": "IsSupplementTo"}
    for iri in record.related or []:
        yield {"relatedIdentifier": iri, "relatedIdentifierType": "URL", "relationType": "References"}


def _kind(iri: str) -> tuple[str, str]:
    """Return how DataCite calls an identifier, and its bare form; nothing for a node of a record."""
    if iri.startswith(citations.DOI):
        return "DOI", iri.removeprefix(citations.DOI)
    if iri.startswith(PUBMED):
        return "PMID", iri.removeprefix(PUBMED).strip("/")
    return ("", "") if "#" in iri else ("URL", iri)


def _sizes(record: Dataset) -> Iterator[str]:
    known = ((record.size_bytes, "bytes"), (record.file_count, "files"), (record.image_count, "images"))
    return (f"{value} {unit}" for value, unit in known if value is not None)


def _rights(licence: str) -> dict[str, str]:
    node = {"rightsUri": licence}
    if found := _CC.fullmatch(licence):
        name = {"zero": "CC0", "mark": "PDM"}.get(found[1], f"CC-{found[1].upper()}")
        spdx = {"rightsIdentifierScheme": "SPDX", "schemeUri": "https://spdx.org/licenses/"}
        return {"rights": f"{name} {found[2]}", **node, "rightsIdentifier": f"{name}-{found[2]}".lower(), **spdx}
    return {"rights": licence, **node}


def _funding(grant: Grant) -> Iterator[dict[str, str]]:
    """Yield a grant once for each of its funders; DataCite has no grant without one."""
    for funder in grant.funder or []:
        node = {"funderName": funder.name, "awardNumber": grant.grant_number, "awardTitle": grant.name}
        if funder.id.startswith(ROR):
            node |= {"funderIdentifier": funder.id, "funderIdentifierType": "ROR"}
        yield {key: value for key, value in node.items() if value}
