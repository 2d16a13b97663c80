"""From the links in the catalogue to their graphs: for each rule its facts, its candidates and its findings.

A fact is a statement and a ``hub:Link`` node with the evidence, in the rule's graph and in the default graph; what is
not sure enough is a node in the graph of candidates only. As with records, the store remembers the change that it is
true of, and what it holds can always be made again from the catalogue.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable
from datetime import datetime
from decimal import Decimal
from typing import Any

from pyoxigraph import NamedNode, Quad

from hub import records
from hub.links.catalogue import ASSERTED, LinkRow, Links
from hub.links.contract import link_id
from hub.routes import Precedence
from hub.store import GraphStore
from linkml_schemas.generated.model import Finding, Link, LinkRule
from ontology import iris

BATCH = 2000
SEMAPV = "https://w3id.org/semapv/vocab/"


def catch_up(
    links: Links, store: GraphStore, precedence: Precedence, progress: Callable[[int], object] = lambda _: None
) -> int:
    """Apply every change of links that the store has not seen, and return the number that it is then true of."""
    base, sequence = precedence.base, store.link_sequence()
    while pending := links.changes_since(sequence, BATCH):
        sequence = pending[-1].sequence
        removed, added = _amendment(links, store, sorted({c.id for c in pending if c.rule != ASSERTED}), base)
        store.amend(removed, added, sequence, precedence.resolve, lambda iri: iri.startswith(f"{base}link/"))
        progress(len(pending))
    removed, added = _rule_amendment(links, store, base)
    if removed or added:
        store.amend(removed, added, sequence, precedence.resolve)
    store.flush()
    return sequence


def _amendment(links: Links, store: GraphStore, ids: list[str], base: str) -> tuple[list[Quad], list[Quad]]:
    """Return what the graphs may hold of some links, and what they are to hold."""
    rows = links.of_ids(ids)
    reverses = [link_id(r.rule, r.object, r.predicate, r.subject) for r in rows if r.kind == "link"]
    others = [r for r in links.of_ids(reverses) if r.id not in set(ids)]
    added = [quad for row in rows for quad in quads_of(row, base)]
    added += [quad for row in others for quad in _statements(row, base)]
    removed = []
    for row in rows:
        node = NamedNode(_node(row, base))
        for graph in _graphs(row, base):
            removed += store.said_of([node], graph)
        if row.kind == "link":
            removed += _both_ways(row, base)
    return removed, added


def _rule_amendment(links: Links, store: GraphStore, base: str) -> tuple[list[Quad], list[Quad]]:
    """Return what the store says of rules and should not, and what it should say and does not."""
    wanted = [quad for rule in links.rules() for quad in rule_quads(rule, base)]
    start = f"{base}graph/links/"
    there = [
        q
        for g in store.graphs_with(records.RDF_TYPE, records.tables()["LinkRule"].type, start)
        for q in store.said_of([NamedNode(f"{base}rule/{g.value.removeprefix(start)}")], g)
    ]
    return [q for q in there if q not in wanted], [q for q in wanted if q not in there]


def quads_of(row: LinkRow, base: str) -> list[Quad]:
    """Return what the graphs of a rule hold of one link or finding; nothing when it is rejected or gone.

    What the records themselves say is left out: it stands in their graphs.
    """
    if not row.is_shown or row.rule == ASSERTED:
        return []
    if row.kind == "finding":
        return records.to_quads(finding(row, base), NamedNode(iris.findings_graph(base, row.rule)))
    graph = iris.links_graph if row.status == "fact" else iris.candidates_graph
    return [*_statements(row, base), *records.to_quads(thing(row, base), NamedNode(graph(base, row.rule)))]


def all_quads(links: Links, base: str) -> Iterable[Quad]:
    """Yield what all graphs of links and findings hold, without what they say of rules."""
    for row in links.all_links():
        yield from quads_of(row, base)


def thing(row: LinkRow, base: str) -> Link:
    """Return a link as a thing of the model."""
    return Link(
        id=iris.link(base, row.id),
        link_subject=row.subject,
        link_predicate=row.predicate,
        link_object=row.object,
        rule=row.rule,
        link_rule=iris.rule(base, row.rule),
        evidence=_texts(json.loads(row.evidence)),
        confidence=None if row.confidence is None else Decimal(str(row.confidence)),
        attributed_to=row.attributed_to if _is_iri(row.attributed_to) else None,
        first_seen=datetime.fromisoformat(row.first_seen),
        last_seen=datetime.fromisoformat(row.last_seen),
    )


def finding(row: LinkRow, base: str) -> Finding:
    """Return a finding of a link rule as a thing of the model."""
    said = json.loads(row.evidence)
    return Finding(
        id=_node(row, base),
        target=row.subject,
        field_path=said["field"],
        rule=row.predicate,
        offending_value=row.object or None,
        message=said["message"],
        suggestion=said["suggestion"],
        evidence=_texts(said["evidence"]),
    )


def rule_quads(rule: dict[str, Any], base: str) -> list[Quad]:
    """Return what a rule's graph says of the rule itself."""
    described = LinkRule(
        id=iris.rule(base, rule["name"]),
        name=rule["title"],
        rule=rule["name"],
        rule_version=str(json.loads(rule["version"])[0]),
        justification=rule["justification"].replace("semapv:", SEMAPV, 1),
    )
    return records.to_quads(described, NamedNode(iris.links_graph(base, rule["name"])))


def _statements(row: LinkRow, base: str) -> list[Quad]:
    """Return the statement of a fact, and the same the other way round where it holds both ways."""
    if row.kind != "link" or row.status != "fact":
        return []
    forth, back = _both_ways(row, base)
    return [forth, back] if row.symmetric else [forth]


def _both_ways(row: LinkRow, base: str) -> tuple[Quad, Quad]:
    subject, predicate, obj = (NamedNode(iri) for iri in row.statement)
    graph = NamedNode(iris.links_graph(base, row.rule))
    return Quad(subject, predicate, obj, graph), Quad(obj, predicate, subject, graph)


def _graphs(row: LinkRow, base: str) -> list[NamedNode]:
    if row.kind == "finding":
        return [NamedNode(iris.findings_graph(base, row.rule))]
    return [NamedNode(graph(base, row.rule)) for graph in (iris.links_graph, iris.candidates_graph)]


def _node(row: LinkRow, base: str) -> str:
    return iris.link(base, row.id) if row.kind == "link" else f"{row.subject}#finding-{row.id}"


def _texts(reasons: list[Any]) -> list[str]:
    return [json.dumps(reason, ensure_ascii=False, sort_keys=True) for reason in reasons]


def _is_iri(value: str | None) -> bool:
    return value is not None and value.startswith(("http://", "https://"))
