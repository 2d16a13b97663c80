"""Human orthologs of the genes of other species that records name.

Only to human genes: a mouse's and a fly's gene meet at the human one, and a genome-wide screen of n genes gives about
n links instead of n for each species.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from hub.genes import Genes
from hub.links.contract import NOTHING, Evidence, Found, Key, Member, Membership, Record, References, Result, Rule
from hub.links.genes import HUMAN, ORTHOLOG, genes_of, long

CONFIDENCE = 0.9


def members(record: Record, references: References) -> Membership:
    """Return the record's own key, and the genes that it names but those of human alone."""
    genes = [(iri, symbol, taxon) for _, iri, symbol, taxon in genes_of(record) if taxon != HUMAN]
    return Membership(frozenset({record.own_key}), genes) if genes else NOTHING


def link(key: Key, block: Sequence[Member], references: References) -> Iterator[Result]:
    """Yield the human orthologs of each gene that is resolved."""
    tables: Genes | None = references.get("genes")
    if tables is None:
        return
    for member in block:
        for iri, symbol, taxon in member.features:
            gene = tables.main(long(iri))
            if gene is None and "#" in iri and symbol and taxon is not None:
                gene = tables.by_symbol(symbol, taxon).gene
            if gene is not None:
                yield from _orthologs(tables, member, gene)


def _orthologs(tables: Genes, member: Member, gene: str) -> Iterator[Found]:
    if tables.taxon_of(gene) == HUMAN:
        return
    for other in tables.orthologs(gene):
        if tables.taxon_of(other) == HUMAN:
            low, high = sorted((gene, other))
            said = " and ".join(tables.symbol_of(one) or one for one in (gene, other))
            evidence = Evidence("table", "", gene, f"orthologs {said}", source=", ".join(tables.account(gene).sources))
            yield Found(low, ORTHOLOG, high, CONFIDENCE, (evidence,), (member.record,))


RULE = Rule(
    name="gene-orthologs",
    title="Human orthologs of other species' genes",
    version=1,
    predicates=(ORTHOLOG,),
    members=members,
    link=link,
    justification="semapv:DatabaseCrossReference",
    references=("genes",),
    is_symmetric=True,
)
