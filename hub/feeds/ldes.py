"""The log as a Linked Data Event Stream: each change is a member, found through a search tree by time.

A member's IRI names the hub and the number of the change: hubs that mirror each other share a base IRI, not their logs.
What is said of the change (what kind, when, of which record) is in the default graph; the record as the change left it
is in the graph that has the member's IRI. A stream is one of *records*, each one source's account of a dataset, so a
copy that applies creates, updates and deletes in order holds what the hub's source graphs hold.

The tree has a root, chapters and pages; a page holds the changes of a fixed span of numbers.

Source: https://semiceu.github.io/LinkedDataEventStreams/releases/1.0.0/ · https://w3id.org/tree/specification
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator
from typing import Final

from pyoxigraph import Literal, NamedNode, Quad, serialize

from hub import records
from hub.feeds import events
from hub.feeds.journal import Journal
from hub.feeds.spans import Span, spans
from hub.formats import JSONLD, NQUADS, NTRIPLES, TRIG, TURTLE, Format
from hub.log import Version
from hub.peers import wire
from ontology import iris

OFFERS: Final = (TRIG, NQUADS, JSONLD, TURTLE, NTRIPLES)
# What tells graphs apart; the others hold what is said of the changes, and where to get what they made of the records.
WITH_GRAPHS: Final = (TRIG, NQUADS, JSONLD)
PAGE: Final = 500
CHAPTER: Final = 100
POLL_S: Final = 300

PREFIXES: Final = {
    "as": "https://www.w3.org/ns/activitystreams#",
    "dcterms": "http://purl.org/dc/terms/",
    "foaf": "http://xmlns.com/foaf/0.1/",
    "hub": "https://w3id.org/bioimage-hub/vocab#",
    "ldes": "https://w3id.org/ldes#",
    "prov": "http://www.w3.org/ns/prov#",
    "rdf": "http://www.w3.org/1999/02/22-rdf-syntax-ns#",
    "rdfs": "http://www.w3.org/2000/01/rdf-schema#",
    "schema": "http://schema.org/",
    "tree": "https://w3id.org/tree#",
    "xsd": "http://www.w3.org/2001/XMLSchema#",
}


def _term(name: str) -> NamedNode:
    prefix, _, local = name.partition(":")
    return NamedNode(PREFIXES[prefix] + local)


A = _term("rdf:type")
_DATE_TIME, _INTEGER, _BOOLEAN = _term("xsd:dateTime"), _term("xsd:integer"), _term("xsd:boolean")
AT, NUMBER, VERSION_OF = _term("prov:generatedAtTime"), _term("schema:position"), _term("dcterms:isVersionOf")
KINDS: Final = {"create": _term("as:Create"), "update": _term("as:Update"), "delete": _term("as:Delete")}
RETENTION: Final = "Every change is kept. What was erased by a redaction stays as a delete, without its content."


class Stream:
    """The visible part of a log as an event stream.

    Args:
        journal: the visible part of the log.
        base: the hub's base IRI.
        hub: the hub's name among hubs.
        root: address of the hub as the caller wrote it, without a slash at the end.
        suffix: what nodes' addresses end with, such as ``.nq``.
        page: number of changes to a page.
        chapter: number of pages to a chapter.
    """

    def __init__(
        self,
        journal: Journal,
        base: str,
        hub: str,
        root: str,
        suffix: str = "",
        *,
        page: int = PAGE,
        chapter: int = CHAPTER,
    ) -> None:
        self._journal, self._base, self._hub, self._root, self._suffix = journal, base, hub, root, suffix
        self._page, self._chapter = page, page * chapter
        self.iri = NamedNode(f"{base}change/{hub}")

    # --- nodes of the tree

    def top(self) -> Iterator[Quad]:
        """Yield the root node: what the stream is, and its chapters."""
        node, policy = self._node("ldes"), NamedNode(f"{self._root}/ldes#everything")
        yield Quad(self.iri, A, _term("ldes:EventStream"))
        yield Quad(self.iri, _term("dcterms:title"), Literal(f"Changes of the records of the hub {self._hub}"))
        yield Quad(self.iri, _term("tree:view"), node)
        yield Quad(self.iri, _term("ldes:timestampPath"), AT)
        yield Quad(self.iri, _term("ldes:sequencePath"), NUMBER)
        yield Quad(self.iri, _term("ldes:versionOfPath"), VERSION_OF)
        for name, kind in KINDS.items():
            yield Quad(self.iri, _term(f"ldes:version{name.capitalize()}Path"), A)
            yield Quad(self.iri, _term(f"ldes:version{name.capitalize()}Object"), kind)
        yield Quad(self.iri, _term("ldes:pollingInterval"), Literal(str(POLL_S), datatype=_INTEGER))
        yield Quad(node, A, _term("tree:Node"))
        yield Quad(node, A, _term("ldes:EventSource"))
        yield Quad(node, _term("ldes:retentionPolicy"), policy)
        yield Quad(policy, A, _term("ldes:RetentionPolicy"))
        yield Quad(policy, _term("rdfs:comment"), Literal(RETENTION, language="en"))
        yield from self._relations(node, "chapter", spans(self._journal, self._chapter))

    def chapter(self, number: int) -> tuple[Span, list[Quad]] | None:
        """Return a chapter and the node that leads to its pages; None when there is none of that number."""
        bounds = number * self._chapter, (number + 1) * self._chapter
        found = spans(self._journal, self._chapter, *bounds)
        if not found:
            return None
        node = self._node(f"ldes/chapter/{number}")
        pages = spans(self._journal, self._page, *bounds)
        return found[0], [*self._head(node, found[0]), *self._relations(node, "page", pages)]

    def page(self, number: int, *, with_graphs: bool = True) -> tuple[Span, list[Quad]] | None:
        """Return a page and its members, the oldest first; None when there is none of that number."""
        found = spans(self._journal, self._page, number * self._page, (number + 1) * self._page)
        if not found:
            return None
        span = found[0]
        told = Journal(self._journal.log, span.last).since(span.first - 1, self._page)
        seen = self._journal.seen_at([version.sequence for version in told])
        node = self._node(f"ldes/page/{number}")
        quads = self._head(node, span)
        for version in told:
            quads.append(Quad(self.iri, _term("tree:member"), self.member_iri(version.sequence)))
            quads += self.member(version, seen[version.sequence], with_graphs=with_graphs)
        return span, quads

    def _node(self, path: str) -> NamedNode:
        return NamedNode(f"{self._root}/{path}{self._suffix}")

    def _head(self, node: NamedNode, span: Span) -> list[Quad]:
        full = [Quad(node, _term("ldes:immutable"), Literal("true", datatype=_BOOLEAN))] if span.is_full else []
        return [Quad(node, A, _term("tree:Node")), *full]

    def _relations(self, node: NamedNode, to: str, below: list[Span]) -> Iterator[Quad]:
        """Yield relations from a node to those of some spans: the least time in each, and the greatest of full ones."""
        ends = [end for span in below for end in (span.first, *([span.last] if span.is_full else []))]
        seen = self._journal.seen_at(ends)
        for span in below:
            target = self._node(f"ldes/{to}/{span.number}")
            yield from self._relation(node, target, "GreaterThanOrEqualTo", f"from-{span.number}", seen[span.first])
            if span.is_full:
                yield from self._relation(node, target, "LessThanOrEqualTo", f"to-{span.number}", seen[span.last])

    def _relation(self, node: NamedNode, target: NamedNode, kind: str, name: str, at: str) -> Iterator[Quad]:
        relation = NamedNode(f"{node.value}#{name}")
        yield Quad(node, _term("tree:relation"), relation)
        yield Quad(relation, A, _term(f"tree:{kind}Relation"))
        yield Quad(relation, _term("tree:node"), target)
        yield Quad(relation, _term("tree:path"), AT)
        yield Quad(relation, _term("tree:value"), Literal(at, datatype=_DATE_TIME))

    # --- members

    def member_iri(self, sequence: int) -> NamedNode:
        """Return the IRI of the member that a change is."""
        return NamedNode(f"{self.iri.value}/{sequence}")

    def member(self, version: Version, at: str, *, with_graphs: bool = True) -> list[Quad]:
        """Return a change and, with graphs, what it made of its record.

        Args:
            version: what the change made of its record.
            at: ISO 8601 time from which readers could see it.
            with_graphs: whether the record's statements are wanted.
        """
        member, kind = self.member_iri(version.sequence), events.kind(version)
        record = iris.record(self._base, version.source, version.accession)
        quads = [
            Quad(member, A, KINDS[kind]),
            Quad(member, VERSION_OF, NamedNode(record)),
            Quad(member, AT, Literal(at, datatype=_DATE_TIME)),
            Quad(member, NUMBER, Literal(str(version.sequence), datatype=_INTEGER)),
            Quad(member, _term("foaf:primaryTopic"), NamedNode(version.iri)),
            Quad(member, _term("hub:state"), Literal(version.state)),
            *self._origin(member, version),
        ]
        if kind == "delete":
            return [*quads, *_withdrawal(member, version)]
        path = events.file_path(version.source, version.accession, version.sequence)
        quads.append(Quad(member, _term("dcterms:hasFormat"), NamedNode(f"{self._root}/{path}")))
        if with_graphs:
            assert version.record is not None
            quads += records.to_quads(records.from_json(version.record), member)
        return quads

    def _origin(self, member: NamedNode, version: Version) -> Iterator[Quad]:
        """Yield which change of its owner a mirrored one is."""
        said = version.signed
        if said is not None and wire.split_source(version.source)[0]:
            owners = NamedNode(f"{self._base}change/{said.hub}/{said.hub_sequence}")
            yield Quad(member, _term("prov:wasDerivedFrom"), owners)


def _withdrawal(member: NamedNode, version: Version) -> Iterator[Quad]:
    """Yield why a record went, and what came in its place."""
    told = json.loads(version.withdrawal) if version.withdrawal else {}
    if reason := told.get("reason"):
        yield Quad(member, _term("hub:withdrawalReason"), Literal(reason))
    if successor := told.get("replaced_by"):
        yield Quad(member, _term("dcterms:isReplacedBy"), NamedNode(successor))


def write(quads: Iterable[Quad], offer: Format) -> bytes:
    """Return quads in one of the formats of the stream, in their order."""
    assert offer.rdf is not None
    statements = quads if offer in WITH_GRAPHS else (quad.triple for quad in quads)
    return serialize(statements, format=offer.rdf, prefixes=PREFIXES) or b""
