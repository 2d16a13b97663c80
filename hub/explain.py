"""Who says a statement: every graph that holds it, where that graph has it from, and why the hub shows it or not.

What the graphs hold is asked of the published snapshot; what curators said about links, and why, of the catalogue.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterable, Mapping
from dataclasses import asdict, dataclass, field
from typing import Any
from urllib.parse import unquote

from pyoxigraph import DefaultGraph, Literal, NamedNode, Quad

from harvesters.crosswalks import fields_of
from hub import queries, records
from hub.config import Settings
from hub.errors import NotFoundError
from hub.links.catalogue import LinkRow, Links
from hub.records import Slot
from hub.routes import Precedence, Rank
from hub.store import Term, iri_of
from hub.workers import WorkerPool
from linkml_schemas.generated.model import CatalogRecord
from ontology import iris

MAX_RECORDS = 60
"""A shared thing, such as a species, is described by thousands of records: so many are told of in full."""
MAX_LINKS = 60
KINDS = ("source", "record", "links", "candidates", "findings", "ontology", "runs")
_LABEL = "http://www.w3.org/2000/01/rdf-schema#label"
_VERSION = "http://www.w3.org/2002/07/owl#versionInfo"
_LICENCE = "http://purl.org/dc/terms/license"


@dataclass(frozen=True, slots=True)
class Voice:
    """One graph that says something.

    Attributes:
        graph: IRI.
        kind: ``source`` (an archive's record), ``record`` (the hub's account of it), ``links``, ``candidates`` or
            ``findings`` (of a rule), ``ontology``, ``runs``, or empty.
        name: name of the source, rule or ontology.
        accession: of the record.
        record: the hub's account of the record; None beyond the first of very many.
        fields: fields of the payload that the property comes from, as the harvester's crosswalk has them.
        links: what is known of the link, one for each direction.
        release: version of the ontology.
        licence: licence of the ontology.
    """

    graph: str
    kind: str
    name: str
    accession: str = ""
    record: CatalogRecord | None = None
    fields: tuple[str, ...] = ()
    links: tuple[dict[str, Any], ...] = ()
    release: str = ""
    licence: str = ""


@dataclass(frozen=True, slots=True)
class Value:
    """One value of a property.

    Attributes:
        value: the value.
        is_shown: whether the default graph has it.
        voices: the graphs that say it, those of records first.
        more: how many further graphs say it.
    """

    value: Term
    is_shown: bool
    voices: tuple[Voice, ...]
    more: int = 0


@dataclass(frozen=True, slots=True)
class Property:
    """One property of the thing, with every value that any graph gives.

    Attributes:
        predicate: IRI.
        values: shown ones first.
        why: why these are shown.
    """

    predicate: str
    values: tuple[Value, ...]
    why: str

    @property
    def is_disputed(self) -> bool:
        """Whether some value is not shown."""
        return any(not value.is_shown for value in self.values) and any(value.is_shown for value in self.values)


@dataclass(frozen=True, slots=True)
class Explanation:
    """What is said of one thing, and by whom.

    Attributes:
        subject: IRI.
        properties: by IRI, disputed ones first.
        links: links that say the asked statement, though no graph of facts has it: candidates and rejected ones.
        quads: the statements with their graphs, and what is told of these graphs.
    """

    subject: str
    properties: tuple[Property, ...]
    links: tuple[dict[str, Any], ...] = ()
    quads: tuple[Quad, ...] = field(default=(), repr=False)


def explain(
    pool: WorkerPool, settings: Settings, links: Links, s: str, p: str | None = None, o: str | None = None
) -> Explanation:
    """Return who says the statements of a thing.

    Args:
        pool: workers on the snapshot.
        settings: for the base IRI, and whose word counts.
        links: the catalogue's links.
        s: IRI of the thing.
        p: IRI of a property, or None for all.
        o: a value's IRI or text, or None for all.

    Raises:
        NotFoundError: nothing of that kind is said.
        QueryError: the snapshot could not be asked.
    """
    work = _Work(pool, settings, links, s)
    said = _asked(pool, s, p, o)
    others = tuple(_link(row, links) for row in links.on_statement((s, p, o))) if p and o else ()
    if not said and not others:
        raise NotFoundError(f"nothing is said of {s[:200]}" + (" with that property or value" if p or o else ""))
    properties = tuple(work.property(name, quads) for name, quads in _grouped(said).items())
    ordered = sorted(properties, key=lambda one: (not one.is_disputed, one.predicate))
    return Explanation(s, tuple(ordered), others, (*(q for q in said if _is_named(q)), *work.told))


def _asked(pool: WorkerPool, s: str, p: str | None, o: str | None) -> list[Quad]:
    if p is None:
        found = queries.quads(pool, "describe/said", iri=NamedNode(s))
    else:
        found = queries.quads(pool, "describe/said-of", iri=NamedNode(s), property=NamedNode(p))
    return [quad for quad in found if o is None or o in (_text(quad.object), str(quad.object))]


def _text(term: Term) -> str:
    return term.value if isinstance(term, NamedNode | Literal) else str(term)


def _grouped(quads: Iterable[Quad]) -> dict[str, list[Quad]]:
    found: dict[str, list[Quad]] = {}
    for quad in quads:
        found.setdefault(quad.predicate.value, []).append(quad)
    return found


def _is_named(quad: Quad) -> bool:
    return not isinstance(quad.graph_name, DefaultGraph)


class _Work:
    """One explanation while it is made."""

    def __init__(self, pool: WorkerPool, settings: Settings, links: Links, subject: str) -> None:
        self.pool = pool
        self.base = settings.base_iri
        self.order = Precedence.of(settings)
        self.links = links
        self.subject = subject
        self.told: list[Quad] = []
        self.cls = _class_of(pool, subject)
        self._records: dict[str, CatalogRecord | None] = {}
        self._ontologies: dict[str, tuple[str, str]] = {}
        self._links = 0

    def property(self, predicate: str, quads: list[Quad]) -> Property:
        """Return every value of a property."""
        shown = {quad.object for quad in quads if not _is_named(quad)}
        said: dict[Term, list[str]] = {}
        for quad in quads:
            graphs = said.setdefault(quad.object, [])
            if _is_named(quad):
                graphs.append(iri_of(quad.graph_name))
        values = [self._value(predicate, value, value in shown, graphs) for value, graphs in said.items()]
        values.sort(key=lambda one: (not one.is_shown, -len(one.voices) - one.more, str(one.value)))
        return Property(predicate, tuple(values), Reason(self.order, self.subject, predicate, said, shown).text())

    def _value(self, predicate: str, value: Term, is_shown: bool, graphs: list[str]) -> Value:
        ordered = sorted(graphs, key=lambda graph: (KINDS.index(kind_of(self.base, graph)[0] or "runs"), graph))
        voices = tuple(self._voice(predicate, value, graph) for graph in ordered[:MAX_RECORDS])
        return Value(value, is_shown, voices, len(ordered) - len(voices))

    def _voice(self, predicate: str, value: Term, graph: str) -> Voice:
        kind, name, accession = kind_of(self.base, graph)
        if kind in ("source", "record"):
            record = self._record(name, accession)
            fields = self._fields(predicate, record) if kind == "source" else ()
            return Voice(graph, kind, name, accession, record, fields)
        if kind == "links":
            return Voice(graph, kind, name, links=self._of_rule(name, predicate, value))
        if kind == "ontology":
            release, licence = self._ontology(name)
            return Voice(graph, kind, name, release=release, licence=licence)
        return Voice(graph, kind, name, accession)

    def _record(self, source: str, accession: str) -> CatalogRecord | None:
        """Return the hub's account of a record; of very many records only the first ones are read."""
        iri = iris.record(self.base, source, accession)
        if iri not in self._records and len(self._records) < MAX_RECORDS:
            quads = queries.quads(self.pool, "describe/thing", iri=NamedNode(iri))
            self.told += quads
            self._records[iri] = records.from_quads(quads, iri, CatalogRecord) if quads else None
        return self._records.get(iri)

    def _fields(self, predicate: str, record: CatalogRecord | None) -> tuple[str, ...]:
        slot = slot_of(self.cls, predicate)
        if record is None or slot is None:
            return ()
        harvester = (record.harvester or "").partition("/")[0]
        return tuple(fields_of(harvester, slot.name, slot.term, self.cls))

    def _of_rule(self, rule: str, predicate: str, value: Term) -> tuple[dict[str, Any], ...]:
        obj = iri_of(value) if isinstance(value, NamedNode) else ""
        if not obj or self._links >= MAX_LINKS:
            return ()
        self._links += 1
        both = ((self.subject, predicate, obj), (obj, predicate, self.subject))
        rows = [row for statement in both for row in self.links.on_statement(statement) if row.rule == rule]
        for row in rows:
            self.told += queries.quads(self.pool, "describe/thing", iri=NamedNode(iris.link(self.base, row.id)))
        return tuple(_link(row, self.links) for row in rows)

    def _ontology(self, name: str) -> tuple[str, str]:
        """Return version and licence of an ontology."""
        if name not in self._ontologies:
            graph = iris.ontology_graph(self.base, name)
            quads = queries.quads(self.pool, "describe/thing", iri=NamedNode(graph))
            self.told += quads
            values = {quad.predicate.value: _text(quad.object) for quad in quads}
            self._ontologies[name] = (values.get(_VERSION, ""), values.get(_LICENCE, ""))
        return self._ontologies[name]


