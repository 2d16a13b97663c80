"""What the paper rules have in common: the papers of a record, and which of a paper's identifiers is the canonical one.

Tables decide where one knows the identifier. Else what records say of their own papers does: a record that names a
paper by DOI and PubMed id joins the two for all records.
"""

from __future__ import annotations

import hashlib
import re
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any, Final

from harvesters.references.papers_rows import DOI, PMC, PUBMED
from hub.links import accessions
from hub.links.contract import Evidence, Key, Member, Record, RecordKey
from hub.papers import Papers
from linkml_schemas.generated.model import Dataset, Publication
from ontology.text import fold

SAME_AS: Final = "http://schema.org/sameAs"
CITATION: Final = "http://schema.org/citation"
MENTIONS: Final = "http://schema.org/mentions"
BY_TABLE, BY_RECORD, UNSURE = 0.98, 0.97, 0.5
MOST: Final = 200
LEAST_TITLE_WORDS: Final = 6
MAX_TITLE: Final = 400


@dataclass(frozen=True, slots=True)
class Paper:
    """A paper as a record has it.

    Attributes:
        field: slot of the record, with index.
        id: its IRI there; a node of the record where it has no identifier.
        spellings: IRIs of its identifiers.
        title: its title, folded.
        year: of publication, 0 where unknown.
    """

    field: str
    id: str
    spellings: tuple[str, ...] = ()
    title: str = ""
    year: int = 0

    @classmethod
    def of(cls, feature: Sequence[Any]) -> Paper:
        """Return a paper from its JSON."""
        return cls(feature[0], feature[1], tuple(feature[2]), feature[3], feature[4])

    def feature(self) -> list[Any]:
        """Return it as JSON."""
        return [self.field, self.id, list(self.spellings), self.title, self.year]


@dataclass(frozen=True, slots=True)
class Decision:
    """Which IRI is the canonical one of a paper.

    Attributes:
        iri: the IRI; each one that it may be has its own decision.
        confidence: how sure that is.
        evidence: who says so.
        records: the records that say so.
    """

    iri: str
    confidence: float
    evidence: Evidence
    records: tuple[RecordKey, ...] = ()


def papers_of(dataset: Dataset) -> list[Paper]:
    """Return the papers of a record, without datasets that are given as papers."""
    listed = (dataset.publication or [])[:MOST]
    return [_paper(f"publication[{n}]", one) for n, one in enumerate(listed) if not accessions.named(one.id)]


def _paper(field: str, one: Publication) -> Paper:
    iris = tuple(dict.fromkeys(iri for iri in (one.id, *(one.same_as or [])) if is_paper(iri)))
    words = re.findall(r"[^\W_]+", fold(one.name or ""))
    title = " ".join(words)[:MAX_TITLE] if len(words) >= LEAST_TITLE_WORDS else ""
    return Paper(field, one.id, iris, title, int((one.date_published or "0")[:4]))


def is_paper(iri: str) -> bool:
    """Tell whether an IRI is of a paper's identifier."""
    return iri.startswith((DOI, PUBMED, PMC)) and "#" not in iri


def in_block(members: Sequence[Member], key: Key) -> Iterator[tuple[Member, Paper]]:
    """Yield the papers of a block's records that have an identifier."""
    for member in members:
        for feature in member.features["papers"]:
            if key in feature[2]:
                yield member, Paper.of(feature)


def decide(key: Key, members: Sequence[Member], papers: Papers | None) -> list[Decision]:
    """Return which IRI is the canonical one of the paper with an identifier; several where records disagree.

    Args:
        key: the identifier.
        members: the records that name it.
        papers: the tables.
    """
    if key.startswith(DOI):
        return [Decision(key, 1.0, Evidence("value", "", key))]
    known = papers.canonical(key) if papers else key
    if papers and known != key:
        return [Decision(known, BY_TABLE, Evidence("table", "", key, known, source=papers.source_of(key)))]
    by_record: dict[str, list[tuple[Member, Paper]]] = {}
    for member, paper in in_block(members, key):
        best = first_of(paper.spellings)
        if best is not None and rank(best) < rank(key):
            by_record.setdefault(best, []).append((member, paper))
    best_rank = min(map(rank, by_record), default=0)
    found = {iri: said for iri, said in by_record.items() if rank(iri) == best_rank}
    sure = BY_RECORD if len(found) == 1 else UNSURE
    return [_said(key, iri, sure, said) for iri, said in sorted(found.items())]


def _said(key: str, iri: str, sure: float, said: list[tuple[Member, Paper]]) -> Decision:
    member, paper = said[0]
    evidence = Evidence("record", paper.field, key, iri, source="/".join(member.record), weight=sure)
    return Decision(iri, sure, evidence, tuple(sorted({m.record for m, _ in said})))


def first_of(spellings: Iterable[str]) -> str | None:
    """Return the best of some spellings of a paper: the first DOI, else the PubMed id, else the PubMed Central id."""
    return min(spellings, key=rank, default=None)


def digest(title: str) -> str:
    """Return what stands for a title in a key."""
    return hashlib.sha256(title.encode()).hexdigest()[:16]


def rank(iri: str) -> int:
    """Return the place of an identifier's name space; the least is the best."""
    return next((n for n, start in enumerate((DOI, PUBMED, PMC)) if iri.startswith(start)), 3)


def names_of(record: Record) -> list[str]:
    """Return the names by which tables may have a record's dataset: archive and name, and its DOIs."""
    dataset = record.dataset
    own = dataset.id.rpartition("/dataset/")[2]
    return [own, *(iri for iri in dataset.same_as or [] if iri.startswith(DOI))]
