"""ORCID iDs that cannot be right: one on two people, or two on one person of a record.

The names under one iD are put into groups that share a word of a name; other spellings, initials, another order,
accents, transliterations and a new family name beside the same given name never part them, nor does another script.
Where two groups remain, the one that ORCID's own record names is right, else the one with most datasets; with as many
on both sides all are reported.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any, NamedTuple

from hub.links import people
from hub.links.contract import NOTHING, Evidence, Key, Member, Membership, Problem, Record, References, Rule
from hub.links.people import ORCID, Name

OTHER = "orcid-of-another-person"
TWO = "person-with-two-orcids"


class Use(NamedTuple):
    """One place where an iD stands."""

    member: Member
    field: str
    written: str
    name: Name


def members(record: Record, references: References) -> Membership:
    """Return the iDs of a record, and its own key where two stand beside one full name."""
    listed = [list(told[:5]) for told in people.people_of(record) if told[1].startswith(ORCID)]
    if not listed:
        return NOTHING
    keys = {str(told[1]) for told in listed}
    if any(True for _ in _doubles(listed)):
        keys.add(record.own_key)
    return Membership(frozenset(keys), listed)


def link(key: Key, block: Sequence[Member], references: References) -> Iterator[Problem]:
    """Yield what is wrong with one iD, or within one record."""
    if not key.startswith(ORCID):
        for member in block:
            for first, second in _doubles(member.features):
                yield _double(member, first, second)
        return
    uses = [
        Use(member, one[0], one[2], people.name_of(one)) for member in block for one in member.features if one[1] == key
    ]
    register = references.get("people")
    names = list(register.names(key)) if register else []
    groups = _groups(uses)
    right = _right(groups, [people.read(name) for name in names])
    if len(groups) > 1 or names:
        for group in groups:
            if group not in right:
                others = [use for other in groups if other is not group for use in other]
                yield from (_problem(key, use, others, names) for use in group)


def _groups(uses: Sequence[Use]) -> list[list[Use]]:
    groups: list[list[Use]] = []
    for use in uses:
        near = [group for group in groups if any(_agree(use.name, other.name) for other in group)]
        groups = [group for group in groups if group not in near] + [[*(u for group in near for u in group), use]]
    return groups


def _agree(one: Name, other: Name) -> bool:
    return people.compare(one, other) != "different"


def _right(groups: list[list[Use]], names: list[Name]) -> list[list[Use]]:
    """Return the groups whose name is the holder's; none where nothing tells."""
    if names:
        return [group for group in groups if any(_agree(use.name, name) for use in group for name in names)]
    sizes = [len({use.member.dataset for use in group}) for group in groups]
    best = [group for group, size in zip(groups, sizes, strict=True) if size == max(sizes)]
    return best if len(best) == 1 else []


def _problem(iri: str, use: Use, others: Sequence[Use], names: Sequence[str]) -> Problem:
    told = [Evidence("table", use.field, use.written, name, source="ORCID", weight=1.0) for name in names[:1]]
    seen = {(other.member.record, other.written): other for other in others}
    told += [
        Evidence("record", use.field, use.written, other.written, source="/".join(other.member.record), weight=0.5)
        for other in list(seen.values())[:5]
    ]
    rivals = sorted({other.written for other in others})
    where = sorted({"/".join(other.member.record) for other in others})
    parts = [f"is that of {names[0]!r} by ORCID's own record"] if names else []
    if rivals:
        parts.append(f"stands with {' and '.join(map(repr, rivals[:3]))} in {', '.join(where[:5])}")
    message = f"the ORCID iD of {use.written!r} {' and '.join(parts)}: one of them has another person's"
    if names:
        message = f"the ORCID iD of {use.written!r} {' and '.join(parts)}"
    return Problem(use.member.record, f"{use.field}.id", OTHER, iri, message, None, tuple(told))


def _doubles(listed: Sequence[Any]) -> Iterator[tuple[Any, Any]]:
    for number, one in enumerate(listed):
        for other in listed[number + 1 :]:
            name = people.name_of(one)
            is_full = bool(name.given) and len(name.given[0]) > 1
            if one[1] != other[1] and is_full and people.name_of(other) in (name, name.swapped):
                yield one, other


def _double(member: Member, first: Any, second: Any) -> Problem:
    message = f"{second[2]!r} stands in one record with {first[1]} and with {second[1]}: one person has one ORCID iD"
    reason = Evidence("value", second[0], second[2], first[2], source="/".join(member.record), weight=1.0)
    return Problem(member.record, f"{second[0]}.id", TWO, second[1], message, first[1], (reason,))


RULE = Rule(
    name="orcid-conflicts",
    title="ORCID iDs that stand with the wrong person",
    version=1,
    predicates=(),
    members=members,
    link=link,
    justification="semapv:LexicalMatching",
    references=("people",),
    max_block=200,
)
