"""OWL files as RDF/XML, read statement by statement.

A class is complete when the next subject begins, as every OWL tool writes it; of a class that is taken up again later
only further names and superclasses count.

Source: https://www.w3.org/TR/owl2-mapping-to-rdf/
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from itertools import groupby
from typing import BinaryIO

from pyoxigraph import Literal, NamedNode, Quad, RdfFormat, parse

from harvesters.references.contract import META, Reference, Row
from harvesters.references.terms import REPLACED_BY, SCOPES, Term, iri_of, iri_or_none

_OWL = "http://www.w3.org/2002/07/owl#"
_RDFS = "http://www.w3.org/2000/01/rdf-schema#"
_TYPE = "http://www.w3.org/1999/02/22-rdf-syntax-ns#type"
_FACTS = {
    f"{_OWL}versionIRI": "version_iri",
    f"{_OWL}versionInfo": "version",
    "http://purl.org/dc/terms/license": "licence",
    "http://purl.org/dc/elements/1.1/license": "licence",
}
_ENGLISH = (None, "en", "en-us", "en-gb")


def read(stream: BinaryIO, reference: Reference) -> Iterator[Row]:
    """Yield the rows of an RDF/XML file: of the named classes in it.

    Raises:
        ValueError: not RDF/XML; names the place.
    """
    base = reference.url if reference.url.startswith("http") else "http://purl.obolibrary.org/obo/"
    try:
        named = (q for q in parse(stream, format=RdfFormat.RDF_XML, base_iri=base) if isinstance(q.subject, NamedNode))
        for subject, quads in groupby(named, key=lambda quad: quad.subject):
            yield from _rows(str(subject.value), list(quads))
    except SyntaxError as err:
        raise ValueError(f"not RDF/XML: {err}") from err


def _rows(subject: str, quads: list[Quad]) -> Iterator[Row]:
    types = {q.object.value for q in quads if q.predicate.value == _TYPE and isinstance(q.object, NamedNode)}
    if f"{_OWL}Class" in types and (iri := iri_or_none(subject)):
        yield from _term(iri, quads).rows()
    elif f"{_OWL}Ontology" in types:
        said = {_FACTS[q.predicate.value]: q.object.value for q in quads if q.predicate.value in _FACTS}  # type: ignore[union-attr]
        if iri := said.pop("version_iri", None):
            said.setdefault("version", iri)
        yield from ((META, fact) for fact in said.items())


def _term(iri: str, quads: list[Quad]) -> Term:
    term = Term(iri)
    for quad in quads:
        predicate, value = quad.predicate.value, quad.object
        if isinstance(value, NamedNode | Literal):
            if isinstance(value, Literal) and (value.language or None) not in _ENGLISH:
                continue
            if predicate in SCOPES and isinstance(value, Literal):
                term.synonyms.append((value.value, SCOPES[predicate]))
            elif predicate in _PROPERTIES:
                _PROPERTIES[predicate](term, value)
    return term


def _label(term: Term, value: NamedNode | Literal) -> None:
    term.label = term.label or value.value


def _parent(term: Term, value: NamedNode | Literal) -> None:
    if isinstance(value, NamedNode) and value.value != f"{_OWL}Thing":
        term.parents.append(iri_of(value.value))


def _deprecated(term: Term, value: NamedNode | Literal) -> None:
    term.is_obsolete = value.value in ("true", "1")


def _replaced_by(term: Term, value: NamedNode | Literal) -> None:
    term.replaced_by = term.replaced_by or iri_or_none(value.value)


_PROPERTIES: Mapping[str, Callable[[Term, NamedNode | Literal], None]] = {
    f"{_RDFS}label": _label,
    f"{_RDFS}subClassOf": _parent,
    f"{_OWL}deprecated": _deprecated,
    REPLACED_BY: _replaced_by,
}
