"""A record as a detached RO-Crate in the foundingGIDE profile, so that its peers can harvest the hub.

The profile requires things that some archives do not say. Where one is missing the crate says so with a term for
"unknown" (NCIT:C17998) or, for a date, with the ISO 8601-2 unspecified year; it never invents a value.

Source: https://www.gide-project.org/ro-crate/search/1.0/profile
"""

from __future__ import annotations

from typing import Any

from pydantic import BaseModel

from linkml_schemas.generated.model import (
    BioSample,
    Dataset,
    DefinedTerm,
    Grant,
    ImagingProtocol,
    Organization,
    Person,
    Protein,
    Publication,
    Taxon,
)
from ontology.dates import UNKNOWN_YEAR
from ontology.terms import UNKNOWN

DESCRIPTOR = "ro-crate-metadata.json"
OBO = "http://purl.obolibrary.org/obo/"
CONTEXT: list[Any] = [
    "https://w3id.org/ro/crate/1.2/context",
    {
        "obo": OBO,
        "dwc": "http://rs.tdwg.org/dwc/terms/",
        "dwciri": "http://rs.tdwg.org/dwc/iri/",
        "bao": "http://www.bioassayontology.org/bao#",
        "xsd": "http://www.w3.org/2001/XMLSchema#",
        "vernacularName": {"@id": "dwc:vernacularName"},
        "scientificName": {"@id": "dwc:scientificName"},
        "hasCellLine": {"@id": "bao:BAO_0002004"},
        "measurementMethod": {"@id": "dwciri:measurementMethod"},
        "seeAlso": {"@id": "rdfs:seeAlso"},
        "BioSample": {"@id": "http://schema.org/BioSample"},
        "LabProtocol": {"@id": "http://schema.org/LabProtocol"},
        "labEquipment": {"@id": "http://schema.org/labEquipment"},
    },
]


# Classes of the model whose crates' class has another name; the profile has no class for proteins.
KINDS = {"ImagingProtocol": "LabProtocol", "Protein": "DefinedTerm", "Publication": "ScholarlyArticle"}


class _Writer:
    """Gathers the nodes of one crate, each once."""

    def __init__(self) -> None:
        self.nodes: dict[str, dict[str, Any]] = {}

    def reference(self, thing: BaseModel) -> dict[str, str]:
        """Return a reference to a thing, its node written."""
        iri: str = thing.id  # type: ignore[attr-defined]
        if iri not in self.nodes:
            self.nodes[iri] = {}
            self.nodes[iri] = {k: v for k, v in self._node(thing).items() if v not in (None, [])}
        return {"@id": iri}

    def references(self, things: list[Any] | None) -> list[dict[str, str]]:
        """Return references to several things."""
        return [self.reference(t) for t in things or []]

    def _node(self, thing: BaseModel) -> dict[str, Any]:
        iri: str = thing.id  # type: ignore[attr-defined]
        more: dict[str, Any]
        match thing:
            case Person():
                more = {"name": thing.name, "affiliation": self.references(thing.affiliation)}
            case Organization():
                more = {"name": thing.name, "url": thing.url}
            case Taxon():
                more = {"scientificName": thing.scientific_name, "vernacularName": thing.vernacular_name}
            case BioSample():
                more = self._sample(thing)
            case ImagingProtocol():
                more = self._protocol(thing)
            case Publication():
                more = {"name": thing.name or iri, "datePublished": thing.date_published}
            case Grant():
                more = {"name": thing.name, "identifier": thing.grant_number}
            case DefinedTerm() | Protein():
                more = {"name": thing.name}
            case _:
                raise TypeError(f"a {type(thing).__name__} has no place in a crate")
        kind = KINDS.get(type(thing).__name__, type(thing).__name__)
        types: Any = ["Taxon", "dwc:Taxon"] if kind == "Taxon" else kind
        return {"@id": iri, "@type": types, **more}

    def _sample(self, sample: BioSample) -> dict[str, Any]:
        return {
            "name": sample.name,
            "description": sample.description or sample.name,
            "taxonomicRange": self.references(sample.taxon),
            "hasCellLine": self.references(sample.cell_line),
        }

    def _protocol(self, protocol: ImagingProtocol) -> dict[str, Any]:
        return {
            "name": protocol.name,
            "description": protocol.description or protocol.name,
            "labEquipment": protocol.lab_equipment,
            "measurementTechnique": self.references(protocol.measurement_technique),
        }

    def unknown(self) -> list[dict[str, str]]:
        """Return a reference to the term for what is not known."""
        return [self.reference(DefinedTerm(id=UNKNOWN, name="Unknown"))]

    def size(self, value: int | None, unit: str, text: str) -> list[dict[str, str]]:
        """Return a reference to a quantity, or nothing."""
        if value is None:
            return []
        iri = "#file-count" if text == "file count" else "#total-dataset-size"
        self.nodes[iri] = {
            "@id": iri,
            "@type": "QuantitativeValue",
            "value": value,
            "unitCode": OBO + unit,
            "unitText": text,
        }
        return [{"@id": iri}]


def crate(record: Dataset) -> dict[str, Any]:
    """Return a record as an RO-Crate: a JSON-LD document whose root is the archive's landing page."""
    writer = _Writer()
    root = record.url or record.id
    publisher = record.publisher or Organization(id=record.archive.url or "#publisher", name=record.archive.name)
    authors = writer.references(record.author) or [writer.reference(publisher)]
    node = {
        "@id": root,
        "@type": "Dataset",
        "name": record.name,
        "description": record.description or record.name,
        "identifier": record.accession,
        "datePublished": record.date_published or record.date_submitted or UNKNOWN_YEAR,
        "license": {"@id": record.license or UNKNOWN},
        "author": authors,
        "publisher": writer.reference(publisher),
        "about": _with_parts(writer, _everywhere(record, "about")) or writer.unknown(),
        "measurementMethod": _with_parts(writer, _everywhere(record, "measurement_method")) or writer.unknown(),
        "keywords": record.keyword,
        "funder": writer.references(record.funding),
        "seeAlso": writer.references(record.publication),
        "thumbnailUrl": record.thumbnail,
        "sameAs": [{"@id": iri} for iri in dict.fromkeys([record.id, *(record.same_as or [])]) if iri != root],
        "size": writer.size(record.size_bytes, "UO_0000233", "bytes")
        + writer.size(record.file_count, "UO_0000189", "file count"),
    }
    descriptor = {
        "@id": DESCRIPTOR,
        "@type": "CreativeWork",
        "conformsTo": {"@id": "https://w3id.org/ro/crate/1.2"},
        "about": {"@id": root},
    }
    kept = {k: v for k, v in node.items() if v not in (None, [])}
    return {"@context": CONTEXT, "@graph": [descriptor, kept, *writer.nodes.values()]}


def _everywhere(record: Dataset, slot: str) -> list[Any]:
    """Return what a dataset says in a slot and what its components say there; a crate has no components."""
    things = [*(getattr(record, slot) or []), *(t for part in record.has_part or [] for t in getattr(part, slot) or [])]
    return list({thing.id: thing for thing in reversed(things)}.values())[::-1]


def _with_parts(writer: _Writer, things: list[Any]) -> list[dict[str, str]]:
    """Return references to things and to the terms inside them, which the profile repeats on the root."""
    found: dict[str, dict[str, str]] = {}
    for thing in things:
        found[thing.id] = writer.reference(thing)
        for slot in ("taxon", "strain", "cell_line", "measurement_technique"):
            for part in getattr(thing, slot, None) or []:
                found[part.id] = writer.reference(part)
    return list(found.values())
