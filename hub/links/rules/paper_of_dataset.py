"""The papers of a dataset, under their canonical IRI: ``schema:citation``.

From the record itself, where it has another spelling; from what DataCite, Crossref, Europe PMC and EMDB say; and, as
candidates only, from other records that are said to be of the same study.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Final

from hub.links import accessions, papers
from hub.links.contract import Evidence, Found, Key, Member, Membership, Record, References, Rule
from hub.links.papers import CITATION, Paper
from hub.papers import Naming, Papers

# How sure a relation makes it that the paper is the dataset's own.
# Source: https://datacite-metadata-schema.readthedocs.io/en/4.6/appendices/appendix-1/relationType/
CONFIDENCE: Final = {
    "IsSupplementTo": 0.95,
    "IsDocumentedBy": 0.95,
    "IsDescribedBy": 0.95,
    "IsPublishedIn": 0.95,
    "PrimaryCitation": 0.85,
    "IsCitedBy": 0.7,
    "IsReferencedBy": 0.7,
    "IsRelatedTo": 0.5,
    "Cites": 0.5,
    "References": 0.5,
    "IsReviewedBy": 0.3,
}
SAME_STUDY, OTHER_PAPER = 0.6, 0.5
LEAST_SHOWN: Final = 0.3
MOST_REASONS: Final = 10


def members(record: Record, references: References) -> Membership:
    """Return a key for each identifier of the record's papers, for its dataset and for those that it names."""
    dataset = record.dataset
    own = papers.names_of(record)
    found = papers.papers_of(dataset)
    tables = references.get("crossreferences")
    twins = {name for iri in (*(dataset.same_as or []), *(dataset.related or [])) if (name := accessions.of_iri(iri))}
    twins |= {other for other, _, _ in tables.twins(own[0])} if tables is not None else set()
    keys = {f"study {own[0]}", *(iri for paper in found for iri in paper.spellings)}
    keys |= {f"study {name}" for name in twins}
    features = {"names": own, "papers": [paper.feature() for paper in found], "emdb": _entries(record)}
    return Membership(frozenset(keys), features)


def _entries(record: Record) -> list[str]:
    """Return the EMDB entries that a record says were made from its dataset."""
    made = record.dataset.reconstruction or []
    iris = [iri for one in made for iri in (one.id, one.url, *(one.same_as or [])) if iri]
    iris += record.dataset.related or []
    found = {f"emdb/{iri.rstrip('/').rpartition('/')[2].rpartition(':')[2].upper()}" for iri in iris if "emdb" in iri}
    return sorted(one for one in found if one.startswith("emdb/EMD-"))


def link(key: Key, block: Sequence[Member], references: References) -> Iterator[Found]:
    """Yield the papers of the block's datasets."""
    tables: Papers | None = references.get("papers")
    if papers.is_paper(key):
        yield from _canonical(key, block, tables)
        return
    name = key.removeprefix("study ")
    own = [member for member in block if member.features["names"][0] == name]
    others = [member for member in block if member.features["names"][0] != name]
    if own and tables is not None:
        yield from _of_tables(own, tables)
    if own and others:
        yield from _suggested(own, others, tables)
        for dataset in sorted({member.dataset for member in others}):
            yield from _suggested([member for member in others if member.dataset == dataset], own, tables)


def _canonical(key: Key, block: Sequence[Member], tables: Papers | None) -> Iterator[Found]:
    for decision in papers.decide(key, block, tables):
        for member, paper in papers.in_block(block, key):
            if decision.iri != paper.id and decision.iri != key:
                own = Evidence("record", f"{paper.field}.id", key, decision.iri, source="/".join(member.record))
                evidence = (own, decision.evidence)
                records = (member.record, *(one for one in decision.records if one != member.record))
                yield Found(member.dataset, CITATION, decision.iri, decision.confidence, evidence, records)


# --- what tables say -------------------------------------------------------------------------------------------------


def _of_tables(own: Sequence[Member], tables: Papers) -> Iterator[Found]:
    """Yield what tables say of the papers of a dataset, of which there are several records."""
    names = list(dict.fromkeys(name for member in own for name in member.features["names"]))
    has = known_papers(own, tables)
    entries = {entry for member in own for entry in member.features["emdb"]}
    entries |= {entry for entry, _ in tables.entries_of(names[0])}
    namings = [*tables.of_dataset(names, mentions=False), *tables.of_dataset(entries, mentions=False)]
    primary = {naming.paper for naming in namings if naming.dataset in entries}
    best: dict[str, list[tuple[float, Evidence]]] = {}
    for naming in namings:
        sure = CONFIDENCE.get(naming.relation, 0.0)
        if naming.dataset in entries and (len(primary) > 1 or has - primary):
            sure = OTHER_PAPER  # a map may be someone else's, made of the same images
        if sure >= LEAST_SHOWN and tables.data_kind(naming.paper) != "Dataset":
            best.setdefault(naming.paper, []).append((sure, _evidence(naming, sure)))
    for iri, reasons in sorted(best.items()):
        reasons.sort(key=lambda reason: -reason[0])
        if iri not in has or reasons[0][0] >= RULE.threshold:
            evidence = tuple(why for _, why in reasons[:MOST_REASONS])
            yield Found(own[0].dataset, CITATION, iri, reasons[0][0], evidence, tuple(m.record for m in own))


def _evidence(naming: Naming, sure: float) -> Evidence:
    said = f"{naming.relation} ({naming.provider})"
    return Evidence(
        "table", "", naming.written or naming.dataset, naming.paper, said, source=naming.source, weight=sure
    )


def known_papers(own: Sequence[Member], tables: Papers) -> set[str]:
    """Return the canonical IRIs of the papers that records of a dataset have."""
    return {tables.canonical(iri) for member in own for feature in member.features["papers"] for iri in feature[2]}


# --- what other records of the study say -----------------------------------------------------------------------------


def _suggested(bare: Sequence[Member], others: Sequence[Member], tables: Papers | None) -> Iterator[Found]:
    """Yield the papers of a dataset for another one that has none, where records say that they are one study."""
    if any(member.features["papers"] for member in bare):
        return
    for other in others:
        for paper in map(Paper.of, other.features["papers"]):
            best = papers.first_of(paper.spellings)
            if best is not None:
                iri = tables.canonical(best) if tables else best
                said = "the records name one another as of the same study"
                evidence = Evidence("record", f"{paper.field}.id", iri, "", said, source="/".join(other.record))
                yield Found(bare[0].dataset, CITATION, iri, SAME_STUDY, (evidence,), (bare[0].record, other.record))


RULE = Rule(
    name="paper-of-dataset",
    title="Papers of datasets, under one identifier",
    version=1,
    predicates=(CITATION,),
    members=members,
    link=link,
    justification="semapv:DatabaseCrossReference",
    references=("papers", "crossreferences"),
    max_block=5000,
)
