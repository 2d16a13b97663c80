"""OBO files, read by fastobo frame by frame.

Source: https://owlcollab.github.io/oboformat/doc/obo-syntax.html
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from typing import Any, BinaryIO

import fastobo

from harvesters.references.contract import META, Reference, Row
from harvesters.references.terms import Term, iri_of, iri_or_none

Bases = Mapping[str, str]
_CELL_LINES = iri_of("CVCL_0030").removesuffix("0030")


def read(stream: BinaryIO, reference: Reference) -> Iterator[Row]:
    """Yield the rows of an OBO file; other identifiers of a term (``alt_id``) are obsolete terms that it replaces.

    Raises:
        ValueError: not OBO; names the line.
    """
    try:
        frames = fastobo.iter(stream, ordered=True)
        bases: dict[str, str] = {}
        for clause in frames.header():
            yield from _header(clause, bases)
        for frame in frames:
            if isinstance(frame, fastobo.term.TermFrame):
                for term in _terms(frame, bases):
                    yield from term.rows()
    except (SyntaxError, TypeError) as err:  # a stream whose first read fails is a TypeError to fastobo
        raise ValueError(f"not OBO: {err.__cause__ or err}") from err


def _header(clause: Any, bases: dict[str, str]) -> Iterator[Row]:
    tag, value = clause.raw_tag(), clause.raw_value()
    if tag == "data-version":
        yield META, ("version", value)
    elif tag == "idspace":
        bases[str(clause.prefix).casefold()] = str(clause.url)
    elif tag == "property_value" and "license" in value:
        yield META, ("licence", value.split(" ")[1])


def _terms(frame: Any, bases: Bases) -> Iterator[Term]:
    term = Term(iri_of(str(frame.id), bases))
    for clause in frame:
        tag = clause.raw_tag()
        if tag == "alt_id":
            yield Term(iri_of(clause.raw_value(), bases), is_obsolete=True, replaced_by=term.iri)
        elif tag in _CLAUSES:
            _CLAUSES[tag](term, clause, bases)
    yield term


def _name(term: Term, clause: Any, _: Bases) -> None:
    term.label = term.label or clause.name


def _synonym(term: Term, clause: Any, _: Bases) -> None:
    term.synonyms.append((clause.synonym.desc, clause.synonym.scope.casefold()))


def _parent(term: Term, clause: Any, bases: Bases) -> None:
    if parent := iri_or_none(str(clause.term), bases):
        term.parents.append(parent)


def _relationship(term: Term, clause: Any, bases: Bases) -> None:
    """Cellosaurus' parents; those of real ontologies are no superclasses."""
    if str(clause.typedef) == "derived_from" and term.iri.startswith(_CELL_LINES):
        _parent(term, clause, bases)


def _obsolete(term: Term, clause: Any, _: Bases) -> None:
    term.is_obsolete = clause.obsolete


def _replaced_by(term: Term, clause: Any, bases: Bases) -> None:
    term.replaced_by = term.replaced_by or iri_or_none(str(clause.term), bases)


_CLAUSES: Mapping[str, Callable[[Term, Any, Bases], None]] = {
    "name": _name,
    "synonym": _synonym,
    "is_a": _parent,
    "relationship": _relationship,
    "is_obsolete": _obsolete,
    "replaced_by": _replaced_by,
}
