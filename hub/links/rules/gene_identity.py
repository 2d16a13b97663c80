"""Which gene an archive's gene is: identifiers of all name spaces, and symbols within their species.

A retired identifier is linked to what it became. An ambiguous symbol or identifier gives candidates; a symbol that no
table has in its species is reported with what it may have been meant to be, and never linked to another species' gene.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence

from hub.genes import Genes, Resolution
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
from hub.links.genes import EXACT_MATCH, Named, form_of, genes_of, long
from ontology import geneids

CONFIDENCE = {
    "identifier": 0.99, "approved": 0.97, "systematic": 0.97, "symbol": 0.92, "previous": 0.9, "alias": 0.85,
    "withdrawn": 0.7,
}  # fmt: skip
AMBIGUOUS = 0.4
MOST_SUGGESTED = 100
_MONTHS = "JAN|FEB|MAR(?:CH)?|APR|MAY|JUN|JUL|AUG|SEPT?|OCT|NOV|DEC"
DATE = re.compile(rf"({_MONTHS})-?(\d{{1,2}})(?:_[A-Z]{{3,5}})?|(\d{{1,2}})-({_MONTHS})", re.IGNORECASE)
# What the months' symbols are called since 2020. Source: https://doi.org/10.1038/s41588-020-0669-3
RENAMED = {"SEP": "SEPTIN", "MAR": "MARCHF", "DEC": "DELEC", "OCT": "POU"}


def members(record: Record, references: References) -> Membership:
    """Return the record's own key, and the genes that it names."""
    genes = genes_of(record)
    return Membership(frozenset({record.own_key}), genes) if genes else NOTHING


def link(key: Key, block: Sequence[Member], references: References) -> Iterator[Result]:
    """Yield the main identifier of each gene, and what is wrong with identifiers and symbols."""
    tables: Genes | None = references.get("genes")
    if tables is None:
        return
    for member in block:
        room = MOST_SUGGESTED
        for number, iri, symbol, taxon in member.features:
            for result in _of_gene(tables, member, (number, long(iri), symbol, taxon), room):
                room -= isinstance(result, Problem)
                yield result


def _of_gene(tables: Genes, member: Member, gene: Named, room: int) -> Iterator[Result]:
    number, iri, symbol, taxon = gene
    field = f"gene_annotation[{number}].gene"
    form = form_of(iri)
    if form is not None and geneids.is_product(form):
        return
    found = tables.by_id(form, iri) if form else _by_symbol(tables, symbol, taxon)
    evidence = found.evidence if form else (Evidence("record", f"{field}.symbol", symbol or ""), *found.evidence)
    confidence = CONFIDENCE.get(found.tier, 0) if found.gene and (form or taxon) else AMBIGUOUS
    for other in found.genes:
        if other != iri:
            yield Found(iri, EXACT_MATCH, other, confidence, evidence, (member.record,))
    if form and found.is_retired:
        yield _retired(member, field, form, found)
    if symbol and room > 0 and taxon is not None and (form is None or DATE.fullmatch(symbol)):
        yield from _symbol_problems(tables, member, (field, symbol, taxon), found)


def _by_symbol(tables: Genes, symbol: str | None, taxon: int | None) -> Resolution:
    if not symbol:
        return Resolution()
    return tables.anywhere(symbol) if taxon is None else tables.by_symbol(symbol, taxon)


def _retired(member: Member, field: str, form: str, found: Resolution) -> Problem:
    names = [geneids.compact(iri) for iri in found.genes]
    became = f"became {' and '.join(names)}" if names else "has no successor"
    return Problem(
        member.record,
        f"{field}.id",
        "gene-retired",
        form,
        f"{form} is a retired identifier, it {became}",
        names[0] if len(names) == 1 else None,
        found.evidence,
    )


def _symbol_problems(tables: Genes, member: Member, gene: tuple[str, str, int], found: Resolution) -> Iterator[Problem]:
    """Yield what is wrong with a symbol that is none of its species; nothing where no whole table of it is there."""
    field, symbol, taxon = gene
    here = tables.by_symbol(symbol, taxon)
    if here.tier and here.tier != "withdrawn":
        return
    place = f"{field}.symbol"
    if here.tier:
        said = tables.symbol_of(here.gene) if here.gene else None
        text = f"{symbol!r} is a withdrawn symbol"
        yield Problem(member.record, place, "gene-symbol-withdrawn", symbol, text, said, here.evidence)
    elif date := DATE.fullmatch(symbol):
        text = f"{symbol!r} may be a gene symbol that a spreadsheet turned into a date"
        meant = tables.symbol_of(found.gene) if found.gene else _meant(tables, date, taxon)
        yield Problem(member.record, place, "gene-symbol-date", symbol, text, meant)
    elif tables.has_species(taxon):
        yield from _unknown(tables, member, (place, symbol, taxon))


def _meant(tables: Genes, date: re.Match[str], taxon: int) -> str | None:
    month, day = (date[1] or date[4]).upper(), int(date[2] or date[3])
    for stem in (month, month[:3], RENAMED.get(month[:3], month)):
        if gene := tables.by_symbol(f"{stem}{day}", taxon).gene:
            return tables.symbol_of(gene)
    return None


def _unknown(tables: Genes, member: Member, gene: tuple[str, str, int]) -> Iterator[Problem]:
    place, symbol, taxon = gene
    elsewhere = tables.anywhere(symbol)
    if elsewhere.candidates and elsewhere.tier == "approved":
        text = f"{symbol!r} is no symbol of the dataset's species (NCBI taxon {taxon}), but one of another species"
        yield Problem(member.record, place, "gene-of-another-species", symbol, text, None, elsewhere.evidence)
    elif near := tables.near(symbol, taxon, 1):
        text = f"{symbol!r} is no symbol of the dataset's species (NCBI taxon {taxon})"
        yield Problem(member.record, place, "gene-symbol-unknown", symbol, text, near[0])


RULE = Rule(
    name="gene-identity",
    title="Which gene an archive's gene is",
    version=1,
    predicates=(EXACT_MATCH,),
    members=members,
    link=link,
    justification="semapv:DatabaseCrossReference",
    references=("genes",),
)
