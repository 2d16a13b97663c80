"""What a page is made of: the published description of one thing, put together from its graphs."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TypeVar

from pydantic import BaseModel
from pyoxigraph import NamedNode, Quad

from harvesters.building import property_iri
from hub import queries, records
from hub.config import Settings
from hub.errors import GoneError, NotFoundError
from hub.routes import Precedence
from hub.store import iri_of
from hub.workers import WorkerPool
from linkml_schemas.generated.model import CatalogRecord, Dataset, Finding
from ontology import iris

TARGET = "http://www.w3.org/ns/oa#hasTarget"
PRIMARY_TOPIC = "http://xmlns.com/foaf/0.1/primaryTopic"
# From so many genes and reagents on a page is made of the first of them: the rest is minutes of reading.
MANY = 400
T = TypeVar("T", bound=BaseModel)


@dataclass(frozen=True, slots=True)
class Description:
    """A dataset as it is published.

    Attributes:
        record: the dataset; where several sources describe it, each slot from the first that fills it.
        sources: the catalogue record of every source that describes it.
        findings: its quality problems.
        quads: every statement with the graph that it stands in, for formats with provenance.
        totals: how many genes and reagents the dataset names, by slot, where the record holds only the first of them.
    """

    record: Dataset
    sources: list[CatalogRecord] = field(default_factory=list)
    findings: list[Finding] = field(default_factory=list)
    quads: list[Quad] = field(default_factory=list)
    totals: dict[str, int] = field(default_factory=dict)


def dataset(pool: WorkerPool, settings: Settings, archive: str, accession: str, *, brief: bool = False) -> Description:
    """Return the description of a dataset.

    Args:
        pool: workers on the snapshot.
        settings: the hub's settings.
        archive: name of the archive.
        accession: name of the dataset in its IRI.
        brief: hold only the first of thousands of genes and reagents (a genome-wide screen has 20,000), for pages.

    Raises:
        NotFoundError: the hub never had it.
        GoneError: every record of it was withdrawn; carries the tombstone.
    """
    iri = iris.dataset(settings.base_iri, archive, accession)
    totals = _totals(pool, iri) if brief else {}
    question = "describe/page" if totals else "describe/dataset"
    quads = queries.quads(pool, question, iri=NamedNode(iri))
    sources = _each(quads, PRIMARY_TOPIC, CatalogRecord)
    if not sources:
        raise NotFoundError(f"there is no dataset {archive}/{accession} in this hub")
    if all(s.record_state == "withdrawn" for s in sources):
        raise GoneError(f"{accession} was withdrawn", _tombstone(accession, sources[0]))
    record: Dataset = records.from_quads(_decided(quads, iri, Precedence.of(settings)), iri)
    return Description(record, sources, _each(quads, TARGET, Finding), quads, totals)


def _totals(pool: WorkerPool, iri: str) -> dict[str, int]:
    """Return how many genes and reagents a dataset names, by slot; nothing when they are few."""
    rows = queries.select(pool, "describe/totals", iri=NamedNode(iri))
    counts = {row["p"].value: int(row["n"].value) for row in rows}
    totals = {slot: counts.get(property_iri(slot), 0) for slot in ("gene_annotation", "reagent_annotation")}
    return totals if sum(totals.values()) > MANY else {}


def _each(quads: list[Quad], mark: str, cls: type[T]) -> list[T]:
    """Return the things of a class that have the property ``mark``, by IRI; each is read from its own quads alone."""
    own: dict[str, list[Quad]] = {q.subject.value: [] for q in quads if q.predicate.value == mark}  # type: ignore[union-attr]
    for quad in quads:
        if quad.subject.value in own:  # type: ignore[union-attr]
            own[quad.subject.value].append(quad)  # type: ignore[union-attr]
    return [records.from_quads(said, iri, cls) for iri, said in sorted(own.items())]


def _tombstone(accession: str, source: CatalogRecord) -> dict[str, str]:
    said = {
        "accession": accession,
        "title": source.title,
        "reason": source.withdrawal_reason,
        "date": source.date_withdrawn or (source.date_changed and f"{source.date_changed:%Y-%m-%d}"),
        "replaced_by": source.replaced_by,
    }
    return {name: value for name, value in said.items() if value}


def _decided(quads: list[Quad], iri: str, order: Precedence) -> list[Quad]:
    """Return the quads with one source's word for each slot of the dataset itself, and for the list of its authors."""
    decided = [q for q in quads if not _belongs(q, iri)]
    for subject in dict.fromkeys(q.subject for q in quads if _belongs(q, iri)):
        own = [(q.predicate, q.object, q.graph_name) for q in quads if q.subject == subject]
        decided.extend(Quad(subject, p, o) for p, o in order.resolve(subject, own))
    return decided


def _belongs(quad: Quad, iri: str) -> bool:
    return iri_of(quad.subject).partition("#")[0] == iri


def thing(pool: WorkerPool, base: str, iri: str) -> list[Quad]:
    """Return what is said of one thing, or what one graph holds; of a record also its nodes, whose IRIs lead to it.

    Raises:
        NotFoundError: nothing is said of it.
    """
    kind, _, rest = iri.removeprefix(base).partition("/")
    graphs = {"graph": [iri], "record": [f"{base}graph/record/{rest}", f"{base}graph/source/{rest}"]}
    if kind in graphs:
        quads = [q for graph in graphs[kind] for q in queries.quads(pool, "describe/graph", iri=NamedNode(graph))]
    else:
        quads = queries.quads(pool, "describe/thing", iri=NamedNode(iri))
    if not quads:
        raise NotFoundError(f"nothing is said of {iri}")
    return quads
