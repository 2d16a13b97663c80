"""Looking after a data folder: check it, build the views anew, write it out."""

from __future__ import annotations

import hashlib
import shutil
from collections import Counter
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from pyoxigraph import NamedNode, Quad, RdfFormat, Store

from harvesters.contract import RecordError
from harvesters.keep import Keep
from hub import coverage, erasure, findings, ingest, linked, records, references, review, routes, snapshots, views
from hub.config import Settings
from hub.errors import ConfigError, HubError
from hub.genes import Genes
from hub.links import engine, view
from hub.links.catalogue import Links
from hub.links.tables import Tables
from hub.log import Log, RecordRow
from hub.routes import Precedence
from hub.search import index
from hub.search.documents import Documents
from hub.store import DEFAULT, META, GraphStore, dump_to, iri_of, write_lock
from linkml_schemas.generated.model import Dataset
from ontology import identifiers
from ontology.text import has_email

Progress = Callable[[int], object]
DUMP_FORMATS = {"nquads": RdfFormat.N_QUADS, "trig": RdfFormat.TRIG}


@dataclass(slots=True)
class Check:
    """What `hub check` found.

    Attributes:
        problems: each one sentence; empty when all is well.
        facts: numbers and hashes that tell one hub from another.
    """

    problems: list[str] = field(default_factory=list)
    facts: dict[str, Any] = field(default_factory=dict)


def check(settings: Settings) -> Check:
    """Compare log, payloads and published graph with one another and return what does not fit."""
    result = Check()
    log = Log(settings.database)
    try:
        _check_payloads(settings, log, result)
        result.problems.extend(references.problems(settings, log))
        result.problems.extend(erasure.problems(log, settings))
        _count_genes(log, settings.base_iri, result)
        ingest.check_base(settings, log)
        snapshot = snapshots.current_or_none(settings.snapshots_dir)
        result.facts["log_sequence"] = log.last_sequence()
        result.facts["records"] = log.counts()
        if snapshot is None:
            result.problems.append("nothing is published yet: run `hub harvest --all`")
            return result
        if snapshot.sequence != log.last_sequence():
            behind = f"the published snapshot is of change {snapshot.sequence}, the log is at {log.last_sequence()}"
            result.problems.append(f"{behind}: run `hub rebuild`")
        _check_graph(settings, log, snapshot, result)
    finally:
        log.close()
    if "statements" in result.facts:
        _check_questions(settings, snapshot, result)
    return result


def _check_questions(settings: Settings, snapshot: snapshots.Snapshot, result: Check) -> None:
    """Run every saved question with its defaults."""
    try:
        found = review.review(settings, snapshot)
    except HubError as err:
        result.problems.append(f"the saved questions could not be asked: {err}")
        return
    result.facts["questions"] = found.questions
    result.problems.extend(found.complaints)


def _check_payloads(settings: Settings, log: Log, result: Check) -> None:
    seen = 0
    keep = Keep(settings.raw_dir)
    is_withheld = erasure.unkept(log, settings)
    for row in log.all_records():
        if is_withheld(row):
            continue
        seen += 1
        path = ingest.payload_path(settings.raw_dir, row.payload_sha256)
        if not path.is_file():
            result.problems.append(
                f"{row.source}/{row.accession}: payload {row.payload_sha256} is missing: harvest it with --full"
            )
            continue
        raw = path.read_bytes()
        if hashlib.sha256(raw).hexdigest() != row.payload_sha256:
            result.problems.append(
                f"{row.source}/{row.accession}: payload {row.payload_sha256} is damaged: harvest it with --full"
            )
            continue
        for digest in _attachments(row, raw):
            if not keep.is_sound(digest):
                result.problems.append(
                    f"{row.source}/{row.accession}: the file {digest} is missing or damaged: harvest it with --full"
                )
    result.facts["payloads"] = seen


def _attachments(row: RecordRow, raw: bytes) -> list[str]:
    try:
        return sorted(routes.harvester_named(row.harvester.partition("/")[0]).attachments(raw))
    except (ConfigError, RecordError):
        return []


