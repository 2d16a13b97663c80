"""One study in two archives: ``hub:sameStudyAs``, never a merge.

A pair's confidence is the sum of the weights of what its records share and what tells them apart. What an archive
itself says (IDR names the BioImage Archive's accession of a study) is nearly enough; a long title needs one more
agreement, such as an author or the organism; a shared paper needs the same imaging method too, as parts of one study
in two archives share their paper. Two datasets of one archive are never the same study.

Source: https://mapping-commons.github.io/sssom/ (confidence, justification)
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Final

from hub.links import studies
from hub.links.contract import Found, Key, Member, References, Rule
from hub.links.studies import Pair, Side

SAME_STUDY: Final = "https://w3id.org/bioimage-hub/vocab#sameStudyAs"
THRESHOLD: Final = 0.8
CANDIDATE: Final = 0.5
WEIGHTS: Final = {
    "twin": 0.85,
    "data-doi": 0.85,
    "same-title": 0.7,
    "file": 0.7,
    "paper": 0.7,
    "available": 0.6,
    "title": 0.5,
    "related": 0.5,
    "contained-title": 0.45,
    "bytes": 0.3,
    "text": 0.4,
    "near-title": 0.25,
    "people": 0.25,
    "methods": 0.15,
    "named": 0.1,
    "organisms": 0.05,
    "year": 0.05,
    "other-size": -0.05,
    "other-paper": -0.2,
    "crowded": -0.4,
    "other-twin": -0.4,
    "other-organisms": -0.4,
    "other-microscopy": -0.6,
    "numbered": -0.6,
    "same-archive": -2.0,
}


def judged(pair: Pair) -> Found:
    """Return the link between the datasets of two records, whatever its confidence."""
    evidence = studies.weighed(studies.reasons(pair), WEIGHTS)
    return Found(
        subject=pair.one.dataset,
        predicate=SAME_STUDY,
        object=pair.other.dataset,
        confidence=studies.score(evidence),
        evidence=tuple(evidence),
        records=(pair.one.record, pair.other.record),
    )


def link(key: Key, members: Sequence[Member], references: References) -> Iterator[Found]:
    """Yield the links of a block: one for each pair of datasets, by the records that say most."""
    block = [] if studies.is_lonely(key, members) else studies.sides(members)
    best: dict[tuple[str, str], Found] = {}
    for found in (*map(judged, studies.pairs(key, block)), *_one_sided(key, block)):
        known = best.get((found.subject, found.object))
        if known is None or known.confidence < found.confidence:
            best[found.subject, found.object] = found
    yield from (found for found in best.values() if found.confidence >= CANDIDATE)


def _one_sided(key: Key, block: Sequence[Side]) -> Iterator[Found]:
    """Yield links to a dataset that the hub does not have, where a record says that it is the same study."""
    kind, _, name = key.partition(" ")
    if kind != "is" or not block or any(side.name == name for side in block):
        return
    archive = name.partition("/")[0]
    for side in block:
        reference = side.study.references[name]
        why = studies.naming(reference, side.archive, archive)
        if side.archive == archive or why not in WEIGHTS:
            continue
        evidence = studies.weighed([studies.Reason(why, studies.evidence_of(reference, name, side))], WEIGHTS)
        iris = sorted((side.dataset, side.dataset.removesuffix(side.name) + name))
        yield Found(iris[0], SAME_STUDY, iris[1], studies.score(evidence), tuple(evidence), (side.record,))


RULE = Rule(
    name="sameness",
    title="One study in two archives",
    version=1,
    predicates=(SAME_STUDY,),
    members=studies.members,
    link=link,
    threshold=THRESHOLD,
    justification="semapv:CompositeMatching",
    references=("crossreferences",),
    is_symmetric=True,
)
