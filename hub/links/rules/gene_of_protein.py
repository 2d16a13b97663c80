"""Which gene encodes a protein or transcript that a record names, by UniProt's, NCBI's and Ensembl's tables."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from hub.genes import Genes
from hub.links.contract import NOTHING, Found, Key, Member, Membership, Record, References, Result, Rule
from hub.links.genes import ENCODED_BY, form_of, genes_of, long
from linkml_schemas.generated.model import Protein
from ontology import geneids

CONFIDENCE = 0.97
SEVERAL = 0.4


def members(record: Record, references: References) -> Membership:
    """Return the record's own key, and the IRIs of proteins and transcripts among its topics and genes."""
    named = [one.id for one in record.dataset.about or [] if isinstance(one, Protein)]
    named += [long(iri) for _, iri, _, _ in genes_of(record)]
    products = sorted({iri for iri in named if (form := form_of(iri)) and geneids.is_product(form)})
    return Membership(frozenset({record.own_key}), products) if products else NOTHING


def link(key: Key, block: Sequence[Member], references: References) -> Iterator[Result]:
    """Yield the gene of each protein and transcript; several genes of one protein are candidates."""
    tables: Genes | None = references.get("genes")
    if tables is None:
        return
    for member in block:
        for iri in member.features:
            found = tables.resolve(iri)
            confidence = CONFIDENCE if found.gene else SEVERAL
            for gene in found.genes:
                yield Found(iri, ENCODED_BY, gene, confidence, found.evidence, (member.record,))


RULE = Rule(
    name="gene-of-protein",
    title="Which gene encodes a protein",
    version=1,
    predicates=(ENCODED_BY,),
    members=members,
    link=link,
    justification="semapv:DatabaseCrossReference",
    references=("genes",),
)