def _count_genes(log: Log, base: str, result: Check) -> None:
    """Count each dataset's genes by the namespace of their identifiers; ``none`` is the archive's own wording."""
    counted: dict[str, dict[str, int]] = {}
    for row in log.all_records():
        if row.state == "active" and '"gene_annotation"' in row.record:
            record: Dataset = records.from_json(row.record)
            genes = {note.gene.id for note in record.gene_annotation or []}
            spaces = Counter(_namespace(base, iri) for iri in genes)
            counted[f"{row.source}/{row.accession}"] = dict(sorted(spaces.items()))
    if counted:
        result.facts["genes"] = counted


def _namespace(base: str, iri: str) -> str:
    if iri.startswith(f"{base}record/"):
        return "none"
    try:
        return identifiers.curie(iri).partition(":")[0]
    except ValueError:
        return urlsplit(iri).netloc


def _check_graph(settings: Settings, log: Log, snapshot: snapshots.Snapshot, result: Check) -> None:
    try:
        store = Store.read_only(str(snapshot.graph))
        whole = list(store)
    except (OSError, RuntimeError) as err:
        result.problems.append(f"the published graph is damaged ({err}): run `hub rebuild`")
        return
    named: set[Any] = set()
    default: set[Any] = set()
    used = linked.Linked(settings.base_iri)
    used.see(whole)
    for quad in whole:
        if quad.graph_name == META:
            continue
        hidden = tuple(f"{settings.base_iri}graph/{kind}/" for kind in ("candidates", "suppressed"))
        if not iri_of(quad.graph_name).startswith(hidden):
            (default if quad.graph_name == DEFAULT else named).add(quad.subject)
        result.problems.extend(_bad_terms(quad))
    result.facts["statements"] = sum(1 for quad in whole if quad.graph_name != META)
    result.facts["graph_sha256"] = views.graph_sha256(snapshot.graph)
    if named != default:
        result.problems.append(
            f"{len(named ^ default)} things are in the default graph or a named graph only: run `hub rebuild`"
        )
    wanted_graphs = views.graphs_of_all(list(log.all_records()), Precedence.of(settings))
    wanted_graphs.update(views.ontology_graphs(settings, used.terms))
    wanted_graphs[linked.graph_of(settings.base_iri)] = used.contents(settings)
    for graph, wanted in wanted_graphs.items():
        if set(store.quads_for_pattern(None, None, None, graph)) != set(wanted):
            result.problems.append(f"{graph.value} is not what the log says: run `hub rebuild`")
    _check_links(settings, Links(log), snapshot, store, result)
    documents = Documents(store, Links(log), Genes.of(settings), settings.base_iri)
    found = list(index.problems(snapshot.search, documents, snapshot.sequence, snapshot.link_sequence))
    result.problems.extend(found)
    result.facts["studies"] = sum(1 for _ in documents.every())


def _check_links(settings: Settings, links: Links, snapshot: snapshots.Snapshot, store: Store, result: Check) -> None:
    """Compare the graphs of links with the catalogue, and facts with the default graph."""
    result.facts["links"] = {counts.pop("rule"): _few(counts) for counts in links.counts()}
    if snapshot.link_sequence != links.last_sequence():
        behind = f"the published snapshot is of change {snapshot.link_sequence} of links"
        result.problems.append(f"{behind}, the catalogue is at {links.last_sequence()}: run `hub links update`")
        return
    base = settings.base_iri
    starts = tuple(f"{base}graph/{kind}/" for kind in ("links", "candidates", "findings"))
    wanted = set(view.all_quads(links, base))
    found = {
        quad
        for graph in store.named_graphs()
        if iri_of(graph).startswith(starts)
        for quad in store.quads_for_pattern(None, None, None, graph)
        if not iri_of(quad.subject).startswith(f"{base}rule/")
    }
    for graph in sorted({iri_of(quad.graph_name) for quad in wanted ^ found}):
        result.problems.append(f"{graph} is not what the catalogue says: run `hub rebuild`")
    facts = (quad for quad in wanted if not iri_of(quad.graph_name).startswith(starts[1]))
    if any(Quad(q.subject, q.predicate, q.object) not in store for q in facts):
        result.problems.append("links are missing in the default graph: run `hub rebuild`")


