"""Datasets whose description names another dataset's accession: ``schema:mentions``, with the sentence.

A named dataset that the hub does not have gives no link; what was read stays with the record, so the link comes as soon
as that dataset does.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator, Sequence
from dataclasses import asdict
from typing import Any, Final

from hub.links import accessions
from hub.links.contract import Evidence, Found, Key, Member, Membership, Record, References, Rule
from hub.links.studies import name_of

MENTIONS: Final = "http://schema.org/mentions"
CONFIDENCE: Final = 0.95
MOST_NAMED: Final = 100
MOST_PASSAGES: Final = 3


def members(record: Record, references: References) -> Membership:
    """Return the datasets that a record names, and its own: under each it meets the others that name it."""
    own = name_of(record.dataset.id)
    passages: dict[str, list[dict[str, Any]]] = defaultdict(list)
    for mention in accessions.mentions(record.dataset):
        if mention.dataset != own and len(passages[mention.dataset]) < MOST_PASSAGES:
            passages[mention.dataset].append(asdict(mention))
    kept = dict(list(passages.items())[:MOST_NAMED])
    return Membership(frozenset({own, *kept}), kept or None)


def link(key: Key, members: Sequence[Member], references: References) -> Iterator[Found]:
    """Yield a link from every dataset that names the block's to that one, if the hub has it."""
    named = next((m.dataset for m in members if name_of(m.dataset) == key), None)
    told: dict[str, list[Member]] = defaultdict(list)
    for member in members:
        if named and member.dataset != named and key in (member.features or {}):
            told[member.dataset].append(member)
    for dataset, own in told.items():
        evidence = tuple(_evidence(member, passage) for member in own for passage in member.features[key])
        yield Found(dataset, MENTIONS, str(named), CONFIDENCE, evidence, tuple(member.record for member in own))


def _evidence(member: Member, passage: dict[str, Any]) -> Evidence:
    return Evidence(
        kind="text",
        field=passage["field"],
        value=passage["written"],
        matched=passage["dataset"],
        quote=passage["quote"],
        start=passage["start"],
        source="/".join(member.record),
        weight=CONFIDENCE,
    )


RULE = Rule(
    name="accession-mentioned",
    title="Datasets named in the text of others",
    version=1,
    predicates=(MENTIONS,),
    members=members,
    link=link,
    justification="semapv:LexicalMatching",
    max_block=5000,
)
