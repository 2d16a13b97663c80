"""Datasets and the whole catalogue as DCAT-AP 3, which data portals harvest.

Source: https://semiceu.github.io/DCAT-AP/releases/3.0.0/ · https://www.w3.org/TR/vocab-dcat-3/
"""

from __future__ import annotations

from collections.abc import Iterable

from pyoxigraph import Literal, NamedNode, Quad

from hub import citations, croissant, records, schemaorg
from linkml_schemas.generated.model import Dataset, Distribution, Organization, Person

DCAT, DCT, FOAF = "http://www.w3.org/ns/dcat#", "http://purl.org/dc/terms/", "http://xmlns.com/foaf/0.1/"
RDF, RDFS, XSD = records.RDF, "http://www.w3.org/2000/01/rdf-schema#", records.XSD
SKOS, SPDX, HYDRA = (
    "http://www.w3.org/2004/02/skos/core#",
    "http://spdx.org/rdf/terms#",
    "http://www.w3.org/ns/hydra/core#",
)
IANA = "https://www.iana.org/assignments/media-types/"
# Source: https://op.europa.eu/en/web/eu-vocabularies/dataset/-/resource?uri=http://publications.europa.eu/resource/dataset/access-right
ACCESS = "http://publications.europa.eu/resource/authority/access-right/"
PREFIXES = {
    "dcat": DCAT,
    "dcterms": DCT,
    "foaf": FOAF,
    "hydra": HYDRA,
    "schema": schemaorg.SCHEMA,
    "skos": SKOS,
    "spdx": SPDX,
}
PREFIXES |= {"rdfs": RDFS, "xsd": XSD}
TITLE = "Metadata of public bioimage archives"
DESCRIPTION = "What public bioimage archives say of their datasets, harvested, normalised and linked."


class _Graph:
    """Statements as they are said, each once."""

    def __init__(self) -> None:
        self.quads: dict[Quad, None] = {}

    def say(self, subject: str, predicate: str, *values: str | NamedNode | Literal | None) -> None:
        """Say something of a thing; a plain text stands for an IRI, None for nothing."""
        for value in values:
            if value is not None:
                term = NamedNode(value) if isinstance(value, str) else value
                self.quads[Quad(NamedNode(subject), NamedNode(predicate), term)] = None

    def typed(self, subject: str, *classes: str) -> None:
        """Say what a thing is."""
        self.say(subject, RDF + "type", *classes)


def of(record: Dataset, changed: str | None = None) -> list[Quad]:
    """Return the DCAT-AP description of a dataset.

    Args:
        record: the dataset.
        changed: when the hub last took a changed record (ISO 8601).
    """
    graph = _Graph()
    _dataset(graph, record, changed)
    return list(graph.quads)


def page(base: str, datasets: Iterable[Dataset], number: int, last: int, total: int) -> list[Quad]:
    """Return one page of the catalogue: the catalogue itself, what is on the page, and the way to the other pages.

    Args:
        base: the hub's base IRI.
        datasets: the datasets of this page.
        number: number of this page, from 1.
        last: number of the last page.
        total: datasets of the whole catalogue.

    Source: https://www.hydra-cg.com/spec/latest/core/#collections
    """
    graph = _Graph()
    catalog = f"{base}catalog"
    _catalog(graph, base, total)
    for record in datasets:
        graph.say(catalog, DCAT + "dataset", record.id)
        _dataset(graph, record, None)
        graph.typed(record.archive.id, DCAT + "Catalog")
        graph.say(catalog, DCT + "hasPart", record.archive.id)
        _described(graph, record.archive.id, record.archive.name, f"Datasets of the {record.archive.name}.")
        graph.say(record.archive.id, DCT + "publisher", f"{base}catalog#publisher")
        graph.say(record.archive.id, DCAT + "dataset", record.id)
    view = _view(base, number)
    graph.typed(view, HYDRA + "PartialCollectionView")
    graph.say(catalog, HYDRA + "view", view)
    ways = {"first": 1, "last": last, "previous": number - 1, "next": number + 1}
    for way, target in ways.items():
        graph.say(view, HYDRA + way, _view(base, target) if 1 <= target <= last else None)
    return list(graph.quads)


def _view(base: str, number: int) -> str:
    return f"{base}catalog?page={number}"


def _catalog(graph: _Graph, base: str, total: int) -> None:
    catalog, agent, service = f"{base}catalog", f"{base}catalog#publisher", f"{base}catalog#sparql"
    graph.typed(catalog, DCAT + "Catalog", HYDRA + "Collection")
    _described(graph, catalog, TITLE, DESCRIPTION)
    graph.say(catalog, DCT + "publisher", agent)
    graph.say(catalog, FOAF + "homepage", base)
    graph.say(catalog, HYDRA + "totalItems", _integer(total))
    graph.say(catalog, DCAT + "service", service)
    graph.typed(base, FOAF + "Document")
    _agent(graph, agent, "Bioimage Hub", FOAF + "Organization")
    graph.typed(service, DCAT + "DataService")
    graph.say(service, DCT + "title", Literal(f"SPARQL endpoint: {TITLE}", language="en"))
    graph.say(service, DCAT + "endpointURL", f"{base}sparql")
    graph.say(service, DCAT + "endpointDescription", f"{base}.well-known/void")
    graph.say(service, DCAT + "servesDataset", f"{base}.well-known/void#dataset")


