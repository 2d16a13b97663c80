"""Records in all their forms: pydantic object ⇄ JSON ⇄ RDF quads ⇄ JSON-LD page.

The slot table that ``linkml_schemas.build`` compiles from the model drives every direction, so a slot added to
``bioimage.yaml`` needs no code here. The forms are equal: ``from_quads(to_quads(r)) == canonical(r)`` and
``from_jsonld(to_jsonld(r)) == canonical(r)``. This module knows the model, not the store.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from decimal import Decimal
from functools import cache
from importlib.resources import files
from typing import Any, TypeVar

from pydantic import BaseModel
from pyoxigraph import DefaultGraph, Literal, NamedNode, Quad, RdfFormat, parse

from linkml_schemas.generated import model
from linkml_schemas.generated.model import Dataset

XSD = "http://www.w3.org/2001/XMLSchema#"
RDF = "http://www.w3.org/1999/02/22-rdf-syntax-ns#"
RDF_TYPE = NamedNode(RDF + "type")
RDF_SEQ = NamedNode(RDF + "Seq")
# BIBO lets an author list be an rdf:Seq, which needs no blank nodes. Source: http://purl.org/ontology/bibo/authorList
AUTHOR_LIST = NamedNode("http://purl.org/ontology/bibo/authorList")
PARTIAL_DATE = {4: NamedNode(XSD + "gYear"), 7: NamedNode(XSD + "gYearMonth"), 10: NamedNode(XSD + "date")}
# Source: https://www.w3.org/TR/xml/#charsets (a literal with one of these breaks RDF/XML and SPARQL XML results)
NOT_XML = re.compile("[\x00-\x08\x0b\x0c\x0e-\x1f\ufffe\uffff]")
_TYPED = {XSD + "integer", XSD + "decimal", XSD + "boolean", XSD + "dateTime"}

T = TypeVar("T", bound=BaseModel)
Graph = NamedNode | DefaultGraph
Place = tuple[()] | tuple[NamedNode]


@dataclass(frozen=True, slots=True)
class Slot:
    """One slot of the model, compiled.

    Attributes:
        name: slot name, which is the attribute of the pydantic class.
        term: JSON-LD term.
        predicate: the slot's IRI.
        also: further predicates that say the same (``exact_mappings``), written but not read.
        kind: ``node`` (nested thing), ``iri`` or ``literal``.
        classes: names of the classes a nested thing may have.
        datatype: datatype of a literal; ``partial-date`` for dates of any precision.
        many: whether the slot holds a list.
        ordered: whether the list's order has meaning.
        plain: whether the value is one text and nothing else is written of it.
    """

    name: str
    term: str
    predicate: NamedNode
    also: tuple[NamedNode, ...]
    kind: str
    classes: tuple[str, ...]
    datatype: str | None
    many: bool
    ordered: bool
    plain: bool


@dataclass(frozen=True, slots=True)
class ClassTable:
    """One class of the model, compiled: its pydantic class, types and slots."""

    name: str
    cls: type[BaseModel]
    type: NamedNode
    also: tuple[NamedNode, ...]
    slots: tuple[Slot, ...]


@cache
def tables() -> dict[str, ClassTable]:
    """Return the compiled classes of the model by name."""
    data = json.loads(files("linkml_schemas.generated").joinpath("slots.json").read_text(encoding="utf-8"))
    slots = {name: _slot(name, s) for name, s in data["slots"].items()}
    return {
        name: ClassTable(
            name=name,
            cls=getattr(model, name),
            type=NamedNode(c["iri"]),
            also=tuple(NamedNode(i) for i in c["also"]),
            slots=tuple(slots[s] for s in c["slots"]),
        )
        for name, c in data["classes"].items()
    }


def _slot(name: str, data: dict[str, Any]) -> Slot:
    return Slot(
        name=name,
        term=data["term"],
        predicate=NamedNode(data["iri"]),
        also=tuple(NamedNode(i) for i in data["also"]),
        kind=data["kind"],
        classes=tuple(data["classes"]),
        datatype=data["datatype"],
        many=data["many"],
        ordered=data["ordered"],
        plain=data["datatype"] == XSD + "string" and not data["many"] and not data["also"],
    )


@cache
def single_valued() -> frozenset[str]:
    """Return the IRIs of the predicates of which a thing has at most one value."""
    return frozenset(s.predicate.value for t in tables().values() for s in t.slots if not s.many)


@cache
def context() -> dict[str, Any]:
    """Return the JSON-LD context of pages (the value of ``@context``)."""
    text = files("linkml_schemas.generated").joinpath("context.jsonld").read_text(encoding="utf-8")
    return dict(json.loads(text)["@context"])


def table_of(thing: BaseModel) -> ClassTable:
    """Return the compiled class of a thing."""
    return tables()[type(thing).__name__]


# --- canonical form and JSON -------------------------------------------------------------------------------------


def canonical(record: T) -> T:
    """Return the one form of a record that every round trip comes back to.

    Lists whose order has no meaning are sorted and hold each value once, empty lists and texts are left out, and a
    thing that is mentioned twice is complete and equal in both places.

    Raises:
        ValueError: an IRI is not valid, or is used for things of two classes; a text is not Unicode.
    """
    merged: dict[str, tuple[str, dict[str, Any]]] = {}
    _collect(record, merged)
    built: dict[str, BaseModel] = {}
    return _rebuild(record.id, merged, built)  # type: ignore[attr-defined,return-value]


def _collect(thing: BaseModel, merged: dict[str, tuple[str, dict[str, Any]]]) -> None:
    table = table_of(thing)
    iri: str = thing.id  # type: ignore[attr-defined]
    NamedNode(iri)
    known, values = merged.setdefault(iri, (table.name, {}))
    if known != table.name:
        raise ValueError(f"{iri} is used for a {known} and for a {table.name}: give each thing an IRI of its own")
    for slot in table.slots:
        value = getattr(thing, slot.name)
        if value is None or value in ("", []):
            continue
        items = value if slot.many else [value]
        if slot.kind == "node":
            for item in items:
                _collect(item, merged)
            items = [item.id for item in items]
        else:
            _check_values(slot, items)
        if slot.many:
            values.setdefault(slot.name, {}).update(dict.fromkeys(items))
        else:
            values.setdefault(slot.name, items[0])


def _check_values(slot: Slot, items: list[Any]) -> None:
    for item in items:
        if slot.kind == "iri":
            NamedNode(item)
        elif isinstance(item, str) and not item.isprintable():
            item.encode()
            if NOT_XML.search(item):
                raise ValueError(f"{slot.name}: {item[:60]!r} holds a character that XML cannot")


def _rebuild(
    iri: str, merged: dict[str, tuple[str, dict[str, Any]]], built: dict[str, BaseModel], path: tuple[str, ...] = ()
) -> BaseModel:
    if iri in built:
        return built[iri]
    if iri in path:
        raise ValueError(f"{iri} contains itself")
    name, values = merged[iri]
    table = tables()[name]
    fields: dict[str, Any] = {"id": iri}
    for slot in table.slots:
        value = values.get(slot.name)
        if value is None:
            continue
        if slot.many:
            value = list(value) if slot.ordered else sorted(value)
        if slot.kind == "node":
            nested = [_rebuild(str(i), merged, built, (*path, iri)) for i in (value if slot.many else [value])]
            value = nested if slot.many else nested[0]
        fields[slot.name] = value
    built[iri] = table.cls.model_construct(set(fields), **{**_defaults(table.cls), **fields})
    return built[iri]


@cache
def _defaults(cls: type[BaseModel]) -> dict[str, Any]:
    """Return the fields of a thing of which nothing is said: asking pydantic for them each time takes longer."""
    return dict(cls.model_construct().__dict__)


def to_json(record: BaseModel) -> str:
    """Return a record as compact JSON; ``from_json`` reads it back."""
    return record.model_dump_json(exclude_none=True)


def from_json(text: str | bytes, cls: type[T] = Dataset) -> T:  # type: ignore[assignment]
    """Return the record that ``to_json`` wrote.

    Raises:
        pydantic.ValidationError: the text is not a record of that class.
    """
    return cls.model_validate_json(text)


# --- RDF ---------------------------------------------------------------------------------------------------------


def to_quads(thing: BaseModel, graph: Graph | None = None) -> list[Quad]:
    """Return a thing and everything nested in it as quads of one graph, each once.

    Raises:
        ValueError: an IRI of the record is not a valid IRI.
    """
    quads: list[Quad] = []
    # Left out where it is the default graph: naming that costs the engine's Python layer more than the rest.
    _write(thing, () if graph is None or isinstance(graph, DefaultGraph) else (graph,), quads, {})
    return quads


def _write(thing: BaseModel, place: Place, quads: list[Quad], written: dict[str, NamedNode]) -> NamedNode:
    iri: str = thing.id  # type: ignore[attr-defined]
    subject = written.get(iri)
    if subject is not None:
        return subject
    subject = written[iri] = NamedNode(iri)
    table = table_of(thing)
    quads.append(Quad(subject, RDF_TYPE, table.type, *place))
    for other in table.also:
        quads.append(Quad(subject, RDF_TYPE, other, *place))
    values = thing.__dict__
    for slot in table.slots:
        value = values[slot.name]
        if value is None:
            continue
        if slot.plain:
            quads.append(Quad(subject, slot.predicate, Literal(value), *place))
            continue
        terms: Iterable[Any]
        if slot.many:
            terms = _terms(slot, value, place, quads, written)
        else:
            terms = (_write(value, place, quads, written) if slot.kind == "node" else _term(slot, value),)
        for term in terms:
            quads.append(Quad(subject, slot.predicate, term, *place))
        for other in slot.also:
            quads += [Quad(subject, other, term, *place) for term in terms]
        if slot.ordered:
            _write_order(subject, terms, place, quads)
    return subject


def _terms(
    slot: Slot, values: Iterable[Any], place: Place, quads: list[Quad], written: dict[str, NamedNode]
) -> Iterable[NamedNode | Literal]:
    """Return the values of a slot as terms, each once; nested things are written on the way."""
    if slot.kind == "node":
        return dict.fromkeys([_write(value, place, quads, written) for value in values])
    return dict.fromkeys([_term(slot, value) for value in values])


def _term(slot: Slot, value: Any) -> NamedNode | Literal:
    return NamedNode(value) if slot.kind == "iri" else literal(value, slot.datatype)


def _write_order(subject: NamedNode, terms: Iterable[Any], place: Place, quads: list[Quad]) -> None:
    sequence = NamedNode(subject.value + "#authors")
    quads.append(Quad(subject, AUTHOR_LIST, sequence, *place))
    quads.append(Quad(sequence, RDF_TYPE, RDF_SEQ, *place))
    for position, term in enumerate(terms, start=1):
        quads.append(Quad(sequence, _member(position), term, *place))


@cache
def _member(position: int) -> NamedNode:
    return NamedNode(f"{RDF}_{position}")


def literal(value: Any, datatype: str | None) -> Literal:
    """Return a value as a literal in the lexical form that the store keeps unchanged."""
    if datatype == "partial-date":
        return Literal(value, datatype=PARTIAL_DATE[len(value)])
    if datatype not in _TYPED:
        return Literal(str(value))
    return Literal(lexical(value), datatype=NamedNode(str(datatype)))


def lexical(value: Any) -> str:
    """Return the canonical XSD spelling of a boolean, number or time.

    >>> lexical(Decimal("8.0")), lexical(True), lexical(7)
    ('8', 'true', '7')
    """
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, Decimal):
        return format(value.normalize(), "f")
    if isinstance(value, datetime):
        return value.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
    return str(value)


def from_quads(quads: Iterable[Quad], iri: str, cls: type[T] = Dataset) -> T:  # type: ignore[assignment]
    """Return the thing of that IRI and class from quads, whatever graph they are in.

    Raises:
        ValueError: the quads hold no thing of that IRI and class, or not all that the class requires.
    """
    index: dict[str, dict[str, list[Any]]] = {}
    for quad in quads:
        if isinstance(quad.subject, NamedNode):
            index.setdefault(quad.subject.value, {}).setdefault(quad.predicate.value, []).append(quad.object)
    if iri not in index:
        raise ValueError(f"nothing is said of {iri}")
    return canonical(_read(index, iri, tables()[cls.__name__]))  # type: ignore[return-value]


def _read(index: dict[str, dict[str, list[Any]]], iri: str, table: ClassTable) -> BaseModel:
    said = index.get(iri, {})
    fields: dict[str, Any] = {"id": iri}
    for slot in table.slots:
        objects = said.get(slot.predicate.value)
        if objects is None:
            continue
        if slot.ordered:
            objects = _in_order(index, said, objects)
        values = [v for o in objects if (v := _value(index, slot, o)) is not None]
        if values:
            fields[slot.name] = values if slot.many else values[0]
    return table.cls(**fields)


def _in_order(index: dict[str, dict[str, list[Any]]], said: dict[str, list[Any]], objects: list[Any]) -> list[Any]:
    head = said.get(AUTHOR_LIST.value)
    members = index.get(head[0].value, {}) if head else {}
    listed = sorted((int(p.removeprefix(RDF + "_")), o[0]) for p, o in members.items() if p.startswith(RDF + "_"))
    return [*(o for _, o in listed), *(o for o in objects if o not in {x for _, x in listed})]


def _value(index: dict[str, dict[str, list[Any]]], slot: Slot, term: Any) -> Any:
    if slot.kind == "node":
        types = {t.value for t in index.get(term.value, {}).get(RDF_TYPE.value, [])}
        found = next((c for c in slot.classes if tables()[c].type.value in types), None)
        return _read(index, term.value, tables()[found]) if found else None
    if isinstance(term, Literal) and term.language:  # the words of a page, not of a record: see hub.schemaorg
        return None
    if slot.kind == "iri" or slot.datatype not in _TYPED:
        return term.value
    return term.value == "true" if slot.datatype == XSD + "boolean" else term.value


# --- JSON-LD -----------------------------------------------------------------------------------------------------


def to_jsonld(record: BaseModel, *, with_context: bool = True) -> dict[str, Any]:
    """Return a record as one JSON-LD tree, its context inline; the same statements as ``to_quads``."""
    tree = _tree(record, set())
    return {"@context": context(), **tree} if with_context else tree


def _tree(thing: BaseModel, seen: set[str]) -> dict[str, Any]:
    iri: str = thing.id  # type: ignore[attr-defined]
    if iri in seen:
        return {"@id": iri}
    seen.add(iri)
    table = table_of(thing)
    types = [table.name, *(_compact(i.value) for i in table.also)]
    tree: dict[str, Any] = {"@id": iri, "@type": types if len(types) > 1 else types[0]}
    for slot in table.slots:
        value = getattr(thing, slot.name)
        if value is None:
            continue
        items = [_json_value(slot, v, seen) for v in (value if slot.many else [value])]
        tree[slot.term] = items if slot.many else items[0]
        for other in slot.also:
            tree[_compact(other.value)] = [_reference(slot, item) for item in items]
        if slot.ordered:
            tree["authorList"] = _sequence(iri, items)
    return tree


def _json_value(slot: Slot, value: Any, seen: set[str]) -> Any:
    if slot.kind == "node":
        return _tree(value, seen)
    if slot.datatype == "partial-date" and len(value) < 10:
        return {"@type": PARTIAL_DATE[len(value)].value.replace(XSD, "xsd:"), "@value": value}
    if isinstance(value, Decimal | datetime):
        return lexical(value)
    return value


def _reference(slot: Slot, item: Any) -> Any:
    return item if slot.kind == "literal" else {"@id": item["@id"] if slot.kind == "node" else item}


def _sequence(iri: str, items: list[dict[str, Any]]) -> dict[str, Any]:
    members = dict.fromkeys(item["@id"] for item in items)
    numbered = {f"rdf:_{n}": {"@id": i} for n, i in enumerate(members, start=1)}
    return {"@id": f"{iri}#authors", "@type": "rdf:Seq", **numbered}


@cache
def _namespaces() -> list[tuple[str, str]]:
    simple = {k: v for k, v in context().items() if isinstance(v, str) and v.endswith(("/", "#", "_"))}
    return sorted(((v, k) for k, v in simple.items()), key=lambda pair: -len(pair[0]))


@cache
def _compact(iri: str) -> str:
    for namespace, prefix in _namespaces():
        if iri.startswith(namespace):
            return f"{prefix}:{iri.removeprefix(namespace)}"
    return iri


def from_jsonld(document: dict[str, Any], iri: str, cls: type[T] = Dataset) -> T:  # type: ignore[assignment]
    """Return the thing of that IRI from a JSON-LD document with an inline context.

    Raises:
        ValueError: the document is not such JSON-LD, or does not describe the thing.
    """
    return from_quads(parse_jsonld(document, iri), iri, cls)


def parse_jsonld(document: Any, base: str) -> Iterator[Quad]:
    """Yield the quads of a JSON-LD document whose contexts are inline.

    Raises:
        ValueError: not JSON-LD, or a remote context is named.
    """
    try:
        yield from parse(json.dumps(document), format=RdfFormat.JSON_LD, base_iri=base)
    except (SyntaxError, OSError) as err:
        raise ValueError(f"not JSON-LD that can be read offline: {err}") from err
