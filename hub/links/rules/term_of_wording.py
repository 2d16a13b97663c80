"""Which ontology term an archive's own wording means: names of methods, organisms, cell lines, samples and phenotypes.

A wording that is no term itself (a sample, a protocol) is close to the term that its name names, never the same. Beside
the wording the dataset gets the term, so that who asks by the term finds the dataset.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from dataclasses import replace
from typing import Final

from hub.links.contract import NOTHING, Evidence, Found, Key, Member, Membership, Record, References, Rule
from hub.links.terms import (
    ABOUT,
    CELL_LINE,
    CLOSE_MATCH,
    EXACT_MATCH,
    GO,
    HAS_PHENOTYPE,
    MEASURED,
    ROLES,
    Meaning,
    Names,
    names_of,
)
from hub.links.wordings import SAMPLE, SEEN, TERM, Wording, stated, wordings

ONLY_A_NAME: Final = 0.7
"""A sample named like a cell line is a candidate: Cellosaurus has 167,000 cell lines, and samples have short names."""
_SAYS_CELLS: Final = re.compile(r"\bcells?\b", re.IGNORECASE)


def members(record: Record, references: References) -> Membership:
    """Return the record's own key, its wordings, and the terms that it states of the dataset."""
    found = wordings(record)
    if not found:
        return NOTHING
    return Membership(
        frozenset({record.own_key}), {"wordings": [list(w) for w in found], "stated": stated(record.dataset)}
    )


def link(key: Key, block: Sequence[Member], references: References) -> Iterator[Found]:
    """Yield the term of each wording, and the dataset's link to it."""
    names = names_of(references)
    if names is None:
        return
    for member in block:
        known = set(member.features["stated"])
        for told in member.features["wordings"]:
            wording = Wording(*told)
            for meaning in meanings(names, wording):
                yield from _links(member, wording, meaning, known)


def meanings(names: Names, wording: Wording) -> list[Meaning]:
    """Return the terms that a wording may mean, by the first of its roles in which it means any."""
    for role in wording.roles:
        if found := names.meanings(wording.text, ROLES[role], wording.field):
            return [_judged(meaning, wording) for meaning in found]
    return []


def _judged(meaning: Meaning, wording: Wording) -> Meaning:
    is_name = wording.kind != TERM and not (wording.kind == SEEN and meaning.role is not GO)
    judged = replace(meaning, predicate=CLOSE_MATCH) if is_name else meaning
    if wording.kind == SAMPLE and meaning.role is CELL_LINE and not _is_curated(meaning):
        return judged if _SAYS_CELLS.search(wording.text) else judged.scaled(ONLY_A_NAME)
    return judged


def _is_curated(meaning: Meaning) -> bool:
    return "semapv:ManualMappingCuration" in meaning.evidence[0].matched


def _links(member: Member, wording: Wording, meaning: Meaning, known: set[str]) -> Iterator[Found]:
    said = Evidence("record", wording.field, wording.text, source="/".join(member.record))
    evidence = (*meaning.evidence, said)
    if wording.iri:
        yield Found(wording.iri, meaning.predicate, meaning.iri, meaning.confidence, evidence, (member.record,))
    if meaning.iri not in known:
        yield Found(member.dataset, meaning.role.about, meaning.iri, meaning.confidence, evidence, (member.record,))


RULE = Rule(
    name="term-of-wording",
    title="Ontology terms of archives' own wordings",
    version=1,
    predicates=(EXACT_MATCH, CLOSE_MATCH, ABOUT, MEASURED, HAS_PHENOTYPE),
    members=members,
    link=link,
    justification="semapv:LexicalMatching",
    references=("ontology", "mappings"),
)
