"""Terms of two ontologies that mean the same, by mapping tables; and the dataset under the term that archives share.

A mapping is a link in the direction of its table. Methods meet in FBbi and cell lines in Cellosaurus: a dataset with a
term of another ontology that is the same or narrower there gets that term too.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any, Final

from hub.links.contract import NOTHING, Found, Key, Member, Membership, Record, References, Rule
from hub.links.rules.term_exists import terms_of
from hub.links.terms import (
    ABOUT,
    BROAD_MATCH,
    CLOSE_MATCH,
    EQUIVALENT,
    EXACT_MATCH,
    MAPPED,
    MAPPED_NEAR,
    MEASURED,
    NARROW_MATCH,
    Mapping,
    Names,
    names_of,
)
from hub.ontologies import prefix

MEETING: Final = {"fbbi": MEASURED, "cvcl": ABOUT}
"""Ontologies in which archives meet, and what leads a dataset to their terms."""


def members(record: Record, references: References) -> Membership:
    """Return the record's own key, and the terms of the record that a table maps; features are [field, IRI] of each."""
    names = names_of(references)
    if names is None:
        return NOTHING
    found = [[field, iri] for field, iri, _ in terms_of(record.dataset) if rows_of(names, iri)]
    return Membership(frozenset({record.own_key}), found) if found else NOTHING


def rows_of(names: Names, iri: str) -> list[Mapping]:
    """Return the rows that map a term; of those that map another term to it none where archives meet in it anyway."""
    return [row for row in names.mappings.of_term(iri) if row.subject == iri or prefix(iri) not in MEETING]


def link(key: Key, block: Sequence[Member], references: References) -> Iterator[Found]:
    """Yield what tables say of the record's terms."""
    names: Any = names_of(references)
    for member in block:
        own = {iri for _, iri in member.features}
        for field, iri in member.features:
            for row in rows_of(names, iri):
                yield from _links(member, field, row)
                if row.subject == iri and row.object not in own:
                    yield from _dataset(member, field, row)
                elif row.object == iri and row.subject not in own:
                    yield from _dataset(member, field, _turned(row))


def _links(member: Member, field: str, row: Mapping) -> Iterator[Found]:
    predicate = EXACT_MATCH if row.predicate in EQUIVALENT else row.predicate
    if row.subject and predicate in (EXACT_MATCH, CLOSE_MATCH):
        sure = row.sureness(MAPPED if predicate == EXACT_MATCH else MAPPED_NEAR)
        yield Found(row.subject, predicate, row.object, sure, _reasons(row, field, sure), (member.record,))


def _dataset(member: Member, field: str, row: Mapping) -> Iterator[Found]:
    """Yield the dataset's link to a term that is the same as, or broader than, one that its record has."""
    predicate = MEETING.get(prefix(row.object) or "")
    if predicate is not None and row.predicate in (*EQUIVALENT, BROAD_MATCH):
        sure = row.sureness(MAPPED if row.predicate in EQUIVALENT else MAPPED_NEAR)
        yield Found(member.dataset, predicate, row.object, sure, _reasons(row, field, sure), (member.record,))


def _turned(row: Mapping) -> Mapping:
    inverse = {BROAD_MATCH: NARROW_MATCH, NARROW_MATCH: BROAD_MATCH}
    return row._replace(
        subject=row.object,
        subject_label=row.object_label,
        predicate=inverse.get(row.predicate, row.predicate),
        object=row.subject or row.object,
        object_label=row.subject_label,
    )


def _reasons(row: Mapping, field: str, sure: float) -> tuple[Any, ...]:
    return (row.evidence(field, row.subject_label or row.subject or "", sure),)


RULE = Rule(
    name="term-crosswalk",
    title="Terms of two ontologies that mean the same",
    version=1,
    predicates=(EXACT_MATCH, CLOSE_MATCH, ABOUT, MEASURED),
    members=members,
    link=link,
    references=("ontology", "mappings"),
)
