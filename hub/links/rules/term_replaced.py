"""Obsolete ontology terms that records use, and what replaces them.

`term-exists` reports obsolete terms of ontologies that are there as a whole; here they are reported of the others, such
as the slices that come with the hub.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from harvesters.references.terms import REPLACED_BY
from hub.links.contract import (
    NOTHING,
    Evidence,
    Found,
    Key,
    Member,
    Membership,
    Problem,
    Record,
    References,
    Result,
    Rule,
)
from hub.links.rules.term_exists import terms_of, whole
from hub.links.terms import Names, names_of
from ontology import identifiers

STATED = 0.99


def members(record: Record, references: References) -> Membership:
    """Return the record's own key, and field, IRI and name of each obsolete term."""
    known = references.get("ontology")
    found = [list(term) for term in terms_of(record.dataset) if known.is_obsolete(term[1])] if known else []
    return Membership(frozenset({record.own_key}), found) if found else NOTHING


def link(key: Key, block: Sequence[Member], references: References) -> Iterator[Result]:
    """Yield the replacement of each obsolete term, and a problem where no other rule reports it."""
    names = names_of(references)
    if names is None:
        return
    for member in block:
        for field, iri, name in member.features:
            yield from _of_term(names, member, (field, iri, name))


def _of_term(names: Names, member: Member, term: tuple[str, str, str]) -> Iterator[Result]:
    field, iri, name = term
    instead = names.known.replaced_by(iri)
    label = names.known.label(iri) or name
    reasons: tuple[Evidence, ...] = ()
    if instead is not None:
        new = names.known.label(instead) or identifiers.curie(instead)
        reasons = (Evidence("table", field, label, f"{new} (replaces it)", source=names.source(iri), weight=STATED),)
        yield Found(iri, REPLACED_BY, instead, STATED, reasons, (member.record,))
    if whole(names.known, iri) is None:
        text = f"{identifiers.curie(iri)} ({label}) is obsolete"
        if instead is not None:
            text += f": {identifiers.curie(instead)} ({names.known.label(instead) or 'no label'}) replaces it"
        yield Problem(member.record, field, "term-obsolete", iri, text, instead, reasons)


RULE = Rule(
    name="term-replaced",
    title="What replaces obsolete ontology terms",
    version=1,
    predicates=(REPLACED_BY,),
    members=members,
    link=link,
    justification="semapv:DatabaseCrossReference",
    references=("ontology",),
)
