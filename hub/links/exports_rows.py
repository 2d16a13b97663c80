"""What exports are made of: each dataset once, with its papers, ordered by IRI, in bounded memory."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from itertools import groupby
from typing import Final

import sqlalchemy as sa
from sqlalchemy.engine import Connection

from hub import log as log_tables
from hub import records
from hub.links import catalogue
from hub.links.catalogue import LinkRow, Links
from hub.log import RecordRow
from hub.routes import Precedence, Rank
from linkml_schemas.generated.model import Dataset
from ontology import iris

CITATION: Final = "http://schema.org/citation"
TITLE: Final = "http://schema.org/name"
SAME_AS: Final = "http://schema.org/sameAs"
DOI: Final = "https://doi.org/"
PUBMED: Final = "https://pubmed.ncbi.nlm.nih.gov/"
PMC: Final = "https://www.ncbi.nlm.nih.gov/pmc/articles/"
_PAPERS: Final = (DOI, PUBMED, PMC)
_BATCH: Final = 200
# A paper has three spellings, and a preprint's beside them; a longer chain is a mistake in somebody's data.
_HOPS: Final = 3


@dataclass(frozen=True, slots=True)
class Paper:
    """A paper of a dataset, under every spelling that is known.

    Attributes:
        iri: the spelling that the dataset is linked with; by DOI where it has several.
        doi: without ``https://doi.org/``; None where none is known.
        pmid: PubMed number.
        pmcid: PubMed Central number with ``PMC``.
        title: where a record gives it.
        since: when the link was first made, ISO 8601.
        by: rules that say so.
    """

    iri: str
    doi: str | None
    pmid: str | None
    pmcid: str | None
    title: str | None
    since: str
    by: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Row:
    """A dataset of the hub, and what it is linked with.

    Attributes:
        iri: the dataset's.
        archive: name of its archive.
        accession: of the record that is shown first.
        record: that record.
        papers: facts only.
        links: every fact of which it is subject, asserted or found; empty unless asked for.
    """

    iri: str
    archive: str
    accession: str
    record: Dataset
    papers: tuple[Paper, ...] = ()
    links: tuple[LinkRow, ...] = field(default=())


def rows(links: Links, order: Precedence, *, whole: bool = False) -> Iterator[Row]:
    """Yield every dataset with an active record.

    Args:
        links: the catalogue's links.
        order: whose record is shown where several describe a dataset.
        whole: also give every link of each dataset, not the papers only.
    """
    table, after = log_tables.records, ""
    is_active = table.c.state == "active"
    while True:
        query = sa.select(table.c.iri).where(is_active & (table.c.iri > after)).distinct()
        with links.engine.connect() as db:
            wanted = list(db.scalars(query.order_by(table.c.iri).limit(_BATCH)))
            if not wanted:
                return
            yield from _made(db, wanted, _facts(db, wanted, whole=whole), order, whole=whole)
        after = wanted[-1]


def of_links(links: Links, wanted: Iterable[LinkRow], order: Precedence) -> list[Row]:
    """Return the datasets with an active record that some links lead from to papers, with these papers only."""
    facts: dict[str, list[LinkRow]] = defaultdict(list)
    for link in wanted:
        if link.predicate == CITATION and link.status == "fact":
            facts[link.subject].append(link)
    made: list[Row] = []
    with links.engine.connect() as db:
        for part in catalogue.chunks(sorted(facts), _BATCH):
            made += _made(db, part, facts, order, whole=False)
    return made


def count(links: Links) -> int:
    """Return how many datasets have an active record."""
    table = log_tables.records
    query = sa.select(sa.func.count(table.c.iri.distinct())).where(table.c.state == "active")
    with links.engine.connect() as db:
        return int(db.scalar(query) or 0)


def _made(
    db: Connection, wanted: list[str], facts: Mapping[str, list[LinkRow]], order: Precedence, *, whole: bool
) -> Iterator[Row]:
    table = log_tables.records
    query = sa.select(table).where(table.c.iri.in_(wanted) & (table.c.state == "active")).order_by(table.c.iri)
    several = groupby([RecordRow(*row) for row in db.execute(query)], lambda row: row.iri)
    cited = {link.object for iri in wanted for link in facts.get(iri, ()) if link.predicate == CITATION}
    spellings = same_as(db, cited)
    for iri, group in several:
        first = min(group, key=lambda row: rank(order, row.iri, row.source, row.accession))
        record: Dataset = records.from_json(first.record)
        archive = iri.rpartition("/dataset/")[2].partition("/")[0]
        said = facts.get(iri, [])
        papers = _papers(said, spellings, record)
        yield Row(iri, archive, first.accession, record, papers, tuple(said) if whole else ())


def rank(order: Precedence, dataset: str, source: str, accession: str) -> Rank:
    """Return the place of a record among those of its dataset; the least is shown, as its page does with the title."""
    return order.rank(dataset, iris.source_graph(order.base, source, accession), TITLE)


def _facts(db: Connection, subjects: list[str], *, whole: bool) -> dict[str, list[LinkRow]]:
    table = catalogue.links
    wanted = table.c.subject.in_(subjects) & (table.c.status == "fact") & (table.c.kind == "link")
    if not whole:
        wanted &= table.c.predicate == CITATION
    found: dict[str, list[LinkRow]] = defaultdict(list)
    for row in db.execute(sa.select(table).where(wanted).order_by(table.c.subject, table.c.object, table.c.rule)):
        found[row.subject].append(LinkRow(*row))
    return found


def same_as(db: Connection, papers: Iterable[str]) -> dict[str, frozenset[str]]:
    """Return every spelling of each of some papers, itself among them, as facts of ``schema:sameAs`` say."""
    groups = {paper: {paper} for paper in papers}
    table = catalogue.links
    said = (table.c.predicate == SAME_AS) & (table.c.status == "fact")
    new = set(groups)
    for _ in range(_HOPS):
        pairs: set[tuple[str, str]] = set()
        for part in catalogue.chunks(sorted(new), 500):
            ends = table.c.subject.in_(part) | table.c.object.in_(part)
            found = db.execute(sa.select(table.c.subject, table.c.object).where(said & ends))
            pairs |= {(s, o) for s, o in found if s.startswith(_PAPERS) and o.startswith(_PAPERS)}
        new = {end for pair in pairs for end in pair} - groups.keys()
        for one, other in pairs:
            merged = groups.get(one, {one}) | groups.get(other, {other})
            groups.update(dict.fromkeys(merged, merged))
    return {paper: frozenset(group) for paper, group in groups.items()}


def _papers(said: Iterable[LinkRow], spellings: dict[str, frozenset[str]], record: Dataset) -> tuple[Paper, ...]:
    titles = {p.id: p.name for p in record.publication or []}
    groups: dict[frozenset[str], list[LinkRow]] = defaultdict(list)
    for link in said:
        if link.predicate == CITATION and link.object.startswith(_PAPERS):
            groups[spellings[link.object]].append(link)
    return tuple(_paper(group, links, titles) for group, links in groups.items())


def _paper(group: frozenset[str], links: list[LinkRow], titles: dict[str, str | None]) -> Paper:
    linked = sorted((link.object for link in links), key=lambda iri: (not iri.startswith(DOI), iri))
    return Paper(
        iri=linked[0],
        doi=_one(group, DOI),
        pmid=_one(group, PUBMED),
        pmcid=_one(group, PMC),
        title=next((title for iri in sorted(group) if (title := titles.get(iri))), None),
        since=min(link.first_seen for link in links),
        by=tuple(sorted({link.rule for link in links})),
    )


def _one(group: frozenset[str], space: str) -> str | None:
    """Return the paper's identifier in a name space; of several a journal's before a preprint server's."""
    found = sorted((iri for iri in group if iri.startswith(space)), key=lambda iri: (_is_preprint(iri), iri))
    return found[0].removeprefix(space) if found else None


def _is_preprint(iri: str) -> bool:
    return iri.startswith((f"{DOI}10.1101/", f"{DOI}10.48550/", f"{DOI}10.21203/"))


def data_doi(record: Dataset) -> str | None:
    """Return a dataset's own DOI, or None."""
    dois = [iri for iri in record.same_as or [] if iri.startswith(DOI)]
    return dois[0].removeprefix(DOI) if dois else None
