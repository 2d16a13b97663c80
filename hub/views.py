"""From the log to the graph: what the store holds is a view that this module can always make again.

``catch_up`` applies every change since the store's own sequence number; it is the normal way after a harvest, the
repair after a crash, and with an empty store it is ``hub rebuild``.
"""

from __future__ import annotations

import hashlib
import json
from collections import Counter
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path

from pyoxigraph import NamedNode, Quad, Store

from hub import records
from hub.config import Settings
from hub.log import Log, RecordRow
from hub.store import META, GraphName, GraphStore, Statement, Subject, Term, iri_of
from linkml_schemas.generated.model import CatalogRecord, Finding, HarvestRun, RecordState
from ontology import iris

BATCH = 400
# Statements that tell when and by which run, not what: left out when two hubs are compared.
OCCASIONAL = frozenset(
    {
        "http://www.w3.org/ns/prov#wasGeneratedBy",
        "http://purl.org/dc/terms/issued",
        "http://purl.org/dc/terms/modified",
        "http://purl.org/dc/terms/source",
    }
)


@dataclass(frozen=True, slots=True)
class Precedence:
    """Which source's word counts in the default graph, where several describe one dataset.

    Attributes:
        base: the hub's base IRI.
        archives: archive of each source, by the source's name.
    """

    base: str
    archives: dict[str, str]

    def rank(self, dataset: str, graph: str) -> tuple[int, str]:
        """Return the rank of a source graph for a dataset: the owning archive's own source comes first."""
        source = graph.removeprefix(f"{self.base}graph/source/").partition("/")[0]
        archive = dataset.removeprefix(f"{self.base}dataset/").partition("/")[0]
        return (0 if self.archives.get(source) == archive else 1, source)

    def resolve(self, subject: Subject, said: list[Statement]) -> set[tuple[NamedNode, Term]]:
        """Return what the default graph says of a subject.

        Of a dataset with several records each slot is taken from the first source that fills it (a list of authors
        whole). Of a shared node
        (person, paper, taxon, term) everything is kept, but where only one value may be, the one that most records
        give.
        """
        iri, _, part = iri_of(subject).partition("#")
        if len({graph for _, _, graph in said}) <= 1:
            return {(p, o) for p, o, _ in said}
        if iri.startswith(f"{self.base}dataset/"):
            return _first_source(said, lambda graph: self.rank(iri, iri_of(graph)), whole=bool(part))
        return _majority(said)

    def is_private(self, iri: str) -> bool:
        """Tell whether a node can only occur in its own record's graph."""
        return iri.startswith(f"{self.base}record/") and "#" in iri


def _first_source(
    said: list[Statement], rank: Callable[[GraphName], tuple[int, str]], *, whole: bool
) -> set[tuple[NamedNode, Term]]:
    if whole:
        first = min(rank(graph) for _, _, graph in said)
        return {(p, o) for p, o, graph in said if rank(graph) == first}
    best: dict[NamedNode, tuple[int, str]] = {}
    for predicate, _, graph in said:
        best[predicate] = min(best.get(predicate, rank(graph)), rank(graph))
    return {(p, o) for p, o, graph in said if p == records.RDF_TYPE or rank(graph) == best[p]}


def _majority(said: list[Statement]) -> set[tuple[NamedNode, Term]]:
    values: dict[NamedNode, Counter[Term]] = {}
    for predicate, value, _ in said:
        values.setdefault(predicate, Counter())[value] += 1
    chosen = set()
    for predicate, counted in values.items():
        if len(counted) > 1 and predicate.value in records.single_valued():
            chosen.add((predicate, max(counted, key=lambda v: (counted[v], len(str(v)), str(v)))))
        else:
            chosen.update((predicate, value) for value in counted)
    return chosen


# --- quads of one record -----------------------------------------------------------------------------------------


def graphs_of(row: RecordRow, base: str) -> dict[NamedNode, list[Quad]]:
    """Return the contents of a record's two graphs: what the source says, and what the hub says of the record."""
    source = NamedNode(iris.source_graph(base, row.source, row.accession))
    record = NamedNode(iris.record_graph(base, row.source, row.accession))
    said = records.to_quads(records.from_json(row.record), source) if row.state == "active" else []
    told = records.to_quads(catalog_record(row, base), record)
    for finding in findings_of(row, base):
        told.extend(records.to_quads(finding, record))
    return {source: said, record: told}


