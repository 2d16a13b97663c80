"""From the log to the graph: what the store holds is a view that this module can always make again.

``catch_up`` applies every change since the store's own sequence number; it is the normal way after a harvest, the
repair after a crash, and with an empty store it is ``hub rebuild``.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable, Iterable, Iterator
from dataclasses import asdict
from datetime import datetime
from pathlib import Path

from pyoxigraph import NamedNode, Quad, Store

from harvesters import contract as harvesters
from hub import linked, ontologies, records, routes
from hub.config import Settings
from hub.log import Log, RecordRow
from hub.routes import Precedence
from hub.store import META, GraphStore, iri_of
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
        "https://w3id.org/bioimage-hub/vocab#firstSeen",
        "https://w3id.org/bioimage-hub/vocab#lastSeen",
    }
)


# --- quads of one record -----------------------------------------------------------------------------------------


def graphs_of(row: RecordRow, base: str, more: Iterable[harvesters.Finding] = ()) -> dict[NamedNode, list[Quad]]:
    """Return the contents of a record's graphs: what the source says, and what the hub says of the record.

    What the source says of a suppressed record stands in a graph that the default graph takes nothing from.

    Args:
        row: the record.
        base: the hub's base IRI.
        more: findings beside the record's own, such as disagreements with other records of the dataset.
    """
    source = NamedNode(iris.source_graph(base, row.source, row.accession))
    record = NamedNode(iris.record_graph(base, row.source, row.accession))
    hidden = NamedNode(iris.suppressed_graph(base, row.source, row.accession))
    shown = {"active": source, "suppressed": hidden}.get(row.state)
    said = records.to_quads(records.from_json(row.record), shown) if shown else []
    told = records.to_quads(catalog_record(row, base), record)
    for finding in findings_of(row, base, more):
        told.extend(records.to_quads(finding, record))
    return {source: [], hidden: [], record: told} | ({shown: said} if shown else {})


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


def graphs_of_all(rows: list[RecordRow], order: Precedence) -> dict[NamedNode, list[Quad]]:
    """Return the contents of the graphs of records; every record of a dataset has to be among them."""
    datasets: dict[str, list[RecordRow]] = {}
    for row in rows:
        datasets.setdefault(row.iri, []).append(row)
    graphs: dict[NamedNode, list[Quad]] = {}
    for described in datasets.values():
        notes = routes.disagreements(described, order)
        for row in described:
            graphs.update(graphs_of(row, order.base, notes.get((row.source, row.accession), ())))
    return graphs


def findings_of(row: RecordRow, base: str, more: Iterable[harvesters.Finding] = ()) -> list[Finding]:
    """Return the quality problems of a record, each under an IRI that stays the same while the problem does."""
    found = []
    record = iris.record(base, row.source, row.accession)
    for data in [*json.loads(row.findings), *map(asdict, more)]:
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
    precedence = Precedence.of(settings)
    sequence = store.sequence()
    while pending := log.changes_since(sequence, BATCH):
        graphs = graphs_of_all(log.describing((c.source, c.accession) for c in pending), precedence)
        sequence = pending[-1].sequence
        if sequence == log.last_sequence():
            graphs.update(runs_quads(log, precedence.base))
        store.replace(graphs, sequence, precedence.resolve, _private(precedence, graphs), precedence.is_pooled)
        progress(len(pending))
    store.flush()
    return sequence


def _private(order: Precedence, graphs: dict[NamedNode, list[Quad]]) -> Callable[[str], bool]:
    """Return what tells that a node occurs in its record's graph only; nodes of suppressed records are not shown."""
    start = f"{order.base}graph/suppressed/"
    hidden = {
        f"{order.base}record/{graph.value.removeprefix(start)}"
        for graph, quads in graphs.items()
        if quads and graph.value.startswith(start)
    }
    return lambda iri: order.is_private(iri) and iri.partition("#")[0] not in hidden


ONTOLOGIES = NamedNode("urn:x-hub:ontologies")


def refresh_terms(store: GraphStore, settings: Settings) -> bool:
    """Make the graphs of ontologies and of linked things again where they differ; return whether anything did.

    Which terms are used depends on the records' and the links' graphs, so these come before.
    """
    used = linked.of_store(store, settings.base_iri)
    things = {linked.graph_of(settings.base_iri): used.contents(settings)}
    known = ontologies.Ontologies.of(settings)
    sign = ontologies.fingerprint(known, (iri for iri in used.terms if iri in known))
    changed = False
    if any(set(store.said_in(graph)) != set(quads) for graph, quads in things.items()):
        _replace(store, settings, things)
        changed = True
    if store.mark(ONTOLOGIES) != sign:
        graphs = ontology_graphs(settings, used.terms, known)
        standing = store.graph_names(iris.ontology_graph(settings.base_iri, ""))
        store.set_mark(ONTOLOGIES, "")
        _replace(store, settings, graphs | {graph: [] for graph in standing - graphs.keys()})
        store.set_mark(ONTOLOGIES, sign)
        changed = True
    return changed


def _replace(store: GraphStore, settings: Settings, graphs: dict[NamedNode, list[Quad]]) -> None:
    precedence = Precedence.of(settings)
    store.replace(graphs, store.sequence(), precedence.resolve, precedence.is_private, precedence.is_pooled)


def ontology_graphs(
    settings: Settings, used: set[str], known: ontologies.Ontologies | None = None
) -> dict[NamedNode, list[Quad]]:
    """Return the contents of the graphs of ontologies, given the terms that records have and links lead to."""
    return ontologies.graphs(known or ontologies.Ontologies.of(settings), used, settings.base_iri)


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