def _class_of(pool: WorkerPool, subject: str) -> str:
    """Return the name of a thing's class in the model; empty for others."""
    types = queries.quads(pool, "describe/said-of", iri=NamedNode(subject), property=records.RDF_TYPE)
    found = {iri_of(quad.object) for quad in types if isinstance(quad.object, NamedNode)}
    return next((name for name, table in records.tables().items() if table.type.value in found), "")


def slot_of(cls: str, predicate: str) -> Slot | None:
    """Return the slot of a class that is written with a property."""
    table = records.tables().get(cls)
    slots = table.slots if table is not None else ()
    return next((s for s in slots if predicate in (s.predicate.value, *(also.value for also in s.also))), None)


def kind_of(base: str, graph: str) -> tuple[str, str, str]:
    """Return kind, name and accession that a graph's IRI tells; empty texts for what it does not.

    >>> kind_of("https://h/", "https://h/graph/source/bia/S-BIAD1")
    ('source', 'bia', 'S-BIAD1')
    >>> kind_of("https://h/", "https://h/graph/links/sameness")
    ('links', 'sameness', '')
    """
    found = re.fullmatch(rf"{re.escape(base)}graph/({'|'.join(KINDS)})(?:/([^/]+)(?:/([^/]+))?)?", graph)
    if found is None:
        return "", "", ""
    kind, name, rest = (unquote(part or "") for part in found.groups())
    return kind, name, rest


