"""Which identifiers are one paper: every spelling leads to the canonical one, by ``schema:sameAs``.

DOI before PubMed before PubMed Central. A paper that a record gives without any identifier is found by its title among
the papers of other records. What is wrong with the identifiers of papers is reported.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Final

from hub.links import accessions, papers
from hub.links.contract import Evidence, Found, Key, Member, Membership, Problem, Record, References, Result, Rule
from hub.links.papers import SAME_AS, Paper
from hub.papers import Papers

BY_TITLE, OTHER_YEAR = 0.85, 0.6
AGENCIES: Final = frozenset({"Crossref", "DataCite"})


def members(record: Record, references: References) -> Membership:
    """Return a key for each identifier and title of the record's papers, and its own."""
    found = papers.papers_of(record.dataset)
    data = [[f"publication[{n}]", one.id] for n, one in enumerate(record.dataset.publication or []) if _is_data(one.id)]
    if not found and not data:
        return Membership(frozenset())
    keys = {record.own_key, *(iri for paper in found for iri in paper.spellings)}
    keys |= {f"title {papers.digest(paper.title)}" for paper in found if paper.title}
    return Membership(frozenset(keys), {"papers": [paper.feature() for paper in found], "data": data})


def _is_data(iri: str) -> bool:
    return accessions.named(iri) is not None


def link(key: Key, block: Sequence[Member], references: References) -> Iterator[Result]:
    """Yield the canonical identifier of what the block is about, or the problems of one record."""
    tables: Papers | None = references.get("papers")
    if key.startswith("title "):
        yield from _by_title(key.removeprefix("title "), block, tables)
    elif papers.is_paper(key):
        yield from _of_identifier(key, block, tables)
    else:
        for member in block:
            yield from _problems(member, tables)


def _of_identifier(key: Key, block: Sequence[Member], tables: Papers | None) -> Iterator[Found]:
    own = tuple(member.record for member in block)
    for decision in papers.decide(key, block, tables):
        if decision.iri != key:
            yield Found(key, SAME_AS, decision.iri, decision.confidence, (decision.evidence,), decision.records or own)
    for other in tables.spellings(key) if tables else ():
        if other not in (key, tables.canonical(key) if tables else key):
            main = tables.canonical(key) if tables else key
            evidence = Evidence("table", "", other, main, source=tables.source_of(other) if tables else "")
            yield Found(other, SAME_AS, main, papers.BY_TABLE, (evidence,), own)


# --- papers without an identifier ------------------------------------------------------------------------------------


def _by_title(digest: str, block: Sequence[Member], tables: Papers | None) -> Iterator[Found]:
    """Yield the paper of that title, where other records give one and only one an identifier."""
    found = [(m, p) for m in block for p in map(Paper.of, m.features["papers"]) if papers.digest(p.title) == digest]
    named: dict[str, list[tuple[Member, Paper]]] = {}
    for member, paper in found:
        best = papers.first_of(paper.spellings)
        if best is not None:
            named.setdefault(tables.canonical(best) if tables else best, []).append((member, paper))
    best_rank = min(map(papers.rank, named), default=0)
    named = {iri: said for iri, said in named.items() if papers.rank(iri) == best_rank}
    for member, paper in found:
        if not paper.spellings:
            for iri, said in sorted(named.items()):
                yield _same_title(member, paper, iri, said, is_only=len(named) == 1)


def _same_title(member: Member, paper: Paper, iri: str, said: list[tuple[Member, Paper]], *, is_only: bool) -> Found:
    other, known = said[0]
    years = {one.year for _, one in said if one.year}
    agrees = not paper.year or not years or any(abs(paper.year - year) <= 1 for year in years)
    sure = BY_TITLE if agrees and is_only else OTHER_YEAR if is_only else papers.UNSURE
    evidence = Evidence("value", f"{paper.field}.name", paper.title, known.title, source="/".join(other.record))
    return Found(paper.id, SAME_AS, iri, sure, (evidence,), (member.record, other.record))


# --- problems --------------------------------------------------------------------------------------------------------


def _problems(member: Member, tables: Papers | None) -> Iterator[Problem]:
    for field, iri in member.features["data"]:
        said = f"{iri} is a dataset and not a paper"
        yield Problem(member.record, f"{field}.id", "dataset-as-paper", iri, said, None)
    for paper in map(Paper.of, member.features["papers"]) if tables else ():
        assert tables is not None
        yield from _of_paper(member, paper, tables)


def _of_paper(member: Member, paper: Paper, tables: Papers) -> Iterator[Problem]:
    place = f"{paper.field}.id"
    mains = {tables.canonical(iri) for iri in paper.spellings if tables.source_of(iri)}
    own = papers.first_of(paper.spellings)
    if own is not None and mains and own not in mains and papers.rank(own) == 0:
        other = sorted(mains)[0]
        wrong = next(iri for iri in paper.spellings if tables.canonical(iri) == other)
        said = f"{wrong} is {other} and not {own}"
        evidence = Evidence("table", place, wrong, other, source=tables.source_of(wrong))
        yield Problem(member.record, place, "paper-identifiers-disagree", wrong, said, other, (evidence,))
    for iri in paper.spellings:
        yield from _of_spelling(member, place, iri, tables)
    work = tables.work(own) if own else None
    if work is not None and work.is_retracted and own is not None:
        said = f"{own} was retracted"
        evidence = Evidence("table", place, own, "retracted", source=", ".join(work.sources))
        yield Problem(member.record, place, "paper-retracted", own, said, None, (evidence,))


def _of_spelling(member: Member, place: str, iri: str, tables: Papers) -> Iterator[Problem]:
    kind, asked = tables.data_kind(iri), tables.asked(iri)
    if kind == "Dataset":
        yield Problem(member.record, place, "dataset-as-paper", iri, f"{iri} is a dataset and not a paper", None)
        return
    if asked is None or asked.is_found or tables.work(iri) is not None or tables.source_of(iri):
        return
    evidence = tuple(Evidence("table", place, iri, "not found", source=source) for source in asked.sources)
    if asked.agency is None:
        said = f"no paper {iri} is known to {' or '.join(asked.sources)}"
        yield Problem(member.record, place, "paper-unresolved", iri, said, None, evidence)
    elif asked.agency not in AGENCIES:
        said = f"{iri} is registered with {asked.agency}, so Crossref and DataCite know nothing of it"
        yield Problem(member.record, place, "doi-of-another-agency", iri, said, None, evidence)


RULE = Rule(
    name="paper-identity",
    title="Which identifiers are one paper",
    version=1,
    predicates=(SAME_AS,),
    members=members,
    link=link,
    justification="semapv:DatabaseCrossReference",
    references=("papers",),
    max_block=5000,
)
