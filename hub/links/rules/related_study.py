"""Parts of one study, and studies that belong together: ``hub:relatedStudy``.

Correlative parts (the electron microscopy of a study in EMPIAR, its light microscopy in the BioImage Archive), several
datasets behind one paper, the parts of a series, and datasets that an archive itself says are related. A pair that
:mod:`hub.links.rules.sameness` finds to be one study is not related as well.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Final

from hub.links import studies
from hub.links.contract import Found, Key, Member, References, Rule
from hub.links.rules import sameness
from hub.links.studies import Pair

RELATED_STUDY: Final = "https://w3id.org/bioimage-hub/vocab#relatedStudy"
CANDIDATE: Final = 0.5
WEIGHTS: Final = {
    "twin": 0.85,
    "related": 0.85,
    "data-doi": 0.8,
    "paper": 0.8,
    "file": 0.8,
    "same-title": 0.65,
    "numbered": 0.6,
    "elsewhere": 0.6,
    "available": 0.6,
    "title": 0.6,
    "named": 0.55,
    "text": 0.5,
    "contained-title": 0.5,
    "near-title": 0.4,
    "begun-title": 0.4,
    "bytes": 0.3,
    "people": 0.25,
    "organisms": 0.05,
    "methods": 0.05,
    "year": 0.05,
    "other-paper": -0.1,
    "other-organisms": -0.1,
}


def judged(pair: Pair) -> Found:
    """Return the link between the datasets of two records, whatever its confidence."""
    evidence = studies.weighed(studies.reasons(pair), WEIGHTS)
    return Found(
        subject=pair.one.dataset,
        predicate=RELATED_STUDY,
        object=pair.other.dataset,
        confidence=studies.score(evidence),
        evidence=tuple(evidence),
        records=(pair.one.record, pair.other.record),
    )


def link(key: Key, members: Sequence[Member], references: References) -> Iterator[Found]:
    """Yield the links of a block: one for each pair of datasets, by the records that say most."""
    best: dict[tuple[str, str], Found] = {}
    same = set()
    block = [] if studies.is_lonely(key, members) else studies.sides(members)
    for pair in studies.pairs(key, block):
        found = judged(pair)
        pair_ = found.subject, found.object
        if sameness.judged(pair).confidence >= sameness.THRESHOLD:
            same.add(pair_)
        if pair_ not in best or best[pair_].confidence < found.confidence:
            best[pair_] = found
    yield from (found for pair_, found in best.items() if pair_ not in same and found.confidence >= CANDIDATE)


RULE = Rule(
    name="related-study",
    title="Parts of one study, and studies that belong together",
    version=1,
    predicates=(RELATED_STUDY,),
    members=studies.members,
    link=link,
    threshold=sameness.THRESHOLD,
    justification="semapv:CompositeMatching",
    references=("crossreferences",),
    is_symmetric=True,
)