def _link(row: LinkRow, links: Links) -> dict[str, Any]:
    """Return what the catalogue has of a link: rule, confidence, evidence, verdicts with their notes."""
    verdicts = [asdict(verdict) for verdict in links.verdicts_on(row.statement)]
    kept = ("id", "rule", "status", "confidence", "attributed_to", "first_seen", "last_seen")
    told = {name: getattr(row, name) for name in kept}
    return {**told, "evidence": json.loads(row.evidence), "records": json.loads(row.records), "verdicts": verdicts}


@dataclass(frozen=True, slots=True)
class Reason:
    """Why the default graph has some of the values of a property, and not others.

    Attributes:
        order: whose word counts.
        subject: IRI of the thing.
        predicate: IRI of the property.
        said: graphs by value.
        shown: values in the default graph.
    """

    order: Precedence
    subject: str
    predicate: str
    said: Mapping[Term, list[str]]
    shown: set[Term]

    def text(self) -> str:
        """Return the reason as a sentence."""
        kinds = {graph: kind_of(self.order.base, graph)[0] for graphs in self.said.values() for graph in graphs}
        words = {graph for graph, kind in kinds.items() if kind not in ("links", "candidates", "findings")}
        added = any(kind in ("links", "findings") for kind in kinds.values())
        reason = self._of_words(words) if words else ""
        more = "What link rules find is added to what records say, and displaces none of it." if added else ""
        return " ".join(filter(None, (reason, more))) or "No record says so, and it is not sure enough to be shown."

    def _of_words(self, words: set[str]) -> str:
        dataset = self.subject.partition("#")[0]
        if self.order.is_pooled(dataset):
            return self._of_pooled(words)
        if len(words) == 1:
            return "Only one record says anything of this."
        if all(value in self.shown for value in self.said):
            return "All records agree, or each value is of the record whose word counts."
        return self._of_ranks(dataset, words)

    def _of_pooled(self, words: set[str]) -> str:
        if len(self.said) == 1 or self.predicate not in records.single_valued():
            return "The thing is shared by records: what any of them says of it is shown."
        if any(kind_of(self.order.base, graph)[0] == "ontology" for v in self.shown for graph in self.said[v]):
            return "Only one value can be shown: the word of the term's own ontology counts."
        most = max((len(self.said[value]) for value in self.shown), default=0)
        return f"Only one value can be shown: {most} of {len(words)} graphs say this one, more than any other."

    def _of_ranks(self, dataset: str, words: set[str]) -> str:
        ranks = sorted(self.order.rank(dataset, graph, self.predicate) for graph in words)
        first, second = ranks[0], ranks[1]
        decided = next(name for name in Rank._fields if getattr(first, name) != getattr(second, name))
        winner = f"The record of source {first.source} counts before that of {second.source}"
        reasons = {
            "declared": "the settings ([precedence]) say so",
            "hub": "it is this hub's own" if not first.hub else f"its hub, {first.hub}, comes first by name",
            "foreign": "its source is of the archive that owns the dataset",
            "route": f"it came by a nearer route ({first.route}) than the other ({second.route})",
            "kind": "it is of the archive's preferred kind of entry",
            "source": "its source comes first by name",
            "accession": "its accession comes first",
        }
        return f"{winner}: {reasons[decided]}."


