"""Which ORCID iD a person without one has: ``schema:sameAs``, from another record where the same person has it.

People are compared who share the last word of the family name and the first initial. A name is never enough: a fact
needs a shared affiliation, co-authors, a paper, or another description of the same dataset beside it. Where several iDs
stand under one name, all are candidates, the likeliest first.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from dataclasses import replace
from functools import lru_cache
from typing import Any, Final, NamedTuple

from hub.links import people
from hub.links.contract import NOTHING, Evidence, Found, Key, Member, Membership, Record, References, Rule
from hub.links.people import ORCID, Name
from ontology.organisations import name_key

THRESHOLD: Final = 0.8
CANDIDATE: Final = 0.4
AMBIGUOUS: Final = 0.7
NAMES: Final = {"same": 0.45, "initials": 0.25}
DATASET, PAPER, PLACE, EMPLOYER = 0.5, 0.4, 0.35, 0.3
COMPANY: Final = (0.0, 0.15, 0.3, 0.4)
CROWD: Final = 4
CROWDED: Final = -0.1
MOST_PEOPLE: Final = 300
MOST_LINKS: Final = 5
# Parts of affiliations that many institutions share when a comma separates their campus
_TOO_WIDE: Final = frozenset({"university of california", "university of texas", "chinese academy of sciences"})
_INSTITUTION: Final = re.compile(r"\b(?:universi|hospital|college|academ|laborator|max planck|council|national)")


class One(NamedTuple):
    """A person of a record, as features have it."""

    field: str
    iri: str
    written: str
    given: str | None
    family: str | None
    places: list[str]
    also: list[str]
    employers: list[str]

    @property
    def name(self) -> Name:
        """The name for comparison."""
        return people.read(self.written, self.given, self.family)

    @property
    def slot(self) -> str:
        """Author, principal investigator or contact."""
        return self.field.partition("[")[0]


class Holder(NamedTuple):
    """One place where an ORCID iD stands under a name that agrees."""

    member: Member
    one: One
    agreement: str


def members(record: Record, references: References) -> Membership:
    """Return the names of a record's people as keys; its people, papers and the keys of its people as features."""
    told = people.people_of(record)[:MOST_PEOPLE]
    listed = [one for one in (_one(person, references) for person in told) if not _is_misplaced(one)]
    keys = set()
    for one in listed:
        names = [one.name, *map(people.read, one.also)]
        keys |= {name.key for name in names} | {n.swapped.key for n in names if one.iri.startswith(ORCID)}
    papers = [iri for paper in record.dataset.publication or () for iri in (paper.id, *(paper.same_as or ()))]
    known = [iri for iri in papers if "#" not in iri]
    company = sorted({one.name.key for one in listed} - {""})
    return Membership(frozenset(keys - {""}), [listed, known, company]) if listed else NOTHING


def _one(told: people.Told, references: References) -> One:
    *_, places = told
    register, tables = references.get("people"), references.get("organisations")
    holder = register.holder(told[1]) if register and told[1].startswith(ORCID) else None
    keys = {key for iri, name in places for key in _places(iri, name, tables)}
    jobs = {key for name, ror in holder.employers for key in _places(ror or "", name, tables)} if holder else set()
    also = [name for name in holder.names if name != told[2]] if holder else []
    return One(*told[:5], sorted(keys), also, sorted(jobs))


def _is_misplaced(one: One) -> bool:
    """True if the iD is another person's by ORCID's own record: nobody is to be found by it."""
    names = [people.read(name) for name in one.also]
    return bool(names) and all(people.compare(one.name, name) == "different" for name in names)


def _places(iri: str, name: str, tables: Any) -> Iterator[str]:
    """Yield what two affiliations are compared by: ROR IRIs, and the words of what is called an institution."""
    if iri.startswith("https://ror.org/"):
        yield iri
    elif tables:
        found = {
            match.id for match in tables.matches(name) if match.in_country is not False and match.kind != "acronym"
        }
        yield from found if len(found) == 1 else ()
    yield from _institutions(name)


@lru_cache(maxsize=4096)
def _institutions(name: str) -> tuple[str, ...]:
    parts = [key for part in re.split(r"[,;()]", name) if (key := name_key(part))]
    return tuple(
        dict.fromkeys(key for key in parts if (_INSTITUTION.search(key) or len(parts) == 1) and key not in _TOO_WIDE)
    )


