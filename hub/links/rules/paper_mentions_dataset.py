"""Papers whose text names a dataset: ``schema:mentions``, with the sentence; and papers that datasets lack.

A paper that names a dataset without any paper is a candidate for its ``schema:citation``, a good one where an author is
among the dataset's. Where the dataset has a paper already, another one that names it has most likely used it again.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from itertools import groupby
from typing import Final

from harvesters.references.papers_rows import DOI
from hub.links import papers
from hub.links.contract import Evidence, Found, Key, Member, Membership, Record, References, Rule
from hub.links.papers import CITATION, MENTIONS
from hub.links.studies import initialled
from hub.papers import Naming, Papers, Work
from linkml_schemas.generated.model import Person

WITH_SENTENCE, WITHOUT_SENTENCE = 0.9, 0.75
SHARED_AUTHOR, NO_SHARED_AUTHOR = 0.75, 0.5
MOST_PASSAGES: Final = 3
MOST_AUTHORS: Final = 100


def members(record: Record, references: References) -> Membership:
    """Return a key for the dataset, and by what it, its papers and its authors are known."""
    people = [one for one in (record.dataset.author or [])[:MOST_AUTHORS] if isinstance(one, Person)]
    found, own = papers.papers_of(record.dataset), papers.names_of(record)
    features = {
        "names": own,
        "papers": [paper.feature() for paper in found],
        "authors": sorted({initialled(one) for one in people} - {""}),
        "orcids": sorted(one.id for one in people if one.id.startswith("https://orcid.org/")),
    }
    return Membership(frozenset({own[0]}), features)


def link(key: Key, block: Sequence[Member], references: References) -> Iterator[Found]:
    """Yield what the texts of papers say of a dataset."""
    tables: Papers | None = references.get("papers")
    if tables is None:
        return
    names = dict.fromkeys(name for member in block for name in member.features["names"])
    namings = sorted(tables.of_dataset(names, mentions=True), key=lambda one: one.paper)
    for iri, told in groupby(namings, key=lambda one: one.paper):
        yield from _of_paper(block, iri, list(told), tables)


def _of_paper(block: Sequence[Member], iri: str, told: list[Naming], tables: Papers) -> Iterator[Found]:
    told.sort(key=lambda one: (one.written.casefold() not in one.quote.casefold(), not one.quote, one.section))
    sure = WITH_SENTENCE if told[0].written.casefold() in told[0].quote.casefold() else WITHOUT_SENTENCE
    passages = tuple(_passage(one) for one in told[:MOST_PASSAGES])
    dataset, records = block[0].dataset, tuple(member.record for member in block)
    yield Found(iri, MENTIONS, dataset, sure, passages, records)
    if not any(member.features["papers"] for member in block):
        shared = _shared(block, tables.work(iri))
        sure = SHARED_AUTHOR if shared else NO_SHARED_AUTHOR
        yield Found(dataset, CITATION, iri, sure, (*shared, *passages), records)


def _passage(naming: Naming) -> Evidence:
    said = f"{naming.provider}, {naming.section}" if naming.section else naming.provider
    start = naming.quote.casefold().find(naming.written.casefold())
    return Evidence(
        kind="text",
        field="",
        value=naming.written,
        matched=said,
        quote=naming.quote,
        start=start if start >= 0 and naming.quote else None,
        source=naming.source,
    )


def _shared(block: Sequence[Member], work: Work | None) -> tuple[Evidence, ...]:
    """Return the authors that a paper has in common with a dataset as evidence."""
    people = work.authors if work else ()
    orcids = {iri for _, iri in people if iri} & {iri for member in block for iri in member.features["orcids"]}
    names = {initialled(Person(id=DOI, name=name)) for name, _ in people}
    names &= {name for member in block for name in member.features["authors"]}
    if work is None or not orcids | names:
        return ()
    said, source = ", ".join(sorted(orcids or names)), ", ".join(work.sources)
    return (Evidence("value", "author", said, "authors of the paper", source=source, weight=0.25),)


RULE = Rule(
    name="paper-mentions-dataset",
    title="Papers whose text names a dataset",
    version=1,
    predicates=(MENTIONS, CITATION),
    members=members,
    link=link,
    justification="semapv:LexicalMatching",
    references=("papers",),
)