# --- as JSON ----------------------------------------------------------------------------------------------------------


def as_json(told: Explanation) -> dict[str, Any]:
    """Return an explanation as JSON values."""
    return {
        "subject": told.subject,
        "properties": [
            {
                "predicate": one.predicate,
                "why": one.why,
                "disputed": one.is_disputed,
                "values": [_value_json(value) for value in one.values],
            }
            for one in told.properties
        ],
        "links": list(told.links),
    }


def _value_json(value: Value) -> dict[str, Any]:
    kind = {"type": "uri"} if isinstance(value.value, NamedNode) else {"type": "literal"}
    if isinstance(value.value, Literal):
        kind |= {"language": value.value.language} if value.value.language else {"datatype": value.value.datatype.value}
    voices = [_voice_json(voice) for voice in value.voices]
    return {**kind, "value": _text(value.value), "shown": value.is_shown, "said_by": voices, "more": value.more}


def _voice_json(voice: Voice) -> dict[str, Any]:
    told = {name: value for name, value in asdict_shallow(voice).items() if value}
    if voice.record is not None:
        told["record"] = voice.record.model_dump(mode="json", exclude_none=True, exclude={"type"})
    return told


def asdict_shallow(voice: Voice) -> dict[str, Any]:
    """Return a voice's values by name."""
    return {name: getattr(voice, name) for name in Voice.__slots__}