def _few(counts: dict[str, Any]) -> dict[str, int]:
    return {name: number for name, number in counts.items() if name != "title" and number}


def _bad_terms(quad: Any) -> Iterator[str]:
    for term in (quad.subject, quad.object):
        if isinstance(term, NamedNode):
            if not term.value.startswith(("http://", "https://")):
                yield f"{term} is not a web IRI"
        elif has_email(term.value):
            yield f"{quad.subject} {quad.predicate}: holds an e-mail address"


def rebuild(settings: Settings, *, transform: bool = False, progress: Progress = lambda _: None) -> snapshots.Snapshot:
    """Build the graph anew from the log and publish it; return the snapshot.

    Args:
        settings: the hub's settings.
        transform: first read every kept payload again with today's harvesters; what comes out otherwise than before
            is written to the log as an update.
        progress: told how many changes were applied, and documents written, batch by batch.

    Raises:
        LockedError: another process writes.
    """
    with write_lock(settings.data_dir):
        log = Log(settings.database)
        try:
            ingest.check_base(settings, log)
            erasure.take_up(log, settings)
            for name in sorted(settings.sources) if transform else ():
                source = settings.sources[name]
                ingest.Run(settings, log, source, ingest.harvester_named(source.harvester)).execute_again()
            references.ensure(settings, log, anew=True)
            links = Links(log)
            engine.update(log, links, Tables(settings), settings)
            findings.rebuild(log, links, settings)
            coverage.rebuild(log, settings)
            shutil.rmtree(settings.store_dir, ignore_errors=True)
            with GraphStore(settings.store_dir) as store:
                published = ingest.publish_store(settings, log, links, store, progress, anew=True)
            erasure.finish(log, settings)
            return published
        finally:
            log.close()


def update_links(
    settings: Settings, *, full: bool = False, progress: engine.Progress = lambda *_: None
) -> engine.Outcome:
    """Bring the links up to date, publish them if anything is published, and return what the update came to.

    Args:
        settings: the hub's settings.
        full: compare every record anew.
        progress: told a stage and how many were done, batch by batch.

    Raises:
        LockedError: another process writes.
    """
    with write_lock(settings.data_dir):
        log = Log(settings.database)
        try:
            ingest.check_base(settings, log)
            references.ensure(settings, log)
            done = engine.update(log, Links(log), Tables(settings), settings, progress, full=full)
            if snapshots.current_or_none(settings.snapshots_dir) is not None:
                ingest.publish(settings, log)
        finally:
            log.close()
    return done


def known_references(settings: Settings) -> list[dict[str, Any]]:
    """Return each configured reference, and what stands of it."""
    log = Log(settings.database)
    try:
        return references.overview(settings, log)
    finally:
        log.close()


def update_references(settings: Settings, names: list[str], *, confirm: bool = False) -> list[references.Outcome]:
    """Update references, publish the graph again if that changes it, and return how each went.

    Args:
        settings: the hub's settings.
        names: names of references, all when empty.
        confirm: take a new copy even if it has far fewer rows than the one that stands.

    Raises:
        ConfigError: an unknown name, kind or format.
        LockedError: another process writes.
    """
    with write_lock(settings.data_dir):
        log = Log(settings.database)
        try:
            ingest.check_base(settings, log)
            outcomes = references.update(settings, log, names, ingest.manners(settings), confirm=confirm)
            if snapshots.current_or_none(settings.snapshots_dir) is not None:
                _publish_changed(settings, log)
        finally:
            log.close()
    return outcomes


def _publish_changed(settings: Settings, log: Log) -> None:
    """Publish the graph again if it is behind the log or the references."""
    ingest.publish(settings, log)
    with GraphStore(settings.store_dir) as store:
        ingest.publish_store(settings, log, Links(log), store)


def dump(settings: Settings, target: Path, fmt: str) -> int:
    """Write the published graph to a file as N-Quads or TriG and return its size in bytes.

    Raises:
        NotPublishedError: nothing is published yet.
    """
    snapshot = snapshots.current(settings.snapshots_dir)
    part = target.with_name(target.name + ".part")
    with part.open("wb") as out:
        dump_to(snapshot.graph, out, DUMP_FORMATS[fmt])
    part.replace(target)
    return target.stat().st_size
