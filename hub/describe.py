"""What a page is made of: the published description of one thing, put together from its graphs."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, field
from typing import Any, TypeVar
from urllib.parse import unquote

from pydantic import BaseModel
from pyoxigraph import NamedNode, Quad

from harvesters.building import property_iri
from hub import queries, records
from hub.config import Settings
from hub.errors import GoneError, NotFoundError
from hub.routes import COMPARED, Precedence
from hub.workers import WorkerPool
from linkml_schemas.generated.model import CatalogRecord, Dataset, Finding
from ontology import archives, iris

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
        state: ``active``; ``suppressed`` when it is reached by its address alone.
    """

    record: Dataset
    sources: list[CatalogRecord] = field(default_factory=list)
    findings: list[Finding] = field(default_factory=list)
    quads: list[Quad] = field(default_factory=list)
    totals: dict[str, int] = field(default_factory=dict)
    state: str = "active"


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
        GoneError: every record of it was withdrawn, replaced or redacted; carries the tombstone.
    """
    iri = iris.dataset(settings.base_iri, archive, accession)
    totals = _totals(pool, iri) if brief else {}
    question = "describe/page" if totals else "describe/dataset"
    quads = queries.quads(pool, question, iri=NamedNode(iri))
    sources = _each(quads, PRIMARY_TOPIC, CatalogRecord)
    if not sources:
        raise NotFoundError(f"there is no dataset {archive}/{accession} in this hub")
    state = next((s for s in SHOWN if any(source.record_state == s for source in sources)), "")
    if not state:
        raise _gone(pool, iri, archive, accession, sources)
    quads = _of_state(quads, settings.base_iri, state)
    told = _as_source(quads, settings.base_iri) if state == SUPPRESSED else quads
    record: Dataset = records.from_quads(decided(told, Precedence.of(settings)), iri)
    return Description(record, sources, _each(quads, TARGET, Finding), quads, totals, state)


SUPPRESSED = "suppressed"
# States in which a dataset has a page, and those in which it has a tombstone: the first that a record has counts.
SHOWN = ("active", SUPPRESSED)
GONE = ("replaced", "redacted", "withdrawn")


def _of_state(quads: list[Quad], base: str, state: str) -> list[Quad]:
    """Return the quads without those of suppressed records, where another record of the dataset is shown."""
    hidden = f"{base}graph/suppressed/"
    return quads if state == SUPPRESSED else [q for q in quads if not _graph(q).startswith(hidden)]


def _as_source(quads: list[Quad], base: str) -> list[Quad]:
    """Return the quads as if suppressed records were not: the rules of what counts leave these out."""
    hidden, shown = f"{base}graph/suppressed/", f"{base}graph/source/"
    return [
        Quad(q.subject, q.predicate, q.object, NamedNode(_graph(q).replace(hidden, shown, 1)))
        if _graph(q).startswith(hidden)
        else q
        for q in quads
    ]


def _graph(quad: Quad) -> str:
    return quad.graph_name.value if isinstance(quad.graph_name, NamedNode) else ""


def _gone(pool: WorkerPool, iri: str, archive: str, accession: str, sources: list[CatalogRecord]) -> GoneError:
    """Return what is still said of a dataset that has no page, with the last of those that took its place."""
    state, source = next((state, s) for state in GONE for s in sources if s.record_state == state)
    tombstone = {"state": state, "archive": archive, **_tombstone(accession, source)}
    if state == "redacted":
        tombstone.pop("title", None)
        tombstone |= {"sha256": source.payload_sha256} if source.payload_sha256 else {}
    if source.replaced_by:
        last = next(iter(queries.select(pool, "describe/successors", iri=NamedNode(iri))), None)
        tombstone["replaced_by"] = last["successor"].value if last else source.replaced_by
    return GoneError(f"{accession} was {state}", tombstone)


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


def decided(quads: list[Quad], order: Precedence) -> list[Quad]:
    """Return the quads with each thing that several graphs tell of as the default graph would show it."""
    by_subject: dict[NamedNode, list[Quad]] = {}
    for quad in quads:
        by_subject.setdefault(quad.subject, []).append(quad)  # type: ignore[arg-type]
    found: list[Quad] = []
    for subject, own in by_subject.items():
        if len({quad.graph_name for quad in own}) > 1:
            said = [(quad.predicate, quad.object, quad.graph_name) for quad in own]
            found.extend(Quad(subject, p, o) for p, o in order.resolve(subject, said))
        else:
            found.extend(own)
    return found


def thing(pool: WorkerPool, base: str, iri: str) -> list[Quad]:
    """Return what is said of one thing, or what one graph holds; of a record also its nodes, whose IRIs lead to it.

    Raises:
        NotFoundError: nothing is said of it.
    """
    kind, _, rest = iri.removeprefix(base).partition("/")
    of_record = [f"{base}graph/{what}/{rest}" for what in ("record", "source", "suppressed")]
    graphs = {"graph": [iri], "record": of_record}
    if kind in graphs:
        quads = [q for graph in graphs[kind] for q in queries.quads(pool, "describe/graph", iri=NamedNode(graph))]
    else:
        quads = queries.quads(pool, "describe/thing", iri=NamedNode(iri))
    if not quads:
        raise NotFoundError(f"nothing is said of {iri}")
    return quads


# --- who says what ---------------------------------------------------------------------------------------------------

# Slots in which another source's word is shown beside the one that counts; elsewhere only who says something is told
COMPARED_TOO = ("measurement_method", "phenotype", "image_count", "well_count", "copyright_notice", "imaging_scale")


@dataclass(frozen=True, slots=True)
class Voice:
    """One source's word on a slot of a dataset.

    Attributes:
        source: name of the source.
        title: what it is called: its archive's title, or its own name where several sources are of one archive.
        value: what it says: a value, or the things and values of a list that the shown list does not have.
    """

    source: str
    title: str
    value: Any


@dataclass(frozen=True, slots=True)
class Said:
    """What several sources say in one slot of a dataset.

    Attributes:
        predicate: IRI of the property.
        agreed: the source whose value is shown, then those that say nothing else.
        others: sources that say otherwise.
    """

    predicate: str
    agreed: tuple[Voice, ...]
    others: tuple[Voice, ...] = ()


def voices(found: Description, settings: Settings) -> dict[str, Said]:
    """Return by slot who says what of a dataset; nothing where only one source describes it."""
    order = Precedence.of(settings)
    iri, start = found.record.id, f"{order.base}graph/source/"
    by_graph: dict[str, list[Quad]] = {}
    for quad in found.quads:
        if isinstance(quad.graph_name, NamedNode) and quad.graph_name.value.startswith(start):
            by_graph.setdefault(quad.graph_name.value, []).append(quad)
    if len(by_graph) < 2:
        return {}
    read: dict[str, Dataset] = {graph: records.from_quads(said, iri) for graph, said in by_graph.items()}
    titles = _titles(settings, {graph: unquote(graph.removeprefix(start)) for graph in read})
    said = {}
    for slot in records.tables()["Dataset"].slots:
        filled = {graph: value for graph, one in read.items() if (value := getattr(one, slot.name)) not in (None, [])}
        ranked = sorted(filled, key=lambda graph: order.rank(iri, graph, slot.predicate.value))
        if ranked:
            said[slot.name] = _said(slot.name, slot.predicate.value, [(titles[g], filled[g]) for g in ranked])
    return said


def _titles(settings: Settings, named: dict[str, str]) -> dict[str, tuple[str, str]]:
    """Return name and title of the source of each graph; ``named`` has its source and accession."""
    sources = {graph: name.partition("/")[0] for graph, name in named.items()}
    owners = {source: settings.sources[source].archive for source in sources.values() if source in settings.sources}
    known = {name: archives.ARCHIVES[name].title for name in owners.values() if name in archives.ARCHIVES}
    shared = Counter(owners.values())
    titles = {}
    for graph, source in sources.items():
        title = known.get(owners.get(source, ""), source)
        is_alone = shared[owners.get(source, "")] <= 1
        titles[graph] = (source, title if is_alone else source)
    several = Counter(titles.values())
    return {g: (s, t if several[s, t] == 1 else f"{t} {named[g].partition('/')[2]}") for g, (s, t) in titles.items()}


def _said(slot: str, predicate: str, filled: list[tuple[tuple[str, str], Any]]) -> Said:
    (first, shown), *rest = filled
    agreed: list[Voice] = [Voice(*first, shown)]
    others: list[Voice] = []
    for voice, value in rest:
        other = _otherwise(slot, shown, value)
        (agreed if other is None else others).append(Voice(*voice, value if other is None else other))
    return Said(predicate, tuple(agreed), tuple(others))


def _otherwise(slot: str, shown: Any, value: Any) -> Any:
    """Return what a source says that the shown value does not; None where they agree, or are not compared."""
    if slot in COMPARED:
        if COMPARED[slot](shown, value) is None:
            return None
    elif slot not in COMPARED_TOO:
        return None
    if not isinstance(value, list):
        return None if value == shown else value
    known = {_same_as(one) for one in shown}
    return [one for one in value if _same_as(one) not in known] or None


def _same_as(thing: Any) -> str:
    """Return what a thing is compared by: a node of a record by its name, another by its IRI."""
    iri, name = getattr(thing, "id", None), getattr(thing, "name", None)
    if iri is None:
        return str(thing)
    return str(name).casefold() if name and "#" in iri else str(iri)