def _described(graph: _Graph, subject: str, title: str, description: str) -> None:
    graph.say(subject, DCT + "title", Literal(title, language="en"))
    graph.say(subject, DCT + "description", Literal(description, language="en"))


# --- one dataset --------------------------------------------------------------------------------------------------


def _dataset(graph: _Graph, record: Dataset, changed: str | None) -> None:
    iri = record.id
    graph.typed(iri, DCAT + "Dataset")
    graph.say(iri, DCT + "title", Literal(record.name))
    text, language = schemaorg.described(record)
    graph.say(iri, DCT + "description", Literal(text, language=language) if language else Literal(text))
    dois = [same for same in record.same_as or [] if same.startswith(citations.DOI)]
    graph.say(iri, DCT + "identifier", Literal(record.accession), *map(Literal, dois))
    graph.say(iri, DCT + "issued", _date(record.date_published))
    graph.say(iri, DCT + "modified", _date(record.date_modified))
    version = schemaorg.version_of(record, changed)
    graph.say(iri, DCAT + "version", Literal(version) if version else None)
    graph.say(iri, DCAT + "keyword", *map(Literal, record.keyword or []))
    graph.say(iri, schemaorg.SCHEMA + "sameAs", *(record.same_as or []))
    graph.say(iri, DCT + "license", record.license)
    _pages(graph, record)
    _people(graph, record)
    _subjects(graph, record)
    if record.is_accessible_for_free is not None:
        right = ACCESS + ("PUBLIC" if record.is_accessible_for_free else "RESTRICTED")
        graph.say(iri, DCT + "accessRights", right)
        graph.typed(right, DCT + "RightsStatement")
    for item in record.distribution or []:
        if item.access_url or item.content_url:
            graph.say(iri, DCAT + "distribution", item.id)
            _distribution(graph, item, record.license)
    if record.license:
        graph.typed(record.license, DCT + "LicenseDocument")


def _pages(graph: _Graph, record: Dataset) -> None:
    graph.say(record.id, DCAT + "landingPage", record.url)
    papers = [paper.id for paper in record.publication or [] if "#" not in paper.id]
    graph.say(record.id, DCT + "isReferencedBy", *papers)
    if record.url:
        graph.typed(record.url, FOAF + "Document")


def _people(graph: _Graph, record: Dataset) -> None:
    publisher = record.publisher or Organization(id=f"{record.archive.id}#publisher", name=record.archive.name)
    for predicate, agents in (("creator", record.author or []), ("publisher", [publisher])):
        for agent in agents:
            graph.say(record.id, DCT + predicate, agent.id)
            _agent(graph, agent.id, agent.name, FOAF + ("Person" if isinstance(agent, Person) else "Organization"))


def _agent(graph: _Graph, iri: str, name: str, kind: str) -> None:
    graph.typed(iri, FOAF + "Agent", kind)
    graph.say(iri, FOAF + "name", Literal(name))


def _subjects(graph: _Graph, record: Dataset) -> None:
    """Say what the dataset is about: the terms that have an IRI of their own, as concepts."""
    for thing in [*(record.about or []), *schemaorg.techniques(record)]:
        name = schemaorg.name_of(thing)
        if name and "#" not in thing.id:
            graph.say(record.id, DCAT + "theme", thing.id)
            graph.typed(thing.id, SKOS + "Concept")
            graph.say(thing.id, SKOS + "prefLabel", Literal(name))


def _distribution(graph: _Graph, item: Distribution, licence: str | None) -> None:
    iri = item.id
    graph.typed(iri, DCAT + "Distribution")
    graph.say(iri, DCAT + "accessURL", item.access_url or item.content_url)
    graph.say(iri, DCAT + "downloadURL", item.content_url)
    graph.say(iri, DCT + "title", Literal(item.name) if item.name else None)
    graph.say(iri, DCT + "description", Literal(item.description) if item.description else None)
    graph.say(iri, DCT + "license", licence)
    if item.size_bytes is not None:
        graph.say(iri, DCAT + "byteSize", Literal(str(item.size_bytes), datatype=NamedNode(XSD + "decimal")))
    kind = croissant.media_type(item.encoding_format, item.content_url)
    if kind != croissant.UNKNOWN_TYPE:
        graph.say(iri, DCAT + "mediaType", IANA + kind.partition(";")[0])
        graph.typed(IANA + kind.partition(";")[0], DCT + "MediaType")
    for name, value in (("sha256", item.sha256), ("md5", item.md5)):
        if value:
            _checksum(graph, iri, name, value)


def _checksum(graph: _Graph, iri: str, algorithm: str, value: str) -> None:
    checksum = f"{iri}-{algorithm}"
    graph.say(iri, SPDX + "checksum", checksum)
    graph.typed(checksum, SPDX + "Checksum")
    graph.say(checksum, SPDX + "algorithm", f"{SPDX}checksumAlgorithm_{algorithm}")
    graph.say(checksum, SPDX + "checksumValue", Literal(value, datatype=NamedNode(XSD + "hexBinary")))


def _date(value: str | None) -> Literal | None:
    return None if value is None else records.literal(value, "partial-date")


def _integer(value: int) -> Literal:
    return Literal(str(value), datatype=NamedNode(XSD + "integer"))
