"""Which organisation of the registry an affiliation, author, publisher or funder is: ``schema:sameAs`` its ROR IRI.

The whole text or a part of it must be a name of the organisation. A part behind others ("Department of X, University of
Y") is a little less sure, an acronym needs its country beside it, and where several organisations fit, all are
candidates. A ROR identifier that was withdrawn is reported with what took its place.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from hub.links import people
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
from hub.organisations import Match, Organisations

ROR = "https://ror.org/"
THRESHOLD = 0.8
NAMES = {"label": 0.95, "alias": 0.9, "acronym": 0.55}
NESTED, IN_COUNTRY, ELSEWHERE, AMBIGUOUS = -0.08, 0.35, -0.6, 0.45
MOST = 300


def members(record: Record, references: References) -> Membership:
    """Return the record's own key, and its organisations once each."""
    found: dict[str, list[str]] = {}
    for field, one in people.organisations_of(record):
        found.setdefault(one.id, [field, one.id, one.name])
    listed = list(found.values())[:MOST]
    return Membership(frozenset({record.own_key}), listed) if listed else NOTHING


def link(key: Key, block: Sequence[Member], references: References) -> Iterator[Result]:
    """Yield the ROR IRI of each organisation."""
    tables: Organisations | None = references.get("organisations")
    if tables is None:
        return
    for member in block:
        for field, iri, name in member.features:
            if iri.startswith(ROR):
                yield from _withdrawn(tables, member, field, iri)
            else:
                yield from _links(tables.matches(name), member, (field, iri, name), tables)


def _links(
    matches: Sequence[Match], member: Member, about: tuple[str, str, str], tables: Organisations
) -> Iterator[Found]:
    field, iri, name = about
    scored = {match.id: (_score(match), match) for match in reversed(matches)}
    likely = [one for one in scored.values() if one[0] > 0]
    best = _decided(likely, tables)
    for score, match in likely:
        confidence = score if match is best else min(score, AMBIGUOUS)
        told = f"{match.kind} {match.name!r} of {match.id}"
        reasons = [Evidence("table", f"{field}.name", name, told, match.part, source=match.source, weight=score)]
        if match is not best:
            others = ", ".join(sorted(one.id for _, one in likely if one is not match))
            reasons.append(Evidence("against", f"{field}.name", name, others, weight=round(confidence - score, 2)))
        yield Found(iri, people.SAME_AS, match.id, round(confidence, 2), tuple(reasons), (member.record,))


def _score(match: Match) -> float:
    place = {True: IN_COUNTRY if match.kind == "acronym" else 0.0, False: ELSEWHERE, None: 0.0}[match.in_country]
    return round(NAMES[match.kind] + place + (0 if match.is_whole else NESTED), 2)


def _decided(likely: Sequence[tuple[float, Match]], tables: Organisations) -> Match | None:
    """Return the only organisation that fits, the only one in its country, or the part of the others."""
    here = [match for _, match in likely if match.in_country]
    for fitting in ([match for _, match in likely], here):
        if len(fitting) == 1:
            return fitting[0]
    above = {parent for _, match in likely for parent in _parents(tables, match.id)}
    below = [match for _, match in likely if match.id not in above]
    return below[0] if len(below) == 1 else None


def _parents(tables: Organisations, iri: str) -> Sequence[str]:
    known = tables.organisation(iri)
    return known.parents if known else ()


def _withdrawn(tables: Organisations, member: Member, field: str, iri: str) -> Iterator[Problem]:
    known = tables.organisation(iri)
    if known is None or known.status != "withdrawn":
        return
    current = [one for one in tables.current(iri) if one != iri]
    became = f"became {' and '.join(current)}" if current else "has no successor"
    reason = Evidence("table", f"{field}.id", iri, became, source=known.source, weight=1.0)
    message = f"ROR withdrew {iri} ({known.name}); it {became}"
    suggestion = current[0] if len(current) == 1 else None
    yield Problem(member.record, f"{field}.id", "ror-withdrawn", iri, message, suggestion, (reason,))


RULE = Rule(
    name="organisation-identity",
    title="Which organisation an affiliation is",
    version=1,
    predicates=(people.SAME_AS,),
    members=members,
    link=link,
    threshold=THRESHOLD,
    justification="semapv:LexicalMatching",
    references=("organisations",),
)