def catalog_record(row: RecordRow, base: str) -> CatalogRecord:
    """Return what the hub knows of a record: where it is from, when it came, whether it stands."""
    withdrawal = json.loads(row.withdrawal) if row.withdrawal else {}
    return CatalogRecord(
        id=iris.record(base, row.source, row.accession),
        primary_topic=row.iri,
        title=row.title,
        source_name=row.source,
        source_url=row.source_url if row.source_url and row.source_url.startswith("http") else None,
        date_issued=datetime.fromisoformat(row.first_seen),
        date_changed=datetime.fromisoformat(row.changed),
        payload_sha256=row.payload_sha256,
        harvester=row.harvester,
        generated_by=iris.run(base, row.run),
        record_state=RecordState(row.state),
        withdrawal_reason=withdrawal.get("reason"),
        date_withdrawn=withdrawal.get("date"),
        replaced_by=withdrawal.get("replaced_by"),
    )


def findings_of(row: RecordRow, base: str) -> list[Finding]:
    """Return the quality problems of a record, each under an IRI that stays the same while the problem does."""
    found = []
    record = iris.record(base, row.source, row.accession)
    for data in json.loads(row.findings):
        digest = hashlib.sha256("\0".join((data["field"], data["rule"], data["value"])).encode()).hexdigest()[:16]
        found.append(
            Finding(
                id=f"{record}#finding-{digest}",
                target=record,
                field_path=data["field"],
                rule=data["rule"],
                offending_value=data["value"] or None,
                message=data["message"],
                suggestion=data["suggestion"],
            )
        )
    return found


def runs_quads(log: Log, base: str) -> dict[NamedNode, list[Quad]]:
    """Return the contents of the graph of runs: the report of every run that changed something."""
    graph = NamedNode(iris.runs_graph(base))
    quads: list[Quad] = []
    for run in log.runs_with_changes():
        counts = {f"{name}_count": run[name] for name in ("listed", "new", "changed", "unchanged", "deleted", "held")}
        thing = HarvestRun(
            id=iris.run(base, run["number"]),
            source_name=run["source"],
            started=run["started"],
            ended=run["ended"],
            rejected_count=run["rejected"],
            finding_count=run["findings"],
            **counts,
        )
        quads.extend(records.to_quads(thing, graph))
    return {graph: quads}


# --- bringing the store up to date -------------------------------------------------------------------------------


def catch_up(
    log: Log, store: GraphStore, settings: Settings, progress: Callable[[int], object] = lambda _: None
) -> int:
    """Apply every change that the store has not seen yet and return the sequence number it is then true of.

    Args:
        log: the catalogue.
        store: the writer's store.
        settings: for the base IRI and the sources' archives.
        progress: told how many changes were applied, batch by batch.
    """
    base = settings.base_iri
    precedence = Precedence(base, {name: s.archive for name, s in settings.sources.items()})
    sequence = store.sequence()
    while pending := log.changes_since(sequence, BATCH):
        graphs: dict[NamedNode, list[Quad]] = {}
        for row in log.current((c.source, c.accession) for c in pending):
            graphs.update(graphs_of(row, base))
        sequence = pending[-1].sequence
        if sequence == log.last_sequence():
            graphs.update(runs_quads(log, base))
        store.replace(graphs, sequence, precedence.resolve, precedence.is_private)
        progress(len(pending))
    store.flush()
    return sequence


def canonical_lines(quads: Iterable[Quad]) -> Iterator[str]:
    """Yield the statements that two undisturbed hubs share, as sorted N-Quads lines.

    The store holds no blank nodes, so sorted lines are the canonical form. Left out are reports of runs and the
    times and places of one retrieval.
    """
    yield from sorted(_comparable(quads))


def _comparable(quads: Iterable[Quad]) -> Iterator[str]:
    for quad in quads:
        if quad.graph_name == META or iri_of(quad.graph_name).endswith("graph/runs"):
            continue
        if quad.predicate.value in OCCASIONAL or _is_run(quad):
            continue
        yield str(quad)


def _is_run(quad: Quad) -> bool:
    return "/run/" in iri_of(quad.subject) and "#" not in iri_of(quad.subject)


def graph_sha256(snapshot: Path) -> str:
    """Return the hash of a snapshot's canonical statements; equal for two hubs that say the same."""
    digest = hashlib.sha256()
    for line in canonical_lines(Store.read_only(str(snapshot))):
        digest.update(line.encode())
        digest.update(b"\n")
    return digest.hexdigest()