def link(key: Key, block: Sequence[Member], references: References) -> Iterator[Found]:
    """Yield the iDs that people of one name may have; each person is linked under the key of its own name alone."""
    listed = [(member, One(*features)) for member in block for features in member.features[0]]
    holders: dict[str, list[tuple[Member, One]]] = {}
    for member, one in listed:
        if one.iri.startswith(ORCID):
            holders.setdefault(one.iri, []).append((member, one))
    if not holders:
        return
    named = {name.given[0] for _, one in listed if (name := one.name).key == key and len(name.given[0]) > 1}
    for member, one in listed:
        if not one.iri.startswith(ORCID) and one.name.key == key:
            yield from _links(member, one, holders, is_common=len(named) >= CROWD)


def _links(
    member: Member, one: One, holders: dict[str, list[tuple[Member, One]]], *, is_common: bool
) -> Iterator[Found]:
    found = []
    for iri, places in holders.items():
        near = [Holder(m, other, agreement) for m, other in places if (agreement := _agreement(one, other))]
        if near and not _is_beside(member, one, near):
            found.append(_found(member, one, iri, near, is_common=is_common))
    found.sort(key=lambda link: (-link.confidence, link.object))
    rivals = [link.object for link in found]
    for link in found[:MOST_LINKS]:
        if len(found) > 1:
            others = ", ".join(iri for iri in rivals if iri != link.object)
            confidence = min(link.confidence, AMBIGUOUS)
            weight = round(confidence - link.confidence, 2)
            against = Evidence("against", f"{one.field}.name", one.written, others, weight=weight)
            link = replace(link, confidence=confidence, evidence=(*link.evidence, against))
        if link.confidence >= CANDIDATE:
            yield link


def _agreement(one: One, other: One) -> str:
    """Return how a name agrees with any name of a holder: ``same``, ``initials`` or nothing."""
    found = {people.compare(one.name, name) for name in (other.name, *map(people.read, other.also))}
    return next((agreement for agreement in NAMES if agreement in found), "")


def _is_beside(member: Member, one: One, near: Sequence[Holder]) -> bool:
    """True if the iD's holder stands in the same list of the same record, so that they are two people."""
    return any(h.member.record == member.record and h.one.slot == one.slot for h in near)


def _found(member: Member, one: One, iri: str, near: Sequence[Holder], *, is_common: bool) -> Found:
    best: dict[str, Evidence] = {}
    for holder in near:
        for kind, reason in _reasons(member, one, holder):
            if kind not in best or best[kind].weight < reason.weight:
                best[kind] = reason
    if "place" in best:
        best.pop("employer", None)
    evidence = tuple(sorted(best.values(), key=lambda reason: -reason.weight))
    if is_common:
        told = Evidence("against", f"{one.field}.name", one.written, "a family name of many people", weight=CROWDED)
        evidence = (*evidence, told)
    score = round(min(1.0, sum(reason.weight for reason in evidence)), 2)
    sources = {reason.source for reason in evidence}
    others = [
        h.member.record for h in near if "/".join(h.member.record) in sources and h.member.record != member.record
    ]
    return Found(one.iri, people.SAME_AS, iri, score, evidence, tuple(dict.fromkeys((member.record, *sorted(others)))))


def _reasons(member: Member, one: One, holder: Holder) -> Iterator[tuple[str, Evidence]]:
    other, source = holder.one, "/".join(holder.member.record)
    weight = NAMES[holder.agreement]
    yield "name", Evidence("value", f"{one.field}.name", one.written, other.written, source=source, weight=weight)
    if shared := sorted(set(one.places) & set(other.places)):
        field = f"{one.field}.affiliation"
        yield "place", Evidence("value", field, shared[0], shared[0], source=source, weight=PLACE)
    if shared := sorted(set(one.places) & set(other.employers)):
        field = f"{one.field}.affiliation"
        yield "employer", Evidence("table", field, shared[0], shared[0], source="ORCID", weight=EMPLOYER)
    if member.dataset == holder.member.dataset:
        yield "dataset", Evidence("record", one.field, one.written, other.field, source=source, weight=DATASET)
        return
    if shared := sorted(set(member.features[1]) & set(holder.member.features[1])):
        yield "paper", Evidence("value", "publication", shared[0], shared[0], source=source, weight=PAPER)
    company = sorted(_company(member, one.name.key) & _company(holder.member, one.name.key))
    if company:
        weight, told = COMPANY[min(len(company), 3)], "; ".join(company[:5])
        yield "company", Evidence("value", one.slot, told, told, source=source, weight=weight)


def _company(member: Member, key: str) -> set[str]:
    return set(member.features[2]) - {key}


RULE = Rule(
    name="person-identity",
    title="Which ORCID iD a person has",
    version=1,
    predicates=(people.SAME_AS,),
    members=members,
    link=link,
    threshold=THRESHOLD,
    justification="semapv:CompositeMatching",
    references=("people", "organisations"),
    max_block=500,
)
